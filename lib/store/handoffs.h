/* SPDX-License-Identifier: MIT */
/*
 * Handoffs: the wish to continue a session elsewhere, one row a request, kept.
 * pending -> running -> completed, failed, cancelled or expired. The truth is here;
 * sessions.handoff_* is a published summary for other programs.
 *
 * Unless said otherwise functions run within a transaction of the caller's.
 */
#ifndef HANDOFFS_H
#define HANDOFFS_H

#include "claims.h"
#include "log.h"

/* What stands where a platform's name could: the command line. */
extern const char handoff_desk[];

struct request {
	const char *id;       /* the requester's own name for it; NULL: one is made */
	const char *session, *platform, *requester;
	const struct json *wanted;  /* a place, perhaps with its "audience"; NULL: the home */
	bool elsewhere;             /* it is not simply the home: no other program can carry it */
	const char *notice;         /* the words of the synthetic turn, or NULL: the usual ones */
	const struct json *options; /* {"no_turn","require_thread","shared","replace","exact"} or NULL */
	long long retry_of;         /* or 0 */
};

/* The options of a request that are set; NULL if none is. `exact`: no fresh thread. Owned. */
struct json *request_options(bool no_turn, bool require_thread, bool shared, bool replace,
	bool exact);

/*
 * `wanted` of a way back: the place that the session came from by its last handoff that
 * completed, or NULL: the command line. False: it was never handed off. Owned.
 */
bool handoff_back(struct db *db, const char *session, struct json **wanted);

/*
 * Queue a request (to the command line it is completed at once); returns its id, also when the same request was made before. 0: refused,
 * with *status (75 in flight, 65 same id with other content) and *why (owned).
 */
long long handoff_request(struct db *db, const struct request *request, int *status, char **why);

/* The whole row as JSON for people and scripts, or NULL. No transaction needed. Owned. */
struct json *handoff_json(struct db *db, long long id);
/* The newest handoff of a session, 0 if it never had one. No transaction needed. */
long long handoff_newest(struct db *db, const char *session);
/* Which one is in flight for the session, or 0. No transaction needed. */
long long handoff_in_flight(struct db *db, const char *session);

/*
 * Before the transaction that claims: while a gateway of Hermes Agent lives, adapters are
 * asked whether it knows their platforms, and no adapter is run inside a transaction.
 */
void handoffs_foresee(struct db *db);

/*
 * Claim up to `limit`, oldest request first, of one session and one platform, or (NULL) of
 * all: an array of records. A reclaimed record carries what is done, never an old error.
 */
struct json *handoffs_claim(struct db *db, const char *session, const char *platform, long limit,
	const struct claimer *claimer);

/* An outside act begins ("opening") or its result is known (NULL). */
void handoff_step(struct db *db, const struct json *record, const char *step);
/* The thread stage's result is kept: a retry reuses it. */
void handoff_place(struct db *db, const struct json *record);

/* The end. What a failed or cancelled one had switched is put back where that is possible. */
void handoff_end(struct db *db, long long id, const char *state, int code, const char *error);
/* Back to its queue: due in `delay` seconds, another attempt counted or not. */
void handoff_postpone(struct db *db, long long id, double delay, bool counted, const char *why);
/* A claim given back with nothing done. */
void handoff_return(struct db *db, long long id);

/* Pending ones whose time is over. */
void handoffs_expire(struct db *db);
/* Platforms with open handoffs. Owned array of names. */
struct json *handoffs_platforms(struct db *db);
/*
 * How many of a platform's claim would find now, counted up to `most`; and when to look again without a
 * bell (*next, seconds from now, lowered): one becomes due, or a holder may have died.
 */
long handoffs_waiting(struct db *db, const char *platform, long most, double *next);
/* The same for one session's: whether it waits for somebody to carry it. */
bool handoff_waits(struct db *db, const char *session, double *next);

/* Set sessions.handoff_* from the row; `was` is the fence that a running one is published with. */
void handoff_publish(struct db *db, long long id);

#endif
