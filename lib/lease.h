/* SPDX-License-Identifier: MIT */
/*
 * Leases that the kernel holds: a byte of $HERMES_HOME/runs for every row that can
 * be held, offset = kind * 2^56 + id, locked through an open file description.
 *
 * A pipeline's shell opens the file as descriptor 9 and every stage inherits it, so
 * a lease lives exactly as long as any process of that pipeline: nobody renews it,
 * no clock is asked, kill -9 frees it. An engine on many hosts would replace this
 * file and nothing else.
 */
#ifndef LEASE_H
#define LEASE_H

#include <stdbool.h>

enum lease_kind { LEASE_HANDOFF = 1, LEASE_EVENT, LEASE_TURN, LEASE_LISTENER, LEASE_POLL,
	LEASE_DELIVERY };

enum { LEASE_FD = 9 };

/* Descriptor 9 if it is really our file, open for writing; else -1. */
int lease_inherited(void);
/* A descriptor of one's own (close-on-exec), opened once; dies with 74. */
int lease_own(void);

/* Try the byte: true means it is ours now, false means a living process holds it. */
bool lease_take(int fd, enum lease_kind kind, long long id);
void lease_drop(int fd, enum lease_kind kind, long long id);

/*
 * A hint only, for status and for deciding whether to start work: does anybody but
 * this descriptor hold it? Never decide a claim by it.
 */
bool lease_held(enum lease_kind kind, long long id);

#endif
