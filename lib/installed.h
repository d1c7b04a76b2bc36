/* SPDX-License-Identifier: MIT */
/*
 * Which platforms there are: the adapters beside us and on PATH. A platform is the tail
 * of an adapter's file name.
 */
#ifndef INSTALLED_H
#define INSTALLED_H

#include "json.h"

/* Whether it can name a platform: [a-z0-9][a-z0-9_-]*, at most 32 bytes. */
bool platform_valid(const char *platform);

/* The adapter's path (owned), or NULL when there is none. A name that is no file name is none. */
char *platform_program(const char *platform);

/*
 * Platforms with an adapter, as a JSON array of names, owned: all that can be found (reads
 * every folder of PATH), or those that were installed with us (quick).
 */
struct json *platform_names(void);
struct json *platform_names_here(void);

#endif
