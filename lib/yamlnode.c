/* SPDX-License-Identifier: MIT */
#include "yamlnode.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { DEEPEST = 32, MOST_NODES = 20000 };

struct anchor {
	char *name;
	const struct node *node;
	struct anchor *next;
};

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the one being looked at */
	const char *bytes;    /* behind a byte order mark */
	size_t length, mark;
	size_t index, offset; /* the last mark that was turned into a byte offset */
	size_t nodes;         /* made so far, expanded aliases included */
	struct anchor *anchors;
	char *why;
};

static void
refuse(struct reader *reader, yaml_mark_t mark, const char *what)
{
	if (!reader->why)
		reader->why = xformat("line %zu, column %zu: %s", mark.line + 1,
			mark.column + 1, what);
}

/* libyaml's index counts characters. */
static size_t
byte_offset(struct reader *reader, size_t index)
{
	if (index < reader->index)
		reader->index = reader->offset = 0;
	while (reader->index < index && reader->offset < reader->length) {
		long point;

		reader->offset += utf8_step(reader->bytes + reader->offset,
			reader->length - reader->offset, &point);
		reader->index++;
	}
	return reader->offset;
}

/* The same in the file as it was given. */
static size_t
file_offset(struct reader *reader, yaml_mark_t mark)
{
	return byte_offset(reader, mark.index) + reader->mark;
}

static yaml_mark_t
mark_of_byte(const char *bytes, size_t offset)
{
	yaml_mark_t mark = {0};

	for (size_t i = 0; i < offset; i++) {
		mark.column = bytes[i] == '\n' ? 0 : mark.column + 1;
		mark.line += bytes[i] == '\n';
	}
	return mark;
}

static void
refuse_syntax(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	yaml_mark_t mark = parser->problem_mark;
	size_t offset;
	char *what;

	if (parser->error == YAML_MEMORY_ERROR)
		die(EX_BUG, "out of memory");
	if (parser->error == YAML_READER_ERROR)
		mark = mark_of_byte(reader->bytes, parser->problem_offset);
	offset = byte_offset(reader, mark.index);
	if (parser->error == YAML_SCANNER_ERROR && reader->bytes[offset] == '\t')
		what = xstrdup("a tab; YAML is indented with spaces");
	else if (parser->context && parser->context_mark.line != mark.line)
		what = xformat("%s %s that begins on line %zu", parser->problem, parser->context,
			parser->context_mark.line + 1);
	else
		what = xstrdup(parser->problem ? parser->problem : "this is not YAML");
	refuse(reader, mark, what);
	free(what);
}

/* Look at the next event; false when there is trouble. */
static bool
advance(struct reader *reader)
{
	yaml_event_delete(&reader->event);
	memset(&reader->event, 0, sizeof reader->event);
	if (!yaml_parser_parse(&reader->parser, &reader->event))
		refuse_syntax(reader);
	return !reader->why;
}

static struct node *
make_node(struct reader *reader, enum node_kind kind)
{
	struct node *node = xmalloc(sizeof *node);

	*node = (struct node){.kind = kind};
	if (++reader->nodes > MOST_NODES)
		refuse(reader, reader->event.start_mark,
			"this is too much; aliases that multiply are refused");
	return node;
}

void
node_free(struct node *node)
{
	while (node) {
		struct node *next = node->next;

		node_free(node->first);
		free(node->key);
		free(node->text);
		free(node);
		node = next;
	}
}

static void
remember_anchor(struct reader *reader, char *name, const struct node *node)
{
	struct anchor *anchor = xmalloc(sizeof *anchor);

	*anchor = (struct anchor){name, node, reader->anchors};
	reader->anchors = anchor;
}

static void
forget_anchors(struct reader *reader)
{
	while (reader->anchors) {
		struct anchor *next = reader->anchors->next;

		free(reader->anchors->name);
		free(reader->anchors);
		reader->anchors = next;
	}
}

