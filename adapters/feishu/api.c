/* SPDX-License-Identifier: MIT */
/*
 * Asking Feishu's Open API. A refusal is HTTP 400 whatever it is about, so the code decides.
 *
 * Every call needs an access token, which lives for two hours. It is kept in a file of its
 * own in HERMES_HOME, beside the secret that it was made from, and made anew when Feishu no
 * longer takes it: such a refusal proves that nothing was done.
 */
#include "feishu.h"

#include "die.h"
#include "figures.h"
#include "home.h"
#include "whole.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EARLY = 300, LIFE_MOST = 7200 };

static const char scopes[] = "give the app that scope (Permissions & Scopes), and publish a version";
static const char credentials[] = "mend FEISHU_APP_ID and FEISHU_APP_SECRET; "
	"the app's page shows them under Credentials";
static const char ability[] = "switch the bot on (Add Features), and publish a version";
static const char availability[] = "let the app be available to that person, and publish a version";
static const char invite[] = "add the bot to the group";
static const char speak[] = "look at who may speak in the group, and at whether the bot is blocked";
static const char elsewhere[] = "choose another chat";
static const char soften[] = "say it in other words";

static const struct api_meaning meanings[] = {
	{0, "10003", NULL, "config", credentials},
	{0, "10014", NULL, "config", credentials},
	{0, "99991661", NULL, "config", credentials},
	{0, "99991663", NULL, "config", credentials},
	{0, "99991668", NULL, "config", credentials},
	{0, "99991672", NULL, "config", scopes},
	{0, "230027", NULL, "config", scopes},
	{0, "230006", NULL, "config", ability},
	{0, "232025", NULL, "config", ability},
	{0, "232034", NULL, "config", "let the tenant's administrator enable the app"},
	{0, "230036", NULL, "config", "ask the tenant's administrator: an encryption key is gone"},
	{0, "230001", "receive_id", "chat", "look at the chat's id"},
	{0, "230001", "container_id", "chat", "look at the chat's id"},
	{0, "230034", NULL, "chat", "look at the chat's id"},
	{0, "232006", NULL, "chat", "look at the chat's id; it begins with oc_"},
	{0, "99992361", NULL, "chat", "open ids differ from app to app: use the one that this app sees"},
	{0, "230002", NULL, "chat", invite},
	{0, "232011", NULL, "chat", invite},
	{0, "232009", NULL, "chat", elsewhere},
	{0, "230029", NULL, "chat", elsewhere},
	{0, "230038", NULL, "chat", elsewhere},
	{0, "230075", NULL, "chat", elsewhere},
	{0, "230013", NULL, "chat", availability},
	{0, "230018", NULL, "chat", speak},
	{0, "230035", NULL, "chat", speak},
	{0, "230053", NULL, "chat", "that person has to let the bot write again"},
	{0, "230011", NULL, "thread", NULL},
	{0, "230019", NULL, "thread", NULL},
	{0, "230111", NULL, "thread", NULL},
	{0, "231003", NULL, "thread", NULL},
	{0, "99992354", NULL, "thread", NULL},
	{0, "230022", NULL, "request", soften},
	{0, "230028", NULL, "request", soften},
	{0, "230020", NULL, "transient", NULL},
	{0, "99991400", NULL, "transient", NULL},
	{0, "11232", NULL, "transient", NULL},
	{429, NULL, NULL, "transient", NULL},
	{0, "2200", NULL, "unknown", NULL},
	{0, "230049", NULL, "unknown", NULL}, /* it is just being sent */
	{0}};

static enum api_answer
read_answer(const struct json *answer, struct api_refusal *refusal)
{
	static char digits[24];
	double code = json_number(answer, "code", 0.5);

	if (code == 0)
		return API_FINE;
	if (!(code >= 1 && code < 1e15))
		return API_STRANGE;
	snprintf(digits, sizeof digits, "%ld", (long)code);
	refusal->code = digits;
	refusal->words = json_text_or(answer, "msg", "");
	return API_REFUSED;
}

/* Seconds until the limit is over, when the gateway says so. */
static double
rest(const struct http_reply *reply)
{
	const char *reset = http_header(reply, "x-ogw-ratelimit-reset");

	return reply->status == 429 && reset ? strtod(reset, NULL) : 0;
}

static const struct api_platform feishu = {.name = "Feishu", .read = read_answer,
	.meanings = meanings, .needs = feishu_needs, .rest = rest};

static const char *
required(const char *name)
{
	return adapter_required(name, "the app's page shows it under Credentials");
}

const char *
feishu_account(void)
{
	const char *app = required("APP_ID");

	required("APP_SECRET");
	if (!is_id(app, "cli_"))
		die(EX_SETUP, "FEISHU_APP_ID is not an app's id (cli_…); copy it from the app's page");
	return app;
}

bool
is_id(const char *text, const char *lead)
{
	size_t length = strlen(lead);

	if (strncmp(text, lead, length) != 0 || !text[length])
		return false;
	for (text += length; isalnum((unsigned char)*text) || *text == '_' || *text == '-';)
		text++;
	return !*text;
}

bool
is_receiver(const char *text)
{
	const char *at = strchr(text, '@');

	return is_id(text, "oc_") || is_id(text, "ou_")
		|| (at && at > text && at[1] && !strpbrk(text, " \t\r\n\"<>") && strlen(text) < 256);
}

static char *
base(void)
{
	const char *domain = adapter_setting("DOMAIN");

	if (domain && strcmp(domain, "feishu") != 0 && strcmp(domain, "lark") != 0)
		die(EX_SETUP, "FEISHU_DOMAIN is \"feishu\" or \"lark\"");
	return api_base(domain && !strcmp(domain, "lark") ? "https://open.larksuite.com"
		: "https://open.feishu.cn");
}

