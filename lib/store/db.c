/* SPDX-License-Identifier: MIT */
/*
 * Order of locks in a write, and why, is in docs/store.md. In short: the queue
 * (fairness), SQLite's checkpoint lock (slot 1 of the WAL index, so that no checkpoint
 * is under way), BEGIN IMMEDIATE; and back.
 */
#include "sqlite.h"

#include "bell.h"
#include "die.h"
#include "figures.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/time.h>
#include <time.h>

enum { CHECKPOINT_SLOT = 1, CHECKPOINT_FRAMES = 1000 };

static const double QUEUE_LIMIT = 5, BEGIN_LIMIT = 20, BUSY_LIMIT = 0.25;
/* Seconds; SQLite's own busy handler looks again after 0.1 at the latest. */
static const double REST_LEAST = 1e-3, REST_MOST = 0.15;

void
sqlite_trouble(struct db *db, int code)
{
	const char *path = db->path, *words = sqlite3_errmsg(db->sqlite);

	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		die(EX_STORE, "%s: is damaged (%s); nothing was changed; restore a backup", path, words);
	case SQLITE_FULL:
		die(EX_STORE, "%s: the disk is full; nothing was changed; make room", path);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		die(EX_STORE, "%s: stays locked by another program; nothing was changed; try again", path);
	case SQLITE_READONLY:
		die(EX_STORE, "%s: is read-only; nothing was changed", path);
	case SQLITE_CANTOPEN:
		die(EX_STORE, "%s: cannot be opened (%s)", path, words);
	default:
		die(EX_STORE, "%s: %s; nothing was changed", path, words);
	}
}

void
sqlite_check(struct db *db, int code)
{
	if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW)
		sqlite_trouble(db, code);
}

double
sqlite_jitter(double seconds)
{
	unsigned random;

	sqlite3_randomness(sizeof random, &random);
	return seconds * (0.5 + (double)random / 4294967296.0);
}

static struct rows *
prepare(struct db *db, const char *sql)
{
	struct rows *rows;

	for (rows = db->kept; rows; rows = rows->next)
		if (rows->sql == sql && !rows->busy)
			return rows;
	rows = xmalloc(sizeof *rows);
	*rows = (struct rows){.db = db, .sql = sql, .next = db->kept};
	sqlite_check(db, sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT,
		&rows->statement, NULL));
	db->kept = rows;
	return rows;
}

static int
bind_text(sqlite3_stmt *statement, int at, const char *text, size_t length)
{
	if (!text)
		return sqlite3_bind_null(statement, at);
	return sqlite3_bind_text64(statement, at, text, length, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static void
bind(struct rows *rows, const char *kinds, va_list values)
{
	sqlite3_stmt *statement = rows->statement;

	for (int at = 1; kinds[at - 1]; at++) {
		const struct json *json;
		const char *text;
		char *printed;
		int code = SQLITE_MISUSE;

		switch (kinds[at - 1]) {
		case 's':
			text = va_arg(values, const char *);
			code = bind_text(statement, at, text, text ? strlen(text) : 0);
			break;
		case 'b':
			text = va_arg(values, const char *);
			code = bind_text(statement, at, text, va_arg(values, size_t));
			break;
		case 'i':
			code = sqlite3_bind_int64(statement, at, va_arg(values, long long));
			break;
		case 'd':
			code = sqlite3_bind_double(statement, at, va_arg(values, double));
			break;
		case 'j':
			json = va_arg(values, const struct json *);
			printed = json && json_has(json, "") ? json_string(json) : NULL;
			code = bind_text(statement, at, printed, printed ? strlen(printed) : 0);
			free(printed);
			break;
		}
		sqlite_check(rows->db, code);
	}
}

static struct rows *
start(struct db *db, const char *sql, const char *kinds, va_list values)
{
	struct rows *rows = prepare(db, sql);

	rows->busy = true;
	bind(rows, kinds, values);
	return rows;
}

struct rows *
db_query(struct db *db, const char *sql, const char *kinds, ...)
{
	struct rows *rows;
	va_list values;

	va_start(values, kinds);
	rows = start(db, sql, kinds, values);
	va_end(values);
	return rows;
}

void
rows_end(struct rows *rows)
{
	sqlite3_reset(rows->statement);
	sqlite3_clear_bindings(rows->statement);
	rows->busy = false;
}

bool
rows_next(struct rows *rows)
{
	int code = sqlite3_step(rows->statement);

	sqlite_check(rows->db, code);
	if (code == SQLITE_ROW)
		return true;
	rows_end(rows);
	return false;
}

const char *
row_text(struct rows *rows, int column)
{
	return (const char *)sqlite3_column_text(rows->statement, column);
}

const char *
row_bytes(struct rows *rows, int column, size_t *length)
{
	const char *bytes = row_text(rows, column);

	*length = (size_t)sqlite3_column_bytes(rows->statement, column);
	return bytes;
}

char *
row_copy(struct rows *rows, int column)
{
	const char *text = row_text(rows, column);

	return text ? xstrdup(text) : NULL;
}

long long
row_int(struct rows *rows, int column)
{
	return sqlite3_column_int64(rows->statement, column);
}

double
row_real(struct rows *rows, int column)
{
	return sqlite3_column_double(rows->statement, column);
}

bool
row_null(struct rows *rows, int column)
{
	return sqlite3_column_type(rows->statement, column) == SQLITE_NULL;
}

struct json *
row_json(struct rows *rows, int column)
{
	return json_parse_stored(row_text(rows, column));
}

void
row_put_text(struct rows *rows, int column, struct json *object, const char *key)
{
	if (!row_null(rows, column))
		json_put_text(object, key, row_text(rows, column));
}

void
row_put_number(struct rows *rows, int column, struct json *object, const char *key)
{
	if (!row_null(rows, column))
		json_put_number(object, key, row_real(rows, column));
}

void
row_put_json(struct rows *rows, int column, struct json *object, const char *key)
{
	if (!row_null(rows, column))
		json_put(object, key, row_json(rows, column));
}

int
row_columns(struct rows *rows)
{
	return sqlite3_column_count(rows->statement);
}

const char *
row_name(struct rows *rows, int column)
{
	return sqlite3_column_name(rows->statement, column);
}

long long
db_run(struct db *db, const char *sql, const char *kinds, ...)
{
	struct rows *rows;
	va_list values;

	va_start(values, kinds);
	rows = start(db, sql, kinds, values);
	va_end(values);
	while (rows_next(rows))
		;
	return sqlite3_changes64(db->sqlite);
}

long long
db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->sqlite);
}

