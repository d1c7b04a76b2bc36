/* SPDX-License-Identifier: MIT */
/*
 * The tables, declared once. sessions and messages have the shape of Hermes Agent's
 * store, so that one file serves both; what is ours is called courier_*. A writer adds
 * what is missing; nothing unknown is dropped or rewritten; nothing is rebuilt.
 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "db.h"

/* Whether all that this version declares is there: one cheap look. */
bool schema_whole(struct db *db);
/* Add what is missing, within a transaction. */
void schema_make(struct db *db);
/*
 * For a reader of a store that lacks some of it: temporary stand-ins in the reader's own
 * connection, so that every query works and the file stays as it is.
 */
void schema_shim(struct db *db);

#endif
