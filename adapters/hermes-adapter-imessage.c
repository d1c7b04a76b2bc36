/* SPDX-License-Identifier: MIT */
/*
 * hermes-adapter-imessage: the verbs of hermes-adapter(7), for iMessage, through a
 * BlueBubbles server on a Mac.
 *
 * Its tempGuid keeps a message from being sent twice only as long as it is on its way, and
 * Messages may take its time: so what may be there already is looked for in the chat.
 */
#include "die.h"
#include "imessage/imessage.h"
#include "key.h"
#include "message.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 200, PAGES = 10, CLOCKS_DIFFER = 30 };

const struct adapter_need imessage_needs[] = {
	{"SERVER_URL", false, true, "the BlueBubbles server: http://MAC:1234"},
	{"PASSWORD", true, true, "its password"},
	{"HOME_CHANNEL", false, false,
		"where handoffs go: a chat's id, +number, e-mail address, or #name of a group"},
	{"BASE_URL", false, false, "another address of the same server"},
	{"PROXY", true, false, "a proxy: socks5://user:password@host:port or http://host:port"},
	{"CA_FILE", false, false, "certificates to trust in place of the system's"},
	{0}};

static const struct dialect dialect = {.limit = 20000, .unit = UNIT_POINTS, .keyed = true,
	.spells_links = true};

static struct json *
answer_thread(const struct json *question)
{
	struct json *place = json_at(question, "place"), *trouble = NULL, *answer, *chat;

	imessage_ready();
	if (!is_chat(json_text_or(place, "chat", ""))) {
		json_free(place);
		return answer_not("not_opened", "request", "no place of iMessage's was given", NULL);
	}
	chat = find_chat(place, &trouble);
	if (chat) {
		answer = answer_home("iMessage has no threads", NULL);
		json_put(answer, "audience", chat_audience(chat));
		json_put(answer, "place", json_copy(place));
	} else {
		answer = json_at(trouble, "error");
		json_put_text(answer, "outcome", "not_opened");
	}
	json_free(trouble);
	json_free(chat);
	json_free(place);
	return answer;
}

/* A message on its way. */
struct sending {
	const char *chat, *words;
	double since; /* of an earlier try */
	int parts;
};

/* One of ours with those words, that was delivered there. */
static bool
is_ours(const struct sending *sending, const struct json *message)
{
	struct json *chat = json_item(message, "chats", 0);
	bool there = same_chat(json_text_or(chat, "guid", ""), sending->chat);

	json_free(chat);
	return there && json_true(message, "isFromMe") && !json_number(message, "error", 0)
		&& json_text(message, "guid")
		&& same_words(json_text_or(message, "text", ""), sending->words);
}

/*
 * What an earlier try sent, owned; else NULL, and *call says if that cannot be known. All
 * chats are looked through: a chat is asked for by an id that may have changed.
 */
static struct json *
look_back(const struct sending *sending, struct api_call *call)
{
	double after = sending->since > CLOCKS_DIFFER ? sending->since - CLOCKS_DIFFER : 0;
	struct json *found = NULL;
	bool more = true;

	for (int page = 0; page < PAGES && more; page++) {
		struct json *question = json_object();

		json_put_number(question, "after", (double)(long long)(after * 1e3));
		json_put_number(question, "offset", page * PAGE);
		*call = bluebubbles_messages(question, false, PAGE);
		if (!call->result)
			break;
		for (size_t i = 0, n = json_count(call->result, "data"); i < n && !found; i++) {
			struct json *message = json_item(call->result, "data", i);

			if (is_ours(sending, message))
				found = message;
			else
				json_free(message);
		}
		more = !found && json_count(call->result, "data") == PAGE;
		api_release(call);
	}
	if (more && !call->why)
		call->why = xstrdup("too much was said since to find it by looking");
	return found;
}

/* The chat's id may have changed: a place is where the answer comes from. */
static struct json *
text_sent(const struct sending *sending, const struct json *place, const struct json *message)
{
	struct json *answer = answer_sent(json_text(message, "guid"), sending->parts), *now;
	struct json *chat = json_item(message, "chats", 0);
	const char *guid = json_text_or(chat, "guid", sending->chat);

	if (strcmp(guid, sending->chat) && is_chat(guid)) {
		now = json_copy(place);
		json_put_text(now, "chat", guid);
		json_put(answer, "place", now);
	}
	json_free(chat);
	return answer;
}

/* By the Private API where it works; AppleScript, the other way, is slower. Owned. */
static struct json *
message_body(const struct json *question, const struct sending *sending, const struct json *info)
{
	struct json *body = json_object();
	char *key = act_key(question, "send"), *temporary = xformat("hermes-%s", key);
	bool private = json_true(info, "data.private_api") && json_true(info, "data.helper_connected");

	json_put_text(body, "chatGuid", sending->chat);
	json_put_text(body, "tempGuid", temporary);
	json_put_text(body, "message", sending->words);
	json_put_text(body, "method", private ? "private-api" : "apple-script");
	free(temporary);
	free(key);
	return body;
}

