/* SPDX-License-Identifier: MIT */
/* Deliveries that belong to nothing: what a person says, and what of it waits. */
#include "send.h"

#include "die.h"
#include "figures.h"
#include "stage.h"
#include "trouble.h"

#include <stdlib.h>
#include <string.h>

static bool
enter(struct sending *sending)
{
	return sending->delivery;
}

static void
keep_end(struct db *db, const struct sending *sending, const struct json *delivery)
{
	const struct json *record = sending->record;
	const char *why = json_text_or(record, "error.text", ""), *state;
	int attempt = (int)json_number(delivery, "attempt", 0) + 1;
	bool rests = trouble_rests(record, json_number(delivery, "created", 0));

	state = json_text_or(delivery, "state", "");
	if (json_true(record, "error.wait"))
		delivery_return(db, sending->delivery);
	else if (json_true(record, "error.retry") && (rests || attempt < figure_attempts()))
		delivery_postpone(db, sending->delivery, json_number(record, "error.after",
			figure_backoff(attempt)), !rests, why);
	else if (!strcmp(state, "pending") || !strcmp(state, "sending"))
		delivery_end(db, sending->delivery, why);
}

void
send_alone(struct db *db, long long id, struct json *record)
{
	char *platform = db_word(db, "SELECT platform FROM courier_deliveries WHERE id = ?", "i", id);
	struct sending sending = {.db = db, .record = record, .platform = platform, .delivery = id,
		.enter = enter};
	struct json *delivery;

	if (send_open_thread(&sending))
		send_parts(&sending);
	if (record_failed(record)) {
		db_begin(db);
		delivery = delivery_json(db, id);
		keep_end(db, &sending, delivery);
		db_commit(db);
		json_free(delivery);
	}
	lease_drop(lease_own(), LEASE_DELIVERY, id);
	free(platform);
}

struct due {
	long limit;
	struct out *out;
};

/* Whether it may count as done for now. */
static bool
send_one(struct db *db, long long id, struct out *out)
{
	struct json *record = json_object(), *delivery;
	bool good, waits;

	send_alone(db, id, record);
	good = !record_failed(record);
	waits = json_true(record, "error.wait");
	delivery = delivery_json(db, id);
	if (!waits)
		out_json(out, delivery);
	json_free(delivery);
	json_free(record);
	return good || waits;
}

/* Round by round, each place's next one: a place where much waits does not keep others. */
static int
send_platform(const char *platform, void *data)
{
	struct due *due = data;
	struct claimer claimer = claimer_own();
	struct db *db = db_open(DB_WRITE);
	double since = clock_now(), rest;
	long left = due->limit;
	int status = 0;
	size_t count;

	do {
		struct json *ids;

		db_begin(db);
		ids = deliveries_claim(db, platform, left, &claimer, since, &rest);
		db_commit(db);
		count = json_count(ids, "");
		for (size_t i = 0; i < count; i++, left--) {
			struct json *id = json_item(ids, "", i);

			if (!send_one(db, atoll(json_text_or(id, "", "0")), due->out))
				status = EX_NO;
			json_free(id);
		}
		json_free(ids);
	} while (left > 0 && (count || send_moment(rest)));
	db_close(db);
	return status;
}

int
send_due(const char *platform, long limit, struct out *out)
{
	struct due due = {limit, out};
	struct json *platforms;
	struct db *db;
	int status;

	out->json = true;
	if (platform)
		return send_platform(platform, &due);
	db = db_open(DB_WRITE);
	platforms = deliveries_platforms(db);
	db_close(db);
	status = send_each(platforms, send_platform, &due);
	json_free(platforms);
	return status;
}
