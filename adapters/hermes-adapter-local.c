/* SPDX-License-Identifier: MIT */
/*
 * The platform `local`: rooms and threads as files, for people on this machine. It needs
 * no account, no network and no configuration: the home is the room "home", a dm with
 * the user of the system.
 *
 * It keeps what bigger platforms only hope for: a message that is "sent" is on the disk,
 * and the same delivery said twice is there once.
 */
#include "adapter.h"
#include "die.h"
#include "local/file.h"
#include "local/people.h"
#include "local/poll.h"
#include "local/room.h"
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file bears any text; people there read Markdown as it was typed. */
static const struct dialect DIALECT = {.limit = 65536, .unit = UNIT_BYTES, .keyed = true,
	.plain = true};
static const char LOOK[] = "look at the folder of the rooms"; /* errno says why */

static const struct adapter_need NEEDS[] = {
	{.name = "ROOT", .about = "the folder of the rooms; else \"local\" in HERMES_HOME"},
	{.name = "HOME_CHANNEL", .about = "the room that handoffs go to; else \"home\""},
	{.name = "HOME_CHANNEL_THREAD_ID", .about = "a thread in that room"},
	{.name = NULL},
};

/* Whether rooms can be made, read and written here. */
static void
check_root(struct json *problems)
{
	if (!folder_make_all(room_root()) && !access(room_root(), R_OK | W_OK | X_OK))
		return;
	char *what = xformat("%s: %s", room_root(), strerror(errno));

	problem_add(problems, what, "make the folder usable, or set LOCAL_ROOT");
	free(what);
}

static void
check_home(struct json *answer, struct json *problems)
{
	const char *thread = adapter_setting("HOME_CHANNEL_THREAD_ID");
	struct trouble trouble;
	struct room room;

	if (!room_find(&room, room_home(), &trouble)) {
		problem_add(problems, trouble.why, trouble.remedy);
	} else {
		json_put_text(answer, "name", room_bot(&room));
		json_put_text(answer, "facts.home.name", room.name);
		json_put_text(answer, "facts.home.kind", room_kind(&room));
		json_put_true(answer, "facts.home.reachable", true);
		json_put_true(answer, "facts.home.threads", room_has_threads(&room));
		json_put_true(answer, "facts.home.readable", true);
		if (thread && !thread_exists(&room, thread))
			problem_add(problems, "the home's thread is not there",
				"unset LOCAL_HOME_CHANNEL_THREAD_ID");
	}
	trouble_release(&trouble);
	room_release(&room);
}

static struct json *
check(const struct json *question)
{
	struct json *answer = json_object(), *problems = json_array();

	(void)question;
	json_put_text(answer, "account", adapter_platform());
	json_put_text(answer, "name", "Hermes");
	json_put_text(answer, "facts.root", room_root());
	check_root(problems);
	check_home(answer, problems);
	json_put_true(answer, "ok", !json_count(problems, ""));
	json_put(answer, "problems", problems);
	return answer;
}

/* A room and a thread, as a question names them. */
struct spot {
	struct room room;
	const char *thread; /* borrowed from the question, or NULL */
};

/* False with the trouble when there is no such spot. Release the room in any case. */
static bool
spot_find(struct spot *spot, const char *chat, const char *thread, struct trouble *trouble)
{
	spot->thread = thread && *thread ? thread : NULL;
	if (!room_find(&spot->room, chat, trouble))
		return false;
	if (!spot->thread || thread_exists(&spot->room, spot->thread))
		return true;
	*trouble = (struct trouble){.class = "thread",
		.why = xformat("there is no thread \"%s\" in the room \"%s\"", thread, chat),
		.remedy = xstrdup("leave the thread out for a fresh one")};
	return false;
}

static struct json *
spot_place(const struct spot *spot)
{
	return room_place(&spot->room, spot->thread, NULL);
}

static struct json *
resolved(const char *chat, const char *thread)
{
	struct trouble trouble;
	struct json *answer;
	struct spot spot;

	if (spot_find(&spot, chat, thread, &trouble)) {
		answer = json_object();
		json_put(answer, "place", spot_place(&spot));
		json_put(answer, "audience", room_audience(&spot.room));
	} else {
		answer = answer_error(trouble.class, trouble.why, trouble.remedy);
	}
	trouble_release(&trouble);
	room_release(&spot.room);
	return answer;
}

