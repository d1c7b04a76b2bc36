/* SPDX-License-Identifier: MIT */
/*
 * Conversations of Slack as places, and who reads there. An id says what it is by its first
 * letter: C and G are channels and groups, D is a direct message, U and W are people. A
 * thread is the stamp (ts) of its first message. People type names; names are looked for in
 * Slack's lists, page by page, and only so far.
 */
#include "slack.h"

#include "die.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES_MOST = 20, MEMBER_PAGES = 5, LOOKED_AT = 12 };

static bool
is_id(const char *text, const char *letters)
{
	size_t length = strlen(text);

	if (length < 2 || !strchr(letters, *text))
		return false;
	while (isupper((unsigned char)*text) || isdigit((unsigned char)*text))
		text++;
	return !*text;
}

bool
is_conversation(const char *text)
{
	return is_id(text, "CGD");
}

bool
is_stamp(const char *text)
{
	size_t seconds = strspn(text, "0123456789");

	return seconds && text[seconds] == '.' && text[seconds + 1]
		&& !text[seconds + 1 + strspn(text + seconds + 1, "0123456789")];
}

/* Numbers as texts: the longer one is greater, as neither begins with a zero. */
static int
number_order(const char *one, size_t one_length, const char *other, size_t other_length)
{
	if (one_length != other_length)
		return one_length < other_length ? -1 : 1;
	return strncmp(one, other, one_length);
}

int
stamp_order(const char *one, const char *other)
{
	size_t seconds = strspn(one, "0123456789"), others = strspn(other, "0123456789");
	int order = number_order(one, seconds, other, others);

	return order ? order : strcmp(one + seconds, other + others);
}

struct json *
slack_place(const struct json *self, const char *chat, const char *thread, const char *user)
{
	struct json *place = place_new(json_text(self, "user_id"), chat,
		*chat == 'D' ? "dm" : "group", thread, user);

	if (json_text(self, "team_id"))
		json_put_text(place, "workspace", json_text(self, "team_id"));
	return place;
}

struct json *
slack_user(const char *id)
{
	struct json *user;
	struct text form = TEXT_INIT;
	struct api_call call;

	form_add(&form, "user", id);
	call = slack_ask("users.info", &form);
	user = json_at(call.result, "user");
	api_release(&call);
	return user;
}

char *
user_name(const struct json *user, const char *id)
{
	static const char *const paths[] = {"profile.display_name", "profile.real_name", "real_name",
		"name"};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (*json_text_or(user, paths[i], ""))
			return xstrdup(json_text(user, paths[i]));
	return xstrdup(id);
}

static void
add_name(struct json *names, const struct json *user, const char *id)
{
	char *name = user_name(user, id);

	json_append_text(names, name);
	free(name);
}

/* One page of a list; *cursor is where the next one begins, "" behind the last. */
static struct json *
next_page(const char *method, const char *name, struct text *form, char **cursor,
	struct api_call *trouble)
{
	struct json *items;

	form_add(form, "limit", "200");
	if (**cursor)
		form_add(form, "cursor", *cursor);
	*trouble = slack_ask(method, form);
	items = json_at(trouble->result, name);
	free(*cursor);
	*cursor = xstrdup(json_text_or(trouble->result, "response_metadata.next_cursor", ""));
	return items;
}

/* Those among them that are people, as far as looked at: the rest is taken for people. */
static struct json *
count_people(const struct json *members, const char *self, double size)
{
	struct json *names = json_array();
	int looked = 0;

	for (size_t i = 0, n = json_count(members, ""); i < n && looked < LOOKED_AT; i++) {
		struct json *member = json_item(members, "", i), *user = NULL;
		const char *id = json_text_or(member, "", "");

		if (strcmp(id, self) != 0 && ++looked)
			user = slack_user(id);
		if (json_true(user, "is_bot") || json_true(user, "deleted"))
			size--;
		else if (user)
			add_name(names, user, id);
		json_free(user);
		json_free(member);
	}
	return audience_new(size, names);
}

/* Whether only its members read there: a public channel's words are for whoever looks. */
static bool
is_closed(const char *chat)
{
	struct text form = TEXT_INIT;
	struct api_call call;
	bool closed;

	form_add(&form, "channel", chat);
	call = slack_ask("conversations.info", &form);
	closed = json_true(call.result, "channel.is_private")
		|| json_true(call.result, "channel.is_mpim");
	api_release(&call);
	return closed;
}

