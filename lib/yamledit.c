/* SPDX-License-Identifier: MIT */
#include "yamledit.h"

#include "die.h"
#include "yamlnode.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A place in the tree: how far a path leads, and through what. */
struct spot {
	const struct node *parent; /* the mapping that holds it; NULL: it is the root */
	const struct node *node;
	const char *rest;          /* what of the path is missing there; "" when all was found */
	bool flow, alias;          /* it stands in a flow collection; behind an alias */
};

static struct spot
find(const struct node *root, const char *path)
{
	struct spot spot = {NULL, root, path, root->flow, false};

	while (*spot.rest) {
		size_t length = strcspn(spot.rest, ".");
		const struct node *child = node_child(spot.node, spot.rest, length);

		if (!child)
			break;
		spot.parent = spot.node;
		spot.node = child;
		spot.rest += length + (spot.rest[length] == '.');
		spot.flow = spot.flow || spot.parent->flow;
		spot.alias = spot.alias || child->alias;
	}
	return spot;
}

/* A file, and the change that one edit makes to it. */
struct edit {
	const char *bytes;
	size_t length;
	const char *newline;
	size_t start, end; /* what goes */
	struct text with;  /* what comes in its place */
};

static struct edit
begin(const char *bytes, size_t length)
{
	const char *first = memchr(bytes, '\n', length);
	bool carriage = first && first > bytes && first[-1] == '\r';

	return (struct edit){bytes, length, carriage ? "\r\n" : "\n", length, length, TEXT_INIT};
}

static char *
finish(struct edit *edit)
{
	struct text result = TEXT_INIT;

	text_add(&result, edit->bytes, edit->start);
	text_add(&result, edit->with.at, edit->with.length);
	text_add(&result, edit->bytes + edit->end, edit->length - edit->end);
	text_release(&edit->with);
	return text_take(&result);
}

/* Words that other readers of YAML take for numbers would lose zeros or digits. */
static bool
looks_numeric(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (digits && !text[digits] && digits <= 6 && (*text != '0' || digits == 1))
		return false;
	return isdigit((unsigned char)text[strspn(text, "+-.")])
		|| !strcasecmp(text + strspn(text, "+-"), ".inf") || !strcasecmp(text, ".nan");
}

static void
add_scalar(struct text *into, const char *text, bool quoted)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
	bool safe = *text && !text[strspn(text, plain)] && !strchr("-.+", *text)
		&& strcasecmp(text, "null") != 0 && !looks_numeric(text);

	if (safe && !quoted)
		text_puts(into, text);
	else
		json_quote(into, text, strlen(text));
}

static void
add_list(struct text *into, const char *items)
{
	text_puts(into, " [");
	for (bool first = true; *items; first = false) {
		size_t length = strcspn(items, ",");
		char *item = xformat("%.*s", (int)length, items);

		if (!first)
			text_puts(into, ", ");
		add_scalar(into, item, true);
		free(item);
		items += length + (items[length] == ',');
	}
	text_puts(into, "]");
}

/* "a.b" with value v as "a: {b: v}". */
static void
add_flow(struct text *into, const char *path, const char *value)
{
	size_t length = strcspn(path, "."), depth = 0;

	for (;; length = strcspn(path, ".")) {
		char *key = xformat("%.*s", (int)length, path);

		add_scalar(into, key, false);
		free(key);
		text_puts(into, ": ");
		if (!path[length])
			break;
		text_puts(into, "{");
		depth++;
		path += length + 1;
	}
	add_scalar(into, value, false);
	while (depth--)
		text_puts(into, "}");
}

/* The same as lines, the first of them indented by `column`. */
static void
add_block(struct edit *edit, size_t column, const char *path, const char *value)
{
	for (;; column += 2) {
		size_t length = strcspn(path, ".");
		char *key = xformat("%.*s", (int)length, path);

		text_format(&edit->with, "%*s", (int)column, "");
		add_scalar(&edit->with, key, false);
		free(key);
		text_puts(&edit->with, ":");
		if (!path[length])
			break;
		text_puts(&edit->with, edit->newline);
		path += length + 1;
	}
	text_puts(&edit->with, " ");
	add_scalar(&edit->with, value, false);
	text_puts(&edit->with, edit->newline);
}

