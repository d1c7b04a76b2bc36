/* SPDX-License-Identifier: MIT */
/*
 * For platforms that hand a message over once and forget it: what came is on the disk
 * before anybody is told of it, and stays there until a cursor covers it. So a poll that is
 * not heard to its end is answered again by the next.
 *
 *	$HERMES_HOME/PLATFORM.spool     JSON lines {"at":SEQUENCE,"item":…}
 *
 * The cursor is the sequence number of the last item. Numbers go on from the cursor or the
 * file, whichever is ahead: neither of the two alone need survive. One poll at a time has it;
 * another waits for it, PATIENCE seconds.
 */
#ifndef SPOOL_H
#define SPOOL_H

#include "json.h"

struct spool {
	int file;
	long long last;     /* the number given last */
	struct json *items; /* those that no cursor covers, oldest first */
};

/* False with an answer of trouble in *error: another poll has it, or it cannot be kept. */
bool spool_open(struct spool *spool, const char *cursor, struct json **error);
/* Keep what came, an array; it is on the disk when this returns. */
bool spool_add(struct spool *spool, const struct json *items, struct json **error);
/* The same when another process, forked off with this spool, has added them. */
void spool_take(struct spool *spool, const struct json *items);
/* The cursor that covers all of it. Owned; NULL: nothing ever came. */
char *spool_cursor(const struct spool *spool);
void spool_close(struct spool *spool);

#endif
