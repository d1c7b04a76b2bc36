/* SPDX-License-Identifier: MIT */
/*
 * Asking WhatsApp, either way. The Cloud API refuses with numbers, of which there are many,
 * and often later: it takes a text, and a webhook tells that it did not arrive. The bridge
 * refuses with a status and words. Neither knows a key under which a text is known again.
 */
#include "whatsapp.h"

#include "die.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usual_version[] = "v23.0", usual_bridge[] = "http://127.0.0.1:3000";

bool
whatsapp_bridged(void)
{
	const char *mode = adapter_setting("MODE");

	if (mode)
		return strcmp(mode, "cloud") != 0;
	if (adapter_setting("CLOUD_ACCESS_TOKEN"))
		return false;
	if (!adapter_setting("BRIDGE_URL"))
		die(EX_SETUP, "no way to WhatsApp; set WHATSAPP_CLOUD_ACCESS_TOKEN (from "
			"developers.facebook.com), or WHATSAPP_MODE to bridge");
	return true;
}

const char *
cloud_setting(const char *name)
{
	return adapter_word(name,
		"developers.facebook.com shows it with your app, under WhatsApp, API Setup");
}

const char *
whatsapp_account(void)
{
	return whatsapp_bridged() ? "bridge" : cloud_setting("CLOUD_PHONE_NUMBER_ID");
}

static const char mend_token[] = "make a new token at developers.facebook.com (a system user's "
	"does not expire), and set WHATSAPP_CLOUD_ACCESS_TOKEN";
static const char write_first[] = "WhatsApp lets a business write freely only within 24 hours of "
	"the person's last message: they must write to it first";

static const struct api_meaning cloud_meanings[] = {
	{0, "190", NULL, "config", mend_token},
	{0, "0", NULL, "config", mend_token},
	{0, "10", NULL, "config", "give the token the permission whatsapp_business_messaging"},
	{0, "200", NULL, "config", "give the token the permission whatsapp_business_messaging"},
	{0, "131005", NULL, "config", "give the token the permission whatsapp_business_messaging"},
	{0, "100", "does not exist", "config", "mend WHATSAPP_CLOUD_PHONE_NUMBER_ID"},
	{0, "133010", NULL, "config", "register the phone number: it is not yet"},
	{0, "131042", NULL, "config", "mend the business's way of payment, at business.facebook.com"},
	{0, "368", NULL, "config", "look at business.facebook.com: the account was restricted"},
	{0, "131031", NULL, "config", "look at business.facebook.com: the account was locked"},
	{0, "131047", NULL, "chat", write_first},
	{0, "131026", NULL, "chat", "look at the number: it has no WhatsApp, or an old one"},
	{0, "131030", NULL, "chat", "add the number to those a test number may write to, under API Setup"},
	{0, "131021", NULL, "chat", "choose a number other than the business's own"},
	{0, "131050", NULL, "chat", "the person wants no messages of this business"},
	{0, "131051", NULL, "request", NULL},
	{0, "131008", NULL, "request", NULL},
	{0, "131009", NULL, "request", NULL},
	{0, "100", NULL, "request", NULL},
	{0, "4", NULL, "transient", NULL},
	{0, "80007", NULL, "transient", NULL},
	{0, "130429", NULL, "transient", NULL},
	{0, "131056", NULL, "transient", NULL},
	{0, "131048", NULL, "transient", NULL},
	{0, "131016", NULL, "transient", NULL},
	{0, "131057", NULL, "transient", NULL},
	{0, "133004", NULL, "transient", NULL},
	{0, "1", NULL, "unknown", NULL},
	{0, "2", NULL, "unknown", NULL},
	{0, "131000", NULL, "unknown", NULL},
	{429, NULL, NULL, "transient", NULL},
	{401, NULL, NULL, "config", mend_token},
	{0}};

/* The numbers stand in "error", and mean more than the words. */
static void
read_error(const struct json *error, struct api_refusal *refusal)
{
	static char code[24];

	snprintf(code, sizeof code, "%.0f", json_number(error, "code", -1));
	refusal->code = code;
	refusal->words = json_text_or(error, "error_data.details",
		json_text_or(error, "message", json_text_or(error, "title", "")));
}

static enum api_answer
read_cloud(const struct json *answer, struct api_refusal *refusal)
{
	static char words[512]; /* the refusal borrows them */
	struct json *error = json_at(answer, "error");
	bool refused = json_is_object(error);

	if (refused) {
		read_error(error, refusal);
		snprintf(words, sizeof words, "%s", refusal->words);
		refusal->words = words;
	}
	json_free(error);
	return refused ? API_REFUSED : json_is_object(answer) ? API_FINE : API_STRANGE;
}

static const struct api_platform cloud = {.name = "WhatsApp", .read = read_cloud,
	.meanings = cloud_meanings, .needs = whatsapp_needs};

static const struct api_meaning bridge_meanings[] = {
	{503, NULL, NULL, "transient", "look at the bridge: it is not connected; perhaps it waits for "
		"its QR code to be scanned"},
	{400, NULL, "host", "config", "WHATSAPP_BRIDGE_URL must name this machine: 127.0.0.1 or localhost"},
	{400, NULL, NULL, "request", NULL},
	{0, NULL, NULL, "unknown", NULL},
	{0}};

static enum api_answer
read_bridge(const struct json *answer, struct api_refusal *refusal)
{
	refusal->words = json_text_or(answer, "error", "");
	if (*refusal->words)
		return API_REFUSED;
	return json_is_object(answer) || json_is_array(answer) ? API_FINE : API_STRANGE;
}

static const struct api_platform bridge = {.name = "the bridge", .read = read_bridge,
	.meanings = bridge_meanings, .needs = whatsapp_needs};

/* Takes `url` and `body`. */
static struct api_call
ask(const struct api_platform *platform, char *url, const char *token, struct json *body,
	double limit)
{
	struct api_request request = {.url = url, .token = token, .json = body,
		.repeatable = !body, .limit = limit, .direct = platform == &bridge};
	struct api_call call;

	api_ask(platform, &request, &call);
	json_free(body);
	free(url);
	return call;
}

struct api_call
cloud_ask(const char *path, struct json *body)
{
	const char *version = adapter_setting("CLOUD_API_VERSION");
	char *base = api_base("https://graph.facebook.com");
	struct text number = TEXT_INIT;
	struct api_call call;

	http_escape(&number, cloud_setting("CLOUD_PHONE_NUMBER_ID"));
	call = ask(&cloud, xformat("%s/%s/%s%s", base, version ? version : usual_version, number.at,
		path), cloud_setting("CLOUD_ACCESS_TOKEN"), body, 0);
	text_release(&number);
	free(base);
	return call;
}

struct api_call
bridge_ask(const char *path, struct json *body, double limit)
{
	const char *base = adapter_setting("BRIDGE_URL");
	size_t length;

	if (!base)
		base = usual_bridge;
	for (length = strlen(base); length && base[length - 1] == '/';)
		length--;
	return ask(&bridge, xformat("%.*s%s", (int)length, base, path), NULL, body, limit);
}

struct api_call
cloud_failure(const struct json *error)
{
	struct api_refusal refusal = {0, "", "", -1};
	struct api_call call;

	read_error(error, &refusal);
	api_refused(&cloud, &refusal, &call);
	return call;
}
