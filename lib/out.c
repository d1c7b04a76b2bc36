/* SPDX-License-Identifier: MIT */
#include "out.h"

#include "die.h"
#include "figures.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
out_human(const struct out *out)
{
	return !out->json && !out->filter && !out->quiet && isatty(STDOUT_FILENO);
}

static void
write_all(const char *bytes, size_t length)
{
	while (length) {
		ssize_t done = write(STDOUT_FILENO, bytes, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno == EPIPE)
			exit(0);
		if (done < 0)
			die(EX_STORE, "stdout: cannot be written:");
		bytes += done;
		length -= (size_t)done;
	}
}

void
out_raw(const struct text *lines)
{
	write_all(lines->at, lines->length);
}

void
out_json(struct out *out, const struct json *object)
{
	struct text line = TEXT_INIT;

	if (out->filter) {
		filter_apply(out->filter, object, &line);
	} else if (out->quiet) {
		if (json_text(object, "id"))
			text_format(&line, "%s\n", json_text(object, "id"));
	} else {
		json_print(object, &line);
		text_add(&line, "\n", 1);
	}
	write_all(line.at, line.length);
	text_release(&line);
}

void
out_text(const char *format, ...)
{
	struct text said = TEXT_INIT, line = TEXT_INIT;
	va_list arguments;

	va_start(arguments, format);
	text_vformat(&said, format, arguments);
	va_end(arguments);
	text_add_readable(&line, said.at, said.length);
	write_all(line.at, line.length);
	text_release(&said);
	text_release(&line);
}

void
out_flush(void)
{
	if (fflush(stdout) && errno != EPIPE)
		die(EX_STORE, "stdout: cannot be written:");
}

/* Columns that a terminal needs for cleaned text; near enough: one a character. */
static int
width(const char *text)
{
	int columns = 0;

	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}

void
table_begin(struct table *table, int columns, const char *const *header)
{
	*table = (struct table){.cells = TEXT_INIT, .columns = columns};
	table_row(table, header);
}

void
table_row(struct table *table, const char *const *cells)
{
	for (int i = 0; i < table->columns; i++) {
		const char *cell = cells[i] ? cells[i] : "-";

		text_add_clean(&table->cells, cell, strlen(cell));
		text_add(&table->cells, "", 1);
	}
	table->rows++;
}

void
table_end(struct table *table)
{
	int *widths = xmalloc(sizeof *widths * (size_t)table->columns);
	struct text lines = TEXT_INIT;
	const char *cell = table->cells.at;

	memset(widths, 0, sizeof *widths * (size_t)table->columns);
	for (int i = 0; i < table->rows * table->columns; i++, cell += strlen(cell) + 1)
		if (width(cell) > widths[i % table->columns])
			widths[i % table->columns] = width(cell);
	cell = table->cells.at;
	for (int i = 0; i < table->rows * table->columns; i++, cell += strlen(cell) + 1) {
		bool last = i % table->columns == table->columns - 1;

		text_format(&lines, "%s%*s", cell, last ? 0 : widths[i % table->columns] - width(cell) + 2, "");
		if (last)
			text_add(&lines, "\n", 1);
	}
	write_all(lines.at, lines.length);
	text_release(&lines);
	text_release(&table->cells);
	free(widths);
}

char *
out_ago(double at)
{
	double distance = clock_now() - at, size = distance < 0 ? -distance : distance;
	const char *unit = size < 100 ? "s" : size < 6000 ? "min" : size < 172800 ? "h" : "d";
	double count = size < 100 ? size : size < 6000 ? size / 60 : size < 172800 ? size / 3600
		: size / 86400;

	return distance < 0 ? xformat("in %.0f %s", count, unit) : xformat("%.0f %s ago", count, unit);
}
