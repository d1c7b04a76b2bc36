/* SPDX-License-Identifier: MIT */
/*
 * Asking a homeserver, and what its answers mean. Nothing here has to be done once only:
 * what is sent has a key that the homeserver knows again (the same device, path and
 * transaction), and everything else is a question or says how something is to be.
 *
 * A room that is not there and a room that we are not in are answered alike.
 */
#include "matrix.h"

#include "die.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MOST = 48 << 20 }; /* sync tells of all rooms at once */

const struct adapter_need matrix_needs[] = {
	{"HOMESERVER", false, true, "the homeserver's address, https://matrix.example.org"},
	{"ACCESS_TOKEN", true, true, "the bot's access token; hermes adapter-matrix login gets one"},
	{"HOME_ROOM", false, false, "the room that handoffs go to: !id:server or #alias:server"},
	{"HOME_CHANNEL", false, false, "the same, under the name that other platforms use"},
	{"HOME_CHANNEL_THREAD_ID", false, false, "a thread of that room: its first message's id"},
	{"USER_ID", false, false, "the bot, @name:server; only to log in"},
	{"PASSWORD", true, false, "the bot's password; only to log in"},
	{"DEVICE_ID", false, false, "the token's device: HERMES unless it is set"},
	{"BASE_URL", false, false, "asked in place of the homeserver's address"},
	{"PROXY", true, false, "a proxy: socks5://user:password@host:port or http://host:port"},
	{"CA_FILE", false, false, "certificates to trust in place of the system's"},
	{0}};

static const char invite[] =
	"invite the bot there; then: echo '{\"words\":\"ROOM\"}' | hermes ask matrix join";

static const struct api_meaning meanings[] = {
	{0, "M_UNKNOWN_TOKEN", NULL, "config", "get a new MATRIX_ACCESS_TOKEN: hermes adapter-matrix login"},
	{0, "M_MISSING_TOKEN", NULL, "config", "mend MATRIX_ACCESS_TOKEN, or the proxy on the way"},
	{0, "M_USER_DEACTIVATED", NULL, "config", "use another account for the bot"},
	{0, "M_USER_LOCKED", NULL, "config", "ask who runs the homeserver"},
	{0, "M_CONSENT_NOT_GIVEN", NULL, "config", "agree to the homeserver's terms as the bot, with any client"},
	{0, "M_GUEST_ACCESS_FORBIDDEN", NULL, "config", "give the bot an account that is no guest"},
	{0, "M_LIMIT_EXCEEDED", NULL, "transient", NULL},
	{0, "M_RESOURCE_LIMIT_EXCEEDED", NULL, "transient", "ask who runs the homeserver"},
	{0, "M_TOO_LARGE", NULL, "request", NULL},
	{0, NULL, "not in room", "chat", invite},
	{0, NULL, "not invited", "chat", "invite the bot there first"},
	{403, NULL, "invalid username or password", "config", "mend MATRIX_USER_ID and MATRIX_PASSWORD"},
	{0, NULL, "no known servers", "chat", "look at the room's id, and invite the bot"},
	{0, NULL, "has been blocked", "chat", "ask who runs the homeserver"},
	{0, NULL, "relation to unknown event", "thread", NULL},
	{0, NULL, "threads from an event with a relation", "thread", "name a thread by its first message"},
	{0, NULL, "permission", "config", "let the bot speak there: raise its power level"},
	{403, NULL, NULL, "chat", "look at the bot's place in the room"},
	{0, "M_NOT_FOUND", NULL, "chat", "look at the room's id or alias"},
	{0, "M_UNRECOGNIZED", NULL, "config", "mend MATRIX_HOMESERVER: it is no Matrix homeserver of today"},
	{401, NULL, NULL, "config", "mend MATRIX_ACCESS_TOKEN"},
	{429, NULL, NULL, "transient", NULL},
	{0}};

static enum api_answer
read_answer(const struct json *answer, struct api_refusal *refusal)
{
	double after = json_number(answer, "retry_after_ms", -1);

	refusal->code = json_text_or(answer, "errcode", "");
	refusal->words = json_text_or(answer, "error", "");
	refusal->retry_after = after < 0 ? -1 : after / 1000;
	return *refusal->code ? API_REFUSED : json_is_object(answer) ? API_FINE : API_STRANGE;
}

static const struct api_platform matrix = {.name = "Matrix", .read = read_answer,
	.meanings = meanings, .needs = matrix_needs};

static const char *
homeserver(void)
{
	return adapter_required("HOMESERVER",
		"set it to the homeserver's address, https://matrix.example.org");
}

static const char *
token(void)
{
	return adapter_word("ACCESS_TOKEN", "hermes adapter-matrix login gets one");
}

void
matrix_ready(void)
{
	token();
	homeserver();
}

/* Takes `url` and `body`. Nobody has a token (NULL) who logs in. */
static struct api_call
ask(const char *token, const char *verb, struct json *body, char *url, double limit)
{
	struct api_request request = {.method = verb, .url = url, .token = token, .json = body,
		.repeatable = true, .limit = limit, .most = ANSWER_MOST};
	struct api_call call;

	api_ask(&matrix, &request, &call);
	json_free(body);
	free(url);
	return call;
}

static void
begin_url(struct text *url)
{
	char *base = api_base(homeserver());

	text_format(url, "%s/_matrix/client/", base);
	free(base);
}

struct api_call
matrix_wait(const char *path, double limit)
{
	struct text url = TEXT_INIT;

	begin_url(&url);
	text_puts(&url, path);
	return ask(token(), NULL, NULL, text_take(&url), limit);
}

struct api_call
matrix_ask(const char *verb, struct json *body, const char *path, ...)
{
	struct text url = TEXT_INIT;
	va_list arguments;

	begin_url(&url);
	va_start(arguments, path);
	for (; *path; path++) {
		if (*path == '%')
			http_escape(&url, va_arg(arguments, const char *));
		else
			text_add(&url, path, 1);
	}
	va_end(arguments);
	return ask(token(), verb, body, text_take(&url), 0);
}

struct api_call
matrix_login(const char *user, const char *password, const char *device)
{
	struct text url = TEXT_INIT;
	struct json *body = json_object();

	begin_url(&url);
	text_puts(&url, "v3/login");
	json_put_text(body, "type", "m.login.password");
	json_put_text(body, "identifier.type", "m.id.user");
	json_put_text(body, "identifier.user", user);
	json_put_text(body, "password", password);
	json_put_text(body, "device_id", device);
	json_put_text(body, "initial_device_display_name", "Hermes");
	return ask(NULL, NULL, body, text_take(&url), 0);
}

bool
matrix_missing(const struct api_call *call)
{
	return call->code && !strcmp(call->code, "M_NOT_FOUND");
}

const struct json *
matrix_me(struct api_call *call)
{
	static struct json *me;

	*call = (struct api_call){0};
	if (!me) {
		*call = matrix_ask(NULL, NULL, "v3/account/whoami");
		if (!call->result)
			return NULL;
		me = call->result;
		call->result = NULL;
		api_release(call);
	}
	return me;
}

struct wanted {
	const char *key;
	struct json *found;
};

static void
take_entry(const char *key, const struct json *item, void *data)
{
	struct wanted *wanted = data;

	if (!wanted->found && !strcmp(key, wanted->key))
		wanted->found = json_copy(item);
}

struct json *
matrix_entry(const struct json *value, const char *path, const char *key)
{
	struct wanted wanted = {key, NULL};

	json_each(value, path, take_entry, &wanted);
	return wanted.found;
}
