/* SPDX-License-Identifier: MIT */
/*
 * Seats: where a session is now, with an epoch. A surface that gave the session away
 * holds an old epoch, and changes nothing any more. One seat a session; its id names the
 * byte that a turn of this session holds.
 */
#ifndef SEATS_H
#define SEATS_H

#include "db.h"

/* Within a transaction: the seat's id, made if there is none. */
long long seat_of(struct db *db, const char *session);
long long seat_find(struct db *db, const char *session); /* 0 if there is none yet */
/* {"epoch","key","place","since"} or JSON null. Owned. */
struct json *seat_json(struct db *db, const char *session);
/* The place where the session is now; NULL: at the command line. Owned. */
struct json *seat_place(struct db *db, const char *session);
/* Whether this epoch is the session's; a session that never moved has epoch 1. */
bool seat_current(struct db *db, const char *session, long epoch);

/*
 * Within a transaction: the session sits there now (NULL: at the command line); the epoch
 * rises.
 */
void seat_move(struct db *db, const char *session, const char *key, const struct json *place,
	long long handoff);

/* Within a transaction: the place has another key, and is the same: no epoch rises. */
void seat_follow(struct db *db, const char *from, const char *key, const struct json *place);

/*
 * Within a transaction: back to what seat_json gave before a move that came to nothing, the
 * epoch too: whoever sat there is at home again.
 */
void seat_restore(struct db *db, const char *session, const struct json *before);

/*
 * Who speaks on this session now, in words (owned), or NULL: the holder of the turn's byte, or
 * Hermes Agent's row in session_turn_leases. For refusals; a turn itself takes the byte.
 */
char *seat_speaker(struct db *db, const char *session);
/* Whether Hermes Agent runs a turn on it. */
bool seat_foreign_turn(struct db *db, const char *session);

#endif
