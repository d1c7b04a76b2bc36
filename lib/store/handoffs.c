/* SPDX-License-Identifier: MIT */
#include "handoffs.h"

#include "bindings.h"
#include "deliveries.h"
#include "die.h"
#include "events.h"
#include "figures.h"
#include "messages.h"
#include "notice.h"
#include "out.h"
#include "place.h"
#include "platform.h"
#include "platforms.h"
#include "seats.h"
#include "sessions.h"
#include "stage.h"
#include "switch.h"

#include <stdlib.h>
#include <string.h>

/* A holder that dies this often with the same work takes others down with it. */
enum { CUT_MOST = 20 };

const char handoff_desk[] = "cli";

long long
handoff_in_flight(struct db *db, const char *session)
{
	return db_number(db, 0, "SELECT id FROM courier_handoffs WHERE session = ?"
		" AND state IN ('pending', 'running') ORDER BY id DESC LIMIT 1", "s", session);
}

long long
handoff_newest(struct db *db, const char *session)
{
	return db_number(db, 0, "SELECT id FROM courier_handoffs WHERE session = ?"
		" ORDER BY id DESC LIMIT 1", "s", session);
}

struct json *
request_options(bool no_turn, bool require_thread, bool shared, bool replace, bool exact)
{
	const struct { const char *name; bool set; } flags[] = {
		{"no_turn", no_turn}, {"require_thread", require_thread},
		{"shared", shared}, {"replace", replace}, {"exact", exact},
	};
	struct json *options = NULL;

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		if (!flags[i].set)
			continue;
		if (!options)
			options = json_object();
		json_put_true(options, flags[i].name, true);
	}
	return options;
}

static char *
refused(int *status, int code, char *why)
{
	*status = code;
	return why;
}

/* What is in flight, in words: where to, since when. Owned. */
static char *
flight_words(struct db *db, long long id)
{
	struct rows *rows = db_query(db, "SELECT platform, state, created, holder"
		" FROM courier_handoffs WHERE id = ?", "i", id);
	char *ago, *words;

	if (!rows_next(rows))
		return xstrdup("another handoff is under way");
	ago = out_ago(row_real(rows, 2));
	words = xformat("handoff %lld to %s is %s, asked for %s%s%s; see hermes handoff status, "
		"or cancel it: hermes handoff cancel %lld", id, row_text(rows, 0), row_text(rows, 1),
		ago, row_null(rows, 3) ? "" : ", held by ", row_null(rows, 3) ? "" : row_text(rows, 3),
		id);
	free(ago);
	rows_end(rows);
	return words;
}

/*
 * The id of an equal request made before, -1 for another content, 0 for none. Who would read it
 * there is no content: people come and go.
 */
static long long
same_request(struct db *db, const struct request *request)
{
	static const char sql[] =
		"SELECT id, session = ?2 AND platform = ?3 AND json_remove(wanted, '$.audience')"
		" IS json_remove(?4, '$.audience') AND notice IS ?5 AND options IS ?6"
		" FROM courier_handoffs WHERE request = ?1";
	struct rows *rows = db_query(db, sql, "sssjsj", request->id, request->session,
		request->platform, request->wanted, request->notice, request->options);
	long long id;

	if (!rows_next(rows))
		return 0;
	id = row_int(rows, 1) ? row_int(rows, 0) : -1;
	rows_end(rows);
	return id;
}

/* Their gateway may be carrying one that we know nothing of. */
static bool
runs_elsewhere(struct db *db, const char *session)
{
	return db_number(db, 0, "SELECT 1 FROM sessions WHERE id = ? AND handoff_state = 'running'"
		" AND coalesce(handoff_error, '') NOT GLOB 'courier:*'", "s", session)
		&& gateway_lives(db);
}

long long
handoff_request(struct db *db, const struct request *request, int *status, char **why)
{
	static const char sql[] =
		"INSERT INTO courier_handoffs (request, session, platform, requester, wanted, notice,"
		" options, plain, retry_of, created, expires)"
		" VALUES (coalesce(?, lower(hex(randomblob(16)))), ?, ?, ?, ?, ?, ?, ?, nullif(?, 0), ?, ?)";
	bool plain = !request->elsewhere && !request->notice && !request->options;
	long long id = request->id ? same_request(db, request) : 0;
	double now = clock_now();

	if (id > 0)
		return id;
	if (id < 0) {
		*why = refused(status, EX_BAD, xformat("request %s was made before with another content; "
			"choose another --request-id", request->id));
		return 0;
	}
	id = handoff_in_flight(db, request->session);
	if (id || runs_elsewhere(db, request->session)) {
		*why = refused(status, EX_LATER, id ? flight_words(db, id)
			: xstrdup("a gateway of Hermes Agent is carrying this session; try again later"));
		return 0;
	}
	db_run(db, sql, "ssssjsjiidd", request->id, request->session, request->platform,
		request->requester, request->wanted, request->notice, request->options,
		(long long)plain, request->retry_of, now, now + figure_pending());
	id = db_last_id(db);
	handoff_note(db, id, "requested", request->requester);
	if (strcmp(request->platform, handoff_desk)) {
		handoff_publish(db, id);
	} else if (handoff_to_desk(db, id)) {
		handoff_end(db, id, "completed", 0, NULL);
	} else {
		*why = refused(status, EX_LATER, xstrdup("a message is being answered where it is now; "
			"try again in a moment"));
		handoff_end(db, id, "cancelled", EX_LATER, *why);
		return 0;
	}
	db_wake(db);
	return id;
}

