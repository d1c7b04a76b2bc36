/* SPDX-License-Identifier: MIT */
/*
 * Hearing: /sync from the cursor, which is its token and confirms nothing. A room in which
 * more was said than sync tells has a gap at its front; it is filled from behind, page by
 * page, back to the cursor. Without a cursor hearing begins now, but for what answers us:
 * the threads that the question names, and what followed our last words at other places.
 */
#include "matrix.h"

#include "die.h"
#include "figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 250, FILL_PAGES = 40, OLD_PAGES = 8 };

#define KINDS "\"types\":[\"m.room.message\",\"m.room.encrypted\",\"m.room.member\"]"
#define NO_MORE "\"presence\":{\"types\":[]},\"account_data\":{\"types\":[]}," \
	"\"room\":{\"ephemeral\":{\"types\":[]},\"account_data\":{\"types\":[]},\"state\":{\"types\":[]},"

static const char page_filter[] = "{" KINDS "}";
static const char now_filter[] = "{" NO_MORE "\"rooms\":[]}}";
static const char sync_filter[] = "{" NO_MORE "\"timeline\":{\"limit\":50," KINDS "}}}";

struct hearing {
	const char *me;
	struct json *events; /* heard so far */
	struct json *error;  /* what ends it all, or NULL */
};

static bool
is_type(const struct json *event, const char *type)
{
	return !strcmp(json_text_or(event, "type", ""), type);
}

static bool
is_own(const struct json *event, const char *me)
{
	return !strcmp(json_text_or(event, "sender", ""), me)
		|| json_has(event, "unsigned.transaction_id");
}

static const char *
relation(const struct json *event)
{
	return json_text_or(event, "/content/m.relates_to/rel_type", "");
}

/* The thread that it is in, or NULL. */
static const char *
thread_of(const struct json *event)
{
	return strcmp(relation(event), "m.thread") ? NULL
		: json_text(event, "/content/m.relates_to/event_id");
}

/* A file's body is its name, unless it has a name besides: then it is a caption. */
static bool
has_words(const struct json *event)
{
	static const char *const files[] = {"m.image", "m.file", "m.audio", "m.video"};
	const char *kind = json_text_or(event, "content.msgtype", "");
	const char *body = json_text_or(event, "content.body", "");
	const char *file = json_text(event, "content.filename");

	if (!strcmp(kind, "m.text") || !strcmp(kind, "m.emote"))
		return *body;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (!strcmp(kind, files[i]))
			return *body && file && strcmp(file, body) != 0;
	return false;
}

/* Whether a human says something new: bots say notices, and a replacement says it again. */
static bool
is_said(const struct json *event, const char *me)
{
	return is_type(event, "m.room.message") && !is_own(event, me) && has_words(event)
		&& json_text(event, "event_id") && json_text(event, "sender")
		&& strcmp(relation(event), "m.replace") != 0;
}

