/* SPDX-License-Identifier: MIT */
/*
 * wait-for NAME COUNT: waits, as our programs do, until COUNT lines called NAME are in the
 * log, and prints for each how many milliseconds after its `at` it was seen; "ready" first.
 */
#include "bell.h"
#include "db.h"
#include "die.h"
#include "figures.h"

#include <stdio.h>
#include <stdlib.h>

struct seen {
	long long last; /* the id of the newest line that was printed */
	long count;
};

static void
look(struct db *db, const char *name, struct seen *seen)
{
	struct rows *rows = db_query(db, "SELECT id, at FROM courier_log WHERE what = ? AND id > ?"
		" ORDER BY id", "si", name, seen->last);

	while (rows_next(rows)) {
		seen->last = row_int(rows, 0);
		seen->count++;
		printf("%.3f\n", (clock_now() - row_real(rows, 1)) * 1000);
	}
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	double deadline = clock_steady() + 30;
	struct bell bell;
	struct db *db;
	struct seen seen = {0};
	long count;

	program_start(argv[0]);
	if (argc != 3 || (count = atol(argv[2])) <= 0)
		die(EX_USER, "usage: wait-for NAME COUNT");
	bell_open(&bell);
	db = db_open(DB_READ);
	puts("ready");
	for (;;) {
		look(db, argv[1], &seen);
		if (seen.count >= count)
			return 0;
		if (!bell_wait(&bell, deadline))
			die(EX_LATER, "%s: not seen in time", argv[1]);
	}
}
