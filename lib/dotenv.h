/* SPDX-License-Identifier: MIT */
/*
 * A .env file: NAME=VALUE lines with an optional `export`, single or double quotes
 * and # comments. Nothing is expanded. A line that is none of this is an error:
 * a setting that was meant must not silently be absent.
 */
#ifndef DOTENV_H
#define DOTENV_H

#include "json.h"

/* The variables as an object of texts, owned; NULL with "line 3: …" in *why (owned). */
struct json *dotenv_read(const char *bytes, size_t length, char **why);

/*
 * The same file with one variable changed (`value` NULL: removed), all other lines as
 * they were. Owned. The file was read before, so it has no bad line.
 */
char *dotenv_edit(const char *bytes, size_t length, const char *name, const char *value);

/* Whether it can be a variable's name: capitals or not, digits, underscores. */
bool dotenv_name(const char *name, size_t length);

#endif