bool
handoff_back(struct db *db, const char *session, struct json **wanted)
{
	static const char sql[] =
		"SELECT coalesce(origin, json_extract(replaced, '$.seat.place')) FROM courier_handoffs"
		" WHERE session = ? AND state = 'completed' AND (key IS NOT NULL OR platform = ?)"
		" ORDER BY id DESC LIMIT 1";
	struct rows *rows = db_query(db, sql, "ss", session, handoff_desk);

	*wanted = NULL;
	if (!rows_next(rows))
		return false;
	if (!row_null(rows, 0))
		*wanted = row_json(rows, 0);
	rows_end(rows);
	return true;
}

void
handoffs_expire(struct db *db)
{
	struct rows *rows = db_query(db, "SELECT id FROM courier_handoffs"
		" WHERE state = 'pending' AND expires < ?", "d", clock_now());

	while (rows_next(rows))
		handoff_end(db, row_int(rows, 0), "expired", EX_LATER,
			"nobody took it in time; start hermes watch, or ask again");
}

/* While running, handoff_error holds the mark that each later change names. */
void
handoff_publish(struct db *db, long long id)
{
	static const char ours[] = "UPDATE sessions SET handoff_state = ?1, handoff_platform = ?2,"
		" handoff_error = ?3 WHERE id = ?4 AND (handoff_error GLOB 'courier:' || ?5 || ':*'"
		" OR (?6 AND coalesce(handoff_state, '') NOT IN ('pending', 'running'))"
		" OR (?7 AND handoff_state = 'pending')"
		" OR (?6 AND handoff_state = 'running'"
		" AND coalesce(handoff_error, '') NOT GLOB 'courier:*'))";
	struct rows *rows = db_query(db, "SELECT session, platform, state, plain, fence, error"
		" FROM courier_handoffs WHERE id = ?", "i", id);
	const char *state, *error;
	bool running, pending, plain, over;
	char *mark = NULL;

	if (!rows_next(rows))
		return;
	state = row_text(rows, 2);
	error = row_text(rows, 5);
	plain = row_int(rows, 3);
	running = !strcmp(state, "running");
	pending = !strcmp(state, "pending");
	over = !strcmp(state, "cancelled") || !strcmp(state, "expired");
	if (running)
		error = mark = xformat("courier:%lld:%lld", id, row_int(rows, 4));
	else if (strcmp(state, "failed"))
		error = NULL;
	if (plain || !pending)
		db_run(db, ours, "ssssiii", over ? NULL : state, over ? NULL : row_text(rows, 1), error,
			row_text(rows, 0), id, (long long)(pending || (running && !plain)),
			(long long)plain);
	free(mark);
	rows_end(rows);
}

static const char whole[] =
	"SELECT h.id, h.request, h.session, h.platform, h.state, h.step, h.attempt, h.error, h.code,"
	" h.place, h.requester, h.created, h.claimed, h.ended, h.not_before, h.retry_of, h.holder,"
	" e.reply, h.delivery, d.ids, h.options, h.wanted, h.origin, iif(d.state = 'failed', d.error, NULL)"
	" FROM courier_handoffs h"
	" LEFT JOIN courier_events e ON e.id = h.event"
	" LEFT JOIN courier_deliveries d ON d.id = h.delivery WHERE h.id = ?";

