/* SPDX-License-Identifier: MIT */
/*
 * hermes-agent-openai: any server that speaks chat completions (OpenAI's, Ollama,
 * llama.cpp, vLLM, …) as the agent.
 *
 * The transcript is the request (history.h), an answer is put together from what the server
 * sends (completion.h). The model has one tool, `handoff`: its calls are answered here with
 * what is true (asked for; it happens after this reply), and the model is asked again, so
 * that the reply is its closing words. Nothing it does has an effect before the reply line:
 * so asking again after a transport's trouble is safe, as long as no word was passed on.
 *
 * Deltas show the answer while it comes, also words said before a tool is called; what
 * counts is the reply. The key is in one header, and is blotted out of a server's words.
 */
#include "agent.h"
#include "openai/completion.h"
#include "history.h"
#include "http.h"

#include "die.h"
#include "figures.h"

#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 8, MESSAGES = 2000, CHARACTERS = 400000, ERROR_MOST = 300 };

struct talk {
	struct agent agent;
	struct history history;
	const char *model, *key; /* key: NULL, the server needs none */
	const char *platforms;   /* where a handoff may go: names and commas, or NULL */
	char *url, *authorization;
	bool stream;
	double deadline;
	char *handoff;           /* the platform asked for, or NULL */
	double input, output;    /* tokens of all rounds; negative: not known */
};

/* HERMES_AGENT_KEY, else OPENAI_API_KEY. What could not stand in a header is refused unseen. */
static const char *
find_key(void)
{
	const char *key = agent_setting("KEY");

	if (!key)
		key = getenv("OPENAI_API_KEY");
	if (!key || !*key)
		return NULL;
	for (const char *at = key; *at; at++)
		if (*at <= ' ' || *at > '~')
			agent_fail(EX_SETUP, -1, "the key has a space or a control character "
				"in it; look at HERMES_AGENT_KEY or OPENAI_API_KEY");
	return key;
}

static void
configure(struct talk *talk)
{
	const char *base = agent_setting("BASE_URL"), *stream = agent_setting("STREAM");
	size_t length;

	talk->model = agent_setting("MODEL");
	if (!talk->model)
		agent_fail(EX_SETUP, -1, "HERMES_AGENT_MODEL is not set; "
			"hermes config set agent.model NAME");
	talk->key = find_key();
	base = base ? base : "https://api.openai.com/v1";
	for (length = strlen(base); length && base[length - 1] == '/'; )
		length--;
	talk->url = xformat("%.*s/chat/completions", (int)length, base);
	talk->authorization = talk->key ? xformat("Authorization: Bearer %s", talk->key) : NULL;
	if (stream && strcmp(stream, "yes") && strcmp(stream, "no"))
		agent_fail(EX_SETUP, -1, "HERMES_AGENT_STREAM: \"%s\" is neither yes nor no",
			stream);
	talk->stream = !stream || !strcmp(stream, "yes");
	talk->platforms = getenv("HERMES_PLATFORMS");
	if (talk->platforms && !talk->platforms[strspn(talk->platforms, ", ")])
		talk->platforms = NULL;
	talk->deadline = clock_steady() + agent_number("TIMEOUT", figure_turn());
	talk->history = (struct history)HISTORY_INIT(
		(size_t)agent_number("MAX_MESSAGES", MESSAGES),
		(size_t)agent_number("MAX_CHARACTERS", CHARACTERS));
	talk->input = talk->output = -1;
}

/* The transcript and the event, which the transcript may end in already. */
static void
read_transcript(struct talk *talk)
{
	struct json *message, *held = NULL, *event = json_object();
	size_t length;
	const char *words;

	while ((message = agent_message(&talk->agent))) {
		if (held)
			history_add(&talk->history, held);
		json_free(held);
		held = message;
	}
	if (held && !agent_is_event(&talk->agent, held))
		history_add(&talk->history, held);
	json_free(held);
	words = json_bytes(talk->agent.event, "text", &length);
	if (!agent_is_said(words, length))
		agent_fail(EX_BAD, -1, "the event holds no words");
	json_put_text(event, "role", "user");
	json_put(event, "content", json_at(talk->agent.event, "text"));
	history_add(&talk->history, event);
	json_free(event);
}

