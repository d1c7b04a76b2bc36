/* SPDX-License-Identifier: MIT */
/*
 * Sessions: one conversation each. Ids are local time and random hex, as Hermes Agent's.
 */
#ifndef SESSIONS_H
#define SESSIONS_H

#include "db.h"

/* Within a transaction: a new session, its id owned. Absent keys of `given` stay NULL. */
char *session_new(struct db *db, const char *source, const struct json *given);
bool session_exists(struct db *db, const char *id);

/*
 * The session that a person names: an id, a unique prefix of one, or a title. Owned.
 * Otherwise ends the program: 66 none; 64 several, which it lists.
 */
char *session_named(struct db *db, const char *words);
/* The newest session that began at the command line, or NULL. Owned. */
char *session_newest_cli(struct db *db);
/* A compressed session goes on in its child: the newest descendant, or itself. Owned. */
char *session_current(struct db *db, const char *id);

/* {"id","title","source","cwd","branch","repository","model"}: what travels in a record. Owned. */
struct json *session_brief(struct db *db, const char *id);
/* Every column that is not NULL, with seat and bindings. NULL if there is none. Owned. */
struct json *session_whole(struct db *db, const char *id);

/* Within a transaction. The next message reopens a session that was ended elsewhere. */
void session_reopen(struct db *db, const char *id);
/* Titles are unique, 100 characters at most. False: another session has it. */
bool session_retitle(struct db *db, const char *id, const char *title);

#endif