static struct node *
copy_node(struct reader *reader, const struct node *from)
{
	struct node *copy = make_node(reader, from->kind), **end = &copy->first;

	copy->text = from->text ? xstrdup(from->text) : NULL;
	copy->alias = true;
	for (const struct node *child = from->first; child && !reader->why; child = child->next) {
		*end = copy_node(reader, child);
		(*end)->key = child->key ? xstrdup(child->key) : NULL;
		end = &(*end)->next;
	}
	return copy;
}

static struct node *
read_alias(struct reader *reader)
{
	const char *name = (const char *)reader->event.data.alias.anchor;
	const struct anchor *anchor = reader->anchors;

	while (anchor && strcmp(anchor->name, name))
		anchor = anchor->next;
	if (anchor)
		return copy_node(reader, anchor->node);
	refuse(reader, reader->event.start_mark, "this alias names nothing above it");
	return make_node(reader, NODE_SCALAR);
}

static bool
means_null(const yaml_event_t *event)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
		if (!strcmp((const char *)event->data.scalar.value, nulls[i]))
			return true;
	return false;
}

static struct node *
read_scalar(struct reader *reader)
{
	struct node *node = make_node(reader, NODE_SCALAR);
	const char *text = (const char *)reader->event.data.scalar.value;

	if (strlen(text) != reader->event.data.scalar.length)
		refuse(reader, reader->event.start_mark, "a text with a NUL in it");
	if (!means_null(&reader->event))
		node->text = xstrdup(text);
	return node;
}

static struct node *read_node(struct reader *reader, int depth);

static bool
has_key(const struct node *map, const char *key)
{
	for (const struct node *child = map->first; child; child = child->next)
		if (!strcmp(child->key, key))
			return true;
	return false;
}

/* The key being looked at, owned; NULL when it is refused. */
static char *
read_key(struct reader *reader, const struct node *map)
{
	const char *key = (const char *)reader->event.data.scalar.value;
	yaml_mark_t mark = reader->event.start_mark;

	if (reader->event.type != YAML_SCALAR_EVENT) {
		refuse(reader, mark, "a key must be a plain word");
	} else if (!strcmp(key, "<<")) {
		refuse(reader, mark, "merge keys (<<) are not supported; write the keys out");
	} else if (has_key(map, key)) {
		char *what = xformat("the key \"%s\" stands here a second time", key);

		refuse(reader, mark, what);
		free(what);
	}
	return reader->why ? NULL : xstrdup(key);
}

static void
read_pairs(struct reader *reader, struct node *map, int depth)
{
	struct node **end = &map->first;

	while (advance(reader) && reader->event.type != YAML_MAPPING_END_EVENT) {
		yaml_mark_t start = reader->event.start_mark, end_mark = reader->event.end_mark;
		char *key = read_key(reader, map);
		struct node *child;

		if (!key || !advance(reader)) {
			free(key);
			return;
		}
		child = read_node(reader, depth + 1);
		child->key = key;
		child->key_start = file_offset(reader, start);
		child->key_end = file_offset(reader, end_mark);
		child->column = start.column;
		*end = child;
		end = &child->next;
	}
}

static void
read_items(struct reader *reader, struct node *list, int depth)
{
	struct node **end = &list->first;

	while (advance(reader) && reader->event.type != YAML_SEQUENCE_END_EVENT) {
		*end = read_node(reader, depth + 1);
		end = &(*end)->next;
	}
}

/* A list or a mapping; its flow and its end are known from its first and last event. */
static struct node *
read_collection(struct reader *reader, int depth)
{
	bool map = reader->event.type == YAML_MAPPING_START_EVENT;
	struct node *node = make_node(reader, map ? NODE_MAP : NODE_LIST);

	node->flow = map
		? reader->event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
		: reader->event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
	if (depth >= DEEPEST)
		refuse(reader, reader->event.start_mark, "this is nested too deeply");
	else if (map)
		read_pairs(reader, node, depth);
	else
		read_items(reader, node, depth);
	return node;
}

