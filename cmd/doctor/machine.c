/* SPDX-License-Identifier: MIT */
/*
 * The folder and the search path. Files of the store are looked at by stat only:
 * opening one and closing it again would drop SQLite's locks.
 */
#include "findings.h"

#include "die.h"
#include "home.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static const struct {
	unsigned type;
	const char *name;
} remote_disks[] = {
	{0x6969, "NFS"}, {0x517b, "SMB"}, {0xff534d42, "CIFS"}, {0xfe534d42, "SMB2"},
	{0x01021997, "9P"}, {0x5346414f, "AFS"}, {0x00c36400, "Ceph"}, {0x65735546, "FUSE"},
};

static void
examine_disk(const char *path)
{
	struct statfs disk;

	if (statfs(path, &disk))
		return;
	for (size_t i = 0; i < sizeof remote_disks / sizeof *remote_disks; i++)
		if ((unsigned)disk.f_type == remote_disks[i].type)
			finding(BAD, "home", "set HERMES_HOME to a folder on a local disk",
				"%s is on %s, where SQLite's locks cannot be trusted", path,
				remote_disks[i].name);
}

/* One file: nobody else may read it. */
static bool
is_private(const char *name)
{
	char *path = home_file(name), *remedy = xformat("chmod 600 %s", path);
	struct stat stat_;
	bool is = stat(path, &stat_) || !(stat_.st_mode & 077);

	if (!is)
		finding(WARN, "home", remedy, "others may read or write %s (mode %04o)", path,
			stat_.st_mode & 07777);
	free(remedy);
	free(path);
	return is;
}

static bool
files_private(void)
{
	static const char *const names[] = {"state.db", "state.db-wal", "state.db-shm",
		"state.db-queue", "state.db-bell", "runs", "config.yaml", ".env"};
	bool all = true;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		all = is_private(names[i]) && all;
	return all;
}

void
examine_home(void)
{
	const char *path = home_path();
	struct stat stat_;
	char *remedy;

	if (stat(path, &stat_) && errno == ENOENT) {
		finding(OK, "home", NULL, "%s is not there yet; the first use makes it", path);
		return;
	}
	if (!S_ISDIR(stat_.st_mode) || access(path, R_OK | W_OK | X_OK)) {
		finding(BAD, "home", "make it a folder of your own, or set HERMES_HOME",
			"%s is no folder that you can write to", path);
		return;
	}
	remedy = xformat("chmod 700 %s", path);
	if (stat_.st_mode & 077)
		finding(WARN, "home", remedy, "others may look into %s (mode %04o)", path,
			stat_.st_mode & 07777);
	else if (files_private())
		finding(OK, "home", NULL, "%s is private", path);
	examine_disk(path);
	free(remedy);
}

/* Whether the file, links followed, is one of the programs we were installed with. */
static bool
is_ours(const char *path)
{
	char real[PATH_MAX], own[PATH_MAX];
	size_t length;

	if (!realpath(path, real) || !realpath(home_programs(), own))
		return false;
	length = strlen(own);
	return !strncmp(real, own, length) && real[length] == '/';
}

/* Whether we have a program of this name. */
static bool
have_program(const char *name)
{
	char *path = xformat("%s/%s", home_programs(), name);
	bool have = !access(path, X_OK);

	free(path);
	return have;
}

/* `seen` holds the names of ours that PATH has led to so far. */
static void
examine_program(const char *folder, const char *name, struct json *seen)
{
	char *path = xformat("%s/%s", folder, name);

	if (access(path, X_OK))
		;
	else if (is_ours(path))
		json_put_true(seen, name, true);
	else if (!json_has(seen, name))
		finding(WARN, name, "change the order of PATH, if ours is meant",
			"%s comes before ours on PATH", path);
	else if (!strcmp(name, "hermes"))
		finding(OK, name, NULL, "another one is at %s; ours comes first, and hands on "
			"the verbs it does not have", path);
	free(path);
}

static void
examine_folder(const char *folder, struct json *seen)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if ((!strncmp(entry->d_name, "hermes-", 7) || !strcmp(entry->d_name, "hermes"))
			&& !strchr(entry->d_name, '.') && have_program(entry->d_name))
			examine_program(folder, entry->d_name, seen);
	if (dir)
		closedir(dir);
}

void
examine_path(void)
{
	struct json *seen = json_object();
	const char *list = getenv("PATH");

	while (list && *list) {
		size_t length = strcspn(list, ":");
		char *folder = xformat("%.*s", (int)length, list);

		if (*folder)
			examine_folder(folder, seen);
		free(folder);
		list += length + (list[length] == ':');
	}
	json_free(seen);
}