/* Who reads in a channel or group, the bot not counted. Owned. */
static struct json *
channel_audience(const char *chat, const char *self)
{
	struct json *audience, *first = NULL;
	char *cursor = xstrdup("");
	double size = 0;
	int pages = 0;

	do {
		struct text form = TEXT_INIT;
		struct api_call call;
		struct json *page;

		form_add(&form, "channel", chat);
		page = next_page("conversations.members", "members", &form, &cursor, &call);
		api_release(&call);
		if (!page) { /* half a count is none */
			json_free(first);
			first = NULL;
			break;
		}
		size += (double)json_count(page, "") - json_lists(page, "", "", self);
		if (first)
			json_free(page);
		else
			first = page;
	} while (*cursor && ++pages < MEMBER_PAGES);
	if (first && !*cursor) {
		audience = count_people(first, self, size);
		if (json_number(audience, "size", 0) <= 1 && !is_closed(chat))
			json_put_true(audience, "known", false);
	} else {
		audience = audience_new(-1, json_array());
	}
	json_free(first);
	free(cursor);
	return audience;
}

static struct json *
person_audience(const char *id)
{
	struct json *names = json_array(), *user = id ? slack_user(id) : NULL;

	if (user)
		add_name(names, user, id);
	json_free(user);
	return audience_new(1, names);
}

/* https://TEAM.slack.com/archives/C1/p1700000000000100 */
static void
put_link(struct json *place, const struct json *self)
{
	const char *url = json_text_or(self, "url", ""), *thread = json_text(place, "thread");
	struct text link = TEXT_INIT;

	if (!*url)
		return;
	text_format(&link, "%sarchives/%s", url, json_text(place, "chat"));
	if (thread)
		text_puts(&link, "/p");
	for (; thread && *thread; thread++)
		if (*thread != '.')
			text_add(&link, thread, 1);
	json_put_text(place, "link", link.at);
	text_release(&link);
}

struct json *
put_place(struct json *answer, const struct json *self, struct json *place)
{
	const char *chat = json_text_or(place, "chat", "");

	json_put(answer, "audience", *chat == 'D' ? person_audience(json_text(place, "user"))
		: channel_audience(chat, json_text_or(self, "user_id", "")));
	put_link(place, self);
	json_put(answer, "place", place);
	return answer;
}

/* Who shows a name: anybody may show any. */
struct showing {
	char *first; /* id */
	int count;
};

/* The id of what is called so in a page of a list, owned or NULL; who only shows it is counted. */
static char *
find_called(const struct json *page, const char *name, struct showing *showing)
{
	char *id = NULL;

	for (size_t i = 0, n = json_count(page, ""); i < n && !id; i++) {
		struct json *item = json_item(page, "", i);

		if (json_true(item, "deleted"))
			;
		else if (!strcmp(json_text_or(item, "name", ""), name))
			id = json_id(item, "id");
		else if (!strcmp(json_text_or(item, "profile.display_name", ""), name)
			&& !showing->count++)
			showing->first = json_id(item, "id");
		json_free(item);
	}
	return id;
}

/* The id of what is called so in a list. Owned; NULL: *answer says why not. */
static char *
find_named(const char *method, const char *list, const char *name, struct json **answer)
{
	char *cursor = xstrdup(""), *id = NULL;
	struct showing showing = {0};
	int pages = 0;

	*answer = NULL;
	do {
		struct text form = TEXT_INIT;
		struct api_call call;
		struct json *page;

		if (!strcmp(list, "channels"))
			form_add(&form, "types", "public_channel,private_channel");
		page = next_page(method, list, &form, &cursor, &call);
		id = find_called(page, name, &showing);
		if (!call.result)
			*answer = api_error(&call);
		json_free(page);
		api_release(&call);
	} while (!id && !*answer && *cursor && ++pages < PAGES_MOST);
	if (!id && !*answer && !*cursor && showing.count == 1)
		id = showing.first;
	else
		free(showing.first);
	free(cursor);
	if (!id && !*answer)
		*answer = answer_error("request", showing.count ? "it cannot be told who is called so"
			: "nobody and nothing there is called so",
			"name it by its id: in Slack, it is at the end of \"View details\"");
	return id;
}

