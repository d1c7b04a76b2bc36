/* SPDX-License-Identifier: MIT */
/*
 * Chats of iMessage as places. A chat's id says what it is: "iMessage;-;+15550100" is a
 * private one with that address, "iMessage;+;chat831" a group; newer Macs write "any" for
 * the service. People are their addresses.
 */
#include "imessage.h"

#include "die.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 1000, PAGES = 10 };

/* What follows the second semicolon of a chat's id; NULL: it is none. Borrowed. */
static const char *
chat_tail(const char *text)
{
	size_t service = 0;

	while (isalnum((unsigned char)text[service]))
		service++;
	if (!service || (strncmp(text + service, ";-;", 3) && strncmp(text + service, ";+;", 3)))
		return NULL;
	return text + service + 3;
}

static bool
is_group(const char *guid)
{
	return chat_tail(guid)[-2] == '+';
}

bool
is_chat(const char *text)
{
	const char *tail = chat_tail(text);

	if (!tail || !*tail)
		return false;
	while ((unsigned char)*tail > ' ')
		tail++;
	return !*tail;
}

bool
same_chat(const char *one, const char *other)
{
	return is_chat(one) && is_chat(other) && is_group(one) == is_group(other)
		&& !strcasecmp(chat_tail(one), chat_tail(other));
}

struct json *
chat_place(const char *guid)
{
	bool group = is_group(guid);

	return place_new(adapter_platform(), guid, group ? "group" : "dm", NULL,
		group ? NULL : chat_tail(guid));
}

struct json *
chat_audience(const struct json *chat)
{
	const char *guid = json_text_or(chat, "guid", "");
	struct json *names = json_array();
	size_t size = json_count(chat, "participants");

	for (size_t i = 0; i < size; i++) {
		struct json *one = json_item(chat, "participants", i);

		json_append_text(names, json_text_or(one, "address", "someone"));
		json_free(one);
	}
	if (!size && !is_group(guid)) {
		json_append_text(names, chat_tail(guid));
		size = 1;
	}
	return audience_new(size ? (double)size : -1, names);
}

/* A chat that is looked for in the list of all. */
struct wanted {
	const char *address, *name; /* of a private chat's other end; of a group */
	struct json *found;
	size_t count;
};

/* The service that messages go by now, before what is kept of others. */
static int
rank(const char *guid)
{
	return !strncmp(guid, "any;", 4) ? 2 : !strncmp(guid, "iMessage;", 9) ? 1 : 0;
}

static void
consider(struct wanted *wanted, struct json *chat)
{
	const char *guid = json_text_or(chat, "guid", "");
	bool fits = is_chat(guid) && (wanted->name
		? is_group(guid) && !strcmp(json_text_or(chat, "displayName", ""), wanted->name)
		: !is_group(guid) && !strcasecmp(chat_tail(guid), wanted->address));

	if (fits && (!wanted->found || rank(guid) > rank(json_text(wanted->found, "guid")))) {
		json_free(wanted->found);
		wanted->found = json_copy(chat);
	}
	wanted->count += fits;
	json_free(chat);
}

/* Look at every chat; false: they could not be had, and *trouble says why (owned). */
static bool
search(struct wanted *wanted, struct json **trouble)
{
	size_t n = PAGE;

	for (int page = 0; page < PAGES && n == PAGE; page++) {
		struct json *body = json_object();
		struct api_call call;

		json_put_number(body, "limit", PAGE);
		json_put_number(body, "offset", page * PAGE);
		call = bluebubbles_ask("/chat/query", NULL, body);
		n = json_count(call.result, "data");
		for (size_t i = 0; i < n; i++)
			consider(wanted, json_item(call.result, "data", i));
		if (!call.result)
			*trouble = api_error(&call);
		api_release(&call);
	}
	return !*trouble;
}

static struct json *
find_by_name(const char *name, struct json **trouble)
{
	struct wanted wanted = {.name = name};

	if (search(&wanted, trouble) && wanted.count != 1)
		*trouble = answer_error("request", wanted.count ? "several groups have that name"
			: "no group has that name", "name it by its id, SERVICE;+;ID, as BlueBubbles shows it");
	if (*trouble) {
		json_free(wanted.found);
		wanted.found = NULL;
	}
	return wanted.found;
}

/* A number as Messages writes it: +, then digits; an e-mail address as it is. NULL: neither. */
static char *
clean_address(const char *words)
{
	struct text address = TEXT_INIT;
	const char *at = strchr(words, '@');

	if (at && at > words && at[1] && !strpbrk(words, " \t;/"))
		return xstrdup(words);
	for (; *words == '+' || isdigit((unsigned char)*words) || (*words && strchr(" -.()/", *words));
		words++)
		if (*words == '+' || isdigit((unsigned char)*words))
			text_add(&address, words, 1);
	if (*words || *address.at != '+' || strchr(address.at + 1, '+') || address.length < 8) {
		text_release(&address);
		return NULL;
	}
	return text_take(&address);
}

static struct json *
find_by_address(const char *words, struct json **trouble)
{
	char *address = clean_address(words);
	struct wanted wanted = {.address = address};

	if (!address)
		*trouble = answer_error("request", "neither a chat nor an address of iMessage's",
			"name a chat by its id (iMessage;-;+15550100), a person by +number with its country "
			"code or by e-mail address, a group by #name");
	else if (search(&wanted, trouble) && !wanted.found)
		*trouble = answer_error("chat", "there is no chat with that address yet",
			"write to them once in Messages on the Mac, or let them write first");
	free(address);
	return wanted.found;
}

static struct json *
find_by_id(const char *guid, struct json **trouble)
{
	struct api_call call = bluebubbles_ask("/chat/", guid, NULL);
	struct json *chat = json_at(call.result, "data");

	if (!call.result)
		*trouble = api_error(&call);
	else if (!chat || !is_chat(json_text_or(chat, "guid", "")))
		*trouble = answer_error("transient", "no answer of BlueBubbles's", NULL);
	if (*trouble) {
		json_free(chat);
		chat = NULL;
	}
	api_release(&call);
	return chat;
}

struct json *
find_chat(const struct json *question, struct json **trouble)
{
	const char *words = json_text_or(question, "chat", json_text_or(question, "words", ""));

	if (!*words)
		words = adapter_setting("HOME_CHANNEL");
	if (json_text(question, "thread")) {
		*trouble = answer_error("request", "iMessage has no threads", NULL);
		return NULL;
	}
	if (!words) {
		*trouble = answer_error("config", "no home channel",
			"set IMESSAGE_HOME_CHANNEL to the chat, number or e-mail address that handoffs go to");
		return NULL;
	}
	return is_chat(words) ? find_by_id(words, trouble)
		: *words == '#' && words[1] ? find_by_name(words + 1, trouble)
		: find_by_address(words, trouble);
}

struct json *
imessage_resolve(const struct json *question)
{
	struct json *trouble = NULL, *answer, *chat;

	imessage_ready();
	chat = find_chat(question, &trouble);
	if (!chat)
		return trouble;
	answer = json_object();
	json_put(answer, "place", chat_place(json_text(chat, "guid")));
	json_put(answer, "audience", chat_audience(chat));
	json_free(chat);
	return answer;
}
