/* SPDX-License-Identifier: MIT */
#include "secret.h"

#include "config.h"
#include "die.h"
#include "platform.h"
#include "whole.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static bool
ends_as_secret(const char *name)
{
	static const char *const words[] = {"token", "key", "secret", "password"};
	size_t length = strlen(name);

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t size = strlen(words[i]);

		if (length > size && strchr("_.", name[length - size - 1])
			&& !strcasecmp(name + length - size, words[i]))
			return true;
	}
	return false;
}

/* Whether the adapter that owns the variable calls it a secret. */
static bool
declared_secret(const char *variable)
{
	const char *platform = config_owner(variable);
	const struct json *about = NULL;
	char *why = NULL;
	int status;
	struct json *need;
	bool secret;

	if (platform)
		about = platform_about(platform, &status, &why);
	need = json_find(about, "config", "name", variable);
	secret = json_true(need, "secret");
	json_free(need);
	free(why);
	return secret;
}

bool
secret_is(const char *name)
{
	return ends_as_secret(name) || declared_secret(name);
}

static volatile sig_atomic_t interrupted;

static void
interrupt(int number)
{
	interrupted = number;
}

static void
read_value(struct text *into, bool line)
{
	char bytes[4096];

	while (!interrupted) {
		ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			die(EX_STORE, "stdin: cannot be read:");
		if (!got)
			break;
		text_add(into, bytes, (size_t)got);
		if (into->length > WHOLE_MOST)
			die(EX_BAD, "stdin: this is too long for a setting");
		if (line && into->at[into->length - 1] == '\n')
			break;
	}
}

/* A line typed blind; the terminal gets its echo back whatever happens. */
static void
ask(const char *prompt, struct text *into)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction catch = {.sa_handler = interrupt}, old[4];
	struct termios before, blind;

	if (tcgetattr(STDIN_FILENO, &before))
		die(EX_USER, "the terminal cannot be asked; pipe the value in");
	blind = before;
	blind.c_lflag &= ~(tcflag_t)ECHO;
	for (int i = 0; i < 4; i++)
		sigaction(signals[i], &catch, &old[i]);
	if (write(STDERR_FILENO, prompt, strlen(prompt)) < 0)
		interrupted = SIGHUP;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &blind);
	read_value(into, true);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	if (write(STDERR_FILENO, "\n", 1) < 0)
		interrupted = SIGHUP;
	for (int i = 0; i < 4; i++)
		sigaction(signals[i], &old[i], NULL);
	if (interrupted)
		raise(interrupted);
}

char *
secret_read(const char *prompt)
{
	struct text value = TEXT_INIT;
	size_t length;

	if (isatty(STDIN_FILENO))
		ask(prompt, &value);
	else
		read_value(&value, false);
	length = value.length;
	if (length && value.at[length - 1] == '\n')
		value.at[--length] = '\0';
	if (length && value.at[length - 1] == '\r')
		value.at[--length] = '\0';
	if (!length)
		die(EX_BAD, "stdin: nothing was given");
	if (!utf8_valid(value.at, length))
		die(EX_BAD, "stdin: this is not text");
	return text_take(&value);
}

char *
secret_shown(const char *text)
{
	const char *host = strstr(text, "://"), *at;

	if (!host)
		return xstrdup(text);
	host += 3;
	at = strrchr(host, '@'); /* a password may hold any sign: rather hide too much */
	if (!at)
		return xstrdup(text);
	return xformat("%.*s***%s", (int)(host - text), text, at);
}
