/* SPDX-License-Identifier: MIT */
/*
 * The figures of the contract, and the clock. Each has one variable for tests.
 * Times are unix seconds, delays are seconds.
 */
#ifndef FIGURES_H
#define FIGURES_H

#include <stdbool.h>

double clock_now(void);       /* wall clock; HERMES_CLOCK shifts it by its seconds */
double clock_steady(void);    /* never goes back; for deadlines inside one process */
void clock_sleep(double seconds); /* so long, whatever signals come; no time when negative */

/*
 * Whether a stored time has come. One further ahead than its own delay was written
 * before the clock was set back: it is due at once.
 */
bool clock_due(double at, double delay, double now);

int figure_attempts(void);             /* HERMES_ATTEMPTS, 5 */
double figure_backoff(int attempt);    /* HERMES_BACKOFF, 2,8,30,120: after attempt 1, 2, … */
double figure_probe(int tries);        /* HERMES_PROBE, 300,1800,7200,28800,86400: a dead chat */
double figure_pending(void);           /* HERMES_PENDING, 900: a pending handoff expires */
double figure_adapter(void);           /* HERMES_ADAPTER_LIMIT, 60: one adapter call */
double figure_turn(void);              /* HERMES_TURN_LIMIT, 900: one turn */
double figure_claimed(void);           /* HERMES_CLAIM_WAIT, 60: how long a waiter waits for a claim */
double figure_hold(void);              /* HERMES_HOLD, 60: a claim by hand */
double figure_wait(void);              /* HERMES_WAIT, 1: a record that found its turn taken */
double figure_poll(void);              /* HERMES_POLL, 25: how long one poll may wait for messages */
double figure_grace(void);             /* HERMES_GRACE, 30: turns that finish after SIGTERM */

#endif
