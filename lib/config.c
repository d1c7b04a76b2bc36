/* SPDX-License-Identifier: MIT */
/*
 * Three layers, one question: the environment, else .env, else config.yaml. The file's
 * sections for platforms and the agent are turned into the variables they stand for
 * when they are read, so that all three layers speak of the same names.
 */
#include "config.h"

#include "die.h"
#include "dotenv.h"
#include "home.h"
#include "installed.h"
#include "whole.h"
#include "yamlnode.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static struct json *tree;      /* config.yaml */
static struct json *dotenv;    /* .env: {VARIABLE: text} */
static struct json *platforms; /* what the file sets: {platform: {VARIABLE: text}} */
static struct json *agent;     /* the same for the agent: {VARIABLE: text} */

static struct json *
parse_yaml(const char *bytes, size_t length, char **why)
{
	struct node *root = node_read(bytes, length, why);
	struct json *json = root ? node_json(root) : NULL;

	node_free(root);
	return json;
}

static struct json *
read_file(const char *name, struct json *(*parse)(const char *, size_t, char **))
{
	char *path = home_file(name), *why = NULL;
	struct text bytes = TEXT_INIT;
	struct json *parsed = NULL;

	if (whole_read(path, &bytes, &why) >= 0)
		parsed = parse(bytes.at, bytes.length, &why);
	if (!parsed)
		die(EX_SETUP, "%s: %s", path, why);
	text_release(&bytes);
	free(path);
	return parsed;
}

/* A variable's name: PREFIX_KEY in capitals; what is neither letter nor digit is "_". Owned. */
static char *
variable_name(const char *prefix, const char *key)
{
	char *name = xformat("%s_%s", prefix, key);

	for (char *at = name; *at; at++)
		*at = isalnum((unsigned char)*at) ? (char)toupper((unsigned char)*at) : '_';
	return name;
}

char *
config_name(const char *platform, const char *key)
{
	if (!strcmp(key, "token"))
		key = "bot_token";
	if (!strcmp(key, "home_channel.chat_id"))
		key = "home_channel";
	return variable_name(platform, key);
}

/* A section of the file on its way to becoming variables. */
struct section {
	const char *platform; /* NULL: the agent's */
	const char *path;     /* of the mapping being walked; "" at the top */
	struct json *variables;
};

static char *
join_items(const struct json *list)
{
	struct text joined = TEXT_INIT;

	for (size_t i = 0; i < json_count(list, ""); i++) {
		struct json *item = json_item(list, "", i);

		if (json_is_text(item))
			text_format(&joined, "%s%s", joined.length ? "," : "", json_text(item, ""));
		json_free(item);
	}
	return text_take(&joined);
}

static void
add_setting(const char *key, const struct json *item, void *data)
{
	struct section *section = data;
	char *path = xformat("%s%s%s", section->path, *section->path ? "." : "", key);
	char *name = section->platform ? config_name(section->platform, path)
		: variable_name("hermes_agent", path);

	if (json_is_object(item)) {
		struct section inner = {section->platform, path, section->variables};

		json_each(item, "", add_setting, &inner);
	} else if (json_is_array(item)) {
		char *joined = join_items(item);

		json_put_text(section->variables, name, joined);
		free(joined);
	} else if (json_is_text(item)) {
		json_put_text(section->variables, name, json_text(item, ""));
	}
	free(name);
	free(path);
}

static void
add_platform(const char *platform, const struct json *item, void *data)
{
	struct section section = {platform, "", json_object()};

	(void)data;
	json_each(item, "", add_setting, &section);
	if (platform_valid(platform))
		json_put(platforms, platform, section.variables);
	else
		json_free(section.variables);
}

static void
load(void)
{
	struct section section = {NULL, "", NULL};

	if (tree)
		return;
	dotenv = read_file(".env", dotenv_read);
	platforms = json_object();
	agent = section.variables = json_object();
	tree = read_file("config.yaml", parse_yaml);
	json_each(tree, "platforms", add_platform, NULL);
	json_each(tree, "agent", add_setting, &section);
}

const struct json *
config_tree(void)
{
	load();
	return tree;
}

const struct json *
config_dotenv(void)
{
	load();
	return dotenv;
}

