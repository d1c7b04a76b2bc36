/* SPDX-License-Identifier: MIT */
/* The verbs of hermes-handoff that read and write the queue, and ask no platform. */
#include "handoff.h"

#include "bell.h"
#include "chats.h"
#include "claims.h"
#include "config.h"
#include "die.h"
#include "figures.h"
#include "foreign.h"
#include "handoffs.h"
#include "ids.h"
#include "listing.h"
#include "opts.h"
#include "out.h"
#include "platform.h"
#include "seats.h"
#include "sessions.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct out out;

static struct json *
existing(struct db *db, long long id)
{
	struct json *handoff = handoff_json(db, id);

	if (!handoff)
		die(EX_MISSING, "%lld: no such handoff; hermes handoff list shows them", id);
	return handoff;
}

static void
print_end(struct json *handoff)
{
	out_json(&out, handoff);
	json_free(handoff);
}

static struct {
	const char *session, *id, *chat, *thread;
	bool no_turn, require_thread, shared, replace;
} asked;

static const struct opt request_opts[] = {
	{"session", 's', OPT_TEXT, &asked.session, "ID", "the session: id, unique prefix or title"},
	{"chat", 0, OPT_TEXT, &asked.chat, "ID", "a chat there, instead of the home"},
	{"thread", 0, OPT_TEXT, &asked.thread, "ID", "a thread of it"},
	{"no-turn", 0, OPT_FLAG, &asked.no_turn, NULL, "deliver the notice; the agent does not speak"},
	{"require-thread", 0, OPT_FLAG, &asked.require_thread, NULL,
		"fail rather than use the home itself"},
	{"shared", 0, OPT_FLAG, &asked.shared, NULL, "others may read it there"},
	{"replace", 0, OPT_FLAG, &asked.replace, NULL, "push out the conversation that lives there"},
	{"request-id", 0, OPT_TEXT, &asked.id, "ID", "the same id and content: the same handoff"},
	OUT_OPTS(out), {0},
};

/* The place asked for, or NULL: the home. Owned. */
static struct json *
asked_place(const char *platform)
{
	struct json *place;

	if (!asked.chat)
		return NULL;
	place = json_object();
	json_put_text(place, "platform", platform);
	json_put_text(place, "chat", asked.chat);
	if (asked.thread)
		json_put_text(place, "thread", asked.thread);
	return place;
}

int
handoff_request_main(int argc, char **argv)
{
	const struct usage usage = {"request PLATFORM --session S", "Queue a handoff.", request_opts};
	struct request request = {.requester = "hermes-handoff"};
	struct json *options, *wanted;
	char *why = NULL, *name;
	struct db *db;
	long long made;
	int status = 0;

	if (opts_parse(argc, argv, &usage) != 1)
		opts_misused(&usage, "one platform is needed");
	if (!asked.session)
		asked.session = getenv("HERMES_SESSION");
	if (!asked.session)
		opts_misused(&usage, "a session is needed: --session, or HERMES_SESSION");
	if (asked.thread && !asked.chat)
		opts_misused(&usage, "--thread is a thread of a chat: --chat is needed, too");
	opts_need_words(&usage, "--request-id", asked.id);
	opts_need_words(&usage, "--chat", asked.chat);
	opts_need_words(&usage, "--thread", asked.thread);
	options = request_options(asked.no_turn, asked.require_thread, asked.shared, asked.replace,
		false);
	wanted = asked_place(argv[0]);
	db = db_open(DB_WRITE);
	name = session_current(db, session_named(db, asked.session));
	request.id = asked.id;
	request.session = name;
	request.platform = argv[0];
	request.options = options;
	request.wanted = wanted;
	request.elsewhere = wanted;
	db_begin(db);
	foreign_adopt(db);
	made = handoff_request(db, &request, &status, &why);
	db_commit(db);
	if (!made)
		die(status, "%s: %s", name, why);
	print_end(existing(db, made));
	return 0;
}

