/* SPDX-License-Identifier: MIT */
/*
 * A transcript as the messages of a chat completions request: the newest that fit, in the
 * shape that servers insist on.
 *
 * Servers refuse a tool result without its call and a call without its result, and a
 * transcript may hold both (a turn was cut off; an older program wrote it). So:
 *
 *	a call that was never answered    gets a result that says that none was recorded
 *	a result that answers no call     becomes a remark of the assistant's: kept, but a
 *	                                  tool's words never stand there as the user's
 *	a call without an id or a name    is left out
 *	a message without content         is left out
 *
 * A message with calls and the results that answer it are kept or dropped together.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include "json.h"

struct unit;

struct history {
	size_t most_messages, most_characters; /* the newest unit stays, however large */
	size_t messages, characters, dropped;
	struct unit *first, *last;
	struct json *waiting; /* the calls of the last unit that have no result yet, or NULL */
	struct text remarks;  /* results that answer no call: they follow those that do */
};

#define HISTORY_INIT(messages_, characters_) { .most_messages = (messages_), \
	.most_characters = (characters_), .remarks = TEXT_INIT }

/* The next message, as hermes-agent(7) has them. */
void history_add(struct history *history, const struct json *message);

/* Nothing follows: answers what is still unanswered. Messages may be added afterwards. */
void history_close(struct history *history);

/* All that is kept, as JSON objects, each with a comma before it. */
void history_print(const struct history *history, struct text *into);
void history_release(struct history *history);

#endif
