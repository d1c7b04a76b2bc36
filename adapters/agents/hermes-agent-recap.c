/* SPDX-License-Identifier: MIT */
/*
 * hermes-agent-recap: the agent that is always there. It has no model and needs no
 * network: it says what the transcript holds, in words that follow from it alone, and
 * claims nothing else. The same transcript gets the same words.
 *
 * Of the transcript it keeps two messages and a few names of tools. A notice of an earlier
 * handoff, and what was answered to it, are about the moving and not about the work: they
 * count as messages, and are not what was last asked and said.
 */
#include "agent.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN = 240, TOOLS = 5 }; /* characters of a text; names */

struct recap {
	size_t messages;
	struct json *asked, *answered; /* the last of the user, of the assistant; or NULL */
	bool open;                     /* nobody asked anything since `answered` */
	bool moving;                   /* what comes is said to a handoff's notice */
	char *tools[TOOLS];            /* of the last message that called any; NULL: none */
	struct json *held;             /* the newest message: perhaps it is the event itself */
};

static void
keep(struct json **place, const struct json *message)
{
	json_free(*place);
	*place = json_copy(message);
}

static void
note_tools(struct recap *recap, const struct json *message)
{
	size_t count = json_count(message, "tool_calls"), kept = 0;

	for (size_t i = 0; i < TOOLS; i++) {
		free(recap->tools[i]);
		recap->tools[i] = NULL;
	}
	for (size_t i = 0; i < count && kept < TOOLS; i++) {
		struct json *call = json_item(message, "tool_calls", i);
		const char *name = json_text_or(call, "function.name", "");
		bool known = !*name;

		for (size_t k = 0; k < kept; k++)
			known = known || !strcmp(recap->tools[k], name);
		if (!known)
			recap->tools[kept++] = xstrdup(name);
		json_free(call);
	}
}

static bool
is_said(const struct json *message)
{
	size_t length = 0;
	const char *content = json_bytes(message, "content", &length);

	return content && agent_is_said(content, length);
}

static void
note(struct recap *recap, const struct json *message)
{
	const char *role = json_text_or(message, "role", "");

	recap->messages++;
	if (!strcmp(role, "user")) {
		recap->moving = agent_is_notice(message);
		if (recap->moving || !is_said(message))
			return;
		keep(&recap->asked, message);
		recap->open = false;
	} else if (!strcmp(role, "assistant")) {
		if (json_count(message, "tool_calls"))
			note_tools(recap, message);
		if (recap->moving || !is_said(message))
			return;
		keep(&recap->answered, message);
		recap->open = true;
	}
}

/* Read all of it. The newest message waits until it is known not to be the event. */
static void
read_transcript(struct recap *recap, struct agent *agent)
{
	struct json *message;

	while ((message = agent_message(agent))) {
		if (recap->held)
			note(recap, recap->held);
		json_free(recap->held);
		recap->held = message;
	}
	if (recap->held && !agent_is_event(agent, recap->held))
		note(recap, recap->held);
}

/* Signs that belong to the character before them: no cut stands in front of one. */
static bool
is_joined(long point)
{
	return (point >= 0x300 && point <= 0x36f) || point == 0x200d
		|| (point >= 0xfe00 && point <= 0xfe0f) || (point >= 0x1f3fb && point <= 0x1f3ff);
}

/* The text on one line: cleaned, each run of spaces one space, none at the ends. Owned. */
static char *
one_line(const char *bytes, size_t length)
{
	struct text clean = TEXT_INIT;
	size_t to = 0;

	text_add_clean(&clean, bytes, length);
	for (size_t i = 0; i < clean.length; i++)
		if (clean.at[i] != ' ' || (to && clean.at[to - 1] != ' '))
			clean.at[to++] = clean.at[i];
	while (to && clean.at[to - 1] == ' ')
		to--;
	clean.length = to;
	if (clean.size)
		clean.at[to] = '\0';
	return text_take(&clean);
}

/* Where a text is cut that has more than SHOWN characters: after a word when there is one. */
static size_t
cut(const char *line)
{
	size_t length = strlen(line), at = 0, word = 0, character = 0;
	bool joining = false;

	for (int count = 0; at < length; count++) {
		long point;
		size_t step = utf8_step(line + at, length - at, &point);

		if (!joining && !is_joined(point))
			character = at;
		if (count >= SHOWN)
			return word > character / 2 ? word : character ? character : at;
		if (point == ' ')
			word = at;
		joining = point == 0x200d;
		at += step;
	}
	return length;
}

static void
add_shortened(struct text *words, const char *line)
{
	size_t length = cut(line);

	text_add(words, line, length);
	if (line[length])
		text_puts(words, "…");
}

static void
add_quoted(struct text *words, const char *lead, const struct json *value, const char *path)
{
	size_t length = 0;
	const char *bytes = json_bytes(value, path, &length);
	char *line = one_line(bytes ? bytes : "", length);

	text_puts(words, lead);
	text_puts(words, "“");
	add_shortened(words, line);
	text_puts(words, "”\n");
	free(line);
}

