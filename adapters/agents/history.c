/* SPDX-License-Identifier: MIT */
#include "history.h"

#include "agent.h"
#include "die.h"

#include <stdlib.h>
#include <string.h>

/* What is kept or dropped as one: a message, or calls and their results. */
struct unit {
	struct text json; /* the messages, a comma before each */
	size_t messages, characters;
	struct unit *next;
};

static void
drop_first(struct history *history)
{
	struct unit *unit = history->first;

	history->first = unit->next;
	history->messages -= unit->messages;
	history->characters -= unit->characters;
	history->dropped += unit->messages;
	text_release(&unit->json);
	free(unit);
}

static void
trim(struct history *history)
{
	while (history->first != history->last && (history->messages > history->most_messages
		|| history->characters > history->most_characters))
		drop_first(history);
}

static void
begin_unit(struct history *history)
{
	struct unit *unit = xmalloc(sizeof *unit);

	*unit = (struct unit){.json = TEXT_INIT};
	if (history->first)
		history->last->next = unit;
	else
		history->first = unit;
	history->last = unit;
}

static void
count_characters(const char *bytes, size_t length, size_t *count)
{
	for (size_t i = 0; i < length; i++)
		*count += (bytes[i] & 0xc0) != 0x80;
}

/* Add a message to the newest unit. */
static void
put(struct history *history, const struct json *message)
{
	struct unit *unit = history->last;
	size_t from = unit->json.length, characters = 0;

	text_add(&unit->json, ",", 1);
	json_print(message, &unit->json);
	count_characters(unit->json.at + from, unit->json.length - from, &characters);
	unit->characters += characters;
	history->characters += characters;
	unit->messages++;
	history->messages++;
}

static void
put_text(struct history *history, const char *role, const char *id, const char *content)
{
	struct json *message = json_object();

	json_put_text(message, "role", role);
	if (id)
		json_put_text(message, "tool_call_id", id);
	json_put_text(message, "content", content);
	put(history, message);
	json_free(message);
}

/* The calls that a server accepts, each with its arguments as a text. Owned. */
static struct json *
good_calls(const struct json *message)
{
	struct json *good = json_array();

	for (size_t i = 0; i < json_count(message, "tool_calls"); i++) {
		struct json *call = json_item(message, "tool_calls", i);
		struct json *arguments = json_at(call, "function.arguments");

		if (json_is_object(call) && !json_text(call, "type"))
			json_put_text(call, "type", "function");
		if (arguments && !json_is_text(arguments)) {
			char *printed = json_string(arguments);

			json_put_text(call, "function.arguments", printed);
			free(printed);
		}
		if (*json_text_or(call, "id", "") && *json_text_or(call, "function.name", "")) {
			if (!arguments)
				json_put_text(call, "function.arguments", "{}");
			json_append(good, json_copy(call));
		}
		json_free(arguments);
		json_free(call);
	}
	return good;
}

static bool
has_content(const struct json *message)
{
	size_t length = 0;
	const char *content = json_bytes(message, "content", &length);

	return (content && agent_is_said(content, length)) || json_count(message, "content");
}

/* A message that begins a unit: role and content, and calls when it has good ones. */
static void
add_said(struct history *history, const struct json *message, const char *role)
{
	struct json *calls = good_calls(message), *said = json_object();
	bool calling = !strcmp(role, "assistant") && json_count(calls, "");

	if (calling || has_content(message)) {
		json_put_text(said, "role", role);
		json_put(said, "content",
			has_content(message) ? json_at(message, "content") : NULL);
		if (calling)
			json_put(said, "tool_calls", json_copy(calls));
		begin_unit(history);
		put(history, said);
		if (calling)
			history->waiting = json_copy(calls);
		trim(history);
	}
	json_free(calls);
	json_free(said);
}

/* Whether one of the waiting calls has that id; it is then waiting no more. */
static bool
was_called(struct history *history, const char *id)
{
	struct json *left = json_array();
	bool found = false;

	for (size_t i = 0; i < json_count(history->waiting, ""); i++) {
		struct json *call = json_item(history->waiting, "", i);

		if (!found && !strcmp(json_text_or(call, "id", ""), id))
			found = true;
		else
			json_append(left, json_copy(call));
		json_free(call);
	}
	json_free(history->waiting);
	history->waiting = left;
	return found;
}

static void
add_remark(struct history *history, const struct json *result)
{
	const char *content = json_text_or(result, "content", "");
	const char *name = json_text_or(result, "tool_name", "");
	char *remark = xformat("[A result of the tool %s:] %s", *name ? name : "(unnamed)",
		content);
	struct json *message = json_object();

	json_put_text(message, "role", "assistant");
	json_put_text(message, "content", remark);
	if (history->waiting) {
		text_add(&history->remarks, ",", 1);
		json_print(message, &history->remarks);
	} else {
		begin_unit(history);
		put(history, message);
		trim(history);
	}
	json_free(message);
	free(remark);
}

static void
add_result(struct history *history, const struct json *result)
{
	const char *id = json_text_or(result, "tool_call_id", "");

	if (history->waiting && was_called(history, id))
		put_text(history, "tool", id, json_text_or(result, "content", ""));
	else if (has_content(result))
		add_remark(history, result);
	trim(history);
}

void
history_close(struct history *history)
{
	struct text *remarks = &history->remarks;

	for (size_t i = 0; i < json_count(history->waiting, ""); i++) {
		struct json *call = json_item(history->waiting, "", i);

		put_text(history, "tool", json_text(call, "id"),
			"No result of this call was recorded: it was cut off.");
		json_free(call);
	}
	json_free(history->waiting);
	history->waiting = NULL;
	if (remarks->length) {
		text_add(&history->last->json, remarks->at, remarks->length);
		count_characters(remarks->at, remarks->length, &history->last->characters);
		count_characters(remarks->at, remarks->length, &history->characters);
		text_clear(remarks);
	}
	if (history->first)
		trim(history);
}

void
history_add(struct history *history, const struct json *message)
{
	const char *role = json_text_or(message, "role", "");

	if (!strcmp(role, "tool")) {
		add_result(history, message);
		return;
	}
	history_close(history);
	if (!strcmp(role, "user") || !strcmp(role, "assistant") || !strcmp(role, "system"))
		add_said(history, message, role);
}

void
history_print(const struct history *history, struct text *into)
{
	for (const struct unit *unit = history->first; unit; unit = unit->next)
		text_add(into, unit->json.at, unit->json.length);
}

void
history_release(struct history *history)
{
	while (history->first)
		drop_first(history);
	json_free(history->waiting);
	text_release(&history->remarks);
}
