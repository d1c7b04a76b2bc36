/* SPDX-License-Identifier: MIT */
#include "schema.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

/* Raised whenever a declaration below changes. */
#define SCHEMA_VERSION 3

struct table {
	const char *name;
	const char *const *columns; /* "name declaration", NULL-ended */
	const char *constraint;     /* of the table, or NULL */
};

static const char *const sessions[] = {
	"id TEXT PRIMARY KEY", "source TEXT NOT NULL", "user_id TEXT", "session_key TEXT",
	"chat_id TEXT", "chat_type TEXT", "thread_id TEXT", "model TEXT", "model_config TEXT",
	"system_prompt TEXT", "parent_session_id TEXT REFERENCES sessions(id)",
	"started_at REAL NOT NULL", "ended_at REAL", "end_reason TEXT",
	"message_count INTEGER DEFAULT 0", "tool_call_count INTEGER DEFAULT 0",
	"input_tokens INTEGER DEFAULT 0", "output_tokens INTEGER DEFAULT 0",
	"cache_read_tokens INTEGER DEFAULT 0", "cache_write_tokens INTEGER DEFAULT 0",
	"reasoning_tokens INTEGER DEFAULT 0", "cwd TEXT", "git_branch TEXT", "git_repo_root TEXT",
	"billing_provider TEXT", "billing_base_url TEXT", "billing_mode TEXT",
	"estimated_cost_usd REAL", "actual_cost_usd REAL", "cost_status TEXT", "cost_source TEXT",
	"pricing_version TEXT", "title TEXT", "api_call_count INTEGER DEFAULT 0",
	"handoff_state TEXT", "handoff_platform TEXT", "handoff_error TEXT",
	"rewind_count INTEGER NOT NULL DEFAULT 0", "archived INTEGER NOT NULL DEFAULT 0", NULL,
};

static const char *const messages[] = {
	"id INTEGER PRIMARY KEY AUTOINCREMENT", "session_id TEXT NOT NULL REFERENCES sessions(id)",
	"role TEXT NOT NULL", "content TEXT", "tool_call_id TEXT", "tool_calls TEXT",
	"tool_name TEXT", "timestamp REAL NOT NULL", "token_count INTEGER", "finish_reason TEXT",
	"reasoning TEXT", "reasoning_content TEXT", "reasoning_details TEXT",
	"codex_reasoning_items TEXT", "codex_message_items TEXT", "platform_message_id TEXT",
	"observed INTEGER DEFAULT 0", "active INTEGER NOT NULL DEFAULT 1",
	"compacted INTEGER NOT NULL DEFAULT 0", NULL,
};

/*
 * One row a request, kept. `step` names an outside act under way. A claim by hand has
 * `hold` seconds; NULL means the kernel holds it. `cut` counts holders that died with it.
 * `wanted` is the place asked for, `origin` the one it came from (NULL: the command line).
 */
static const char *const handoffs[] = {
	"id INTEGER PRIMARY KEY AUTOINCREMENT", "request TEXT NOT NULL UNIQUE",
	"session TEXT NOT NULL", "platform TEXT NOT NULL", "requester TEXT", "wanted TEXT",
	"notice TEXT", "options TEXT", "plain INTEGER NOT NULL DEFAULT 0", "retry_of INTEGER",
	"state TEXT NOT NULL DEFAULT 'pending'", "step TEXT", "step_at REAL",
	"attempt INTEGER NOT NULL DEFAULT 0", "fence INTEGER NOT NULL DEFAULT 0", "holder TEXT",
	"held_at REAL", "hold REAL", "cut INTEGER NOT NULL DEFAULT 0", "not_before REAL",
	"delay REAL", "created REAL NOT NULL", "expires REAL", "claimed REAL", "ended REAL", "place TEXT", "key TEXT",
	"replaced TEXT", "origin TEXT",
	"event INTEGER", "delivery INTEGER", "error TEXT", "code INTEGER", NULL,
};

static const char *const log_lines[] = {
	"id INTEGER PRIMARY KEY AUTOINCREMENT", "handoff INTEGER NOT NULL", "at REAL NOT NULL",
	"what TEXT NOT NULL", "detail TEXT", NULL,
};

/*
 * `version` counts changes; `used` counts events routed through it since the last one. A
 * session that went on elsewhere left it at `left_at`, by a handoff; `told` is the delivery
 * that says so to those who write there.
 */
