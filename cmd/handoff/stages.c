/* SPDX-License-Identifier: MIT */
/*
 * The two stages between a claimed handoff and the agent: `thread` finds out where the
 * conversation goes on (a fresh thread there, or the home itself), `switch` makes that
 * place open this session. What a stage has done is in the store before the record goes
 * on, so a reclaimed record passes it untouched.
 */
#include "handoff.h"

#include "audience.h"
#include "chats.h"
#include "claims.h"
#include "config.h"
#include "die.h"
#include "figures.h"
#include "handoffs.h"
#include "opts.h"
#include "place.h"
#include "platforms.h"
#include "stage.h"
#include "switch.h"
#include "trouble.h"

#include <stdlib.h>
#include <string.h>

static struct db *db;

static const char *
platform_of(const struct json *record)
{
	return json_text_or(record, "handoff.platform", "");
}

/* The place itself is wanted, as it was: no fresh thread, and no other shape of it. */
static bool
is_exact(const struct json *record)
{
	return json_true(record, "handoff.options.exact");
}

/* Where it was asked to go: the wanted place, else the home. NULL: the record says why. Owned. */
static struct json *
resolve(struct json *record, struct json **audience)
{
	struct json *wanted = json_at(record, "handoff.wanted"), *question, *answer, *place = NULL;

	*audience = json_at(wanted, "audience");
	if (wanted && *audience) {
		json_drop(wanted, "audience");
		return wanted;
	}
	question = json_object();
	if (wanted) {
		json_put_text(question, "chat", json_text(wanted, "chat"));
		if (json_has(wanted, "thread"))
			json_put_text(question, "thread", json_text(wanted, "thread"));
	} else {
		json_put_text(question, "words", "");
	}
	answer = platform_resolve(db, platform_of(record), question, record);
	if (answer) {
		place = wanted && is_exact(record) ? json_copy(wanted) : json_at(answer, "place");
		*audience = json_at(answer, "audience");
	}
	json_free(answer);
	json_free(question);
	json_free(wanted);
	return place;
}

/* A private session is not put before others unasked. */
static bool
may_be_read(struct json *record, const struct json *place, const struct json *audience)
{
	char *who;

	if (json_true(record, "handoff.options.shared")
		|| (who = audience_refused(platform_of(record), place, audience)) == NULL)
		return true;
	record_error(record, EX_DENIED, audience_remedy, "%s", who);
	free(who);
	return false;
}

/* A chat that is dead is not asked, nor one before the time that it or its platform named. */
static bool
rests(struct json *record, const char *chat)
{
	double rest = platform_rest(db, platform_of(record), chat);

	if (!(chat && chat_refused(db, record, platform_of(record), chat)) && rest > 0)
		record_rest(record, platform_of(record), rest);
	return record_failed(record);
}

/* The chat it is to go to, as far as that is known before anybody is asked, or NULL. */
static const char *
chat_of(const struct json *record)
{
	return json_has(record, "handoff.wanted") ? json_text(record, "handoff.wanted.chat")
		: config_platform(platform_of(record), "home_channel.chat_id");
}

static bool
begin_opening(struct json *record)
{
	bool stands;

	db_begin(db);
	stands = claim_stands(db, record);
	if (stands) {
		claim_extend(db, record, figure_adapter());
		handoff_step(db, record, "opening");
	}
	db_commit(db);
	return stands;
}

/*
 * The place is the record's new key; the store has it first. `lives`: the chat that showed
 * that it does, or NULL. Consumes `place`.
 */
static void
keep_place(struct json *record, struct json *place, const char *why, const char *lives)
{
	db_begin(db);
	chat_lives(db, platform_of(record), lives);
	if (claim_stands(db, record)) {
		char *words = why ? xformat("the home itself: %s", why) : place_words(place);

		json_put(record, "place", place);
		json_put_text(record, "place.platform", platform_of(record));
		place = NULL;
		if (why)
			json_put_text(record, "place.why", why);
		json_drop(record, "handoff.again");
		handoff_place(db, record);
		handoff_note(db, record_number(record, "handoff.id"), "opened", words);
		db_wake(db);
		free(words);
	}
	db_commit(db);
	json_free(place);
}

