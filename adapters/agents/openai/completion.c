/* SPDX-License-Identifier: MIT */
#include "completion.h"

#include "../agent.h"
#include "die.h"

#include <stdlib.h>
#include <string.h>

static bool take_event(const char *data, size_t length, void *to);

void
completion_init(struct completion *completion, void (*heard)(const char *, size_t))
{
	*completion = (struct completion){.heard = heard, .words = TEXT_INIT, .body = TEXT_INIT,
		.input = -1, .output = -1};
	completion->stream = (struct sse){.event = take_event, .to = completion,
		.line = TEXT_INIT, .data = TEXT_INIT};
}

void
completion_release(struct completion *completion)
{
	for (size_t i = 0; i < completion->count; i++) {
		text_release(&completion->calls[i].id);
		text_release(&completion->calls[i].name);
		text_release(&completion->calls[i].arguments);
	}
	text_release(&completion->words);
	text_release(&completion->body);
	sse_release(&completion->stream);
	free(completion->finish);
	free(completion->trouble);
}

/* The first trouble counts. */
static bool
trouble(struct completion *completion, const char *what)
{
	if (!completion->trouble)
		completion->trouble = xstrdup(what);
	return false;
}

/* What an error is called where it stands: {"error":{"message":…}}, {"error":…}, … Owned. */
static char *
error_of(const struct json *body)
{
	static const char *const paths[] = {"error.message", "error", "message", "detail"};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (json_text(body, paths[i]))
			return xstrdup(json_text(body, paths[i]));
	return NULL;
}

char *
completion_error(const char *body, size_t length)
{
	struct json *parsed = json_parse(body, length, NULL);
	char *words = parsed ? error_of(parsed) : NULL;

	json_free(parsed);
	return words;
}

static void
take_words(struct completion *completion, const struct json *piece)
{
	size_t length = 0;
	const char *words = json_bytes(piece, "content", &length);

	if (!words || !length) /* a refusal is what the model says, too */
		words = json_bytes(piece, "refusal", &length);
	if (!words || !length)
		return;
	text_add(&completion->words, words, length);
	if (completion->heard) {
		completion->heard(words, length);
		completion->spoken = true;
	}
}

/* The call that a piece belongs to: by its index, else a new one for an id, else the last. */
static struct call *
call_of(struct completion *completion, const struct json *piece)
{
	double last = completion->count ? (double)completion->count - 1 : 0;
	bool fresh = json_text(piece, "id") && completion->count;
	double index = json_number(piece, "index", fresh ? last + 1 : last);

	if (!(index >= 0 && index <= (double)completion->count && index < COMPLETION_CALLS))
		return NULL;
	if ((size_t)index == completion->count)
		completion->calls[completion->count++] = (struct call){TEXT_INIT, TEXT_INIT,
			TEXT_INIT};
	return &completion->calls[(size_t)index];
}

static bool
take_call(struct completion *completion, const struct json *piece)
{
	struct call *call = call_of(completion, piece);
	struct json *arguments = json_at(piece, "function.arguments");

	if (!call) {
		json_free(arguments);
		return trouble(completion, "its tool calls are out of order, or too many");
	}
	if (!call->id.length)
		text_puts(&call->id, json_text_or(piece, "id", ""));
	if (!call->name.length)
		text_puts(&call->name, json_text_or(piece, "function.name", ""));
	if (arguments && json_is_text(arguments))
		text_puts(&call->arguments, json_text(arguments, ""));
	else if (arguments) /* some servers send the object itself */
		json_print(arguments, &call->arguments);
	json_free(arguments);
	return true;
}

/* One choice: its `delta` in a stream, its `message` in a body. */
static bool
take_choice(struct completion *completion, const struct json *choice)
{
	struct json *piece = json_at(choice, completion->streamed ? "delta" : "message");
	const char *finish = json_text(choice, "finish_reason");
	bool good = true;

	take_words(completion, piece);
	for (size_t i = 0; good && i < json_count(piece, "tool_calls"); i++) {
		struct json *call = json_item(piece, "tool_calls", i);

		if (!completion->streamed)
			json_drop(call, "index");
		good = take_call(completion, call);
		json_free(call);
	}
	json_free(piece);
	if (finish && *finish) {
		free(completion->finish);
		completion->finish = xstrdup(finish);
	}
	if (completion->words.length > AGENT_REPLY_MOST)
		good = trouble(completion, "it is longer than 1 MiB");
	return good;
}

