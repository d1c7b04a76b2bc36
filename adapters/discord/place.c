/* SPDX-License-Identifier: MIT */
/*
 * Channels of Discord as places. A thread is a channel: its place has its own id as chat and
 * as thread, and its parent's nowhere, as its messages carry it. A direct chat is a channel
 * too, with an id that is not the human's; it can be had for the human's.
 */
#include "discord.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

static const double EPOCH = 1420070400;

bool
is_snowflake(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits && digits <= 20 && !text[digits];
}

/* As numbers, which may be too large for a double. */
int
snowflake_compare(const char *one, const char *other)
{
	size_t lengths[] = {strlen(one), strlen(other)};

	if (lengths[0] != lengths[1])
		return lengths[0] < lengths[1] ? -1 : 1;
	return strcmp(one, other);
}

double
snowflake_time(const char *id)
{
	return (double)(strtoull(id, NULL, 10) >> 22) / 1000 + EPOCH;
}

char *
snowflake_at(double time)
{
	double passed = (time - EPOCH) * 1000;

	return xformat("%llu", passed > 0 ? (unsigned long long)passed << 22 : 0ull);
}

enum channel_type
channel_type(const struct json *channel)
{
	return (enum channel_type)json_number(channel, "type", CHANNEL_CATEGORY);
}

bool
is_thread(const struct json *channel)
{
	enum channel_type type = channel_type(channel);

	return type == THREAD_NEWS || type == THREAD_PUBLIC || type == THREAD_PRIVATE;
}

bool
is_forum(const struct json *channel)
{
	enum channel_type type = channel_type(channel);

	return type == CHANNEL_FORUM || type == CHANNEL_MEDIA;
}

const char *
user_name(const struct json *user)
{
	return json_text_or(user, "global_name", json_text_or(user, "username", "someone"));
}

struct json *
channel_place(const struct json *channel, const char *account)
{
	const char *id = json_text_or(channel, "id", "");
	bool thread = is_thread(channel), dm = channel_type(channel) == CHANNEL_DM;
	struct json *human = json_item(channel, "recipients", 0);
	struct json *place = place_new(account, id, dm ? "dm" : thread ? "thread" : "group",
		thread ? id : NULL, dm ? json_text_or(human, "id", "") : NULL);
	char *link = xformat("https://discord.com/channels/%s/%s",
		json_text_or(channel, "guild_id", "@me"), id);

	json_put_text(place, "link", link);
	json_free(human);
	free(link);
	return place;
}

/* The result of a call, taken if it is of the right shape; else NULL and *trouble. */
static struct json *
take_result(struct api_call *call, bool right, struct json **trouble)
{
	struct json *result = call->result;

	call->result = NULL;
	if (!right) {
		*trouble = result ? answer_error("transient", "no answer of Discord's", NULL)
			: api_error(call);
		json_free(result);
		result = NULL;
	}
	api_release(call);
	return result;
}

/* An object with an id. */
static struct json *
take_object(struct api_call *call, struct json **trouble)
{
	return take_result(call, is_snowflake(json_text_or(call->result, "id", "")), trouble);
}

static struct json *
take_list(struct api_call *call, struct json **trouble)
{
	return take_result(call, json_is_array(call->result), trouble);
}

char *
find_account(struct json **trouble)
{
	static char *known;
	struct api_call call;
	struct json *me;

	if (!known) {
		call = discord_get("/users/@me");
		me = take_object(&call, trouble);
		if (!me)
			return NULL;
		known = xstrdup(json_text(me, "id"));
		json_free(me);
	}
	return xstrdup(known);
}

static struct json *
open_dm(const char *user, struct json **trouble)
{
	struct json *body = json_object();
	struct api_call call;

	json_put_text(body, "recipient_id", user);
	call = discord_act_keyed(body, "/users/@me/channels");
	return take_object(&call, trouble);
}

/* A number may be a channel's, or a person's. */
static struct json *
find_by_id(const char *id, struct json **trouble)
{
	struct api_call call = discord_get("/channels/%s", id);
	bool unknown = discord_refused(&call, "10003");
	struct json *channel = take_object(&call, trouble), *person, *worse = NULL;

	if (channel || !unknown)
		return channel;
	person = open_dm(id, &worse);
	json_free(worse);
	if (person) {
		json_free(*trouble);
		*trouble = NULL;
	}
	return person;
}

/* What holds channels is none itself: nobody speaks there. */
static bool
is_category(const struct json *channel)
{
	enum channel_type type = channel_type(channel);

	return type == CHANNEL_CATEGORY || type == CHANNEL_DIRECTORY;
}

