/* SPDX-License-Identifier: MIT */
/*
 * hermes-settle: the last stage. Every record's end is written where the user sees it:
 * completed, failed, or back to its queue for another attempt; then its lease is let go.
 * What the agent asked for (a handoff) is queued in the same transaction as the end of
 * its turn. Records that are there already are settled together, 20 ms at a time.
 */
#include "claims.h"
#include "deliveries.h"
#include "die.h"
#include "events.h"
#include "figures.h"
#include "handoffs.h"
#include "lines.h"
#include "opts.h"
#include "out.h"
#include "stage.h"
#include "trouble.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double BATCH = 20e-3;

static struct db *db;
static struct out out;

/* What a record's work came to. */
enum end { DONE, FAILED, AGAIN, RESTS, WAITS, UNDONE, LOST };

static bool
is_sent(const struct json *record)
{
	return !strcmp(json_text_or(record, "delivery.state", ""), "sent");
}

static bool
rests(const struct json *record)
{
	long long since = json_has(record, "handoff")
		? db_number(db, 0, "SELECT created FROM courier_handoffs WHERE id = ?", "i",
			record_number(record, "handoff.id"))
		: db_number(db, 0, "SELECT created FROM courier_events WHERE id = ?", "i",
			record_number(record, "event.id"));

	return trouble_rests(record, (double)since);
}

static enum end
end_of(const struct json *record)
{
	double attempt = json_number(record, json_has(record, "handoff") ? "handoff.attempt"
		: "event.attempt", 1);

	if (json_true(record, "error.lost"))
		return LOST;
	if (json_true(record, "error.wait"))
		return WAITS;
	if (json_true(record, "error.retry"))
		return rests(record) ? RESTS : attempt < figure_attempts() ? AGAIN : FAILED;
	if (record_failed(record))
		return FAILED;
	return is_sent(record) ? DONE : UNDONE;
}

static double
delay_of(const struct json *record)
{
	double attempt = json_number(record, json_has(record, "handoff") ? "handoff.attempt"
		: "event.attempt", 1);

	return json_number(record, "error.after", figure_backoff((int)attempt));
}

/* The agent may ask to go on elsewhere. Once: the request is named after the event. */
static void
obey(const struct json *record)
{
	for (size_t i = 0; i < json_count(record, "turn.actions"); i++) {
		struct json *action = json_item(record, "turn.actions", i);
		char *id = xformat("event:%s:%zu", json_text_or(record, "event.id", "0"), i), *why = NULL;
		struct request request = {.id = id, .session = json_text(record, "session.id"),
			.platform = json_text(action, "handoff"), .requester = "agent"};
		int status = 0;

		if (request.platform && request.session && !handoff_request(db, &request, &status, &why))
			warn("%s: the agent asked for a handoff to %s: %s", request.session, request.platform,
				why);
		free(why);
		free(id);
		json_free(action);
	}
}

static void
settle_handoff(const struct json *record, enum end end, const char *text)
{
	long long id = record_number(record, "handoff.id");

	switch (end) {
	case DONE:
		handoff_end(db, id, "completed", 0, json_text(record, "turn.why"));
		break;
	case FAILED:
		handoff_end(db, id, "failed", json_whole(record, "error.code", EX_NO), text);
		break;
	case AGAIN:
	case RESTS:
		handoff_postpone(db, id, delay_of(record), end == AGAIN, text);
		break;
	case WAITS:
		handoff_postpone(db, id, json_number(record, "error.after", figure_wait()), false, text);
		break;
	default:
		handoff_return(db, id);
	}
}

static void
settle_event(const struct json *record, enum end end, const char *text)
{
	long long id = record_number(record, "event.id");
	const char *why = json_text(record, "turn.why");

	switch (end) {
	case DONE:
		event_end(db, id, why ? "failed" : "done", why);
		break;
	case FAILED:
		event_end(db, id, json_true(record, "error.denied") ? "denied"
			: json_true(record, "error.left") ? "left" : "failed", text);
		break;
	case AGAIN:
	case RESTS:
		event_postpone(db, id, delay_of(record), end == AGAIN, text);
		break;
	case WAITS:
		event_postpone(db, id, json_number(record, "error.after", figure_wait()), false, text);
		break;
	default:
		event_return(db, id);
	}
}

