/* SPDX-License-Identifier: MIT */
/*
 * Hearing what is said, place by place, as far as Slack's tiers allow: an app that is
 * distributed outside of Slack's Marketplace may ask once a minute, for 15 messages. So the
 * cursor is a queue: the place that has waited longest is asked first, and those asked go
 * to its end. A limit ends a poll, not what was heard before it.
 *
 *	{"home":["#general","C1"],"places":[["C1","1700000000.000100"],["C1/1699.1","1699.2"],…]}
 *
 * A place is heard up to the stamp behind it. Where a page was not the last and Slack would
 * not give more, the entry goes on: the next page, and the highest stamp seen. Who is asked
 * for pages in which order, newest or oldest first, does not matter.
 */
#include "slack.h"

#include "die.h"
#include "figures.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAGES_MOST = 5, EVENTS_MOST = 1000, NAMES_MOST = 20, FAILURES_MOST = 10, PLACES_MOST = 1000 };
static const double wait_most = 30, pause_least = 2, pause_a_place = 1.2, ask_limit = 10;

struct spot {
	char *chat, *thread; /* thread: NULL for the conversation itself */
	char *since;         /* heard up to here; NULL: not asked yet */
	char *page, *top;    /* of a reading that is not through; else NULL */
	bool wanted, fresh, asked, failed;
};

struct listening {
	const struct json *self;
	struct spot *spots;
	size_t count;
	struct json *events, *names; /* names: users by id */
	int named, failures;
	double until[2];             /* conversations.history and .replies have had enough until then */
	struct json *error;          /* the first failure, as an answer; or NULL */
};

static void
spot_release(struct spot *spot)
{
	free(spot->chat);
	free(spot->thread);
	free(spot->since);
	free(spot->page);
	free(spot->top);
}

static bool
same_text(const char *one, const char *other)
{
	return one && other ? !strcmp(one, other) : one == other;
}

static struct spot *
find_spot(const struct listening *listening, const char *chat, const char *thread)
{
	for (size_t i = 0; i < listening->count; i++) {
		struct spot *spot = &listening->spots[i];

		if (same_text(spot->chat, chat) && same_text(spot->thread, thread))
			return spot;
	}
	return NULL;
}

static struct spot *
add_spot(struct listening *listening, const char *chat, const char *thread)
{
	struct spot *spot;

	listening->spots = xrealloc(listening->spots, (listening->count + 1) * sizeof *spot);
	spot = &listening->spots[listening->count++];
	*spot = (struct spot){.chat = xstrdup(chat), .thread = thread ? xstrdup(thread) : NULL};
	return spot;
}

/* A place that is to be heard; a fresh one has waited longest. */
static void
want(struct listening *listening, const char *chat, const char *thread)
{
	struct spot *spot;

	if (!is_conversation(chat) || (thread && !is_stamp(thread)))
		return;
	spot = find_spot(listening, chat, thread);
	if (!spot && listening->count < PLACES_MOST)
		spot = add_spot(listening, chat, thread);
	if (!spot)
		return;
	spot->wanted = true;
	spot->fresh = !spot->since;
}

static void
want_places(struct listening *listening, const struct json *question)
{
	for (size_t i = 0, n = json_count(question, "places"); i < n; i++) {
		struct json *place = json_item(question, "places", i);

		want(listening, json_text_or(place, "chat", ""), json_text(place, "thread"));
		json_free(place);
	}
}

/* A text of the entry that is a stamp, or anything when asked so. Owned or NULL. */
static char *
entry_text(const struct json *entry, size_t index, bool stamp)
{
	struct json *item = json_item(entry, "", index);
	const char *text = json_text(item, "");
	char *owned = text && *text && (!stamp || is_stamp(text)) ? xstrdup(text) : NULL;

	json_free(item);
	return owned;
}

static void
read_entry(struct listening *listening, const struct json *entry)
{
	char *name = entry_text(entry, 0, false), *thread = name ? strchr(name, '/') : NULL;
	struct spot *spot;

	if (thread)
		*thread++ = '\0';
	if (name && is_conversation(name) && !find_spot(listening, name, thread)) {
		spot = add_spot(listening, name, thread);
		spot->since = entry_text(entry, 1, true);
		spot->page = entry_text(entry, 2, false);
		spot->top = entry_text(entry, 3, true);
	}
	free(name);
}

