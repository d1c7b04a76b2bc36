/* SPDX-License-Identifier: MIT */
/*
 * Cutting a text into parts that fit a platform. The parts are a pure function of text,
 * limit and unit: part 3 asked for after a crash is the part 3 of before.
 *
 * A cut prefers the end of a paragraph, then of a line, then of a word, as long as the
 * part stays at least half full. Blanks at a cut are dropped. Inside a ``` block nothing is
 * dropped but the line break, the block is closed, and the next part opens it again.
 */
#include "adapter.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

const char resent_mark[] = "[sent again, as the first may not have arrived]\n";

enum {
	MOST_TICKS = 8,            /* a longer row of backticks is no fence to us */
	MOST_OPENING = 32,         /* a longer first line is not repeated whole */
	CLOSING = 1 + MOST_TICKS,  /* room kept for closing a block */
	LEAST_LIMIT = 128,         /* below this, fences are text like any other */
};

/* An open block: its first line, and the backticks that end it (0: none is open). */
struct fence {
	const char *line;
	size_t length, ticks;
};

struct cutter {
	const char *text;
	size_t length, limit;
	enum text_unit unit;
	size_t at; /* the next part begins here */
	struct fence fence;
};

static size_t
weigh(size_t bytes, long point, enum text_unit unit)
{
	return unit == UNIT_BYTES ? bytes : unit == UNIT_UTF16 && point > 0xffff ? 2 : 1;
}

size_t
text_units(const char *bytes, size_t length, enum text_unit unit)
{
	size_t units = 0;

	for (size_t i = 0; i < length;) {
		long point;
		size_t step = utf8_step(bytes + i, length - i, &point);

		units += weigh(step, point, unit);
		i += step;
	}
	return units;
}

