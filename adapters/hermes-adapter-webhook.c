/* SPDX-License-Identifier: MIT */
/*
 * hermes-adapter-webhook, also installed as hermes-adapter-webui: the verbs of
 * hermes-adapter(7) for any system that can take and give JSON over HTTP. What goes out is
 * posted, signed, to one address; what people say there is asked for at another, or piped
 * into hermes-inbox(1).
 *
 * The receiver knows a message by its webhook-id, so whatever may have been lost is posted
 * again under the same one.
 */
#include "adapter.h"
#include "die.h"
#include "figures.h"
#include "key.h"
#include "message.h"
#include "webhook/webhook.h"

#include <stdlib.h>
#include <string.h>

enum { PART_MOST = 65536, PAUSE = 2 };

const struct adapter_need webhook_needs[] = {
	{"URL", true, true, "the address that messages are posted to"},
	{"SECRET", true, true, "what they are signed with: whsec_ and base64"},
	{"TOKEN", true, false, "a bearer token that the receiver wants besides"},
	{"POLL_URL", true, false, "the address that is asked what people said"},
	{"KIND", false, false, "what chats there are: dm (unless said otherwise), group or channel"},
	{"HOME_CHANNEL", false, false, "the chat that handoffs go to; \"default\" unless said otherwise"},
	{"HOME_CHANNEL_THREAD_ID", false, false, "a thread of that chat"},
	{"PROXY", true, false, "a proxy: socks5://user:password@host:port or http://host:port"},
	{"CA_FILE", false, false, "certificates to trust in place of the system's"},
	{0}};

/* A text goes out as it was written; only what is too long is cut. */
static const struct dialect dialect = {.limit = PART_MOST, .unit = UNIT_BYTES, .keyed = true,
	.plain = true};

static struct json *
new_body(const char *type, const struct json *place)
{
	struct json *body = json_object();

	json_put_number(body, "version", WEBHOOK_VERSION);
	json_put_text(body, "type", type);
	if (place)
		json_put(body, "place", json_copy(place));
	return body;
}

static struct json *
text_sent(const struct json *answer, const char *key, int parts)
{
	char *id = json_id(answer, "id");
	struct json *sent;

	if (!id)
		id = xformat("msg_%s", key);
	sent = answer_sent(id, parts);
	free(id);
	return sent;
}

/* 409 says that this message is there already. */
static struct json *
post_part(const struct json *question, const struct styled *part, int parts)
{
	struct json *place = json_at(question, "place"), *answer;
	struct json *body = new_body("message", place);
	char *key = act_key(question, "send");
	struct api_call call;

	json_put_text(body, "text", part->text.at);
	json_put_text(body, "format", json_text_or(question, "format", "markdown"));
	json_put_text(body, "delivery", json_text_or(question, "delivery", ""));
	json_put_number(body, "part", json_number(question, "part", 1));
	json_put_number(body, "parts", parts);
	webhook_post(key, body, &call);
	if (call.result || call.status == 409)
		answer = text_sent(call.result ? call.result : call.refusal, key, parts);
	else
		answer = api_failure(&call, "not_sent");
	api_release(&call);
	json_free(place);
	json_free(body);
	free(key);
	return answer;
}

static bool
is_place(const struct json *place)
{
	return is_name(json_text_or(place, "chat", ""))
		&& (!json_has(place, "thread") || is_name(json_text_or(place, "thread", "")));
}

static struct json *
answer_send(const struct json *question)
{
	struct json *place = json_at(question, "place");
	bool there = is_place(place);

	webhook_ready();
	json_free(place);
	return there ? message_send(question, &dialect, post_part)
		: answer_not("not_sent", "request", "no chat was given", NULL);
}

/* The receiver decides. One that knows nothing of threads says 404 or 501, or no thread. */
static struct json *
answer_thread(const struct json *question)
{
	struct json *home = json_at(question, "place"), *body = new_body("thread", home), *answer;
	char *key = act_key(question, "thread");
	struct api_call call = {0};
	const struct json *said;
	char *thread;

	webhook_ready();
	json_put_text(body, "title", json_text_or(question, "title", ""));
	json_put_text(body, "delivery", json_text_or(question, "delivery", ""));
	if (is_place(home))
		webhook_post(key, body, &call);
	said = call.result ? call.result : call.refusal;
	thread = json_id(said, "thread");
	if (!is_place(home)) {
		answer = answer_not("not_opened", "request", "no chat was given", NULL);
	} else if (thread && is_name(thread)) {
		answer = json_object();
		json_put_text(answer, "outcome", "opened");
		json_put_text(home, "thread", thread);
		if (json_text(said, "link"))
			json_put_text(home, "link", json_text(said, "link"));
		put_place(answer, json_copy(home));
	} else if (call.result || call.status == 404 || call.status == 409 || call.status == 501) {
		answer = put_place(answer_home("the receiver opens no threads", NULL),
			json_copy(home));
	} else {
		answer = api_failure(&call, "not_opened");
	}
	api_release(&call);
	json_free(body);
	json_free(home);
	free(thread);
	free(key);
	return answer;
}

