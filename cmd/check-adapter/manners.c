/* SPDX-License-Identifier: MIT */
/*
 * What an adapter does when it is called wrongly, knows too little, or reaches nobody.
 * A call that fails says so on stderr and nothing on stdout; trouble is an answer.
 */
#include "settings.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

/* A question that has what every verb takes; and nobody's chat. */
static const char anything[] =
	"{\"place\":{\"chat\":\"1\",\"kind\":\"group\"},\"words\":\"\",\"text\":\"hello\",\"title\":\"T\","
	"\"delivery\":\"1\",\"part\":1,\"wait\":0}\n";

static const char *const asked[] = {"resolve", "thread", "send", "poll", NULL};

/* How a call that must fail with `status` did not; words on stderr, none on stdout. */
static char *
judge_refusal(const char *call, const struct said *said, int status)
{
	if (said->status != status)
		return xformat("%s: its status is %d and not %d", call, said->status, status);
	if (said->out.length)
		return xformat("%s: it fails, and has something on stdout", call);
	return said->err.length ? NULL : xformat("%s: it fails without a word on stderr", call);
}

static char *
judge_misuse(struct check *check)
{
	static const char *const calls[] = {NULL, "no-such-verb", "--no-such-option"};
	char *why = NULL;

	for (size_t i = 0; !why && i < sizeof calls / sizeof *calls; i++) {
		struct said said;

		ask_run(check, check->bare, calls[i], "", &said);
		why = judge_refusal(calls[i] ? calls[i] : "no verb", &said, EX_USER);
		said_release(&said);
	}
	return why;
}

static char *
judge_options(struct check *check)
{
	static const char *const options[] = {"--help", "--version"};
	char *why = NULL;

	for (size_t i = 0; !why && i < sizeof options / sizeof *options; i++) {
		struct said said;

		ask_run(check, check->bare, options[i], "", &said);
		if (said.status || !said.out.length)
			why = xformat("%s: its status is %d, with %zu bytes on stdout", options[i],
				said.status, said.out.length);
		said_release(&said);
	}
	return why;
}

static char *
judge_without(struct check *check, const char *verb, const char *name)
{
	char **environment = settings_without(check, name), *wrong, *why = NULL;
	struct said said;

	ask_run(check, environment, verb, anything, &said);
	wrong = judge_refusal(verb, &said, EX_SETUP);
	if (wrong)
		why = xformat("without %s: %s", name, wrong);
	else if (!strstr(said.err.at, name))
		why = xformat("without %s: %s: stderr does not name it", name, verb);
	free(wrong);
	free(environment);
	said_release(&said);
	return why;
}

/*
 * Each setting that is required is missing by itself, where all others are there. Nobody is
 * asked to send then: an adapter that is wrong here would.
 */
static char *
judge_missing(struct check *check)
{
	char *why = NULL;

	for (size_t i = 0; !why && i < json_count(check->about, "config"); i++) {
		struct json *need = json_item(check->about, "config", i);
		const char *name = json_text_or(need, "name", "?");

		if (json_true(need, "required"))
			why = judge_without(check, "resolve", name);
		if (!why && json_true(need, "required") && check_has(check, "poll"))
			why = judge_without(check, "poll", name);
		json_free(need);
	}
	return why;
}

/* How many settings are required, and whether one of them is named. */
static size_t
count_required(const struct check *check, const char *words, bool *named)
{
	size_t required = 0;

	*named = false;
	for (size_t i = 0; i < json_count(check->about, "config"); i++) {
		struct json *need = json_item(check->about, "config", i);

		required += json_true(need, "required");
		*named |= json_true(need, "required") && strstr(words, json_text_or(need, "name", "?"));
		json_free(need);
	}
	return required;
}

/* Not resolve: that there is no home either is as good an answer. */
static char *
judge_nothing(struct check *check)
{
	bool named;
	bool needed = count_required(check, "", &named);
	char *why = NULL;

	for (const char *const *verb = asked + 1; needed && !why && *verb; verb++) {
		struct said said;

		if (!check_has(check, *verb))
			continue;
		ask_run(check, check->bare, *verb, anything, &said);
		why = judge_refusal(*verb, &said, EX_SETUP);
		count_required(check, said.err.at, &named);
		if (!why && !named)
			why = xformat("%s: stderr names no variable that is required", *verb);
		said_release(&said);
	}
	return why;
}

