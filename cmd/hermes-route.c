/* SPDX-License-Identifier: MIT */
/*
 * hermes-route: the stage that decides whom to answer, and which session a message
 * belongs to. Somebody who is not allowed is recorded and not answered; so is what is
 * said to a session that has gone on elsewhere, which is said there, once.
 */
#include "allowed.h"
#include "bindings.h"
#include "claims.h"
#include "deliveries.h"
#include "die.h"
#include "events.h"
#include "opts.h"
#include "sessions.h"
#include "stage.h"
#include "switch.h"

#include <stdlib.h>
#include <string.h>

static struct db *db;

/* A place that opens no session yet begins one there. Owned. */
static char *
begin_session(struct json *record, const struct json *place)
{
	struct json *given = json_object();
	char *session;

	json_put_text(given, "user", json_text(record, "event.user.id"));
	json_put_text(given, "chat", json_text(place, "chat"));
	json_put_text(given, "kind", json_text(place, "kind"));
	json_put_text(given, "thread", json_text(place, "thread"));
	session = session_new(db, json_text_or(place, "platform", "chat"), given);
	binding_set(db, place, session, 0);
	json_free(given);
	return session;
}

static char *
session_at(struct json *record, const struct json *place)
{
	char *bound = binding_session(db, place), *current;
	const char *key = json_text_or(record, "event.key", "");
	struct json *binding, *there;

	if (!bound)
		return begin_session(record, place);
	current = session_current(db, bound);
	binding = binding_state(db, key);
	if (strcmp(json_text_or(binding, "session", ""), current)) {
		warn("%s: opens %s from now on", key, current);
		there = json_at(binding, "place"); /* perhaps the whole room */
		binding_set(db, there ? there : place, current,
			(long long)json_number(binding, "handoff", 0));
		json_free(there);
	}
	json_free(binding);
	free(bound);
	return current;
}

/* The record ends here: recorded, and the conversation is elsewhere. */
static void
went_on(struct json *record)
{
	record_error(record, EX_NO, NULL, "the conversation has gone on elsewhere; who wrote was told");
	json_put_true(record, "error.left", true);
}

static void
tell(const struct json *place, const char *key)
{
	char *session = binding_session(db, place), *current = session_current(db, session);
	char *words = handoff_left_words(db, current, place);
	struct said said = {.place = place, .session = current, .text = words,
		.length = strlen(words), .format = "plain"};

	binding_tell(db, key, delivery_new(db, &said));
	free(words);
	free(current);
	free(session);
}

static void
deny(struct json *record, const char *user)
{
	char *remedy = xformat("add the user to platforms.%s.allowed_users",
		json_text_or(record, "place.platform", "PLATFORM"));

	record_error(record, EX_DENIED, remedy, "%s is not allowed to speak here",
		user ? user : "somebody");
	json_put_true(record, "error.denied", true);
	free(remedy);
}

/*
 * Whether a session that is there is spoken to. One that has left is not reached unasked,
 * and no new one begins in its stead before that was said; `may_begin`: and only by who may
 * speak here without it.
 */
static bool
is_spoken_to(struct json *record, const struct json *place, bool may_begin)
{
	char *key;
	enum presence presence = binding_presence(db, place, record_number(record, "event.id"), &key);

	if (presence == LEAVING)
		record_wait(record, "the conversation is just going on elsewhere");
	else if (presence == LEFT)
		tell(place, key);
	else if (presence == LEFT_TOLD && may_begin)
		binding_forget(db, key);
	else if (presence == LEFT_TOLD)
		deny(record, json_text(record, "event.user.id"));
	if (presence == LEFT || presence == LEFT_HUSH)
		went_on(record);
	free(key);
	return !record_failed(record);
}

static void
route(struct json *record)
{
	const char *user = json_text(record, "event.user.id");
	const char *key = json_text_or(record, "event.key", "");
	struct json *place, *who;
	bool may;
	char *session;

	if (!json_has(record, "event") || json_has(record, "handoff") || json_has(record, "session"))
		return;
	place = json_at(record, "place");
	who = json_at(record, "event.user");
	may = allowed(place, who);
	json_free(who);
	if (!may && !binding_handed_to(db, key, user)) {
		deny(record, user);
		json_free(place);
		return;
	}
	db_begin(db);
	if (claim_stands(db, record) && is_spoken_to(record, place, may)) {
		session = session_at(record, place);
		event_route(db, record_number(record, "event.id"), session);
		binding_used(db, key);
		json_put(record, "session", session_brief(db, session));
		free(session);
	}
	db_commit(db);
	json_free(place);
}

static void
open_store(void)
{
	db = db_open(DB_WRITE);
}

int
main(int argc, char **argv)
{
	const struct usage usage = {"<records",
		"Stage: who is it, may they speak, and which session is it.", NULL};

	program_start(argv[0]);
	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operands; records are read from stdin");
	return stage_run(open_store, route);
}
