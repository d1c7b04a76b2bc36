/* SPDX-License-Identifier: MIT */
#include "marks.h"

#include <ctype.h>
#include <string.h>

static const char joiner[] = "\xe2\x81\xa0", edge[] = "\xe2\x80\x8b", backtick[] = "\xcb\x8b";
/* Where a mark opens or closes, until it is known what stands beside it. */
enum { OPENS = '\1', CLOSES = '\2' };

static bool
is_word(char byte)
{
	return isalnum((unsigned char)byte) || (unsigned char)byte >= 0x80;
}

/* Of what stands literally: whether it would open a style, or a quote. */
static bool
would_work(const char *bytes, size_t length, size_t at)
{
	bool begins = !at || !isalnum((unsigned char)bytes[at - 1]);

	if (bytes[at] == '>')
		return !at || bytes[at - 1] == '\n';
	if (!bytes[at] || !strchr("*_~`", bytes[at]))
		return false;
	return bytes[at] == '`'
		|| (begins && (at + 1 == length || !isspace((unsigned char)bytes[at + 1])));
}

static void
put_byte(struct text *out, char byte, void (*put)(struct text *out, char byte))
{
	if (byte == OPENS || byte == CLOSES)
		return;
	if (put)
		put(out, byte);
	else
		text_add(out, &byte, 1);
}

static void
escape_words(struct text *out, const char *bytes, size_t length,
	void (*put)(struct text *out, char byte))
{
	size_t url = 0; /* bytes of one that are left */

	for (size_t i = 0; i < length; i++) {
		bool parted;

		url = url ? url - 1 : url_length(bytes, length, i);
		parted = !url && would_work(bytes, length, i);
		if (parted)
			text_puts(out, joiner);
		put_byte(out, bytes[i], put);
		if (parted && bytes[i] != '>')
			text_puts(out, joiner);
	}
}

/* Nothing in code is a mark but what ends it: a backtick, which there is no way to write, or three. */
void
marks_escape(struct text *out, const char *bytes, size_t length, unsigned styles,
	void (*put)(struct text *out, char byte))
{
	bool code = styles & 1u << STYLE_CODE, block = styles & 1u << STYLE_BLOCK;

	if (!code && !block)
		escape_words(out, bytes, length, put);
	for (size_t i = 0; i < length && (code || block); i++) {
		if (code && bytes[i] == '`')
			text_puts(out, backtick);
		else
			put_byte(out, bytes[i], put);
		if (block && bytes[i] == '`' && i + 1 < length && bytes[i + 1] == '`')
			text_puts(out, joiner);
	}
}

void
marks_write(struct text *out, const struct styled *styled, const struct markup *markup)
{
	struct text marked = TEXT_INIT;

	styled_write(&marked, styled, markup);
	for (size_t i = 0; i < marked.length; i++) {
		const char *at = marked.at + i;

		if (*at != OPENS && *at != CLOSES)
			text_add(out, at, 1);
		else if (*at == OPENS ? i && is_word(at[-1]) : is_word(at[1]))
			text_puts(out, edge);
	}
	text_release(&marked);
}