/* The start of the line after the one that holds the byte before `offset`. */
static size_t
next_line(const struct edit *edit, size_t offset)
{
	const char *end;

	if (offset && edit->bytes[offset - 1] == '\n')
		return offset;
	end = memchr(edit->bytes + offset, '\n', edit->length - offset);
	return end ? (size_t)(end - edit->bytes) + 1 : edit->length;
}

/* Insert lines below the line in which `offset` is. */
static void
insert_lines(struct edit *edit, size_t offset, size_t column, const char *path, const char *value)
{
	edit->start = edit->end = next_line(edit, offset);
	if (edit->start && edit->bytes[edit->start - 1] != '\n')
		text_puts(&edit->with, edit->newline);
	add_block(edit, column, path, value);
}

/* Insert before the closing brace of a flow mapping. */
static void
insert_flow(struct edit *edit, const struct node *map, const char *path, const char *value)
{
	size_t at = map->end - 1;

	while (at > map->start + 1 && strchr(" \t\r\n", edit->bytes[at - 1]))
		at--;
	edit->start = edit->end = at;
	if (map->first) {
		char before = edit->bytes[at - 1];

		text_puts(&edit->with, before == ',' ? " " : before == ':' ? " , " : ", ");
	}
	add_flow(&edit->with, path, value);
}

/* A key without a value becomes a mapping. */
static void
fill_empty(struct edit *edit, const struct spot *spot, const char *value)
{
	const struct node *empty = spot->node;

	if (empty->start == empty->end && !spot->flow) {
		insert_lines(edit, empty->key_end, empty->column + 2, spot->rest, value);
		return;
	}
	edit->start = empty->start;
	edit->end = empty->end;
	text_puts(&edit->with, empty->start == empty->end ? " {" : "{");
	add_flow(&edit->with, spot->rest, value);
	text_puts(&edit->with, "}");
}

static void
insert(struct edit *edit, const struct spot *spot, const char *value)
{
	const struct node *map = spot->node;

	if (map->kind == NODE_SCALAR)
		fill_empty(edit, spot, value);
	else if (map->flow)
		insert_flow(edit, map, spot->rest, value);
	else
		insert_lines(edit, map->first ? node_end(map) : edit->length,
			map->first ? map->first->column : 0, spot->rest, value);
}

static void
replace(struct edit *edit, const struct node *node, const char *value)
{
	bool quoted = node->start < node->end && strchr("\"'", edit->bytes[node->start]);

	edit->start = node->start;
	edit->end = node_end(node);
	if (node->kind == NODE_LIST) {
		const char *colon =
			memchr(edit->bytes + node->key_end, ':', edit->length - node->key_end);

		edit->start = colon ? (size_t)(colon - edit->bytes) + 1 : node->start;
		add_list(&edit->with, value);
		return;
	}
	if (node->start == node->end)
		text_puts(&edit->with, " ");
	add_scalar(&edit->with, value, quoted);
	if (edit->end > edit->start && edit->bytes[edit->end - 1] == '\n')
		text_puts(&edit->with, edit->newline);
}

static char *
refuse(const char *what, int length, const char *path)
{
	return xformat("%.*s: %s", length, path, what);
}

/* Why this path cannot be set, owned, or NULL. */
static char *
objection(const struct spot *spot, const char *path)
{
	int found = (int)(spot->rest - path);

	if (found && path[found - 1] == '.')
		found--;
	if (!*path || *path == '.' || strstr(path, "..") || path[strlen(path) - 1] == '.')
		return refuse("is not a dotted key", (int)strlen(path), path);
	if (spot->alias)
		return refuse("is an alias (*name) of something else; edit the file by hand", found,
			path);
	if (!*spot->rest && spot->node->kind == NODE_MAP)
		return refuse("is a mapping; set one of its keys", found, path);
	if (*spot->rest && (spot->node->kind == NODE_LIST || spot->node->text))
		return refuse("is a value and has no keys", found, path);
	return NULL;
}

