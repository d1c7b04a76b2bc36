/* SPDX-License-Identifier: MIT */
#include "deliveries.h"

#include "die.h"
#include "figures.h"
#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long long
insert(struct db *db, long long event, long long handoff, const char *session, long long message,
	const struct json *place, const char *text, size_t length)
{
	static const char sql[] =
		"INSERT INTO courier_deliveries (event, handoff, session, message, platform, place, text,"
		" created) VALUES (nullif(?, 0), nullif(?, 0), ?, nullif(?, 0), ?, ?, ?, ?)";

	db_run(db, sql, "iisisjbd", event, handoff, session, message,
		json_text_or(place, "platform", ""), place, text, length, clock_now());
	return db_last_id(db);
}

long long
delivery_of_record(struct db *db, const struct json *record, const char *text, size_t length)
{
	long long event = record_number(record, "event.id");
	long long handoff = record_number(record, "handoff.id"), id;
	struct json *place;

	id = db_number(db, 0, "SELECT id FROM courier_deliveries WHERE event = ?", "i", event);
	if (id)
		return id;
	place = json_at(record, "place");
	id = insert(db, event, handoff, json_text(record, "session.id"),
		record_number(record, "turn.message"), place, text, length);
	json_free(place);
	db_run(db, "UPDATE courier_events SET delivery = ? WHERE id = ?", "ii", id, event);
	if (handoff)
		db_run(db, "UPDATE courier_handoffs SET delivery = ? WHERE id = ?", "ii", id, handoff);
	return id;
}

long long
delivery_new(struct db *db, const struct json *place, const char *session, const char *text,
	size_t length)
{
	long long id = insert(db, 0, 0, session, 0, place, text, length);

	db_wake(db);
	return id;
}

static const char columns[] =
	"SELECT id, state, ids, part, parts, platform, place, text, attempt, error, created,"
	" not_before, session, ended FROM courier_deliveries WHERE id = ?";

static struct json *
ids_of(struct rows *rows)
{
	struct json *ids = row_json(rows, 2);

	if (json_is_array(ids))
		return ids;
	json_free(ids);
	return json_array();
}

void
delivery_put_done(struct db *db, long long id, struct json *record)
{
	struct rows *rows = db_query(db, columns, "i", id);

	if (!rows_next(rows))
		return;
	json_put_id(record, "delivery.id", id);
	json_put_text(record, "delivery.state", row_text(rows, 1));
	json_put(record, "delivery.ids", ids_of(rows));
	rows_end(rows);
}

struct json *
delivery_json(struct db *db, long long id)
{
	struct rows *rows = db_query(db, columns, "i", id);
	struct json *json;

	if (!rows_next(rows))
		return NULL;
	json = json_object();
	json_put_id(json, "id", id);
	json_put_text(json, "state", row_text(rows, 1));
	json_put_text(json, "platform", row_text(rows, 5));
	json_put(json, "place", row_json(rows, 6));
	json_put_text(json, "text", row_text(rows, 7));
	json_put(json, "ids", ids_of(rows));
	json_put_number(json, "attempt", (double)row_int(rows, 8));
	json_put_text(json, "error", row_text(rows, 9));
	json_put_number(json, "created", row_real(rows, 10));
	row_put_number(rows, 11, json, "not_before");
	row_put_text(rows, 12, json, "session");
	row_put_number(rows, 13, json, "ended");
	rows_end(rows);
	return json;
}

bool
delivery_begin(struct db *db, long long id, bool safe, struct part *part)
{
	struct rows *rows = db_query(db, "SELECT state, part, uncertain, tried, place, text, platform"
		" FROM courier_deliveries WHERE id = ? AND state IN ('pending', 'sending')", "i", id);

	if (!rows_next(rows))
		return false;
	if (!safe && row_int(rows, 2) > 0) {
		rows_end(rows);
		delivery_end(db, id, "unknown", "it cannot be told whether part of it arrived twice");
		return false;
	}
	*part = (struct part){.delivery = id, .part = (long)row_int(rows, 1),
		.again = !row_null(rows, 3), .since = row_real(rows, 3), .place = row_json(rows, 4),
		.text = row_copy(rows, 5), .platform = row_copy(rows, 6)};
	rows_end(rows);
	db_run(db, "UPDATE courier_deliveries SET state = 'sending', tried = coalesce(tried, ?),"
		" uncertain = uncertain + (tried IS NOT NULL) WHERE id = ?", "di", clock_now(), id);
	return true;
}

