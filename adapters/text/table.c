/* SPDX-License-Identifier: MIT */
#include "table.h"

#include "alloc.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_PADDING = 40, GAP = 2 }; /* a wider cell does not widen its whole column */

void
table_add(struct table *table, char *cell)
{
	size_t count = table->count;

	if (!(count & (count - 1))) /* a power of two: full */
		table->cells = xrealloc(table->cells, (count ? 2 * count : 1) * sizeof cell);
	table->cells[table->count++] = cell;
}

void
table_release(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){0};
}

static size_t
point_width(long point)
{
	static const struct { long first, last; size_t width; } ranges[] = {{0x300, 0x36f, 0},
		{0x591, 0x5bd, 0}, {0x64b, 0x65f, 0}, {0x1100, 0x115f, 2}, {0x200b, 0x200d, 0},
		{0x20d0, 0x20ff, 0}, {0x2705, 0x2705, 2}, {0x274c, 0x274c, 2}, {0x2e80, 0x303e, 2},
		{0x3041, 0xa4cf, 2}, {0xac00, 0xd7a3, 2}, {0xf900, 0xfaff, 2}, {0xfe00, 0xfe0f, 0},
		{0xfe20, 0xfe2f, 0}, {0xfe30, 0xfe6f, 2}, {0xff00, 0xff60, 2}, {0xffe0, 0xffe6, 2},
		{0x1f3fb, 0x1f3ff, 0}, {0x1f300, 0x1faff, 2}, {0x20000, 0x3fffd, 2}};

	for (size_t i = 0; point >= 0x300 && i < sizeof ranges / sizeof *ranges; i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return ranges[i].width;
	return 1;
}

static size_t
cell_width(const char *cell)
{
	size_t width = 0, length = strlen(cell);

	for (size_t i = 0; i < length;) {
		long point;

		i += utf8_step(cell + i, length - i, &point);
		width += point_width(point);
	}
	return width;
}

/* How wide a column is, at most MOST_PADDING but for `all`. */
static size_t
column_width(const struct table *table, size_t column, bool all)
{
	size_t widest = 0;

	for (size_t i = column; i < table->count; i += table->columns) {
		size_t width = cell_width(table->cells[i]);

		if (width > widest && (all || width <= MOST_PADDING))
			widest = width;
	}
	return widest;
}

size_t
table_width(const struct table *table)
{
	size_t width = 0;

	for (size_t i = 0; i < table->columns; i++)
		width += column_width(table, i, true) + (i ? GAP : 0);
	return width;
}

static void
add_row(const struct table *table, size_t row, const size_t *widths, struct text *out)
{
	size_t owed = 0; /* blanks that only a further cell needs */

	for (size_t i = 0; i < table->columns; i++) {
		const char *cell = table->cells[row + i];
		size_t width = cell_width(cell);

		if (*cell) {
			for (; owed; owed--)
				text_add(out, " ", 1);
			text_puts(out, cell);
		}
		owed += (widths[i] > width ? widths[i] - width : 0) + GAP + (*cell ? 0 : width);
	}
}

static void
add_rule(const struct table *table, const size_t *widths, struct text *out)
{
	for (size_t i = 0; i < table->columns; i++) {
		if (i)
			text_add(out, "  ", GAP);
		for (size_t j = 0; j < widths[i]; j++)
			text_puts(out, "─");
	}
}

void
table_write(const struct table *table, struct text *out)
{
	size_t *widths = xrealloc(NULL, (table->columns + 1) * sizeof *widths);

	for (size_t i = 0; i < table->columns; i++)
		widths[i] = column_width(table, i, false);
	for (size_t row = 0; row + table->columns <= table->count; row += table->columns) {
		if (row)
			text_add(out, "\n", 1);
		add_row(table, row, widths, out);
		if (!row) {
			text_add(out, "\n", 1);
			add_rule(table, widths, out);
		}
	}
	free(widths);
}
