/* SPDX-License-Identifier: MIT */
/* Verbs of hermes-state about what was said. Everything long streams. */
#include "messages.h"
#include "state.h"

#include "die.h"
#include "figures.h"
#include "lines.h"
#include "opts.h"
#include "out.h"
#include "seats.h"
#include "sessions.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct out out;

/* Lines as they are, or each through --jq and -q. */
static void
print_lines(const struct text *lines, void *data)
{
	(void)data;
	if (!out.filter && !out.quiet) {
		out_raw(lines);
		return;
	}
	for (const char *line = lines->at, *end; (end = strchr(line, '\n')); line = end + 1) {
		struct json *message = json_parse(line, (size_t)(end - line), NULL);

		if (message)
			out_json(&out, message);
		json_free(message);
	}
}

static void
print_for_people(const struct text *lines, void *data)
{
	(void)data;
	for (const char *line = lines->at, *end; (end = strchr(line, '\n')); line = end + 1) {
		struct json *message = json_parse(line, (size_t)(end - line), NULL);

		out_text("%s: %s\n", json_text_or(message, "role", "?"),
			json_text_or(message, "content", json_text_or(message, "tool_calls", "")));
		json_free(message);
	}
}

int
state_messages_main(int argc, char **argv)
{
	const char *role = NULL;
	bool active = false;
	long limit = -1, after = 0, last = 0;
	const struct opt opts[] = {
		{"role", 0, OPT_TEXT, &role, "ROLE", "only user, assistant, tool or system"},
		{"after", 0, OPT_NUMBER, &after, "ID", "only those after this message"},
		{"limit", 'n', OPT_NUMBER, &limit, "N", "at most N"},
		{"last", 0, OPT_NUMBER, &last, "N", "only the last N"},
		{"active", 0, OPT_FLAG, &active, NULL, "leave out what was compacted or rewound"},
		OUT_OPTS(out), {0},
	};
	const struct usage usage = {"messages SESSION", "Print a session's messages, oldest first.",
		opts};
	struct message_range range;
	struct db *db;
	char *id;

	if (opts_parse(argc, argv, &usage) != 1)
		opts_misused(&usage, "exactly one session is needed");
	db = db_open(DB_READ);
	id = session_named(db, argv[0]);
	if (last)
		after = (long)db_number(db, 0, "SELECT min(id) - 1 FROM (SELECT id FROM messages"
			" WHERE session_id = ? ORDER BY id DESC LIMIT ?)", "si", id, (long long)last);
	range = (struct message_range){.session = id, .after = after, .limit = limit, .role = role,
		.active = active};
	messages_each(db, &range, out_human(&out) ? print_for_people : print_lines, NULL);
	return 0;
}

static void
print_id(long long id)
{
	struct json *line = json_object();

	json_put_id(line, "id", id);
	out_json(&out, line);
	json_free(line);
}

static void
need_utf8(const struct text *text)
{
	if (!utf8_valid(text->at, text->length))
		die(EX_BAD, "the message is not valid UTF-8 (or holds a NUL); nothing was changed");
}

/* A line as a message, or NULL with what is wrong with it in *why (owned). */
static struct json *
message_of_line(const char *line, size_t length, char **why)
{
	struct json *message;

	if (!utf8_valid(line, length)) {
		*why = xstrdup("not valid UTF-8");
		return NULL;
	}
	message = json_parse(line, length, why);
	if (!message || (json_is_object(message) && json_text(message, "role")))
		return message;
	*why = xstrdup("it has no role");
	json_free(message);
	return NULL;
}

/* One transaction of at most 20 ms; returns why it ended early, or NULL. Owned. */
static char *
append_batch(struct db *db, const char *id, long epoch, struct lines *in, long *number)
{
	double until = clock_steady() + 20e-3;
	struct text ids = TEXT_INIT;
	char *line, *why = NULL;
	size_t length;

	db_begin(db);
	state_need_seat(db, id, epoch);
	session_reopen(db, id);
	do {
		struct json *message;

		if (!(line = lines_next(in, &length, 0)))
			break;
		++*number;
		message = message_of_line(line, length, &why);
		if (message)
			text_format(&ids, "%lld\n", message_once(db, id, message));
		json_free(message);
	} while (!why && clock_steady() < until && lines_ready(in));
	db_commit(db);
	for (char *at = ids.at, *end; (end = strchr(at, '\n')); at = end + 1)
		print_id(atoll(at));
	text_release(&ids);
	return why;
}

