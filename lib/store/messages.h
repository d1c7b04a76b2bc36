/* SPDX-License-Identifier: MIT */
/*
 * Messages of a session. Only valid UTF-8 is written. What another program wrote
 * wrongly is shown with U+FFFD and "damaged": true, and hides nothing else.
 */
#ifndef MESSAGES_H
#define MESSAGES_H

#include "db.h"

/*
 * Within a transaction: append a message: {"role","content","tool_calls","tool_call_id",
 * "tool_name","platform_message_id","finish_reason","reasoning","timestamp"}; tool_calls
 * may be a text (kept byte for byte) or JSON. Returns its id.
 */
long long message_add(struct db *db, const char *session, const struct json *message);
/*
 * The same, unless the session holds a message with that platform_message_id already: then
 * the id of that one. (Some platforms count per chat: two messages may share an id.)
 */
long long message_once(struct db *db, const char *session, const struct json *message);
/* The same for plain words. */
long long message_say(struct db *db, const char *session, const char *role, const char *content,
	size_t length, const char *platform_message_id);
/* Within a transaction: other words for a message that is there. */
void message_reword(struct db *db, long long id, const char *content, size_t length);
char *message_content(struct db *db, long long id); /* owned, or NULL */

/*
 * Stream messages as JSON lines, in order: those of `session` after id `after`, at most
 * `limit` of them (negative: all); or, with session NULL, none. Rows are read in batches
 * and no statement is open while `line` is called. Returns how many there were.
 */
struct message_range {
	const char *session;
	long long after, before; /* before: 0 for no bound */
	long long but;     /* this one is left out */
	long limit;
	const char *role;  /* NULL: every role */
	bool active;       /* leave out what was compacted or rewound away */
};
long messages_each(struct db *db, const struct message_range *range,
	void (*lines)(const struct text *lines, void *data), void *data);

#endif
