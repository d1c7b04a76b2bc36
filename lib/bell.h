/* SPDX-License-Identifier: MIT */
/*
 * Waking: whoever queued or settled work writes a byte to state.db-bell after its
 * COMMIT; waiters watch the folder with inotify. A foreign writer touches only
 * state.db-wal or -journal, and its commit becomes visible a little *after* that
 * event: a waiter then looks again at 50 us, doubling to 5 ms, for a second.
 *
 *	bell_open(&bell);
 *	while (!look())
 *		if (!bell_wait(&bell, deadline))
 *			break;
 *
 * The watch is added before the first look, and emptied before every look.
 */
#ifndef BELL_H
#define BELL_H

#include <stdbool.h>

struct bell {
	int fd;          /* inotify; poll it together with other descriptors; -1: none to be had */
	double pause;    /* current distance of re-looks after a touch; 0: not re-looking */
	double slowest;  /* and its limit */
	double until;    /* re-looks end here (steady clock) */
};

void bell_open(struct bell *bell);
void bell_close(struct bell *bell);
void bell_ring(void);

/*
 * Wait until it is worth looking at the store, at most until `deadline` (steady clock).
 * False when the deadline came. Returns early on a signal (true).
 */
bool bell_wait(struct bell *bell, double deadline);

/* For a loop of its own: seconds to sleep at most before the next look, given a wish. */
double bell_pause(const struct bell *bell, double wish);
/* Empty the queue after `fd` became readable or the pause passed; true: look now. */
bool bell_heard(struct bell *bell);

#endif
