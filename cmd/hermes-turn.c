/* SPDX-License-Identifier: MIT */
/*
 * hermes-turn: the stage in which the agent speaks, once for each event.
 *
 * One turn at a time per session, whoever asks: this process itself holds the byte of the
 * session's seat for as long as it lives. The transcript is read after the turn was
 * taken. The reply is in the store before the record goes on; a finished turn never runs
 * twice. After its attempts an agent that cannot speak is given up: the record goes on
 * with a turn that has no message.
 */
#include "claims.h"
#include "config.h"
#include "die.h"
#include "events.h"
#include "figures.h"
#include "handoffs.h"
#include "messages.h"
#include "opts.h"
#include "run.h"
#include "seats.h"
#include "sessions.h"
#include "stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No chat shows more than that, and each part of it is carried on its own. */
enum { REPLY_MOST = 1 << 20 };

static struct db *db;

/* What an agent said, line by line. */
struct speech {
	struct json *steps;  /* messages on the way */
	struct json *reply;  /* the line with "reply" */
	char *failure;       /* why there is none; owned */
	double after;        /* try again not before; -1: the usual delay */
	bool final;          /* trying again is pointless */
};

/* The event's words become the user's message, once. */
static void
keep_words(struct json *record, const char *session)
{
	long long id = record_number(record, "event.id");
	const char *text = json_text_or(record, "event.text", "");
	char *message = db_word(db, "SELECT message FROM courier_events WHERE id = ?"
		" AND said IS NULL", "i", id);

	if (message)
		db_run(db, "UPDATE courier_events SET said = ? WHERE id = ?", "ii",
			message_say(db, session, "user", text, strlen(text), message), id);
	free(message);
}

/* Say "speaking", with everything that must be true before; false: the record says why not. */
static bool
begin(struct json *record, const char *session)
{
	long long seat, event = record_number(record, "event.id");
	bool ours;

	db_begin(db);
	ours = claim_stands(db, record);
	if (ours) {
		seat = seat_of(db, session);
		ours = !seat_foreign_turn(db, session) && lease_take(lease_own(), LEASE_TURN, seat);
		if (!ours)
			record_wait(record, "the agent is speaking on this session already");
	}
	if (ours) {
		claim_extend(db, record, figure_turn());
		keep_words(record, session);
		session_reopen(db, session);
		event_step(db, event, "speaking");
		if (json_has(record, "handoff"))
			handoff_step(db, record, "speaking");
		db_run(db, "UPDATE courier_seats SET turn = ?, turn_at = ? WHERE id = ?", "sdi",
			json_text_or(record, "event.origin", "a message"), clock_now(), seat);
		db_wake(db);
	}
	db_commit(db);
	return ours;
}

struct telling {
	struct child *child;
	double deadline;
	bool failed;
};

static void
tell_json(struct telling *telling, struct json *line)
{
	struct text text = TEXT_INIT;

	json_print(line, &text);
	text_add(&text, "\n", 1);
	if (!telling->failed && child_tell(telling->child, text.at, text.length, telling->deadline))
		telling->failed = true;
	text_release(&text);
	json_free(line);
}

/* Stored lines become {"message":…} lines without being parsed: tool calls stay as they are. */
static void
tell_messages(const struct text *lines, void *data)
{
	struct telling *telling = data;
	struct text wrapped = TEXT_INIT;

	for (const char *line = lines->at, *end; (end = strchr(line, '\n')); line = end + 1) {
		text_puts(&wrapped, "{\"message\":");
		text_add(&wrapped, line, (size_t)(end - line));
		text_puts(&wrapped, "}\n");
	}
	if (!telling->failed
		&& child_tell(telling->child, wrapped.at, wrapped.length, telling->deadline))
		telling->failed = true;
	text_release(&wrapped);
}

static void
tell(struct telling *telling, const struct json *record, const char *session)
{
	long long said = db_number(db, 0, "SELECT said FROM courier_events WHERE id = ?", "i",
		record_number(record, "event.id"));
	struct message_range range = {.session = session, .but = said, .limit = -1, .active = true};
	struct json *head = json_object(), *event = json_object();

	json_put_number(head, "head.protocol", 1);
	json_put(head, "head.session", json_at(record, "session"));
	json_put(head, "head.place", json_at(record, "place"));
	json_put_true(head, "head.again", json_true(record, "event.again"));
	tell_json(telling, head);
	messages_each(db, &range, tell_messages, telling);
	json_put_text(event, "event.text", json_text_or(record, "event.text", ""));
	json_put_text(event, "event.origin", json_text(record, "event.origin"));
	json_put_text(event, "event.from", json_text(record, "handoff.from.platform"));
	if (json_has(record, "event.user"))
		json_put(event, "event.user", json_at(record, "event.user"));
	tell_json(telling, event);
	child_hush(telling->child);
}

static bool
is_blank(const char *text)
{
	return !text[strspn(text, " \t\r\n")];
}

static void
fail(struct speech *speech, char *why)
{
	free(speech->failure);
	speech->failure = why;
}

/* One line of the agent. False: nothing more is to be read. */
static bool
hear_line(struct speech *speech, const char *line, size_t length)
{
	struct json *said = json_parse(line, length, NULL);
	bool more = true;

	if (!said || !json_is_object(said)) {
		fail(speech, xstrdup("it printed a line that is not JSON"));
		more = false;
	} else if (json_has(said, "message")) {
		json_append(speech->steps, json_at(said, "message"));
	} else if (json_text(said, "reply")) {
		json_free(speech->reply);
		speech->reply = json_copy(said);
	} else if (json_has(said, "error")) {
		fail(speech, xstrdup(json_text_or(said, "error.text", "it gave no reason")));
		speech->after = json_number(said, "error.after", -1);
		speech->final = json_has(said, "error.retry") && !json_true(said, "error.retry");
	}
	json_free(said);
	return more;
}

