/* SPDX-License-Identifier: MIT */
/*
 * get and list: what is in effect and which layer decided. A secret is only said to
 * be set.
 */
#include "config.h"
#include "die.h"
#include "dotenv.h"
#include "secret.h"
#include "setting.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

/* A setting as it is printed: a secret is only said to be set. Owned. */
static struct json *
describe(const struct setting *setting, const char *value, const char *layer)
{
	struct json *line = json_object();
	char *shown = secret_shown(value);

	json_put_text(line, "id", setting->key);
	json_put_text(line, "key", setting->key);
	if (setting->variable && setting->dotted)
		json_put_text(line, "variable", setting->variable);
	if (setting->secret)
		json_put_true(line, "set", true);
	else
		json_put_text(line, "value", shown);
	json_put_true(line, "secret", setting->secret);
	json_put_text(line, "from", layer);
	free(shown);
	return line;
}

/* What `get` was asked for and found below a key that is a mapping. */
static void
print_setting(const char *key, const struct json *item, void *data)
{
	struct setting setting = setting_named(key);
	const char *layer;
	char *value = setting_value(&setting, &layer);
	struct table *table = data;

	if (!value && !setting.variable) /* no dotted path can name it: gpt-4.1 */
		value = setting_joined(item);
	if (!value) {
		setting_release(&setting); /* hidden by an empty variable */
		return;
	}
	if (table) {
		char *shown = setting.secret ? xstrdup("(set, secret)") : secret_shown(value);

		table_row(table, (const char *const[]){key, shown, layer});
		free(shown);
	} else {
		struct json *line = describe(&setting, value, layer);

		out_json(&out, line);
		json_free(line);
	}
	free(value);
	setting_release(&setting);
}

static int
print_mapping(const char *key)
{
	struct json *item = json_at(config_tree(), key);
	bool mapping = json_is_object(item);

	json_free(item);
	if (!mapping)
		return EX_NO;
	setting_each(key, print_setting, NULL);
	return 0;
}

static void
print_value(const struct setting *setting, const char *value, const char *layer)
{
	struct json *line = describe(setting, value, layer);

	if (out.json || out.filter)
		out_json(&out, line);
	else
		out_text("%s\n", setting->secret ? "set" : json_text(line, "value"));
	if (setting->secret && !out.json && !out.filter)
		warn("%s: is a secret (from %s); its value is never printed", setting->key, layer);
	json_free(line);
}

int
run_get(int argc, char **argv)
{
	const struct usage usage = {"get KEY [--json]",
		"Print one setting's value: a dotted key of config.yaml, or a VARIABLE.", out_opts};
	struct setting setting;
	const char *layer;
	char *value;

	if (opts_parse(argc, argv, &usage) != 1)
		opts_misused(&usage, "one KEY is needed");
	setting = setting_named(argv[0]);
	value = setting_value(&setting, &layer);
	if (!value && setting.dotted && !print_mapping(argv[0]))
		return 0;
	if (!value)
		die(EX_NO, "%s: not set", argv[0]);
	print_value(&setting, value, layer);
	setting_release(&setting);
	free(value);
	return 0;
}

/* The variables of the file's own keys, so that `list` says nothing twice. */
static void
note_variable(const char *key, const struct json *item, void *data)
{
	char *variable = setting_variable(key);

	(void)item;
	if (variable)
		json_put_true(data, variable, true);
	free(variable);
}

struct listing {
	struct json *said;
	struct table *table;
};

static void
list_variable(const char *name, const struct json *item, void *data)
{
	struct listing *listing = data;

	if (json_true(listing->said, name))
		return;
	json_put_true(listing->said, name, true);
	print_setting(name, item, listing->table);
}

/* Of the environment only what is ours: a platform's settings, and HERMES_ variables. */
static void
list_environment(struct listing *listing)
{
	for (char **at = environ; *at; at++) {
		char *name = xformat("%.*s", (int)strcspn(*at, "="), *at);

		if (getenv(name) && *getenv(name) && dotenv_name(name, strlen(name))
			&& (config_owner(name) || !strncmp(name, "HERMES_", 7)))
			list_variable(name, NULL, listing);
		free(name);
	}
}

int
run_list(int argc, char **argv)
{
	const struct usage usage = {"list",
		"Print every setting in effect and where it comes from.", out_opts};
	struct table table;
	struct listing listing = {json_object(), NULL};

	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operand is taken");
	config_tree();
	if (out_human(&out)) {
		table_begin(&table, 3, (const char *const[]){"SETTING", "VALUE", "FROM"});
		listing.table = &table;
	}
	setting_each("", print_setting, listing.table);
	setting_each("", note_variable, listing.said);
	json_each(config_dotenv(), "", list_variable, &listing);
	list_environment(&listing);
	if (listing.table)
		table_end(&table);
	json_free(listing.said);
	return 0;
}