const char *
config_text(const char *path)
{
	return json_text(config_tree(), path);
}

static bool
truth(const char *what, const char *text)
{
	static const char *const words[] = {"yes", "true", "on", "1", "no", "false", "off", "0"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcasecmp(text, words[i]))
			return i < 4;
	die(EX_SETUP, "%s: \"%s\" is neither true nor false", what, text);
}

bool
config_true(const char *path, bool otherwise)
{
	const char *text = config_text(path);

	return text && *text ? truth(path, text) : otherwise;
}

/* The upper two layers. A variable that is set but empty hides the layers below it. */
static bool
variable_set(const char *name, const char **value)
{
	*value = getenv(name);
	if (!*value)
		*value = json_text(config_dotenv(), name);
	return *value;
}

static const char *
filled(const char *text)
{
	return text && *text ? text : NULL;
}

const char *
config_variable(const char *name)
{
	const char *value;

	return variable_set(name, &value) ? filled(value) : NULL;
}

const char *
config_platform(const char *platform, const char *key)
{
	char *name = config_name(platform, key), *path;
	const char *value = NULL;

	if (platform_valid(platform) && !variable_set(name, &value)) {
		path = xformat("%s.%s", platform, name);
		value = json_text(platforms, path);
		free(path);
	}
	free(name);
	return filled(value);
}

bool
config_platform_true(const char *platform, const char *key)
{
	const char *text = config_platform(platform, key);

	return text && truth(key, text);
}

/* The next item of a text of items, its length in *length; NULL: that was the last. */
static const char *
next_item(const char **list, size_t *length)
{
	const char *item = *list + strspn(*list, " \t,");

	if (!*item)
		return NULL;
	*length = strcspn(item, ",");
	*list = item + *length;
	while (item[*length - 1] == ' ' || item[*length - 1] == '\t')
		--*length;
	return item;
}

bool
config_listed(const char *platform, const char *key, const char *item)
{
	const char *list = config_platform(platform, key), *next;
	size_t length = 0;

	while (list && (next = next_item(&list, &length)))
		if (length == strlen(item) && !memcmp(next, item, length))
			return true;
	return false;
}

struct json *
config_items(const struct json *setting)
{
	const char *list = json_text_or(setting, "", ""), *next;
	struct json *items = json_is_array(setting) ? json_copy(setting) : json_array();
	size_t length = 0;

	while ((next = next_item(&list, &length)))
		json_append(items, json_new_text(next, length));
	return items;
}

static void
add_name(const char *name, const struct json *item, void *data)
{
	(void)item;
	json_put_true(data, name, true);
}

/* Whether a variable reads like a platform's: a secret of it, or what switches it on. */
static bool
reads_like_ours(const char *variable)
{
	static const char *const tails[] = {"_TOKEN", "_KEY", "_SECRET", "_PASSWORD", "_HOME_CHANNEL",
		"_BASE_URL", "_ENABLED"};
	size_t length = strcspn(variable, "=");

	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		size_t tail = strlen(tails[i]);

		if (length > tail && !strncmp(variable + length - tail, tails[i], tail))
			return true;
	}
	return false;
}

/* NAME_, MY_NAME_, … of such a variable may be a platform's: those that have an adapter are. */
static void
add_owners(const char *variable, const struct json *item, void *data)
{
	static struct json *tried;
	char name[64];

	(void)item;
	if (!reads_like_ours(variable))
		return;
	if (!tried)
		tried = json_object();
	for (size_t i = 0; variable[i] && variable[i] != '=' && i < sizeof name - 1; i++) {
		char *program;

		name[i] = '\0';
		if (variable[i] == '_' && platform_valid(name) && !json_has(tried, name)
			&& strcmp(name, "hermes")) {
			json_put_true(tried, name, true);
			if ((program = platform_program(name)))
				json_put_true(data, name, true);
			free(program);
		}
		name[i] = (char)tolower((unsigned char)variable[i]);
	}
}

static void
append_name(const char *name, const struct json *item, void *data)
{
	(void)item;
	json_append(data, json_new_text(name, strlen(name)));
}

