/* SPDX-License-Identifier: MIT */
/*
 * hermes-check-adapter: an adapter is asked as callers ask it, and each behaviour that
 * callers rely on passes or fails with a reason.
 *
 * Three layers. `ask` runs the program and notices, in whatever it says, what is never
 * right. `judge` holds the shapes of hermes-adapter(7), as jq programs that name what is
 * wrong. The check_ functions ask and judge, one group of behaviours each.
 */
#ifndef CHECK_H
#define CHECK_H

#include "out.h"

struct check {
	const char *program, *platform; /* its file; the tail of its name */
	char *folder;                   /* empty, ours: the home of an adapter that has no configuration */
	struct json *about;             /* what it says of itself; {} when it does not */
	char **own, **bare, **cut_off;  /* environments: see settings.h */
	bool configured;                /* whether `own` has what it requires */
	struct json *home, *place;      /* what resolve and thread gave; NULL: not yet, or nothing */
	double patience;                /* seconds that a human has to answer */
	char *leaked, *untidy, *uneven; /* the first of each that was noticed, in words; or NULL */
};

/* --- ask.c: running it ------------------------------------------------------ */

struct said {
	int status;           /* of its exit; 128 + signal; -1: it did not end in time */
	struct text out, err;
	double seconds;
};

/* Run it with one argument (NULL: none) and this stdin; whatever comes of it is in `said`. */
void ask_run(struct check *check, char *const *environment, const char *argument,
	const char *input, struct said *said);
/* The same, but each line is said only when the one before was answered. */
void ask_by_turns(struct check *check, char *const *environment, const char *argument,
	const char *input, struct said *said);
void said_release(struct said *said);

/* The answer, owned, to one question (NULL: none is asked); NULL with the reason in *why. */
struct json *ask(struct check *check, char *const *environment, const char *verb,
	const struct json *question, char **why);

/* Whether about lists the verb. */
bool check_has(const struct check *check, const char *verb);

/* --- judge.c: what is right ------------------------------------------------- */

enum shape { SHAPE_ABOUT, SHAPE_CHECK, SHAPE_RESOLVE, SHAPE_THREAD, SHAPE_SEND, SHAPE_POLL, SHAPE_EVENT,
	SHAPE_TROUBLE, SHAPE_CUT_OFF, SHAPE_TIDY, SHAPES };

/* What is wrong with it, owned; NULL: nothing. */
char *judge(const struct check *check, enum shape shape, const struct json *answer);

/* How one place is not the other: what callers compare, byte for byte. Owned; NULL: it is. */
char *judge_same(const struct json *one, const struct json *other);

/* Ask and judge: the answer, owned; NULL with the reason in *why. */
struct json *ask_shaped(struct check *check, const char *verb, const struct json *question,
	enum shape shape, char **why);

/* How resolve does not find a place by its chat and thread alone. Owned; NULL: it does. */
char *judge_found_again(struct check *check, const struct json *place);

/* --- report.c: saying it ---------------------------------------------------- */

extern struct out report_out;
extern bool report_quiet; /* only what failed */

/* One behaviour: passed when why is NULL; consumes why. */
void report(const char *name, char *why);
/* Ask the human to say `words` at a place. */
void report_wanted(const struct json *place, const char *words);
/* "N passed, N failed"; the exit status. */
int report_end(void);

/* --- the behaviours --------------------------------------------------------- */

void check_about(struct check *check);   /* needs nothing; fills check->about */
void check_manners(struct check *check); /* needs nothing: options, misuse, no configuration */
void check_home(struct check *check);    /* needs configuration; fills check->home */
void check_send(struct check *check);    /* writes to the home; fills check->place */
void check_poll(struct check *check);    /* needs check->place */
void check_human(struct check *check);   /* somebody answers there */
void check_noticed(struct check *check); /* what `ask` noticed in all of that */

#endif
