/* SPDX-License-Identifier: MIT */
/*
 * Appending a message to a room: under the lock on its `messages`, in one write, on the
 * disk before anybody is told. The file itself says what was sent before, so there is
 * nothing beside it that could disagree.
 */
#include "room.h"

#include "die.h"
#include "figures.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int
room_lock(struct room *room)
{
	char *path = room_messages(room);
	int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC), locked;

	if (fd < 0 && errno == ENOENT && (room->made || !room_save(room))) {
		fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
		if (fd >= 0 && folder_sync(room->folder)) {
			close(fd);
			fd = -1;
		}
	}
	free(path);
	if (fd < 0)
		return -1;
	do
		locked = flock(fd, LOCK_EX);
	while (locked && errno == EINTR);
	if (!locked)
		return fd;
	close(fd);
	return -1;
}

/* All that is in the file, as it was when it was locked. */
struct view {
	const char *at;
	size_t length;
};

static int
view_open(struct view *view, int fd)
{
	struct stat facts;
	void *at = text_empty;

	*view = (struct view){text_empty, 0};
	if (fstat(fd, &facts))
		return -1;
	if (facts.st_size) {
		at = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (at == MAP_FAILED)
			return -1;
	}
	*view = (struct view){at, (size_t)facts.st_size};
	return 0;
}

static void
view_close(struct view *view)
{
	if (view->length)
		munmap((void *)(uintptr_t)view->at, view->length);
}

/* The id of the line around `at`, owned; NULL when it is no whole line, or says something else. */
static char *
same_message(const struct view *view, const char *at, const struct message *message)
{
	const char *start = memrchr(view->at, '\n', (size_t)(at - view->at));
	size_t left = view->length - (size_t)(at - view->at);
	const char *end = memchr(at, '\n', left);
	struct json *line;
	const char *text, *thread = message->thread ? message->thread : "";
	char *id = NULL;
	size_t length;

	start = start ? start + 1 : view->at;
	line = json_parse(start, (size_t)((end ? end : at + left) - start), NULL);
	text = json_bytes(line, "text", &length);
	if (text && length == message->length && !memcmp(text, message->text, length)
		&& !strcmp(json_text_or(line, "thread", ""), thread))
		id = json_id(line, "id");
	json_free(line);
	return id;
}

/* How a line says its delivery: no text inside a JSON string can look like it. */
static void
add_delivery(struct text *line, const struct message *message)
{
	text_puts(line, ",\"delivery\":");
	json_quote(line, message->delivery, strlen(message->delivery));
	text_format(line, ",\"part\":%d,", message->part);
}

/* The id of a message that is there already, owned, or NULL. */
static char *
find_again(const struct view *view, const struct message *message)
{
	struct text wanted = TEXT_INIT;
	const char *from = view->at, *end, *found;
	char *id = NULL;

	if (!message->delivery || !view->length)
		return NULL;
	end = view->at + view->length;
	add_delivery(&wanted, message);
	while (!id && (found = memmem(from, (size_t)(end - from), wanted.at, wanted.length))) {
		id = same_message(view, found, message);
		from = found + wanted.length;
	}
	text_release(&wanted);
	return id;
}

/* The number after {"id":" at the start of a line, or 0. */
static long long
line_id(const char *line, size_t length)
{
	static const char lead[] = "{\"id\":\"";
	long long id = 0;

	if (length < sizeof lead || memcmp(line, lead, sizeof lead - 1))
		return 0;
	for (size_t i = sizeof lead - 1; i < length && line[i] >= '0' && line[i] <= '9'; i++)
		if (id > LLONG_MAX / 10 - 10)
			return 0;
		else
			id = id * 10 + (line[i] - '0');
	return id;
}

/* The id of the last line that has one; 0 without. */
static long long
last_id(const struct view *view)
{
	size_t end = view->length;
	long long id = 0;

	while (end && !id) {
		const char *start = memrchr(view->at, '\n', end - 1);
		size_t from = start ? (size_t)(start - view->at) + 1 : 0;

		id = line_id(view->at + from, end - from);
		end = from;
	}
	return id;
}

static void
add_text(struct text *line, const char *key, const char *text, size_t length)
{
	text_format(line, ",\"%s\":", key);
	json_quote(line, text, length);
}

/* Ids are the time in milliseconds, made increasing: a room made anew never gives one twice. */
static char *
next_id(const struct view *view, double now)
{
	long long last = last_id(view), next = (long long)(now * 1000);

	return xformat("%lld", next > last ? next : last + 1);
}

static void
compose(struct text *line, const struct message *message, const char *id, double now)
{
	text_format(line, "{\"id\":\"%s\"", id);
	if (message->delivery)
		add_delivery(line, message);
	else
		text_puts(line, ",");
	text_format(line, "\"at\":%.3f", now);
	add_text(line, "from", message->from, strlen(message->from));
	add_text(line, "name", message->name, strlen(message->name));
	text_format(line, ",\"bot\":%s", message->bot ? "true" : "false");
	if (message->thread)
		add_text(line, "thread", message->thread, strlen(message->thread));
	add_text(line, "text", message->text, message->length);
	text_puts(line, "}\n");
}

/* One write; what is written in part only is taken back. */
static enum append
append_line(int fd, const struct text *line, size_t size)
{
	ssize_t done;
	int error;

	do
		done = write(fd, line->at, line->length);
	while (done < 0 && errno == EINTR);
	if (done == (ssize_t)line->length)
		return APPENDED;
	error = done < 0 ? errno : ENOSPC;
	if (done > 0 && ftruncate(fd, (off_t)size))
		return MAYBE_APPENDED;
	errno = error;
	return NOT_APPENDED;
}

static enum append
append_message(int fd, const struct view *view, const struct message *message, char **id)
{
	struct text line = TEXT_INIT;
	double now = clock_now();
	enum append outcome;

	if (view->length && view->at[view->length - 1] != '\n')
		text_puts(&line, "\n"); /* ends what a crash has cut off */
	*id = find_again(view, message);
	if (!*id) {
		*id = next_id(view, now);
		compose(&line, message, *id, now);
	}
	outcome = append_line(fd, &line, view->length);
	if (outcome == APPENDED && fdatasync(fd))
		outcome = MAYBE_APPENDED;
	text_release(&line);
	return outcome;
}

enum append
room_append(struct room *room, const struct message *message, char **id)
{
	enum append outcome = NOT_APPENDED;
	int fd = room_lock(room), error;
	struct view view;

	*id = NULL;
	if (fd < 0)
		return NOT_APPENDED;
	if (!view_open(&view, fd)) {
		outcome = append_message(fd, &view, message, id);
		view_close(&view);
	}
	error = errno;
	close(fd);
	if (outcome != APPENDED) {
		free(*id);
		*id = NULL;
	}
	errno = error;
	return outcome;
}
