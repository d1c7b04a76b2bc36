/* SPDX-License-Identifier: MIT */
/*
 * What Meta calls us with: messages, and what became of those we sent. A web server hands
 * each request over as a question, and answers Meta with the status that comes back:
 *
 *	{"method":"POST","query":"","signature":"sha256=…","body":"…"}	{"status":200}
 *
 * 200 means that it is on the disk: Meta repeats anything else for days. Only what bears the
 * app's signature is taken.
 */
#include "whatsapp.h"

#include "die.h"
#include "figures.h"
#include "hmac.h"
#include "spool.h"

#include <stdlib.h>
#include <string.h>

static struct json *
reply(int status, const char *body)
{
	struct json *answer = json_object();

	json_put_number(answer, "status", status);
	json_put_text(answer, "body", body);
	return answer;
}

/* The value of a field of a query, decoded. Owned; NULL: it has none such. */
static char *
query_value(const char *query, const char *name)
{
	struct text value = TEXT_INIT;
	size_t length = strlen(name);

	while (strncmp(query, name, length) != 0 || query[length] != '=') {
		query = strchr(query, '&');
		if (!query++)
			return NULL;
	}
	for (query += length + 1; *query && *query != '&'; query += length) {
		length = *query == '+' ? 1 : strcspn(query, "+&");
		if (*query == '+')
			text_puts(&value, " ");
		else
			http_unescape(&value, query, length);
	}
	return text_take(&value);
}

/* Meta asks once whether it is really us who want to be called. */
static struct json *
prove_us(const char *query)
{
	char *mode = query_value(query, "hub.mode"), *token = query_value(query, "hub.verify_token");
	char *challenge = query_value(query, "hub.challenge");
	bool right = mode && token && challenge && !strcmp(mode, "subscribe")
		&& hmac_same(token, cloud_setting("CLOUD_VERIFY_TOKEN"));
	struct json *answer = right ? reply(200, challenge) : reply(403, "not the verify token");

	free(mode);
	free(token);
	free(challenge);
	return answer;
}

/* Takes `call`. */
static struct json *
keep(struct json *call)
{
	struct json *items = json_array(), *error = NULL, *answer;
	struct spool spool;

	json_append(items, call);
	if (spool_open(&spool, NULL, &error)) {
		if (!spool.last) /* a new file, and a cursor that is not known here: go on behind any */
			spool.last = (long long)(clock_now() * 1000);
		spool_add(&spool, items, &error);
		spool_close(&spool);
	}
	if (error)
		warn("hook: %s", json_text_or(error, "error.why", "?"));
	answer = error ? reply(500, "it cannot be kept") : reply(200, "");
	json_free(error);
	json_free(items);
	return answer;
}

static struct json *
take_call(const struct json *question)
{
	size_t length = 0;
	const char *body = json_bytes(question, "body", &length);
	struct json *call;

	if (!body || !hub_signed(json_text_or(question, "signature", ""),
			cloud_setting("CLOUD_APP_SECRET"), body, length))
		return reply(403, "not signed with the app's secret");
	call = json_parse(body, length, NULL);
	if (json_is_array(call) || !json_count(call, "entry")) {
		json_free(call);
		return reply(400, "no call of Meta's");
	}
	return keep(call);
}

struct json *
whatsapp_hook(const struct json *question)
{
	const char *method = json_text_or(question, "method", "");

	if (!strcmp(method, "GET"))
		return prove_us(json_text_or(question, "query", ""));
	return strcmp(method, "POST") ? reply(405, "GET or POST") : take_call(question);
}
