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

/* A title in one line of at most so many characters, and never empty. Owned. */
char *title_line(const char *title, size_t most);

/* Answers. `class` is one of transient, busy, request, thread, chat, config (hermes-adapter(7)). */
struct json *answer_not(const char *outcome, const char *class, const char *why,
	const char *remedy);
struct json *answer_unknown(const char *why);
struct json *answer_error(const char *class, const char *why, const char *remedy);

/*
 * Cutting: a pure function of the text and the platform. Part `index` (from 1) of `text`
 * with at most `limit` units a part, and *parts, how many there are; cut at a paragraph, a
 * line or a word where that keeps a part at least half full, never inside a character, and
 * code fences (```) are closed at the end of a part and reopened in the next. The empty
 * text has one empty part. Owned; NULL when there is no such part.
 */
enum text_unit { UNIT_BYTES, UNIT_POINTS, UNIT_UTF16 };
size_t text_units(const char *bytes, size_t length, enum text_unit unit);
char *text_part(const char *text, size_t length, size_t limit, enum text_unit unit, int index,
	int *parts);

/* What marks a part that is sent a second time because the first may have arrived. */
extern const char resent_mark[];

/*
 * The part that a question of `send` asks for, by text_part, for a platform with neither
 * key nor read-back: marked when asked `again`, and cut as if it always were. Owned or NULL.
 */
char *marked_part(const struct json *question, size_t limit, enum text_unit unit, int *parts);

#endif
