/* SPDX-License-Identifier: MIT */
/*
 * What the files of hermes-adapter-matrix share: api.c asks the homeserver, room.c knows
 * rooms and who is in them, resolve.c finds them by what people type, text.c how words look,
 * event.c what events say, poll.c hears, people.c logs in; the other verbs are in the adapter
 * itself.
 */
#ifndef MATRIX_H
#define MATRIX_H

#include "api.h"
#include "message.h"

extern const struct adapter_need matrix_needs[];

/* Ends the program with 78 where there is no token, or no homeserver. */
void matrix_ready(void);

/*
 * One call. `path` follows /_matrix/client/; each % in it is the next argument, escaped.
 * All of them may be repeated: they are questions, or say what is to be, or have a key.
 * `verb` NULL: POST with a body, GET without. Takes `body`.
 */
struct api_call matrix_ask(const char *verb, struct json *body, const char *path, ...);
/* The same for a path that is written already, and a time limit. */
struct api_call matrix_wait(const char *path, double limit);
/* Trade a password for the access token of a device: its old token ends. */
struct api_call matrix_login(const char *user, const char *password, const char *device);
/* What an object at the path has under a key that may hold whatever parts paths. Owned or NULL. */
struct json *matrix_entry(const struct json *value, const char *path, const char *key);
bool matrix_missing(const struct api_call *call); /* it says that there is no such thing */

/* whoami: user_id and device_id, borrowed; NULL with the trouble in `call`. */
const struct json *matrix_me(struct api_call *call);

/* A room that we are in. */
struct room {
	struct json *members; /* by user id, with display_name */
	bool dm;
	char *user;           /* of a dm: the human; else NULL */
};

/* False with the trouble in `call`. */
bool room_find(struct room *room, const char *id, struct api_call *call);
void room_release(struct room *room);
/* What a member is called. Owned. */
char *room_member(const struct room *room, const char *user);
/* Whether it is encrypted: 1, 0, or -1 with the trouble in `call`; and what to say then. */
int room_encrypted(const char *id, struct api_call *call);
extern const char encrypted_why[], encrypted_remedy[];

/* The place of a room, or of a thread in it; `thread` may be NULL. Owned. */
struct json *room_place(const struct room *room, const char *id, const char *thread);
/* Put `place` (taken), with a link, and its audience into `answer`. Returns `answer`. */
struct json *room_answer(struct json *answer, const struct room *room, struct json *place);

/* An event of a room, as sync and pages have it. `me` is the account that we are. */
bool event_is(const struct json *event, const char *type);
bool event_is_own(const struct json *event, const char *me);
/* Whether a human says something new: bots say notices, and a replacement says it again. */
bool event_is_said(const struct json *event, const char *me);
/* Whether we join by it. A new name of ours is such an event, too, but we were in before it. */
bool event_is_joining(const struct json *event, const char *me);
/* The thread that it is in, or NULL. */
const char *event_thread(const struct json *event);
/* Of what is said, the event of hermes-adapter(7). Owned. */
struct json *event_heard(const struct json *event, const char *id, const struct room *room);

/* How Matrix takes a text. */
extern const struct dialect matrix_dialect;
void put_part(struct json *content, const struct styled *part);

/* NULL asks for the home. */
struct json *matrix_resolve(const struct json *question);
struct json *matrix_join(const struct json *question);
struct json *matrix_poll(const struct json *question);
/* The id of a room by its alias, its id, or its human, owned; NULL with an error answer. */
char *matrix_room_id(const char *words, struct json **error);
const char *matrix_home(void); /* or NULL */

/* The verb for people: log in, and print the token. */
int matrix_people(int argc, char **argv);

#endif
