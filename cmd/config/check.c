/* SPDX-License-Identifier: MIT */
/*
 * check: everything is parsed (what cannot be ends the program with 78), and what
 * nobody knows is named.
 */
#include "config.h"
#include "die.h"
#include "home.h"
#include "platform.h"
#include "setting.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

static void
add_warning(struct json *warnings, char *words)
{
	warn("%s", words);
	json_append(warnings, json_new_text(words, strlen(words)));
	free(words);
}

/* Whether the adapter, or the core, knows this variable. */
static bool
is_declared(const struct json *about, const char *platform, const char *variable)
{
	static const char *const common[] = {"enabled", "home_channel", "home_channel.thread_id",
		"home_channel.name", "allowed_users", "base_url", "proxy", "shared"};
	bool found = false;

	for (size_t i = 0; !found && i < sizeof common / sizeof *common; i++) {
		char *name = config_name(platform, common[i]);

		found = !strcmp(name, variable);
		free(name);
	}
	return found || json_lists(about, "config", "name", variable);
}

struct unknown {
	const char *platform;
	const struct json *about;
	struct json *warnings;
};

static void
check_key(const char *key, const struct json *item, void *data)
{
	struct unknown *unknown = data;
	char *variable = setting_variable(key);

	(void)item;
	if (variable && !is_declared(unknown->about, unknown->platform, variable))
		add_warning(unknown->warnings,
			xformat("%s: the adapter knows no such setting", key));
	free(variable);
}

static void
check_platform(const char *platform, const struct json *item, void *data)
{
	struct unknown unknown = {platform, NULL, data};
	char *why = NULL, *path = xformat("platforms.%s", platform);
	int status;

	(void)item;
	if (platform_valid(platform)) {
		config_enabled(platform); /* ends the program when it is no truth */
		unknown.about = platform_about(platform, &status, &why);
	} else {
		why = xstrdup("that is no platform's name");
	}
	if (unknown.about)
		setting_each(path, check_key, &unknown);
	else
		add_warning(data, xformat("%s: %s", path, why));
	free(why);
	free(path);
}

static void
check_person(const char *person, const struct json *identities, void *data)
{
	for (size_t i = 0; i < json_count(identities, "") || !i; i++) {
		struct json *identity = json_item(identities, "", i);
		const char *text = json_text_or(identity, "", ""), *colon = strchr(text, ':');
		char *platform = xformat("%.*s", colon ? (int)(colon - text) : 0, text);
		const char *first = colon ? config_person(platform, colon + 1) : NULL;

		if (!first || !colon[1])
			add_warning(data, xformat("session.identityLinks.%s: needs a list of "
				"\"platform:user\"", person));
		else if (strcmp(first, person) != 0)
			add_warning(data, xformat("session.identityLinks: %s belongs to both %s "
				"and %s", text, first, person));
		free(platform);
		json_free(identity);
	}
}

/* The platform that a target names, or the whole of it. */
static void
check_target(const char *name, const char *target, struct json *warnings)
{
	char *platform = xformat("%.*s", (int)strcspn(target, ":"), target);
	char *program = platform_program(platform), *path = xformat("targets.%s", target);

	if (!program && (strchr(target, ':') || !json_has(config_tree(), path)))
		add_warning(warnings, xformat("targets.%s: %s: no such platform, and no such name", name,
			target));
	free(path);
	free(program);
	free(platform);
}

static void
check_name(const char *name, const struct json *means, void *data)
{
	char *program = platform_program(name);
	struct json *items = config_items(means);

	if (program)
		add_warning(data, xformat("targets.%s: is a platform's name, and keeps that meaning", name));
	if (!json_count(items, ""))
		add_warning(data, xformat("targets.%s: needs a target, or a list of targets", name));
	for (size_t i = 0; i < json_count(items, ""); i++) {
		struct json *item = json_item(items, "", i);

		check_target(name, json_text_or(item, "", ""), data);
		json_free(item);
	}
	json_free(items);
	free(program);
}

int
run_check(int argc, char **argv)
{
	const struct usage usage = {"check",
		"Parse everything, and look for settings nobody knows.", out_opts};
	struct json *warnings = json_array(), *answer = json_object();

	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operand is taken");
	json_each(config_tree(), "platforms", check_platform, warnings);
	json_each(config_tree(), "session.identityLinks", check_person, warnings);
	json_each(config_tree(), "targets", check_name, warnings);
	if (out_human(&out))
		out_text("%s can be read\n", home_path());
	json_put_true(answer, "ok", true);
	json_put(answer, "warnings", warnings);
	if (!out_human(&out))
		out_json(&out, answer);
	json_free(answer);
	return 0;
}
