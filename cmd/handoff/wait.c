/* SPDX-License-Identifier: MIT */
/*
 * It needs no daemon: when nobody listens there the waiter starts the carrying itself. A
 * waiter writes no state that is not its own: it withdraws what is pending, and leaves
 * what runs running.
 */
#include "wait.h"

#include "bell.h"
#include "die.h"
#include "figures.h"
#include "foreign.h"
#include "handoffs.h"
#include "home.h"
#include "place.h"
#include "platforms.h"
#include "sessions.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A carrier that ended with nothing done is not followed by the next at once. */
static const double CARRIER_REST = 0.2;

static volatile sig_atomic_t interrupted;

static void
on_signal(int signal)
{
	interrupted = signal;
}

/* For sh, $1 is the session. A process group of its own: Ctrl-C ends the waiting, not the work. */
static pid_t
start_work(const char *script, const char *session)
{
	pid_t pid = fork();

	if (pid < 0)
		die(EX_BUG, "a process cannot be started:");
	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		setpgid(0, 0);
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		home_prefer_programs();
		execl("/bin/sh", "sh", "-c", script, "sh", session, (char *)NULL);
		_exit(127);
	}
	setpgid(pid, pid);
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
show_steps(struct db *db, long long id, size_t shown, bool quiet)
{
	struct json *log = handoff_log(db, id);
	size_t count = json_count(log, "");

	for (; shown < count; shown++) {
		struct json *line = json_item(log, "", shown);
		const char *words = step_words(json_text_or(line, "what", ""));
		const char *detail = json_text(line, "detail");
		bool why = detail && strstr(json_text_or(line, "what", ""), "ing") && words;

		if (words && isatty(STDERR_FILENO) && !quiet)
			warn("%s%s%s", words, why ? ": " : "", why ? detail : "");
		json_free(line);
	}
	json_free(log);
	return shown;
}

static void
look_after_carrier(struct db *db, struct waiting *waiting, const struct json *handoff)
{
	double in = -1;
	bool waits = handoff_waits(db, waiting->session, &in);

	if (waiting->carrier && waitpid(waiting->carrier, NULL, WNOHANG) == waiting->carrier) {
		waiting->carrier = 0;
		waiting->rest = waiting->rest > 0 ? waiting->rest * 2 : CARRIER_REST;
		waiting->carry_at = clock_steady() + waiting->rest;
	}
	if (!waits && json_has(handoff, "not_before"))
		waiting->rest = waiting->carry_at = 0; /* the queue says when */
	if (!waiting->carrier && !waiting->no_carry && waits
		&& clock_steady() >= waiting->carry_at
		&& !platform_served(db, waiting->platform))
		waiting->carrier = start_work(waiting->work, waiting->session);
}

/* How long until something may have to be done without a bell. */
static double
patience(struct db *db, const struct waiting *waiting, const struct json *handoff)
{
	double most = waiting->carrier ? 0.5 : 5, until = waiting->until;

	if (is_state(handoff, "pending") && waiting->claim_by < until)
		until = waiting->claim_by;
	handoff_waits(db, waiting->session, &most); /* lowers it */
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
see_through(struct db *db, struct waiting *waiting)
{
	struct json *handoff = NULL;
	size_t shown = 0;
	struct bell bell;

	bell_open(&bell);
	for (;;) {
		foreign_take_in(db);
		json_free(handoff);
		handoff = handoff_json(db, waiting->id);
		shown = show_steps(db, waiting->id, shown, waiting->out->quiet);
		if (is_over(handoff) || time_is_over(waiting, handoff))
			break;
		look_after_carrier(db, waiting, handoff);
		bell_wait(&bell, patience(db, waiting, handoff));
	}
	bell_close(&bell);
	return handoff;
}

/* Time is over: what is pending is withdrawn, what runs is left running. */
static int
leave(struct db *db, const struct waiting *waiting)
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

/*
 * The place it came from is told by a delivery of its own. Where no watcher would send that
 * we do; the handoff is done, and nobody waits for it.
 */
static void
send_word(struct db *db, const struct json *handoff)
{
	const char *from = json_text(handoff, "from.platform");

	if (from && is_state(handoff, "completed") && !platform_served(db, from))
		start_work("exec hermes-send --due", NULL);
}

/* What names the session between double quotes in a shell: a title may hold anything. */
static const char *
shell_name(const struct json *brief)
{
	const char *id = json_text_or(brief, "id", ""), *title = json_text_or(brief, "title", id);

	return title[strcspn(title, "\"$`\\!\r\n")] ? id : title;
}

static void
tell_person(struct db *db, const struct json *handoff)
{
	struct json *place = json_at(handoff, "place");
	struct json *brief = session_brief(db, json_text_or(handoff, "session", ""));
	const char *platform = json_text_or(handoff, "platform", "");
	char *where;

	if (!place) {
		out_text("Now at the command line: hermes chat --resume \"%s\"\n",
			shell_name(brief));
		json_free(brief);
		return;
	}
	where = place_words(place);
	if (json_has(place, "why"))
		out_text("no thread of its own: %s\n", json_text(place, "why"));
	if (!json_has(handoff, "turn"))
		out_text("the agent did not speak (%s); the notice is there\n",
			json_text_or(handoff, "note", "it was not asked to"));
	out_text("Now on %s: %s      back here with: hermes chat --resume \"%s\"\n", platform, where,
		shell_name(brief));
	if (json_has(handoff, "from"))
		out_text("It was on %s before; back there with: hermes handoff --back --session \"%s\"\n",
			json_text_or(handoff, "from.platform", ""), shell_name(brief));
	if (!platform_served(db, platform) && !platform_foreign(db, platform))
		out_text("Nobody listens there now: answers are not heard until hermes watch runs.\n"
			"Start it with: hermes watch   (or systemctl --user enable --now hermes-watch)\n");
	free(where);
	json_free(brief);
	json_free(place);
}

static int
tell(struct db *db, const struct json *handoff, struct out *out)
{
	const char *error = json_text_or(handoff, "error", "no reason was kept");
	int code = (int)json_number(handoff, "code", EX_NO);

	if (is_state(handoff, "completed")) {
		if (out_human(out))
			tell_person(db, handoff);
		else
			out_json(out, handoff);
		return 0;
	}
	if (!out_human(out))
		out_json(out, handoff);
	warn("%s: %s: %s; the session is where it was", json_text_or(handoff, "platform", ""),
		json_text_or(handoff, "state", ""), error);
	return code > 0 && code < 128 ? code : EX_NO;
}

int
wait_not(struct db *db, struct waiting *waiting)
{
	struct json *handoff = handoff_json(db, waiting->id);

	/* Nobody will be here when it is done. */
	waiting->work = "hermes-carry --session \"$1\"; exec hermes-send --due";
	look_after_carrier(db, waiting, handoff);
	send_word(db, handoff);
	out_json(waiting->out, handoff);
	json_free(handoff);
	return 0;
}

void
wait_heed_signals(void)
{
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
}

int
wait_for(struct db *db, struct waiting *waiting)
{
	struct json *handoff;
	int status;

	waiting->work = "exec hermes-carry --session \"$1\"";
	waiting->claim_by = clock_steady() + figure_claimed();
	waiting->until = waiting->timeout > 0 ? clock_steady() + waiting->timeout : 1e18;
	handoff = see_through(db, waiting);
	status = is_over(handoff) ? tell(db, handoff, waiting->out) : leave(db, waiting);
	send_word(db, handoff);
	json_free(handoff);
	return status;
}
