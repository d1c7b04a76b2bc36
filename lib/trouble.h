/* SPDX-License-Identifier: MIT */
/*
 * From an adapter's answer to a record's error: which answers may pass (try again) and
 * which are final, with the exit status each stands for.
 */
#ifndef TROUBLE_H
#define TROUBLE_H

#include "json.h"

/* platform_ask within the usual limit; NULL when the record gained an error. Owned. */
struct json *trouble_ask(struct json *record, const char *platform, const char *verb,
	const struct json *question);

/* The class, why, remedy and retry_after below `prefix` ("" or "error.") become the record's error. */
void trouble_put(struct json *record, const struct json *answer, const char *prefix);

/*
 * Whether the record's work, begun at `since`, only waits for a rest that the platform asked
 * for: that is no attempt, for a day at most.
 */
bool trouble_rests(const struct json *record, double since);

/* The exit status that a class stands for. */
int trouble_code(const char *class);

#endif
