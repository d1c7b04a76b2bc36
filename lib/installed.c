/* SPDX-License-Identifier: MIT */
#include "installed.h"

#include "die.h"
#include "home.h"
#include "run.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_MOST = 32 };

static const char prefix[] = "hermes-adapter-";

bool
platform_valid(const char *platform)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t length = strspn(platform, allowed);

	return length && length <= NAME_MOST && !platform[length] && !strchr("_-", *platform);
}

char *
platform_program(const char *platform)
{
	char *name, *path;

	if (!platform_valid(platform))
		return NULL;
	name = xformat("%s%s", prefix, platform);
	path = program_path(name);
	free(name);
	return path;
}

/* The adapters of one folder, as keys of `found`. */
static void
look_in_folder(const char *folder, struct json *found)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *platform = entry->d_name + sizeof prefix - 1;
		char *path;

		if (strncmp(entry->d_name, prefix, sizeof prefix - 1) || !platform_valid(platform))
			continue;
		path = xformat("%s/%s", folder, entry->d_name);
		if (!access(path, X_OK))
			json_put_true(found, platform, true);
		free(path);
	}
	if (dir)
		closedir(dir);
}

static int
compare_names(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

struct names {
	char *list[1024];
	size_t count;
};

static void
collect_name(const char *name, const struct json *item, void *data)
{
	struct names *names = data;

	(void)item;
	if (names->count < sizeof names->list / sizeof *names->list)
		names->list[names->count++] = xstrdup(name);
}

/* The keys of `found`, sorted; consumes it. */
static struct json *
sorted_names(struct json *found)
{
	struct names names = {.count = 0};
	struct json *sorted = json_array();

	json_each(found, "", collect_name, &names);
	qsort(names.list, names.count, sizeof *names.list, compare_names);
	for (size_t i = 0; i < names.count; i++) {
		json_append(sorted, json_new_text(names.list[i], strlen(names.list[i])));
		free(names.list[i]);
	}
	json_free(found);
	return sorted;
}

struct json *
platform_names_here(void)
{
	struct json *found = json_object();

	look_in_folder(home_programs(), found);
	return sorted_names(found);
}

struct json *
platform_names(void)
{
	struct json *found = json_object();
	const char *list = getenv("PATH");

	look_in_folder(home_programs(), found);
	while (list && *list) {
		size_t length = strcspn(list, ":");
		char *folder = xformat("%.*s", (int)length, list);

		if (*folder)
			look_in_folder(folder, found);
		free(folder);
		list += length + (list[length] == ':');
	}
	return sorted_names(found);
}
