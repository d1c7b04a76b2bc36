/* SPDX-License-Identifier: MIT */
/*
 * Texts to one place arrive in the order they were made, whoever sends them. Who finds
 * another before its own sends that one first, if it is due and nobody has it; waits while
 * a living process has it; and else leaves its own where it stands.
 */
#include "send.h"

#include "bell.h"
#include "figures.h"
#include "stage.h"

static const double LOOK_AGAIN = 0.25; /* a holder that dies rings no bell */

static enum taken
take(struct db *db, long long id, double *after)
{
	struct claimer claimer = claimer_own();
	enum taken taken;

	db_begin(db);
	taken = delivery_take(db, id, &claimer, after);
	db_commit(db);
	return taken;
}

static void
send_other(struct db *db, long long id)
{
	struct json *record = json_object();

	send_alone(db, id, record);
	json_free(record);
}

static void
wait_behind(struct json *record, double after)
{
	record_wait(record, "an earlier text for that place waits");
	json_put_number(record, "error.after", after);
}

/* Until it is ours, or over, or does not move: then the record says so. */
static enum taken
take_in_turn(struct db *db, long long id, struct json *record)
{
	double deadline = clock_steady() + figure_adapter(), after = 0;
	enum taken taken;
	struct bell bell;

	bell_open(&bell);
	while ((taken = take(db, id, &after)) == TAKEN_OTHER && clock_steady() < deadline)
		bell_wait(&bell, clock_steady() + LOOK_AGAIN);
	bell_close(&bell);
	if (taken == TAKEN_LATER || taken == TAKEN_OTHER)
		wait_behind(record, after);
	return taken;
}

bool
send_make_way(struct sending *sending)
{
	struct db *db = sending->db;
	long long first;

	while ((first = delivery_before(db, sending->delivery))) {
		enum taken taken = take_in_turn(db, first, sending->record);

		if (taken == TAKEN)
			send_other(db, first);
		else if (taken != TAKEN_OVER)
			return false;
	}
	return true;
}

void
send_taken(struct db *db, long long id, struct json *record)
{
	if (take_in_turn(db, id, record) == TAKEN)
		send_alone(db, id, record);
}
