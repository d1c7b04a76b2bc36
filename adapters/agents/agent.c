/* SPDX-License-Identifier: MIT */
#include "agent.h"

#include "die.h"
#include "opts.h"
#include "out.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
agent_options(int argc, char **argv, const char *summary)
{
	const struct usage usage = {.synopsis = "< LINES", .summary = summary};

	program_start(argv[0]);
	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "%s: no operand is expected", argv[0]);
	if (isatty(STDIN_FILENO))
		opts_misused(&usage, "stdin is a terminal; hermes-turn speaks to agents");
}

/* What the next line holds at `key` or, when it has not that key, at `other`. */
static struct json *
next(struct agent *agent, const char *key, const char *other, const char **found)
{
	size_t length;
	char *line = lines_next(&agent->input, &length, 0), *why = NULL;
	struct json *object, *held;

	if (!line && errno)
		die(EX_BAD, "stdin: cannot be read:");
	if (!line)
		die(EX_BAD, "stdin: it ended before the event");
	object = json_parse(line, length, &why);
	if (!object)
		die(EX_BAD, "stdin: a line is not JSON: %s", why);
	*found = json_has(object, key) ? key : other;
	held = *found ? json_at(object, *found) : NULL;
	if (!held || !json_is_object(held))
		die(EX_BAD, "stdin: a line has no \"%s\"%s", key, other ? ", nor an event" : "");
	json_free(object);
	return held;
}

void
agent_start(struct agent *agent)
{
	const char *found;

	*agent = (struct agent){.input = LINES_INIT(STDIN_FILENO)};
	agent->head = next(agent, "head", NULL, &found);
	if (json_number(agent->head, "protocol", 0) != 1)
		die(EX_BAD, "stdin: this agent speaks protocol 1 only");
}

struct json *
agent_message(struct agent *agent)
{
	const char *found;
	struct json *held;

	if (agent->event)
		return NULL;
	held = next(agent, "message", "event", &found);
	if (!strcmp(found, "message"))
		return held;
	if (!json_text(held, "text"))
		die(EX_BAD, "stdin: the event has no text");
	agent->event = held;
	return NULL;
}

void
agent_release(struct agent *agent)
{
	lines_release(&agent->input);
	json_free(agent->head);
	json_free(agent->event);
}

bool
agent_is_notice(const struct json *said)
{
	const char *mark = json_text_or(said, "origin", json_text_or(said, "platform_message_id", ""));

	return !strncmp(mark, "handoff:", strlen("handoff:"));
}

bool
agent_is_event(const struct agent *agent, const struct json *message)
{
	return !strcmp(json_text_or(message, "role", ""), "user")
		&& !strcmp(json_text_or(message, "content", ""), json_text(agent->event, "text"));
}

bool
agent_is_said(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!strchr(" \t\r\n\v\f", bytes[i])) /* a NUL is found: it is nothing, too */
			return true;
	return false;
}

const char *
agent_setting(const char *name)
{
	char *variable = xformat("HERMES_AGENT_%s", name);
	const char *value = getenv(variable);

	free(variable);
	return value && *value ? value : NULL;
}

double
agent_number(const char *name, double otherwise)
{
	const char *text = agent_setting(name);
	char *end;
	double number;

	if (!text)
		return otherwise;
	number = strtod(text, &end);
	if (end == text || *end || !isfinite(number) || number < 0)
		agent_fail(EX_SETUP, -1, "HERMES_AGENT_%s: \"%s\" is not a number", name, text);
	return number;
}

void
agent_line(const char *bytes, size_t length)
{
	struct text line = TEXT_INIT;

	text_reserve(&line, length + 1);
	text_add(&line, bytes, length);
	text_add(&line, "\n", 1);
	out_raw(&line);
	text_release(&line);
}

static void
print(const struct json *object)
{
	struct text line = TEXT_INIT;

	json_print(object, &line);
	agent_line(line.at, line.length);
	text_release(&line);
}

void
agent_delta(const char *bytes, size_t length)
{
	struct text line = TEXT_INIT;

	text_puts(&line, "{\"delta\":");
	json_quote(&line, bytes, length);
	text_puts(&line, "}");
	agent_line(line.at, line.length);
	text_release(&line);
}

void
agent_step(const struct json *message)
{
	struct json *line = json_object();

	json_put(line, "message", json_copy(message));
	print(line);
	json_free(line);
}

void
agent_reply(struct json *line, const char *bytes, size_t length)
{
	json_put_bytes(line, "reply", bytes, length);
	print(line);
}

void
agent_fail(int status, double retry, const char *format, ...)
{
	struct text words = TEXT_INIT, clean = TEXT_INIT;
	struct json *line = json_object();
	va_list arguments;

	va_start(arguments, format);
	text_vformat(&words, format, arguments);
	va_end(arguments);
	text_add_clean(&clean, words.at, words.length);
	json_put_text(line, "error.text", clean.at);
	json_put_true(line, "error.retry", retry >= 0);
	if (retry > 0)
		json_put_number(line, "error.after", retry);
	print(line);
	json_free(line);
	text_release(&words);
	die(status, "%s", clean.at);
}
