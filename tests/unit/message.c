/* SPDX-License-Identifier: MIT */
/*
 * message [OPTION...] <text: the parts that message.h makes of it, as JSON: what is written,
 * and the spans. message fuzz SEED COUNT: random texts and dialects; says what is wrong.
 *
 * Options: limit=N, unit=bytes|points|utf16, write=tags|lines|html|words, spans=N, part=N,
 * and entities, spelled, keyed, again, plain.
 */
#include "alloc.h"
#include "json.h"
#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[STYLES] = {"bold", "italic", "strike", "code", "block", "quote",
	"link"};

static void
escape(struct text *out, const char *bytes, size_t length, unsigned styles)
{
	for (size_t i = 0; i < length; i++) {
		if (strchr("[]<>", bytes[i]) && !(styles & (1u << STYLE_CODE | 1u << STYLE_BLOCK)))
			text_add(out, "\\", 1);
		text_add(out, bytes + i, 1);
	}
}

static void
write_tags(struct text *out, const struct styled *styled)
{
	static const struct markup markup = {.tags = {[STYLE_BOLD] = {"[b]", "[/b]", NULL},
		[STYLE_ITALIC] = {"[i]", "[/i]", NULL}, [STYLE_STRIKE] = {"[s]", "[/s]", NULL},
		[STYLE_CODE] = {"[c]", "[/c]", NULL}, [STYLE_BLOCK] = {"[p %s]", "[/p]", "[p]"},
		[STYLE_QUOTE] = {"[q]", "[/q]", NULL}, [STYLE_LINK] = {"[a %s]", "[/a]", NULL}},
		.escape = escape};

	styled_write(out, styled, &markup);
}

static void
write_lines(struct text *out, const struct styled *styled)
{
	static const struct markup markup = {.tags = {[STYLE_BOLD] = {"*", "*", NULL},
		[STYLE_ITALIC] = {"_", "_", NULL}, [STYLE_STRIKE] = {"~", "~", NULL},
		[STYLE_CODE] = {"`", "`", NULL}, [STYLE_BLOCK] = {"```%s\n", "\n```", NULL},
		[STYLE_LINK] = {"<%s|", ">", NULL}}, .escape = escape, .escape_detail = escape,
		.url_open = "<", .url_close = ">", .quote = "> ", .by_line = true};

	styled_write(out, styled, &markup);
}

static void
write_html(struct text *out, const struct styled *styled)
{
	static const struct markup markup = {.tags = {[STYLE_BOLD] = {"<b>", "</b>", NULL},
		[STYLE_ITALIC] = {"<i>", "</i>", NULL}, [STYLE_STRIKE] = {"<s>", "</s>", NULL},
		[STYLE_CODE] = {"<code>", "</code>", NULL}, [STYLE_BLOCK] = {"<pre class=%s>", "</pre>", "<pre>"},
		[STYLE_QUOTE] = {"<blockquote>", "</blockquote>", NULL},
		[STYLE_LINK] = {"<a href=%s>", "</a>", NULL}}, .escape = escape, .line_break = "<br>",
		.blocks_break = true};

	styled_write(out, styled, &markup);
}

static void
set(struct dialect *dialect, struct json *question, const char *option)
{
	static const struct { const char *name; void (*write)(struct text *, const struct styled *); }
		writers[] = {{"write=tags", write_tags}, {"write=lines", write_lines},
			{"write=html", write_html}, {"write=words", NULL}};

	for (size_t i = 0; i < sizeof writers / sizeof *writers; i++)
		if (!strcmp(option, writers[i].name))
			dialect->write = writers[i].write;
	if (!strncmp(option, "limit=", 6))
		dialect->limit = strtoul(option + 6, NULL, 10);
	if (!strncmp(option, "spans=", 6))
		dialect->most_spans = strtoul(option + 6, NULL, 10);
	if (!strncmp(option, "part=", 5))
		json_put_number(question, "part", strtod(option + 5, NULL));
	if (!strncmp(option, "unit=", 5))
		dialect->unit = option[5] == 'b' ? UNIT_BYTES : option[5] == 'p' ? UNIT_POINTS : UNIT_UTF16;
	if (!strcmp(option, "entities"))
		dialect->counts_words = true;
	dialect->spells_links |= !strcmp(option, "spelled");
	dialect->keyed |= !strcmp(option, "keyed");
	if (!strcmp(option, "again"))
		json_put(question, "again", json_object());
	if (!strcmp(option, "plain"))
		json_put_text(question, "format", "plain");
}

