/* SPDX-License-Identifier: MIT */
#include "setting.h"

#include "config.h"
#include "die.h"
#include "dotenv.h"
#include "platform.h"
#include "secret.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

char *
setting_variable(const char *key)
{
	char *platform, *variable = NULL;
	const char *rest;

	if (!strncmp(key, "agent.", 6)) {
		variable = xformat("HERMES_AGENT_%s", key + 6);
		for (char *at = variable; *at; at++)
			*at = isalnum((unsigned char)*at) ? (char)toupper((unsigned char)*at) : '_';
	} else if (!strncmp(key, "platforms.", 10) && (rest = strchr(key + 10, '.'))) {
		platform = xformat("%.*s", (int)(rest - key - 10), key + 10);
		if (platform_valid(platform) && rest[1])
			variable = config_name(platform, rest + 1);
		free(platform);
	}
	return variable;
}

static bool
is_variable(const char *key)
{
	return dotenv_name(key, strlen(key)) && !key[strcspn(key, "abcdefghijklmnopqrstuvwxyz")];
}

struct setting
setting_named(const char *key)
{
	struct setting setting = {.key = key, .dotted = !is_variable(key)};

	setting.variable = setting.dotted ? setting_variable(key) : xstrdup(key);
	setting.secret = secret_is(setting.variable ? setting.variable : key);
	return setting;
}

void
setting_release(struct setting *setting)
{
	free(setting->variable);
	setting->variable = NULL;
}

char *
setting_joined(const struct json *item)
{
	struct text joined = TEXT_INIT;

	if (json_is_text(item))
		return xstrdup(json_text(item, ""));
	if (!json_is_array(item))
		return NULL;
	for (size_t i = 0; i < json_count(item, ""); i++) {
		struct json *each = json_item(item, "", i);

		/* What is nested in a list may hold a secret. */
		text_format(&joined, "%s%s", i ? "," : "", json_text_or(each, "", "{...}"));
		json_free(each);
	}
	return text_take(&joined);
}

char *
setting_value(const struct setting *setting, const char **layer)
{
	struct json *item;
	const char *value;
	char *text;

	if (setting->variable) {
		value = config_setting(setting->variable, layer);
		return value ? xstrdup(value) : NULL;
	}
	*layer = "config.yaml";
	item = json_at(config_tree(), setting->key);
	text = item ? setting_joined(item) : NULL;
	json_free(item);
	return text;
}

void
setting_warn(const struct setting *setting, bool in_dotenv)
{
	if (setting->variable && getenv(setting->variable))
		warn("%s: the environment's %s still decides", setting->key, setting->variable);
	else if (setting->variable && !in_dotenv && json_has(config_dotenv(), setting->variable))
		warn("%s: %s in .env still decides; remove it with: hermes config unset %s",
			setting->key, setting->variable, setting->variable);
}

struct walk {
	const char *path;
	void (*call)(const char *key, const struct json *item, void *data);
	void *data;
};

static void
walk_item(const char *key, const struct json *item, void *data)
{
	const struct walk *walk = data;
	char *path = xformat("%s%s%s", walk->path, *walk->path ? "." : "", key);
	struct walk inner = {path, walk->call, walk->data};

	if (json_is_object(item))
		json_each(item, "", walk_item, &inner);
	else if (json_is_text(item) || json_is_array(item))
		walk->call(path, item, walk->data);
	free(path);
}

void
setting_each(const char *path, void (*call)(const char *, const struct json *, void *), void *data)
{
	struct walk walk = {path, call, data};

	json_each(config_tree(), path, walk_item, &walk);
}
