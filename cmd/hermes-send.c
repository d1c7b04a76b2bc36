/* SPDX-License-Identifier: MIT */
/*
 * hermes-send: as a filter, the stage that delivers a reply; for people, a text to a
 * place; and what is due by itself.
 */
#include "send/send.h"

#include "die.h"
#include "figures.h"
#include "ids.h"
#include "listing.h"
#include "opts.h"
#include "out.h"
#include "platform.h"
#include "stage.h"
#include "trouble.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct db *db;
static struct out out;

static void
open_store(void)
{
	db = db_open(DB_WRITE);
}

static void
stage(struct json *record)
{
	send_record(db, record);
}

static void
read_stdin(struct text *text)
{
	char buffer[65536];
	ssize_t got;

	while ((got = read(STDIN_FILENO, buffer, sizeof buffer)) > 0)
		text_add(text, buffer, (size_t)got);
	if (got < 0)
		die(EX_STORE, "stdin: cannot be read:");
	while (text->length && text->at[text->length - 1] == '\n')
		text->at[--text->length] = '\0';
}

/* "PLATFORM" or "PLATFORM:WORDS": the place, or the end of the program. Owned. */
static struct json *
place_named(const char *target)
{
	size_t length = strcspn(target, ":");
	char *platform = xformat("%.*s", (int)length, target), *program = platform_program(platform);
	struct json *record = json_object(), *question = json_object(), *answer, *place;

	if (!program)
		die(EX_USER, "%s: no such platform; hermes config platforms lists them", platform);
	json_put_text(question, "words", target[length] ? target + length + 1 : "");
	answer = trouble_ask(record, platform, "resolve", question);
	if (answer && json_has(answer, "error"))
		trouble_put(record, answer, "error.");
	if (record_failed(record))
		die((int)json_number(record, "error.code", EX_AWAY), "%s: %s%s%s", target,
			json_text_or(record, "error.text", ""), json_has(record, "error.remedy") ? "; " : "",
			json_text_or(record, "error.remedy", ""));
	place = json_at(answer, "place");
	if (!place)
		die(EX_AWAY, "%s: the adapter named no place", target);
	json_put_text(place, "platform", platform);
	json_free(answer);
	json_free(question);
	json_free(record);
	free(program);
	free(platform);
	return place;
}

static int
send_text(const char *target, const char *words)
{
	struct text text = TEXT_INIT;
	struct json *place = place_named(target), *record = json_object(), *shown;
	struct claimer claimer = claimer_own();
	struct sending sending = {.record = record, .platform = json_text(place, "platform"),
		.enter = send_enter_freely};
	bool later;
	long long id;

	if (words && strcmp(words, "-"))
		text_puts(&text, words);
	else
		read_stdin(&text);
	if (!text.length)
		die(EX_BAD, "%s: there is nothing to send", target);
	if (!utf8_valid(text.at, text.length))
		die(EX_BAD, "%s: the text is not valid UTF-8", target);
	db = db_open(DB_WRITE);
	db_begin(db);
	id = delivery_new(db, place, NULL, text.at, text.length);
	claim_try(&claimer, LEASE_DELIVERY, id, 0, 0);
	db_commit(db);
	sending.db = db;
	sending.delivery = id;
	send_parts(&sending);
	later = json_true(record, "error.retry");
	db_begin(db);
	if (later)
		delivery_postpone(db, id, json_number(record, "error.after", figure_backoff(1)), true,
			json_text_or(record, "error.text", ""));
	else if (record_failed(record))
		delivery_end(db, id, "failed", json_text_or(record, "error.text", ""));
	db_commit(db);
	if (record_failed(record))
		die(later ? EX_LATER : (int)json_number(record, "error.code", EX_NO), "%s: %s%s", target,
			json_text_or(record, "error.text", ""),
			later ? "; it stays queued: hermes send --due, or hermes watch" : "");
	shown = delivery_json(db, id);
	if (out_human(&out))
		out_text("sent to %s\n", target);
	else
		out_json(&out, shown);
	return 0;
}

