/* SPDX-License-Identifier: MIT */
/*
 * The loop of hermes-adapter(7) and the shapes of its answers: a question is a line of
 * stdin, its answer a line of stdout, written before the next question is read.
 */
#include "adapter.h"

#include "die.h"
#include "figures.h"
#include "lines.h"
#include "message.h"
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

const char *
adapter_required(const char *name, const char *remedy)
{
	const char *value = adapter_setting(name);

	if (!value)
		die(EX_SETUP, "%s is not set; %s", adapter_variable(name), remedy);
	return value;
}

const char *
adapter_word(const char *name, const char *remedy)
{
	const char *value = adapter_required(name, remedy);

	for (const char *at = value; *at; at++)
		if (*at <= ' ' || *at >= 0x7f)
			die(EX_SETUP, "%s is not a word without blanks; %s", adapter_variable(name), remedy);
	return value;
}

double
adapter_left(void)
{
	double left = begun + 0.9 * figure_adapter() - clock_steady();

	return left > 0.1 ? left : 0.1;
}

static struct json *
list_verbs(const struct adapter *adapter)
{
	struct json *names = json_array_of("about");

	for (const struct adapter_verb *verb = adapter->verbs; verb->name; verb++)
		json_append_text(names, verb->name);
	return names;
}

static const char *
find_also(const struct adapter *adapter, const char *name)
{
	const char *const *pair = adapter->also;

	while (pair && *pair && strcmp(*pair, name) != 0)
		pair += 2;
	return pair && *pair ? pair[1] : NULL;
}

static struct json *
list_needs(const struct adapter *adapter)
{
	struct json *config = json_array();

	for (const struct adapter_need *need = adapter->needs; need->name; need++) {
		struct json *listed = json_object();
		char *variable = adapter_variable(need->name);
		const char *also = find_also(adapter, need->name);

		json_put_text(listed, "name", variable);
		json_put_true(listed, "secret", need->secret);
		json_put_true(listed, "required", need->required);
		json_put_text(listed, "about", need->about);
		if (also)
			json_put_text(listed, "also", also);
		json_append(config, listed);
		free(variable);
	}
	return config;
}

static struct json *
make_about(const struct adapter *adapter)
{
	static const char *const units[] = {
		[UNIT_BYTES] = "bytes", [UNIT_POINTS] = "points", [UNIT_UTF16] = "utf16"};
	struct json *about = json_object();

	json_put_number(about, "protocol", 1);
	json_put_text(about, "platform", adapter_platform());
	json_put_text(about, "name", adapter->name);
	json_put(about, "verbs", list_verbs(adapter));
	json_put_true(about, "threads", adapter->threads);
	json_put_true(about, "polling", adapter->polling);
	json_put_true(about, "idempotency", adapter->idempotency);
	json_put_true(about, "readback", adapter->readback);
	json_put_true(about, "gateway", adapter->gateway);
	json_put_number(about, "limit", (double)adapter->dialect->limit);
	json_put_text(about, "unit", units[adapter->dialect->unit]);
	json_put(about, "config", list_needs(adapter));
	return about;
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

struct json *
place_new(const char *account, const char *chat, const char *kind, const char *thread,
	const char *user)
{
	struct json *place = json_object();

	json_put_text(place, "platform", adapter_platform());
	json_put_text(place, "account", account);
	json_put_text(place, "chat", chat);
	json_put_text(place, "kind", kind);
	if (thread)
		json_put_text(place, "thread", thread);
	if (user)
		json_put_text(place, "user", user);
	return place;
}

struct json *
audience_new(double size, struct json *names)
{
	struct json *audience = json_object();

	if (size >= 0)
		json_put_number(audience, "size", size);
	json_put(audience, "names", names);
	json_put_true(audience, "known", size >= 0);
	return audience;
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
answer_home(const char *why, const char *remedy)
{
	struct json *answer = json_object();

	json_put_text(answer, "outcome", "home");
	json_put_text(answer, "why", why);
	if (remedy)
		json_put_text(answer, "remedy", remedy);
	return answer;
}

struct json *
answer_sent(const char *id, int parts)
{
	struct json *answer = json_object();

	json_put_text(answer, "outcome", "sent");
	json_put(answer, "ids", json_array_of(id));
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

void
home_lost(struct json *facts, struct json *problems, const struct json *trouble)
{
	char *what = xformat("home: %s", json_text_or(trouble, "error.why", "it is not to be found"));

	problem_add(problems, what, json_text(trouble, "error.remedy"));
	json_put_true(facts, "home.reachable", false);
	free(what);
}

struct json *
check_done(struct json *answer, struct json *facts, struct json *problems)
{
	json_put_true(answer, "ok", !json_count(problems, ""));
	json_put(answer, "facts", facts);
	json_put(answer, "problems", problems);
	return answer;
}

/* Takes the answer. */
static void
say(struct json *answer)
{
	struct text line = TEXT_INIT;

	json_print(answer, &line);
	text_add(&line, "\n", 1);
	out_raw(&line);
	text_release(&line);
	json_free(answer);
}

static void
answer_one(const struct adapter_verb *verb, const struct json *question)
{
	begun = clock_steady();
	say(verb->answer(question));
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

static bool
is_verb(const char *name, const char *verb)
{
	return name && !strcmp(name, verb);
}

int
adapter_main(int argc, char **argv, const struct adapter *adapter)
{
	static const struct opt none[] = {{0}};
	const struct usage usage = {"VERB", adapter->summary, none};
	const char *name = argv[1];
	const struct adapter_verb *verb = find_verb(adapter->verbs, name);
	struct json *nothing;

	program_start(argv[0]);
	if (!verb && name && *name != '-' && !is_verb(name, "about") && adapter->people)
		return adapter->people(argc - 1, argv + 1);
	argc = opts_parse(argc, argv, &usage);
	if (argc != 1 || (!verb && !is_verb(name, "about")))
		opts_misused(&usage, "one verb of hermes-adapter(7) is needed");
	if (!verb) {
		say(make_about(adapter));
	} else if (is_verb(name, "check")) {
		nothing = json_null();
		answer_one(verb, nothing);
		json_free(nothing);
	} else {
		answer_lines(verb);
	}
	return 0;
}
