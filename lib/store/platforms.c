/* SPDX-License-Identifier: MIT */
#include "platforms.h"

#include "chats.h"
#include "die.h"
#include "figures.h"
#include "lease.h"
#include "platform.h"
#include "stage.h"
#include "trouble.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Hermes Agent renews its heartbeat every half minute or so. */
static const double HEARTBEAT = 120;

/* Whatever a platform asks for: a day. */
static const double LONGEST_REST = 86400;

/* An idle poll is noted once a minute. */
static const double STILL_THERE = 60;

long long
platform_find(struct db *db, const char *platform)
{
	return db_number(db, 0, "SELECT id FROM courier_platforms WHERE platform = ?", "s", platform);
}

long long
platform_row(struct db *db, const char *platform)
{
	long long id = platform_find(db, platform);

	if (id)
		return id;
	db_run(db, "INSERT INTO courier_platforms (platform) VALUES (?)", "s", platform);
	return db_last_id(db);
}

char *
platform_cursor(struct db *db, const char *platform)
{
	return db_word(db, "SELECT cursor FROM courier_platforms WHERE platform = ?", "s", platform);
}

bool
platform_news(struct db *db, const char *platform, const char *cursor)
{
	static const char sql[] =
		"SELECT 1 FROM courier_platforms WHERE platform = ?1 AND error IS NULL AND busy_at IS NULL"
		" AND (?2 IS NULL OR cursor = ?2) AND cursor_at > ?3";

	return !db_number(db, 0, sql, "ssd", platform, cursor, clock_now() - STILL_THERE);
}

void
platform_heard(struct db *db, const char *platform, const char *cursor)
{
	platform_row(db, platform);
	db_run(db, "UPDATE courier_platforms SET cursor = coalesce(?, cursor), cursor_at = ?,"
		" error = NULL, busy_at = NULL WHERE platform = ?", "sds", cursor, clock_now(), platform);
}

void
platform_trouble(struct db *db, const char *platform, const char *error, bool busy,
	const char *cursor)
{
	double now = clock_now();

	platform_row(db, platform);
	db_run(db, "UPDATE courier_platforms SET error = ?, error_at = ?, busy_at = nullif(?, 0),"
		" cursor = coalesce(?, cursor) WHERE platform = ?", "sddss", error, now, busy ? now : 0,
		cursor, platform);
}

bool
platform_served(struct db *db, const char *platform)
{
	long long id = platform_find(db, platform);

	return id && lease_held(LEASE_LISTENER, id);
}

bool
gateway_lives(struct db *db)
{
	struct rows *rows;
	bool lives = false;

	if (!db_knows(db, "SELECT pid, last_heartbeat FROM gateway_heartbeats"))
		return false;
	rows = db_query(db, "SELECT pid FROM gateway_heartbeats WHERE last_heartbeat > ?", "d",
		clock_now() - HEARTBEAT);
	while (rows_next(rows))
		lives |= !kill((pid_t)row_int(rows, 0), 0) || errno == EPERM;
	return lives;
}

bool
platform_foreign(struct db *db, const char *platform)
{
	const struct json *about;

	if (db_number(db, 0, "SELECT 1 FROM courier_platforms WHERE platform = ? AND busy_at > ?", "sd",
		platform, clock_now() - HEARTBEAT))
		return true;
	if (!gateway_lives(db) || platform_served(db, platform))
		return false;
	about = platform_about(platform, NULL, NULL);
	return about && json_true(about, "gateway");
}

/* Of a row with not_before and delay: what is left. */
static double
left(struct rows *rows)
{
	double now = clock_now(), rest = 0;

	if (!rows_next(rows))
		return 0;
	if (!clock_due(row_real(rows, 0), row_real(rows, 1), now))
		rest = row_real(rows, 0) - now;
	rows_end(rows);
	return rest;
}

double
platform_rest(struct db *db, const char *platform, const char *chat)
{
	double rest = left(db_query(db, "SELECT not_before, delay FROM courier_platforms"
		" WHERE platform = ? AND not_before IS NOT NULL", "s", platform)), here = 0;

	if (chat)
		here = left(db_query(db, "SELECT not_before, delay FROM courier_chats"
			" WHERE platform = ? AND chat = ? AND not_before IS NOT NULL", "ss", platform, chat));
	return rest > here ? rest : here;
}

static void
leave_alone(struct db *db, const char *platform, const char *chat, double seconds)
{
	double until = clock_now() + seconds;

	if (platform_rest(db, platform, chat) >= seconds)
		return; /* a short rest does not end a long one */
	if (chat)
		db_run(db, "INSERT INTO courier_chats (platform, chat, not_before, delay) VALUES (?, ?, ?, ?)"
			" ON CONFLICT (platform, chat) DO UPDATE SET not_before = excluded.not_before,"
			" delay = excluded.delay", "ssdd", platform, chat, until, seconds);
	else if (platform_row(db, platform))
		db_run(db, "UPDATE courier_platforms SET not_before = ?, delay = ? WHERE platform = ?", "dds",
			until, seconds, platform);
}

/* The seconds that an answer asks for; 0: none. */
static double
rest_asked(const struct json *answer)
{
	double seconds = json_number(answer, "retry_after", json_number(answer, "rest", 0));

	return seconds > LONGEST_REST ? LONGEST_REST : seconds > 0 ? seconds : 0;
}

double
platform_heed(struct db *db, const char *platform, const char *chat, const struct json *answer)
{
	double seconds = rest_asked(answer);
	bool here = !strcmp(json_text_or(answer, "scope", ""), "chat");

	chat_heed(db, platform, chat, answer);
	if (seconds > 0)
		leave_alone(db, platform, here ? chat : NULL, seconds);
	return seconds;
}

double
platform_poll_rest(struct db *db, const char *platform)
{
	double rest = platform_rest(db, platform, NULL);
	double own = left(db_query(db, "SELECT poll_not_before, poll_delay FROM courier_platforms"
		" WHERE platform = ? AND poll_not_before IS NOT NULL", "s", platform));

	return own > rest ? own : rest;
}

void
platform_poll_heed(struct db *db, const char *platform, const struct json *error)
{
	double seconds = rest_asked(error);

	if (seconds > 0 && platform_row(db, platform))
		db_run(db, "UPDATE courier_platforms SET poll_not_before = ?, poll_delay = ?"
			" WHERE platform = ?", "dds", clock_now() + seconds, seconds, platform);
}

struct json *
platform_resolve(struct db *db, const char *platform, const struct json *question,
	struct json *record)
{
	struct json *answer = trouble_ask(record, platform, "resolve", question);
	struct json *error = json_at(answer, "error");

	if (error)
		trouble_put(record, answer, "error.");
	else if (answer && !json_has(answer, "place"))
		record_error(record, EX_AWAY, NULL, "the adapter named no place");
	else if (answer)
		json_put_text(answer, "place.platform", platform);
	if (error && db) {
		db_begin(db);
		platform_heed(db, platform, json_text(question, "chat"), error);
		db_commit(db);
	}
	json_free(error);
	if (!record_failed(record))
		return answer;
	json_free(answer);
	return NULL;
}
