/* SPDX-License-Identifier: MIT */
/*
 * Running an adapter or an agent: a child in a process group of its own, that dies
 * with us, inherits no descriptor but its three streams (so no lease), whose stderr
 * reaches ours cleaned, line by line, when it has ended (1 MiB is kept), and whose
 * whole group is killed when it is not ended properly. A SIGTERM, SIGINT or SIGHUP that
 * ends us goes to it first, unless the program handles those itself.
 */
#ifndef RUN_H
#define RUN_H

#include "lines.h"

#include <stdbool.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int to;            /* its stdin; -1 once closed */
	struct lines from; /* its stdout */
	int log;           /* what it says on stderr; -1: it was given a descriptor */
	bool tells;        /* CHILD_TELLS */
	const char *name;  /* its file's, for the log */
	char last[256];    /* the last line it said there, without its name; once it has ended */
};

/*
 * Start argv[0] with `environment` (NULL: ours); `errors` is its stderr, CHILD_LOG to have
 * it logged; CHILD_TELLS likewise, but the last line of one that ends with EX_SETUP is for the
 * caller to tell. -1 with errno when it cannot be started.
 */
enum { CHILD_LOG = -1, CHILD_TELLS = -2 };
int child_start(struct child *child, char *const argv[], char *const environment[], int errors);

/* Write all of it; -1 if the child does not read it before `deadline` (steady) or is gone. */
int child_tell(struct child *child, const char *bytes, size_t length, double deadline);
void child_hush(struct child *child); /* close its stdin */

/*
 * Close both ends and wait until `deadline`; then kill the group. Returns the exit
 * status, 128 + signal, or -1 when its time was over.
 */
int child_end(struct child *child, double deadline);
/* Kill the group and wait. */
void child_kill(struct child *child);

/* In a fresh child: die with `parent`, and at once if it is dead already. 0: nothing. */
void run_bound_to(pid_t parent);

/* The path of a sister program ("hermes-adapter-x"): our own folder, then PATH. Owned or NULL. */
char *program_path(const char *name);

#endif
