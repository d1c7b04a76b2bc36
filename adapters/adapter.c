/* SPDX-License-Identifier: MIT */
/*
 * The loop of hermes-adapter(7) and the shapes of its answers: a question is a line of
 * stdin, its answer a line of stdout, written before the next question is read.
 */
#include "adapter.h"

#include "die.h"
#include "figures.h"
#include "lines.h"
#include "opts.h"
#include "out.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static double begun; /* when the present line was read */

const char *
adapter_platform(void)
{
	static const char lead[] = "hermes-adapter-";
	const char *name = program_name();

	return strncmp(name, lead, sizeof lead - 1) ? name : name + sizeof lead - 1;
}

char *
adapter_variable(const char *name)
{
	char *variable = xformat("%s_%s", adapter_platform(), name);

	for (char *at = variable; *at; at++)
		*at = isalnum((unsigned char)*at) ? (char)toupper((unsigned char)*at) : '_';
	return variable;
}

const char *
adapter_setting(const char *name)
{
	char *variable = adapter_variable(name);
	const char *value = getenv(variable);

	free(variable);
	return value && *value ? value : NULL;
}

double
adapter_left(void)
{
	double left = begun + 0.9 * figure_adapter() - clock_steady();

	return left > 0.1 ? left : 0.1;
}

struct json *
adapter_about(const char *name, const struct adapter_verb *verbs, const struct adapter_need *needs)
{
	struct json *about = json_object(), *names = json_array(), *config = json_array();

	for (; verbs->name; verbs++)
		json_append(names, json_new_text(verbs->name, strlen(verbs->name)));
	for (; needs->name; needs++) {
		struct json *need = json_object();
		char *variable = adapter_variable(needs->name);

		json_put_text(need, "name", variable);
		json_put_true(need, "secret", needs->secret);
		json_put_true(need, "required", needs->required);
		json_put_text(need, "about", needs->about);
		json_append(config, need);
		free(variable);
	}
	json_put_number(about, "protocol", 1);
	json_put_text(about, "platform", adapter_platform());
	json_put_text(about, "name", name);
	json_put(about, "verbs", names);
	json_put(about, "config", config);
	return about;
}

void
adapter_also(struct json *about, const char *name, const char *variable)
{
	struct json *config = json_array();
	char *own = adapter_variable(name);

	for (size_t i = 0, n = json_count(about, "config"); i < n; i++) {
		struct json *need = json_item(about, "config", i);

		if (!strcmp(json_text_or(need, "name", ""), own))
			json_put_text(need, "also", variable);
		json_append(config, need);
	}
	json_put(about, "config", config);
	free(own);
}

char *
title_line(const char *title, size_t most)
{
	struct text clean = TEXT_INIT;
	size_t begin, end, count = 0;
	char *line;

	text_add_clean(&clean, title, strlen(title));
	begin = strspn(clean.at, " ");
	for (end = begin; end < clean.length && count < most; count++) {
		long point;

		end += utf8_step(clean.at + end, clean.length - end, &point);
	}
	while (end > begin && clean.at[end - 1] == ' ')
		end--;
	line = end > begin ? xformat("%.*s", (int)(end - begin), clean.at + begin) : xstrdup("Hermes");
	text_release(&clean);
	return line;
}

static void
put_trouble(struct json *object, const char *class, const char *why, const char *remedy)
{
	json_put_text(object, "class", class);
	json_put_text(object, "why", why);
	if (remedy)
		json_put_text(object, "remedy", remedy);
}

struct json *
answer_not(const char *outcome, const char *class, const char *why, const char *remedy)
{
	struct json *answer = json_object();

	json_put_text(answer, "outcome", outcome);
	put_trouble(answer, class, why, remedy);
	return answer;
}

struct json *
answer_unknown(const char *why)
{
	struct json *answer = json_object();

	json_put_text(answer, "outcome", "unknown");
	json_put_text(answer, "why", why);
	return answer;
}

struct json *
answer_error(const char *class, const char *why, const char *remedy)
{
	struct json *answer = json_object(), *error = json_object();

	put_trouble(error, class, why, remedy);
	json_put(answer, "error", error);
	return answer;
}

struct json *
answer_sent(const char *id, int parts)
{
	struct json *answer = json_object(), *ids = json_array();

	json_append(ids, json_new_text(id, strlen(id)));
	json_put_text(answer, "outcome", "sent");
	json_put(answer, "ids", ids);
	json_put_number(answer, "parts", parts);
	return answer;
}

void
problem_add(struct json *problems, const char *what, const char *remedy)
{
	struct json *problem = json_object();

	json_put_text(problem, "what", what);
	json_put_text(problem, "remedy", remedy ? remedy : "try again later");
	json_append(problems, problem);
}

static void
answer_one(const struct adapter_verb *verb, const struct json *question)
{
	struct text line = TEXT_INIT;
	struct json *answer;

	begun = clock_steady();
	answer = verb->answer(question);
	json_print(answer, &line);
	text_add(&line, "\n", 1);
	out_raw(&line);
	text_release(&line);
	json_free(answer);
}

static void
answer_lines(const struct adapter_verb *verb)
{
	struct lines lines = LINES_INIT(STDIN_FILENO);
	size_t length;
	char *line;

	while ((line = lines_next(&lines, &length, 0))) {
		struct json *question = json_parse(line, length, NULL);

		if (!question || !json_is_object(question))
			die(EX_BAD, "%s: stdin: a line is not a JSON object", verb->name);
		answer_one(verb, question);
		json_free(question);
	}
	if (lines.broken)
		die(EX_BAD, "%s: stdin: the last line was cut off before its line break", verb->name);
	lines_release(&lines);
}

static const struct adapter_verb *
find_verb(const struct adapter_verb *verbs, const char *name)
{
	while (verbs->name && (!name || strcmp(verbs->name, name) != 0))
		verbs++;
	return verbs->name ? verbs : NULL;
}

int
adapter_main(int argc, char **argv, const struct adapter_verb *verbs, const char *summary,
	int (*extra)(int argc, char **argv))
{
	static const struct opt none[] = {{0}};
	struct usage usage = {"VERB", summary, none};
	const struct adapter_verb *verb;

	program_start(argv[0]);
	verb = find_verb(verbs, argv[1]);
	if (!verb && extra && argc > 1 && argv[1][0] != '-')
		return extra(argc - 1, argv + 1);
	argc = opts_parse(argc, argv, &usage);
	if (!verb || argc != 1)
		opts_misused(&usage, "one verb of hermes-adapter(7) is needed");
	if (!strcmp(verb->name, "about") || !strcmp(verb->name, "check")) {
		struct json *nothing = json_null();

		answer_one(verb, nothing);
		json_free(nothing);
	} else {
		answer_lines(verb);
	}
	return 0;
}
