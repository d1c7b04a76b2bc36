/* SPDX-License-Identifier: MIT */
/*
 * Cutting styled text into parts that fit a platform.
 *
 * A cut prefers the end of a paragraph, then of a line, then of a word, as long as the part
 * stays at least half full, and it leaves a block of code whole where that is possible.
 * Blanks at a cut are dropped, but inside a block only the line break is. What a platform
 * counts is known by writing a slice: the longest that fits is approached by guessing.
 */
#include "styled.h"

#include "alloc.h"

#include <string.h>

enum { MOST_GUESSES = 24, MOST_JOINED = 64 };

struct cutter {
	const struct styled *whole;
	const struct dialect *dialect;
	size_t room;
	size_t at;             /* the next part begins here */
	size_t next;           /* the first span that begins there or later */
	size_t open[STYLES];   /* spans that go through there */
	size_t depth;
	struct styled slice;   /* the last one that was made; details are borrowed */
};

size_t
text_units(const char *bytes, size_t length, enum text_unit unit)
{
	size_t units = 0;

	if (unit == UNIT_BYTES)
		return length;
	for (size_t i = 0; i < length;) {
		long point = 0;

		i += (signed char)bytes[i] >= 0 ? 1 : utf8_step(bytes + i, length - i, &point);
		units += unit == UNIT_UTF16 && point > 0xffff ? 2 : 1;
	}
	return units;
}