void
part_release(struct part *part)
{
	json_free(part->place);
	free(part->text);
	free(part->platform);
}

static void
add_ids(struct db *db, long long id, const struct json *answer)
{
	char *stored = db_word(db, "SELECT ids FROM courier_deliveries WHERE id = ?", "i", id);
	struct json *ids = json_parse_stored(stored);

	for (size_t i = 0; i < json_count(answer, "ids"); i++)
		json_append(ids, json_item(answer, "ids", i));
	db_run(db, "UPDATE courier_deliveries SET ids = ? WHERE id = ?", "ji", ids, id);
	json_free(ids);
	free(stored);
}

void
delivery_sent(struct db *db, long long id, const struct json *answer)
{
	double parts = json_number(answer, "parts", 1);

	add_ids(db, id, answer);
	db_run(db, "UPDATE courier_deliveries SET parts = ?1, part = part + 1, tried = NULL,"
		" uncertain = 0, error = NULL, state = CASE WHEN part >= ?1 THEN 'sent' ELSE 'pending' END,"
		" ended = CASE WHEN part >= ?1 THEN ?2 END WHERE id = ?3", "idi", (long long)parts,
		clock_now(), id);
}

void
delivery_not_sent(struct db *db, long long id)
{
	db_run(db, "UPDATE courier_deliveries SET state = 'pending',"
		" tried = CASE WHEN uncertain > 0 THEN tried END, uncertain = max(uncertain - 1, 0)"
		" WHERE id = ?", "i", id);
}

void
delivery_uncertain(struct db *db, long long id)
{
	db_run(db, "UPDATE courier_deliveries SET state = 'pending' WHERE id = ?", "i", id);
}

void
delivery_end(struct db *db, long long id, const char *state, const char *error)
{
	db_run(db, "UPDATE courier_deliveries SET state = ?, error = ?, holder = NULL, hold = NULL,"
		" ended = ? WHERE id = ?", "ssdi", state, error, clock_now(), id);
	db_wake(db);
}

void
delivery_postpone(struct db *db, long long id, double delay, bool counted, const char *why)
{
	db_run(db, "UPDATE courier_deliveries SET not_before = ?, delay = ?, attempt = attempt + ?,"
		" error = ?, holder = NULL, hold = NULL WHERE id = ?", "ddisi", clock_now() + delay, delay,
		(long long)counted, why, id);
	db_wake(db);
}

static const char due[] =
	"SELECT id, not_before, delay, held_at, hold FROM courier_deliveries"
	" WHERE state IN ('pending', 'sending') AND event IS NULL ORDER BY id";

struct json *
deliveries_claim(struct db *db, long limit, const struct claimer *claimer)
{
	struct rows *rows = db_query(db, due, "");
	struct json *ids = json_array();
	long count = 0;

	while (count < limit && rows_next(rows)) {
		struct json *id;
		char digits[24];

		if (!claim_due(rows, 1, 2) || !claim_try(claimer, LEASE_DELIVERY, row_int(rows, 0),
			row_real(rows, 3), row_real(rows, 4)))
			continue;
		db_run(db, "UPDATE courier_deliveries SET fence = fence + 1, holder = ?, held_at = ?,"
			" hold = nullif(?, 0) WHERE id = ?", "sddi", claimer->holder, clock_now(),
			claimer->hold, row_int(rows, 0));
		snprintf(digits, sizeof digits, "%lld", row_int(rows, 0));
		id = json_new_text(digits, strlen(digits));
		json_append(ids, id);
		if (++count == limit)
			rows_end(rows);
	}
	return ids;
}

long
deliveries_waiting(struct db *db, long most, double *next)
{
	struct rows *rows = db_query(db, due, "");
	long found = 0;

	while (found < most && rows_next(rows)) {
		struct wait wait = {row_real(rows, 1), row_real(rows, 2), row_real(rows, 3),
			row_real(rows, 4)};

		found += claim_free(LEASE_DELIVERY, row_int(rows, 0), &wait, next);
		if (found == most)
			rows_end(rows);
	}
	return found;
}
