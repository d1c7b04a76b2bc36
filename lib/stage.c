/* SPDX-License-Identifier: MIT */
#include "stage.h"

#include "die.h"
#include "lines.h"
#include "out.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct json *
parse_record(const char *line, size_t length)
{
	char *why = NULL;
	struct json *record = json_parse(line, length, &why);

	if (record && json_is_object(record))
		return record;
	warn("a line is not a record: %s", why ? why : "not an object");
	free(why);
	json_free(record);
	return NULL;
}

int
stage_run(void (*begin)(void), void (*work)(struct json *record))
{
	struct lines in = LINES_INIT(STDIN_FILENO);
	struct out out = {.json = true};
	size_t length;
	int status = 0;
	bool begun = false;
	char *line;

	if (isatty(STDIN_FILENO))
		die(EX_USER, "records are read from stdin; see hermes-record(5)");
	while ((line = lines_next(&in, &length, 0))) {
		struct json *record;

		if (!*line)
			continue;
		record = parse_record(line, length);
		if (!record) {
			status = EX_BAD;
			continue;
		}
		if (!begun)
			begin();
		begun = true;
		if (!record_failed(record)) {
			work(record);
			if (record_failed(record) && !status)
				status = EX_NO;
		}
		out_json(&out, record);
		json_free(record);
	}
	if (in.broken)
		warn("the last line has no end: dropped, the store still has its work");
	return status;
}

bool
record_failed(const struct json *record)
{
	return json_has(record, "error");
}

static void __attribute__((format(printf, 3, 0)))
put_error(struct json *record, int code, const char *format, va_list arguments)
{
	struct text words = TEXT_INIT;
	struct json *error = json_object();

	text_vformat(&words, format, arguments);
	json_put_number(error, "code", code);
	json_put_bytes(error, "text", words.at, words.length);
	json_put(record, "error", error);
	text_release(&words);
}

void
record_error(struct json *record, int code, const char *remedy, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_error(record, code, format, arguments);
	va_end(arguments);
	if (remedy && *remedy)
		json_put_text(record, "error.remedy", remedy);
}

void
record_retry(struct json *record, int code, double after, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_error(record, code, format, arguments);
	va_end(arguments);
	json_put_true(record, "error.retry", true);
	if (after >= 0)
		json_put_number(record, "error.after", after);
}

void
record_wait(struct json *record, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_error(record, EX_LATER, format, arguments);
	va_end(arguments);
	json_put_true(record, "error.wait", true);
}

void
record_rest(struct json *record, const char *platform, double seconds)
{
	record_wait(record, "%s wants to be left alone for %.0f s", platform, seconds);
	json_put_number(record, "error.after", seconds);
}

long long
record_number(const struct json *record, const char *path)
{
	const char *text = json_text(record, path);
	char *end;
	long long id;

	if (!text || *text < '0' || *text > '9')
		return 0;
	id = strtoll(text, &end, 10);
	return *end ? 0 : id;
}
