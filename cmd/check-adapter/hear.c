/* SPDX-License-Identifier: MIT */
/*
 * What is said there. A poll confirms only what its cursor covers, so one without a cursor
 * changes nothing; only when a human takes part does the cursor move.
 */
#include "check.h"

#include "die.h"
#include "figures.h"

#include <stdlib.h>
#include <string.h>

enum { BATCHES_MOST = 1000 };

static struct json *
poll_after(struct check *check, const char *cursor, double wait, char **why)
{
	struct json *question = json_object(), *places = json_array(), *said;

	json_append(places, json_copy(check->home));
	json_append(places, json_copy(check->place));
	json_put(question, "places", places);
	json_put_number(question, "wait", wait);
	if (*cursor)
		json_put_text(question, "cursor", cursor);
	said = ask_shaped(check, "poll", question, SHAPE_POLL, why);
	if (json_has(said, "error")) {
		*why = xformat("%s; %s", json_text_or(said, "error.why", "?"),
			json_text_or(said, "error.remedy", "it gave no remedy"));
		json_free(said);
		said = NULL;
	}
	json_free(question);
	return said;
}

/* The event of a batch whose "message" is that, or whose "text" has it in it; owned or NULL. */
static struct json *
find_event(const struct json *batch, const char *key, const char *wanted)
{
	bool anywhere = !strcmp(key, "text");

	for (size_t i = 0; i < json_count(batch, "events"); i++) {
		struct json *event = json_item(batch, "events", i);
		const char *value = json_text_or(event, key, "");

		if (anywhere ? !!strstr(value, wanted) : !strcmp(value, wanted))
			return event;
		json_free(event);
	}
	return NULL;
}

/* Whatever the first batch has is in the next one too. */
static char *
judge_not_confirmed(struct check *check, const struct json *batch, const char *cursor)
{
	char *why = NULL;
	struct json *next = poll_after(check, cursor, 0, &why);

	for (size_t i = 0; next && !why && i < json_count(batch, "events"); i++) {
		struct json *event = json_item(batch, "events", i), *again;

		again = find_event(next, "message", json_text_or(event, "message", ""));
		if (!again)
			why = xformat("message %s is gone, and no cursor covered it",
				json_text_or(event, "message", "?"));
		json_free(again);
		json_free(event);
	}
	json_free(next);
	return why;
}

void
check_poll(struct check *check)
{
	char *why = NULL;
	struct json *batch = poll_after(check, "", 0, &why);
	bool polled = batch;

	report("poll: a batch has its events and a cursor that passes them", why);
	if (polled)
		report("poll: confirms nothing by itself", judge_not_confirmed(check, batch, ""));
	json_free(batch);
}

/* --- a human ---------------------------------------------------------------- */

/* Where the hearing is. */
struct ear {
	char *cursor, *before; /* after and before the batch that was heard last */
	struct json *batch;
	bool echo;             /* what we said ourselves was in one */
};

/* One batch further; false with the reason. */
static bool
listen(struct check *check, struct ear *ear, double wait, char **why)
{
	struct json *echo;

	json_free(ear->batch);
	ear->batch = poll_after(check, ear->cursor, wait, why);
	if (!ear->batch)
		return false;
	free(ear->before);
	ear->before = ear->cursor;
	ear->cursor = xstrdup(json_text_or(ear->batch, "cursor", ear->before));
	echo = find_event(ear->batch, "text", "hermes check-adapter: ");
	ear->echo |= !!echo;
	json_free(echo);
	return true;
}

/* What was said before is nobody's answer. */
static char *
catch_up(struct check *check, struct ear *ear)
{
	char *why = NULL;

	for (int i = 0; i < BATCHES_MOST && listen(check, ear, 0, &why); i++)
		if (!json_count(ear->batch, "events") || !strcmp(ear->cursor, ear->before))
			break;
	return why;
}