static void
hear(struct speech *speech, struct child *child, double deadline)
{
	size_t length;
	char *line;

	while ((line = lines_next(&child->from, &length, deadline)))
		if (length && !hear_line(speech, line, length))
			return;
	if (errno == ETIMEDOUT)
		fail(speech, xformat("it did not answer within %.0f s", figure_turn()));
	else if (child->from.broken)
		fail(speech, xstrdup("its last line has no end"));
}

static void
judge(struct speech *speech, int status)
{
	if (speech->failure)
		return;
	if (status == -1)
		fail(speech, xformat("it did not end within %.0f s", figure_turn()));
	else if (status)
		fail(speech, xformat("it ended with status %d", status));
	else if (!speech->reply)
		fail(speech, xstrdup("it said nothing"));
	else if (is_blank(json_text_or(speech->reply, "reply", "")))
		fail(speech, xstrdup("its reply is empty"));
	else if (strlen(json_text_or(speech->reply, "reply", "")) > REPLY_MOST)
		fail(speech, xformat("its reply is longer than %d bytes", REPLY_MOST));
	speech->final |= status == EX_SETUP || status == EX_USER;
}

static void
speak(struct speech *speech, const struct json *record, const char *session)
{
	const char *set = config_variable("HERMES_AGENT_USE"), *use = set ? set : config_text("agent.use");
	char *name = xformat("hermes-agent-%s", use ? use : "recap"), *path = program_path(name);
	char *argv[] = {path, NULL}, **environment = config_environment(NULL, NULL);
	double deadline = clock_steady() + figure_turn();
	struct child child;
	struct telling telling = {&child, deadline, false};

	if (!path || strchr(name, '/') || child_start(&child, argv, environment, CHILD_LOG)) {
		fail(speech, xformat("%s cannot be started; see hermes doctor", name));
		speech->final = true;
	} else {
		tell(&telling, record, session);
		hear(speech, &child, deadline);
		if (speech->failure) {
			child_kill(&child);
			judge(speech, 0);
		} else {
			judge(speech, child_end(&child, deadline));
		}
	}
	free(path);
	free(name);
}

static void
keep_reply(struct json *record, const char *session, const struct speech *speech)
{
	struct json *message = json_object(), *actions = json_at(speech->reply, "actions");
	size_t length = 0;
	const char *text = json_bytes(speech->reply, "reply", &length);
	long long id;

	for (size_t i = 0; i < json_count(speech->steps, ""); i++) {
		struct json *step = json_item(speech->steps, "", i);

		message_add(db, session, step);
		json_free(step);
	}
	json_put_text(message, "role", "assistant");
	json_put_bytes(message, "content", text, length);
	if (json_text(speech->reply, "finish"))
		json_put_text(message, "finish_reason", json_text(speech->reply, "finish"));
	id = message_add(db, session, message);
	event_replied(db, record_number(record, "event.id"), id, actions);
	json_put_id(record, "turn.message", id);
	json_put_bytes(record, "turn.text", text, length);
	if (actions)
		json_put(record, "turn.actions", actions);
	json_free(message);
}

static void
give_up(struct json *record, const char *why)
{
	event_gave_up(db, record_number(record, "event.id"), why);
	json_put(record, "turn", json_object());
	json_put_text(record, "turn.message", NULL);
	json_put_text(record, "turn.why", why);
}

static void
finish(struct json *record, const char *session, const struct speech *speech)
{
	long long event = record_number(record, "event.id");

	db_begin(db);
	if (claim_stands(db, record)) {
		long long turns = db_number(db, 0, "SELECT turns FROM courier_events WHERE id = ?", "i",
			event);

		if (!speech->failure)
			keep_reply(record, session, speech);
		else if (speech->final || turns >= figure_attempts())
			give_up(record, speech->failure);
		else
			record_retry(record, EX_AWAY, speech->after, "the agent failed: %s", speech->failure);
		if (speech->failure)
			event_step(db, event, NULL);
		db_wake(db);
	}
	db_commit(db);
	if (speech->failure)
		warn("%s: the agent failed: %s", session, speech->failure);
}

static void
turn(struct json *record)
{
	struct speech speech = {.after = -1};
	char *session;

	if (!json_has(record, "event") || json_has(record, "turn"))
		return;
	session = xstrdup(json_text_or(record, "session.id", ""));
	if (!*session) {
		record_error(record, EX_BAD, NULL, "the record has no session to speak on");
	} else if (begin(record, session)) {
		speech.steps = json_array();
		speak(&speech, record, session);
		finish(record, session, &speech);
		lease_drop(lease_own(), LEASE_TURN, seat_find(db, session));
	}
	json_free(speech.steps);
	json_free(speech.reply);
	free(speech.failure);
	free(session);
}

static void
open_store(void)
{
	db = db_open(DB_WRITE);
}

int
main(int argc, char **argv)
{
	const struct usage usage = {"<records", "Stage: the agent answers each record's event.", NULL};

	program_start(argv[0]);
	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operands; records are read from stdin");
	return stage_run(open_store, turn);
}
