/* SPDX-License-Identifier: MIT */
/*
 * What people type, as a room: its id or alias, a thread behind it, a link that an app
 * copied, or the human of a direct chat that is there already.
 */
#include "matrix.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

enum { ROOMS_MOST = 100 }; /* looked through for a direct chat */

struct address {
	char *room, *thread; /* owned; the thread may be NULL */
};

static void
address_release(struct address *address)
{
	free(address->room);
	free(address->thread);
}

/* Owned. */
static char *
unescape(const char *from, size_t length)
{
	struct text text = TEXT_INIT;

	http_unescape(&text, from, length);
	return text_take(&text);
}

/* A link as apps make it: https://matrix.to/#/ROOM[/EVENT][?via=…] */
static struct address
read_link(const char *link)
{
	size_t length = strcspn(link, "?"), room = strcspn(link, "/?");
	struct address address = {unescape(link, room), NULL};

	if (room < length)
		address.thread = unescape(link + room + 1, length - room - 1);
	return address;
}

/* ROOM/THREAD or ROOM:THREAD; an event's id begins with $, and a room's may hold : and /. */
static struct address
read_words(const char *words)
{
	static const char to[] = "https://matrix.to/#/";
	const char *thread = strstr(words, "/$");

	if (!strncmp(words, to, sizeof to - 1))
		return read_link(words + sizeof to - 1);
	if (!thread)
		thread = strstr(words, ":$");
	if (!thread)
		return (struct address){xstrdup(words), NULL};
	return (struct address){xformat("%.*s", (int)(thread - words), words), xstrdup(thread + 1)};
}

static bool
is_id(const char *id, const char *sigils)
{
	return *id && strchr(sigils, *id) && id[1] && strlen(id) <= 255
		&& !id[strcspn(id, " \t\r\n")];
}

static char *
find_alias(const char *alias, struct json **error)
{
	struct api_call call = matrix_ask(NULL, NULL, "v3/directory/room/%", alias);
	const char *id = json_text(call.result, "room_id");
	char *found = id ? xstrdup(id) : NULL;

	if (!found)
		*error = call.result ? answer_error("transient", "no answer of Matrix's", NULL)
			: api_error(&call);
	api_release(&call);
	return found;
}

/* Whether that room is the user's direct chat, and they are in it. One we cannot see is not. */
static bool
is_with(const char *id, const char *user)
{
	struct json *member;
	struct api_call call;
	struct room room;
	bool found;

	if (!room_find(&room, id, &call)) {
		api_release(&call);
		return false;
	}
	member = matrix_entry(room.members, "", user);
	found = room.dm && !strcmp(room.user, user) && member;
	json_free(member);
	room_release(&room);
	return found;
}

static char *
find_direct(const char *user, struct json **error)
{
	struct api_call call = matrix_ask(NULL, NULL, "v3/joined_rooms");
	size_t count = json_count(call.result, "joined_rooms");
	char *found = NULL;

	for (size_t i = 0; i < count && i < ROOMS_MOST && !found; i++) {
		struct json *id = json_item(call.result, "joined_rooms", i);

		if (json_is_text(id) && is_with(json_text(id, ""), user))
			found = xstrdup(json_text(id, ""));
		json_free(id);
	}
	if (!found)
		*error = call.result ? answer_error("chat", "the bot shares no direct chat with that user",
			"let them invite the bot; then: echo '{\"words\":\"ROOM\"}' | hermes ask matrix join")
			: api_error(&call);
	api_release(&call);
	return found;
}

char *
matrix_room_id(const char *words, struct json **error)
{
	if (is_id(words, "!"))
		return xstrdup(words);
	if (is_id(words, "#") && strchr(words, ':'))
		return find_alias(words, error);
	if (is_id(words, "@") && strchr(words, ':'))
		return find_direct(words, error);
	*error = answer_error("request", "not a room of Matrix's",
		"name a room by its !id:server or #alias:server, or a human by @name:server, with "
		"/$THREAD behind it if you like");
	return NULL;
}

