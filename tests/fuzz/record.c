/* SPDX-License-Identifier: MIT */
/*
 * An adapter that works as ever, and writes what it was asked and what HTTP replied into a
 * file of $FUZZ_RECORD, in the form that adapter.c reads: so a corpus is made of what the
 * tests' servers really say. A process is one file; its first question counts.
 */
#include "adapter.h"
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int adapter_run(int argc, char **argv); /* the adapter's main */
void http_ask_really(const struct http_request *request, struct http_reply *reply);

static FILE *record;

static void
write_headers(const struct http_reply *reply)
{
	const char *at = reply->headers.at, *end = at + reply->headers.length;

	while (at < end) {
		const char *value = at + strlen(at) + 1;

		fprintf(record, "\t%s: %s", at, value);
		at = value + strlen(value) + 1;
	}
}

void
http_ask(const struct http_request *request, struct http_reply *reply)
{
	static const char *const outcomes[] = {[HTTP_NOT_SENT] = "not_sent", [HTTP_MISSET] = "misset",
		[HTTP_UNKNOWN] = "unknown"};

	http_ask_really(request, reply);
	if (!record)
		return;
	if (reply->outcome == HTTP_ANSWERED)
		fprintf(record, "%d", reply->status);
	else
		fputs(outcomes[reply->outcome], record);
	write_headers(reply);
	fprintf(record, "\n%.*s\n.\n", (int)reply->body.length, reply->body.at);
	fflush(record);
}

/* All of stdin, which is then there to be read again. */
static void
read_questions(struct text *questions)
{
	int memory = memfd_create("questions", MFD_CLOEXEC);
	char bytes[65536];
	ssize_t got;

	while ((got = read(STDIN_FILENO, bytes, sizeof bytes)) > 0)
		text_add(questions, bytes, (size_t)got);
	if (write(memory, questions->at, questions->length) < 0 || lseek(memory, 0, SEEK_SET)
		|| dup2(memory, STDIN_FILENO))
		abort();
	close(memory);
}

int
main(int argc, char **argv)
{
	const char *folder = getenv("FUZZ_RECORD"), *verb = argc > 1 ? argv[1] : "";
	bool asks = !strcmp(verb, "resolve") || !strcmp(verb, "thread") || !strcmp(verb, "send")
		|| !strcmp(verb, "poll");
	struct text questions = TEXT_INIT, path = TEXT_INIT;

	if (asks)
		read_questions(&questions);
	if (folder && (asks || !strcmp(verb, "check"))) {
		text_format(&path, "%s/%s-%ld", folder, verb, (long)getpid());
		record = fopen(path.at, "w");
	}
	if (record)
		fprintf(record, "%s %.*s\n", verb, asks ? (int)strcspn(questions.at, "\n") : 2,
			asks ? questions.at : "{}");
	return adapter_run(argc, argv);
}
