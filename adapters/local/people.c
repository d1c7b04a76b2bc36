/* SPDX-License-Identifier: MIT */
/*
 * The platform `local` for those who use it: speak in a room, read it, make one.
 *
 *	hermes-adapter-local room team --kind group --member ada=Ada --member bob
 *	hermes-adapter-local say team --as ada "is anybody here?"
 *	hermes-adapter-local read team
 */
#include "people.h"

#include "die.h"
#include "lines.h"
#include "room.h"
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST_SAID = 1 << 20 };

static struct out out;

/* ROOM[/THREAD] of the command line. */
struct target {
	struct room room;
	char *thread; /* owned, or NULL */
};

static void
target_find(struct target *target, const char *words)
{
	char *name = xstrdup(words), *thread = strchr(name, '/');
	struct trouble trouble;

	if (thread)
		*thread++ = '\0';
	if (!room_find(&target->room, name, &trouble))
		die(trouble_status(&trouble), "%s; %s", trouble.why, trouble.remedy);
	if (thread && !thread_exists(&target->room, thread))
		die(EX_MISSING, "there is no thread \"%s\" in the room \"%s\"", thread, name);
	target->thread = thread ? xstrdup(thread) : NULL;
	free(name);
}

static void
target_release(struct target *target)
{
	room_release(&target->room);
	free(target->thread);
}

static void
read_stdin(struct text *said)
{
	ssize_t got;

	do {
		text_reserve(said, 65536);
		got = read(STDIN_FILENO, said->at + said->length, 65536);
		if (got > 0)
			said->length += (size_t)got;
	} while ((got > 0 || (got < 0 && errno == EINTR)) && said->length <= MOST_SAID);
	if (got < 0)
		die(EX_STORE, "stdin: cannot be read:");
	while (said->length && said->at[said->length - 1] == '\n')
		said->length--;
	said->at[said->length] = '\0';
}

/* What is to be said: the words, or stdin. */
static void
gather(struct text *said, int count, char **words, const struct usage *usage)
{
	if (!count && isatty(STDIN_FILENO))
		opts_misused(usage, "nothing to say");
	if (!count || (count == 1 && !strcmp(*words, "-")))
		read_stdin(said);
	else
		for (int i = 0; i < count; i++)
			text_format(said, "%s%s", i ? " " : "", words[i]);
	if (!said->length)
		die(EX_BAD, "there is nothing to say");
	if (said->length > MOST_SAID)
		die(EX_BAD, "that is too long; at most %d bytes", MOST_SAID);
	if (!utf8_valid(said->at, said->length))
		die(EX_BAD, "what is said must be UTF-8 text");
}

/* Who speaks: --as, else the user of the system, else a dm's one human. Owned. */
static struct json *
speaker(const struct room *room, const char *as)
{
	struct json *self = member_self();
	struct json *found = room_member(room, as ? as : json_text(self, "id"));

	if (!found && as)
		die(EX_DENIED, "%s is not a member of \"%s\"; %s room lists and makes members", as,
			room->name, program_name());
	if (!found && !strcmp(room_kind(room), "dm"))
		found = room_member(room, NULL);
	if (!found)
		die(EX_USER, "you are not a member of \"%s\"; say who speaks with --as",
			room->name);
	json_free(self);
	return found;
}

static char *
utter(struct target *target, const struct json *who, const struct text *said)
{
	struct message message = {.thread = target->thread, .from = json_text(who, "id"),
		.name = json_text_or(who, "name", json_text(who, "id")), .text = said->at,
		.length = said->length};
	char *id;

	switch (room_append(&target->room, &message, &id)) {
	case APPENDED:
		return id;
	case NOT_APPENDED:
		die(EX_STORE, "%s: nothing was said:", target->room.folder);
	case MAYBE_APPENDED:
		break;
	}
	die(EX_STORE, "%s: it may or may not have been said:", target->room.folder);
}

