/* SPDX-License-Identifier: MIT */
/* The delivery stage, and what is due by itself. */
#include "send.h"

#include "claims.h"
#include "die.h"
#include "figures.h"
#include "handoffs.h"
#include "messages.h"
#include "notice.h"
#include "out.h"
#include "stage.h"

#include <stdlib.h>
#include <string.h>

/* The words to send; `length` counts. Owned. */
static char *
words_of(const struct json *record, size_t *length)
{
	const char *text = json_bytes(record, "turn.text", length);
	char *words;

	if (text && json_text(record, "turn.message"))
		return memcpy(xmalloc(*length + 1), text, *length + 1);
	words = json_has(record, "handoff") ? notice_alone(record)
		: xstrdup("(I could not answer this: the agent failed. Write again to try once more.)");
	*length = strlen(words);
	return words;
}

/* If somebody stood between and changed the reply, the transcript keeps what is sent. */
static void
keep_as_sent(struct db *db, const struct json *record, const char *words, size_t length)
{
	long long message = record_number(record, "turn.message");
	char *stored = message ? message_content(db, message) : NULL;

	if (stored && (strlen(stored) != length || memcmp(stored, words, length)))
		message_reword(db, message, words, length);
	free(stored);
}

static bool
enter(struct sending *sending)
{
	struct json *record = sending->record;
	size_t length = 0;
	char *words;

	if (!claim_stands(sending->db, record))
		return false;
	claim_extend(sending->db, record, figure_adapter());
	if (sending->delivery)
		return true;
	words = words_of(record, &length);
	keep_as_sent(sending->db, record, words, length);
	sending->delivery = delivery_of_record(sending->db, record, words, length);
	if (json_has(record, "handoff"))
		handoff_step(sending->db, record, "sending");
	free(words);
	return true;
}

void
send_record(struct db *db, struct json *record)
{
	struct sending sending = {db, record, json_text_or(record, "place.platform", ""),
		record_number(record, "delivery.id"), enter};

	if (json_has(record, "event") && json_has(record, "turn")
		&& strcmp(json_text_or(record, "delivery.state", ""), "sent"))
		send_parts(&sending);
}

bool
send_enter_freely(struct sending *sending)
{
	return sending->delivery;
}

/* One that is due: sent, postponed, or ended. */
static bool
send_one(struct db *db, long long id)
{
	struct json *record = json_object(), *shown;
	char *platform = db_word(db, "SELECT platform FROM courier_deliveries WHERE id = ?", "i", id);
	struct sending sending = {db, record, platform, id, send_enter_freely};
	struct out out = {.json = true};
	bool good;

	send_parts(&sending);
	good = !record_failed(record);
	db_begin(db);
	shown = delivery_json(db, id);
	if (!good && json_true(record, "error.retry")
		&& json_number(shown, "attempt", 0) + 1 < figure_attempts())
		delivery_postpone(db, id, json_number(record, "error.after",
			figure_backoff((int)json_number(shown, "attempt", 0) + 1)), true,
			json_text_or(record, "error.text", ""));
	else if (!good && strcmp(json_text_or(shown, "state", ""), "unknown"))
		delivery_end(db, id, "failed", json_text_or(record, "error.text", ""));
	db_commit(db);
	json_free(shown);
	shown = delivery_json(db, id);
	out_json(&out, shown);
	json_free(shown);
	json_free(record);
	free(platform);
	return good;
}

int
send_due(struct db *db, long limit)
{
	struct claimer claimer = claimer_own();
	struct json *ids;
	int status = 0;

	db_begin(db);
	ids = deliveries_claim(db, limit, &claimer);
	db_commit(db);
	for (size_t i = 0; i < json_count(ids, ""); i++) {
		struct json *id = json_item(ids, "", i);
		long long number = atoll(json_text_or(id, "", "0"));

		if (!send_one(db, number))
			status = EX_NO;
		lease_drop(claimer.fd, LEASE_DELIVERY, number);
		json_free(id);
	}
	json_free(ids);
	return status;
}
