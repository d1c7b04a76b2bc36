/* SPDX-License-Identifier: MIT */
/*
 * hermes handoff PLATFORM: asks, sees it through, and says how it went. It needs no
 * daemon: when nobody listens there it starts the carrying itself. A waiter writes no
 * state that is not its own: it withdraws what is pending, and leaves what runs running.
 */
#include "handoff.h"

#include "audience.h"
#include "bell.h"
#include "config.h"
#include "die.h"
#include "figures.h"
#include "foreign.h"
#include "handoffs.h"
#include "home.h"
#include "lines.h"
#include "messages.h"
#include "opts.h"
#include "out.h"
#include "place.h"
#include "platform.h"
#include "platforms.h"
#include "run.h"
#include "seats.h"
#include "sessions.h"
#include "stage.h"
#include "trouble.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	const char *session, *transcript, *message_file, *chat, *thread, *request_id;
	bool no_turn, require_thread, shared, replace, no_wait, no_carry, dry_run;
	double timeout;
	struct out out;
} ask;

static const struct opt opts[] = {
	{"session", 's', OPT_TEXT, &ask.session, "ID", "id, unique prefix or title; - reads it from stdin"},
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

static const struct usage usage = {"PLATFORM[:ADDRESS] [OPTION ...]",
	"Continue a conversation on another platform.", opts};

/* A carrier that ended with nothing done is not followed by the next at once. */
static const double CARRIER_REST = 0.2;

static struct db *db;
static volatile sig_atomic_t interrupted;

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

/* What the adapter makes of the address: {"place","audience"}. Owned. */
static struct json *
resolve(const char *platform, const char *words)
{
	struct json *question = json_object(), *record = json_object(), *answer;
	char *program = platform_program(platform);

	if (!program)
		die(EX_USER, "%s: no such platform; hermes config platforms lists them", platform);
	if (config_platform(platform, "enabled") && !config_enabled(platform))
		die(EX_SETUP, "%s: is disabled; set platforms.%s.enabled: true", platform, platform);
	if (ask.chat)
		json_put_text(question, "chat", ask.chat);
	else
		json_put_text(question, "words", words);
	if (ask.thread)
		json_put_text(question, "thread", ask.thread);
	answer = trouble_ask(record, platform, "resolve", question);
	if (answer && json_has(answer, "error"))
		trouble_put(record, answer, "error.");
	else if (answer && !json_has(answer, "place"))
		record_error(record, EX_AWAY, NULL, "the adapter named no place");
	if (record_failed(record))
		refuse(record, platform);
	json_free(record);
	json_free(question);
	free(program);
	return answer;
}

static struct json *
options_json(void)
{
	const struct { const char *name; bool set; } flags[] = {
		{"no_turn", ask.no_turn}, {"require_thread", ask.require_thread},
		{"shared", ask.shared}, {"replace", ask.replace},
	};
	struct json *options = NULL;

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		if (!flags[i].set)
			continue;
		if (!options)
			options = json_object();
		json_put_true(options, flags[i].name, true);
	}
	return options;
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

static int
show_plan(const char *platform, const char *session, const struct json *target)
{
	struct json *plan = json_object(), *place = json_at(target, "place");
	char *key = place_key(place, false), *who;

	json_put(plan, "session", session_brief(db, session));
	json_put_text(plan, "platform", platform);
	json_put_text(plan, "bot", json_text(place, "account"));
	json_put_text(plan, "chat", json_text(place, "chat"));
	json_put_text(plan, "thread", json_text_or(place, "thread", NULL));
	json_put(plan, "place", place);
	json_put(plan, "audience", json_at(target, "audience"));
	json_put_text(plan, "key", key);
	who = audience_words(target);
	if (out_human(&ask.out)) {
		struct json *audience = json_at(target, "audience");

		free(who);
		who = audience_words(audience);
		out_text("%s would continue on %s, chat %s, read by %s\nkey: %s (and its thread, if one can "
			"be opened)\n", session, platform, json_text_or(plan, "chat", "?"), who, key);
		json_free(audience);
	} else {
		out_json(&ask.out, plan);
	}
	free(who);
	free(key);
	json_free(plan);
	return 0;
}

static long long
request(const char *platform, const char *session, const char *words, const struct json *target)
{
	struct json *wanted = json_at(target, "place"), *options = options_json();
	char *notice = read_notice(), *why = NULL;
	struct request asked = {.id = ask.request_id, .session = session, .platform = platform,
		.requester = "hermes-handoff", .wanted = wanted, .notice = notice, .options = options,
		.elsewhere = *words || ask.chat || ask.thread};
	int status = 0;
	long long id;

	json_put(wanted, "audience", json_at(target, "audience"));
	db_begin(db);
	foreign_adopt(db);
	id = handoff_request(db, &asked, &status, &why);
	db_commit(db);
	if (!id)
		die(status, "%s: %s", session, why);
	json_free(wanted);
	json_free(options);
	free(notice);
	return id;
}

static void
on_signal(int signal)
{
	interrupted = signal;
}

/* A process group of its own: Ctrl-C ends the waiting, not the work. */
static pid_t
start_carrying(const char *session)
{
	char *path = program_path("hermes-carry");
	pid_t pid;

	if (!path)
		die(EX_AWAY, "hermes-carry cannot be found; is it installed?");
	pid = fork();
	if (pid < 0)
		die(EX_BUG, "a process cannot be started:");
	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		setpgid(0, 0);
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		home_prefer_programs();
		execl(path, path, "--session", session, (char *)NULL);
		_exit(127);
	}
	setpgid(pid, pid);
	free(path);
	return pid;
}

