/* SPDX-License-Identifier: MIT */
/*
 * What the files of hermes-adapter-webhook share: signed requests, the receiver's names as
 * places, and what comes in.
 */
#ifndef WEBHOOK_H
#define WEBHOOK_H

#include "api.h"

/* The version of what goes out (hermes-adapter-webhook(1)). */
enum { WEBHOOK_VERSION = 1 };

extern const struct adapter_need webhook_needs[];

/* Ends the program with 78 when address or secret are missing, or are none. */
void webhook_ready(void);

/*
 * Post `body` to the receiver under a key of its own: the same key is the same message.
 * Get what people said there after a cursor (NULL: the first time), within so many seconds.
 */
void webhook_post(const char *key, const struct json *body, struct api_call *call);
void webhook_get(const char *after, double wait, struct api_call *call);

/* Whether one of these signatures of Standard Webhooks ("v1,… v1,…") is that of the body. */
bool standard_signed(const char *id, const char *time, const char *signatures,
	const struct text *body);

/* A name that a chat or thread may have: no spaces, and a letter or digit in it. */
bool is_name(const char *text);
/* "dm", "group" or "channel": what chats of this receiver are. */
const char *webhook_kind(void);
/* A place of this receiver; a private chat's human is `user`, or bears the chat's name. Owned. */
struct json *webhook_place(const char *chat, const char *thread, const char *user);
/* The answer with a place and its audience. Takes `place`; gives `answer`. */
struct json *put_place(struct json *answer, struct json *place);
/* NULL asks for the home. */
struct json *webhook_resolve(const struct json *question);

/*
 * Events from what a receiver says: {"events":[…]}, a list of them, or one, whose id may be
 * missing when `key` is given. Owned; NULL: it says none of that.
 */
struct json *read_events(const struct json *said, const char *key);

/* The verb for people: `verify`. */
int webhook_extra(int argc, char **argv);

#endif
