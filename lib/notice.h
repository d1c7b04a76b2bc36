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

/* What people read instead when the agent cannot speak. Owned. */
char *notice_alone(const struct json *record);

#endif
