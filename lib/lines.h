/* SPDX-License-Identifier: MIT */
/*
 * Lines from a descriptor, whole ones only: a last line without its line break was
 * cut off by a crash, and is reported, not returned.
 */
#ifndef LINES_H
#define LINES_H

#include "text.h"

struct lines {
	int fd;
	struct text buffer;
	size_t start;   /* of the next line in the buffer */
	size_t scanned; /* no line break before this */
	bool ended, broken; /* end of file seen; bytes were left over at it */
};

#define LINES_INIT(descriptor) { .fd = (descriptor), .buffer = TEXT_INIT }

/*
 * The next line, NUL-ended, without its break; *length counts. Borrowed until the next
 * call. NULL at the end, on an error (errno, else 0) or when `deadline` (steady clock;
 * 0: none) came (errno ETIMEDOUT).
 */
char *lines_next(struct lines *lines, size_t *length, double deadline);

/* Whether lines_next would answer at once, reading what is there without waiting. */
bool lines_ready(struct lines *lines);
/* Wait until there is a whole line (true) or the end. */
bool lines_wait(struct lines *lines);
/* Read once, keeping what was not taken yet; false at the end or on an error. */
bool lines_fill(struct lines *lines);
void lines_release(struct lines *lines);

#endif
