/* SPDX-License-Identifier: MIT */
/*
 * What hermes-doctor found: off (not switched on), ok, warn (works, but) or bad (something
 * that is switched on does not work), each with the remedy.
 */
#ifndef FINDINGS_H
#define FINDINGS_H

#include "out.h"

enum state { OFF, OK, WARN, BAD };

extern struct out findings_out;
extern bool findings_broken; /* one of them was bad */

/* Say it. `remedy` may be NULL. */
void finding(enum state state, const char *subject, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The same of a line that has more to tell beside "text" and "remedy". Takes `line`. */
void finding_put(enum state state, const char *subject, struct json *line);

void examine_home(void);      /* the folder, its files, its disk */
void examine_path(void);      /* programs of the same names */
void examine_store(void);
bool examine_config(void);    /* false: it cannot be read, and nothing that needs it was asked */
void examine_agent(void);
void examine_platforms(void);

#endif