static bool
is_blank(char byte)
{
	return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

/* Marks, joiners and skin tones: they belong to the character before them. */
static bool
is_joined(long point)
{
	return (point >= 0x300 && point < 0x370) || point == 0x200d
		|| (point >= 0xfe00 && point < 0xfe10) || (point >= 0x1f3fb && point < 0x1f400);
}

/* The furthest end of a part with `room` units; at least one character on. */
static size_t
furthest(const struct cutter *cutter, size_t room)
{
	size_t end = 0, at = cutter->at, used = 0;
	long before = 0;

	while (at < cutter->length) {
		long point;
		size_t step = utf8_step(cutter->text + at, cutter->length - at, &point);

		if (at > cutter->at && !is_joined(point) && before != 0x200d)
			end = at;
		used += weigh(step, point, cutter->unit);
		if (used > room)
			break;
		at += step;
		before = point;
	}
	if (2 * end > cutter->at + at) /* endless marks are cut after all */
		return end;
	return at > cutter->at ? at : at + utf8_step(cutter->text + at, cutter->length - at, &before);
}

/* The best end of a part that may reach to `end`. */
static size_t
best_end(const struct cutter *cutter, size_t end)
{
	const char *text = cutter->text;
	size_t half = cutter->at + (end - cutter->at + 1) / 2, line = 0, word = 0;

	for (size_t i = end; i >= half && i > cutter->at; i--) {
		if (text[i] == '\n' && i + 1 < cutter->length && text[i + 1] == '\n')
			return i;
		if (text[i] == '\n' && !line)
			line = i;
		if (text[i] == ' ' && !word)
			word = i;
	}
	return line ? line : word ? word : end;
}

/* How many backticks a line of a fence begins with (0: it is none), and where they end. */
static size_t
count_ticks(const char *line, size_t length, size_t *after)
{
	size_t at = 0, ticks = 0;

	while (at < length && at < 3 && line[at] == ' ')
		at++;
	while (at + ticks < length && line[at + ticks] == '`')
		ticks++;
	*after = at + ticks;
	return ticks >= 3 && ticks <= MOST_TICKS ? ticks : 0;
}

static bool
closes(const struct fence *fence, const char *line, size_t length)
{
	size_t after;

	if (count_ticks(line, length, &after) < fence->ticks)
		return false;
	while (after < length && is_blank(line[after]))
		after++;
	return after == length;
}

static void
follow_line(struct fence *fence, const char *line, size_t length)
{
	size_t after, ticks = count_ticks(line, length, &after);

	if (fence->ticks && closes(fence, line, length))
		*fence = (struct fence){0};
	else if (!fence->ticks && ticks && !memchr(line + after, '`', length - after))
		*fence = (struct fence){line, length > MOST_OPENING ? after : length, ticks};
}

static size_t
line_length(const struct cutter *cutter, size_t at)
{
	const char *end = memchr(cutter->text + at, '\n', cutter->length - at);

	return end ? (size_t)(end - cutter->text) - at : cutter->length - at;
}

/* Which block is open at `end`, looking at the lines that begin from `at` on. */
static void
follow(struct cutter *cutter, size_t end)
{
	size_t at = cutter->at;

	if (cutter->limit < LEAST_LIMIT)
		return;
	if (at && cutter->text[at - 1] != '\n')
		at += line_length(cutter, at) + 1;
	for (; at < end; at += line_length(cutter, at) + 1)
		follow_line(&cutter->fence, cutter->text + at, line_length(cutter, at));
}

/* Past the blanks, but not into the indentation of what follows, unless it fills a part. */
static size_t
skip_blanks(const struct cutter *cutter, size_t at)
{
	size_t end = at, line = 0;

	for (; end < cutter->length && is_blank(cutter->text[end]); end++)
		if (cutter->text[end] == '\n')
			line = end + 1;
	return line && end < cutter->length && end - line < cutter->limit / 4 ? line : end;
}

/* Close the block at the end of a part; it opens again, unless it ends right here. */
static void
close_fence(struct cutter *cutter, struct text *part)
{
	struct fence *fence = &cutter->fence;

	text_puts(part, "\n");
	for (size_t i = 0; i < fence->ticks; i++)
		text_add(part, "`", 1);
	cutter->at += cutter->at < cutter->length && cutter->text[cutter->at] == '\n';
	if (cutter->text[cutter->at - 1] != '\n'
		|| !closes(fence, cutter->text + cutter->at, line_length(cutter, cutter->at)))
		return;
	*fence = (struct fence){0};
	cutter->at = skip_blanks(cutter, cutter->at + line_length(cutter, cutter->at));
}

/* Cut the next part off into `part`. */
static void
cut(struct cutter *cutter, struct text *part)
{
	size_t room, end, kept;

	text_clear(part);
	if (cutter->fence.ticks) {
		text_add(part, cutter->fence.line, cutter->fence.length);
		text_puts(part, "\n");
	}
	room = cutter->limit - text_units(part->at, part->length, cutter->unit);
	if (text_units(cutter->text + cutter->at, cutter->length - cutter->at, cutter->unit) <= room) {
		text_add(part, cutter->text + cutter->at, cutter->length - cutter->at);
		cutter->at = cutter->length;
		return;
	}
	if (cutter->limit >= LEAST_LIMIT)
		room -= CLOSING;
	end = kept = best_end(cutter, furthest(cutter, room));
	follow(cutter, end);
	while (!cutter->fence.ticks && kept > cutter->at && is_blank(cutter->text[kept - 1]))
		kept--;
	text_add(part, cutter->text + cutter->at, kept - cutter->at);
	cutter->at = end;
	if (cutter->fence.ticks)
		close_fence(cutter, part);
	else
		cutter->at = skip_blanks(cutter, end);
}

char *
text_part(const char *text, size_t length, size_t limit, enum text_unit unit, int index, int *parts)
{
	struct cutter cutter = {.text = text, .length = length, .limit = limit, .unit = unit};
	struct text part = TEXT_INIT;
	char *wanted = NULL;

	if (text_units(text, length, unit) > limit)
		cutter.at = skip_blanks(&cutter, 0);
	*parts = 0;
	do {
		cut(&cutter, &part);
		if (++*parts == index)
			wanted = text_take(&part);
	} while (cutter.at < length);
	text_release(&part);
	return wanted;
}

char *
marked_part(const struct json *question, size_t limit, enum text_unit unit, int *parts)
{
	size_t length = 0, mark = text_units(resent_mark, strlen(resent_mark), unit);
	const char *text = json_bytes(question, "text", &length);
	int index = (int)json_number(question, "part", 1);
	char *part = text_part(text ? text : "", length, limit - mark, unit, index, parts), *marked;

	if (!part || !*part || !json_has(question, "again"))
		return part;
	marked = xformat("%s%s", resent_mark, part);
	free(part);
	return marked;
}
