/* SPDX-License-Identifier: MIT */
/*
 * hermes handoff PLATFORM, or --back: which session, which place, may it be; then the
 * request. What comes of it is wait.c's.
 */
#include "handoff.h"
#include "wait.h"

#include "audience.h"
#include "bindings.h"
#include "chats.h"
#include "config.h"
#include "die.h"
#include "figures.h"
#include "foreign.h"
#include "handoffs.h"
#include "installed.h"
#include "lines.h"
#include "messages.h"
#include "opts.h"
#include "out.h"
#include "place.h"
#include "platforms.h"
#include "seats.h"
#include "sessions.h"
#include "stage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	const char *session, *transcript, *message_file, *chat, *thread, *request_id;
	bool back, no_turn, require_thread, shared, replace, no_wait, no_carry, dry_run;
	double timeout;
	char *notice; /* what is in the message file */
	struct out out;
} ask;

static const struct opt opts[] = {
	{"session", 's', OPT_TEXT, &ask.session, "ID", "id, unique prefix or title; - reads it from stdin"},
	{"back", 'b', OPT_FLAG, &ask.back, NULL, "back to where it came from, instead of PLATFORM"},
	{"transcript", 0, OPT_TEXT, &ask.transcript, "FILE",
		"a conversation that lives elsewhere, as JSON lines; - is stdin"},
	{"message-file", 0, OPT_TEXT, &ask.message_file, "FILE", "what the agent is told there"},
	{"chat", 0, OPT_TEXT, &ask.chat, "ID", "a chat there, literally, instead of the home"},
	{"thread", 0, OPT_TEXT, &ask.thread, "ID", "a thread there, literally"},
	{"no-turn", 0, OPT_FLAG, &ask.no_turn, NULL, "deliver the notice; the agent does not speak"},
	{"require-thread", 0, OPT_FLAG, &ask.require_thread, NULL, "fail rather than use the home itself"},
	{"shared", 0, OPT_FLAG, &ask.shared, NULL, "go ahead although others will read it there"},
	{"replace", 0, OPT_FLAG, &ask.replace, NULL, "push out the conversation that lives there"},
	{"no-wait", 0, OPT_FLAG, &ask.no_wait, NULL, "ask, and do not wait"},
	{"no-carry", 0, OPT_FLAG, &ask.no_carry, NULL, "leave the carrying to hermes watch"},
	{"timeout", 0, OPT_SECONDS, &ask.timeout, "SECONDS", "wait at most so long"},
	{"request-id", 0, OPT_TEXT, &ask.request_id, "ID", "the same id and content: the same handoff"},
	{"dry-run", 'n', OPT_FLAG, &ask.dry_run, NULL, "say where it would go, and change nothing"},
	OUT_OPTS(ask.out), {0},
};

static const struct usage usage = {"PLATFORM[:ADDRESS] [OPTION ...]\n--back [OPTION ...]",
	"Continue a conversation on another platform.", opts};

static struct db *db;

static char *
first_line(int fd)
{
	struct lines in = LINES_INIT(fd);
	char *line = lines_next(&in, NULL, 0);

	return line && *line ? xstrdup(line) : NULL;
}

