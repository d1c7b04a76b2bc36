/* SPDX-License-Identifier: MIT */
/*
 * What the files of hermes-adapter-imessage share: api.c asks BlueBubbles, chat.c knows
 * chats as places, poll.c listens; the other verbs are in the adapter itself.
 */
#ifndef IMESSAGE_H
#define IMESSAGE_H

#include "api.h"

extern const struct adapter_need imessage_needs[];

/* Ends the program with 78 where the server's address or password is missing. */
void imessage_ready(void);
/* A question: `body` (taken) is posted; NULL: it is a GET. `segment`, escaped, ends the path. */
struct api_call bluebubbles_ask(const char *path, const char *segment, struct json *body);
/* An act. Takes `body`. */
struct api_call bluebubbles_act(const char *path, struct json *body);
/* The messages that a question names, newest or oldest first; `question` is taken. */
struct api_call bluebubbles_messages(struct json *question, bool newest_first, int limit);

/* Whether it is a chat's own id: SERVICE;-;ADDRESS of two, SERVICE;+;ID of a group. */
bool is_chat(const char *text);
/* Whether they name one chat: the service that it goes by may change. */
bool same_chat(const char *one, const char *other);
/*
 * The place of a chat. Owned. A Mac has one account, which is called as the platform is: its
 * address is only known by its chats, and may be another one after each of them.
 */
struct json *chat_place(const char *guid);
/*
 * The chat that a question of resolve means (NULL: the home). Owned; NULL: *trouble is its
 * answer (owned).
 */
struct json *find_chat(const struct json *question, struct json **trouble);
/* Who reads there. Owned. */
struct json *chat_audience(const struct json *chat);

struct json *imessage_resolve(const struct json *question);
struct json *imessage_poll(const struct json *question);

#endif
