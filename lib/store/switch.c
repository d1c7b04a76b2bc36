/* SPDX-License-Identifier: MIT */
/*
 * The switch: a place changes hands in one transaction, and what it replaced is
 * remembered, so that a handoff that fails leaves everything as it was.
 */
#include "switch.h"

#include "bindings.h"
#include "die.h"
#include "events.h"
#include "figures.h"
#include "log.h"
#include "messages.h"
#include "notice.h"
#include "place.h"
#include "seats.h"
#include "sessions.h"
#include "stage.h"

#include <stdlib.h>
#include <string.h>

/* What the session's summary columns held before, for an undo. Owned. */
static struct json *
route_of(struct db *db, const char *session)
{
	static const char *const names[] = {"session_key", "chat_id", "chat_type", "thread_id",
		"end_reason"};
	struct rows *rows = db_query(db, "SELECT session_key, chat_id, chat_type, thread_id,"
		" end_reason, ended_at FROM sessions WHERE id = ?", "s", session);
	struct json *route = json_object();

	if (!rows_next(rows))
		return route;
	for (int i = 0; i < 5; i++)
		row_put_text(rows, i, route, names[i]);
	row_put_number(rows, 5, route, "ended_at");
	rows_end(rows);
	return route;
}

/* Whether the key can change hands now; otherwise the record says why not. */
static bool
may_switch(struct db *db, struct json *record, const struct json *place, const char *key)
{
	char *there = NULL;
	bool may = true;

	if (event_key_busy(db, key)) {
		record_wait(record, "a message at %s is being answered right now", key);
		return false;
	}
	if (!json_true(record, "handoff.options.replace"))
		there = binding_pushed_out(db, place, json_text_or(record, "session.id", ""));
	if (there) {
		struct json *brief = session_brief(db, there);

		record_error(record, EX_LATER, "end it (hermes state end), hand off to another chat or "
			"thread, or push it out with --replace",
			"another conversation lives there: %s (%s)", there,
			json_text_or(brief, "title", "untitled"));
		json_free(brief);
		free(there);
		may = false;
	}
	return may;
}

static void
bind_and_seat(struct db *db, long long id, const char *session, const struct json *place,
	const char *key)
{
	struct json *replaced = json_object(), *now;

	json_put(replaced, "binding", binding_state(db, key));
	json_put(replaced, "seat", seat_json(db, session));
	json_put(replaced, "route", route_of(db, session));
	binding_set(db, place, session, id);
	now = binding_state(db, key);
	json_put_number(replaced, "version", json_number(now, "version", 0));
	json_free(now);
	seat_move(db, session, key, place, id);
	session_reopen(db, session);
	db_run(db, "UPDATE courier_handoffs SET key = ?, replaced = ? WHERE id = ?", "sji", key,
		replaced, id);
	json_free(replaced);
}

/* The notice is said once, as the user's, and is the key's first event, already claimed. */
static void
queue_notice(struct db *db, struct json *record, const struct json *place, const char *key)
{
	const char *session = json_text_or(record, "session.id", "");
	long long id = record_number(record, "handoff.id"), said, event;
	char *mark = xformat("handoff:%lld", id);
	char *words = json_text(record, "handoff.notice") ? xstrdup(json_text(record, "handoff.notice"))
		: notice_words(record);

	said = message_say(db, session, "user", words, strlen(words), mark);
	event = event_notice(db, record, place, key, words, mark, said);
	db_run(db, "UPDATE courier_handoffs SET event = ? WHERE id = ?", "ii", event, id);
	event_put_done(db, event, record);
	free(words);
	free(mark);
}

void
handoff_switch(struct db *db, struct json *record)
{
	struct json *place = json_at(record, "place");
	char *key;

	if (!place || !place_whole(place)) {
		record_error(record, EX_BAD, NULL, "the record has no place to switch to");
		json_free(place);
		return;
	}
	key = place_key(place, false);
	if (may_switch(db, record, place, key)) {
		bind_and_seat(db, record_number(record, "handoff.id"),
			json_text_or(record, "session.id", ""), place, key);
		queue_notice(db, record, place, key);
		handoff_note(db, record_number(record, "handoff.id"), "switched", key);
		db_wake(db);
	}
	free(key);
	json_free(place);
}

static void
restore_route(struct db *db, const char *session, const struct json *route)
{
	db_run(db, "UPDATE sessions SET session_key = ?, chat_id = ?, chat_type = ?, thread_id = ?"
		" WHERE id = ?", "sssss", json_text(route, "session_key"), json_text(route, "chat_id"),
		json_text(route, "chat_type"), json_text(route, "thread_id"), session);
}

/* What was switched is put back, unless somebody has used the place since. */
void
handoff_undo(struct db *db, long long id)
{
	struct rows *rows = db_query(db, "SELECT session, key, replaced FROM courier_handoffs"
		" WHERE id = ? AND replaced IS NOT NULL", "i", id);
	struct json *replaced, *before, *seat, *route;
	char *session, *key;

	if (!rows_next(rows))
		return;
	session = row_copy(rows, 0);
	key = row_copy(rows, 1);
	replaced = row_json(rows, 2);
	rows_end(rows);
	before = json_at(replaced, "binding");
	seat = json_at(replaced, "seat");
	route = json_at(replaced, "route");
	if (binding_restore(db, key, before, (long long)json_number(replaced, "version", -1))) {
		seat_restore(db, session, seat);
		restore_route(db, session, route);
		handoff_note(db, id, "put back", key);
	} else {
		handoff_note(db, id, "left", "the place is already in use");
	}
	json_free(before);
	json_free(seat);
	json_free(route);
	json_free(replaced);
	free(session);
	free(key);
}
