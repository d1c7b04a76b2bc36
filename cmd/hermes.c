/* SPDX-License-Identifier: MIT */
/*
 * hermes VERB: finds hermes-VERB (beside itself, then on PATH) and becomes it. It knows no
 * verb by name. A verb it cannot find goes to the next `hermes` on PATH, so that a Hermes
 * Agent beside it keeps working.
 */
#include "die.h"
#include "home.h"
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
	"usage: hermes [--home DIR] VERB [ARGUMENT ...]\n"
	"       hermes -n VERB ...      the next hermes on PATH does it\n"
	"       hermes help [VERB] | --version | --exec-path\n\n"
	"Carry a live agent conversation from one chat surface to another.\n\n"
	"  handoff PLATFORM   continue this conversation there\n"
	"  handoff status     how it went\n"
	"  watch              carry and answer, as long as it runs; --once for timers\n"
	"  state              sessions and messages as JSON\n"
	"  send TARGET TEXT   say something to a chat\n"
	"  inbox list         what people wrote\n"
	"  config, doctor     set it up; find out what is missing\n\n"
	"hermes help VERB opens the manual of a verb, hermes(1) has them all.\n";

/* The next program called hermes on PATH that is not this one. Owned, or NULL. */
static char *
next_hermes(void)
{
	const char *list = getenv("PATH");
	struct stat ours, other;

	if (stat("/proc/self/exe", &ours))
		return NULL;
	while (list && *list) {
		size_t length = strcspn(list, ":");
		char *path = xformat("%.*s/hermes", (int)length, list);

		if (length && !stat(path, &other) && !access(path, X_OK) && S_ISREG(other.st_mode)
			&& (ours.st_dev != other.st_dev || ours.st_ino != other.st_ino))
			return path;
		free(path);
		list += length + (list[length] == ':');
	}
	return NULL;
}

static void __attribute__((noreturn))
become(const char *path, char **argv)
{
	execv(path, argv);
	die(EX_AWAY, "%s: cannot be started:", path);
}

static void __attribute__((noreturn))
hand_on(char **argv)
{
	char *path = next_hermes();

	if (!path)
		die(EX_USER, "%s: no such verb; see hermes help", argv[1] ? argv[1] : "-n");
	argv[0] = path;
	become(path, argv);
}

static void __attribute__((noreturn))
show_help(const char *verb)
{
	char *page = verb ? xformat("hermes-%s", verb) : NULL;

	if (page) {
		execlp("man", "man", page, (char *)NULL);
		die(EX_AWAY, "man cannot be started; %s --help says the same in short:", page);
	}
	fputs(help, stdout);
	program_end(0);
}

static void __attribute__((noreturn))
run_verb(char **argv)
{
	char *name = xformat("hermes-%s", argv[0]), *path;

	path = strchr(name, '/') ? NULL : program_path(name);
	if (!path)
		hand_on(argv - 1);
	home_prefer_programs();
	argv[0] = path;
	become(path, argv);
}

int
main(int argc, char **argv)
{
	(void)argc;
	program_start(argv[0]);
	while (argv[1] && argv[1][0] == '-') {
		if (!strcmp(argv[1], "--home") && argv[2]) {
			setenv("HERMES_HOME", argv[2], 1);
			argv += 2;
		} else if (!strcmp(argv[1], "-n")) {
			argv[1] = argv[0];
			hand_on(argv + 1);
		} else if (!strcmp(argv[1], "--version")) {
			printf("hermes %s\n", HERMES_VERSION);
			program_end(0);
		} else if (!strcmp(argv[1], "--exec-path")) {
			puts(home_programs());
			program_end(0);
		} else if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
			show_help(NULL);
		} else {
			die(EX_USER, "%s: no such option; see hermes help", argv[1]);
		}
	}
	if (!argv[1])
		die(EX_USER, "a verb is needed; see hermes help");
	if (!strcmp(argv[1], "help"))
		show_help(argv[2]);
	run_verb(argv + 1);
}