/* Batches, with as long a rest between them: other writers get in. */
static void
append_lines(struct db *db, const char *id, long epoch)
{
	struct lines in = LINES_INIT(STDIN_FILENO);
	long number = 0;
	char *why;

	for (;;) {
		bool more = lines_wait(&in);

		if (!more)
			break;
		why = append_batch(db, id, epoch, &in, &number);
		if (why)
			die(EX_BAD, "line %ld is not a message (%s); the lines before it are stored", number, why);
		db_rest(db);
	}
	if (in.broken)
		die(EX_BAD, "the last line has no end; the lines before it are stored");
}

static void
append_one(struct db *db, const char *id, long epoch, struct json *message)
{
	long long made;

	db_begin(db);
	state_need_seat(db, id, epoch);
	session_reopen(db, id);
	made = message_once(db, id, message);
	db_wake(db);
	db_commit(db);
	print_id(made);
}

static void
read_text(struct text *text, const char *given)
{
	char buffer[65536];
	ssize_t got;

	if (given && strcmp(given, "-")) {
		text_puts(text, given);
		return;
	}
	while ((got = read(STDIN_FILENO, buffer, sizeof buffer)) > 0)
		text_add(text, buffer, (size_t)got);
	if (got < 0)
		die(EX_STORE, "stdin: cannot be read:");
}

int
state_append_main(int argc, char **argv)
{
	const char *role = "user", *calls = NULL, *call = NULL, *tool = NULL, *known = NULL;
	const char *content = NULL;
	bool many = false;
	long epoch = 0;
	const struct opt opts[] = {
		{"role", 'r', OPT_TEXT, &role, "ROLE", "user (the default), assistant, tool or system"},
		{"content", 0, OPT_TEXT, &content, "TEXT", "the words, instead of an operand"},
		{"tool-calls", 0, OPT_TEXT, &calls, "JSON", "the calls an assistant made"},
		{"tool-call-id", 0, OPT_TEXT, &call, "ID", "the call that a tool's message answers"},
		{"tool-name", 0, OPT_TEXT, &tool, "NAME", "the tool"},
		{"message-id", 0, OPT_TEXT, &known, "ID", "the platform's id: stored once"},
		{"lines", 'l', OPT_FLAG, &many, NULL, "messages as JSON lines on stdin"},
		{"epoch", 0, OPT_NUMBER, &epoch, "N", "only while the session's seat has this epoch"},
		OUT_OPTS(out), {0},
	};
	const struct usage usage = {"append SESSION [TEXT | -]\nappend SESSION --lines",
		"Add a message to a session; its id is printed.", opts};
	int count = opts_parse(argc, argv, &usage);
	struct json *message = json_object();
	struct text text = TEXT_INIT;
	struct db *db;
	char *id;

	if (count < 1 || count > 2)
		opts_misused(&usage, "a session, and perhaps a text; quote the text");
	if (count == 1 && !content && isatty(STDIN_FILENO))
		opts_misused(&usage, "a text is needed, or one on stdin");
	db = db_open(DB_WRITE);
	id = session_named(db, argv[0]);
	if (many) {
		append_lines(db, id, epoch);
		db_close(db);
		return 0;
	}
	if (content)
		text_puts(&text, content);
	else if (count == 2 || !calls)
		read_text(&text, argv[1]);
	need_utf8(&text);
	json_put_text(message, "role", role);
	if (text.length || !calls)
		json_put_bytes(message, "content", text.at, text.length);
	if (calls && !json_parse(calls, strlen(calls), NULL))
		die(EX_BAD, "--tool-calls is not JSON");
	json_put_text(message, "tool_calls", calls);
	json_put_text(message, "tool_call_id", call);
	json_put_text(message, "tool_name", tool);
	json_put_text(message, "platform_message_id", known);
	append_one(db, id, epoch, message);
	json_free(message);
	db_close(db);
	return 0;
}

/* Which way to look for these words. */
enum way { WORDS, TRIGRAMS, READING };

