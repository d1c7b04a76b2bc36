/* SPDX-License-Identifier: MIT */
/*
 * People and groups as places. A person has a number, which may change or be hidden, and an
 * account id (a UUID), which is what every message carries: so a private chat is its human's
 * account id, however it was named, and the number only where no id can be learnt. A group
 * is the base64 of its id, as bytes. There are no threads.
 */
#include "signal.h"

#include "die.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MOST = 100 };

static bool
is_uuid(const char *text)
{
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return !text[36];
}

/* The base64 of 16 bytes (old groups) or 32. */
static bool
is_group(const char *text)
{
	size_t length = strlen(text), letters = 0;

	while (isalnum((unsigned char)text[letters]) || (text[letters] && strchr("+/", text[letters])))
		letters++;
	return (length == 24 && letters == 22 && !strcmp(text + letters, "=="))
		|| (length == 44 && letters == 43 && !strcmp(text + letters, "="));
}

enum address
signal_address(const char *text)
{
	size_t digits = *text == '+' ? strspn(text + 1, "0123456789") : 0;

	if (digits >= 5 && digits <= 15 && !text[digits + 1] && text[1] != '0')
		return ADDRESS_NUMBER;
	if (is_uuid(text))
		return ADDRESS_UUID;
	if (is_group(text))
		return ADDRESS_GROUP;
	if (!strncmp(text, "u:", 2) && text[2] && !text[strcspn(text, " \t\r\n/")])
		return ADDRESS_USERNAME;
	return ADDRESS_NONE;
}

/* Whether the number or id at those paths is the account's. */
bool
signal_is_us(const struct json *who, const char *number, const char *uuid)
{
	const char *account = signal_account();

	return !strcmp(json_text_or(who, number, ""), account)
		|| !strcmp(json_text_or(who, uuid, ""), account);
}

struct json *
signal_place(const char *chat, bool group, const char *user)
{
	return place_new(signal_account(), chat, group ? "group" : "dm", NULL, user);
}

