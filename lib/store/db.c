/* SPDX-License-Identifier: MIT */
/*
 * Order of locks in a write, and why, is in docs/store.md. In short: the queue
 * (fairness), SQLite's checkpoint lock (slot 1 of the WAL index, so that no checkpoint
 * is under way), BEGIN IMMEDIATE; and back.
 */
#include "db.h"

#include "bell.h"
#include "die.h"
#include "figures.h"
#include "home.h"
#include "schema.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHECKPOINT_SLOT = 1, CHECKPOINT_FRAMES = 1000, WAL_MOST = 1 << 20 };

static const double QUEUE_LIMIT = 5, BUSY_LIMIT = 0.25, BEGIN_LIMIT = 20, EMPTY_GRACE = 0.3;

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
	int queue;
	bool guarded, wake, in_queue;
	int frames;
	long long version;
	double busy_since, began;
};

/* --- trouble ------------------------------------------------------------------- */

static void __attribute__((noreturn))
trouble(struct db *db, int code)
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

static void
check(struct db *db, int code)
{
	if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW)
		trouble(db, code);
}

static void
nap(double seconds)
{
	struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

	nanosleep(&time, NULL);
}

/* Between half and one and a half of `seconds`, different in every process. */
static double
jitter(double seconds)
{
	unsigned random;

	sqlite3_randomness(sizeof random, &random);
	return seconds * (0.5 + (double)random / 4294967296.0);
}

/* SQLite's own handler starves writers: it sleeps ever longer. Ours does not. */
static int
busy(void *data, int count)
{
	struct db *db = data;

	if (!count)
		db->busy_since = clock_steady();
	if (clock_steady() - db->busy_since > BUSY_LIMIT)
		return 0;
	nap(jitter(count < 10 ? 100e-6 : 1e-3));
	return 1;
}

/* --- statements ---------------------------------------------------------------- */

static struct rows *
prepare(struct db *db, const char *sql)
{
	struct rows *rows;

	for (rows = db->kept; rows; rows = rows->next)
		if (rows->sql == sql && !rows->busy)
			return rows;
	rows = xmalloc(sizeof *rows);
	*rows = (struct rows){.db = db, .sql = sql, .next = db->kept};
	check(db, sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT,
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
		check(rows->db, code);
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

	check(rows->db, code);
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

bool
db_knows(struct db *db, const char *sql)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(db->sqlite, sql, -1, &statement, NULL);

	if (code != SQLITE_OK && code != SQLITE_ERROR)
		trouble(db, code);
	sqlite3_finalize(statement);
	return code == SQLITE_OK;
}

void
db_script(struct db *db, const char *sql)
{
	check(db, sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL));
}

/* --- opening ------------------------------------------------------------------- */

static int
note_frames(void *data, sqlite3 *sqlite, const char *name, int frames)
{
	struct db *db = data;

	(void)sqlite;
	(void)name;
	db->frames = frames;
	return SQLITE_OK;
}

static int
connect(struct db *db, const char *uri, int flags)
{
	int code = sqlite3_open_v2(uri, &db->sqlite, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);

	if (!db->sqlite)
		die(EX_BUG, "%s: SQLite does not start", db->path);
	sqlite3_extended_result_codes(db->sqlite, 1);
	return code;
}

