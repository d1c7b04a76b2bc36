/* SPDX-License-Identifier: MIT */
/*
 * The adapter as a process, one question a run. Everything that it says passes here, so
 * here is noticed what is never right: a secret, an id that is no text, a null, more or
 * fewer lines than questions.
 */
#include "check.h"

#include "die.h"
#include "figures.h"
#include "run.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SAID_MOST = 64 << 20, SECRET_LEAST = 4 };

static void
notice(char **first, char *words)
{
	if (*first)
		free(words);
	else
		*first = words;
}

static const char *
value_in(char *const *environment, const char *name)
{
	size_t length = strlen(name);

	for (; *environment; environment++)
		if (!strncmp(*environment, name, length) && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

/* Whether it was said; what is quoted from here on does not say it again. */
static bool
blot_out(struct text *said, const char *secret)
{
	size_t length = strlen(secret);
	bool found = false;
	char *at;

	while ((at = memmem(said->at, said->length, secret, length))) {
		memset(at, '*', length);
		found = true;
	}
	return found;
}

/* A secret that is shorter than a few bytes is in everything. */
static void
look_for_secrets(struct check *check, char *const *environment, const char *verb, struct said *said)
{
	for (size_t i = 0; i < json_count(check->about, "config"); i++) {
		struct json *need = json_item(check->about, "config", i);
		const char *name = json_text_or(need, "name", ""), *secret = value_in(environment, name);

		if (json_true(need, "secret") && secret && strlen(secret) >= SECRET_LEAST
			&& strspn(secret, "*") < strlen(secret)
			&& blot_out(&said->out, secret) + blot_out(&said->err, secret))
			notice(&check->leaked, xformat("%s said the value of %s", verb, name));
		json_free(need);
	}
}

/* Whether so many are there; 0: as many as ever come, so never. */
static bool
has_lines(const struct text *said, size_t lines)
{
	const char *at = said->at;

	if (!lines)
		return false;
	for (; lines && (at = strchr(at, '\n')); at++)
		lines--;
	return !lines;
}

/* So many lines of its stdout (0: all of it); false when they do not come in time. */
static bool
read_out(struct child *child, double deadline, size_t lines)
{
	struct pollfd from = {.fd = child->from.fd, .events = POLLIN};
	double left = 0;

	while (!child->from.ended && !has_lines(&child->from.buffer, lines)
		&& child->from.buffer.length < SAID_MOST && (left = deadline - clock_steady()) > 0)
		if (poll(&from, 1, (int)(left * 1000) + 1) > 0)
			lines_fill(&child->from);
	return child->from.ended || has_lines(&child->from.buffer, lines);
}

/* Tell it all, or each line when the one before was answered; false when it does not end. */
static bool
talk(struct child *child, const char *input, bool by_turns, double deadline)
{
	bool goes_on = true;

	for (size_t told = 0; by_turns && goes_on && *input;) {
		size_t length = strcspn(input, "\n") + 1;

		child_tell(child, input, length, deadline);
		input += length;
		goes_on = read_out(child, deadline, ++told);
	}
	child_tell(child, input, strlen(input), deadline);
	child_hush(child);
	return goes_on && read_out(child, deadline, 0);
}

static void
read_err(int fd, struct text *err)
{
	off_t length = lseek(fd, 0, SEEK_END);

	if (length <= 0 || length > SAID_MOST)
		return;
	text_reserve(err, (size_t)length);
	if (pread(fd, err->at, (size_t)length, 0) == length) {
		err->length = (size_t)length;
		err->at[length] = '\0';
	}
}

static double
limit_of(const char *input)
{
	struct json *question = json_parse(input, strlen(input), NULL);
	double wait = json_number(question, "wait", 0);

	json_free(question);
	return figure_adapter() + wait;
}

static void
run(struct check *check, char *const *environment, const char *argument, const char *input,
	bool by_turns, struct said *said)
{
	char *program = xstrdup(check->program), *verb = argument ? xstrdup(argument) : NULL;
	char *argv[] = {program, verb, NULL};
	double begun = clock_steady(), deadline = begun + limit_of(input);
	int errors = memfd_create("stderr", MFD_CLOEXEC);
	struct child child;
	bool ended;

	*said = (struct said){.out = TEXT_INIT, .err = TEXT_INIT};
	if (errors < 0 || child_start(&child, argv, environment, errors))
		die(EX_AWAY, "%s: cannot be started:", check->program);
	ended = talk(&child, input, by_turns, deadline);
	text_add(&said->out, child.from.buffer.at, child.from.buffer.length);
	if (ended) {
		said->status = child_end(&child, deadline);
	} else {
		child_kill(&child);
		said->status = -1;
	}
	said->seconds = clock_steady() - begun;
	read_err(errors, &said->err);
	close(errors);
	look_for_secrets(check, environment, argument ? argument : "it", said);
	free(program);
	free(verb);
}

void
ask_run(struct check *check, char *const *environment, const char *argument, const char *input,
	struct said *said)
{
	run(check, environment, argument, input, false, said);
}

void
ask_by_turns(struct check *check, char *const *environment, const char *argument,
	const char *input, struct said *said)
{
	run(check, environment, argument, input, true, said);
}

void
said_release(struct said *said)
{
	text_release(&said->out);
	text_release(&said->err);
}

static char *
how_it_ended(const char *verb, const struct said *said)
{
	if (said->status < 0)
		return xformat("%s did not end in time", verb);
	if (said->status > 128)
		return xformat("%s was ended by signal %d", verb, said->status - 128);
	return xformat("%s ended with status %d: %.*s", verb, said->status,
		(int)strcspn(said->err.at, "\n"), said->err.at);
}

/* The one line that there must be, as an object. */
static struct json *
read_answer(struct check *check, const char *verb, const struct said *said, char **why)
{
	const char *end = memchr(said->out.at, '\n', said->out.length);
	struct json *answer;

	if (!end || end + 1 != said->out.at + said->out.length) {
		*why = xformat("%s did not answer with one line", verb);
		notice(&check->uneven, xstrdup(*why));
		return NULL;
	}
	if (!utf8_valid(said->out.at, said->out.length)) {
		*why = xformat("%s answered with bytes that are no UTF-8", verb);
		return NULL;
	}
	answer = json_parse(said->out.at, said->out.length, NULL);
	if (json_is_object(answer))
		return answer;
	json_free(answer);
	*why = xformat("%s answered with what is no JSON object", verb);
	return NULL;
}

struct json *
ask(struct check *check, char *const *environment, const char *verb, const struct json *question,
	char **why)
{
	char *line = question ? json_string(question) : xstrdup("");
	char *input = xformat("%s%s", line, question ? "\n" : ""), *wrong;
	struct json *answer = NULL;
	struct said said;

	ask_run(check, environment, verb, input, &said);
	if (said.status)
		*why = how_it_ended(verb, &said);
	else
		answer = read_answer(check, verb, &said, why);
	if (answer && (wrong = judge(check, SHAPE_TIDY, answer))) {
		notice(&check->untidy, xformat("%s: %s", verb, wrong));
		free(wrong);
	}
	said_release(&said);
	free(input);
	free(line);
	return answer;
}

struct json *
ask_shaped(struct check *check, const char *verb, const struct json *question, enum shape shape,
	char **why)
{
	struct json *answer = ask(check, check->own, verb, question, why);

	if (!answer || !(*why = judge(check, shape, answer)))
		return answer;
	json_free(answer);
	return NULL;
}

bool
check_has(const struct check *check, const char *verb)
{
	return json_lists(check->about, "verbs", "", verb);
}

void
check_noticed(struct check *check)
{
	report("every answer: one line for each question", check->uneven);
	report("every answer: ids are texts, and nothing is null", check->untidy);
	report("every verb: secrets are never said", check->leaked);
}
