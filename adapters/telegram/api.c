/* SPDX-License-Identifier: MIT */
/*
 * Asking Telegram's Bot API, and what its answers mean. It has no idempotency key, and no
 * bot can read back what it sent: an act whose answer does not come is unknown and stays
 * so. The API says what is wrong by descriptions more reliably than by codes, so they are
 * what is looked at.
 *
 * The token is part of every URL, of which http.h tells the host only.
 */
#include "telegram.h"

#include "die.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Digits, a colon, and the secret, which may then stand in a URL. */
static bool
is_token(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	const char *secret = text + digits + 1;

	if (!digits || text[digits] != ':' || !*secret)
		return false;
	while (isalnum((unsigned char)*secret) || *secret == '-' || *secret == '_')
		secret++;
	return !*secret;
}

static const char *
token(void)
{
	const char *found = adapter_required("BOT_TOKEN", "set it to what @BotFather gave you");

	if (!is_token(found))
		die(EX_SETUP, "TELEGRAM_BOT_TOKEN is not a token (123456:ABC…); copy it from @BotFather");
	return found;
}

char *
telegram_account(void)
{
	return xformat("%.*s", (int)strspn(token(), "0123456789"), token());
}

static char *
method_url(const char *method)
{
	char *base = api_base("https://api.telegram.org");
	char *url = xformat("%s/bot%s/%s", base, token(), method);

	free(base);
	return url;
}

static const char write_first[] =
	"write to the bot first, or add it to the group, and look at the chat's id";

/* What descriptions mean: the first whose words stand in one. */
static const struct api_meaning meanings[] = {
	{0, NULL, "bot was blocked by the user", "chat", "unblock the bot in Telegram"},
	{0, NULL, "user is deactivated", "chat", "choose another chat"},
	{0, NULL, "bot was kicked", "chat", "add the bot to the chat again"},
	{0, NULL, "bot is not a member", "chat", "add the bot to the chat"},
	{0, NULL, "group chat was deleted", "chat", "choose another chat"},
	{0, NULL, "upgraded to a supergroup", "chat", "use the id of the supergroup"},
	{0, NULL, "can't initiate conversation", "chat", write_first},
	{0, NULL, "can't send messages to bots", "chat", "choose another chat"},
	{0, NULL, "chat not found", "chat", write_first},
	{0, NULL, "message thread not found", "thread", NULL},
	{0, NULL, "TOPIC_DELETED", "thread", NULL},
	{0, NULL, "TOPIC_CLOSED", "thread", "reopen the topic"},
	{0, NULL, "TOPIC_ID_INVALID", "thread", NULL},
	{0, NULL, "webhook is active", "busy",
		"a webhook takes this bot's messages: call deleteWebhook, or use a second bot"},
	{409, NULL, NULL, "busy", "another program reads this bot's messages, perhaps a Hermes gateway: "
		"stop it, or give one of the two a bot of its own"},
	{401, NULL, NULL, "config", "mend TELEGRAM_BOT_TOKEN; @BotFather shows it"},
	{404, NULL, NULL, "config", "mend TELEGRAM_BOT_TOKEN and TELEGRAM_BASE_URL"},
	{429, NULL, NULL, "transient", NULL},
	{0, NULL, "not enough rights", "config", "give the bot that right in the chat"},
	{0, NULL, "have no rights", "config", "give the bot that right in the chat"},
	{0, NULL, "need administrator rights", "config", "make the bot an administrator of the chat"},
	{0, NULL, "CHAT_ADMIN_REQUIRED", "config", "make the bot an administrator of the chat"},
	{0, NULL, "CHAT_WRITE_FORBIDDEN", "config", "let the bot write in the chat"},
	{403, NULL, NULL, "chat", "look at the bot's place in the chat"},
	{0}};

/* An envelope says whether it is one; its own code is HTTP's status. */
static enum api_answer
read_envelope(const struct json *answer, struct api_refusal *refusal)
{
	if (json_true(answer, "ok"))
		return json_has(answer, "result") ? API_FINE : API_STRANGE;
	refusal->status = json_whole(answer, "error_code", refusal->status);
	refusal->words = json_text_or(answer, "description", "");
	refusal->retry_after = json_number(answer, "parameters.retry_after", -1);
	return json_has(answer, "ok") ? API_REFUSED : API_STRANGE;
}

static const struct api_platform telegram = {.name = "Telegram", .read = read_envelope,
	.meanings = meanings, .needs = telegram_needs};

static struct api_call
ask(const char *method, const struct json *arguments, bool repeatable, double limit)
{
	char *url = method_url(method);
	struct api_request request = {.url = url, .json = arguments, .repeatable = repeatable,
		.limit = limit};
	struct json *envelope;
	struct api_call call;

	api_ask(&telegram, &request, &call);
	envelope = call.result;
	call.result = json_at(envelope, "result");
	json_free(envelope);
	free(url);
	return call;
}

struct api_call
telegram_ask(const char *method, struct json *arguments, double limit)
{
	struct api_call call = ask(method, arguments, true, limit);

	json_free(arguments);
	return call;
}

/* An id goes out as a number, @name as it is. */
static void
put_chat(struct json *arguments, const char *chat)
{
	if (chat[strspn(chat, "-0123456789")])
		json_put_text(arguments, "chat_id", chat);
	else
		json_put_number(arguments, "chat_id", strtod(chat, NULL));
}

struct json *
chat_arguments(const char *chat)
{
	struct json *arguments = json_object();

	put_chat(arguments, chat);
	return arguments;
}

struct api_call
telegram_act(const char *method, struct json *arguments, char **moved)
{
	struct api_call call = ask(method, arguments, false, adapter_left());

	*moved = json_id(call.refusal, "parameters.migrate_to_chat_id");
	if (*moved) {
		api_release(&call);
		put_chat(arguments, *moved);
		call = ask(method, arguments, false, adapter_left());
	}
	json_free(arguments);
	return call;
}