long long
db_number(struct db *db, long long otherwise, const char *sql, const char *kinds, ...)
{
	struct rows *rows;
	va_list values;

	va_start(values, kinds);
	rows = start(db, sql, kinds, values);
	va_end(values);
	if (!rows_next(rows))
		return otherwise;
	if (!row_null(rows, 0))
		otherwise = row_int(rows, 0);
	rows_end(rows);
	return otherwise;
}

char *
db_word(struct db *db, const char *sql, const char *kinds, ...)
{
	struct rows *rows;
	va_list values;
	char *word;

	va_start(values, kinds);
	rows = start(db, sql, kinds, values);
	va_end(values);
	if (!rows_next(rows))
		return NULL;
	word = row_copy(rows, 0);
	rows_end(rows);
	return word;
}

struct json *
db_names(struct db *db, const char *sql)
{
	struct json *names = json_array();
	char *name = xstrdup(""), *next;

	while ((next = db_word(db, sql, "s", name))) {
		json_append(names, json_new_text(next, strlen(next)));
		free(name);
		name = next;
	}
	free(name);
	return names;
}

bool
db_knows(struct db *db, const char *sql)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(db->sqlite, sql, -1, &statement, NULL);

	if (code != SQLITE_OK && code != SQLITE_ERROR)
		sqlite_trouble(db, code);
	sqlite3_finalize(statement);
	return code == SQLITE_OK;
}

void
db_script(struct db *db, const char *sql)
{
	sqlite_check(db, sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL));
}

void
sqlite_forget_statements(struct db *db)
{
	for (struct rows *rows = db->kept, *next; rows; rows = next) {
		next = rows->next;
		sqlite3_finalize(rows->statement);
		free(rows);
	}
	db->kept = NULL;
}

char *
sqlite_uri(const char *path, const char *query)
{
	struct text uri = TEXT_INIT;

	text_puts(&uri, "file:");
	for (; *path; path++)
		if (strchr("%?#", *path))
			text_format(&uri, "%%%02X", (unsigned char)*path);
		else
			text_add(&uri, path, 1);
	text_puts(&uri, query);
	return text_take(&uri);
}

int
sqlite_first_read(struct db *db)
{
	return sqlite3_exec(db->sqlite, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL);
}

static void
on_alarm(int signal)
{
	(void)signal;
}

/* A fair queue, not safety: after QUEUE_LIMIT seconds we go on without it. */
static void
enter_queue(struct db *db)
{
	struct itimerval tick = {{0, 100000}, {0, 100000}}, still = {{0, 0}, {0, 0}};
	struct sigaction wake = {.sa_handler = on_alarm}, old;
	double until = clock_steady() + QUEUE_LIMIT;

	db->in_queue = db->queue >= 0 && !flock(db->queue, LOCK_EX | LOCK_NB);
	db->crowded = db->queue >= 0 && !db->in_queue;
	if (!db->crowded)
		return;
	sigaction(SIGALRM, &wake, &old);
	setitimer(ITIMER_REAL, &tick, NULL);
	while (!(db->in_queue = !flock(db->queue, LOCK_EX)) && errno == EINTR
		&& clock_steady() < until)
		;
	setitimer(ITIMER_REAL, &still, NULL);
	sigaction(SIGALRM, &old, NULL);
}