/* What a contact is called, borrowed. */
static const char *
contact_name(const struct json *contact, const char *otherwise)
{
	static const char *const names[] = {"nickName", "name", "profile.givenName", "username", "number"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (*json_text_or(contact, names[i], ""))
			return json_text(contact, names[i]);
	return otherwise;
}

static struct json *
one_recipient(const char *recipient)
{
	struct json *params = json_object();

	json_put(params, "recipient", json_array_of(recipient));
	return params;
}

/* The contact with that account id or number; owned or NULL. */
static struct json *
contact_of(const struct json *contacts, const char *id)
{
	struct json *found = json_find(contacts, "", "uuid", id);

	return found ? found : json_find(contacts, "", "number", id);
}

/* What signal-cli knows of somebody already; owned, or NULL with or without trouble in `call`. */
static struct json *
find_contact(const char *recipient, struct api_call *call)
{
	struct json *params = one_recipient(recipient);

	json_put_true(params, "allRecipients", true);
	*call = signal_ask("listContacts", params);
	return contact_of(call->result, recipient);
}

/* Ask Signal itself about a number or a name: an object with number, uuid, isRegistered. */
static struct json *
ask_status(const char *recipient, enum address kind, struct api_call *call)
{
	struct json *params;

	if (kind == ADDRESS_USERNAME) {
		params = json_object();
		json_put(params, "username", json_array_of(recipient + 2));
	} else {
		params = one_recipient(recipient);
	}
	*call = signal_ask("getUserStatus", params);
	return json_item(call->result, "", 0);
}

static struct json *
private_answer(const char *chat, const char *name)
{
	struct json *answer = json_object();

	json_put(answer, "place", signal_place(chat, false, chat));
	json_put(answer, "audience", audience_new(1, json_array_of(name)));
	return answer;
}

/* Somebody whom signal-cli does not know yet. */
static struct json *
resolve_stranger(const char *recipient, enum address kind)
{
	struct api_call call;
	struct json *status = ask_status(recipient, kind, &call), *answer;
	const char *chat = json_text_or(status, "uuid", json_text_or(status, "number", recipient));

	if (!call.result)
		answer = api_error(&call);
	else if (!json_true(status, "isRegistered"))
		answer = answer_error("chat", "there is no Signal account of that number or name",
			"look at it again; a number begins with + and the country");
	else
		answer = private_answer(chat, recipient);
	api_release(&call);
	json_free(status);
	return answer;
}

static struct json *
resolve_person(const char *recipient, enum address kind)
{
	struct api_call call = {0};
	struct json *contact = kind == ADDRESS_USERNAME ? NULL : find_contact(recipient, &call);
	const char *uuid = json_text(contact, "uuid");
	struct json *answer;

	if (kind != ADDRESS_USERNAME && !call.result)
		answer = api_error(&call);
	else if (uuid)
		answer = private_answer(uuid, contact_name(contact, recipient));
	else if (kind == ADDRESS_UUID)
		answer = private_answer(recipient, recipient);
	else
		answer = resolve_stranger(recipient, kind);
	api_release(&call);
	json_free(contact);
	return answer;
}

/* A member is a text, or an object with a number and an id, as signal-cli's age has it. */
static const char *
member_id(const struct json *member)
{
	return json_text_or(member, "uuid", json_text_or(member, "number", json_text_or(member, "", "")));
}

static bool
is_us(const struct json *member)
{
	return signal_is_us(member, "number", "uuid") || signal_is_us(member, "", "");
}

/* The names of members, as far as contacts tell them. */
static struct json *
member_names(const struct json *group)
{
	struct json *params = json_object(), *names = json_array();
	struct api_call call;

	json_put_true(params, "allRecipients", true);
	call = signal_ask("listContacts", params);
	for (size_t i = 0, n = json_count(group, "members"); i < n; i++) {
		struct json *member = json_item(group, "members", i);
		const char *id = member_id(member), *name;
		struct json *known = n <= NAMES_MOST ? contact_of(call.result, id) : NULL;

		name = contact_name(known, json_text_or(member, "number", id));
		if (!is_us(member))
			json_append_text(names, name);
		json_free(known);
		json_free(member);
	}
	api_release(&call);
	return names;
}

static struct json *
group_answer(const struct json *group, const char *id)
{
	struct json *answer, *names;

	if (!json_true(group, "isMember"))
		return answer_error("chat", group ? "the account is not in that group any more"
			: "signal-cli knows no such group", "add the account to the group");
	answer = json_object();
	names = member_names(group);
	json_put(answer, "place", signal_place(id, true, NULL));
	json_put_text(answer, "name", json_text_or(group, "name", id));
	json_put(answer, "audience", audience_new(json_count(names, "")
		? (double)json_count(names, "") : -1, names));
	return answer;
}

static struct json *
resolve_group(const char *id)
{
	struct api_call call = signal_ask("listGroups", json_object());
	struct json *found = json_find(call.result, "", "id", id), *answer;

	answer = call.result ? group_answer(found, id) : api_error(&call);
	api_release(&call);
	json_free(found);
	return answer;
}

/* People copy account ids in capitals; messages bear them in small letters. Owned. */
static struct json *
resolve_id(const char *id)
{
	char *small = xstrdup(id);
	struct json *answer;

	for (char *at = small; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	answer = resolve_person(small, ADDRESS_UUID);
	free(small);
	return answer;
}

static struct json *
resolve(const char *chat)
{
	enum address kind;

	if (!strncmp(chat, "group:", 6))
		chat += 6;
	if (!strcmp(chat, "self"))
		chat = signal_account();
	kind = signal_address(chat);
	if (kind == ADDRESS_NONE)
		return answer_error("request", "not a number, account or group of Signal's",
			"name +491701234567, u:name.01, an account id, a group's id, or self");
	if (kind == ADDRESS_GROUP)
		return resolve_group(chat);
	return kind == ADDRESS_UUID ? resolve_id(chat) : resolve_person(chat, kind);
}

struct json *
signal_resolve(const struct json *question)
{
	const char *chat = json_text(question, "chat"), *words = json_text_or(question, "words", "");

	signal_ready();
	if (json_text(question, "thread"))
		return answer_error("request", "Signal has no threads", NULL);
	if (!chat)
		chat = *words ? words : adapter_setting("HOME_CHANNEL");
	return chat ? resolve(chat) : answer_error("config", "no home channel",
		"set SIGNAL_HOME_CHANNEL to the number or group id that handoffs go to");
}
