/* SPDX-License-Identifier: MIT */
/*
 * Rooms as places, and who is in them. Matrix has no private chats, only rooms with two
 * people in them, and a third may come. Yet a room's kind is part of where a session is: it
 * may not change under it. So it is decided once and then kept, by the homeserver, in the
 * bot's account data for the room:
 *
 *	hermes.room     {"kind":"dm","user":"@ada:example.org"} or {"kind":"group"}
 *
 * A room that nothing is kept of is a dm when m.direct, where clients note their direct
 * chats, says so, or when it has no name and one human besides the bot.
 */
#include "matrix.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

static const char kept[] = "hermes.room";
const char encrypted_why[] = "the room is encrypted, and this adapter cannot read or write there";
const char encrypted_remedy[] =
	"use a room without encryption, as encryption cannot be switched off again";

/* The account that we are; only after matrix_me was fine. */
static const char *
own_id(void)
{
	struct api_call call;

	return json_text_or(matrix_me(&call), "user_id", "");
}

struct listed {
	const char *room;
	char *user; /* owned */
};

static void
look_for_room(const char *user, const struct json *rooms, void *data)
{
	struct listed *listed = data;

	if (!listed->user && json_lists(rooms, "", "", listed->room))
		listed->user = xstrdup(user);
}

struct human {
	const char *besides;
	char *user; /* owned: the last one found */
	int count;
};

static void
count_human(const char *user, const struct json *member, void *data)
{
	struct human *human = data;

	(void)member;
	if (strcmp(user, human->besides) != 0) {
		free(human->user);
		human->user = xstrdup(user);
		human->count++;
	}
}

/* Whom m.direct says the room is with: owned, or NULL. False with the trouble in `call`. */
static bool
ask_direct(const char *id, char **user, struct api_call *call)
{
	struct listed listed = {id, NULL};

	*call = matrix_ask(NULL, NULL, "v3/user/%/account_data/m.direct", own_id());
	if (!call->result && !matrix_missing(call))
		return false;
	json_each(call->result, "", look_for_room, &listed);
	*user = listed.user;
	api_release(call);
	return true;
}

static bool
is_named(const char *id, bool *named, struct api_call *call)
{
	*call = matrix_ask(NULL, NULL, "v3/rooms/%/state/m.room.name", id);
	if (!call->result && !matrix_missing(call))
		return false;
	*named = *json_text_or(call->result, "name", "");
	api_release(call);
	return true;
}

static bool
decide(struct room *room, const char *id, struct api_call *call)
{
	struct human human = {own_id(), NULL, 0};
	bool named = false;

	if (!ask_direct(id, &room->user, call))
		return false;
	room->dm = room->user;
	if (room->dm)
		return true;
	json_each(room->members, "", count_human, &human);
	if (human.count == 1 && !is_named(id, &named, call)) {
		free(human.user);
		return false;
	}
	room->dm = human.count == 1 && !named;
	if (room->dm)
		room->user = human.user;
	else
		free(human.user);
	return true;
}

static void
keep(const struct room *room, const char *id)
{
	struct json *content = json_object();
	struct api_call call;

	json_put_text(content, "kind", room->dm ? "dm" : "group");
	if (room->dm)
		json_put_text(content, "user", room->user);
	call = matrix_ask("PUT", content, "v3/user/%/rooms/%/account_data/%", own_id(), id, kept);
	api_release(&call); /* else it is decided again, and alike unless somebody came or went */
}

static bool
find_kind(struct room *room, const char *id, struct api_call *call)
{
	const char *kind;

	*call = matrix_ask(NULL, NULL, "v3/user/%/rooms/%/account_data/%", own_id(), id, kept);
	if (!call->result && !matrix_missing(call))
		return false;
	kind = json_text_or(call->result, "kind", "");
	room->dm = !strcmp(kind, "dm") && json_text(call->result, "user");
	if (room->dm || !strcmp(kind, "group")) {
		room->user = room->dm ? xstrdup(json_text(call->result, "user")) : NULL;
		api_release(call);
		return true;
	}
	api_release(call);
	if (!decide(room, id, call))
		return false;
	keep(room, id);
	return true;
}

bool
room_find(struct room *room, const char *id, struct api_call *call)
{
	*room = (struct room){0};
	if (!matrix_me(call))
		return false;
	*call = matrix_ask(NULL, NULL, "v3/rooms/%/joined_members", id);
	if (!call->result)
		return false;
	room->members = json_at(call->result, "joined");
	api_release(call);
	if (find_kind(room, id, call))
		return true;
	room_release(room);
	return false;
}

void
room_release(struct room *room)
{
	json_free(room->members);
	free(room->user);
	*room = (struct room){0};
}

char *
room_member(const struct room *room, const char *user)
{
	struct json *member = matrix_entry(room->members, "", user);
	const char *name = json_text_or(member, "display_name", "");
	char *owned = xstrdup(*name ? name : user);

	json_free(member);
	return owned;
}

int
room_encrypted(const char *id, struct api_call *call)
{
	int answer;

	*call = matrix_ask(NULL, NULL, "v3/rooms/%/state/m.room.encryption", id);
	answer = call->result ? 1 : matrix_missing(call) ? 0 : -1;
	if (answer >= 0)
		api_release(call);
	return answer;
}

struct json *
room_place(const struct room *room, const char *id, const char *thread)
{
	return place_new(own_id(), id, room->dm ? "dm" : "group", thread,
		room->dm ? room->user : NULL);
}

/* The bot's server knows the room: a link names it, as ids of today's rooms name none. Owned. */
static char *
make_link(const struct json *place)
{
	const char *thread = json_text(place, "thread"), *server = strchr(own_id(), ':');
	struct text link = TEXT_INIT;

	text_puts(&link, "https://matrix.to/#/");
	http_escape(&link, json_text(place, "chat"));
	if (thread) {
		text_puts(&link, "/");
		http_escape(&link, thread);
	}
	if (server) {
		text_puts(&link, "?via=");
		http_escape(&link, server + 1);
	}
	return text_take(&link);
}

struct reader {
	const char *besides;
	struct json *names;
};

static void
add_reader(const char *user, const struct json *member, void *data)
{
	struct reader *reader = data;
	const char *name = json_text_or(member, "display_name", "");

	if (!*name)
		name = user;
	if (strcmp(user, reader->besides) != 0)
		json_append_text(reader->names, name);
}

struct json *
room_answer(struct json *answer, const struct room *room, struct json *place)
{
	struct reader reader = {own_id(), json_array()};
	char *link = make_link(place);

	json_each(room->members, "", add_reader, &reader);
	json_put_text(place, "link", link);
	json_put(answer, "place", place);
	json_put(answer, "audience", audience_new(json_is_object(room->members)
		? (double)json_count(reader.names, "") : -1, reader.names));
	free(link);
	return answer;
}