static const yaml_char_t *
anchor_of(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

/* The node whose first event is being looked at; its last event is, afterwards. Never NULL. */
static struct node *
read_node(struct reader *reader, int depth)
{
	yaml_mark_t start = reader->event.start_mark;
	const yaml_char_t *anchor = anchor_of(&reader->event);
	char *name = anchor ? xstrdup((const char *)anchor) : NULL;
	struct node *node;

	if (reader->event.type == YAML_ALIAS_EVENT)
		node = read_alias(reader);
	else if (reader->event.type == YAML_SCALAR_EVENT)
		node = read_scalar(reader);
	else
		node = read_collection(reader, depth);
	node->column = start.column;
	node->start = file_offset(reader, start);
	node->end = file_offset(reader, reader->event.end_mark);
	if (name)
		remember_anchor(reader, name, node);
	return node;
}

/* Whether the file holds anything but UTF-8 text. */
static bool
refuse_bytes(struct reader *reader)
{
	for (size_t i = 0; i < reader->length;) {
		long point;
		size_t step = utf8_step(reader->bytes + i, reader->length - i, &point);

		if (point <= 0) {
			refuse(reader, mark_of_byte(reader->bytes, i), "this is not UTF-8 text");
			return true;
		}
		i += step;
	}
	return false;
}

/* Stream, document, one mapping or nothing, and no second document. */
static struct node *
read_file(struct reader *reader)
{
	struct node *root;

	if (!advance(reader) || !advance(reader))
		return NULL;
	if (reader->event.type == YAML_STREAM_END_EVENT)
		return make_node(reader, NODE_MAP);
	if (!advance(reader))
		return NULL;
	root = read_node(reader, 0);
	if (root->kind == NODE_SCALAR && !root->text)
		root->kind = NODE_MAP;
	if (root->kind != NODE_MAP && !reader->why)
		reader->why = xstrdup(
			"line 1, column 1: the file must be a mapping (\"key: value\" lines)");
	if (!reader->why && advance(reader) && advance(reader)
		&& reader->event.type != YAML_STREAM_END_EVENT)
		refuse(reader, reader->event.start_mark, "a second document begins here");
	return root;
}

struct node *
node_read(const char *bytes, size_t length, char **why)
{
	size_t mark = length >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3) ? 3 : 0;
	struct reader reader = {.bytes = bytes + mark, .length = length - mark, .mark = mark};
	struct node *root;

	if (!yaml_parser_initialize(&reader.parser))
		die(EX_BUG, "libyaml does not start");
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)reader.bytes,
		reader.length);
	root = refuse_bytes(&reader) ? NULL : read_file(&reader);
	yaml_event_delete(&reader.event);
	yaml_parser_delete(&reader.parser);
	forget_anchors(&reader);
	*why = reader.why;
	if (!reader.why)
		return root;
	node_free(root);
	return NULL;
}

const struct node *
node_child(const struct node *map, const char *key, size_t length)
{
	const struct node *child = map->kind == NODE_MAP ? map->first : NULL;

	while (child && (strlen(child->key) != length || memcmp(child->key, key, length) != 0))
		child = child->next;
	return child;
}

size_t
node_end(const struct node *node)
{
	const struct node *last = node->first;

	if (node->alias || node->flow || !last)
		return node->end;
	while (last->next)
		last = last->next;
	return node_end(last);
}

static void
print_node(const struct node *node, struct text *into)
{
	bool map = node->kind == NODE_MAP;

	if (node->kind == NODE_SCALAR && node->text) {
		json_quote(into, node->text, strlen(node->text));
		return;
	}
	if (node->kind == NODE_SCALAR) {
		text_puts(into, "null");
		return;
	}
	text_puts(into, map ? "{" : "[");
	for (const struct node *child = node->first; child; child = child->next) {
		if (child != node->first)
			text_puts(into, ",");
		if (map)
			json_quote(into, child->key, strlen(child->key));
		if (map)
			text_puts(into, ":");
		print_node(child, into);
	}
	text_puts(into, map ? "}" : "]");
}

struct json *
node_json(const struct node *node)
{
	struct text printed = TEXT_INIT;
	struct json *json;

	print_node(node, &printed);
	json = json_parse(printed.at, printed.length, NULL);
	text_release(&printed);
	return json ? json : json_null();
}