static bool
is_blank(char byte)
{
	return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

static bool
is_boundary(const struct text *text, size_t at)
{
	return at >= text->length || ((unsigned char)text->at[at] & 0xc0) != 0x80;
}

/* Marks, joiners and skin tones: they belong to the character before them. */
static bool
is_joined(long point)
{
	static const struct { long first, last; } ranges[] = {{0x300, 0x36f}, {0x483, 0x489},
		{0x591, 0x5bd}, {0x610, 0x61a}, {0x64b, 0x65f}, {0x93c, 0x93c}, {0x93e, 0x94d},
		{0xe31, 0xe31}, {0xe34, 0xe3a}, {0xe47, 0xe4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
		{0x200d, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
		{0x1f3fb, 0x1f3ff}, {0xe0020, 0xe007f}};

	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return true;
	return false;
}

static bool
is_flag(long point)
{
	return point >= 0x1f1e6 && point <= 0x1f1ff;
}

/* The character that begins at `at`, and the one that ends there; 0: none. */
static long
point_at(const struct text *text, size_t at)
{
	long point = 0;

	if (at < text->length)
		utf8_step(text->at + at, text->length - at, &point);
	return point;
}

static size_t
step_back(const struct text *text, size_t at)
{
	size_t least = at < 4 ? 0 : at - 4;

	do
		at--;
	while (at > least && !is_boundary(text, at));
	return at;
}

/* Whether a cut at `at` splits what is seen as one character. */
static bool
splits(const struct text *text, size_t begin, size_t at)
{
	long after = point_at(text, at), before = point_at(text, step_back(text, at));
	size_t flags = 0;

	if (is_joined(after) || before == 0x200d)
		return true;
	if (!is_flag(after))
		return false;
	while (at > begin && flags < MOST_JOINED && is_flag(point_at(text, step_back(text, at)))) {
		at = step_back(text, at);
		flags++;
	}
	return flags % 2;
}

/* Back to where what is seen as one character begins, unless it never does. */
static size_t
whole_character(const struct text *text, size_t begin, size_t end)
{
	size_t at = end;

	for (int i = 0; i < MOST_JOINED && at > begin; i++) {
		if (!splits(text, begin, at))
			return at;
		at = step_back(text, at);
	}
	return end;
}

/* The furthest end with `room` units of plain words; at least one character on. */
static size_t
furthest(const struct cutter *cutter)
{
	const struct text *text = &cutter->whole->text;
	size_t at = cutter->at, used = 0;

	while (at < text->length) {
		long point;
		size_t step = utf8_step(text->at + at, text->length - at, &point);

		used += text_units(text->at + at, step, cutter->dialect->unit);
		if (used > cutter->room && at > cutter->at)
			break;
		at += step;
	}
	return at;
}

static void
clip(struct cutter *cutter, size_t index, size_t end)
{
	struct span span = cutter->whole->spans[index];

	span.begin = span.begin > cutter->at ? span.begin - cutter->at : 0;
	span.end = (span.end < end ? span.end : end) - cutter->at;
	if (span.begin < span.end)
		styled_add(&cutter->slice, span);
}

/* Make the slice from here to `end`. */
static void
slice(struct cutter *cutter, size_t end)
{
	const struct styled *whole = cutter->whole;

	text_clear(&cutter->slice.text);
	cutter->slice.count = 0;
	text_add(&cutter->slice.text, whole->text.at + cutter->at, end - cutter->at);
	for (size_t i = 0; i < cutter->depth; i++)
		clip(cutter, cutter->open[i], end);
	for (size_t i = cutter->next; i < whole->count && whole->spans[i].begin < end; i++)
		clip(cutter, i, end);
}

static size_t
measure(struct cutter *cutter, size_t end)
{
	slice(cutter, end);
	return styled_units(&cutter->slice, cutter->dialect);
}

/* Where the first span begins that is too many for one message; or `end`. */
static size_t
spans_end(const struct cutter *cutter, size_t end)
{
	size_t most = cutter->dialect->most_spans, index = cutter->next + most - cutter->depth;

	if (!most || most < cutter->depth || index >= cutter->whole->count)
		return end;
	if (cutter->whole->spans[index].begin >= end || cutter->whole->spans[index].begin <= cutter->at)
		return end;
	return cutter->whole->spans[index].begin;
}

/* A guess between what fits and what is too long, by how much too long that is. */
static size_t
guess(const struct cutter *cutter, size_t fits, size_t over, size_t units)
{
	size_t at = cutter->at + (size_t)((double)(over - cutter->at) * 0.97
		* (double)cutter->room / (double)units);

	if (at <= fits || at >= over)
		at = fits + (over - fits) / 2;
	while (at > fits && !is_boundary(&cutter->whole->text, at))
		at--;
	return at;
}

/* About the longest that fits, and surely one that does; `at` itself if none does. */
static size_t
longest(struct cutter *cutter)
{
	size_t over = spans_end(cutter, furthest(cutter)), fits = cutter->at, units;

	if (!cutter->dialect->write || cutter->dialect->counts_words)
		return over;
	units = measure(cutter, over);
	if (units <= cutter->room)
		return over;
	for (int i = 0; i < MOST_GUESSES; i++) {
		size_t at = guess(cutter, fits, over, units), used;

		if (at <= fits)
			break;
		used = measure(cutter, at);
		if (used > cutter->room) {
			over = at;
			units = used;
			continue;
		}
		fits = at;
		if (used >= cutter->room - cutter->room / 8)
			break;
	}
	return fits;
}

/* The block that reaches over `at`, looking back from the span *index; NULL: none. */
static const struct span *
block_over(const struct cutter *cutter, size_t at, size_t *index)
{
	const struct span *spans = cutter->whole->spans;

	while (*index > cutter->next && (spans[*index - 1].begin >= at
		|| spans[*index - 1].style != STYLE_BLOCK))
		--*index;
	if (*index > cutter->next)
		return spans[*index - 1].end > at ? &spans[*index - 1] : NULL;
	for (size_t i = 0; i < cutter->depth; i++)
		if (spans[cutter->open[i]].style == STYLE_BLOCK)
			return spans[cutter->open[i]].end > at ? &spans[cutter->open[i]] : NULL;
	return NULL;
}

static size_t
first_span_from(const struct cutter *cutter, size_t end)
{
	size_t index = cutter->next;

	while (index < cutter->whole->count && cutter->whole->spans[index].begin < end)
		index++;
	return index;
}

/* The best end of a part that may reach to `end`. */
static size_t
best_end(const struct cutter *cutter, size_t end)
{
	const char *text = cutter->whole->text.at;
	size_t half = cutter->at + (end - cutter->at + 1) / 2, index = first_span_from(cutter, end);
	size_t line = 0, inner = 0, word = 0;

	for (size_t i = end; i >= half && i > cutter->at; i--) {
		bool block;

		if (text[i] == ' ' && !word)
			word = i;
		if (text[i] != '\n')
			continue;
		block = block_over(cutter, i, &index);
		if (!block && text[i + 1] == '\n')
			return i;
		if (!block && !line)
			line = i;
		if (block && !inner)
			inner = i;
	}
	return line ? line : inner ? inner : word ? word
		: whole_character(&cutter->whole->text, cutter->at, end);
}

/* Past the blanks, but not into the indentation of what follows, unless it fills a part. */
static size_t
skip_blanks(const struct cutter *cutter, size_t at)
{
	const struct text *text = &cutter->whole->text;
	size_t end = at, line = 0;

	for (; end < text->length && is_blank(text->at[end]); end++)
		if (text->at[end] == '\n')
			line = end + 1;
	return line && end < text->length && end - line < cutter->room / 4 ? line : end;
}

/* Go on to `at`: which spans go through there. */
static void
advance(struct cutter *cutter, size_t at)
{
	const struct styled *whole = cutter->whole;
	size_t kept = 0;

	for (size_t i = 0; i < cutter->depth; i++)
		if (whole->spans[cutter->open[i]].end > at)
			cutter->open[kept++] = cutter->open[i];
	for (; cutter->next < whole->count && whole->spans[cutter->next].begin < at; cutter->next++)
		if (whole->spans[cutter->next].end > at && kept < STYLES)
			cutter->open[kept++] = cutter->next;
	cutter->depth = kept;
	cutter->at = at;
}

/* The longest piece that fits without looking for a good place; without style if need be. */
static size_t
cut_anywhere(struct cutter *cutter, size_t fits)
{
	long point;

	if (fits > cutter->at) {
		slice(cutter, fits);
		return fits;
	}
	fits += utf8_step(cutter->whole->text.at + fits, cutter->whole->text.length - fits, &point);
	slice(cutter, fits);
	cutter->slice.count = 0;
	return fits;
}

/* Cut the next part off into the slice; returns where the one after it begins. */
static size_t
cut(struct cutter *cutter)
{
	const struct text *text = &cutter->whole->text;
	size_t fits = longest(cutter), end, kept, index;
	bool block;

	if (fits == text->length) {
		slice(cutter, fits);
		return fits;
	}
	end = kept = fits > cutter->at ? best_end(cutter, fits) : fits;
	index = first_span_from(cutter, end);
	block = block_over(cutter, end, &index);
	while (!block && kept > cutter->at && is_blank(text->at[kept - 1]))
		kept--;
	if (kept == cutter->at && end > kept)
		return slice(cutter, kept), skip_blanks(cutter, end);
	if (end == cutter->at || measure(cutter, kept) > cutter->room)
		return cut_anywhere(cutter, fits);
	return block ? end + (text->at[end] == '\n') : skip_blanks(cutter, end);
}

/* Whether a reader sees anything; platforms refuse a message that shows nothing. */
static bool
is_visible(const struct text *text)
{
	for (size_t i = 0; i < text->length;) {
		long point;

		i += utf8_step(text->at + i, text->length - i, &point);
		if (point > ' ' && point != 0xa0 && point != 0xad && point != 0x2800 && point != 0x3000
			&& point != 0xfeff && (point < 0x2000 || point > 0x200f)
			&& (point < 0x2028 || point > 0x202f) && (point < 0x205f || point > 0x2064))
			return true;
	}
	return false;
}

static void
keep(struct styled *part, const struct styled *slice)
{
	text_add(&part->text, slice->text.at, slice->text.length);
	for (size_t i = 0; i < slice->count; i++) {
		struct span span = slice->spans[i];

		span.detail = span.detail ? xstrdup(span.detail) : NULL;
		styled_add(part, span);
	}
}

int
styled_cut(const struct styled *whole, const struct dialect *dialect, size_t room, int index,
	struct styled *part)
{
	struct cutter cutter = {.whole = whole, .dialect = dialect, .room = room, .slice = STYLED_INIT};
	int parts = 0;

	while (cutter.at < whole->text.length) {
		size_t next = cut(&cutter);

		if (is_visible(&cutter.slice.text) && ++parts == index)
			keep(part, &cutter.slice);
		advance(&cutter, next);
	}
	cutter.slice.count = 0; /* its details are not ours */
	styled_release(&cutter.slice);
	return parts;
}
