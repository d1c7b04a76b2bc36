/* SPDX-License-Identifier: MIT */
/*
 * How texts look in Slack: mrkdwn, which has no way to escape its own marks. A mark only
 * works at the edge of a word, so a mark that is meant literally is parted from its word by
 * word joiners (U+2060), which nobody sees, and only where it would work; one that must
 * work inside of a word is given an edge (U+200B). Both are counted.
 *
 * A part without any style needs none of it: it is sent with mrkdwn switched off.
 */
#include "slack.h"

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
escape_byte(struct text *out, char byte)
{
	if (byte == '&')
		text_puts(out, "&amp;");
	else if (byte == '<')
		text_puts(out, "&lt;");
	else if (byte == '>')
		text_puts(out, "&gt;");
	else if (byte != OPENS && byte != CLOSES)
		text_add(out, &byte, 1);
}

static void
escape_plain(struct text *out, const char *bytes, size_t length, unsigned styles)
{
	(void)styles;
	for (size_t i = 0; i < length; i++)
		escape_byte(out, bytes[i]);
}

static void
escape_marks(struct text *out, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool parted = would_work(bytes, length, i);

		if (parted)
			text_puts(out, joiner);
		escape_byte(out, bytes[i]);
		if (parted && bytes[i] != '>')
			text_puts(out, joiner);
	}
}

/* Nothing in code is a mark but what ends it: a backtick, which there is no way to write, or three. */
static void
escape(struct text *out, const char *bytes, size_t length, unsigned styles)
{
	bool code = styles & 1u << STYLE_CODE, block = styles & 1u << STYLE_BLOCK;

	if (!code && !block)
		escape_marks(out, bytes, length);
	for (size_t i = 0; i < length && (code || block); i++) {
		if (code && bytes[i] == '`')
			text_puts(out, backtick);
		else
			escape_byte(out, bytes[i]);
		if (block && bytes[i] == '`' && i + 1 < length && bytes[i + 1] == '`')
			text_puts(out, joiner);
	}
}

static void
escape_url(struct text *out, const char *bytes, size_t length, unsigned styles)
{
	(void)styles;
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '|')
			text_puts(out, "%7C");
		else if (bytes[i] == '>')
			text_puts(out, "%3E");
		else
			escape_byte(out, bytes[i]);
	}
}

static const struct markup mrkdwn = {
	.tags = {
		[STYLE_BOLD] = {"\1*", "*\2", NULL}, [STYLE_ITALIC] = {"\1_", "_\2", NULL},
		[STYLE_STRIKE] = {"\1~", "~\2", NULL}, [STYLE_CODE] = {"\1`", "`\2", NULL},
		[STYLE_BLOCK] = {"```\n", "\n```", NULL}, [STYLE_LINK] = {"<%s|", ">", NULL}},
	.escape = escape, .escape_detail = escape_url, .url_open = "<", .url_close = ">",
	.quote = "&gt; ", .by_line = true};

/* An edge beside marks that stand in the middle of a word. */
static void
put_edges(struct text *out, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool opens = bytes[i] == OPENS;

		if (!opens && bytes[i] != CLOSES)
			text_add(out, bytes + i, 1);
		else if (opens ? i && is_word(bytes[i - 1])
			: i + 1 < length && is_word(bytes[i + 1]))
			text_puts(out, edge);
	}
}

static void
write_styled(struct text *out, const struct styled *styled)
{
	struct text marked = TEXT_INIT;

	if (!styled->count) {
		escape_plain(out, styled->text.at, styled->text.length, 0);
		return;
	}
	styled_write(&marked, styled, &mrkdwn);
	put_edges(out, marked.at, marked.length);
	text_release(&marked);
}

const struct dialect slack_dialect = {.limit = 4000, .unit = UNIT_POINTS, .write = write_styled,
	.keyed = true};

static void
add_unescaped(struct text *words, const char *at, size_t length)
{
	static const struct { const char *written, *meant; } entities[] = {
		{"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}, {"", NULL}};
	const char *end = at + length;

	while (at < end) {
		size_t i = 0, step;

		while (entities[i].meant && strncmp(at, entities[i].written, strlen(entities[i].written)))
			i++;
		step = entities[i].meant ? strlen(entities[i].written) : 1;
		text_add(words, entities[i].meant ? entities[i].meant : at, 1);
		at += step;
	}
}

/* A link: its URL, with the words before it where they are others. */
static void
add_link(struct text *words, const char *url, size_t length, const char *label, size_t labelled)
{
	bool same = labelled <= length && !memcmp(url + length - labelled, label, labelled);

	if (!same) {
		add_unescaped(words, label, labelled);
		text_puts(words, " (");
	}
	add_unescaped(words, url, length);
	if (!same)
		text_puts(words, ")");
}

/* What stands between < and >: @U1, #C1|name, !here, https://x, https://x|words. */
static void
add_reference(struct text *words, const char *at, size_t length)
{
	const char *bar = memchr(at, '|', length), *label = bar ? bar + 1 : at + length;
	size_t target = bar ? (size_t)(bar - at) : length, labelled = (size_t)(at + length - label);

	if (!length || !strchr("@#!", *at)) {
		add_link(words, at, target, label, labelled);
	} else {
		text_puts(words, *at == '#' ? "#" : *label == '@' ? "" : "@");
		add_unescaped(words, labelled ? label : at + 1, labelled ? labelled : target - 1);
	}
}

void
slack_words(struct text *words, const char *text)
{
	while (*text) {
		size_t plain = strcspn(text, "<"), inside;

		add_unescaped(words, text, plain);
		text += plain;
		if (!*text)
			return;
		inside = strcspn(text, ">");
		if (!text[inside]) { /* no end: as it is */
			add_unescaped(words, text, inside);
			return;
		}
		add_reference(words, text + 1, inside - 1);
		text += inside + 1;
	}
}
