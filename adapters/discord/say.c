/* SPDX-License-Identifier: MIT */
/*
 * Writing to Discord so that it is there once. A nonce, enforced, does it for a few minutes;
 * after that the channel is read back. A thread hangs on a message of ours: asked for twice,
 * its seed is the same message, and a message has one thread, whose id is its own.
 *
 * A thread opened without a message is private unless it says otherwise, and nothing finds
 * it again: only forums, which have no other way, are asked for one.
 */
#include "discord.h"

#include "die.h"
#include "figures.h"
#include "key.h"

#include <stdlib.h>
#include <string.h>

enum { NONCE_KEPT = 180, PAGE = 100, PAGES = 10, NAME_LIMIT = 100 };
enum { CLOCKS_DIFFER = 60, CLOCKS_AGREE = 2 }; /* seconds, at most and as a rule */
enum { TAG_REQUIRED = 1 << 4, NO_PREVIEWS = 1 << 2, A_WEEK = 10080 };

/* Owned. */
static struct json *
message_body(const char *words)
{
	struct json *body = json_object();

	json_put_text(body, "content", words);
	json_put(body, "allowed_mentions.parse", json_array());
	json_put_number(body, "flags", NO_PREVIEWS);
	return body;
}

static struct api_call
post(const char *channel, const char *words, const char *nonce)
{
	struct json *body = message_body(words);

	json_put_text(body, "nonce", nonce);
	json_put_true(body, "enforce_nonce", true);
	return discord_act_keyed(body, "/channels/%s/messages", channel);
}

/* What an earlier try may have written. */
struct trace {
	const char *channel, *account, *words, *nonce;
	double since;
};

/* Ours, with our nonce; where Discord shows none, with our words. */
static bool
is_trace(const struct trace *trace, const struct json *message)
{
	const char *nonce = json_text(message, "nonce");

	if (strcmp(json_text_or(message, "author.id", ""), trace->account))
		return false;
	return nonce ? !strcmp(nonce, trace->nonce)
		: same_words(json_text_or(message, "content", ""), trace->words);
}

/* Older than the try, by the clocks: the same may have been said twice, so it proves nothing. */
static bool
is_older(const char *id, double since)
{
	return snowflake_time(id) < since - CLOCKS_AGREE;
}

struct search {
	char *after; /* the newest message that was shown */
	char *found; /* what the try wrote */
	bool doubtful;
};

static void
search_page(const struct trace *trace, const struct json *page, struct search *search)
{
	for (size_t i = 0, n = json_count(page, ""); i < n && !search->found; i++) {
		struct json *message = json_item(page, "", i);
		const char *id = json_text_or(message, "id", "");

		if (is_snowflake(id) && is_trace(trace, message)) {
			if (!json_text(message, "nonce") && is_older(id, trace->since))
				search->doubtful = true;
			else
				search->found = xstrdup(id);
		}
		if (is_snowflake(id) && snowflake_compare(id, search->after) > 0) {
			free(search->after);
			search->after = xstrdup(id);
		}
		json_free(message);
	}
}

/* Without the right to read its history, a channel is an empty list. */
static bool
hides_more(const char *channel, const char *after)
{
	struct api_call call = discord_get("/channels/%s", channel);
	const char *newest = json_text_or(call.result, "last_message_id", "0");
	bool more = !call.result || (is_snowflake(newest) && snowflake_compare(newest, after) > 0);

	api_release(&call);
	return more;
}

/* Why it may be there although it was not found; NULL: it is not. */
static const char *
doubt(const struct trace *trace, const struct search *search)
{
	if (search->doubtful)
		return "the same words were said there shortly before";
	return hides_more(trace->channel, search->after) ? "not all that was said there is shown" : NULL;
}

