/* SPDX-License-Identifier: MIT */
#include "claims.h"

#include "die.h"
#include "figures.h"
#include "stage.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *
own_name(void)
{
	char host[256] = "?";

	gethostname(host, sizeof host - 1);
	return xformat("%ld@%s", (long)getpgrp(), host);
}

struct claimer
claimer_own(void)
{
	return (struct claimer){.fd = lease_own(), .holder = own_name()};
}

struct claimer
claimer_now(double hold)
{
	struct claimer claimer = {.fd = lease_inherited(), .holder = own_name()};

	if (claimer.fd >= 0)
		return claimer;
	claimer.fd = lease_own();
	claimer.hold = hold > 0 ? hold : figure_hold();
	warn("claimed by hand: held for %.0f s; in a script, open $HERMES_HOME/runs as descriptor 9",
		claimer.hold);
	return claimer;
}

bool
claim_try(const struct claimer *claimer, enum lease_kind kind, long long id, double held_at,
	double hold)
{
	/* A descriptor does not lock itself out: what this pipeline holds is seen through another. */
	if (lease_held(kind, id) || !lease_take(claimer->fd, kind, id))
		return false;
	if (hold <= 0 || clock_due(held_at + hold, hold, clock_now()))
		return true;
	lease_drop(claimer->fd, kind, id);
	return false;
}

bool
claim_due(struct rows *rows, int not_before, int delay)
{
	return row_null(rows, not_before)
		|| clock_due(row_real(rows, not_before), row_real(rows, delay), clock_now());
}

/* A holder that dies rings no bell. */
static const double LOOK_AGAIN = 0.25;

static void
lower(double *next, double in)
{
	if (*next < 0 || in < *next)
		*next = in > 0 ? in : 0;
}

bool
claim_free(enum lease_kind kind, long long id, const struct wait *wait, double *next)
{
	double now = clock_now(), held = wait->held_at + wait->hold;

	if (wait->at > 0 && !clock_due(wait->at, wait->delay, now)) {
		lower(next, wait->at - now);
		return false;
	}
	if (wait->hold > 0 && !clock_due(held, wait->hold, now)) {
		lower(next, held - now);
		return false;
	}
	if (!lease_held(kind, id))
		return true;
	lower(next, LOOK_AGAIN);
	return false;
}

bool
claims_soon(struct db *db)
{
	static const char sql[] =
		"SELECT 1 FROM courier_events WHERE state IN ('queued', 'running') AND handoff IS NULL"
		" AND holder IS NULL AND not_before > ?1 AND delay <= ?2"
		" UNION ALL SELECT 1 FROM courier_handoffs WHERE state IN ('pending', 'running')"
		" AND holder IS NULL AND not_before > ?1 AND delay <= ?2 LIMIT 1";

	return db_number(db, 0, sql, "dd", clock_now(), figure_wait());
}

static bool
stands(struct db *db, const struct json *record)
{
	if (json_has(record, "handoff"))
		return db_number(db, 0, "SELECT 1 FROM courier_handoffs"
			" WHERE id = ? AND fence = ? AND state = 'running'", "ii",
			record_number(record, "handoff.id"),
			(long long)json_number(record, "handoff.fence", -1));
	return db_number(db, 0, "SELECT 1 FROM courier_events"
		" WHERE id = ? AND fence = ? AND state = 'running'", "ii",
		record_number(record, "event.id"), (long long)json_number(record, "event.fence", -1));
}

bool
claim_stands(struct db *db, struct json *record)
{
	if (stands(db, record))
		return true;
	record_error(record, EX_LATER, NULL, "another holder has this work now; nothing was changed");
	json_put_true(record, "error.lost", true);
	return false;
}

void
claim_extend(struct db *db, const struct json *record, double limit)
{
	if (json_has(record, "handoff"))
		db_run(db, "UPDATE courier_handoffs SET held_at = ?, hold = max(hold, ?)"
			" WHERE id = ? AND hold IS NOT NULL", "ddi", clock_now(), limit + 5,
			record_number(record, "handoff.id"));
	else
		db_run(db, "UPDATE courier_events SET held_at = ?, hold = max(hold, ?)"
			" WHERE id = ? AND hold IS NOT NULL", "ddi", clock_now(), limit + 5,
			record_number(record, "event.id"));
}

void
claim_release(const struct json *record)
{
	int fd = lease_inherited();

	if (fd < 0)
		return;
	if (json_has(record, "handoff"))
		lease_drop(fd, LEASE_HANDOFF, record_number(record, "handoff.id"));
	else
		lease_drop(fd, LEASE_EVENT, record_number(record, "event.id"));
}