static void
add_fact(struct text *prompt, const char *lead, const struct json *head, const char *path)
{
	const char *fact = json_text_or(head, path, "");

	if (!*fact)
		return;
	text_puts(prompt, lead);
	text_add_clean(prompt, fact, strlen(fact));
	text_puts(prompt, "\n");
}

/* The user's own prompt stands as it is; what only this turn knows is said after it. */
static void
add_prompt(const struct talk *talk, struct text *prompt)
{
	const char *system = agent_setting("SYSTEM");
	const struct json *head = talk->agent.head;

	if (system) {
		text_puts(prompt, system);
		text_puts(prompt, "\n");
	} else {
		text_puts(prompt, "You are the user's assistant. This conversation moves between "
			"surfaces and keeps its transcript; go on where it stands. Be brief: "
			"it is read as a chat.\n");
		add_fact(prompt, "It is now on: ", head, "place.platform");
		add_fact(prompt, "Title: ", head, "session.title");
		add_fact(prompt, "Folder: ", head, "session.cwd");
		add_fact(prompt, "Branch: ", head, "session.branch");
	}
	if (talk->history.dropped)
		text_format(prompt, "The %zu oldest messages of the conversation are not shown.\n",
			talk->history.dropped);
	if (json_true(head, "again"))
		text_puts(prompt, "An earlier run of this turn was cut off: what it did "
			"may have happened.\n");
	prompt->length--; /* the last line break */
}

/* The name of the list that begins at *list, and its length; false at the end. */
static bool
next_name(const char **list, const char **name, size_t *length)
{
	*list += *list ? strspn(*list, ", ") : 0;
	if (!*list || !**list)
		return false;
	*name = *list;
	*length = strcspn(*list, ", ");
	*list += *length;
	return true;
}

static bool
is_offered(const struct talk *talk, const char *platform)
{
	const char *list = talk->platforms, *name;
	size_t length;

	while (next_name(&list, &name, &length))
		if (strlen(platform) == length && !memcmp(platform, name, length))
			return true;
	return false;
}

static void
add_tools(const struct talk *talk, struct text *body)
{
	const char *list = talk->platforms, *name;
	size_t length, count = 0;

	while (next_name(&list, &name, &length)) {
		text_puts(body, count++ ? "," : ",\"tools\":[{\"type\":\"function\",\"function\":{"
			"\"name\":\"handoff\",\"description\":\"Continue this conversation on "
			"another platform, with its whole transcript. Only when the user asks.\","
			"\"parameters\":{\"type\":\"object\",\"properties\":{\"platform\":{"
			"\"type\":\"string\",\"enum\":[");
		json_quote(body, name, length);
	}
	if (count)
		text_puts(body, "]}},\"required\":[\"platform\"],"
			"\"additionalProperties\":false}}}]");
}

