/* SPDX-License-Identifier: MIT */
/* Ids that a person or a script names: operands, or lines of stdin when the operand is "-". */
#ifndef IDS_H
#define IDS_H

#include "opts.h"

#include <stddef.h>

struct ids {
	long long *list;
	size_t count;
};

/* Misuse (none, or no number) ends the program with 64. */
struct ids ids_operands(const struct usage *usage, int count, char **argv);

/* The same for words (sessions): an owned array, ended by NULL. */
char **words_operands(const struct usage *usage, int count, char **argv);

#endif
