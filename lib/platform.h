/* SPDX-License-Identifier: MIT */
/*
 * Asking an adapter: hermes-adapter-PLATFORM VERB, one JSON line in, one out, each
 * within a time limit. What the adapter knows stays with it: nothing here, nor above,
 * says the name of a platform.
 */
#ifndef PLATFORM_H
#define PLATFORM_H

#include "json.h"

/* Whether it can name a platform: [a-z0-9][a-z0-9_-]*, at most 32 bytes. */
bool platform_valid(const char *platform);

/* The adapter's path (owned), or NULL when there is none. A name that is no file name is none. */
char *platform_program(const char *platform);

/* Every platform with an adapter that can be found, as a JSON array of names. Owned. */
struct json *platform_names(void);

/*
 * Ask; the answer is owned. NULL when the adapter is missing, dies, hangs past the
 * limit or prints what is not an object: the reason is in *why (owned) and *status is
 * EX_AWAY (or the adapter's own exit status when that is 64, 77 or 78).
 * `question` may be NULL for about and check.
 */
struct json *platform_ask(const char *platform, const char *verb, const struct json *question,
	double limit, int *status, char **why);

/* `about`, asked once a process and kept; borrowed; NULL as above. status and why may be NULL. */
const struct json *platform_about(const char *platform, int *status, char **why);

#endif
