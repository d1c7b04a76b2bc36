/* SPDX-License-Identifier: MIT */
/*
 * Hearing: /sync from the cursor, which confirms nothing. A room of which sync does not tell
 * all, or that there is no time for, is *behind*: whatever sync says of it is passed until it
 * has been read, page by page, from where it was heard last to where sync is. What is not
 * reached is the next poll's, so each goes on where the last one ended:
 *
 *	s72_1           sync's token, and no room is behind
 *	{"sync":"s80_1","behind":[{"room":"!id:server","from":"t73_1"},…]}
 *
 * Without a cursor hearing begins now, but for what answers us: the threads that the question
 * names, and what followed our last words at other places.
 */
#include "matrix.h"

#include "die.h"
#include "figures.h"

#include <stdlib.h>
#include <string.h>

enum {
	EVENTS_MOST = 500, /* in a poll, and a page more: of the longest, 40 MiB */
	THREAD_PAGES = 8,  /* read without a cursor */
	ROOM_PAGES = 3,
};

#define KINDS "\"types\":[\"m.room.message\",\"m.room.encrypted\",\"m.room.member\"]"
#define NO_MORE "\"presence\":{\"types\":[]},\"account_data\":{\"types\":[]}," \
	"\"room\":{\"ephemeral\":{\"types\":[]},\"account_data\":{\"types\":[]},"

static const char page_filter[] = "{" KINDS "}";
static const char now_filter[] = "{" NO_MORE "\"rooms\":[]}}";

struct hearing {
	const char *me;
	struct json *events; /* heard so far */
	struct json *behind; /* rooms, as in the cursor */
	struct json *error;  /* what ends it, or NULL */
};

/* Whether the rest is for the next poll. */
static bool
is_enough(const struct hearing *hearing)
{
	return hearing->error || json_count(hearing->events, "") >= EVENTS_MOST
		|| adapter_left() < figure_adapter() / 6;
}

/* Where in the events, oldest first, those begin that were said to us. */
static size_t
begin_of(const struct json *events, const char *me)
{
	size_t begin = 0;

	for (size_t i = 0, n = json_count(events, ""); i < n; i++) {
		struct json *event = json_item(events, "", i);

		if (event_is_joining(event, me))
			begin = i + 1;
		json_free(event);
	}
	return begin;
}

/* What ends it: a room that we cannot see any more does not, nor a thread that is gone. */
static void
take_trouble(struct hearing *hearing, const char *id, const struct api_call *call)
{
	if (!strcmp(call->class, "chat") || !strcmp(call->class, "thread"))
		warn("%s: cannot be read: %s", id, call->why);
	else if (!hearing->error)
		hearing->error = api_error(call);
}

/* The events of a room, oldest first; false: none of them, and an error. */
static bool
hear_events(struct hearing *hearing, const char *id, const struct json *events)
{
	size_t begin = begin_of(events, hearing->me), unreadable = 0;
	struct room room = {0};
	struct api_call call;
	bool found = false;

	for (size_t i = begin, n = json_count(events, ""); i < n && !hearing->error; i++) {
		struct json *event = json_item(events, "", i);

		unreadable += event_is(event, "m.room.encrypted") && !event_is_own(event, hearing->me);
		if (event_is_said(event, hearing->me)) {
			found = found || room_find(&room, id, &call);
			if (found) {
				json_append(hearing->events, event_heard(event, id, &room));
			} else {
				take_trouble(hearing, id, &call);
				api_release(&call);
				i = n; /* we are not in it any more: nobody is there to answer */
			}
		}
		json_free(event);
	}
	if (unreadable)
		warn("%s: %zu encrypted messages cannot be read; %s", id, unreadable, encrypted_remedy);
	room_release(&room);
	return !hearing->error;
}

static void
append_backwards(struct json *to, const struct json *from)
{
	for (size_t i = json_count(from, ""); i-- > 0;)
		json_append(to, json_item(from, "", i));
}

/*
 * The room is behind from there on. Where we may have joined it since, our joining is looked
 * for first, and if there is none, it is heard from the token in `joining`; else that is NULL.
 */
static void
fall_behind(struct hearing *hearing, const char *id, const char *from, const char *joining)
{
	struct json *room = json_object();

	json_put_text(room, "room", id);
	json_put_text(room, "from", from);
	if (joining)
		json_put_text(room, "joining", joining);
	json_append(hearing->behind, room);
}

