/* SPDX-License-Identifier: MIT */
#include "die.h"

#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *name = "hermes";

void
program_start(const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

	if (argv0)
		name = slash ? slash + 1 : argv0;
}

const char *
program_name(void)
{
	return name;
}

/* One write, so that lines of the stages of one pipeline do not mix. */
static void __attribute__((format(printf, 1, 0)))
say(const char *format, va_list arguments, int error)
{
	struct text said = TEXT_INIT, line = TEXT_INIT;
	size_t length = strlen(format);

	text_vformat(&said, format, arguments);
	if (length && format[length - 1] == ':')
		text_format(&said, " %s", strerror(error));
	text_format(&line, "%s: ", name);
	text_add_clean(&line, said.at, said.length);
	text_add(&line, "\n", 1);
	if (write(STDERR_FILENO, line.at, line.length) < 0)
		(void)0; /* nowhere left to complain */
	text_release(&said);
	text_release(&line);
}

void
die(int status, const char *format, ...)
{
	int error = errno;
	va_list arguments;

	fflush(stdout);
	va_start(arguments, format);
	say(format, arguments, error);
	va_end(arguments);
	exit(status);
}

void
program_end(int status)
{
	if ((fflush(stdout) || ferror(stdout)) && errno != EPIPE)
		die(EX_STORE, "stdout: cannot be written:");
	exit(status);
}

void
warn(const char *format, ...)
{
	int error = errno;
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments, error);
	va_end(arguments);
}

char *
xformat(const char *format, ...)
{
	struct text made = TEXT_INIT;
	va_list arguments;

	va_start(arguments, format);
	text_vformat(&made, format, arguments);
	va_end(arguments);
	return text_take(&made);
}
