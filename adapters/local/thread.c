/* SPDX-License-Identifier: MIT */
/*
 * Threads of a room: ROOM/threads/ID.json holds a thread's title. Its id is made from the
 * delivery that opens it, so that the same delivery finds the same thread again.
 */
#include "room.h"

#include "die.h"
#include "figures.h"
#include "file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *
threads_folder(const struct room *room)
{
	return xformat("%s/threads", room->folder);
}

static char *
thread_path(const struct room *room, const char *thread)
{
	return xformat("%s/threads/%s.json", room->folder, thread);
}

bool
thread_exists(const struct room *room, const char *thread)
{
	char *path;
	bool there;

	if (!room_name_valid(thread))
		return false;
	path = thread_path(room, thread);
	there = !access(path, F_OK);
	free(path);
	return there;
}

struct json *
thread_card(const struct room *room, const char *thread)
{
	struct text bytes = TEXT_INIT;
	char *path = thread_path(room, thread);
	struct json *card = NULL;

	if (!file_read(path, &bytes))
		card = json_parse(bytes.at, bytes.length, NULL);
	text_release(&bytes);
	free(path);
	return card;
}

/*
 * The name of the `count`th thread that wants to be called after this delivery: a store
 * that was begun anew counts its deliveries from the beginning, too.
 */
static char *
thread_name(const char *delivery, int count)
{
	char *name = *delivery ? xformat("%.48s", delivery) : xformat("t%.0f", clock_now() * 1000);
	char *whole;

	for (char *at = name; *at; at++)
		if (!room_name_valid((char[]){*at, '\0'}) && (at == name || *at != '.'))
			*at = '-';
	if (count == 1)
		return name;
	whole = xformat("%s-%d", name, count);
	free(name);
	return whole;
}

static struct json *
thread_new(const char *title, const char *delivery)
{
	struct json *card = json_object();

	json_put_text(card, "title", title);
	json_put_text(card, "delivery", delivery);
	json_put_number(card, "at", clock_now());
	return card;
}

static bool
same_thread(const struct json *one, const struct json *other)
{
	const char *delivery = json_text_or(one, "delivery", "");

	return *delivery && !strcmp(delivery, json_text_or(other, "delivery", ""))
		&& !strcmp(json_text_or(one, "title", ""), json_text_or(other, "title", ""));
}

static int
thread_write(const struct room *room, const char *name, struct json *card)
{
	char *folder = threads_folder(room), *file = xformat("%s.json", name);
	int failed;

	json_put_text(card, "id", name);
	failed = folder_make(folder, room->folder) || file_put(folder, file, card) ? -1 : 0;
	free(folder);
	free(file);
	return failed;
}

/* Under the room's lock: the thread that this card opens, or has opened. */
static char *
thread_put(const struct room *room, struct json *card)
{
	for (int count = 1;; count++) {
		char *name = thread_name(json_text(card, "delivery"), count);
		struct json *there = thread_card(room, name);
		bool taken = there && !same_thread(there, card);
		bool failed = !there && thread_write(room, name, card);

		json_free(there);
		if (!taken && !failed)
			return name;
		free(name);
		if (failed)
			return NULL;
	}
}

char *
thread_open(struct room *room, const char *title, const char *delivery)
{
	struct json *card = thread_new(title, delivery ? delivery : "");
	int lock = room_lock(room);
	char *thread = NULL;

	if (lock >= 0) {
		thread = thread_put(room, card);
		close(lock);
	}
	json_free(card);
	return thread;
}