static struct json *
show(const struct dialect *dialect, const struct styled *part)
{
	struct json *shown = json_object(), *spans = json_array();
	char *written = message_written(dialect, part);

	for (size_t i = 0; i < part->count; i++) {
		const struct span *span = &part->spans[i];
		struct json *one = json_array();

		json_append(one, json_new_text(names[span->style], strlen(names[span->style])));
		json_append(one, json_new_text(part->text.at + span->begin, span->end - span->begin));
		if (span->detail)
			json_append(one, json_new_text(span->detail, strlen(span->detail)));
		json_append(spans, one);
	}
	json_put_text(shown, "written", written);
	json_put(shown, "spans", spans);
	free(written);
	return shown;
}

static int
print_parts(const struct dialect *dialect, struct json *question)
{
	struct json *shown = json_array();
	bool one = json_has(question, "part");
	int parts = 1;
	char *line;

	for (int i = 1; i <= parts; i++) {
		struct styled part;

		if (!one)
			json_put_number(question, "part", i);
		if (!message_part(question, dialect, &part, &parts))
			break;
		json_append(shown, show(dialect, &part));
		styled_release(&part);
		if (one)
			break;
	}
	line = json_string(shown);
	puts(line);
	free(line);
	json_free(shown);
	return 0;
}

/* --- random texts */

static unsigned long long state;

static unsigned
roll(unsigned sides)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(state >> 33) % sides;
}

/* Words that Markdown would take for something else: in a URL, and where a link is defined. */
static void
add_hidden(struct text *text, unsigned *word)
{
	if (roll(2)) {
		text_format(text, " http://e.x/_w%uw_/", *word);
	} else {
		text_format(text, "\n\n[w%uw]:", (*word)++);
		text_format(text, " w%uw\n\n", *word);
	}
	++*word;
}

static void
add_random(struct text *text, unsigned *word)
{
	static const char *const pieces[] = {" ", " ", " ", "\n", "\n", "\n\n", "\n\n", "**", "*", "_", "x~~",
		"x`", "\n~~~\n", "\n```c\n", "\n- ", "\n  - ", "\n1. ", "\n> ", "\n# ", "[", "](http://e.x)",
		"https://e.x/", "👨‍👩‍👧", "漢字", "é", "🇩🇪", "<b>", "&amp;", "\\", "|", "\n|a|b|\n|-|-|\n|", "    ",
		"\n---\n", "\t", "![", "<br>", "- [x] ", "]", ")", "(", "\xe2\x80\xae", "\x01"};

	if (!roll(20))
		add_hidden(text, word);
	else if (roll(2))
		text_format(text, "%sw%uw", roll(3) ? " " : "", (*word)++);
	else
		text_puts(text, pieces[roll(sizeof pieces / sizeof *pieces)]);
	for (unsigned i = roll(60) ? 0 : 300; i; i--)
		text_puts(text, "x");
}

static void
add_letters(struct text *letters, const struct text *text)
{
	for (size_t i = 0; i < text->length; i++)
		if (!strchr(" \n\t\r", text->at[i]))
			text_add(letters, text->at + i, 1);
}