/* A transcript becomes a session of its own: messages as JSON lines. Owned id. */
static char *
take_transcript(const char *file)
{
	int fd = strcmp(file, "-") ? open(file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	struct lines in = LINES_INIT(fd);
	struct json *given = json_object();
	size_t length;
	long number = 0;
	char *line, *id;

	if (fd < 0)
		die(EX_MISSING, "%s: cannot be read:", file);
	db_begin(db);
	id = session_new(db, "cli", given);
	while ((line = lines_next(&in, &length, 0))) {
		struct json *message = json_parse(line, length, NULL);

		number++;
		if (!utf8_valid(line, length) || !message || !json_text(message, "role")) {
			db_abandon(db);
			die(EX_BAD, "%s: line %ld is not a message; nothing was changed", file, number);
		}
		message_add(db, id, message);
		json_free(message);
	}
	if (!number || in.broken) {
		db_abandon(db);
		die(EX_BAD, "%s: %s; nothing was changed", file,
			number ? "the last line has no end" : "there is no message in it");
	}
	db_commit(db);
	json_free(given);
	return id;
}

static char *
pick_session(void)
{
	char *name = NULL, *id;
	struct json *brief;

	if (ask.transcript)
		return take_transcript(ask.transcript);
	if (ask.session && !strcmp(ask.session, "-") && !(name = first_line(STDIN_FILENO)))
		opts_misused(&usage, "stdin names no session");
	if (!name && ask.session)
		name = xstrdup(ask.session);
	if (!name && getenv("HERMES_SESSION"))
		name = xstrdup(getenv("HERMES_SESSION"));
	if (name) {
		id = session_named(db, name);
		free(name);
		return id;
	}
	if (!isatty(STDIN_FILENO))
		opts_misused(&usage, "a session is needed: --session, or HERMES_SESSION");
	id = session_newest_cli(db);
	if (!id)
		die(EX_MISSING, "there is no session yet; hermes state new begins one");
	brief = session_brief(db, id);
	warn("continuing \"%s\" (%s)", json_text_or(brief, "title", "untitled"), id);
	json_free(brief);
	return id;
}

static char *
split_target(const char *target, const char **words)
{
	size_t length = strcspn(target, ":");

	*words = target[length] ? target + length + 1 : "";
	return xformat("%.*s", (int)length, target);
}

static void __attribute__((noreturn))
refuse(const struct json *record, const char *subject)
{
	const char *remedy = json_text(record, "error.remedy");

	die((int)json_number(record, "error.code", EX_NO), "%s: %s%s%s", subject,
		json_text_or(record, "error.text", ""), remedy ? "; " : "", remedy ? remedy : "");
}

/* What the adapter makes of the question: {"place","audience"}. Owned. */
static struct json *
resolve(const char *platform, const struct json *question)
{
	struct json *record = json_object(), *answer;
	char *program = platform_program(platform);

	if (!program)
		die(EX_USER, "%s: no such platform; hermes config platforms lists them", platform);
	if (config_platform(platform, "enabled") && !config_enabled(platform))
		die(EX_SETUP, "%s: is disabled; set platforms.%s.enabled: true", platform, platform);
	answer = platform_resolve(ask.dry_run ? NULL : db, platform, question, record);
	if (!answer)
		refuse(record, platform);
	json_free(record);
	free(program);
	return answer;
}

static struct json *
resolve_asked(const char *platform, const char *words)
{
	struct json *question = json_object(), *target;

	if (ask.chat)
		json_put_text(question, "chat", ask.chat);
	else
		json_put_text(question, "words", words);
	if (ask.thread)
		json_put_text(question, "thread", ask.thread);
	target = resolve(platform, question);
	json_free(question);
	return target;
}

/* The place as it was when the session left it, with who would read there now. Takes `place`. */
static struct json *
resolve_again(struct json *place)
{
	struct json *question = json_object(), *target;

	json_put_text(question, "chat", json_text(place, "chat"));
	if (json_has(place, "thread"))
		json_put_text(question, "thread", json_text(place, "thread"));
	target = resolve(json_text_or(place, "platform", ""), question);
	json_put(target, "place", place);
	json_free(question);
	return target;
}

static char *
read_notice(void)
{
	struct text text = TEXT_INIT;
	char buffer[65536];
	ssize_t got;
	int fd;

	if (!ask.message_file)
		return NULL;
	fd = strcmp(ask.message_file, "-") ? open(ask.message_file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (fd < 0)
		die(EX_MISSING, "%s: cannot be read:", ask.message_file);
	while ((got = read(fd, buffer, sizeof buffer)) > 0)
		text_add(&text, buffer, (size_t)got);
	if (got < 0)
		die(EX_MISSING, "%s: cannot be read:", ask.message_file);
	while (text.length && text.at[text.length - 1] == '\n')
		text.at[--text.length] = '\0';
	if (!text.length || !utf8_valid(text.at, text.length))
		die(EX_BAD, "%s: is empty or not valid UTF-8", ask.message_file);
	return text_take(&text);
}

static void
need_quiet(const char *session)
{
	char *speaker = seat_speaker(db, session);

	if (speaker)
		die(EX_LATER, "%s: the agent is in the middle of a turn (%s); hand off when it is over",
			session, speaker);
}

static void
need_privacy(const char *platform, const struct json *target)
{
	struct json *place = json_at(target, "place"), *audience = json_at(target, "audience");
	char *who = ask.shared ? NULL : audience_refused(platform, place, audience);

	if (who)
		die(EX_DENIED, "%s: %s; %s", platform, who, audience_remedy);
	json_free(place);
	json_free(audience);
}

/* A chat that is dead is not gone to, and not asked once more. */
static void
need_life(const char *platform, const struct json *target)
{
	struct json *record = json_object();
	const char *chat = json_text(target, "place.chat");

	if (chat && chat_refused(db, record, platform, chat))
		refuse(record, platform);
	json_free(record);
}

/* Who would be pushed out of the place itself; a fresh thread is nobody's. */
static void
show_occupant(const struct json *plan)
{
	struct json *there = json_has(plan, "lives") ? session_brief(db, json_text(plan, "lives")) : NULL;

	if (there)
		out_text("another conversation lives there: %s (%s); %s\n", json_text(plan, "lives"),
			json_text_or(there, "title", "untitled"), ask.replace ? "it would be pushed out"
			: "it is refused with 75 unless a thread can be opened, or --replace is said");
	json_free(there);
}

static int
show_plan(const char *platform, const char *session, const struct json *target)
{
	struct json *plan = json_object(), *place = json_at(target, "place");
	char *key, *who, *there;

	json_put(plan, "session", session_brief(db, session));
	json_put_text(plan, "platform", platform);
	if (!place) {
		if (out_human(&ask.out))
			out_text("%s would continue at the command line\n", session);
		else
			out_json(&ask.out, plan);
		json_free(plan);
		return 0;
	}
	key = place_key(place, false);
	there = binding_pushed_out(db, place, session);
	json_put_text(plan, "lives", there);
	json_put_text(plan, "bot", json_text(place, "account"));
	json_put_text(plan, "chat", json_text(place, "chat"));
	json_put_text(plan, "thread", json_text_or(place, "thread", NULL));
	json_put(plan, "place", place);
	json_put(plan, "audience", json_at(target, "audience"));
	json_put_text(plan, "key", key);
	if (out_human(&ask.out)) {
		struct json *audience = json_at(target, "audience");

		who = audience_words(audience);
		out_text("%s would continue on %s, chat %s, read by %s\nkey: %s (and its thread, if one can "
			"be opened)\n", session, platform, json_text_or(plan, "chat", "?"), who, key);
		show_occupant(plan);
		json_free(audience);
		free(who);
	} else {
		out_json(&ask.out, plan);
	}
	free(there);
	free(key);
	json_free(plan);
	return 0;
}

static long long
request(const char *platform, const char *session, const char *words, const struct json *target)
{
	struct json *wanted = json_at(target, "place"), *options = request_options(ask.no_turn,
		ask.require_thread, ask.shared, ask.replace, ask.back);
	char *why = NULL;
	struct request asked = {.id = ask.request_id, .session = session, .platform = platform,
		.requester = "hermes-handoff", .wanted = wanted, .notice = ask.notice, .options = options,
		.elsewhere = *words || ask.chat || ask.thread};
	int status = 0;
	long long id;

	if (wanted)
		json_put(wanted, "audience", json_at(target, "audience"));
	if (!ask.no_wait)
		wait_heed_signals();
	db_begin(db);
	foreign_adopt(db);
	id = handoff_request(db, &asked, &status, &why);
	db_commit(db);
	if (!id)
		die(status, "%s: %s", session, why);
	json_free(wanted);
	json_free(options);
	return id;
}

/* Whether the session is at that very place already; a fresh thread is another place. */
static bool
is_there(const char *session, const struct json *target)
{
	struct json *place = json_at(target, "place"), *seat = seat_place(db, session);
	char *there = place && (ask.back || json_has(place, "thread")) ? binding_session(db, place) : NULL;
	char *wanted = there ? place_room_key(place) : NULL, *key = seat ? place_room_key(seat) : NULL;
	bool is = !target ? !seat : there && key && !strcmp(there, session) && !strcmp(wanted, key);

	free(wanted);
	free(key);
	free(there);
	json_free(place);
	json_free(seat);
	return is;
}

static int
say_there(const char *platform, const char *session, const struct json *target)
{
	struct json *shown = json_object(), *place = json_at(target, "place");
	char *where = place ? place_words(place) : xstrdup("the command line");

	json_put_text(shown, "session", session);
	json_put_text(shown, "platform", platform);
	json_put_text(shown, "state", "completed");
	if (place)
		json_put(shown, "place", place);
	if (out_human(&ask.out))
		out_text("It is there already: %s\n", where);
	else
		out_json(&ask.out, shown);
	json_free(shown);
	free(where);
	return 0;
}

/* `target` NULL: the command line. Takes `session` and `target`. */
static int
go(const char *platform, char *session, const char *words, struct json *target)
{
	struct waiting waiting = {.platform = platform, .session = session, .no_carry = ask.no_carry,
		.timeout = ask.timeout, .out = &ask.out};
	int status;

	if (!ask.request_id && is_there(session, target)) {
		status = say_there(platform, session, target);
	} else if (ask.dry_run) {
		status = show_plan(platform, session, target);
	} else {
		need_quiet(session);
		need_life(platform, target);
		waiting.id = request(platform, session, words, target);
		status = ask.no_wait ? wait_not(db, &waiting) : wait_for(db, &waiting);
	}
	json_free(target);
	free(session);
	db_close(db);
	return status;
}

static int
go_back(void)
{
	char *session, *platform;
	struct json *place, *target = NULL;
	int status;

	db = db_open(ask.dry_run ? DB_READ : DB_WRITE);
	session = session_current(db, pick_session());
	if (!handoff_back(db, session, &place))
		die(EX_NO, "%s: it was never handed off, so there is nowhere to go back to; "
			"hermes handoff PLATFORM names a place", session);
	platform = xstrdup(place ? json_text_or(place, "platform", "") : handoff_desk);
	if (place) {
		target = resolve_again(place);
		need_privacy(platform, target);
	}
	status = go(platform, session, "", target);
	free(platform);
	return status;
}

static int
go_to(const char *platform, const char *words)
{
	bool desk = !strcmp(platform, handoff_desk);
	struct json *target;

	db = db_open(ask.dry_run ? DB_READ : DB_WRITE);
	target = desk ? NULL : resolve_asked(platform, words);
	if (target)
		need_privacy(platform, target);
	if (target && ask.transcript) /* before it is stored */
		need_life(platform, target);
	return go(platform, session_current(db, pick_session()), words, target);
}

static bool
is_stdin(const char *file)
{
	return file && !strcmp(file, "-");
}

/* Options of which one would be left out in silence. */
static void
check_options(void)
{
	if (ask.transcript && ask.session)
		opts_misused(&usage, "--transcript is a session of its own: no --session");
	if (is_stdin(ask.session) + is_stdin(ask.transcript) + is_stdin(ask.message_file) > 1)
		opts_misused(&usage, "stdin is one thing only; put the others into files");
	opts_need_words(&usage, "--request-id", ask.request_id);
	opts_need_words(&usage, "--chat", ask.chat);
	opts_need_words(&usage, "--thread", ask.thread);
	if (ask.dry_run && ask.transcript)
		opts_misused(&usage, "--dry-run stores no transcript; leave one of them out");
	if (ask.back && (ask.chat || ask.thread || ask.transcript || ask.require_thread))
		opts_misused(&usage, "--back knows the place: no --chat, --thread, --transcript or "
			"--require-thread");
}

int
handoff_ask_main(int argc, char **argv)
{
	int count = opts_parse(argc, argv, &usage), status;
	const char *words;
	char *platform;

	if (count != !ask.back)
		opts_misused(&usage, "exactly one platform is needed, or --back");
	check_options();
	ask.notice = read_notice();
	if (ask.back)
		return go_back();
	platform = split_target(argv[0], &words);
	if (*words && (ask.chat || ask.thread))
		opts_misused(&usage, "%s names the place: no --chat or --thread", argv[0]);
	if (ask.thread && !ask.chat)
		opts_misused(&usage, "--thread is a thread of a chat: --chat is needed, too");
	if (!strcmp(platform, handoff_desk) && (*words || ask.chat || ask.require_thread))
		opts_misused(&usage, "the command line has no chats and no threads");
	status = go_to(platform, words);
	free(platform);
	return status;
}
