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

/* The platform this adapter serves: the tail of its file name (it may have several). */
const char *adapter_platform(void);

/* X_NAME from the environment for this platform ("BOT_TOKEN"), or NULL when unset or empty. */
const char *adapter_setting(const char *name);
/* "X_NAME", for words about it. Owned. */
char *adapter_variable(const char *name);
/* What has to be set: without it the adapter ends (78), and says the remedy. */
const char *adapter_required(const char *name, const char *remedy);
/* The same for what is one word, and may stand in a header as it is: a token, an id. */
const char *adapter_word(const char *name, const char *remedy);

/* Seconds left for the present line, safely inside the caller's limit; never below 0.1. */
double adapter_left(void);

/* What an adapter is configured with: the `config` of about. */
struct adapter_need {
	const char *name; /* without its X_; NULL ends the table */
	bool secret, required;
	const char *about;
};

struct dialect; /* message.h */

/* What an adapter is. about is made of this; the other verbs are in the table. */
struct adapter {
	const char *name;    /* "Telegram" */
	const char *summary; /* the sentence of --help */
	const struct adapter_verb *verbs;
	const struct adapter_need *needs;
	/* Pairs of a need's name and what other programs call it, where the caller takes it from, too. */
	const char *const *also; /* NULL-ended, or NULL */
	const struct dialect *dialect;
	bool threads, polling, idempotency, readback, gateway; /* see hermes-adapter(7) */
	int (*people)(int argc, char **argv); /* for a verb that the table lacks: an exit status; or NULL */
};

/*
 * The loop: about and check are asked with JSON null and no stdin, other verbs once for each
 * line of stdin. Returns the exit status.
 */
int adapter_main(int argc, char **argv, const struct adapter *adapter);

/* A title in one line of at most so many characters, and never empty. Owned. */
char *title_line(const char *title, size_t most);

/* A place of this platform, with what is not NULL. Owned. */
struct json *place_new(const char *account, const char *chat, const char *kind,
	const char *thread, const char *user);
/* Who reads there; a size below 0 is not known. Takes the names. Owned. */
struct json *audience_new(double size, struct json *names);

/* Answers. `class` is one of transient, busy, request, thread, chat, config (hermes-adapter(7)). */
struct json *answer_not(const char *outcome, const char *class, const char *why,
	const char *remedy);
struct json *answer_unknown(const char *why);
struct json *answer_error(const char *class, const char *why, const char *remedy);
/* {"outcome":"home"}: no thread was opened, and why; the remedy may be NULL. */
struct json *answer_home(const char *why, const char *remedy);
/* {"outcome":"sent"} with this one id. */
struct json *answer_sent(const char *id, int parts);

/* One of check's problems. A remedy of NULL is to try again later. */
void problem_add(struct json *problems, const char *what, const char *remedy);
/* The home cannot be found: what resolve, or another question, answered instead. */
void home_lost(struct json *facts, struct json *problems, const struct json *trouble);
/* The end of check: facts and problems (both taken) into its answer, which is returned. */
struct json *check_done(struct json *answer, struct json *facts, struct json *problems);

#endif
