/* SPDX-License-Identifier: MIT */
/* Verbs of hermes-state about the file itself. */
#include "state.h"

#include "die.h"
#include "db.h"
#include "opts.h"
#include "out.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct out out;

int
state_backup_main(int argc, char **argv)
{
	const struct opt opts[] = {{0}};
	const struct usage usage = {"backup FILE", "Make a whole copy of the store, while it is in use.",
		opts};
	struct db *db;

	if (opts_parse(argc, argv, &usage) != 1)
		opts_misused(&usage, "exactly one file is needed");
	db = db_open(DB_READ);
	db_backup(db, argv[0]);
	return 0;
}

static void
add_problem(struct json *problems, const char *text)
{
	json_append(problems, json_new_text(text, strlen(text)));
}

static void
add_rows(struct db *db, struct json *problems, const char *sql, const char *lead)
{
	struct rows *rows = db_query(db, sql, "");

	while (rows_next(rows))
		if (row_text(rows, 0) && strcmp(row_text(rows, 0), "ok")) {
			char *words = xformat("%s%s", lead, row_text(rows, 0));

			add_problem(problems, words);
			free(words);
		}
}

int
state_check_main(int argc, char **argv)
{
	bool full = false;
	const struct opt opts[] = {
		{"full", 0, OPT_FLAG, &full, NULL, "compare every index with its table too (slow)"},
		OUT_OPTS(out), {0},
	};
	const struct usage usage = {"check [--full]", "Is the store whole?", opts};
	struct json *report = json_object(), *problems = json_array();
	struct stat status;
	struct db *db;
	bool good;

	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operands");
	db = db_open(DB_READ);
	add_rows(db, problems, full ? "PRAGMA integrity_check" : "PRAGMA quick_check", "damaged: ");
	add_rows(db, problems, "PRAGMA foreign_key_check", "a row refers to nothing, in table ");
	if (!stat(db_path(db), &status) && status.st_mode & 077)
		add_problem(problems, "others may read the store; chmod 600 it");
	good = !json_count(problems, "");
	json_put_true(report, "ok", good);
	json_put_text(report, "path", db_path(db));
	json_put_text(report, "journal", db_journal(db));
	json_put_text(report, "sqlite", db_library());
	json_put_number(report, "sessions", (double)db_number(db, 0, "SELECT count(*) FROM sessions", ""));
	json_put_number(report, "messages", (double)db_number(db, 0, "SELECT count(*) FROM messages", ""));
	json_put(report, "problems", problems);
	if (out_human(&out))
		out_text("%s: %s (%s, SQLite %s)\n", db_path(db), good ? "whole" : "not whole",
			db_journal(db), db_library());
	else
		out_json(&out, report);
	for (size_t i = 0; i < json_count(report, "problems"); i++) {
		struct json *problem = json_item(report, "problems", i);

		warn("%s", json_text_or(problem, "", ""));
		json_free(problem);
	}
	return good ? 0 : EX_NO;
}
