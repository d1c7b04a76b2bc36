/* SPDX-License-Identifier: MIT */
/* The configuration, and the agent. */
#include "findings.h"
#include "probe.h"

#include "config.h"
#include "die.h"
#include "run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
