/* SPDX-License-Identifier: MIT */
/*
 * A YAML file as a tree whose nodes know where they stand, so that one value can be
 * replaced and every other byte of the file stays. The only door to libyaml.
 *
 * Scalars are texts as written: 0123 and 1e5 are not numbers. A plain empty scalar,
 * ~ and null are NULL. Refused, each with its line and column: a key that stands
 * twice, merge keys, several documents, a nesting or an expansion of aliases beyond
 * any use.
 */
#ifndef YAMLNODE_H
#define YAMLNODE_H

#include "json.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	char *key;            /* in a mapping, else NULL */
	char *text;           /* of a scalar; NULL: null */
	bool flow;            /* a list in [] or a mapping in {} */
	bool alias;           /* stands elsewhere; start and end are the alias's */
	size_t column;        /* of the key, else of the node itself; from 0 */
	size_t key_start, key_end; /* byte offsets in the file */
	size_t start, end;         /* a block's end may lie behind what it holds: see node_end */
	struct node *first, *next; /* children; the next one of the same parent */
};

/* The file's mapping, owned (an empty file is an empty mapping); NULL with *why (owned). */
struct node *node_read(const char *bytes, size_t length, char **why);
void node_free(struct node *node);

/* The child of a mapping with this key, or NULL. */
const struct node *node_child(const struct node *map, const char *key, size_t length);

/* Where its last byte that is not blank, a comment or a line break ends. */
size_t node_end(const struct node *node);

struct json *node_json(const struct node *node);

#endif