/* The file of the token. Owned. */
static char *
token_file(void)
{
	char *name = xformat("%s-token", adapter_platform()), *path = home_file(name);

	free(name);
	return path;
}

/* The token kept for this app at this address, while it lives; else NULL. Owned. */
static char *
kept_token(void)
{
	char *path = token_file(), *address = base(), *why = NULL, *token = NULL;
	struct text text = TEXT_INIT;
	struct json *kept = whole_read(path, &text, &why) == 0
		? json_parse(text.at, text.length, NULL) : NULL;
	double left = json_number(kept, "until", 0) - clock_now();

	if (left > 0 && left <= LIFE_MOST
		&& !strcmp(json_text_or(kept, "app", ""), feishu_account())
		&& !strcmp(json_text_or(kept, "base", ""), address) && json_text(kept, "token"))
		token = xstrdup(json_text(kept, "token"));
	json_free(kept);
	text_release(&text);
	free(why);
	free(address);
	free(path);
	return token;
}

/* A token that cannot be kept is got anew the next time. */
static void
keep_token(const char *token, double life)
{
	char *path = token_file(), *address = base(), *why = NULL, *string;
	struct json *kept = json_object();

	json_put_text(kept, "app", feishu_account());
	json_put_text(kept, "base", address);
	json_put_text(kept, "token", token);
	json_put_number(kept, "until", clock_now() + life - EARLY);
	string = json_string(kept);
	whole_replace(path, string, strlen(string), &why);
	json_free(kept);
	free(string);
	free(why);
	free(address);
	free(path);
}

static void
ask_with(const char *token, const char *path, const struct json *body, bool repeatable,
	struct api_call *call)
{
	char *address = base(), *url = xformat("%s/open-apis%s", address, path);
	static const char *const headers[] = {"Content-Type: application/json; charset=utf-8", NULL};
	struct api_request request = {.url = url, .headers = headers, .token = token, .json = body,
		.repeatable = repeatable};

	api_ask(&feishu, &request, call);
	if (call->retry_after < 0 && call->rest > 0)
		call->retry_after = call->rest;
	free(url);
	free(address);
}

/* A new token, owned; else NULL, and `call` says why. */
static char *
new_token(struct api_call *call)
{
	struct json *body = json_object();
	const char *given;
	char *token = NULL;

	json_put_text(body, "app_id", feishu_account());
	json_put_text(body, "app_secret", required("APP_SECRET"));
	ask_with(NULL, "/auth/v3/tenant_access_token/internal", body, true, call);
	json_free(body);
	call->unknown = false; /* nothing was to be done yet */
	given = json_text(call->result, "tenant_access_token");
	if (given && !given[strcspn(given, " \t\r\n")]) {
		token = xstrdup(given);
		keep_token(token, json_number(call->result, "expire", 0));
	} else if (call->result) {
		call->class = "transient";
		call->why = xstrdup("Feishu gave no access token");
	}
	json_free(call->result);
	call->result = NULL;
	return token;
}

static bool
is_stale(const struct api_call *call)
{
	const char *code = call->code ? call->code : "";

	return !strcmp(code, "99991663") || !strcmp(code, "99991661") || !strcmp(code, "99991668");
}

static void
take_data(struct api_call *call, const char *key)
{
	struct json *data = call->result ? json_at(call->result, key) : NULL;

	if (!call->result)
		return;
	json_free(call->result);
	call->result = data ? data : json_object();
}

/* With the token kept, if any; and once more with a new one if that was too old. */
static void
ask(const char *path, const struct json *body, struct api_call *call)
{
	char *token = kept_token();

	*call = (struct api_call){0};
	if (token) {
		ask_with(token, path, body, !body, call);
		free(token);
		if (!is_stale(call))
			return;
		api_release(call);
	}
	token = new_token(call);
	if (token) {
		api_release(call);
		ask_with(token, path, body, !body, call);
	}
	free(token);
}

void
feishu_ask(const char *path, struct api_call *call)
{
	ask(path, NULL, call);
	take_data(call, "data");
}

void
feishu_act(const char *path, const struct json *body, struct api_call *call)
{
	ask(path, body, call);
	take_data(call, "data");
}

void
feishu_ask_bot(struct api_call *call)
{
	char *token = new_token(call);

	if (token) {
		api_release(call);
		ask_with(token, "/bot/v3/info", NULL, true, call);
		take_data(call, "bot");
	}
	free(token);
}

void
feishu_list(const char *container, bool newest, double since, const char *page, int size,
	struct api_call *call)
{
	bool thread = is_id(container, "omt_");
	struct text path = TEXT_INIT;

	text_format(&path, "/im/v1/messages?container_id_type=%s&container_id=%s&sort_type=%s"
		"&page_size=%d&with_sender_name=true", thread ? "thread" : "chat", container,
		newest ? "ByCreateTimeDesc" : "ByCreateTimeAsc", size);
	if (since > 0 && !thread)
		text_format(&path, "&start_time=%.0f", since);
	if (page) {
		text_puts(&path, "&page_token=");
		http_escape(&path, page);
	}
	feishu_ask(path.at, call);
	text_release(&path);
}

bool
is_own(const struct json *message)
{
	return !strcmp(json_text_or(message, "sender.sender_type", ""), "app")
		&& !strcmp(json_text_or(message, "sender.id", ""), feishu_account());
}

bool
is_in_other_chat(const struct json *message, const char *chat)
{
	return strcmp(json_text_or(message, "chat_id", chat), chat) != 0;
}

double
message_time(const struct json *message)
{
	char *time = json_id(message, "create_time");
	double ms = time ? strtod(time, NULL) : 0;

	free(time);
	return ms;
}
