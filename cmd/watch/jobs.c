/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include "die.h"
#include "figures.h"
#include "out.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where a job's processes find the pipe that says they live; 9 is for leases. */
enum { LIFE_FD = 8 };

static struct job jobs[JOBS_MOST];

bool watch_events;

void
watch_say(const char *what, struct json *event)
{
	struct out out = {.json = true};

	if (watch_events) {
		json_put_text(event, "event", what);
		json_put_number(event, "at", clock_now());
		out_json(&out, event);
	}
	json_free(event);
}

static void
say_job(const char *what, const struct job *job)
{
	struct json *event = json_object();

	json_put_text(event, "job", job->kind);
	json_put_text(event, "platform", job->platform);
	json_put_number(event, "group", job->group);
	if (job->status >= 0)
		json_put_number(event, "status", job->status);
	watch_say(what, event);
}

static void __attribute__((noreturn))
become(const char *const argv[], int out, bool bound, pid_t watcher)
{
	sigset_t none;

	setpgid(0, 0);
	run_bound_to(bound ? watcher : 0);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL); /* before it is let in: one may be waiting for us already */
	signal(SIGINT, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, LIFE_FD);
	execv(argv[0], (char *const *)argv);
	_exit(127);
}

struct job *
job_start(const char *kind, const char *platform, const char *const argv[])
{
	struct job *job = jobs;
	pid_t watcher = getpid();
	int out[2];

	while (job < jobs + JOBS_MOST && job->group)
		job++;
	if (job == jobs + JOBS_MOST || pipe2(out, O_CLOEXEC))
		return NULL;
	*job = (struct job){.kind = kind, .platform = xstrdup(platform), .status = -1,
		.started = clock_steady(), .said = LINES_INIT(out[0])};
	job->group = fork();
	if (job->group < 0)
		die(EX_BUG, "a process cannot be started:");
	if (!job->group)
		become(argv, out[1], !strcmp(kind, "listen"), watcher);
	setpgid(job->group, job->group);
	close(out[1]);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	say_job("started", job);
	return job;
}

/* Whether the job's process group is named as a holder. */
static bool
holds(struct db *db, const struct job *job)
{
	static const char sql[] =
		"SELECT 1 FROM courier_handoffs WHERE state = 'running' AND holder GLOB ?1"
		" UNION ALL SELECT 1 FROM courier_events WHERE state = 'running' AND holder GLOB ?1"
		" UNION ALL SELECT 1 FROM courier_deliveries WHERE state IN ('pending', 'sending')"
		" AND holder GLOB ?1 LIMIT 1";
	char *pattern = xformat("%ld@*", (long)job->group);
	bool found = db_number(db, 0, sql, "s", pattern);

	free(pattern);
	return found;
}

static bool
is_of(const struct job *job, const char *kind, const char *platform)
{
	return job->group && !strcmp(job->kind, kind) && (!platform || !strcmp(job->platform, platform));
}

int
jobs_count(const char *kind, const char *platform)
{
	int count = 0;

	for (struct job *job = jobs; job < jobs + JOBS_MOST; job++)
		count += is_of(job, kind, platform);
	return count;
}

int
jobs_unclaimed(struct db *db, const char *kind, const char *platform)
{
	int count = 0;

	for (struct job *job = jobs; job < jobs + JOBS_MOST; job++) {
		if (!is_of(job, kind, platform))
			continue;
		if (!job->claimed)
			job->claimed = holds(db, job);
		count += !job->claimed;
	}
	return count;
}

int
jobs_alive(void)
{
	int count = 0;

	for (struct job *job = jobs; job < jobs + JOBS_MOST; job++)
		count += job->group != 0;
	return count;
}

void
jobs_signal(const char *kind, int signal)
{
	for (struct job *job = jobs; job < jobs + JOBS_MOST; job++)
		if (job->group && (!kind || !strcmp(kind, job->kind)))
			kill(-job->group, signal);
}

/* What settle and inbox print goes on to whoever reads --events. */
static void
hear(struct job *job)
{
	size_t length;
	char *line;

	while (lines_ready(&job->said) && (line = lines_next(&job->said, &length, 0))) {
		struct json *said = json_parse(line, length, NULL);

		if (!said)
			continue;
		job->stored += json_number(said, "stored", 0);
		if (json_text(said, "id")) {
			struct json *event = json_object();

			job->claimed = job->settled = true;
			json_put_text(event, "job", job->kind);
			json_put(event, !strcmp(job->kind, "carry") ? "handoff" : !strcmp(job->kind, "due")
				? "delivery" : "message", said);
			watch_say("settled", event);
		} else {
			json_free(said);
		}
	}
}

static void
end(struct job *job, void (*ended)(const struct job *))
{
	int status = 0;

	while (waitpid(job->group, &status, 0) < 0 && errno == EINTR)
		;
	job->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	say_job("ended", job);
	ended(job);
	close(job->said.fd);
	lines_release(&job->said);
	free(job->platform);
	*job = (struct job){0};
}

void
jobs_wait(int fd, double seconds, void (*ended)(const struct job *))
{
	struct pollfd fds[JOBS_MOST + 1] = {{.fd = fd, .events = POLLIN}};
	struct job *of[JOBS_MOST + 1];
	struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
	nfds_t count = 1;
	sigset_t none;

	sigemptyset(&none); /* SIGTERM is let in only while we wait */
	for (struct job *job = jobs; job < jobs + JOBS_MOST; job++)
		if (job->group) {
			of[count] = job;
			fds[count++] = (struct pollfd){.fd = job->said.fd, .events = POLLIN};
		}
	if (ppoll(fds, count, &time, &none) <= 0)
		return;
	for (nfds_t i = 1; i < count; i++) {
		if (!fds[i].revents)
			continue;
		hear(of[i]);
		if (of[i]->said.ended)
			end(of[i], ended);
	}
}
