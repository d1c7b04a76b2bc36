/* SPDX-License-Identifier: MIT */
/*
 * hermes-adapter-signal: the verbs of hermes-adapter(7), for an account that signal-cli
 * holds. Signal has no threads, no keys and no history to look at: a handoff goes to the home
 * itself, an answer quotes what it answers, and what may have arrived is said again, marked.
 */
#include "signal/signal.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

static struct json *
answer_thread(const struct json *question)
{
	const char *chat = json_text(question, "place.chat");
	struct json *asked = json_object(), *answer, *error;

	signal_ready();
	json_put_text(asked, "chat", chat ? chat : "");
	answer = signal_resolve(asked);
	json_free(asked);
	error = json_at(answer, "error");
	if (error) {
		json_free(answer);
		json_put_text(error, "outcome", "not_opened");
		return error;
	}
	json_put_text(answer, "outcome", "home");
	json_put_text(answer, "why", "Signal has no threads");
	return answer;
}

/* Who it goes to. */
static void
put_recipient(struct json *params, const char *chat)
{
	if (signal_address(chat) == ADDRESS_GROUP)
		json_put_text(params, "groupId", chat);
	else if (!strcmp(chat, signal_account()))
		json_put_true(params, "noteToSelf", true);
	else
		json_put(params, "recipient", json_array_of(chat));
}

/* What is answered is known by its time and author (poll.c), and quoted by the first part. */
static void
put_quote(struct json *params, const struct json *question)
{
	const char *answered = json_text_or(question, "reply_to", "");
	char *author;
	double time = strtod(answered, &author);

	if (time > 0 && *author == ':' && author[1] && json_whole(question, "part", 1) == 1) {
		json_put_number(params, "quoteTimestamp", time);
		json_put_text(params, "quoteAuthor", author + 1);
	}
}

/* Some of a group may not be reached: said again, all others would have it twice. */
static struct json *
part_sent(const struct json *result, int parts)
{
	struct json *results = json_at(result, "results"), *answer;
	struct fates fates = signal_fates(results);
	char *id = json_id(result, "timestamp"), *why;

	if (fates.failure && !fates.reached) {
		answer = signal_failure(fates.failure);
	} else if (!id) {
		answer = answer_unknown("signal-cli took the text and named no message");
	} else {
		answer = answer_sent(id, parts);
	}
	if (fates.failure && fates.reached) {
		why = xformat("%zu of %zu members were not reached", fates.count - fates.reached, fates.count);
		json_put_text(answer, "why", why);
		free(why);
	}
	json_free(fates.failure);
	json_free(results);
	free(id);
	return answer;
}

static struct json *
send_part(const struct json *question, const struct styled *part, int parts)
{
	struct json *params = json_object(), *answer;
	struct api_call call;

	put_recipient(params, json_text(question, "place.chat"));
	put_part(params, part);
	put_quote(params, question);
	call = signal_act("send", params, 0);
	if (call.result)
		answer = part_sent(call.result, parts);
	else if (!(answer = signal_refused(&call)))
		answer = api_failure(&call, "not_sent");
	api_release(&call);
	return answer;
}

static struct json *
answer_send(const struct json *question)
{
	enum address kind = signal_address(json_text_or(question, "place.chat", ""));

	signal_ready();
	if (kind == ADDRESS_NONE || kind == ADDRESS_USERNAME)
		return answer_not("not_sent", "request", "not a person or group of Signal's", NULL);
	return message_send(question, &signal_dialect, send_part);
}

static void
check_home(struct json *facts, struct json *problems)
{
	struct json *found = signal_resolve(NULL), *first;
	bool there = json_has(found, "place");

	json_put_true(facts, "home.reachable", there);
	if (there) {
		first = json_item(found, "audience.names", 0);
		json_put_text(facts, "home.kind", json_text(found, "place.kind"));
		json_put_text(facts, "home.name",
			json_text_or(found, "name", json_text_or(first, "", json_text(found, "place.chat"))));
		json_free(first);
	} else {
		home_lost(facts, problems, found);
	}
	json_free(found);
}

/* Whether messages can be received is not asked: asking would take them. */
static struct json *
answer_check(const struct json *question)
{
	struct json *answer = json_object(), *facts = json_object(), *problems = json_array();
	const char *account = signal_account();
	struct api_call call = signal_ask("listGroups", json_object());

	(void)question;
	json_put_text(answer, "account", account);
	json_put_text(answer, "name", account);
	if (signal_ready())
		json_put_true(facts, "proxy", false);
	json_put_true(facts, "token", call.result || strcmp(call.class, "config") != 0);
	if (!call.result)
		problem_add(problems, call.why, call.remedy ? call.remedy
			: "start it: signal-cli daemon --http --receive-mode=manual");
	else if (adapter_setting("HOME_CHANNEL"))
		check_home(facts, problems);
	api_release(&call);
	return check_done(answer, facts, problems);
}

static const struct adapter_verb verbs[] = {
	{"check", answer_check}, {"resolve", signal_resolve},
	{"thread", answer_thread}, {"send", answer_send}, {"poll", signal_poll}, {0}};

static const struct adapter adapter = {
	.name = "Signal",
	.summary = "Carry texts to and from Signal, through signal-cli.",
	.verbs = verbs, .needs = signal_needs, .dialect = &signal_dialect,
	.polling = true, .gateway = true
};

int
main(int argc, char **argv)
{
	return adapter_main(argc, argv, &adapter);
}
