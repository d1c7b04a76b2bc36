/* SPDX-License-Identifier: MIT */
#include "bindings.h"

#include "figures.h"
#include "place.h"

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

char *
binding_pushed_out(struct db *db, const struct json *place, const char *session)
{
	static const char speakers[] =
		"SELECT b.session FROM courier_bindings b JOIN sessions s ON s.id = b.session"
		" WHERE b.key > ?1 || ':' AND b.key < ?1 || ';' AND b.session <> ?2"
		" AND s.ended_at IS NULL AND json_extract(b.place, '$.thread') IS NULL"
		" AND json_extract(b.place, '$.kind') <> 'dm' LIMIT 1";
	char *there = binding_session(db, place), *room;

	if (there && strcmp(there, session) && db_number(db, 0, "SELECT 1 FROM sessions"
		" WHERE id = ? AND ended_at IS NULL", "s", there))
		return there;
	free(there);
	if (json_has(place, "thread"))
		return NULL;
	room = place_room_key(place);
	there = db_word(db, speakers, "ss", room, session);
	free(room);
	return there;
}

static char *
bound_to(struct db *db, char *key)
{
	char *session = db_word(db, "SELECT session FROM courier_bindings WHERE key = ?", "s", key);

	free(key);
	return session;
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
	char *session = bound_to(db, binding_key(db, place));

	if (!session)
		session = bound_to(db, place_own_key(place, false));
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
		" changed = excluded.changed, version = version + 1, used = 0";
	char *key = place_key(place, false), *plain = place_key(place, true);

	db_run(db, sql, "sssjid", key, plain, session, place, handoff, clock_now());
	publish(db, session, plain, place);
	free(key);
	free(plain);
}

void
binding_used(struct db *db, const char *key)
{
	db_run(db, "UPDATE courier_bindings SET used = used + 1 WHERE key = ?", "s", key);
}

struct json *
binding_state(struct db *db, const char *key)
{
	struct rows *rows = db_query(db, "SELECT session, version, used, place FROM courier_bindings"
		" WHERE key = ?", "s", key);
	struct json *state;

	if (!rows_next(rows))
		return json_null();
	state = json_object();
	json_put_text(state, "session", row_text(rows, 0));
	json_put_number(state, "version", (double)row_int(rows, 1));
	json_put_number(state, "used", (double)row_int(rows, 2));
	json_put(state, "place", row_json(rows, 3));
	rows_end(rows);
	return state;
}

bool
binding_restore(struct db *db, const char *key, const struct json *before, long long version)
{
	const char *session = json_text(before, "session");

	if (db_number(db, 0, "SELECT 1 FROM courier_bindings WHERE key = ? AND version = ?"
		" AND used = 0", "si", key, version) == 0)
		return false;
	if (session)
		db_run(db, "UPDATE courier_bindings SET session = ?, version = version + 1, used = ?,"
			" handoff = NULL, changed = ? WHERE key = ?", "sids", session,
			(long long)json_number(before, "used", 0), clock_now(), key);
	else
		db_run(db, "DELETE FROM courier_bindings WHERE key = ?", "s", key);
	return true;
}