/* The id of what an earlier try wrote, owned; else NULL, and *call if that cannot be known. */
static char *
look_back(const struct trace *trace, struct api_call *call)
{
	struct search search = {.after = snowflake_at(trace->since - CLOCKS_DIFFER)};
	const char *why;
	bool more = true;

	for (int page = 0; page < PAGES && more; page++) {
		*call = discord_get("/channels/%s/messages?limit=%d&after=%s", trace->channel, PAGE,
			search.after);
		if (!json_is_array(call->result))
			break;
		search_page(trace, call->result, &search);
		more = !search.found && json_count(call->result, "") == PAGE;
		api_release(call);
	}
	if (call->result)
		call->why = xstrdup("no answer of Discord's");
	else if (!search.found && !call->why && (why = doubt(trace, &search)))
		*call = (struct api_call){.why = xstrdup(why), .retry_after = -1};
	free(search.after);
	return search.found;
}

/* Post, unless an earlier try did. The id of the message, owned; NULL: *call says why. */
static char *
post_once(const struct trace *trace, bool again, struct api_call *call)
{
	const char *id;
	char *found = NULL;

	*call = (struct api_call){0};
	if (again && clock_now() - trace->since > NONCE_KEPT) {
		found = look_back(trace, call);
		if (found)
			return found;
		call->unknown = call->why; /* the earlier try stays what it was */
		if (call->why)
			return NULL;
	}
	*call = post(trace->channel, trace->words, trace->nonce);
	id = json_text_or(call->result, "id", "");
	if (is_snowflake(id) && !strcmp(json_text_or(call->result, "channel_id", trace->channel),
			trace->channel))
		return xstrdup(id);
	if (call->result) {
		call->unknown = true;
		call->why = xstrdup("Discord took the text and named no message of this channel");
	}
	return NULL;
}

/* Takes `id`. */
static struct json *
text_sent(char *id, const struct api_call *call, int parts)
{
	struct json *answer = answer_sent(id, parts);

	if (call->rest > 0) {
		json_put_number(answer, "rest", call->rest);
		json_put_text(answer, "scope", "chat");
	}
	free(id);
	return answer;
}

static bool
open_again(const char *thread)
{
	struct json *body = json_object();
	struct api_call call;
	bool opened;

	json_put_true(body, "archived", false);
	call = discord_act("PATCH", body, "/channels/%s", thread);
	opened = call.result;
	api_release(&call);
	return opened;
}

static struct json *
send_part(const struct json *question, const struct styled *part, int parts)
{
	struct json *place = json_at(question, "place"), *answer;
	char *words = message_written(&discord_dialect, part);
	char *nonce = act_key(question, "send"), *id;
	struct trace trace = {json_text(place, "chat"), json_text_or(place, "account", ""), words,
		nonce, json_number(question, "again.since", 0)};
	struct api_call call;

	id = post_once(&trace, json_has(question, "again"), &call);
	if (!id && discord_refused(&call, "50083") && open_again(trace.channel)) {
		api_release(&call);
		id = post_once(&trace, false, &call);
	}
	answer = id ? text_sent(id, &call, parts) : discord_failure(&call, place, "not_sent");
	api_release(&call);
	json_free(place);
	free(words);
	free(nonce);
	return answer;
}

struct json *
discord_send(const struct json *question)
{
	discord_ready();
	return is_snowflake(json_text_or(question, "place.chat", ""))
		? message_send(question, &discord_dialect, send_part)
		: answer_not("not_sent", "request", "no place of Discord's was given", NULL);
}

/* A thread to be opened. */
struct opening {
	const struct json *question, *home; /* the channel, as Discord tells it */
	const char *channel, *account, *name;
	bool again;
};

static struct json *
stay_home(const struct opening *opening, const char *why, const char *remedy)
{
	struct json *answer = answer_home(why, remedy);

	json_put(answer, "place", channel_place(opening->home, opening->account));
	json_put(answer, "audience", channel_audience(opening->home, opening->account));
	return answer;
}

