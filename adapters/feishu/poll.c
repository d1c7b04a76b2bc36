/* SPDX-License-Identifier: MIT */
/*
 * Hearing: chat by chat and thread by thread, as Feishu has no queue and a chat's list holds
 * no replies of threads. A mark is the time of the newest message, by Feishu's own clock, and
 * the ids of those shortly before that: each list begins a little earlier, since a message
 * may show up after one that is younger.
 *
 *	{"t": 1795231477123, "k": "group", "s": ["om_…", …]}
 *
 * A place that is heard for the first time begins after our own last words there, a thread
 * that we opened at its beginning: an answer may be older than the first look.
 */
#include "feishu.h"

#include "die.h"
#include "rounds.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 50, PAGES_DOWN = 400, PAGES_UP = 20, FAILURES_MOST = 3 };
enum { OVERLAP = 5000, SEEN_MOST = 300 };

/* What is no place of Feishu's is passed over. */
static char *
spot_name(const struct round *round, const struct json *place)
{
	const char *chat = json_text_or(place, "chat", ""), *thread = json_text(place, "thread");
	const char *name = thread ? thread : chat;

	(void)round;
	return is_id(chat, "oc_") && is_id(name, thread ? "omt_" : "oc_") ? xstrdup(name) : NULL;
}

/* A home that is a chat's id needs no looking up. */
static struct json *
find_home(const struct round *round)
{
	const char *home = adapter_setting("HOME_CHANNEL");
	struct json *found;

	(void)round;
	if (home && is_id(home, "oc_")) {
		found = json_object();
		json_put_text(found, "place.chat", home);
		if (adapter_setting("HOME_CHANNEL_THREAD_ID"))
			json_put_text(found, "place.thread", adapter_setting("HOME_CHANNEL_THREAD_ID"));
		return found;
	}
	return feishu_resolve(NULL);
}

/*
 * Where it was said. In a chat that is all topics, a message of the chat begins a thread;
 * elsewhere one that has a thread now had none when it was said.
 */
static struct json *
spoken_place(const struct json *message, const struct json *heard, const char *kind)
{
	const char *thread = json_text(heard, "thread");

	if (!thread && (json_has(message, "root_id") || !strcmp(kind, "topic")))
		thread = json_text(message, "thread_id");
	return place_new(feishu_account(), json_text(heard, "chat"),
		strcmp(kind, "topic") != 0 ? kind : "group", thread,
		json_text(message, "sender.id"));
}

/* The event that a message is, owned; NULL for what says nothing to us. */
static struct json *
make_event(const struct json *message, const struct json *heard, const char *kind)
{
	const char *id = json_text(message, "message_id"), *who = json_text(message, "sender.id");
	const char *parent = json_text(message, "parent_id");
	struct json *event;
	char *words;

	if (!id || !who || json_true(message, "deleted")
		|| strcmp(json_text_or(message, "sender.sender_type", ""), "user") != 0)
		return NULL;
	words = content_words(message);
	if (!words)
		return NULL;
	event = json_object();
	json_put_text(event, "message", id);
	json_put(event, "place", spoken_place(message, heard, kind));
	json_put_text(event, "user.id", who);
	json_put_text(event, "user.name", json_text_or(message, "sender.sender_name", who));
	json_put_text(event, "text", words);
	json_put_number(event, "at", message_time(message) / 1000);
	if (parent && (!json_has(message, "thread_id")
		|| strcmp(parent, json_text_or(message, "root_id", "")) != 0))
		json_put_text(event, "reply_to", parent); /* a thread's own root is no answer */
	free(words);
	return event;
}

/* One page more of what was said since then, and which is next. False: `trouble` says why. */
static bool
add_page(struct json *listed, const char *container, double since, char **page,
	struct api_call *trouble)
{
	bool down = is_id(container, "omt_"), more;
	struct api_call call;

