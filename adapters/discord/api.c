/* SPDX-License-Identifier: MIT */
/*
 * Asking Discord's REST API, and what its refusals mean: they have codes, and a tree of
 * what is wrong with a form, of which the first words are told.
 */
#include "discord.h"

#include "die.h"
#include "figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
token(void)
{
	return adapter_word("BOT_TOKEN", "copy it from the Bot page of your application, "
		"discord.com/developers/applications, without \"Bot\" before it");
}

void
discord_ready(void)
{
	token();
}

static const char look_token[] =
	"mend DISCORD_BOT_TOKEN; the application's Bot page makes a new one";
static const char let_in[] = "look at the id, and add the bot to that server and channel";
static const char look_rights[] =
	"give the bot's role that right: view the channel, send messages, open threads, send in them";
static const char other_channel[] = "name a text channel, a forum, a thread or a person";

static const struct api_meaning meanings[] = {
	{401, NULL, NULL, "config", look_token},
	{429, NULL, NULL, "transient", NULL},
	{0, "10003", NULL, "chat", let_in},         /* unknown channel */
	{0, "10004", NULL, "chat", let_in},         /* unknown guild */
	{0, "10008", NULL, "request", NULL},        /* unknown message */
	{0, "10013", NULL, "request", "look at the user's id"},
	{0, "20016", NULL, "transient", NULL},      /* slow mode */
	{0, "20026", NULL, "config", "Discord has quarantined the bot: see the developers' page"},
	{0, "20028", NULL, "transient", NULL},      /* this channel is written to too quickly */
	{0, "20029", NULL, "transient", NULL},
	{0, "40001", NULL, "config", look_token},
	{0, "40002", NULL, "config", "verify the bot's account"},
	{0, "40003", NULL, "transient", NULL},      /* direct chats opened too quickly */
	{0, "40004", NULL, "transient", NULL},      /* sending is switched off for a while */
	{0, "40007", NULL, "chat", NULL},           /* banned there */
	{0, "40058", NULL, "request", other_channel},
	{0, "40062", NULL, "transient", NULL},
	{0, "40067", NULL, "config", "give the forum a tag that everybody may use"},
	{0, "40333", NULL, "transient", NULL},      /* kept off by the network in front */
	{0, "50001", NULL, "chat", let_in},
	{0, "50007", NULL, "chat", "they must share a server with the bot, and allow direct messages"},
	{0, "50008", NULL, "request", other_channel},
	{0, "50013", NULL, "config", look_rights},
	{0, "50024", NULL, "request", other_channel},
	{0, "50033", NULL, "request", "look at the user's id"},
	{0, "50083", NULL, "thread", "open the thread again in Discord"},
	{0, "50278", NULL, "chat", "they must share a server with the bot"},
	{0, "160005", NULL, "thread", "unlock the thread"},
	{0, "160006", NULL, "config", "close some of the server's threads"},
	{0, "200000", NULL, "request", "the server's AutoMod does not let the words pass"},
	{0, "200001", NULL, "request", "the server's AutoMod does not let the words pass"},
	{404, "0", NULL, "config", "mend DISCORD_BASE_URL: it ends in /api/v10"},
	{403, NULL, NULL, "config", look_rights},
	{0}};

/* The first words of a form's errors: {"content":{"_errors":[{"message":…}]}}. */
struct fault {
	const char *where, *words;
};

static void
look_for_fault(const char *key, const struct json *item, void *data)
{
	struct fault *fault = data;
	struct json *first;

	if (fault->words)
		return;
	if (strcmp(key, "_errors")) {
		fault->where = key;
		json_each(item, "", look_for_fault, fault);
	} else {
		first = json_item(item, "", 0);
		fault->words = json_text(first, "message"); /* `item` keeps it alive */
		json_free(first);
	}
}

static const char *
refusal_words(const struct json *answer, const char *message)
{
	static char words[400];
	struct fault fault = {"", NULL};

	json_each(answer, "errors", look_for_fault, &fault);
	if (!fault.words)
		return message;
	snprintf(words, sizeof words, "%s: %s: %s", message, fault.where, fault.words);
	return words;
}

static enum api_answer
read_answer(const struct json *answer, struct api_refusal *refusal)
{
	static char code[24];
	const char *message = json_text(answer, "message");

	if (refusal->status < 400)
		return json_is_object(answer) || json_is_array(answer) ? API_FINE : API_STRANGE;
	if (!message)
		return API_STRANGE;
	snprintf(code, sizeof code, "%.0f", json_number(answer, "code", 0));
	refusal->code = code;
	refusal->words = refusal_words(answer, message);
	refusal->retry_after = json_number(answer, "retry_after", -1);
	return API_REFUSED;
}

static double
bucket_rest(const struct http_reply *reply)
{
	const char *left = http_header(reply, "X-RateLimit-Remaining");
	const char *reset = http_header(reply, "X-RateLimit-Reset-After");

	return left && reset && !strcmp(left, "0") ? strtod(reset, NULL) : 0;
}

static const struct api_platform discord = {.name = "Discord", .read = read_answer,
	.meanings = meanings, .needs = discord_needs, .rest = bucket_rest};

/* Takes `body`. */
__attribute__((format(printf, 4, 0)))
static struct api_call
ask(const char *method, struct json *body, bool repeatable, const char *path, va_list arguments)
{
	static const char *const headers[] = {
		"User-Agent: DiscordBot (https://discord.com/developers/docs, " HERMES_VERSION ")", NULL};
	char *base = api_base("https://discord.com/api/v10");
	struct text url = TEXT_INIT;
	struct api_request request = {.method = method, .headers = headers, .token = token(),
		.scheme = "Bot", .json = body, .repeatable = repeatable};
	struct api_call call;

	text_puts(&url, base);
	text_vformat(&url, path, arguments);
	request.url = url.at;
	api_ask(&discord, &request, &call);
	text_release(&url);
	free(base);
	json_free(body);
	return call;
}

/* 50 questions a second are allowed, as they arrive there: some are late, and the next is not. */
static void
keep_pace(void)
{
	static const double pace = 1.0 / 40;
	static double next;
	double left = next - clock_steady();

	if (left > 0)
		clock_sleep(left);
	next = clock_steady() + pace;
}

struct api_call
discord_get(const char *path, ...)
{
	struct api_call call;
	va_list arguments;

	keep_pace();
	va_start(arguments, path);
	call = ask("GET", NULL, true, path, arguments);
	va_end(arguments);
	return call;
}

struct api_call
discord_act(const char *method, struct json *body, const char *path, ...)
{
	struct api_call call;
	va_list arguments;

	va_start(arguments, path);
	call = ask(method, body, false, path, arguments);
	va_end(arguments);
	return call;
}

struct api_call
discord_act_keyed(struct json *body, const char *path, ...)
{
	struct api_call call;
	va_list arguments;

	va_start(arguments, path);
	call = ask("POST", body, true, path, arguments);
	va_end(arguments);
	return call;
}

bool
discord_refused(const struct api_call *call, const char *code)
{
	return call->code && !strcmp(call->code, code);
}

struct json *
discord_failure(const struct api_call *call, const struct json *place, const char *outcome)
{
	struct json *answer = api_failure(call, outcome);

	if (!strcmp(json_text_or(place, "kind", ""), "thread") && discord_refused(call, "10003")) {
		json_put_text(answer, "class", "thread");
		json_drop(answer, "remedy");
	}
	if (call->refusal && !json_true(call->refusal, "global"))
		json_put_text(answer, "scope", "chat");
	return answer;
}
