/* SPDX-License-Identifier: MIT */
/*
 * A stage of a pipeline: a record in, the same record plus one key out, flushed line by
 * line. A record with `error` passes untouched. What is wrong with a record goes into
 * the record; what is wrong with the program ends it.
 */
#ifndef STAGE_H
#define STAGE_H

#include "json.h"

/*
 * Run `work` on every record of stdin and print it; `begin` once before the first, so that
 * the stages that have nothing to do yet leave the processors to the one that has. Returns
 * the exit status: 0, or 1 when a record gained an error, or 65 when a line was no record.
 */
int stage_run(void (*begin)(void), void (*work)(struct json *record));

/* Give the record an error: exit-status code, words, and what to do about it (or NULL). */
void record_error(struct json *record, int code, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* An error that may pass: try again, not before `after` seconds (negative: the usual delay). */
void record_retry(struct json *record, int code, double after, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* It must wait for another: back to its queue at its old place, no attempt counted. */
void record_wait(struct json *record, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same: the platform, or this chat of it, wants to be left alone for so many seconds. */
void record_rest(struct json *record, const char *platform, double seconds);

bool record_failed(const struct json *record);
/* The id at the path ("handoff.id") as a number, or 0. */
long long record_number(const struct json *record, const char *path);

#endif
