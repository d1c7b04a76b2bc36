/* SPDX-License-Identifier: MIT */
/*
 * Listening to iMessage: the Mac's database of messages is asked for rows behind the last
 * one seen. Rows are numbered as they come, while their dates are those of whoever wrote: a
 * message that was long on its way has a late row and an early date. So the row is the
 * cursor; and the date of the newest is kept beside it, as a Mac that fetches old
 * conversations from the cloud gives them new rows, and nobody waits for an answer to those.
 */
#include "imessage.h"

#include "die.h"
#include "figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 500, RECENT = 100, PLACES_MOST = 50 };
static const double PAUSE = 2; /* s */
static const double LONG_WAY = 86400e3, CLOCKS_DIFFER = 300e3, MOMENT = 10e3; /* ms */

struct listening {
	double row, newest; /* the last row; the newest date, ms */
	double since;       /* a row behind it is missing, ms; 0: none is */
	struct json *events, *trouble;
};

/* What is said, without the signs that stand for attachments. Owned. */
static char *
words_of(const struct json *message)
{
	static const char object[] = "\xef\xbf\xbc";
	const char *text = json_text_or(message, "text", ""), *at;
	struct text words = TEXT_INIT;

	for (; (at = strstr(text, object)); text = at + strlen(object))
		text_add(&words, text, (size_t)(at - text));
	text_puts(&words, text + strspn(text, words.length ? "" : " \n"));
	return text_take(&words);
}

/* Reactions, and what the system says of groups, are not words. */
static bool
is_said(const struct json *message, const struct json *chat)
{
	return !json_true(message, "isFromMe") && !json_has(message, "associatedMessageType")
		&& !json_number(message, "itemType", 0) && !json_true(message, "isSystemMessage")
		&& !json_true(message, "isServiceMessage") && json_text(message, "guid")
		&& json_text(message, "handle.address")
		&& is_chat(json_text_or(chat, "guid", ""));
}

/* Who speaks is added to the place. Owned. */
static struct json *
make_event(const struct json *message, const char *words, struct json *place)
{
	struct json *event = json_object();
	const char *speaker, *answered = json_text(message, "threadOriginatorGuid");

	if (!json_has(place, "user"))
		json_put_text(place, "user", json_text(message, "handle.address"));
	speaker = json_text(place, "user");
	json_put_text(event, "message", json_text(message, "guid"));
	json_put(event, "place", json_copy(place));
	json_put_text(event, "user.id", speaker);
	json_put_text(event, "user.name", speaker);
	json_put_text(event, "text", words);
	json_put_number(event, "at", json_number(message, "dateCreated", clock_now() * 1e3) / 1e3);
	if (answered)
		json_put_text(event, "reply_to", answered);
	return event;
}

static void
add_event(struct listening *listening, const struct json *message)
{
	struct json *chat = json_item(message, "chats", 0), *place;
	char *words = words_of(message);

	if (is_said(message, chat) && *words) {
		place = chat_place(json_text(chat, "guid"));
		json_append(listening->events, make_event(message, words, place));
		json_free(place);
	}
	free(words);
	json_free(chat);
}

/* What is to be sent later bears a date to come, and so may what a wrong clock dated. */
static double
latest_date(void)
{
	return (double)(long long)(clock_now() * 1e3 + CLOCKS_DIFFER);
}

/*
 * How far a page is to be heard. A row is not seen until its chat is known, which may be a
 * moment after the rows behind it; one that is missing for longer does not come.
 */
static double
settled(struct listening *listening, const struct json *page)
{
	bool there[PAGE] = {false};
	double now = clock_now() * 1e3, behind = 0;
	int whole = 0;

	for (size_t i = 0, n = json_count(page, "data"); i < n; i++) {
		struct json *message = json_item(page, "data", i);
		double nth = json_number(message, "originalROWID", 0) - listening->row;

		if (nth >= 1 && nth <= PAGE)
			there[(int)nth - 1] = true;
		if (nth > behind)
			behind = nth;
		json_free(message);
	}
	while (whole < PAGE && there[whole])
		whole++;
	if (!listening->since || whole)
		listening->since = now;
	if (whole < behind && fabs(now - listening->since) < MOMENT)
		return listening->row + whole;
	listening->since = 0;
	return listening->row + behind;
}

/* Hear a page that is oldest first, of rows up to `until`; the cursor moves behind them. */
static void
hear_page(struct listening *listening, const struct json *page, double until)
{
	double old = listening->newest - LONG_WAY;

	for (size_t i = 0, n = json_count(page, "data"); i < n; i++) {
		struct json *message = json_item(page, "data", i);
		double row = json_number(message, "originalROWID", 0);
		double date = json_number(message, "dateCreated", 0);
		bool new = row > listening->row && row <= until;

		if (new && date >= old)
			add_event(listening, message);
		if (new && date > listening->newest && date <= latest_date())
			listening->newest = date;
		json_free(message);
	}
	listening->row = until;
}

/* `question` is taken. */
static struct api_call
ask_newest(struct json *question, int limit)
{
	json_put_number(question, "before", latest_date());
	return bluebubbles_messages(question, true, limit);
}

