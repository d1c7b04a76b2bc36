/* SPDX-License-Identifier: MIT */
/*
 * What the files of hermes-adapter-telegram share: api.c asks the Bot API,
 * place.c knows chats and who reads there, the verbs are in the adapter itself.
 */
#ifndef TELEGRAM_H
#define TELEGRAM_H

#include "json.h"

/* What came of one call of the Bot API. */
struct call {
	struct json *result; /* of success, owned; else NULL */
	bool unknown;        /* it may have been carried out */
	int code;            /* Telegram's error_code, else 0 */
	const char *class;   /* of hermes-adapter(7), for all but success */
	char *why;           /* owned, and without secrets */
	const char *remedy;  /* or NULL */
	double retry_after;  /* seconds; negative: not said */
	char *moved;         /* owned: the id that the chat has now; NULL: it has not moved */
};

void call_release(struct call *call);

/* A question: it changes nothing, or twice is the same as once. Takes `arguments`. */
struct call telegram_ask(const char *method, struct json *arguments, double limit);
/* An act in a chat; where the chat has moved, once more at its new id. Takes `arguments`. */
struct call telegram_act(const char *method, struct json *arguments);

/* Arguments that name a chat. Owned. */
struct json *chat_arguments(const char *chat);

/* The answer for a question that failed: nothing can have happened. Owned. */
struct json *call_error(const struct call *call);
/* The answer for an act that failed: `outcome`, or unknown. Owned. */
struct json *call_failure(const struct call *call, const char *outcome);

/* The bot's id. Owned. Ends the program with 78 where there is no token. */
char *telegram_account(void);

/* The place of a chat as getChat or a message tells it; `thread` may be NULL. Owned. */
struct json *chat_place(const struct json *chat, const char *thread);
/* Put `place` (taken) into the answer, with its link, and who reads there. Returns `answer`. */
struct json *put_place(struct json *answer, struct json *place);
/* What a user or a chat is called. Owned. */
char *full_name(const struct json *user);
/* The answer of resolve. Owned. */
struct json *telegram_resolve(const struct json *question);

#endif
