/* SPDX-License-Identifier: MIT */
/*
 * One adapter, asked in this process, against an HTTP that says what libFuzzer makes up.
 * Whatever a platform replies is an answer: an adapter that ends, aborts, or touches what is
 * not its own is broken.
 *
 * An input is a question, and what is replied to the adapter's requests, one after another:
 *
 *	VERB {"a":"question"}
 *	STATUS [HEADER: VALUE]...       or: not_sent, misset, unknown; headers between tabs
 *	the body, up to a line that is a dot
 *	.
 *
 * After the last reply nothing can be sent any more. The verb `say` is `send` with all that
 * follows as its text, for the way from an agent's Markdown to the platform's.
 */
#include "adapter.h"
#include "http.h"
#include "lines.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int adapter_run(int argc, char **argv); /* the adapter's main */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char name[64];         /* the adapter's, with hermes-adapter- */
static const char *at, *end;  /* what of the replies is left */
static bool asking;           /* the adapter runs */
static double slept;          /* seconds that it believes to have slept in all */

/* --- what an adapter must not do, and what it must not wait for -------------- */

void __real_exit(int status) __attribute__((noreturn));
void __wrap_exit(int status) __attribute__((noreturn));
int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);

void
__wrap_exit(int status)
{
	if (asking) {
		fprintf(stderr, "the adapter ended with status %d\n", status);
		abort();
	}
	__real_exit(status);
}

int
__wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	int result = __real_clock_gettime(clock, time);

	time->tv_sec += (time_t)slept;
	return result;
}

int
__wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)left;
	slept += (double)time->tv_sec + 1;
	return 0;
}

/* --- HTTP ------------------------------------------------------------------- */

/* The next line of the replies, without its break; NULL at their end. */
static const char *
take_line(size_t *length)
{
	const char *line = at, *stop;

	if (at == end)
		return NULL;
	stop = memchr(at, '\n', (size_t)(end - at));
	*length = (size_t)((stop ? stop : end) - line);
	at = stop ? stop + 1 : end;
	return line;
}

static void
take_body(struct text *body)
{
	size_t length;
	const char *line;

	while ((line = take_line(&length)) && !(length == 1 && *line == '.')) {
		if (body->length)
			text_add(body, "\n", 1);
		text_add(body, line, length);
	}
}

/* "NAME: VALUE" between tabs, as http_header reads them. */
static void
take_headers(struct http_reply *reply, char *words)
{
	char *header, *rest = NULL;

	for (header = strtok_r(words, "\t", &rest); header; header = strtok_r(NULL, "\t", &rest)) {
		char *value = strstr(header, ": ");

		if (!value)
			continue;
		*value = '\0';
		text_add(&reply->headers, header, strlen(header) + 1);
		text_add(&reply->headers, value + 2, strlen(value + 2) + 1);
		if (!strcasecmp(header, "Retry-After"))
			reply->retry_after = (double)(strtoul(value + 2, NULL, 10) % 86401);
	}
}

static void
give_data(const struct http_request *request, struct http_reply *reply)
{
	size_t half = reply->body.length / 2;

	if (request->on_data(reply->body.at, half, request->data))
		request->on_data(reply->body.at + half, reply->body.length - half, request->data);
	text_clear(&reply->body);
}

void
http_ask(const struct http_request *request, struct http_reply *reply)
{
	size_t length = 0;
	const char *line = take_line(&length);
	char *head = line ? strndup(line, length) : strdup("not_sent");

	*reply = (struct http_reply){.body = TEXT_INIT, .headers = TEXT_INIT, .retry_after = -1,
		.status = atoi(head) % 1000};
	if (!strncmp(head, "not_sent", 8))
		reply->outcome = HTTP_NOT_SENT;
	else if (!strncmp(head, "misset", 6))
		reply->outcome = HTTP_MISSET;
	else if (!strncmp(head, "unknown", 7) || reply->status < 100)
		reply->outcome = HTTP_UNKNOWN;
	take_headers(reply, head + strcspn(head, "\t"));
	take_body(&reply->body);
	if (reply->outcome != HTTP_ANSWERED)
		reply->why = strdup("on order");
	else if (request->on_data && reply->status / 100 == 2)
		give_data(request, reply);
	free(head);
}

/* --- asking ----------------------------------------------------------------- */

static bool
is_verb(const char *word)
{
	static const char *const verbs[] = {"check", "resolve", "thread", "send", "poll", "say"};

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (!strcmp(word, verbs[i]))
			return true;
	return false;
}

/* The question of the first line, as it would come from the core; NULL: it is none. Owned. */
static struct json *
read_question(const char *verb, const char *words, size_t length)
{
	struct json *question = json_parse(words, length, NULL);

	if (!json_is_object(question)) {
		json_free(question);
		return NULL;
	}
	if (json_number(question, "wait", 0) > 2)
		json_put_number(question, "wait", 2);
	if (!strcmp(verb, "say")) {
		json_put_bytes(question, "text", at, (size_t)(end - at));
		at = end;
	}
	return question;
}

static void
put_on_stdin(const struct json *question)
{
	int memory = memfd_create("question", MFD_CLOEXEC);
	struct text line = TEXT_INIT;

	json_print(question, &line);
	text_add(&line, "\n", 1);
	if (memory < 0 || write(memory, line.at, line.length) != (ssize_t)line.length
		|| lseek(memory, 0, SEEK_SET) || dup2(memory, STDIN_FILENO))
		abort();
	close(memory);
	text_release(&line);
}

static void
ask_adapter(const char *verb, const struct json *question)
{
	char program[sizeof name], asked[16], *argv[] = {program, asked, NULL};

	memcpy(program, name, sizeof name);
	snprintf(asked, sizeof asked, "%s", strcmp(verb, "say") ? verb : "send");
	put_on_stdin(question);
	asking = true;
	adapter_run(2, argv);
	asking = false;
}

/* The tail of our own name says which adapter is linked with us. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *tail = strrchr(**argv, '-');
	int nowhere = open("/dev/null", O_WRONLY);

	(void)argc;
	snprintf(name, sizeof name, "hermes-adapter-%s", tail ? tail + 1 : "");
	dup2(nowhere, STDOUT_FILENO);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length = 0, blank;
	const char *line;
	char verb[16] = "";
	struct json *question;

	at = (const char *)data;
	end = at + size;
	line = size ? take_line(&length) : NULL;
	for (blank = 0; blank < length && blank < sizeof verb - 1 && line[blank] != ' '; blank++)
		verb[blank] = line[blank];
	if (blank >= length || line[blank] != ' ' || !is_verb(verb))
		return -1;
	question = read_question(verb, line + blank + 1, length - blank - 1);
	if (!question)
		return -1;
	ask_adapter(verb, question);
	json_free(question);
	return 0;
}
