/* SPDX-License-Identifier: MIT */
/*
 * hermes-adapter-slack: the verbs of hermes-adapter(7), for a Slack app's bot.
 *
 * Slack knows no key for what is sent, but a message can bear metadata and be read back:
 * each bears the key of its act, and an act that may have been done is looked for before it
 * is done again. A thread is a seed message; it is found again in the same way.
 */
#include "key.h"
#include "slack/slack.h"

#include "die.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_BACK = 600, LOOK_PAGES = 10 }; /* seconds that our clock may be ahead of Slack's */

static const char event_type[] = "hermes_delivery";

const struct adapter_need slack_needs[] = {
	{"BOT_TOKEN", true, true, "the Bot User OAuth Token (xoxb-…) of your Slack app"},
	{"USER_TOKEN", true, false, "a User OAuth Token (xoxp-…) to read channels with, where bots may not"},
	{"HOME_CHANNEL", false, false, "where handoffs go to: a channel's id or #name, a person's id or @name"},
	{"HOME_CHANNEL_THREAD_ID", false, false, "a thread there: the stamp of its first message"},
	{"BASE_URL", false, false, "another Web API than https://slack.com/api"},
	{"PROXY", true, false, "a proxy: socks5://user:password@host:port or http://host:port"},
	{"CA_FILE", false, false, "certificates to trust in place of the system's"},
	{0}};

/* The message among them that bears the key: its stamp, owned; NULL: it is not there. */
static char *
find_key(const struct json *messages, const char *key)
{
	char *found = NULL;

	for (size_t i = 0, n = json_count(messages, ""); i < n && !found; i++) {
		struct json *message = json_item(messages, "", i);

		if (!strcmp(json_text_or(message, "metadata.event_type", ""), event_type)
			&& !strcmp(json_text_or(message, "metadata.event_payload.key", ""), key))
			found = json_id(message, "ts");
		json_free(message);
	}
	return found;
}

/* Where an earlier try stands: its stamp, owned. *call has no result when Slack did not tell. */
static char *
look_for(const struct json *place, const char *key, double since, struct api_call *call)
{
	const char *chat = json_text(place, "chat"), *thread = json_text(place, "thread");
	char oldest[32], *cursor = NULL, *found = NULL;

	snprintf(oldest, sizeof oldest, "%.6f", since > LOOK_BACK ? since - LOOK_BACK : 0);
	for (int page = 0; page < LOOK_PAGES; page++) {
		struct text form = TEXT_INIT;
		struct json *messages;

		if (page)
			api_release(call);
		form_add(&form, "channel", chat);
		form_add(&form, "ts", thread);
		form_add(&form, "oldest", oldest);
		form_add(&form, "limit", "200");
		form_add(&form, "include_all_metadata", "1");
		form_add(&form, "cursor", cursor);
		*call = slack_read(chat, thread ? "conversations.replies" : "conversations.history", &form, 0);
		messages = json_at(call->result, "messages");
		found = find_key(messages, key);
		json_free(messages);
		free(cursor);
		cursor = json_id(call->result, "response_metadata.next_cursor");
		if (found || !cursor || !*cursor)
			break;
	}
	if (!found && cursor && *cursor) {
		api_release(call);
		*call = (struct api_call){.class = "transient", .retry_after = -1,
			.why = xstrdup("too much was said there since")};
	}
	free(cursor);
	return found;
}

/* Where nobody could look, nobody knows: it is the looking that was refused, not the text. */
static struct json *
not_looked(const struct api_call *call)
{
	char *why = xformat("an earlier try may be there, and cannot be looked for: %s%s%s", call->why,
		call->remedy ? "; " : "", call->remedy ? call->remedy : "");
	struct json *answer = answer_unknown(why);

	free(why);
	if (call->retry_after >= 0)
		json_put_number(answer, "retry_after", call->retry_after);
	return answer;
}

static char *
metadata(const struct json *question, const char *key)
{
	struct json *metadata = json_object();
	char *written;

	json_put_text(metadata, "event_type", event_type);
	json_put_text(metadata, "event_payload.delivery", json_text_or(question, "delivery", ""));
	json_put_text(metadata, "event_payload.key", key);
	written = json_string(metadata);
	json_free(metadata);
	return written;
}

/*
 * Where a thread's first message is gone, Slack puts the text before the whole conversation,
 * and only its echo shows that. It is taken back, the thread is what is wrong, and the answer
 * says how that went.
 */
static struct json *
misplaced(const char *chat, const char *stamp)
{
	struct text form = TEXT_INIT;
	struct api_call call;
	struct json *answer;

	form_add(&form, "channel", chat);
	form_add(&form, "ts", stamp);
	call = slack_act("chat.delete", &form);
	answer = answer_not("not_sent", "thread", call.result
		? "the thread is gone: Slack put the text into the conversation, and it was deleted there"
		: "the thread is gone: Slack put the text into the conversation, where it still stands",
		NULL);
	api_release(&call);
	return answer;
}

static bool
is_misplaced(const struct json *posted, const char *thread)
{
	return thread && json_has(posted, "message")
		&& strcmp(json_text_or(posted, "message.thread_ts", ""), thread) != 0;
}

