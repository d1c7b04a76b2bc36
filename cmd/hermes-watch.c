/* SPDX-License-Identifier: MIT */
/*
 * hermes-watch: waits for work and runs the pipelines, several at once, and keeps one
 * listener for each enabled platform. It does no work of its own: whether work remains is
 * asked of the store, never of a pipeline's status. With --once, for cron and timers, it
 * does all the work there is, and ends. Two watchers on one store are safe.
 */
#include "watch/watch.h"

#include "bell.h"
#include "claims.h"
#include "die.h"
#include "figures.h"
#include "foreign.h"
#include "home.h"
#include "lease.h"
#include "opts.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct db *db;
static long slots = 4;
static volatile sig_atomic_t stopping;

static const double LAST_WORDS = 1;

static void
on_signal(int signal)
{
	stopping = signal;
}

static bool
look_for_work(double *next)
{
	foreign_take_in(db);
	return queues_look(db, slots, next);
}

static void
job_ended(const struct job *job)
{
	queues_ended(job);
	if (!strcmp(job->kind, "listen"))
		listener_ended(job);
}

static int once_status;

static void
once_ended(const struct job *job)
{
	bool listening = !strcmp(job->kind, "listen");

	queues_ended_once(job);
	if (job->status > EX_NO && !(listening && job->status == EX_LATER) && !once_status
		&& (listening || !job->claimed))
		once_status = job->status;
	if (listening)
		listener_ended(job);
}

static void
say_ready(void)
{
	struct json *event = json_object();

	json_put_number(event, "pid", getpid());
	json_put(event, "platforms", listeners_json());
	watch_say("ready", event);
	notify_systemd("READY=1");
}

/* Turns may finish until the deadline; then their groups are killed, and the leases fall. */
static void
wind_up(void)
{
	double deadline = clock_steady() + figure_grace();

	notify_systemd("STOPPING=1");
	jobs_signal("listen", SIGTERM);
	while (jobs_alive() && clock_steady() < deadline)
		jobs_wait(-1, deadline - clock_steady(), job_ended);
	if (jobs_alive())
		warn("turns are not over after %.0f s: stopped; they are taken up again later",
			figure_grace());
	jobs_signal(NULL, SIGTERM);
	deadline = clock_steady() + LAST_WORDS;
	while (jobs_alive() && clock_steady() < deadline)
		jobs_wait(-1, deadline - clock_steady(), job_ended);
	jobs_signal(NULL, SIGKILL);
	while (jobs_alive())
		jobs_wait(-1, 1, job_ended);
	listeners_release();
	watch_say("stopped", json_object());
}

static void
serve(void)
{
	struct bell bell;

	bell_open(&bell);
	listeners_find(db);
	say_ready();
	while (!stopping) {
		double next = -1;

		listeners_start(db, &next);
		look_for_work(&next);
		jobs_wait(bell.fd, bell_pause(&bell, next < 0 ? 1e9 : next), job_ended);
		bell_heard(&bell);
	}
	bell_close(&bell);
	wind_up();
}

static void
do_all_there_is(void)
{
	double next = -1;
	struct bell bell;

	bell_open(&bell);
	listeners_find(db);
	listeners_once(db);
	say_ready();
	while (!stopping && (look_for_work(&next) || jobs_alive() || claims_soon(db))) {
		jobs_wait(bell.fd, 0.05, once_ended);
		bell_heard(&bell);
	}
	bell_close(&bell);
	wind_up();
}

int
main(int argc, char **argv)
{
	bool once = false;
	const struct opt opts[] = {
		{"once", '1', OPT_FLAG, &once, NULL, "do all the work there is, and end"},
		{"jobs", 'j', OPT_NUMBER, &slots, "N", "pipelines at once (4)"},
		{"events", 0, OPT_FLAG, &watch_events, NULL, "print what happens as JSON lines"},
		{0},
	};
	const struct usage usage = {"[--once] [--jobs N] [--events]",
		"Carry handoffs and answer messages, as long as it runs.", opts};
	struct sigaction stop = {.sa_handler = on_signal};
	sigset_t held;

	program_start(argv[0]);
	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operands");
	if (slots < 1 || slots > JOBS_MOST / 2)
		opts_misused(&usage, "--jobs: 1 to %d", JOBS_MOST / 2);
	close(LEASE_FD); /* a lease of whoever started us is not ours to keep */
	home_make();
	home_prefer_programs();
	sigemptyset(&held);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGINT);
	sigprocmask(SIG_BLOCK, &held, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	db = db_open(DB_WRITE);
	if (once)
		do_all_there_is();
	else
		serve();
	db_close(db);
	return once_status;
}
