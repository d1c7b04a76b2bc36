/* SPDX-License-Identifier: MIT */
/*
 * Places are the receiver's own names. A private chat is one human's, and who that is bears
 * the chat's name unless the receiver says another.
 */
#include "webhook.h"

#include "die.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MOST = 256 };

bool
is_name(const char *text)
{
	size_t length = strlen(text);
	bool letter = false;

	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte <= ' ' || byte == 0x7f)
			return false;
		letter = letter || isalnum(byte) || byte >= 0x80;
	}
	return letter && length <= NAME_MOST && utf8_valid(text, length);
}

const char *
webhook_kind(void)
{
	const char *kind = adapter_setting("KIND");

	if (!kind)
		return "dm";
	if (strcmp(kind, "dm") && strcmp(kind, "group") && strcmp(kind, "channel"))
		die(EX_SETUP, "the kind of the chats is dm, group or channel");
	return kind;
}

struct json *
webhook_place(const char *chat, const char *thread, const char *user)
{
	bool dm = !strcmp(webhook_kind(), "dm");

	return place_new(adapter_platform(), chat, webhook_kind(), thread, user || !dm ? user : chat);
}

struct json *
put_place(struct json *answer, struct json *place)
{
	json_put(answer, "audience", !strcmp(webhook_kind(), "dm")
		? audience_new(1, json_array_of(json_text_or(place, "user", "")))
		: audience_new(-1, json_array()));
	json_put(answer, "place", place);
	return answer;
}

static struct json *
resolve(const char *chat, const char *thread)
{
	if (!is_name(chat) || (thread && !is_name(thread)))
		return answer_error("request", "not a name for a chat or thread",
			"name a chat as the receiver does, without spaces; its thread stands behind a slash");
	return put_place(json_object(), webhook_place(chat, thread, NULL));
}

struct json *
webhook_resolve(const struct json *question)
{
	const char *chat = json_text(question, "chat"), *home = adapter_setting("HOME_CHANNEL");
	const char *words = json_text_or(question, "words", "");
	size_t end = strcspn(words, "/");
	struct json *answer;
	char *name;

	webhook_ready();
	if (chat)
		return resolve(chat, json_text(question, "thread"));
	if (!*words)
		return resolve(home ? home : "default", adapter_setting("HOME_CHANNEL_THREAD_ID"));
	name = xformat("%.*s", (int)end, words);
	answer = resolve(name, words[end] ? words + end + 1 : NULL);
	free(name);
	return answer;
}