	feishu_list(container, down, since / 1000 - 1, *page, PAGE, &call); /* in whole seconds */
	free(*page);
	*page = NULL;
	if (!call.result) {
		*trouble = call;
		return false;
	}
	more = json_true(call.result, "has_more") && json_text(call.result, "page_token");
	for (size_t i = 0, n = json_count(call.result, "items"); i < n; i++) {
		struct json *message = json_item(call.result, "items", i);

		if (message_time(message) >= since)
			json_append(listed, json_copy(message));
		else
			more = more && !down;
		json_free(message);
	}
	if (more)
		*page = xstrdup(json_text(call.result, "page_token"));
	api_release(&call);
	return true;
}

/* Takes `list`; gives it from its end to its beginning. */
static struct json *
turned(struct json *list)
{
	struct json *other = json_array();

	for (size_t i = json_count(list, ""); i-- > 0;)
		json_append(other, json_item(list, "", i));
	json_free(list);
	return other;
}

/*
 * What was said since then, newest first. A thread's list knows no time, and is read from the
 * newest down; a chat's from then up, as far as a poll may go: the next goes on. Owned; NULL:
 * `trouble` says why.
 */
static struct json *
list_since(const char *container, double since, struct api_call *trouble)
{
	bool down = is_id(container, "omt_"), fine;
	struct json *listed = json_array();
	char *page = NULL;
	int pages = 0;

	do
		fine = add_page(listed, container, since, &page, trouble);
	while (page && ++pages < (down ? PAGES_DOWN : PAGES_UP) && (down || round_has_time()));
	free(page);
	if (!fine) {
		json_free(listed);
		return NULL;
	}
	return down ? listed : turned(listed);
}

/* A mark at time `at`: of what is listed, newest first, it has seen what is shortly before. */
static struct json *
make_mark(const struct json *listed, double at, const char *kind)
{
	struct json *mark = json_object(), *seen = json_array();

	for (size_t i = 0, n = json_count(listed, ""); i < n && json_count(seen, "") < SEEN_MOST; i++) {
		struct json *message = json_item(listed, "", i);
		const char *id = json_text_or(message, "message_id", "");

		if (message_time(message) <= at && message_time(message) >= at - OVERLAP)
			json_append_text(seen, id);
		json_free(message);
	}
	json_put_number(mark, "t", at);
	json_put_text(mark, "k", kind);
	json_put(mark, "s", seen);
	return mark;
}

/* Whether the thread began with our own words: then all in it is for us. */
static bool
began_with_us(const char *thread)
{
	struct api_call call;
	struct json *first;
	bool ours;

	feishu_list(thread, false, 0, NULL, 1, &call);
	first = call.result ? json_item(call.result, "items", 0) : NULL;
	ours = first && is_own(first);
	json_free(first);
	api_release(&call);
	return ours;
}

/* "dm", "group", or "topic" for a chat that is all topics. Owned; NULL: `trouble` says why. */
static char *
ask_kind(const char *chat, struct api_call *trouble)
{
	struct api_call call;
	char *kind;

	feishu_ask_chat(chat, &call);
	if (!call.result) {
		*trouble = call;
		return NULL;
	}
	kind = xstrdup(!strcmp(json_text_or(call.result, "chat_mode", ""), "topic")
		|| !strcmp(json_text_or(call.result, "group_message_type", ""), "thread")
		? "topic" : chat_kind(call.result));
	api_release(&call);
	return kind;
}

/* The mark of a place heard for the first time. Owned; NULL: `trouble` says why. */
static struct json *
first_mark(const struct spot *spot, struct api_call *trouble)
{
	char *kind = ask_kind(json_text_or(spot->place, "chat", ""), trouble);
	struct api_call call;
	double at = 0;
	struct json *mark = NULL, *listed;

	if (!kind)
		return NULL;
	feishu_list(spot->name, true, 0, NULL, PAGE, &call);
	if (call.result) {
		listed = json_at(call.result, "items");
		for (size_t i = 0, n = listed ? json_count(listed, "") : 0; i < n; i++) {
			struct json *message = json_item(listed, "", i);
			bool own = is_own(message);

			if (own || i == 0)
				at = message_time(message);
			json_free(message);
			if (own)
				break;
		}
		mark = json_has(spot->place, "thread") && began_with_us(spot->name)
			? make_mark(NULL, 0, kind) : make_mark(listed, at, kind);
		json_free(listed);
		api_release(&call);
	} else {
		*trouble = call;
	}
	free(kind);
	return mark;
}

