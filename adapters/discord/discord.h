/* SPDX-License-Identifier: MIT */
/*
 * What the files of hermes-adapter-discord share: api.c asks the REST API, place.c knows
 * channels as places, readers.c who may do what there, say.c writes, poll.c listens,
 * dialect.c is Discord's Markdown; about and check are in the adapter itself.
 */
#ifndef DISCORD_H
#define DISCORD_H

#include "api.h"
#include "message.h"

#include <stdint.h>

/* Channels' types. Threads are channels whose parent is one. */
enum channel_type {
	CHANNEL_TEXT = 0, CHANNEL_DM = 1, CHANNEL_CATEGORY = 4, CHANNEL_NEWS = 5,
	THREAD_NEWS = 10, THREAD_PUBLIC = 11, THREAD_PRIVATE = 12,
	CHANNEL_DIRECTORY = 14, CHANNEL_FORUM = 15, CHANNEL_MEDIA = 16
};

/* Rights, as roles and overwrites have them. */
#define RIGHT_ALL (1ull << 3)
#define RIGHT_SEE (1ull << 10)
#define RIGHT_SEND (1ull << 11)
#define RIGHT_READ_HISTORY (1ull << 16)
#define RIGHT_MANAGE_THREADS (1ull << 34)
#define RIGHT_OPEN_THREADS (1ull << 35)
#define RIGHT_SEND_IN_THREADS (1ull << 38)

extern const struct adapter_need discord_needs[];
extern const struct dialect discord_dialect;

/* Ends the program with 78 where there is no token. */
void discord_ready(void);
/* A question. The path is formatted. */
struct api_call discord_get(const char *path, ...) __attribute__((format(printf, 1, 2)));
/* An act. Takes `body` (NULL: none). */
struct api_call discord_act(const char *method, struct json *body, const char *path, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for an act that is done once, however often it is asked for. */
struct api_call discord_act_keyed(struct json *body, const char *path, ...)
	__attribute__((format(printf, 2, 3)));
/* Whether it was refused with that code of Discord's. */
bool discord_refused(const struct api_call *call, const char *code);
/* The answer for an act at `place` that failed: what is gone may be a thread only. Owned. */
struct json *discord_failure(const struct api_call *call, const struct json *place,
	const char *outcome);

/* Ids that tell their time. */
bool is_snowflake(const char *text);
int snowflake_compare(const char *one, const char *other);
double snowflake_time(const char *id);
char *snowflake_at(double time); /* owned; behind all ids before that time */

enum channel_type channel_type(const struct json *channel);
bool is_thread(const struct json *channel);
bool is_forum(const struct json *channel);
/* Whoever a user is called. Borrowed. */
const char *user_name(const struct json *user);
/* The place of a channel, for the bot `account`. Owned. */
struct json *channel_place(const struct json *channel, const char *account);
/*
 * The channel that a question of resolve means (NULL: the home), owned; or NULL, and *trouble is
 * its answer (owned).
 */
struct json *find_channel(const struct json *question, struct json **trouble);
/* The bot's id, owned; or NULL, and *trouble as above. */
char *find_account(struct json **trouble);
/* NULL asks for the home. */
struct json *discord_resolve(const struct json *question);

/* What a user (of a guild) may do in a channel, which is no thread. */
uint64_t member_rights(const struct json *guild, const struct json *channel,
	const struct json *member);
/* Who would read there. Owned. */
struct json *channel_audience(const struct json *channel, const char *account);

struct json *discord_thread(const struct json *question);
struct json *discord_send(const struct json *question);
struct json *discord_poll(const struct json *question);

#endif