/* The cursor that the receiver gives, or else the last event's id, whether we heard it or not. */
static struct json *
make_batch(const struct json *said, const char *cursor)
{
	struct json *events = read_events(said, NULL), *answer;
	char *next = json_id(said, "cursor");

	if (!json_is_object(said) || !events || !json_has(said, "events")) {
		json_free(events);
		free(next);
		return answer_error("transient", "the receiver gave no list of events",
			"look at what it answers to GET (hermes-adapter-webhook(1))");
	}
	for (size_t i = json_count(said, "events"); i-- && !next;) {
		struct json *event = json_item(said, "events", i);

		next = json_id(event, "id");
		json_free(event);
	}
	answer = json_object();
	if (next || cursor)
		json_put_text(answer, "cursor", next ? next : cursor);
	json_put(answer, "events", events);
	free(next);
	return answer;
}

/* Where there is nothing to ask, events are piped in: that is quiet, and no trouble. */
static struct json *
hear_nothing(const char *cursor, double wait)
{
	struct json *batch = json_object();

	clock_sleep(wait < adapter_left() ? wait : adapter_left());
	if (cursor)
		json_put_text(batch, "cursor", cursor);
	json_put(batch, "events", json_array());
	return batch;
}

/* A receiver may wait for a first event itself; one that does not is asked again. */
static struct json *
answer_poll(const struct json *question)
{
	const char *cursor = json_text(question, "cursor");
	double end = clock_steady() + json_number(question, "wait", 0), left;
	struct json *answer = NULL, *before;
	struct api_call call;

	webhook_ready();
	if (!adapter_setting("POLL_URL"))
		return hear_nothing(cursor, end - clock_steady());
	for (;;) {
		before = answer;
		left = end - clock_steady();
		webhook_get(cursor, left > 0 ? left : 0, &call);
		answer = call.result ? make_batch(call.result, cursor) : api_error(&call);
		api_release(&call);
		json_free(before);
		left = end - clock_steady();
		if (left <= 0 || json_has(answer, "error") || json_count(answer, "events")
			|| adapter_left() < figure_adapter() / 3)
			return answer;
		cursor = json_text(answer, "cursor");
		clock_sleep(left < PAUSE ? left : PAUSE);
	}
}

/* Whether it takes our signature. That it does not know this type of message is no matter. */
static void
check_receiver(struct json *facts, struct json *problems)
{
	struct json *body = new_body("ping", NULL);
	char *key = xformat("ping%.0f", clock_now());
	struct api_call call;
	bool there;

	webhook_post(key, body, &call);
	there = call.result || call.status == 400 || call.status == 409 || call.status == 422
		|| call.status == 501;
	json_put_true(facts, "token", there);
	json_put_true(facts, "home.reachable", there);
	if (!there)
		problem_add(problems, call.why, call.remedy);
	api_release(&call);
	json_free(body);
	free(key);
}

static void
check_events(struct json *facts, struct json *problems)
{
	struct api_call call;
	struct json *batch;

	if (!adapter_setting("POLL_URL"))
		return;
	webhook_get(NULL, 0, &call);
	batch = call.result ? make_batch(call.result, NULL) : api_error(&call);
	json_put_true(facts, "home.readable", !json_has(batch, "error"));
	if (json_has(batch, "error"))
		problem_add(problems, json_text_or(batch, "error.why", ""),
			json_text(batch, "error.remedy"));
	json_free(batch);
	api_release(&call);
}

static struct json *
answer_check(const struct json *question)
{
	struct json *answer = json_object(), *facts = json_object(), *problems = json_array();
	struct json *home = webhook_resolve(NULL);

	(void)question;
	json_put_text(answer, "account", adapter_platform());
	json_put_text(answer, "name", adapter_platform());
	if (json_has(home, "error")) {
		problem_add(problems, json_text_or(home, "error.why", ""), json_text(home, "error.remedy"));
	} else {
		json_put_text(facts, "home.name", json_text(home, "place.chat"));
		json_put_text(facts, "home.kind", webhook_kind());
	}
	check_receiver(facts, problems);
	check_events(facts, problems);
	json_free(home);
	return check_done(answer, facts, problems);
}

static const struct adapter_verb verbs[] = {
	{"check", answer_check}, {"resolve", webhook_resolve},
	{"thread", answer_thread}, {"send", answer_send}, {"poll", answer_poll}, {NULL, NULL}};

static const struct adapter adapter = {
	.name = "Webhook",
	.summary = "Carry texts to and from any system that speaks JSON over HTTP.",
	.verbs = verbs, .needs = webhook_needs, .dialect = &dialect,
	.threads = true, .polling = true, .idempotency = true, .people = webhook_extra
};

int
main(int argc, char **argv)
{
	return adapter_main(argc, argv, &adapter);
}
