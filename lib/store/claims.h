/* SPDX-License-Identifier: MIT */
/*
 * Who may hold a row of a queue. A row is free when nobody's lease is on its byte and no
 * claim by hand still holds it. Every later write names the fence that the claim raised.
 */
#ifndef CLAIMS_H
#define CLAIMS_H

#include "db.h"
#include "lease.h"

struct claimer {
	int fd;       /* where the bytes are locked */
	double hold;  /* seconds of a claim by hand; 0: the kernel holds it */
	char *holder; /* "group@host", the pipeline's process group, for people to read */
};

/* Descriptor 9 if it is ours, else by hand for `hold` seconds (0: the usual), said on stderr. */
struct claimer claimer_now(double hold);

/* For a program that does itself what it claims: the kernel holds it for this process's life. */
struct claimer claimer_own(void);

/*
 * Within a transaction: try for the row. `held_at` and `hold` are the row's own (hold 0:
 * none). True: its byte is ours; raise the fence.
 */
bool claim_try(const struct claimer *claimer, enum lease_kind kind, long long id, double held_at,
	double hold);

/* Whether a row's queue state lets it be claimed now: no attempt pending in the future. */
bool claim_due(struct rows *rows, int not_before, int delay);

/*
 * For waiting rows: is it free now? `at` and `delay` are when it is due, `held_at` and
 * `hold` its claim by hand (0: none). Otherwise *next is lowered to when to look again.
 */
struct wait {
	double at, delay, held_at, hold;
};
bool claim_free(enum lease_kind kind, long long id, const struct wait *wait, double *next);

/* Whether something only waits for another's turn to end, and is due within moments. */
bool claims_soon(struct db *db);

/*
 * Within a transaction: whether this record's claim still stands (its handoff's fence, or
 * its event's). False puts an error into the record: somebody else has the work now.
 */
bool claim_stands(struct db *db, struct json *record);

/* A stage begins an outside act that may take `limit` seconds: a claim by hand reaches past it. */
void claim_extend(struct db *db, const struct json *record, double limit);

/* After the commit that ended or postponed it: others may have it. */
void claim_release(const struct json *record);

#endif
