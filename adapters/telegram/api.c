/* SPDX-License-Identifier: MIT */
/*
 * Asking Telegram's Bot API, and what its answers mean. It has no idempotency key, and no
 * bot can read back what it sent: an act whose answer does not come is unknown and stays
 * so. The API says what is wrong by descriptions more reliably than by codes, so they are
 * what is looked at.
 *
 * The token is part of every URL. It gets into no text: http.h tells no paths, and what
 * the server says is searched for it.
 */
#include "telegram.h"

#include "adapter.h"
#include "die.h"
#include "http.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_MOST = 86400, SAID_MOST = 300 };

void
call_release(struct call *call)
{
	json_free(call->result);
	free(call->why);
	free(call->moved);
	*call = (struct call){0};
}

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
	const char *found = adapter_setting("BOT_TOKEN");

	if (!found)
		die(EX_SETUP, "no bot token; set TELEGRAM_BOT_TOKEN to what @BotFather gave you");
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
	const char *base = adapter_setting("BASE_URL");
	size_t length;

	if (!base)
		base = "https://api.telegram.org";
	for (length = strlen(base); length && base[length - 1] == '/';)
		length--;
	return xformat("%.*s/bot%s/%s", (int)length, base, token(), method);
}

/* What the server said, owned: cleaned, shortened, and without our secret. */
static char *
said(const char *description)
{
	const char *secret = strchr(token(), ':') + 1;
	struct text clean = TEXT_INIT;
	char *found;

	text_add_clean(&clean, description, strlen(description));
	while ((found = strstr(clean.at, secret)))
		memset(found, '*', strlen(secret));
	if (clean.length > SAID_MOST) {
		text_clear(&clean);
		text_puts(&clean, "a refusal too long to repeat");
	}
	return text_take(&clean);
}

static const char write_first[] =
	"write to the bot first, or add it to the group, and look at the chat's id";

/* What descriptions mean: the first whose words stand in one, in whatever case. */
static const struct meaning {
	int code; /* 0: any */
	const char *words, *class, *remedy;
} meanings[] = {
	{0, "bot was blocked by the user", "chat", "unblock the bot in Telegram"},
	{0, "user is deactivated", "chat", "choose another chat"},
	{0, "bot was kicked", "chat", "add the bot to the chat again"},
	{0, "bot is not a member", "chat", "add the bot to the chat"},
	{0, "group chat was deleted", "chat", "choose another chat"},
	{0, "upgraded to a supergroup", "chat", "use the id of the supergroup"},
	{0, "can't initiate conversation", "chat", write_first},
	{0, "can't send messages to bots", "chat", "choose another chat"},
	{0, "chat not found", "chat", write_first},
	{0, "message thread not found", "thread", NULL},
	{0, "TOPIC_DELETED", "thread", NULL},
	{0, "TOPIC_CLOSED", "thread", "reopen the topic"},
	{0, "TOPIC_ID_INVALID", "thread", NULL},
	{0, "webhook is active", "busy",
		"a webhook takes this bot's messages: call deleteWebhook, or use a second bot"},
	{409, "", "busy", "another program reads this bot's messages, perhaps a Hermes gateway: "
		"stop it, or give one of the two a bot of its own"},
	{401, "", "config", "mend TELEGRAM_BOT_TOKEN; @BotFather shows it"},
	{404, "", "config", "mend TELEGRAM_BOT_TOKEN and TELEGRAM_BASE_URL"},
	{429, "", "transient", NULL},
	{0, "not enough rights", "config", "give the bot that right in the chat"},
	{0, "have no rights", "config", "give the bot that right in the chat"},
	{0, "need administrator rights", "config", "make the bot an administrator of the chat"},
	{0, "CHAT_ADMIN_REQUIRED", "config", "make the bot an administrator of the chat"},
	{0, "CHAT_WRITE_FORBIDDEN", "config", "let the bot write in the chat"},
	{403, "", "chat", "look at the bot's place in the chat"},
	{0, "", "request", NULL}};

