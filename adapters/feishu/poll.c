/* SPDX-License-Identifier: MIT */
/*
 * Hearing: chat by chat and thread by thread, as Feishu has no queue and a chat's list holds
 * no replies of threads. The cursor holds for each of them the time of its newest message,
 * by Feishu's own clock, and the ids of those shortly before that: each list begins a little
 * earlier, since a message may show up after one that is younger.
 *
 *	{"oc_…": {"t": 1795231477123, "k": "group", "s": ["om_…", …]}, "omt_…": …}
 *
 * A place that is heard for the first time begins after our own last words there, a thread
 * that we opened at its beginning: an answer may be older than the first look.
 */
#include "feishu.h"

#include "die.h"
#include "figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAGE = 50, PAGES_MOST = 400, OVERLAP = 5000, SEEN_MOST = 300 };
static const double pause_least = 2, pause_each = 0.2; /* a thousand calls a minute are allowed */

struct ears {
	struct json *wanted; /* places to hear, each with its "container" */
	struct json *marks;  /* the cursor to be */
	struct json *begun;  /* the cursor as it was given */
	struct json *events;
	struct api_call trouble; /* of the first place that could not be heard */
	bool heard;              /* some place could */
};

static double
created(const struct json *message)
{
	char *time = json_id(message, "create_time");
	double ms = time ? strtod(time, NULL) : 0;

	free(time);
	return ms;
}

static bool
holds(const struct json *ids, const char *id)
{
	bool found = false;

	for (size_t i = 0, n = json_count(ids, ""); i < n && !found; i++) {
		struct json *one = json_item(ids, "", i);

		found = !strcmp(json_text_or(one, "", ""), id);
		json_free(one);
	}
	return found;
}

static bool
is_wanted(const struct ears *ears, const char *container)
{
	bool found = false;

	for (size_t i = 0, n = json_count(ears->wanted, ""); i < n && !found; i++) {
		struct json *place = json_item(ears->wanted, "", i);

		found = !strcmp(json_text_or(place, "container", ""), container);
		json_free(place);
	}
	return found;
}

/* Takes `place`. What is no place of Feishu's is passed over. */
static void
want(struct ears *ears, struct json *place)
{
	const char *chat = json_text_or(place, "chat", ""), *thread = json_text(place, "thread");
	const char *container = thread ? thread : chat;

	if (is_id(chat, "oc_") && is_id(container, thread ? "omt_" : "oc_")
		&& !is_wanted(ears, container)) {
		json_put_text(place, "container", container);
		json_append(ears->wanted, place);
	} else {
		json_free(place);
	}
}

static void
want_all(struct ears *ears, const struct json *question)
{
	struct json *nothing = json_object();
	const char *home = adapter_setting("HOME_CHANNEL");

	if (home && is_id(home, "oc_")) {
		json_put_text(nothing, "chat", home);
		json_put_text(nothing, "thread", adapter_setting("HOME_CHANNEL_THREAD_ID"));
		want(ears, json_copy(nothing));
	} else if (home) {
		struct json *found = feishu_resolve(nothing), *place = json_at(found, "place");

		if (place)
			want(ears, place);
		json_free(found);
	}
	for (size_t i = 0, n = json_count(question, "places"); i < n; i++)
		want(ears, json_item(question, "places", i));
	json_free(nothing);
}

/*
 * Where it was said. In a chat that is all topics, a message of the chat begins a thread;
 * elsewhere one that has a thread now had none when it was said.
 */
static struct json *
spoken_place(const struct json *message, const struct json *heard, const char *kind)
{
	struct json *place = json_object();
	const char *thread = json_text(heard, "thread");

	if (!thread && (json_has(message, "root_id") || !strcmp(kind, "topic")))
		thread = json_text(message, "thread_id");
	json_put_text(place, "platform", adapter_platform());
	json_put_text(place, "account", feishu_account());
	json_put_text(place, "chat", json_text(heard, "chat"));
	json_put_text(place, "kind", strcmp(kind, "topic") != 0 ? kind : "group");
	if (thread)
		json_put_text(place, "thread", thread);
	json_put_text(place, "user", json_text(message, "sender.id"));
	return place;
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
	json_put_number(event, "at", created(message) / 1000);
	if (parent && (!json_has(message, "thread_id")
		|| strcmp(parent, json_text_or(message, "root_id", "")) != 0))
		json_put_text(event, "reply_to", parent); /* a thread's own root is no answer */
	free(words);
	return event;
}

