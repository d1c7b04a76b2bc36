/* SPDX-License-Identifier: MIT */
/*
 * Server-sent events: bytes in, as they come off the wire and cut anywhere; the data of
 * whole events out. Lines end in LF, CR or CRLF; comments and other fields are passed
 * over; an event that the stream's end cut off is none.
 */
#ifndef SSE_H
#define SSE_H

#include "text.h"

enum { SSE_MOST = 8 << 20 }; /* bytes of one event */

struct sse {
	/* Given the data of each event (lines joined by LF). False: no more is wanted. */
	bool (*event)(const char *data, size_t length, void *to);
	void *to;
	struct text line, data; /* unfinished */
	bool any;               /* the event has data, be it empty */
	bool after_cr;          /* the last byte was CR: an LF belongs to it */
};

/* False when `event` said so, or when one event is larger than SSE_MOST. */
bool sse_feed(struct sse *sse, const char *bytes, size_t length);
void sse_release(struct sse *sse);

#endif
