/* SPDX-License-Identifier: MIT */
/*
 * Each platform's work at once, in a process of its own: forked before anything is opened,
 * its stdout read line by line, so that no line is torn.
 */
#include "send.h"

#include "die.h"
#include "lines.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct worker {
	pid_t pid;
	struct lines said;
};

int
send_worse(int one, int other)
{
	if (!one || !other)
		return one ? one : other;
	return one == EX_LATER ? other : one;
}

static void
begin(struct worker *worker, const char *platform, int (*work)(const char *, void *), void *data)
{
	pid_t parent = getpid();
	int out[2];

	if (pipe2(out, O_CLOEXEC) || (worker->pid = fork()) < 0)
		die(EX_BUG, "a process cannot be started:");
	if (!worker->pid) {
		run_bound_to(parent);
		dup2(out[1], STDOUT_FILENO);
		exit(work(platform, data));
	}
	close(out[1]);
	worker->said = (struct lines)LINES_INIT(out[0]);
}

static void
relay(struct worker *worker)
{
	struct text line = TEXT_INIT;
	size_t length;
	char *said;

	while (lines_ready(&worker->said) && (said = lines_next(&worker->said, &length, 0))) {
		text_add(&line, said, length);
		text_add(&line, "\n", 1);
		out_raw(&line);
		text_clear(&line);
	}
	text_release(&line);
}

static int
end(struct worker *worker)
{
	int status = 0;

	while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(worker->said.fd);
	lines_release(&worker->said);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Whether any still works. */
static bool
listen_to(struct worker *workers, size_t count)
{
	struct pollfd *fds = xmalloc(count * sizeof *fds);
	nfds_t open = 0;

	for (size_t i = 0; i < count; i++) {
		fds[i] = (struct pollfd){workers[i].said.ended ? -1 : workers[i].said.fd, POLLIN, 0};
		open += !workers[i].said.ended;
	}
	if (open && poll(fds, count, -1) > 0)
		for (size_t i = 0; i < count; i++)
			if (fds[i].revents)
				relay(&workers[i]);
	free(fds);
	return open;
}

int
send_each(const struct json *platforms, int (*work)(const char *platform, void *data), void *data)
{
	size_t count = json_count(platforms, "");
	struct worker *workers;
	int status = 0;

	if (count == 1) {
		struct json *name = json_item(platforms, "", 0);

		status = work(json_text_or(name, "", ""), data);
		json_free(name);
		return status;
	}
	workers = xmalloc((count + 1) * sizeof *workers);
	for (size_t i = 0; i < count; i++) {
		struct json *name = json_item(platforms, "", i);

		begin(&workers[i], json_text_or(name, "", ""), work, data);
		json_free(name);
	}
	while (listen_to(workers, count))
		;
	for (size_t i = 0; i < count; i++)
		status = send_worse(status, end(&workers[i]));
	free(workers);
	return status;
}
