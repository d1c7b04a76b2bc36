/* SPDX-License-Identifier: MIT */
/*
 * hermes-adapter-feishu: the verbs of hermes-adapter(7), for a bot of Feishu or Lark.
 *
 * A thread begins with a reply, and every later message in it is a reply to its first one.
 * So a fresh thread is two messages, the title and what begins the thread; both bear uuids
 * made of the question, under which Feishu takes them once within an hour. What is asked
 * again later than that is looked for first.
 */
#include "adapter.h"
#include "feishu/feishu.h"
#include "figures.h"
#include "key.h"
#include "die.h"

#include <stdlib.h>
#include <string.h>

enum { TITLE_MOST = 100, KEY_LIFE = 3300, LOOK_PAGES = 20, LOOK_EARLIER = 60 };

const struct adapter_need feishu_needs[] = {
	{"APP_ID", false, true, "the app's id (cli_…), from its page in the developer console"},
	{"APP_SECRET", true, true, "the app's secret, from the same page"},
	{"DOMAIN", false, false, "\"feishu\", or \"lark\" for apps of open.larksuite.com"},
	{"HOME_CHANNEL", false, false, "where handoffs go: a chat (oc_…), or a person (ou_…, e-mail)"},
	{"HOME_CHANNEL_THREAD_ID", false, false, "a thread (omt_…) of that chat"},
	{"BASE_URL", false, false, "another server than https://open.feishu.cn"},
	{"PROXY", true, false, "a proxy: socks5://user:password@host:port or http://host:port"},
	{"CA_FILE", false, false, "certificates to trust in place of the system's"},
	{0}};

/* Whether Feishu may have forgotten the key that an earlier try bore. */
static bool
key_is_old(const struct json *question)
{
	double since = json_number(question, "again.since", clock_now());

	return json_has(question, "again") && clock_now() - since > KEY_LIFE;
}

/*
 * Our own message with those words in a page, which begins with the newest; owned or NULL.
 * *next: the page behind it, where that may hold one as young. Owned or NULL.
 */
static struct json *
find_words(const struct json *page, const char *words, double since, char **next)
{
	struct json *found = NULL;
	bool young = true;

	for (size_t i = 0, n = json_count(page, "items"); i < n && young && !found; i++) {
		struct json *message = json_item(page, "items", i);
		char *said = is_own(message) ? content_words(message) : NULL;

		young = message_time(message) >= since * 1000;
		if (young && said && !strcmp(said, words))
			found = json_copy(message);
		free(said);
		json_free(message);
	}
	*next = young && json_true(page, "has_more") && json_text(page, "page_token")
		? xstrdup(json_text(page, "page_token")) : NULL;
	return found;
}

static bool
cannot_look(struct api_call *call, const char *as)
{
	*call = (struct api_call){.unknown = true, .retry_after = -1,
		.why = xformat("it cannot be looked for, as %s", as)};
	return false;
}

/*
 * Our own message with those words, the newest since the earlier try. False: nobody knows,
 * and `call` says why.
 */
static bool
look_for(const struct json *question, const char *container, const char *words,
	struct json **found, struct api_call *call)
{
	double since = json_number(question, "again.since", 0) - LOOK_EARLIER;
	char *page = NULL;
	int pages = 0;

	*found = NULL;
	if (!is_id(container, "oc_") && !is_id(container, "omt_"))
		return cannot_look(call, "the chat with that person is not known");
	do {
		feishu_list(container, true, since, page, 50, call);
		free(page);
		if (!call->result) {
			call->unknown = true;
			return false;
		}
		*found = find_words(call->result, words, since, &page);
		api_release(call);
	} while (page && !*found && ++pages < LOOK_PAGES);
	free(page);
	return *found || pages < LOOK_PAGES || cannot_look(call, "too much was said there since");
}

/* A message with plain words; `receiver` or NULL for a reply. Owned. */
static struct json *
new_message(const char *words, const char *receiver, char *key)
{
	struct styled styled = {.text = {(char *)words, strlen(words), 0}};
	struct json *body = json_object();

	if (receiver)
		json_put_text(body, "receive_id", receiver);
	put_content(body, &styled);
	json_put_text(body, "uuid", key);
	free(key);
	return body;
}

static void
post_message(const char *receiver, const struct json *body, struct api_call *call)
{
	char *path = xformat("/im/v1/messages?receive_id_type=%s",
		is_id(receiver, "oc_") ? "chat_id" : is_id(receiver, "ou_") ? "open_id" : "email");

	feishu_act(path, body, call);
	free(path);
}

