/* SPDX-License-Identifier: MIT */
/*
 * What writes to the home: a thread, a few short texts, and one long one. What the platform
 * asks for between two texts is waited for.
 */
#include "check.h"

#include "die.h"
#include "figures.h"

#include <stdlib.h>
#include <string.h>

/* Letters of two, three and four bytes, the last of two units in UTF-16: people write them. */
#define LETTERS "\xc3\xa4\xe6\xbc\xa2\xf0\x9f\x91\x8b"

/* A delivery id that this machine did not use before. Owned. */
static char *
new_delivery(void)
{
	static int count;

	return xformat("%.0f%d", clock_now() * 1000, ++count);
}

/* Asked again when the platform wants it later, and not much later. */
static struct json *
ask_patiently(struct check *check, const char *verb, const struct json *question, enum shape shape,
	char **why)
{
	enum { TRIES = 4 };
	struct json *said = NULL;

	for (int try = 0; try < TRIES; try++) {
		double later;

		json_free(said);
		said = ask_shaped(check, verb, question, shape, why);
		later = json_number(said, "retry_after", -1);
		if (!said || later < 0 || later > figure_adapter())
			break;
		clock_sleep(later);
	}
	return said;
}

static void
put_again(struct json *question)
{
	struct json *again = json_object();

	json_put_number(again, "since", clock_now() - 1);
	json_put(question, "again", again);
}

static char *
not_so(const struct json *said, const char *wanted)
{
	return xformat("%s and not %s: %s", json_text_or(said, "outcome", "?"), wanted,
		json_text_or(said, "why", "it does not say why"));
}

/* --- thread ----------------------------------------------------------------- */

static struct json *
open_thread(struct check *check, const char *delivery, bool again, char **why)
{
	struct json *question = json_object(), *said, *place;

	json_put(question, "place", json_copy(check->home));
	json_put_text(question, "title", "hermes check-adapter " LETTERS);
	json_put_text(question, "delivery", delivery);
	if (again)
		put_again(question);
	said = ask_patiently(check, "thread", question, SHAPE_THREAD, why);
	place = json_at(said, "place");
	if (said && !place)
		*why = not_so(said, "opened");
	json_free(said);
	json_free(question);
	return place;
}

static char *
judge_thread(struct check *check, const char *delivery)
{
	char *why = NULL;

	check->place = open_thread(check, delivery, false, &why);
	return why;
}

static char *
judge_thread_again(struct check *check, const char *delivery)
{
	char *why = NULL;
	struct json *place = open_thread(check, delivery, true, &why);

	if (place)
		why = judge_same(check->place, place);
	json_free(place);
	return why;
}

static void
check_thread(struct check *check)
{
	char *delivery = new_delivery();

	if (check_has(check, "thread"))
		report("thread: opens one, or says why it is the home", judge_thread(check, delivery));
	else
		check->place = json_copy(check->home);
	if (check->place && check_has(check, "thread"))
		report("thread: is found again by its ids", judge_found_again(check, check->place));
	if (check->place && check_has(check, "thread") && json_true(check->about, "idempotency"))
		report("thread: the same delivery opens it once", judge_thread_again(check, delivery));
	free(delivery);
}

/* --- send ------------------------------------------------------------------- */

struct letter {
	const char *text, *delivery;
	long part;
	bool again;
};

static struct json *
send(struct check *check, const struct letter *letter, char **why)
{
	struct json *question = json_object(), *said;

	json_put(question, "place", json_copy(check->place));
	json_put_text(question, "text", letter->text);
	json_put_text(question, "delivery", letter->delivery);
	json_put_number(question, "part", (double)letter->part);
	if (letter->again)
		put_again(question);
	said = ask_patiently(check, "send", question, SHAPE_SEND, why);
	json_free(question);
	return said;
}

/* Sent, or the reason why not. */
static struct json *
send_surely(struct check *check, const struct letter *letter, char **why)
{
	struct json *said = send(check, letter, why);

	if (!said || !strcmp(json_text_or(said, "outcome", ""), "sent"))
		return said;
	*why = not_so(said, "sent");
	json_free(said);
	return NULL;
}

static char *
judge_sent(struct check *check, const struct letter *letter)
{
	char *why = NULL;
	struct json *said = send_surely(check, letter, &why);

	if (said && json_whole(said, "parts", 0) != 1)
		why = xformat("a short text has %.0f parts", json_number(said, "parts", 0));
	json_free(said);
	return why;
}

