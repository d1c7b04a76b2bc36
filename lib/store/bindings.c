/* SPDX-License-Identifier: MIT */
#include "bindings.h"

#include "figures.h"
#include "place.h"
#include "seats.h"

#include <stdlib.h>
#include <string.h>

char *
binding_key(struct db *db, const struct json *place)
{
	char *room = place_room_key(place);

	if (db_number(db, 0, "SELECT 1 FROM courier_bindings WHERE key = ?", "s", room))
		return room;
	free(room);
	return place_key(place, false);
}

/* The key of the binding that a message from this place meets, or NULL. Owned. */
static char *
bound_key(struct db *db, const struct json *place)
{
	static const char sql[] = "SELECT 1 FROM courier_bindings WHERE key = ?";
	char *key = binding_key(db, place);

	if (db_number(db, 0, sql, "s", key))
		return key;
	free(key);
	key = place_own_key(place, false); /* from before its user was linked to a person */
	if (db_number(db, 0, sql, "s", key))
		return key;
	free(key);
	return NULL;
}

bool
binding_is_left(struct db *db, const struct json *place)
{
	char *key = bound_key(db, place);
	bool left = key && db_number(db, 0, "SELECT 1 FROM courier_bindings WHERE key = ?"
		" AND left_at IS NOT NULL", "s", key);

	free(key);
	return left;
}

char *
binding_pushed_out(struct db *db, const struct json *place, const char *session)
{
	static const char speakers[] =
		"SELECT b.session FROM courier_bindings b JOIN sessions s ON s.id = b.session"
		" WHERE b.key > ?1 || ':' AND b.key < ?1 || ';' AND b.session <> ?2"
		" AND s.ended_at IS NULL AND b.left_at IS NULL"
		" AND json_extract(b.place, '$.thread') IS ?3"
		" AND json_extract(b.place, '$.kind') <> 'dm' LIMIT 1";
	char *there = binding_is_left(db, place) ? NULL : binding_session(db, place), *key;

	if (there && strcmp(there, session) && db_number(db, 0, "SELECT 1 FROM sessions"
		" WHERE id = ? AND ended_at IS NULL", "s", there))
		return there;
	free(there);
	key = place_key(place, false);
	there = db_word(db, speakers, "sss", key, session, json_text(place, "thread"));
	free(key);
	return there;
}

/* A session that another program keeps under the key, as it spells it. */
static char *
published_under(struct db *db, char *plain)
{
	char *session = db_word(db, "SELECT id FROM sessions WHERE session_key = ?"
		" AND ended_at IS NULL"
		" AND NOT EXISTS (SELECT 1 FROM courier_bindings WHERE session = sessions.id)"
		" ORDER BY started_at DESC LIMIT 1", "s", plain);

	free(plain);
	return session;
}

/* Linking a person orphans nothing: what was said under the key from before is found. */
char *
binding_session(struct db *db, const struct json *place)
{
	char *key = bound_key(db, place), *session = NULL;

	if (key)
		session = db_word(db, "SELECT session FROM courier_bindings WHERE key = ?", "s", key);
	free(key);
	if (!session)
		session = published_under(db, place_key(place, true));
	if (!session)
		session = published_under(db, place_own_key(place, true));
	return session;
}

bool
binding_handed_to(struct db *db, const char *key, const char *user)
{
	char *stored = db_word(db, "SELECT place FROM courier_bindings WHERE key = ?"
		" AND handoff IS NOT NULL", "s", key);
	struct json *place = json_parse_stored(stored);
	bool handed = user && !strcmp(json_text_or(place, "kind", ""), "dm")
		&& !strcmp(json_text_or(place, "user", ""), user);

	json_free(place);
	free(stored);
	return handed;
}

/* What other programs read of it; where a session sits is published with it. */
static void
publish(struct db *db, const char *session, const char *plain, const struct json *place)
{
	db_run(db, "UPDATE sessions SET session_key = ?, chat_id = ?, chat_type = ?, thread_id = ?"
		" WHERE id = ?", "sssss", plain, json_text(place, "chat"), json_text(place, "kind"),
		json_text(place, "thread"), session);
}

