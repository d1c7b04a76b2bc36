/* SPDX-License-Identifier: MIT */
/*
 * Styled text, and how a platform's markup is written from it.
 *
 * A style is opened when the first word inside is written, not before: what a span holds
 * may be clipped to nothing, and where lines are styled one by one an empty one has none.
 */
#include "styled.h"

#include "alloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void
styled_add(struct styled *styled, struct span span)
{
	size_t count = styled->count;

	if (!(count & (count - 1))) /* a power of two: full */
		styled->spans = xrealloc(styled->spans, (count ? 2 * count : 1) * sizeof span);
	styled->spans[styled->count++] = span;
}

void
styled_release(struct styled *styled)
{
	for (size_t i = 0; i < styled->count; i++)
		free(styled->spans[i].detail);
	free(styled->spans);
	text_release(&styled->text);
	*styled = (struct styled)STYLED_INIT;
}

bool
link_is_bare(const struct styled *styled, const struct span *span)
{
	size_t length = span->end - span->begin;

	return span->style == STYLE_LINK && span->detail && strlen(span->detail) == length
		&& !memcmp(span->detail, styled->text.at + span->begin, length);
}

/* Whether a URL goes on: not with a sign that it has none of, a bracket around it, "**漢字". */
static bool
goes_on(const char *at, size_t left, size_t *open)
{
	if (!left || (unsigned char)*at <= ' ' || strchr("<>\"`\\|", *at)
		|| (strchr("*~", at[-1]) && (unsigned char)*at >= 0x80))
		return false;
	if (strchr(")]", *at))
		return (*open)-- > 0;
	*open += strchr("([", *at) != NULL;
	return true;
}

size_t
url_length(const char *bytes, size_t most, size_t at)
{
	const char *url = bytes + at;
	size_t left = most - at, open = 0, lead, length;

	lead = left > 8 && !memcmp(url, "https://", 8) ? 8 : left > 7 && !memcmp(url, "http://", 7) ? 7 : 0;
	if (!lead || (at && isalnum((unsigned char)url[-1])))
		return 0;
	for (length = lead; goes_on(url + length, left - length, &open);)
		length++;
	while (length > lead && strchr("?!.,:;*_~'", url[length - 1]))
		length--;
	return length > lead ? length : 0;
}

size_t
styled_units(const struct styled *styled, const struct dialect *dialect)
{
	struct text written = TEXT_INIT;
	size_t units;

	if (!dialect->write || dialect->counts_words)
		return text_units(styled->text.at, styled->text.length, dialect->unit);
	dialect->write(&written, styled);
	units = text_units(written.at, written.length, dialect->unit);
	text_release(&written);
	return units;
}

struct writer {
	struct text *out;
	const struct styled *styled;
	const struct markup *markup;
	const struct span *open[STYLES];
	size_t depth, shown; /* spans in force; the outer ones of them that are written */
	size_t next;         /* the first span that is not begun */
	size_t block_end;    /* where the last block or quote ended */
};

static bool
is_lines(enum style style)
{
	return style == STYLE_BLOCK || style == STYLE_QUOTE;
}

static unsigned
in_force(const struct writer *writer)
{
	unsigned styles = 0;

	for (size_t i = 0; i < writer->depth; i++)
		styles |= 1u << writer->open[i]->style;
	return styles;
}

static void
put_break(struct writer *writer, const char *line_break)
{
	text_puts(writer->out, line_break);
	for (size_t i = 0; writer->markup->quote && i < writer->shown; i++)
		if (writer->open[i]->style == STYLE_QUOTE)
			text_puts(writer->out, writer->markup->quote);
}

static void
put_detail(struct writer *writer, const char *detail)
{
	if (writer->markup->escape_detail)
		writer->markup->escape_detail(writer->out, detail, strlen(detail), in_force(writer));
	else
		text_puts(writer->out, detail);
}

static void
put_tag(struct writer *writer, const char *tag, const char *detail)
{
	for (; tag && *tag; tag++)
		if (*tag == '\n')
			put_break(writer, "\n");
		else if (tag[0] == '%' && tag[1] == 's')
			tag++, put_detail(writer, detail ? detail : "");
		else
			text_add(writer->out, tag, 1);
}

/* Open what is in force and not written yet. */
static void
show(struct writer *writer)
{
	while (writer->shown < writer->depth) {
		const struct span *span = writer->open[writer->shown];
		const char *open = writer->markup->tags[span->style].open;
		const char *bare = writer->markup->tags[span->style].bare;

		put_tag(writer, bare && !span->detail ? bare : open, span->detail);
		writer->shown++;
		if (span->style == STYLE_QUOTE && writer->markup->quote)
			text_puts(writer->out, writer->markup->quote);
	}
}

