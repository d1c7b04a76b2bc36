/* SPDX-License-Identifier: MIT */
/*
 * hermes-adapter-whatsapp: the verbs of hermes-adapter(7), for WhatsApp, by Meta's Cloud API
 * or by a bridge on this machine.
 *
 * There are no threads, no keys, and nothing can be read back. But Meta says later what
 * became of a text, and repeats what was sent along with it: by that an outcome is learnt
 * (poll.c).
 */
#include "whatsapp/whatsapp.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

enum { TOLD_WITHIN = 15 }; /* seconds in which Meta usually tells what became of a text */

const struct adapter_need whatsapp_needs[] = {
	{"MODE", false, false, "\"cloud\" (Meta's Cloud API) or \"bridge\"; cloud where there is a token"},
	{"CLOUD_ACCESS_TOKEN", true, false, "cloud: an access token, from developers.facebook.com"},
	{"CLOUD_PHONE_NUMBER_ID", false, false, "cloud: the id of the business's phone number"},
	{"CLOUD_APP_SECRET", true, false, "cloud: the app's secret, which Meta signs its calls with"},
	{"CLOUD_VERIFY_TOKEN", true, false, "cloud: a word of your own, entered with the webhook"},
	{"CLOUD_API_VERSION", false, false, "cloud: the version of the Graph API (v23.0)"},
	{"CLOUD_HOME_CHANNEL", false, false, "cloud: the number that handoffs go to, before HOME_CHANNEL"},
	{"BRIDGE_URL", false, false, "bridge: where it listens (http://127.0.0.1:3000)"},
	{"HOME_CHANNEL", false, false, "the number that handoffs go to, or a group's id (…@g.us)"},
	{"BASE_URL", false, false, "another Graph API than https://graph.facebook.com"},
	{"PROXY", true, false, "a proxy: socks5://user:password@host:port or http://host:port"},
	{"CA_FILE", false, false, "certificates to trust in place of the system's"},
	{0}};

/* The chat of the question's place, as it is known now; NULL: the place is none of WhatsApp's. */
static char *
asked_chat(const struct json *question)
{
	whatsapp_account(); /* no configuration comes before a wrong question */
	if (!whatsapp_bridged())
		cloud_setting("CLOUD_ACCESS_TOKEN");
	if (json_has(question, "place.thread"))
		return NULL;
	return chat_of(json_text_or(question, "place.chat", ""));
}

/* The question's place, with its chat as it is known now: another one is a person's. Owned. */
static struct json *
place_now(const struct json *question, const char *chat)
{
	struct json *place = json_at(question, "place");

	if (strcmp(chat, json_text_or(place, "chat", "")) != 0) {
		json_put_text(place, "chat", chat);
		json_put_text(place, "user", chat);
	}
	return place;
}

static struct json *
answer_thread(const struct json *question)
{
	char *chat = asked_chat(question);
	struct json *answer;

	if (!chat)
		return answer_not("not_opened", "request", "the place is no chat of WhatsApp's", NULL);
	answer = put_place(answer_home("there are no threads in WhatsApp", NULL),
		place_now(question, chat));
	free(chat);
	return answer;
}

/* Meta repeats this with what became of the text. */
static char *
reminder(const struct json *question, int parts)
{
	struct json *reminder = json_object();
	char *text;

	json_put_text(reminder, "delivery", json_text_or(question, "delivery", ""));
	json_put_number(reminder, "part", json_number(question, "part", 1));
	json_put_number(reminder, "parts", parts);
	text = json_string(reminder);
	json_free(reminder);
	return text;
}

static struct api_call
send_by_cloud(const struct json *question, const char *chat, const char *text, int parts)
{
	struct json *body = json_object();
	char *remind = reminder(question, parts);
	char *to = xformat("+%s", chat); /* without the plus Meta adds the business's own country */

	json_put_text(body, "messaging_product", "whatsapp");
	json_put_text(body, "recipient_type", "individual");
	json_put_text(body, "to", to);
	json_put_text(body, "type", "text");
	json_put_text(body, "text.body", text);
	json_put_true(body, "text.preview_url", false);
	json_put_text(body, "biz_opaque_callback_data", remind);
	free(to);
	free(remind);
	return cloud_ask("/messages", body);
}