/* {"statement":"message.ROWID > :row","args":{"row":7}} */
static void
add_condition(struct json *where, const char *statement, double row)
{
	struct json *condition = json_object();

	json_put_text(condition, "statement", statement);
	json_put_number(condition, "args.row", row);
	json_append(where, condition);
}

static struct api_call
ask_rows(double from, double until)
{
	struct json *question = json_object(), *where = json_array();

	add_condition(where, "message.ROWID > :row", from - 1);
	if (until)
		add_condition(where, "message.ROWID <= :row", until);
	json_put(question, "where", where);
	return bluebubbles_messages(question, false, PAGE);
}

/*
 * Another database is in its place: the last row that was heard is not there, nor one behind
 * it, and yet there is something newer.
 */
static bool
is_replaced(const struct listening *listening)
{
	struct api_call call = ask_newest(json_object(), 1);
	struct json *newest = json_item(call.result, "data", 0);
	bool replaced = json_number(newest, "originalROWID", listening->row) < listening->row
		&& json_number(newest, "dateCreated", 0) > listening->newest;

	json_free(newest);
	api_release(&call);
	return replaced;
}

/*
 * Pages are in the order of dates: where one does not hold all, it must hold a range of rows.
 * The last row that was heard is asked for again, as a sign. True: there is more to ask for.
 */
static bool
hear_new(struct listening *listening)
{
	struct api_call call = ask_rows(listening->row, 0);
	bool more = json_number(call.result, "metadata.total", 0) > PAGE
		|| json_count(call.result, "data") == PAGE;
	double until = listening->row + PAGE - 1;

	if (more) {
		api_release(&call);
		call = ask_rows(listening->row, until);
	}
	if (!json_is_object(call.result)) {
		listening->trouble = api_error(&call);
	} else if (!more && !json_count(call.result, "data") && is_replaced(listening)) {
		listening->row = 0;
		more = true;
	} else {
		if (!more)
			until = settled(listening, call.result);
		hear_page(listening, call.result, until);
	}
	api_release(&call);
	return more;
}

/* What followed the Mac's own last words in a chat where a session is may be an answer. */
static void
hear_answers(struct listening *listening, const char *guid)
{
	struct json *question = json_object();
	struct api_call call;
	size_t n, answers = 0;

	json_put_text(question, "chatGuid", guid);
	call = ask_newest(question, RECENT);
	n = json_count(call.result, "data");
	for (bool own = false; answers < n && !own; answers += !own) {
		struct json *message = json_item(call.result, "data", answers);

		own = json_true(message, "isFromMe");
		json_free(message);
	}
	for (size_t i = answers < n ? answers : 0; i-- > 0;) {
		struct json *message = json_item(call.result, "data", i);

		add_event(listening, message);
		json_free(message);
	}
	if (!call.result)
		listening->trouble = api_error(&call);
	api_release(&call);
}

/* The first poll begins now. */
static void
begin(struct listening *listening, const struct json *question)
{
	struct api_call call = ask_newest(json_object(), 1);
	struct json *newest = json_item(call.result, "data", 0);

	listening->row = json_number(newest, "originalROWID", 0);
	listening->newest = json_number(newest, "dateCreated", 0);
	if (!call.result)
		listening->trouble = api_error(&call);
	for (size_t i = 0, n = json_count(question, "places"); i < n && i < PLACES_MOST
		&& !listening->trouble; i++) {
		struct json *place = json_item(question, "places", i);

		if (is_chat(json_text_or(place, "chat", "")))
			hear_answers(listening, json_text(place, "chat"));
		json_free(place);
	}
	json_free(newest);
	api_release(&call);
}

static void
hear(struct listening *listening, double wait)
{
	double end = clock_steady() + wait;
	bool more = hear_new(listening);

	while (!json_count(listening->events, "") && !listening->trouble
		&& (more ? adapter_left() > figure_adapter() / 6 : clock_steady() + PAUSE < end)) {
		if (!more)
			clock_sleep(PAUSE);
		more = hear_new(listening);
	}
}

/* "ROW:DATE:SINCE"; earlier ones end with the date */
static bool
read_cursor(struct listening *listening, const char *cursor)
{
	char *end;

	listening->row = strtod(cursor, &end);
	if (end == cursor || *end != ':' || cursor[strspn(cursor, "0123456789:")])
		return false;
	listening->newest = strtod(end + 1, &end);
	listening->since = *end ? strtod(end + 1, NULL) : 0;
	return true;
}

struct json *
imessage_poll(const struct json *question)
{
	const char *cursor = json_text(question, "cursor");
	double wait = json_number(question, "wait", 0);
	struct listening listening = {.events = json_array()};
	struct json *answer = NULL;
	char *next;

	imessage_ready();
	if (cursor && !read_cursor(&listening, cursor)) {
		answer = answer_error("request", "the cursor is not one of iMessage's", NULL);
	} else {
		if (!cursor)
			begin(&listening, question);
		if (!listening.trouble)
			hear(&listening, wait < adapter_left() / 2 ? wait : adapter_left() / 2);
		answer = listening.trouble;
	}
	if (!answer) {
		next = xformat("%.0f:%.0f:%.0f", listening.row, listening.newest, listening.since);
		answer = json_object();
		json_put(answer, "events", json_copy(listening.events));
		json_put_text(answer, "cursor", next);
		free(next);
	}
	json_free(listening.events);
	return answer;
}
