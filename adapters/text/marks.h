/* SPDX-License-Identifier: MIT */
/*
 * Markup without a way to write its marks literally (Slack's, WhatsApp's): *bold*, _italic_,
 * ~struck~, `code`. A mark works only at the edge of a word. So one that is meant literally
 * is parted from what stands beside it by word joiners (U+2060), which nobody sees, and only
 * where it would work; one that must work inside of a word is given an edge (U+200B).
 */
#ifndef MARKS_H
#define MARKS_H

#include "message.h"

/* Openings and closings for a struct markup that marks_write is given. */
#define MARKS_TAGS \
	[STYLE_BOLD] = {"\1*", "*\2", NULL}, [STYLE_ITALIC] = {"\1_", "_\2", NULL}, \
	[STYLE_STRIKE] = {"\1~", "~\2", NULL}, [STYLE_CODE] = {"\1`", "`\2", NULL}, \
	[STYLE_BLOCK] = {"```\n", "\n```", NULL}

/* Words with no mark in them that works. `put` writes a byte that is no mark; NULL: as it is. */
void marks_escape(struct text *out, const char *bytes, size_t length, unsigned styles,
	void (*put)(struct text *out, char byte));

/* As styled_write, with an edge wherever a mark stands inside of a word. */
void marks_write(struct text *out, const struct styled *styled, const struct markup *markup);

#endif
