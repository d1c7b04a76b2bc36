/* SPDX-License-Identifier: MIT */
/*
 * What waits, platform by platform, so that none holds up another: what fails there makes
 * its own next pipeline rest, texts that are due have a process for each platform, and of
 * the pipelines at once a half is kept for the platforms that have none under way. Who has
 * the fewest is served first.
 */
#include "watch.h"

#include "config.h"
#include "deliveries.h"
#include "die.h"
#include "events.h"
#include "figures.h"
#include "handoffs.h"
#include "run.h"

#include <stdlib.h>
#include <string.h>

/* A pipeline that ended with nothing settled is not started again at once. */
static const double FRUITLESS = 0.1, LONGEST = 60, NEVER = 1e15;

struct work {
	const char *kind, *program;
	struct json *(*platforms)(struct db *db);
	long (*waiting)(struct db *db, const char *platform, long most, double *next);
	const char *due; /* an option, or NULL */
};

static long
any_due(struct db *db, const char *platform, long most, double *next)
{
	return most > 0 && deliveries_waiting(db, platform, next);
}

static const struct work works[] = {
	{"carry", "hermes-carry", handoffs_platforms, handoffs_waiting, NULL},
	{"answer", "hermes-answer", events_platforms, events_waiting, NULL},
	{"due", "hermes-send", deliveries_platforms, any_due, "--due"},
};

enum { WORKS = sizeof works / sizeof *works };

/* One kind of work on one platform. */
struct queue {
	const struct work *work;
	char *platform;
	double not_before, rest; /* steady clock; seconds */
	double started;          /* when it last got a pipeline */
	long waiting;            /* that no pipeline is under way to yet */
	struct queue *next;
};

static struct queue *queues;

static struct queue *
queue_of(const struct work *work, const char *platform)
{
	struct queue *queue = queues;

	while (queue && (queue->work != work || strcmp(queue->platform, platform)))
		queue = queue->next;
	if (queue)
		return queue;
	queue = xmalloc(sizeof *queue);
	*queue = (struct queue){.work = work, .platform = xstrdup(platform), .next = queues};
	return queues = queue;
}

static struct queue *
queue_of_job(const struct job *job)
{
	for (size_t i = 0; i < WORKS; i++)
		if (!strcmp(works[i].kind, job->kind))
			return queue_of(&works[i], job->platform);
	return NULL;
}

/* Pipelines that take one of the slots. */
static long
running(const char *platform)
{
	return jobs_count("carry", platform) + jobs_count("answer", platform);
}

/* How many slots are kept from this platform, because others have nothing under way yet. */
static long
kept_from(const char *platform, long slots)
{
	struct json *names = config_platforms();
	long idle = 0;

	for (size_t i = 0; i < json_count(names, ""); i++) {
		struct json *name = json_item(names, "", i);
		const char *other = json_text_or(name, "", "");

		idle += strcmp(other, platform) && !running(other);
		json_free(name);
	}
	json_free(names);
	return idle < slots / 2 ? idle : slots / 2;
}

static bool
has_room(const struct queue *queue, long slots)
{
	long taken = running(NULL);

	if (queue->work->due)
		return !jobs_count("due", queue->platform); /* one takes all */
	return taken < slots
		&& (!running(queue->platform) || taken + kept_from(queue->platform, slots) < slots);
}

static void
start(struct queue *queue)
{
	char *path = program_path(queue->work->program);
	const char *argv[] = {path, "--platform", queue->platform, queue->work->due, NULL};

	if (!path)
		die(EX_AWAY, "%s cannot be found; is it installed?", queue->work->program);
	job_start(queue->work->kind, queue->platform, argv);
	queue->started = clock_steady();
	queue->waiting--;
	free(path);
}

/* Look what waits in it. Whether there was any, or may soon be. */
static bool
look(struct db *db, struct queue *queue, long slots, double *next)
{
	double pause = queue->not_before - clock_steady();
	long found;

	queue->waiting = 0;
	if (pause > 0) {
		if (*next < 0 || pause < *next)
			*next = pause;
		return pause < NEVER;
	}
	found = queue->work->waiting(db, queue->platform, slots, next);
	queue->waiting = found - jobs_unclaimed(db, queue->work->kind, queue->platform);
	return found > 0;
}

static struct queue *
neediest(long slots)
{
	struct queue *best = NULL;

	for (struct queue *queue = queues; queue; queue = queue->next) {
		long fewer = best ? running(best->platform) - running(queue->platform) : 1;

		if (queue->waiting > 0 && has_room(queue, slots)
			&& (fewer > 0 || (!fewer && queue->started < best->started)))
			best = queue;
	}
	return best;
}

bool
queues_look(struct db *db, long slots, double *next)
{
	struct queue *queue;
	bool found = false;

	for (queue = queues; queue; queue = queue->next)
		queue->waiting = 0;
	for (size_t i = 0; i < WORKS; i++) {
		struct json *names = works[i].platforms(db);

		for (size_t k = 0; k < json_count(names, ""); k++) {
			struct json *name = json_item(names, "", k);

			found |= look(db, queue_of(&works[i], json_text_or(name, "", "")), slots, next);
			json_free(name);
		}
		json_free(names);
	}
	while ((queue = neediest(slots)))
		start(queue);
	return found;
}

/* One that settled nothing: the next of its kind there rests first, longer each time. */
void
queues_ended(const struct job *job)
{
	struct queue *queue = queue_of_job(job);
	bool beaten = job->status == EX_NO && !job->claimed; /* another took it first */

	if (!queue)
		return;
	if (job->settled || beaten) {
		queue->rest = 0;
		queue->not_before = beaten ? clock_steady() + FRUITLESS : 0;
		return;
	}
	queue->rest = queue->rest > 0 ? queue->rest * 2 : FRUITLESS;
	if (queue->rest > LONGEST)
		queue->rest = LONGEST;
	queue->not_before = clock_steady() + queue->rest;
}

void
queues_ended_once(const struct job *job)
{
	struct queue *queue = queue_of_job(job);

	if (queue && !job->claimed)
		queue->not_before = job->status > EX_NO ? NEVER * 2 : clock_steady() + FRUITLESS / 2;
}
