/* SPDX-License-Identifier: MIT */
/*
 * The database: behind this door alone SQLite is spoken (db.c, open.c). The store's trouble is the
 * program's trouble: whatever goes wrong here ends the program with 74 and words.
 *
 * Reading needs nothing but db_open(DB_READ). A write is db_begin … db_commit, which
 * guard against the loss of pages that SQLite 3.7.0 to 3.51.2 can suffer in WAL mode
 * when a commit falls into the middle of another's checkpoint
 * (https://sqlite.org/wal.html#walresetbug); docs/store.md tells the order of locks.
 */
#ifndef DB_H
#define DB_H

#include "json.h"

enum db_mode { DB_READ, DB_WRITE };

struct db;

/*
 * Open $HERMES_HOME/state.db. A missing one is an empty store; a writer makes it, and
 * adds what is missing to one that another program made. A reader changes nothing.
 */
struct db *db_open(enum db_mode mode);
struct db *db_open_at(const char *path, enum db_mode mode);
void db_close(struct db *db);

/* One short transaction; nothing outside the store happens in between. */
void db_begin(struct db *db);
void db_commit(struct db *db);
void db_abandon(struct db *db); /* roll back */
/* Within a transaction: work was queued or settled, ring the bell once it is committed. */
void db_wake(struct db *db);
/* Whether another connection has changed the store since this was last asked. */
bool db_changed(struct db *db);
/* For a program that commits in a loop: rest as long as it worked, so that others get in. */
void db_rest(struct db *db);

/*
 * A query: `kinds` has a letter for each bound value: s string or NULL, b bytes and
 * size_t, i long long, d double, j const struct json * or NULL (stored as text).
 * Statements are kept by the address of `sql`: pass literals.
 */
struct rows;
struct rows *db_query(struct db *db, const char *sql, const char *kinds, ...);
bool rows_next(struct rows *rows); /* false at the end; the rows are then ended */
void rows_end(struct rows *rows);  /* before the end */

/* Columns; texts are borrowed until the next row. NULL or 0 for SQL NULL. */
const char *row_text(struct rows *rows, int column);
const char *row_bytes(struct rows *rows, int column, size_t *length);
char *row_copy(struct rows *rows, int column); /* owned, or NULL */
long long row_int(struct rows *rows, int column);
double row_real(struct rows *rows, int column);
bool row_null(struct rows *rows, int column);
struct json *row_json(struct rows *rows, int column); /* owned; JSON null for SQL NULL */
/* Add a column that is not NULL to `object`: as a text, a number, or the JSON it holds. */
void row_put_text(struct rows *rows, int column, struct json *object, const char *key);
void row_put_number(struct rows *rows, int column, struct json *object, const char *key);
void row_put_json(struct rows *rows, int column, struct json *object, const char *key);
int row_columns(struct rows *rows);
const char *row_name(struct rows *rows, int column);

/* Run to the end; returns the number of rows changed. */
long long db_run(struct db *db, const char *sql, const char *kinds, ...);
long long db_last_id(struct db *db);
/* The first column of the first row as a number, or `otherwise`. */
long long db_number(struct db *db, long long otherwise, const char *sql, const char *kinds, ...);
/* The same as an owned text, or NULL. */
char *db_word(struct db *db, const char *sql, const char *kinds, ...);
/*
 * Names, each once: `sql` gives the first one after its only parameter, so that each costs a
 * step in an index. Owned array of texts.
 */
struct json *db_names(struct db *db, const char *sql);
/* Whether the statement compiles: whether tables and columns are there. */
bool db_knows(struct db *db, const char *sql);
/* Run SQL text that is not kept, several statements too. */
void db_script(struct db *db, const char *sql);

const char *db_journal(struct db *db);      /* "wal", "delete", … */
const char *db_library(void);               /* SQLite's version */
void db_backup(struct db *db, const char *path); /* a whole copy, 0600; 74 if it cannot be made */
const char *db_path(const struct db *db);

#endif