static const char *const bindings[] = {
	"key TEXT PRIMARY KEY", "plain TEXT NOT NULL", "session TEXT NOT NULL", "place TEXT",
	"version INTEGER NOT NULL DEFAULT 1", "used INTEGER NOT NULL DEFAULT 0",
	"handoff INTEGER", "changed REAL NOT NULL", "left_at REAL", "left_by INTEGER",
	"told INTEGER", NULL,
};

static const char *const seats[] = {
	"id INTEGER PRIMARY KEY AUTOINCREMENT", "session TEXT NOT NULL UNIQUE", "key TEXT",
	"place TEXT", "epoch INTEGER NOT NULL DEFAULT 1", "handoff INTEGER", "since REAL NOT NULL",
	"turn TEXT", "turn_at REAL", NULL,
};

/*
 * `said` is the message that keeps the event's words, `reply` the one that answers it; `also`
 * is what its user is called besides.
 */
static const char *const events[] = {
	"id INTEGER PRIMARY KEY AUTOINCREMENT", "platform TEXT NOT NULL", "account TEXT",
	"chat TEXT", "message TEXT", "key TEXT NOT NULL", "place TEXT", "user TEXT", "name TEXT",
	"also TEXT", "text TEXT NOT NULL", "reply_to TEXT", "at REAL", "origin TEXT NOT NULL",
	"handoff INTEGER", "session TEXT", "state TEXT NOT NULL DEFAULT 'queued'", "step TEXT",
	"step_at REAL", "attempt INTEGER NOT NULL DEFAULT 0", "turns INTEGER NOT NULL DEFAULT 0",
	"fence INTEGER NOT NULL DEFAULT 0", "holder TEXT", "held_at REAL", "hold REAL",
	"cut INTEGER NOT NULL DEFAULT 0", "not_before REAL", "delay REAL", "said INTEGER", "reply INTEGER", "actions TEXT",
	"gave_up TEXT", "delivery INTEGER", "error TEXT", "created REAL NOT NULL", "ended REAL",
	NULL,
};

/*
 * `tried` is set while it is uncertain whether part `part` arrived. `title` is of a
 * thread that is still to be opened there (`opening`: since when one may be open). `request` and
 * `target` are a script's own name for it and the place that it named. `told` is what the
 * platform said of it while it was being sent. Texts of one `lane` keep their order; one that
 * waits for a thread of its own is alone in it.
 */
static const char *const deliveries[] = {
	"id INTEGER PRIMARY KEY AUTOINCREMENT", "event INTEGER UNIQUE", "handoff INTEGER",
	"session TEXT", "message INTEGER", "platform TEXT NOT NULL", "place TEXT NOT NULL",
	"text TEXT NOT NULL", "state TEXT NOT NULL DEFAULT 'pending'",
	"part INTEGER NOT NULL DEFAULT 1", "parts INTEGER", "ids TEXT", "tried REAL",
	"uncertain INTEGER NOT NULL DEFAULT 0", "attempt INTEGER NOT NULL DEFAULT 0",
	"fence INTEGER NOT NULL DEFAULT 0", "holder TEXT", "held_at REAL", "hold REAL",
	"not_before REAL", "delay REAL", "error TEXT", "created REAL NOT NULL", "ended REAL",
	"format TEXT", "link TEXT", "record INTEGER NOT NULL DEFAULT 0", "title_wanted TEXT",
	"title TEXT", "opening REAL", "need_thread INTEGER NOT NULL DEFAULT 0", "request TEXT",
	"target TEXT", "told TEXT",
	"lane TEXT GENERATED ALWAYS AS (CASE WHEN title IS NULL THEN platform || ' '"
	" || coalesce(json_extract(place, '$.chat'), '') || ' '"
	" || coalesce(json_extract(place, '$.thread'), '') ELSE 'new ' || id END)", NULL,
};

static const char *const platforms[] = {
	"id INTEGER PRIMARY KEY AUTOINCREMENT", "platform TEXT NOT NULL UNIQUE", "cursor TEXT",
	"cursor_at REAL", "listener TEXT", "listened_at REAL", "not_before REAL", "delay REAL",
	"poll_not_before REAL", "poll_delay REAL",
	"error TEXT", "error_at REAL", "busy_at REAL", NULL,
};

/*
 * What is known of a chat: that it wants to be left alone until some time, and that it said
 * it is dead (`died`, `why`, so often `tries`), and may be tried again at `probe`.
 */
static const char *const chats[] = {
	"platform TEXT NOT NULL", "chat TEXT NOT NULL", "not_before REAL", "delay REAL",
	"died REAL", "why TEXT", "tries INTEGER NOT NULL DEFAULT 0", "probe REAL",
	"probe_delay REAL", NULL,
};