/* The request. In the last round the model may only speak. */
static void
make_body(const struct talk *talk, int round, struct text *body)
{
	struct text prompt = TEXT_INIT;

	add_prompt(talk, &prompt);
	text_puts(body, "{\"model\":");
	json_quote(body, talk->model, strlen(talk->model));
	text_puts(body, ",\"messages\":[{\"role\":\"system\",\"content\":");
	json_quote(body, prompt.at, prompt.length);
	text_puts(body, "}");
	history_print(&talk->history, body);
	text_puts(body, "]");
	add_tools(talk, body);
	if (round == ROUNDS && talk->platforms)
		text_puts(body, ",\"tool_choice\":\"none\"");
	if (talk->stream)
		text_puts(body, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
	text_puts(body, "}");
	text_release(&prompt);
}

/* Words of the server without the key, shortened to what a chat can show. Owned. */
static char *
blot(const struct talk *talk, const char *words)
{
	struct text clean = TEXT_INIT;
	size_t size = talk->key ? strlen(talk->key) : 0;
	const char *found;

	while (size && (found = strstr(words, talk->key))) {
		text_add(&clean, words, (size_t)(found - words));
		text_puts(&clean, "***");
		words = found + size;
	}
	text_puts(&clean, words);
	if (clean.length > ERROR_MOST) {
		for (clean.length = ERROR_MOST; (clean.at[clean.length] & 0xc0) == 0x80; )
			clean.length--;
		clean.at[clean.length] = '\0';
		text_puts(&clean, "…");
	}
	return text_take(&clean);
}

/* What came of one request. */
struct attempt {
	char *why;    /* owned; NULL: a whole answer came */
	bool may_try; /* another time it may work */
	bool misset;  /* not before the configuration changes */
	double after; /* not before so many seconds */
};

static const char *
remedy_of(int status)
{
	switch (status) {
	case 401:
		return "; look at HERMES_AGENT_KEY or OPENAI_API_KEY";
	case 403:
		return "; this key may not use this model";
	case 404:
		return "; look at HERMES_AGENT_BASE_URL and HERMES_AGENT_MODEL";
	default:
		return "";
	}
}

/* A status that is no answer: what the server says about it, and whether it may pass. */
static void
refused(const struct talk *talk, const struct http_reply *reply, struct attempt *attempt)
{
	char *error = completion_error(reply->body.at, reply->body.length);
	char *words = blot(talk, error ? error : "");

	attempt->why = xformat("the server answers %d%s%s%s", reply->status, *words ? ": " : "",
		words, remedy_of(reply->status));
	attempt->may_try = reply->status >= 500 || reply->status == 429 || reply->status == 408;
	attempt->misset = reply->status == 401 || reply->status == 403 || reply->status == 404;
	attempt->after = reply->retry_after;
	free(error);
	free(words);
}

static struct attempt
ask_once(struct talk *talk, const struct text *body, struct completion *completion)
{
	const char *headers[] = {"Accept: application/json, text/event-stream",
		talk->authorization, NULL};
	struct http_request request = {.url = talk->url, .headers = headers, .body = body->at,
		.length = body->length, .repeatable = true,
		.limit = talk->deadline - clock_steady(), .proxy = getenv("HERMES_AGENT_PROXY"),
		.ca = agent_setting("CA_FILE"), .on_data = completion_take, .data = completion};
	struct attempt attempt = {.may_try = true, .after = -1};
	struct http_reply reply = {0};

	completion_init(completion, talk->stream ? agent_delta : NULL);
	if (request.limit <= 0) {
		attempt.why = xstrdup("it took longer than its time");
		return attempt;
	}
	http_ask(&request, &reply);
	if (reply.outcome != HTTP_ANSWERED) {
		attempt.misset = reply.outcome == HTTP_MISSET;
		attempt.may_try = !attempt.misset;
		attempt.why = xformat("%s%s%s", reply.why, reply.remedy ? "; " : "",
			reply.remedy ? reply.remedy : "");
	} else if (reply.status < 200 || reply.status > 299) {
		refused(talk, &reply, &attempt);
	} else if (!completion_end(completion)) {
		char *words = blot(talk, completion->trouble);

		attempt.why = xformat("the server's answer is none: %s", words);
		free(words);
	}
	http_release(&reply);
	return attempt;
}

/* HERMES_AGENT_BACKOFF, 1,2,4: seconds after the first, second, … try; negative: no more. */
static double
backoff(int tried)
{
	const char *list = agent_setting("BACKOFF"), *delay = "";
	size_t length;

	list = list ? list : "1,2,4";
	for (int i = 0; i < tried; i++)
		if (!next_name(&list, &delay, &length))
			return -1;
	return strtod(delay, NULL);
}

/* Ask until there is a whole answer; without one the program ends here. */
static void
ask(struct talk *talk, int round, struct completion *completion)
{
	struct text body = TEXT_INIT;

	make_body(talk, round, &body);
	for (int tried = 1;; tried++) {
		struct attempt attempt = ask_once(talk, &body, completion);
		double wait = backoff(tried);

		if (!attempt.why)
			break;
		if (wait >= 0 && attempt.after > wait)
			wait = attempt.after;
		if (!attempt.may_try || completion->spoken || wait < 0
			|| clock_steady() + wait >= talk->deadline)
			agent_fail(attempt.misset ? EX_SETUP : EX_AWAY, !attempt.may_try ? -1
				: attempt.after > 0 ? attempt.after : 0, "%s", attempt.why);
		warn("%s; asking again in %g s", attempt.why, wait);
		free(attempt.why);
		completion_release(completion);
		clock_sleep(wait);
	}
	text_release(&body);
}

/* What is true about a call, for the model; owned. It may note a handoff. */
static char *
answer_call(struct talk *talk, const struct json *call)
{
	const char *name = json_text_or(call, "function.name", "");
	const char *text = json_text_or(call, "function.arguments", "");
	struct json *arguments = json_parse(text, strlen(text), NULL);
	const char *platform = arguments ? json_text(arguments, "platform") : NULL;
	char *answer;

	if (strcmp(name, "handoff") || !talk->platforms) {
		answer = xstrdup("There is no such tool.");
	} else if (!platform) {
		answer = xstrdup("Nothing was requested: the platform is missing.");
	} else if (!is_offered(talk, platform)) {
		answer = xformat("Nothing was requested: there is no such platform. There are: %s",
			talk->platforms);
	} else if (talk->handoff) {
		answer = xformat("Already requested, to %s; it happens after this reply.",
			talk->handoff);
	} else {
		talk->handoff = xstrdup(platform);
		answer = xstrdup("Requested; it happens after this reply.");
	}
	json_free(arguments);
	return answer;
}

static void
step(struct talk *talk, const struct json *message)
{
	agent_step(message);
	history_add(&talk->history, message);
}

/* The calls of an answer, each with its result, go into the transcript. */
static void
serve_calls(struct talk *talk, const struct completion *completion)
{
	struct json *message = completion_message(completion);

	step(talk, message);
	for (size_t i = 0; i < json_count(message, "tool_calls"); i++) {
		struct json *call = json_item(message, "tool_calls", i), *result = json_object();
		char *answer = answer_call(talk, call);

		json_put_text(result, "role", "tool");
		json_put_text(result, "content", answer);
		json_put(result, "tool_call_id", json_at(call, "id"));
		json_put(result, "tool_name", json_at(call, "function.name"));
		step(talk, result);
		free(answer);
		json_free(result);
		json_free(call);
	}
	json_free(message);
}

static void
add_tokens(double *sum, double more)
{
	if (more >= 0)
		*sum = (*sum < 0 ? 0 : *sum) + more;
}

static void
reply(const struct talk *talk, const struct completion *completion)
{
	struct json *line = json_object();

	if (talk->handoff) {
		struct json *actions = json_array(), *action = json_object();

		json_put_text(action, "handoff", talk->handoff);
		json_append(actions, action);
		json_put(line, "actions", actions);
	}
	if (talk->input >= 0)
		json_put_number(line, "usage.input", talk->input);
	if (talk->output >= 0)
		json_put_number(line, "usage.output", talk->output);
	json_put_text(line, "finish", completion->finish ? completion->finish : "stop");
	agent_reply(line, completion->words.at, completion->words.length);
	json_free(line);
}

/* Ask until the model speaks and calls nothing. */
static void
converse(struct talk *talk)
{
	struct completion completion;
	bool calling = true;

	for (int round = 1; calling && round <= ROUNDS; round++) {
		ask(talk, round, &completion);
		add_tokens(&talk->input, completion.input);
		add_tokens(&talk->output, completion.output);
		calling = completion.count;
		if (calling)
			serve_calls(talk, &completion);
		else
			reply(talk, &completion);
		completion_release(&completion);
	}
	if (calling)
		agent_fail(EX_AWAY, 0, "the model called tools %d times and never spoke", ROUNDS);
}

int
main(int argc, char **argv)
{
	struct talk talk = {0};

	agent_options(argc, argv, "Lets a server that speaks chat completions be the agent.");
	configure(&talk);
	agent_start(&talk.agent);
	read_transcript(&talk);
	converse(&talk);
	history_release(&talk.history);
	agent_release(&talk.agent);
	free(talk.url);
	free(talk.authorization);
	free(talk.handoff);
	return 0;
}
