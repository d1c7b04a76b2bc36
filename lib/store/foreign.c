/* SPDX-License-Identifier: MIT */
#include "foreign.h"

#include "figures.h"
#include "handoffs.h"
#include "platforms.h"

#include <stdlib.h>
#include <string.h>

/* Sessions that say pending while we know of no open handoff of theirs. */
static const char unknown[] =
	"SELECT 1, id, handoff_platform FROM sessions WHERE handoff_state = 'pending'"
	" AND handoff_platform IS NOT NULL AND NOT EXISTS (SELECT 1 FROM courier_handoffs h"
	" WHERE h.session = sessions.id AND h.state IN ('pending', 'running')) ORDER BY rowid";

/* Our published pending ones, and those their gateway runs, whose summary moved on. */
static const char moved[] =
	"SELECT h.id, h.state, s.handoff_state, s.handoff_error FROM courier_handoffs h"
	" JOIN sessions s ON s.id = h.session WHERE h.plain = 1"
	" AND ((h.state = 'pending' AND coalesce(s.handoff_state, '') <> 'pending')"
	" OR (h.state = 'running' AND h.step = 'elsewhere'"
	" AND coalesce(s.handoff_state, '') <> 'running'))";

static const char expired[] =
	"SELECT 1 FROM courier_handoffs WHERE state = 'pending' AND expires < ?";

/* A gateway that took one and died: it waits again, for us. */
static const char orphans[] =
	"SELECT id FROM courier_handoffs WHERE state = 'running' AND step = 'elsewhere'";

static void
take_back(struct db *db)
{
	struct rows *rows;

	if (!db_number(db, 0, orphans, "") || gateway_lives(db))
		return;
	rows = db_query(db, orphans, "");
	while (rows_next(rows)) {
		db_run(db, "UPDATE courier_handoffs SET state = 'pending', step = NULL, holder = NULL,"
			" expires = max(expires, ?) WHERE id = ?", "di", clock_now() + figure_pending(),
			row_int(rows, 0));
		handoff_note(db, row_int(rows, 0), "taken back", "the gateway that had it is gone");
		handoff_publish(db, row_int(rows, 0));
		db_wake(db);
	}
}

static void
adopt(struct db *db, const char *session, const char *platform)
{
	struct request request = {.session = session, .platform = platform,
		.requester = "hermes-agent"};
	char *why = NULL;
	int status;

	handoff_request(db, &request, &status, &why);
	free(why);
}

/* A result of their gateway, or its claim. */
static void
record(struct db *db, long long id, const char *state, const char *error)
{
	if (!strcmp(state, "running")) {
		db_run(db, "UPDATE courier_handoffs SET state = 'running', step = 'elsewhere',"
			" holder = 'hermes-agent', claimed = ? WHERE id = ?", "di", clock_now(), id);
		handoff_note(db, id, "claimed", "by a gateway of Hermes Agent");
	} else if (!strcmp(state, "pending")) {
		db_run(db, "UPDATE courier_handoffs SET state = 'pending', step = NULL, holder = NULL"
			" WHERE id = ?", "i", id);
	} else {
		bool good = !strcmp(state, "completed"), failed = !strcmp(state, "failed");

		db_run(db, "UPDATE courier_handoffs SET state = ?, step = NULL, error = ?, ended = ?"
			" WHERE id = ?", "ssdi", good || failed ? state : "cancelled", error, clock_now(), id);
		handoff_note(db, id, good || failed ? state : "cancelled", "by another program");
		db_wake(db);
	}
}

void
foreign_adopt(struct db *db)
{
	struct rows *rows;

	handoffs_expire(db);
	take_back(db);
	rows = db_query(db, moved, "");
	while (rows_next(rows)) {
		const char *state = row_null(rows, 2) ? "" : row_text(rows, 2);

		record(db, row_int(rows, 0), state, row_text(rows, 3));
	}
	rows = db_query(db, unknown, "");
	while (rows_next(rows))
		adopt(db, row_text(rows, 1), row_text(rows, 2));
}

void
foreign_take_in(struct db *db)
{
	if (!db_number(db, 0, unknown, "") && !db_number(db, 0, moved, "")
		&& !db_number(db, 0, expired, "d", clock_now())
		&& (!db_number(db, 0, orphans, "") || gateway_lives(db)))
		return;
	db_begin(db);
	foreign_adopt(db);
	db_commit(db);
}