static struct api_call
send_by_bridge(const char *chat, const char *text)
{
	struct json *body = json_object();
	char *jid = jid_of(chat);

	json_put_text(body, "chatId", jid);
	json_put_text(body, "message", text);
	free(jid);
	return bridge_ask("/send", body, 0);
}

/* The ids of what was sent: the bridge may have made several of it. */
static struct json *
sent_ids(const struct json *result)
{
	struct json *ids = json_at(result, "messageIds"), *first = json_item(result, "messages", 0);
	const char *id = json_text_or(first, "id", json_text_or(result, "messageId", ""));

	if (!json_count(ids, "")) {
		json_free(ids);
		ids = *id ? json_array_of(id) : json_array();
	}
	json_free(first);
	return ids;
}

/* Some countries' numbers are written otherwise than dialled: WhatsApp says how it knows them. */
static void
follow_number(struct json *answer, const struct json *question, const char *chat,
	const struct json *result)
{
	struct json *contact = json_item(result, "contacts", 0);
	char *known = chat_of(json_text_or(contact, "wa_id", chat));

	if (known && strcmp(known, json_text_or(question, "place.chat", "")) != 0)
		json_put(answer, "place", place_now(question, known));
	free(known);
	json_free(contact);
}

static struct json *
sent(const struct json *question, const char *chat, const struct json *result, int parts)
{
	struct json *answer = json_object(), *ids = sent_ids(result);

	if (!json_count(ids, "")) {
		json_free(ids);
		json_free(answer);
		return answer_unknown("WhatsApp took the text and named no message");
	}
	json_put_text(answer, "outcome", "sent");
	json_put(answer, "ids", ids);
	json_put_number(answer, "parts", parts);
	follow_number(answer, question, chat, result);
	return answer;
}

/* Of what may have arrived Meta tells, if nobody sends it again at once. */
static void
await_word(struct json *answer)
{
	if (whatsapp_bridged() || json_has(answer, "retry_after")
		|| strcmp(json_text_or(answer, "outcome", ""), "unknown") != 0)
		return;
	json_put_number(answer, "retry_after", TOLD_WITHIN);
	json_put_text(answer, "scope", "chat");
}

static struct json *
send_part(const struct json *question, const char *chat)
{
	struct styled part = STYLED_INIT;
	struct json *answer;
	struct api_call call;
	int parts;
	char *text;

	if (!message_part(question, &whatsapp_dialect, &part, &parts)) {
		styled_release(&part);
		return answer_not("not_sent", "request", "the text has no such part", NULL);
	}
	text = message_written(&whatsapp_dialect, &part);
	call = whatsapp_bridged() ? send_by_bridge(chat, text)
		: send_by_cloud(question, chat, text, parts);
	answer = call.result ? sent(question, chat, call.result, parts)
		: api_failure(&call, "not_sent");
	await_word(answer);
	api_release(&call);
	free(text);
	styled_release(&part);
	return answer;
}

static struct json *
answer_send(const struct json *question)
{
	char *chat = asked_chat(question);
	struct json *answer = chat ? send_part(question, chat)
		: answer_not("not_sent", "request", "the place is no chat of WhatsApp's", NULL);

	free(chat);
	return answer;
}

static const struct adapter_verb verbs[] = {
	{"check", whatsapp_check}, {"resolve", whatsapp_resolve},
	{"thread", answer_thread}, {"send", answer_send}, {"poll", whatsapp_poll},
	{"hook", whatsapp_hook}, {0}};

static const struct adapter adapter = {
	.name = "WhatsApp",
	.summary = "Carry texts to and from WhatsApp, by Meta's Cloud API or a bridge on this machine.",
	.verbs = verbs, .needs = whatsapp_needs, .dialect = &whatsapp_dialect,
	.polling = true, .gateway = true
};

int
main(int argc, char **argv)
{
	return adapter_main(argc, argv, &adapter);
}
