/* SPDX-License-Identifier: MIT */
/*
 * One listener for each enabled platform that can be polled. While we serve a platform we
 * hold its listener's byte; another watcher that finds it held tries again later, so that
 * it takes over as soon as we die.
 */
#include "watch.h"

#include "config.h"
#include "die.h"
#include "figures.h"
#include "lease.h"
#include "platform.h"
#include "platforms.h"
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double TAKE_OVER = 0.5, SLOWEST = 60, SHORT_POLL = 1;

struct listener {
	char *platform;
	long long id;
	bool held, running;
	double due;      /* steady clock */
	double backoff;
	struct listener *next;
};

static struct listener *listeners;

static bool
can_be_polled(const char *platform)
{
	char *why = NULL;
	const struct json *about = platform_about(platform, NULL, &why);

	if (!about)
		warn("%s: %s; nobody listens there", platform, why ? why : "has no adapter");
	free(why);
	return about && json_true(about, "polling");
}

void
listeners_find(struct db *db)
{
	struct json *platforms = config_platforms();

	for (size_t i = 0; i < json_count(platforms, ""); i++) {
		struct json *name = json_item(platforms, "", i);
		const char *platform = json_text_or(name, "", "");

		if (can_be_polled(platform)) {
			struct listener *one = xmalloc(sizeof *one);

			*one = (struct listener){.platform = xstrdup(platform), .next = listeners};
			db_begin(db);
			one->id = platform_row(db, platform);
			db_commit(db);
			listeners = one;
		}
		json_free(name);
	}
	json_free(platforms);
}

static bool
take(struct db *db, struct listener *one)
{
	if (one->held || !lease_take(lease_own(), LEASE_LISTENER, one->id))
		return one->held;
	one->held = true;
	db_begin(db);
	db_run(db, "UPDATE courier_platforms SET listener = 'hermes-watch', listened_at = ?"
		" WHERE id = ?", "di", clock_now(), one->id);
	db_wake(db);
	db_commit(db);
	return true;
}

static void
lower(double *next, double in)
{
	if (in < 0)
		in = 0;
	if (*next < 0 || in < *next)
		*next = in;
}

static void
start(struct listener *one, double wait)
{
	char *path = program_path("hermes-listen"), seconds[32];
	const char *argv[] = {path, one->platform, "--wait", seconds, NULL};

	snprintf(seconds, sizeof seconds, "%.0f", wait);
	if (path && job_start("listen", one->platform, argv))
		one->running = true;
	free(path);
}

void
listeners_start(struct db *db, double *next)
{
	for (struct listener *one = listeners; one; one = one->next) {
		double in = one->due - clock_steady(), rest = platform_poll_rest(db, one->platform);

		if (one->running)
			continue;
		if (!take(db, one))
			lower(next, TAKE_OVER);
		else if (in > 0 || rest > 0)
			lower(next, rest > in ? rest : in);
		else
			start(one, figure_poll());
	}
}

void
listeners_once(struct db *db)
{
	for (struct listener *one = listeners; one; one = one->next)
		if (take(db, one))
			start(one, 0);
}

/* A batch ended: at once again, or after a pause when it failed or had nothing to wait on. */
void
listener_ended(const struct job *job)
{
	struct listener *one = listeners;
	double now = clock_steady();

	while (one && strcmp(one->platform, job->platform))
		one = one->next;
	if (!one)
		return;
	one->running = false;
	if (job->status) {
		one->backoff = one->backoff > 0 ? one->backoff * 2 : 1;
		if (one->backoff > SLOWEST)
			one->backoff = SLOWEST;
		one->due = now + one->backoff;
		return;
	}
	one->backoff = 0;
	one->due = now;
	if (job->stored <= 0 && now - job->started < SHORT_POLL)
		one->due = job->started + SHORT_POLL;
}

void
listeners_release(void)
{
	for (struct listener *one = listeners; one; one = one->next) {
		if (one->held)
			lease_drop(lease_own(), LEASE_LISTENER, one->id);
		one->held = false;
	}
}

struct json *
listeners_json(void)
{
	struct json *names = json_array();

	for (struct listener *one = listeners; one; one = one->next)
		json_append(names, json_new_text(one->platform, strlen(one->platform)));
	return names;
}
