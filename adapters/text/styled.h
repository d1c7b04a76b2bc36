/* SPDX-License-Identifier: MIT */
/*
 * Styled text among those who make it: markdown.c builds it, cut.c slices it. Everyone else
 * has enough with message.h.
 */
#ifndef STYLED_H
#define STYLED_H

#include "message.h"

/* Add a span; takes span.detail. */
void styled_add(struct styled *styled, struct span span);

/* What a dialect counts of it. */
size_t styled_units(const struct styled *styled, const struct dialect *dialect);

/*
 * Cut into parts with at most `room` units as the dialect counts: at a paragraph, a line or
 * a word where that keeps a part at least half full, never inside a character. Part `index`,
 * from 1, goes into *part (its details are its own), if there is one; returns how many there
 * are.
 */
int styled_cut(const struct styled *whole, const struct dialect *dialect, size_t room, int index,
	struct styled *part);

#endif