void
binding_set(struct db *db, const struct json *place, const char *session, long long handoff)
{
	static const char sql[] =
		"INSERT INTO courier_bindings (key, plain, session, place, handoff, changed)"
		" VALUES (?, ?, ?, ?, nullif(?, 0), ?) ON CONFLICT (key) DO UPDATE SET"
		" session = excluded.session, place = excluded.place, handoff = excluded.handoff,"
		" changed = excluded.changed, version = version + 1, used = 0, left_at = NULL,"
		" left_by = NULL, told = NULL";
	char *key = place_key(place, false), *plain = place_key(place, true);

	db_run(db, sql, "sssjid", key, plain, session, place, handoff, clock_now());
	publish(db, session, plain, place);
	free(key);
	free(plain);
}

/* The binding of the key holds at this place, too. */
static void
follow(struct db *db, const char *key, const char *plain, const struct json *place)
{
	static const char sql[] =
		"INSERT INTO courier_bindings (key, plain, session, place, used, handoff, changed, left_at,"
		" left_by, told) SELECT ?2, ?3, session, ?4, used, handoff, ?5, left_at, left_by, told"
		" FROM courier_bindings WHERE key = ?1 ON CONFLICT DO NOTHING";
	char *now = place_key(place, false), *spelled = place_key(place, true);

	if (db_run(db, sql, "sssjd", key, now, spelled, place, clock_now())) {
		seat_follow(db, key, now, place);
		db_run(db, "UPDATE sessions SET session_key = ?, chat_id = ? WHERE session_key = ?", "sss",
			spelled, json_text(place, "chat"), plain);
	}
	free(now);
	free(spelled);
}

void
bindings_follow(struct db *db, const char *platform, const char *from, const char *to)
{
	static const char sql[] =
		"SELECT key, plain, place FROM courier_bindings WHERE json_extract(place, '$.platform') = ?"
		" AND json_extract(place, '$.chat') = ?";
	struct rows *rows = db_query(db, sql, "ss", platform, from);

	while (rows_next(rows)) {
		struct json *place = row_json(rows, 2);

		json_put_text(place, "chat", to);
		json_drop(place, "link");
		follow(db, row_text(rows, 0), row_text(rows, 1), place);
		json_free(place);
	}
}

void
binding_follow(struct db *db, const struct json *from, const struct json *to)
{
	char *key = bound_key(db, from), *now = place_key(to, false), *there = NULL;
	struct json *binding = binding_state(db, key);
	const char *session = json_text(binding, "session");
	bool lives = session && !json_has(binding, "left_at");

	if (lives && !(there = binding_pushed_out(db, to, session))) {
		binding_set(db, to, session, (long long)json_number(binding, "handoff", 0));
		seat_follow(db, key, now, to);
	}
	json_free(binding);
	free(there);
	free(now);
	free(key);
}

void
binding_used(struct db *db, const char *key)
{
	db_run(db, "UPDATE courier_bindings SET used = used + 1 WHERE key = ?", "s", key);
}

struct json *
binding_state(struct db *db, const char *key)
{
	struct rows *rows = db_query(db, "SELECT session, version, used, place, handoff, left_at,"
		" left_by, told FROM courier_bindings WHERE key = ?", "s", key);
	struct json *state;

	if (!rows_next(rows))
		return json_null();
	state = json_object();
	json_put_text(state, "session", row_text(rows, 0));
	json_put_number(state, "version", (double)row_int(rows, 1));
	json_put_number(state, "used", (double)row_int(rows, 2));
	json_put(state, "place", row_json(rows, 3));
	row_put_number(rows, 4, state, "handoff");
	row_put_number(rows, 5, state, "left_at");
	row_put_number(rows, 6, state, "left_by");
	row_put_number(rows, 7, state, "told");
	rows_end(rows);
	return state;
}

