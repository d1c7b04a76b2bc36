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

/* What was switched is put back, unless somebody has used the place since. */
void handoff_undo(struct db *db, long long id);

#endif
