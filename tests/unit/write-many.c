/* SPDX-License-Identifier: MIT */
/*
 * Commits in a loop, as our programs do it, into $HERMES_HOME/state.db.
 *
 *	write-many COUNT NAME          one connection, resting after each commit
 *	write-many --lone COUNT NAME   opened and closed for each commit
 *	write-many --spaced COUNT NAME one connection, 20 ms between commits, rings the bell
 *
 * Each commit adds a line (handoff 0, what NAME, detail its number) to the log; `at` is the
 * time just before the commit. Prints {"commits":N,"seconds":S,"cpu":S,"wal":LARGEST}.
 */
#include "db.h"
#include "die.h"
#include "figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static long long largest;

static void
look_at_wal(const char *path)
{
	struct stat status;
	char *wal = xformat("%s-wal", path);

	if (!stat(wal, &status) && status.st_size > largest)
		largest = status.st_size;
	free(wal);
}

static void
commit(struct db *db, const char *name, long number)
{
	char *detail = xformat("%ld", number);

	db_begin(db);
	db_run(db, "INSERT INTO courier_log (handoff, at, what, detail) VALUES (0, ?, ?, ?)", "dss",
		clock_now(), name, detail);
	db_wake(db);
	db_commit(db);
	free(detail);
}

static void
lone(long count, const char *name)
{
	for (long i = 1; i <= count; i++) {
		struct db *db = db_open(DB_WRITE);

		commit(db, name, i);
		look_at_wal(db_path(db));
		db_close(db);
	}
}

static void
steady(long count, const char *name, bool spaced)
{
	const struct timespec pause = {0, 20000000};
	struct db *db = db_open(DB_WRITE);

	for (long i = 1; i <= count; i++) {
		commit(db, name, i);
		look_at_wal(db_path(db));
		if (spaced)
			nanosleep(&pause, NULL);
		else
			db_rest(db);
	}
	db_close(db);
}

int
main(int argc, char **argv)
{
	double start = clock_steady();
	bool option = argc > 1 && !strncmp(argv[1], "--", 2);
	long count;

	program_start(argv[0]);
	if (argc != 3 + option || (count = atol(argv[1 + option])) <= 0)
		die(EX_USER, "usage: write-many [--lone | --spaced] COUNT NAME");
	if (option && !strcmp(argv[1], "--lone"))
		lone(count, argv[3]);
	else
		steady(count, argv[2 + option], option);
	printf("{\"commits\":%ld,\"seconds\":%.3f,\"cpu\":%.3f,\"wal\":%lld}\n", count,
		clock_steady() - start, (double)clock() / CLOCKS_PER_SEC, largest);
	return 0;
}
