/* SPDX-License-Identifier: MIT */
/*
 * Finding, making and opening the file. A store is made beside its place and linked there
 * whole, so an empty file is always one that was cut off. A reader writes nothing: on a
 * read-only medium it reads plainly, else immutable where no WAL content exists, else
 * from a private copy.
 */
#include "sqlite.h"

#include "die.h"
#include "figures.h"
#include "home.h"
#include "schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAL_MOST = 1 << 20 };

static const double READ_LIMIT = 20, EMPTY_GRACE = 0.3;

/* SQLite's own handler starves writers: it sleeps ever longer. Ours does not. */
static int
busy(void *data, int count)
{
	struct db *db = data;

	if (!count)
		db->busy_since = clock_steady();
	if (clock_steady() - db->busy_since > db->patience)
		return 0;
	clock_sleep(sqlite_jitter(count < 10 ? 100e-6 : 1e-3));
	return 1;
}

static int
note_frames(void *data, sqlite3 *sqlite, const char *name, int frames)
{
	struct db *db = data;

	(void)sqlite;
	(void)name;
	db->frames = frames;
	return SQLITE_OK;
}

int
sqlite_connect(struct db *db, const char *uri, int flags)
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
		clock_sleep(5e-3);
	if (!size)
		die(EX_STORE, "%s: is empty: it was cut off; restore a backup, or move it away", path);
	if (size < 0 && file_size(path, "-wal") > 0)
		die(EX_STORE, "%s: is gone, but its -wal file is there; put it back, or move the "
			"-wal file away", path);
	if (size > 0)
		refuse_remote(path);
	return size > 0;
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
	sqlite_check(&db, sqlite_connect(&db, made, SQLITE_OPEN_READWRITE));
	db_script(&db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; BEGIN IMMEDIATE");
	schema_make(&db);
	db_script(&db, "COMMIT");
	sqlite_forget_statements(&db);
	sqlite_check(&db, sqlite3_close(db.sqlite));
	if (link(made, path) && errno != EEXIST)
		die(EX_STORE, "%s: cannot be made:", path);
	unlink(made);
	free(made);
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

/* A read-only medium: immutable only where no WAL content exists, else from a copy. */
static void
read_medium(struct db *db)
{
	bool wal = file_size(db->path, "-wal") > 0;
	char *copy = wal ? private_copy(db->path) : NULL;
	char *uri = sqlite_uri(copy ? copy : db->path, copy ? "" : "?immutable=1");

	sqlite3_close(db->sqlite);
	sqlite_check(db, sqlite_connect(db, uri, copy ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY));
	configure(db, DB_READ);
	sqlite_check(db, sqlite_first_read(db));
	if (copy)
		remove_copy(copy);
	free(uri);
}

static void
open_reader(struct db *db)
{
	char *uri = sqlite_uri(db->path, "");
	int code = sqlite_connect(db, uri, SQLITE_OPEN_READONLY);

	free(uri);
	sqlite_check(db, code);
	configure(db, DB_READ);
	code = sqlite_first_read(db);
	if ((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_READONLY)
		read_medium(db);
	else
		sqlite_check(db, code);
	schema_shim(db);
}

static void
open_writer(struct db *db)
{
	char *uri = sqlite_uri(db->path, ""), *queue = xformat("%s-queue", db->path);
	int code = sqlite_connect(db, uri, SQLITE_OPEN_READWRITE);

	free(uri);
	sqlite_check(db, code);
	if (sqlite3_db_readonly(db->sqlite, "main") == 1)
		die(EX_STORE, "%s: is read-only; nothing was changed", db->path);
	configure(db, DB_WRITE);
	sqlite_check(db, sqlite_first_read(db));
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

	*db = (struct db){.path = xstrdup(path), .queue = -1, .version = -1, .patience = READ_LIMIT};
	if (!exists(path)) {
		if (mode == DB_READ) {
			sqlite_check(db, sqlite_connect(db, ":memory:", SQLITE_OPEN_READWRITE));
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
	sqlite_forget_statements(db);
	if (db->queue >= 0 && file_size(db->path, "-wal") > WAL_MOST)
		db_script(db, "PRAGMA journal_size_limit=0"); /* a last close then empties it */
	sqlite3_close(db->second);
	sqlite3_close(db->sqlite);
	if (db->queue >= 0)
		close(db->queue);
	free(db->path);
	free(db);
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
	sqlite_check(&copy, sqlite_connect(&copy, path, SQLITE_OPEN_READWRITE));
	backup = sqlite3_backup_init(copy.sqlite, "main", db->sqlite, "main");
	if (!backup)
		sqlite_trouble(&copy, sqlite3_errcode(copy.sqlite));
	while ((code = sqlite3_backup_step(backup, 1000)) == SQLITE_OK || code == SQLITE_BUSY)
		if (code == SQLITE_BUSY)
			clock_sleep(sqlite_jitter(1e-3));
	sqlite3_backup_finish(backup);
	sqlite_check(&copy, code);
	sqlite_check(&copy, sqlite3_close(copy.sqlite));
}