/* "" is the home; else ROOM, ROOM/THREAD or ROOM:THREAD. */
static struct json *
resolve_words(const char *words)
{
	char *chat, *thread;
	struct json *answer;

	if (!*words)
		return resolved(room_home(), adapter_setting("HOME_CHANNEL_THREAD_ID"));
	chat = xstrdup(words);
	thread = strpbrk(chat, "/:");
	if (thread)
		*thread++ = '\0';
	answer = resolved(chat, thread);
	free(chat);
	return answer;
}

static struct json *
resolve(const struct json *question)
{
	const char *chat = json_text(question, "chat"), *words = json_text(question, "words");

	if (chat)
		return resolved(chat, json_text(question, "thread"));
	if (words)
		return resolve_words(words);
	return answer_error("request", "the question has neither words nor a chat",
		"ask {\"words\":\"ROOM\"}");
}

/* The room itself, as there is no fresh thread to be had in it. */
static struct json *
stay_home(const struct spot *spot)
{
	struct json *answer = answer_home(spot->thread ? "a thread has no threads"
		: "the room has no threads", NULL);

	json_put(answer, "place", spot_place(spot));
	json_put(answer, "audience", room_audience(&spot->room));
	return answer;
}

static struct json *
open_fresh(struct spot *spot, const char *title, const char *delivery)
{
	char *thread = thread_open(&spot->room, title, delivery);
	struct json *answer;

	if (!thread)
		return answer_not("not_opened", "transient", strerror(errno), LOOK);
	answer = json_object();
	json_put_text(answer, "outcome", "opened");
	json_put(answer, "place", room_place(&spot->room, thread, NULL));
	json_put(answer, "audience", room_audience(&spot->room));
	free(thread);
	return answer;
}

static struct json *
open_thread(const struct json *question)
{
	struct trouble trouble;
	struct json *answer;
	struct spot spot;

	if (!spot_find(&spot, json_text(question, "place.chat"),
		json_text(question, "place.thread"), &trouble))
		answer = answer_not("not_opened", trouble.class, trouble.why, trouble.remedy);
	else if (spot.thread || !room_has_threads(&spot.room))
		answer = stay_home(&spot);
	else
		answer = open_fresh(&spot, json_text_or(question, "title", "Hermes"),
			json_text(question, "delivery"));
	trouble_release(&trouble);
	room_release(&spot.room);
	return answer;
}

static struct json *
append_part(struct spot *spot, const char *part, const char *delivery, int index, int parts)
{
	struct message message = {.thread = spot->thread, .delivery = delivery, .part = index,
		.from = "hermes", .name = room_bot(&spot->room), .text = part,
		.length = strlen(part), .bot = true};
	struct json *answer;
	char *id;

	switch (room_append(&spot->room, &message, &id)) {
	case APPENDED:
		answer = answer_sent(id, parts);
		free(id);
		return answer;
	case NOT_APPENDED:
		return answer_not("not_sent", "transient", strerror(errno), LOOK);
	case MAYBE_APPENDED:
		break;
	}
	return answer_unknown(strerror(errno));
}

static struct json *
send_part(struct spot *spot, const struct json *question)
{
	int index = json_whole(question, "part", 1), parts;
	struct styled part;
	struct json *answer;
	const char *text;
	size_t length;

	text = json_bytes(question, "text", &length);
	if (!text || !length || memchr(text, '\0', length))
		return answer_not("not_sent", "request", "there is no text to send", NULL);
	if (!message_part(question, &DIALECT, &part, &parts))
		return answer_not("not_sent", "request", "the text has no such part", NULL);
	answer = append_part(spot, part.text.at, json_text(question, "delivery"), index, parts);
	styled_release(&part);
	return answer;
}

static struct json *
send_message(const struct json *question)
{
	struct trouble trouble;
	struct json *answer;
	struct spot spot;

	if (spot_find(&spot, json_text(question, "place.chat"), json_text(question, "place.thread"),
		&trouble))
		answer = send_part(&spot, question);
	else
		answer = answer_not("not_sent", trouble.class, trouble.why, trouble.remedy);
	trouble_release(&trouble);
	room_release(&spot.room);
	return answer;
}

static const struct adapter_verb VERBS[] = {
	{"check", check},
	{"resolve", resolve},
	{"thread", open_thread},
	{"send", send_message},
	{"poll", local_poll},
	{NULL, NULL},
};

static const struct adapter ADAPTER = {
	.name = "Local rooms",
	.summary = "Rooms and threads as files, for people on this machine.",
	.verbs = VERBS, .needs = NEEDS, .dialect = &DIALECT,
	.threads = true, .polling = true, .idempotency = true, .people = local_people
};

int
main(int argc, char **argv)
{
	umask(077);
	return adapter_main(argc, argv, &ADAPTER);
}
