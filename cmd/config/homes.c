/* SPDX-License-Identifier: MIT */
/*
 * home: where a platform's handoffs go when no other place is named, and who would
 * read there. The adapter turns what a person types into the place.
 */
#include "audience.h"
#include "config.h"
#include "die.h"
#include "draft.h"
#include "figures.h"
#include "platform.h"
#include "setting.h"
#include "trouble.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

/* Ask the adapter where the words lead; owned. Ends the program when they lead nowhere. */
static struct json *
resolve(const char *platform, const char *words)
{
	struct json *question = json_object(), *answer;
	const char *remedy;
	char *why;
	int status;

	json_put_text(question, "words", words);
	answer = platform_ask(platform, "resolve", question, figure_adapter(), &status, &why);
	json_free(question);
	if (!answer)
		die(status ? status : EX_AWAY, "%s: %s", platform, why);
	remedy = json_text(answer, "error.remedy");
	if (json_has(answer, "error"))
		die(trouble_code(json_text_or(answer, "error.class", "request")), "%s: %s%s%s",
			platform, json_text_or(answer, "error.why", "the address leads nowhere"),
			remedy ? "; " : "", remedy ? remedy : "");
	if (!json_text(answer, "place.chat") && !json_text(answer, "place.user"))
		die(EX_AWAY, "%s: the adapter's answer names no chat", platform);
	return answer;
}

static void
draft_home(struct draft *draft, const char *platform, const char *key, const char *value)
{
	char *path = xformat("platforms.%s.home_channel%s", platform, key);

	draft_key(draft, path, value);
	free(path);
}

static void
store_home(const char *platform, const struct json *answer)
{
	const char *chat = json_text_or(answer, "place.chat", json_text(answer, "place.user"));
	char *path = xformat("platforms.%s.home_channel", platform);
	struct setting setting = setting_named(path);
	struct draft draft;

	draft = draft_begin("config.yaml");
	if (config_text(path))
		draft_key(&draft, path, NULL); /* a plain scalar becomes a mapping */
	draft_home(&draft, platform, ".chat_id", chat);
	draft_home(&draft, platform, ".thread_id", json_text(answer, "place.thread"));
	draft_home(&draft, platform, ".name", json_text(answer, "place.name"));
	draft_save(&draft);
	setting_warn(&setting, false);
	setting_release(&setting);
	free(path);
}

static void
print_home(const char *platform, const struct json *answer)
{
	const char *chat = json_text_or(answer, "place.chat", json_text(answer, "place.user"));
	const char *thread = json_text(answer, "place.thread");
	struct json *line = json_object(), *audience = json_at(answer, "audience");
	char *words = audience_words(audience);

	json_put_text(line, "id", chat);
	json_put_text(line, "platform", platform);
	json_put_text(line, "chat", chat);
	if (thread)
		json_put_text(line, "thread", thread);
	if (out_human(&out))
		out_text("%s %s%s%s; who would read there: %s\n", platform, chat,
			thread ? " / " : "", thread ? thread : "", words);
	json_put(line, "place", json_at(answer, "place"));
	json_put(line, "audience", audience ? audience : json_object());
	if (!out_human(&out))
		out_json(&out, line);
	json_free(line);
	free(words);
}

/* Without an adapter there is nobody to ask: the address is taken as it is typed. */
static struct json *
literal(const char *platform, const char *chat)
{
	struct json *answer = json_object();

	warn("%s: there is no adapter to ask; the address is taken as it is", platform);
	json_put_text(answer, "place.chat", chat);
	return answer;
}

int
run_home(int argc, char **argv)
{
	const struct usage usage = {"home PLATFORM [ADDRESS]",
		"Show or set the place that a platform's handoffs go to, and who would read there.",
		out_opts};
	char *negative = take_negative(&argc, argv), *program;
	int count = opts_parse(argc, argv, &usage);
	struct json *answer;

	if (negative)
		argv[count++] = negative;
	if (count < 1 || count > 2)
		opts_misused(&usage, "a PLATFORM is needed, and at most one ADDRESS");
	if (!platform_valid(argv[0]))
		opts_misused(&usage, "%s: is no platform's name", argv[0]);
	if (count == 1 && !config_platform(argv[0], "home_channel"))
		die(EX_SETUP, "%s: no home channel; set it with: hermes config home %s ADDRESS",
			argv[0], argv[0]);
	program = platform_program(argv[0]);
	if (count == 1)
		answer = program ? resolve(argv[0], "")
			: literal(argv[0], config_platform(argv[0], "home_channel"));
	else
		answer = program ? resolve(argv[0], argv[1]) : literal(argv[0], argv[1]);
	if (count == 2)
		store_home(argv[0], answer);
	print_home(argv[0], answer);
	json_free(answer);
	free(program);
	return 0;
}
