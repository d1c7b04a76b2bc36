/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include "figures.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* The end of the line that begins at `start`, or NULL. */
static char *
line_end(struct lines *lines)
{
	struct text *buffer = &lines->buffer;
	char *end = memchr(buffer->at + lines->scanned, '\n', buffer->length - lines->scanned);

	if (!end)
		lines->scanned = buffer->length;
	return end;
}

static void
forget_taken(struct lines *lines)
{
	struct text *buffer = &lines->buffer;

	if (!lines->start)
		return;
	memmove(buffer->at, buffer->at + lines->start, buffer->length - lines->start + 1);
	buffer->length -= lines->start;
	lines->scanned -= lines->start;
	lines->start = 0;
}

bool
lines_fill(struct lines *lines)
{
	ssize_t got;

	forget_taken(lines);
	text_reserve(&lines->buffer, lines->buffer.length > 65536 ? lines->buffer.length : 65536);
	do
		got = read(lines->fd, lines->buffer.at + lines->buffer.length,
			lines->buffer.size - lines->buffer.length - 1);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return true;
	if (got <= 0) {
		lines->ended = true;
		lines->broken = lines->buffer.length > lines->start;
		if (!got)
			errno = 0;
		return false;
	}
	lines->buffer.length += (size_t)got;
	lines->buffer.at[lines->buffer.length] = '\0';
	return true;
}

static bool
readable(int fd, double wait)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int ready;

	do
		ready = poll(&poll_fd, 1, wait < 0 ? -1 : (int)(wait * 1000 + 0.999));
	while (ready < 0 && errno == EINTR);
	return ready > 0;
}

bool
lines_wait(struct lines *lines)
{
	while (!line_end(lines))
		if (lines->ended || !lines_fill(lines))
			return false;
	return true;
}

char *
lines_next(struct lines *lines, size_t *length, double deadline)
{
	char *end, *line;

	while (!(end = line_end(lines))) {
		double left = deadline > 0 ? deadline - clock_steady() : -1;

		errno = 0;
		if (lines->ended)
			return NULL;
		if (deadline > 0 && (left <= 0 || !readable(lines->fd, left))) {
			errno = ETIMEDOUT;
			return NULL;
		}
		if (!lines_fill(lines))
			return NULL;
	}
	*end = '\0';
	line = lines->buffer.at + lines->start;
	if (length)
		*length = (size_t)(end - line);
	lines->start = lines->scanned = (size_t)(end - lines->buffer.at) + 1;
	return line;
}

bool
lines_ready(struct lines *lines)
{
	while (!line_end(lines)) {
		if (lines->ended)
			return true;
		if (!readable(lines->fd, 0))
			return false;
		lines_fill(lines);
	}
	return true;
}

void
lines_release(struct lines *lines)
{
	text_release(&lines->buffer);
}
