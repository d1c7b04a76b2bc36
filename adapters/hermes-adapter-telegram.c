/* SPDX-License-Identifier: MIT */
/*
 * hermes-adapter-telegram: the verbs of hermes-adapter(7), for a Telegram bot.
 *
 * Two surprises shape it. A topic that Telegram does not know is an error in a forum, but
 * elsewhere it is ignored and the text lands in the main chat: so the topic that a reply
 * names is compared with the one asked for. And update ids may jump back after a quiet
 * week: so the cursor is the last id seen plus one, and no id is ever compared with it.
 */
#include "adapter.h"
#include "die.h"
#include "figures.h"
#include "telegram/telegram.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_LIMIT = 128, WAIT_MOST = 50, BATCH = 100 };

const struct adapter_need telegram_needs[] = {
	{"BOT_TOKEN", true, true, "the bot's token, from @BotFather"},
	{"HOME_CHANNEL", false, false, "the chat that handoffs go to: its id, or @name"},
	{"HOME_CHANNEL_THREAD_ID", false, false, "a topic of that chat"},
	{"BASE_URL", false, false, "another Bot API server than https://api.telegram.org"},
	{"PROXY", true, false, "a proxy: socks5://user:password@host:port or http://host:port"},
	{"CA_FILE", false, false, "certificates to trust in place of the system's"},
	{0}};

/* The place, with the chat's new id if it has moved: a chat that moves has no topics. Owned. */
static struct json *
place_now(const struct json *place, const char *moved)
{
	struct json *now = json_copy(place);

	if (moved) {
		json_put_text(now, "chat", moved);
		json_drop(now, "thread");
		json_drop(now, "link");
	}
	return now;
}

/* The answer for an act that failed. What Telegram itself puts off, it puts off in that chat. */
static struct json *
act_failed(const struct api_call *call, const char *outcome)
{
	struct json *answer = api_failure(call, outcome);

	if (call->refusal && call->retry_after >= 0)
		json_put_text(answer, "scope", "chat");
	return answer;
}

/* Takes `place`. */
static struct json *
stay_home(struct json *place, const char *why, const char *remedy)
{
	return put_place(answer_home(why, remedy), place);
}

static struct json *
topic_opened(struct json *place, const struct json *topic, bool again)
{
	struct json *answer;
	char *thread = json_id(topic, "message_thread_id");

	if (!thread) {
		json_free(place);
		return answer_unknown("Telegram opened a topic and did not say which");
	}
	answer = json_object();
	json_put_text(answer, "outcome", "opened");
	if (again)
		json_put_text(answer, "why", "Telegram cannot list topics, so another one was opened; "
			"an empty one of the earlier try may be there too");
	json_put_text(place, "thread", thread);
	free(thread);
	return put_place(answer, place);
}

static struct json *
answer_thread(const struct json *question)
{
	const char *title = json_text_or(question, "title", "");
	struct json *home = json_at(question, "place"), *arguments, *answer;
	struct api_call call;
	char *name, *moved;

	if (!json_text(home, "chat")) {
		json_free(home);
		return answer_not("not_opened", "request", "no place was given", NULL);
	}
	if (!strcmp(json_text_or(home, "kind", ""), "channel"))
		return stay_home(home, "a channel has no topics", NULL);
	name = title_line(title, NAME_LIMIT);
	arguments = chat_arguments(json_text(home, "chat"));
	json_put_text(arguments, "name", name);
	call = telegram_act("createForumTopic", arguments, &moved);
	if (call.result)
		answer = topic_opened(place_now(home, moved), call.result, json_has(question, "again"));
	else if (call.refusal && call.status == 400 && strcmp(call.class, "chat") != 0)
		answer = stay_home(place_now(home, moved), call.why, call.remedy); /* no topics for us */
	else
		answer = act_failed(&call, "not_opened");
	free(name);
	free(moved);
	api_release(&call);
	json_free(home);
	return answer;
}

/*
 * The text stands in the main chat, as its topic is gone. That is not where it was to be
 * said: it is taken back, the thread is what is wrong, and the answer says how that went.
 */
static struct json *
misplaced(const char *chat, const char *message)
{
	struct json *arguments = chat_arguments(chat), *answer;
	struct api_call call;

	json_put_number(arguments, "message_id", strtod(message, NULL));
	call = telegram_ask("deleteMessage", arguments, adapter_left());
	answer = answer_not("not_sent", "thread", json_true(call.result, "")
		? "the topic is gone: Telegram put the text into the main chat, and it was deleted there"
		: "the topic is gone: Telegram put the text into the main chat, where it still stands",
		NULL);
	api_release(&call);
	return answer;
}