static void
post_reply(const char *root, struct json *body, struct api_call *call)
{
	char *path = xformat("/im/v1/messages/%s/reply", root);

	json_put_true(body, "reply_in_thread", true);
	feishu_act(path, body, call);
	free(path);
}

/* The place, in the chat that a message really stands in. Owned. */
static struct json *
place_now(const struct json *place, const struct json *message)
{
	const char *chat = json_text(message, "chat_id");
	struct json *now = json_copy(place);

	if (chat && is_id(chat, "oc_"))
		json_put_text(now, "chat", chat);
	return now;
}

/* The seed of a thread: sent, or found where an earlier try may have left it. */
static void
plant(const struct json *question, const char *receiver, const char *title, struct api_call *call)
{
	struct json *body, *found = NULL;

	if (key_is_old(question) && !look_for(question, receiver, title, &found, call))
		return;
	if (found) {
		*call = (struct api_call){.result = found, .retry_after = -1};
		return;
	}
	body = new_message(title, receiver, act_key(question, "seed"));
	post_message(receiver, body, call);
	json_free(body);
}

/* Takes `place`. */
static struct json *
stay_home(struct json *place, const char *why, const char *remedy)
{
	return feishu_put_place(answer_home(why, remedy), place);
}

static struct json *
opened(struct json *place, const char *thread)
{
	struct json *answer = json_object();

	json_put_text(answer, "outcome", "opened");
	json_put_text(place, "thread", thread);
	return feishu_put_place(answer, place);
}

/* In a chat that is all topics, the seed is a thread already. */
static struct json *
grow(const struct json *question, const struct json *home, const struct json *seed)
{
	const char *root = json_text(seed, "message_id"), *thread = json_text(seed, "thread_id");
	struct json *place = place_now(home, seed), *body, *answer;
	struct api_call call;

	if (thread)
		return opened(place, thread);
	body = new_message("This conversation goes on here.", NULL, act_key(question, "thread"));
	post_reply(root, body, &call);
	thread = json_text(call.result, "thread_id");
	if (thread)
		answer = opened(place, thread);
	else if (call.result)
		answer = stay_home(place, "this chat has no threads", NULL);
	else if (!call.unknown && (!strcmp(call.class, "request") || !strcmp(call.class, "thread")))
		answer = stay_home(place, call.why, call.remedy);
	else
		answer = api_failure(&call, "not_opened");
	if (!call.result && !json_has(answer, "place"))
		json_free(place);
	json_free(body);
	api_release(&call);
	return answer;
}

static struct json *
answer_thread(const struct json *question)
{
	const char *receiver = json_text_or(question, "place.chat", "");
	char *title = title_line(json_text_or(question, "title", ""), TITLE_MOST);
	struct json *home = json_at(question, "place"), *answer;
	struct api_call call = {0};

	feishu_account();
	if (!is_receiver(receiver)) {
		answer = answer_not("not_opened", "request", "no chat of Feishu's was given", NULL);
	} else {
		plant(question, receiver, title, &call);
		if (!call.result)
			answer = api_failure(&call, "not_opened");
		else if (!is_id(json_text_or(call.result, "message_id", ""), "om_"))
			answer = answer_unknown("Feishu took the title and named no message");
		else
			answer = grow(question, home, call.result);
	}
	json_free(home);
	free(title);
	api_release(&call);
	return answer;
}

/*
 * The first message of a thread of that chat, which all others reply to. Owned; NULL: `call`
 * says why.
 */
static char *
find_root(const char *thread, const char *chat, struct api_call *call)
{
	struct json *first;
	char *root = NULL;
	const char *id;

	feishu_list(thread, false, 0, NULL, 1, call);
	first = call->result ? json_item(call->result, "items", 0) : NULL;
	id = json_text_or(first, "root_id", json_text_or(first, "message_id", ""));
	if (is_in_other_chat(first, chat)) {
		call->class = "thread";
		call->why = xstrdup("that thread is in another chat");
	} else if (is_id(id, "om_")) {
		root = xstrdup(id);
	} else if (call->result || !strcmp(call->code ? call->code : "", "230001")) {
		/* a thread that is not known is a container that is not */
		call->class = "thread";
		if (!call->why)
			call->why = xstrdup("the thread holds nothing any more");
	}
	json_free(first);
	json_free(call->result);
	call->result = NULL;
	return root;
}

static struct json *
text_sent(const struct json *message, const struct json *place, int parts)
{
	const char *id = json_text(message, "message_id");
	struct json *answer, *now;

	if (!id)
		return answer_unknown("Feishu took the text and named no message");
	answer = answer_sent(id, parts);
	now = place_now(place, message);
	if (strcmp(json_text(now, "chat"), json_text(place, "chat")) != 0)
		json_put(answer, "place", now);
	else
		json_free(now);
	return answer;
}

