/* SPDX-License-Identifier: MIT */
/*
 * Options and verbs, declared as tables: the table parses, and prints --help.
 *
 * Every program understands --help and --version. Long options may stand anywhere
 * and be shortened as getopt_long allows; misuse ends the program with 64.
 */
#ifndef OPTS_H
#define OPTS_H

#include <stdbool.h>
#include <stddef.h>

enum opt_kind { OPT_FLAG, OPT_TEXT, OPT_TEXTS, OPT_NUMBER, OPT_SECONDS, OPT_FILTER };

/* What an option that may be given several times was given, in order. */
struct texts {
	const char **list;
	size_t count;
};

struct opt {
	const char *name; /* long name; NULL ends the table */
	char letter;      /* or 0 */
	enum opt_kind kind;
	void *to;             /* bool *, const char **, struct texts *, long *, double *, struct filter ** */
	const char *argument; /* its name in the help, e.g. "ID"; NULL for flags */
	const char *help;
};

struct usage {
	const char *synopsis; /* what follows the program's name; lines are alternatives */
	const char *summary;  /* one sentence */
	const struct opt *opts;
};

/*
 * Parse; returns the number of operands, which are moved to argv[0..n-1], NULL behind
 * them. --help and --version print and end the program.
 */
int opts_parse(int argc, char **argv, const struct usage *usage);

/* "usage: …" on stderr and exit 64. */
void opts_misused(const struct usage *usage, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* Misuse, unless what the option was given (NULL: it was not) is UTF-8 and not blank. */
void opts_need_words(const struct usage *usage, const char *option, const char *given);

struct verb {
	const char *name; /* NULL ends the table */
	int (*run)(int argc, char **argv); /* argv[0] is the verb */
	const char *synopsis, *summary;
};

/* The verb named, or NULL. */
const struct verb *verb_find(const struct verb *verbs, const char *name);

/*
 * A program that is nothing but verbs: runs argv[1]'s verb and returns its status;
 * handles --help, --version, no verb and an unknown one.
 */
int verbs_main(int argc, char **argv, const struct verb *verbs, const char *summary);
void verbs_help(const struct verb *verbs, const char *summary);

#endif
