/* SPDX-License-Identifier: MIT */
#include "learnt.h"

#include "chats.h"
#include "deliveries.h"
#include "die.h"

#include <stdlib.h>
#include <string.h>

/* What the store knows of the part that an outcome tells of. */
struct told {
	long long id;
	bool uncertain; /* it was given away, and nobody knows */
	bool last;      /* it ends the delivery */
	bool over;      /* nothing of the delivery is sent any more */
	bool taken;     /* the platform's id for it is ours */
	bool sending;   /* somebody is at it, or died at it */
};

/* One bot may serve several stores, whose ids are alike: so the chat must be, too. */
static bool
find_told(struct db *db, const char *platform, const struct json *outcome, struct told *told)
{
	static const char sql[] =
		"SELECT id, part = ?4 AND (state = 'unknown' OR (state = 'pending' AND tried IS NOT NULL)),"
		" part >= ?5, state NOT IN ('pending', 'sending'), state IN ('pending', 'sent')"
		" AND EXISTS (SELECT 1 FROM json_each(coalesce(ids, '[]')) WHERE value = ?6),"
		" state = 'sending'"
		" FROM courier_deliveries WHERE id = ?1 AND platform = ?2"
		" AND json_extract(place, '$.chat') = ?3";
	struct json *id = json_item(outcome, "ids", 0);
	struct rows *rows = db_query(db, sql, "issiis",
		strtoll(json_text_or(outcome, "delivery", "0"), NULL, 10), platform,
		json_text_or(outcome, "chat", ""), (long long)json_whole(outcome, "part", 0),
		(long long)json_whole(outcome, "parts", 1), json_text_or(id, "", ""));
	bool found = rows_next(rows);

	if (found) {
		*told = (struct told){row_int(rows, 0), row_int(rows, 1), row_int(rows, 2),
			row_int(rows, 3), row_int(rows, 4), row_int(rows, 5)};
		rows_end(rows);
	}
	json_free(id);
	return found;
}

static void
fail(struct db *db, long long id, const struct json *outcome)
{
	const char *remedy = json_text(outcome, "remedy");
	char *why = xformat("%s%s%s", json_text_or(outcome, "why", "it did not arrive"),
		remedy ? "; " : "", remedy ? remedy : "");

	db_run(db, "UPDATE courier_deliveries SET tried = NULL WHERE id = ? AND part = ?", "ii", id,
		(long long)json_whole(outcome, "part", 0));
	delivery_end(db, id, why);
	free(why);
}

/* It means something only beside the sender's own word, which is still to come. */
static void
keep(struct db *db, long long id, const struct json *outcome)
{
	db_run(db, "UPDATE courier_deliveries SET told = json_insert(coalesce(told, '[]'), '$[#]',"
		" json(?)) WHERE id = ?", "ji", outcome, id);
}

bool
delivery_learn(struct db *db, const char *platform, const struct json *outcome)
{
	bool sent = !strcmp(json_text_or(outcome, "outcome", ""), "sent"), news;
	struct told told;

	if (!find_told(db, platform, outcome, &told))
		return false;
	if (told.sending) {
		keep(db, told.id, outcome);
		return false;
	}
	news = sent ? told.uncertain && (!told.over || told.last) : told.uncertain || told.taken;
	if (news || sent)
		chat_heed(db, platform, json_text(outcome, "chat"), outcome);
	if (news && sent)
		delivery_sent(db, told.id, outcome);
	else if (news)
		fail(db, told.id, outcome);
	if (news)
		db_wake(db);
	return news;
}

bool
delivery_told(struct db *db, const char *platform, long long id)
{
	char *kept = db_word(db, "SELECT told FROM courier_deliveries WHERE id = ?", "i", id);
	struct json *told = json_parse_stored(kept);
	bool news = false;

	if (kept)
		db_run(db, "UPDATE courier_deliveries SET told = NULL,"
			" state = CASE state WHEN 'sending' THEN 'pending' ELSE state END WHERE id = ?", "i", id);
	for (size_t i = 0; i < json_count(told, ""); i++) {
		struct json *outcome = json_item(told, "", i);

		news |= delivery_learn(db, platform, outcome);
		json_free(outcome);
	}
	json_free(told);
	free(kept);
	return news;
}
