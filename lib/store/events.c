/* SPDX-License-Identifier: MIT */
#include "events.h"

#include "bindings.h"
#include "chats.h"
#include "deliveries.h"
#include "die.h"
#include "figures.h"
#include "messages.h"
#include "place.h"
#include "sessions.h"
#include "stage.h"

#include <stdlib.h>
#include <string.h>

enum { CUT_MOST = 20 };

static void
meet(struct db *db, const char *platform, const struct json *event)
{
	if (json_text(event, "user.id"))
		db_run(db, "INSERT INTO courier_people (platform, user, name, seen) VALUES (?, ?, ?, ?)"
			" ON CONFLICT (platform, user) DO UPDATE SET name = coalesce(excluded.name, name),"
			" seen = excluded.seen", "sssd", platform, json_text(event, "user.id"),
			json_text(event, "user.name"), clock_now());
}

long long
event_put(struct db *db, const char *platform, const struct json *event)
{
	static const char sql[] =
		"INSERT INTO courier_events (platform, account, chat, message, key, place, user, name,"
		" also, text, reply_to, at, origin, created)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
	struct json *place = json_at(event, "place"), *also;
	const char *user = json_text(event, "user.id");
	size_t length = 0;
	const char *bytes = json_bytes(event, "text", &length);
	long long id = -1;
	struct text text = TEXT_INIT;
	char *key;

	if (!place || !json_text(event, "message") || !bytes
		|| strcmp(json_text_or(place, "platform", platform), platform)) {
		json_free(place);
		return -1;
	}
	json_put_text(place, "platform", platform);
	if (user && !json_has(place, "user"))
		json_put_text(place, "user", user);
	if (place_whole(place)) {
		key = binding_key(db, place);
		also = json_at(event, "user.also");
		text_add_without_nuls(&text, bytes, length);
		id = db_run(db, sql, "sssssjssjssdsd", platform,
			json_text_or(place, "account", ""), json_text_or(place, "chat", ""),
			json_text(event, "message"), key, place, user, json_text(event, "user.name"), also,
			text.at, json_text(event, "reply_to"), json_number(event, "at", clock_now()), platform,
			clock_now());
		if (id)
			id = db_last_id(db);
		if (id)
			chat_lives(db, platform, json_text(place, "chat"));
		meet(db, platform, event);
		json_free(also);
		free(key);
		text_release(&text);
	}
	json_free(place);
	return id;
}

long long
event_notice(struct db *db, const struct json *record, const struct json *place,
	const char *key, const char *text, const char *origin, long long said)
{
	static const char sql[] =
		"INSERT INTO courier_events (platform, account, chat, key, place, text, at, origin,"
		" handoff, session, state, said, gave_up, created)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'running', ?, ?, ?)";
	bool silent = json_true(record, "handoff.options.no_turn");

	db_run(db, sql, "ssssjsdsisisd", json_text(place, "platform"), json_text(place, "account"),
		json_text(place, "chat"), key, place, text, clock_now(), origin,
		record_number(record, "handoff.id"), json_text(record, "session.id"), said,
		silent ? "not asked to speak" : NULL, clock_now());
	return db_last_id(db);
}

static void
put_turn(struct db *db, struct rows *rows, struct json *record)
{
	long long reply = row_int(rows, 7);
	char *text;

	if (!row_null(rows, 9)) {
		json_put(record, "turn", json_object());
		json_put_text(record, "turn.message", NULL);
		json_put_text(record, "turn.why", row_text(rows, 9));
	}
	if (!reply)
		return;
	text = message_content(db, reply);
	json_put_id(record, "turn.message", reply);
	json_put_text(record, "turn.text", text ? text : "");
	row_put_json(rows, 8, record, "turn.actions");
	free(text);
}

void
event_put_done(struct db *db, long long id, struct json *record)
{
	struct rows *rows = db_query(db, "SELECT key, text, origin, user, name, step, attempt, reply,"
		" actions, gave_up, delivery, session, fence, handoff, place, also"
		" FROM courier_events WHERE id = ?", "i", id);
	long long delivery;

	if (!rows_next(rows))
		return;
	json_put_id(record, "event.id", id);
	row_put_text(rows, 0, record, "event.key");
	row_put_text(rows, 1, record, "event.text");
	row_put_text(rows, 2, record, "event.origin");
	row_put_text(rows, 3, record, "event.user.id");
	row_put_text(rows, 4, record, "event.user.name");
	row_put_json(rows, 15, record, "event.user.also");
	if (row_null(rows, 13)) {
		json_put_number(record, "event.attempt", (double)row_int(rows, 6) + 1);
		json_put_number(record, "event.fence", (double)row_int(rows, 12));
	}
	if (!row_null(rows, 5) && !strcmp(row_text(rows, 5), "speaking"))
		json_put_true(record, "event.again", true);
	if (!json_has(record, "place"))
		json_put(record, "place", row_json(rows, 14));
	put_turn(db, rows, record);
	delivery = row_int(rows, 10);
	if (!json_has(record, "session") && !row_null(rows, 11))
		json_put(record, "session", session_brief(db, row_text(rows, 11)));
	rows_end(rows);
	if (delivery)
		delivery_put_done(db, delivery, record);
}

bool
event_key_busy(struct db *db, const char *key)
{
	return db_number(db, 0, "SELECT 1 FROM courier_events WHERE key = ? AND state = 'running'"
		" AND (handoff IS NOT NULL OR holder IS NOT NULL)", "s", key);
}

/* The oldest open event of each key, unless a notice stands in that key's queue. */
#define CANDIDATES(where) \
	"SELECT id, not_before, delay, held_at, hold, cut FROM courier_events e" \
	" WHERE " where "state IN ('queued', 'running') AND handoff IS NULL AND NOT EXISTS (" \
	" SELECT 1 FROM courier_events o WHERE o.key = e.key AND o.state IN ('queued', 'running')" \
	" AND (o.id < e.id OR o.handoff IS NOT NULL)) ORDER BY id"

