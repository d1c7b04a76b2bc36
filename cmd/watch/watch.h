/* SPDX-License-Identifier: MIT */
/*
 * hermes-watch: jobs.c runs pipelines and listeners as jobs, listeners.c keeps one
 * listener for each platform, notify.c tells systemd; hermes-watch.c decides.
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
	char *subject;        /* the platform of a listener, else NULL */
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
 * Start argv as a job. A listener (one with a subject) dies with its watcher, so that the
 * next one can listen at once; work that was begun goes on without us.
 */
struct job *job_start(const char *kind, const char *subject, const char *const argv[]);
/* How many of the kind live; with `unclaimed`, only those that hold nothing yet. */
int jobs_count(struct db *db, const char *kind, bool unclaimed);
/*
 * Wait until a job says something or ends, the bell may have rung (fd), or `seconds` have
 * passed. Calls `ended` for each job that ended.
 */
void jobs_wait(int fd, double seconds, void (*ended)(const struct job *job));
void jobs_signal(const char *kind, int signal); /* kind NULL: all */
int jobs_alive(void);

/* One line on stdout with --events; consumes `event`. */
void watch_say(const char *what, struct json *event);

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
