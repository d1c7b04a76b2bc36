/* SPDX-License-Identifier: MIT */
/*
 * One answer of a server that speaks chat completions, put together from the pieces of a
 * stream or taken from one body. Which of the two it is, the first byte says: a server may
 * answer either way, whatever it was asked for.
 *
 * An answer is whole when the server said why it ended (finish_reason) or that the stream
 * did ([DONE]). Anything else is trouble, never an answer.
 */
#ifndef COMPLETION_H
#define COMPLETION_H

#include "json.h"
#include "sse.h"

enum { COMPLETION_CALLS = 32 }; /* tool calls of one answer */

struct call {
	struct text id, name, arguments;
};

struct completion {
	/* Given each piece of the answer as it comes; NULL: nobody wants them. */
	void (*heard)(const char *bytes, size_t length);
	struct text words;
	struct call calls[COMPLETION_CALLS];
	size_t count;       /* of calls */
	char *finish;       /* finish_reason, or NULL */
	double input, output; /* tokens; negative: not said */
	char *trouble;      /* owned words, or NULL */
	bool spoken;        /* `heard` was called: asking again would say things twice */
	bool done, streamed, started;
	struct sse stream;
	struct text body;
};

void completion_init(struct completion *completion, void (*heard)(const char *, size_t));
void completion_release(struct completion *completion);

/* A piece of the body; false: no more is wanted. Fits http_request's on_data. */
bool completion_take(const char *bytes, size_t length, void *completion);

/* The body has ended. False when it is no whole answer: `trouble` says why. */
bool completion_end(struct completion *completion);

/* The answer as a message of a transcript (role, content, tool_calls). Owned. */
struct json *completion_message(const struct completion *completion);

/* What an error body says about itself, or NULL. Owned. */
char *completion_error(const char *body, size_t length);

#endif
