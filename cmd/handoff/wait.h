/* SPDX-License-Identifier: MIT */
/* Seeing a handoff through: hermes handoff's second half. */
#ifndef WAIT_H
#define WAIT_H

#include "db.h"
#include "out.h"

#include <sys/types.h>

struct waiting {
	const char *platform, *session;
	long long id;
	bool no_carry;          /* leave the carrying to others */
	double timeout;         /* seconds; 0: none */
	struct out *out;
	/* wait.c's own */
	const char *work;       /* what carries it */
	pid_t carrier;          /* ours, or 0 */
	double rest, carry_at;  /* the next one not before carry_at; it rests longer each time */
	double claim_by, until; /* steady clock */
};

/* From before there is a request on, so that nobody ends in between and leaves it pending. */
void wait_heed_signals(void);
/* Wait until it ends or our time is over, carrying it ourselves if need be; says how it went. */
int wait_for(struct db *db, struct waiting *waiting);
/* Start what must be started, print the handoff, and leave. */
int wait_not(struct db *db, struct waiting *waiting);

#endif
