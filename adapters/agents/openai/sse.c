/* SPDX-License-Identifier: MIT */
#include "sse.h"

#include <string.h>

static bool
end_event(struct sse *sse)
{
	bool more = !sse->any || sse->event(sse->data.at, sse->data.length, sse->to);

	text_clear(&sse->data);
	sse->any = false;
	return more;
}

static bool
end_line(struct sse *sse)
{
	const char *line = sse->line.at, *value;
	size_t length = sse->line.length;
	bool more = true;

	if (length >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) {
		line += 3;
		length -= 3;
	}
	if (!length) {
		more = end_event(sse);
	} else if ((length == 4 || (length > 4 && line[4] == ':')) && !memcmp(line, "data", 4)) {
		value = line + (length > 4 ? 5 : 4);
		value += value < line + length && *value == ' ';
		if (sse->any)
			text_add(&sse->data, "\n", 1);
		text_add(&sse->data, value, (size_t)(line + length - value));
		sse->any = true;
	}
	text_clear(&sse->line);
	return more && sse->data.length <= SSE_MOST;
}

/* Bytes before the next CR or LF. */
static size_t
run_of(const char *bytes, size_t length)
{
	const char *lf = memchr(bytes, '\n', length);
	const char *cr = memchr(bytes, '\r', lf ? (size_t)(lf - bytes) : length);

	return cr ? (size_t)(cr - bytes) : lf ? (size_t)(lf - bytes) : length;
}

bool
sse_feed(struct sse *sse, const char *bytes, size_t length)
{
	while (length) {
		size_t run;

		if (sse->after_cr && *bytes == '\n') {
			bytes++;
			length--;
		}
		sse->after_cr = false;
		run = run_of(bytes, length);
		text_add(&sse->line, bytes, run);
		if (sse->line.length > SSE_MOST)
			return false;
		if (run == length)
			break;
		sse->after_cr = bytes[run] == '\r';
		bytes += run + 1;
		length -= run + 1;
		if (!end_line(sse))
			return false;
	}
	return true;
}

void
sse_release(struct sse *sse)
{
	text_release(&sse->line);
	text_release(&sse->data);
}
