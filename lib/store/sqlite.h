/* SPDX-License-Identifier: MIT */
/*
 * What the two halves of the database share: db.c runs statements and transactions,
 * open.c finds, makes and opens the file. Nobody else includes this, nor sqlite3.h.
 */
#ifndef SQLITE_H
#define SQLITE_H

#include "db.h"

#include <sqlite3.h>

struct rows {
	struct db *db;
	const char *sql;
	sqlite3_stmt *statement;
	bool busy;
	struct rows *next;
};

struct db {
	sqlite3 *sqlite, *second; /* the second only ever holds BEGIN IMMEDIATE */
	char *path;
	struct rows *kept;
	int queue;                /* descriptor of state.db-queue; -1 for a reader */
	bool guarded, wake, in_queue;
	bool crowded;             /* others of ours were in the queue before us */
	int frames;               /* in the WAL after our last commit */
	long long version;
	double busy_since, began;
	double patience;          /* seconds that the busy handler waits */
};

/* The store's trouble ends the program, in words for its code. */
void sqlite_trouble(struct db *db, int code) __attribute__((noreturn));
void sqlite_check(struct db *db, int code);

/* Between half and one and a half of `seconds`, different in every process. */
double sqlite_jitter(double seconds);

/* Connect with the flags, our busy handler and no checkpoints of SQLite's own. */
int sqlite_connect(struct db *db, const char *uri, int flags);
char *sqlite_uri(const char *path, const char *query); /* owned */
/* The first read maps the WAL index and does any recovery. */
int sqlite_first_read(struct db *db);
void sqlite_forget_statements(struct db *db);

#endif