struct room_news {
	struct hearing *hearing;
	const char *since;
};

/* What sync tells of a room; before we joined it, nothing was said to us. */
static void
hear_room(const char *id, const struct json *joined, void *data)
{
	struct room_news *news = data;
	struct hearing *hearing = news->hearing;
	struct json *events = json_at(joined, "timeline.events"), *state = json_at(joined, "state.events");
	size_t begin = begin_of(events, hearing->me);
	bool whole = begin || !json_true(joined, "timeline.limited");

	if (!json_lists(hearing->behind, "", "room", id)
		&& (!whole || is_enough(hearing) || !hear_events(hearing, id, events)))
		fall_behind(hearing, id, news->since,
			begin || begin_of(state, hearing->me) ? news->since : NULL);
	json_free(events);
	json_free(state);
}

/* Hear a page of a room that is behind, which then is less so, or no more. */
static void
hear_page(struct hearing *hearing, const struct json *room, const struct json *page)
{
	const char *id = json_text_or(room, "room", ""), *joining = json_text(room, "joining");
	const char *end = json_text(page, "end");
	struct json *events = json_at(page, "chunk");

	if (begin_of(events, hearing->me))
		joining = NULL;
	if (joining || hear_events(hearing, id, events)) {
		if (end && strcmp(end, json_text_or(room, "from", "")) != 0)
			fall_behind(hearing, id, end, joining);
		else if (joining)
			fall_behind(hearing, id, joining, NULL);
	}
	json_free(events);
}

/* Read on in a room that is behind. */
static void
read_on(struct hearing *hearing, const struct json *room, const char *to)
{
	const char *id = json_text_or(room, "room", "");
	struct api_call call = matrix_ask(NULL, NULL,
		"v3/rooms/%/messages?dir=f&limit=100&filter=%&from=%&to=%", id, page_filter,
		json_text_or(room, "from", ""), to);

	if (call.result)
		hear_page(hearing, room, call.result);
	else
		take_trouble(hearing, id, &call);
	if (hearing->error)
		json_append(hearing->behind, json_copy(room));
	api_release(&call);
}

/* Read on in one room after another; those that are not reached are the next poll's first. */
static void
catch_up(struct hearing *hearing, const char *to)
{
	struct json *left = json_array();
	size_t i = 0;

	for (; i < json_count(hearing->behind, "") && !is_enough(hearing); i++) {
		struct json *room = json_item(hearing->behind, "", i);

		read_on(hearing, room, to);
		json_free(room);
	}
	for (; i < json_count(hearing->behind, ""); i++)
		json_append(left, json_item(hearing->behind, "", i));
	json_free(hearing->behind);
	hearing->behind = left;
}