static struct json *
send_part(const struct json *question, const struct styled *part, int parts)
{
	struct json *place = json_at(question, "place"), *body = json_object();
	struct json *found = NULL, *answer;
	const char *chat = json_text(place, "chat"), *thread = json_text(place, "thread");
	char *root = NULL, *key = act_key(question, "send"), *words;
	struct api_call call = {0};
	bool sure = true;

	put_content(body, part);
	json_put_text(body, "uuid", key);
	if (key_is_old(question)) {
		words = content_words(body);
		sure = look_for(question, thread ? thread : chat, words ? words : "", &found, &call);
		free(words);
	}
	if (!sure) {
		answer = api_failure(&call, "not_sent");
	} else if (found) {
		answer = text_sent(found, place, parts);
	} else if (thread && !(root = find_root(thread, chat, &call))) {
		call.unknown = false;
		answer = api_failure(&call, "not_sent");
	} else {
		if (thread) {
			api_release(&call);
			post_reply(root, body, &call);
		} else {
			json_put_text(body, "receive_id", chat);
			post_message(chat, body, &call);
		}
		answer = call.result ? text_sent(call.result, place, parts) : api_failure(&call, "not_sent");
	}
	json_free(found);
	json_free(body);
	json_free(place);
	free(root);
	free(key);
	api_release(&call);
	return answer;
}

static struct json *
answer_send(const struct json *question)
{
	const char *chat = json_text_or(question, "place.chat", "");
	const char *thread = json_text(question, "place.thread");

	feishu_account();
	if (!is_receiver(chat) || (thread && !is_id(thread, "omt_")))
		return answer_not("not_sent", "request", "no chat of Feishu's was given", NULL);
	return message_send(question, &feishu_dialect, send_part);
}

/* What people write there can be read: groups need a scope of their own for that. */
static void
check_readable(struct json *facts, struct json *problems, const char *chat)
{
	struct api_call call;

	feishu_list(chat, true, 0, NULL, 1, &call);
	json_put_true(facts, "home.readable", call.result);
	if (!call.result)
		problem_add(problems, call.why, call.remedy);
	api_release(&call);
	feishu_ask_chat(chat, &call);
	if (*json_text_or(call.result, "name", ""))
		json_put_text(facts, "home.name", json_text(call.result, "name"));
	api_release(&call);
}

static void
check_home(struct json *facts, struct json *problems)
{
	struct json *found = feishu_resolve(NULL);
	const char *chat = json_text(found, "place.chat");

	json_put_true(facts, "home.reachable", chat);
	if (chat)
		json_put_text(facts, "home.kind", json_text(found, "place.kind"));
	if (!chat) {
		home_lost(facts, problems, found);
	} else if (is_id(chat, "oc_")) {
		check_readable(facts, problems, chat);
	} else {
		json_put_true(facts, "home.readable", false);
		problem_add(problems, "home: what that person writes outside of threads is not heard, as "
			"their chat's own id is not known",
			"hand something off, and set FEISHU_HOME_CHANNEL to the chat (oc_…) it went to");
	}
	json_free(found);
}

static struct json *
answer_check(const struct json *question)
{
	struct json *answer = json_object(), *facts = json_object(), *problems = json_array();
	struct api_call me;

	(void)question;
	feishu_ask_bot(&me);
	json_put_text(answer, "account", feishu_account());
	json_put_true(facts, "token", me.result);
	if (me.result) {
		json_put_text(answer, "name", json_text_or(me.result, "app_name", feishu_account()));
		if (json_number(me.result, "activate_status", 2) != 2)
			problem_add(problems, "the app is not active in its tenant",
				"publish a version, and let the tenant's administrator enable it");
		if (adapter_setting("HOME_CHANNEL"))
			check_home(facts, problems);
	} else {
		problem_add(problems, me.why, me.remedy);
	}
	api_release(&me);
	return check_done(answer, facts, problems);
}

static const struct adapter_verb verbs[] = {
	{"check", answer_check}, {"resolve", feishu_resolve},
	{"thread", answer_thread}, {"send", answer_send}, {"poll", feishu_poll}, {NULL, NULL}};

static const struct adapter adapter = {
	.name = "Feishu",
	.summary = "Carry texts to and from Feishu or Lark, through an app's bot.",
	.verbs = verbs, .needs = feishu_needs, .dialect = &feishu_dialect,
	.threads = true, .polling = true, .idempotency = true, .readback = true, .gateway = true
};

int
main(int argc, char **argv)
{
	return adapter_main(argc, argv, &adapter);
}
