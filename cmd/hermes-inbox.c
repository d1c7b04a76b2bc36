/* SPDX-License-Identifier: MIT */
/*
 * hermes-inbox: what people wrote, as a queue. `cursor` says from where to listen and
 * holds the platform's poll; `put` stores a batch and the cursor that covers it in one
 * transaction; `claim` hands events out, oldest first, one at a time per key.
 */
#include "bindings.h"
#include "claims.h"
#include "config.h"
#include "deliveries.h"
#include "die.h"
#include "events.h"
#include "figures.h"
#include "ids.h"
#include "learnt.h"
#include "lines.h"
#include "listing.h"
#include "opts.h"
#include "out.h"
#include "platforms.h"
#include "trouble.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct out out;

/*
 * Where sessions are, or were, for platforms that must be polled place by place; not a chat
 * that is dead, unless it may be tried again. Owned.
 */
static struct json *
places(struct db *db, const char *platform)
{
	static const char sql[] = "SELECT place FROM courier_bindings WHERE place IS NOT NULL"
		" AND json_extract(place, '$.platform') = ?1 AND NOT EXISTS (SELECT 1 FROM courier_chats"
		" WHERE platform = ?1 AND chat = json_extract(place, '$.chat') AND probe > ?2)"
		" ORDER BY changed DESC LIMIT 1000";
	struct rows *rows = db_query(db, sql, "sd", platform, clock_now());
	struct json *all = json_array();

	while (rows_next(rows))
		json_append(all, row_json(rows, 0));
	return all;
}

static int
cursor_main(int argc, char **argv)
{
	double wait = figure_poll();
	const struct opt opts[] = {
		{"wait", 'w', OPT_SECONDS, &wait, "SECONDS", "how long the poll may wait for messages"},
		{0},
	};
	const struct usage usage = {"cursor PLATFORM [--wait SECONDS]",
		"Hold the platform's poll, and print from where to listen.", opts};
	struct json *question = json_object();
	int held = lease_inherited();
	struct db *db;
	double rest;
	long long id;
	char *cursor;

	if (opts_parse(argc, argv, &usage) != 1)
		opts_misused(&usage, "one platform is needed");
	db = db_open(DB_WRITE);
	id = platform_find(db, argv[0]);
	if (!id) {
		db_begin(db);
		id = platform_row(db, argv[0]);
		db_commit(db);
	}
	rest = platform_poll_rest(db, argv[0]);
	if (rest > 0)
		die(EX_LATER, "%s: wants to be left alone for %.0f s", argv[0], rest);
	if (!lease_take(held >= 0 ? held : lease_own(), LEASE_POLL, id))
		die(EX_LATER, "%s: somebody else is listening there already", argv[0]);
	cursor = platform_cursor(db, argv[0]);
	if (cursor)
		json_put_text(question, "cursor", cursor);
	json_put_number(question, "wait", wait);
	json_put(question, "places", places(db, argv[0]));
	out.json = true;
	db_close(db);
	out_json(&out, question);
	return 0;
}

/* What became of texts that the platform told of later. */
static void
put_outcomes(struct db *db, const char *platform, const struct json *batch)
{
	for (size_t i = 0; i < json_count(batch, "outcomes"); i++) {
		struct json *outcome = json_item(batch, "outcomes", i);

		if (delivery_learn(db, platform, outcome) && strcmp(json_text_or(outcome, "outcome", ""), "sent"))
			warn("%s: delivery %s did not arrive: %s", platform,
				json_text_or(outcome, "delivery", "?"),
				json_text_or(outcome, "why", "the platform gave no reason"));
		json_free(outcome);
	}
}

static bool
is_configured(const char *platform, const char *chat)
{
	const char *home = config_platform(platform, "home_channel.chat_id");

	return (home && !strcmp(home, chat)) || config_listed(platform, "group_allowed_chats", chat);
}

/* Chats that have another id now: all that we keep follows; what people configured cannot. */
static void
put_moved(struct db *db, const char *platform, const struct json *batch)
{
	for (size_t i = 0; i < json_count(batch, "moved"); i++) {
		struct json *move = json_item(batch, "moved", i);
		const char *from = json_text(move, "from"), *to = json_text(move, "to");

		if (from && to) {
			bindings_follow(db, platform, from, to);
			deliveries_follow(db, platform, from, to);
			if (is_configured(platform, from))
				warn("%s: the chat %s is %s now; mend home_channel and group_allowed_chats",
					platform, from, to);
		}
		json_free(move);
	}
}