static bool
take_object(struct completion *completion, const struct json *object)
{
	char *error = json_has(object, "error") ? error_of(object) : NULL;
	struct json *choice;
	bool good;

	if (json_has(object, "error")) {
		trouble(completion, error ? error : "the server failed");
		free(error);
		return false;
	}
	completion->input = json_number(object, "usage.prompt_tokens", completion->input);
	completion->output = json_number(object, "usage.completion_tokens", completion->output);
	if (!json_count(object, "choices"))
		return true; /* usage comes in a piece of its own */
	choice = json_item(object, "choices", 0);
	good = take_choice(completion, choice);
	json_free(choice);
	return good;
}

static bool
take_json(struct completion *completion, const char *bytes, size_t length)
{
	struct json *object = json_parse(bytes, length, NULL);
	bool good = object && json_is_object(object)
		? take_object(completion, object) : trouble(completion, "it is not JSON");

	json_free(object);
	return good;
}

static bool
take_event(const char *data, size_t length, void *to)
{
	struct completion *completion = to;

	if (length == strlen("[DONE]") && !memcmp(data, "[DONE]", length)) {
		completion->done = true;
		return false;
	}
	return take_json(completion, data, length);
}

bool
completion_take(const char *bytes, size_t length, void *to)
{
	struct completion *completion = to;

	while (!completion->started && length && !agent_is_said(bytes, 1)) {
		bytes++;
		length--;
	}
	if (!completion->started && length) {
		completion->streamed = *bytes != '{';
		completion->started = true;
	}
	if (completion->streamed)
		return sse_feed(&completion->stream, bytes, length)
			|| (!completion->done && trouble(completion, "a piece of it is too large"));
	text_add(&completion->body, bytes, length);
	return completion->body.length <= SSE_MOST || trouble(completion, "it is too large");
}

/* A transcript holds no NULs; in words they mean nothing. */
static void
drop_nuls(struct text *words)
{
	size_t to = 0;

	for (size_t i = 0; i < words->length; i++)
		if (words->at[i])
			words->at[to++] = words->at[i];
	words->length = to;
}

bool
completion_end(struct completion *completion)
{
	if (completion->trouble)
		return false;
	if (!completion->started)
		return trouble(completion, "it is empty");
	if (!completion->streamed && !take_json(completion, completion->body.at,
		completion->body.length))
		return false;
	drop_nuls(&completion->words);
	for (size_t i = 0; i < completion->count; i++)
		if (!completion->calls[i].name.length)
			return trouble(completion, "it calls a tool without a name");
	if (!completion->finish && !completion->done && completion->streamed)
		return trouble(completion, "it ended in the middle");
	if (!completion->count && !agent_is_said(completion->words.at, completion->words.length))
		return trouble(completion, "it holds no words");
	return true;
}

static struct json *
call_json(const struct call *call, size_t index)
{
	struct json *made = json_object();
	char *id = call->id.length ? xstrdup(call->id.at) : xformat("call_%zu", index + 1);

	json_put_text(made, "id", id);
	json_put_text(made, "type", "function");
	json_put_bytes(made, "function.name", call->name.at, call->name.length);
	json_put_bytes(made, "function.arguments", call->arguments.at, call->arguments.length);
	free(id);
	return made;
}

struct json *
completion_message(const struct completion *completion)
{
	struct json *message = json_object(), *calls = json_array();

	json_put_text(message, "role", "assistant");
	json_put_bytes(message, "content", completion->words.at, completion->words.length);
	for (size_t i = 0; i < completion->count; i++)
		json_append(calls, call_json(&completion->calls[i], i));
	if (completion->count)
		json_put(message, "tool_calls", json_copy(calls));
	json_free(calls);
	return message;
}
