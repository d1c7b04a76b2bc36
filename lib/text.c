/* SPDX-License-Identifier: MIT */
#include "text.h"

#include "alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char text_empty[1];

void
text_release(struct text *text)
{
	if (text->size)
		free(text->at);
	*text = (struct text)TEXT_INIT;
}

void
text_clear(struct text *text)
{
	text->length = 0;
	if (text->size)
		text->at[0] = '\0';
}

char *
text_take(struct text *text)
{
	char *taken = text->size ? text->at : xstrdup("");

	*text = (struct text)TEXT_INIT;
	return taken;
}

void
text_reserve(struct text *text, size_t more)
{
	size_t need = text->length + more + 1, size = text->size ? text->size : 64;

	if (need <= more)
		no_memory();
	if (need <= text->size)
		return;
	while (size < need)
		size += size / 2 + 1;
	if (!text->size)
		text->at = NULL;
	text->at = xrealloc(text->at, size);
	text->at[text->length] = '\0';
	text->size = size;
}

void
text_add(struct text *text, const void *bytes, size_t length)
{
	if (!length)
		return;
	text_reserve(text, length);
	memcpy(text->at + text->length, bytes, length);
	text->length += length;
	text->at[text->length] = '\0';
}

void
text_add_without_nuls(struct text *text, const char *bytes, size_t length)
{
	while (length) {
		size_t run = strnlen(bytes, length);

		text_add(text, bytes, run);
		run += run < length;
		bytes += run;
		length -= run;
	}
}

void
text_puts(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

void
text_vformat(struct text *text, const char *format, va_list arguments)
{
	va_list again;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		no_memory();
	text_reserve(text, (size_t)length);
	vsnprintf(text->at + text->length, (size_t)length + 1, format, arguments);
	text->length += (size_t)length;
}

void
text_format(struct text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text_vformat(text, format, arguments);
	va_end(arguments);
}

size_t
utf8_step(const char *bytes, size_t length, long *point)
{
	const unsigned char *b = (const unsigned char *)bytes;
	static const long least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t need = b[0] < 0x80 ? 1 : b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3
		: b[0] < 0xf5 ? 4 : 0;
	long value;

	*point = -1;
	if (need == 1) {
		*point = b[0];
		return 1;
	}
	if (!need || need > length)
		return 1;
	value = b[0] & (0x7f >> need);
	for (size_t i = 1; i < need; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 1;
		value = value << 6 | (b[i] & 0x3f);
	}
	if (value < least[need] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return 1;
	*point = value;
	return need;
}

bool
utf8_valid(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length;) {
		long point;

		if ((unsigned char)bytes[i] - 1u < 0x7f) {
			i++;
			continue;
		}
		i += utf8_step(bytes + i, length - i, &point);
		if (point <= 0)
			return false;
	}
	return true;
}

/* Unicode's explicit direction and invisible layout signs: a name could lie with them. */
static bool
turns_direction(long point)
{
	return (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069)
		|| point == 0x200e || point == 0x200f || point == 0x61c || point == 0xfeff;
}

static void
add_cleaned(struct text *text, const char *bytes, size_t length, bool breaks)
{
	for (size_t i = 0; i < length;) {
		long point;
		size_t step = utf8_step(bytes + i, length - i, &point);

		if (point < 0)
			text_puts(text, "\xef\xbf\xbd");
		else if (breaks && (point == '\n' || point == '\t'))
			text_add(text, bytes + i, 1);
		else if (point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028
			|| point == 0x2029)
			text_add(text, " ", 1);
		else if (!turns_direction(point))
			text_add(text, bytes + i, step);
		i += step;
	}
}

void
text_add_clean(struct text *text, const char *bytes, size_t length)
{
	add_cleaned(text, bytes, length, false);
}

void
text_add_readable(struct text *text, const char *bytes, size_t length)
{
	add_cleaned(text, bytes, length, true);
}
