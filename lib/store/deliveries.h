/* SPDX-License-Identifier: MIT */
/*
 * Deliveries: one outbound text each, on its way to a place, in parts. Before a part is
 * handed to the platform the store says "sending"; found in that state after a crash, it
 * is uncertain whether the part arrived.
 *
 * pending -> sending -> sent, failed, unknown or dropped. One that belongs to an event
 * goes on with it; any other is taken up when it is due. Functions run within a
 * transaction of the caller's, unless they only read.
 */
#ifndef DELIVERIES_H
#define DELIVERIES_H

#include "claims.h"

/* The delivery for the record's turn, or for its notice alone; made once an event. */
long long delivery_of_record(struct db *db, const struct json *record, const char *text,
	size_t length);
/* One that belongs to nothing: a text for a place. */
long long delivery_new(struct db *db, const struct json *place, const char *session,
	const char *text, size_t length);

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
	char *platform;
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
void delivery_not_sent(struct db *db, long long id);
/* It may have arrived. */
void delivery_uncertain(struct db *db, long long id);
void delivery_end(struct db *db, long long id, const char *state, const char *error);
void delivery_postpone(struct db *db, long long id, double delay, bool counted, const char *why);

/* Those that belong to nothing and are due: ids, claimed. Owned array of texts. */
struct json *deliveries_claim(struct db *db, long limit, const struct claimer *claimer);
long deliveries_waiting(struct db *db, long most, double *next);

#endif
