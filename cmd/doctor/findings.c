/* SPDX-License-Identifier: MIT */
#include "findings.h"

#include <stdarg.h>

struct out findings_out;
bool findings_broken;

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
	findings_broken |= state == BAD;
	json_put_text(line, "subject", subject);
	json_put_text(line, "state", words[state]);
	json_put_bytes(line, "text", said.at, said.length);
	if (remedy)
		json_put_text(line, "remedy", remedy);
	if (out_human(&findings_out))
		out_text("%-4s  %s: %s%s%s\n", words[state], subject, said.at, remedy ? "; " : "",
			remedy ? remedy : "");
	else
		out_json(&findings_out, line);
	text_release(&said);
	json_free(line);
}
