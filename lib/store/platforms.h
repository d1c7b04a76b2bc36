/* SPDX-License-Identifier: MIT */
/*
 * What the store knows of a platform: how far it was heard (cursor), who listens, and
 * that it wants to be left alone until some time.
 */
#ifndef PLATFORMS_H
#define PLATFORMS_H

#include "db.h"

/* Within a transaction: the row's id, made if there is none. It names listener's and poll's bytes. */
long long platform_row(struct db *db, const char *platform);
long long platform_find(struct db *db, const char *platform); /* 0 if there is none */

char *platform_cursor(struct db *db, const char *platform); /* owned, or NULL */
/* Whether a poll that brought nothing but this cursor (or NULL) says anything new. */
bool platform_news(struct db *db, const char *platform, const char *cursor);
void platform_heard(struct db *db, const char *platform, const char *cursor);
/*
 * The last poll failed, in words; `busy`: because somebody else listens there. A cursor (or
 * NULL) is where the next one goes on all the same.
 */
void platform_trouble(struct db *db, const char *platform, const char *error, bool busy,
	const char *cursor);

/* Whether a watcher on this store serves it now. */
bool platform_served(struct db *db, const char *platform);
/*
 * Whether it belongs to somebody else who listens there: the platform told us so a moment
 * ago, or there is a live gateway of Hermes Agent that knows such platforms (`about` says
 * so) while no watcher of ours serves it.
 */
bool platform_foreign(struct db *db, const char *platform);
/* Whether any gateway of Hermes Agent is alive on this store. */
bool gateway_lives(struct db *db);

/* Seconds that it, or this chat of it (NULL: none), wants to be left alone still; 0: none. */
double platform_rest(struct db *db, const char *platform, const char *chat);
/*
 * Within a transaction: keep what an answer says of that ("retry_after" of trouble, "rest" of
 * success; "scope":"chat" means this chat only). A day at most. Returns the seconds, or 0.
 */
double platform_heed(struct db *db, const char *platform, const char *chat,
	const struct json *answer);
/* The same of its messages: a limit on asking for them holds up no text, but not the reverse. */
double platform_poll_rest(struct db *db, const char *platform);
void platform_poll_heed(struct db *db, const char *platform, const struct json *error);

/*
 * What the adapter makes of a question where to go: {"place","audience"}, or NULL and the record
 * says why. A rest that it asks for is kept; without a store (NULL) it is not. Owned.
 */
struct json *platform_resolve(struct db *db, const char *platform, const struct json *question,
	struct json *record);

#endif
