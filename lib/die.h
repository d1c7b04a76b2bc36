/* SPDX-License-Identifier: MIT */
/*
 * The program's trouble: it says so once, on stderr, and ends.
 *
 * A message reads "program: subject: what is wrong; what to do". A format that
 * ends in a colon has ": strerror(errno)" added. Whatever a message quotes is
 * cleaned: no control character reaches a terminal or a log.
 */
#ifndef DIE_H
#define DIE_H

#include "alloc.h"

/* Exit statuses beside sysexits.h's, see docs/man/hermes.1. */
enum { EX_NO = 1, EX_USER = 64, EX_BAD = 65, EX_MISSING = 66, EX_AWAY = 69, EX_BUG = 70,
	EX_STORE = 74, EX_LATER = 75, EX_DENIED = 77, EX_SETUP = 78 };

/* Called first in every main; keeps the last part of the path. */
void program_start(const char *argv0);
const char *program_name(void);

void die(int status, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));
/* Flush stdout and end: 74 if what was printed could not be written. */
void program_end(int status) __attribute__((noreturn));
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* xformat: an owned, formatted string. */
char *xformat(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
