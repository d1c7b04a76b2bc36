/* SPDX-License-Identifier: MIT */
/*
 * SQLite's WAL-reset loss (3.7.0 to 3.51.2, sqlite.org/wal.html#walresetbug), made to
 * happen every time: a pass-through VFS stops a checkpoint just after it has read the
 * WAL's header, and in that moment another process commits, which resets the WAL.
 *
 *	plain         neither is ours: "damaged", or "whole" where the library is mended
 *	writer        the commit is ours, the checkpoint is foreign
 *	checkpointer  the checkpoint is ours, the commit is foreign
 *
 * Prints {"rows":N,"wanted":N,"integrity":"ok","in_between":true|false}; in_between says
 * whether the commit got through while the checkpoint stood still.
 */
#include "db.h"
#include "die.h"

#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILLING = 30, AFTER = 40, ROWS = AFTER + 2, READ_SLOTS = 3 };
static const int PATIENCE = 400; /* ms that a commit gets while the checkpoint stands */

/* --- a VFS that passes everything through, and can be stopped in two places --------- */

struct file {
	sqlite3_file base;
	sqlite3_file *real;
};

static sqlite3_vfs *beneath;
static void (*in_checkpoint)(void);     /* after the WAL's header was read again */
static void (*before_second)(void);     /* another connection than `first` begins to read */
static sqlite3_file *first;

static sqlite3_file *
real(sqlite3_file *file)
{
	return ((struct file *)(void *)file)->real;
}

static void
call_once(void (**hook)(void))
{
	void (*call)(void) = *hook;

	*hook = NULL;
	if (call)
		call();
}

#define PASS(name, parameters, arguments) \
	static int pass_##name parameters { return real(file)->pMethods->x##name arguments; }

PASS(Close, (sqlite3_file *file), (real(file)))
PASS(Read, (sqlite3_file *file, void *to, int length, sqlite3_int64 at),
	(real(file), to, length, at))
PASS(Write, (sqlite3_file *file, const void *from, int length, sqlite3_int64 at),
	(real(file), from, length, at))
PASS(Truncate, (sqlite3_file *file, sqlite3_int64 size), (real(file), size))
PASS(Sync, (sqlite3_file *file, int flags), (real(file), flags))
PASS(FileSize, (sqlite3_file *file, sqlite3_int64 *size), (real(file), size))
PASS(Lock, (sqlite3_file *file, int level), (real(file), level))
PASS(Unlock, (sqlite3_file *file, int level), (real(file), level))
PASS(CheckReservedLock, (sqlite3_file *file, int *held), (real(file), held))
PASS(FileControl, (sqlite3_file *file, int what, void *data), (real(file), what, data))
PASS(SectorSize, (sqlite3_file *file), (real(file)))
PASS(DeviceCharacteristics, (sqlite3_file *file), (real(file)))
PASS(ShmMap, (sqlite3_file *file, int page, int size, int extend, void volatile **to),
	(real(file), page, size, extend, to))
PASS(ShmUnmap, (sqlite3_file *file, int delete), (real(file), delete))
PASS(Fetch, (sqlite3_file *file, sqlite3_int64 at, int length, void **to),
	(real(file), at, length, to))

static void
pass_ShmBarrier(sqlite3_file *file)
{
	real(file)->pMethods->xShmBarrier(real(file));
}

static int
pass_ShmLock(sqlite3_file *file, int slot, int count, int flags)
{
	if (slot >= READ_SLOTS && flags & SQLITE_SHM_LOCK && first && file != first)
		call_once(&before_second);
	return real(file)->pMethods->xShmLock(real(file), slot, count, flags);
}

static int
pass_Unfetch(sqlite3_file *file, sqlite3_int64 at, void *page)
{
	if (file == first && !page)
		call_once(&in_checkpoint);
	return real(file)->pMethods->xUnfetch(real(file), at, page);
}

