/* SPDX-License-Identifier: MIT */
/*
 * about, before anything is configured: everything else is decided by what it says.
 */
#include "settings.h"

#include "die.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double AT_ONCE = 2; /* seconds */
enum { ASKED_MOST = 3 };         /* a busy machine may leave a process out for so long */

static char *
judge_about(struct check *check)
{
	char *why = NULL;
	struct json *said = ask(check, check->own, "about", NULL, &why);

	if (!said)
		return why;
	json_free(check->about);
	check->about = said;
	settings_make(check);
	return judge(check, SHAPE_ABOUT, said);
}

/* The first file that was left in our folder. */
static char *
left_behind(const struct check *check)
{
	DIR *folder = opendir(check->folder);
	const struct dirent *entry;
	char *why = NULL;

	while (folder && !why && (entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			why = xformat("it made %s", entry->d_name);
	if (folder)
		closedir(folder);
	return why;
}

static char *
judge_bare(struct check *check)
{
	char *why = NULL;
	struct json *said = ask(check, check->bare, "about", NULL, &why);

	if (said && !json_equal(said, check->about))
		why = xstrdup("it says something else when it is configured");
	json_free(said);
	return why;
}

static char *
judge_pace(struct check *check)
{
	double seconds = AT_ONCE + 1;

	for (int i = 0; i < ASKED_MOST && seconds > AT_ONCE; i++) {
		struct said said;

		ask_run(check, check->bare, "about", "", &said);
		seconds = said.seconds;
		said_release(&said);
	}
	return seconds > AT_ONCE ? xformat("it took %.1f seconds", seconds) : NULL;
}

void
check_about(struct check *check)
{
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	report("about: says all there is to say", judge_about(check));
	if (here < 0 || chdir(check->folder))
		die(EX_STORE, "%s: cannot be entered:", check->folder);
	report("about: is the same without configuration", judge_bare(check));
	report("about: comes at once", judge_pace(check));
	report("about: leaves no file behind", left_behind(check));
	if (fchdir(here))
		die(EX_STORE, "cannot go back from %s:", check->folder);
	close(here);
}
