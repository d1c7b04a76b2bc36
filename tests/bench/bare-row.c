/* SPDX-License-Identifier: MIT */
/*
 * bare-row FILE SESSION: what reading one row costs without us: SQLite, the row's columns,
 * printed. The yardstick of `hermes-state show`; so it must not use our library.
 */
#include <sqlite3.h>
#include <stdio.h>

static void
print(sqlite3_stmt *row)
{
	for (int i = 0; i < sqlite3_column_count(row); i++) {
		const unsigned char *text = sqlite3_column_text(row, i);

		printf("%s%s: %s", i ? ", " : "", sqlite3_column_name(row, i),
			text ? (const char *)text : "null");
	}
	printf("\n");
}

int
main(int argc, char **argv)
{
	sqlite3 *db;
	sqlite3_stmt *row;
	int found;

	if (argc != 3 || sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READONLY, NULL)
		|| sqlite3_prepare_v2(db, "SELECT * FROM sessions WHERE id = ?", -1, &row, NULL)
		|| sqlite3_bind_text(row, 1, argv[2], -1, SQLITE_STATIC))
		return 74;
	found = sqlite3_step(row) == SQLITE_ROW;
	if (found)
		print(row);
	sqlite3_finalize(row);
	sqlite3_close(db);
	return found ? 0 : 66;
}
