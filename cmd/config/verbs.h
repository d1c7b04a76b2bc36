/* SPDX-License-Identifier: MIT */
/*
 * The verbs of hermes-config, and the options all of them take.
 */
#ifndef VERBS_H
#define VERBS_H

#include "out.h"

extern struct out out;
extern const struct opt out_opts[];

int run_get(int argc, char **argv);
int run_list(int argc, char **argv);
int run_set(int argc, char **argv);
int run_unset(int argc, char **argv);
int run_check(int argc, char **argv);
int run_home(int argc, char **argv);
int run_platforms(int argc, char **argv);

/*
 * A last operand like -100123 is a value, not an option: it is taken away from the
 * parser. NULL: there is none.
 */
char *take_negative(int *argc, char **argv);

#endif