int
handoff_claim_main(int argc, char **argv)
{
	const char *session = NULL, *platform = NULL;
	double hold = 0;
	long limit = 1;
	const struct opt opts[] = {
		{"session", 's', OPT_TEXT, &session, "ID", "only this session's"},
		{"platform", 0, OPT_TEXT, &platform, "PLATFORM", "only those to this platform"},
		{"limit", 'n', OPT_NUMBER, &limit, "N", "at most N (1)"},
		{"hold", 0, OPT_SECONDS, &hold, "SECONDS", "how long a claim by hand lasts (60)"},
		{0},
	};
	const struct usage usage = {"claim [--session S] [--platform PLATFORM] [--limit N] [--hold SECONDS]",
		"Claim handoffs that wait, oldest request first, and print a record for each.", opts};
	struct claimer claimer;
	struct json *records;
	struct db *db;
	size_t count;

	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operands");
	config_tree(); /* broken configuration ends this before anything is claimed */
	claimer = claimer_now(hold);
	db = db_open(DB_WRITE);
	if (session)
		session = session_named(db, session);
	handoffs_foresee(db);
	db_begin(db);
	foreign_adopt(db);
	records = handoffs_claim(db, session, platform, limit, &claimer);
	db_commit(db);
	count = json_count(records, "");
	out.json = true;
	for (size_t i = 0; i < count; i++)
		print_end(json_item(records, "", i));
	db_close(db);
	if (!count)
		warn("claim: nothing waits");
	return count ? 0 : EX_NO;
}

int
handoff_list_main(int argc, char **argv)
{
	static const struct column columns[] = {
		{"ID", "id"}, {"STATE", "state"}, {"PLATFORM", "platform"}, {"SESSION", "session"},
		{"ASKED", "@created"}, {"ERROR", "error"}, {NULL, NULL},
	};
	static const struct listing listing = {
		"SELECT id FROM courier_handoffs WHERE id > ? ORDER BY id LIMIT 500",
		"SELECT id FROM courier_handoffs WHERE id > ? AND state = ? ORDER BY id LIMIT 500",
		handoff_json, columns,
		"pending, running, completed, failed, cancelled or expired",
	};
	const char *state = NULL;
	const struct opt opts[] = {
		{"state", 0, OPT_TEXT, &state, "STATE",
			listing.states},
		OUT_OPTS(out), {0},
	};
	const struct usage usage = {"list [--state STATE]", "List handoffs, oldest request first.", opts};

	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operands");
	list_rows(db_open(DB_READ), &out, &listing, state);
	return 0;
}

static void
print_status(const struct json *handoff)
{
	const char *why = json_text(handoff, "error"), *lost = json_text(handoff, "undelivered");
	char *ago;

	if (!out_human(&out)) {
		out_json(&out, handoff);
		return;
	}
	if (!json_text(handoff, "state")) {
		out_text("%s was never handed off\n", json_text_or(handoff, "session", "it"));
		return;
	}
	ago = out_ago(json_number(handoff, "created", 0));
	out_text("handoff %s of %s to %s: %s, asked for %s%s%s\n", json_text(handoff, "id"),
		json_text(handoff, "session"), json_text(handoff, "platform"), json_text(handoff, "state"),
		ago, why ? "; " : "", why ? why : "");
	if (lost)
		out_text("but it did not arrive: %s\n", lost);
	free(ago);
}

/* The session meant, with its newest handoff; 66 without either. Owned. */
static struct json *
newest(struct db *db, const char *words)
{
	char *named, *session;
	struct json *none;
	long long id;

	if (!words)
		words = getenv("HERMES_SESSION");
	named = words ? session_named(db, words) : session_newest_cli(db);
	if (!named)
		die(EX_MISSING, "there is no session yet");
	session = session_current(db, named);
	id = handoff_newest(db, session);
	if (!id)
		id = handoff_newest(db, named);
	if (id)
		return handoff_json(db, id);
	none = json_object();
	json_put_text(none, "session", session);
	json_put_text(none, "platform", NULL);
	json_put_text(none, "state", NULL);
	json_put_text(none, "error", NULL);
	return none;
}

static bool
over(const struct json *handoff)
{
	const char *state = json_text_or(handoff, "state", "over");

	return strcmp(state, "pending") && strcmp(state, "running");
}

int
handoff_status_main(int argc, char **argv)
{
	const char *session = NULL;
	bool follow = false;
	const struct opt opts[] = {
		{"session", 's', OPT_TEXT, &session, "ID", "the session: id, unique prefix or title"},
		{"follow", 'f', OPT_FLAG, &follow, NULL, "print each change until it ends"},
		OUT_OPTS(out), {0},
	};
	const struct usage usage = {"status [ID] [--session S] [--follow]",
		"Print the newest handoff of a session, or the one named.", opts};
	int count = opts_parse(argc, argv, &usage);
	struct json *handoff, *shown = NULL;
	struct bell bell;
	struct db *db;

	if (count > 1)
		opts_misused(&usage, "one id at most");
	bell_open(&bell);
	db = db_open(DB_READ);
	for (;;) {
		handoff = count ? existing(db, ids_operands(&usage, count, argv).list[0]) : newest(db, session);
		if (!shown || !json_equal(shown, handoff))
			print_status(handoff);
		json_free(shown);
		shown = handoff;
		if (!follow || over(handoff))
			return 0;
		bell_wait(&bell, clock_steady() + 60);
	}
}