struct json *
handoff_json(struct db *db, long long id)
{
	struct rows *rows = db_query(db, whole, "i", id);
	struct json *json;
	bool done;

	if (!rows_next(rows))
		return NULL;
	json = json_object();
	json_put_id(json, "id", row_int(rows, 0));
	row_put_text(rows, 2, json, "session");
	row_put_text(rows, 3, json, "platform");
	row_put_text(rows, 4, json, "state");
	done = !strcmp(row_text(rows, 4), "completed"); /* then it says why no turn came of it */
	json_put_text(json, "error", done ? NULL : row_text(rows, 7));
	row_put_text(rows, 7, json, done ? "note" : "error");
	if (!row_null(rows, 8))
		json_put_number(json, "code", (double)row_int(rows, 8));
	row_put_text(rows, 5, json, "step");
	json_put_number(json, "attempt", (double)row_int(rows, 6));
	row_put_json(rows, 9, json, "place");
	row_put_json(rows, 22, json, "from");
	row_put_json(rows, 21, json, "wanted");
	row_put_json(rows, 20, json, "options");
	json_put_text(json, "turn", row_null(rows, 17) ? NULL : row_text(rows, 17));
	row_put_json(rows, 19, json, "delivered");
	if (done) /* the platform took it, and told later that it did not arrive */
		row_put_text(rows, 23, json, "undelivered");
	row_put_text(rows, 1, json, "request");
	row_put_text(rows, 10, json, "requester");
	row_put_text(rows, 16, json, "holder");
	if (!row_null(rows, 15))
		json_put_id(json, "retry_of", row_int(rows, 15));
	row_put_number(rows, 11, json, "created");
	row_put_number(rows, 12, json, "claimed");
	row_put_number(rows, 13, json, "ended");
	row_put_number(rows, 14, json, "not_before");
	rows_end(rows);
	return json;
}

static struct json *
record_of(struct db *db, long long id)
{
	struct rows *rows = db_query(db, "SELECT session, platform, attempt, fence, wanted, notice,"
		" options, place, step, step_at, event, origin FROM courier_handoffs WHERE id = ?", "i", id);
	struct json *record = json_object();
	long long event;

	if (!rows_next(rows))
		return record;
	json_put_id(record, "handoff.id", id);
	row_put_text(rows, 0, record, "handoff.session");
	row_put_text(rows, 1, record, "handoff.platform");
	json_put_number(record, "handoff.attempt", (double)row_int(rows, 2) + 1);
	json_put_number(record, "handoff.fence", (double)row_int(rows, 3));
	row_put_json(rows, 4, record, "handoff.wanted");
	row_put_text(rows, 5, record, "handoff.notice");
	row_put_json(rows, 6, record, "handoff.options");
	if (!row_null(rows, 8) && !strcmp(row_text(rows, 8), "opening"))
		json_put_number(record, "handoff.again", row_real(rows, 9));
	json_put(record, "session", session_brief(db, row_text(rows, 0)));
	row_put_json(rows, 7, record, "place");
	row_put_json(rows, 11, record, "handoff.from");
	event = row_int(rows, 10);
	rows_end(rows);
	if (event)
		event_put_done(db, event, record);
	return record;
}

/* A row whose session was compressed goes on in the newest child. */
static void
follow_session(struct db *db, long long id, const char *session)
{
	char *current = session_current(db, session);

	if (strcmp(current, session)) {
		db_run(db, "UPDATE courier_handoffs SET session = ? WHERE id = ?", "si", current, id);
		handoff_note(db, id, "followed", current);
	}
	free(current);
}

static bool
take(struct db *db, struct rows *row, const struct claimer *claimer)
{
	static const char sql[] =
		"UPDATE courier_handoffs SET state = 'running', fence = fence + 1, holder = ?,"
		" held_at = ?, hold = nullif(?, 0), claimed = ?, not_before = NULL,"
		" cut = cut + (state = 'running' AND holder IS NOT NULL) WHERE id = ?";
	long long id = row_int(row, 0);
	bool pending = !strcmp(row_text(row, 2), "pending");

	if (!claim_due(row, 3, 4) || platform_foreign(db, row_text(row, 5)))
		return false;
	if (!claim_try(claimer, LEASE_HANDOFF, id, row_real(row, 6), row_real(row, 7)))
		return false;
	if (row_int(row, 8) >= CUT_MOST) {
		handoff_end(db, id, "failed", EX_BUG, "every holder of it died; see the log");
		lease_drop(claimer->fd, LEASE_HANDOFF, id);
		return false;
	}
	if (pending)
		follow_session(db, id, row_text(row, 1));
	db_run(db, sql, "sdddi", claimer->holder, clock_now(), claimer->hold, clock_now(), id);
	handoff_note(db, id, pending ? "claimed" : "claimed again", claimer->holder);
	handoff_publish(db, id);
	return true;
}

static const char candidates[] =
	"SELECT id, session, state, not_before, delay, platform, held_at, hold, cut"
	" FROM courier_handoffs WHERE state IN ('pending', 'running')"
	" AND coalesce(step, '') <> 'elsewhere' AND (?1 IS NULL OR session = ?1)"
	" AND (?2 IS NULL OR platform = ?2) ORDER BY id";

