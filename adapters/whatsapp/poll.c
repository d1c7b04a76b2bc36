/* SPDX-License-Identifier: MIT */
/*
 * What came in, out of the spool: Meta's calls, which hook.c put there, or what the bridge
 * had. The bridge forgets what it hands out, so that is on the disk before it is told.
 *
 * Meta also tells what became of each text, and repeats what we sent along with it: which
 * delivery, which part, of how many. So a text whose arrival was uncertain is learnt to have
 * arrived, and one that was taken is learnt to have failed: the batch's "outcomes".
 */
#include "whatsapp.h"

#include "die.h"
#include "figures.h"
#include "spool.h"

#include <stdlib.h>
#include <string.h>

static const double wait_most = 50, look_often = 0.25, ask_bridge_often = 1;

struct batch {
	struct json *events, *outcomes;
};

static const struct { const char *type, *path; } worded[] = {
	{"text", "text.body"}, {"button", "button.text"},
	{"interactive", "interactive.button_reply.title"},
	{"interactive", "interactive.list_reply.title"}, {"image", "image.caption"},
	{"video", "video.caption"}, {"document", "document.caption"}};

static const char *
words_of(const struct json *message)
{
	const char *type = json_text_or(message, "type", ""), *words = NULL;

	for (size_t i = 0; i < sizeof worded / sizeof *worded && !words; i++)
		if (!strcmp(type, worded[i].type))
			words = json_text(message, worded[i].path);
	return words && *words ? words : NULL;
}

/* An event of what a person said. Owned. */
static struct json *
make_event(const char *id, const char *chat, const char *user, const char *name, const char *words)
{
	struct json *event = json_object();

	json_put_text(event, "message", id);
	json_put(event, "place", whatsapp_place(chat, user));
	json_put_text(event, "user.id", user);
	json_put_text(event, "user.name", name && *name ? name : user);
	json_put_text(event, "text", words);
	return event;
}

/* What the person calls themselves, beside the messages. Owned or NULL. */
static char *
name_of(const struct json *value, const char *from)
{
	struct json *contact = json_find(value, "contacts", "wa_id", from);
	char *name = json_id(contact, "profile.name");

	json_free(contact);
	return name;
}

static void
add_message(struct batch *batch, const struct json *value, const struct json *message)
{
	const char *from = json_text_or(message, "from", ""), *words = words_of(message);
	const char *id = json_text(message, "id"), *answered = json_text(message, "context.id");
	char *name, *chat;
	struct json *event;

	if (!words || !id || json_has(message, "group_id")) /* an answer would go to one person alone */
		return;
	chat = chat_of(from);
	if (!chat) {
		warn("poll: a message without a number was left out: whoever wrote it cannot be answered");
		return;
	}
	name = name_of(value, from);
	event = make_event(id, chat, chat, name, words);
	json_put_number(event, "at", strtod(json_text_or(message, "timestamp", "0"), NULL));
	if (answered)
		json_put_text(event, "reply_to", answered);
	json_append(batch->events, event);
	free(name);
	free(chat);
}

/* Of a text that we know again: what became of it. */
static void
add_status(struct batch *batch, const struct json *value, const struct json *status)
{
	const char *sent = json_text_or(status, "biz_opaque_callback_data", "");
	struct json *outcome = json_parse(sent, strlen(sent), NULL), *error;
	bool failed = !strcmp(json_text_or(status, "status", ""), "failed");
	struct api_call call;

	(void)value;
	if (!json_text(outcome, "delivery") || !json_text(status, "id")) {
		json_free(outcome);
		return;
	}
	json_put(outcome, "ids", json_array_of(json_text(status, "id")));
	json_put_text(outcome, "chat", json_text_or(status, "recipient_id", ""));
	json_put_text(outcome, "outcome", failed ? "not_sent" : "sent");
	if (failed) {
		error = json_item(status, "errors", 0);
		call = cloud_failure(error);
		json_put_text(outcome, "class", call.class);
		json_put_text(outcome, "why", call.why);
		if (call.remedy)
			json_put_text(outcome, "remedy", call.remedy);
		api_release(&call);
		json_free(error);
	}
	json_append(batch->outcomes, outcome);
}

