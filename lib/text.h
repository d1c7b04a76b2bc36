/* SPDX-License-Identifier: MIT */
/*
 * A growing text: bytes and a length, always ended by a NUL that is not counted.
 * `at` is never NULL. Bytes may hold NULs of their own; who cares uses `length`.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct text {
	char *at;
	size_t length, size;
};

extern char text_empty[1];
#define TEXT_INIT { text_empty, 0, 0 }

void text_release(struct text *text);
void text_clear(struct text *text);
/* The bytes as an owned string; the text is empty afterwards. */
char *text_take(struct text *text);

void text_reserve(struct text *text, size_t more);
void text_add(struct text *text, const void *bytes, size_t length);
void text_puts(struct text *text, const char *string);
void text_format(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void text_vformat(struct text *text, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

/*
 * For a terminal or a log: invalid UTF-8 becomes U+FFFD; control characters and
 * line breaks become spaces; the signs that turn writing direction are dropped.
 */
void text_add_clean(struct text *text, const char *bytes, size_t length);

/* As above for what a chat or a transcript shows: line breaks and tabs stay. */
void text_add_readable(struct text *text, const char *bytes, size_t length);

/*
 * The character that begins at bytes[0]: its length in bytes (1 to 4), its code
 * point in *point. Invalid bytes: 1, and *point is -1. `length` is at least 1.
 */
size_t utf8_step(const char *bytes, size_t length, long *point);

/* Add bytes but for their NULs: SQL texts and chats end at one, and no message needs it. */
void text_add_without_nuls(struct text *text, const char *bytes, size_t length);

/* Whether all of it is UTF-8 without NULs. */
bool utf8_valid(const char *bytes, size_t length);

#endif
