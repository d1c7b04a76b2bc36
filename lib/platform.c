/* SPDX-License-Identifier: MIT */
#include "platform.h"

#include "config.h"
#include "die.h"
#include "figures.h"
#include "run.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROTOCOL = 1, ANSWER_MOST = 64 << 20 };

/* What was read of an answer so far, and why there is no more. */
enum reading { WHOLE, CUT, LATE, TOO_LARGE };

/* One line, however fast or slow it comes, up to the limits of time and size. */
static enum reading
read_answer(struct child *child, struct text *answer, double deadline)
{
	struct pollfd out = {.fd = child->from.fd, .events = POLLIN};

	for (;;) {
		double left = deadline - clock_steady();
		char bytes[65536], *end;
		ssize_t got;

		if (left <= 0)
			return LATE;
		if (poll(&out, 1, (int)(left * 1000) + 1) <= 0)
			continue;
		got = read(out.fd, bytes, sizeof bytes);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return CUT;
		end = memchr(bytes, '\n', (size_t)got);
		text_add(answer, bytes, end ? (size_t)(end - bytes) : (size_t)got);
		if (end)
			return WHOLE;
		if (answer->length > ANSWER_MOST)
			return TOO_LARGE;
	}
}

/* Its last words, "what is missing; how to mend it". */
static char *
explain_setup(const char *name, const char *last)
{
	struct text words = TEXT_INIT;

	if (!*last)
		return xformat("%s: its configuration is missing or wrong", name);
	text_add_clean(&words, last, strlen(last));
	return text_take(&words);
}

/* The words for an adapter that ended without an answer; sets *status. */
static char *
explain_end(const char *name, int ended, const char *last, size_t length, int *status)
{
	if (ended < 0)
		return xformat("%s: did not end in time and was killed", name);
	if (ended > 128)
		return xformat("%s: was ended by signal %d", name, ended - 128);
	if (ended == EX_USER || ended == EX_DENIED || ended == EX_SETUP)
		*status = ended;
	if (ended == EX_SETUP)
		return explain_setup(name, last);
	return xformat("%s: ended with status %d and %s", name, ended,
		length ? "half an answer" : "without an answer");
}

/* Turn what was read into the answer, or into words. Ends the child. */
static struct json *
take_answer(const char *name, struct child *child, double deadline, int *status, char **why)
{
	enum { LINGER = 2 }; /* seconds an adapter may take to end once it has answered */
	struct text answer = TEXT_INIT;
	enum reading reading = read_answer(child, &answer, deadline);
	struct json *parsed = NULL;
	double soon = clock_steady() + LINGER;

	if (reading == WHOLE) {
		child_end(child, soon < deadline ? soon : deadline);
		parsed = json_parse(answer.at, answer.length, NULL);
		if (!json_is_object(parsed)) {
			json_free(parsed);
			parsed = NULL;
			*why = xformat("%s: its answer is not a JSON object", name);
		}
	} else if (reading == CUT) {
		int ended = child_end(child, deadline);

		*why = explain_end(name, ended, child->last, answer.length, status);
	} else {
		child_kill(child);
		*why = reading == LATE ? xformat("%s: gave no answer in time and was killed", name)
			: xformat("%s: answered with more than %d MiB", name, ANSWER_MOST >> 20);
	}
	text_release(&answer);
	return parsed;
}

static void
free_environment(char **environment)
{
	for (char **at = environment; at && *at; at++)
		free(*at);
	free(environment);
}

/* One question on its way to an adapter. */
struct call {
	const char *platform, *verb;
	const struct json *question; /* or NULL */
	double deadline;
	struct child child;
};

/*
 * The settings that the adapter knows by other programs' names too; owned, or NULL. That costs
 * a question, which is asked only where there may be such a setting.
 */
static struct json *
needs_of(const struct call *call)
{
	const struct json *about = strcmp(call->verb, "about") && config_strangers()
		? platform_about(call->platform, NULL, NULL) : NULL;

	return json_at(about, "config");
}

/* Start the adapter and say the question; -1 with errno when it cannot be started. */
static int
start_call(struct call *call, char *path)
{
	char *verb = xstrdup(call->verb), *argv[] = {path, verb, NULL};
	struct json *needs = needs_of(call);
	char **environment = config_environment(call->platform, needs);
	int started = child_start(&call->child, argv, environment, CHILD_TELLS), error = errno;

	if (!started && call->question) {
		struct text line = TEXT_INIT;

		json_print(call->question, &line);
		text_add(&line, "\n", 1);
		/* An adapter that does not read says why by how it ends. */
		child_tell(&call->child, line.at, line.length, call->deadline);
		text_release(&line);
	}
	if (!started)
		child_hush(&call->child);
	free_environment(environment);
	json_free(needs);
	free(verb);
	errno = error;
	return started;
}

struct json *
platform_ask(const char *platform, const char *verb, const struct json *question, double limit,
	int *status, char **why)
{
	struct call call = {platform, verb, question, clock_steady() + limit, {0}};
	char *path = platform_program(platform), *name = xformat("hermes-adapter-%s %s", platform, verb);
	struct json *answer = NULL;

	*status = 0;
	*why = NULL;
	if (!path) {
		*why = xformat("there is no adapter for \"%s\"", platform);
	} else if (start_call(&call, path)) {
		*why = xformat("%s: cannot be started: %s", name, strerror(errno));
	} else {
		*status = EX_AWAY;
		answer = take_answer(name, &call.child, call.deadline, status, why);
	}
	if (answer)
		*status = 0;
	free(path);
	free(name);
	return answer;
}

static struct json *
ask_about(const char *platform, int *status, char **why)
{
	struct json *about = platform_ask(platform, "about", NULL, figure_adapter(), status, why);

	if (!about || json_number(about, "protocol", 0) == PROTOCOL)
		return about;
	*status = EX_AWAY;
	*why = xformat("hermes-adapter-%s: does not speak protocol %d", platform,
			PROTOCOL);
	json_free(about);
	return NULL;
}

/* What was asked before, failures too: an adapter that hangs does so once. */
struct kept {
	char *platform;
	struct json *about; /* or NULL, and why */
	int status;
	char *why;
	struct kept *next;
};

static const struct kept *
keep_about(const char *platform)
{
	static struct kept *first;
	struct kept *kept = first;

	while (kept && strcmp(kept->platform, platform))
		kept = kept->next;
	if (kept)
		return kept;
	kept = xmalloc(sizeof *kept);
	*kept = (struct kept){.platform = xstrdup(platform), .next = first};
	kept->about = ask_about(platform, &kept->status, &kept->why);
	return first = kept;
}

const struct json *
platform_about(const char *platform, int *status, char **why)
{
	const struct kept *kept = keep_about(platform);

	if (status)
		*status = kept->status;
	if (why)
		*why = kept->why ? xstrdup(kept->why) : NULL;
	return kept->about;
}
