/* SPDX-License-Identifier: MIT */
#include "sessions.h"

#include "die.h"
#include "figures.h"
#include "seats.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static char *
new_id(void)
{
	time_t now = (time_t)clock_now();
	unsigned char random[3];
	struct tm local;
	char stamp[24];

	if (getrandom(random, sizeof random, 0) != sizeof random)
		die(EX_BUG, "no random numbers:");
	localtime_r(&now, &local);
	strftime(stamp, sizeof stamp, "%Y%m%d_%H%M%S", &local);
	return xformat("%s_%02x%02x%02x", stamp, random[0], random[1], random[2]);
}

char *
session_new(struct db *db, const char *source, const struct json *given)
{
	static const char sql[] =
		"INSERT INTO sessions (id, source, user_id, model, system_prompt, parent_session_id,"
		" started_at, cwd, git_branch, git_repo_root, chat_id, chat_type, thread_id)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	char *id = json_text(given, "id") ? xstrdup(json_text(given, "id")) : new_id();

	while (!json_text(given, "id") && session_exists(db, id)) {
		free(id);
		id = new_id();
	}
	db_run(db, sql, "ssssssdssssss", id, source, json_text(given, "user"),
		json_text(given, "model"), json_text(given, "system_prompt"),
		json_text(given, "parent"), clock_now(), json_text(given, "cwd"),
		json_text(given, "branch"), json_text(given, "repository"),
		json_text(given, "chat"), json_text(given, "kind"), json_text(given, "thread"));
	return id;
}

bool
session_exists(struct db *db, const char *id)
{
	return db_number(db, 0, "SELECT 1 FROM sessions WHERE id = ?", "s", id);
}

static void __attribute__((noreturn))
ambiguous(const char *words, struct rows *rows)
{
	struct text list = TEXT_INIT;

	do
		text_format(&list, "%s%s", list.length ? ", " : "", row_text(rows, 0));
	while (rows_next(rows));
	die(EX_USER, "%s: several sessions begin like that: %s; name one", words, list.at);
}

char *
session_named(struct db *db, const char *words)
{
	static const char exact[] = "SELECT id FROM sessions WHERE id = ?1"
		" UNION ALL SELECT id FROM sessions WHERE title = ?1 LIMIT 1";
	static const char prefix[] = "SELECT id FROM sessions"
		" WHERE id >= ?1 AND id < ?1 || char(1114111) ORDER BY id LIMIT 20";
	char *id = *words ? db_word(db, exact, "s", words) : NULL;
	struct rows *rows;

	if (id)
		return id;
	rows = db_query(db, prefix, "s", words);
	if (!*words || !rows_next(rows))
		die(EX_MISSING, "%s: no such session; hermes state list shows them", words);
	id = row_copy(rows, 0);
	if (rows_next(rows)) {
		rows_end(rows);
		rows = db_query(db, prefix, "s", words);
		if (rows_next(rows))
			ambiguous(words, rows);
	}
	return id;
}

char *
session_newest_cli(struct db *db)
{
	return db_word(db, "SELECT id FROM sessions WHERE source = 'cli' AND archived = 0"
		" AND coalesce(end_reason, '') <> 'compression' ORDER BY started_at DESC LIMIT 1", "");
}

char *
session_current(struct db *db, const char *id)
{
	static const char child[] =
		"SELECT c.id FROM sessions p JOIN sessions c ON c.parent_session_id = p.id"
		" WHERE p.id = ? AND p.end_reason = 'compression'"
		" ORDER BY c.started_at DESC, c.id DESC LIMIT 1";
	char *current = xstrdup(id), *next;

	for (int depth = 0; depth < 1000 && (next = db_word(db, child, "s", current)); depth++) {
		free(current);
		current = next;
	}
	return current;
}

struct json *
session_brief(struct db *db, const char *id)
{
	static const char sql[] = "SELECT id, title, source, cwd, git_branch, git_repo_root, model"
		" FROM sessions WHERE id = ?";
	static const char *const keys[] = {"id", "title", "source", "cwd", "branch", "repository",
		"model"};
	struct rows *rows = db_query(db, sql, "s", id);
	struct json *brief = json_object();

	if (!rows_next(rows)) {
		json_put_text(brief, "id", id);
		return brief;
	}
	for (int i = 0; i < 7; i++)
		row_put_text(rows, i, brief, keys[i]);
	rows_end(rows);
	return brief;
}

static bool
is_number(const char *column)
{
	static const char *const suffixes[] = {"_at", "_tokens", "_count", "_usd", "archived"};

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		size_t length = strlen(column), tail = strlen(suffixes[i]);

		if (length >= tail && !strcmp(column + length - tail, suffixes[i]))
			return true;
	}
	return false;
}

struct json *
session_whole(struct db *db, const char *id)
{
	struct rows *rows = db_query(db, "SELECT * FROM sessions WHERE id = ?", "s", id);
	struct json *whole;

	if (!rows_next(rows))
		return NULL;
	whole = json_object();
	for (int i = 0; i < row_columns(rows); i++) {
		size_t length;
		const char *bytes;

		if (row_null(rows, i))
			continue;
		if (is_number(row_name(rows, i))) {
			json_put_number(whole, row_name(rows, i), row_real(rows, i));
			continue;
		}
		bytes = row_bytes(rows, i, &length);
		json_put_bytes(whole, row_name(rows, i), bytes, length);
	}
	rows_end(rows);
	json_put(whole, "seat", seat_json(db, id));
	return whole;
}

void
session_reopen(struct db *db, const char *id)
{
	db_run(db, "UPDATE sessions SET ended_at = NULL, end_reason = NULL"
		" WHERE id = ? AND ended_at IS NOT NULL", "s", id);
}

bool
session_retitle(struct db *db, const char *id, const char *title)
{
	if (db_number(db, 0, "SELECT 1 FROM sessions WHERE title = ? AND id <> ?", "ss", title, id))
		return false;
	db_run(db, "UPDATE sessions SET title = ? WHERE id = ?", "ss", title, id);
	return true;
}
