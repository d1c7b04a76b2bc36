/* SPDX-License-Identifier: MIT */
/* The delivery stage. */
#include "send.h"

#include "claims.h"
#include "die.h"
#include "figures.h"
#include "handoffs.h"
#include "messages.h"
#include "notice.h"
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
	char *platform = xstrdup(json_text_or(record, "place.platform", "")); /* the place may move */
	struct sending sending = {.db = db, .record = record, .enter = enter, .platform = platform,
		.delivery = record_number(record, "delivery.id")};

	if (json_has(record, "event") && json_has(record, "turn")
		&& strcmp(json_text_or(record, "delivery.state", ""), "sent"))
		send_parts(&sending);
	free(platform);
}