/* What is wrong, and what to do. Owned. */
static char *
words_of(const struct json *record)
{
	const char *remedy = json_text(record, "error.remedy");

	return xformat("%s%s%s", json_text_or(record, "error.text", "no reason was kept"),
		remedy ? "; " : "", remedy ? remedy : "");
}

/* For the log: why this one did not succeed. */
static void
say(const struct json *record, enum end end, const char *text)
{
	bool handoff = json_has(record, "handoff");
	const char *what = handoff ? "handoff" : "event";
	const char *id = json_text_or(record, handoff ? "handoff.id" : "event.id", "?");

	if (end == LOST)
		warn("%s %s: another holder has it now; nothing was changed", what, id);
	else if (end == FAILED)
		warn("%s %s: %s", what, id, text);
	else if (end == AGAIN || end == RESTS)
		warn("%s %s: %s; trying again in %.0f s", what, id, text, delay_of(record));
	else if (end == WAITS)
		warn("%s %s: waits: %s", what, id, text);
	else if (end == UNDONE)
		warn("%s %s: nothing was done; it is back in its queue", what, id);
}

/* Whether it succeeded. */
static bool
settle(struct json *record)
{
	enum end end = end_of(record);
	char *text = words_of(record);

	if (end != LOST && !claim_stands(db, record))
		end = LOST;
	if (end != LOST && json_has(record, "handoff"))
		settle_handoff(record, end, text);
	else if (end != LOST)
		settle_event(record, end, text);
	if (end == DONE)
		obey(record);
	say(record, end, text);
	free(text);
	return end == DONE;
}

static void
show(const struct json *record)
{
	bool handoff = json_has(record, "handoff");
	struct json *shown = handoff ? handoff_json(db, record_number(record, "handoff.id"))
		: event_json(db, record_number(record, "event.id"));

	claim_release(record);
	if (shown)
		out_json(&out, shown);
	json_free(shown);
}

/* Settle what is there, at most BATCH seconds long, in one transaction. */
static int
settle_batch(struct lines *in, char *line, size_t length)
{
	struct json *batch = json_array();
	double until = clock_steady() + BATCH;
	int status = 0;

	db_begin(db);
	do {
		struct json *record;

		if (!*line)
			continue;
		record = json_parse(line, length, NULL);

		if (!record || !json_is_object(record)
			|| (!json_has(record, "handoff") && !json_has(record, "event"))) {
			warn("a line is not a record");
			status = EX_BAD;
			json_free(record);
			continue;
		}
		if (!settle(record) && !status)
			status = EX_NO;
		json_append(batch, record);
	} while (clock_steady() < until && lines_ready(in) && (line = lines_next(in, &length, 0)));
	db_commit(db);
	for (size_t i = 0; i < json_count(batch, ""); i++) {
		struct json *record = json_item(batch, "", i);

		show(record);
		json_free(record);
	}
	json_free(batch);
	if (lines_ready(in) && !in->ended)
		db_rest(db);
	return status;
}

int
main(int argc, char **argv)
{
	const struct opt opts[] = {OUT_OPTS(out), {0}};
	const struct usage usage = {"<records", "Last stage: write how each record ended.", opts};
	struct lines in = LINES_INIT(STDIN_FILENO);
	int status = EX_NO, some = 0;
	size_t length;
	char *line;

	program_start(argv[0]);
	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operands; records are read from stdin");
	if (isatty(STDIN_FILENO))
		opts_misused(&usage, "records are read from stdin");
	while ((line = lines_next(&in, &length, 0))) {
		int now;

		if (!db)
			db = db_open(DB_WRITE);
		now = settle_batch(&in, line, length);
		status = some++ ? (status ? status : now) : now;
	}
	if (in.broken)
		warn("the last line has no end: dropped, the store still has its work");
	else if (!some)
		warn("no record came");
	return in.broken && !status ? EX_NO : status;
}
