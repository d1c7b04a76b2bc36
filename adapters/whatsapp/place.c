/* SPDX-License-Identifier: MIT */
/*
 * Chats of WhatsApp as places, and who reads there. A person's chat is their number, in
 * digits. The bridge calls it by a JID, 15551234567@s.whatsapp.net, and groups …@g.us.
 * It also calls people by hidden numbers (…@lid); where its own notes say whose they are, a
 * chat has the same id whichever of the two is used.
 */
#include "whatsapp.h"

#include "die.h"
#include "home.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char person[] = "@s.whatsapp.net", group[] = "@g.us", hidden[] = "@lid";

static bool
ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length > tail && !strcmp(text + length - tail, end);
}

/* A telephone number as people write it: its digits, owned; NULL: it is none. */
static char *
digits_of(const char *words)
{
	struct text digits = TEXT_INIT;

	for (const char *at = words + (*words == '+'); *at; at++) {
		if (isdigit((unsigned char)*at))
			text_add(&digits, at, 1);
		else if (!strchr(" -().", *at))
			goto none;
	}
	if (digits.length >= 6 && digits.length <= 15)
		return text_take(&digits);
none:
	text_release(&digits);
	return NULL;
}

/* Whose hidden number it is, by the bridge's notes. Owned or NULL. */
static char *
number_behind(const char *lid)
{
	char *name = xformat("whatsapp/session/lid-mapping-%s_reverse.json", lid);
	char *path = home_file(name), line[64] = "", *digits = NULL;
	FILE *file = fopen(path, "re");

	if (file && fgets(line, sizeof line, file) && *line == '"') {
		line[1 + strspn(line + 1, "0123456789")] = '\0';
		digits = digits_of(line + 1);
	}
	if (file)
		fclose(file);
	free(path);
	free(name);
	return digits;
}

/* A person by their number, where it is known; what stands behind a colon is a device. */
static char *
person_of(const char *jid)
{
	char *digits = xformat("%.*s", (int)strspn(jid, "0123456789"), jid);
	bool lid = ends_with(jid, hidden);
	char *known = lid ? number_behind(digits) : digits_of(digits);

	if (lid && !known)
		known = xformat("%s%s", digits, hidden);
	free(digits);
	return known;
}

char *
chat_of(const char *words)
{
	char *digits = digits_of(words);

	if (digits || !whatsapp_bridged())
		return digits;
	if (!isdigit((unsigned char)*words) || words[strspn(words, "0123456789-:.@abcdefghijklmnopqrstuvwxyz")])
		return NULL;
	if (ends_with(words, group))
		return xstrdup(words);
	return ends_with(words, person) || ends_with(words, hidden) ? person_of(words) : NULL;
}

char *
jid_of(const char *chat)
{
	return xformat("%s%s", chat, strchr(chat, '@') ? "" : person);
}

struct json *
whatsapp_place(const char *chat, const char *user)
{
	bool many = ends_with(chat, group);

	return place_new(whatsapp_account(), chat, many ? "group" : "dm", NULL, many ? user : chat);
}

/* A group, as the bridge tells; its own number is among those who read. */
static struct json *
group_audience(const char *chat)
{
	struct text path = TEXT_INIT;
	struct json *names = json_array();
	struct api_call call;
	size_t size;

	text_puts(&path, "/chat/");
	http_escape(&path, chat);
	call = bridge_ask(path.at, NULL, 0);
	size = json_count(call.result, "participants");
	if (size > 1) {
		const char *name = json_text_or(call.result, "name", chat);

		json_append_text(names, name);
	}
	api_release(&call);
	text_release(&path);
	return audience_new(size > 1 ? (double)size - 1 : -1, names);
}

struct json *
put_place(struct json *answer, struct json *place)
{
	const char *chat = json_text_or(place, "chat", "");

	json_put(answer, "audience", ends_with(chat, group) ? group_audience(chat)
		: audience_new(1, json_array()));
	json_put(answer, "place", place);
	return answer;
}

const char *
whatsapp_home(void)
{
	const char *home = whatsapp_bridged() ? NULL : adapter_setting("CLOUD_HOME_CHANNEL");

	return home ? home : adapter_setting("HOME_CHANNEL");
}

/* The bot's own number leads to its chat. */
static void
put_link(struct json *place, const struct json *number)
{
	char *digits = digits_of(json_text_or(number, "display_phone_number", ""));
	char *link = digits ? xformat("https://wa.me/%s", digits) : NULL;

	if (link)
		json_put_text(place, "link", link);
	free(link);
	free(digits);
}

static struct json *
resolve(const char *chat)
{
	struct json *place = whatsapp_place(chat, NULL), *answer;
	struct api_call call;

	if (whatsapp_bridged())
		return put_place(json_object(), place);
	call = cloud_ask("?fields=display_phone_number,verified_name", NULL);
	if (call.result) {
		put_link(place, call.result);
		answer = put_place(json_object(), place);
	} else {
		json_free(place);
		answer = api_error(&call);
	}
	api_release(&call);
	return answer;
}

struct json *
whatsapp_resolve(const struct json *question)
{
	const char *words = json_text_or(question, "chat", json_text_or(question, "words", ""));
	bool bridged = whatsapp_bridged();
	struct json *answer;
	char *chat;

	whatsapp_account();
	if (!*words && !(words = whatsapp_home()))
		return answer_error("config", "no home channel",
			"set WHATSAPP_HOME_CHANNEL to the number that handoffs go to");
	chat = chat_of(words);
	if (!chat)
		return answer_error("request", "not a chat of WhatsApp's", bridged
			? "name it by its number (+1 555 123 4567), or a group by its id (…@g.us)"
			: "name it by its number, with the country's code: +1 555 123 4567");
	if (json_has(question, "thread"))
		answer = answer_error("request", "there are no threads in WhatsApp", NULL);
	else
		answer = resolve(chat);
	free(chat);
	return answer;
}
