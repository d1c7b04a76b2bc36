/* SPDX-License-Identifier: MIT */
#include "notice.h"

static void
add_where(struct text *words, const struct json *record)
{
	const char *cwd = json_text(record, "session.cwd");
	const char *branch = json_text(record, "session.branch");

	if (cwd)
		text_format(words, " The working directory is %s%s%s.", cwd, branch ? ", branch " : "",
			branch ? branch : "");
}

char *
notice_words(const struct json *record)
{
	const char *title = json_text(record, "session.title");
	struct text words = TEXT_INIT;

	text_format(&words, "[This conversation%s%s%s has just moved from %s to %s. From now on I write "
		"there.", title ? " (\"" : "", title ? title : "", title ? "\")" : "",
		json_text_or(record, "session.source", "the command line"),
		json_text_or(record, "place.platform", "another platform"));
	add_where(&words, record);
	text_puts(&words, " Confirm briefly that you are here: say in two or three sentences where we "
		"were, and repeat any question that is still open.]");
	return text_take(&words);
}

char *
notice_alone(const struct json *record)
{
	const char *title = json_text(record, "session.title");
	struct text words = TEXT_INIT;

	text_format(&words, "This conversation%s%s%s continues here.", title ? ", \"" : "",
		title ? title : "", title ? "\"," : "");
	text_puts(&words, " The agent has not confirmed yet; write here to go on.");
	return text_take(&words);
}