/* Nothing was opened (or it is not known): the next attempt looks or opens again. */
static void
not_opened(struct json *record, const char *chat, const struct json *answer)
{
	bool unknown = !strcmp(json_text_or(answer, "outcome", ""), "unknown");

	db_begin(db);
	platform_heed(db, platform_of(record), chat, answer);
	if (claim_stands(db, record)) {
		if (!unknown)
			handoff_step(db, record, NULL);
		if (unknown)
			record_retry(record, EX_AWAY, -1, "a thread may or may not have been opened: %s",
				json_text_or(answer, "why", "no reason given"));
		else
			trouble_put(record, answer, "");
	}
	db_commit(db);
}

/* A thread may have other readers than the place it was opened at. */
static bool
opened_may_be_read(struct json *record, const struct json *answer)
{
	struct json *place = json_at(answer, "place"), *audience = json_at(answer, "audience");
	bool may = !audience || may_be_read(record, place, audience);

	json_free(place);
	json_free(audience);
	return may;
}

static void
open_thread(struct json *record, struct json *home)
{
	struct json *question = json_object(), *answer;
	const char *outcome, *name = json_text(record, "session.title");
	char *key = xformat("h%s", json_text_or(record, "handoff.id", "0"));
	char *title = xformat("Hermes%s%s", name ? " — " : "", name ? name : "");

	json_put(question, "place", json_copy(home));
	json_put_text(question, "title", title);
	json_put_text(question, "delivery", key);
	if (json_has(record, "handoff.again"))
		json_put_number(question, "again.since", json_number(record, "handoff.again", 0));
	answer = trouble_ask(record, platform_of(record), "thread", question);
	outcome = json_text_or(answer, "outcome", "");
	if (answer && !strcmp(outcome, "home") && json_true(record, "handoff.options.require_thread"))
		record_error(record, EX_NO, "hand off without --require-thread", "no thread can be opened "
			"there: %s", json_text_or(answer, "why", "the place has none"));
	else if (answer && (!strcmp(outcome, "opened") || !strcmp(outcome, "home"))
		&& json_has(answer, "place") && opened_may_be_read(record, answer))
		keep_place(record, json_at(answer, "place"),
			*outcome == 'h' ? json_text_or(answer, "why", "it has no threads") : NULL,
			*outcome == 'h' ? NULL : json_text(home, "chat"));
	else if (answer && !record_failed(record))
		not_opened(record, json_text(home, "chat"), answer);
	free(title);
	free(key);
	json_free(answer);
	json_free(question);
}

static void
thread(struct json *record)
{
	struct json *home, *audience = NULL;

	if (!json_has(record, "handoff") || json_has(record, "place")
		|| rests(record, chat_of(record)))
		return;
	home = resolve(record, &audience);
	if (home && may_be_read(record, home, audience) && !rests(record, json_text(home, "chat"))) {
		if (is_exact(record) || (json_has(home, "thread") && json_has(record, "handoff.wanted")))
			keep_place(record, json_copy(home), NULL, NULL);
		else if (begin_opening(record))
			open_thread(record, home);
	}
	json_free(home);
	json_free(audience);
}

static void
switch_place(struct json *record)
{
	if (!json_has(record, "handoff") || json_has(record, "event"))
		return;
	db_begin(db);
	if (claim_stands(db, record))
		handoff_switch(db, record);
	db_commit(db);
}

static void
open_store(void)
{
	db = db_open(DB_WRITE);
}

static int
stage_main(int argc, char **argv, const char *summary, void (*work)(struct json *))
{
	char *synopsis = xformat("%s <records", argv[0]);
	const struct usage usage = {synopsis, summary, NULL};

	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operands; records are read from stdin");
	free(synopsis);
	return stage_run(open_store, work);
}

int
handoff_thread_main(int argc, char **argv)
{
	return stage_main(argc, argv, "Open a fresh thread at the home for each record, or take the "
		"home itself.", thread);
}

int
handoff_switch_main(int argc, char **argv)
{
	return stage_main(argc, argv, "Make the record's place open its session, and say so there.",
		switch_place);
}
