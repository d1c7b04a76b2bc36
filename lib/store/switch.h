/* SPDX-License-Identifier: MIT */
/* A place changes hands, and back. Within a transaction of the caller's. */
#ifndef SWITCH_H
#define SWITCH_H

#include "db.h"

/*
 * Bind the place to the session, seat it there, and put the notice at the head of that
 * key's queue, already claimed; adds "event" to the record, or an error.
 */
void handoff_switch(struct db *db, struct json *record);

/*
 * The session comes back to the command line, which needs no adapter: the handoff, pending
 * still, is completed at once. False: a message is being answered where it is now.
 */
bool handoff_to_desk(struct db *db, long long id);

/* Once it has completed: who reads at the place it came from is told where it went. */
void handoff_tell(struct db *db, long long id);

/* The words for who writes at a place that the session has left. Owned. */
char *handoff_left_words(struct db *db, const char *session, const struct json *from);

/* What was switched is put back, unless somebody has used the place since. */
void handoff_undo(struct db *db, long long id);

#endif
