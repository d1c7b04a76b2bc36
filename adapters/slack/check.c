/* SPDX-License-Identifier: MIT */
/*
 * What is missing. Slack says in a header which scopes a token has; whether a home can be
 * read is tried out, as that depends on the kind of the home, too.
 */
#include "slack.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

/* A list that names chat:write, or none: then Slack will say so when something is sent. */
static bool
may_write(const struct api_call *call)
{
	const char *scopes = api_header(call, "X-OAuth-Scopes");

	return !scopes || strstr(scopes, "chat:write");
}

static void
check_readable(struct json *facts, struct json *problems, const char *chat)
{
	struct text form = TEXT_INIT;
	struct api_call call;

	form_add(&form, "channel", chat);
	form_add(&form, "limit", "1");
	call = slack_read(chat, "conversations.history", &form, 0);
	if (call.result) {
		json_put_true(facts, "home.readable", true);
	} else if (call.retry_after < 0) { /* a limit tells nothing */
		char *what = xformat("home: what people write there cannot be read: %s", call.why);

		json_put_true(facts, "home.readable", false);
		problem_add(problems, what, call.remedy);
		free(what);
	}
	api_release(&call);
}

static void
check_member(struct json *facts, struct json *problems, const struct json *self,
	const struct json *channel, bool writes)
{
	bool dead = json_true(channel, "is_archived");
	bool in = json_true(channel, "is_im") || json_true(channel, "is_member");
	char *remedy = xformat("type \"/invite @%s\" there", json_text_or(self, "user", "YOUR-BOT"));

	json_put_true(facts, "home.reachable", writes && in && !dead);
	json_put_true(facts, "home.threads", writes && in && !dead);
	if (json_text(channel, "name"))
		json_put_text(facts, "home.name", json_text(channel, "name"));
	if (dead)
		problem_add(problems, "home: it is archived", "take it out, or choose another");
	else if (!in)
		problem_add(problems, "home: the bot is not a member", remedy);
	free(remedy);
}

static void
check_place(struct json *facts, struct json *problems, const struct json *self,
	const struct json *found, bool writes)
{
	const char *chat = json_text(found, "place.chat");
	struct json *names = json_at(found, "audience.names"), *channel;
	struct text form = TEXT_INIT;
	struct api_call call;

	json_put_text(facts, "home.kind", json_text_or(found, "place.kind", "group"));
	if (*chat == 'D' && json_count(names, ""))
		json_put(facts, "home.name", json_item(names, "", 0));
	form_add(&form, "channel", chat);
	call = slack_ask("conversations.info", &form);
	channel = json_at(call.result, "channel");
	if (channel)
		check_member(facts, problems, self, channel, writes);
	else
		problem_add(problems, call.why ? call.why : "Slack does not tell of its home", call.remedy);
	check_readable(facts, problems, chat);
	json_free(channel);
	json_free(names);
	api_release(&call);
}

static void
check_home(struct json *facts, struct json *problems, const struct json *self, bool writes)
{
	struct json *found = slack_resolve(NULL);

	if (json_text(found, "place.chat"))
		check_place(facts, problems, self, found, writes);
	else
		home_lost(facts, problems, found);
	json_free(found);
}

static void
check_self(struct json *answer, struct json *facts, struct json *problems)
{
	struct text form = TEXT_INIT;
	struct api_call call = slack_ask("auth.test", &form);
	bool known = json_text(call.result, "user_id"), writes = may_write(&call);

	json_put_true(facts, "token", known);
	if (known) {
		json_put_text(answer, "account", json_text(call.result, "user_id"));
		json_put_text(answer, "name", json_text_or(call.result, "user", "?"));
		json_put_text(facts, "workspace", json_text_or(call.result, "team", "?"));
		if (!writes)
			problem_add(problems, "the bot may not write: missing_scope",
				"give the app the scope chat:write at api.slack.com/apps, under OAuth & "
				"Permissions, and install it again");
		if (adapter_setting("HOME_CHANNEL"))
			check_home(facts, problems, call.result, writes);
	} else {
		problem_add(problems, call.why ? call.why : "no answer of Slack's", call.remedy);
	}
	api_release(&call);
}

struct json *
slack_check(const struct json *question)
{
	struct json *answer = json_object(), *facts = json_object(), *problems = json_array();

	(void)question;
	check_self(answer, facts, problems);
	return check_done(answer, facts, problems);
}