static void
put_batch(struct db *db, const char *platform, const struct json *batch, struct json *count)
{
	size_t stored = 0, known = 0, odd = 0;

	json_put_number(count, "stored", 0);
	json_put_number(count, "known", 0);
	if (!json_count(batch, "events") && !json_count(batch, "outcomes")
		&& !platform_news(db, platform, json_text(batch, "cursor")))
		return;
	db_begin(db);
	put_outcomes(db, platform, batch); /* first: who says something is alive */
	put_moved(db, platform, batch);
	for (size_t i = 0; i < json_count(batch, "events"); i++) {
		struct json *event = json_item(batch, "events", i);
		long long id = event_put(db, platform, event);

		stored += id > 0;
		known += id == 0;
		odd += id < 0;
		json_free(event);
	}
	platform_heard(db, platform, json_text(batch, "cursor"));
	if (stored)
		db_wake(db);
	db_commit(db);
	if (odd)
		warn("%s: %zu lines are no events and were left out", platform, odd);
	json_put_number(count, "stored", (double)stored);
	json_put_number(count, "known", (double)known);
}

static int
put_trouble(struct db *db, const char *platform, const struct json *answer)
{
	const char *why = json_text_or(answer, "error.why", "the adapter gave no reason");
	const char *remedy = json_text(answer, "error.remedy");
	const char *class = json_text_or(answer, "error.class", "transient");
	struct json *error = json_at(answer, "error");

	db_begin(db);
	platform_trouble(db, platform, why, !strcmp(class, "busy"), json_text(answer, "cursor"));
	platform_poll_heed(db, platform, error);
	db_commit(db);
	warn("%s: %s%s%s", platform, why, remedy ? "; " : "", remedy ? remedy : "");
	json_free(error);
	return trouble_code(class);
}

static int
put_main(int argc, char **argv)
{
	const struct opt opts[] = {OUT_OPTS(out), {0}};
	const struct usage usage = {"put PLATFORM <batch",
		"Store what a poll answered, once, together with its cursor.", opts};
	struct lines in = LINES_INIT(STDIN_FILENO);
	int status = EX_AWAY; /* no answer at all: whoever asked has said why */
	struct db *db;
	size_t length;
	char *line;

	if (opts_parse(argc, argv, &usage) != 1)
		opts_misused(&usage, "one platform is needed");
	if (isatty(STDIN_FILENO))
		opts_misused(&usage, "a batch is read from stdin");
	db = db_open(DB_WRITE);
	while ((line = lines_next(&in, &length, 0))) {
		char *why = NULL;
		struct json *batch = json_parse(line, length, &why), *count;

		if (!batch || !json_is_object(batch))
			die(EX_BAD, "%s: a batch is not JSON: %s", argv[0], why ? why : "not an object");
		if (json_has(batch, "error")) {
			status = put_trouble(db, argv[0], batch);
		} else {
			count = json_object();
			status = 0;
			put_batch(db, argv[0], batch, count);
			out_json(&out, count);
			json_free(count);
		}
		json_free(batch);
	}
	if (in.broken)
		warn("%s: the batch has no end: dropped; the next poll brings it again", argv[0]);
	db_close(db);
	return in.broken ? EX_AWAY : status;
}

static int
claim_main(int argc, char **argv)
{
	const char *platform = NULL;
	double hold = 0;
	long limit = 1;
	const struct opt opts[] = {
		{"platform", 0, OPT_TEXT, &platform, "PLATFORM", "only this platform's"},
		{"limit", 'n', OPT_NUMBER, &limit, "N", "at most N (1)"},
		{"hold", 0, OPT_SECONDS, &hold, "SECONDS", "how long a claim by hand lasts (60)"},
		{0},
	};
	const struct usage usage = {"claim [--platform PLATFORM] [--limit N] [--hold SECONDS]",
		"Claim events, oldest first, one at a time per key, and print a record for each.", opts};
	struct claimer claimer;
	struct json *records;
	struct db *db;
	size_t count;

	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operands");
	config_tree(); /* broken configuration ends this before anything is claimed */
	claimer = claimer_now(hold);
	db = db_open(DB_WRITE);
	db_begin(db);
	records = events_claim(db, platform, limit, &claimer);
	db_commit(db);
	db_close(db);
	count = json_count(records, "");
	out.json = true;
	for (size_t i = 0; i < count; i++) {
		struct json *record = json_item(records, "", i);

		out_json(&out, record);
		json_free(record);
	}
	if (!count)
		warn("claim: nothing waits");
	return count ? 0 : EX_NO;
}

