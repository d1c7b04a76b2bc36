/* SPDX-License-Identifier: MIT */
/*
 * platforms: those with an adapter, and what each still needs.
 */
#include "config.h"
#include "platform.h"
#include "setting.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

/* The required variables that nothing sets; owned. */
static struct json *
missing_variables(const struct json *about)
{
	struct json *missing = json_array();

	for (size_t i = 0; i < json_count(about, "config"); i++) {
		struct json *item = json_item(about, "config", i);
		const char *name = json_text(item, "name"), *layer;

		if (name && json_true(item, "required") && !config_need(item, &layer))
			json_append(missing, json_new_text(name, strlen(name)));
		json_free(item);
	}
	return missing;
}

static struct json *
describe_platform(const char *platform)
{
	struct json *line = json_object(), *missing;
	char *why;
	int status;
	const struct json *about = platform_about(platform, &status, &why);

	missing = missing_variables(about);
	json_put_text(line, "id", platform);
	json_put_text(line, "platform", platform);
	json_put_text(line, "name", json_text_or(about, "name", platform));
	json_put_true(line, "enabled", config_enabled(platform));
	json_put_true(line, "configured", about && !json_count(missing, ""));
	if (config_platform(platform, "home_channel"))
		json_put_text(line, "home", config_platform(platform, "home_channel"));
	if (why)
		json_put_text(line, "error", why);
	json_put(line, "missing", missing);
	free(why);
	return line;
}

static void
print_platform(const struct json *line, struct table *table)
{
	struct json *missing = json_at(line, "missing");
	char *names = setting_joined(missing);
	const char *wrong = json_text_or(line, "error", *names ? names : NULL);

	if (table)
		table_row(table, (const char *const[]){json_text(line, "platform"),
			json_true(line, "enabled") ? "yes" : "no",
			json_true(line, "configured") ? "yes" : "no", json_text(line, "home"),
			wrong});
	else
		out_json(&out, line);
	free(names);
	json_free(missing);
}

int
run_platforms(int argc, char **argv)
{
	const struct usage usage = {"platforms [-q]",
		"List the platforms that have an adapter, and what each still needs.", out_opts};
	struct json *names;
	struct table rows, *table = NULL;

	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operand is taken");
	config_tree();
	names = platform_names();
	if (out_human(&out)) {
		table = &rows;
		table_begin(table, 5, (const char *const[]){"PLATFORM", "ENABLED", "CONFIGURED",
			"HOME", "MISSING"});
	}
	for (size_t i = 0; i < json_count(names, ""); i++) {
		struct json *name = json_item(names, "", i), *line;

		if (out.quiet) {
			out_text("%s\n", json_text(name, ""));
		} else {
			line = describe_platform(json_text(name, ""));
			print_platform(line, table);
			json_free(line);
		}
		json_free(name);
	}
	if (table)
		table_end(table);
	json_free(names);
	return 0;
}
