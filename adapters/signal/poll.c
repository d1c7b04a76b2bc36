/* SPDX-License-Identifier: MIT */
/*
 * Hearing. signal-cli confirms a message to Signal when it hands it over, and forgets it; it
 * also goes on handing over to one who has hung up. So what it hands over goes into the spool
 * before anything else is done with it, and who receives is a process of its own, which
 * nobody kills with the poll: it waits as long as signal-cli does, which may be long, and a
 * later poll finds what came. A poll that finds something in the spool answers with that, and
 * asks for nothing.
 */
#include "signal.h"

#include "die.h"
#include "figures.h"
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A batch; and the seconds of silence one asks for: for a first message, for all, and for more.
 * Each message begins the silence anew, and a network that is down does not count; so for
 * HANDED seconds somebody is there, as what is handed over to nobody is lost.
 */
enum { BATCH = 20, FIRST = 5, ALL = 3, MORE = 1, HANDED = 86400 };

/* The words of a message, owned: those it mentions stand in it as U+FFFC. NULL: none. */
static char *
words_of(const struct json *message)
{
	static const char hole[] = "\xef\xbf\xbc";
	const char *words = json_text(message, "message"), *found;
	struct text text = TEXT_INIT;

	if (!words || !*words)
		return NULL;
	for (size_t i = 0; (found = strstr(words, hole)); i++) {
		struct json *mention = json_item(message, "mentions", i);

		text_add(&text, words, (size_t)(found - words));
		if (json_is_object(mention))
			text_format(&text, "@%s", json_text_or(mention, "name", "someone"));
		else
			text_puts(&text, hole);
		words = found + sizeof hole - 1;
		json_free(mention);
	}
	text_puts(&text, words);
	return text_take(&text);
}

/* The id of a message: our own are known by their time, others by author and time. Owned. */
static char *
message_id(const char *time, const struct json *author, const char *number, const char *uuid)
{
	const char *who = json_text_or(author, uuid, json_text_or(author, number, ""));

	return signal_is_us(author, number, uuid) ? xstrdup(time) : xformat("%s:%s", time, who);
}

static void
put_reply_to(struct json *event, const struct json *message)
{
	struct json *quote = json_at(message, "quote");
	char *time = json_id(quote, "id"), *id;

	if (time) {
		id = message_id(time, quote, "authorNumber", "authorUuid");
		json_put_text(event, "reply_to", id);
		free(id);
	}
	free(time);
	json_free(quote);
}

/* People name each other by number: who has one is called so, too. */
static void
put_also(struct json *event, const struct json *who)
{
	const char *number = json_text_or(who, "sourceNumber", "");

	if (signal_address(number) == ADDRESS_NUMBER)
		json_put(event, "user.also", json_array_of(number));
}

/* `who` is the envelope: it says who speaks. */
static struct json *
make_event(const struct json *who, const struct json *message)
{
	const char *user = json_text_or(who, "sourceUuid", json_text_or(who, "sourceNumber", ""));
	const char *group = json_text(message, "groupInfo.groupId");
	char *words = words_of(message), *time = json_id(message, "timestamp");
	struct json *event = NULL;

	if (words && time && *user) {
		const char *name = json_text_or(who, "sourceName", "");
		char *id = xformat("%s:%s", time, user);

		event = json_object();
		json_put_text(event, "message", id);
		json_put(event, "place", signal_place(group ? group : user, group, user));
		json_put_text(event, "user.id", user);
		json_put_text(event, "user.name", *name ? name : json_text_or(who, "sourceNumber", user));
		put_also(event, who);
		json_put_text(event, "text", words);
		json_put_number(event, "at", json_number(message, "timestamp", clock_now() * 1000) / 1000);
		put_reply_to(event, message);
		free(id);
	}
	free(words);
	free(time);
	return event;
}

/*
 * What was said to us. Our other devices tell what they sent: that is ours, except what they
 * say to ourselves (Note to Self), which a human says there.
 */
static struct json *
heard_message(const struct json *envelope)
{
	if (json_has(envelope, "dataMessage"))
		return signal_is_us(envelope, "sourceNumber", "sourceUuid") ? NULL
			: json_at(envelope, "dataMessage");
	if (!json_has(envelope, "syncMessage.sentMessage.groupInfo")
		&& signal_is_us(envelope, "syncMessage.sentMessage.destinationNumber",
			"syncMessage.sentMessage.destinationUuid"))
		return json_at(envelope, "syncMessage.sentMessage");
	return NULL;
}

