/* SPDX-License-Identifier: MIT */
/*
 * Dead chats: one that answered that it is blocked, that the bot was kicked, or that it is
 * deleted is not asked again and again. What it said is kept, and until it may be tried again
 * (after minutes, then hours, at most a day) everything for it is refused in those words. It
 * heals by itself: whatever succeeds there, or is heard from there, clears it.
 *
 * A thread that is gone says nothing of its chat. Functions run within a transaction of the
 * caller's, unless they only read.
 */
#ifndef CHATS_H
#define CHATS_H

#include "db.h"

/* Whether nothing is to be asked of it now: then the record gains an error. It only reads. */
bool chat_refused(struct db *db, struct json *record, const char *platform, const char *chat);
/* What an adapter answered to thread or send says of the chat: it lives, it is dead, or nothing. */
void chat_heed(struct db *db, const char *platform, const char *chat, const struct json *answer);
/* Something was heard from there. */
void chat_lives(struct db *db, const char *platform, const char *chat);
/* The next one may ask at once: a person wants to know. */
void chat_probe(struct db *db, const char *platform, const char *chat);

/* Those of a platform (NULL: of all), {"platform","chat","why","since","tries","probe"}. Owned. */
struct json *chats_dead(struct db *db, const char *platform);

#endif
