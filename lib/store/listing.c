/* SPDX-License-Identifier: MIT */
#include "listing.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 500, COLUMNS_MOST = 12 };

static int
count_columns(const struct column *columns)
{
	int count = 0;

	while (count < COLUMNS_MOST && columns[count].header)
		count++;
	return count;
}

static void
begin_table(struct table *table, const struct column *columns)
{
	const char *header[COLUMNS_MOST];
	int count = count_columns(columns);

	for (int i = 0; i < count; i++)
		header[i] = columns[i].header;
	table_begin(table, count, header);
}

static void
add_row(struct table *table, const struct column *columns, const struct json *row)
{
	char *cells[COLUMNS_MOST];

	for (int i = 0; i < table->columns; i++) {
		const char *key = columns[i].key, *text = json_text(row, key);

		if (*key == '@')
			cells[i] = out_ago(json_number(row, key + 1, 0));
		else
			cells[i] = text ? xstrdup(text) : NULL;
	}
	table_row(table, (const char *const *)cells);
	for (int i = 0; i < table->columns; i++)
		free(cells[i]);
}

static int
read_page(struct db *db, const struct listing *listing, const char *state, long long after,
	long long *ids)
{
	struct rows *rows = state ? db_query(db, listing->of_state, "is", after, state)
		: db_query(db, listing->all, "i", after);
	int count = 0;

	while (rows_next(rows))
		ids[count++] = row_int(rows, 0);
	return count;
}

static void
need_state(const struct listing *listing, const char *state)
{
	const char *at = *state ? listing->states : NULL;
	size_t length = strlen(state);

	for (; at && (at = strstr(at, state)); at++)
		if ((at == listing->states || at[-1] == ' ') && (!at[length] || strchr(", ", at[length])))
			return;
	die(EX_USER, "--state: there is no state \"%s\"; there are %s", state, listing->states);
}

void
list_rows(struct db *db, struct out *out, const struct listing *listing, const char *state)
{
	long long ids[PAGE], after = 0;
	bool human = out_human(out);
	struct table table;
	int count;

	if (state)
		need_state(listing, state);
	if (human)
		begin_table(&table, listing->columns);
	while ((count = read_page(db, listing, state, after, ids))) {
		for (int i = 0; i < count; i++) {
			struct json *row = listing->whole(db, ids[i]);

			if (row && human)
				add_row(&table, listing->columns, row);
			else if (row)
				out_json(out, row);
			json_free(row);
		}
		after = ids[count - 1];
	}
	if (human)
		table_end(&table);
}
