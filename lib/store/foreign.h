/* SPDX-License-Identifier: MIT */
/*
 * What another program wrote into sessions.handoff_*: a pending one is adopted as a
 * request; a claim or a result of its gateway is recorded. Called first by claim, status
 * and the waiter.
 */
#ifndef FOREIGN_H
#define FOREIGN_H

#include "db.h"

/* Looks first, and begins a transaction only when there is something to take in. */
void foreign_take_in(struct db *db);
/* The same within a transaction. */
void foreign_adopt(struct db *db);

#endif