/* Who reads the channel reads its threads. */
static struct json *
opened(const struct opening *opening, const char *id)
{
	struct json *answer = json_object(), *thread = json_object();

	json_put_text(thread, "id", id);
	json_put_number(thread, "type", THREAD_PUBLIC);
	json_put_text(thread, "guild_id", json_text_or(opening->home, "guild_id", ""));
	json_put_text(answer, "outcome", "opened");
	json_put(answer, "place", channel_place(thread, opening->account));
	json_put(answer, "audience", channel_audience(opening->home, opening->account));
	json_free(thread);
	return answer;
}

/* No thread can be had in this channel: that is no reason not to speak there. */
static struct json *
not_opened(const struct opening *opening, const struct api_call *call)
{
	bool ours = call->refusal && !call->unknown
		&& (!strcmp(call->class, "config") || !strcmp(call->class, "request"))
		&& call->status != 401;

	return ours && !is_forum(opening->home) ? stay_home(opening, call->why, call->remedy)
		: discord_failure(call, NULL, "not_opened");
}

/* The seed says what the thread is called, and nothing else. Owned. */
static char *
seed_words(const char *name)
{
	struct styled styled = STYLED_INIT;
	char *words;

	text_puts(&styled.text, name);
	words = message_written(&discord_dialect, &styled);
	styled_release(&styled);
	return words;
}

static struct json *
open_at_seed(const struct opening *opening, const char *seed)
{
	struct json *body = json_object(), *answer;
	struct api_call call, gone;

	json_put_text(body, "name", opening->name);
	json_put_number(body, "auto_archive_duration", A_WEEK);
	call = discord_act_keyed(body, "/channels/%s/messages/%s/threads", opening->channel, seed);
	if (call.result || discord_refused(&call, "160004")) {
		answer = opened(opening, seed);
	} else if (discord_refused(&call, "10008")) {
		answer = answer_not("not_opened", "transient",
			"the message that the thread was to begin with was deleted", NULL);
	} else {
		answer = not_opened(opening, &call);
		if (!strcmp(json_text_or(answer, "outcome", ""), "home")) {
			gone = discord_act("DELETE", NULL, "/channels/%s/messages/%s", opening->channel,
				seed);
			api_release(&gone);
		}
	}
	api_release(&call);
	return answer;
}

static struct json *
open_in_channel(const struct opening *opening)
{
	char *nonce = act_key(opening->question, "thread"), *words = seed_words(opening->name), *seed;
	struct trace trace = {opening->channel, opening->account, words, nonce,
		json_number(opening->question, "again.since", 0)};
	struct api_call call;
	struct json *answer;

	seed = post_once(&trace, opening->again, &call);
	answer = seed ? open_at_seed(opening, seed) : discord_failure(&call, NULL, "not_opened");
	api_release(&call);
	free(seed);
	free(words);
	free(nonce);
	return answer;
}

/* Ours, of that name, in this forum, and not much older than the earlier try. */
static bool
is_our_post(const struct opening *opening, const struct json *thread)
{
	double since = json_number(opening->question, "again.since", 0) - CLOCKS_DIFFER;

	return !strcmp(json_text_or(thread, "parent_id", ""), opening->channel)
		&& !strcmp(json_text_or(thread, "owner_id", ""), opening->account)
		&& !strcmp(json_text_or(thread, "name", ""), opening->name)
		&& is_snowflake(json_text_or(thread, "id", ""))
		&& snowflake_time(json_text(thread, "id")) >= since;
}

/* The answer, if an earlier try posted, or that cannot be known; else NULL. */
static struct json *
find_post(const struct opening *opening)
{
	struct api_call call = discord_get("/guilds/%s/threads/active",
		json_text_or(opening->home, "guild_id", "0"));
	double since = json_number(opening->question, "again.since", 0);
	struct json *answer = NULL;

	if (!call.result) {
		call.unknown = true;
		answer = api_failure(&call, "unknown");
	}
	for (size_t i = 0, n = json_count(call.result, "threads"); i < n && !answer; i++) {
		struct json *thread = json_item(call.result, "threads", i);

		if (is_our_post(opening, thread))
			answer = is_older(json_text(thread, "id"), since)
				? answer_unknown("a post of the same name was made there shortly before")
				: opened(opening, json_text(thread, "id"));
		json_free(thread);
	}
	api_release(&call);
	return answer;
}

