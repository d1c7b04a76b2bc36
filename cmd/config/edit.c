/* SPDX-License-Identifier: MIT */
/*
 * set and unset: one setting changes, in the file where it belongs.
 */
#include "config.h"
#include "die.h"
#include "draft.h"
#include "secret.h"
#include "setting.h"
#include "verbs.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Whether the value belongs to .env: every secret that has a variable, every VARIABLE. */
static bool
goes_to_dotenv(const struct setting *setting)
{
	return setting->variable && (setting->secret || !setting->dotted);
}

static void
store_setting(const struct setting *setting, const char *value)
{
	bool in_dotenv = goes_to_dotenv(setting);
	struct draft draft = draft_begin(in_dotenv ? ".env" : "config.yaml");

	if (in_dotenv)
		draft_variable(&draft, setting->variable, value);
	else
		draft_key(&draft, setting->key, value);
	draft_save(&draft);
	setting_warn(setting, in_dotenv);
	if (out_human(&out))
		out_text("%s is set in %s\n", setting->key, in_dotenv ? ".env" : "config.yaml");
}

/* The value: from the command line, unless it is a secret; else from stdin. Owned. */
static char *
given_value(const struct setting *setting, const struct usage *usage, char **argv)
{
	bool from_stdin = argv[1] && !strcmp(argv[1], "-");
	char *prompt, *value;

	if (setting->secret && argv[1] && !from_stdin)
		opts_misused(usage, "%s: is a secret; others can see a command line: leave the "
			"value out and type it when asked, or pipe it in", setting->key);
	if (!setting->secret && !argv[1])
		opts_misused(usage, "%s: a value is needed, or - to read it from stdin",
			setting->key);
	if (argv[1] && !from_stdin)
		return xstrdup(argv[1]);
	prompt = xformat("%s: ", setting->key);
	value = secret_read(prompt);
	free(prompt);
	return value;
}

char *
take_negative(int *argc, char **argv)
{
	char *last = argv[*argc - 1];

	if (*argc < 3 || last[0] != '-' || !isdigit((unsigned char)last[1]))
		return NULL;
	argv[--*argc] = NULL;
	return last;
}

int
run_set(int argc, char **argv)
{
	const struct usage usage = {"set KEY VALUE\nset KEY -\nset SECRET",
		"Change one setting; comments and order stay. A secret is read from stdin only.",
		out_opts};
	char *negative = take_negative(&argc, argv);
	int count = opts_parse(argc, argv, &usage);
	struct setting setting;
	char *value;

	if (negative)
		argv[count++] = negative;
	argv[count] = NULL;
	if (count < 1 || count > 2)
		opts_misused(&usage, "a KEY and a VALUE are needed");
	config_tree(); /* a broken file is not edited */
	setting = setting_named(argv[0]);
	value = given_value(&setting, &usage, argv);
	store_setting(&setting, value);
	setting_release(&setting);
	free(value);
	return 0;
}

int
run_unset(int argc, char **argv)
{
	const struct usage usage = {"unset KEY", "Remove one setting from config.yaml and .env.",
		out_opts};
	struct setting setting;
	struct draft draft;
	struct json *in_file;

	if (opts_parse(argc, argv, &usage) != 1)
		opts_misused(&usage, "one KEY is needed");
	setting = setting_named(argv[0]);
	in_file = setting.dotted ? json_at(config_tree(), argv[0]) : NULL;
	if (!in_file && !(goes_to_dotenv(&setting) && json_has(config_dotenv(), setting.variable)))
		die(EX_NO, "%s: is in neither file", argv[0]);
	if (in_file) {
		draft = draft_begin("config.yaml");
		draft_key(&draft, argv[0], NULL);
		draft_save(&draft);
	}
	if (goes_to_dotenv(&setting) && json_has(config_dotenv(), setting.variable)) {
		draft = draft_begin(".env");
		draft_variable(&draft, setting.variable, NULL);
		draft_save(&draft);
	}
	setting_warn(&setting, goes_to_dotenv(&setting));
	setting_release(&setting);
	json_free(in_file);
	return 0;
}
