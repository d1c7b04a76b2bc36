/* SPDX-License-Identifier: MIT */
/*
 * hermes-ask PLATFORM VERB: ask an adapter by hand or from a script, with the
 * configuration it needs in its environment and a time limit. Questions are JSON lines
 * on stdin, answers JSON lines on stdout; see hermes-adapter(7).
 */
#include "config.h"
#include "die.h"
#include "figures.h"
#include "lines.h"
#include "opts.h"
#include "out.h"
#include "platform.h"
#include "run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct out out;

static int
ask(const char *platform, const char *verb, const struct json *question)
{
	double limit = figure_adapter() + json_number(question, "wait", 0);
	char *why = NULL;
	int status = 0;
	struct json *answer = platform_ask(platform, verb, question, limit, &status, &why);

	if (!answer) {
		warn("%s: %s: %s", platform, verb, why ? why : "no answer");
		free(why);
		return status ? status : EX_AWAY;
	}
	out_json(&out, answer);
	json_free(answer);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct opt opts[] = {OUT_OPTS(out), {0}};
	const struct usage usage = {"PLATFORM VERB [<questions]",
		"Ask a platform's adapter: about, check, resolve, thread, send or poll.", opts};
	struct lines in = LINES_INIT(STDIN_FILENO);
	int status = 0;
	size_t length;
	char *line;

	program_start(argv[0]);
	run_bound_to(getppid()); /* a poll is nobody's once its listener is gone */
	if (opts_parse(argc, argv, &usage) != 2)
		opts_misused(&usage, "a platform and a verb are needed");
	if (!strcmp(argv[1], "about") || !strcmp(argv[1], "check"))
		return ask(argv[0], argv[1], NULL);
	if (isatty(STDIN_FILENO))
		opts_misused(&usage, "%s reads its questions from stdin", argv[1]);
	while (!status && (line = lines_next(&in, &length, 0))) {
		char *why = NULL;
		struct json *question = json_parse(line, length, &why);

		if (!question)
			die(EX_BAD, "a question is not JSON: %s", why);
		status = ask(argv[0], argv[1], question);
		json_free(question);
	}
	return status;
}
