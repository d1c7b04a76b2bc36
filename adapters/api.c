/* SPDX-License-Identifier: MIT */
#include "api.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_MOST = 86400, SAID_MOST = 300, SECRET_LEAST = 6 };

void
api_release(struct api_call *call)
{
	json_free(call->result);
	json_free(call->refusal);
	free(call->code);
	free(call->why);
	free(call->remedy);
	text_release(&call->headers);
	*call = (struct api_call){.retry_after = -1, .headers = TEXT_INIT};
}

const char *
api_header(const struct api_call *call, const char *name)
{
	struct http_reply reply = {.headers = call->headers};

	return http_header(&reply, name);
}

void
api_advise(struct api_call *call, char *remedy)
{
	free(call->remedy);
	call->remedy = remedy;
}

char *
api_base(const char *usual)
{
	const char *base = adapter_setting("BASE_URL");
	size_t length;

	if (!base)
		base = usual;
	for (length = strlen(base); length && base[length - 1] == '/';)
		length--;
	return xformat("%.*s", (int)length, base);
}

static void
blot(char *words, const char *secret)
{
	size_t length = strlen(secret);

	if (length)
		while ((words = strstr(words, secret)))
			words = (char *)memset(words, '*', length) + length;
}

/*
 * The whole secret, as a URL has it, too; and what stands behind its colon, as some tokens are a
 * name and a secret.
 */
static void
blot_setting(char *words, const char *secret)
{
	const char *colon = strchr(secret, ':');
	struct text escaped = TEXT_INIT;

	http_escape(&escaped, secret);
	blot(words, secret);
	blot(words, escaped.at);
	text_release(&escaped);
	if (colon && strlen(colon + 1) >= SECRET_LEAST)
		blot(words, colon + 1);
}

char *
api_said(const struct api_platform *platform, const char *words)
{
	struct text clean = TEXT_INIT;

	text_add_clean(&clean, words, strlen(words));
	for (const struct adapter_need *need = platform->needs; need->name; need++) {
		const char *value = need->secret ? adapter_setting(need->name) : NULL;

		if (value)
			blot_setting(clean.at, value);
	}
	if (clean.length > SAID_MOST) {
		text_clear(&clean);
		text_puts(&clean, "a refusal too long to repeat");
	}
	return text_take(&clean);
}

static bool
fits(const struct api_meaning *meaning, const struct api_refusal *refusal)
{
	return (!meaning->status || meaning->status == refusal->status)
		&& (!meaning->code || !strcmp(meaning->code, refusal->code))
		&& (!meaning->words || strcasestr(refusal->words, meaning->words));
}

static const struct api_meaning *
find_meaning(const struct api_platform *platform, const struct api_refusal *refusal)
{
	const struct api_meaning *meaning = platform->meanings;

	while (meaning->class && !fits(meaning, refusal))
		meaning++;
	return meaning;
}

/* A server's own failure that no meaning explains may have come after the deed. */
static void
read_refusal(struct api_call *call, const struct api_platform *platform,
	const struct api_refusal *refusal)
{
	const struct api_meaning *meaning = find_meaning(platform, refusal);
	const char *words = *refusal->words ? refusal->words : refusal->code;

	call->status = refusal->status;
	call->code = *refusal->code ? xstrdup(refusal->code) : NULL;
	call->unknown = meaning->class ? !strcmp(meaning->class, "unknown") : refusal->status >= 500;
	call->class = call->unknown ? "transient" : meaning->class ? meaning->class : "request";
	call->why = api_said(platform, *words ? words : "no reason given");
	if (meaning->remedy)
		call->remedy = xstrdup(meaning->remedy);
	if (refusal->retry_after >= 0)
		call->retry_after = refusal->retry_after < RETRY_MOST ? refusal->retry_after : RETRY_MOST;
}

void
api_refused(const struct api_platform *platform, const struct api_refusal *refusal,
	struct api_call *call)
{
	*call = (struct api_call){.retry_after = -1, .headers = TEXT_INIT};
	read_refusal(call, platform, refusal);
}

