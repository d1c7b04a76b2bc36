/* SPDX-License-Identifier: MIT */
/*
 * Signed requests, as Standard Webhooks has them: the id, the time and the body are joined
 * by dots and signed with the secret. The id is the same for the same message, so the
 * receiver can tell a repetition; the time is that of this attempt.
 */
#include "webhook.h"

#include "die.h"
#include "figures.h"
#include "hmac.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT_BESIDE = 15, BATCH = 100 };

static const char address[] = "mend the receiver's address";
static const char permit[] = "look at the secret and the token, which the receiver must know, too";
static const char slow[] = "the receiver is asked again later";

/* 408 and what is above 499 may have been taken: they are asked again, under the same key. */
static const struct api_meaning meanings[] = {
	{301, NULL, NULL, "config", address},
	{302, NULL, NULL, "config", address},
	{303, NULL, NULL, "config", address},
	{307, NULL, NULL, "config", address},
	{308, NULL, NULL, "config", address},
	{401, NULL, NULL, "config", permit},
	{403, NULL, NULL, "config", permit},
	{404, NULL, NULL, "config", address},
	{405, NULL, NULL, "config", address},
	{408, NULL, NULL, "unknown", slow},
	{410, NULL, NULL, "chat", "the receiver takes no messages there any more; choose another"},
	{425, NULL, NULL, "transient", slow},
	{429, NULL, NULL, "transient", slow},
	{501, NULL, NULL, "config", "the receiver does not know this kind of message"},
	{0}};

static enum api_answer
read_answer(const struct json *answer, struct api_refusal *refusal)
{
	static char status[32];
	const char *words = json_text_or(answer, "error.message", json_text_or(answer, "error",
		json_text_or(answer, "message", "")));

	if (refusal->status / 100 == 2)
		return API_FINE;
	snprintf(status, sizeof status, "HTTP %d", refusal->status);
	refusal->words = *words ? words : status;
	return API_REFUSED;
}

static const struct api_platform receiver = {.name = "the receiver", .read = read_answer,
	.meanings = meanings, .needs = webhook_needs, .by_status = true};

/* The bytes that a secret stands for. */
static void
read_secret(struct text *key)
{
	const char *secret = adapter_required("SECRET", "make one: echo \"whsec_$(openssl rand -base64 24)\"");

	if (!strncmp(secret, "whsec_", 6) && base64_read(key, secret + 6) && key->length >= 16)
		return;
	die(EX_SETUP, "%s is no secret of Standard Webhooks (whsec_ and 16 bytes or more in base64); "
		"make one: echo \"whsec_$(openssl rand -base64 24)\"", adapter_variable("SECRET"));
}

void
webhook_ready(void)
{
	const char *token = adapter_setting("TOKEN");
	struct text key = TEXT_INIT;

	adapter_required("URL", "it is the address that messages are posted to");
	read_secret(&key);
	text_release(&key);
	if (token && strpbrk(token, "\r\n"))
		die(EX_SETUP, "%s has more than one line", adapter_variable("TOKEN"));
}

/* Owned. */
static char *
sign(const char *id, const char *time, const char *body, size_t length)
{
	unsigned char digest[HMAC_LENGTH];
	struct text key = TEXT_INIT, signed_ = TEXT_INIT;

	read_secret(&key);
	text_format(&signed_, "%s.%s.", id, time);
	text_add(&signed_, body, length);
	hmac_sha256(&key, signed_.at, signed_.length, digest);
	text_release(&key);
	text_release(&signed_);
	return hmac_base64(digest);
}

bool
standard_signed(const char *id, const char *time, const char *signatures, const struct text *body)
{
	char *right = sign(id, time, body->at, body->length), *list = xstrdup(signatures), *rest;
	bool found = false;

	for (char *one = strtok_r(list, " ", &rest); one; one = strtok_r(NULL, " ", &rest))
		if (!strncmp(one, "v1,", 3))
			found |= hmac_same(one + 3, right);
	free(list);
	free(right);
	return found;
}

static void
ask(const char *url, const char *id, const char *body, double limit, struct api_call *call)
{
	char *time = xformat("%.0f", clock_now()), *made = sign(id, time, body, strlen(body));
	const char *token = adapter_setting("TOKEN");
	char *lines[] = {xformat("webhook-id: %s", id), xformat("webhook-timestamp: %s", time),
		xformat("webhook-signature: v1,%s", made), xformat("Idempotency-Key: %s", id)};
	const char *headers[] = {lines[0], lines[1], lines[2], lines[3], NULL};
	struct api_request request = {.url = url, .headers = headers, .token = token, .body = *body ? body : NULL,
		.length = strlen(body), .repeatable = true, .limit = limit};

	api_ask(&receiver, &request, call);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		free(lines[i]);
	free(made);
	free(time);
}

void
webhook_post(const char *key, const struct json *body, struct api_call *call)
{
	char *id = xformat("msg_%s", key), *string = json_string(body);

	ask(adapter_required("URL", ""), id, string, 0, call);
	free(string);
	free(id);
}

void
webhook_get(const char *after, double wait, struct api_call *call)
{
	const char *base = adapter_required("POLL_URL", "");
	char *id = xformat("poll_%.6f", clock_now());
	struct text url = TEXT_INIT;

	text_format(&url, "%s%climit=%d&wait=%.0f", base, strchr(base, '?') ? '&' : '?', BATCH, wait);
	if (after) {
		text_puts(&url, "&after=");
		http_escape(&url, after);
	}
	ask(url.at, id, "", wait + LIMIT_BESIDE, call);
	text_release(&url);
	free(id);
}