static void
configure(struct db *db, enum db_mode mode)
{
	int on = 1;

	sqlite3_busy_handler(db->sqlite, busy, db);
	sqlite3_wal_autocheckpoint(db->sqlite, 0);
	if (mode == DB_READ) {
		sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		return;
	}
	sqlite3_wal_hook(db->sqlite, note_frames, db);
	sqlite3_file_control(db->sqlite, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
	db_script(db, "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON");
}

static long long
file_size(const char *path, const char *suffix)
{
	char *whole = xformat("%s%s", path, suffix);
	struct stat status;
	long long size = stat(whole, &status) ? -1 : (long long)status.st_size;

	if (size < 0 && errno != ENOENT)
		die(EX_STORE, "%s: cannot be looked at:", whole);
	free(whole);
	return size;
}

/* File systems on which neither SQLite's locks nor the WAL index can be trusted. */
static void
refuse_remote(const char *path)
{
	static const struct { unsigned long magic; const char *name; } remote[] = {
		{0x6969, "NFS"}, {0x517b, "SMB"}, {0xff534d42, "CIFS"}, {0xfe534d42, "SMB"},
		{0x5346414f, "AFS"}, {0x00c36400, "Ceph"}, {0x0bd00bd0, "Lustre"},
	};
	struct statfs disk;

	if (statfs(path, &disk))
		return;
	for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
		if (((unsigned long)disk.f_type & 0xffffffffu) == remote[i].magic)
			die(EX_STORE, "%s: is on a network disk (%s), where SQLite loses data; "
				"set HERMES_HOME to a local folder", path, remote[i].name);
}

/* An emptied file would read as an empty store, and SQLite would throw its WAL away. */
static bool
exists(const char *path)
{
	double until = clock_steady() + EMPTY_GRACE; /* another program may just be making it */
	long long size;

	while (!(size = file_size(path, "")) && clock_steady() < until)
		nap(5e-3);
	if (!size)
		die(EX_STORE, "%s: is empty: it was cut off; restore a backup, or move it away", path);
	if (size < 0 && file_size(path, "-wal") > 0)
		die(EX_STORE, "%s: is gone, but its -wal file is there; put it back, or move the "
			"-wal file away", path);
	if (size > 0)
		refuse_remote(path);
	return size > 0;
}

static void
forget_statements(struct db *db)
{
	for (struct rows *rows = db->kept, *next; rows; rows = next) {
		next = rows->next;
		sqlite3_finalize(rows->statement);
		free(rows);
	}
	db->kept = NULL;
}

/* Made beside and linked into place: nobody ever sees half a store. */
static void
create(const char *path)
{
	char *made = xformat("%s.new.%ld", path, (long)getpid());
	struct db db = {.path = made, .queue = -1};
	int fd;

	home_make();
	fd = open(made, O_CREAT | O_EXCL | O_CLOEXEC | O_RDWR, 0600);
	if (fd < 0)
		die(EX_STORE, "%s: cannot be made:", made);
	refuse_remote(made);
	close(fd);
	check(&db, connect(&db, made, SQLITE_OPEN_READWRITE));
	db_script(&db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; BEGIN IMMEDIATE");
	schema_make(&db);
	db_script(&db, "COMMIT");
	forget_statements(&db);
	check(&db, sqlite3_close(db.sqlite));
	if (link(made, path) && errno != EEXIST)
		die(EX_STORE, "%s: cannot be made:", path);
	unlink(made);
	free(made);
}

static char *
uri_of(const char *path, const char *query)
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

/* Copied by another process: closing a descriptor of the store here would drop its locks. */
static char *
private_copy(const char *path)
{
	char folder[] = "/tmp/hermes-copy-XXXXXX", *copy, *wal = xformat("%s-wal", path);
	pid_t pid;
	int status;

	if (!mkdtemp(folder))
		die(EX_STORE, "%s: cannot be made:", folder);
	copy = xformat("%s/state.db", folder);
	pid = fork();
	if (!pid) {
		execlp("cp", "cp", "--", path, wal, folder, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		die(EX_STORE, "%s: cannot be copied to %s", path, folder);
	free(wal);
	return copy;
}

static void
remove_copy(char *copy)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char *slash;

	for (int i = 0; i < 3; i++) {
		char *path = xformat("%s%s", copy, suffixes[i]);

		unlink(path);
		free(path);
	}
	if ((slash = strrchr(copy, '/')))
		*slash = '\0';
	rmdir(copy);
	free(copy);
}

static int
first_read(struct db *db)
{
	return sqlite3_exec(db->sqlite, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL);
}

/* A read-only medium: immutable only where no WAL content exists, else from a copy. */
static void
read_medium(struct db *db)
{
	bool wal = file_size(db->path, "-wal") > 0;
	char *copy = wal ? private_copy(db->path) : NULL;
	char *uri = uri_of(copy ? copy : db->path, copy ? "" : "?immutable=1");

	sqlite3_close(db->sqlite);
	check(db, connect(db, uri, copy ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY));
	configure(db, DB_READ);
	check(db, first_read(db));
	if (copy)
		remove_copy(copy);
	free(uri);
}

static void
open_reader(struct db *db)
{
	char *uri = uri_of(db->path, "");
	int code = connect(db, uri, SQLITE_OPEN_READONLY);

	free(uri);
	check(db, code);
	configure(db, DB_READ);
	code = first_read(db);
	if ((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_READONLY)
		read_medium(db);
	else
		check(db, code);
	schema_shim(db);
}

static void
open_writer(struct db *db)
{
	char *uri = uri_of(db->path, ""), *queue = xformat("%s-queue", db->path);
	int code = connect(db, uri, SQLITE_OPEN_READWRITE);

	free(uri);
	check(db, code);
	if (sqlite3_db_readonly(db->sqlite, "main") == 1)
		die(EX_STORE, "%s: is read-only; nothing was changed", db->path);
	configure(db, DB_WRITE);
	check(db, first_read(db));
	db->queue = open(queue, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (db->queue < 0)
		die(EX_STORE, "%s: cannot be opened:", queue);
	free(queue);
	if (schema_whole(db))
		return;
	db_begin(db);
	schema_make(db);
	db_commit(db);
}

struct db *
db_open_at(const char *path, enum db_mode mode)
{
	struct db *db = xmalloc(sizeof *db);

	*db = (struct db){.path = xstrdup(path), .queue = -1, .version = -1};
	if (!exists(path)) {
		if (mode == DB_READ) {
			check(db, connect(db, ":memory:", SQLITE_OPEN_READWRITE));
			schema_make(db);
			return db;
		}
		create(path);
	}
	if (mode == DB_READ)
		open_reader(db);
	else
		open_writer(db);
	return db;
}

struct db *
db_open(enum db_mode mode)
{
	char *path = home_file("state.db");
	struct db *db = db_open_at(path, mode);

	free(path);
	return db;
}

void
db_close(struct db *db)
{
	forget_statements(db);
	if (db->queue >= 0 && file_size(db->path, "-wal") > WAL_MOST)
		db_script(db, "PRAGMA journal_size_limit=0"); /* a last close then empties it */
	sqlite3_close(db->second);
	sqlite3_close(db->sqlite);
	if (db->queue >= 0)
		close(db->queue);
	free(db->path);
	free(db);
}

/* --- writing ------------------------------------------------------------------- */

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
	if (db->in_queue || db->queue < 0)
		return;
	sigaction(SIGALRM, &wake, &old);
	setitimer(ITIMER_REAL, &tick, NULL);
	while (!(db->in_queue = !flock(db->queue, LOCK_EX)) && errno == EINTR
		&& clock_steady() < until)
		;
	setitimer(ITIMER_REAL, &still, NULL);
	sigaction(SIGALRM, &old, NULL);
}

static void
leave_queue(struct db *db)
{
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

	check(db, sqlite3_file_control(db->sqlite, "main", SQLITE_FCNTL_FILE_POINTER, &file));
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
	int code = first_read(db);
	bool wal;

	if ((code & 0xff) == SQLITE_BUSY)
		return SQLITE_BUSY;
	check(db, code);
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
		check(db, code);
	return SQLITE_BUSY;
}

void
db_begin(struct db *db)
{
	double until = clock_steady() + BEGIN_LIMIT;

	enter_queue(db);
	while (try_begin(db) != SQLITE_OK) {
		if (clock_steady() > until)
			trouble(db, SQLITE_BUSY);
		nap(jitter(300e-6));
	}
	db->began = clock_steady();
	db->wake = false;
}

/* Only ever PASSIVE, and while a second connection keeps every writer out. */
static void
checkpoint(struct db *db)
{
	if (!db->second) {
		char *uri = uri_of(db->path, "");

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
		trouble(db, code);
	}
	unguard(db);
	if (db->frames > CHECKPOINT_FRAMES)
		checkpoint(db);
	leave_queue(db);
	if (db->wake)
		bell_ring();
	db->wake = false;
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

	nap(worked > 1e-3 ? worked : 1e-3);
}

bool
db_changed(struct db *db)
{
	long long version = db_number(db, 0, "PRAGMA data_version", "");
	bool changed = version != db->version;

	db->version = version;
	return changed;
}

/* --- the rest ------------------------------------------------------------------ */

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

void
db_backup(struct db *db, const char *path)
{
	struct db copy = {.path = (char *)path, .queue = -1};
	sqlite3_backup *backup;
	int code, fd = open(path, O_CREAT | O_EXCL | O_CLOEXEC | O_RDWR, 0600);

	if (fd < 0)
		die(EX_STORE, "%s: cannot be made:", path);
	close(fd);
	check(&copy, connect(&copy, path, SQLITE_OPEN_READWRITE));
	backup = sqlite3_backup_init(copy.sqlite, "main", db->sqlite, "main");
	if (!backup)
		trouble(&copy, sqlite3_errcode(copy.sqlite));
	while ((code = sqlite3_backup_step(backup, 1000)) == SQLITE_OK || code == SQLITE_BUSY)
		if (code == SQLITE_BUSY)
			nap(jitter(1e-3));
	sqlite3_backup_finish(backup);
	check(&copy, code);
	check(&copy, sqlite3_close(copy.sqlite));
}
