/* SPDX-License-Identifier: MIT */
/*
 * hermes-watch: jobs.c runs pipelines and listeners as jobs, listeners.c keeps one
 * listener for each platform, queues.c knows what waits, notify.c tells systemd;
 * hermes-watch.c decides.
 */
#ifndef WATCH_H
#define WATCH_H

#include "db.h"
#include "lines.h"

#include <sys/types.h>

/*
 * A job is a pipeline in a process group of its own. It lives as long as any of its
 * processes, not as long as its shell: all of them inherit the pipe that we read.
 */
struct job {
	const char *kind;     /* "carry", "answer", "due", "listen" */
	char *platform;       /* whose work it does */
	pid_t group;          /* 0: this place is free */
	struct lines said;    /* its stdout; ends with its last process */
	bool claimed;         /* it was seen to hold work */
	bool settled;         /* it said how some of it ended */
	int status;           /* its shell's, once known; -1 before */
	double started;       /* steady clock */
	double stored;        /* events that a listener brought */
};

enum { JOBS_MOST = 256 };

extern bool watch_events; /* --events */

/*
 * Start argv as a job. A listener dies with its watcher, so that the next one can listen at
 * once; work that was begun goes on without us.
 */
struct job *job_start(const char *kind, const char *platform, const char *const argv[]);
/* How many of the kind live, on the platform or (NULL) all. */
int jobs_count(const char *kind, const char *platform);
/* How many of these hold nothing yet. */
int jobs_unclaimed(struct db *db, const char *kind, const char *platform);
/*
 * Wait until a job says something or ends, the bell may have rung (fd), or `seconds` have
 * passed. Calls `ended` for each job that ended.
 */
void jobs_wait(int fd, double seconds, void (*ended)(const struct job *job));
void jobs_signal(const char *kind, int signal); /* kind NULL: all */
int jobs_alive(void);

/* One line on stdout with --events; consumes `event`. */
void watch_say(const char *what, struct json *event);

/*
 * Start what waits, `slots` pipelines at once. Whether there was any, or will be soon; *next is
 * lowered to when to look again.
 */
bool queues_look(struct db *db, long slots, double *next);
/* A job ended: what settled nothing rests. */
void queues_ended(const struct job *job);
/* With --once, what cannot be done now is not tried again: a timer will. */
void queues_ended_once(const struct job *job);

/* The platforms to listen to; true if any could be taken. `wait` is each poll's. */
void listeners_find(struct db *db);
/* Start what is due; *next is lowered to when to look again. */
void listeners_start(struct db *db, double *next);
/* One batch each, without waiting. */
void listeners_once(struct db *db);
void listener_ended(const struct job *job);
void listeners_release(void); /* the platforms are free for the next watcher */
struct json *listeners_json(void);

void notify_systemd(const char *state);

#endif
