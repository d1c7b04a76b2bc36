/* SPDX-License-Identifier: MIT */
/*
 * writer SESSION SECONDS: append to the session for so long, a commit a message, with the
 * rest after each that our programs take when they commit in a loop. Prints the nanoseconds
 * of each commit, from asking for the store to having it on the disk.
 */
#include "die.h"
#include "figures.h"
#include "messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char words[] = "a small message, such as people write";

int
main(int argc, char **argv)
{
	double until;
	struct db *db;

	program_start(argv[0]);
	if (argc != 3)
		die(EX_USER, "usage: writer SESSION SECONDS");
	until = clock_steady() + atof(argv[2]);
	db = db_open(DB_WRITE);
	while (clock_steady() < until) {
		double began = clock_steady();

		db_begin(db);
		message_say(db, argv[1], "user", words, strlen(words), NULL);
		db_commit(db);
		printf("%.0f\n", (clock_steady() - began) * 1e9);
		db_rest(db);
	}
	db_close(db);
	return 0;
}
