/* SPDX-License-Identifier: MIT */
/*
 * What the files of hermes-adapter-whatsapp share. There are two ways to WhatsApp: Meta's
 * Cloud API, and a bridge on this machine that is a linked device (Baileys). api.c asks
 * either, place.c knows chats and who reads there, dialect.c is how texts look, check.c
 * looks what is missing; what comes in comes through a spool, into which hook.c puts what
 * Meta calls us with, and out of which poll.c makes events.
 */
#ifndef WHATSAPP_H
#define WHATSAPP_H

#include "api.h"
#include "message.h"

extern const struct adapter_need whatsapp_needs[];
extern const struct dialect whatsapp_dialect;

/* Which way the configuration says. Ends the program with 78 where it says none. */
bool whatsapp_bridged(void);
/* The setting of that name of the Cloud API's; ends the program with 78 where it is missing. */
const char *cloud_setting(const char *name);

/*
 * The Cloud API: below the phone number's id (path "": itself). Body NULL: a question; else
 * an act, and the body is taken.
 */
struct api_call cloud_ask(const char *path, struct json *body);
/* The bridge: as above, with a limit in seconds (0: what is left). */
struct api_call bridge_ask(const char *path, struct json *body, double limit);
/* What a failure means that Meta tells of later, as the error of a status says it. */
struct api_call cloud_failure(const struct json *error);

/* The account: the phone number's id, or "bridge". Borrowed. */
const char *whatsapp_account(void);
/* A chat's id as places bear it, from what people type or the bridge says. Owned or NULL. */
char *chat_of(const char *words);
/* What the bridge calls that chat. Owned. */
char *jid_of(const char *chat);
/* The place of a chat; user may be NULL. Owned. */
struct json *whatsapp_place(const char *chat, const char *user);
/* Put `place` (taken) and its audience into the answer. Returns `answer`. */
struct json *put_place(struct json *answer, struct json *place);
/* The home of the configuration, or NULL. */
const char *whatsapp_home(void);

/* The answers of verbs. Owned. */
struct json *whatsapp_resolve(const struct json *question);
struct json *whatsapp_check(const struct json *question);
struct json *whatsapp_hook(const struct json *question);
struct json *whatsapp_poll(const struct json *question);

#endif