/* General is not found by its number. */
static const char *
sent_thread(const struct json *place)
{
	const char *thread = json_text(place, "thread");

	return thread && strcmp(thread, "1") != 0 ? thread : NULL;
}

static struct json *
text_sent(const struct json *message, const struct json *place, const char *moved, int parts)
{
	char *id = json_id(message, "message_id");
	char *there = json_id(message, "message_thread_id");
	const char *thread = sent_thread(place);
	struct json *answer;

	if (!id) {
		answer = answer_unknown("Telegram took the text and named no message");
	} else if (thread && !moved && (!there || strcmp(there, thread) != 0)) {
		answer = misplaced(json_text(place, "chat"), id);
	} else {
		answer = answer_sent(id, parts);
		if (moved)
			json_put(answer, "place", place_now(place, moved));
	}
	free(id);
	free(there);
	return answer;
}

static struct api_call
ask_send(const struct json *place, const struct styled *part, bool styles, char **moved)
{
	const char *thread = sent_thread(place);
	struct json *arguments = chat_arguments(json_text(place, "chat"));

	put_part(arguments, part, styles);
	json_put_true(arguments, "link_preview_options.is_disabled", true);
	if (thread)
		json_put_number(arguments, "message_thread_id", strtod(thread, NULL));
	return telegram_act("sendMessage", arguments, moved);
}

/* Where Telegram refuses the styles, the words go alone. */
static struct json *
send_part(const struct json *question, const struct styled *part, int parts)
{
	struct json *place = json_at(question, "place"), *answer;
	char *moved;
	struct api_call call = ask_send(place, part, true, &moved);

	if (part->count && refused_styles(&call)) {
		free(moved);
		api_release(&call);
		call = ask_send(place, part, false, &moved);
	}
	answer = call.result ? text_sent(call.result, place, moved, parts)
		: act_failed(&call, "not_sent");
	free(moved);
	api_release(&call);
	json_free(place);
	return answer;
}

static struct json *
answer_send(const struct json *question)
{
	return json_text(question, "place.chat")
		? message_send(question, &telegram_dialect, send_part)
		: answer_not("not_sent", "request", "no place was given", NULL);
}

/*
 * Who speaks: a chat that speaks for itself (anonymous administrators, channels), or a
 * human; NULL for bots. Owned.
 */
static struct json *
speaker(const struct json *message)
{
	struct json *chat = json_at(message, "sender_chat"), *from = json_at(message, "from");
	const struct json *who = chat ? chat : from;
	char *id = json_id(who, "id"), *name = full_name(who);
	struct json *user = NULL;

	if (id && (chat || !json_true(from, "is_bot"))) {
		user = json_object();
		json_put_text(user, "id", id);
		json_put_text(user, "name", name);
	}
	free(id);
	free(name);
	json_free(chat);
	json_free(from);
	return user;
}

/* Where it was said. A thread of replies in a group without topics is no topic. Owned. */
static struct json *
spoken_place(const struct json *message, const struct json *user)
{
	bool topic = json_true(message, "is_topic_message");
	char *thread = topic ? json_id(message, "message_thread_id") : NULL;
	struct json *chat = json_at(message, "chat"), *place = chat_place(chat, thread);

	if (!json_text(place, "user"))
		json_put_text(place, "user", json_text(user, "id"));
	free(thread);
	json_free(chat);
	return place;
}

/* What is answered. In a topic, Telegram says that of the topic's beginning: that is none. */
static void
put_reply_to(struct json *event, const struct json *message)
{
	char *id = json_id(message, "reply_to_message.message_id");

	if (id && strcmp(id, json_text_or(event, "place.thread", "")) != 0)
		json_put_text(event, "reply_to", id);
	free(id);
}

/*
 * The event that a message is, owned; NULL for what says nothing to us. What a channel's post
 * becomes in the group that discusses it is the channel's, and may be our own.
 */
static struct json *
make_event(const struct json *message)
{
	struct json *text = json_at(message, "text"), *user = speaker(message), *event = NULL;
	char *id = json_id(message, "message_id");

	if (!text)
		text = json_at(message, "caption");
	if (id && text && user && json_has(message, "chat.id")
		&& !json_true(message, "is_automatic_forward")) {
		event = json_object();
		json_put_text(event, "message", id);
		json_put(event, "place", spoken_place(message, user));
		json_put(event, "user", json_copy(user));
		json_put(event, "text", json_copy(text));
		json_put_number(event, "at", json_number(message, "date", clock_now()));
		put_reply_to(event, message);
	}
	free(id);
	json_free(text);
	json_free(user);
	return event;
}