/* What the file should mean afterwards. */
static struct json *
expected(const struct node *root, const struct spot *spot, const char *path, const char *value)
{
	struct json *json = node_json(root), *list;

	if (*spot->rest || spot->node->kind != NODE_LIST) {
		json_put_text(json, path, value);
		return json;
	}
	list = json_array();
	while (*value) {
		size_t length = strcspn(value, ",");

		json_append(list, json_new_text(value, length));
		value += length + (value[length] == ',');
	}
	json_put(json, path, list);
	return json;
}

/* The edited file if it means what was meant, else NULL with words. Takes both. */
static char *
prove(char *edited, struct json *meant, char **why)
{
	char *trouble = NULL;
	struct node *root = node_read(edited, strlen(edited), &trouble);
	struct json *means = root ? node_json(root) : NULL;

	if (!means || !json_equal(means, meant)) {
		*why = xstrdup("cannot be changed without changing more; edit the file by hand");
		free(edited);
		edited = NULL;
	}
	free(trouble);
	node_free(root);
	json_free(means);
	json_free(meant);
	return edited;
}

char *
yamledit_set(const char *bytes, size_t length, const char *path, const char *value, char **why)
{
	struct node *root = node_read(bytes, length, why);
	struct edit edit = begin(bytes, length);
	struct json *meant;
	struct spot spot;

	if (!root)
		return NULL;
	spot = find(root, path);
	*why = objection(&spot, path);
	if (*why) {
		node_free(root);
		return NULL;
	}
	if (*spot.rest)
		insert(&edit, &spot, value);
	else
		replace(&edit, spot.node, value);
	meant = expected(root, &spot, path, value);
	node_free(root);
	return prove(finish(&edit), meant, why);
}

/* Choose the bytes of one pair in a flow mapping, with the comma that goes with it. */
static void
cut_flow(struct edit *edit, const struct node *pair)
{
	size_t start = pair->key_start, end = node_end(pair);

	while (end < edit->length && strchr(" \t", edit->bytes[end]))
		end++;
	if (end < edit->length && edit->bytes[end] == ',') {
		end++;
		while (end < edit->length && strchr(" \t", edit->bytes[end]))
			end++;
	} else {
		while (start && strchr(" \t", edit->bytes[start - 1]))
			start--;
		if (start && edit->bytes[start - 1] == ',')
			start--;
	}
	edit->start = start;
	edit->end = end;
}

static void
cut_lines(struct edit *edit, const struct node *pair)
{
	size_t start = pair->key_start, end = node_end(pair);

	while (start && strchr(" \t", edit->bytes[start - 1]))
		start--;
	edit->start = start;
	edit->end = next_line(edit, end > pair->key_end ? end : pair->key_end);
}

/* The path without its last key, for as long as that key is the only one there. Owned. */
static char *
outermost(const struct node *root, const char *path)
{
	char *outer = xstrdup(path), *dot;

	while ((dot = strrchr(outer, '.'))) {
		struct spot spot = find(root, outer);

		if (!spot.parent || !spot.parent->first || spot.parent->first->next
			|| spot.parent == root)
			break;
		*dot = '\0';
	}
	return outer;
}

char *
yamledit_unset(const char *bytes, size_t length, const char *path, char **why)
{
	struct node *root = node_read(bytes, length, why);
	struct edit edit = begin(bytes, length);
	struct json *meant;
	struct spot spot;
	char *outer;

	if (!root)
		return NULL;
	spot = find(root, path);
	if (*spot.rest || !*path) {
		node_free(root);
		return finish(&edit);
	}
	outer = outermost(root, path);
	spot = find(root, outer);
	if (spot.flow)
		cut_flow(&edit, spot.node);
	else
		cut_lines(&edit, spot.node);
	meant = node_json(root);
	json_drop(meant, outer);
	free(outer);
	node_free(root);
	return prove(finish(&edit), meant, why);
}
