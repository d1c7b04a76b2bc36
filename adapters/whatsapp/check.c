/* SPDX-License-Identifier: MIT */
/*
 * What is missing, either way. Whether people's words come in cannot be asked of Meta with
 * the token that sends: it is looked whether a call of Meta's could be understood here.
 */
#include "whatsapp.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

static void
check_home(struct json *facts, struct json *problems, bool lets_in, bool readable)
{
	char *chat = whatsapp_home() ? chat_of(whatsapp_home()) : NULL;
	struct json *place = chat ? whatsapp_place(chat, NULL) : NULL;

	if (!whatsapp_home())
		return;
	if (!chat)
		problem_add(problems, "home: it is not a chat of WhatsApp's",
			"set WHATSAPP_HOME_CHANNEL to a number, with the country's code");
	else
		json_put_text(facts, "home.kind", json_text(place, "kind"));
	if (chat)
		json_put_text(facts, "home.name", chat);
	json_put_true(facts, "home.reachable", chat && lets_in);
	json_put_true(facts, "home.threads", false);
	json_put_true(facts, "home.readable", chat && readable);
	json_free(place);
	free(chat);
}

static void
check_cloud(struct json *answer, struct json *facts, struct json *problems)
{
	struct api_call call = cloud_ask("?fields=display_phone_number,verified_name", NULL);
	bool hears = adapter_setting("CLOUD_APP_SECRET");

	json_put_true(facts, "token", call.result);
	json_put_text(answer, "name", json_text_or(call.result, "verified_name",
		json_text_or(call.result, "display_phone_number", whatsapp_account())));
	if (!call.result)
		problem_add(problems, call.why, call.remedy);
	if (!hears)
		problem_add(problems, "what people write cannot be heard: Meta's calls cannot be "
			"verified", "set WHATSAPP_CLOUD_APP_SECRET: developers.facebook.com shows it under "
			"App settings, Basic");
	if (!adapter_setting("CLOUD_VERIFY_TOKEN"))
		problem_add(problems, "Meta cannot be told that it is us whom it calls",
			"set WHATSAPP_CLOUD_VERIFY_TOKEN to a word of your own, and enter it with the webhook");
	check_home(facts, problems, call.result, hears);
	api_release(&call);
}

static void
check_bridge(struct json *answer, struct json *facts, struct json *problems)
{
	struct api_call call = bridge_ask("/health", NULL, 0);
	bool connected = !strcmp(json_text_or(call.result, "status", ""), "connected");

	json_put_text(answer, "name", "bridge");
	json_put_true(facts, "token", connected);
	json_put_true(facts, "proxy", false);
	json_put_text(facts, "bridge", json_text_or(call.result, "status", "not there"));
	if (!call.result)
		problem_add(problems, call.why, call.remedy ? call.remedy
			: "start the bridge, or set WHATSAPP_BRIDGE_URL to where it is");
	else if (!connected)
		problem_add(problems, "the bridge is not connected to WhatsApp",
			"look at what it prints: it may want its QR code scanned");
	check_home(facts, problems, connected, connected);
	api_release(&call);
}

struct json *
whatsapp_check(const struct json *question)
{
	struct json *answer = json_object(), *facts = json_object(), *problems = json_array();

	(void)question;
	json_put_text(answer, "account", whatsapp_account());
	json_put_text(facts, "mode", whatsapp_bridged() ? "bridge" : "cloud");
	if (whatsapp_bridged())
		check_bridge(answer, facts, problems);
	else
		check_cloud(answer, facts, problems);
	return check_done(answer, facts, problems);
}