/* Old clients begin an answer with what it answers, as lines of "> <@user:server> …". */
static const char *
skip_fallback(const struct json *event, const char *body)
{
	const char *at = body;

	if (!json_has(event, "/content/m.relates_to/m.in_reply_to")
		|| (strncmp(body, "> <@", 4) != 0 && strncmp(body, "> * <@", 6) != 0))
		return body;
	while (*at == '>') {
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	at += *at == '\n';
	return *at ? at : body;
}

/* Owned. */
static char *
words_of(const struct json *event, const char *name)
{
	const char *body = skip_fallback(event, json_text(event, "content.body"));

	return strcmp(json_text_or(event, "content.msgtype", ""), "m.emote") ? xstrdup(body)
		: xformat("* %s %s", name, body);
}

static struct json *
make_event(const struct json *event, const char *id, const struct room *room)
{
	const char *sender = json_text(event, "sender");
	struct json *made = json_object(), *place = room_place(room, id, thread_of(event));
	char *name = room_member(room, sender), *words = words_of(event, name);

	if (room->dm && strcmp(sender, room->user) != 0)
		json_put_text(place, "kind", "group"); /* it is private with one human only */
	json_put_text(place, "user", sender);
	json_put_text(made, "message", json_text(event, "event_id"));
	json_put(made, "place", place);
	json_put_text(made, "user.id", sender);
	json_put_text(made, "user.name", name);
	json_put_text(made, "text", words);
	json_put_number(made, "at", json_number(event, "origin_server_ts", clock_now() * 1000) / 1000);
	if (!json_true(event, "/content/m.relates_to/is_falling_back")) {
		const char *to = json_text(event, "/content/m.relates_to/m.in_reply_to/event_id");

		if (to)
			json_put_text(made, "reply_to", to);
	}
	free(name);
	free(words);
	return made;
}

/* Our own joining. A new name of ours is such an event, too, but we were in before it. */
static bool
is_joining(const struct json *event, const char *me)
{
	return is_type(event, "m.room.member") && !strcmp(json_text_or(event, "state_key", ""), me)
		&& !strcmp(json_text_or(event, "content.membership", ""), "join")
		&& strcmp(json_text_or(event, "unsigned.prev_content.membership", ""), "join") != 0;
}

/* Where in the events, oldest first, those begin that were said to us. */
static size_t
begin_of(const struct json *events, const char *me)
{
	size_t begin = 0;

	for (size_t i = 0, n = json_count(events, ""); i < n; i++) {
		struct json *event = json_item(events, "", i);

		if (is_joining(event, me))
			begin = i + 1;
		json_free(event);
	}
	return begin;
}

/* What ends it all: a room that we cannot see any more does not. */
static void
take_trouble(struct hearing *hearing, const struct api_call *call)
{
	static const char *const all[] = {"transient", "busy", "config"};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (!hearing->error && !strcmp(call->class, all[i]))
			hearing->error = api_error(call);
}

/* The events of a room, oldest first. */
static void
hear_events(struct hearing *hearing, const char *id, const struct json *events)
{
	size_t begin = begin_of(events, hearing->me), unreadable = 0;
	struct room room = {0};
	struct api_call call;

	for (size_t i = begin, n = json_count(events, ""); i < n && !hearing->error; i++) {
		struct json *event = json_item(events, "", i);

		unreadable += is_type(event, "m.room.encrypted") && !is_own(event, hearing->me);
		if (is_said(event, hearing->me)) {
			if (room.members || room_find(&room, id, &call)) {
				json_append(hearing->events, make_event(event, id, &room));
			} else {
				take_trouble(hearing, &call);
				api_release(&call);
				i = n; /* we are not in it any more: nobody is there to answer */
			}
		}
		json_free(event);
	}
	if (unreadable)
		warn("%s: %zu encrypted messages cannot be read; %s", id, unreadable, encrypted_remedy);
	room_release(&room);
}

static void
append_backwards(struct json *to, const struct json *from)
{
	for (size_t i = json_count(from, ""); i-- > 0;)
		json_append(to, json_item(from, "", i));
}

/* What was said in a room before `from`, newest first, back to `to` or so many pages. Owned. */
static struct json *
read_back(struct hearing *hearing, const char *id, const char *from, const char *to, int pages)
{
	struct json *found = json_array();
	char *token = xstrdup(from), size[16];
	struct api_call call;

	snprintf(size, sizeof size, "%d", PAGE);
	while (token && pages-- > 0 && !hearing->error) {
		call = to ? matrix_ask(NULL, NULL, "v3/rooms/%/messages?dir=b&limit=%&filter=%&from=%&to=%",
			id, size, page_filter, token, to)
			: matrix_ask(NULL, NULL, "v3/rooms/%/messages?dir=b&limit=%&filter=%&from=%",
			id, size, page_filter, token);
		free(token);
		token = NULL;
		if (!call.result) {
			take_trouble(hearing, &call);
		} else {
			size_t count = json_count(call.result, "chunk");

			for (size_t i = 0; i < count; i++)
				json_append(found, json_item(call.result, "chunk", i));
			token = json_text(call.result, "end") ? xstrdup(json_text(call.result, "end")) : NULL;
		}
		api_release(&call);
	}
	if (token && to && !hearing->error)
		warn("%s: more was said than can be read at once; the oldest of it is lost", id);
	free(token);
	return found;
}

struct room_news {
	struct hearing *hearing;
	const char *since;
};

static void
hear_room(const char *id, const struct json *joined, void *data)
{
	struct room_news *news = data;
	struct hearing *hearing = news->hearing;
	const char *front = json_text(joined, "timeline.prev_batch");
	struct json *events = json_array(), *gap;

	if (json_true(joined, "timeline.limited") && front && !hearing->error) {
		gap = read_back(hearing, id, front, news->since, FILL_PAGES);
		append_backwards(events, gap);
		json_free(gap);
	}
	for (size_t i = 0, n = json_count(joined, "timeline.events"); i < n; i++)
		json_append(events, json_item(joined, "timeline.events", i));
	if (!hearing->error)
		hear_events(hearing, id, events);
	json_free(events);
}

/* Everything in a thread that we opened, as far as that was said before `from`. */
static struct json *
read_thread(struct hearing *hearing, const char *id, const char *root, const char *from)
{
	struct json *found = json_array(), *ordered = json_array();
	char *token = xstrdup(from);
	struct api_call call;

	for (int pages = OLD_PAGES; token && pages > 0 && !hearing->error; pages--) {
		call = matrix_ask(NULL, NULL, "v1/rooms/%/relations/%/m.thread?dir=b&limit=100&from=%",
			id, root, token);
		free(token);
		token = NULL;
		if (!call.result)
			take_trouble(hearing, &call);
		for (size_t i = 0, n = json_count(call.result, "chunk"); i < n; i++)
			json_append(found, json_item(call.result, "chunk", i));
		if (json_text(call.result, "next_batch"))
			token = xstrdup(json_text(call.result, "next_batch"));
		api_release(&call);
	}
	append_backwards(ordered, found);
	json_free(found);
	free(token);
	return ordered;
}

/* What followed our own last words in a room, outside of its threads. */
static struct json *
read_after_us(struct hearing *hearing, const char *id, const char *from)
{
	struct json *found = read_back(hearing, id, from, NULL, 1), *later = json_array();
	struct json *ordered = json_array();
	bool ours = false;

	for (size_t i = 0, n = json_count(found, ""); i < n && !ours; i++) {
		struct json *event = json_item(found, "", i);

		if (is_type(event, "m.room.message") && !thread_of(event)) {
			ours = is_own(event, hearing->me);
			if (!ours)
				json_append(later, json_copy(event));
		}
		json_free(event);
	}
	if (ours)
		append_backwards(ordered, later);
	json_free(found);
	json_free(later);
	return ordered;
}

static void
hear_old(struct hearing *hearing, const struct json *place, const char *from)
{
	const char *id = json_text(place, "chat"), *thread = json_text(place, "thread");
	struct json *events;

	if (!id || hearing->error)
		return;
	events = thread ? read_thread(hearing, id, thread, from) : read_after_us(hearing, id, from);
	if (!hearing->error)
		hear_events(hearing, id, events);
	json_free(events);
}

/* One sync. */
static struct api_call
sync(const char *since, const char *filter, double wait)
{
	struct text path = TEXT_INIT;
	struct api_call call;

	text_format(&path, "v3/sync?timeout=%.0f&filter=", wait * 1000);
	http_escape(&path, filter);
	if (since) {
		text_puts(&path, "&since=");
		http_escape(&path, since);
	}
	call = matrix_wait(path.at, wait + 10);
	text_release(&path);
	return call;
}

/* Takes what was heard. */
static struct json *
make_batch(struct hearing *hearing, const struct api_call *call)
{
	struct json *answer = json_object();

	if (hearing->error) {
		json_free(answer);
		json_free(hearing->events);
		return hearing->error;
	}
	json_put(answer, "events", hearing->events);
	json_put_text(answer, "cursor", json_text(call->result, "next_batch"));
	return answer;
}

static struct json *
poll_now(const struct json *question, const char *me)
{
	struct hearing hearing = {me, json_array(), NULL};
	struct api_call call = sync(NULL, now_filter, 0);
	const char *token = json_text(call.result, "next_batch");
	struct json *answer;

	if (!call.result)
		hearing.error = api_error(&call);
	else if (!token)
		hearing.error = answer_error("transient", "no answer of Matrix's", NULL);
	for (size_t i = 0, n = json_count(question, "places"); i < n; i++) {
		struct json *place = json_item(question, "places", i);

		hear_old(&hearing, place, token);
		json_free(place);
	}
	answer = make_batch(&hearing, &call);
	api_release(&call);
	return answer;
}

static struct json *
poll_since(const struct json *question, const char *me, const char *since)
{
	double wait = json_number(question, "wait", 0);
	struct hearing hearing = {me, json_array(), NULL};
	struct room_news news = {&hearing, since};
	struct api_call call = sync(since, sync_filter, wait > 0 ? wait : 0);
	struct json *answer;

	if (call.status == 400 && call.why && strcasestr(call.why, "token")) {
		warn("the homeserver does not know the cursor; what was said meanwhile may be missing");
		api_release(&call);
		json_free(hearing.events);
		return poll_now(question, me);
	}
	if (!call.result)
		hearing.error = api_error(&call);
	else if (!json_text(call.result, "next_batch"))
		hearing.error = answer_error("transient", "no answer of Matrix's", NULL);
	json_each(call.result, "rooms.join", hear_room, &news);
	answer = make_batch(&hearing, &call);
	api_release(&call);
	return answer;
}

struct json *
matrix_poll(const struct json *question)
{
	const char *since = json_text(question, "cursor");
	struct api_call call;
	const struct json *me = matrix_me(&call);
	const char *user = json_text(me, "user_id");
	struct json *answer;

	if (!me)
		answer = api_error(&call);
	else if (!user)
		answer = answer_error("transient", "no answer of Matrix's", NULL);
	else
		answer = since ? poll_since(question, user, since) : poll_now(question, user);
	api_release(&call);
	return answer;
}
