/* SPDX-License-Identifier: MIT */
/*
 * Part by part: "sending" is in the store before the adapter is asked, the outcome before
 * the next part. So a crash leaves at most one part of which it is uncertain whether it
 * arrived, and the store knows which.
 */
#include "send.h"

#include "bindings.h"
#include "chats.h"
#include "die.h"
#include "figures.h"
#include "learnt.h"
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

/* The chat that is meant: the delivery's own, before there is one the record's. Owned or NULL. */
static char *
chat_of(const struct sending *sending)
{
	const char *chat = json_text(sending->record, "place.chat");

	if (sending->delivery)
		return db_word(sending->db, "SELECT json_extract(place, '$.chat') FROM courier_deliveries"
			" WHERE id = ?", "i", sending->delivery);
	return chat ? xstrdup(chat) : NULL;
}

/* A moment is waited for here; a longer rest is the queue's. */
static const double MOMENT = 5;
enum { MOMENTS = 3 };

bool
send_moment(double seconds)
{
	if (!(seconds > 0 && seconds <= MOMENT))
		return false;
	clock_sleep(seconds);
	return true;
}

bool
send_rests(struct sending *sending)
{
	double deadline = clock_steady() + figure_adapter(), rest;
	char *chat = chat_of(sending);

	if (chat && chat_refused(sending->db, sending->record, sending->platform, chat)) {
		free(chat);
		return true;
	}
	do
		rest = platform_rest(sending->db, sending->platform, chat);
	while (clock_steady() < deadline && send_moment(rest));
	if (rest > 0)
		record_rest(sending->record, sending->platform, rest);
	free(chat);
	return rest > 0;
}

static struct json *
question_for(const struct part *part)
{
	struct json *question = json_object();
	char *key = xformat("%lld", part->delivery);

	json_put(question, "place", json_copy(part->place));
	json_put_text(question, "text", part->text);
	json_put_text(question, "format", part->format);
	json_put_text(question, "delivery", key);
	json_put_number(question, "part", (double)part->part);
	if (part->reply_to)
		json_put_text(question, "reply_to", part->reply_to);
	if (part->again)
		json_put_number(question, "again.since", part->since);
	free(key);
	return question;
}

/* The platform says where the place is now: what was bound to the old one follows. */
static void
follow_place(struct db *db, const struct part *part, struct json *record, const struct json *answer)
{
	struct json *place = json_at(answer, "place");

	if (!place)
		return;
	delivery_moved(db, part->delivery, place);
	binding_follow(db, part->place, place);
	json_put(record, "place", place);
}

/* Whether to try again at once: after the moment that the platform asked for. */
static bool
not_sent(struct sending *sending, const struct part *part, const struct json *answer, double rest)
{
	delivery_not_sent(sending->db, part->delivery);
	if (rest > 0 && rest <= MOMENT && sending->moments++ < MOMENTS)
		return true;
	trouble_put(sending->record, answer, "");
	return false;
}

/* Keep what came of a part. False: no further part now. */
static bool
keep_outcome(struct sending *sending, const struct part *part, const struct json *answer)
{
	const char *outcome = json_text_or(answer, "outcome", "unknown");
	bool sent = !strcmp(outcome, "sent") && json_count(answer, "ids");
	struct json *record = sending->record;
	struct db *db = sending->db;
	double rest = platform_heed(db, part->platform, json_text(part->place, "chat"), answer);

	if (!strcmp(outcome, "not_sent"))
		return not_sent(sending, part, answer, rest);
	if (sent) {
		delivery_sent(db, part->delivery, answer);
		follow_place(db, part, record, answer);
	} else {
		delivery_uncertain(db, part->delivery);
	}
	if (delivery_told(db, part->platform, part->delivery) || sent)
		return true;
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

	json_put_text(answer, "outcome", config || !status ? "not_sent" : "unknown");
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

/* In one transaction: is it ours still, and its turn, and what is next? */
enum step { STEP_PART, STEP_BEHIND, STEP_OVER };

static enum step
begin_part(struct sending *sending, struct part *part)
{
	bool safe = takes_repeats(sending);
	enum step step = STEP_OVER;

	db_begin(sending->db);
	if (sending->enter(sending)) {
		/* Whoever died at it has not heard that. */
		delivery_told(sending->db, sending->platform, sending->delivery);
		if (delivery_before(sending->db, sending->delivery))
			step = STEP_BEHIND;
		else if (delivery_begin(sending->db, sending->delivery, safe, part))
			step = STEP_PART;
	}
	db_commit(sending->db);
	return step;
}

/* Whether there is another part to send. */
static bool
send_part(struct sending *sending, struct part *part)
{
	struct json *answer = ask(part);
	bool more;

	db_begin(sending->db);
	more = sending->enter(sending) && keep_outcome(sending, part, answer);
	db_wake(sending->db);
	db_commit(sending->db);
	part_release(part);
	json_free(answer);
	return more;
}

void
send_parts(struct sending *sending)
{
	bool more = true;

	while (more && !send_rests(sending)) {
		struct part part;
		enum step step = begin_part(sending, &part);

		if (step == STEP_BEHIND)
			more = send_make_way(sending);
		else
			more = step == STEP_PART && send_part(sending, &part);
	}
	if (!sending->delivery)
		return;
	report_end(sending->db, sending->delivery, sending->record);
	delivery_put_done(sending->db, sending->delivery, sending->record);
}