/* Chinese, Japanese, Korean, Thai …: written without spaces. */
static bool
is_unspaced(long point)
{
	return (point >= 0x0e00 && point < 0x0f00) || (point >= 0x2e80 && point < 0xa000)
		|| (point >= 0xac00 && point < 0xd7b0) || (point >= 0xf900 && point < 0xfb00)
		|| point >= 0x20000;
}

static enum way
way_for(struct db *db, const char *words)
{
	enum way way = WORDS;
	size_t length = strlen(words), run = 0, shortest = (size_t)-1;

	for (size_t i = 0; i <= length;) {
		long point = ' ';
		size_t step = i < length ? utf8_step(words + i, length - i, &point) : 1;

		if (is_unspaced(point))
			way = TRIGRAMS;
		if (point != ' ')
			run++;
		else if (run && run < shortest)
			shortest = run;
		if (point == ' ')
			run = 0;
		i += step;
	}
	if (way == TRIGRAMS && (shortest < 3 || !db_knows(db, "SELECT rowid FROM messages_fts_trigram")))
		way = READING;
	if (way == WORDS && !db_knows(db, "SELECT rowid FROM messages_fts"))
		way = READING;
	return way;
}

/* Each word a quoted phrase: nothing of it is query syntax. Owned. */
static char *
match_for(const char *words)
{
	struct text match = TEXT_INIT;

	while (*words) {
		size_t length = strcspn(words, " \t\n");

		if (length) {
			text_puts(&match, match.length ? " \"" : "\"");
			for (size_t i = 0; i < length; i++)
				text_add(&match, words[i] == '"' ? "\"\"" : words + i, words[i] == '"' ? 2 : 1);
			text_puts(&match, "\"");
		}
		words += length + strspn(words + length, " \t\n");
	}
	return text_take(&match);
}

/* The words as a JSON array. Owned. */
static char *
list_of(const char *words)
{
	struct json *list = json_array();
	char *printed;

	while (*words) {
		size_t length = strcspn(words, " \t\n");

		if (length)
			json_append(list, json_new_text(words, length));
		words += length + strspn(words + length, " \t\n");
	}
	printed = json_string(list);
	json_free(list);
	return printed;
}

/* Newest first. */
static struct rows *
look(struct db *db, const char *words, const char *session, long limit)
{
	static const char by_word[] =
		"SELECT m.id, m.session_id FROM messages_fts f JOIN messages m ON m.id = f.rowid"
		" WHERE messages_fts MATCH ?1 AND (?2 IS NULL OR m.session_id = ?2)"
		" ORDER BY f.rowid DESC LIMIT ?3";
	static const char by_trigram[] =
		"SELECT m.id, m.session_id FROM messages_fts_trigram f JOIN messages m ON m.id = f.rowid"
		" WHERE messages_fts_trigram MATCH ?1 AND (?2 IS NULL OR m.session_id = ?2)"
		" ORDER BY f.rowid DESC LIMIT ?3";
	static const char by_reading[] =
		"SELECT id, session_id FROM messages WHERE NOT EXISTS (SELECT 1 FROM json_each(?1) w"
		" WHERE instr(lower(coalesce(content, '') || ' ' || coalesce(tool_name, '') || ' ' ||"
		" coalesce(tool_calls, '')), lower(w.value)) = 0)"
		" AND (?2 IS NULL OR session_id = ?2) ORDER BY id DESC LIMIT ?3";
	enum way way = way_for(db, words);
	char *match = way == READING ? list_of(words) : match_for(words);

	return db_query(db, way == WORDS ? by_word : way == TRIGRAMS ? by_trigram : by_reading, "ssi",
		match, session, (long long)limit);
}

static void
collect(const struct text *lines, void *data)
{
	struct json *into = data;

	for (const char *line = lines->at, *end; (end = strchr(line, '\n')); line = end + 1) {
		struct json *message = json_parse(line, (size_t)(end - line), NULL);

		if (message)
			json_append(into, message);
	}
}

