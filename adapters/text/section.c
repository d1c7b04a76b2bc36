/* SPDX-License-Identifier: MIT */
#include "section.h"

#include <string.h>

enum {
	MOST_BYTES = 32768,
	MOST_FENCE = 64,    /* a longer opening line is not repeated whole */
	MOST_NESTED = 200,  /* bytes of quote marks, bullets and blanks before a line's words */
	MOST_COLUMNS = 32,
	MOST_CELLS = 32768, /* a row that says nothing has them all the same */
};

void
section_release(struct section *section)
{
	text_release(&section->source);
	text_release(&section->fence);
}

static size_t
line_length(const char *line, size_t most)
{
	const char *end = memchr(line, '\n', most);

	return end ? (size_t)(end - line) + 1 : most;
}

/* The signs that a fence's line begins with, and how many; 0: it is none. */
static size_t
fence_signs(const char *line, size_t length, char *sign)
{
	size_t at = 0, signs = 0;

	while (at < length && at < 3 && line[at] == ' ')
		at++;
	*sign = at < length ? line[at] : '\0';
	while (at + signs < length && line[at + signs] == *sign)
		signs++;
	if (signs < 3 || (*sign != '`' && *sign != '~'))
		return 0;
	return *sign == '`' && memchr(line + at + signs, '`', length - at - signs) ? 0 : signs;
}

static bool
closes(const struct text *fence, const char *line, size_t length)
{
	char opened, sign;
	size_t need = fence_signs(fence->at, fence->length, &opened);
	size_t signs = fence_signs(line, length, &sign);
	size_t at = strspn(line, " ") + signs;

	if (sign != opened || signs < need)
		return false;
	while (at < length && memchr(" \t\r\n", line[at], 4))
		at++;
	return at >= length;
}

static void
follow_fence(struct text *fence, const char *line, size_t length)
{
	char sign;
	size_t signs = fence_signs(line, length, &sign);

	if (fence->length && closes(fence, line, length)) {
		text_clear(fence);
	} else if (!fence->length && signs && signs <= MOST_FENCE) {
		text_add(fence, line, length <= MOST_FENCE ? length : strspn(line, " ") + signs);
		if (fence->at[fence->length - 1] != '\n')
			text_add(fence, "\n", 1);
	}
}

static bool
is_blank(const char *line, size_t length)
{
	while (length && memchr(" \t\r\n", *line, 4))
		line++, length--;
	return !length;
}

/* Whether a block at the margin begins with this line, after a blank one, for certain. */
static bool
begins_block(const char *line)
{
	return !strchr(" \t\r\n-+*>|0123456789", *line);
}

/* How many bytes of containers a line begins with. */
static size_t
nesting(const char *line, size_t length)
{
	size_t at = 0;

	while (at < length) {
		size_t digits = strspn(line + at, "0123456789");

		if (digits && digits < 10 && (line[at + digits] == '.' || line[at + digits] == ')'))
			at += digits + 1;
		else if (memchr("> \t", line[at], 3)
			|| (memchr("-+*", line[at], 3) && at + 1 < length && memchr(" \t", line[at + 1], 2)))
			at++;
		else
			break;
	}
	return at;
}

/* How many bars rule off a table's head, as far as this line is that. */
static size_t
columns(const char *line, size_t length)
{
	size_t bars = 0;

	for (size_t i = 0; i < length && line[i] && strchr("|:- \t\r\n", line[i]); i++)
		bars += line[i] == '|';
	return bars;
}

static bool
is_absurd(const char *line, size_t length, size_t *widest, size_t lines)
{
	size_t bars = columns(line, length);

	if (bars > *widest)
		*widest = bars;
	return *widest > MOST_COLUMNS || *widest * lines > MOST_CELLS
		|| (nesting(line, length) > MOST_NESTED && !is_blank(line, length));
}

/* Cut inside of a line that is longer than a section: after a blank, or anywhere. */
static size_t
cut_line(const struct section *section, const char **joins)
{
	const char *from = section->bytes + section->at;
	size_t end = MOST_BYTES;

	while (end > MOST_BYTES / 2 && from[end - 1] != ' ')
		end--;
	*joins = " ";
	if (end > MOST_BYTES / 2)
		return end;
	*joins = "";
	for (end = MOST_BYTES; ((unsigned char)from[end] & 0xc0) == 0x80 && end > 1;)
		end--;
	return end;
}

/* How long the next section is, from its begin; follows the fence to where it ends. */
static size_t
find_end(struct section *section)
{
	const char *from = section->bytes + section->at;
	size_t left = section->length - section->at, at = 0, good = 0, widest = 0, lines = 0;
	bool blank = false;

	section->absurd = false;
	while (at < left) {
		size_t length = line_length(from + at, left - at);

		if (left > MOST_BYTES && at + length > MOST_BYTES)
			break;
		if (blank && !section->fence.length && begins_block(from + at))
			good = at;
		if (!section->fence.length && is_absurd(from + at, length, &widest, ++lines))
			section->absurd = true;
		follow_fence(&section->fence, from + at, length);
		blank = is_blank(from + at, length);
		at += length;
	}
	if (at == left)
		return at;
	if (good) {
		text_clear(&section->fence);
		section->joins = "\n\n";
		return good;
	}
	section->joins = "\n";
	return at ? at : cut_line(section, &section->joins);
}

bool
section_next(struct section *section)
{
	size_t length;

	if (section->at == section->length)
		return false;
	section->join = section->at ? section->joins : "";
	section->reopened = section->fence.length > 0;
	text_clear(&section->source);
	text_add(&section->source, section->fence.at, section->fence.length);
	length = find_end(section);
	text_add(&section->source, section->bytes + section->at, length);
	section->at += length;
	return true;
}
