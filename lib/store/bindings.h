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
 * The session bound to a place may have gone on elsewhere; its binding stays, so that who
 * writes there is told so, once.
 */
enum presence {
	PRESENT,  /* it is there, or nothing is bound; or the event was said before it left */
	LEAVING,  /* the handoff that takes it away is running still */
	LEFT,     /* it left, and nobody has said so to those who write there */
	LEFT_HUSH, /* they are being told; the event was said before they could know */
	LEFT_TOLD, /* they were told, and went on writing */
};
/* How the session bound to the place is to `event`. `key`: of that binding; owned, or NULL. */
enum presence binding_presence(struct db *db, const struct json *place, long long event,
	char **key);

/* Whether the session bound to the place has left it. */
bool binding_is_left(struct db *db, const struct json *place);

/* Within a transaction: the session goes to `key` (NULL: nowhere); all else bound to it is left. */
void binding_leave(struct db *db, const char *session, const char *key, long long handoff);
/* Within a transaction: that came to nothing. */
void binding_return(struct db *db, long long handoff);
/* Within a transaction: this delivery tells them. */
void binding_tell(struct db *db, const char *key, long long delivery);
/* Within a transaction: nothing is bound there any more. */
void binding_forget(struct db *db, const char *key);
/* The place where the session was before it ever had a seat, by what is bound to it; or NULL. Owned. */
struct json *binding_place(struct db *db, const char *session);

/*
 * The live session that `session` would push out of the place: one bound to it, or, where
 * that is a whole room, to a speaker there. NULL: none. Owned.
 */
char *binding_pushed_out(struct db *db, const struct json *place, const char *session);

/* Whether a session was handed to this user here, in a private chat. */
bool binding_handed_to(struct db *db, const char *key, const char *user);

/* Within a transaction: bind; counts as a change. */
void binding_set(struct db *db, const struct json *place, const char *session, long long handoff);
/*
 * Within a transaction: the chat has another id now. Its bindings hold under that one, too, unless
 * the place is bound already, and who sits there sits there. What was said before is still routed.
 */
void bindings_follow(struct db *db, const char *platform, const char *from, const char *to);
/*
 * Within a transaction: `from` has moved; the session bound to it is bound to `to` as well, and
 * sits there, unless another conversation lives there.
 */
void binding_follow(struct db *db, const struct json *from, const struct json *to);
/* Within a transaction: an event was routed through it. */
void binding_used(struct db *db, const char *key);

/* The binding as JSON, or JSON null: what an undo needs. Owned. */
struct json *binding_state(struct db *db, const char *key);
/* Within a transaction: put back, if it is still at `version` and unused since. False if not. */
bool binding_restore(struct db *db, const char *key, const struct json *before, long long version);

#endif
