/* SPDX-License-Identifier: MIT */
#include "findings.h"

#include <stdarg.h>

struct out findings_out;
bool findings_broken;

void
finding_put(enum state state, const char *subject, struct json *line)
{
	static const char *const words[] = {"off", "ok", "warn", "bad"};
	const char *remedy = json_text(line, "remedy");

	findings_broken |= state == BAD;
	json_drop(line, "worst");
	json_put_text(line, "id", subject);
	json_put_text(line, "subject", subject);
	json_put_text(line, "state", words[state]);
	if (out_human(&findings_out))
		out_text("%-4s  %s: %s%s%s\n", words[state], subject, json_text_or(line, "text", ""),
			remedy ? "; " : "", remedy ? remedy : "");
	else
		out_json(&findings_out, line);
	json_free(line);
}

void
finding(enum state state, const char *subject, const char *remedy, const char *format, ...)
{
	struct json *line = json_object();
	struct text said = TEXT_INIT;
	va_list arguments;

	va_start(arguments, format);
	text_vformat(&said, format, arguments);
	va_end(arguments);
	json_put_bytes(line, "text", said.at, said.length);
	if (remedy)
		json_put_text(line, "remedy", remedy);
	finding_put(state, subject, line);
	text_release(&said);
}
