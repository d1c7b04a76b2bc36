/* SPDX-License-Identifier: MIT */
/*
 * Listening to Discord, channel by channel: what came after the last message that was seen
 * there, which is the mark. A channel that is asked for the first time begins now; but what
 * followed the bot's own last words, and all of a thread that it opened, may be an answer,
 * and is heard.
 */
#include "discord.h"

#include "die.h"
#include "figures.h"
#include "rounds.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 100, PAGES = 5 };
enum { MESSAGE_PLAIN = 0, MESSAGE_REPLY = 19 };

struct listener {
	const char *account;
	size_t wordless; /* messages that came without their words */
};

static char *
spot_name(const struct round *round, const struct json *place)
{
	const struct listener *listener = round->data;
	const char *channel = json_text_or(place, "thread", json_text_or(place, "chat", ""));

	return is_snowflake(channel)
		&& !strcmp(json_text_or(place, "account", ""), listener->account) ? xstrdup(channel) : NULL;
}

/* A forum is not spoken in itself. */
static struct json *
find_home(const struct round *round)
{
	const struct listener *listener = round->data;
	struct json *trouble = NULL, *found, *channel = find_channel(NULL, &trouble);

	found = trouble ? trouble : json_object();
	if (channel && !is_forum(channel))
		json_put(found, "place", channel_place(channel, listener->account));
	json_free(channel);
	return found;
}

/* What a failed question means: a refusal is this channel's, a limit may be. Releases the call. */
static enum hearing
note_failure(struct round *round, struct spot *spot, struct api_call *call)
{
	struct json *trouble = json_object();
	bool refused = call->status / 100 == 4 && call->status != 401 && call->status != 429;

	if (call->retry_after > 0)
		spot->rests = clock_now() + call->retry_after;
	json_put(trouble, "error", discord_failure(call, spot->place, "error"));
	json_drop(trouble, "error.outcome");
	if (call->unknown)
		json_put_text(trouble, "error.class", "transient");
	round_trouble(round, spot, trouble);
	api_release(call);
	return refused ? SPOT_REFUSED : SPOT_OVER;
}

/* A list of messages, owned; NULL: *came says what that means. */
static struct json *
ask_messages(struct round *round, struct spot *spot, const char *after, enum hearing *came)
{
	struct api_call call = discord_get("/channels/%s/messages?limit=%d%s%s", spot->name, PAGE,
		after ? "&after=" : "", after ? after : "");
	struct json *list = call.result;

	if (list && json_is_array(list)) {
		call.result = NULL;
		api_release(&call);
		return list;
	}
	if (list) {
		call.class = "transient";
		call.why = xstrdup("no answer of Discord's");
	}
	*came = note_failure(round, spot, &call);
	return NULL;
}

/* The newest message of the bot's own in a page, or `otherwise`. Owned. */
static char *
own_last(const struct json *page, const char *account, const char *otherwise)
{
	char *last = NULL;

	for (size_t i = 0, n = json_count(page, ""); i < n; i++) {
		struct json *message = json_item(page, "", i);
		const char *id = json_text_or(message, "id", "");

		if (is_snowflake(id) && !strcmp(json_text_or(message, "author.id", ""), account)
			&& (!last || snowflake_compare(id, last) > 0)) {
			free(last);
			last = xstrdup(id);
		}
		json_free(message);
	}
	return last ? last : xstrdup(otherwise);
}

/* Where listening to a channel begins. Owned; NULL: *came says why it cannot be said now. */
static char *
beginning(struct round *round, struct spot *spot, enum hearing *came)
{
	const struct listener *listener = round->data;
	struct api_call call = discord_get("/channels/%s", spot->name);
	const char *newest = json_text_or(call.result, "last_message_id", "0");
	struct json *page;
	char *begin;

	if (!call.result) {
		*came = note_failure(round, spot, &call);
		return NULL;
	}
	if (is_thread(call.result)
		&& !strcmp(json_text_or(call.result, "owner_id", ""), listener->account)) {
		begin = xstrdup(spot->name);
	} else if (spot->home) {
		begin = xstrdup(is_snowflake(newest) ? newest : "0");
	} else {
		page = ask_messages(round, spot, NULL, came);
		begin = page ? own_last(page, listener->account, newest) : NULL;
		json_free(page);
	}
	api_release(&call);
	return begin;
}

