/* SPDX-License-Identifier: MIT */
#include "home.h"

#include "die.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *
home_path(void)
{
	static char *path;
	const char *given = getenv("HERMES_HOME"), *user = getenv("HOME");
	size_t length;

	if (path)
		return path;
	if (given && *given)
		path = xstrdup(given);
	else if (user && *user)
		path = xformat("%s/.hermes", user);
	else
		die(EX_SETUP, "no home folder; set HERMES_HOME or HOME");
	for (length = strlen(path); length > 1 && path[length - 1] == '/'; length--)
		path[length - 1] = '\0';
	return path;
}

char *
home_file(const char *name)
{
	return xformat("%s/%s", home_path(), name);
}

void
home_make(void)
{
	char *path = xstrdup(home_path());

	umask(077);
	for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (mkdir(path, 0700) && errno != EEXIST)
			die(EX_STORE, "%s: cannot be made:", path);
		if (!slash)
			break;
		*slash = '/';
	}
	free(path);
}

const char *
home_programs(void)
{
	static char path[PATH_MAX];
	ssize_t length;
	char *slash;

	if (*path)
		return path;
	length = readlink("/proc/self/exe", path, sizeof path - 1);
	if (length > 0 && (slash = strrchr(path, '/')))
		*slash = '\0';
	else
		memcpy(path, HERMES_EXECDIR, sizeof HERMES_EXECDIR);
	return path;
}

void
home_prefer_programs(void)
{
	const char *programs = home_programs(), *path = getenv("PATH");
	size_t length = strlen(programs);
	char *joined;

	if (path && !strncmp(path, programs, length) && (path[length] == ':' || !path[length]))
		return;
	joined = xformat("%s%s%s", programs, path ? ":" : "", path ? path : "");
	setenv("PATH", joined, 1);
	free(joined);
}