/* A forum may want each post to have a tag: the first that anybody may use. */
static void
put_tag(struct json *body, const struct json *forum)
{
	struct json *tags = json_array();

	for (size_t i = 0, n = json_count(forum, "available_tags"); i < n && !json_count(tags, ""); i++) {
		struct json *tag = json_item(forum, "available_tags", i);
		const char *id = json_text(tag, "id");

		if (id && !json_true(tag, "moderated"))
			json_append_text(tags, id);
		json_free(tag);
	}
	if (json_whole(forum, "flags", 0) & TAG_REQUIRED && json_count(tags, ""))
		json_put(body, "applied_tags", tags);
	else
		json_free(tags);
}

static struct json *
open_in_forum(const struct opening *opening)
{
	struct json *body = json_object(), *answer = opening->again ? find_post(opening) : NULL;
	char *words = seed_words(opening->name);
	struct api_call call;

	json_put_text(body, "name", opening->name);
	json_put_number(body, "auto_archive_duration", A_WEEK);
	json_put(body, "message", message_body(words));
	put_tag(body, opening->home);
	free(words);
	if (answer) {
		json_free(body);
		return answer;
	}
	call = discord_act("POST", body, "/channels/%s/threads", opening->channel);
	if (is_snowflake(json_text_or(call.result, "id", "")))
		answer = opened(opening, json_text(call.result, "id"));
	else
		answer = call.result ? answer_unknown("Discord opened a post and did not say which")
			: not_opened(opening, &call);
	api_release(&call);
	return answer;
}

/* Beside a thread is in its parent. Takes `channel`; NULL: *trouble says why (owned). */
static struct json *
threads_home(struct json *channel, struct json **trouble)
{
	struct json *question = json_object(), *parent;

	if (!is_thread(channel)) {
		json_free(question);
		return channel;
	}
	json_put_text(question, "chat", json_text_or(channel, "parent_id", ""));
	parent = find_channel(question, trouble);
	json_free(question);
	json_free(channel);
	return parent;
}

static struct json *
open_thread(struct opening *opening)
{
	enum channel_type type = channel_type(opening->home);
	char *name;
	struct json *answer;

	opening->channel = json_text(opening->home, "id");
	opening->again = json_has(opening->question, "again");
	opening->name = name = title_line(json_text_or(opening->question, "title", ""), NAME_LIMIT);
	if (is_forum(opening->home))
		answer = open_in_forum(opening);
	else if (type == CHANNEL_TEXT || type == CHANNEL_NEWS)
		answer = open_in_channel(opening);
	else
		answer = stay_home(opening, type == CHANNEL_DM ? "a direct chat has no threads"
			: "a channel of that kind has no threads", NULL);
	free(name);
	return answer;
}

struct json *
discord_thread(const struct json *question)
{
	struct json *place = json_at(question, "place"), *trouble = NULL, *home = NULL, *answer;
	struct opening opening = {.question = question};
	char *account = NULL;

	discord_ready();
	if (!is_snowflake(json_text_or(place, "chat", "")))
		trouble = answer_not("not_opened", "request", "no place of Discord's was given", NULL);
	else if ((account = find_account(&trouble)) && (home = find_channel(place, &trouble)))
		home = threads_home(home, &trouble);
	if (home) {
		opening.home = home;
		opening.account = account;
		answer = open_thread(&opening);
	} else {
		answer = json_at(trouble, "error");
		if (answer)
			json_put_text(answer, "outcome", "not_opened");
		else
			answer = json_copy(trouble);
	}
	json_free(trouble);
	json_free(home);
	json_free(place);
	free(account);
	return answer;
}