/* Each item of an array of `value`. */
static void
each(struct batch *batch, const struct json *value, const char *array,
	void (*add)(struct batch *batch, const struct json *value, const struct json *item))
{
	for (size_t i = 0, n = json_count(value, array); i < n; i++) {
		struct json *item = json_item(value, array, i);

		add(batch, value, item);
		json_free(item);
	}
}

/* An app may have several numbers: those of others are passed. */
static void
add_change(struct batch *batch, const struct json *entry, const struct json *change)
{
	struct json *value = json_at(change, "value");
	char *number = json_id(value, "metadata.phone_number_id");

	(void)entry;
	if (number && !strcmp(number, whatsapp_account())) {
		each(batch, value, "messages", add_message);
		each(batch, value, "statuses", add_status);
	}
	free(number);
	json_free(value);
}

static void
add_entry(struct batch *batch, const struct json *call, const struct json *entry)
{
	(void)call;
	each(batch, entry, "changes", add_change);
}

/* A message of the bridge's, but for what the phone's owner said to others by it. */
static void
add_bridged(struct batch *batch, const struct json *message)
{
	const char *words = json_text_or(message, "body", ""), *id = json_text(message, "messageId");
	char *chat = chat_of(json_text_or(message, "chatId", ""));
	char *user = chat_of(json_text_or(message, "senderId", ""));
	struct json *event;

	if (chat && user && id && *words && !json_true(message, "fromOwner")) {
		event = make_event(id, chat, json_true(message, "isGroup") ? user : chat,
			json_text(message, "senderName"), words);
		json_put_number(event, "at", json_number(message, "timestamp", clock_now()));
		if (*json_text_or(message, "quotedMessageId", ""))
			json_put_text(event, "reply_to", json_text(message, "quotedMessageId"));
		json_append(batch->events, event);
	}
	free(user);
	free(chat);
}

static void
add_item(struct batch *batch, const struct json *item)
{
	if (json_has(item, "entry"))
		each(batch, item, "entry", add_entry);
	else if (whatsapp_bridged())
		add_bridged(batch, item);
}

/* What the spool holds, as a batch. Owned. */
static struct json *
make_answer(const struct spool *spool)
{
	struct batch batch = {json_array(), json_array()};
	struct json *answer = json_object();
	char *cursor = spool_cursor(spool);

	for (size_t i = 0, n = json_count(spool->items, ""); i < n; i++) {
		struct json *item = json_item(spool->items, "", i);

		add_item(&batch, item);
		json_free(item);
	}
	json_put(answer, "events", batch.events);
	if (json_count(batch.outcomes, ""))
		json_put(answer, "outcomes", json_copy(batch.outcomes));
	if (cursor)
		json_put_text(answer, "cursor", cursor);
	json_free(batch.outcomes);
	free(cursor);
	return answer;
}

/* Ask the bridge for what it has, into the open spool. False: *error says why not. */
static bool
drain_bridge(struct spool *spool, struct json **error)
{
	struct api_call call = bridge_ask("/messages", NULL, 10);
	bool fine = json_is_array(call.result) && spool_add(spool, call.result, error);

	if (!call.result)
		*error = api_error(&call);
	else if (!fine && !*error)
		*error = answer_error("transient", "no answer of the bridge's", NULL);
	api_release(&call);
	return fine;
}

/* One look: an answer, owned. *waits: it brought nothing new. */
static struct json *
look(const char *cursor, bool *waits)
{
	struct json *error = NULL, *answer;
	struct spool spool;

	*waits = false;
	if (!spool_open(&spool, cursor, &error))
		return error;
	if (whatsapp_bridged() && !drain_bridge(&spool, &error) && !json_count(spool.items, "")) {
		spool_close(&spool);
		return error;
	}
	json_free(error);
	*waits = !json_count(spool.items, "");
	answer = make_answer(&spool);
	spool_close(&spool);
	return answer;
}

struct json *
whatsapp_poll(const struct json *question)
{
	double wait = json_number(question, "wait", 0), pause = whatsapp_bridged()
		? ask_bridge_often : look_often;
	double end = clock_steady() + (wait < wait_most ? wait : wait_most);
	const char *cursor = json_text(question, "cursor");
	struct json *answer;
	bool waits;

	whatsapp_account();
	while ((answer = look(cursor, &waits)) && waits && clock_steady() + pause < end) {
		json_free(answer);
		clock_sleep(pause);
	}
	return answer;
}