static const sqlite3_io_methods methods = {3, pass_Close, pass_Read, pass_Write, pass_Truncate,
	pass_Sync, pass_FileSize, pass_Lock, pass_Unlock, pass_CheckReservedLock, pass_FileControl,
	pass_SectorSize, pass_DeviceCharacteristics, pass_ShmMap, pass_ShmLock, pass_ShmBarrier,
	pass_ShmUnmap, pass_Fetch, pass_Unfetch};

static int
pass_Open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *got)
{
	struct file *ours = (void *)file;
	int code;

	(void)vfs;
	ours->real = (sqlite3_file *)(void *)(ours + 1);
	memset(ours->real, 0, (size_t)beneath->szOsFile);
	code = beneath->xOpen(beneath, name, ours->real, flags, got);
	file->pMethods = ours->real->pMethods ? &methods : NULL;
	if (code == SQLITE_OK && flags & SQLITE_OPEN_MAIN_DB && !first)
		first = file;
	return code;
}

static void
stand_between(void)
{
	static sqlite3_vfs vfs;

	beneath = sqlite3_vfs_find(NULL);
	vfs = *beneath;
	vfs.zName = "between";
	vfs.szOsFile += (int)sizeof(struct file);
	vfs.xOpen = pass_Open;
	sqlite3_vfs_register(&vfs, 1);
}

/* --- another program ------------------------------------------------------------------ */

static const char *path;
static int to_other[2], from_other[2];
static bool in_between;

static void
run(sqlite3 *sqlite, const char *sql)
{
	if (sqlite3_exec(sqlite, sql, NULL, NULL, NULL) != SQLITE_OK)
		die(EX_NO, "%s: %s", sql, sqlite3_errmsg(sqlite));
}

static sqlite3 *
open_plainly(void)
{
	sqlite3 *sqlite;

	if (sqlite3_open(path, &sqlite) != SQLITE_OK)
		die(EX_STORE, "%s: cannot be opened", path);
	sqlite3_wal_autocheckpoint(sqlite, 0);
	sqlite3_busy_timeout(sqlite, 10000);
	run(sqlite, "PRAGMA synchronous=FULL");
	return sqlite;
}

