/* SPDX-License-Identifier: MIT */
/*
 * A table as lines of text, for letters of one width: cells row by row, the first row its
 * head. Wide characters count two, marks none.
 */
#ifndef TABLE_H
#define TABLE_H

#include "text.h"

struct table {
	char **cells;
	size_t count, columns;
};

void table_add(struct table *table, char *cell); /* takes it */
void table_release(struct table *table);

/* How wide its lines are. */
size_t table_width(const struct table *table);

/* Its lines, the last one without a line break. */
void table_write(const struct table *table, struct text *out);

#endif
