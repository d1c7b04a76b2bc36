/* SPDX-License-Identifier: MIT */
#include "seats.h"

#include "bindings.h"
#include "die.h"
#include "figures.h"
#include "lease.h"
#include "out.h"

#include <stdlib.h>

long long
seat_find(struct db *db, const char *session)
{
	return db_number(db, 0, "SELECT id FROM courier_seats WHERE session = ?", "s", session);
}

long long
seat_of(struct db *db, const char *session)
{
	long long id = seat_find(db, session);

	if (id)
		return id;
	db_run(db, "INSERT INTO courier_seats (session, since) VALUES (?, ?)", "sd", session,
		clock_now());
	return db_last_id(db);
}

struct json *
seat_json(struct db *db, const char *session)
{
	struct rows *rows = db_query(db, "SELECT epoch, key, place, since FROM courier_seats"
		" WHERE session = ?", "s", session);
	struct json *seat;

	if (!rows_next(rows))
		return json_null();
	seat = json_object();
	json_put_number(seat, "epoch", (double)row_int(rows, 0));
	row_put_text(rows, 1, seat, "key");
	row_put_json(rows, 2, seat, "place");
	json_put_number(seat, "since", row_real(rows, 3));
	rows_end(rows);
	return seat;
}

struct json *
seat_place(struct db *db, const char *session)
{
	struct rows *rows = db_query(db, "SELECT place FROM courier_seats WHERE session = ?"
		" AND (place IS NOT NULL OR epoch > 1)", "s", session);
	struct json *place;

	if (!rows_next(rows))
		return binding_place(db, session); /* it never moved: where it began */
	place = row_null(rows, 0) ? NULL : row_json(rows, 0);
	rows_end(rows);
	return place;
}

bool
seat_current(struct db *db, const char *session, long epoch)
{
	return db_number(db, 1, "SELECT epoch FROM courier_seats WHERE session = ?", "s", session)
		== epoch;
}

void
seat_move(struct db *db, const char *session, const char *key, const struct json *place,
	long long handoff)
{
	seat_of(db, session);
	db_run(db, "UPDATE courier_seats SET key = ?, place = ?, handoff = ?, since = ?,"
		" epoch = epoch + 1 WHERE session = ?", "sjids", key, place, handoff, clock_now(),
		session);
}

void
seat_follow(struct db *db, const char *from, const char *key, const struct json *place)
{
	db_run(db, "UPDATE courier_seats SET key = ?, place = ? WHERE key = ?", "sjs", key, place, from);
}

void
seat_restore(struct db *db, const char *session, const struct json *before)
{
	struct json *place = json_at(before, "place");

	db_run(db, "UPDATE courier_seats SET key = ?, place = ?, handoff = NULL, since = ?, epoch = ?"
		" WHERE session = ?", "sjdis", json_text(before, "key"), place,
		json_number(before, "since", clock_now()), (long long)json_number(before, "epoch", 1),
		session);
	json_free(place);
}

/* A running turn of Hermes Agent is keyed by the root of a line of compressed sessions. */
static struct rows *
foreign_turn(struct db *db, const char *session)
{
	static const char sql[] =
		"WITH RECURSIVE line(id, depth) AS (SELECT ?1, 0 UNION ALL"
		" SELECT s.parent_session_id, depth + 1 FROM sessions s JOIN line ON s.id = line.id"
		" WHERE s.parent_session_id IS NOT NULL AND depth < 1000)"
		" SELECT l.holder, l.acquired_at FROM session_turn_leases l"
		" WHERE l.conversation_id IN (SELECT id FROM line) AND l.expires_at > ?2";
	struct rows *rows;

	if (!db_knows(db, "SELECT holder, acquired_at, expires_at, conversation_id"
		" FROM session_turn_leases"))
		return NULL;
	rows = db_query(db, sql, "sd", session, clock_now());
	return rows_next(rows) ? rows : NULL;
}

bool
seat_foreign_turn(struct db *db, const char *session)
{
	struct rows *rows = foreign_turn(db, session);

	if (rows)
		rows_end(rows);
	return rows;
}

static char *
spoken_by(struct rows *rows, const char *otherwise)
{
	char *ago = out_ago(row_real(rows, 1));
	char *words = xformat("%s, since %s", row_null(rows, 0) ? otherwise : row_text(rows, 0), ago);

	free(ago);
	rows_end(rows);
	return words;
}

char *
seat_speaker(struct db *db, const char *session)
{
	long long seat = seat_find(db, session);
	struct rows *rows = foreign_turn(db, session);

	if (rows)
		return spoken_by(rows, "Hermes Agent");
	if (!seat || !lease_held(LEASE_TURN, seat))
		return NULL;
	rows = db_query(db, "SELECT turn, turn_at FROM courier_seats WHERE id = ?", "i", seat);
	return rows_next(rows) ? spoken_by(rows, "a turn") : xstrdup("a turn");
}