/* All from the newest down to `since`, newest first. Owned; NULL: `trouble` says why. */
static struct json *
list_down(const char *container, double since, struct api_call *trouble)
{
	struct json *all = json_array();
	char *page = NULL;
	bool more = true;

	for (int pages = 0; more && pages < PAGES_MOST; pages++) {
		struct api_call call;

		feishu_list(container, true, since > 0 ? since / 1000 : 0, page, PAGE, &call);
		free(page);
		page = NULL;
		if (!call.result) {
			*trouble = call;
			json_free(all);
			return NULL;
		}
		for (size_t i = 0, n = json_count(call.result, "items"); i < n; i++) {
			struct json *message = json_item(call.result, "items", i);

			more = more && created(message) >= since;
			if (more)
				json_append(all, json_copy(message));
			json_free(message);
		}
		more = more && json_true(call.result, "has_more") && json_text(call.result, "page_token");
		if (more)
			page = xstrdup(json_text(call.result, "page_token"));
		api_release(&call);
	}
	free(page);
	return all;
}

/* A mark at time `at`: of what is listed, newest first, it has seen what is shortly before. */
static struct json *
make_mark(const struct json *listed, double at, const char *kind)
{
	struct json *mark = json_object(), *seen = json_array();

	for (size_t i = 0, n = json_count(listed, ""); i < n && json_count(seen, "") < SEEN_MOST; i++) {
		struct json *message = json_item(listed, "", i);
		const char *id = json_text_or(message, "message_id", "");

		if (created(message) <= at && created(message) >= at - OVERLAP)
			json_append(seen, json_new_text(id, strlen(id)));
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
first_mark(const struct json *heard, struct api_call *trouble)
{
	const char *container = json_text(heard, "container");
	char *kind = ask_kind(json_text(heard, "chat"), trouble);
	struct api_call call;
	double at = 0;
	struct json *mark = NULL, *listed;

	if (!kind)
		return NULL;
	feishu_list(container, true, 0, NULL, PAGE, &call);
	if (call.result) {
		listed = json_at(call.result, "items");
		for (size_t i = 0, n = listed ? json_count(listed, "") : 0; i < n; i++) {
			struct json *message = json_item(listed, "", i);
			bool own = is_own(message);

			if (own || i == 0)
				at = created(message);
			json_free(message);
			if (own)
				break;
		}
		mark = json_has(heard, "thread") && began_with_us(container)
			? make_mark(NULL, 0, kind) : make_mark(listed, at, kind);
		json_free(listed);
		api_release(&call);
	} else {
		*trouble = call;
	}
	free(kind);
	return mark;
}

static bool
is_told(const struct ears *ears, const struct json *message)
{
	const char *id = json_text_or(message, "message_id", "");
	bool told = false;

	for (size_t i = 0, n = json_count(ears->events, ""); i < n && !told; i++) {
		struct json *event = json_item(ears->events, "", i);

		told = !strcmp(json_text_or(event, "message", ""), id);
		json_free(event);
	}
	return told;
}

/*
 * In a chat that is all topics, the chat's list holds what is said in threads. That is left
 * to a thread's own list, which may begin in this very poll: then both are looked at.
 */
static bool
is_elsewhere(const struct ears *ears, const struct json *heard, const struct json *message)
{
	const char *thread = json_text_or(message, "thread_id", "");

	if (!json_has(message, "thread_id"))
		return false;
	if (!json_has(heard, "thread") && json_has(message, "root_id")
		&& is_wanted(ears, thread) && json_has(ears->begun, thread))
		return true;
	return is_told(ears, message);
}

/* Events of what is listed and was not seen, oldest first. */
static void
add_events(struct ears *ears, const struct json *heard, const struct json *mark,
	const struct json *listed)
{
	struct json *seen = json_at(mark, "s");

	for (size_t i = json_count(listed, ""); i-- > 0;) {
		struct json *message = json_item(listed, "", i);
		bool known = holds(seen, json_text_or(message, "message_id", ""))
			|| (!strcmp(json_text_or(mark, "k", ""), "topic")
				&& is_elsewhere(ears, heard, message));
		struct json *event = known ? NULL
			: make_event(message, heard, json_text_or(mark, "k", "group"));

		if (event)
			json_append(ears->events, event);
		json_free(message);
	}
	json_free(seen);
}

/* One place. False: `trouble` says why it cannot be heard; its mark stays. */
static bool
hear(struct ears *ears, const struct json *heard, struct api_call *trouble)
{
	const char *container = json_text(heard, "container");
	struct json *mark = json_at(ears->marks, container), *listed, *newest;
	double at;

	if (!mark || !json_has(mark, "t")) {
		json_free(mark);
		mark = first_mark(heard, trouble);
		if (!mark)
			return false;
	}
	at = json_number(mark, "t", 0);
	listed = list_down(container, at > OVERLAP ? at - OVERLAP : 0, trouble);
	if (!listed) {
		json_free(mark);
		return false;
	}
	add_events(ears, heard, mark, listed);
	newest = json_count(listed, "") ? json_item(listed, "", 0) : NULL;
	if (newest && created(newest) > at)
		at = created(newest);
	json_drop(mark, "x");
	json_put(ears->marks, container, newest
		? make_mark(listed, at, json_text_or(mark, "k", "group")) : json_copy(mark));
	json_free(newest);
	json_free(listed);
	json_free(mark);
	return true;
}

/* A place that cannot be heard is said once, not at each poll; the others are heard. */
static void
say_trouble(struct ears *ears, const char *container, struct api_call *trouble)
{
	char *path = xformat("%s.x", container);
	const char *code = trouble->code ? trouble->code : "?";

	if (strcmp(json_text_or(ears->marks, path, ""), code) != 0)
		warn("%s: %s%s%s", container, trouble->why, trouble->remedy ? "; " : "",
			trouble->remedy ? trouble->remedy : "");
	json_put_text(ears->marks, path, code);
	free(path);
	if (ears->trouble.why)
		api_release(trouble);
	else
		ears->trouble = *trouble;
}

static bool
is_limit(const struct api_call *call)
{
	return call->code && (!strcmp(call->code, "99991400") || !strcmp(call->code, "230020"));
}

/* All places once, from where the last round ran out of time on. */
static void
hear_round(struct ears *ears)
{
	size_t count = json_count(ears->wanted, ""), from = 0;

	for (size_t i = 0; i < count; i++) {
		struct json *place = json_item(ears->wanted, "", i);

		if (!strcmp(json_text_or(place, "container", ""), json_text_or(ears->marks, "next", "")))
			from = i;
		json_free(place);
	}
	json_drop(ears->marks, "next");
	for (size_t i = 0; i < count; i++) {
		struct json *place = json_item(ears->wanted, "", (from + i) % count);
		const char *container = json_text(place, "container");
		struct api_call trouble = {0};
		bool stop = adapter_left() < figure_adapter() / 6;

		if (stop)
			json_put_text(ears->marks, "next", container);
		else if (hear(ears, place, &trouble))
			ears->heard = true;
		else
			stop = is_limit(&trouble);
		if (trouble.why)
			say_trouble(ears, container, &trouble);
		json_free(place);
		if (stop)
			break;
	}
}

static void
pause_for(double seconds)
{
	struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

	nanosleep(&time, NULL);
}

static void
hear_until(struct ears *ears, double end)
{
	double pause = pause_each * (double)json_count(ears->wanted, "");

	if (pause < pause_least)
		pause = pause_least;
	hear_round(ears);
	while (!json_count(ears->events, "") && ears->heard && clock_steady() < end
		&& adapter_left() > figure_adapter() / 3) {
		pause_for(clock_steady() + pause < end ? pause : end - clock_steady());
		hear_round(ears);
	}
}

/* Marks of places that are not asked for any more. */
static void
drop_old(struct ears *ears)
{
	struct json *kept = json_object();

	for (size_t i = 0, n = json_count(ears->wanted, ""); i < n; i++) {
		struct json *place = json_item(ears->wanted, "", i);
		struct json *mark = json_at(ears->marks, json_text(place, "container"));

		if (mark)
			json_put(kept, json_text(place, "container"), mark);
		json_free(place);
	}
	if (json_text(ears->marks, "next"))
		json_put_text(kept, "next", json_text(ears->marks, "next"));
	json_free(ears->marks);
	ears->marks = kept;
}

struct json *
feishu_poll(const struct json *question)
{
	const char *cursor = json_text(question, "cursor");
	double end = clock_steady() + json_number(question, "wait", 0);
	struct ears ears = {.marks = cursor ? json_parse(cursor, strlen(cursor), NULL) : json_object()};
	struct json *answer;
	char *marks;

	feishu_account();
	if (!ears.marks || !json_is_object(ears.marks)) {
		json_free(ears.marks);
		return answer_error("request", "the cursor is not one of Feishu's", NULL);
	}
	ears.begun = json_copy(ears.marks);
	ears.wanted = json_array();
	ears.events = json_array();
	want_all(&ears, question);
	hear_until(&ears, end);
	if (!ears.heard && ears.trouble.why) {
		answer = api_error(&ears.trouble);
		json_free(ears.events);
	} else {
		drop_old(&ears);
		marks = json_string(ears.marks);
		answer = json_object();
		json_put(answer, "events", ears.events);
		json_put_text(answer, "cursor", marks);
		free(marks);
	}
	json_free(ears.marks);
	json_free(ears.begun);
	json_free(ears.wanted);
	api_release(&ears.trouble);
	return answer;
}
