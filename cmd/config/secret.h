/* SPDX-License-Identifier: MIT */
/*
 * Secrets: which settings are, how they come in (a pipe, or a terminal with its echo
 * off, never the command line) and what of a setting may be shown.
 */
#ifndef SECRET_H
#define SECRET_H

#include <stdbool.h>

/* Whether a variable or a dotted key holds a secret: by its last word, or as an adapter says. */
bool secret_is(const char *name);

/*
 * A value from stdin: asked for with `prompt` and no echo on a terminal, else all of it
 * without its last line break. Owned. Empty, too long or not text ends with 65.
 */
char *secret_read(const char *prompt);

/* The text as it may be shown: without a name and password inside an address. Owned. */
char *secret_shown(const char *text);

#endif
