/* SPDX-License-Identifier: MIT */
/*
 * Making, changing and listing the rooms of the platform `local`.
 */
#include "people.h"

#include "die.h"
#include "room.h"
#include "out.h"

#include <stdlib.h>
#include <string.h>

static struct out out;

static void
print_room(const struct room *room)
{
	struct json *described = json_copy(room->card);

	json_put_text(described, "id", room->name);
	json_put_true(described, "threads", room_has_threads(room));
	json_put(described, "place", room_place(room, NULL, NULL));
	out_json(&out, described);
	json_free(described);
}

/* ID[=NAME] */
static struct json *
member_from(const char *words)
{
	size_t length = strcspn(words, "=");
	struct json *member = json_object();

	if (!length || !utf8_valid(words, strlen(words)))
		die(EX_USER, "--member: \"%s\" is not ID or ID=NAME", words);
	json_put_bytes(member, "id", words, length);
	json_put_text(member, "name", words[length] && words[length + 1] ? words + length + 1
		: json_text(member, "id"));
	return member;
}

/*
 * Take each "--member M" out of the arguments, as an array (the table of options keeps
 * only the last of an option that is repeated).
 */
static struct json *
take_members(int *argc, char **argv)
{
	static const char option[] = "--member";
	struct json *members = json_array();
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		const char *value = argv[i] + sizeof option - 1;

		if (strncmp(argv[i], option, sizeof option - 1) || (*value && *value != '='))
			argv[kept++] = argv[i];
		else if (*value)
			json_append(members, member_from(value + 1));
		else if (i + 1 < *argc)
			json_append(members, member_from(argv[++i]));
		else
			die(EX_USER, "--member needs an argument");
	}
	argv[kept] = NULL;
	*argc = kept;
	return members;
}

/* The changes that `room` is asked for. */
struct changes {
	const char *kind, *title;
	bool threads, no_threads;
	struct json *members;
};

static bool
any_change(const struct room *room, const struct changes *changes)
{
	return !room->made || changes->kind || changes->title || changes->threads
		|| changes->no_threads || json_count(changes->members, "");
}

static void
change(struct room *room, const struct changes *changes, const struct usage *usage)
{
	if (changes->kind)
		json_put_text(room->card, "kind", changes->kind);
	if (changes->title)
		json_put_text(room->card, "title", changes->title);
	if (changes->threads || changes->no_threads)
		json_put_true(room->card, "threads", !changes->no_threads);
	if (json_count(changes->members, ""))
		json_put(room->card, "members", json_copy(changes->members));
	if (strcmp(room_kind(room), "dm") && strcmp(room_kind(room), "group")
		&& strcmp(room_kind(room), "channel"))
		opts_misused(usage, "--kind is dm, group or channel");
	if (!strcmp(room_kind(room), "dm") && json_count(room->card, "members") != 1)
		opts_misused(usage, "a dm has one member; use --kind group");
	if (room_save(room))
		die(EX_STORE, "%s: cannot be written:", room->folder);
}

/* The room with this name, which need not be there yet. */
static void
room_find_or_begin(struct room *room, const char *name)
{
	struct trouble trouble;

	if (!room_find(room, name, &trouble) && strcmp(trouble.class, "chat"))
		die(trouble_status(&trouble), "%s; %s", trouble.why, trouble.remedy);
	if (!room->card)
		room->card = card_default();
	trouble_release(&trouble);
}

int
local_room(int argc, char **argv)
{
	struct changes changes = {.members = take_members(&argc, argv)};
	const char *unused = NULL;
	const struct opt opts[] = {
		{"kind", 0, OPT_TEXT, &changes.kind, "KIND", "dm, group or channel; else dm"},
		{"title", 0, OPT_TEXT, &changes.title, "TITLE", "what it is called"},
		{"member", 0, OPT_TEXT, &unused, "ID[=NAME]", "who is in it; for each of them"},
		{"threads", 0, OPT_FLAG, &changes.threads, NULL, "threads can be opened in it"},
		{"no-threads", 0, OPT_FLAG, &changes.no_threads, NULL, "they cannot"},
		OUT_OPTS(out),
		{NULL, 0, OPT_FLAG, NULL, NULL, NULL},
	};
	const struct usage usage = {"room [OPTION ...] ROOM",
		"Make a room, change it, or say what it is.", opts};
	struct room room;

	argc = opts_parse(argc, argv, &usage);
	if (argc != 1)
		opts_misused(&usage, "one room is needed");
	room_find_or_begin(&room, argv[0]);
	if (any_change(&room, &changes))
		change(&room, &changes, &usage);
	print_room(&room);
	json_free(changes.members);
	room_release(&room);
	return 0;
}

static void
list_room(const struct room *room, struct table *table)
{
	struct json *audience = room_audience(room);
	struct text members = TEXT_INIT;

	for (size_t i = 0; i < json_count(audience, "names"); i++) {
		struct json *name = json_item(audience, "names", i);

		text_format(&members, "%s%s", i ? ", " : "", json_text_or(name, "", "?"));
		json_free(name);
	}
	table_row(table, (const char *[]){room->name, room_kind(room),
		json_text(room->card, "title"), members.at});
	text_release(&members);
	json_free(audience);
}

/* List one room: in the table if there is one, else as JSON. */
static void
list_name(const char *name, struct table *table)
{
	struct trouble trouble;
	struct room room;

	if (!room_find(&room, name, &trouble))
		warn("%s; %s", trouble.why, trouble.remedy);
	else if (table)
		list_room(&room, table);
	else
		print_room(&room);
	trouble_release(&trouble);
	room_release(&room);
}

int
local_rooms(int argc, char **argv)
{
	const struct opt opts[] = {OUT_OPTS(out), {NULL, 0, OPT_FLAG, NULL, NULL, NULL}};
	const struct usage usage = {"rooms [OPTION ...]", "List the rooms.", opts};
	struct table table, *shown = NULL;
	struct json *names;

	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "rooms takes no operand");
	names = room_names();
	if (!names)
		die(EX_STORE, "%s: cannot be read:", room_root());
	if (out_human(&out)) {
		shown = &table;
		table_begin(shown, 4, (const char *[]){"ROOM", "KIND", "TITLE", "MEMBERS"});
	}
	for (size_t i = 0; i < json_count(names, ""); i++) {
		struct json *name = json_item(names, "", i);

		list_name(json_text(name, ""), shown);
		json_free(name);
	}
	if (shown)
		table_end(shown);
	json_free(names);
	return 0;
}