static int
list_main(int argc, char **argv)
{
	static const struct column columns[] = {
		{"ID", "id"}, {"STATE", "state"}, {"PLATFORM", "platform"}, {"FROM", "user"},
		{"SAID", "@at"}, {"SESSION", "session"}, {"TEXT", "text"}, {NULL, NULL},
	};
	static const struct listing listing = {
		"SELECT id FROM courier_events WHERE id > ? ORDER BY id LIMIT 500",
		"SELECT id FROM courier_events WHERE id > ? AND state = ? ORDER BY id LIMIT 500",
		event_json, columns,
		"queued, running, done, denied, left or failed",
	};
	const char *state = NULL;
	const struct opt opts[] = {
		{"state", 0, OPT_TEXT, &state, "STATE", listing.states},
		OUT_OPTS(out), {0},
	};
	const struct usage usage = {"list [--state STATE]", "List events, oldest first.", opts};

	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operands");
	list_rows(db_open(DB_READ), &out, &listing, state);
	return 0;
}

/* The delivery of its reply, when some of that is there, or may be: it is not said anew. Or 0. */
static long long
begun(struct db *db, long long id)
{
	return db_number(db, 0, "SELECT d.id FROM courier_events e JOIN courier_deliveries d"
		" ON d.id = e.delivery WHERE e.id = ? AND e.state = 'failed' AND e.reply IS NOT NULL"
		" AND (d.ids IS NOT NULL OR d.tried IS NOT NULL)", "i", id);
}

static void
retry(struct db *db, long long id)
{
	long long delivery = begun(db, id);
	struct json *event;
	bool done;

	if (delivery)
		die(EX_NO, "%lld: its reply was begun; hermes send retry %lld sends what is left of it", id,
			delivery);
	db_begin(db);
	done = db_run(db, "UPDATE courier_events SET state = 'queued', attempt = 0, turns = 0, cut = 0,"
		" error = NULL, gave_up = NULL, delivery = NULL, ended = NULL, not_before = NULL"
		" WHERE id = ? AND state IN ('failed', 'denied') AND handoff IS NULL", "i", id);
	if (done)
		db_run(db, "UPDATE courier_deliveries SET event = NULL WHERE event = ?", "i", id);
	db_wake(db);
	db_commit(db);
	event = event_json(db, id);
	if (!event)
		die(EX_MISSING, "%lld: no such event; hermes inbox list shows them", id);
	if (!done)
		die(EX_NO, "%lld: it is %s, not failed or denied", id, json_text_or(event, "state", "?"));
	out_json(&out, event);
	json_free(event);
}

static int
retry_main(int argc, char **argv)
{
	const struct opt opts[] = {OUT_OPTS(out), {0}};
	const struct usage usage = {"retry ID ... | -", "Answer events that failed or were denied.",
		opts};
	struct ids ids = ids_operands(&usage, opts_parse(argc, argv, &usage), argv);
	struct db *db = db_open(DB_WRITE);

	for (size_t i = 0; i < ids.count; i++)
		retry(db, ids.list[i]);
	return 0;
}

static const struct verb verbs[] = {
	{"cursor", cursor_main, "PLATFORM [--wait S]", "hold the poll; print from where to listen"},
	{"put", put_main, "PLATFORM <batch", "store what a poll answered, with its cursor"},
	{"claim", claim_main, "[--limit N]", "claim events: records"},
	{"list", list_main, "[--state S]", "list events"},
	{"retry", retry_main, "ID ... | -", "answer one that failed or was denied after all"},
	{NULL, NULL, NULL, NULL},
};

int
main(int argc, char **argv)
{
	return verbs_main(argc, argv, verbs, "What people wrote, as a queue.");
}
