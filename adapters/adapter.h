/* SPDX-License-Identifier: MIT */
/*
 * What every adapter in C shares: the loop of hermes-adapter(7). One JSON line in, one
 * out; the verbs are functions from question to answer.
 *
 * An answer of trouble is never an exit: `not_sent`, `unknown` and `error` are answers.
 * Only misuse (64), a line that is no JSON object (65) and missing configuration (78)
 * end an adapter.
 */
#ifndef ADAPTER_H
#define ADAPTER_H

#include "json.h"

struct adapter_verb {
	const char *name; /* NULL ends the table */
	struct json *(*answer)(const struct json *question); /* answer is owned */
};

/*
 * about and check are asked with JSON null and no stdin; other verbs once for each line
 * of stdin. `summary` is the sentence of --help. `extra`, which may be NULL, is tried
 * for a verb that the table lacks (a verb for people); it returns an exit status.
 */
int adapter_main(int argc, char **argv, const struct adapter_verb *verbs, const char *summary,
	int (*extra)(int argc, char **argv));

/* The platform this adapter serves: the tail of its file name (it may have several). */
const char *adapter_platform(void);

/* X_NAME from the environment for this platform ("BOT_TOKEN"), or NULL when unset or empty. */
const char *adapter_setting(const char *name);
/* "X_NAME", for words about it. Owned. */
char *adapter_variable(const char *name);

/* Seconds left for the present line, safely inside the caller's limit; never below 0.1. */
double adapter_left(void);

/* What an adapter is configured with: the `config` of about. */
struct adapter_need {
	const char *name; /* without its X_; NULL ends the table */
	bool secret, required;
	const char *about;
};

/* The part of about that is alike: protocol, platform, verbs and config. Owned. */
struct json *adapter_about(const char *name, const struct adapter_verb *verbs,
	const struct adapter_need *needs);

/* Says in `about` what other programs call the setting X_NAME: the caller then takes it from there. */
void adapter_also(struct json *about, const char *name, const char *variable);

/* A title in one line of at most so many characters, and never empty. Owned. */
char *title_line(const char *title, size_t most);

/* Answers. `class` is one of transient, busy, request, thread, chat, config (hermes-adapter(7)). */
struct json *answer_not(const char *outcome, const char *class, const char *why,
	const char *remedy);
struct json *answer_unknown(const char *why);
struct json *answer_error(const char *class, const char *why, const char *remedy);
/* {"outcome":"sent"} with this one id. */
struct json *answer_sent(const char *id, int parts);

/* One of check's problems. A remedy of NULL is to try again later. */
void problem_add(struct json *problems, const char *what, const char *remedy);

#endif
