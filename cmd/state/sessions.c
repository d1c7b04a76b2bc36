/* SPDX-License-Identifier: MIT */
/* Verbs of hermes-state about a session as a whole, and where it is bound. */
#include "state.h"

#include "bindings.h"
#include "claims.h"
#include "die.h"
#include "figures.h"
#include "handoffs.h"
#include "ids.h"
#include "lines.h"
#include "opts.h"
#include "out.h"
#include "place.h"
#include "seats.h"
#include "sessions.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TITLE_MOST = 100 };

static struct out out;

static void
print_session(struct db *db, const char *id)
{
	struct json *session = session_whole(db, id);

	if (!session)
		die(EX_MISSING, "%s: no such session", id);
	out_json(&out, session);
	json_free(session);
}

/* A title as it is kept: valid, one line, 100 characters at most. Owned. */
static char *
good_title(const char *title)
{
	size_t length = strlen(title), points = 0;
	struct text clean = TEXT_INIT;

	if (!utf8_valid(title, length))
		die(EX_BAD, "the title is not valid UTF-8");
	text_add_clean(&clean, title, length);
	for (size_t i = 0; i < clean.length; i++)
		points += ((unsigned char)clean.at[i] & 0xc0) != 0x80;
	if (points > TITLE_MOST)
		die(EX_BAD, "the title has %zu characters, 100 are allowed", points);
	return text_take(&clean);
}

static void
set_title(struct db *db, const char *id, const char *title)
{
	char *good = good_title(title);

	if (!session_retitle(db, id, good)) {
		db_abandon(db);
		die(EX_BAD, "another session has the title \"%s\"", good);
	}
	free(good);
}

int
state_new_main(int argc, char **argv)
{
	const char *title = NULL, *source = "cli", *model = NULL, *id = NULL, *cwd = NULL;
	const char *branch = NULL, *system_prompt = NULL, *user = NULL, *parent = NULL;
	const struct opt opts[] = {
		{"title", 't', OPT_TEXT, &title, "TITLE", "unique, 100 characters at most"},
		{"source", 0, OPT_TEXT, &source, "SURFACE", "where it begins (cli)"},
		{"model", 0, OPT_TEXT, &model, "MODEL", "the model that speaks"},
		{"cwd", 0, OPT_TEXT, &cwd, "FOLDER", "where it works (this folder)"},
		{"branch", 0, OPT_TEXT, &branch, "BRANCH", "the git branch there"},
		{"user", 0, OPT_TEXT, &user, "ID", "whose it is"},
		{"parent", 0, OPT_TEXT, &parent, "SESSION", "the session it goes on from"},
		{"system-prompt", 0, OPT_TEXT, &system_prompt, "TEXT", "the system prompt"},
		{"id", 0, OPT_TEXT, &id, "ID", "its id, instead of a new one"},
		OUT_OPTS(out), {0},
	};
	const struct usage usage = {"new [--title T] [OPTION ...]", "Begin a session.", opts};
	struct json *given = json_object();
	char folder[PATH_MAX];
	struct db *db;

	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operands");
	if (!cwd && !strcmp(source, "cli"))
		cwd = getcwd(folder, sizeof folder);
	if (id)
		json_put_text(given, "id", id);
	json_put_text(given, "model", model);
	json_put_text(given, "cwd", cwd);
	json_put_text(given, "branch", branch);
	json_put_text(given, "user", user);
	json_put_text(given, "system_prompt", system_prompt);
	db = db_open(DB_WRITE);
	if (parent)
		json_put_text(given, "parent", session_named(db, parent));
	if (id && session_exists(db, id))
		die(EX_BAD, "%s: there is such a session already", id);
	db_begin(db);
	id = session_new(db, source, given);
	if (title)
		set_title(db, id, title);
	db_commit(db);
	print_session(db, id);
	json_free(given);
	db_close(db);
	return 0;
}

