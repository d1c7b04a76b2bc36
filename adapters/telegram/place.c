/* SPDX-License-Identifier: MIT */
/*
 * Chats of Telegram as places, and who reads there. A private chat is its human: chat and
 * user are one id. A group's id is negative, and a supergroup's begins with -100. A topic
 * is the thread; General, topic 1, is none, as its messages carry none.
 */
#include "telegram.h"

#include "adapter.h"
#include "die.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool
is_digits(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

struct json *
chat_place(const struct json *chat, const char *thread)
{
	const char *type = json_text_or(chat, "type", "");
	char *id = json_id(chat, "id"), *account = telegram_account();
	bool private = !strcmp(type, "private");
	struct json *place = place_new(account, id ? id : "",
		private ? "dm" : !strcmp(type, "channel") ? "channel" : "group", thread,
		private ? id ? id : "" : NULL);

	free(id);
	free(account);
	return place;
}

char *
full_name(const struct json *user)
{
	const char *first = json_text(user, "first_name"), *last = json_text(user, "last_name");

	if (!first)
		first = json_text_or(user, "title", json_text_or(user, "username", "someone"));
	return xformat("%s%s%s", first, last ? " " : "", last ? last : "");
}

/* The bot's own name is all that leads to a private chat with it. Owned or NULL. */
static char *
private_link(void)
{
	struct api_call me = telegram_ask("getMe", json_object(), adapter_left());
	const char *name = json_text(me.result, "username");
	char *link = name ? xformat("https://t.me/%s", name) : NULL;

	api_release(&me);
	return link;
}

/* Owned or NULL: a group that is neither public nor a supergroup has no link. */
static char *
group_link(const char *id, const char *thread, const struct json *chat)
{
	const char *name = json_text(chat, "username");

	if (!thread && json_true(chat, "is_forum"))
		thread = "1"; /* General */
	if (name)
		return xformat("https://t.me/%s%s%s", name, thread ? "/" : "", thread ? thread : "");
	if (!strncmp(id, "-100", 4) && thread)
		return xformat("https://t.me/c/%s/%s", id + 4, thread);
	return NULL;
}

static void
add_name(struct json *names, const struct json *user)
{
	char *name = full_name(user);

	json_append_text(names, name);
	free(name);
}

static void
add_administrators(struct json *names, const char *id)
{
	struct api_call call = telegram_ask("getChatAdministrators", chat_arguments(id), adapter_left());

	for (size_t i = 0, n = json_count(call.result, ""); i < n; i++) {
		struct json *member = json_item(call.result, "", i), *user = json_at(member, "user");

		if (user && !json_true(user, "is_bot"))
			add_name(names, user);
		json_free(user);
		json_free(member);
	}
	api_release(&call);
}

/* Owned. A group's names are its title and administrators: bots are not told more. */
static struct json *
find_audience(const char *id, const struct json *chat)
{
	struct json *names = json_array();
	double size = 1;

	if (chat)
		add_name(names, chat);
	if (*id == '-') {
		struct api_call call = telegram_ask("getChatMemberCount", chat_arguments(id),
			adapter_left());

		size = json_number(call.result, "", 0) - 1;
		api_release(&call);
		add_administrators(names, id);
	}
	return audience_new(size, names);
}

/* As put_place, for a chat that getChat has told about (or not: NULL). */
static struct json *
put_chat_place(struct json *answer, struct json *place, const struct json *chat)
{
	const char *id = json_text_or(place, "chat", "");
	char *link = *id == '-' ? group_link(id, json_text(place, "thread"), chat) : private_link();

	json_put(answer, "audience", find_audience(id, chat));
	if (link)
		json_put_text(place, "link", link);
	json_put(answer, "place", place);
	free(link);
	return answer;
}

struct json *
put_place(struct json *answer, struct json *place)
{
	struct json *arguments = chat_arguments(json_text_or(place, "chat", ""));
	struct api_call call = telegram_ask("getChat", arguments, adapter_left());

	put_chat_place(answer, place, call.result);
	api_release(&call);
	return answer;
}

/*
 * What was typed, or what a link says, as CHAT/TOPIC; owned. A link is
 * https://t.me/NAME or https://t.me/c/NUMBER, then a topic, a message, or both.
 */
static char *
read_words(const char *words, bool *link)
{
	const char *path = strstr(words, "://") ? strstr(words, "://") + 3 : words;
	bool private;
	size_t length;

	*link = !strncasecmp(path, "t.me/", 5);
	if (!*link)
		return xstrdup(words);
	path += 5;
	private = !strncmp(path, "c/", 2);
	path += private ? 2 : 0;
	length = strcspn(path, "/?#");
	if (path[length] == '/')
		length += 1 + strcspn(path + length + 1, "/?#");
	return xformat("%s%.*s", private ? "-100" : "@", (int)length, path);
}

/* The number behind a chat in a link is a message where there are no topics. */
static struct json *
resolve(const char *chat, const char *thread, bool link)
{
	struct json *answer;
	struct api_call call;

	if (*chat != '@' && !is_digits(chat + (*chat == '-')))
		return answer_error("request", "not a chat of Telegram's",
			"name a chat by its number, @name or link, with /TOPIC behind it if you like");
	if (thread && !is_digits(thread))
		return answer_error("request", "a topic is a number",
			"it is the last number in the topic's link");
	if (thread)
		thread += strspn(thread, "0"); /* as Telegram spells it */
	if (thread && (!*thread || !strcmp(thread, "1")))
		thread = NULL;
	call = telegram_ask("getChat", chat_arguments(chat), adapter_left());
	if (link && !json_true(call.result, "is_forum"))
		thread = NULL;
	answer = call.result
		? put_chat_place(json_object(), chat_place(call.result, thread), call.result)
		: api_error(&call);
	api_release(&call);
	return answer;
}

struct json *
telegram_resolve(const struct json *question)
{
	const char *chat = json_text(question, "chat"), *thread = json_text(question, "thread");
	bool link;
	char *words = read_words(json_text_or(question, "words", ""), &link);
	size_t end = strcspn(words, ":/");
	struct json *answer;

	if (!chat && *words) {
		thread = words[end] ? words + end + 1 : NULL;
		words[end] = '\0';
		chat = words;
	} else if (!chat) {
		chat = adapter_setting("HOME_CHANNEL");
		thread = adapter_setting("HOME_CHANNEL_THREAD_ID");
	}
	answer = chat ? resolve(chat, thread, link) : answer_error("config", "no home channel",
		"set TELEGRAM_HOME_CHANNEL to the id of the chat that handoffs go to");
	free(words);
	return answer;
}
