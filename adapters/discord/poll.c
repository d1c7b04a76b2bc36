/* SPDX-License-Identifier: MIT */
/*
 * Listening to Discord, which keeps every message and tells of none: each channel where a
 * session is, and the home, is asked for what came after the last message seen there. The
 * cursor is that message for each channel. A channel that is asked for the first time begins
 * now; but what followed the bot's own last words, and all of a thread that it opened, may
 * be an answer, and is heard.
 *
 * Discord bans who asks again and again for what it refuses: a channel that is refused rests.
 */
#include "discord.h"

#include "die.h"
#include "figures.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAGE = 100, PAGES = 5, REFUSALS_MOST = 10, CHANNEL_RESTS = 600 };
enum { MESSAGE_PLAIN = 0, MESSAGE_REPLY = 19 };
static const double PAUSE = 2, BETWEEN = 0.02; /* 50 questions a second are allowed */

struct listening {
	const char *account;
	char **channels;        /* to be asked */
	size_t count;
	struct json *places;    /* of those channels */
	struct json *at, *rests, *events; /* the cursor to be; what was heard */
	struct json *trouble;   /* the first, an answer; or NULL */
	const char *from;       /* the last poll had no time for this one and those behind; or NULL */
	const char *stopped;    /* the same of this poll */
	bool over;              /* no further question now */
	size_t answered, refused, wordless;
};

/* Let time pass, also between questions. */
static void
nap(double seconds)
{
	struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

	nanosleep(&time, NULL);
}

/* What is left is for the question that is under way. */
static bool
out_of_time(void)
{
	return adapter_left() < figure_adapter() / 6;
}

static void
add_place(struct listening *listening, const struct json *place)
{
	const char *channel = json_text_or(place, "thread", json_text_or(place, "chat", ""));

	if (is_snowflake(channel) && !json_has(listening->places, channel)
		&& !strcmp(json_text_or(place, "account", ""), listening->account)) {
		json_put(listening->places, channel, json_copy(place));
		listening->channels = xrealloc(listening->channels,
			(listening->count + 1) * sizeof *listening->channels);
		listening->channels[listening->count++] = xstrdup(channel);
	}
}

static void
keep_trouble(struct listening *listening, struct json *trouble)
{
	if (listening->trouble)
		json_free(trouble);
	else
		listening->trouble = trouble;
}

/* The home is heard even before a session is there; a forum is not spoken in itself. */
static void
add_home(struct listening *listening)
{
	const char *home = adapter_setting("HOME_CHANNEL_THREAD_ID");
	struct json *nothing, *channel, *place, *trouble = NULL;

	if (!home && !(home = adapter_setting("HOME_CHANNEL")))
		return;
	if (is_snowflake(home) && json_has(listening->places, home))
		return;
	nothing = json_object();
	channel = find_channel(nothing, &trouble);
	if (channel && !is_forum(channel)) {
		place = channel_place(channel, listening->account);
		json_put_true(place, "unseated", true);
		add_place(listening, place);
		json_free(place);
	}
	if (trouble)
		keep_trouble(listening, trouble);
	json_free(channel);
	json_free(nothing);
}

/* What a failed question means for this channel and for the others. Releases the call. */
static void
note_failure(struct listening *listening, const char *channel, struct api_call *call)
{
	struct json *place = json_at(listening->places, channel);
	struct json *failure = discord_failure(call, place, "error"), *trouble = json_object();
	bool refused = call->status == 403 || call->status == 404;
	double rest = refused ? CHANNEL_RESTS : call->retry_after;

	if (rest > 0)
		json_put_number(listening->rests, channel, (double)(long)(clock_now() + rest));
	listening->refused += refused;
	listening->over = !refused || listening->refused == REFUSALS_MOST;
	json_put(trouble, "error", failure);
	json_drop(trouble, "error.outcome");
	if (call->unknown)
		json_put_text(trouble, "error.class", "transient");
	keep_trouble(listening, trouble);
	json_free(place);
	api_release(call);
}

