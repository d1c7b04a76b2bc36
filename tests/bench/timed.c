/* SPDX-License-Identifier: MIT */
/*
 * timed ROUNDS COMMAND [ARGUMENT ...] [-- COMMAND ...]: run the commands in turn, so many
 * rounds, and print for each run "which nanoseconds kilobytes": the time from the start of
 * the process to its end, and the most memory it had. In turn, as a noisy machine is then
 * equally noisy for all of them. NAME=VALUE before a command is its environment, @ in an
 * argument is the number of the round.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64 };

struct command {
	char *words[MOST];
	int count;
};

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* The word with its first @ replaced. */
static char *
for_round(char *word, long round)
{
	char *at = strchr(word, '@'), *replaced;

	if (!at)
		return word;
	if (asprintf(&replaced, "%.*s%ld%s", (int)(at - word), word, round, at + 1) < 0)
		exit(70);
	return replaced;
}

static void __attribute__((noreturn))
become(const struct command *command, long round)
{
	char *argv[MOST + 1];
	int count = 0, null = open("/dev/null", O_RDWR);

	for (int i = 0; i < command->count; i++)
		if (!count && strchr(command->words[i], '='))
			putenv(command->words[i]);
		else
			argv[count++] = for_round(command->words[i], round);
	argv[count] = NULL;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execvp(argv[0], argv);
	_exit(127);
}

static void
run(const struct command *command, int which, long round)
{
	struct rusage usage;
	double began = now(), took;
	pid_t pid = fork();
	int status;

	if (pid < 0)
		exit(70);
	if (!pid)
		become(command, round);
	while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	took = now() - began;
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "timed: command %d: status %d\n", which, status);
		exit(1);
	}
	printf("%d %.0f %ld\n", which, took, usage.ru_maxrss);
}

int
main(int argc, char **argv)
{
	static struct command commands[MOST];
	int last = 0;

	if (argc < 3)
		return 64;
	for (int i = 2; i < argc && last < MOST; i++)
		if (!strcmp(argv[i], "--"))
			last++;
		else if (commands[last].count < MOST)
			commands[last].words[commands[last].count++] = argv[i];
	for (long round = 1; round <= atol(argv[1]); round++)
		for (int which = 0; which <= last; which++)
			run(&commands[which], which, round);
	return 0;
}