static const char *const people[] = {
	"platform TEXT NOT NULL", "user TEXT NOT NULL", "name TEXT", "person TEXT",
	"seen REAL NOT NULL", NULL,
};

static const char *const version[] = {"version INTEGER NOT NULL", NULL};

static const struct table tables[] = {
	{"sessions", sessions, NULL},
	{"messages", messages, NULL},
	{"courier_handoffs", handoffs, NULL},
	{"courier_log", log_lines, NULL},
	{"courier_bindings", bindings, NULL},
	{"courier_seats", seats, NULL},
	{"courier_events", events, "UNIQUE (platform, account, chat, message)"},
	{"courier_deliveries", deliveries, NULL},
	{"courier_platforms", platforms, NULL},
	{"courier_chats", chats, "PRIMARY KEY (platform, chat)"},
	{"courier_people", people, "PRIMARY KEY (platform, user)"},
	{"courier_schema", version, NULL},
};

enum { TABLES = sizeof tables / sizeof *tables };

/* Queues have partial indexes: "is there work" costs the same with a million sessions. */
static const char indexes[] =
	"CREATE INDEX IF NOT EXISTS idx_sessions_source ON sessions(source);"
	"CREATE INDEX IF NOT EXISTS idx_sessions_parent ON sessions(parent_session_id);"
	"CREATE INDEX IF NOT EXISTS idx_sessions_started ON sessions(started_at DESC);"
	"CREATE INDEX IF NOT EXISTS idx_messages_session ON messages(session_id, timestamp);"
	"CREATE INDEX IF NOT EXISTS courier_messages ON messages(session_id, id);"
	"CREATE INDEX IF NOT EXISTS courier_messages_platform"
	" ON messages(session_id, platform_message_id) WHERE platform_message_id IS NOT NULL;"
	"CREATE INDEX IF NOT EXISTS courier_sessions_title ON sessions(title)"
	" WHERE title IS NOT NULL;"
	"CREATE INDEX IF NOT EXISTS courier_sessions_key ON sessions(session_key)"
	" WHERE session_key IS NOT NULL;"
	"CREATE INDEX IF NOT EXISTS courier_sessions_handoff ON sessions(handoff_state)"
	" WHERE handoff_state = 'pending';"
	"CREATE INDEX IF NOT EXISTS courier_handoffs_open ON courier_handoffs(id)"
	" WHERE state IN ('pending', 'running');"
	"CREATE INDEX IF NOT EXISTS courier_handoffs_session ON courier_handoffs(session, id);"
	"CREATE INDEX IF NOT EXISTS courier_handoffs_state ON courier_handoffs(state, id);"
	"CREATE INDEX IF NOT EXISTS courier_log_handoff ON courier_log(handoff, id);"
	"CREATE INDEX IF NOT EXISTS courier_bindings_session ON courier_bindings(session);"
	"CREATE INDEX IF NOT EXISTS courier_events_open ON courier_events(id)"
	" WHERE state IN ('queued', 'running');"
	"CREATE INDEX IF NOT EXISTS courier_events_key ON courier_events(key, id)"
	" WHERE state IN ('queued', 'running');"
	"CREATE INDEX IF NOT EXISTS courier_events_session ON courier_events(session, id);"
	"CREATE INDEX IF NOT EXISTS courier_deliveries_open ON courier_deliveries(id)"
	" WHERE state IN ('pending', 'sending');"
	"CREATE INDEX IF NOT EXISTS courier_deliveries_state ON courier_deliveries(state, id);"
	"CREATE INDEX IF NOT EXISTS courier_deliveries_lane ON courier_deliveries(platform, lane, id)"
	" WHERE state IN ('pending', 'sending');"
	"CREATE UNIQUE INDEX IF NOT EXISTS courier_deliveries_request"
	" ON courier_deliveries(request, target) WHERE request IS NOT NULL;"
	"CREATE INDEX IF NOT EXISTS courier_events_platform ON courier_events(platform, id)"
	" WHERE state IN ('queued', 'running');"
	"CREATE INDEX IF NOT EXISTS courier_handoffs_platform ON courier_handoffs(platform, id)"
	" WHERE state IN ('pending', 'running');";

/*
 * Full text, rowid = messages.id in every shape that is about. Made only together with
 * the messages: an index is never built at open over what another program wrote, a search
 * there reads the words themselves.
 */
#define FTS_WORDS(row) "coalesce(" row ".content, '') || ' ' || coalesce(" row ".tool_name, '')" \
	" || ' ' || coalesce(" row ".tool_calls, '')"
