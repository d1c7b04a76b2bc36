/* SPDX-License-Identifier: MIT */
/*
 * How texts look in Slack: mrkdwn, whose marks cannot be escaped (marks.h). A part without
 * any style needs no marks at all: it is sent with mrkdwn switched off.
 */
#include "slack.h"

#include "marks.h"

#include <string.h>

static void
escape_byte(struct text *out, char byte)
{
	if (byte == '&')
		text_puts(out, "&amp;");
	else if (byte == '<')
		text_puts(out, "&lt;");
	else if (byte == '>')
		text_puts(out, "&gt;");
	else
		text_add(out, &byte, 1);
}

static void
escape(struct text *out, const char *bytes, size_t length, unsigned styles)
{
	marks_escape(out, bytes, length, styles, escape_byte);
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
	.tags = {MARKS_TAGS, [STYLE_LINK] = {"<%s|", ">", NULL}},
	.escape = escape, .escape_detail = escape_url, .url_open = "<", .url_close = ">",
	.quote = "&gt; ", .by_line = true};

static void
write_styled(struct text *out, const struct styled *styled)
{
	if (styled->count)
		marks_write(out, styled, &mrkdwn);
	for (size_t i = 0; i < styled->text.length && !styled->count; i++)
		escape_byte(out, styled->text.at[i]);
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
