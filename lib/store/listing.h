/* SPDX-License-Identifier: MIT */
/*
 * A queue shown whole: read in pages, so that no statement is open while stdout is
 * written; a table for people, JSON lines for everybody else.
 */
#ifndef LISTING_H
#define LISTING_H

#include "db.h"
#include "out.h"

struct column {
	const char *header, *key; /* a key that begins with @ is a time, shown as "3 min ago" */
};

struct listing {
	const char *all, *of_state; /* SQL: ids after ?1 (in ?2's state), in order, LIMIT 500 */
	struct json *(*whole)(struct db *db, long long id);
	const struct column *columns; /* ended by a NULL header */
	const char *states; /* that there are: "a, b or c" */
};

/* A state that there is not ends the program: it is no empty list. */
void list_rows(struct db *db, struct out *out, const struct listing *listing, const char *state);

#endif
