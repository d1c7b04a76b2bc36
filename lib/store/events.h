/* SPDX-License-Identifier: MIT */
/*
 * Events: what was said to the agent, a queue by key. A platform's message is stored
 * once, with the cursor that covers it; a handoff's notice stands at the head of its
 * key's queue and is held exactly while its handoff is.
 *
 * queued -> running -> done, denied or failed. Functions run within a transaction of the
 * caller's, unless they only read.
 */
#ifndef EVENTS_H
#define EVENTS_H

#include "claims.h"

/*
 * Store one inbound event {"message","place","user":{"id","name"},"text","at","reply_to"}
 * of the platform. Returns its id; 0 if it was stored before; -1 if it is no event.
 */
long long event_put(struct db *db, const char *platform, const struct json *event);

/* A handoff's notice, claimed. Returns its id. */
long long event_notice(struct db *db, const struct json *record, const struct json *place,
	const char *key, const char *text, const char *origin, long long said);

/* Add what an event has come to: "event", and "turn" and "delivery" where they are done. */
void event_put_done(struct db *db, long long id, struct json *record);

/* Whether an event of the key is claimed (or a notice stands in it). */
bool event_key_busy(struct db *db, const char *key);

/* Claim up to `limit` of a platform (NULL: any), oldest first, one a key: an array of records. */
struct json *events_claim(struct db *db, const char *platform, long limit,
	const struct claimer *claimer);
/* Platforms with open events. Owned array of names. */
struct json *events_platforms(struct db *db);
long events_waiting(struct db *db, const char *platform, long most, double *next);

/* Which session it belongs to. */
void event_route(struct db *db, long long id, const char *session);
/* An outside act begins, or NULL; counts turns. */
void event_step(struct db *db, long long id, const char *step);
/* The agent's reply: the message that holds it and its actions. */
void event_replied(struct db *db, long long id, long long reply, const struct json *actions);
/* No turn will come of it: why. */
void event_gave_up(struct db *db, long long id, const char *why);

void event_end(struct db *db, long long id, const char *state, const char *error);
void event_postpone(struct db *db, long long id, double delay, bool counted, const char *why);
void event_return(struct db *db, long long id);

/* One event, or NULL, as JSON for list and retry. Owned. */
struct json *event_json(struct db *db, long long id);

#endif
