/* SPDX-License-Identifier: MIT */
#include "log.h"

#include "figures.h"

void
handoff_note(struct db *db, long long id, const char *what, const char *detail)
{
	db_run(db, "INSERT INTO courier_log (handoff, at, what, detail) VALUES (?, ?, ?, ?)", "idss",
		id, clock_now(), what, detail);
}

struct json *
handoff_log(struct db *db, long long id)
{
	struct rows *rows = db_query(db, "SELECT at, what, detail FROM courier_log"
		" WHERE handoff = ? ORDER BY id", "i", id);
	struct json *log = json_array();

	while (rows_next(rows)) {
		struct json *line = json_object();

		json_put_number(line, "at", row_real(rows, 0));
		row_put_text(rows, 1, line, "what");
		row_put_text(rows, 2, line, "detail");
		json_append(log, line);
	}
	return log;
}
