/* SPDX-License-Identifier: MIT */
/*
 * What stands in a message. Feishu's `text` reads tags and [words](url) as markup and knows
 * no escape; the texts of a `post` are taken as they are. So what could be taken for markup
 * is a post, like all that is styled, and only the rest is a text. Both travel as a JSON
 * string inside of JSON, and what counts is how long that is.
 */
#include "feishu.h"

#include "die.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { POST_MOST = 30000 };

static bool
is_plain(const struct styled *styled)
{
	const char *words = styled->text.at;

	return !styled->count && !strchr(words, '<') && !strstr(words, "](") && !strstr(words, "**");
}

static void
put_field(struct text *out, const char *name, const char *bytes, size_t length)
{
	text_format(out, ",\"%s\":", name);
	json_quote(out, bytes, length);
}

/* The name that Feishu has for a block's language is its own in capitals; a few are known. */
static void
put_language(struct text *out, const char *language)
{
	static const char *const known[] = {"PYTHON", "C", "CPP", "GO", "JAVA", "KOTLIN", "SWIFT",
		"PHP", "RUBY", "RUST", "JAVASCRIPT", "TYPESCRIPT", "BASH", "SHELL", "SQL", "JSON", "XML",
		"YAML", "HTML"};

	for (size_t i = 0; language && i < sizeof known / sizeof *known; i++)
		if (!strcasecmp(known[i], language))
			put_field(out, "language", known[i], strlen(known[i]));
}

/* Goes along a styled text; `open` are the spans that it is in, the innermost last. */
struct walk {
	const struct styled *styled;
	size_t at, next; /* byte, and the first span that has not begun */
	const struct span *open[STYLES];
	size_t depth;
	bool fresh; /* no element stands in the present line */
};

static const struct span *
in_style(const struct walk *walk, enum style style)
{
	for (size_t i = 0; i < walk->depth; i++)
		if (walk->open[i]->style == style)
			return walk->open[i];
	return NULL;
}

static void
open_and_close(struct walk *walk)
{
	const struct styled *styled = walk->styled;

	while (walk->depth && walk->open[walk->depth - 1]->end <= walk->at)
		walk->depth--;
	for (; walk->next < styled->count && styled->spans[walk->next].begin <= walk->at; walk->next++)
		if (styled->spans[walk->next].end > walk->at && walk->depth < STYLES)
			walk->open[walk->depth++] = &styled->spans[walk->next];
}

/* Up to where all looks alike: a span's begin or end, a line's end. */
static size_t
run_end(const struct walk *walk)
{
	const struct styled *styled = walk->styled;
	const struct span *block = in_style(walk, STYLE_BLOCK);
	const char *line = memchr(styled->text.at + walk->at, '\n', styled->text.length - walk->at);
	size_t end = line ? (size_t)(line - styled->text.at) : styled->text.length;

	if (block)
		return block->end;
	if (walk->next < styled->count && styled->spans[walk->next].begin < end)
		end = styled->spans[walk->next].begin;
	if (walk->depth && walk->open[walk->depth - 1]->end < end)
		end = walk->open[walk->depth - 1]->end;
	return end;
}

static void
put_styles(struct text *out, const struct walk *walk)
{
	static const struct { enum style style; const char *name; } names[] = {
		{STYLE_BOLD, "bold"}, {STYLE_ITALIC, "italic"}, {STYLE_STRIKE, "lineThrough"}};
	bool any = false;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (in_style(walk, names[i].style)) {
			text_format(out, "%s\"%s\"", any ? "," : ",\"style\":[", names[i].name);
			any = true;
		}
	if (any)
		text_puts(out, "]");
}

static void
put_words(struct text *out, struct walk *walk, const char *bytes, size_t length)
{
	const struct span *link = in_style(walk, STYLE_LINK), *block = in_style(walk, STYLE_BLOCK);

	text_format(out, "%s{\"tag\":\"%s\"", walk->fresh ? "" : ",",
		block ? "code_block" : link ? "a" : "text");
	put_field(out, "text", bytes, length);
	if (block)
		put_language(out, block->detail);
	else
		put_styles(out, walk);
	if (link && !block)
		put_field(out, "href", link->detail, strlen(link->detail));
	text_puts(out, "}");
	walk->fresh = false;
}