static const struct meaning *
find_meaning(int code, const char *description)
{
	const struct meaning *meaning = meanings;

	while ((meaning->code && meaning->code != code) || !strcasestr(description, meaning->words))
		meaning++;
	return meaning;
}

static void
read_refusal(struct call *call, const struct json *answer, const struct http_reply *reply)
{
	const char *description = json_text_or(answer, "description", "no reason given");
	const struct meaning *meaning;

	call->code = (int)json_number(answer, "error_code", reply->status);
	meaning = find_meaning(call->code, description);
	call->unknown = call->code >= 500;
	call->class = call->unknown ? "transient" : meaning->class;
	call->remedy = call->unknown ? NULL : meaning->remedy;
	call->why = said(description);
	call->moved = json_id(answer, "parameters.migrate_to_chat_id");
	call->retry_after = json_number(answer, "parameters.retry_after", reply->retry_after);
	if (call->retry_after > RETRY_MOST)
		call->retry_after = RETRY_MOST;
}

/* A whole reply, but not one of Telegram's: somebody stands between. */
static void
read_stranger(struct call *call, const struct http_reply *reply)
{
	call->class = "transient";
	call->unknown = reply->status < 300 || reply->status >= 500;
	call->why = xformat("HTTP %d, and no answer of Telegram's", reply->status);
	call->retry_after = reply->retry_after;
	if (!call->unknown)
		call->remedy = "look at TELEGRAM_BASE_URL, and for a proxy or a login page on the way";
}

static void
read_silence(struct call *call, const struct http_reply *reply)
{
	call->unknown = reply->outcome == HTTP_UNKNOWN;
	call->class = reply->outcome == HTTP_MISSET ? "config" : "transient";
	call->why = xstrdup(reply->why);
	call->remedy = reply->remedy;
}

static void
read_reply(struct call *call, const struct http_reply *reply)
{
	struct json *answer = json_parse(reply->body.at, reply->body.length, NULL);
	bool ok = json_true(answer, "ok");

	if (reply->outcome != HTTP_ANSWERED)
		read_silence(call, reply);
	else if (!ok && json_has(answer, "ok"))
		read_refusal(call, answer, reply);
	else if (!ok || reply->status / 100 != 2 || !(call->result = json_at(answer, "result")))
		read_stranger(call, reply);
	json_free(answer);
}

static struct call
ask(const char *method, const struct json *arguments, bool repeatable, double limit)
{
	struct call call = {.retry_after = -1};
	char *url = method_url(method), *body = json_string(arguments);
	struct http_request request = {.url = url, .body = body, .length = strlen(body),
		.repeatable = repeatable, .limit = limit, .proxy = adapter_setting("PROXY"),
		.ca = adapter_setting("CA_FILE")};
	struct http_reply reply = {0};

	http_ask(&request, &reply);
	read_reply(&call, &reply);
	http_release(&reply);
	free(url);
	free(body);
	return call;
}

struct call
telegram_ask(const char *method, struct json *arguments, double limit)
{
	struct call call = ask(method, arguments, true, limit);

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

struct call
telegram_act(const char *method, struct json *arguments)
{
	struct call call = ask(method, arguments, false, adapter_left());

	if (call.moved) {
		char *moved = call.moved;

		call.moved = NULL;
		call_release(&call);
		put_chat(arguments, moved);
		call = ask(method, arguments, false, adapter_left());
		free(call.moved);
		call.moved = moved;
	}
	json_free(arguments);
	return call;
}

static struct json *
put_retry(struct json *trouble, const struct call *call)
{
	if (call->retry_after >= 0)
		json_put_number(trouble, "retry_after", call->retry_after);
	return trouble;
}

struct json *
call_error(const struct call *call)
{
	struct json *answer = answer_error(call->class, call->why, call->remedy);

	json_put(answer, "error", put_retry(json_at(answer, "error"), call));
	return answer;
}

struct json *
call_failure(const struct call *call, const char *outcome)
{
	if (call->unknown)
		return answer_unknown(call->why);
	return put_retry(answer_not(outcome, call->class, call->why, call->remedy), call);
}
