/* SPDX-License-Identifier: MIT */
/*
 * Hearing what is said, conversation by conversation and thread by thread, as far as Slack's
 * tiers allow: an app that is distributed outside of Slack's Marketplace may ask each method
 * once a minute, for 15 messages. So a limit ends what is asked of a method, not what was
 * heard before it.
 *
 * A mark is the stamp up to which a place was heard. Where a page was not the last and Slack
 * would not give more, it goes on: the next page, and the highest stamp seen. Whether pages
 * come newest or oldest first does not matter.
 *
 *	["1699.2"]   ["1699.2","dXNlcjpVMEc5V0ZYTlo=","1700.5"]
 */
#include "slack.h"

#include "die.h"
#include "figures.h"
#include "rounds.h"

#include <stdlib.h>
#include <string.h>

enum { PAGES_MOST = 5, EVENTS_MOST = 1000, NAMES_MOST = 20, FAILED_MOST = 3, LACK_RESTS = 60 };
static const double ask_limit = 10;

/* A spot's mark, as it is worked with. */
struct reading {
	const char *chat, *thread; /* thread: NULL for the conversation itself */
	char *since;               /* heard up to here; NULL: not asked yet */
	char *page, *top;          /* of a reading that is not through; else NULL */
};

struct listener {
	const struct json *self;
	struct json *names; /* users by id */
	int named, failed;
};

/* "C1", "C1/1699.1" */
static char *
make_name(const char *chat, const char *thread)
{
	return xformat("%s%s%s", chat, thread ? "/" : "", thread ? thread : "");
}

static char *
spot_name(const struct round *round, const struct json *place)
{
	const char *chat = json_text_or(place, "chat", ""), *thread = json_text(place, "thread");

	(void)round;
	return is_conversation(chat) && (!thread || is_stamp(thread)) ? make_name(chat, thread) : NULL;
}

/* A conversation's id needs no looking up. */
static struct json *
find_home(const struct round *round)
{
	const char *home = adapter_setting("HOME_CHANNEL");
	struct json *found;

	(void)round;
	if (home && is_conversation(home)) {
		found = json_object();
		json_put_text(found, "place.chat", home);
		if (adapter_setting("HOME_CHANNEL_THREAD_ID"))
			json_put_text(found, "place.thread", adapter_setting("HOME_CHANNEL_THREAD_ID"));
		return found;
	}
	return slack_resolve(NULL);
}

/* A text of the mark that is a stamp, or anything when asked so. Owned or NULL. */
static char *
mark_text(const struct json *mark, size_t index, bool stamp)
{
	struct json *item = json_item(mark, "", index);
	const char *text = json_text(item, "");
	char *owned = text && *text && (!stamp || is_stamp(text)) ? xstrdup(text) : NULL;

	json_free(item);
	return owned;
}

static void
read_mark(struct reading *reading, const struct spot *spot)
{
	reading->chat = json_text_or(spot->place, "chat", "");
	reading->thread = json_text(spot->place, "thread");
	reading->since = mark_text(spot->mark, 0, true);
	reading->page = mark_text(spot->mark, 1, false);
	reading->top = mark_text(spot->mark, 2, true);
}

static void
write_mark(const struct reading *reading, struct spot *spot)
{
	const char *texts[] = {reading->since, reading->page, reading->top};

	json_free(spot->mark);
	spot->mark = json_array();
	for (size_t i = 0; i < (reading->page ? 3 : 1); i++) {
		const char *text = texts[i] ? texts[i] : "";

		json_append_text(spot->mark, text);
	}
}

static void
reading_release(struct reading *reading)
{
	free(reading->since);
	free(reading->page);
	free(reading->top);
}

static bool
same_text(const char *one, const char *other)
{
	return one && other ? !strcmp(one, other) : one == other;
}

/* Somebody's name, asked for once; their id where Slack has been asked enough. Owned. */
static char *
name_of(struct listener *listener, const char *id)
{
	struct json *user = NULL;
	char *name;

	if (json_text(listener->names, id))
		return xstrdup(json_text(listener->names, id));
	if (listener->named++ < NAMES_MOST)
		user = slack_user(id);
	name = user_name(user, id);
	json_put_text(listener->names, id, name);
	json_free(user);
	return name;
}

static bool
is_own(const struct listener *listener, const struct json *message)
{
	const char *bot = json_text(message, "bot_id"), *user = json_text(message, "user");

	return same_text(user, json_text(listener->self, "user_id"))
		|| (bot && same_text(bot, json_text(listener->self, "bot_id")));
}

/* Said by a human, in words. Edits, joins and what bots say are not. */
static bool
is_said(const struct listener *listener, const struct json *message)
{
	const char *kind = json_text_or(message, "subtype", "");

	return !is_own(listener, message) && !json_has(message, "bot_id")
		&& json_text(message, "user") && *json_text_or(message, "text", "")
		&& (!*kind || !strcmp(kind, "thread_broadcast") || !strcmp(kind, "file_share"));
}