/* A group that becomes a supergroup says its other id in both. */
static void
add_move(struct json *moved, const struct json *message)
{
	char *here = json_id(message, "chat.id"), *to = json_id(message, "migrate_to_chat_id");
	char *from = json_id(message, "migrate_from_chat_id");
	struct json *move;

	if (here && (from || to)) {
		move = json_object();
		json_put_text(move, "from", from ? from : here);
		json_put_text(move, "to", to ? to : here);
		json_append(moved, move);
	}
	free(here);
	free(from);
	free(to);
}

/* The events, and the cursor behind the last update, whatever its id. Owned. */
static struct json *
make_batch(const struct json *updates, const char *cursor)
{
	struct json *answer = json_object(), *events = json_array(), *moved = json_array();
	double next = -1;

	for (size_t i = 0, n = json_count(updates, ""); i < n; i++) {
		struct json *update = json_item(updates, "", i), *message = json_at(update, "message");
		struct json *event;

		if (!message)
			message = json_at(update, "channel_post");
		event = message ? make_event(message) : NULL;
		add_move(moved, message);
		next = json_number(update, "update_id", next - 1) + 1;
		if (event)
			json_append(events, event);
		json_free(message);
		json_free(update);
	}
	json_put(answer, "events", events);
	if (json_count(moved, ""))
		json_put(answer, "moved", json_copy(moved));
	json_free(moved);
	if (next >= 0 && next < 0x1p53)
		json_put_id(answer, "cursor", (long long)next);
	else if (cursor)
		json_put_text(answer, "cursor", cursor);
	return answer;
}

/* Edits are not asked for: each would be a second event for what may be answered already. */
static struct json *
poll_arguments(const char *cursor, double wait)
{
	struct json *arguments = json_object(), *kinds = json_array();

	json_append_text(kinds, "message");
	json_append_text(kinds, "channel_post");
	json_put(arguments, "allowed_updates", kinds);
	json_put_number(arguments, "timeout", (double)(int)wait);
	json_put_number(arguments, "limit", BATCH);
	if (cursor)
		json_put_number(arguments, "offset", strtod(cursor, NULL));
	return arguments;
}

static struct json *
answer_poll(const struct json *question)
{
	const char *cursor = json_text(question, "cursor");
	double wait = json_number(question, "wait", 0);
	struct json *answer;
	struct api_call call;

	if (cursor && (!*cursor || cursor[strspn(cursor, "0123456789")]))
		return answer_error("request", "the cursor is not one of Telegram's", NULL);
	wait = wait > 0 ? wait < WAIT_MOST ? wait : WAIT_MOST : 0;
	/* Telegram may hold even a quick question for some seconds. */
	call = telegram_ask("getUpdates", poll_arguments(cursor, wait), wait + 10);
	if (call.result && !json_is_array(call.result))
		answer = answer_error("transient", "no answer of Telegram's", NULL);
	else
		answer = call.result ? make_batch(call.result, cursor) : api_error(&call);
	api_release(&call);
	return answer;
}

/* Whether the bot's messages can be polled. */
static bool
check_webhook(struct json *problems)
{
	struct api_call call = telegram_ask("getWebhookInfo", json_object(), adapter_left());
	bool taken = *json_text_or(call.result, "url", "");

	if (taken)
		problem_add(problems, "a webhook takes this bot's messages, so it cannot be polled",
			"call deleteWebhook, or use a second bot");
	api_release(&call);
	return !taken;
}

/* Whether anything reaches the home: that the bot is blocked there, only an act tells. */
static bool
is_reached(struct json *facts, struct json *problems, const char *chat)
{
	struct json *arguments = chat_arguments(chat);
	struct api_call call;
	bool dead;

	json_put_text(arguments, "action", "typing");
	call = telegram_ask("sendChatAction", arguments, adapter_left());
	dead = !call.result && !strcmp(call.class, "chat");
	if (dead) {
		json_put_true(facts, "home.reachable", false);
		problem_add(problems, call.why, call.remedy);
	}
	api_release(&call);
	return !dead;
}

