/* SPDX-License-Identifier: MIT */
/*
 * stdout is data: one JSON object a line when piped or with --json, a table or a
 * sentence when a person looks. Every line is flushed and every write checked; a
 * closed pipe ends the program quietly.
 */
#ifndef OUT_H
#define OUT_H

#include "json.h"
#include "opts.h"

struct out {
	bool json;       /* --json */
	bool quiet;      /* -q: ids only */
	struct filter *filter; /* --jq FILTER, or NULL */
};

/* The three options, for a program's table; `out` is a struct out variable. */
#define OUT_OPTS(out) \
	{"json", 0, OPT_FLAG, &(out).json, NULL, "print JSON also on a terminal"}, \
	{"jq", 0, OPT_FILTER, &(out).filter, "FILTER", "pass what is printed through a jq filter"}, \
	{"quiet", 'q', OPT_FLAG, &(out).quiet, NULL, "print ids only"}

/* Whether a person looks: a terminal, and none of the three options. */
bool out_human(const struct out *out);

/* Print one object: itself, what the filter makes of it, or its "id", if it has one. */
void out_json(struct out *out, const struct json *object);
/* Print an already made JSON line (with its line break); only without --jq and -q. */
void out_raw(const struct text *lines);
void out_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Flush and check. */
void out_flush(void);

/*
 * A table for people: cells are cleaned and aligned, the header is first. Begin,
 * add rows (NULL cells are "-"), end.
 */
struct table {
	struct text cells; /* NUL-ended cells */
	int columns, rows;
};
void table_begin(struct table *table, int columns, const char *const *header);
void table_row(struct table *table, const char *const *cells);
void table_end(struct table *table);

/* "3 min ago", "in 20 s", for tables. Owned. */
char *out_ago(double at);

#endif