/* Whether it has an address to go to, which leads nowhere when it is cut off. */
static bool
has_address(const struct check *check)
{
	bool has = false;

	for (size_t i = 0; !has && i < json_count(check->about, "config"); i++) {
		struct json *need = json_item(check->about, "config", i);
		const char *name = json_text_or(need, "name", ""), *end = strstr(name, "_URL");

		has = end && !end[strlen("_URL")];
		json_free(need);
	}
	return has;
}

/*
 * An answer of the right shape that claims nothing which only the other side can know; so
 * will the remark that guessed settings are no good.
 */
static char *
judge_cut_off(struct check *check, const char *verb, enum shape shape)
{
	struct json *question = shape == SHAPE_CHECK ? NULL
		: json_parse(anything, strlen(anything), NULL);
	char *wrong = NULL, *why = NULL;
	struct json *answer = ask(check, check->cut_off, verb, question, &wrong);

	if (answer)
		wrong = judge(check, shape, answer);
	if (answer && !wrong && has_address(check))
		wrong = judge(check, SHAPE_CUT_OFF, answer);
	if (wrong && (check->configured || !strstr(wrong, "ended with status 78")))
		why = xformat("%s: %s", verb, wrong);
	free(wrong);
	json_free(answer);
	json_free(question);
	return why;
}

static char *
judge_unreachable(struct check *check)
{
	static const struct {
		const char *verb;
		enum shape shape;
	} asks[] = {{"check", SHAPE_CHECK}, {"resolve", SHAPE_RESOLVE}, {"thread", SHAPE_THREAD},
		{"send", SHAPE_SEND}, {"poll", SHAPE_POLL}};
	char *why = NULL;

	settings_cut_off(check);
	for (size_t i = 0; !why && i < sizeof asks / sizeof *asks; i++)
		if (check_has(check, asks[i].verb))
			why = judge_cut_off(check, asks[i].verb, asks[i].shape);
	return why;
}

static bool
is_trouble(const struct said *said)
{
	struct json *answer = json_parse(said->out.at, said->out.length, NULL);
	bool trouble = json_has(answer, "error") || json_has(answer, "class");

	json_free(answer);
	return trouble;
}

static char *
judge_bad_line(struct check *check, const char *verb, const char *line)
{
	char *input = xformat("%s\n", line), *wrong = NULL, *why = NULL;
	struct said said;

	ask_run(check, check->configured ? check->own : check->bare, verb, input, &said);
	if (said.status < 0)
		why = xformat("%s does not end after the line '%s'", verb, line);
	else if (said.status >= 126)
		why = xformat("%s is ended with %d by the line '%s'", verb, said.status, line);
	else if (!said.status && !said.out.length)
		why = xformat("%s passes over the line '%s' without a word", verb, line);
	else if (!said.status && !is_trouble(&said))
		why = xformat("%s takes the line '%s' for a question", verb, line);
	else if (said.status && (check->configured || said.status != EX_SETUP))
		wrong = judge_refusal(verb, &said, EX_BAD);
	if (wrong)
		why = xformat("%s, after the line '%s'", wrong, line);
	free(wrong);
	said_release(&said);
	free(input);
	return why;
}

static char *
judge_bad_lines(struct check *check)
{
	static const char *const lines[] = {"{", "[]", "null", "\"x\"", "", "{\"place\":", "\xff", NULL};
	char *why = NULL;

	for (const char *const *verb = asked; !why && *verb; verb++)
		for (const char *const *line = lines; !why && *line && check_has(check, *verb); line++)
			why = judge_bad_line(check, *verb, *line);
	return why;
}

void
check_manners(struct check *check)
{
	report("options: --help and --version are answered", judge_options(check));
	report("misuse: ends with 64 and a word", judge_misuse(check));
	report("bad lines: are an error, not a crash", judge_bad_lines(check));
	report("configuration: without any, 78 and a word of what is needed", judge_nothing(check));
	if (check->configured)
		report("configuration: each that is missing is named, with 78", judge_missing(check));
	report("a platform that cannot be reached: is an answer", judge_unreachable(check));
}
