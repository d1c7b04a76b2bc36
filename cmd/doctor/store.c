/* SPDX-License-Identifier: MIT */
/*
 * The store, as `hermes-state check` tells it: the doctor itself never opens it.
 */
#include "findings.h"

#include "die.h"
#include "figures.h"
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SQLite 3.7.0 to 3.51.2 can lose pages of a WAL file (sqlite.org/wal.html#walresetbug). */
static bool
has_reset_bug(const char *version)
{
	int major = 0, minor = 0, patch = 0;

	if (sscanf(version, "%d.%d.%d", &major, &minor, &patch) < 2 || major != 3)
		return false;
	return minor >= 7 && (minor < 51 || (minor == 51 && patch < 3));
}

static void
say_version(const char *version)
{
	if (has_reset_bug(version))
		finding(WARN, "sqlite", "where others write too, upgrade SQLite to 3.51.3 or later",
			"version %s can lose pages in WAL mode; our programs avoid it, others that "
			"write to the store do not", version);
	else
		finding(OK, "sqlite", NULL, "version %s", version);
}

static void
say_problems(const struct json *answer)
{
	for (size_t i = 0; i < json_count(answer, "problems"); i++) {
		struct json *problem = json_item(answer, "problems", i);
		char *printed = json_string(problem);
		const char *what = json_text_or(problem, "what", printed);
		const char *words = json_text_or(problem, "", what);

		finding(BAD, "store", json_text(problem, "remedy"), "%s", words);
		free(printed);
		json_free(problem);
	}
}

static void
say_answer(const struct json *answer)
{
	const char *version = json_text(answer, "sqlite");
	const char *journal = json_text_or(answer, "journal", "?");

	say_problems(answer);
	if (json_true(answer, "ok") && !strcmp(journal, "memory"))
		finding(OK, "store", NULL, "there is none yet; the first session makes it");
	else if (json_true(answer, "ok"))
		finding(OK, "store", NULL, "whole, journal mode %s", journal);
	else if (!json_count(answer, "problems"))
		finding(BAD, "store", "look closer with: hermes state check", "it is not whole");
	if (version)
		say_version(version);
}

/* The one line that hermes-state prints; owned, or NULL and its exit status. */
static struct json *
ask_state(char *path, int *status)
{
	char check[] = "check", json[] = "--json", *argv[] = {path, check, json, NULL};
	double deadline = clock_steady() + figure_adapter();
	struct json *answer = NULL;
	struct child child;
	size_t length;
	char *line;

	*status = -1;
	if (child_start(&child, argv, NULL, CHILD_LOG))
		return NULL;
	child_hush(&child);
	line = lines_next(&child.from, &length, deadline);
	if (line)
		answer = json_parse(line, length, NULL);
	*status = child_end(&child, deadline);
	if (json_is_object(answer))
		return answer;
	json_free(answer);
	return NULL;
}

void
examine_store(void)
{
	char *path = program_path("hermes-state");
	struct json *answer = NULL;
	int status = -1;

	if (path)
		answer = ask_state(path, &status);
	if (answer)
		say_answer(answer);
	else if (!path)
		finding(BAD, "store", "install the programs again", "hermes-state is not there");
	else
		finding(BAD, "store", "look closer with: hermes state check",
			"hermes-state could not tell (exit status %d)", status);
	json_free(answer);
	free(path);
}
