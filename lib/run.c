/* SPDX-License-Identifier: MIT */
#include "run.h"

#include "die.h"
#include "figures.h"
#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* What a child may say unread while it is being told something. */
static const double ASKED = 0.2; /* seconds between SIGTERM and SIGKILL */

enum { CHILD_SAYS_MOST = 64 << 20, LOG_MOST = 1 << 20 };

void
run_bound_to(pid_t parent)
{
	if (!parent)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
}

/* In the child: three streams, no more; die with the parent. Reports exec's failure. */
static void
become(char *const argv[], char *const environment[], const int streams[3], int report,
	pid_t parent)
{
	setpgid(0, 0);
	run_bound_to(parent);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	for (int i = 0; i < 3; i++)
		dup2(streams[i], i);
	report = fcntl(report, F_DUPFD_CLOEXEC, 10);
	close_range(3, (unsigned)report - 1, 0);
	close_range((unsigned)report + 1, ~0u, 0);
	execve(argv[0], argv, environment ? environment : environ);
	if (write(report, &errno, sizeof errno) < 0)
		(void)0;
	_exit(127);
}

/* The group of the child that runs now: it is told when we are told to end. */
static volatile sig_atomic_t running;

static void
end_with_child(int signal_number)
{
	if (running)
		kill((pid_t)-running, SIGTERM);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* Only where the program itself has nothing else in mind for these signals. */
static void
pass_signals_on(pid_t group)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

	for (size_t i = 0; !running && i < sizeof signals / sizeof *signals; i++) {
		struct sigaction now;

		if (!sigaction(signals[i], NULL, &now) && now.sa_handler == SIG_DFL)
			signal(signals[i], end_with_child);
	}
	running = (sig_atomic_t)group;
}

/*
 * Memory that the child writes its stderr to: it never blocks on it, cannot write more
 * than LOG_MOST, and the position we share says how much is there.
 */
static int
open_log(void)
{
	int log = memfd_create("hermes-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (log < 0 || ftruncate(log, LOG_MOST) || fcntl(log, F_ADD_SEALS, F_SEAL_GROW) < 0)
		die(EX_BUG, "memory for a log cannot be had:");
	return log;
}

/* Its own name before a line is ours to say. */
static const char *
without_name(const struct child *child, const char *line)
{
	size_t name = strlen(child->name);

	return !strncmp(line, child->name, name) && !strncmp(line + name, ": ", 2) ? line + name + 2
		: line;
}

static void
close_log(struct child *child, int status)
{
	off_t length = child->log >= 0 ? lseek(child->log, 0, SEEK_CUR) : 0;
	bool told = child->tells && status == EX_SETUP;
	struct text said = TEXT_INIT;
	char *line, *next, *rest = NULL;

	if (length > 0) {
		text_reserve(&said, (size_t)length);
		if (pread(child->log, said.at, (size_t)length, 0) == length)
			said.at[length] = '\0';
		for (line = strtok_r(said.at, "\n", &rest); line; line = next) {
			const char *words = without_name(child, line);

			next = strtok_r(NULL, "\n", &rest);
			snprintf(child->last, sizeof child->last, "%s", words);
			if (next || !told || strlen(words) >= sizeof child->last)
				warn("%s: %s", child->name, words);
		}
	}
	text_release(&said);
	if (child->log >= 0)
		close(child->log);
	child->log = -1;
}

int
child_start(struct child *child, char *const argv[], char *const environment[], int errors)
{
	int in[2], out[2], report[2], error = 0;
	const char *slash = strrchr(argv[0], '/');
	pid_t parent = getpid();

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(report, O_CLOEXEC))
		die(EX_BUG, "a pipe cannot be made:");
	child->tells = errors == CHILD_TELLS;
	child->log = errors < 0 ? open_log() : -1;
	child->name = slash ? slash + 1 : argv[0];
	*child->last = '\0';
	child->pid = fork();
	if (child->pid < 0)
		die(EX_BUG, "a process cannot be started:");
	if (!child->pid)
		become(argv, environment, (int[]){in[0], out[1], child->log >= 0 ? child->log : errors},
			report[1], parent);
	setpgid(child->pid, child->pid);
	close(in[0]);
	close(out[1]);
	close(report[1]);
	if (read(report[0], &error, sizeof error) < (ssize_t)sizeof error)
		error = 0;
	close(report[0]);
	if (error) {
		close(in[1]);
		close(out[0]);
		waitpid(child->pid, NULL, 0);
		close_log(child, 0);
		errno = error;
		return -1;
	}
	pass_signals_on(child->pid);
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	child->to = in[1];
	child->from = (struct lines)LINES_INIT(out[0]);
	return 0;
}