/* The same letter twice, where that is promised to be once: under the same ids. */
static char *
judge_sent_again(struct check *check, struct letter letter)
{
	char *why = NULL;
	struct json *one = send_surely(check, &letter, &why), *other = NULL, *ids, *same;

	letter.again = true;
	if (one)
		other = send_surely(check, &letter, &why);
	ids = json_at(one, "ids");
	same = json_at(other, "ids");
	if (ids && same && !json_equal(ids, same))
		why = xstrdup("sent again, it has another id");
	json_free(ids);
	json_free(same);
	json_free(one);
	json_free(other);
	return why;
}

static char *
judge_refused(struct check *check, const struct letter *letter)
{
	char *why = NULL;
	struct json *said = send(check, letter, &why);

	if (said && (strcmp(json_text_or(said, "outcome", ""), "not_sent") != 0
		|| strcmp(json_text_or(said, "class", ""), "request") != 0))
		why = xformat("part %ld of \"%s\" is %s (%s) and not not_sent (request)", letter->part,
			letter->text, json_text_or(said, "outcome", "?"),
			json_text_or(said, "class", "no class"));
	json_free(said);
	return why;
}

static char *
judge_no_part(struct check *check, const char *delivery)
{
	static const long parts[] = {0, 2, 99999, -1};
	struct letter letter = {"hello", delivery, 0, false};
	char *why = NULL;

	for (size_t i = 0; !why && i < sizeof parts / sizeof *parts; i++) {
		letter.part = parts[i];
		why = judge_refused(check, &letter);
	}
	letter = (struct letter){"", delivery, 1, false};
	return why ? why : judge_refused(check, &letter);
}

/* Numbered words, some with letters, in lines and paragraphs, more than fits into two parts of `limit`. Owned. */
static char *
long_text(double limit)
{
	struct text text = TEXT_INIT;
	long most = limit < 1e6 ? (long)limit : 1000000;

	for (long i = 0; i < most / 2; i++)
		text_format(&text, "w%ld%s%s", i, i % 17 == 8 ? LETTERS : "",
			i % 17 == 16 ? "\n\n" : i % 5 == 4 ? "\n" : " ");
	return text_take(&text);
}

static char *
judge_part(struct check *check, const struct letter *letter, double parts)
{
	char *why = NULL;
	struct json *said = send_surely(check, letter, &why);
	double now = json_number(said, "parts", 0);

	if (said && (now < parts || now > parts))
		why = xformat("part %ld is %sone of %.0f, and the first was one of %.0f", letter->part,
			letter->again ? "now " : "", now, parts);
	json_free(said);
	return why;
}

/* All parts, the first first; then one of them again, which must not be cut otherwise. */
static char *
judge_parts(struct check *check, const char *delivery)
{
	double limit = json_number(check->about, "limit", 0);
	char *text = long_text(limit), *why = NULL;
	struct letter letter = {text, delivery, 1, false};
	struct json *said = send_surely(check, &letter, &why);
	double parts = json_number(said, "parts", 0);

	if (said && parts < 3)
		why = xformat("%zu bytes are in %.0f parts, and the limit is %.0f", strlen(text), parts,
			limit);
	for (letter.part = 2; !why && (double)letter.part <= parts; letter.part++)
		why = judge_part(check, &letter, parts);
	letter.part = 2;
	letter.again = true;
	if (!why)
		why = judge_part(check, &letter, parts);
	json_free(said);
	free(text);
	return why;
}

static void
check_letters(struct check *check)
{
	char *first = new_delivery(), *second = new_delivery(), *none = new_delivery(),
	     *parts = new_delivery();
	struct letter letter = {"hermes check-adapter: the first of a few texts " LETTERS, first, 1, false};

	report("send: a text is sent, and has an id", judge_sent(check, &letter));
	letter = (struct letter){"hermes check-adapter: this is here once", second, 1, false};
	if (json_true(check->about, "idempotency") || json_true(check->about, "readback"))
		report("send: the same delivery is there once", judge_sent_again(check, letter));
	report("send: a part that is not there is refused", judge_no_part(check, none));
	report("send: a long text is sent in parts, cut the same each time",
		judge_parts(check, parts));
	free(first);
	free(second);
	free(none);
	free(parts);
}

void
check_send(struct check *check)
{
	check_thread(check);
	if (check->place)
		check_letters(check);
}