void
handoffs_foresee(struct db *db)
{
	struct json *platforms;
	struct rows *rows;

	if (!gateway_lives(db))
		return;
	platforms = json_array();
	rows = db_query(db, "SELECT platform FROM courier_handoffs WHERE state IN ('pending', 'running')"
		" UNION SELECT handoff_platform FROM sessions WHERE handoff_state = 'pending'"
		" AND handoff_platform IS NOT NULL", "");
	while (rows_next(rows))
		json_append(platforms, json_new_text(row_text(rows, 0), strlen(row_text(rows, 0))));
	for (size_t i = 0; i < json_count(platforms, ""); i++) {
		struct json *name = json_item(platforms, "", i);

		platform_about(json_text_or(name, "", ""), NULL, NULL);
		json_free(name);
	}
	json_free(platforms);
}

struct json *
handoffs_claim(struct db *db, const char *session, const char *platform, long limit,
	const struct claimer *claimer)
{
	struct json *records = json_array();
	struct rows *rows;
	long long *ids = xmalloc(sizeof *ids * (size_t)(limit > 0 ? limit : 1));
	long count = 0;

	rows = db_query(db, candidates, "ss", session, platform);
	while (count < limit && rows_next(rows)) {
		if (take(db, rows, claimer))
			ids[count++] = row_int(rows, 0);
		if (count == limit)
			rows_end(rows);
	}
	for (long i = 0; i < count; i++)
		json_append(records, record_of(db, ids[i]));
	if (count)
		db_wake(db);
	free(ids);
	return records;
}

static long
count_waiting(struct db *db, const char *session, const char *platform, long most, double *next)
{
	struct rows *rows = db_query(db, candidates, "ss", session, platform);
	long found = 0;

	while (found < most && rows_next(rows)) {
		struct wait wait = {row_real(rows, 3), row_real(rows, 4), row_real(rows, 6),
			row_real(rows, 7)};

		found += claim_free(LEASE_HANDOFF, row_int(rows, 0), &wait, next)
			&& !platform_foreign(db, row_text(rows, 5));
		if (found == most)
			rows_end(rows);
	}
	return found;
}

struct json *
handoffs_platforms(struct db *db)
{
	return db_names(db, "SELECT min(platform) FROM courier_handoffs WHERE platform > ?"
		" AND state IN ('pending', 'running')");
}

long
handoffs_waiting(struct db *db, const char *platform, long most, double *next)
{
	return count_waiting(db, NULL, platform, most, next);
}

bool
handoff_waits(struct db *db, const char *session, double *next)
{
	return count_waiting(db, session, NULL, 1, next);
}

void
handoff_step(struct db *db, const struct json *record, const char *step)
{
	db_run(db, "UPDATE courier_handoffs SET step = ?1, step_at = coalesce(step_at, ?2)"
		" WHERE id = ?3", "sdi", step, clock_now(), record_number(record, "handoff.id"));
	if (!step)
		db_run(db, "UPDATE courier_handoffs SET step_at = NULL WHERE id = ?", "i",
			record_number(record, "handoff.id"));
	else
		handoff_note(db, record_number(record, "handoff.id"), step, NULL);
	db_wake(db);
}

void
handoff_place(struct db *db, const struct json *record)
{
	struct json *place = json_at(record, "place");

	db_run(db, "UPDATE courier_handoffs SET place = ?, step = NULL, step_at = NULL WHERE id = ?",
		"ji", place, record_number(record, "handoff.id"));
	json_free(place);
}

void
handoff_end(struct db *db, long long id, const char *state, int code, const char *error)
{
	bool completed = !strcmp(state, "completed");

	if (!completed)
		handoff_undo(db, id);
	db_run(db, "UPDATE courier_handoffs SET state = ?, step = NULL, code = nullif(?, 0), error = ?,"
		" holder = NULL, hold = NULL, not_before = NULL, ended = ? WHERE id = ?", "sisdi", state,
		(long long)code, error, clock_now(), id);
	db_run(db, "UPDATE courier_events SET state = ?, step = NULL, ended = ?"
		" WHERE handoff = ? AND state = 'running'", "sdi", completed ? "done" : "failed",
		clock_now(), id);
	handoff_note(db, id, state, error);
	handoff_publish(db, id);
	if (completed)
		handoff_tell(db, id);
	db_wake(db);
}

void
handoff_postpone(struct db *db, long long id, double delay, bool counted, const char *why)
{
	db_run(db, "UPDATE courier_handoffs SET holder = NULL, hold = NULL, not_before = ?, delay = ?,"
		" attempt = attempt + ?, error = ? WHERE id = ?", "ddisi", clock_now() + delay, delay,
		(long long)counted, why, id);
	handoff_note(db, id, counted ? "trying again later" : "waiting", why);
	db_wake(db);
}

void
handoff_return(struct db *db, long long id)
{
	db_run(db, "UPDATE courier_handoffs SET holder = NULL, hold = NULL WHERE id = ?", "i", id);
	handoff_note(db, id, "given back", NULL);
	db_wake(db);
}