bool
binding_restore(struct db *db, const char *key, const struct json *before, long long version)
{
	static const char sql[] =
		"UPDATE courier_bindings SET session = ?, place = ?, version = version + 1, used = ?,"
		" handoff = nullif(?, 0), left_at = nullif(?, 0), left_by = nullif(?, 0),"
		" told = nullif(?, 0), changed = ? WHERE key = ?";
	const char *session = json_text(before, "session");
	struct json *place;

	if (db_number(db, 0, "SELECT 1 FROM courier_bindings WHERE key = ? AND version = ?"
		" AND used = 0", "si", key, version) == 0)
		return false;
	if (!session) {
		binding_forget(db, key);
		return true;
	}
	place = json_at(before, "place");
	db_run(db, sql, "sjiidiids", session, place, (long long)json_number(before, "used", 0),
		(long long)json_number(before, "handoff", 0), json_number(before, "left_at", 0),
		(long long)json_number(before, "left_by", 0), (long long)json_number(before, "told", 0),
		clock_now(), key);
	json_free(place);
	return true;
}

/* The session and what it was compressed from: a binding may still name an ancestor. */
#define LINE "WITH RECURSIVE line(id) AS (SELECT ?1 UNION SELECT s.parent_session_id" \
	" FROM sessions s JOIN line ON s.id = line.id JOIN sessions p ON p.id = s.parent_session_id" \
	" WHERE p.end_reason = 'compression') "

void
binding_leave(struct db *db, const char *session, const char *key, long long handoff)
{
	static const char sql[] =
		LINE "UPDATE courier_bindings SET left_at = ?2, left_by = ?3, told = NULL"
		" WHERE session IN (SELECT id FROM line) AND left_at IS NULL AND key IS NOT ?4";

	db_run(db, sql, "sdis", session, clock_now(), handoff, key);
}

void
binding_return(struct db *db, long long handoff)
{
	db_run(db, "UPDATE courier_bindings SET left_at = NULL, left_by = NULL, told = NULL"
		" WHERE left_by = ?", "i", handoff);
}

void
binding_tell(struct db *db, const char *key, long long delivery)
{
	db_run(db, "UPDATE courier_bindings SET told = ? WHERE key = ?", "is", delivery, key);
}

void
binding_forget(struct db *db, const char *key)
{
	db_run(db, "DELETE FROM courier_bindings WHERE key = ?", "s", key);
}

struct json *
binding_place(struct db *db, const char *session)
{
	static const char sql[] =
		LINE "SELECT place FROM courier_bindings WHERE session IN (SELECT id FROM line)"
		" AND left_at IS NULL AND place IS NOT NULL ORDER BY changed DESC LIMIT 1";
	char *stored = db_word(db, sql, "s", session);
	struct json *place = stored ? json_parse_stored(stored) : NULL;

	free(stored);
	return place;
}

/* How far they are who write at a place that the session has left; of one row. */
static enum presence
presence_of(struct rows *row)
{
	const char *told = row_null(row, 3) ? "" : row_text(row, 3);
	bool before = row_real(row, 0) < row_real(row, 1);

	if (before)
		return PRESENT;
	if (!row_null(row, 2) && !strcmp(row_text(row, 2), "running"))
		return LEAVING;
	if (!*told || !strcmp(told, "failed") || !strcmp(told, "dropped"))
		return LEFT;
	if (!strcmp(told, "pending") || !strcmp(told, "sending"))
		return LEFT_HUSH;
	return row_real(row, 0) <= row_real(row, 4) ? LEFT_HUSH : LEFT_TOLD;
}

enum presence
binding_presence(struct db *db, const struct json *place, long long event, char **key)
{
	static const char sql[] =
		"SELECT e.created, b.left_at, h.state, d.state, d.ended FROM courier_bindings b"
		" JOIN courier_events e ON e.id = ?2 LEFT JOIN courier_handoffs h ON h.id = b.left_by"
		" LEFT JOIN courier_deliveries d ON d.id = b.told"
		" WHERE b.key = ?1 AND b.left_at IS NOT NULL";
	enum presence presence = PRESENT;
	struct rows *rows;

	*key = bound_key(db, place);
	if (!*key)
		return PRESENT;
	rows = db_query(db, sql, "si", *key, event);
	if (!rows_next(rows))
		return PRESENT;
	presence = presence_of(rows);
	rows_end(rows);
	return presence;
}