static bool
is_state(const struct json *handoff, const char *state)
{
	return !strcmp(json_text_or(handoff, "state", ""), state);
}

static bool
is_over(const struct json *handoff)
{
	return !is_state(handoff, "pending") && !is_state(handoff, "running");
}

/* Whether it waits for somebody, and when that somebody may take it (seconds from now). */
static bool
is_free(const struct json *handoff, double *in)
{
	double at = json_number(handoff, "not_before", 0);

	*in = at > 0 ? at - clock_now() : 0;
	if (*in < 0)
		*in = 0;
	return is_state(handoff, "pending") || !json_has(handoff, "holder");
}

/* What a step of the log means to a person, or NULL. */
static const char *
step_words(const char *what)
{
	static const struct { const char *what, *words; } steps[] = {
		{"requested", "asked; waiting for somebody to take it"},
		{"claimed", "taken"},
		{"opening", "opening a thread there"},
		{"opened", "the place is ready"},
		{"switched", "that place continues this conversation now"},
		{"speaking", "the agent is speaking"},
		{"sending", "sending its words"},
		{"waiting", "waiting"},
		{"trying again later", "it did not work; trying again"},
		{"put back", "everything is back as it was"},
	};

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		if (!strcmp(what, steps[i].what))
			return steps[i].words;
	return NULL;
}

/* Each new line of its log, as it happens, for a person. Returns how many were shown. */
static size_t
show_steps(long long id, size_t shown)
{
	struct json *log = handoff_log(db, id);
	size_t count = json_count(log, "");

	for (; shown < count; shown++) {
		struct json *line = json_item(log, "", shown);
		const char *words = step_words(json_text_or(line, "what", ""));
		const char *detail = json_text(line, "detail");
		bool why = detail && strstr(json_text_or(line, "what", ""), "ing") && words;

		if (words && isatty(STDERR_FILENO) && !ask.out.quiet)
			warn("%s%s%s", words, why ? ": " : "", why ? detail : "");
		json_free(line);
	}
	json_free(log);
	return shown;
}

struct waiting {
	const char *platform, *session;
	long long id;
	pid_t carrier;      /* ours, or 0 */
	double rest, carry_at; /* the next one not before carry_at; it rests twice as long each time */
	double claim_by, until; /* steady clock */
};

static void
look_after_carrier(struct waiting *waiting, const struct json *handoff)
{
	double in;

	if (waiting->carrier && waitpid(waiting->carrier, NULL, WNOHANG) == waiting->carrier) {
		waiting->carrier = 0;
		waiting->rest = waiting->rest > 0 ? waiting->rest * 2 : CARRIER_REST;
		waiting->carry_at = clock_steady() + waiting->rest;
	}
	if (is_free(handoff, &in) && in > 0)
		waiting->rest = waiting->carry_at = 0; /* the queue says when */
	if (!waiting->carrier && !ask.no_carry && is_free(handoff, &in) && in <= 0
		&& clock_steady() >= waiting->carry_at
		&& !platform_served(db, waiting->platform) && !platform_foreign(db, waiting->platform))
		waiting->carrier = start_carrying(waiting->session);
}

/* How long until something may have to be done without a bell. */
static double
patience(const struct waiting *waiting, const struct json *handoff)
{
	double in, most = waiting->carrier ? 0.5 : 5, until = waiting->until;

	if (is_state(handoff, "pending") && waiting->claim_by < until)
		until = waiting->claim_by;
	if (is_free(handoff, &in) && in > 0 && in < most)
		most = in;
	if (waiting->carry_at > clock_steady() && waiting->carry_at - clock_steady() < most)
		most = waiting->carry_at - clock_steady();
	return clock_steady() + most < until ? clock_steady() + most : until;
}

