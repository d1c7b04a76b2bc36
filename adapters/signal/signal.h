/* SPDX-License-Identifier: MIT */
/*
 * What the files of hermes-adapter-signal share: rpc.c asks signal-cli, place.c knows people
 * and groups, text.c how words look, poll.c hears; the other verbs are in the adapter itself.
 */
#ifndef SIGNAL_H
#define SIGNAL_H

#include "api.h"
#include "message.h"

extern const struct adapter_need signal_needs[];

/*
 * Ends the program with 78 where the account is missing, or the daemon not to be asked; else
 * whether that is on this machine.
 */
bool signal_ready(void);
/* The account, as it is configured. */
const char *signal_account(void);

/*
 * Call a method, for the account; `result` of the call is the method's. Takes `params`.
 * signal_act: what is not to be done twice. A limit of 0 is adapter_left().
 */
struct api_call signal_ask(const char *method, struct json *params);
struct api_call signal_act(const char *method, struct json *params, double limit);

/* What became of a message at those it went to, as `results` say. */
struct fates {
	size_t count, reached;
	struct json *failure; /* the one that leaves most open, owned; or NULL */
};
struct fates signal_fates(const struct json *results);
/* The answer for a message that reached nobody, as that failure says. Owned. */
struct json *signal_failure(const struct json *failure);
/* A refusal that tells results: their fates in place of its own words. Owned, or NULL. */
struct json *signal_refused(const struct api_call *call);

enum address { ADDRESS_NONE, ADDRESS_NUMBER, ADDRESS_UUID, ADDRESS_GROUP, ADDRESS_USERNAME };
enum address signal_address(const char *text);
bool signal_is_us(const struct json *who, const char *number, const char *uuid);

struct json *signal_place(const char *chat, bool group, const char *user);
/* NULL asks for the home. */
struct json *signal_resolve(const struct json *question);
struct json *signal_poll(const struct json *question);

extern const struct dialect signal_dialect;
void put_part(struct json *params, const struct styled *part);

#endif