/* Who speaks, where that is a human and says something; else NULL. Owned. */
static struct json *
speaker(const struct json *message)
{
	double type = json_number(message, "type", -1);
	struct json *author = json_at(message, "author"), *user = NULL;

	if ((type == MESSAGE_PLAIN || type == MESSAGE_REPLY) && json_text(author, "id")
		&& !json_true(author, "bot") && !json_has(message, "webhook_id")) {
		user = json_object();
		json_put_text(user, "id", json_text(author, "id"));
		json_put_text(user, "name", user_name(author));
	}
	json_free(author);
	return user;
}

/* What is said, without the call for the bot that it begins with. Borrowed. */
static const char *
words_of(const struct listener *listener, const struct json *message)
{
	const char *words = json_text_or(message, "content", "");
	char *calls[] = {xformat("<@%s>", listener->account), xformat("<@!%s>", listener->account)};

	for (int i = 0; i < 2; i++) {
		if (!strncmp(words, calls[i], strlen(calls[i])))
			words += strlen(calls[i]) + strspn(words + strlen(calls[i]), " \n");
		free(calls[i]);
	}
	return words;
}

/* A message with nothing in it at all: the bot is not shown it. */
static bool
is_hidden(const struct json *message)
{
	static const char *const parts[] = {"attachments", "embeds", "sticker_items", "components",
		"message_snapshots"};

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (json_count(message, parts[i]))
			return false;
	return !*json_text_or(message, "content", "") && !json_has(message, "poll");
}

static void
add_event(struct round *round, const struct spot *spot, const struct json *message)
{
	struct listener *listener = round->data;
	struct json *user = speaker(message), *event, *where;
	const char *id = json_text(message, "id"), *words = words_of(listener, message);
	const char *answered = json_text(message, "message_reference.message_id");

	listener->wordless += user && is_hidden(message);
	if (user && *words) {
		event = json_object();
		where = json_copy(spot->place);
		json_drop(where, "link");
		json_put_text(where, "user", json_text(user, "id"));
		json_put_text(event, "message", id);
		json_put(event, "place", where);
		json_put(event, "user", json_copy(user));
		json_put_text(event, "text", words);
		json_put_number(event, "at", snowflake_time(id));
		if (answered && json_number(message, "type", 0) == MESSAGE_REPLY)
			json_put_text(event, "reply_to", answered);
		json_append(round->events, event);
	}
	json_free(user);
}

/* A page is newest first: the oldest is heard first. Returns the newest id. Takes `after`. */
static char *
hear_page(struct round *round, const struct spot *spot, const struct json *page, char *after)
{
	for (size_t i = json_count(page, ""); i-- > 0;) {
		struct json *message = json_item(page, "", i);
		const char *id = json_text_or(message, "id", "");

		if (is_snowflake(id) && snowflake_compare(id, after) > 0) {
			add_event(round, spot, message);
			free(after);
			after = xstrdup(id);
		}
		json_free(message);
	}
	return after;
}

static enum hearing
hear_channel(struct round *round, struct spot *spot)
{
	const char *known = json_text(spot->mark, "");
	enum hearing came = SPOT_HEARD;
	char *after = known && is_snowflake(known) ? xstrdup(known) : beginning(round, spot, &came);
	bool more = after;

	for (int page = 0; page < PAGES && more && round_has_time(); page++) {
		struct json *list = ask_messages(round, spot, after, &came);

		more = json_count(list, "") == PAGE;
		if (list)
			after = hear_page(round, spot, list, after);
		json_free(list);
	}
	if (after) {
		json_free(spot->mark);
		spot->mark = json_new_text(after, strlen(after));
	}
	free(after);
	return came;
}

static const struct rounds rounds = {.platform = "Discord", .spot_name = spot_name,
	.home = find_home, .hear = hear_channel, .pause = 2};

struct json *
discord_poll(const struct json *question)
{
	struct json *answer = NULL;
	char *account = find_account(&answer);
	struct listener listener = {.account = account};

	if (!account)
		return answer;
	answer = rounds_poll(&rounds, question, &listener);
	if (listener.wordless)
		warn("%zu messages came without their words; switch on the Message Content Intent on the "
			"application's Bot page, discord.com/developers/applications", listener.wordless);
	free(account);
	return answer;
}