/* A whole reply, but not one of the platform's: somebody stands between. */
static void
read_stranger(struct api_call *call, const struct api_platform *platform)
{
	call->class = "transient";
	call->unknown = call->status < 300 || call->status >= 500;
	call->why = xformat("HTTP %d, and no answer of %s's", call->status, platform->name);
	if (call->status == 407) {
		call->class = "config";
		call->remedy = xstrdup("mend the user and password in the proxy setting");
	} else if (call->status < 500) {
		char *variable = adapter_variable("BASE_URL");

		call->remedy = xformat("look at %s, and for a proxy or a login page on the way", variable);
		free(variable);
	}
}

static void
read_silence(struct api_call *call, const struct http_reply *reply)
{
	call->unknown = reply->outcome == HTTP_UNKNOWN;
	call->class = reply->outcome == HTTP_MISSET ? "config" : "transient";
	call->why = xstrdup(reply->why);
	if (reply->remedy)
		call->remedy = xstrdup(reply->remedy);
}

static void
read_answer(struct api_call *call, const struct api_platform *platform, const struct text *body)
{
	struct json *answer = json_parse(body->at, body->length, NULL);
	bool by_status = platform->by_status && (!body->length || call->status / 100 != 2);
	struct api_refusal refusal = {call->status, "", "", -1};
	enum api_answer kind = answer || by_status ? platform->read(answer, &refusal)
		: platform->wordless ? API_FINE : API_STRANGE;

	if (kind == API_REFUSED) {
		read_refusal(call, platform, &refusal);
		call->refusal = answer;
	} else if (kind == API_FINE && call->status / 100 == 2) {
		call->result = answer ? answer : json_object();
	} else {
		read_stranger(call, platform);
		json_free(answer);
	}
}

/* The request's headers, and the one that lets us in, if any. The list is owned. */
static const char **
all_headers(const struct api_request *request, const char *authorization)
{
	const char **headers;
	size_t count = 0;

	while (request->headers && request->headers[count])
		count++;
	headers = xmalloc((count + 2) * sizeof *headers);
	if (count)
		memcpy(headers, request->headers, count * sizeof *headers);
	headers[count] = authorization;
	headers[count + 1] = NULL;
	return headers;
}

/* Send it, with what is made for it only while it is on its way. */
static void
send_request(const struct api_request *request, struct http_reply *reply)
{
	char *json = request->json ? json_string(request->json) : NULL;
	char *authorization = request->token ? xformat("Authorization: %s %s",
		request->scheme ? request->scheme : "Bearer", request->token) : NULL;
	const char **headers = all_headers(request, authorization);
	struct http_request asked = {.method = request->method, .url = request->url,
		.headers = headers, .body = json ? json : request->body,
		.length = json ? strlen(json) : request->length, .repeatable = request->repeatable,
		.limit = request->limit > 0 ? request->limit : adapter_left(), .most = request->most,
		.proxy = adapter_setting("PROXY"), .ca = adapter_setting("CA_FILE")};

	if (request->direct)
		asked.proxy = "";
	http_ask(&asked, reply);
	free(headers);
	free(authorization);
	free(json);
}

void
api_ask(const struct api_platform *platform, const struct api_request *request,
	struct api_call *call)
{
	struct http_reply reply = {0};

	send_request(request, &reply);
	*call = (struct api_call){.status = reply.status, .retry_after = reply.retry_after};
	if (reply.outcome == HTTP_ANSWERED)
		read_answer(call, platform, &reply.body);
	else
		read_silence(call, &reply);
	if (request->token && call->why)
		blot(call->why, request->token);
	if (platform->rest && reply.outcome == HTTP_ANSWERED)
		call->rest = platform->rest(&reply);
	call->headers = reply.headers;
	reply.headers = (struct text)TEXT_INIT;
	http_release(&reply);
}

struct json *
api_error(const struct api_call *call)
{
	struct json *answer = answer_error(call->class, call->why, call->remedy);

	if (call->retry_after >= 0)
		json_put_number(answer, "error.retry_after", call->retry_after);
	return answer;
}

struct json *
api_failure(const struct api_call *call, const char *outcome)
{
	struct json *answer = call->unknown ? answer_unknown(call->why)
		: answer_not(outcome, call->class, call->why, call->remedy);

	if (call->retry_after >= 0)
		json_put_number(answer, "retry_after", call->retry_after);
	return answer;
}