/* Where it was said. An answer that was also sent to the channel belongs to its thread. */
static const char *
spoken_thread(const struct reading *reading, const struct json *message)
{
	const char *thread = reading->thread ? reading->thread : json_text(message, "thread_ts");

	return thread && strcmp(thread, json_text_or(message, "ts", "")) != 0 ? thread : NULL;
}

/* An answer that was also sent to the channel is left to its thread, where that is heard. */
static bool
is_elsewhere(const struct round *round, const struct reading *reading, const char *thread,
	const char *stamp)
{
	char *name = make_name(reading->chat, thread);
	bool elsewhere = thread && ((!reading->thread && round_hears(round, name))
		|| round_told(round, reading->chat, stamp));

	free(name);
	return elsewhere;
}

static void
add_event(struct round *round, const struct reading *reading, const struct json *message)
{
	struct listener *listener = round->data;
	const char *user = json_text(message, "user"), *thread = spoken_thread(reading, message);
	struct text words = TEXT_INIT;
	struct json *event;
	char *name;

	if (!is_said(listener, message) || is_elsewhere(round, reading, thread,
			json_text(message, "ts")))
		return;
	event = json_object();
	name = name_of(listener, user);
	slack_words(&words, json_text(message, "text"));
	json_put_text(event, "message", json_text(message, "ts"));
	json_put(event, "place", slack_place(listener->self, reading->chat, thread, user));
	json_put_text(event, "user.id", user);
	json_put_text(event, "user.name", name);
	json_put_bytes(event, "text", words.at, words.length);
	json_put_number(event, "at", strtod(json_text(message, "ts"), NULL));
	json_append(round->events, event);
	text_release(&words);
	free(name);
}

/* Messages of one place, in the order in which they were said. */
struct heard {
	struct json **messages;
	size_t count;
};

static int
by_stamp(const void *one, const void *other)
{
	return stamp_order(json_text(*(struct json *const *)one, "ts"),
		json_text(*(struct json *const *)other, "ts"));
}

/* Those of a page that come behind `since`; the parent of a thread comes with every page. */
static void
take_page(struct heard *heard, const struct reading *reading, const struct json *page)
{
	for (size_t i = 0, n = json_count(page, "messages"); i < n; i++) {
		struct json *message = json_item(page, "messages", i);
		const char *stamp = json_text_or(message, "ts", "");

		if (!is_stamp(stamp) || (reading->since && stamp_order(stamp, reading->since) <= 0)) {
			json_free(message);
			continue;
		}
		heard->messages = xrealloc(heard->messages, (heard->count + 1) * sizeof message);
		heard->messages[heard->count++] = message;
	}
}

static void
replace(char **text, const char *with)
{
	char *copy = with ? xstrdup(with) : NULL;

	free(*text);
	*text = copy;
}

static void
raise_top(struct reading *reading, const struct heard *heard)
{
	const char *last = heard->count ? json_text(heard->messages[heard->count - 1], "ts") : NULL;

	if (last && (!reading->top || stamp_order(last, reading->top) > 0))
		replace(&reading->top, last);
}

/* The newest message of a place, by its first page; NULL: it does not say. */
static const char *
newest_stamp(const struct reading *reading, const struct heard *heard)
{
	const char *newest = NULL;

	if (heard->count && reading->thread && reading->page)
		newest = json_text(heard->messages[0], "latest_reply");
	else if (heard->count)
		newest = json_text(heard->messages[heard->count - 1], "ts");
	return newest && is_stamp(newest) ? newest : NULL;
}

/*
 * A place that is heard for the first time: from the beginning of a thread that the bot
 * began, or from the bot's own last words; else from now on.
 */
static char *
first_stamp(const struct listener *listener, const struct reading *reading, const struct heard *heard)
{
	const char *newest = newest_stamp(reading, heard);
	size_t i = heard->count;

	if (reading->thread && i && is_own(listener, heard->messages[0]))
		return xstrdup(reading->thread);
	while (i && !is_own(listener, heard->messages[i - 1]))
		i--;
	if (i)
		return xstrdup(json_text(heard->messages[i - 1], "ts"));
	if (newest)
		return xstrdup(newest);
	return reading->page ? xformat("%.6f", clock_now()) : xstrdup("0.000000");
}

static struct api_call
ask_page(const struct reading *reading)
{
	struct text form = TEXT_INIT;

	form_add(&form, "channel", reading->chat);
	form_add(&form, "ts", reading->thread);
	form_add(&form, "oldest", reading->since);
	form_add(&form, "cursor", reading->page);
	form_add(&form, "limit", "200");
	return slack_read(reading->chat, reading->thread ? "conversations.replies" : "conversations.history",
		&form, ask_limit);
}