const char *
matrix_home(void)
{
	const char *home = adapter_setting("HOME_CHANNEL");

	return home ? home : adapter_setting("HOME_ROOM");
}

/* The first message of the thread that an event is, or is in: owned; NULL with `error`. */
static char *
find_root(const char *room, const char *event, struct json **error)
{
	struct api_call call;
	const char *root;
	char *found = NULL;

	if (!is_id(event, "$")) {
		*error = answer_error("request", "a thread is the id of its first message ($…)",
			"copy that message's link");
		return NULL;
	}
	call = matrix_ask(NULL, NULL, "v3/rooms/%/event/%", room, event);
	if (matrix_missing(&call)) {
		*error = answer_error("thread", "there is no such message in the room", NULL);
	} else if (!call.result) {
		*error = api_error(&call);
	} else {
		root = json_text_or(call.result, "/content/m.relates_to/event_id", event);
		found = xstrdup(strcmp(json_text_or(call.result, "/content/m.relates_to/rel_type", ""),
			"m.thread") ? event : root);
	}
	api_release(&call);
	return found;
}

static struct json *
find_place(const char *id, const char *thread)
{
	struct json *answer = NULL;
	struct api_call call;
	struct room room;
	char *root = NULL;
	int encrypted = room_encrypted(id, &call);

	if (encrypted > 0)
		return answer_error("chat", encrypted_why, encrypted_remedy);
	if (encrypted < 0 || !room_find(&room, id, &call)) {
		answer = api_error(&call);
		api_release(&call);
		return answer;
	}
	if (thread)
		root = find_root(id, thread, &answer);
	if (!answer)
		answer = room_answer(json_object(), &room, room_place(&room, id, root));
	if (json_true(answer, "audience.known") && !json_number(answer, "audience.size", 0)) {
		json_free(answer);
		answer = answer_error("chat", "nobody but the bot is in the room",
			"invite whoever is to read there, or name another room");
	}
	free(root);
	room_release(&room);
	return answer;
}

static struct json *
resolve(const struct address *address)
{
	struct json *answer = NULL;
	char *id = matrix_room_id(address->room, &answer);

	if (id)
		answer = find_place(id, address->thread);
	free(id);
	return answer;
}

/*
 * Join a room that the bot is invited to: the home, unless words say which. Nobody is
 * followed unasked: an invitation alone brings the bot nowhere.
 */
struct json *
matrix_join(const struct json *question)
{
	const char *words = json_text_or(question, "words", "");
	struct json *answer, *joined;
	struct api_call call;

	matrix_ready();
	if (!*words)
		words = matrix_home();
	if (!words || !is_id(words, "!#"))
		return answer_error("request", "no room to join",
			"name it by its !id:server or #alias:server, or set MATRIX_HOME_ROOM");
	call = matrix_ask("POST", json_object(), "v3/join/%", words);
	if (!call.result) {
		answer = api_error(&call);
	} else {
		joined = json_object();
		json_put_text(joined, "chat", json_text_or(call.result, "room_id", words));
		answer = matrix_resolve(joined);
		json_free(joined);
	}
	api_release(&call);
	return answer;
}

struct json *
matrix_resolve(const struct json *question)
{
	const char *chat = json_text(question, "chat"), *thread = json_text(question, "thread");
	const char *words = json_text_or(question, "words", "");
	struct address address = {0};
	struct json *answer;

	matrix_ready();
	if (!chat && !*words) {
		chat = matrix_home();
		thread = adapter_setting("HOME_CHANNEL_THREAD_ID");
	}
	if (chat)
		address = (struct address){xstrdup(chat), thread ? xstrdup(thread) : NULL};
	else if (*words)
		address = read_words(words);
	answer = address.room ? resolve(&address) : answer_error("config", "no home room",
		"set MATRIX_HOME_ROOM to the id or alias of the room that handoffs go to");
	address_release(&address);
	return answer;
}
