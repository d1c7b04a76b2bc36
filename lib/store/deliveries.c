/* SPDX-License-Identifier: MIT */
#include "deliveries.h"

#include "bindings.h"
#include "die.h"
#include "figures.h"
#include "messages.h"
#include "platforms.h"
#include "sessions.h"
#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who asked and where, of a text that a script has named; as the column `lane` spells it. */
#define TARGET(place) "json_extract(" place ", '$.platform') || ' ' || coalesce(json_extract(" \
	place ", '$.chat'), '') || ' ' || coalesce(json_extract(" place ", '$.thread'), '')"

long long
delivery_of_record(struct db *db, const struct json *record, const char *text, size_t length)
{
	static const char sql[] =
		"INSERT INTO courier_deliveries (event, handoff, session, message, platform, place, text,"
		" format, created) VALUES (?, nullif(?, 0), ?, nullif(?, 0), ?, ?, ?, ?, ?)";
	long long event = record_number(record, "event.id");
	long long handoff = record_number(record, "handoff.id"), id;
	long long message = record_number(record, "turn.message");
	struct json *place;

	id = db_number(db, 0, "SELECT id FROM courier_deliveries WHERE event = ?", "i", event);
	if (id)
		return id;
	place = json_at(record, "place");
	db_run(db, sql, "iisisjbsd", event, handoff, json_text(record, "session.id"), message,
		json_text_or(place, "platform", ""), place, text, length, message ? "markdown" : "plain",
		clock_now());
	id = db_last_id(db);
	json_free(place);
	db_run(db, "UPDATE courier_events SET delivery = ? WHERE id = ?", "ii", id, event);
	if (handoff)
		db_run(db, "UPDATE courier_handoffs SET delivery = ? WHERE id = ?", "ii", id, handoff);
	return id;
}

long long
delivery_requested(struct db *db, const struct said *said)
{
	static const char sql[] =
		"SELECT id, text = ?3 AND format = ?4 AND title_wanted IS ?5 AND record = ?6"
		" FROM courier_deliveries WHERE request = ?1 AND target = " TARGET("?2");
	struct rows *rows = db_query(db, sql, "sjbssi", said->request, said->place, said->text,
		said->length, said->format, said->title, (long long)said->record);
	long long id;

	if (!rows_next(rows))
		return 0;
	id = row_int(rows, 1) ? row_int(rows, 0) : -1;
	rows_end(rows);
	return id;
}

long long
delivery_new(struct db *db, const struct said *said)
{
	static const char sql[] =
		"INSERT INTO courier_deliveries (platform, place, text, format, title, title_wanted,"
		" need_thread, record, request, target, created, session)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, " TARGET("?2") ", ?9, ?10)";
	long long id = delivery_requested(db, said);

	if (id)
		return id > 0 ? id : 0;
	db_run(db, sql, "sjbssiisds", json_text_or(said->place, "platform", ""), said->place, said->text,
		said->length, said->format, said->title, (long long)said->need_thread,
		(long long)said->record, said->request, clock_now(), said->session);
	id = db_last_id(db);
	db_wake(db);
	return id;
}

static const char columns[] =
	"SELECT id, state, ids, part, parts, platform, place, text, attempt, error, created,"
	" not_before, session, ended, format, coalesce(link, json_extract(place, '$.link')), message,"
	" request, title FROM courier_deliveries WHERE id = ?";

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
	row_put_number(rows, 4, json, "parts");
	row_put_text(rows, 14, json, "format");
	row_put_text(rows, 15, json, "link");
	row_put_text(rows, 16, json, "message");
	row_put_text(rows, 17, json, "request");
	row_put_text(rows, 18, json, "thread");
	rows_end(rows);
	return json;
}