/* What the bot may do in a home that is a group or a channel. Whether it hears what is said there. */
static bool
put_rights(struct json *facts, const struct json *home, const struct json *member)
{
	const char *status = json_text_or(member, "status", "unknown");
	bool channel = !strcmp(json_text_or(home, "type", ""), "channel");
	bool owner = !strcmp(status, "creator"), admin = owner || !strcmp(status, "administrator");
	bool writes = channel ? owner || json_true(member, "can_post_messages")
		: admin || !strcmp(status, "member") || json_true(member, "can_send_messages");
	bool hears = admin || (!channel && json_true(facts, "reads_groups"));

	json_put_true(facts, "home.threads", json_true(home, "is_forum")
		&& (owner || json_true(member, "can_manage_topics")));
	json_put_true(facts, "home.reachable", writes);
	if (!hears)
		json_put_true(facts, "home.readable", false);
	return hears;
}

static void
check_rights(struct json *facts, struct json *problems, const struct json *home, const char *chat)
{
	struct json *arguments = chat_arguments(chat);
	char *account = telegram_account();
	struct api_call call;
	bool hears;

	json_put_number(arguments, "user_id", strtod(account, NULL));
	call = telegram_ask("getChatMember", arguments, adapter_left());
	json_put_text(facts, "home.name", json_text_or(home, "title", chat));
	hears = put_rights(facts, home, call.result);
	if (!call.result)
		problem_add(problems, call.why, call.remedy);
	else if (!json_true(facts, "home.reachable"))
		problem_add(problems, "the bot may not write in its home",
			"make it an administrator there, with the right to post messages");
	else if (!hears)
		problem_add(problems, "privacy mode hides from the bot what people write in its home",
			"make it an administrator there; or turn privacy mode off in @BotFather, and "
			"add the bot to the group again");
	if (call.result && json_true(home, "is_forum") && !json_true(facts, "home.threads"))
		problem_add(problems, "the bot may not open topics in its home",
			"make it an administrator there, with the right to manage topics");
	api_release(&call);
	free(account);
}

static void
check_home(struct json *facts, struct json *problems, bool polled)
{
	struct json *found = telegram_resolve(NULL), *first;
	const char *chat = json_text(found, "place.chat"), *kind = json_text(found, "place.kind");
	struct api_call call;

	if (!chat) {
		home_lost(facts, problems, found);
	} else {
		first = json_item(found, "audience.names", 0);
		json_put_text(facts, "home.name", json_text_or(first, "", chat));
		json_put_text(facts, "home.kind", kind);
		json_put_true(facts, "home.reachable", true);
		json_put_true(facts, "home.threads", !strcmp(kind, "dm") && json_true(facts, "topics"));
		json_put_true(facts, "home.readable", polled);
		json_free(first);
		if (!strcmp(kind, "channel")
			|| (is_reached(facts, problems, chat) && strcmp(kind, "dm") != 0)) {
			call = telegram_ask("getChat", chat_arguments(chat), adapter_left());
			check_rights(facts, problems, call.result, chat);
			api_release(&call);
		}
	}
	json_free(found);
}

static struct json *
answer_check(const struct json *question)
{
	struct api_call me = telegram_ask("getMe", json_object(), adapter_left());
	struct json *answer = json_object(), *facts = json_object(), *problems = json_array();
	char *account = telegram_account();
	bool polled;

	(void)question;
	json_put_text(answer, "account", account);
	if (me.result) {
		json_put_text(answer, "name", json_text_or(me.result, "username", account));
		json_put_true(facts, "topics", json_true(me.result, "has_topics_enabled"));
		json_put_true(facts, "reads_groups", json_true(me.result, "can_read_all_group_messages"));
		json_put_true(facts, "token", true);
		polled = check_webhook(problems);
		if (adapter_setting("HOME_CHANNEL"))
			check_home(facts, problems, polled);
	} else {
		if (!strcmp(me.class, "config"))
			json_put_true(facts, "token", false);
		problem_add(problems, me.why, me.remedy);
	}
	free(account);
	api_release(&me);
	return check_done(answer, facts, problems);
}

static const struct adapter_verb verbs[] = {
	{"check", answer_check}, {"resolve", telegram_resolve},
	{"thread", answer_thread}, {"send", answer_send}, {"poll", answer_poll}, {0}};

static const struct adapter adapter = {
	.name = "Telegram",
	.summary = "Carry texts to and from Telegram, through a bot.",
	.verbs = verbs, .needs = telegram_needs, .dialect = &telegram_dialect,
	.threads = true, .polling = true, .gateway = true
};

int
main(int argc, char **argv)
{
	return adapter_main(argc, argv, &adapter);
}