/* The messages around a hit, and the hit itself. */
static struct json *
hit_json(struct db *db, long long id, const char *session, long context)
{
	static const char first[] = "SELECT min(id) FROM (SELECT id FROM messages"
		" WHERE session_id = ? AND id < ? ORDER BY id DESC LIMIT ?)";
	long long from = context ? db_number(db, id, first, "sii", session, id, (long long)context) : id;
	struct message_range range = {.session = session, .after = from - 1, .before = id, .limit = -1};
	struct json *hit = session_brief(db, session), *before = json_array(), *after = json_array();
	struct json *found = json_array(), *line = json_object();

	if (from < id)
		messages_each(db, &range, collect, before);
	range = (struct message_range){.session = session, .after = id - 1, .limit = 1};
	messages_each(db, &range, collect, found);
	range = (struct message_range){.session = session, .after = id, .limit = context};
	if (context)
		messages_each(db, &range, collect, after);
	json_put_id(line, "id", id);
	json_put(line, "session", hit);
	json_put(line, "message", json_item(found, "", 0));
	json_put(line, "before", before);
	json_put(line, "after", after);
	json_free(found);
	return line;
}

int
state_search_main(int argc, char **argv)
{
	const char *session = NULL;
	long limit = 20, context = 1;
	const struct opt opts[] = {
		{"session", 's', OPT_TEXT, &session, "ID", "only in this session"},
		{"limit", 'n', OPT_NUMBER, &limit, "N", "at most N (20)"},
		{"context", 'C', OPT_NUMBER, &context, "N", "neighbours on each side (1)"},
		OUT_OPTS(out), {0},
	};
	const struct usage usage = {"search WORDS", "Messages that hold all the words, newest first.",
		opts};
	int count = opts_parse(argc, argv, &usage), found = 0;
	struct text words = TEXT_INIT;
	struct json *hits = json_array();
	struct rows *rows;
	struct db *db;

	for (int i = 0; i < count; i++)
		text_format(&words, "%s%s", i ? " " : "", argv[i]);
	if (!words.at[strspn(words.at, " \t\n")])
		opts_misused(&usage, "words are needed");
	db = db_open(DB_READ);
	if (session)
		session = session_named(db, session);
	rows = look(db, words.at, session, limit);
	while (rows_next(rows)) {
		struct json *hit = json_object();

		json_put_number(hit, "id", (double)row_int(rows, 0));
		json_put_text(hit, "session", row_text(rows, 1));
		json_append(hits, hit);
	}
	for (size_t i = 0; i < json_count(hits, ""); i++, found++) {
		struct json *hit = json_item(hits, "", i);
		struct json *line = hit_json(db, (long long)json_number(hit, "id", 0),
			json_text(hit, "session"), context);

		if (out_human(&out))
			out_text("%s  %s: %s\n", json_text_or(line, "session.title",
				json_text_or(hit, "session", "")), json_text_or(line, "message.role", ""),
				json_text_or(line, "message.content", ""));
		else
			out_json(&out, line);
		json_free(line);
		json_free(hit);
	}
	if (!found)
		warn("nothing holds these words");
	return found ? 0 : EX_NO;
}

static void
print_messages(const struct text *lines, void *data)
{
	struct text wrapped = TEXT_INIT;

	(void)data;
	for (const char *line = lines->at, *end; (end = strchr(line, '\n')); line = end + 1) {
		text_puts(&wrapped, "{\"message\":");
		text_add(&wrapped, line, (size_t)(end - line));
		text_puts(&wrapped, "}\n");
	}
	print_lines(&wrapped, NULL);
	text_release(&wrapped);
}

static void
export_session(struct db *db, const char *id)
{
	struct message_range range = {.session = id, .limit = -1};
	struct json *line = json_object();

	json_put(line, "session", session_whole(db, id));
	json_put_text(line, "id", id);
	out_json(&out, line);
	json_free(line);
	if (!out.quiet)
		messages_each(db, &range, print_messages, NULL);
}

int
state_export_main(int argc, char **argv)
{
	const struct opt opts[] = {OUT_OPTS(out), {0}};
	const struct usage usage = {"export [SESSION ...]",
		"Print sessions, each followed by its messages, as JSON lines.", opts};
	int count = opts_parse(argc, argv, &usage);
	struct db *db = db_open(DB_READ);
	char *id = NULL, *next;

	for (int i = 0; i < count; i++)
		export_session(db, session_named(db, argv[i]));
	while (!count && (next = db_word(db, "SELECT id FROM sessions WHERE id > coalesce(?, '')"
		" ORDER BY id LIMIT 1", "s", id))) {
		free(id);
		id = next;
		export_session(db, id);
	}
	return 0;
}