static bool
ends_with(const char *line, size_t length, const char *tail)
{
	size_t size = strlen(tail);

	return length >= size && !memcmp(line + length - size, tail, size);
}

/* Whether the line ends in a question, whatever closes around its sign. */
static bool
is_question(const char *line)
{
	static const char *const signs[] = {"?", "？", "؟"};
	static const char *const closing[] = {"*", "_", "`", "\"", "'", ")", "”", "’", "»", "」",
		" "};
	size_t length = strlen(line);

	for (size_t i = 0; i < sizeof closing / sizeof *closing; i++)
		if (ends_with(line, length, closing[i])) {
			length -= strlen(closing[i]);
			i = (size_t)-1; /* from the first again */
		}
	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
		if (ends_with(line, length, signs[i]))
			return true;
	return false;
}

/* The last sentence of the line: what follows the last mark with a space behind it. */
static const char *
last_sentence(const char *line)
{
	const char *last = line;

	for (const char *at = line; *at; at++)
		if (strchr(".!?:", *at) && at[1] == ' ' && at[2])
			last = at + 2;
	return last;
}

static void
add_question(struct text *words, const struct recap *recap)
{
	size_t length = 0;
	const char *content = json_bytes(recap->answered, "content", &length);
	char *line = one_line(content ? content : "", length);

	if (recap->open && is_question(line)) {
		text_puts(words, "That question is still open: “");
		add_shortened(words, last_sentence(line));
		text_puts(words, "”\n");
	}
	free(line);
}

static void
add_tools(struct text *words, const struct recap *recap)
{
	for (size_t i = 0; i < TOOLS && recap->tools[i]; i++) {
		text_puts(words, i ? ", " : "Tools that were called last: ");
		text_add_clean(words, recap->tools[i], strlen(recap->tools[i]));
	}
	if (recap->tools[0])
		text_puts(words, ".\n");
}

/* What the transcript holds, a fact a line. */
static void
add_facts(struct text *words, const struct recap *recap, const struct json *head)
{
	const char *cwd = json_text_or(head, "session.cwd", "");
	const char *branch = json_text_or(head, "session.branch", "");

	if (recap->messages)
		text_format(words, "The transcript holds %zu message%s.\n", recap->messages,
			recap->messages == 1 ? "" : "s");
	else
		text_puts(words, "The transcript is empty so far.\n");
	if (recap->asked)
		add_quoted(words, "You last asked: ", recap->asked, "content");
	if (recap->answered)
		add_quoted(words, "The last answer was: ", recap->answered, "content");
	add_question(words, recap);
	add_tools(words, recap);
	if (*cwd) {
		text_puts(words, "Folder: ");
		text_add_clean(words, cwd, strlen(cwd));
		if (*branch) {
			text_puts(words, ", branch ");
			text_add_clean(words, branch, strlen(branch));
		}
		text_puts(words, "\n");
	}
}

static void
say_here(struct text *words, const struct recap *recap, const struct agent *agent)
{
	const char *title = json_text_or(agent->head, "session.title", "");
	const char *from = json_text_or(agent->event, "from", "");
	char *line = one_line(title, strlen(title));

	text_puts(words, "I'm here. ");
	if (*line) {
		text_puts(words, "We were working on ");
		add_shortened(words, line);
		text_puts(words, ends_with(line, strlen(line), ".") ? "\n" : ".\n");
	} else {
		text_puts(words, "This session has no title.\n");
	}
	if (*from) {
		text_puts(words, "It was on ");
		text_add_clean(words, from, strlen(from));
		text_puts(words, " before.\n");
	}
	add_facts(words, recap, agent->head);
	free(line);
}

static void
say_noted(struct text *words, const struct recap *recap, const struct agent *agent)
{
	text_puts(words, "I have no model, so I cannot answer.\n");
	add_quoted(words, "Your words are noted in the transcript: ", agent->event, "text");
	add_facts(words, recap, agent->head);
	text_puts(words, "To set an agent that can answer: hermes config set agent.use openai\n");
}

static void
release(struct recap *recap)
{
	json_free(recap->asked);
	json_free(recap->answered);
	json_free(recap->held);
	for (size_t i = 0; i < TOOLS; i++)
		free(recap->tools[i]);
}

int
main(int argc, char **argv)
{
	struct recap recap = {0};
	struct text words = TEXT_INIT;
	struct agent agent;
	struct json *line = json_object();

	agent_options(argc, argv, "Says what the transcript holds; the agent that needs nothing.");
	agent_start(&agent);
	read_transcript(&recap, &agent);
	if (agent_is_notice(agent.event))
		say_here(&words, &recap, &agent);
	else
		say_noted(&words, &recap, &agent);
	json_put_text(line, "finish", "stop");
	agent_reply(line, words.at, words.length - 1); /* without the last line break */
	json_free(line);
	text_release(&words);
	release(&recap);
	agent_release(&agent);
	return 0;
}
