/* SPDX-License-Identifier: MIT */
#include "trouble.h"

#include "die.h"
#include "figures.h"
#include "platform.h"
#include "stage.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *class;
	int code;
	bool passes;
} classes[] = {
	{"transient", EX_AWAY, true},
	{"busy", EX_LATER, true},
	{"request", EX_NO, false},
	{"thread", EX_NO, false},
	{"chat", EX_NO, false},
	{"config", EX_SETUP, false},
};

static size_t
find(const char *class)
{
	size_t i = 0;

	while (i < sizeof classes / sizeof *classes - 1 && strcmp(classes[i].class, class))
		i++;
	return strcmp(classes[i].class, class) ? 2 : i; /* an unknown class is final */
}

int
trouble_code(const char *class)
{
	return classes[find(class)].code;
}

struct json *
trouble_ask(struct json *record, const char *platform, const char *verb,
	const struct json *question)
{
	char *why = NULL;
	int status = 0;
	struct json *answer = platform_ask(platform, verb, question, figure_adapter(), &status, &why);

	if (answer)
		return answer;
	if (status == EX_SETUP || status == EX_USER || status == EX_DENIED)
		record_error(record, status, NULL, "%s", why ? why : "no answer");
	else
		record_retry(record, EX_AWAY, -1, "%s", why ? why : "no answer");
	free(why);
	return NULL;
}

static const char *
text_below(const struct json *answer, const char *prefix, const char *key)
{
	char *path = xformat("%s%s", prefix, key);
	const char *text = json_text(answer, path);

	free(path);
	return text;
}

void
trouble_put(struct json *record, const struct json *answer, const char *prefix)
{
	const char *why = text_below(answer, prefix, "why");
	const char *class = text_below(answer, prefix, "class");
	size_t kind = find(class ? class : "request");
	char *path = xformat("%sretry_after", prefix);
	double after = json_number(answer, path, -1);

	if (!why)
		why = "the adapter gave no reason";
	if (classes[kind].passes)
		record_retry(record, classes[kind].code, after, "%s", why);
	else
		record_error(record, classes[kind].code, text_below(answer, prefix, "remedy"), "%s", why);
	json_put_text(record, "error.class", classes[kind].class);
	if (classes[kind].passes && after > 0)
		json_put_true(record, "error.rest", true);
	free(path);
}

bool
trouble_rests(const struct json *record, double since)
{
	static const double LONGEST = 86400;

	return json_true(record, "error.rest") && clock_now() - since < LONGEST;
}
