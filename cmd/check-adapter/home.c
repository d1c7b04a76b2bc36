/* SPDX-License-Identifier: MIT */
/*
 * With the user's configuration, and nothing written anywhere: who the bot is, where the
 * home is, and what is no place at all.
 */
#include "check.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

#define NOWHERE "no such place!"

/* The first problem with its remedy: what a person has to mend. */
static char *
judge_check(struct check *check)
{
	char *why = NULL;
	struct json *said = ask_shaped(check, "check", NULL, SHAPE_CHECK, &why);

	if (said && !json_true(said, "ok")) {
		struct json *problem = json_item(said, "problems", 0);

		why = xformat("%s; %s", json_text_or(problem, "what", "?"),
			json_text_or(problem, "remedy", "?"));
		json_free(problem);
	}
	json_free(said);
	return why;
}

/* The place of an answer, owned; NULL with the reason when it has none. */
static struct json *
resolve(struct check *check, const struct json *question, char **why)
{
	struct json *said = ask_shaped(check, "resolve", question, SHAPE_RESOLVE, why);
	struct json *place = json_at(said, "place");

	if (said && !place)
		*why = xformat("%s: %s", json_text_or(said, "error.why", "?"),
			json_text_or(said, "error.remedy", "it is not resolved"));
	json_free(said);
	return place;
}

static char *
judge_home(struct check *check)
{
	struct json *question = json_object();
	char *why = NULL;

	json_put_text(question, "words", "");
	check->home = resolve(check, question, &why);
	json_free(question);
	return why;
}

char *
judge_found_again(struct check *check, const struct json *place)
{
	struct json *question = json_object(), *found;
	char *why = NULL;

	json_put_text(question, "chat", json_text(place, "chat"));
	if (json_has(place, "thread"))
		json_put_text(question, "thread", json_text(place, "thread"));
	found = resolve(check, question, &why);
	if (found)
		why = judge_same(place, found);
	json_free(found);
	json_free(question);
	return why;
}

/* Three questions to one process, by turns: home, nowhere, home. */
static char *
judge_lines(struct check *check)
{
	static const char questions[] = "{\"words\":\"\"}\n{\"words\":\"" NOWHERE "\"}\n{\"words\":\"\"}\n";
	char *why = NULL, *line, *rest = NULL;
	struct said said;
	int count = 0;

	ask_by_turns(check, check->own, "resolve", questions, &said);
	if (said.status < 0)
		why = xstrdup("resolve does not answer a question before the next one, or not in time");
	else if (said.status)
		why = xformat("three questions to resolve end with status %d", said.status);
	for (line = strtok_r(said.out.at, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		struct json *answer = json_parse(line, strlen(line), NULL);

		if (!why && json_has(answer, "place") != (count != 1))
			why = xformat("answer %d is not that of question %d", count + 1, count + 1);
		json_free(answer);
		count++;
	}
	if (!why && count != 3)
		why = xformat("three questions to resolve have %d answers", count);
	said_release(&said);
	return why;
}

static char *
judge_nonsense_of(struct check *check, const char *verb, const char *line)
{
	struct json *question = json_parse(line, strlen(line), NULL);
	char *wrong = NULL, *why = NULL;
	struct json *answer = ask(check, check->own, verb, question, &wrong);
	struct json *trouble = json_at(answer, "error");

	if (answer && !wrong)
		wrong = judge(check, SHAPE_TROUBLE, trouble ? trouble : answer);
	if (wrong)
		why = xformat("%s, asked %s: %s", verb, line, wrong);
	free(wrong);
	json_free(trouble);
	json_free(answer);
	json_free(question);
	return why;
}

static char *
judge_nonsense(struct check *check)
{
	static const char *const verbs[] = {"resolve", "thread", "send", NULL}, *const lines[] = {
		"{\"place\":7,\"text\":[],\"words\":\"" NOWHERE "\",\"part\":\"x\"}",
		"{\"place\":{\"chat\":\"" NOWHERE "\"},\"chat\":\"" NOWHERE "\",\"text\":\"x\"}",
		"{\"place\":{},\"words\":\"!\",\"text\":\"x\",\"delivery\":\"1\",\"part\":1}", NULL};
	char *why = NULL;

	for (const char *const *verb = verbs; !why && *verb; verb++)
		for (const char *const *line = lines; !why && *line && check_has(check, *verb); line++)
			why = judge_nonsense_of(check, *verb, *line);
	return why;
}

void
check_home(struct check *check)
{
	report("check: says who the bot is, and that all is well", judge_check(check));
	report("resolve: the home is a whole place with its audience", judge_home(check));
	if (check->home)
		report("resolve: finds the home again by its ids", judge_found_again(check, check->home));
	report("resolve: each line has its answer", judge_lines(check));
	report("nonsense: is refused, with a class and a reason", judge_nonsense(check));
}