/* chat.postMessage: the new message's stamp, owned; NULL: *failure is the answer. */
static char *
post(const struct json *question, const char *key, const char *text, bool styled,
	const char *thread, const char *outcome, struct json **failure)
{
	struct text form = TEXT_INIT;
	struct api_call call;
	char *marker = metadata(question, key), *stamp;

	form_add(&form, "channel", json_text(question, "place.chat"));
	form_add(&form, "thread_ts", thread);
	form_add(&form, "text", text);
	form_add(&form, "mrkdwn", styled ? "true" : "false");
	form_add(&form, "unfurl_links", "false");
	form_add(&form, "unfurl_media", "false");
	form_add(&form, "metadata", marker);
	call = slack_act("chat.postMessage", &form);
	stamp = json_id(call.result, "ts");
	if (!call.result) {
		*failure = api_failure(&call, outcome);
		if (call.retry_after >= 0) /* each channel takes about one message a second */
			json_put_text(*failure, "scope", "chat");
	} else if (!stamp) {
		*failure = answer_unknown("Slack took the text and named no message");
	} else if (is_misplaced(call.result, thread)) {
		*failure = misplaced(json_text(question, "place.chat"), stamp);
		free(stamp);
		stamp = NULL;
	}
	api_release(&call);
	free(marker);
	return stamp;
}

/* The stamp of a message that is there now, from an earlier try or from this one. */
static char *
post_once(const struct json *question, const char *act, const char *text, bool styled,
	const char *thread, const char *outcome, struct json **failure)
{
	double since = json_number(question, "again.since", 0);
	char *key = act_key(question, act), *stamp = NULL;
	bool look = json_has(question, "again"), looked = true;

	if (look) {
		struct json *place = json_at(question, "place");
		struct api_call call;

		if (!thread)
			json_drop(place, "thread");
		stamp = look_for(place, key, since, &call);
		looked = call.result;
		if (!looked)
			*failure = not_looked(&call);
		api_release(&call);
		json_free(place);
	}
	if (!stamp && looked)
		stamp = post(question, key, text, styled, thread, outcome, failure);
	free(key);
	return stamp;
}

static struct json *
bad_place(const struct json *question, const char *outcome)
{
	const char *thread = json_text(question, "place.thread");

	slack_token();
	if (!is_conversation(json_text_or(question, "place.chat", "")))
		return answer_not(outcome, "request", "the place is no conversation of Slack's", NULL);
	if (thread && !is_stamp(thread))
		return answer_not(outcome, "request", "the thread is not one of Slack's", NULL);
	return NULL;
}

static struct json *
opened(const struct json *question, const struct json *self, const char *stamp)
{
	struct json *place = slack_place(self, json_text(question, "place.chat"), stamp,
		json_text(question, "place.user"));
	struct json *answer = json_object();

	json_put_text(answer, "outcome", "opened");
	return put_place(answer, self, place);
}

/* A title as a message: its first part, in one line. Owned. */
static char *
seed_text(const char *title)
{
	struct json *question = json_object();
	struct text clean = TEXT_INIT;
	struct styled seed;
	char *written;
	int parts;

	text_add_clean(&clean, title, strlen(title));
	json_put_text(question, "text", clean.at[strspn(clean.at, " ")] ? clean.at : "Hermes");
	json_put_text(question, "format", "plain");
	message_part(question, &slack_dialect, &seed, &parts);
	written = message_written(&slack_dialect, &seed);
	styled_release(&seed);
	text_release(&clean);
	json_free(question);
	return written;
}

static struct json *
answer_thread(const struct json *question)
{
	struct json *answer = bad_place(question, "not_opened");
	struct api_call call;
	const struct json *self = answer ? NULL : slack_self(&call);
	char *text, *stamp;

	if (answer)
		return answer;
	if (!self) {
		call.unknown = false; /* only a question was asked */
		answer = api_failure(&call, "not_opened");
		api_release(&call);
		return answer;
	}
	text = seed_text(json_text_or(question, "title", ""));
	stamp = post_once(question, "thread", text, false, NULL, "not_opened", &answer);
	if (stamp)
		answer = opened(question, self, stamp);
	free(stamp);
	free(text);
	return answer;
}

static struct json *
send_part(const struct json *question, const struct styled *part, int parts)
{
	char *text = message_written(&slack_dialect, part), *stamp;
	struct json *answer = NULL;

	stamp = post_once(question, "send", text, part->count > 0,
		json_text(question, "place.thread"), "not_sent", &answer);
	if (stamp)
		answer = answer_sent(stamp, parts);
	free(stamp);
	free(text);
	return answer;
}

static struct json *
answer_send(const struct json *question)
{
	struct json *refusal = bad_place(question, "not_sent");

	return refusal ? refusal : message_send(question, &slack_dialect, send_part);
}

static const struct adapter_verb verbs[] = {
	{"check", slack_check}, {"resolve", slack_resolve},
	{"thread", answer_thread}, {"send", answer_send}, {"poll", slack_poll}, {0}};

static const struct adapter adapter = {
	.name = "Slack",
	.summary = "Carry texts to and from Slack, through an app's bot.",
	.verbs = verbs, .needs = slack_needs, .dialect = &slack_dialect,
	.threads = true, .polling = true, .readback = true, .gateway = true
};

int
main(int argc, char **argv)
{
	return adapter_main(argc, argv, &adapter);
}