static struct json *
write_entry(const struct spot *spot)
{
	const char *texts[] = {spot->since, spot->page, spot->top};
	struct json *entry = json_array();
	char *name = xformat("%s%s%s", spot->chat, spot->thread ? "/" : "",
		spot->thread ? spot->thread : "");

	json_append(entry, json_new_text(name, strlen(name)));
	for (size_t i = 0; i < (spot->page ? 3 : 1); i++)
		json_append(entry, json_new_text(texts[i] ? texts[i] : "", strlen(texts[i] ? texts[i] : "")));
	free(name);
	return entry;
}

/* Those asked go behind those that wait; those that nobody wants any more are dropped. */
static struct json *
write_queue(const struct listening *listening)
{
	struct json *queue = json_array();

	for (int asked = 0; asked < 2; asked++) {
		for (size_t i = 0; i < listening->count; i++) {
			const struct spot *spot = &listening->spots[i];

			if (spot->wanted && spot->since && spot->asked == asked)
				json_append(queue, write_entry(spot));
		}
	}
	return queue;
}

/* Somebody's name, asked for once; their id where Slack has been asked enough. Owned. */
static char *
name_of(struct listening *listening, const char *id)
{
	struct json *user = NULL;
	char *name;

	if (json_text(listening->names, id))
		return xstrdup(json_text(listening->names, id));
	if (listening->named++ < NAMES_MOST)
		user = slack_user(id);
	name = user_name(user, id);
	json_put_text(listening->names, id, name);
	json_free(user);
	return name;
}

static bool
is_own(const struct listening *listening, const struct json *message)
{
	const char *bot = json_text(message, "bot_id"), *user = json_text(message, "user");

	return same_text(user, json_text(listening->self, "user_id"))
		|| (bot && same_text(bot, json_text(listening->self, "bot_id")));
}

/* Said by a human, in words. Edits, joins and what bots say are not. */
static bool
is_said(const struct listening *listening, const struct json *message)
{
	const char *kind = json_text_or(message, "subtype", "");

	return !is_own(listening, message) && !json_has(message, "bot_id")
		&& json_text(message, "user") && *json_text_or(message, "text", "")
		&& (!*kind || !strcmp(kind, "thread_broadcast") || !strcmp(kind, "file_share"));
}

/* Where it was said. An answer that was also sent to the channel belongs to its thread. */
static const char *
spoken_thread(const struct spot *spot, const struct json *message)
{
	const char *thread = spot->thread ? spot->thread : json_text(message, "thread_ts");

	return thread && strcmp(thread, json_text_or(message, "ts", "")) != 0 ? thread : NULL;
}

/* Its thread is heard for itself. */
static bool
is_wanted(const struct listening *listening, const struct spot *spot, const char *thread)
{
	const struct spot *other = thread ? find_spot(listening, spot->chat, thread) : NULL;

	return other && other->wanted;
}

