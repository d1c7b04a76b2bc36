/* SPDX-License-Identifier: MIT */
#include "place.h"

#include "config.h"

#include <string.h>

static const char *
part(const struct json *place, const char *name)
{
	const char *text = json_text(place, name);

	return text && *text ? text : NULL;
}

static void
add_id(struct text *key, const char *id, bool plain)
{
	text_puts(key, ":");
	for (; *id; id++)
		if (!plain && (*id == '%' || *id == ':'))
			text_format(key, "%%%02X", (unsigned char)*id);
		else
			text_add(key, id, 1);
}

/* A linked person's direct chats share one key; a topic inside one is a place of its own. */
static const char *
linked_person(const struct json *place)
{
	const char *user = part(place, "user");

	return user && !part(place, "thread") ? config_person(part(place, "platform"), user) : NULL;
}

static void
add_direct(struct text *key, const struct json *place, const char *person, bool plain)
{
	const char *chat = part(place, "chat");
	const char *thread = part(place, "thread");

	if (person) {
		text_puts(key, ":dm");
		add_id(key, person, plain);
		return;
	}
	text_format(key, ":%s:dm", part(place, "platform"));
	if (!chat)
		chat = part(place, "user");
	if (chat)
		add_id(key, chat, plain);
	if (thread)
		add_id(key, thread, plain);
}

/* The key of a place; a direct chat's is `person`'s, if there is one. Owned. */
static char *
spell(const struct json *place, const char *person, bool plain)
{
	const char *kind = json_text_or(place, "kind", "dm"), *platform = part(place, "platform");
	const char *thread = part(place, "thread"), *user = part(place, "user");
	const char *workspace = part(place, "workspace"), *chat = part(place, "chat");
	struct text key = TEXT_INIT;
	bool each;

	text_puts(&key, "agent:main");
	if (!strcmp(kind, "dm")) {
		add_direct(&key, place, person, plain);
		return text_take(&key);
	}
	text_format(&key, ":%s:%s", platform, kind);
	if (workspace)
		add_id(&key, workspace, plain);
	if (chat)
		add_id(&key, chat, plain);
	if (thread)
		add_id(&key, thread, plain);
	each = thread ? config_true("thread_sessions_per_user", false)
		: config_true("group_sessions_per_user", true);
	if (each && user)
		add_id(&key, user, plain);
	return text_take(&key);
}

char *
place_key(const struct json *place, bool plain)
{
	return spell(place, linked_person(place), plain);
}

char *
place_own_key(const struct json *place, bool plain)
{
	return spell(place, NULL, plain);
}

char *
place_room_key(const struct json *place)
{
	struct json *room = json_copy(place);
	char *key;

	if (strcmp(json_text_or(place, "kind", "dm"), "dm"))
		json_drop(room, "user");
	key = place_key(room, false);
	json_free(room);
	return key;
}

bool
place_whole(const struct json *place)
{
	return part(place, "platform") && (part(place, "chat") || part(place, "user"));
}

char *
place_words(const struct json *place)
{
	struct text words = TEXT_INIT;

	if (part(place, "link")) {
		text_puts(&words, part(place, "link"));
		return text_take(&words);
	}
	text_puts(&words, json_text_or(place, "platform", "nowhere"));
	if (part(place, "chat"))
		text_format(&words, " %s", part(place, "chat"));
	if (part(place, "thread"))
		text_format(&words, " / %s", part(place, "thread"));
	return text_take(&words);
}
