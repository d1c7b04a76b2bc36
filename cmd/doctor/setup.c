/* SPDX-License-Identifier: MIT */
/*
 * The configuration, the agent and the platforms. A configuration that cannot be read
 * ends a program, so it is tried in a process of its own; the platforms are asked at
 * the same time, each in one.
 */
#include "findings.h"

#include "config.h"
#include "die.h"
#include "figures.h"
#include "platform.h"
#include "run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process of ours that writes what it found into a pipe. */
struct probe {
	pid_t pid;
	int from;
};

/* True in the new process; *to is its end of the pipe. */
static bool
probe_start(struct probe *probe, int *to)
{
	int ends[2];

	if (pipe(ends) || (probe->pid = fork()) < 0)
		die(EX_BUG, "a process cannot be started:");
	probe->from = ends[0];
	*to = ends[1];
	if (!probe->pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		close(ends[0]);
		return true;
	}
	close(ends[1]);
	return false;
}

/* All it wrote, owned; *status is how it ended. */
static char *
probe_end(struct probe *probe, int *status)
{
	struct text said = TEXT_INIT;
	char bytes[4096];
	ssize_t got;

	while ((got = read(probe->from, bytes, sizeof bytes)) > 0)
		text_add(&said, bytes, (size_t)got);
	close(probe->from);
	waitpid(probe->pid, status, 0);
	return text_take(&said);
}

bool
examine_config(void)
{
	struct probe probe;
	int to, status;
	char *said;
	const char *words;

	if (probe_start(&probe, &to)) {
		dup2(to, STDERR_FILENO);
		json_free(config_platforms());
		_exit(0);
	}
	said = probe_end(&probe, &status);
	words = strstr(said, ": ");
	words = words ? words + 2 : said; /* without the program's name */
	if (status)
		finding(BAD, "configuration", "mend that line; hermes config check looks again",
			"%.*s", (int)strcspn(words, "\n"), words);
	else
		finding(OK, "configuration", NULL, "it can be read");
	free(said);
	return !status;
}

/* What the agents that are shipped cannot do without. */
static const struct {
	const char *agent, *variable, *remedy;
} needs[] = {
	{"command", "HERMES_AGENT_COMMAND", "hermes config set agent.command PROGRAM"},
	{"openai", "HERMES_AGENT_MODEL", "hermes config set agent.model NAME"},
};

void
examine_agent(void)
{
	const char *layer, *use = config_setting("HERMES_AGENT_USE", &layer);
	char *name = xformat("hermes-agent-%s", use ? use : "recap"), *path = program_path(name);
	bool whole = path;

	if (!path)
		finding(BAD, "agent", "hermes config set agent.use recap, or install it",
			"there is no program %s", name);
	for (size_t i = 0; path && use && i < sizeof needs / sizeof *needs; i++)
		if (!strcmp(use, needs[i].agent) && !config_setting(needs[i].variable, &layer)) {
			finding(BAD, "agent", needs[i].remedy, "%s needs %s", use,
				needs[i].variable);
			whole = false;
		}
	if (whole && !use)
		finding(OK, "agent", "for a model: hermes config set agent.use openai",
			"recap answers, which needs no model");
	else if (whole)
		finding(OK, "agent", NULL, "%s", path);
	free(path);
	free(name);
}

/* In the probe: the adapter's answer, or {"why"} as one line. */
static void
probe_platform(const char *platform, int to)
{
	double limit = figure_adapter();
	char *why, *line;
	int status;
	struct json *answer = platform_ask(platform, "check", NULL, limit, &status, &why);

	if (!answer) {
		answer = json_object();
		json_put_text(answer, "why", why);
	}
	line = json_string(answer);
	if (write(to, line, strlen(line)) < 0)
		_exit(EX_STORE);
	_exit(0);
}

static void
say_problems(const char *platform, const struct json *answer)
{
	for (size_t i = 0; i < json_count(answer, "problems"); i++) {
		struct json *problem = json_item(answer, "problems", i);

		finding(BAD, platform, json_text(problem, "remedy"), "%s",
			json_text_or(problem, "what", "it has a problem it does not name"));
		json_free(problem);
	}
}

static void
say_platform(const char *platform, const struct json *answer)
{
	char *program = platform_program(platform);
	char *home = xformat("hermes config home %s ADDRESS", platform);
	char *off = xformat("install it, or: hermes config set platforms.%s.enabled false",
		platform);

	say_problems(platform, answer);
	if (!program)
		finding(BAD, platform, off, "is enabled, but there is no adapter for it");
	else if (!answer || json_has(answer, "why"))
		finding(BAD, platform, "hermes config platforms says what is missing", "%s",
			json_text_or(answer, "why", "its adapter gave no answer"));
	else if (!json_count(answer, "problems") && !json_true(answer, "ok"))
		finding(BAD, platform, NULL, "its adapter says that it does not work");
	else if (!json_count(answer, "problems"))
		finding(OK, platform, NULL, "works as %s", json_text_or(answer, "name",
			json_text_or(answer, "account", "itself")));
	if (program && !config_platform(platform, "home_channel"))
		finding(WARN, platform, home, "no home: a handoff there must name its place");
	free(program);
	free(home);
	free(off);
}

static void
collect_probe(const char *platform, struct probe *probe)
{
	int status;
	char *said = probe_end(probe, &status);
	struct json *answer = json_parse(said, strlen(said), NULL);

	say_platform(platform, answer);
	json_free(answer);
	free(said);
}

void
examine_platforms(void)
{
	struct json *names = config_platforms();
	size_t count = json_count(names, "");
	struct probe *probes = xmalloc((count + 1) * sizeof *probes);
	int to;

	if (!count)
		finding(WARN, "platforms", "hermes config platforms lists them; hermes config set "
			"platforms.local.enabled true needs no account", "none is enabled");
	for (size_t i = 0; i < count; i++) {
		struct json *name = json_item(names, "", i);

		if (probe_start(&probes[i], &to))
			probe_platform(json_text(name, ""), to);
		json_free(name);
	}
	for (size_t i = 0; i < count; i++) {
		struct json *name = json_item(names, "", i);

		collect_probe(json_text(name, ""), &probes[i]);
		json_free(name);
	}
	free(probes);
	json_free(names);
}
