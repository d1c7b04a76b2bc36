/* SPDX-License-Identifier: MIT */
/*
 * A fresh thread for a text, opened under the delivery's own key. "opening" is in the store
 * before the adapter is asked: after a crash it is told that one may be there already.
 */
#include "send.h"

#include "die.h"
#include "figures.h"
#include "platforms.h"
#include "stage.h"
#include "trouble.h"

#include <stdlib.h>
#include <string.h>

/* What to ask for; NULL when no thread is wanted (any more). Owned. */
static struct json *
wanted(struct db *db, long long id)
{
	struct rows *rows = db_query(db, "SELECT title, opening, place, need_thread"
		" FROM courier_deliveries WHERE id = ? AND title IS NOT NULL", "i", id);
	struct json *wanted;

	if (!rows_next(rows))
		return NULL;
	wanted = json_object();
	json_put_text(wanted, "title", row_text(rows, 0));
	json_put(wanted, "place", row_json(rows, 2));
	row_put_number(rows, 1, wanted, "again.since");
	json_put_true(wanted, "need_thread", row_int(rows, 3));
	rows_end(rows);
	return wanted;
}

static void
say_opening(struct db *db, long long id, bool opening)
{
	db_begin(db);
	if (opening)
		db_run(db, "UPDATE courier_deliveries SET opening = coalesce(opening, ?) WHERE id = ?", "di",
			clock_now(), id);
	else
		db_run(db, "UPDATE courier_deliveries SET opening = NULL WHERE id = ?", "i", id);
	db_commit(db);
}

static void
keep_place(struct db *db, long long id, const struct json *answer, const char *platform)
{
	struct json *place = json_at(answer, "place");

	json_put_text(place, "platform", platform);
	db_begin(db);
	delivery_moved(db, id, place);
	db_commit(db);
	json_free(place);
}

/* What came of it. Whether the text may go now. */
static bool
heed(struct sending *sending, const struct json *answer, bool needed)
{
	const char *outcome = json_text_or(answer, "outcome", ""), *why;

	why = json_text_or(answer, "why", "it has none");
	if (!strcmp(outcome, "home") && needed) {
		say_opening(sending->db, sending->delivery, false);
		record_error(sending->record, EX_NO, "send without --require-thread",
			"no thread can be opened there: %s", why);
	} else if ((!strcmp(outcome, "opened") || !strcmp(outcome, "home"))
		&& json_has(answer, "place")) {
		keep_place(sending->db, sending->delivery, answer, sending->platform);
		if (*outcome == 'h')
			warn("%s: no thread was opened there: %s; it goes to the place itself",
				sending->platform, why);
		return true;
	} else if (!strcmp(outcome, "not_opened")) {
		say_opening(sending->db, sending->delivery, false);
		trouble_put(sending->record, answer, "");
	} else {
		record_retry(sending->record, EX_AWAY, -1,
			"a thread may or may not have been opened: %s", why);
	}
	return false;
}

bool
send_open_thread(struct sending *sending)
{
	struct json *question = wanted(sending->db, sending->delivery), *answer;
	bool needed = json_true(question, "need_thread"), open = false;
	char *key;

	if (!question)
		return true;
	if (!send_rests(sending)) {
		key = xformat("d%lld", sending->delivery);
		json_put_text(question, "delivery", key);
		json_drop(question, "need_thread");
		say_opening(sending->db, sending->delivery, true);
		answer = trouble_ask(sending->record, sending->platform, "thread", question);
		if (answer) {
			db_begin(sending->db);
			platform_heed(sending->db, sending->platform,
				json_text(question, "place.chat"), answer);
			db_commit(sending->db);
			open = heed(sending, answer, needed);
		}
		json_free(answer);
		free(key);
	}
	json_free(question);
	return open;
}
