/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include "alloc.h"
#include "config.h"
#include "die.h"

#include <stdlib.h>
#include <string.h>

/* Where nobody listens: the connection is refused, and nothing leaves this machine. */
#define NOWHERE "http://127.0.0.1:1"

struct list {
	char **at;
	size_t count;
};

static void
add(struct list *list, char *entry)
{
	list->at = xrealloc(list->at, (list->count + 2) * sizeof *list->at);
	list->at[list->count++] = entry;
	list->at[list->count] = NULL;
}

static void
add_setting(struct list *list, const char *name, const char *value)
{
	add(list, xformat("%s=%s", name, value));
}

static void
free_list(char **list)
{
	for (char **at = list; at && *at; at++)
		free(*at);
	free(list);
}

/* Unless a setting of that name is there. Takes the entry. */
static void
add_new(struct list *list, char *entry)
{
	size_t name = strcspn(entry, "=") + 1;

	for (size_t i = 0; i < list->count; i++) {
		if (!strncmp(list->at[i], entry, name)) {
			free(entry);
			return;
		}
	}
	add(list, entry);
}

static bool
is_named(const char *entry, const char *name)
{
	size_t length = strlen(name);

	return !strncmp(entry, name, length) && entry[length] == '=';
}

static bool
is_declared(const struct check *check, const char *entry)
{
	bool declared = false;

	for (size_t i = 0; !declared && i < json_count(check->about, "config"); i++) {
		struct json *need = json_item(check->about, "config", i);

		declared = is_named(entry, json_text_or(need, "name", "?"));
		json_free(need);
	}
	return declared;
}

/* What is, or may be, this platform's configuration. */
static bool
is_setting(const struct check *check, const char *entry)
{
	char *prefix = config_name(check->platform, "");
	bool is = !strncmp(entry, prefix, strlen(prefix)) || is_declared(check, entry);

	free(prefix);
	return is;
}

/* That, and where else a program keeps some. */
static bool
is_configuration(const struct check *check, const char *entry)
{
	static const char *const homes[] = {"HOME", "HERMES_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
		"XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"};
	bool is = is_setting(check, entry);

	for (size_t i = 0; !is && i < sizeof homes / sizeof *homes; i++)
		is = is_named(entry, homes[i]);
	return is;
}

static char **
make_bare(const struct check *check)
{
	struct list bare = {NULL, 0};

	add_setting(&bare, "HOME", check->folder);
	add_setting(&bare, "HERMES_HOME", check->folder);
	for (char **at = check->own; *at; at++)
		if (!is_configuration(check, *at))
			add(&bare, xstrdup(*at));
	return bare.at;
}

static char **
own_environment(const struct check *check)
{
	struct json *needs = json_at(check->about, "config");
	char **own = config_environment(check->platform, needs);

	json_free(needs);
	return own;
}

void
settings_make(struct check *check)
{
	if (!check->own)
		check->own = own_environment(check);
	free_list(check->bare);
	check->bare = make_bare(check);
}

/* All doors: the platform's own address, and every proxy that leads elsewhere. */
static void
close_doors(struct list *list, const struct check *check)
{
	static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
		"ALL_PROXY"};
	char *base = config_name(check->platform, "base_url");
	char *proxy = config_name(check->platform, "proxy");

	add_setting(list, base, NOWHERE);
	add_setting(list, proxy, "");
	for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++)
		add_setting(list, proxies[i], NOWHERE);
	free(base);
	free(proxy);
}

/* The user's own settings, which have the right form; but addresses lead nowhere. */
static void
add_own(struct list *list, const struct check *check)
{
	for (char **at = check->own; *at; at++)
		if (is_setting(check, *at))
			add_new(list, !strstr(*at, "://") ? xstrdup(*at)
				: xformat("%.*s=%s", (int)strcspn(*at, "="), *at, NOWHERE));
}

/* For what is required, the best guess of one who has no settings. */
static void
add_guesses(struct list *list, const struct check *check)
{
	for (size_t i = 0; i < json_count(check->about, "config"); i++) {
		struct json *need = json_item(check->about, "config", i);

		if (json_true(need, "required") && json_text(need, "name"))
			add_new(list, xformat("%s=%s", json_text(need, "name"),
				json_true(need, "secret") ? "1:nobody's-secret-of-check-adapter" : NOWHERE));
		json_free(need);
	}
}

void
settings_cut_off(struct check *check)
{
	struct list list = {NULL, 0};

	close_doors(&list, check);
	if (check->configured)
		add_own(&list, check);
	else
		add_guesses(&list, check);
	for (char **at = check->bare; *at; at++)
		if (strncasecmp(*at, "no_proxy=", 9))
			add_new(&list, xstrdup(*at));
	check->cut_off = list.at;
}

char **
settings_without(const struct check *check, const char *name)
{
	struct list list = {NULL, 0};

	for (char **at = check->own; *at; at++)
		if (!is_named(*at, name))
			add(&list, *at);
	return list.at;
}

bool
settings_required(const struct check *check)
{
	bool required = false;

	for (size_t i = 0; !required && i < json_count(check->about, "config"); i++) {
		struct json *need = json_item(check->about, "config", i);

		required = json_true(need, "required");
		json_free(need);
	}
	return required;
}

char *
settings_missing(const struct check *check)
{
	char *missing = NULL;

	for (size_t i = 0; !missing && i < json_count(check->about, "config"); i++) {
		struct json *need = json_item(check->about, "config", i);
		const char *name = json_text_or(need, "name", "?");
		bool there = !json_true(need, "required");

		for (char **at = check->own; !there && *at; at++)
			there = is_named(*at, name) && (*at)[strlen(name) + 1];
		missing = there ? NULL : xstrdup(name);
		json_free(need);
	}
	return missing;
}

void
settings_free(struct check *check)
{
	free_list(check->own);
	free_list(check->bare);
	free_list(check->cut_off);
}
