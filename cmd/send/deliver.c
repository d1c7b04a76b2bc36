/* SPDX-License-Identifier: MIT */
/*
 * Part by part: "sending" is in the store before the adapter is asked, the outcome before
 * the next part. So a crash leaves at most one part of which it is uncertain whether it
 * arrived, and the store knows which.
 */
#include "send.h"

#include "bindings.h"
#include "die.h"
#include "figures.h"
#include "platform.h"
#include "platforms.h"
#include "stage.h"
#include "trouble.h"

#include <stdlib.h>
#include <string.h>

/* Does the platform take repeats? Asked only when there is something uncertain. */
static bool
takes_repeats(const struct sending *sending)
{
	const struct json *about;

	if (!db_number(sending->db, 0, "SELECT 1 FROM courier_deliveries WHERE id = ?"
		" AND tried IS NOT NULL", "i", sending->delivery))
		return false;
	about = platform_about(sending->platform, NULL, NULL);
	return about && (json_true(about, "idempotency") || json_true(about, "readback"));
}

static bool
rests(const struct sending *sending)
{
	double rest = platform_rest(sending->db, sending->platform,
		json_text(sending->record, "place.chat"));

	if (rest > 0)
		record_retry(sending->record, EX_AWAY, rest, "%s wants to be left alone for %.0f s",
			sending->platform, rest);
	return rest > 0;
}

static struct json *
question_for(const struct part *part)
{
	struct json *question = json_object();
	char *key = xformat("%lld", part->delivery);

	json_put(question, "place", json_copy(part->place));
	json_put_text(question, "text", part->text);
	json_put_text(question, "delivery", key);
	json_put_number(question, "part", (double)part->part);
	if (part->again)
		json_put_number(question, "again.since", part->since);
	free(key);
	return question;
}

/* The platform says where the place is now: what was bound to the old one follows. */
static void
follow_place(struct db *db, long long id, struct json *record, const struct json *answer)
{
	struct json *place = json_at(answer, "place");
	const char *session = json_text(record, "session.id");

	if (!place)
		return;
	json_put(record, "place", json_copy(place));
	db_run(db, "UPDATE courier_deliveries SET place = ? WHERE id = ?", "ji", place, id);
	if (session)
		binding_set(db, place, session, record_number(record, "handoff.id"));
	json_free(place);
}

static void
not_sent(struct db *db, const struct part *part, struct json *record, const struct json *answer)
{
	delivery_not_sent(db, part->delivery);
	trouble_put(record, answer, "");
}

/* Keep what came of a part. False: no further part now. */
static bool
keep_outcome(struct db *db, const struct part *part, struct json *record,
	const struct json *answer)
{
	const char *outcome = json_text_or(answer, "outcome", "unknown");

	platform_heed(db, part->platform, json_text(part->place, "chat"), answer);
	if (!strcmp(outcome, "sent") && json_count(answer, "ids")) {
		delivery_sent(db, part->delivery, answer);
		follow_place(db, part->delivery, record, answer);
		return true;
	}
	if (!strcmp(outcome, "not_sent")) {
		not_sent(db, part, record, answer);
		return false;
	}
	delivery_uncertain(db, part->delivery);
	record_retry(record, EX_AWAY, -1, "part %ld may or may not have arrived: %s", part->part,
		json_text_or(answer, "why", "the adapter gave no reason"));
	return false;
}

/* The adapter itself failed. Before it ran: nothing was sent. Else nobody knows. */
static struct json *
no_answer(int status, const char *why)
{
	struct json *answer = json_object();
	bool config = status == EX_SETUP || status == EX_USER;

	json_put_text(answer, "outcome", config ? "not_sent" : "unknown");
	json_put_text(answer, "class", config ? "config" : "transient");
	json_put_text(answer, "why", why ? why : "no answer");
	return answer;
}

static struct json *
ask(const struct part *part)
{
	struct json *question = question_for(part), *answer;
	char *why = NULL;
	int status = 0;

	answer = platform_ask(part->platform, "send", question, figure_adapter(), &status, &why);
	json_free(question);
	if (!answer)
		answer = no_answer(status, why);
	free(why);
	return answer;
}

/* What ended without arriving, or cannot be told. */
static void
report_end(struct db *db, long long id, struct json *record)
{
	struct json *delivery = delivery_json(db, id);
	const char *state = json_text_or(delivery, "state", "");

	if (strcmp(state, "sent") && !record_failed(record))
		record_error(record, EX_NO, "look there before you send it again (hermes send retry)",
			"delivery %lld is %s: %s", id, state, json_text_or(delivery, "error", "no reason kept"));
	json_free(delivery);
}

void
send_parts(struct sending *sending)
{
	struct db *db = sending->db;
	bool more = true;

	while (more && !rests(sending)) {
		bool safe = takes_repeats(sending), begun;
		struct part part;
		struct json *answer;

		db_begin(db);
		begun = sending->enter(sending) && delivery_begin(db, sending->delivery, safe, &part);
		db_commit(db);
		if (!begun)
			break;
		answer = ask(&part);
		db_begin(db);
		more = sending->enter(sending) && keep_outcome(db, &part, sending->record, answer);
		db_wake(db);
		db_commit(db);
		part_release(&part);
		json_free(answer);
	}
	if (!sending->delivery)
		return;
	report_end(db, sending->delivery, sending->record);
	delivery_put_done(db, sending->delivery, sending->record);
}