static struct json *
make_events(const struct json *items)
{
	struct json *events = json_array();
	size_t lost = 0;

	for (size_t i = 0, n = json_count(items, ""); i < n; i++) {
		struct json *item = json_item(items, "", i), *envelope = json_at(item, "envelope");
		struct json *message = heard_message(envelope), *event = NULL;

		if (message)
			event = make_event(envelope, message);
		if (event)
			json_append(events, event);
		lost += json_has(item, "exception");
		json_free(message);
		json_free(envelope);
		json_free(item);
	}
	if (lost)
		warn("%zu messages could not be read by signal-cli; its log says why", lost);
	return events;
}

/*
 * At most so many messages; it ends with them, or when none came for so long. Never repeated:
 * what the first answer held would be lost.
 */
static struct json *
receive(double wait, int most, struct json **error)
{
	struct json *params = json_object(), *came = NULL;
	struct api_call call;

	json_put_number(params, "timeout", wait);
	json_put_number(params, "maxMessages", most);
	call = signal_act("receive", params, HANDED);
	if (!call.result)
		*error = api_error(&call);
	else if (!json_is_array(call.result))
		*error = answer_error("transient", "no answer of signal-cli's", NULL);
	else
		came = json_copy(call.result);
	api_release(&call);
	return came;
}

/* The process that receives: says {"came":[…]}, or the error, and cares not who listens. */
static void
receive_apart(struct spool *spool, double wait, int most, int to)
{
	struct json *error = NULL, *came, *said = json_object();
	struct text line = TEXT_INIT;
	int nowhere = open("/dev/null", O_RDWR);

	setsid();
	signal(SIGPIPE, SIG_IGN);
	dup2(nowhere, STDIN_FILENO);
	dup2(nowhere, STDOUT_FILENO);
	dup2(nowhere, STDERR_FILENO);
	came = receive(wait, most, &error);
	if (came && spool_add(spool, came, &error))
		json_put(said, "came", came);
	json_print(error ? error : said, &line);
	_exit(write(to, line.at, line.length) != (ssize_t)line.length);
}

/* False: that did not end in time. */
static bool
read_all(int from, struct text *all)
{
	struct pollfd ready = {.fd = from, .events = POLLIN};
	char block[65536];
	ssize_t got = 1;

	while (got > 0 && poll(&ready, 1, (int)(adapter_left() * 1000)) > 0)
		if ((got = read(from, block, sizeof block)) > 0)
			text_add(all, block, (size_t)got);
	return !got;
}

/* What that process says; owned. */
static struct json *
ask_apart(struct spool *spool, double wait, int most)
{
	struct text all = TEXT_INIT;
	struct json *said;
	bool ended;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) || (child = fork()) < 0)
		return answer_error("transient", "no process can be made to receive with", NULL);
	if (!child) {
		close(ends[0]); /* or it would wait for itself to read a long answer */
		receive_apart(spool, wait, most, ends[1]);
	}
	close(ends[1]);
	ended = read_all(ends[0], &all);
	close(ends[0]);
	while (ended && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	said = ended ? json_parse(all.at, all.length, NULL)
		: answer_error("transient", "signal-cli takes longer; a later poll has what comes",
			"if that stays so, look at signal-cli's log and at its network");
	text_release(&all);
	return said ? said : answer_error("transient", "receiving came to an end before its time", NULL);
}

/* Owned; NULL when that went well. */
static struct json *
receive_into(struct spool *spool, double wait, int most)
{
	struct json *said = ask_apart(spool, wait, most), *came = json_at(said, "came");

	if (!came)
		return said;
	spool_take(spool, came);
	json_free(came);
	json_free(said);
	return NULL;
}

/* One message is waited for; what else there is comes after it without a wait. */
static struct json *
hear(struct spool *spool, double wait)
{
	double until = clock_steady() + wait, left;
	struct json *error = NULL;

	if (wait <= 0)
		return receive_into(spool, ALL, BATCH);
	while (!error && !json_count(spool->items, "") && (left = until - clock_steady()) > 0)
		error = receive_into(spool, left < FIRST ? left : FIRST, 1);
	if (!error && json_count(spool->items, ""))
		json_free(receive_into(spool, MORE, BATCH)); /* what came before is told in any case */
	return error;
}

struct json *
signal_poll(const struct json *question)
{
	struct json *answer = NULL;
	struct spool spool;
	char *cursor;

	signal_ready();
	if (!spool_open(&spool, json_text(question, "cursor"), &answer))
		return answer;
	if (!json_count(spool.items, ""))
		answer = hear(&spool, json_number(question, "wait", 0));
	if (!answer) {
		answer = json_object();
		cursor = spool_cursor(&spool);
		json_put(answer, "events", make_events(spool.items));
		if (cursor)
			json_put_text(answer, "cursor", cursor);
		free(cursor);
	}
	spool_close(&spool);
	return answer;
}