static struct json *
send_words(const struct json *question, const struct json *place, const struct sending *sending)
{
	struct api_call info = bluebubbles_ask("/server/info", NULL, NULL), call;
	struct json *answer, *message;

	if (!info.result) {
		info.unknown = false; /* a question: nothing of the message left */
		answer = api_failure(&info, "not_sent");
		api_release(&info);
		return answer;
	}
	call = bluebubbles_act("/message/text", message_body(question, sending, info.result));
	message = json_at(call.result, "data");
	if (json_text(message, "guid"))
		answer = text_sent(sending, place, message);
	else
		answer = call.result ? answer_unknown("BlueBubbles took the text and named no message")
			: api_failure(&call, "not_sent");
	json_free(message);
	api_release(&call);
	api_release(&info);
	return answer;
}

static struct json *
send_part(const struct json *question, const struct styled *part, int parts)
{
	struct json *place = json_at(question, "place"), *answer, *found = NULL;
	char *words = message_written(&dialect, part);
	struct sending sending = {json_text(place, "chat"), words,
		json_number(question, "again.since", 0), parts};
	struct api_call call = {0};

	if (json_has(question, "again"))
		found = look_back(&sending, &call);
	if (found) {
		answer = text_sent(&sending, place, found);
	} else if (call.why) {
		call.unknown = true; /* the earlier try stays what it was */
		answer = api_failure(&call, "not_sent");
	} else {
		answer = send_words(question, place, &sending);
	}
	json_free(found);
	json_free(place);
	api_release(&call);
	free(words);
	return answer;
}

static struct json *
answer_send(const struct json *question)
{
	imessage_ready();
	return is_chat(json_text_or(question, "place.chat", ""))
		? message_send(question, &dialect, send_part)
		: answer_not("not_sent", "request", "no place of iMessage's was given", NULL);
}

static void
check_home(struct json *facts, struct json *problems)
{
	struct json *trouble = NULL, *home, *place;

	home = adapter_setting("HOME_CHANNEL") ? find_chat(NULL, &trouble) : NULL;
	if (home) {
		place = chat_place(json_text(home, "guid"));
		json_put_text(facts, "home.name", *json_text_or(home, "displayName", "")
			? json_text(home, "displayName")
			: json_text_or(place, "user", json_text(home, "guid")));
		json_put_text(facts, "home.kind", json_text(place, "kind"));
		json_put_true(facts, "home.reachable", true);
		json_put_true(facts, "home.threads", false);
		json_put_true(facts, "home.readable", true);
		json_free(place);
	} else if (trouble) {
		home_lost(facts, problems, trouble);
	}
	json_free(home);
	json_free(trouble);
}

static void
check_server(struct json *facts, struct json *problems, const struct json *info)
{
	bool private = json_true(info, "data.private_api");
	bool helper = json_true(info, "data.helper_connected");

	json_put_true(facts, "token", true);
	json_put_true(facts, "private_api", private && helper);
	json_put_text(facts, "server", json_text_or(info, "data.server_version", "unknown"));
	json_put_text(facts, "macos", json_text_or(info, "data.os_version", "unknown"));
	if (private && !helper)
		problem_add(problems, "the Private API is on, but its helper is not connected",
			"open Messages on the Mac, and look at BlueBubbles's page for the Private API");
}

static struct json *
answer_check(const struct json *question)
{
	struct api_call info = bluebubbles_ask("/server/info", NULL, NULL);
	struct json *answer = json_object(), *facts = json_object(), *problems = json_array();

	(void)question;
	if (info.result) {
		json_put_text(answer, "account", adapter_platform());
		json_put_text(answer, "name",
			json_text_or(info.result, "data.detected_imessage", "iMessage"));
		check_server(facts, problems, info.result);
		check_home(facts, problems);
	} else {
		if (info.status == 401)
			json_put_true(facts, "token", false);
		problem_add(problems, info.why, info.remedy);
	}
	api_release(&info);
	return check_done(answer, facts, problems);
}

static const struct adapter_verb verbs[] = {
	{"check", answer_check}, {"resolve", imessage_resolve},
	{"thread", answer_thread}, {"send", answer_send}, {"poll", imessage_poll}, {0}};

static const char *const also[] = {
	"SERVER_URL", "BLUEBUBBLES_SERVER_URL", "PASSWORD", "BLUEBUBBLES_PASSWORD",
	"HOME_CHANNEL", "BLUEBUBBLES_HOME_CHANNEL", NULL};

static const struct adapter adapter = {
	.name = "iMessage",
	.summary = "Carry texts to and from iMessage, through BlueBubbles on a Mac.",
	.verbs = verbs, .needs = imessage_needs, .also = also, .dialect = &dialect,
	.polling = true, .readback = true
};

int
main(int argc, char **argv)
{
	return adapter_main(argc, argv, &adapter);
}