static void
hide_last(struct writer *writer)
{
	const struct span *span = writer->open[writer->shown - 1];

	writer->shown -= span->style == STYLE_QUOTE; /* a quote's closing stands outside */
	put_tag(writer, writer->markup->tags[span->style].close, span->detail);
	writer->shown -= span->style != STYLE_QUOTE;
}

static void
close_until(struct writer *writer, size_t at)
{
	while (writer->depth && writer->open[writer->depth - 1]->end <= at) {
		if (is_lines(writer->open[writer->depth - 1]->style))
			writer->block_end = at;
		if (writer->shown == writer->depth)
			hide_last(writer);
		writer->depth--;
	}
}

/* The URL of a link that shows it; returns where the link ends. */
static size_t
put_url(struct writer *writer, const struct span *span)
{
	show(writer);
	text_puts(writer->out, writer->markup->url_open);
	put_detail(writer, span->detail);
	if (writer->markup->url_close)
		text_puts(writer->out, writer->markup->url_close);
	while (writer->next < writer->styled->count
		&& writer->styled->spans[writer->next].begin < span->end)
		writer->next++;
	return span->end;
}

/* Begin the spans that begin at `at`; returns where to go on. */
static size_t
open_at(struct writer *writer, size_t at)
{
	while (writer->next < writer->styled->count) {
		const struct span *span = &writer->styled->spans[writer->next];

		if (span->begin > at)
			break;
		writer->next++;
		if (writer->depth == STYLES)
			continue;
		if (writer->markup->url_open && link_is_bare(writer->styled, span))
			return put_url(writer, span);
		writer->open[writer->depth++] = span;
	}
	return at;
}

static void
put_words(struct writer *writer, size_t at, size_t end)
{
	if (at == end)
		return;
	show(writer);
	if (writer->markup->escape)
		writer->markup->escape(writer->out, writer->styled->text.at + at, end - at,
			in_force(writer));
	else
		text_add(writer->out, writer->styled->text.at + at, end - at);
}

/* Whether line breaks from `at` to `end` stand beside lines that break by themselves. */
static bool
breaks_anyway(const struct writer *writer, size_t at, size_t end)
{
	const struct styled *styled = writer->styled;

	return writer->markup->blocks_break && (at == writer->block_end
		|| (writer->next < styled->count && styled->spans[writer->next].begin == end
			&& is_lines(styled->spans[writer->next].style)));
}

static void
put_breaks(struct writer *writer, size_t at, size_t end)
{
	const struct markup *markup = writer->markup;
	bool block = in_force(writer) & 1u << STYLE_BLOCK;

	if (!block && breaks_anyway(writer, at, end))
		return;
	if (block)
		show(writer);
	while (markup->by_line && writer->shown && !is_lines(writer->open[writer->shown - 1]->style))
		hide_last(writer);
	while (at++ < end)
		put_break(writer, block || !markup->line_break ? "\n" : markup->line_break);
}

/* Words and line breaks that all look the same. */
static void
put_stretch(struct writer *writer, size_t at, size_t end)
{
	const char *text = writer->styled->text.at;

	while (at < end) {
		size_t words = at, breaks;

		while (words < end && text[words] != '\n')
			words++;
		for (breaks = words; breaks < end && text[breaks] == '\n';)
			breaks++;
		put_words(writer, at, words);
		if (breaks > words)
			put_breaks(writer, words, breaks);
		at = breaks;
	}
}

static size_t
next_change(const struct writer *writer)
{
	const struct styled *styled = writer->styled;
	size_t end = styled->text.length;

	if (writer->depth && writer->open[writer->depth - 1]->end < end)
		end = writer->open[writer->depth - 1]->end;
	if (writer->next < styled->count && styled->spans[writer->next].begin < end)
		end = styled->spans[writer->next].begin;
	return end;
}

void
styled_write(struct text *out, const struct styled *styled, const struct markup *markup)
{
	struct writer writer = {out, styled, markup, {NULL}, 0, 0, 0, (size_t)-1};

	for (size_t at = 0; at < styled->text.length;) {
		size_t begun = open_at(&writer, at), end;

		if (begun == at) {
			end = next_change(&writer);
			put_stretch(&writer, at, end);
			at = end;
		} else {
			at = begun;
		}
		close_until(&writer, at);
	}
}
