/* SPDX-License-Identifier: MIT */
/*
 * What is missing, and how to mend it. Every check is a finding with its remedy; none
 * changes anything.
 */
#include "doctor/findings.h"

#include "die.h"
#include "out.h"

#include <stdarg.h>

static struct out out;
static bool broken;

void
finding(enum state state, const char *subject, const char *remedy, const char *format, ...)
{
	static const char *const words[] = {"ok", "warn", "bad"};
	struct json *line = json_object();
	struct text said = TEXT_INIT;
	va_list arguments;

	va_start(arguments, format);
	text_vformat(&said, format, arguments);
	va_end(arguments);
	broken = broken || state == BAD;
	json_put_text(line, "subject", subject);
	json_put_text(line, "state", words[state]);
	json_put_bytes(line, "text", said.at, said.length);
	if (remedy)
		json_put_text(line, "remedy", remedy);
	if (out_human(&out))
		out_text("%-4s  %s: %s%s%s\n", words[state], subject, said.at, remedy ? "; " : "",
			remedy ? remedy : "");
	else
		out_json(&out, line);
	text_release(&said);
	json_free(line);
}

int
main(int argc, char **argv)
{
	const struct opt opts[] = {
		{"json", 0, OPT_FLAG, &out.json, NULL, "print JSON also on a terminal"},
		{"jq", 0, OPT_TEXT, &out.jq, "FILTER", "pass what is printed through a jq filter"},
		{0},
	};
	const struct usage usage = {"[--json]",
		"Look at the installation, the configuration and each platform; say what to mend.",
		opts};

	program_start(argv[0]);
	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operand is taken");
	examine_home();
	examine_path();
	examine_store();
	if (examine_config()) {
		examine_agent();
		examine_platforms();
	}
	if (broken)
		warn("something that is switched on does not work; see what is marked bad");
	return broken ? EX_NO : 0;
}
