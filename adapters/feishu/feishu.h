/* SPDX-License-Identifier: MIT */
/*
 * What the files of hermes-adapter-feishu share: calls of Feishu's Open API, chats as
 * places, and what stands in a message.
 */
#ifndef FEISHU_H
#define FEISHU_H

#include "api.h"
#include "message.h"

extern const struct adapter_need feishu_needs[];

/* The app's id. Ends the program with 78 when the app is not configured. */
const char *feishu_account(void);

/*
 * Ask `path` (what follows /open-apis); with a body, to do something. An access token is got
 * and kept as needed. `call->result` is what the answer holds under "data" ("bot" for the bot).
 */
void feishu_ask(const char *path, struct api_call *call);
void feishu_act(const char *path, const struct json *body, struct api_call *call);
/* As feishu_ask for who the bot is, with a fresh token: whether the app's secret is right. */
void feishu_ask_bot(struct api_call *call);

/* Whether it is one of Feishu's ids: "oc_" chats, "ou_" people, "omt_" threads, "om_" messages. */
bool is_id(const char *text, const char *lead);
/* Whether messages can be sent there: a chat, a person, or an e-mail address. */
bool is_receiver(const char *text);

/*
 * A page of what was said in a thread (an omt_ id) or a chat: from the newest on, or the
 * oldest; since a time in seconds, which threads do not know; `page` is the page_token
 * before, or NULL.
 */
void feishu_list(const char *container, bool newest, double since, const char *page, int size,
	struct api_call *call);
bool is_own(const struct json *message);
/* As far as it says where it is. */
bool is_in_other_chat(const struct json *message, const char *chat);
/* When it was said, in milliseconds by Feishu's clock. */
double message_time(const struct json *message);

void feishu_ask_chat(const char *chat, struct api_call *call);
/* NULL asks for the home. */
struct json *feishu_resolve(const struct json *question);
/* Add the place and its audience to an answer. Takes `place`; gives `answer`. */
struct json *feishu_put_place(struct json *answer, struct json *place);
/* "dm" or "group": what a chat is by what feishu_ask_chat tells of it. */
const char *chat_kind(const struct json *chat);

struct json *feishu_poll(const struct json *question);

/* 30 KB of post, as the request's body carries it: a JSON string. */
extern const struct dialect feishu_dialect;
/* A styled part as the msg_type and content of a request. */
void put_content(struct json *body, const struct styled *part);
/* The words of a message as it is listed, or as put_content made it; NULL: none. Owned. */
char *content_words(const struct json *message);

#endif
