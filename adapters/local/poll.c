/* SPDX-License-Identifier: MIT */
/*
 * Hearing what people say in the rooms. The cursor is a position in each room's messages,
 * "ROOM=BYTES ROOM=BYTES"; a room it does not name is heard from its beginning, so that
 * nothing said before the first poll is lost.
 *
 * A batch is bounded; while there is nothing, inotify says when to look again. Its watches
 * are set before the look, so that nothing falls between the two.
 */
#include "poll.h"

#include "adapter.h"
#include "die.h"
#include "figures.h"
#include "lines.h"
#include "file.h"
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_EVENTS = 500, MOST_BYTES = 4 << 20 };
static const double POLLING = 0.2; /* seconds between looks without inotify */

struct batch {
	struct json *events;
	size_t count, bytes;
	struct text cursor;
	int watch; /* inotify, or -1 */
};

static bool
batch_full(const struct batch *batch)
{
	return batch->count >= MOST_EVENTS || batch->bytes >= MOST_BYTES;
}

/* The room's position in the cursor; 0 when it has none. */
static off_t
position(const char *cursor, const char *room)
{
	size_t length = strlen(room);

	for (const char *at = cursor; *at; at += strspn(at, " ")) {
		if (!strncmp(at, room, length) && at[length] == '=')
			return (off_t)strtoll(at + length + 1, NULL, 10);
		at += strcspn(at, " ");
	}
	return 0;
}

static void
watch_open(struct batch *batch)
{
	batch->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

static void
watch_add(struct batch *batch, const char *folder)
{
	if (batch->watch < 0
		|| inotify_add_watch(batch->watch, folder, IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0
		|| errno == ENOENT)
		return;
	close(batch->watch); /* no more watches to be had: look now and then */
	batch->watch = -1;
}

/* Wait until something has happened, or `left` seconds. */
static void
watch_rest(const struct batch *batch, double left)
{
	struct pollfd queue = {.fd = batch->watch, .events = POLLIN};
	char events[4096];

	if (batch->watch < 0 && left > POLLING)
		left = POLLING;
	poll(&queue, 1, (int)(left * 1000) + 1);
	while (batch->watch >= 0 && read(batch->watch, events, sizeof events) > 0)
		continue;
}

/* What a human said, as an event; NULL for anything else. */
static struct json *
event_from(const struct room *room, const struct json *line)
{
	const char *from = json_text(line, "from"), *thread = json_text(line, "thread");
	char *id = json_id(line, "id");
	struct json *event = NULL;
	const char *text;
	size_t length;

	text = json_bytes(line, "text", &length);
	if (id && from && text && length && !json_true(line, "bot")) {
		event = json_object();
		json_put_text(event, "message", id);
		json_put(event, "place", room_place(room, thread, from));
		json_put_text(event, "user.id", from);
		json_put_text(event, "user.name", json_text_or(line, "name", from));
		json_put_bytes(event, "text", text, length);
		json_put_number(event, "at", json_number(line, "at", 0));
	}
	free(id);
	return event;
}

static void
take(struct batch *batch, const struct room *room, const char *bytes, size_t length)
{
	struct json *line = json_parse(bytes, length, NULL);
	struct json *event = line ? event_from(room, line) : NULL;

	if (event) {
		json_append(batch->events, event);
		batch->count++;
		batch->bytes += length;
	}
	json_free(line);
}

/*
 * Where to begin: the position, or the beginning if that is not the end of a line, as
 * somebody wrote the file anew (what was heard before is known by its ids).
 */
static off_t
begin(int fd, off_t from)
{
	char before;

	if (from > 0 && pread(fd, &before, 1, from - 1) == 1 && before == '\n')
		return lseek(fd, from, SEEK_SET);
	return 0;
}

/*
 * Take what follows `from`; returns how far that went. The lock keeps out lines that may
 * yet vanish in a loss of power.
 */
static off_t
hear(struct batch *batch, const struct room *room, int fd, off_t from)
{
	struct lines lines = LINES_INIT(fd);
	off_t at = begin(fd, from);
	size_t length;
	char *line;

	while (!batch_full(batch) && (line = lines_next(&lines, &length, 0))) {
		at += (off_t)length + 1;
		take(batch, room, line, length);
	}
	lines_release(&lines);
	return at;
}

static int
messages_open(const struct room *room)
{
	char *path = room_messages(room);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	free(path);
	while (fd >= 0 && flock(fd, LOCK_SH) && errno == EINTR)
		continue;
	return fd;
}

static bool
has_more(const char *name, off_t from)
{
	char *path = xformat("%s/%s/messages", room_root(), name);
	struct stat facts;
	bool more = !stat(path, &facts) && facts.st_size != from;

	free(path);
	return more;
}

/* Listen to one room from its position; returns the new one. */
static off_t
visit(struct batch *batch, const char *name, off_t from)
{
	struct trouble trouble;
	struct room room;
	int fd;

	if (batch_full(batch) || !has_more(name, from))
		return from;
	if (!room_find(&room, name, &trouble))
		warn("%s; until then nothing is heard from there: %s", trouble.why,
			trouble.remedy);
	else if ((fd = messages_open(&room)) >= 0) {
		from = hear(batch, &room, fd, from);
		close(fd);
	}
	trouble_release(&trouble);
	room_release(&room);
	return from;
}

/* Look into every room, and make the cursor that says how far. False with errno. */
static bool
look(struct batch *batch)
{
	struct json *names = room_names();
	struct text cursor = TEXT_INIT;

	for (size_t i = 0; i < json_count(names, ""); i++) {
		struct json *item = json_item(names, "", i);
		const char *name = json_text(item, "");
		char *folder = xformat("%s/%s", room_root(), name);

		watch_add(batch, folder);
		text_format(&cursor, "%s%s=%lld", cursor.length ? " " : "", name,
			(long long)visit(batch, name, position(batch->cursor.at, name)));
		free(folder);
		json_free(item);
	}
	if (names) {
		text_release(&batch->cursor);
		batch->cursor = cursor;
	}
	json_free(names);
	return names;
}

static struct json *
root_trouble(void)
{
	char *why = xformat("%s: %s", room_root(), strerror(errno));
	struct json *answer = answer_error("transient", why,
		"make the folder usable, or set LOCAL_ROOT");

	free(why);
	return answer;
}

static struct json *
batch_answer(const struct batch *batch)
{
	struct json *answer = json_object();

	json_put(answer, "events", json_copy(batch->events));
	json_put_text(answer, "cursor", batch->cursor.at);
	return answer;
}

struct json *
local_poll(const struct json *question)
{
	double deadline = clock_steady() + json_number(question, "wait", 0), left;
	struct batch batch = {.cursor = TEXT_INIT};
	struct json *answer;
	bool looked;

	if (folder_make_all(room_root()))
		return root_trouble();
	batch.events = json_array();
	text_puts(&batch.cursor, json_text_or(question, "cursor", ""));
	watch_open(&batch);
	watch_add(&batch, room_root());
	while ((looked = look(&batch)) && !batch.count && (left = deadline - clock_steady()) > 0)
		watch_rest(&batch, left);
	answer = looked ? batch_answer(&batch) : root_trouble();
	if (batch.watch >= 0)
		close(batch.watch);
	json_free(batch.events);
	text_release(&batch.cursor);
	return answer;
}