/* The event with the words, owned; NULL with the reason. */
static struct json *
hear(struct check *check, struct ear *ear, const char *words, char **why)
{
	double deadline = clock_steady() + check->patience;
	struct json *event = NULL;

	while (!event && clock_steady() < deadline) {
		if (!listen(check, ear, 2, why))
			return NULL;
		event = find_event(ear->batch, "text", words);
		if (!event && !json_count(ear->batch, "events"))
			clock_sleep(0.1); /* for a platform that cannot wait */
	}
	if (!event)
		*why = xformat("nothing with \"%s\" was heard in %.0f seconds", words, check->patience);
	return event;
}

/* Ask for words that nobody said before. Owned. */
static char *
want_words(const struct json *place)
{
	static int asked;
	char *words = xformat("hermes-%04ld-%d", (long)clock_now() % 10000, ++asked);

	report_wanted(place, words);
	return words;
}

static char *
ask_human(struct check *check, struct ear *ear, const struct json *place, struct json **event)
{
	char *words = want_words(place), *why = NULL;

	*event = hear(check, ear, words, &why);
	if (*event)
		why = judge_same(place, json_at(*event, "place"));
	free(words);
	return why;
}

/* The batch that was heard last is there until its own cursor is given, and then is not. */
static char *
judge_cursor(struct check *check, struct ear *ear, const struct json *event)
{
	char *why = judge_not_confirmed(check, ear->batch, ear->before);
	struct json *next = why ? NULL : poll_after(check, ear->cursor, 0, &why), *again;

	again = next ? find_event(next, "message", json_text_or(event, "message", "")) : NULL;
	if (again)
		why = xstrdup("the next cursor does not pass what was heard");
	json_free(again);
	json_free(next);
	return why;
}

static void
check_answer(struct check *check, struct ear *ear, const struct json *place, const char *name)
{
	struct json *event = NULL;

	report(name, ask_human(check, ear, place, &event));
	if (event) {
		report("human: an event says who, when and what", judge(check, SHAPE_EVENT, event));
		report("human: a poll confirms only what its cursor covers",
			judge_cursor(check, ear, event));
	}
	json_free(event);
}

/* Whether words are in a batch after the cursor, or after that batch's, until one is empty. */
static bool
is_heard(struct check *check, const char *cursor, const char *words, double wait, char **why)
{
	char *at = xstrdup(cursor);
	struct json *event = NULL;
	bool more = true;

	for (int i = 0; i < BATCHES_MOST && more && !event; i++) {
		struct json *batch = poll_after(check, at, i ? 0 : wait, why);
		char *next = xstrdup(json_text_or(batch, "cursor", at));

		more = json_count(batch, "events") && strcmp(next, at) != 0;
		event = batch ? find_event(batch, "text", words) : NULL;
		json_free(batch);
		free(at);
		at = next;
	}
	free(at);
	more = event;
	json_free(event);
	return more;
}

/*
 * Two at once: no cursor passes the second without a batch that has it. Once both are there
 * they are asked for again from where they began.
 */
static char *
judge_both(struct check *check, struct ear *ear)
{
	double deadline = clock_steady() + check->patience;
	char *first = want_words(check->place), *second = want_words(check->place), *why = NULL;
	bool heard = false;

	while (!heard && !why && clock_steady() < deadline)
		heard = is_heard(check, ear->cursor, second, 2, &why);
	if (!heard && !why)
		why = xformat("nothing with \"%s\" was heard in %.0f seconds", second, check->patience);
	else if (!why && !is_heard(check, ear->cursor, second, 0, &why) && !why)
		why = xformat("a cursor passes \"%s\", which no batch had", second);
	free(first);
	free(second);
	return why;
}

void
check_human(struct check *check)
{
	struct ear ear = {xstrdup(""), xstrdup(""), NULL, false};
	char *why = catch_up(check, &ear), *elsewhere = judge_same(check->home, check->place);

	if (why) {
		report("human: there is something to hear with", why);
	} else {
		if (elsewhere)
			check_answer(check, &ear, check->home, "human: what is said at home comes from home");
		check_answer(check, &ear, check->place,
			"human: what is said in the thread comes from the thread");
		report("human: of two messages at once both are heard", judge_both(check, &ear));
		report("human: what the adapter sent itself is not heard", ear.echo
			? xstrdup("it is among the events") : NULL);
	}
	free(elsewhere);
	free(ear.cursor);
	free(ear.before);
	json_free(ear.batch);
}