/*
 * Where others of ours wait, whoever leaves holds them back for a moment, in which a foreign
 * writer, that knows of no queue, gets in.
 */
static void
leave_queue(struct db *db)
{
	if (db->in_queue && db->crowded)
		db_rest(db);
	if (db->in_queue)
		flock(db->queue, LOCK_UN);
	db->in_queue = false;
}

static bool
is_wal(struct db *db)
{
	return !strcmp(db_journal(db), "wal");
}

static int
slot(struct db *db, int action)
{
	sqlite3_file *file = NULL;

	sqlite_check(db, sqlite3_file_control(db->sqlite, "main", SQLITE_FCNTL_FILE_POINTER, &file));
	return file->pMethods->xShmLock(file, CHECKPOINT_SLOT, 1, action | SQLITE_SHM_EXCLUSIVE);
}

static void
unguard(struct db *db)
{
	if (db->guarded)
		slot(db, SQLITE_SHM_UNLOCK);
	db->guarded = false;
}

/* One try at the guarded BEGIN IMMEDIATE: SQLITE_OK, or SQLITE_BUSY holding nothing. */
static int
try_begin(struct db *db)
{
	int code = sqlite_first_read(db);
	bool wal;

	if ((code & 0xff) == SQLITE_BUSY)
		return SQLITE_BUSY;
	sqlite_check(db, code);
	wal = is_wal(db);
	if (wal && slot(db, SQLITE_SHM_LOCK) != SQLITE_OK)
		return SQLITE_BUSY;
	db->guarded = wal;
	code = sqlite3_exec(db->sqlite, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (code == SQLITE_OK && is_wal(db) == wal)
		return SQLITE_OK;
	if (code == SQLITE_OK)
		db_script(db, "ROLLBACK"); /* the journal mode changed under us */
	unguard(db);
	if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY)
		sqlite_check(db, code);
	return SQLITE_BUSY;
}

void
db_begin(struct db *db)
{
	double until = clock_steady() + BEGIN_LIMIT, patience = db->patience;

	enter_queue(db);
	db->patience = BUSY_LIMIT; /* better start over than wait with the slot in hand */
	while (try_begin(db) != SQLITE_OK) {
		if (clock_steady() > until)
			sqlite_trouble(db, SQLITE_BUSY);
		clock_sleep(sqlite_jitter(300e-6));
	}
	db->patience = patience;
	db->began = clock_steady();
	db->wake = false;
}

/* Only ever PASSIVE, and while a second connection keeps every writer out. */
static void
checkpoint(struct db *db)
{
	if (!db->second) {
		char *uri = sqlite_uri(db->path, "");

		if (sqlite3_open_v2(uri, &db->second, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, NULL)) {
			sqlite3_close(db->second);
			db->second = NULL;
		}
		free(uri);
		if (!db->second)
			return;
		sqlite3_wal_autocheckpoint(db->second, 0);
		sqlite3_file_control(db->second, "main", SQLITE_FCNTL_PERSIST_WAL, &(int){1});
	}
	if (sqlite3_exec(db->second, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return;
	sqlite3_wal_checkpoint_v2(db->sqlite, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	sqlite3_exec(db->second, "ROLLBACK", NULL, NULL, NULL);
}

void
db_commit(struct db *db)
{
	double until = clock_steady() + BEGIN_LIMIT;
	int code;

	db->frames = 0;
	while ((code = sqlite3_exec(db->sqlite, "COMMIT", NULL, NULL, NULL)) != SQLITE_OK) {
		if ((code & 0xff) == SQLITE_BUSY && clock_steady() < until)
			continue; /* a rollback journal waits for readers to leave */
		sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
		unguard(db);
		sqlite_trouble(db, code);
	}
	unguard(db);
	if (db->frames > CHECKPOINT_FRAMES)
		checkpoint(db);
	if (db->wake)
		bell_ring();
	db->wake = false;
	leave_queue(db);
}

void
db_abandon(struct db *db)
{
	db_script(db, "ROLLBACK");
	unguard(db);
	leave_queue(db);
}

void
db_wake(struct db *db)
{
	db->wake = true;
}

void
db_rest(struct db *db)
{
	double worked = clock_steady() - db->began;

	clock_sleep(worked < REST_LEAST ? REST_LEAST : worked > REST_MOST ? REST_MOST : worked);
}

bool
db_changed(struct db *db)
{
	long long version = db_number(db, 0, "PRAGMA data_version", "");
	bool changed = version != db->version;

	db->version = version;
	return changed;
}

const char *
db_journal(struct db *db)
{
	static char mode[16];
	struct rows *rows = db_query(db, "PRAGMA journal_mode", "");

	*mode = '\0';
	if (rows_next(rows)) {
		strncpy(mode, row_text(rows, 0), sizeof mode - 1);
		rows_end(rows);
	}
	return mode;
}

const char *
db_library(void)
{
	return sqlite3_libversion();
}

const char *
db_path(const struct db *db)
{
	return db->path;
}
