/* SPDX-License-Identifier: MIT */
/*
 * Asking a BlueBubbles server, and what its answers mean. They are envelopes: status,
 * message, and data or an error. A message that Messages could not deliver is a refusal,
 * and data holds the message with its error number, whatever the status says.
 *
 * The password is part of every URL, of which http.h tells the host only.
 */
#include "imessage.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

static const char look_chat[] =
	"look at the chat in Messages on the Mac; write to them there once if it is new";

static const struct api_meaning meanings[] = {
	{401, NULL, NULL, "config", "mend IMESSAGE_PASSWORD; BlueBubbles shows it under its settings"},
	{403, NULL, NULL, "config", "mend IMESSAGE_PASSWORD; BlueBubbles shows it under its settings"},
	{429, NULL, NULL, "transient", NULL},
	{0, "22", NULL, "chat", "that address cannot be reached by iMessage"},
	{0, "undelivered", NULL, "transient", "look at Messages on the Mac, and whether it is online"},
	{0, NULL, "already queued", "unknown", NULL},
	{0, NULL, "Private API", "config",
		"switch the Private API off in BlueBubbles, or see that its helper is connected"},
	{0, NULL, "chat does not exist", "chat", look_chat},
	{0, NULL, "get chat id", "chat", look_chat},
	{404, NULL, NULL, "config", "mend IMESSAGE_SERVER_URL: http://MAC:1234, without a path"},
	{0}};

static enum api_answer
read_envelope(const struct json *answer, struct api_refusal *refusal)
{
	double failed = json_number(answer, "data.error", 0);

	refusal->status = json_whole(answer, "status", 0);
	refusal->words = json_text_or(answer, "error.message", json_text_or(answer, "message", ""));
	if (failed)
		refusal->code = failed == 22 ? "22" : "undelivered";
	if (failed || (refusal->status >= 400 && json_has(answer, "error")))
		return API_REFUSED;
	return refusal->status / 100 == 2 && json_has(answer, "data") ? API_FINE : API_STRANGE;
}

static const struct api_platform bluebubbles = {.name = "BlueBubbles", .read = read_envelope,
	.meanings = meanings, .needs = imessage_needs};

static const char *
server(void)
{
	return adapter_required("SERVER_URL", "it is the address of the BlueBubbles server");
}

static const char *
password(void)
{
	return adapter_required("PASSWORD", "BlueBubbles shows it under its settings");
}

void
imessage_ready(void)
{
	server();
	password();
}

/* Takes `body`. */
static struct api_call
ask(const char *path, const char *segment, struct json *body, bool repeatable)
{
	char *base = api_base(server());
	struct text url = TEXT_INIT;
	struct api_request request = {.json = body, .repeatable = repeatable};
	struct api_call call;

	text_format(&url, "%s/api/v1%s", base, path);
	if (segment)
		http_escape(&url, segment);
	text_puts(&url, "?password=");
	http_escape(&url, password());
	request.url = url.at;
	api_ask(&bluebubbles, &request, &call);
	text_release(&url);
	free(base);
	json_free(body);
	return call;
}

struct api_call
bluebubbles_ask(const char *path, const char *segment, struct json *body)
{
	return ask(path, segment, body, true);
}

struct api_call
bluebubbles_act(const char *path, struct json *body)
{
	return ask(path, NULL, body, false);
}

struct api_call
bluebubbles_messages(struct json *question, bool newest_first, int limit)
{
	json_put(question, "with", json_array_of("chats"));
	json_put_text(question, "sort", newest_first ? "DESC" : "ASC");
	json_put_number(question, "limit", limit);
	return bluebubbles_ask("/message/query", NULL, question);
}
