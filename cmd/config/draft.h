/* SPDX-License-Identifier: MIT */
/*
 * A file of the home that is being changed in memory: begun under a lock, saved whole.
 * What cannot be done ends the program, and the file stays as it was.
 */
#ifndef DRAFT_H
#define DRAFT_H

#include "text.h"

struct draft {
	char *path;
	struct text bytes;
};

/* Begin with what the file holds; the home's lock is held until the program ends. */
struct draft draft_begin(const char *name);
/* Change a dotted key of a YAML file, or a variable of a .env file; NULL removes it. */
void draft_key(struct draft *draft, const char *key, const char *value);
void draft_variable(struct draft *draft, const char *name, const char *value);
/* Replace the file; releases the draft. */
void draft_save(struct draft *draft);

#endif
