/* SPDX-License-Identifier: MIT */
/*
 * The words of a handoff's synthetic turn: what the agent is told, as the user's message,
 * when the conversation arrives somewhere.
 */
#ifndef NOTICE_H
#define NOTICE_H

#include "json.h"

/* From a record with handoff, session and place. Owned. */
char *notice_words(const struct json *record);

/* The same for the transcript, when it comes back to the command line. `from` may be NULL. Owned. */
char *notice_home(const struct json *from);

/*
 * One line for who reads at a place that the conversation has left; `to` is where it is now
 * (NULL: the command line), shown only if they `may_know` more than the platform.
 * notice_left answers who wrote there nevertheless. Owned.
 */
char *notice_gone(const struct json *to, bool may_know);
char *notice_left(const char *session, const struct json *to, bool may_know);

/* What people read instead when the agent cannot speak. Owned. */
char *notice_alone(const struct json *record);

#endif
