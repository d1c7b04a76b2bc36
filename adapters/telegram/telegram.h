/* SPDX-License-Identifier: MIT */
/*
 * What the files of hermes-adapter-telegram share: api.c asks the Bot API, place.c knows
 * chats and who reads there, text.c how words look; the verbs are in the adapter itself.
 */
#ifndef TELEGRAM_H
#define TELEGRAM_H

#include "api.h"
#include "message.h"

extern const struct adapter_need telegram_needs[];

/* A question: it changes nothing, or twice is the same as once. Takes `arguments`. */
struct api_call telegram_ask(const char *method, struct json *arguments, double limit);
/*
 * An act in a chat; where the chat has moved, once more at its new id, which is in *moved
 * (owned; else NULL). Takes `arguments`.
 */
struct api_call telegram_act(const char *method, struct json *arguments, char **moved);

/* Arguments that name a chat. Owned. */
struct json *chat_arguments(const char *chat);

/* The bot's id. Owned. Ends the program with 78 where there is no token. */
char *telegram_account(void);

/* The place of a chat as getChat or a message tells it; `thread` may be NULL. Owned. */
struct json *chat_place(const struct json *chat, const char *thread);
/* Put `place` (taken) into the answer, with its link, and who reads there. Returns `answer`. */
struct json *put_place(struct json *answer, struct json *place);
/* What a user or a chat is called. Owned. */
char *full_name(const struct json *user);
/* The answer of resolve; NULL asks for the home. Owned. */
struct json *telegram_resolve(const struct json *question);

/* How Telegram takes a text. */
extern const struct dialect telegram_dialect;
/* Put the part as sendMessage takes it; without `styles`, its words alone. */
void put_part(struct json *arguments, const struct styled *part, bool styles);
/* Whether nothing was sent because of the styles. */
bool refused_styles(const struct api_call *call);

#endif