static void
print_row(struct table *table, const struct json *session)
{
	char *ago = out_ago(json_number(session, "started_at", 0));
	const char *cells[] = {json_text(session, "id"), json_text(session, "source"), ago,
		json_text(session, "seat.place.platform"), json_text(session, "title")};

	table_row(table, cells);
	free(ago);
}

int
state_list_main(int argc, char **argv)
{
	static const char *const header[] = {"ID", "SOURCE", "STARTED", "SEAT", "TITLE"};
	static const char sql[] = "SELECT id FROM sessions WHERE (?1 IS NULL OR source = ?1)"
		" AND (?2 OR archived = 0) ORDER BY started_at DESC, id DESC LIMIT ?3";
	const char *source = NULL;
	bool all = false;
	long limit = 0;
	const struct opt opts[] = {
		{"source", 0, OPT_TEXT, &source, "SURFACE", "only those that began there"},
		{"limit", 'n', OPT_NUMBER, &limit, "N", "at most N (50 on a terminal, else all)"},
		{"all", 'a', OPT_FLAG, &all, NULL, "archived ones too"},
		OUT_OPTS(out), {0},
	};
	const struct usage usage = {"list [--source S] [--limit N]", "List sessions, newest first.",
		opts};
	struct table table;
	struct rows *rows;
	struct text ids = TEXT_INIT;
	struct db *db;

	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operands");
	if (!limit)
		limit = out_human(&out) ? 50 : -1;
	db = db_open(DB_READ);
	rows = db_query(db, sql, "sii", source, (long long)all, (long long)limit);
	while (rows_next(rows))
		text_add(&ids, row_text(rows, 0), strlen(row_text(rows, 0)) + 1);
	if (out_human(&out))
		table_begin(&table, 5, header);
	for (const char *id = ids.at; id < ids.at + ids.length; id += strlen(id) + 1) {
		struct json *session = session_whole(db, id);

		if (!session)
			continue;
		if (out_human(&out))
			print_row(&table, session);
		else
			out_json(&out, session);
		json_free(session);
	}
	if (out_human(&out))
		table_end(&table);
	return 0;
}

int
state_show_main(int argc, char **argv)
{
	const struct opt opts[] = {OUT_OPTS(out), {0}};
	const struct usage usage = {"show SESSION ... | -",
		"Print sessions whole, with where each is now.", opts};
	char **names = words_operands(&usage, opts_parse(argc, argv, &usage), argv);
	struct db *db = db_open(DB_READ);

	for (; *names; names++)
		print_session(db, session_named(db, *names));
	return 0;
}

int
state_title_main(int argc, char **argv)
{
	long epoch = 0;
	const struct opt opts[] = {
		{"epoch", 0, OPT_NUMBER, &epoch, "N", "only while the session's seat has this epoch"},
		OUT_OPTS(out), {0},
	};
	const struct usage usage = {"title SESSION [TITLE]", "Print or set a session's title.", opts};
	int count = opts_parse(argc, argv, &usage);
	struct db *db;
	char *id;

	if (count < 1 || count > 2)
		opts_misused(&usage, "a session, and perhaps a title; quote the title");
	db = db_open(count == 2 ? DB_WRITE : DB_READ);
	id = session_named(db, argv[0]);
	if (count == 2) {
		db_begin(db);
		state_need_seat(db, id, epoch);
		set_title(db, id, argv[1]);
		db_commit(db);
	}
	print_session(db, id);
	return 0;
}