/* Configured, installed with us, or named by a variable: no folder of PATH is read for it. */
const struct json *
config_known(void)
{
	static struct json *known;
	struct json *found, *installed;

	if (known)
		return known;
	load();
	known = json_array();
	found = json_object();
	json_each(platforms, "", add_name, found);
	installed = platform_names_here();
	for (size_t i = 0; i < json_count(installed, ""); i++) {
		struct json *name = json_item(installed, "", i);

		json_put_true(found, json_text_or(name, "", "?"), true);
		json_free(name);
	}
	for (char **at = environ; *at; at++)
		add_owners(*at, NULL, found);
	json_each(dotenv, "", add_owners, found);
	json_each(found, "", append_name, known);
	json_free(installed);
	json_free(found);
	return known;
}

/* The length of PREFIX_ when the variable begins with this platform's, else 0. */
static size_t
prefix_length(const char *variable, const char *platform)
{
	size_t length = 0;

	for (; platform[length]; length++) {
		char capital = (char)toupper((unsigned char)platform[length]);

		if (variable[length] != (capital == '-' ? '_' : capital))
			return 0;
	}
	return variable[length] == '_' ? length + 1 : 0;
}

/* The known names once more, NULL-ended: a process asks for many owners. */
static const char *const *
known_names(void)
{
	static const char **names;
	const struct json *known = config_known();
	size_t count = json_count(known, "");

	if (names)
		return names;
	names = xmalloc((count + 1) * sizeof *names);
	for (size_t i = 0; i < count; i++) {
		struct json *name = json_item(known, "", i);

		names[i] = json_text(name, ""); /* `known` keeps it alive */
		json_free(name);
	}
	names[count] = NULL;
	return names;
}

const char *
config_owner(const char *variable)
{
	const char *owner = NULL;
	size_t longest = 0;

	if (!strncmp(variable, "HERMES_", 7))
		return NULL;
	for (const char *const *name = known_names(); *name; name++) {
		size_t length = prefix_length(variable, *name);

		if (length > longest) {
			longest = length;
			owner = *name;
		}
	}
	return owner;
}

/* What the file says, in the section that the variable's prefix names. */
static const char *
file_setting(const char *variable)
{
	const char *owner = config_owner(variable), *value;
	char *path;

	if (!owner)
		return json_text(agent, variable);
	path = xformat("%s.%s", owner, variable);
	value = json_text(platforms, path);
	free(path);
	return value;
}

const char *
config_setting(const char *variable, const char **layer)
{
	const char *value;

	*layer = getenv(variable) ? "environment" : ".env";
	if (!variable_set(variable, &value)) {
		*layer = "config.yaml";
		value = file_setting(variable);
	}
	return filled(value);
}

const char *
config_need(const struct json *need, const char **layer)
{
	const char *value = config_setting(json_text_or(need, "name", ""), layer);
	const char *also = json_text(need, "also");

	return value || !also ? value : config_setting(also, layer);
}

static void
look_for_stranger(const char *variable, const struct json *item, void *data)
{
	bool *found = data;
	char *name = xformat("%.*s", (int)strcspn(variable, "="), variable);

	(void)item;
	*found = *found || (reads_like_ours(name) && strncmp(name, "HERMES_", 7)
		&& !config_owner(name));
	free(name);
}

bool
config_strangers(void)
{
	bool found = false;

	load();
	json_each(dotenv, "", look_for_stranger, &found);
	for (char **at = environ; *at && !found; at++)
		look_for_stranger(*at, NULL, &found);
	return found;
}

static bool
owns(const char *platform, const char *variable)
{
	const char *owner = config_owner(variable);

	return owner && !strcmp(owner, platform);
}

struct search {
	const char *wanted;
	const char *found;
};

static void
look_for_setting(const char *name, const struct json *item, void *data)
{
	struct search *search = data;

	if (filled(json_text(item, "")) && (!search->wanted || owns(search->wanted, name)))
		search->found = name;
}