static struct rows *
candidates(struct db *db, const char *platform)
{
	return platform ? db_query(db, CANDIDATES("platform = ? AND "), "s", platform)
		: db_query(db, CANDIDATES(""), "");
}

static bool
take(struct db *db, struct rows *row, const struct claimer *claimer)
{
	static const char sql[] =
		"UPDATE courier_events SET state = 'running', fence = fence + 1, holder = ?, held_at = ?,"
		" hold = nullif(?, 0), not_before = NULL, cut = cut + (holder IS NOT NULL) WHERE id = ?";
	long long id = row_int(row, 0);

	if (!claim_due(row, 1, 2)
		|| !claim_try(claimer, LEASE_EVENT, id, row_real(row, 3), row_real(row, 4)))
		return false;
	if (row_int(row, 5) >= CUT_MOST) {
		event_end(db, id, "failed", "every holder of it died; see the log");
		lease_drop(claimer->fd, LEASE_EVENT, id);
		return false;
	}
	db_run(db, sql, "sddi", claimer->holder, clock_now(), claimer->hold, id);
	return true;
}

struct json *
events_claim(struct db *db, const char *platform, long limit, const struct claimer *claimer)
{
	struct rows *rows = candidates(db, platform);
	struct json *records = json_array();
	long long *ids = xmalloc(sizeof *ids * (size_t)(limit > 0 ? limit : 1));
	long count = 0;

	while (count < limit && rows_next(rows)) {
		if (take(db, rows, claimer))
			ids[count++] = row_int(rows, 0);
		if (count == limit)
			rows_end(rows);
	}
	for (long i = 0; i < count; i++) {
		struct json *record = json_object();

		event_put_done(db, ids[i], record);
		json_append(records, record);
	}
	free(ids);
	return records;
}

struct json *
events_platforms(struct db *db)
{
	return db_names(db, "SELECT min(platform) FROM courier_events WHERE platform > ?"
		" AND state IN ('queued', 'running')");
}

long
events_waiting(struct db *db, const char *platform, long most, double *next)
{
	struct rows *rows = candidates(db, platform);
	long found = 0;

	while (found < most && rows_next(rows)) {
		struct wait wait = {row_real(rows, 1), row_real(rows, 2), row_real(rows, 3),
			row_real(rows, 4)};

		found += claim_free(LEASE_EVENT, row_int(rows, 0), &wait, next);
		if (found == most)
			rows_end(rows);
	}
	return found;
}

void
event_route(struct db *db, long long id, const char *session)
{
	db_run(db, "UPDATE courier_events SET session = ? WHERE id = ?", "si", session, id);
}

void
event_step(struct db *db, long long id, const char *step)
{
	db_run(db, "UPDATE courier_events SET step = ?1, step_at = ?2,"
		" turns = turns + (?1 IS 'speaking') WHERE id = ?3", "sdi", step, clock_now(), id);
}

void
event_replied(struct db *db, long long id, long long reply, const struct json *actions)
{
	db_run(db, "UPDATE courier_events SET reply = ?, actions = ?, step = NULL WHERE id = ?", "iji",
		reply, actions, id);
}

void
event_gave_up(struct db *db, long long id, const char *why)
{
	db_run(db, "UPDATE courier_events SET gave_up = ?, step = NULL WHERE id = ?", "si", why, id);
}

void
event_end(struct db *db, long long id, const char *state, const char *error)
{
	static const char under_way[] = "SELECT id FROM courier_deliveries WHERE event = ?"
		" AND state IN ('pending', 'sending')";

	db_run(db, "UPDATE courier_events SET state = ?, step = NULL, error = ?, holder = NULL,"
		" hold = NULL, not_before = NULL, ended = ? WHERE id = ?", "ssdi", state, error,
		clock_now(), id);
	if (strcmp(state, "done"))
		delivery_end(db, db_number(db, 0, under_way, "i", id), error);
	db_wake(db);
}

void
event_postpone(struct db *db, long long id, double delay, bool counted, const char *why)
{
	db_run(db, "UPDATE courier_events SET state = 'queued', holder = NULL, hold = NULL,"
		" not_before = ?, delay = ?, attempt = attempt + ?, error = ? WHERE id = ?", "ddisi",
		clock_now() + delay, delay, (long long)counted, why, id);
	db_wake(db);
}

void
event_return(struct db *db, long long id)
{
	db_run(db, "UPDATE courier_events SET state = 'queued', holder = NULL, hold = NULL"
		" WHERE id = ?", "i", id);
	db_wake(db);
}

struct json *
event_json(struct db *db, long long id)
{
	struct rows *rows = db_query(db, "SELECT id, platform, key, user, name, text, state, step,"
		" session, origin, attempt, error, at, not_before, handoff, delivery FROM courier_events"
		" WHERE id = ?", "i", id);
	static const char *const texts[] = {"id", "platform", "key", "user", "name", "text", "state",
		"step", "session", "origin"};
	struct json *json;

	if (!rows_next(rows))
		return NULL;
	json = json_object();
	for (int i = 0; i < 10; i++)
		row_put_text(rows, i, json, texts[i]);
	json_put_number(json, "attempt", (double)row_int(rows, 10));
	json_put_text(json, "error", row_text(rows, 11));
	json_put_number(json, "at", row_real(rows, 12));
	row_put_number(rows, 13, json, "not_before");
	row_put_text(rows, 14, json, "handoff");
	row_put_text(rows, 15, json, "delivery");
	rows_end(rows);
	return json;
}