static int
say(int argc, char **argv)
{
	const char *as = NULL;
	const struct opt opts[] = {
		{"as", 0, OPT_TEXT, &as, "USER", "the member who speaks; else you"},
		OUT_OPTS(out),
		{NULL, 0, OPT_FLAG, NULL, NULL, NULL},
	};
	const struct usage usage = {"say [OPTION ...] ROOM[/THREAD] [TEXT ... | -]",
		"Say something in a room.", opts};
	struct text said = TEXT_INIT;
	struct target target;
	struct json *who, *answer;
	char *id;

	argc = opts_parse(argc, argv, &usage);
	if (!argc)
		opts_misused(&usage, "a room is needed");
	target_find(&target, argv[0]);
	who = speaker(&target.room, as);
	gather(&said, argc - 1, argv + 1, &usage);
	id = utter(&target, who, &said);
	answer = json_object();
	json_put_text(answer, "id", id);
	json_put(answer, "place", room_place(&target.room, target.thread, json_text(who, "id")));
	if (!out_human(&out))
		out_json(&out, answer);
	json_free(answer);
	json_free(who);
	text_release(&said);
	target_release(&target);
	free(id);
	return 0;
}

/* One message for people: when, who, where, what. */
static void
show(const struct json *line)
{
	time_t at = (time_t)json_number(line, "at", 0);
	const char *thread = json_text(line, "thread");
	struct text who = TEXT_INIT;
	char when[32];
	struct tm local;

	strftime(when, sizeof when, "%Y-%m-%d %H:%M", localtime_r(&at, &local));
	text_puts(&who, json_text_or(line, "name", json_text_or(line, "from", "?")));
	if (thread)
		text_format(&who, " [%s]", thread);
	out_text("%s %s: %s\n", when, who.at, json_text_or(line, "text", ""));
	text_release(&who);
}

static void
print_messages(const struct target *target, int fd)
{
	struct lines lines = LINES_INIT(fd);
	size_t length;
	char *bytes;

	while ((bytes = lines_next(&lines, &length, 0))) {
		struct json *line = json_parse(bytes, length, NULL);
		const char *thread = line ? json_text(line, "thread") : NULL;
		bool wanted = json_is_object(line)
			&& (!target->thread || (thread && !strcmp(thread, target->thread)));

		if (wanted && out_human(&out))
			show(line);
		else if (wanted)
			out_json(&out, line);
		json_free(line);
	}
	lines_release(&lines);
}

static int
read_room(int argc, char **argv)
{
	const struct opt opts[] = {OUT_OPTS(out), {NULL, 0, OPT_FLAG, NULL, NULL, NULL}};
	const struct usage usage = {"read [OPTION ...] ROOM[/THREAD]",
		"Print what was said in a room.", opts};
	struct target target;
	char *path;
	int fd;

	argc = opts_parse(argc, argv, &usage);
	if (argc != 1)
		opts_misused(&usage, "one room is needed");
	target_find(&target, argv[0]);
	path = room_messages(&target.room);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		die(EX_STORE, "%s: cannot be read:", path);
	if (fd >= 0) {
		print_messages(&target, fd);
		close(fd);
	}
	free(path);
	target_release(&target);
	return 0;
}

int
local_people(int argc, char **argv)
{
	static const struct verb VERBS[] = {
		{"say", say, "ROOM[/THREAD] [TEXT]", "say something in a room"},
		{"read", read_room, "ROOM[/THREAD]", "print what was said in a room"},
		{"room", local_room, "ROOM", "make a room, or change it"},
		{"rooms", local_rooms, "", "list the rooms"},
		{NULL, NULL, NULL, NULL},
	};
	const struct verb *verb = verb_find(VERBS, argv[0]);

	if (!verb)
		die(EX_USER, "%s: no such verb; try say, read, room, rooms, or see hermes-adapter(7)",
			argv[0]);
	return verb->run(argc, argv);
}
