/* SPDX-License-Identifier: MIT */
#include "messages.h"

#include "die.h"
#include "figures.h"

#include <stdlib.h>
#include <string.h>

/* Batches are ended by rows or bytes, whichever comes first: memory stays flat. */
enum { BATCH_ROWS = 2000, BATCH_BYTES = 1 << 18 };

/* A JSON value as the text a column keeps: a text as it is, else printed. Owned. */
static char *
column_text(const struct json *message, const char *key)
{
	const char *text = json_text(message, key);
	struct json *value;
	char *printed;

	if (text)
		return xstrdup(text);
	value = json_at(message, key);
	printed = value ? json_string(value) : NULL;
	json_free(value);
	return printed;
}

static size_t
calls_in(const char *tool_calls)
{
	struct json *calls = json_parse_stored(tool_calls);
	size_t count = json_count(calls, "");

	json_free(calls);
	return count;
}

/* The content as it is kept, or NULL: without NULs, and printed when it is no text. */
static const char *
words_of(const struct json *message, struct text *words, size_t *length)
{
	const char *content = json_bytes(message, "content", length);
	char *parts;

	if (content && !memchr(content, '\0', *length))
		return content; /* most are, and some are large: no copy */
	if (content) {
		text_add_without_nuls(words, content, *length);
	} else {
		if (!(parts = column_text(message, "content")))
			return NULL;
		text_puts(words, parts);
		free(parts);
	}
	*length = words->length;
	return words->at;
}

long long
message_add(struct db *db, const char *session, const struct json *message)
{
	static const char sql[] = "INSERT INTO messages (session_id, role, content, tool_calls,"
		" tool_call_id, tool_name, timestamp, finish_reason, reasoning, platform_message_id)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	char *calls = column_text(message, "tool_calls");
	struct text words = TEXT_INIT;
	size_t length = 0;
	const char *content = words_of(message, &words, &length);
	long long id;

	db_run(db, sql, "ssbsssdsss", session, json_text_or(message, "role", "user"), content, length,
		calls, json_text(message, "tool_call_id"), json_text(message, "tool_name"),
		json_number(message, "timestamp", clock_now()), json_text(message, "finish_reason"),
		json_text(message, "reasoning"), json_text(message, "platform_message_id"));
	id = db_last_id(db);
	db_run(db, "UPDATE sessions SET message_count = coalesce(message_count, 0) + 1,"
		" tool_call_count = coalesce(tool_call_count, 0) + ? WHERE id = ?", "is",
		(long long)calls_in(calls), session);
	free(calls);
	text_release(&words);
	return id;
}

long long
message_once(struct db *db, const char *session, const struct json *message)
{
	const char *known = json_text(message, "platform_message_id");
	long long id = known ? db_number(db, 0, "SELECT id FROM messages WHERE session_id = ?"
		" AND platform_message_id = ?", "ss", session, known) : 0;

	return id ? id : message_add(db, session, message);
}

long long
message_say(struct db *db, const char *session, const char *role, const char *content,
	size_t length, const char *platform_message_id)
{
	struct json *message = json_object();
	long long id;

	json_put_text(message, "role", role);
	json_put_bytes(message, "content", content, length);
	if (platform_message_id)
		json_put_text(message, "platform_message_id", platform_message_id);
	id = message_add(db, session, message);
	json_free(message);
	return id;
}

void
message_reword(struct db *db, long long id, const char *content, size_t length)
{
	db_run(db, "UPDATE messages SET content = ? WHERE id = ?", "bi", content, length, id);
}

char *
message_content(struct db *db, long long id)
{
	return db_word(db, "SELECT content FROM messages WHERE id = ?", "i", id);
}

static const char columns[] =
	"SELECT id, session_id, role, content, tool_call_id, tool_calls, tool_name, timestamp,"
	" token_count, finish_reason, reasoning, platform_message_id, active, compacted"
	" FROM messages WHERE session_id = ?1 AND id > ?2 AND (?3 = 0 OR id < ?3)"
	" AND id <> ?7 AND (?4 IS NULL OR role = ?4) AND (?5 = 0 OR (active = 1 AND compacted = 0))"
	" ORDER BY id LIMIT ?6";

static bool
add_column(struct text *line, const char *key, struct rows *rows, int column)
{
	size_t length;
	const char *bytes = row_bytes(rows, column, &length);

	if (!bytes)
		return true;
	text_puts(line, key);
	return json_quote(line, bytes, length);
}

/* Calls are a JSON array and stand in the line as one, byte for byte. */
static bool
add_calls(struct text *line, struct rows *rows, int column)
{
	size_t length;
	const char *bytes = row_bytes(rows, column, &length);
	struct json *calls;
	bool whole = true;

	if (!bytes)
		return true;
	calls = utf8_valid(bytes, length) ? json_parse(bytes, length, NULL) : NULL;
	if (!calls || !json_is_array(calls)) {
		whole = add_column(line, ",\"tool_calls\":", rows, column);
	} else {
		text_puts(line, ",\"tool_calls\":");
		if (memchr(bytes, '\n', length) || memchr(bytes, '\r', length))
			json_print(calls, line); /* a line must stay one */
		else
			text_add(line, bytes, length);
	}
	json_free(calls);
	return whole;
}

static void
add_line(struct text *line, struct rows *rows)
{
	bool whole = true;

	text_format(line, "{\"id\":\"%lld\"", row_int(rows, 0));
	whole &= add_column(line, ",\"session\":", rows, 1);
	whole &= add_column(line, ",\"role\":", rows, 2);
	whole &= add_column(line, ",\"content\":", rows, 3);
	whole &= add_column(line, ",\"tool_call_id\":", rows, 4);
	whole &= add_calls(line, rows, 5);
	whole &= add_column(line, ",\"tool_name\":", rows, 6);
	text_format(line, ",\"timestamp\":%.6f", row_real(rows, 7));
	if (!row_null(rows, 8))
		text_format(line, ",\"token_count\":%lld", row_int(rows, 8));
	whole &= add_column(line, ",\"finish_reason\":", rows, 9);
	whole &= add_column(line, ",\"reasoning\":", rows, 10);
	whole &= add_column(line, ",\"platform_message_id\":", rows, 11);
	if (!row_int(rows, 12))
		text_puts(line, ",\"active\":false");
	if (row_int(rows, 13))
		text_puts(line, ",\"compacted\":true");
	if (!whole)
		text_puts(line, ",\"damaged\":true");
	text_puts(line, "}\n");
}

long
messages_each(struct db *db, const struct message_range *range,
	void (*lines)(const struct text *, void *), void *data)
{
	struct text batch = TEXT_INIT;
	long long after = range->after;
	long count = 0;
	bool more = true;

	while (more) {
		long left = range->limit < 0 ? BATCH_ROWS : range->limit - count;
		long wish = left < BATCH_ROWS ? left : BATCH_ROWS, got = 0;
		struct rows *rows = db_query(db, columns, "siisiii", range->session, after,
			range->before, range->role, (long long)range->active, (long long)wish, range->but);

		more = false;
		while (rows_next(rows)) {
			add_line(&batch, rows);
			after = row_int(rows, 0);
			count++;
			more = ++got == wish || batch.length > BATCH_BYTES;
			if (batch.length > BATCH_BYTES) {
				rows_end(rows);
				break;
			}
		}
		more = more && (range->limit < 0 || count < range->limit);
		if (batch.length)
			lines(&batch, data);
		text_clear(&batch);
	}
	text_release(&batch);
	return count;
}
