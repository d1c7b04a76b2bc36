/* SPDX-License-Identifier: MIT */
/*
 * hermes-adapter-matrix: the verbs of hermes-adapter(7), for an account on a homeserver.
 *
 * A thread is a message of ours and what relates to it; both it and every part have a key
 * that the homeserver remembers for the token's device, so that no act is ever uncertain
 * for long: it is done again, and stands there once.
 */
#include "matrix/matrix.h"

#include "die.h"
#include "key.h"

#include <stdlib.h>
#include <string.h>

enum { TITLE_LIMIT = 250 };

/* Takes the content. */
static struct api_call
put_message(const struct json *question, const char *act, struct json *content)
{
	char *key = act_key(question, act);
	struct api_call call;

	json_put_text(content, "msgtype", "m.text");
	json_put(content, "/m.mentions", json_object()); /* nobody is called by what is quoted */
	call = matrix_ask("PUT", content, "v3/rooms/%/send/m.room.message/%",
		json_text(question, "place.chat"), key);
	free(key);
	return call;
}

/* Whether the place of an act can be written to; else the answer. */
static struct json *
refuse(const struct json *question, const char *outcome)
{
	const char *chat = json_text(question, "place.chat");
	struct json *answer = NULL;
	struct api_call call;
	int encrypted;

	matrix_ready();
	if (!chat)
		return answer_not(outcome, "request", "no place was given", NULL);
	if (*chat != '!')
		return answer_not(outcome, "request", "not a room of Matrix's", NULL);
	encrypted = room_encrypted(chat, &call);
	if (encrypted > 0)
		return answer_not(outcome, "chat", encrypted_why, encrypted_remedy);
	if (encrypted < 0) {
		call.unknown = false; /* only a question was asked */
		answer = api_failure(&call, outcome);
		api_release(&call);
	}
	return answer;
}

/* The thread is there; what stands around it is only described. */
static struct json *
thread_opened(const struct json *question, const char *root)
{
	const char *chat = json_text(question, "place.chat");
	struct json *answer = json_object(), *place;
	struct api_call call;
	struct room room;

	json_put_text(answer, "outcome", "opened");
	if (room_find(&room, chat, &call)) {
		room_answer(answer, &room, room_place(&room, chat, root));
		room_release(&room);
		return answer;
	}
	place = json_at(question, "place");
	json_put_text(place, "thread", root);
	json_drop(place, "link");
	json_put(answer, "place", place);
	json_put_true(answer, "audience.known", false);
	api_release(&call);
	return answer;
}

static struct json *
answer_thread(const struct json *question)
{
	struct json *answer = refuse(question, "not_opened"), *content;
	struct api_call call;
	char *title;

	if (answer)
		return answer;
	title = title_line(json_text_or(question, "title", ""), TITLE_LIMIT);
	content = json_object();
	json_put_text(content, "body", title);
	call = put_message(question, "thread", content);
	if (!call.result)
		answer = api_failure(&call, "not_opened");
	else if (!json_text(call.result, "event_id"))
		answer = answer_unknown("Matrix opened a thread and did not say which");
	else
		answer = thread_opened(question, json_text(call.result, "event_id"));
	api_release(&call);
	free(title);
	return answer;
}

/* Clients that know no threads show it as an answer to the thread's first message. */
static void
put_thread(struct json *content, const char *root)
{
	json_put_text(content, "/m.relates_to/rel_type", "m.thread");
	json_put_text(content, "/m.relates_to/event_id", root);
	json_put_true(content, "/m.relates_to/is_falling_back", true);
	json_put_text(content, "/m.relates_to/m.in_reply_to/event_id", root);
}

static struct json *
part_sent(const struct api_call *call, int parts)
{
	const char *id = json_text(call->result, "event_id");

	if (!call->result)
		return api_failure(call, "not_sent");
	if (!id)
		return answer_unknown("Matrix took the text and named no event");
	return answer_sent(id, parts);
}

static struct json *
send_part(const struct json *question, const struct styled *part, int parts)
{
	const char *thread = json_text(question, "place.thread");
	struct json *answer = refuse(question, "not_sent"), *content;
	struct api_call call;

	if (answer)
		return answer;
	content = json_object();
	put_part(content, part);
	if (thread)
		put_thread(content, thread);
	call = put_message(question, "send", content);
	answer = part_sent(&call, parts);
	api_release(&call);
	return answer;
}

static struct json *
answer_send(const struct json *question)
{
	return message_send(question, &matrix_dialect, send_part);
}

