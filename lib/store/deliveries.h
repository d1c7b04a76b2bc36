/* SPDX-License-Identifier: MIT */
/*
 * Deliveries: one outbound text each, on its way to a place, in parts. Before a part is
 * handed to the platform the store says "sending"; found in that state after a crash, it
 * is uncertain whether the part arrived.
 *
 * pending -> sending -> sent, failed, unknown or dropped. One that belongs to an event
 * goes on with it; any other is taken up when it is due. Texts to one place (a lane) are
 * sent in the order they were made, whoever sends them: only the first of a lane is taken.
 * Functions run within a transaction of the caller's, unless they only read.
 */
#ifndef DELIVERIES_H
#define DELIVERIES_H

#include "claims.h"

/* The delivery for the record's turn, or for its notice alone; made once an event. */
long long delivery_of_record(struct db *db, const struct json *record, const char *text,
	size_t length);

/* One that belongs to nothing: a text that somebody says at a place. */
struct said {
	const struct json *place;
	const char *session; /* that it is about, or NULL */
	const char *text;
	size_t length;
	const char *format;  /* "plain" or "markdown" */
	const char *title;   /* of a thread that is opened there first, or NULL */
	bool need_thread;    /* fail where there are no threads */
	bool record;         /* once it is sent, the session of the place holds it, too */
	const char *request; /* the script's own name for it, or NULL */
};
/* The id of the same request to the same place made before; -1: with another content; 0: none. */
long long delivery_requested(struct db *db, const struct said *said);
/*
 * Returns its id; that of the same request to the same place when it was made before; 0 when
 * that one has another content.
 */
long long delivery_new(struct db *db, const struct said *said);

/* {"id","state","ids","part","parts"} into the record. */
void delivery_put_done(struct db *db, long long id, struct json *record);
struct json *delivery_json(struct db *db, long long id); /* or NULL; owned */

/* What to hand to the adapter next. */
struct part {
	long long delivery;
	long part;
	bool again;      /* an earlier try of it may be there, since `since` */
	double since;
	struct json *place;
	char *text;
	char *platform, *format;
	char *reply_to;  /* the platform's id of the message there that it answers, or NULL */
};
/*
 * Say "sending": fills `part`; false if there is nothing (more) to send. `safe`: the
 * platform takes repeats (it knows a key, or can be read back). Elsewhere a part whose
 * arrival is uncertain is tried once more, marked, and then the delivery ends "unknown".
 */
bool delivery_begin(struct db *db, long long id, bool safe, struct part *part);
void part_release(struct part *part);

/* What came of it. */
void delivery_sent(struct db *db, long long id, const struct json *answer);
/* The place has moved, or is the thread that was opened. */
void delivery_moved(struct db *db, long long id, const struct json *place);
/* The chat has another id: what is on its way there goes to that. */
void deliveries_follow(struct db *db, const char *platform, const char *from, const char *to);
void delivery_not_sent(struct db *db, long long id);
/* It may have arrived. */
void delivery_uncertain(struct db *db, long long id);
/* It failed; or, while a part of it is uncertain, nobody knows. */
void delivery_end(struct db *db, long long id, const char *error);
void delivery_postpone(struct db *db, long long id, double delay, bool counted, const char *why);

/* The first of its lane, if that is another one; else 0. */
long long delivery_before(struct db *db, long long id);

/* Take one that belongs to nothing. LATER: *after says in how many seconds it may be due. */
enum taken { TAKEN, TAKEN_LATER, TAKEN_OTHER, TAKEN_OVER };
enum taken delivery_take(struct db *db, long long id, const struct claimer *claimer, double *after);
/* It stays as it is, for whoever comes next. */
void delivery_return(struct db *db, long long id);

/* Platforms where any wait that belong to nothing. No transaction needed. Owned array of names. */
struct json *deliveries_platforms(struct db *db);
/*
 * Those of a platform that belong to nothing and are due, a lane's first only: ids, claimed;
 * but none that was claimed since `since`. *rest: in how many seconds a rest ends that keeps
 * some, negative if none does.
 */
struct json *deliveries_claim(struct db *db, const char *platform, long limit,
	const struct claimer *claimer, double since, double *rest);
/* Whether there are any; *next is lowered to when to look again. */
bool deliveries_waiting(struct db *db, const char *platform, double *next);

#endif