/* Whether anything at all is set for this platform, in any layer. */
static bool
has_settings(const char *platform)
{
	struct search in_file = {NULL, NULL}, in_dotenv = {platform, NULL};

	json_each(platforms, platform, look_for_setting, &in_file);
	json_each(dotenv, "", look_for_setting, &in_dotenv);
	for (char **at = environ; *at && !in_file.found && !in_dotenv.found; at++) {
		const char *value = strchr(*at, '=');

		if (value && value[1] && owns(platform, *at))
			return true;
	}
	return in_file.found || in_dotenv.found;
}

bool
config_enabled(const char *platform)
{
	const char *enabled;
	char *what;
	bool is;

	load();
	enabled = config_platform(platform, "enabled");
	if (!platform_valid(platform) || !enabled)
		return platform_valid(platform) && has_settings(platform);
	what = xformat("platforms.%s.enabled", platform);
	is = truth(what, enabled);
	free(what);
	return is;
}

struct json *
config_platforms(void)
{
	const struct json *known = config_known();
	struct json *enabled = json_array();

	for (size_t i = 0; i < json_count(known, ""); i++) {
		struct json *name = json_item(known, "", i);

		if (config_enabled(json_text(name, "")))
			json_append(enabled, name);
		else
			json_free(name);
	}
	return enabled;
}

/* An environment being put together. */
struct environment {
	const char *platform; /* NULL: an agent's */
	char **list;
	size_t count;
};

static void
add_entry(struct environment *environment, char *entry)
{
	size_t size = (environment->count + 2) * sizeof *environment->list;

	environment->list = xrealloc(environment->list, size);
	environment->list[environment->count++] = entry;
	environment->list[environment->count] = NULL;
}

/* Whether a variable may be seen: nobody's may, and one's own. */
static bool
is_for(const struct environment *environment, const char *name)
{
	const char *owner = config_owner(name);

	return !owner || (environment->platform && !strcmp(owner, environment->platform));
}

static void
add_from_dotenv(const char *name, const struct json *item, void *data)
{
	struct environment *environment = data;

	if (getenv(name) || !is_for(environment, name))
		return;
	if (!environment->platform || config_owner(name))
		add_entry(environment, xformat("%s=%s", name, json_text_or(item, "", "")));
}

static void
add_from_file(const char *name, const struct json *item, void *data)
{
	const char *above;

	if (!variable_set(name, &above))
		add_entry(data, xformat("%s=%s", name, json_text_or(item, "", "")));
}

static void
add_platforms(struct environment *environment)
{
	struct json *enabled = config_platforms();
	char *names = join_items(enabled);

	add_entry(environment, xformat("HERMES_PLATFORMS=%s", names));
	free(names);
	json_free(enabled);
}

/* Settings under the names that other programs have for them; one's own name goes first. */
static void
add_from_others(struct environment *environment, const struct json *needs)
{
	for (size_t i = 0, n = json_count(needs, ""); i < n; i++) {
		struct json *need = json_item(needs, "", i);
		const char *name = json_text(need, "name"), *layer;

		if (name && json_text(need, "also") && !config_setting(name, &layer)
			&& config_need(need, &layer))
			add_entry(environment, xformat("%s=%s", name, config_need(need, &layer)));
		json_free(need);
	}
}

char **
config_environment(const char *platform, const struct json *needs)
{
	struct environment environment = {.platform = platform};

	load();
	for (char **at = environ; *at; at++)
		if (is_for(&environment, *at)
			&& (platform || strncmp(*at, "HERMES_PLATFORMS=", 17)))
			add_entry(&environment, xstrdup(*at));
	json_each(dotenv, "", add_from_dotenv, &environment);
	if (platform)
		json_each(platforms, platform, add_from_file, &environment);
	else
		json_each(agent, "", add_from_file, &environment);
	add_from_others(&environment, needs);
	if (!platform)
		add_platforms(&environment);
	return environment.list;
}

struct linked {
	const char *identity;
	const char *person;
};

static void
look_for_person(const char *person, const struct json *identities, void *data)
{
	struct linked *linked = data;

	if (json_lists(identities, "", "", linked->identity))
		linked->person = person;
}

const char *
config_person(const char *platform, const char *user)
{
	char *identity = xformat("%s:%s", platform, user);
	struct linked linked = {identity, NULL};

	json_each(config_tree(), "session.identityLinks", look_for_person, &linked);
	free(identity);
	return linked.person;
}