static bool
time_is_over(const struct waiting *waiting, const struct json *handoff)
{
	double now = clock_steady();

	return interrupted || now >= waiting->until
		|| (is_state(handoff, "pending") && now >= waiting->claim_by);
}

/* Owned: the handoff as it is when the waiting is over. */
static struct json *
see_through(struct waiting *waiting)
{
	struct json *handoff = NULL;
	size_t shown = 0;
	struct bell bell;

	bell_open(&bell);
	for (;;) {
		foreign_take_in(db);
		json_free(handoff);
		handoff = handoff_json(db, waiting->id);
		shown = show_steps(waiting->id, shown);
		if (is_over(handoff) || time_is_over(waiting, handoff))
			break;
		look_after_carrier(waiting, handoff);
		bell_wait(&bell, patience(waiting, handoff));
	}
	bell_close(&bell);
	return handoff;
}

/* Time is over: what is pending is withdrawn, what runs is left running. */
static int
leave(const struct waiting *waiting)
{
	bool withdrawn;

	db_begin(db);
	withdrawn = db_number(db, 0, "SELECT 1 FROM courier_handoffs WHERE id = ?"
		" AND state = 'pending'", "i", waiting->id);
	if (withdrawn)
		handoff_end(db, waiting->id, "cancelled", EX_LATER, "the asker stopped waiting");
	db_commit(db);
	if (withdrawn)
		warn("%s: nobody took the handoff in time; it is withdrawn; start hermes watch, or see "
			"hermes doctor", waiting->platform);
	else
		warn("%s: not finished; it goes on without us; see hermes handoff status %lld",
			waiting->platform, waiting->id);
	return withdrawn && interrupted ? 128 + interrupted : EX_LATER;
}

static void
tell_person(const struct json *handoff)
{
	struct json *place = json_at(handoff, "place");
	struct json *brief = session_brief(db, json_text_or(handoff, "session", ""));
	const char *platform = json_text_or(handoff, "platform", "");
	char *where = place_words(place);

	if (json_has(place, "why"))
		out_text("no thread of its own: %s\n", json_text(place, "why"));
	if (!json_has(handoff, "turn"))
		out_text("the agent did not speak (%s); the notice is there\n",
			json_text_or(handoff, "note", "it was not asked to"));
	out_text("Now on %s: %s      back here with: hermes chat --resume \"%s\"\n", platform, where,
		json_text_or(brief, "title", json_text_or(brief, "id", "")));
	if (!platform_served(db, platform) && !platform_foreign(db, platform))
		out_text("Nobody listens there now: answers are not heard until hermes watch runs.\n"
			"Start it with: hermes watch   (or systemctl --user enable --now hermes-watch)\n");
	free(where);
	json_free(brief);
	json_free(place);
}

static int
tell(const struct json *handoff)
{
	const char *error = json_text_or(handoff, "error", "no reason was kept");
	int code = (int)json_number(handoff, "code", EX_NO);

	if (is_state(handoff, "completed")) {
		if (out_human(&ask.out))
			tell_person(handoff);
		else
			out_json(&ask.out, handoff);
		return 0;
	}
	if (!out_human(&ask.out))
		out_json(&ask.out, handoff);
	warn("%s: %s: %s; the session is where it was", json_text_or(handoff, "platform", ""),
		json_text_or(handoff, "state", ""), error);
	return code > 0 && code < 128 ? code : EX_NO;
}

static int
run(const char *platform, const char *words)
{
	struct json *target = resolve(platform, words), *handoff;
	struct waiting waiting = {.platform = platform};
	char *session;
	int status;

	db = db_open(ask.dry_run ? DB_READ : DB_WRITE);
	session = session_current(db, pick_session());
	need_privacy(platform, target);
	if (ask.dry_run)
		return show_plan(platform, session, target);
	need_quiet(session);
	waiting.id = request(platform, session, words, target);
	waiting.session = session;
	json_free(target);
	if (ask.no_wait) {
		handoff = handoff_json(db, waiting.id);
		look_after_carrier(&waiting, handoff);
		out_json(&ask.out, handoff);
		return 0;
	}
	waiting.claim_by = clock_steady() + figure_claimed();
	waiting.until = ask.timeout > 0 ? clock_steady() + ask.timeout : 1e18;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	handoff = see_through(&waiting);
	status = is_over(handoff) ? tell(handoff) : leave(&waiting);
	json_free(handoff);
	free(session);
	db_close(db);
	return status;
}

int
handoff_ask_main(int argc, char **argv)
{
	const char *words;
	char *platform;

	if (opts_parse(argc, argv, &usage) != 1)
		opts_misused(&usage, "exactly one platform is needed");
	platform = split_target(argv[0], &words);
	return run(platform, words);
}