static void
add_event(struct listening *listening, const struct spot *spot, const struct json *message)
{
	const char *user = json_text(message, "user"), *thread = spoken_thread(spot, message);
	struct text words = TEXT_INIT;
	struct json *event;
	char *name;

	if (!is_said(listening, message) || (thread != spot->thread && is_wanted(listening, spot, thread)))
		return;
	event = json_object();
	name = name_of(listening, user);
	slack_words(&words, json_text(message, "text"));
	json_put_text(event, "message", json_text(message, "ts"));
	json_put(event, "place", slack_place(listening->self, spot->chat, thread, user));
	json_put_text(event, "user.id", user);
	json_put_text(event, "user.name", name);
	json_put_bytes(event, "text", words.at, words.length);
	json_put_number(event, "at", strtod(json_text(message, "ts"), NULL));
	json_append(listening->events, event);
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
take_page(struct heard *heard, const struct spot *spot, const struct json *page)
{
	for (size_t i = 0, n = json_count(page, "messages"); i < n; i++) {
		struct json *message = json_item(page, "messages", i);
		const char *stamp = json_text_or(message, "ts", "");

		if (!is_stamp(stamp) || (spot->since && stamp_order(stamp, spot->since) <= 0)) {
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
raise_top(struct spot *spot, const struct heard *heard)
{
	const char *last = heard->count ? json_text(heard->messages[heard->count - 1], "ts") : NULL;

	if (last && (!spot->top || stamp_order(last, spot->top) > 0))
		replace(&spot->top, last);
}

/*
 * A place that is heard for the first time: from the beginning of a thread that the bot
 * began, or from the bot's own last words; else from now on.
 */
static char *
first_stamp(const struct listening *listening, const struct spot *spot, const struct heard *heard)
{
	size_t i = heard->count;

	if (spot->thread && i && is_own(listening, heard->messages[0]))
		return xstrdup(spot->thread);
	while (i && !is_own(listening, heard->messages[i - 1]))
		i--;
	if (i)
		return xstrdup(json_text(heard->messages[i - 1], "ts"));
	if (heard->count && !spot->page)
		return xstrdup(json_text(heard->messages[heard->count - 1], "ts"));
	return spot->page ? xformat("%.6f", clock_now()) : xstrdup("0.000000");
}

static struct api_call
ask_page(const struct spot *spot)
{
	struct text form = TEXT_INIT;

	form_add(&form, "channel", spot->chat);
	form_add(&form, "ts", spot->thread);
	form_add(&form, "oldest", spot->since);
	form_add(&form, "cursor", spot->page);
	form_add(&form, "limit", "200");
	return slack_read(spot->chat, spot->thread ? "conversations.replies" : "conversations.history",
		&form, ask_limit);
}

/* A reading is through when there is no next page; else the next one is in spot->page. */
static bool
is_through(struct spot *spot, const struct json *page)
{
	const char *next = json_text_or(page, "response_metadata.next_cursor", "");

	replace(&spot->page, json_true(page, "has_more") && *next ? next : NULL);
	return !spot->page;
}

/* The first reading is one page: what came before it is history. */
static void
begin_spot(const struct listening *listening, struct spot *spot, const struct heard *heard)
{
	spot->since = first_stamp(listening, spot, heard);
	replace(&spot->page, NULL);
}

static void
say_heard(struct listening *listening, struct spot *spot, struct heard *heard)
{
	if (heard->count)
		qsort(heard->messages, heard->count, sizeof *heard->messages, by_stamp);
	if (!spot->since)
		begin_spot(listening, spot, heard);
	raise_top(spot, heard);
	for (size_t i = 0; i < heard->count; i++) {
		if (stamp_order(json_text(heard->messages[i], "ts"), spot->since) > 0)
			add_event(listening, spot, heard->messages[i]);
		json_free(heard->messages[i]);
	}
	free(heard->messages);
	if (spot->page)
		return;
	if (spot->top && stamp_order(spot->top, spot->since) > 0)
		replace(&spot->since, spot->top);
	replace(&spot->top, NULL);
}

/* A limit is for a method; other trouble is the place's, or, if it passes, everybody's. */
static void
keep_failure(struct listening *listening, struct spot *spot, struct api_call *call)
{
	bool passes = !strcmp(call->class, "transient");

	if (!listening->error)
		listening->error = api_error(call);
	if (passes && call->retry_after >= 0) {
		listening->until[spot->thread != NULL] = clock_steady() + call->retry_after;
		return;
	}
	listening->failures += passes ? FAILURES_MOST : 1;
	spot->failed = spot->asked = true;
	if (call->code && !strcmp(call->code, "invalid_cursor"))
		replace(&spot->page, NULL);
	if (strcmp(call->class, "thread") != 0)
		warn("%s: %s%s%s", spot->chat, call->why, call->remedy ? "; " : "",
			call->remedy ? call->remedy : "");
}

/* Hear one place; whether Slack told. What was heard stands, also when it gives no further page. */
static bool
hear(struct listening *listening, struct spot *spot)
{
	struct heard heard = {0};
	bool any = false, through = false;

	for (int page = 0; page < PAGES_MOST && !through; page++) {
		struct api_call call = ask_page(spot);

		if (!call.result) {
			keep_failure(listening, spot, &call);
			api_release(&call);
			break;
		}
		any = true;
		take_page(&heard, spot, call.result);
		through = is_through(spot, call.result) || !spot->since;
		api_release(&call);
	}
	if (any) {
		spot->asked = true;
		say_heard(listening, spot, &heard);
	}
	return any;
}

static bool
may_ask(const struct listening *listening, const struct spot *spot)
{
	return spot->wanted && !spot->failed && listening->failures < FAILURES_MOST
		&& json_count(listening->events, "") < EVENTS_MOST
		&& clock_steady() >= listening->until[spot->thread != NULL];
}

/* One round over the places, the fresh ones first; whether any was heard. */
static bool
hear_all(struct listening *listening)
{
	bool any = false;

	for (int fresh = 1; fresh >= 0; fresh--) {
		for (size_t i = 0; i < listening->count; i++) {
			struct spot *spot = &listening->spots[i];

			if (spot->fresh == fresh && may_ask(listening, spot))
				any = hear(listening, spot) || any;
		}
	}
	return any;
}

static void
rest(double seconds)
{
	struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

	nanosleep(&time, NULL);
}

/*
 * Rounds, no more often than Slack's usual tier allows, until something was said. False:
 * nobody could be heard.
 */
static bool
listen_for(struct listening *listening, double wait)
{
	double end = clock_steady() + (wait < wait_most ? wait : wait_most);
	double pause = pause_a_place * (double)listening->count;
	bool any = hear_all(listening) || !listening->error;

	if (pause < pause_least)
		pause = pause_least;
	while (any && !json_count(listening->events, "") && clock_steady() + pause < end) {
		rest(pause);
		hear_all(listening);
	}
	return any;
}

/* What the cursor remembers of a home that is a name. Owned or NULL. */
static char *
known_home(const struct json *cursor, const char *home)
{
	struct json *pair = json_at(cursor, "home");
	char *name = entry_text(pair, 0, false), *chat = entry_text(pair, 1, false);
	bool known = name && chat && !strcmp(name, home) && is_conversation(chat);

	json_free(pair);
	free(name);
	if (known)
		return chat;
	free(chat);
	return NULL;
}

/* The home's conversation. Owned; NULL: there is none, or listening->error says why not. */
static char *
home_chat(struct listening *listening, const struct json *cursor, const char *home)
{
	struct json *nothing, *found;
	char *chat = is_conversation(home) ? xstrdup(home) : known_home(cursor, home);

	if (chat)
		return chat;
	nothing = json_object();
	found = slack_resolve(nothing);
	chat = json_id(found, "place.chat");
	if (!chat) {
		warn("home: %s", json_text_or(found, "error.why", "?"));
		listening->error = json_copy(found);
	}
	json_free(found);
	json_free(nothing);
	return chat;
}

static struct json *
make_batch(const struct listening *listening, const char *home, const char *chat)
{
	struct json *answer = json_object(), *cursor = json_object();
	char *written;

	if (chat && strcmp(home, chat) != 0) {
		struct json *pair = json_array();

		json_append(pair, json_new_text(home, strlen(home)));
		json_append(pair, json_new_text(chat, strlen(chat)));
		json_put(cursor, "home", pair);
	}
	json_put(cursor, "places", write_queue(listening));
	written = json_string(cursor);
	json_put_text(answer, "cursor", written);
	json_put(answer, "events", json_copy(listening->events));
	free(written);
	json_free(cursor);
	return answer;
}

static struct json *
poll_places(struct listening *listening, const struct json *question, const struct json *cursor)
{
	const char *home = adapter_setting("HOME_CHANNEL");
	char *chat = home ? home_chat(listening, cursor, home) : NULL;
	struct json *answer;

	for (size_t i = 0, n = json_count(cursor, "places"); i < n; i++) {
		struct json *entry = json_item(cursor, "places", i);

		read_entry(listening, entry);
		json_free(entry);
	}
	if (chat)
		want(listening, chat, adapter_setting("HOME_CHANNEL_THREAD_ID"));
	want_places(listening, question);
	answer = listen_for(listening, json_number(question, "wait", 0))
		? make_batch(listening, home, chat) : json_copy(listening->error);
	free(chat);
	return answer;
}

struct json *
slack_poll(const struct json *question)
{
	const char *text = json_text_or(question, "cursor", "{}");
	struct listening listening = {.events = json_array(), .names = json_object()};
	struct json *cursor = json_parse(text, strlen(text), NULL), *answer;
	struct api_call call;

	if (!json_is_object(cursor)) {
		answer = answer_error("request", "the cursor is not one of Slack's", NULL);
	} else if (!(listening.self = slack_self(&call))) {
		answer = api_error(&call);
		api_release(&call);
	} else {
		answer = poll_places(&listening, question, cursor);
	}
	for (size_t i = 0; i < listening.count; i++)
		spot_release(&listening.spots[i]);
	free(listening.spots);
	json_free(listening.error);
	json_free(listening.events);
	json_free(listening.names);
	json_free(cursor);
	return answer;
}