/* A list of messages, owned; NULL: it was not to be had. */
static struct json *
ask_messages(struct listening *listening, const char *channel, const char *after)
{
	struct api_call call = discord_get("/channels/%s/messages?limit=%d%s%s", channel, PAGE,
		after ? "&after=" : "", after ? after : "");
	struct json *list = call.result;

	nap(BETWEEN);
	if (list && json_is_array(list)) {
		call.result = NULL;
		api_release(&call);
		listening->answered++;
		return list;
	}
	if (list) {
		call.class = "transient";
		call.why = xstrdup("no answer of Discord's");
	}
	note_failure(listening, channel, &call);
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

/* Where listening to a channel begins. Owned; NULL: it cannot be said now. */
static char *
beginning(struct listening *listening, const char *channel, const struct json *place)
{
	struct api_call call = discord_get("/channels/%s", channel);
	const char *newest = json_text_or(call.result, "last_message_id", "0");
	struct json *page;
	char *begin;

	nap(BETWEEN);
	if (!call.result) {
		note_failure(listening, channel, &call);
		return NULL;
	}
	if (is_thread(call.result)
		&& !strcmp(json_text_or(call.result, "owner_id", ""), listening->account)) {
		begin = xstrdup(channel);
	} else if (json_true(place, "unseated")) {
		begin = xstrdup(is_snowflake(newest) ? newest : "0");
	} else {
		page = ask_messages(listening, channel, NULL);
		begin = page ? own_last(page, listening->account, newest) : NULL;
		json_free(page);
	}
	api_release(&call);
	return begin;
}

/* A human's words; NULL for anything else. Owned. */
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
words_of(const struct listening *listening, const struct json *message)
{
	const char *words = json_text_or(message, "content", "");
	char *calls[] = {xformat("<@%s>", listening->account), xformat("<@!%s>", listening->account)};

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
add_event(struct listening *listening, const struct json *place, const struct json *message)
{
	struct json *user = speaker(message), *event, *where;
	const char *id = json_text(message, "id"), *words = words_of(listening, message);
	const char *answered = json_text(message, "message_reference.message_id");

	listening->wordless += user && is_hidden(message);
	if (user && *words) {
		event = json_object();
		where = json_copy(place);
		json_drop(where, "link");
		json_drop(where, "unseated");
		json_put_text(where, "user", json_text(user, "id"));
		json_put_text(event, "message", id);
		json_put(event, "place", where);
		json_put(event, "user", json_copy(user));
		json_put_text(event, "text", words);
		json_put_number(event, "at", snowflake_time(id));
		if (answered && json_number(message, "type", 0) == MESSAGE_REPLY)
			json_put_text(event, "reply_to", answered);
		json_append(listening->events, event);
	}
	json_free(user);
}

/* A page is newest first: the oldest is heard first. Returns the newest id. Takes `after`. */
static char *
hear_page(struct listening *listening, const struct json *place, const struct json *page,
	char *after)
{
	for (size_t i = json_count(page, ""); i-- > 0;) {
		struct json *message = json_item(page, "", i);
		const char *id = json_text_or(message, "id", "");

		if (is_snowflake(id) && snowflake_compare(id, after) > 0) {
			add_event(listening, place, message);
			free(after);
			after = xstrdup(id);
		}
		json_free(message);
	}
	return after;
}

static void
hear_channel(struct listening *listening, const char *channel, const struct json *place)
{
	const char *known = json_text(listening->at, channel);
	char *after = known && is_snowflake(known) ? xstrdup(known)
		: beginning(listening, channel, place);
	bool more = after;

	for (int page = 0; page < PAGES && more && !out_of_time(); page++) {
		struct json *list = ask_messages(listening, channel, after);

		more = json_count(list, "") == PAGE;
		if (list)
			after = hear_page(listening, place, list, after);
		json_free(list);
	}
	if (after)
		json_put_text(listening->at, channel, after);
	free(after);
}

static int
compare(const void *one, const void *other)
{
	return snowflake_compare(*(char *const *)one, *(char *const *)other);
}

/* The first channel to ask: the order is that of their ids. */
static size_t
begin_at(const struct listening *listening)
{
	size_t i = 0;

	while (listening->from && i < listening->count
		&& snowflake_compare(listening->channels[i], listening->from) < 0)
		i++;
	return i;
}

static void
hear_all(struct listening *listening)
{
	size_t first = begin_at(listening);

	listening->stopped = NULL;
	for (size_t i = 0; i < listening->count && !listening->stopped; i++) {
		const char *channel = listening->channels[(first + i) % listening->count];
		double rest = json_number(listening->rests, channel, 0) - clock_now();

		if (listening->over || out_of_time()) {
			listening->stopped = channel;
		} else if (rest <= 0 || rest > CHANNEL_RESTS) {
			struct json *place = json_at(listening->places, channel);

			json_drop(listening->rests, channel);
			hear_channel(listening, channel, place);
			json_free(place);
		}
	}
}

/* Until something is heard, or the time is up. */
static void
hear(struct listening *listening, double wait)
{
	double end = clock_steady() + wait;

	hear_all(listening);
	while (!json_count(listening->events, "") && !listening->trouble && !listening->stopped
		&& clock_steady() + PAUSE < end && !out_of_time()) {
		nap(PAUSE);
		listening->from = NULL;
		hear_all(listening);
	}
}

struct keeping {
	const struct json *places;
	struct json *kept;
};

static void
keep_asked(const char *channel, const struct json *item, void *data)
{
	struct keeping *keeping = data;

	if (!keeping->places || json_has(keeping->places, channel))
		json_put(keeping->kept, channel, json_copy(item));
}

/* The part of the old cursor that is about what is asked; `places` NULL: all of it. Owned. */
static struct json *
keep(const struct json *old, const char *part, const struct json *places)
{
	struct keeping keeping = {places, json_object()};

	json_each(old, part, keep_asked, &keeping);
	return keeping.kept;
}

/* Owned. */
static struct json *
batch(const struct listening *listening)
{
	struct json *answer = json_object(), *cursor = json_object();
	char *text;

	json_put(cursor, "at", json_copy(listening->at));
	json_put(cursor, "rests", json_copy(listening->rests));
	if (listening->stopped)
		json_put_text(cursor, "from", listening->stopped);
	text = json_string(cursor);
	json_put(answer, "events", json_copy(listening->events));
	json_put_text(answer, "cursor", text);
	free(text);
	json_free(cursor);
	return answer;
}

static void
say_what_is_wrong(const struct listening *listening)
{
	if (listening->trouble)
		warn("%s", json_text_or(listening->trouble, "error.why", "trouble"));
	if (listening->wordless)
		warn("%zu messages came without their words; switch on the Message Content Intent on the "
			"application's Bot page, discord.com/developers/applications", listening->wordless);
}

static struct json *
listen(struct listening *listening, const struct json *question, const struct json *old)
{
	double wait = json_number(question, "wait", 0);

	for (size_t i = 0, n = json_count(question, "places"); i < n; i++) {
		struct json *place = json_item(question, "places", i);

		add_place(listening, place);
		json_free(place);
	}
	add_home(listening);
	/* A home that cannot be found now keeps where it was. */
	listening->at = keep(old, "at", listening->trouble ? NULL : listening->places);
	listening->rests = keep(old, "rests", listening->places);
	listening->from = json_text(old, "from");
	if (listening->count)
		qsort(listening->channels, listening->count, sizeof *listening->channels, compare);
	hear(listening, wait < adapter_left() ? wait : adapter_left());
	if (listening->trouble && !listening->answered)
		return json_copy(listening->trouble);
	say_what_is_wrong(listening);
	return batch(listening);
}

struct json *
discord_poll(const struct json *question)
{
	const char *cursor = json_text(question, "cursor");
	struct json *old = cursor ? json_parse(cursor, strlen(cursor), NULL) : json_object();
	struct listening listening = {.places = json_object(), .events = json_array()};
	struct json *answer = NULL;
	char *account = NULL;

	if (!json_is_object(old)) {
		answer = answer_error("request", "the cursor is not one of Discord's", NULL);
	} else if ((account = find_account(&answer))) {
		listening.account = account;
		answer = listen(&listening, question, old);
	}
	json_free(old);
	json_free(listening.places);
	json_free(listening.at);
	json_free(listening.rests);
	json_free(listening.events);
	json_free(listening.trouble);
	for (size_t i = 0; i < listening.count; i++)
		free(listening.channels[i]);
	free(listening.channels);
	free(account);
	return answer;
}
