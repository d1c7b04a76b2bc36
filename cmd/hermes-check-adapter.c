/* SPDX-License-Identifier: MIT */
/*
 * hermes-check-adapter PROGRAM: whether an adapter keeps to hermes-adapter(7). What needs
 * nothing comes first; then what needs the user's configuration; what writes to the home,
 * and what needs a human there, only when it is asked for.
 */
#include "check-adapter/check.h"
#include "check-adapter/settings.h"

#include "die.h"
#include "installed.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool sends, human;
static double patience = 120;

/* The program's path from the root, owned: it is run in other folders too. NULL: there is none. */
static char *
find_program(const char *name)
{
	char *here, *path;

	if (!strchr(name, '/'))
		return platform_program(name);
	if (access(name, X_OK))
		return NULL;
	if (*name == '/')
		return xstrdup(name);
	here = getcwd(NULL, 0);
	path = xformat("%s/%s", here ? here : ".", name);
	free(here);
	return path;
}

/* The platform that a file's name says. Owned. */
static char *
platform_of(const char *program)
{
	static const char lead[] = "hermes-adapter-";
	const char *name = strrchr(program, '/') + 1;

	return xstrdup(strncmp(name, lead, sizeof lead - 1) ? name : name + sizeof lead - 1);
}

static char *
make_folder(void)
{
	const char *parent = getenv("TMPDIR");
	char *folder = xformat("%s/hermes-check-XXXXXX", parent && *parent ? parent : "/tmp");

	if (!mkdtemp(folder))
		die(EX_STORE, "%s: cannot be made:", folder);
	return folder;
}

static int
remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
	(void)about;
	(void)kind;
	(void)where;
	return remove(path);
}

/*
 * What the configuration lacks, in words: what about requires; or what the adapter itself asks
 * for, where there are several ways in and none is required. NULL: nothing. Owned.
 */
static char *
find_lack(struct check *check)
{
	char *name = settings_missing(check), *lack = NULL;
	const char *words;
	struct said said;

	if (name) {
		lack = xformat("%s is not set; hermes config set %s VALUE", name, name);
	} else if (!settings_required(check)) {
		ask_run(check, check->own, "check", "", &said);
		words = strstr(said.err.at, ": "); /* without the program's name */
		words = words ? words + 2 : said.err.at;
		if (said.status == EX_SETUP)
			lack = xformat("%.*s", (int)strcspn(words, "\n"), words);
		said_release(&said);
	}
	free(name);
	return lack;
}

/* What needs the user's configuration. */
static void
check_configured(struct check *check, const char *lack)
{
	if (lack && (sends || human))
		die(EX_SETUP, "%s: %s", check->platform, lack);
	if (lack) {
		warn("%s: what needs configuration was not tested: %s", check->platform, lack);
		return;
	}
	if (human && !json_true(check->about, "polling"))
		warn("%s: polling is false, so nobody is asked to answer there", check->platform);
	check_home(check);
	if (check->home && (sends || human))
		check_send(check);
	if (check->place && json_true(check->about, "polling"))
		check_poll(check);
	if (check->place && human && json_true(check->about, "polling"))
		check_human(check);
}

static int
check_all(struct check *check)
{
	char *lack;

	check->folder = make_folder();
	check->about = json_object();
	settings_make(check);
	check_about(check);
	lack = find_lack(check);
	check->configured = !lack;
	check_manners(check);
	nftw(check->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	check_configured(check, lack);
	check_noticed(check);
	settings_free(check);
	free(lack);
	return report_end();
}

int
main(int argc, char **argv)
{
	const struct opt opts[] = {
		{"send", 0, OPT_FLAG, &sends, NULL, "also send a few texts to the home, and open a thread"},
		{"human", 0, OPT_FLAG, &human, NULL, "also ask a person to answer there; sends too"},
		{"wait", 0, OPT_SECONDS, &patience, "SECONDS", "how long that person may take (120)"},
		{"json", 0, OPT_FLAG, &report_out.json, NULL, "print JSON also on a terminal"},
		{"jq", 0, OPT_FILTER, &report_out.filter, "FILTER", "pass what is printed through a jq filter"},
		{"quiet", 'q', OPT_FLAG, &report_quiet, NULL, "print only what failed"},
		{0},
	};
	const struct usage usage = {"[--send] [--human] PROGRAM",
		"Check an adapter, by its path or its platform's name, against hermes-adapter(7).", opts};
	struct check check = {0};
	char *program, *platform;

	program_start(argv[0]);
	if (opts_parse(argc, argv, &usage) != 1)
		opts_misused(&usage, "one adapter is needed");
	program = find_program(argv[0]);
	if (!program)
		opts_misused(&usage, "%s: there is no such adapter", argv[0]);
	platform = platform_of(program);
	if (!platform_valid(platform))
		opts_misused(&usage, "%s: a file of this name is nobody's adapter", platform);
	check.program = program;
	check.platform = platform;
	check.patience = patience;
	return check_all(&check);
}