static int
list_main(int argc, char **argv)
{
	static const struct column columns[] = {
		{"ID", "id"}, {"STATE", "state"}, {"PLATFORM", "platform"}, {"MADE", "@created"},
		{"ERROR", "error"}, {"TEXT", "text"}, {NULL, NULL},
	};
	static const struct listing listing = {
		"SELECT id FROM courier_deliveries WHERE id > ? ORDER BY id LIMIT 500",
		"SELECT id FROM courier_deliveries WHERE id > ? AND state = ? ORDER BY id LIMIT 500",
		delivery_json, columns,
	};
	const char *state = NULL;
	const struct opt opts[] = {
		{"state", 0, OPT_TEXT, &state, "STATE", "pending, sending, sent, failed, unknown, dropped"},
		OUT_OPTS(out), {0},
	};
	const struct usage usage = {"list [--state STATE]", "List deliveries, oldest first.", opts};

	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operands");
	list_rows(db_open(DB_READ), &out, &listing, state);
	return 0;
}

/* retry and drop: deliveries that ended, or wait, get another state. */
static int
change(int argc, char **argv, const char *summary, const char *sql, const char *cannot)
{
	const struct opt opts[] = {OUT_OPTS(out), {0}};
	char *synopsis = xformat("%s ID ... | -", argv[0]);
	const struct usage usage = {synopsis, summary, opts};
	struct ids ids = ids_operands(&usage, opts_parse(argc, argv, &usage), argv);

	db = db_open(DB_WRITE);
	for (size_t i = 0; i < ids.count; i++) {
		struct json *shown;
		bool done;

		db_begin(db);
		done = db_run(db, sql, "i", ids.list[i]);
		db_wake(db);
		db_commit(db);
		shown = delivery_json(db, ids.list[i]);
		if (!shown)
			die(EX_MISSING, "%lld: no such delivery; hermes send list shows them", ids.list[i]);
		if (!done)
			die(EX_NO, "%lld: it is %s; %s", ids.list[i], json_text_or(shown, "state", "?"), cannot);
		out_json(&out, shown);
		json_free(shown);
	}
	free(synopsis);
	return 0;
}

static int
retry_main(int argc, char **argv)
{
	static const char sql[] = "UPDATE courier_deliveries SET state = 'pending', attempt = 0,"
		" uncertain = 0, tried = NULL, not_before = NULL, error = NULL, ended = NULL, event = NULL"
		" WHERE id = ? AND state IN ('failed', 'unknown', 'dropped')";

	return change(argc, argv, "Send a delivery that failed, what is left of it, once more.", sql,
		"only one that ended without arriving can be sent again");
}

static int
drop_main(int argc, char **argv)
{
	static const char sql[] = "UPDATE courier_deliveries SET state = 'dropped', ended = created"
		" WHERE id = ? AND state = 'pending' AND event IS NULL";

	return change(argc, argv, "Do not send a delivery that waits.", sql,
		"only one that waits by itself can be dropped");
}

static const struct verb verbs[] = {
	{"list", list_main, "[--state S]", "list deliveries"},
	{"retry", retry_main, "ID ... | -", "send what failed once more"},
	{"drop", drop_main, "ID ... | -", "do not send what waits"},
	{NULL, NULL, NULL, NULL},
};

int
main(int argc, char **argv)
{
	bool due = false;
	long limit = 100;
	const struct opt opts[] = {
		{"due", 0, OPT_FLAG, &due, NULL, "send what waits and is due"},
		{"limit", 'n', OPT_NUMBER, &limit, "N", "with --due: at most N (100)"},
		OUT_OPTS(out), {0},
	};
	const struct usage usage = {"PLATFORM[:ADDRESS] [TEXT | -]\n--due\nlist | retry ID ... | drop ID ...\n"
		"<records", "Send a text to a place; or, as a stage, each record's reply to its place.", opts};
	const struct verb *verb = argc > 1 ? verb_find(verbs, argv[1]) : NULL;
	int count;

	program_start(argv[0]);
	if (verb)
		return verb->run(argc - 1, argv + 1);
	count = opts_parse(argc, argv, &usage);
	if (count > 2)
		opts_misused(&usage, "a target and a text; quote the text");
	if (count)
		return send_text(argv[0], argv[1]);
	if (!due && isatty(STDIN_FILENO))
		opts_misused(&usage, "a target is needed, or records on stdin");
	if (!due)
		return stage_run(open_store, stage);
	open_store();
	return send_due(db, limit);
}
