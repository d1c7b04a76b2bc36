/* SPDX-License-Identifier: MIT */
/*
 * What comes in, whether it was asked for or piped: events as the receiver writes them,
 *
 *	{"id":"77","chat":"default","thread":"t1","user":{"id":"u7","name":"Ada"},
 *	 "text":"…","at":1795231477,"reply_to":"76"}
 *
 * of which only id and text must be there. And `verify`, for what is piped: the signature is
 * looked at before a word of it is believed.
 */
#include "webhook.h"

#include "config.h"
#include "die.h"
#include "figures.h"
#include "hmac.h"
#include "opts.h"
#include "out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BODY_MOST = 1 << 20, TOLERANCE = 300 };

/* An id of theirs; false: there is one, and it cannot be read. */
static bool
read_id(const struct json *said, const char *path, char **id)
{
	*id = json_id(said, path);
	return *id || !json_has(said, path);
}

/* What we posted ourselves, given back to us: no human said it. */
static bool
is_ours(const struct json *said)
{
	return json_has(said, "version") && json_has(said, "delivery");
}

/* Owned; NULL: no event. A chat or a human that cannot be read is never taken for the home's. */
static struct json *
read_event(const struct json *said, const char *key)
{
	const char *home = adapter_setting("HOME_CHANNEL"), *text = json_text_or(said, "text", "");
	const char *where, *who;
	char *id = NULL, *chat = NULL, *thread = NULL, *user = json_id(said, "user.id");
	char *reply_to = json_id(said, "reply_to");
	struct json *event = NULL;
	bool readable = !is_ours(said) && read_id(said, "id", &id) && read_id(said, "chat", &chat)
		&& read_id(said, "thread", &thread) && (user || !json_has(said, "user"));

	where = chat ? chat : home ? home : "default";
	who = user ? user : where;
	if (readable && (id || key) && is_name(where) && (!thread || is_name(thread))
		&& text[strspn(text, " \t\r\n")]) {
		event = json_object();
		json_put_text(event, "message", id ? id : key);
		json_put(event, "place", webhook_place(where, thread, who));
		json_put_text(event, "user.id", who);
		json_put_text(event, "user.name", json_text_or(said, "user.name", who));
		json_put_text(event, "text", text);
		json_put_number(event, "at", json_number(said, "at", clock_now()));
		if (reply_to)
			json_put_text(event, "reply_to", reply_to);
	}
	free(id);
	free(chat);
	free(thread);
	free(user);
	free(reply_to);
	return event;
}

struct json *
read_events(const struct json *said, const char *key)
{
	struct json *list = json_is_array(said) ? json_copy(said) : json_at(said, "events");
	struct json *events = json_array();
	struct json *one = list ? NULL : read_event(said, key);
	size_t count = json_count(list, "");

	if (one)
		json_append(events, one);
	for (size_t i = 0; i < count; i++) {
		struct json *item = json_item(list, "", i), *event = read_event(item, NULL);

		if (event)
			json_append(events, event);
		json_free(item);
	}
	if (json_count(events, "") < count)
		warn("%zu of %zu events were left out: each needs an id, a text, and names that can be read",
			count - json_count(events, ""), count);
	if (!one && !(list && json_is_array(list))) {
		json_free(events);
		events = NULL;
	}
	json_free(list);
	return events;
}

/* A request's header, as CGI passes it on; NULL: it has none. */
static const char *
header(const char *name)
{
	char *variable = xformat("HTTP_%s", name);
	const char *value = getenv(variable);

	free(variable);
	return value && *value ? value : NULL;
}

static const char *
either(const char *name, const char *other)
{
	return header(name) ? header(name) : header(other);
}

/* As much as CONTENT_LENGTH says, or to the end. */
static void
read_body(struct text *body)
{
	const char *told = getenv("CONTENT_LENGTH");
	size_t left = told && *told ? strtoul(told, NULL, 10) : BODY_MOST + 1;
	char piece[65536];
	ssize_t got = 1;

	while (left && got && body->length <= BODY_MOST) {
		got = read(STDIN_FILENO, piece, left < sizeof piece ? left : sizeof piece);
		if (got < 0 && errno != EINTR)
			die(EX_AWAY, "stdin cannot be read:");
		if (got > 0) {
			text_add(body, piece, (size_t)got);
			left -= (size_t)got;
		}
	}
	if (body->length > BODY_MOST)
		die(EX_BAD, "more than a megabyte is no message");
}

/* Secrets in .env are for us, too, when a web server starts us. */
static void
take_setting(const char *name)
{
	char *variable = adapter_variable(name);
	const char *layer, *value = config_setting(variable, &layer);

	if (value)
		setenv(variable, value, 1);
	free(variable);
}

static void
check_time(const char *time)
{
	char *end;
	double off = clock_now() - strtod(time, &end);

	if (*end || end == time)
		die(EX_DENIED, "the time of the signature is no number");
	if (off > TOLERANCE || off < -TOLERANCE)
		die(EX_DENIED, "it was signed %.0f s %s; five minutes are allowed", off < 0 ? -off : off,
			off < 0 ? "from now" : "ago");
}

/* The message's id, NULL when it has none; ends the program when it is not signed. */
static const char *
check_signature(const struct text *body)
{
	const char *id = either("WEBHOOK_ID", "SVIX_ID");
	const char *time = either("WEBHOOK_TIMESTAMP", "SVIX_TIMESTAMP");
	const char *signatures = either("WEBHOOK_SIGNATURE", "SVIX_SIGNATURE");
	const char *hub = header("X_HUB_SIGNATURE_256");

	if (id && time && signatures) {
		check_time(time);
		if (!standard_signed(id, time, signatures, body))
			die(EX_DENIED, "the signature is not right; nothing of it was believed");
		return id;
	}
	if (!hub)
		die(EX_DENIED, "it is not signed; webhook-id, webhook-timestamp and webhook-signature "
			"are wanted, or X-Hub-Signature-256");
	if (!hub_signed(hub, adapter_required("SECRET", "it is what the sender signs with"), body->at,
			body->length))
		die(EX_DENIED, "the signature is not right; nothing of it was believed");
	return NULL;
}

static int
verify(int argc, char **argv)
{
	static const struct opt none[] = {{0}};
	const struct usage usage = {"verify <body",
		"Check the signature of what a web server received, and print its events.", none};
	struct text body = TEXT_INIT, line = TEXT_INIT;
	struct json *said, *events, *batch = json_object();
	const char *id;

	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operands; the body is read from stdin");
	take_setting("SECRET");
	take_setting("KIND");
	take_setting("HOME_CHANNEL");
	read_body(&body);
	id = check_signature(&body);
	said = json_parse(body.at, body.length, NULL);
	events = said ? read_events(said, id) : NULL;
	if (!json_count(events, ""))
		die(EX_BAD, "it holds no event: an id and a text are wanted");
	json_put(batch, "events", events);
	json_print(batch, &line);
	text_add(&line, "\n", 1);
	out_raw(&line);
	json_free(batch);
	json_free(said);
	text_release(&line);
	text_release(&body);
	return 0;
}

int
webhook_extra(int argc, char **argv)
{
	static const struct verb verbs[] = {{"verify", verify, "<body", ""}, {NULL, NULL, NULL, NULL}};
	const struct verb *verb = verb_find(verbs, argv[0]);
	static const struct opt none[] = {{0}};
	const struct usage usage = {"VERB", "", none};

	if (!verb)
		opts_misused(&usage, "%s is no verb; hermes-adapter(7) has them", argv[0]);
	return verb->run(argc, argv);
}
