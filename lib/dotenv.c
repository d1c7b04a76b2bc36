/* SPDX-License-Identifier: MIT */
#include "dotenv.h"

#include "die.h"

#include <string.h>

/* One line: a name (empty: the line is blank or a comment) and what follows its "=". */
struct line {
	const char *start, *end; /* without its line break */
	const char *name, *value;
	size_t name_length;
};

static const char *
skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

bool
dotenv_name(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool letter = (name[i] >= 'A' && name[i] <= 'Z') || name[i] == '_'
			|| (name[i] >= 'a' && name[i] <= 'z');

		if (!letter && (i == 0 || name[i] < '0' || name[i] > '9'))
			return false;
	}
	return length > 0;
}

/* The line that begins at `at`; NULL in ->name when it is neither blank nor an assignment. */
static struct line
line_at(const char *at, const char *end)
{
	const char *stop = memchr(at, '\n', (size_t)(end - at)), *equals;
	struct line line = {.start = at, .end = stop ? stop : end};

	if (line.end > at && line.end[-1] == '\r')
		line.end--;
	line.name = skip_blanks(at, line.end);
	if (line.name == line.end || *line.name == '#')
		return line;
	if (line.end - line.name > 7 && !strncmp(line.name, "export", 6)
		&& (line.name[6] == ' ' || line.name[6] == '\t'))
		line.name = skip_blanks(line.name + 7, line.end);
	equals = memchr(line.name, '=', (size_t)(line.end - line.name));
	if (equals) {
		line.value = skip_blanks(equals + 1, line.end);
		while (equals > line.name && (equals[-1] == ' ' || equals[-1] == '\t'))
			equals--;
		line.name_length = (size_t)(equals - line.name);
	}
	if (!dotenv_name(line.name, line.name_length))
		line.name = NULL;
	return line;
}

/* Where the line after this one begins. */
static const char *
line_after(const struct line *line, const char *end)
{
	const char *stop = memchr(line->end, '\n', (size_t)(end - line->end));

	return stop ? stop + 1 : end;
}

static char
unescaped(char sign)
{
	return sign == 'n' ? '\n' : sign == 't' ? '\t' : sign == 'r' ? '\r' : sign;
}

/* Add a quoted value; NULL, or what is wrong. */
static const char *
add_quoted(const struct line *line, struct text *into)
{
	const char *at = line->value + 1;
	char quote = *line->value;

	for (; at < line->end && *at != quote; at++) {
		char sign = *at;

		if (sign == '\\' && at + 1 < line->end && (quote == '"' || strchr("\\'", at[1])))
			sign = quote == '"' ? unescaped(*++at) : *++at;
		text_add(into, &sign, 1);
	}
	if (at == line->end)
		return "the quote is not closed on this line";
	at = skip_blanks(at + 1, line->end);
	return at == line->end || *at == '#' ? NULL : "something stands behind the closing quote";
}

static const char *
add_value(const struct line *line, struct text *into)
{
	const char *at = line->value, *end = line->end;

	if (at < end && (*at == '"' || *at == '\''))
		return add_quoted(line, into);
	for (; at < end; at++)
		if (*at == '#' && (at == line->value || at[-1] == ' ' || at[-1] == '\t'))
			break;
	while (at > line->value && (at[-1] == ' ' || at[-1] == '\t'))
		at--;
	text_add(into, line->value, (size_t)(at - line->value));
	return NULL;
}

static const char *
take_line(const struct line *line, struct json *variables)
{
	struct text value = TEXT_INIT, name = TEXT_INIT;
	const char *wrong = NULL;

	if (!utf8_valid(line->start, (size_t)(line->end - line->start)))
		return "this is not UTF-8";
	if (!line->name)
		return "this is not NAME=VALUE";
	if (!line->name_length)
		return NULL;
	wrong = add_value(line, &value);
	text_add(&name, line->name, line->name_length);
	if (!wrong)
		json_put_bytes(variables, name.at, value.at, value.length);
	text_release(&value);
	text_release(&name);
	return wrong;
}

/* Editors on some systems begin a file with a byte order mark. */
static const char *
begin(const char *bytes, size_t length)
{
	return length >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3) ? bytes + 3 : bytes;
}

struct json *
dotenv_read(const char *bytes, size_t length, char **why)
{
	struct json *variables = json_object();
	const char *end = bytes + length;
	size_t number = 1;

	for (const char *at = begin(bytes, length); at < end; number++) {
		struct line line = line_at(at, end);
		const char *wrong = take_line(&line, variables);

		if (wrong) {
			*why = xformat("line %zu: %s", number, wrong);
			json_free(variables);
			return NULL;
		}
		at = line_after(&line, end);
	}
	return variables;
}

static void
add_assignment(struct text *into, const char *name, const char *value)
{
	static const char safe[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+.,:/@%=";
	bool plain = *value && !value[strspn(value, safe)];

	text_format(into, "%s=%s", name, plain ? value : "\"");
	for (; !plain && *value; value++) {
		const char *sign = strchr("\nn\rr\tt", *value);

		if (*value == '"' || *value == '\\' || (sign && *value < ' '))
			text_add(into, "\\", 1);
		text_add(into, sign && *value < ' ' ? sign + 1 : value, 1);
	}
	text_puts(into, plain ? "\n" : "\"\n");
}

char *
dotenv_edit(const char *bytes, size_t length, const char *name, const char *value)
{
	const char *end = bytes + length, *at = begin(bytes, length);
	struct text edited = TEXT_INIT;

	text_add(&edited, bytes, (size_t)(at - bytes));
	while (at < end) {
		struct line line = line_at(at, end);
		const char *next = line_after(&line, end);

		if (!line.name || line.name_length != strlen(name)
			|| strncmp(line.name, name, line.name_length)) {
			text_add(&edited, at, (size_t)(next - at));
		} else if (value) {
			add_assignment(&edited, name, value);
			value = NULL; /* a second line of the same name would win: it goes */
		}
		at = next;
	}
	if (value && edited.length && edited.at[edited.length - 1] != '\n')
		text_add(&edited, "\n", 1);
	if (value)
		add_assignment(&edited, name, value);
	return text_take(&edited);
}