static void
check_power(struct json *facts, struct json *problems, const char *id, const char *user)
{
	struct api_call call = matrix_ask(NULL, NULL, "v3/rooms/%/state/m.room.power_levels", id);
	struct json *level = matrix_entry(call.result, "users", user);
	double has = json_number(level, "", json_number(call.result, "users_default", 0));
	double needed = json_number(call.result, "/events/m.room.message",
		json_number(call.result, "events_default", 0));
	bool may = has >= needed;

	json_put_true(facts, "home.reachable", may);
	json_put_true(facts, "home.threads", may);
	if (!may)
		problem_add(problems, "the bot may not speak in its home",
			"raise its power level there");
	json_free(level);
	api_release(&call);
}

static void
put_home_name(struct json *facts, const char *id, const struct json *found)
{
	struct api_call call = matrix_ask(NULL, NULL, "v3/rooms/%/state/m.room.name", id);
	struct json *first = json_item(found, "audience.names", 0);
	const char *name = json_text_or(call.result, "name", "");

	json_put_text(facts, "home.name", *name ? name : json_text_or(first, "", id));
	api_release(&call);
	json_free(first);
}

/* Whether an invitation to the room waits. A filter for no timeline keeps the answer small. */
static bool
is_invited(const char *id)
{
	static const char filter[] = "{\"presence\":{\"types\":[]},\"account_data\":{\"types\":[]},"
		"\"room\":{\"timeline\":{\"limit\":0},\"state\":{\"types\":[]},"
		"\"ephemeral\":{\"types\":[]}}}";
	struct text path = TEXT_INIT;
	struct json *invite;
	struct api_call call;
	bool found;

	text_puts(&path, "v3/sync?timeout=0&filter=");
	http_escape(&path, filter);
	call = matrix_wait(path.at, 0);
	invite = matrix_entry(call.result, "rooms.invite", id);
	found = invite;
	text_release(&path);
	json_free(invite);
	api_release(&call);
	return found;
}

static void
home_problem(struct json *facts, struct json *problems, const struct json *found)
{
	struct json *error = NULL;
	const char *home = matrix_home();
	char *id = home ? matrix_room_id(home, &error) : NULL;
	bool invited = id && !strcmp(json_text_or(found, "error.class", ""), "chat") && is_invited(id);
	char *what = xformat("home: %s", json_text_or(found, "error.why", ""));

	if (home)
		json_put_true(facts, "home.reachable", false);
	problem_add(problems, invited ? "the bot is invited to its home, and has not joined it" : what,
		invited ? "echo '{}' | hermes ask matrix join" : json_text(found, "error.remedy"));
	json_free(error);
	free(id);
	free(what);
}

static void
check_home(struct json *facts, struct json *problems, const char *user)
{
	struct json *found = matrix_resolve(NULL);
	const char *chat = json_text(found, "place.chat");

	if (chat) {
		put_home_name(facts, chat, found);
		json_put_text(facts, "home.kind", json_text(found, "place.kind"));
		json_put_true(facts, "home.readable", true);
		check_power(facts, problems, chat, user);
	} else if (matrix_home()) {
		home_problem(facts, problems, found);
	}
	json_free(found);
}

static struct json *
answer_check(const struct json *question)
{
	struct json *answer = json_object(), *facts = json_object(), *problems = json_array();
	const char *device = adapter_setting("DEVICE_ID"), *theirs, *user;
	struct api_call call;
	const struct json *me = matrix_me(&call);

	(void)question;
	if (me) {
		user = json_text_or(me, "user_id", "");
		theirs = json_text_or(me, "device_id", "");
		json_put_text(answer, "account", user);
		json_put_text(answer, "name", user);
		json_put_text(facts, "device", theirs);
		if (device && strcmp(device, theirs) != 0)
			problem_add(problems, "the token is of another device than MATRIX_DEVICE_ID",
				"unset MATRIX_DEVICE_ID, or get a token: hermes adapter-matrix login");
		check_home(facts, problems, user);
	} else {
		problem_add(problems, call.why, call.remedy);
	}
	json_put_true(facts, "token", me || strcmp(call.class, "config") != 0);
	api_release(&call);
	return check_done(answer, facts, problems);
}

static const struct adapter_verb verbs[] = {
	{"check", answer_check}, {"resolve", matrix_resolve},
	{"thread", answer_thread}, {"send", answer_send}, {"poll", matrix_poll},
	{"join", matrix_join}, {0}};

static const struct adapter adapter = {
	.name = "Matrix",
	.summary = "Carry texts to and from Matrix, as an account of a homeserver.",
	.verbs = verbs, .needs = matrix_needs, .dialect = &matrix_dialect,
	.threads = true, .polling = true, .idempotency = true, .gateway = true,
	.people = matrix_people
};

int
main(int argc, char **argv)
{
	return adapter_main(argc, argv, &adapter);
}