/* A reading is through when there is no next page; else the next one is in reading->page. */
static bool
is_through(struct reading *reading, const struct json *page)
{
	const char *next = json_text_or(page, "response_metadata.next_cursor", "");

	replace(&reading->page, json_true(page, "has_more") && *next ? next : NULL);
	return !reading->page;
}

/* The first reading is one page: what came before it is history. */
static void
begin_reading(const struct listener *listener, struct reading *reading, const struct heard *heard)
{
	reading->since = first_stamp(listener, reading, heard);
	replace(&reading->page, NULL);
}

static void
say_heard(struct round *round, struct reading *reading, struct heard *heard)
{
	if (heard->count)
		qsort(heard->messages, heard->count, sizeof *heard->messages, by_stamp);
	if (!reading->since)
		begin_reading(round->data, reading, heard);
	raise_top(reading, heard);
	for (size_t i = 0; i < heard->count; i++) {
		if (stamp_order(json_text(heard->messages[i], "ts"), reading->since) > 0)
			add_event(round, reading, heard->messages[i]);
		json_free(heard->messages[i]);
	}
	free(heard->messages);
	if (reading->page)
		return;
	if (reading->top && stamp_order(reading->top, reading->since) > 0)
		replace(&reading->since, reading->top);
	replace(&reading->top, NULL);
}

/* A limit is for a method: whoever is heard by it rests, in the polls that follow, too. */
static void
keep_limit(struct round *round, bool threads, double seconds)
{
	for (size_t i = 0; i < round->count; i++)
		if (json_has(round->spots[i].place, "thread") == threads)
			round->spots[i].rests = clock_now() + seconds;
}

/* A page that Slack does not know any more. */
static bool
is_forgotten(const struct api_call *call)
{
	return call->code && !strcmp(call->code, "invalid_cursor");
}

/*
 * auth.test has just been answered, so what is lacking is lacking here. The spot is left in
 * peace for a while, but not called refused: where all lack it, the poll is to say so.
 */
static enum hearing
keep_lack(struct spot *spot)
{
	spot->rests = clock_now() + LACK_RESTS;
	spot->asked = true;
	return SPOT_WAITS;
}

/* A limit is for a method; other trouble is the place's, or, if several have it, everybody's. */
static enum hearing
keep_failure(struct round *round, struct spot *spot, const struct reading *reading,
	const struct api_call *call)
{
	struct listener *listener = round->data;

	round_trouble(round, spot, api_error(call));
	if (is_forgotten(call))
		return SPOT_HEARD;
	if (!strcmp(call->class, "config"))
		return keep_lack(spot);
	if (strcmp(call->class, "transient") != 0)
		return SPOT_REFUSED;
	if (call->retry_after >= 0) {
		keep_limit(round, reading->thread, call->retry_after);
		return SPOT_WAITS;
	}
	return ++listener->failed < FAILED_MOST ? SPOT_WAITS : SPOT_OVER;
}

/* What was heard stands, also when Slack gives no further page. */
static enum hearing
hear_pages(struct round *round, struct spot *spot, struct reading *reading)
{
	enum hearing came = SPOT_WAITS;
	struct heard heard = {0};
	bool any = false, through = false;

	for (int page = 0; page < PAGES_MOST && !through && round_has_time(); page++) {
		struct api_call call = ask_page(reading);

		through = !call.result;
		if (through) {
			came = keep_failure(round, spot, reading, &call);
			if (!any && is_forgotten(&call)) /* then the reading begins anew */
				replace(&reading->page, NULL);
		} else {
			any = true;
			take_page(&heard, reading, call.result);
			through = is_through(reading, call.result) || !reading->since;
		}
		api_release(&call);
	}
	if (any)
		say_heard(round, reading, &heard);
	return any ? SPOT_HEARD : came;
}

static enum hearing
hear(struct round *round, struct spot *spot)
{
	struct reading reading;
	enum hearing came = SPOT_WAITS;

	read_mark(&reading, spot);
	if (json_count(round->events, "") < EVENTS_MOST)
		came = hear_pages(round, spot, &reading);
	if (reading.since)
		write_mark(&reading, spot);
	reading_release(&reading);
	return came;
}

static const struct rounds rounds = {.platform = "Slack", .spot_name = spot_name,
	.home = find_home, .hear = hear, .pause = 2, .pause_each = 1.2};

struct json *
slack_poll(const struct json *question)
{
	struct api_call call;
	struct listener listener = {.self = slack_self(&call)};
	struct json *answer;

	if (!listener.self) {
		answer = api_error(&call);
		api_release(&call);
		return answer;
	}
	listener.names = json_object();
	answer = rounds_poll(&rounds, question, &listener);
	json_free(listener.names);
	return answer;
}