bool
delivery_begin(struct db *db, long long id, bool safe, struct part *part)
{
	struct rows *rows = db_query(db, "SELECT state, part, uncertain, tried, place, text, platform,"
		" coalesce(format, 'markdown'), (SELECT message FROM courier_events e WHERE e.id = d.event"
		" AND e.platform = d.platform AND e.chat = json_extract(d.place, '$.chat'))"
		" FROM courier_deliveries d WHERE id = ? AND state IN ('pending', 'sending')", "i", id);

	if (!rows_next(rows))
		return false;
	if (!safe && row_int(rows, 2) > 0) {
		rows_end(rows);
		delivery_end(db, id, "it cannot be told whether part of it arrived twice");
		return false;
	}
	*part = (struct part){.delivery = id, .part = (long)row_int(rows, 1),
		.again = !row_null(rows, 3), .since = row_real(rows, 3), .place = row_json(rows, 4),
		.text = row_copy(rows, 5), .platform = row_copy(rows, 6), .format = row_copy(rows, 7),
		.reply_to = row_copy(rows, 8)};
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
	free(part->format);
	free(part->reply_to);
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

/* Once, however often it is said that it was sent: the session of that place holds it. */
static void
record_said(struct db *db, long long id)
{
	struct rows *rows = db_query(db, "SELECT place, text FROM courier_deliveries"
		" WHERE id = ? AND state = 'sent' AND record = 1 AND message IS NULL", "i", id);
	struct json *place, *message;
	char *bound, *session, *name;

	if (!rows_next(rows))
		return;
	place = row_json(rows, 0);
	message = json_object();
	json_put_text(message, "role", "assistant");
	json_put_text(message, "content", row_text(rows, 1));
	rows_end(rows);
	name = xformat("delivery:%lld", id);
	json_put_text(message, "platform_message_id", name);
	bound = binding_session(db, place);
	if (bound) {
		session = session_current(db, bound);
		db_run(db, "UPDATE courier_deliveries SET message = ?, session = ? WHERE id = ?", "isi",
			message_once(db, session, message), session, id);
		free(session);
	}
	free(bound);
	free(name);
	json_free(message);
	json_free(place);
}

void
delivery_sent(struct db *db, long long id, const struct json *answer)
{
	double parts = json_number(answer, "parts", 1);

	add_ids(db, id, answer);
	db_run(db, "UPDATE courier_deliveries SET parts = ?1, part = part + 1, tried = NULL,"
		" uncertain = 0, error = NULL, state = CASE WHEN part >= ?1 THEN 'sent' ELSE 'pending' END,"
		" ended = CASE WHEN part >= ?1 THEN ?2 END, link = coalesce(link, ?4) WHERE id = ?3", "idis",
		(long long)parts, clock_now(), id, json_text(answer, "link"));
	record_said(db, id);
}

void
delivery_moved(struct db *db, long long id, const struct json *place)
{
	db_run(db, "UPDATE courier_deliveries SET place = ?, title = NULL, opening = NULL WHERE id = ?",
		"ji", place, id);
}

void
deliveries_follow(struct db *db, const char *platform, const char *from, const char *to)
{
	db_run(db, "UPDATE courier_deliveries SET place = json_remove(json_set(place, '$.chat', ?3),"
		" '$.link') WHERE platform = ?1 AND json_extract(place, '$.chat') = ?2"
		" AND state IN ('pending', 'sending')", "sss", platform, from, to);
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
delivery_end(struct db *db, long long id, const char *error)
{
	db_run(db, "UPDATE courier_deliveries SET error = ?, holder = NULL, hold = NULL, ended = ?,"
		" state = CASE WHEN tried IS NULL THEN 'failed' ELSE 'unknown' END WHERE id = ?", "sdi",
		error, clock_now(), id);
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

/* What is not over, and is nobody's or belongs to an event that goes on. */
#define OPEN "state IN ('pending', 'sending') AND (event IS NULL OR EXISTS (SELECT 1" \
	" FROM courier_events e WHERE e.id = event AND e.state IN ('queued', 'running')))"

long long
delivery_before(struct db *db, long long id)
{
	static const char sql[] = "SELECT id FROM courier_deliveries WHERE (platform, lane) ="
		" (SELECT platform, lane FROM courier_deliveries WHERE id = ?1) AND id < ?1 AND " OPEN
		" ORDER BY id LIMIT 1";

	return db_number(db, 0, sql, "i", id);
}

/* Whether the pipeline of its event, or of its handoff, lives. */
static bool
goes_on(struct rows *rows)
{
	return lease_held(LEASE_EVENT, row_int(rows, 4))
		|| (!row_null(rows, 5) && lease_held(LEASE_HANDOFF, row_int(rows, 5)));
}

enum taken
delivery_take(struct db *db, long long id, const struct claimer *claimer, double *after)
{
	struct rows *rows = db_query(db, "SELECT not_before, delay, held_at, hold, event, handoff"
		" FROM courier_deliveries WHERE id = ? AND " OPEN, "i", id);
	enum taken taken = TAKEN;

	if (!rows_next(rows))
		return TAKEN_OVER;
	*after = figure_wait();
	if (!row_null(rows, 4)) {
		taken = goes_on(rows) ? TAKEN_OTHER : TAKEN_LATER;
	} else if (!claim_due(rows, 0, 1)) {
		taken = TAKEN_LATER;
		*after = row_real(rows, 0) - clock_now();
	} else if (!claim_try(claimer, LEASE_DELIVERY, id, row_real(rows, 2), row_real(rows, 3))) {
		taken = TAKEN_OTHER;
	}
	rows_end(rows);
	if (taken == TAKEN)
		db_run(db, "UPDATE courier_deliveries SET fence = fence + 1, holder = ?, held_at = ?,"
			" hold = nullif(?, 0) WHERE id = ?", "sddi", claimer->holder, clock_now(),
			claimer->hold, id);
	return taken;
}

void
delivery_return(struct db *db, long long id)
{
	db_run(db, "UPDATE courier_deliveries SET holder = NULL, held_at = NULL, hold = NULL"
		" WHERE id = ?", "i", id);
}

struct json *
deliveries_platforms(struct db *db)
{
	return db_names(db, "SELECT min(platform) FROM courier_deliveries WHERE platform > ?"
		" AND state IN ('pending', 'sending') AND event IS NULL");
}

/* From lane to lane of a platform, and when to look again: for any reason, and for a rest. */
struct walk {
	struct db *db;
	const char *platform;
	double since; /* what was taken after that is left out; 0: nothing is */
	char *lane;   /* where it stands */
	double next, rest;
};

/* The first of a lane. */
struct head {
	long long id;
	bool free; /* due, and in nobody's hands */
};

static void
lower(double *to, double in)
{
	if (*to < 0 || in < *to)
		*to = in;
}

/* A time ahead of us was written before the clock was set back. */
static bool
taken_since(const struct walk *walk, double at)
{
	return walk->since > 0 && at >= walk->since && at <= clock_now();
}

/* One step in an index, so a thousand texts in a lane cost what one does. */
static bool
next_head(struct walk *walk, struct head *head)
{
	static const char sql[] = "SELECT id, lane, not_before, delay, held_at, hold, event,"
		" json_extract(place, '$.chat') FROM courier_deliveries WHERE platform = ? AND lane > ?"
		" AND " OPEN " ORDER BY lane, id LIMIT 1";
	struct rows *rows = db_query(walk->db, sql, "ss", walk->platform, walk->lane);
	struct wait wait;
	double rest;

	if (!rows_next(rows))
		return false;
	free(walk->lane);
	walk->lane = row_copy(rows, 1);
	*head = (struct head){.id = row_int(rows, 0)};
	if (row_null(rows, 6) && !taken_since(walk, row_real(rows, 4))) {
		wait = (struct wait){row_real(rows, 2), row_real(rows, 3), row_real(rows, 4),
			row_real(rows, 5)};
		rest = platform_rest(walk->db, walk->platform, row_text(rows, 7));
		if (rest > 0) {
			lower(&walk->rest, rest);
			lower(&walk->next, rest);
		} else {
			head->free = claim_free(LEASE_DELIVERY, head->id, &wait, &walk->next);
		}
	}
	rows_end(rows);
	return true;
}

bool
deliveries_waiting(struct db *db, const char *platform, double *next)
{
	struct walk walk = {.db = db, .platform = platform, .lane = xstrdup(""), .next = *next};
	struct head head = {0};

	while (!head.free && next_head(&walk, &head))
		;
	*next = walk.next;
	free(walk.lane);
	return head.free;
}

static int
older(const void *one, const void *other)
{
	long long a = *(const long long *)one, b = *(const long long *)other;

	return a < b ? -1 : a > b;
}

/* The heads that are free, oldest first. Owned. */
static long long *
free_heads(struct walk *walk, size_t *count)
{
	long long *heads = NULL;
	struct head head;

	*count = 0;
	while (next_head(walk, &head))
		if (head.free) {
			heads = xrealloc(heads, (*count + 1) * sizeof *heads);
			heads[(*count)++] = head.id;
		}
	if (heads)
		qsort(heads, *count, sizeof *heads, older);
	return heads;
}

struct json *
deliveries_claim(struct db *db, const char *platform, long limit, const struct claimer *claimer,
	double since, double *rest)
{
	struct walk walk = {.db = db, .platform = platform, .since = since, .lane = xstrdup(""),
		.next = -1, .rest = -1};
	struct json *ids = json_array();
	size_t count;
	long long *heads = free_heads(&walk, &count);
	double after;

	for (size_t i = 0; i < count && (long)json_count(ids, "") < limit; i++) {
		char digits[24];

		if (delivery_take(db, heads[i], claimer, &after) != TAKEN)
			continue;
		snprintf(digits, sizeof digits, "%lld", heads[i]);
		json_append(ids, json_new_text(digits, strlen(digits)));
	}
	*rest = walk.rest;
	free(heads);
	free(walk.lane);
	return ids;
}
