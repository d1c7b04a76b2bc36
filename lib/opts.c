/* SPDX-License-Identifier: MIT */
#include "opts.h"

#include "die.h"
#include "json.h"
#include "text.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* LONG and above: no letter. */
enum { MOST = 40, LONG = 256, HELP = 1000, VERSION_ };

static void
print_usage(FILE *to, const struct usage *usage)
{
	const char *line = usage->synopsis ? usage->synopsis : "";
	const char *lead = "usage:";

	do {
		size_t length = strcspn(line, "\n");

		fprintf(to, "%s %s%s%.*s\n", lead, program_name(), length ? " " : "", (int)length, line);
		line += length + (line[length] == '\n');
		lead = "      ";
	} while (*line);
}

static void
print_help(const struct usage *usage)
{
	print_usage(stdout, usage);
	printf("\n%s\n\n", usage->summary);
	for (const struct opt *opt = usage->opts; opt && opt->name; opt++) {
		char left[64], letter[4] = "   ";

		if (opt->letter)
			snprintf(letter, sizeof letter, "-%c,", opt->letter);
		snprintf(left, sizeof left, "%s --%s%s%s", letter, opt->name, opt->argument ? " " : "",
			opt->argument ? opt->argument : "");
		printf("  %-30s %s\n", left, opt->help);
	}
	printf("  %-30s %s\n  %-30s %s\n", "    --help", "print this help", "    --version",
		"print the version");
}

void
opts_misused(const struct usage *usage, const char *format, ...)
{
	struct text what = TEXT_INIT;
	va_list arguments;

	va_start(arguments, format);
	text_vformat(&what, format, arguments);
	va_end(arguments);
	warn("%s", what.at);
	print_usage(stderr, usage);
	exit(EX_USER);
}

void
opts_need_words(const struct usage *usage, const char *option, const char *given)
{
	if (given && !given[strspn(given, " \t\r\n")])
		opts_misused(usage, "%s: it is empty", option);
	if (given && !utf8_valid(given, strlen(given)))
		opts_misused(usage, "%s: it is not valid UTF-8", option);
}

static double
number(const struct usage *usage, const struct opt *opt, const char *text)
{
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (end == text || *end || errno || !isfinite(value) || value < 0
		|| (opt->kind == OPT_NUMBER && value != floor(value)) || value > 1e12)
		opts_misused(usage, "--%s: \"%s\" is not a %s", opt->name, text,
			opt->kind == OPT_NUMBER ? "whole number" : "number of seconds");
	return value;
}

static void
add_text(struct texts *texts, const char *argument)
{
	texts->list = xrealloc(texts->list, (texts->count + 1) * sizeof *texts->list);
	texts->list[texts->count++] = argument;
}

static void
store(const struct usage *usage, const struct opt *opt, const char *argument)
{
	switch (opt->kind) {
	case OPT_FLAG:
		*(bool *)opt->to = true;
		break;
	case OPT_TEXT:
		*(const char **)opt->to = argument;
		break;
	case OPT_TEXTS:
		add_text(opt->to, argument);
		break;
	case OPT_FILTER: /* one that is wrong ends the program before it has done anything */
		*(struct filter **)opt->to = filter_compile(argument);
		break;
	case OPT_NUMBER:
		*(long *)opt->to = (long)number(usage, opt, argument);
		break;
	case OPT_SECONDS:
		*(double *)opt->to = number(usage, opt, argument);
		break;
	}
}

/* A word of several letters is not known by one of them; a text is often such a word. */
static void __attribute__((noreturn))
unknown(const struct usage *usage, const char *word)
{
	char letter[] = {'-', (char)optopt, '\0'};

	if (optopt >= LONG)
		opts_misused(usage, "%s: that option takes no argument", word);
	opts_misused(usage, "there is no option %s; a word that begins with a dash comes after --",
		optopt ? letter : word);
}

int
opts_parse(int argc, char **argv, const struct usage *usage)
{
	struct option longs[MOST + 3] = {0};
	char letters[2 * MOST + 2] = ":", *end = letters + 1;
	int count = 0, found, operands;

	for (const struct opt *opt = usage->opts; opt && opt->name && count < MOST; opt++, count++) {
		int takes = opt->kind == OPT_FLAG ? no_argument : required_argument;
		longs[count] = (struct option){opt->name, takes, NULL, LONG + count};
		if (opt->letter)
			*end++ = opt->letter;
		if (opt->letter && takes)
			*end++ = ':';
	}
	longs[count] = (struct option){"help", no_argument, NULL, HELP};
	longs[count + 1] = (struct option){"version", no_argument, NULL, VERSION_};
	optind = 0;
	opterr = 0;
	while ((found = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct opt *opt = NULL;

		if (found == HELP) {
			print_help(usage);
			program_end(0);
		}
		if (found == VERSION_) {
			printf("%s %s\n", program_name(), HERMES_VERSION);
			program_end(0);
		}
		if (found == ':')
			opts_misused(usage, "%s needs an argument", argv[optind - 1]);
		if (found == '?')
			unknown(usage, argv[optind - 1]);
		if (found >= LONG)
			opt = &usage->opts[found - LONG];
		for (int i = 0; !opt && i < count; i++)
			if (usage->opts[i].letter == found)
				opt = &usage->opts[i];
		if (opt)
			store(usage, opt, optarg);
	}
	operands = argc - optind;
	memmove(argv, argv + optind, (size_t)operands * sizeof *argv);
	argv[operands] = NULL;
	return operands;
}

const struct verb *
verb_find(const struct verb *verbs, const char *name)
{
	for (; verbs->name; verbs++)
		if (!strcmp(verbs->name, name))
			return verbs;
	return NULL;
}

void
verbs_help(const struct verb *verbs, const char *summary)
{
	printf("usage: %s VERB [OPTION ...]\n\n%s\n\n", program_name(), summary);
	for (; verbs->name; verbs++)
		printf("  %s %s\n        %s\n", verbs->name, verbs->synopsis, verbs->summary);
	printf("\n%s VERB --help lists the options of a verb.\n", program_name());
}

int
verbs_main(int argc, char **argv, const struct verb *verbs, const char *summary)
{
	const struct verb *verb;

	program_start(argv[0]);
	if (argc < 2)
		die(EX_USER, "a verb is needed; see %s --help", program_name());
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		verbs_help(verbs, summary);
		program_end(0);
	}
	if (!strcmp(argv[1], "--version")) {
		printf("%s %s\n", program_name(), HERMES_VERSION);
		program_end(0);
	}
	verb = verb_find(verbs, argv[1]);
	if (!verb)
		die(EX_USER, "%s: no such verb; see %s --help", argv[1], program_name());
	return verb->run(argc - 1, argv + 1);
}
