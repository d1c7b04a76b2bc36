/* SPDX-License-Identifier: MIT */
/*
 * Bindings: which session a message at a place belongs to, by the place's key.
 */
#ifndef BINDINGS_H
#define BINDINGS_H

#include "db.h"

/*
 * The key under which a message from this place is kept: the whole room's where a session
 * was handed to the room, else the place's own. Owned.
 */
char *binding_key(struct db *db, const struct json *place);

/*
 * The session bound to the place, or NULL; owned. Where we hold no binding, a session
 * that another program keeps under that key counts.
 */
char *binding_session(struct db *db, const struct json *place);

/*
 * The live session that `session` would push out of the place: one bound to it, or to
 * a speaker in that room. NULL: none. Owned.
 */
char *binding_pushed_out(struct db *db, const struct json *place, const char *session);

/* Whether a session was handed to this user here, in a private chat. */
bool binding_handed_to(struct db *db, const char *key, const char *user);

/* Within a transaction: bind; counts as a change. */
void binding_set(struct db *db, const struct json *place, const char *session, long long handoff);
/* Within a transaction: an event was routed through it. */
void binding_used(struct db *db, const char *key);

/* {"key","session","version","used"} or JSON null: what an undo needs. Owned. */
struct json *binding_state(struct db *db, const char *key);
/* Within a transaction: put back, if it is still at `version` and unused since. False if not. */
bool binding_restore(struct db *db, const char *key, const struct json *before, long long version);

#endif
