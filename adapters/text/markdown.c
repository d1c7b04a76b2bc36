/* SPDX-License-Identifier: MIT */
/*
 * An agent's Markdown becomes styled text: the one door to libcmark-gfm.
 *
 * The parser's own effort may grow with the square of what it is given, and what an agent
 * repeats may be anyone's words. So a long text is parsed in sections, each cut where a
 * paragraph begins if there is such a place, and a section that is nested absurdly stands as
 * it was typed.
 */
#include "styled.h"

#include "die.h"
#include "section.h"
#include "table.h"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	MOST_LEVELS = 8,    /* deeper lists are not indented further */
	MOST_LANGUAGE = 32,
	MOST_WIDTH = 72,    /* of a table that is shown as one */
	MOST_HEADS = 512,   /* bytes of a table's head that are repeated in each row */
};

struct renderer {
	struct styled *out;
	const struct section *section;
	size_t line, line_at;  /* of the section: a line, from 0, and where it begins */
	size_t span[STYLES];   /* the span of a style that is in force */
	size_t depth[STYLES];  /* how often it is */
	size_t lists;
	bool begun;            /* the section has shown something */
	bool fresh;            /* a bullet stands there: what follows goes beside it */
	bool spelled;          /* a table's rows are spelled out, by the heads in `table` */
	struct table table;
	size_t column;
};

static bool
is_type(cmark_node *node, const char *name)
{
	return !strcmp(cmark_node_get_type_string(node), name);
}

static bool
is_block(cmark_node *node)
{
	return (cmark_node_get_type(node) & CMARK_NODE_TYPE_MASK) == CMARK_NODE_TYPE_BLOCK;
}

/*
 * The signs of a URL are no marks: https://x.y/__init__.py is not bold. So the parser is
 * shown control characters in their place, and none of its own are shown to anyone.
 */
static const char marks[] = "_*~[|", hidden[] = "\1\2\3\4\5";

static void
translate(char *bytes, size_t length, const char *from, const char *to)
{
	for (size_t i = 0; i < length; i++) {
		const char *found = bytes[i] ? strchr(from, bytes[i]) : NULL;

		if (found)
			bytes[i] = to[found - from];
	}
}

/* What the parser says of a node, with the signs as they were typed. In place, at the node. */
static const char *
as_written(const char *words)
{
	if (!words)
		return "";
	translate((char *)words, strlen(words), hidden, marks);
	return words;
}

static const char *
literal(cmark_node *node)
{
	return as_written(cmark_node_get_literal(node));
}

static void
begin_style(struct renderer *renderer, enum style style, char *detail)
{
	struct span span = {renderer->out->text.length, (size_t)-1, style, detail};

	if (renderer->depth[style]++) {
		free(detail);
		return;
	}
	renderer->span[style] = renderer->out->count;
	styled_add(renderer->out, span);
}

/* A span without words is dropped: it is the last one, as nothing is within. */
static void
end_style(struct renderer *renderer, enum style style)
{
	struct span *span;

	if (!renderer->depth[style] || --renderer->depth[style])
		return;
	span = &renderer->out->spans[renderer->span[style]];
	span->end = renderer->out->text.length;
	if (span->end == span->begin) {
		free(span->detail);
		renderer->out->count--;
	}
}

/* Whether the author left a blank line before the block. Blocks come in their order. */
static bool
after_blank(struct renderer *renderer, cmark_node *node)
{
	const char *bytes = renderer->section->source.at, *end = bytes + renderer->section->source.length;
	size_t wanted = (size_t)cmark_node_get_start_line(node);
	const char *line;

	while (renderer->line + 2 < wanted) {
		line = memchr(bytes + renderer->line_at, '\n', (size_t)(end - bytes) - renderer->line_at);
		if (!line)
			return false;
		renderer->line_at = (size_t)(line + 1 - bytes);
		renderer->line++;
	}
	if (renderer->line + 2 != wanted)
		return false;
	for (line = bytes + renderer->line_at; line < end && memchr(" \t\r>", *line, 4);)
		line++;
	return line == end || *line == '\n';
}