static const char *
part_trouble(const struct dialect *dialect, const struct styled *part)
{
	char *written = message_written(dialect, part);
	const char *counted = dialect->counts_words ? part->text.at : written;
	size_t units = text_units(counted, strlen(counted), dialect->unit);
	const char *trouble = units > dialect->limit ? "too long" : NULL;

	if (!part->text.at[strspn(part->text.at, " \n\t")])
		trouble = "empty";
	if (!utf8_valid(written, strlen(written)))
		trouble = "a character is cut";
	if (dialect->most_spans && part->count > dialect->most_spans)
		trouble = "too many spans";
	for (size_t i = 0; i < part->count; i++) {
		const struct span *span = &part->spans[i];

		if (span->begin >= span->end || span->end > part->text.length)
			trouble = "a span is nowhere";
		for (size_t j = 0; j < i; j++)
			if (part->spans[j].begin > span->begin || (part->spans[j].end > span->begin
				&& (part->spans[j].end < span->end || part->spans[j].style == span->style)))
				trouble = "spans are not nested";
	}
	free(written);
	return trouble;
}

/* The letters of all parts together; NULL with *trouble where a part is wrong. */
static char *
all_letters(struct json *question, const struct dialect *dialect, const char **trouble)
{
	struct text letters = TEXT_INIT;
	int parts = 1;

	for (int i = 1; i <= parts && !*trouble; i++) {
		struct styled part;

		json_put_number(question, "part", i);
		if (message_part(question, dialect, &part, &parts)) {
			*trouble = part_trouble(dialect, &part);
			add_letters(&letters, &part.text);
		} else if (parts) {
			*trouble = "a part is missing";
		}
		styled_release(&part);
	}
	return text_take(&letters);
}

/* The words come in their order, with all that stands in a URL. */
static const char *
words_trouble(const char *letters, const char *text, unsigned words)
{
	for (unsigned i = 0; i < words; i++) {
		char word[32];

		snprintf(word, sizeof word, "http://e.x/_w%uw_/", i);
		if (!strstr(text, word))
			snprintf(word, sizeof word, "w%uw", i);
		if (!(letters = strstr(letters, word)))
			return "a word is lost, or out of order";
	}
	return NULL;
}

static const char *
try_one(struct text *text)
{
	static void (*const writers[])(struct text *, const struct styled *) = {write_tags, write_lines,
		write_html, NULL};
	struct dialect dialect = {.limit = 150 + roll(400), .unit = (enum text_unit)roll(3),
		.write = writers[roll(4)], .counts_words = roll(2), .keyed = true,
		.most_spans = roll(3) ? 0 : 10};
	struct dialect wide = dialect;
	struct json *question = json_object();
	unsigned words = 0;
	const char *trouble = NULL;
	char *cut, *whole;

	for (unsigned i = roll(400); i; i--)
		add_random(text, &words);
	wide.limit = (size_t)1 << 30;
	wide.most_spans = 0;
	json_put_bytes(question, "text", text->at, text->length);
	cut = all_letters(question, &dialect, &trouble);
	whole = all_letters(question, &wide, &trouble);
	if (!trouble && strcmp(cut, whole) != 0)
		trouble = "the parts are not the whole";
	if (!trouble && !strstr(text->at, "|-|")) /* a wide table is told in another order */
		trouble = words_trouble(whole, text->at, words);
	free(cut);
	free(whole);
	json_free(question);
	return trouble;
}

static int
fuzz(unsigned long seed, unsigned long count)
{
	for (; count; count--, seed++) {
		struct text text = TEXT_INIT;
		const char *trouble;

		state = seed * 2654435761u + 1;
		trouble = try_one(&text);
		if (trouble) {
			printf("seed %lu: %s:\n%s\n", seed, trouble, text.at);
			return 1;
		}
		text_release(&text);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct dialect dialect = {.limit = 4096, .unit = UNIT_UTF16, .write = write_tags};
	struct json *question;
	struct text text = TEXT_INIT;
	static char block[65536];
	ssize_t got;
	int status;

	if (argc == 4 && !strcmp(argv[1], "fuzz"))
		return fuzz(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
	question = json_object();
	for (int i = 1; i < argc; i++)
		set(&dialect, question, argv[i]);
	while ((got = read(STDIN_FILENO, block, sizeof block)) > 0)
		text_add(&text, block, (size_t)got);
	json_put_bytes(question, "text", text.at, text.length);
	text_release(&text);
	status = print_parts(&dialect, question);
	json_free(question);
	return status;
}