static void
print_log(struct db *db, long long id)
{
	struct json *log;

	json_free(existing(db, id));
	log = handoff_log(db, id);
	for (size_t i = 0; i < json_count(log, ""); i++) {
		struct json *line = json_item(log, "", i);
		char *ago = out_ago(json_number(line, "at", 0));

		if (out_human(&out))
			out_text("%-12s %s%s%s\n", ago, json_text_or(line, "what", ""),
				json_has(line, "detail") ? ": " : "", json_text_or(line, "detail", ""));
		else
			out_json(&out, line);
		free(ago);
		json_free(line);
	}
	json_free(log);
}

static void
cancel(struct db *db, long long id)
{
	struct json *handoff;
	bool sent = false;

	db_begin(db);
	foreign_adopt(db);
	handoff = existing(db, id);
	if (!over(handoff)) {
		sent = db_number(db, 0, "SELECT 1 FROM courier_deliveries WHERE handoff = ?"
			" AND (state IN ('sending', 'sent', 'unknown') OR ids IS NOT NULL)", "i", id);
		if (!sent)
			handoff_end(db, id, "cancelled", EX_NO, "cancelled");
	}
	db_commit(db);
	json_free(handoff);
	handoff = existing(db, id);
	if (strcmp(json_text_or(handoff, "state", ""), "cancelled"))
		die(EX_NO, "%lld: %s", id, sent ? "the reply was already sent; hand it off back instead"
			: "it is over already");
	print_end(handoff);
}

/* A new request that keeps the place and names the old one. */
static void
retry(struct db *db, long long id)
{
	struct json *old, *place, *wanted, *options;
	struct request request;
	char *why = NULL;
	int status = EX_NO;
	long long made = 0;

	db_begin(db);
	foreign_adopt(db);
	old = existing(db, id);
	place = json_at(old, "place");
	wanted = place ? json_copy(place) : json_at(old, "wanted");
	options = json_at(old, "options");
	if (!options)
		options = json_object();
	if (place)
		json_put_true(options, "exact", true);
	request = (struct request){.session = json_text(old, "session"), .retry_of = id,
		.platform = json_text(old, "platform"), .requester = "hermes-handoff", .wanted = wanted,
		.options = options, .elsewhere = true};
	if (over(old) && strcmp(json_text_or(old, "state", ""), "completed"))
		made = handoff_request(db, &request, &status, &why);
	if (made && json_has(wanted, "chat"))
		chat_probe(db, request.platform, json_text(wanted, "chat"));
	else if (made && config_platform(request.platform, "home_channel.chat_id"))
		chat_probe(db, request.platform, config_platform(request.platform, "home_channel.chat_id"));
	db_commit(db);
	if (!made)
		die(status, "%lld: %s", id, why ? why
			: "it did not fail; hermes handoff asks for a new one");
	print_end(existing(db, made));
	json_free(options);
	json_free(wanted);
	json_free(place);
	json_free(old);
}

/* A verb that does one thing to each handoff named. */
static int
each(int argc, char **argv, enum db_mode mode, const char *summary,
	void (*act)(struct db *db, long long id))
{
	const struct opt opts[] = {OUT_OPTS(out), {0}};
	char *synopsis = xformat("%s ID ... | -", argv[0]);
	const struct usage usage = {synopsis, summary, opts};
	struct ids ids = ids_operands(&usage, opts_parse(argc, argv, &usage), argv);
	struct db *db = db_open(mode);

	for (size_t i = 0; i < ids.count; i++)
		act(db, ids.list[i]);
	return 0;
}

int
handoff_log_main(int argc, char **argv)
{
	return each(argc, argv, DB_READ, "What happened to a handoff, with times.", print_log);
}

int
handoff_cancel_main(int argc, char **argv)
{
	return each(argc, argv, DB_WRITE, "Withdraw handoffs; a running one is undone.", cancel);
}

int
handoff_retry_main(int argc, char **argv)
{
	return each(argc, argv, DB_WRITE, "Ask again for handoffs that ended, each in its place.", retry);
}