static void
checkpoint(sqlite3 *sqlite)
{
	sqlite3_wal_checkpoint_v2(sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

/* Obeys one letter at a time: c commit, o commit by our library, k commit and checkpoint. */
static void
be_other(void)
{
	sqlite3 *sqlite = open_plainly();
	struct db *db = NULL;
	char order;

	while (read(to_other[0], &order, 1) == 1) {
		if (order == 'o') {
			db = db ? db : db_open_at(path, DB_WRITE);
			db_begin(db);
			db_run(db, "INSERT INTO t VALUES ('in between')", "");
			db_commit(db);
		} else {
			run(sqlite, "INSERT INTO t VALUES ('in between')");
		}
		if (order == 'k')
			checkpoint(sqlite);
		if (write(from_other[1], &order, 1) != 1)
			break;
	}
	_exit(0);
}

static void
start_other(void)
{
	if (pipe(to_other) || pipe(from_other))
		die(EX_BUG, "pipe:");
	if (fork() == 0) {
		close(to_other[1]);
		be_other();
	}
}

static void
order(char letter)
{
	if (write(to_other[1], &letter, 1) != 1)
		die(EX_BUG, "the other program is gone");
}

static bool
obeyed(int patience)
{
	struct pollfd answer = {.fd = from_other[0], .events = POLLIN};
	char letter;

	return poll(&answer, 1, patience) == 1 && read(from_other[0], &letter, 1) == 1;
}

static void
order_and_wait(char letter)
{
	order(letter);
	if (!obeyed(20000))
		die(EX_BUG, "the other program does not answer");
}

static void
commit_plainly(void)
{
	order('c');
	in_between = obeyed(PATIENCE);
}

static void
commit_by_ours(void)
{
	order('o');
	in_between = obeyed(PATIENCE);
}

static void
move_the_header(void)
{
	order_and_wait('k');
}

/* --- the three scenes ------------------------------------------------------------------ */

static void
make_tables(struct db *db)
{
	db_begin(db);
	db_script(db, "CREATE TABLE t (x); CREATE TABLE big (x); CREATE INDEX i ON t (x)");
	db_commit(db);
}

/* The WAL is checkpointed to its end: the next commit resets it. */
static void
fill(void)
{
	sqlite3 *sqlite = open_plainly();

	for (int i = 0; i < FILLING; i++)
		run(sqlite, "INSERT INTO big VALUES (randomblob(9000))");
	checkpoint(sqlite);
	sqlite3_close(sqlite);
}

static void
checkpoint_is_foreign(void (*commit)(void))
{
	sqlite3 *keeps = open_plainly(), *sqlite;

	run(keeps, "SELECT * FROM t");
	first = NULL;
	sqlite = open_plainly();
	run(sqlite, "SELECT * FROM t");
	fill();
	in_checkpoint = commit;
	checkpoint(sqlite);
	if (!in_between && !obeyed(20000))
		die(EX_NO, "the commit never got through");
	order_and_wait('c');
	for (int i = 1; i < AFTER; i++)
		run(sqlite, "INSERT INTO t VALUES (hex(randomblob(300)))");
	sqlite3_close(sqlite);
	sqlite3_close(keeps);
}

static void
checkpoint_is_ours(void)
{
	struct db *db;

	first = NULL;
	db = db_open_at(path, DB_WRITE);
	db_begin(db);
	for (int i = 0; i < 40 * FILLING; i++)
		db_run(db, "INSERT INTO big VALUES (randomblob(4000))", "");
	before_second = move_the_header;
	in_checkpoint = commit_plainly;
	db_commit(db);
	if (before_second || in_checkpoint)
		die(EX_NO, "the checkpoint was not stopped: %s", before_second ? "no second connection"
			: "the header was not read again");
	if (!in_between && !obeyed(20000))
		die(EX_NO, "the commit never got through");
	for (int i = 1; i < AFTER; i++)
		order_and_wait('c');
	db_close(db);
}

static int
count(sqlite3 *sqlite, const char *sql)
{
	sqlite3_stmt *statement;
	int rows = -1;

	if (sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL) == SQLITE_OK
		&& sqlite3_step(statement) == SQLITE_ROW)
		rows = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return rows;
}

static void
report(void)
{
	sqlite3 *sqlite = open_plainly();
	sqlite3_stmt *statement;
	bool whole = false;
	int rows = count(sqlite, "SELECT count(*) FROM t NOT INDEXED");

	if (sqlite3_prepare_v2(sqlite, "PRAGMA integrity_check(1)", -1, &statement, NULL) == SQLITE_OK
		&& sqlite3_step(statement) == SQLITE_ROW)
		whole = !strcmp((const char *)sqlite3_column_text(statement, 0), "ok");
	sqlite3_finalize(statement);
	sqlite3_close(sqlite);
	printf("{\"rows\":%d,\"wanted\":%d,\"whole\":%s,\"in_between\":%s,\"sqlite\":\"%s\"}\n", rows,
		ROWS, whole ? "true" : "false", in_between ? "true" : "false", sqlite3_libversion());
}

int
main(int argc, char **argv)
{
	program_start(argv[0]);
	if (argc != 3)
		die(EX_USER, "usage: wal-reset plain|writer|checkpointer FILE");
	path = argv[2];
	make_tables(db_open_at(path, DB_WRITE));
	start_other();
	order_and_wait('c');
	stand_between();
	if (!strcmp(argv[1], "checkpointer"))
		checkpoint_is_ours();
	else
		checkpoint_is_foreign(!strcmp(argv[1], "writer") ? commit_by_ours : commit_plainly);
	close(to_other[1]);
	wait(NULL);
	report();
	return 0;
}
