/* SPDX-License-Identifier: MIT */
/*
 * What an event of a room says: whether a human said something in it, where, and with which
 * words.
 */
#include "matrix.h"

#include "die.h"
#include "figures.h"

#include <stdlib.h>
#include <string.h>

bool
event_is(const struct json *event, const char *type)
{
	return !strcmp(json_text_or(event, "type", ""), type);
}

bool
event_is_own(const struct json *event, const char *me)
{
	return !strcmp(json_text_or(event, "sender", ""), me)
		|| json_has(event, "unsigned.transaction_id");
}

static const char *
relation(const struct json *event)
{
	return json_text_or(event, "/content/m.relates_to/rel_type", "");
}

const char *
event_thread(const struct json *event)
{
	return strcmp(relation(event), "m.thread") ? NULL
		: json_text(event, "/content/m.relates_to/event_id");
}

/* A file's body is its name, unless it has a name besides: then it is a caption. */
static bool
has_words(const struct json *event)
{
	static const char *const files[] = {"m.image", "m.file", "m.audio", "m.video"};
	const char *kind = json_text_or(event, "content.msgtype", "");
	const char *body = json_text_or(event, "content.body", "");
	const char *file = json_text(event, "content.filename");

	if (!strcmp(kind, "m.text") || !strcmp(kind, "m.emote"))
		return *body;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (!strcmp(kind, files[i]))
			return *body && file && strcmp(file, body) != 0;
	return false;
}

bool
event_is_said(const struct json *event, const char *me)
{
	return event_is(event, "m.room.message") && !event_is_own(event, me) && has_words(event)
		&& json_text(event, "event_id") && json_text(event, "sender")
		&& strcmp(relation(event), "m.replace") != 0;
}

/* Old clients begin an answer with what it answers, as lines of "> <@user:server> …". */
static const char *
skip_fallback(const struct json *event, const char *body)
{
	const char *at = body;

	if (!json_has(event, "/content/m.relates_to/m.in_reply_to")
		|| (strncmp(body, "> <@", 4) != 0 && strncmp(body, "> * <@", 6) != 0))
		return body;
	while (*at == '>') {
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	at += *at == '\n';
	return *at ? at : body;
}

/* Owned. */
static char *
words_of(const struct json *event, const char *name)
{
	const char *body = skip_fallback(event, json_text(event, "content.body"));

	return strcmp(json_text_or(event, "content.msgtype", ""), "m.emote") ? xstrdup(body)
		: xformat("* %s %s", name, body);
}

struct json *
event_heard(const struct json *event, const char *id, const struct room *room)
{
	const char *sender = json_text(event, "sender");
	struct json *made = json_object(), *place = room_place(room, id, event_thread(event));
	char *name = room_member(room, sender), *words = words_of(event, name);

	if (room->dm && strcmp(sender, room->user) != 0)
		json_put_text(place, "kind", "group"); /* it is private with one human only */
	json_put_text(place, "user", sender);
	json_put_text(made, "message", json_text(event, "event_id"));
	json_put(made, "place", place);
	json_put_text(made, "user.id", sender);
	json_put_text(made, "user.name", name);
	json_put_text(made, "text", words);
	json_put_number(made, "at", json_number(event, "origin_server_ts", clock_now() * 1000) / 1000);
	if (!json_true(event, "/content/m.relates_to/is_falling_back")) {
		const char *to = json_text(event, "/content/m.relates_to/m.in_reply_to/event_id");

		if (to)
			json_put_text(made, "reply_to", to);
	}
	free(name);
	free(words);
	return made;
}

bool
event_is_joining(const struct json *event, const char *me)
{
	return event_is(event, "m.room.member") && !strcmp(json_text_or(event, "state_key", ""), me)
		&& !strcmp(json_text_or(event, "content.membership", ""), "join")
		&& strcmp(json_text_or(event, "unsigned.prev_content.membership", ""), "join") != 0;
}