/*
 * In a chat that is all topics, the chat's list holds what is said in threads. That is left
 * to a thread's own list, which may begin in this very poll: then both are looked at.
 */
static bool
is_elsewhere(const struct round *round, const struct spot *spot, const struct json *message)
{
	const char *thread = json_text_or(message, "thread_id", "");

	if (!json_has(message, "thread_id"))
		return false;
	if (!json_has(spot->place, "thread") && json_has(message, "root_id")
		&& round_hears(round, thread))
		return true;
	return round_told(round, json_text(spot->place, "chat"), json_text(message, "message_id"));
}

/* Events of what is listed and was not seen, oldest first. */
static void
add_events(struct round *round, const struct spot *spot, const struct json *listed)
{
	struct json *seen = json_at(spot->mark, "s");
	const char *kind = json_text_or(spot->mark, "k", "group");

	for (size_t i = json_count(listed, ""); i-- > 0;) {
		struct json *message = json_item(listed, "", i);
		bool known = json_lists(seen, "", "", json_text_or(message, "message_id", ""))
			|| (!strcmp(kind, "topic") && is_elsewhere(round, spot, message));
		struct json *event = known ? NULL : make_event(message, spot->place, kind);

		if (event)
			json_append(round->events, event);
		json_free(message);
	}
	json_free(seen);
}

static void
move_mark(struct spot *spot, const struct json *listed)
{
	struct json *newest = json_item(listed, "", 0), *mark;
	double at = json_number(spot->mark, "t", 0);

	if (!newest)
		return;
	if (message_time(newest) > at)
		at = message_time(newest);
	mark = make_mark(listed, at, json_text_or(spot->mark, "k", "group"));
	json_free(spot->mark);
	spot->mark = mark;
	json_free(newest);
}

/*
 * A limit is everybody's, and so is trouble on the way. A scope that only groups want is not,
 * nor is a failure that the server has a code for: one chat may have it, several have not.
 */
static enum hearing
failed(struct round *round, struct spot *spot, struct api_call *trouble)
{
	int *failures = round->data;
	const char *class = trouble->class ? trouble->class : "", *code = trouble->code;
	bool passes = !strcmp(class, "transient") || !strcmp(class, "config");
	enum hearing came = passes ? SPOT_OVER : SPOT_REFUSED;

	if (code && !strcmp(code, "230027"))
		came = SPOT_REFUSED;
	else if (code && trouble->unknown && ++*failures <= FAILURES_MOST)
		came = SPOT_WAITS;
	round_trouble(round, spot, api_error(trouble));
	api_release(trouble);
	return came;
}

static enum hearing
hear(struct round *round, struct spot *spot)
{
	struct api_call trouble = {0};
	struct json *listed;
	double at;

	if (!spot->mark || !json_has(spot->mark, "t")) {
		json_free(spot->mark);
		spot->mark = first_mark(spot, &trouble);
	}
	if (!spot->mark)
		return failed(round, spot, &trouble);
	at = json_number(spot->mark, "t", 0);
	listed = list_since(spot->name, at > OVERLAP ? at - OVERLAP : 0, &trouble);
	if (!listed)
		return failed(round, spot, &trouble);
	add_events(round, spot, listed);
	move_mark(spot, listed);
	json_free(listed);
	return SPOT_HEARD;
}

/* A thousand calls a minute are allowed. */
static const struct rounds rounds = {.platform = "Feishu", .spot_name = spot_name,
	.home = find_home, .hear = hear, .pause = 2, .pause_each = 0.2};

struct json *
feishu_poll(const struct json *question)
{
	int failures = 0;

	feishu_account();
	return rounds_poll(&rounds, question, &failures);
}
