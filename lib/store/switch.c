/* SPDX-License-Identifier: MIT */
/*
 * The switch: a place changes hands in one transaction, and what it replaced is
 * remembered, so that a handoff that fails leaves everything as it was.
 */
#include "switch.h"

#include "bindings.h"
#include "config.h"
#include "deliveries.h"
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
	struct json *replaced = json_object(), *now, *origin = seat_place(db, session);

	json_put(replaced, "binding", binding_state(db, key));
	json_put(replaced, "seat", seat_json(db, session));
	json_put(replaced, "route", route_of(db, session));
	binding_leave(db, session, key, id);
	binding_set(db, place, session, id);
	now = binding_state(db, key);
	json_put_number(replaced, "version", json_number(now, "version", 0));
	json_free(now);
	seat_move(db, session, key, place, id);
	session_reopen(db, session);
	db_run(db, "UPDATE courier_handoffs SET key = ?, replaced = ?, origin = ? WHERE id = ?",
		"sjji", key, replaced, origin, id);
	json_free(origin);
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
		struct json *from = seat_place(db, json_text_or(record, "session.id", ""));

		if (from)
			json_put(record, "handoff.from", from);
		bind_and_seat(db, record_number(record, "handoff.id"),
			json_text_or(record, "session.id", ""), place, key);
		queue_notice(db, record, place, key);
		handoff_note(db, record_number(record, "handoff.id"), "switched", key);
		db_wake(db);
	}
	free(key);
	json_free(place);
}

/* What the handoff went through, for words about it: its row as JSON. Owned. */
static struct json *
move_of(struct db *db, long long id)
{
	struct rows *rows = db_query(db, "SELECT session, platform, place, origin, options"
		" FROM courier_handoffs WHERE id = ?", "i", id);
	struct json *move = json_object();

	if (!rows_next(rows))
		return move;
	row_put_text(rows, 0, move, "session");
	row_put_text(rows, 1, move, "platform");
	row_put_json(rows, 2, move, "place");
	row_put_json(rows, 3, move, "origin");
	row_put_json(rows, 4, move, "options");
	rows_end(rows);
	return move;
}

/*
 * May the readers of one place be shown where the other is? Those of a room not where a
 * private one is: only that of the platform.
 */
static bool
may_know(const struct json *from, const struct json *to, bool shared)
{
	return shared || !strcmp(json_text_or(from, "kind", ""), "dm")
		|| config_platform_true(json_text_or(to, "platform", ""), "shared")
		|| (!strcmp(json_text_or(from, "platform", ""), json_text_or(to, "platform", "?"))
		&& !strcmp(json_text_or(from, "chat", ""), json_text_or(to, "chat", "?")));
}

bool
handoff_to_desk(struct db *db, long long id)
{
	struct json *move = move_of(db, id), *origin, *seat;
	const char *session = json_text_or(move, "session", "");
	char *mark = xformat("handoff:%lld", id), *words;
	bool busy;

	origin = seat_place(db, session);
	seat = seat_json(db, session);
	busy = json_text(seat, "key") && event_key_busy(db, json_text(seat, "key"));
	if (!busy) {
		binding_leave(db, session, NULL, id);
		seat_move(db, session, NULL, NULL, id);
		db_run(db, "UPDATE sessions SET session_key = NULL, chat_id = NULL, chat_type = NULL,"
			" thread_id = NULL WHERE id = ?", "s", session);
		session_reopen(db, session);
		db_run(db, "UPDATE courier_handoffs SET origin = ?, claimed = ? WHERE id = ?", "jdi",
			origin, clock_now(), id);
		words = notice_home(origin);
		message_say(db, session, "user", words, strlen(words), mark);
		free(words);
	}
	json_free(origin);
	json_free(seat);
	json_free(move);
	free(mark);
	return !busy;
}

void
handoff_tell(struct db *db, long long id)
{
	struct json *move = move_of(db, id), *from = json_at(move, "origin");
	struct json *to = json_at(move, "place");
	char *words;

	/* Unless the place is another conversation's by now: then it is nobody's business there. */
	if (from && db_number(db, 0, "SELECT 1 FROM courier_bindings WHERE left_by = ?", "i", id)) {
		words = notice_gone(to, may_know(from, to, json_true(move, "options.shared")));
		delivery_new(db, &(struct said){.place = from, .session = json_text(move, "session"),
			.text = words, .length = strlen(words), .format = "plain"});
		handoff_note(db, id, "told", words);
		free(words);
	}
	json_free(from);
	json_free(to);
	json_free(move);
}

char *
handoff_left_words(struct db *db, const char *session, const struct json *from)
{
	struct json *to = seat_place(db, session), *move;
	char *words;

	move = move_of(db, db_number(db, 0, "SELECT handoff FROM courier_seats WHERE session = ?", "s",
		session));
	words = notice_left(session, to, may_know(from, to, json_true(move, "options.shared")));
	json_free(move);
	json_free(to);
	return words;
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
		binding_return(db, id);
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
