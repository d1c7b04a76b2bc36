/* SPDX-License-Identifier: MIT */
/*
 * Chats of Feishu as places, and who reads there. A chat is oc_…, a thread in it omt_…. A
 * person may be named too (ou_…, or by e-mail), but what they say arrives from the private
 * chat's own oc_…: it is looked up where the server can, and else known when the first
 * message was sent.
 */
#include "feishu.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES_MOST = 100, RECENT = 20 };

const char *
chat_kind(const struct json *chat)
{
	return !strcmp(json_text_or(chat, "chat_mode", ""), "p2p") ? "dm" : "group";
}

/* The private chat with a person. Owned; NULL: the server does not tell (few do). */
static char *
private_chat(const char *person)
{
	struct json *body = json_object(), *chat;
	struct api_call call;
	char *id = NULL;

	json_put(body, "chatter_ids", json_array_of(person));
	feishu_act("/im/v1/chat_p2p/batch_query?chatter_id_type=open_id", body, &call);
	chat = call.result ? json_item(call.result, "p2p_chats", 0) : NULL;
	if (chat && is_id(json_text_or(chat, "chat_id", ""), "oc_"))
		id = xstrdup(json_text(chat, "chat_id"));
	json_free(chat);
	json_free(body);
	api_release(&call);
	return id;
}

/* Who spoke last in a private chat, but for us: its human. Owned or NULL. */
static struct json *
last_speaker(const char *chat)
{
	struct json *found = NULL;
	struct api_call call;

	feishu_list(chat, true, 0, NULL, RECENT, &call);
	for (size_t i = 0, n = json_count(call.result, "items"); i < n && !found; i++) {
		struct json *message = json_item(call.result, "items", i);

		if (!strcmp(json_text_or(message, "sender.sender_type", ""), "user"))
			found = json_at(message, "sender");
		json_free(message);
	}
	api_release(&call);
	return found;
}

/* The human of a private chat, into the place; what is known of their name, into names. */
static void
put_person(struct json *place, struct json *names, const struct json *chat)
{
	const char *user = json_text(place, "user"), *target = json_text(chat, "p2p_target_id");
	struct json *speaker = user || target ? NULL : last_speaker(json_text(place, "chat"));
	const char *name = json_text_or(chat, "name", "");

	if (!*name)
		name = json_text_or(speaker, "sender_name", "");
	if (!user && target)
		json_put_text(place, "user", target);
	else if (!user && json_text(speaker, "id"))
		json_put_text(place, "user", json_text(speaker, "id"));
	if (*name)
		json_append_text(names, name);
	json_free(speaker);
}

/* Bots are no members here; how many humans there are stands in the chat. */
static struct json *
group_audience(const struct json *chat, const char *id)
{
	struct json *names = json_array();
	char *path = xformat("/im/v1/chats/%s/members?member_id_type=open_id&page_size=%d", id,
		NAMES_MOST);
	char *count = json_id(chat, "user_count");
	double size = count ? strtod(count, NULL) : 0;
	struct api_call call;

	feishu_ask(path, &call);
	for (size_t i = 0, n = json_count(call.result, "items"); i < n; i++) {
		struct json *member = json_item(call.result, "items", i);
		const char *name = json_text(member, "name");

		if (name)
			json_append_text(names, name);
		json_free(member);
	}
	size = json_number(call.result, "member_total", size);
	free(count);
	free(path);
	api_release(&call);
	return audience_new(size >= 1 ? size : -1, names);
}

/* A link that opens the chat in the app. */
static void
put_link(struct json *place)
{
	const char *domain = adapter_setting("DOMAIN"), *chat = json_text(place, "chat");
	bool lark = domain && !strcmp(domain, "lark");
	char *link = xformat("https://applink.%s/client/chat/open?openChatId=%s",
		lark ? "larksuite.com" : "feishu.cn", chat);

	if (is_id(chat, "oc_") && !json_has(place, "link"))
		json_put_text(place, "link", link);
	free(link);
}

/* As feishu_put_place, for a chat that Feishu has told about (or not: NULL). */
static struct json *
put_chat_place(struct json *answer, struct json *place, const struct json *chat)
{
	struct json *names;

	if (!strcmp(json_text_or(place, "kind", ""), "dm")) {
		names = json_array();
		put_person(place, names, chat);
		json_put(answer, "audience", audience_new(1, names));
	} else {
		json_put(answer, "audience", group_audience(chat, json_text_or(place, "chat", "")));
	}
	put_link(place);
	json_put(answer, "place", place);
	return answer;
}

