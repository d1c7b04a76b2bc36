/* SPDX-License-Identifier: MIT */
/*
 * What the files of hermes-adapter-slack share: api.c asks the Web API, place.c knows
 * conversations and who reads there, mrkdwn.c is how texts look, check.c
 * looks what is missing, poll.c hears. The other verbs are in the adapter itself.
 */
#ifndef SLACK_H
#define SLACK_H

#include "api.h"
#include "message.h"

extern const struct adapter_need slack_needs[];
extern const struct dialect slack_dialect;

/* The bot's token. Ends the program with 78 where there is none: asked for before all else. */
const char *slack_token(void);

/* Arguments of a method: a form. A NULL value is left out. */
void form_add(struct text *form, const char *name, const char *value);

/* A question. Takes `form`. */
struct api_call slack_ask(const char *method, struct text *form);
/*
 * A question about what was said in a conversation; asked as the user of SLACK_USER_TOKEN
 * where there is one who is in it. At most `limit` seconds of what is left; 0: all of it.
 * Takes `form`.
 */
struct api_call slack_read(const char *chat, const char *method, struct text *form, double limit);
/* An act, which Slack does not know again. Takes `form`. */
struct api_call slack_act(const char *method, struct text *form);

/* What auth.test says, for as long as the process lives; NULL: *trouble says why not. */
const struct json *slack_self(struct api_call *trouble);

bool is_conversation(const char *text); /* C…, G…, D… */
bool is_stamp(const char *text);        /* 1700000000.000100 */
/* Order of two stamps: below, at or above 0. */
int stamp_order(const char *one, const char *other);

/* The place of a conversation; thread and user may be NULL. Owned. */
struct json *slack_place(const struct json *self, const char *chat, const char *thread,
	const char *user);
/* Put `place` (taken) into the answer, with its link, and who reads there. Returns `answer`. */
struct json *put_place(struct json *answer, const struct json *self, struct json *place);
/* The answer of resolve; NULL asks for the home. Owned. */
struct json *slack_resolve(const struct json *question);
/* What users.info says of somebody. Owned; NULL: Slack does not tell. */
struct json *slack_user(const char *id);
/* What people call them. Owned. */
char *user_name(const struct json *user, const char *id);

/* What somebody wrote, without Slack's markup of names and links. */
void slack_words(struct text *words, const char *text);

/* The answers of check and poll. Owned. */
struct json *slack_check(const struct json *question);
struct json *slack_poll(const struct json *question);

#endif
