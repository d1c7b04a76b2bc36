/* SPDX-License-Identifier: MIT */
/*
 * The configuration, for people: what is set, where it comes from, and changing it
 * without touching anything else in the file. A dotted key lives in config.yaml, a
 * VARIABLE in .env; a secret lives in .env, comes in by stdin or a blind prompt, and
 * never goes out again.
 */
#include "config/verbs.h"

struct out out;
const struct opt out_opts[] = {OUT_OPTS(out), {0}};

int
main(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{"get", run_get, "KEY", "print one setting"},
		{"list", run_list, "", "print every setting and where it comes from"},
		{"set", run_set, "KEY [VALUE | -]", "change one setting"},
		{"unset", run_unset, "KEY", "remove one setting"},
		{"check", run_check, "", "is it all readable, and known to somebody?"},
		{"home", run_home, "PLATFORM [ADDRESS]", "show or set a platform's home"},
		{"platforms", run_platforms, "", "list platforms and what each needs"},
		{0},
	};

	return verbs_main(argc, argv, verbs, "Show, change and check the configuration.");
}
