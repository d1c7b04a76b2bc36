/* SPDX-License-Identifier: MIT */
/*
 * When a cursor covers all of the file, only the last number stays in it, for whoever adds
 * without knowing the cursor; else it is never rewritten: a crash leaves whole lines and
 * perhaps a piece of one, which is dropped.
 */
#include "spool.h"

#include "adapter.h"
#include "die.h"
#include "figures.h"
#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static struct json *
broken(const char *what)
{
	char *why = xformat("the messages that came cannot be %s: %s", what, strerror(errno));
	struct json *error = answer_error("config", why, "look at HERMES_HOME and its disk");

	free(why);
	return error;
}

/* A number of ours, or -1. */
static long long
number_of(const char *cursor)
{
	if (!*cursor || cursor[strspn(cursor, "0123456789")] || strlen(cursor) > 15)
		return -1;
	return strtoll(cursor, NULL, 10);
}

enum { PATIENCE = 10 };

/* Whoever received for a poll that is gone has it for a while more. */
static bool
lock(int file)
{
	double until = clock_steady() + PATIENCE;

	while (flock(file, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK || clock_steady() > until)
			return false;
		usleep(20000);
	}
	return true;
}

static bool
open_file(struct spool *spool, struct json **error)
{
	char *name = xformat("%s.spool", adapter_platform()), *path;

	home_make();
	path = home_file(name);
	spool->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	free(name);
	free(path);
	if (spool->file < 0) {
		*error = broken("kept");
		return false;
	}
	if (!lock(spool->file)) {
		*error = answer_error("busy", "another poll of this platform is running",
			"wait for it to end");
		return false;
	}
	return true;
}

static bool
read_all(int file, struct text *all)
{
	char block[65536];
	ssize_t got;

	while ((got = read(file, block, sizeof block)) > 0 || (got < 0 && errno == EINTR))
		if (got > 0)
			text_add(all, block, (size_t)got);
	return !got;
}

/* Takes the items after `covered`; a line that is none of ours is passed. */
static void
take_lines(struct spool *spool, const struct text *all, long long covered)
{
	const char *at = all->at, *end;

	while ((end = memchr(at, '\n', all->length - (size_t)(at - all->at)))) {
		struct json *line = json_parse(at, (size_t)(end - at), NULL), *item = json_at(line, "item");
		long long number = (long long)json_number(line, "at", 0);

		if (number > spool->last)
			spool->last = number;
		if (number > covered && item)
			json_append(spool->items, json_copy(item));
		json_free(item);
		json_free(line);
		at = end + 1;
	}
}

/* A piece of a line that a crash left is cut off. */
static bool
cut_piece(const struct spool *spool, const struct text *all)
{
	const char *end = memrchr(all->at, '\n', all->length);
	size_t whole = end ? (size_t)(end - all->at) + 1 : 0;

	return whole == all->length || !ftruncate(spool->file, (off_t)whole);
}

/* The number stands there before the rest is gone. */
static bool
keep_number(const struct spool *spool, const struct text *all)
{
	char *line = xformat("{\"at\":%lld}\n", spool->last);
	size_t length = strlen(line);
	bool fine = !strcmp(all->at, line)
		|| (pwrite(spool->file, line, length, 0) == (ssize_t)length
			&& !ftruncate(spool->file, (off_t)length));

	free(line);
	return fine;
}

static bool
load(struct spool *spool, long long covered)
{
	struct text all = TEXT_INIT;
	bool fine = read_all(spool->file, &all);

	if (fine) {
		take_lines(spool, &all, covered);
		fine = spool->last && !json_count(spool->items, "") ? keep_number(spool, &all)
			: cut_piece(spool, &all);
	}
	text_release(&all);
	return fine;
}

bool
spool_open(struct spool *spool, const char *cursor, struct json **error)
{
	long long covered = cursor ? number_of(cursor) : 0;

	*spool = (struct spool){-1, covered, NULL};
	if (covered < 0) {
		*error = answer_error("request", "the cursor is none of this platform's", NULL);
		return false;
	}
	if (!open_file(spool, error)) {
		spool_close(spool);
		return false;
	}
	spool->items = json_array();
	if (load(spool, covered))
		return true;
	*error = broken("read");
	spool_close(spool);
	return false;
}

static bool
write_all(int file, const struct text *lines)
{
	if (lseek(file, 0, SEEK_END) < 0)
		return false;
	for (size_t done = 0; done < lines->length;) {
		ssize_t put = write(file, lines->at + done, lines->length - done);

		if (put < 0 && errno != EINTR)
			return false;
		done += put > 0 ? (size_t)put : 0;
	}
	return !fdatasync(file);
}

void
spool_take(struct spool *spool, const struct json *items)
{
	for (size_t i = 0, n = json_count(items, ""); i < n; i++, spool->last++)
		json_append(spool->items, json_item(items, "", i));
}

bool
spool_add(struct spool *spool, const struct json *items, struct json **error)
{
	struct text lines = TEXT_INIT;
	size_t count = json_count(items, "");
	bool fine;

	for (size_t i = 0; i < count; i++) {
		struct json *item = json_item(items, "", i);

		text_format(&lines, "{\"at\":%lld,\"item\":", ++spool->last);
		json_print(item, &lines);
		text_puts(&lines, "}\n");
		json_append(spool->items, item);
	}
	fine = !count || write_all(spool->file, &lines);
	if (!fine)
		*error = broken("kept");
	text_release(&lines);
	return fine;
}

char *
spool_cursor(const struct spool *spool)
{
	return spool->last ? xformat("%lld", spool->last) : NULL;
}

void
spool_close(struct spool *spool)
{
	if (spool->file >= 0)
		close(spool->file);
	json_free(spool->items);
	*spool = (struct spool){-1, 0, NULL};
}
