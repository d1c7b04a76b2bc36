/* SPDX-License-Identifier: MIT */
/*
 * Asking an adapter: hermes-adapter-PLATFORM VERB, one JSON line in, one out, each
 * within a time limit. What the adapter knows stays with it: nothing here, nor above,
 * says the name of a platform.
 */
#ifndef PLATFORM_H
#define PLATFORM_H

#include "installed.h"
#include "json.h"

/*
 * Ask; the answer is owned. NULL when the adapter is missing, dies, hangs past the
 * limit or prints what is not an object: the reason is in *why (owned) and *status is
 * EX_AWAY (or the adapter's own exit status when that is 64, 77 or 78); 0 when it never ran.
 * `question` may be NULL for about and check.
 */
struct json *platform_ask(const char *platform, const char *verb, const struct json *question,
	double limit, int *status, char **why);

/* `about`, asked once a process and kept; borrowed; NULL as above. status and why may be NULL. */
const struct json *platform_about(const char *platform, int *status, char **why);

#endif
