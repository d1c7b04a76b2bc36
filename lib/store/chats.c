/* SPDX-License-Identifier: MIT */
#include "chats.h"

#include "die.h"
#include "figures.h"
#include "out.h"
#include "stage.h"

#include <stdlib.h>
#include <string.h>

bool
chat_refused(struct db *db, struct json *record, const char *platform, const char *chat)
{
	static const char sql[] = "SELECT why, died, probe, probe_delay FROM courier_chats"
		" WHERE platform = ? AND chat = ? AND died IS NOT NULL";
	struct rows *rows = db_query(db, sql, "ss", platform, chat);
	char *ago;

	if (!rows_next(rows))
		return false;
	if (!clock_due(row_real(rows, 2), row_real(rows, 3), clock_now())) {
		ago = out_ago(row_real(rows, 1));
		record_error(record, EX_NO, "mend that; hermes send, hermes handoff retry or hermes doctor "
			"tries it again at once", "the chat cannot be reached (%s, first seen %s), so it was not "
			"asked", row_text(rows, 0), ago);
		json_put_text(record, "error.class", "chat");
		free(ago);
	}
	rows_end(rows);
	return record_failed(record);
}

static void
died(struct db *db, const char *platform, const char *chat, const char *why)
{
	static const char sql[] =
		"INSERT INTO courier_chats (platform, chat, why, died, tries, probe, probe_delay)"
		" VALUES (?1, ?2, ?3, ?4, 1, ?4 + ?5, ?5) ON CONFLICT (platform, chat) DO UPDATE SET"
		" why = ?3, died = coalesce(died, ?4), tries = tries + 1, probe = ?4 + ?5, probe_delay = ?5";
	long long tries = db_number(db, 0, "SELECT tries FROM courier_chats"
		" WHERE platform = ? AND chat = ?", "ss", platform, chat);

	db_run(db, sql, "sssdd", platform, chat, why, clock_now(), figure_probe((int)tries + 1));
}

void
chat_lives(struct db *db, const char *platform, const char *chat)
{
	static const char dead[] = "SELECT 1 FROM courier_chats WHERE platform = ? AND chat = ?"
		" AND died IS NOT NULL";

	if (chat && db_number(db, 0, dead, "ss", platform, chat))
		db_run(db, "UPDATE courier_chats SET died = NULL, why = NULL, tries = 0, probe = NULL,"
			" probe_delay = NULL WHERE platform = ? AND chat = ?", "ss", platform, chat);
}

void
chat_heed(struct db *db, const char *platform, const char *chat, const struct json *answer)
{
	const char *outcome = json_text_or(answer, "outcome", "");

	if (!chat)
		return;
	if (!strcmp(outcome, "sent") || !strcmp(outcome, "opened"))
		chat_lives(db, platform, chat);
	else if ((!strcmp(outcome, "not_sent") || !strcmp(outcome, "not_opened"))
		&& !strcmp(json_text_or(answer, "class", ""), "chat"))
		died(db, platform, chat, json_text_or(answer, "why", "no reason given"));
}

void
chat_probe(struct db *db, const char *platform, const char *chat)
{
	db_run(db, "UPDATE courier_chats SET probe = ? WHERE platform = ? AND chat = ?"
		" AND died IS NOT NULL", "dss", clock_now(), platform, chat);
}

struct json *
chats_dead(struct db *db, const char *platform)
{
	static const char sql[] =
		"SELECT platform, chat, why, died, tries, probe FROM courier_chats"
		" WHERE died IS NOT NULL AND (?1 IS NULL OR platform = ?1) ORDER BY platform, died";
	struct rows *rows = db_query(db, sql, "s", platform);
	struct json *all = json_array();

	while (rows_next(rows)) {
		struct json *chat = json_object();

		row_put_text(rows, 0, chat, "platform");
		row_put_text(rows, 1, chat, "chat");
		row_put_text(rows, 2, chat, "why");
		row_put_number(rows, 3, chat, "since");
		row_put_number(rows, 4, chat, "tries");
		row_put_number(rows, 5, chat, "probe");
		json_append(all, chat);
	}
	return all;
}