/* It may not read on before we have read what it says. */
static int
wait_for_room(struct child *child, double left)
{
	struct pollfd fds[2] = {{.fd = child->to, .events = POLLOUT},
		{.fd = child->from.ended ? -1 : child->from.fd, .events = POLLIN}};

	poll(fds, 2, (int)(left * 1000) + 1);
	if (fds[1].revents)
		lines_fill(&child->from);
	return child->from.buffer.length > CHILD_SAYS_MOST ? -1 : 0;
}

int
child_tell(struct child *child, const char *bytes, size_t length, double deadline)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
	int result = 0;

	sigaction(SIGPIPE, &ignore, &old);
	while (length && !result) {
		double left = deadline - clock_steady();
		ssize_t done = write(child->to, bytes, length);

		if (done > 0) {
			bytes += done;
			length -= (size_t)done;
		} else if (done < 0 && errno == EAGAIN && left > 0) {
			result = wait_for_room(child, left);
		} else if (done >= 0 || errno != EINTR) {
			result = -1;
		}
	}
	sigaction(SIGPIPE, &old, NULL);
	return result;
}

void
child_hush(struct child *child)
{
	if (child->to >= 0)
		close(child->to);
	child->to = -1;
}

static int
status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void
let_go(struct child *child, int status)
{
	if (running == (sig_atomic_t)child->pid)
		running = 0;
	child_hush(child);
	close(child->from.fd);
	lines_release(&child->from);
	close_log(child, status);
}

/* Asked first: a child that runs others in groups of their own can end them. */
void
child_kill(struct child *child)
{
	double until = clock_steady() + ASKED;
	bool gone = false;

	kill(-child->pid, SIGTERM);
	while (!gone && clock_steady() < until) {
		gone = waitpid(child->pid, NULL, WNOHANG);
		usleep(500);
	}
	kill(-child->pid, SIGKILL);
	if (!gone)
		waitpid(child->pid, NULL, 0);
	let_go(child, 0);
}

/* What it still prints is nobody's; but it must not block on it. */
static void
drain(int fd, double seconds)
{
	struct pollfd out = {.fd = fd, .events = POLLIN};
	char rest[4096];

	if (poll(&out, 1, (int)(seconds * 1000) + 1) > 0 && read(fd, rest, sizeof rest) <= 0)
		usleep((useconds_t)(seconds * 1e6)); /* it closed its stdout: it is about to end */
}

int
child_end(struct child *child, double deadline)
{
	double nap = 50e-6;
	int status;

	child_hush(child);
	while (!waitpid(child->pid, &status, WNOHANG)) {
		if (clock_steady() >= deadline) {
			child_kill(child);
			return -1;
		}
		drain(child->from.fd, nap);
		nap = nap < 10e-3 ? nap * 1.5 : nap;
	}
	kill(-child->pid, SIGKILL); /* what it left behind in its group */
	status = status_of(status);
	let_go(child, status);
	return status;
}

char *
program_path(const char *name)
{
	char *path = xformat("%s/%s", home_programs(), name);
	const char *list = getenv("PATH");

	if (!access(path, X_OK))
		return path;
	free(path);
	while (list && *list) {
		size_t length = strcspn(list, ":");

		path = xformat("%.*s/%s", (int)length, list, name);
		if (length && !access(path, X_OK))
			return path;
		free(path);
		list += length + (list[length] == ':');
	}
	return NULL;
}