void
feishu_ask_chat(const char *chat, struct api_call *call)
{
	char *path = xformat("/im/v1/chats/%s", chat);

	feishu_ask(path, call);
	free(path);
}

struct json *
feishu_put_place(struct json *answer, struct json *place)
{
	struct api_call call;

	feishu_ask_chat(json_text_or(place, "chat", ""), &call);
	put_chat_place(answer, place, call.result);
	api_release(&call);
	return answer;
}

/* A thread that cannot be read may be anywhere. */
static bool
is_thread_elsewhere(const char *thread, const char *chat)
{
	struct api_call call;
	struct json *first;
	bool elsewhere;

	feishu_list(thread, false, 0, NULL, 1, &call);
	first = call.result ? json_item(call.result, "items", 0) : NULL;
	elsewhere = is_in_other_chat(first, chat);
	json_free(first);
	api_release(&call);
	return elsewhere;
}

static struct json *
resolve_chat(const char *chat, const char *thread, const char *person)
{
	struct api_call call;
	struct json *answer, *place;

	feishu_ask_chat(chat, &call);
	if (!call.result) {
		answer = api_error(&call);
	} else if (!strncmp(json_text_or(call.result, "chat_status", ""), "dissolved", 9)) {
		answer = answer_error("chat", "that chat has been dissolved", "choose another chat");
	} else if (thread && is_thread_elsewhere(thread, chat)) {
		answer = answer_error("request", "that thread is in another chat",
			"name the chat that the thread is in");
	} else {
		place = place_new(feishu_account(), chat, chat_kind(call.result), thread, person);
		answer = put_chat_place(json_object(), place, call.result);
	}
	api_release(&call);
	return answer;
}

/* A person whose private chat is not known yet: the first message tells. */
static struct json *
resolve_person(const char *person)
{
	char *chat = is_id(person, "ou_") ? private_chat(person) : NULL;
	struct json *answer;

	if (chat) {
		answer = resolve_chat(chat, NULL, person);
		free(chat);
		return answer;
	}
	answer = json_object();
	json_put(answer, "place", place_new(feishu_account(), person, "dm", NULL,
		is_id(person, "ou_") ? person : NULL));
	json_put(answer, "audience", audience_new(1, json_array_of(person)));
	return answer;
}

static struct json *
resolve(const char *chat, const char *thread)
{
	feishu_account();
	if (!is_receiver(chat))
		return answer_error("request", "not a chat of Feishu's", "name a chat by its id (oc_…), "
			"with /omt_… behind it for a thread, or a person by open id (ou_…) or e-mail address");
	if (thread && (!is_id(thread, "omt_") || !is_id(chat, "oc_")))
		return answer_error("request", "not a thread of Feishu's",
			"a thread is omt_…, in a chat oc_…");
	return is_id(chat, "oc_") ? resolve_chat(chat, thread, NULL) : resolve_person(chat);
}

/* The id in `words` that begins with `lead`, as in a link pasted from the app. Owned or NULL. */
static char *
id_within(const char *words, const char *lead)
{
	const char *at = strstr(words, lead);

	return at ? xformat("%.*s", (int)strcspn(at, "&#?/: \t\r\n\""), at) : NULL;
}

struct json *
feishu_resolve(const struct json *question)
{
	const char *given = json_text(question, "chat"), *words = json_text_or(question, "words", "");
	char *chat = NULL, *thread = NULL;
	struct json *answer;

	if (!given && *words) {
		chat = strstr(words, "://") ? id_within(words, "oc_") : NULL;
		thread = id_within(words, "omt_");
		if (!chat)
			chat = xformat("%.*s", (int)strcspn(words, ":/"), words);
		if (!thread && strpbrk(words, ":/") && !strstr(words, "://"))
			thread = xstrdup(strpbrk(words, ":/") + 1);
		answer = resolve(chat, thread);
	} else if (given) {
		answer = resolve(given, json_text(question, "thread"));
	} else if (adapter_setting("HOME_CHANNEL")) {
		answer = resolve(adapter_setting("HOME_CHANNEL"),
			adapter_setting("HOME_CHANNEL_THREAD_ID"));
	} else {
		feishu_account();
		answer = answer_error("config", "no home channel",
			"set FEISHU_HOME_CHANNEL to the id of the chat that handoffs go to");
	}
	free(chat);
	free(thread);
	return answer;
}