/* The channels of one server that bear the name, counted; the last of them in *found. */
static size_t
look_in_guild(const char *guild, const char *name, struct json **found, struct json **trouble)
{
	struct api_call call = discord_get("/guilds/%s/channels", guild);
	struct json *channels = take_list(&call, trouble);
	size_t count = 0;

	for (size_t i = 0, n = json_count(channels, ""); i < n; i++) {
		struct json *channel = json_item(channels, "", i);

		if (strcmp(json_text_or(channel, "name", ""), name) || is_category(channel)) {
			json_free(channel);
			continue;
		}
		json_free(*found);
		*found = channel;
		count++;
	}
	json_free(channels);
	return count;
}

/* Only who is shown every list knows that no other channel has the name. */
static struct json *
find_by_name(const char *name, struct json **trouble)
{
	enum { GUILDS_MOST = 10 };
	static const char remedy[] = "name it by its number, or its link";
	struct api_call call = discord_get("/users/@me/guilds?limit=%d", GUILDS_MOST + 1);
	struct json *guilds = take_list(&call, trouble), *found = NULL;
	size_t many = json_count(guilds, ""), count = 0;

	if (many > GUILDS_MOST)
		*trouble = answer_error("request", "the bot is in too many servers to look for a name",
			remedy);
	for (size_t i = 0; i < many && !*trouble; i++) {
		struct json *guild = json_item(guilds, "", i);
		const char *id = json_text_or(guild, "id", "");

		if (is_snowflake(id))
			count += look_in_guild(id, name, &found, trouble);
		json_free(guild);
	}
	json_free(guilds);
	if (!*trouble && count == 1)
		return found;
	if (!*trouble)
		*trouble = answer_error("request", count ? "several channels have that name"
			: "no channel that the bot sees has that name", remedy);
	json_free(found);
	return NULL;
}

/* The channel of https://discord.com/channels/SERVER/CHANNEL[/MESSAGE], or NULL. Owned. */
static char *
linked_channel(const char *words)
{
	const char *at = strstr(words, "/channels/");

	if (strncmp(words, "https://", 8) || !at || !(at = strchr(at + 10, '/')))
		return NULL;
	at++;
	return xformat("%.*s", (int)strspn(at, "0123456789"), at);
}

/* An id within <#…>, <@…>, @…, or CHANNEL/THREAD; else the words themselves. Owned. */
static char *
bare_id(const char *words)
{
	size_t lead = strspn(words, "<#@!"), digits = strspn(words + lead, "0123456789");
	const char *behind = words + lead + digits;

	if (!lead && digits && (*behind == '/' || *behind == ':') && is_snowflake(behind + 1))
		return xstrdup(behind + 1);
	if (digits && (!*behind || !strcmp(behind, ">")))
		return xformat("%.*s", (int)digits, words + lead);
	return xstrdup(words);
}

static struct json *
find_by_words(const char *words, struct json **trouble)
{
	char *linked = linked_channel(words), *id = linked ? linked : bare_id(words);
	struct json *channel = NULL;

	if (is_snowflake(id) && (*words == '@' || !strncmp(words, "<@", 2)))
		channel = open_dm(id, trouble);
	else if (is_snowflake(id))
		channel = find_by_id(id, trouble);
	else if (*words == '#' && words[1])
		channel = find_by_name(words + 1, trouble);
	else
		*trouble = answer_error("request", "not a channel or person of Discord's",
			"name a channel by its number, by #name or by its link, a person by @number");
	free(id);
	if (channel && is_category(channel)) {
		*trouble = answer_error("request", "that is a group of channels, and no channel",
			"name one of its channels");
		json_free(channel);
		channel = NULL;
	}
	return channel;
}

struct json *
find_channel(const struct json *question, struct json **trouble)
{
	const char *chat = json_text(question, "chat"), *thread = json_text(question, "thread");
	const char *words = json_text_or(question, "words", "");

	if (!chat && !*words) {
		chat = adapter_setting("HOME_CHANNEL");
		thread = adapter_setting("HOME_CHANNEL_THREAD_ID");
	}
	if (thread && !is_snowflake(thread)) {
		*trouble = answer_error("request", "a thread is a number", "copy the thread's id");
		return NULL;
	}
	words = thread ? thread : chat ? chat : words;
	if (*words)
		return find_by_words(words, trouble);
	*trouble = answer_error("config", "no home channel",
		"set DISCORD_HOME_CHANNEL to the id of the channel that handoffs go to");
	return NULL;
}

struct json *
discord_resolve(const struct json *question)
{
	struct json *trouble = NULL, *answer, *channel;
	char *account;

	discord_ready();
	channel = find_channel(question, &trouble);
	if (!channel)
		return trouble;
	if ((account = find_account(&trouble))) {
		answer = json_object();
		json_put(answer, "place", channel_place(channel, account));
		json_put(answer, "audience", channel_audience(channel, account));
		free(account);
	} else {
		answer = trouble;
	}
	json_free(channel);
	return answer;
}
