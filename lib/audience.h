/* SPDX-License-Identifier: MIT */
/*
 * Who would read a session at a place. More than one human, or one cannot know who:
 * refused unless it was asked for (--shared) or configured (platforms.X.shared).
 */
#ifndef AUDIENCE_H
#define AUDIENCE_H

#include "json.h"

/* NULL: fine. Else who would read it, in words (owned). */
char *audience_refused(const char *platform, const struct json *place,
	const struct json *audience);
/* "ada", "12 people: Ada, Grace, …" for people. Owned. */
char *audience_words(const struct json *audience);

extern const char audience_remedy[];

#endif