/* Code in a line has no style of its own: it keeps its quotes. Neither have quotes. */
static void
put_run(struct text *out, struct walk *walk, size_t end)
{
	bool block = in_style(walk, STYLE_BLOCK), code = !block && in_style(walk, STYLE_CODE);
	struct text words = TEXT_INIT;

	if (walk->fresh && !block && in_style(walk, STYLE_QUOTE))
		text_puts(&words, "> ");
	text_puts(&words, code ? "`" : "");
	text_add(&words, walk->styled->text.at + walk->at, end - walk->at);
	text_puts(&words, code ? "`" : "");
	put_words(out, walk, words.at, words.length);
	text_release(&words);
	walk->at = end;
}

static void
put_post(struct text *out, const struct styled *styled)
{
	struct walk walk = {.styled = styled, .fresh = true};

	text_puts(out, "{\"en_us\":{\"content\":[[");
	while (walk.at < styled->text.length) {
		size_t end;

		open_and_close(&walk);
		end = run_end(&walk);
		if (end > walk.at) {
			put_run(out, &walk, end);
		} else {
			text_puts(out, "],[");
			walk.fresh = true;
			walk.at++;
		}
	}
	text_puts(out, "]]}}");
}

static void
write_content(struct text *out, const struct styled *styled)
{
	struct text content = TEXT_INIT;

	if (is_plain(styled)) {
		text_puts(&content, "{\"text\":");
		json_quote(&content, styled->text.at, styled->text.length);
		text_puts(&content, "}");
	} else {
		put_post(&content, styled);
	}
	json_quote(out, content.at, content.length);
	text_release(&content);
}

const struct dialect feishu_dialect = {
	.limit = POST_MOST, .unit = UNIT_BYTES, .write = write_content, .keyed = true};

void
put_content(struct json *body, const struct styled *part)
{
	char *written = message_written(&feishu_dialect, part);

	json_put_text(body, "msg_type", is_plain(part) ? "text" : "post");
	json_put(body, "content", json_parse(written, strlen(written), NULL));
	free(written);
}

/* The name behind a key such as @_user_1. Owned. */
static char *
named(const struct json *message, const char *key)
{
	struct json *mention = json_find(message, "mentions", "key", key);
	char *name = mention ? xformat("@%s", json_text_or(mention, "name", key)) : xstrdup(key);

	json_free(mention);
	return name;
}

/* @_user_1 stands for a name, also when @_user_11 does. */
static void
add_named(struct text *words, const struct json *message, const char *text)
{
	const char *at;

	while ((at = strstr(text, "@_"))) {
		size_t length = 2;
		char *key, *name;

		while (isalnum((unsigned char)at[length]) || at[length] == '_')
			length++;
		key = xformat("%.*s", (int)length, at);
		name = named(message, key);
		text_add(words, text, (size_t)(at - text));
		text_puts(words, name);
		text = at + length;
		free(key);
		free(name);
	}
	text_puts(words, text);
}

static void
add_element(struct text *words, const struct json *message, const struct json *element)
{
	const char *name = json_text(element, "user_name");

	if (!strcmp(json_text_or(element, "tag", ""), "at"))
		text_format(words, "@%s", name ? name : json_text_or(element, "user_id", ""));
	else
		add_named(words, message, json_text_or(element, "text", ""));
}

static void
add_post(struct text *words, const struct json *message, const struct json *post)
{
	text_puts(words, json_text_or(post, "title", ""));
	for (size_t i = 0, lines = json_count(post, "content"); i < lines; i++) {
		struct json *line = json_item(post, "content", i);

		if (i || words->length)
			text_puts(words, "\n");
		for (size_t j = 0, n = json_count(line, ""); j < n; j++) {
			struct json *element = json_item(line, "", j);

			add_element(words, message, element);
			json_free(element);
		}
		json_free(line);
	}
}

char *
content_words(const struct json *message)
{
	const char *kind = json_text_or(message, "msg_type", "");
	const char *string = json_text(message, "body.content");
	struct text words = TEXT_INIT;
	struct json *content, *post;

	if (!string)
		string = json_text_or(message, "content", "");
	content = json_parse(string, strlen(string), NULL);
	if (!content)
		return NULL;
	post = json_has(content, "en_us") ? json_at(content, "en_us") : json_copy(content);
	if (!strcmp(kind, "text"))
		add_named(&words, message, json_text_or(content, "text", ""));
	else if (!strcmp(kind, "post"))
		add_post(&words, message, post);
	json_free(post);
	json_free(content);
	if (strspn(words.at, " \t\r\n") == words.length)
		text_clear(&words);
	if (!words.length) {
		text_release(&words);
		return NULL;
	}
	return text_take(&words);
}
