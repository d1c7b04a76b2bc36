/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "die.h"
#include "place.h"

#include <stdlib.h>
#include <unistd.h>

struct out report_out;
bool report_quiet;

static size_t passed, failed;

void
report(const char *name, char *why)
{
	struct json *line = json_object();

	*(why ? &failed : &passed) += 1;
	json_put_text(line, "name", name);
	json_put_true(line, "ok", !why);
	if (why)
		json_put_text(line, "why", why);
	if (!why && report_quiet)
		;
	else if (out_human(&report_out))
		out_text("%-4s  %s%s%s\n", why ? "FAIL" : "ok", name, why ? ": " : "", why ? why : "");
	else
		out_json(&report_out, line);
	json_free(line);
	free(why);
}

/* To whoever looks: a person at stderr, a program at stdout. */
void
report_wanted(const struct json *place, const char *words)
{
	struct json *line = json_object();
	char *where = place_words(place);

	warn("please say \"%s\" at %s", words, where);
	json_put_text(line, "say", words);
	json_put(line, "place", json_copy(place));
	if (!out_human(&report_out) && !report_quiet)
		out_json(&report_out, line);
	json_free(line);
	free(where);
}

int
report_end(void)
{
	if (out_human(&report_out))
		out_text("%zu passed, %zu failed\n", passed, failed);
	else
		warn("%zu passed, %zu failed", passed, failed);
	return failed ? EX_NO : 0;
}
