/* SPDX-License-Identifier: MIT */
/*
 * Asking Slack's Web API, and what its answers mean. Every method takes a form by POST; a
 * refusal is HTTP 200 with "ok": false and a word that says why. There is no key under
 * which Slack would know a message again, but messages can be read back.
 */
#include "slack.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

static const char mend_token[] = "mend SLACK_BOT_TOKEN: install the app again at "
	"api.slack.com/apps, and copy the Bot User OAuth Token";
static const char invite[] = "look at the channel's id, and type \"/invite @YOUR-BOT\" there";

/* A refusal's words are its code: the first line whose words stand in it. */
static const struct api_meaning meanings[] = {
	{0, "ratelimited", NULL, "transient", NULL},
	{0, "rate_limited", NULL, "transient", NULL},
	{0, "service_unavailable", NULL, "transient", NULL},
	{0, "request_timeout", NULL, "transient", NULL},
	{0, "team_added_to_org", NULL, "transient", NULL},
	{0, "org_login_required", NULL, "transient", NULL},
	{0, "external_channel_migrating", NULL, "transient", NULL},
	{0, "internal_error", NULL, "unknown", NULL},
	{0, "fatal_error", NULL, "unknown", NULL},
	{0, "channel_not_found", NULL, "chat", invite},
	{0, "not_in_channel", NULL, "chat", "type \"/invite @YOUR-BOT\" in the channel"},
	{0, "is_archived", NULL, "chat", "take the channel out of the archive, or choose another"},
	{0, "user_disabled", NULL, "chat", "choose somebody else: that account is closed"},
	{0, "thread_not_found", NULL, "thread", NULL},
	{0, "message_not_found", NULL, "thread", NULL},
	{0, "cannot_reply_to_message", NULL, "thread", NULL},
	{0, "restricted_action_non_threadable_channel", NULL, "thread", NULL},
	{0, "restricted_action_thread_locked", NULL, "thread", NULL},
	{0, NULL, "restricted_action", "config", "let the app post in that channel: ask an "
		"administrator of the workspace"},
	{0, "not_authed", NULL, "config", mend_token},
	{0, "invalid_auth", NULL, "config", mend_token},
	{0, "account_inactive", NULL, "config", mend_token},
	{0, "token_revoked", NULL, "config", mend_token},
	{0, "token_expired", NULL, "config", mend_token},
	{0, "missing_scope", NULL, "config", NULL},
	{0, "not_allowed_token_type", NULL, "config",
		"set SLACK_USER_TOKEN (xoxp-…) to read channels with; SLACK_BOT_TOKEN begins with xoxb-"},
	{0, "messages_tab_disabled", NULL, "config",
		"switch on the Messages Tab at api.slack.com/apps, under App Home"},
	{0, "team_access_not_granted", NULL, "config", "ask an administrator of the workspace"},
	{0, "no_permission", NULL, "config", "ask an administrator of the workspace"},
	{0, "access_denied", NULL, "config", "ask an administrator of the workspace"},
	{0, "ekm_access_denied", NULL, "config", "ask an administrator of the workspace"},
	{0, "unknown_method", NULL, "config", "mend SLACK_BASE_URL"},
	{429, NULL, NULL, "transient", NULL},
	{0}};

static enum api_answer
read_answer(const struct json *answer, struct api_refusal *refusal)
{
	if (json_true(answer, "ok"))
		return API_FINE;
	refusal->code = refusal->words = json_text_or(answer, "error", "");
	return json_has(answer, "ok") && *refusal->code ? API_REFUSED : API_STRANGE;
}

static const struct api_platform slack = {.name = "Slack", .read = read_answer,
	.meanings = meanings, .needs = slack_needs};

const char *
slack_token(void)
{
	return adapter_word("BOT_TOKEN", "copy the Bot User OAuth Token (xoxb-…) from "
		"api.slack.com/apps, OAuth & Permissions");
}

/* Bots may not read everywhere; but a user is not in the bot's direct messages with others. */
static const char *
reader_token(const char *chat)
{
	return *chat != 'D' && adapter_setting("USER_TOKEN")
		? adapter_word("USER_TOKEN", "copy the User OAuth Token (xoxp-…), or unset it") : NULL;
}

void
form_add(struct text *form, const char *name, const char *value)
{
	if (!value)
		return;
	text_format(form, "%s%s=", form->length ? "&" : "", name);
	http_escape(form, value);
}

/* What scope is missing is said beside the refusal. */
static void
name_scope(struct api_call *call)
{
	const char *needed = json_text(call->refusal, "needed");
	char *clean;

	if (!needed || strcmp(call->code, "missing_scope") != 0)
		return;
	clean = api_said(&slack, needed);
	api_advise(call, xformat("give the app the scope %s at api.slack.com/apps, under OAuth & "
		"Permissions, and install it again", clean));
	free(clean);
}

static struct api_call
ask(const char *token, const char *method, const struct text *form, bool repeatable, double limit)
{
	char *base = api_base("https://slack.com/api"), *url = xformat("%s/%s", base, method);
	static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", NULL};
	struct api_request request = {.url = url, .headers = headers, .token = token,
		.body = form->at, .length = form->length, .repeatable = repeatable,
		.limit = limit < adapter_left() ? limit : 0};
	struct api_call call;

	api_ask(&slack, &request, &call);
	name_scope(&call);
	free(url);
	free(base);
	return call;
}

struct api_call
slack_ask(const char *method, struct text *form)
{
	struct api_call call = ask(slack_token(), method, form, true, 0);

	text_release(form);
	return call;
}

static bool
is_outside(const struct api_call *call)
{
	return call->code && (!strcmp(call->code, "channel_not_found")
		|| !strcmp(call->code, "not_in_channel"));
}

struct api_call
slack_read(const char *chat, const char *method, struct text *form, double limit)
{
	const char *reader = reader_token(chat);
	struct api_call call = ask(reader ? reader : slack_token(), method, form, true, limit);

	if (reader && is_outside(&call)) {
		api_release(&call);
		call = ask(slack_token(), method, form, true, limit);
	}
	text_release(form);
	return call;
}

struct api_call
slack_act(const char *method, struct text *form)
{
	struct api_call call = ask(slack_token(), method, form, false, 0);

	text_release(form);
	return call;
}

const struct json *
slack_self(struct api_call *trouble)
{
	static struct json *self;
	struct text form = TEXT_INIT;

	if (self)
		return self;
	*trouble = slack_ask("auth.test", &form);
	if (trouble->result && !json_text(trouble->result, "user_id")) {
		api_release(trouble);
		*trouble = (struct api_call){.class = "transient", .retry_after = -1,
			.why = xstrdup("no answer of Slack's: auth.test does not say who the bot is")};
	}
	if (!trouble->result)
		return NULL;
	self = json_copy(trouble->result);
	api_release(trouble);
	return self;
}