int
state_end_main(int argc, char **argv)
{
	const char *reason = "ended";
	long epoch = 0;
	const struct opt opts[] = {
		{"reason", 0, OPT_TEXT, &reason, "WORD", "why (ended)"},
		{"epoch", 0, OPT_NUMBER, &epoch, "N", "only while the session's seat has this epoch"},
		OUT_OPTS(out), {0},
	};
	const struct usage usage = {"end SESSION [--reason WORD]", "End a session.", opts};
	struct db *db;
	char *id;

	if (opts_parse(argc, argv, &usage) != 1)
		opts_misused(&usage, "exactly one session is needed");
	db = db_open(DB_WRITE);
	id = session_named(db, argv[0]);
	db_begin(db);
	state_need_seat(db, id, epoch);
	db_run(db, "UPDATE sessions SET ended_at = ?, end_reason = ? WHERE id = ?"
		" AND ended_at IS NULL", "dss", clock_now(), reason, id);
	db_commit(db);
	print_session(db, id);
	return 0;
}

int
state_bind_main(int argc, char **argv)
{
	const struct opt opts[] = {OUT_OPTS(out), {0}};
	const struct usage usage = {"bind SESSION <place",
		"Let a place (JSON on stdin) open this session.", opts};
	struct lines in = LINES_INIT(STDIN_FILENO);
	struct json *place;
	size_t length;
	struct db *db;
	char *id, *line, *why = NULL, *key;

	if (opts_parse(argc, argv, &usage) != 1)
		opts_misused(&usage, "exactly one session is needed");
	if (isatty(STDIN_FILENO))
		opts_misused(&usage, "the place is read from stdin");
	line = lines_next(&in, &length, 0);
	place = line ? json_parse(line, length, &why) : NULL;
	if (!place || !place_whole(place))
		die(EX_BAD, "stdin holds no place (%s); see hermes-record(5)", why ? why : "no platform or chat");
	db = db_open(DB_WRITE);
	id = session_named(db, argv[0]);
	key = place_key(place, false);
	db_begin(db);
	if (db_number(db, 0, "SELECT 1 FROM courier_events WHERE key = ? AND state = 'running'", "s",
		key)) {
		db_abandon(db);
		die(EX_LATER, "%s: a message there is being answered right now", key);
	}
	binding_set(db, place, id, 0);
	seat_move(db, id, key, place, 0);
	db_commit(db);
	print_session(db, id);
	return 0;
}

int
state_bindings_main(int argc, char **argv)
{
	static const char *const header[] = {"KEY", "SESSION", "VERSION"};
	static const char sql[] = "SELECT key, session, version, used, place, changed"
		" FROM courier_bindings WHERE ?1 IS NULL OR session = ?1 ORDER BY key";
	const struct opt opts[] = {OUT_OPTS(out), {0}};
	const struct usage usage = {"bindings [SESSION]", "Which place opens which session.", opts};
	int count = opts_parse(argc, argv, &usage);
	struct json *all = json_array();
	struct table table;
	struct rows *rows;
	struct db *db;

	if (count > 1)
		opts_misused(&usage, "one session at most");
	db = db_open(DB_READ);
	rows = db_query(db, sql, "s", count ? session_named(db, argv[0]) : NULL);
	while (rows_next(rows)) {
		struct json *binding = json_object();

		json_put_text(binding, "id", row_text(rows, 0));
		json_put_text(binding, "key", row_text(rows, 0));
		json_put_text(binding, "session", row_text(rows, 1));
		json_put_number(binding, "version", (double)row_int(rows, 2));
		json_put_number(binding, "used", (double)row_int(rows, 3));
		json_put(binding, "place", row_json(rows, 4));
		json_put_number(binding, "changed", row_real(rows, 5));
		json_append(all, binding);
	}
	if (out_human(&out))
		table_begin(&table, 3, header);
	for (size_t i = 0; i < json_count(all, ""); i++) {
		struct json *binding = json_item(all, "", i);
		char *version = xformat("%.0f", json_number(binding, "version", 0));
		const char *cells[] = {json_text(binding, "key"), json_text(binding, "session"), version};

		if (out_human(&out))
			table_row(&table, cells);
		else
			out_json(&out, binding);
		free(version);
		json_free(binding);
	}
	if (out_human(&out))
		table_end(&table);
	return 0;
}