static void
add_line_break(struct renderer *renderer, size_t levels)
{
	struct text *text = &renderer->out->text;

	text_add(text, "\n", 1);
	for (size_t i = 0; i < levels && i < MOST_LEVELS; i++)
		text_add(text, "  ", 2);
}

/* Go to where a block begins: a line of its own, or beside a bullet. */
static void
begin_block(struct renderer *renderer, cmark_node *node, size_t levels)
{
	bool blank = after_blank(renderer, node);

	if (renderer->fresh)
		return;
	if (!renderer->begun) {
		text_puts(&renderer->out->text, renderer->section->join);
	} else {
		if (blank)
			text_add(&renderer->out->text, "\n", 1);
		add_line_break(renderer, levels);
	}
	renderer->begun = true;
}

static void
begin_leaf(struct renderer *renderer, cmark_node *node)
{
	begin_block(renderer, node, renderer->lists);
	renderer->fresh = false;
}

/* As above for what must not stand beside a bullet. */
static void
begin_lines(struct renderer *renderer, cmark_node *node)
{
	if (renderer->fresh)
		text_add(&renderer->out->text, "\n", 1);
	else
		begin_block(renderer, node, 0);
}

static void
add_words(struct renderer *renderer, const char *words)
{
	text_add_readable(&renderer->out->text, words, strlen(words));
}

/* Words, and the URLs that stand among them as links. */
static void
add_text(struct renderer *renderer, const char *words)
{
	struct text clean = TEXT_INIT;
	size_t from = 0;

	text_add_readable(&clean, words, strlen(words));
	for (char *at = clean.at; (at = strstr(at, "http")); at += 4) {
		size_t begin = (size_t)(at - clean.at), length = url_length(clean.at, clean.length, begin);

		if (!length || renderer->depth[STYLE_LINK])
			continue;
		text_add(&renderer->out->text, clean.at + from, begin - from);
		begin_style(renderer, STYLE_LINK, xformat("%.*s", (int)length, at));
		text_add(&renderer->out->text, at, length);
		end_style(renderer, STYLE_LINK);
		from = begin + length;
		at += length - 4;
	}
	text_add(&renderer->out->text, clean.at + from, clean.length - from);
	text_release(&clean);
}

static bool
has_scheme(const char *url, const char *const *schemes)
{
	size_t length = strcspn(url, ":");

	for (; *schemes; schemes++)
		if (url[length] && strlen(*schemes) == length && !strncasecmp(url, *schemes, length))
			return true;
	return false;
}

static bool
is_linkable(const char *url)
{
	static const char *const schemes[] = {"http", "https", "mailto", "tel", "tg", "matrix", NULL};

	return has_scheme(url, schemes);
}

/* What a URL says that is no link; scripts and data say nothing to a reader. */
static bool
is_readable(const char *url)
{
	static const char *const schemes[] = {"javascript", "vbscript", "data", NULL};

	return *url && !has_scheme(url, schemes);
}

/* A URL without the bytes that could end it early. Owned. */
static char *
clean_url(const char *url)
{
	struct text clean = TEXT_INIT, coded = TEXT_INIT;

	text_add_clean(&clean, url, strlen(url));
	for (size_t i = 0; i < clean.length; i++)
		if (strchr(" \"<>`\\", clean.at[i]))
			text_format(&coded, "%%%02X", (unsigned)(unsigned char)clean.at[i]);
		else
			text_add(&coded, clean.at + i, 1);
	text_release(&clean);
	return text_take(&coded);
}

static void
begin_link(struct renderer *renderer, cmark_node *node)
{
	char *url = clean_url(as_written(cmark_node_get_url(node)));

	if (is_linkable(url))
		begin_style(renderer, STYLE_LINK, url);
	else
		free(url);
}

static bool
ends_with(const struct text *text, const char *tail)
{
	size_t length = strlen(tail);

	return text->length >= length && !memcmp(text->at + text->length - length, tail, length);
}