/* Everything in a thread that we opened, as far as that was said before `from`. */
static struct json *
read_thread(struct hearing *hearing, const char *id, const char *root, const char *from)
{
	struct json *found = json_array(), *ordered = json_array();
	char *token = xstrdup(from);
	struct api_call call;

	for (int pages = THREAD_PAGES; token && pages > 0 && !hearing->error; pages--) {
		call = matrix_ask(NULL, NULL, "v1/rooms/%/relations/%/m.thread?dir=b&limit=100&from=%",
			id, root, token);
		free(token);
		token = NULL;
		if (!call.result)
			take_trouble(hearing, id, &call);
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
	struct json *later = json_array(), *ordered = json_array();
	char *token = xstrdup(from);
	struct api_call call;
	bool ours = false;

	for (int pages = ROOM_PAGES; token && pages > 0 && !ours && !hearing->error; pages--) {
		call = matrix_ask(NULL, NULL, "v3/rooms/%/messages?dir=b&limit=100&filter=%&from=%",
			id, page_filter, token);
		free(token);
		token = NULL;
		if (!call.result)
			take_trouble(hearing, id, &call);
		for (size_t i = 0, n = json_count(call.result, "chunk"); i < n && !ours; i++) {
			struct json *event = json_item(call.result, "chunk", i);

			if (event_is(event, "m.room.message") && !event_thread(event)) {
				ours = event_is_own(event, hearing->me);
				if (!ours)
					json_append(later, json_copy(event));
			}
			json_free(event);
		}
		if (json_text(call.result, "end"))
			token = xstrdup(json_text(call.result, "end"));
		api_release(&call);
	}
	if (ours)
		append_backwards(ordered, later);
	json_free(later);
	free(token);
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

/* What sync is to tell. Of the state only that we have joined, which is of our making. */
static char *
make_filter(const char *me)
{
	struct text filter = TEXT_INIT;

	text_puts(&filter, "{" NO_MORE "\"timeline\":{\"limit\":10," KINDS "},"
		"\"state\":{\"types\":[\"m.room.member\"],\"senders\":[");
	json_quote(&filter, me, strlen(me));
	text_puts(&filter, "]}}}");
	return text_take(&filter);
}

/* One sync. Half of the time is for what comes of it. */
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
	call = matrix_wait(path.at, wait + adapter_left() / 2);
	text_release(&path);
	return call;
}

/* Owned. */
static char *
make_cursor(const char *token, const struct json *behind)
{
	struct json *cursor;
	char *line;

	if (!json_count(behind, ""))
		return xstrdup(token);
	cursor = json_object();
	json_put_text(cursor, "sync", token);
	json_put(cursor, "behind", json_copy(behind));
	line = json_string(cursor);
	json_free(cursor);
	return line;
}

/* Takes what was heard, and the trouble. Without a token the next poll begins as this one did. */
static struct json *
make_batch(struct hearing *hearing, const char *token)
{
	struct json *answer = hearing->error ? hearing->error : json_object();
	char *cursor;

	if (token) {
		cursor = make_cursor(token, hearing->behind);
		json_put_text(answer, "cursor", cursor);
		free(cursor);
	}
	if (!hearing->error)
		json_put(answer, "events", json_copy(hearing->events));
	json_free(hearing->events);
	json_free(hearing->behind);
	return answer;
}

/* Its token, where one came; else the trouble. */
static const char *
sync_token(struct hearing *hearing, const struct api_call *call)
{
	const char *token = json_text(call->result, "next_batch");

	if (!call->result)
		hearing->error = api_error(call);
	else if (!token)
		hearing->error = answer_error("transient", "no answer of Matrix's", NULL);
	return token;
}

static struct json *
poll_now(const struct json *question, const char *me)
{
	struct hearing hearing = {me, json_array(), json_array(), NULL};
	struct api_call call = sync(NULL, now_filter, 0);
	const char *token = sync_token(&hearing, &call);
	struct json *answer;

	for (size_t i = 0, n = json_count(question, "places"); i < n; i++) {
		struct json *place = json_item(question, "places", i);

		hear_old(&hearing, place, token);
		json_free(place);
	}
	answer = make_batch(&hearing, hearing.error ? NULL : token);
	api_release(&call);
	return answer;
}

/*
 * Takes `behind`. Trouble that comes after something was heard is left to the next poll; and
 * what could not be read is behind, so the next one goes on elsewhere first.
 */
static struct json *
hear_since(const char *since, struct json *behind, const char *me, struct api_call *call)
{
	struct hearing hearing = {me, json_array(), behind, NULL};
	struct room_news news = {&hearing, since};
	const char *token = sync_token(&hearing, call);

	if (token) {
		json_each(call->result, "rooms.join", hear_room, &news);
		catch_up(&hearing, token);
	}
	if (json_count(hearing.events, "")) {
		json_free(hearing.error);
		hearing.error = NULL;
	}
	return make_batch(&hearing, token);
}

static struct json *
poll_since(const struct json *question, const char *me, const char *since)
{
	struct json *cursor = json_parse_stored(*since == '{' ? since : "{}");
	struct json *behind = json_at(cursor, "behind"), *answer;
	double wait = behind ? 0 : json_number(question, "wait", 0);
	char *filter = make_filter(me);
	struct api_call call;

	since = json_text_or(cursor, "sync", since);
	call = sync(since, filter, wait > 0 ? wait : 0);
	if (call.status == 400 && call.why && strcasestr(call.why, "token")) {
		warn("the homeserver does not know the cursor; what was said meanwhile may be missing");
		json_free(behind);
		answer = poll_now(question, me);
	} else {
		answer = hear_since(since, behind ? behind : json_array(), me, &call);
	}
	api_release(&call);
	json_free(cursor);
	free(filter);
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