#define FTS_TABLE(name, options) \
	"CREATE VIRTUAL TABLE " name " USING fts5(content" options ");" \
	"CREATE TRIGGER " name "_insert AFTER INSERT ON messages BEGIN" \
	" INSERT INTO " name "(rowid, content) VALUES (new.id, " FTS_WORDS("new") "); END;" \
	"CREATE TRIGGER " name "_delete AFTER DELETE ON messages BEGIN" \
	" DELETE FROM " name " WHERE rowid = old.id; END;" \
	"CREATE TRIGGER " name "_update AFTER UPDATE OF content, tool_name, tool_calls ON messages" \
	" BEGIN DELETE FROM " name " WHERE rowid = old.id;" \
	" INSERT INTO " name "(rowid, content) VALUES (new.id, " FTS_WORDS("new") "); END;"

static const char words[] = FTS_TABLE("messages_fts", "");
static const char trigrams[] = FTS_TABLE("messages_fts_trigram", ", tokenize = 'trigram'");

static void
create(struct db *db, const struct table *table, const char *kind)
{
	struct text sql = TEXT_INIT;

	text_format(&sql, "CREATE %s IF NOT EXISTS %s (", kind, table->name);
	for (const char *const *column = table->columns; *column; column++)
		text_format(&sql, "%s%s", column == table->columns ? "" : ", ", *column);
	text_format(&sql, "%s%s)", table->constraint ? ", " : "",
		table->constraint ? table->constraint : "");
	db_script(db, sql.at);
	text_release(&sql);
}

static bool
has_column(struct db *db, const char *table, const char *column)
{
	int length = (int)strcspn(column, " ");
	char *sql = xformat("SELECT %.*s FROM %s LIMIT 0", length, column, table);
	bool has = db_knows(db, sql);

	free(sql);
	return has;
}

static void
add_columns(struct db *db, const struct table *table)
{
	for (const char *const *column = table->columns; *column; column++) {
		char *sql;

		if (has_column(db, table->name, *column))
			continue;
		sql = xformat("ALTER TABLE %s ADD COLUMN %s", table->name, *column);
		db_script(db, sql);
		free(sql);
	}
}

bool
schema_whole(struct db *db)
{
	static const char sql[] = "SELECT version FROM courier_schema";

	return db_knows(db, sql) && db_number(db, 0, sql, "") >= SCHEMA_VERSION;
}

void
schema_make(struct db *db)
{
	bool fresh = !db_knows(db, "SELECT id FROM messages");

	for (int i = 0; i < TABLES; i++) {
		create(db, &tables[i], "TABLE");
		add_columns(db, &tables[i]);
	}
	db_script(db, indexes);
	if (fresh && !db_knows(db, "SELECT rowid FROM messages_fts"))
		db_script(db, words);
	if (fresh && !db_knows(db, "SELECT rowid FROM messages_fts_trigram"))
		db_script(db, trigrams);
	db_run(db, "DELETE FROM courier_schema", "");
	db_run(db, "INSERT INTO courier_schema (version) VALUES (?)", "i", (long long)SCHEMA_VERSION);
}

/* A view that adds the columns a foreign table lacks, with their defaults, under its name. */
static void
stand_in(struct db *db, const struct table *table)
{
	struct text sql = TEXT_INIT;
	bool lacks = false;

	text_format(&sql, "CREATE TEMP VIEW %s AS SELECT *", table->name);
	for (const char *const *column = table->columns; *column; column++) {
		const char *otherwise;

		if (has_column(db, table->name, *column))
			continue;
		otherwise = strstr(*column, " DEFAULT ");
		text_format(&sql, ", %s AS %.*s", otherwise ? otherwise + strlen(" DEFAULT ") : "NULL",
			(int)strcspn(*column, " "), *column);
		lacks = true;
	}
	text_format(&sql, " FROM main.%s", table->name);
	if (lacks)
		db_script(db, sql.at);
	text_release(&sql);
}

void
schema_shim(struct db *db)
{
	if (schema_whole(db))
		return;
	if (!db_knows(db, "SELECT id FROM sessions") || !db_knows(db, "SELECT id FROM messages"))
		die(EX_STORE, "%s: holds no sessions: it is not a store, or was emptied", db_path(db));
	for (int i = 0; i < TABLES; i++) {
		char *look = xformat("SELECT 1 FROM main.%s LIMIT 0", tables[i].name);

		if (db_knows(db, look))
			stand_in(db, &tables[i]);
		else
			create(db, &tables[i], "TEMP TABLE");
		free(look);
	}
}