static void
end_link(struct renderer *renderer, cmark_node *node)
{
	char *url = clean_url(as_written(cmark_node_get_url(node)));
	struct text *text = &renderer->out->text;

	if (is_linkable(url)) {
		if (renderer->depth[STYLE_LINK] == 1
			&& renderer->out->spans[renderer->span[STYLE_LINK]].begin == text->length)
			text_puts(text, url); /* an image of which nothing is said */
		end_style(renderer, STYLE_LINK);
	} else if (is_readable(url) && !renderer->depth[STYLE_LINK] && !ends_with(text, url)) {
		text_format(text, cmark_node_first_child(node) ? " (%s)" : "%s", url);
	}
	free(url);
}

/* A block's language, if it looks like one. Owned, or NULL. */
static char *
language(cmark_node *node)
{
	const char *info = as_written(cmark_node_get_fence_info(node));
	size_t length = strspn(info, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789+-#._");

	return length && length <= MOST_LANGUAGE && memchr(" \t{,:", info[length], 6)
		? xformat("%.*s", (int)length, info) : NULL;
}

static void
add_code_block(struct renderer *renderer, cmark_node *node)
{
	struct text *text = &renderer->out->text;
	size_t begin, length;

	if (!literal(node)[strspn(literal(node), " \t\r\n")])
		return;
	begin_lines(renderer, node);
	renderer->fresh = false;
	begin = text->length;
	begin_style(renderer, STYLE_BLOCK, language(node));
	add_words(renderer, literal(node));
	for (length = text->length; length > begin && text->at[length - 1] == '\n'; length--)
		;
	text->length = length;
	text->at[length] = '\0';
	end_style(renderer, STYLE_BLOCK);
}

static void
add_html(struct renderer *renderer, cmark_node *node)
{
	size_t length = strlen(literal(node));

	while (length && literal(node)[length - 1] == '\n')
		length--;
	begin_leaf(renderer, node);
	text_add_readable(&renderer->out->text, literal(node), length);
}

static bool
is_break(const char *html)
{
	return !strncasecmp(html, "<br", 3) && !strcmp(html + 3 + strspn(html + 3, " /"), ">");
}

/* A line break in a paragraph; a heading and a table's cell stay one line. */
static void
break_line(struct renderer *renderer)
{
	if (renderer->spelled)
		text_add(&renderer->out->text, " ", 1);
	else
		add_line_break(renderer, renderer->lists);
}

/* The bullet, the number or the box of an item. Numbers are counted in the list itself. */
static void
begin_item(struct renderer *renderer, cmark_node *node)
{
	cmark_node *list = cmark_node_parent(node);
	intptr_t count = (intptr_t)cmark_node_get_user_data(list);
	struct text *text = &renderer->out->text;

	cmark_node_set_user_data(list, (void *)(count + 1));
	begin_block(renderer, node, renderer->lists ? renderer->lists - 1 : 0);
	if (is_type(node, "tasklist"))
		text_puts(text, cmark_gfm_extensions_get_tasklist_item_checked(node) ? "☑ " : "☐ ");
	else if (cmark_node_get_list_type(list) == CMARK_ORDERED_LIST)
		text_format(text, "%lld%s ", (long long)cmark_node_get_list_start(list) + count,
			cmark_node_get_list_delim(list) == CMARK_PAREN_DELIM ? ")" : ".");
	else
		text_puts(text, "• ");
	renderer->fresh = true;
}

static void
begin_quote(struct renderer *renderer, cmark_node *node)
{
	begin_lines(renderer, node);
	renderer->fresh = true;
	begin_style(renderer, STYLE_QUOTE, NULL);
}

/* A cell's words in one line. Owned. */
static char *
cell_words(cmark_node *cell, bool *links)
{
	cmark_iter *iter = cmark_iter_new(cell);
	struct text words = TEXT_INIT;

	while (cmark_iter_next(iter) != CMARK_EVENT_DONE) {
		cmark_node *node = cmark_iter_get_node(iter);
		const char *own = literal(node);
		bool ends = cmark_iter_get_event_type(iter) == CMARK_EVENT_EXIT;

		if (!ends && (is_type(node, "link") || is_type(node, "image")))
			*links = true;
		if (!ends && (is_type(node, "softbreak") || is_break(own)))
			text_add(&words, " ", 1);
		else if (!ends)
			text_add_clean(&words, own, strlen(own));
	}
	cmark_iter_free(iter);
	return text_take(&words);
}

/* Read the cells into renderer->table; whether the table is best shown as one. */
static bool
read_table(struct renderer *renderer, cmark_node *node)
{
	struct table *table = &renderer->table;
	size_t heads = 0;
	bool links = false;

	table->columns = cmark_gfm_extensions_get_table_columns(node);
	for (cmark_node *row = cmark_node_first_child(node); row; row = cmark_node_next(row))
		for (cmark_node *cell = cmark_node_first_child(row); cell; cell = cmark_node_next(cell))
			table_add(table, cell_words(cell, &links));
	for (size_t i = 0; i < table->columns && i < table->count; i++)
		heads += strlen(table->cells[i]);
	return heads > MOST_HEADS || table->count <= table->columns
		|| (!links && table_width(table) <= MOST_WIDTH);
}

/* Shown as a block: its cells need no more visit. Else each row is spelled out. */
static void
begin_table(struct renderer *renderer, cmark_node *node, cmark_iter *iter)
{
	if (!read_table(renderer, node)) {
		begin_leaf(renderer, node);
		renderer->spelled = true;
		cmark_iter_reset(iter, cmark_node_first_child(node), CMARK_EVENT_EXIT);
		return;
	}
	begin_lines(renderer, node);
	renderer->fresh = false;
	begin_style(renderer, STYLE_BLOCK, NULL);
	table_write(&renderer->table, &renderer->out->text);
	end_style(renderer, STYLE_BLOCK);
	table_release(&renderer->table);
	cmark_iter_reset(iter, node, CMARK_EVENT_EXIT);
}

static void
end_table(struct renderer *renderer)
{
	renderer->spelled = false;
	table_release(&renderer->table);
}

static void
begin_row(struct renderer *renderer, cmark_node *row)
{
	renderer->column = 0;
	if (cmark_node_previous(cmark_node_previous(row))) /* the first one is after the head */
		text_add(&renderer->out->text, "\n", 1);
}

static void
begin_cell(struct renderer *renderer, cmark_node *cell)
{
	const struct table *table = &renderer->table;
	const char *head = renderer->column < table->columns && table->cells
		? table->cells[renderer->column] : "";
	bool first = !renderer->column++ && !cmark_node_previous(cmark_node_previous(
		cmark_node_parent(cell)));

	if (!cmark_node_first_child(cell))
		return;
	if (!first)
		add_line_break(renderer, renderer->lists);
	begin_style(renderer, STYLE_BOLD, NULL);
	add_words(renderer, head);
	end_style(renderer, STYLE_BOLD);
	text_puts(&renderer->out->text, *head ? ": " : "");
}

static void
end_list(struct renderer *renderer)
{
	renderer->lists--;
	renderer->fresh = false;
}

static void
enter_block(struct renderer *renderer, cmark_node *node, cmark_iter *iter)
{
	switch (cmark_node_get_type(node)) {
	case CMARK_NODE_BLOCK_QUOTE:
		begin_quote(renderer, node);
		return;
	case CMARK_NODE_LIST:
		renderer->lists++;
		return;
	case CMARK_NODE_ITEM:
		begin_item(renderer, node);
		return;
	case CMARK_NODE_CODE_BLOCK:
		add_code_block(renderer, node);
		return;
	case CMARK_NODE_HTML_BLOCK:
		add_html(renderer, node);
		return;
	case CMARK_NODE_PARAGRAPH:
		begin_leaf(renderer, node);
		return;
	case CMARK_NODE_HEADING:
		begin_leaf(renderer, node);
		begin_style(renderer, STYLE_BOLD, NULL);
		return;
	case CMARK_NODE_THEMATIC_BREAK:
		begin_leaf(renderer, node);
		text_puts(&renderer->out->text, "———");
		return;
	default:
		break;
	}
	if (is_type(node, "tasklist"))
		begin_item(renderer, node);
	else if (is_type(node, "table"))
		begin_table(renderer, node, iter);
	else if (is_type(node, "table_row"))
		begin_row(renderer, node);
	else if (is_type(node, "table_cell"))
		begin_cell(renderer, node);
}

static void
enter_inline(struct renderer *renderer, cmark_node *node)
{
	switch (cmark_node_get_type(node)) {
	case CMARK_NODE_TEXT:
		add_text(renderer, literal(node));
		break;
	case CMARK_NODE_SOFTBREAK:
	case CMARK_NODE_LINEBREAK:
		break_line(renderer);
		break;
	case CMARK_NODE_CODE:
		begin_style(renderer, STYLE_CODE, NULL);
		add_words(renderer, literal(node));
		end_style(renderer, STYLE_CODE);
		break;
	case CMARK_NODE_HTML_INLINE:
		if (is_break(literal(node)))
			break_line(renderer);
		else
			add_words(renderer, literal(node));
		break;
	case CMARK_NODE_EMPH:
		begin_style(renderer, STYLE_ITALIC, NULL);
		break;
	case CMARK_NODE_STRONG:
		begin_style(renderer, STYLE_BOLD, NULL);
		break;
	case CMARK_NODE_LINK:
	case CMARK_NODE_IMAGE:
		begin_link(renderer, node);
		break;
	default:
		if (is_type(node, "strikethrough"))
			begin_style(renderer, STYLE_STRIKE, NULL);
	}
}

static void
leave(struct renderer *renderer, cmark_node *node)
{
	switch (cmark_node_get_type(node)) {
	case CMARK_NODE_BLOCK_QUOTE:
		end_style(renderer, STYLE_QUOTE);
		renderer->fresh = false;
		break;
	case CMARK_NODE_LIST:
		end_list(renderer);
		break;
	case CMARK_NODE_HEADING:
	case CMARK_NODE_STRONG:
		end_style(renderer, STYLE_BOLD);
		break;
	case CMARK_NODE_EMPH:
		end_style(renderer, STYLE_ITALIC);
		break;
	case CMARK_NODE_LINK:
	case CMARK_NODE_IMAGE:
		end_link(renderer, node);
		break;
	default:
		if (is_type(node, "strikethrough"))
			end_style(renderer, STYLE_STRIKE);
		else if (is_type(node, "table"))
			end_table(renderer);
	}
}

static void
visit(struct renderer *renderer, cmark_node *document)
{
	cmark_iter *iter = cmark_iter_new(document);
	cmark_event_type event;

	while ((event = cmark_iter_next(iter)) != CMARK_EVENT_DONE) {
		cmark_node *node = cmark_iter_get_node(iter);

		if (event == CMARK_EVENT_EXIT)
			leave(renderer, node);
		else if (is_block(node))
			enter_block(renderer, node, iter);
		else
			enter_inline(renderer, node);
	}
	cmark_iter_free(iter);
}

/* The section as a tree. Owned. */
static cmark_node *
parse(const struct section *section)
{
	static const char *const names[] = {"table", "strikethrough", "tasklist"};
	cmark_parser *parser = cmark_parser_new(CMARK_OPT_VALIDATE_UTF8
		| CMARK_OPT_STRIKETHROUGH_DOUBLE_TILDE);
	cmark_node *document;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		cmark_parser_attach_syntax_extension(parser, cmark_find_syntax_extension(names[i]));
	cmark_parser_feed(parser, section->source.at, section->source.length);
	document = cmark_parser_finish(parser);
	cmark_parser_free(parser);
	cmark_consolidate_text_nodes(document);
	return document;
}

/* In brackets, <http://x.y/_a_> is safe, and would not be known with control characters. */
static void
hide_marks(struct text *source)
{
	translate(source->at, source->length, hidden, "\6\6\6\6\6");
	for (char *at = source->at; (at = strstr(at, "http"));) {
		size_t begin = (size_t)(at - source->at);
		size_t length = url_length(source->at, source->length, begin);

		if (!begin || at[-1] != '<')
			translate(at, length, "_*~", hidden);
		at += length ? length : 4;
	}
}

/* How many columns the line under a table's head rules; 0: it is none. */
static size_t
ruled_columns(const char *line, size_t length)
{
	size_t columns = 0;

	if (strspn(line, " \t\r>|:-") < length || !memchr(line, '|', length))
		return 0;
	for (size_t i = 0; i < length; i++)
		columns += line[i] == '-' && (!i || line[i - 1] != '-');
	return columns;
}

/* Cells that are more than a table's columns would be shown nowhere: they are the last one's. */
static void
hide_bars(struct text *source)
{
	size_t columns = 0, length;

	for (char *line = source->at; *line; line += length + (line[length] == '\n')) {
		size_t ruled, bars = 0, end = length = strcspn(line, "\n");

		while (end && strchr(" \t\r|", line[end - 1]))
			end--;
		ruled = ruled_columns(line, length);
		columns = !end ? 0 : ruled ? ruled : columns;
		for (size_t i = strspn(line, " \t>") + 1; columns && i < end; i++)
			if (line[i] == '|' && line[i - 1] != '\\' && ++bars >= columns)
				line[i] = '\5';
	}
}

/* Where the links lead, each between line breaks. Owned. */
static char *
linked_urls(cmark_node *document)
{
	cmark_iter *iter = cmark_iter_new(document);
	struct text urls = TEXT_INIT;

	while (cmark_iter_next(iter) != CMARK_EVENT_DONE) {
		cmark_node *node = cmark_iter_get_node(iter);

		if (is_type(node, "link") || is_type(node, "image"))
			text_format(&urls, "\n%s\n", cmark_node_get_url(node));
	}
	cmark_iter_free(iter);
	return text_take(&urls);
}

/* Whether a link's definition stands there, and none of these links is made of it. */
static bool
is_unused(const char *open, const char *urls)
{
	const char *end = *open == '[' ? strpbrk(open + 1, "[]\n") : NULL;
	char *url;
	bool unused;

	if (!end || end[0] != ']' || end[1] != ':')
		return false;
	end += 2 + strspn(end + 2, " \t\r\n<");
	url = xformat("\n%.*s\n", (int)strcspn(end, " \t\r\n>"), end);
	unused = !strstr(urls, url);
	free(url);
	return unused;
}

/* A link's definition that no link is made of would be shown nowhere: it is words like any. */
static bool
hide_definitions(struct text *source, cmark_node *document)
{
	char *urls = strstr(source->at, "]:") ? linked_urls(document) : NULL;
	bool any = false;

	for (char *line = source->at; urls && line; line = strchr(line, '\n')) {
		char *open = line += *line == '\n';

		open += strspn(open, " \t>-+*.)0123456789");
		if (is_unused(open, urls)) {
			*open = '\4';
			any = true;
		}
	}
	free(urls);
	return any;
}

static void
render_section(struct styled *styled, struct section *section)
{
	struct renderer renderer = {.out = styled, .section = section};
	cmark_node *document;

	hide_marks(&section->source);
	hide_bars(&section->source);
	document = parse(section);
	if (hide_definitions(&section->source, document)) {
		cmark_node_free(document);
		document = parse(section);
	}
	visit(&renderer, document);
	cmark_node_free(document);
}

static void
as_typed(struct styled *styled, const struct section *section)
{
	size_t length = section->source.length;

	while (length && section->source.at[length - 1] == '\n')
		length--;
	text_puts(&styled->text, section->join);
	text_add_readable(&styled->text, section->source.at, length);
}

/* A block that was cut between sections is one again. */
static void
rejoin_block(struct styled *styled, size_t first)
{
	struct span *spans = styled->spans;

	if (!first || first >= styled->count || spans[first].style != STYLE_BLOCK
		|| spans[first - 1].style != STYLE_BLOCK || spans[first].begin != spans[first - 1].end + 1)
		return;
	spans[first - 1].end = spans[first].end;
	free(spans[first].detail);
	memmove(spans + first, spans + first + 1, (styled->count - first - 1) * sizeof *spans);
	styled->count--;
}

void
styled_markdown(struct styled *styled, const char *bytes, size_t length)
{
	struct section section = SECTION_INIT(bytes, length);

	cmark_gfm_core_extensions_ensure_registered();
	while (section_next(&section)) {
		size_t first = styled->count;

		if (section.absurd)
			as_typed(styled, &section);
		else
			render_section(styled, &section);
		if (section.reopened)
			rejoin_block(styled, first);
	}
	section_release(&section);
}
