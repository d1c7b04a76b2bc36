/* SPDX-License-Identifier: MIT */
/*
 * A room of the platform `local`: a folder of files that people can read.
 *
 *	ROOT/ROOM/room.json         kind, title, members, bot, threads; missing: a dm with
 *	                            the user of the system
 *	ROOT/ROOM/messages          JSON lines, appended only, in the order of their ids
 *	ROOT/ROOM/threads/ID.json   a thread's title, and the delivery that opened it
 *
 * ROOT is LOCAL_ROOT, else $HERMES_HOME/local. Names come from outside and become names
 * of files: they are checked here, in one place. A message is one write under a lock on
 * `messages`, and on the disk before anybody is told of it; a line that a crash cut off
 * is ended by the next append and passed over by readers.
 */
#ifndef LOCAL_ROOM_H
#define LOCAL_ROOM_H

#include "json.h"

/* Why something cannot be, with a class of hermes-adapter(7). */
struct trouble {
	const char *class;
	char *why, *remedy; /* owned */
};
void trouble_release(struct trouble *trouble);
int trouble_status(const struct trouble *trouble); /* the exit status that says it */

struct room {
	char *name, *folder;
	struct json *card; /* room.json, or what stands for it */
	bool made;         /* the folder is there; only the home may lack it */
};

struct message {
	const char *thread, *delivery; /* or NULL */
	int part;
	const char *from, *name, *text;
	size_t length; /* of the text */
	bool bot;
};

enum append { APPENDED, NOT_APPENDED, MAYBE_APPENDED }; /* the last two with errno */

/* Letters, digits, ".", "_" and "-", no leading ".", at most 64 bytes. */
bool room_name_valid(const char *name);
const char *room_root(void);
const char *room_home(void); /* the name of the home */
/* The names of all rooms, as a sorted array; empty without a root. NULL with errno. Owned. */
struct json *room_names(void);

/* False with the trouble when there is no such room, or its room.json is none. */
bool room_find(struct room *room, const char *name, struct trouble *trouble);
void room_release(struct room *room);
/* Write the card, making the folder if it is missing; -1 with errno. */
int room_save(struct room *room);

const char *room_kind(const struct room *room);
const char *room_bot(const struct room *room); /* the name that Hermes has there */
bool room_has_threads(const struct room *room);
/* The member with this id (NULL: the first), owned, or NULL. */
struct json *room_member(const struct room *room, const char *id);
/* What a room is that says nothing about itself. Owned. */
struct json *card_default(void);
/* The user of the system as a member. Owned. */
struct json *member_self(void);

/*
 * The place of the room, or of a thread in it. `speaker` is the user it carries; NULL
 * gives a dm its human, and others none.
 */
struct json *room_place(const struct room *room, const char *thread, const char *speaker);
struct json *room_audience(const struct room *room);

char *room_messages(const struct room *room); /* the path, owned */
/* The messages, opened, locked for writing, made if missing: close it. -1 with errno. */
int room_lock(struct room *room);
bool thread_exists(const struct room *room, const char *thread);
/* The thread's id, title, delivery and time, owned; NULL if it is not there. */
struct json *thread_card(const struct room *room, const char *thread);
/* The thread's id, owned; the same delivery and title give the same one. NULL with errno. */
char *thread_open(struct room *room, const char *title, const char *delivery);

/*
 * Append, and give its id (owned). The same text under the same delivery and part is
 * there already: its id, and nothing is added.
 */
enum append room_append(struct room *room, const struct message *message, char **id);

#endif
