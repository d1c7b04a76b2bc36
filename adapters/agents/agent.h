/* SPDX-License-Identifier: MIT */
/*
 * What the agents share: hermes-agent(7) read from stdin and written to stdout. The
 * transcript comes message by message and is never held here, so an agent needs as much
 * memory as it keeps, however long the conversation is.
 *
 *	struct agent agent;
 *	struct json *message;
 *
 *	agent_start(&agent);
 *	while ((message = agent_message(&agent)))
 *		…
 *	agent_reply(…);
 */
#ifndef AGENT_H
#define AGENT_H

#include "json.h"
#include "lines.h"

enum { AGENT_REPLY_MOST = 1 << 20 }; /* bytes; a longer reply is a failure */

struct agent {
	struct lines input;
	struct json *head;  /* what "head" holds */
	struct json *event; /* what "event" holds, once agent_message has returned NULL */
};

/* An agent takes no options: --help, --version, or 64; also 64 when stdin is a terminal. */
void agent_options(int argc, char **argv, const char *summary);

/* Read the head. Input that is not the protocol ends the program with 65, here and below. */
void agent_start(struct agent *agent);
/* The next message of the transcript, owned; NULL when the event was read. */
struct json *agent_message(struct agent *agent);
void agent_release(struct agent *agent);

/* Whether `origin` of an event, or of a stored message, says that it is a handoff's notice. */
bool agent_is_notice(const struct json *said);

/* Whether the message is the event itself: hermes-turn may have stored it before it asked. */
bool agent_is_event(const struct agent *agent, const struct json *message);

/* Whether there is anything in it but white space. */
bool agent_is_said(const char *bytes, size_t length);

/* HERMES_AGENT_NAME from the environment, or NULL when unset or empty. */
const char *agent_setting(const char *name);
/* The same as a number that is not negative; anything else ends the program with 78. */
double agent_number(const char *name, double otherwise);

/* A line each, written at once. */
void agent_delta(const char *bytes, size_t length);
void agent_step(const struct json *message);
/* `line` is an object that may hold actions, usage and finish; the reply is added to it. */
void agent_reply(struct json *line, const char *bytes, size_t length);
void agent_line(const char *bytes, size_t length); /* already the protocol's JSON */

/*
 * An error line for the turn, the same words on stderr, and the end. `retry`: later it may
 * work, after so many seconds (0: as always); negative: it will not.
 */
void agent_fail(int status, double retry, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

#endif
