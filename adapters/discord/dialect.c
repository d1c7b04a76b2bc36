/* SPDX-License-Identifier: MIT */
/*
 * Discord's Markdown. Every punctuation mark can be escaped, which is done where it would
 * mean something. In a link's words and in code nothing can, so a fence inside a block is
 * pulled apart.
 */
#include "discord.h"

#include <string.h>

enum { MESSAGE_LIMIT = 2000 };

static const char joint[] = "\u200b"; /* a space without width */

/* Whether what comes next begins a line, quoted or not. */
static bool
at_line_begin(const struct text *out)
{
	size_t at = out->length;

	while (at >= 2 && !memcmp(out->at + at - 2, "> ", 2))
		at -= 2;
	return !at || out->at[at - 1] == '\n';
}

static void
add_code(struct text *out, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		text_add(out, bytes + i, 1);
		if (i + 1 < length && bytes[i] == '`' && bytes[i + 1] == '`')
			text_puts(out, joint);
	}
}

static void
escape_words(struct text *out, const char *bytes, size_t length, unsigned styles)
{
	size_t lead = 0, url = 0; /* bytes of one that are left */

	if (styles & (1u << STYLE_CODE | 1u << STYLE_BLOCK)) {
		add_code(out, bytes, length);
		return;
	}
	if (styles & 1u << STYLE_LINK) { /* where a backslash is shown */
		text_add(out, bytes, length);
		return;
	}
	while (lead < length && bytes[lead] == ' ')
		lead++;
	if (lead == length || !strchr("#->", bytes[lead]) || !at_line_begin(out))
		lead = length;
	for (size_t i = 0; i < length; i++) {
		url = url ? url - 1 : url_length(bytes, length, i);
		if (!url && (i == lead || (bytes[i] && strchr("\\*_~`|<[", bytes[i]))))
			text_puts(out, "\\");
		text_add(out, bytes + i, 1);
	}
}

/* A link's URL, without what would end it; or a block's language, without what is none. */
static void
escape_detail(struct text *out, const char *bytes, size_t length, unsigned styles)
{
	static const char language[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.#";

	if (styles & 1u << STYLE_BLOCK) {
		text_add(out, bytes, strspn(bytes, language));
		return;
	}
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)bytes[i] <= ' ' || strchr("()<>", bytes[i]))
			text_format(out, "%%%02X", (unsigned char)bytes[i]);
		else
			text_add(out, bytes + i, 1);
}

#define MARKUP(tick) { \
	.tags = { \
		[STYLE_BOLD] = {"**", "**", NULL}, [STYLE_ITALIC] = {"*", "*", NULL}, \
		[STYLE_STRIKE] = {"~~", "~~", NULL}, [STYLE_CODE] = {tick, tick, NULL}, \
		[STYLE_BLOCK] = {"```%s\n", "\n```", "```\n"}, [STYLE_LINK] = {"[", "](%s)", NULL}, \
	}, \
	.escape = escape_words, .escape_detail = escape_detail, .url_open = "", .quote = "> ", \
	.by_line = true}

static const struct markup plain_code = MARKUP("`"), ticked_code = MARKUP("``");

static void
write_markdown(struct text *out, const struct styled *styled)
{
	const struct markup *markup = &plain_code;

	for (size_t i = 0; i < styled->count; i++) {
		const struct span *span = &styled->spans[i];

		if (span->style == STYLE_CODE
			&& memchr(styled->text.at + span->begin, '`', span->end - span->begin))
			markup = &ticked_code;
	}
	styled_write(out, styled, markup);
}

const struct dialect discord_dialect = {.limit = MESSAGE_LIMIT, .unit = UNIT_POINTS,
	.write = write_markdown, .keyed = true};
