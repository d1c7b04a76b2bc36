/* SPDX-License-Identifier: MIT */
/*
 * A long Markdown text in sections that can be parsed one by one: cut before a paragraph at
 * the margin where there is one, else at a line, else at a word. A fence that is cut through
 * is opened again in the next section. A text of usual length is one section.
 */
#ifndef SECTION_H
#define SECTION_H

#include "text.h"

struct section {
	const char *bytes; /* the whole */
	size_t length, at;
	struct text source; /* the present section */
	struct text fence;  /* the line that opened the fence that its end cuts through; or empty */
	const char *join;   /* what stands between the section before and this one */
	const char *joins;  /* and what stands before the next */
	bool reopened;      /* it begins inside of a fence */
	bool absurd;        /* nested so deeply, or tabled so widely, that nobody meant it */
};

#define SECTION_INIT(bytes_, length_) { .bytes = (bytes_), .length = (length_), \
	.source = TEXT_INIT, .fence = TEXT_INIT, .join = "", .joins = "" }

/* False: there are no more. */
bool section_next(struct section *section);
void section_release(struct section *section);

#endif
