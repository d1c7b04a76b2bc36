/* SPDX-License-Identifier: MIT */
/*
 * A process of our own that writes what it found into a pipe: for what may end a program
 * (configuration or a store that cannot be read), and for what is asked at the same time.
 */
#ifndef PROBE_H
#define PROBE_H

#include "json.h"

#include <sys/types.h>

struct probe {
	pid_t pid;
	int from;
};

/* True in the new process; *to is its end of the pipe. */
bool probe_start(struct probe *probe, int *to);
/* In the new process: say it, and end. */
void probe_say(int to, const struct json *found) __attribute__((noreturn));

/* All it wrote, owned; *status is how it ended. */
char *probe_end(struct probe *probe, int *status);
/* What it said, or NULL. Owned. */
struct json *probe_found(struct probe *probe);

#endif
