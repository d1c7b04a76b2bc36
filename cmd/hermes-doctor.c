/* SPDX-License-Identifier: MIT */
/*
 * What is missing, and how to mend it. Every check is a finding with its remedy; none
 * changes anything.
 */
#include "doctor/findings.h"

#include "die.h"
#include "opts.h"

int
main(int argc, char **argv)
{
	const struct opt opts[] = {
		OUT_OPTS(findings_out), {0},
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
	if (findings_broken)
		warn("something that is switched on does not work; see what is marked bad");
	return findings_broken ? EX_NO : 0;
}
