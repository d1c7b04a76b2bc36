/* SPDX-License-Identifier: MIT */
#include "notice.h"

#include "die.h"

static const char desk[] = "the command line";

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
		json_text_or(record, "handoff.from.platform", json_text_or(record, "session.source", desk)),
		json_text_or(record, "place.platform", "another platform"));
	add_where(&words, record);
	text_puts(&words, " Confirm briefly that you are here, and from where: say in two or three "
		"sentences where we were, and repeat any question that is still open.]");
	return text_take(&words);
}

char *
notice_alone(const struct json *record)
{
	const char *title = json_text(record, "session.title");
	struct text words = TEXT_INIT;

	text_format(&words, "This conversation%s%s%s continues here, from %s.", title ? ", \"" : "",
		title ? title : "", title ? "\"," : "",
		json_text_or(record, "handoff.from.platform", desk));
	text_puts(&words, " The agent has not confirmed yet; write here to go on.");
	return text_take(&words);
}

char *
notice_home(const struct json *from)
{
	return xformat("[This conversation has just moved from %s to %s. From now on I write there.]",
		json_text_or(from, "platform", desk), desk);
}

static void
add_gone(struct text *words, const struct json *to, bool may_know)
{
	const char *link = json_text(to, "link");

	if (!to)
		text_format(words, "This conversation continues at %s.", desk);
	else if (link && may_know)
		text_format(words, "This conversation continues on %s: %s",
			json_text_or(to, "platform", "another platform"), link);
	else
		text_format(words, "This conversation continues on %s.",
			json_text_or(to, "platform", "another platform"));
}

char *
notice_gone(const struct json *to, bool may_know)
{
	struct text words = TEXT_INIT;

	add_gone(&words, to, may_know);
	return text_take(&words);
}

char *
notice_left(const char *session, const struct json *to, bool may_know)
{
	struct text words = TEXT_INIT;

	add_gone(&words, to, may_know);
	text_format(&words, "\nWhat you wrote here was not passed on. \"hermes handoff --back "
		"--session %s\" brings it back; write again to begin a new conversation here.", session);
	return text_take(&words);
}
