/* SPDX-License-Identifier: MIT */
/* What happened to a handoff, line by line, for `log` and for who waits. */
#ifndef LOG_H
#define LOG_H

#include "db.h"

/* Within a transaction. `detail` may be NULL. */
void handoff_note(struct db *db, long long id, const char *what, const char *detail);
struct json *handoff_log(struct db *db, long long id); /* array of {"at","what","detail"}; owned */

#endif