static void
remove_session(struct db *db, const char *id)
{
	static const char *const statements[] = {
		"UPDATE sessions SET parent_session_id = NULL WHERE parent_session_id = ?",
		"DELETE FROM courier_bindings WHERE session = ?",
		"DELETE FROM courier_seats WHERE session = ?",
		"DELETE FROM courier_deliveries WHERE session = ?",
		"DELETE FROM courier_events WHERE session = ?",
		"DELETE FROM courier_log WHERE handoff IN (SELECT id FROM courier_handoffs WHERE session = ?)",
		"DELETE FROM courier_handoffs WHERE session = ?",
		"DELETE FROM messages WHERE session_id = ?",
		"DELETE FROM sessions WHERE id = ?",
	};

	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
		db_run(db, statements[i], "s", id);
}

/* Why it cannot be removed now, or NULL. Owned. */
static char *
in_use(struct db *db, const char *id)
{
	char *speaker = seat_speaker(db, id);

	if (!speaker && handoff_in_flight(db, id))
		speaker = xstrdup("a handoff of it is under way");
	return speaker;
}

static void
print_removed(const char *id)
{
	struct json *line = json_object();

	json_put_text(line, "id", id);
	json_put_true(line, "removed", true);
	out_json(&out, line);
	json_free(line);
}

int
state_rm_main(int argc, char **argv)
{
	const struct opt opts[] = {OUT_OPTS(out), {0}};
	const struct usage usage = {"rm SESSION ... | -",
		"Remove sessions and all their messages for ever.", opts};
	char **names = words_operands(&usage, opts_parse(argc, argv, &usage), argv);
	struct db *db = db_open(DB_WRITE);

	for (; *names; names++) {
		char *id = session_named(db, *names), *why;

		db_begin(db);
		if ((why = in_use(db, id))) {
			db_abandon(db);
			die(EX_LATER, "%s: %s", id, why);
		}
		remove_session(db, id);
		db_commit(db);
		db_rest(db);
		if (!out_human(&out))
			print_removed(id);
		free(id);
	}
	return 0;
}

int
state_prune_main(int argc, char **argv)
{
	static const char sql[] =
		"SELECT id FROM sessions WHERE ended_at IS NOT NULL AND ended_at < ?"
		" AND NOT EXISTS (SELECT 1 FROM courier_bindings WHERE session = sessions.id)"
		" AND NOT EXISTS (SELECT 1 FROM sessions c WHERE c.parent_session_id = sessions.id"
		" AND c.ended_at IS NULL) ORDER BY ended_at LIMIT 1";
	double days = -1;
	bool dry = false;
	const struct opt opts[] = {
		{"older", 0, OPT_SECONDS, &days, "DAYS", "ended more than DAYS days ago"},
		{"dry-run", 0, OPT_FLAG, &dry, NULL, "count them, and change nothing"},
		OUT_OPTS(out), {0},
	};
	const struct usage usage = {"prune --older DAYS", "Remove sessions that ended long ago and are "
		"bound nowhere.", opts};
	struct json *done = json_object();
	double before;
	struct db *db;
	long count = 0;
	char *id;

	if (opts_parse(argc, argv, &usage) || days < 0)
		opts_misused(&usage, "--older is needed");
	before = clock_now() - days * 86400;
	db = db_open(dry ? DB_READ : DB_WRITE);
	if (dry) {
		count = (long)db_number(db, 0, "SELECT count(*) FROM sessions WHERE ended_at < ?"
			" AND NOT EXISTS (SELECT 1 FROM courier_bindings WHERE session = sessions.id)", "d",
			before);
	} else {
		while ((id = db_word(db, sql, "d", before))) {
			db_begin(db);
			remove_session(db, id);
			db_commit(db);
			db_rest(db);
			count++;
			free(id);
		}
	}
	json_put_number(done, dry ? "would_remove" : "removed", (double)count);
	out_json(&out, done);
	json_free(done);
	return 0;
}