/* The direct message with somebody. Owned; NULL: *answer says why not. */
static char *
open_direct(const char *user, struct json **answer)
{
	struct text form = TEXT_INIT;
	struct api_call call;
	char *id;

	form_add(&form, "users", user);
	call = slack_ask("conversations.open", &form);
	id = json_id(call.result, "channel.id");
	*answer = NULL;
	if (!call.result)
		*answer = api_error(&call);
	else if (!id || !is_conversation(id))
		*answer = answer_error("transient", "no answer of Slack's", NULL);
	if (*answer) {
		free(id);
		id = NULL;
	}
	api_release(&call);
	return id;
}

/* The conversation that a word names. Owned; NULL: *answer says why not. */
static char *
find_conversation(const char *word, struct json **answer)
{
	char *user, *id;

	*answer = NULL;
	if (is_conversation(word))
		return xstrdup(word);
	if (*word == '#' && word[1] && !word[strcspn(word, " \t\n")])
		return find_named("conversations.list", "channels", word + 1, answer);
	if (is_id(word, "UW"))
		return open_direct(word, answer);
	if (*word == '@' && word[1]) {
		user = is_id(word + 1, "UW") ? xstrdup(word + 1)
			: find_named("users.list", "members", word + 1, answer);
		id = user ? open_direct(user, answer) : NULL;
		free(user);
		return id;
	}
	*answer = answer_error("request", "not a conversation of Slack's",
		"name it by its id (C…, D…), by #channel or @person, or paste the link of a message, "
		"with /THREAD behind it if you like");
	return NULL;
}

/* The place of a conversation, with a direct message's human; NULL: *answer says why not. */
static struct json *
find_place(const struct json *self, const char *chat, const char *thread, struct json **answer)
{
	struct text form = TEXT_INIT;
	struct json *place = NULL;
	struct api_call call;

	form_add(&form, "channel", chat);
	call = slack_ask("conversations.info", &form);
	if (call.result)
		place = slack_place(self, chat, thread,
			*chat == 'D' ? json_text(call.result, "channel.user") : NULL);
	else
		*answer = api_error(&call);
	api_release(&call);
	return place;
}

static struct json *
resolve(const char *word, const char *thread)
{
	struct json *answer, *place = NULL;
	const struct json *self;
	struct api_call call;
	char *chat;

	if (thread && !is_stamp(thread))
		return answer_error("request", "a thread is named by the stamp of its first message",
			"paste the link of that message");
	self = slack_self(&call);
	if (!self) {
		answer = api_error(&call);
		api_release(&call);
		return answer;
	}
	chat = find_conversation(word, &answer);
	if (chat)
		place = find_place(self, chat, thread, &answer);
	free(chat);
	return place ? put_place(json_object(), self, place) : answer;
}

/*
 * A message's link from the app: …/archives/C1/p1700000000000100, and thread_ts behind it
 * when the message is an answer. Rewritten as C1/1700000000.000100.
 */
static char *
unlink_words(const char *words)
{
	const char *chat = strstr(words, ".slack.com/archives/"), *stamp, *answered;
	int length, digits;

	if (!chat)
		return xstrdup(words);
	chat += strlen(".slack.com/archives/");
	length = (int)strcspn(chat, "/?");
	answered = strstr(chat, "thread_ts=");
	if (answered)
		return xformat("%.*s/%.*s", length, chat, (int)strcspn(answered + 10, "&"), answered + 10);
	stamp = chat[length] == '/' && chat[length + 1] == 'p' ? chat + length + 2 : "";
	digits = (int)strspn(stamp, "0123456789");
	if (digits < 7)
		return xformat("%.*s", length, chat);
	return xformat("%.*s/%.*s.%.6s", length, chat, digits - 6, stamp, stamp + digits - 6);
}

struct json *
slack_resolve(const struct json *question)
{
	const char *chat = json_text(question, "chat"), *thread = json_text(question, "thread");
	char *words = unlink_words(json_text_or(question, "words", ""));
	size_t end = strcspn(words, ":/");
	struct json *answer;

	slack_token();
	if (!chat && *words) {
		thread = words[end] ? words + end + 1 : NULL;
		words[end] = '\0';
		chat = words;
	} else if (!chat) {
		chat = adapter_setting("HOME_CHANNEL");
		thread = adapter_setting("HOME_CHANNEL_THREAD_ID");
	}
	answer = chat ? resolve(chat, thread) : answer_error("config", "no home channel",
		"set SLACK_HOME_CHANNEL to the channel or the person that handoffs go to");
	free(words);
	return answer;
}
