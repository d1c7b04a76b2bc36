/* SPDX-License-Identifier: MIT */
/*
 * Where a text goes: a platform (its home), an address of one, or a name of the
 * configuration, which stands for one or several of these:
 *
 *	targets: {team: "slack:C024BE91L", me: [telegram, "signal:+4912345"]}
 *
 * A platform wins over a name. Names are taken apart here; what an address means is known
 * to the adapter.
 */
#include "send.h"

#include "config.h"
#include "db.h"
#include "die.h"
#include "platform.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 8 };

struct look {
	const char *name;
	struct json *means;
};

static void
look_at(const char *name, const struct json *item, void *data)
{
	struct look *look = data;

	if (!strcmp(name, look->name))
		look->means = json_copy(item);
}

/* What the configuration says of a name, or NULL. Owned. */
static struct json *
meaning(const char *name)
{
	struct look look = {name, NULL};

	json_each(config_tree(), "targets", look_at, &look);
	return look.means;
}

static void add(struct targets *targets, const char *typed, int depth);

static void
add_meaning(struct targets *targets, const char *name, const struct json *means, int depth)
{
	struct json *items = config_items(means);
	size_t count = json_count(items, "");

	if (depth >= DEEPEST)
		die(EX_SETUP, "targets.%s: is a name for itself; hermes config list shows it", name);
	if (!count)
		die(EX_SETUP, "targets.%s: names nothing; write platform:address, or a list of such", name);
	for (size_t i = 0; i < count; i++) {
		struct json *item = json_item(items, "", i);

		if (!json_is_text(item))
			die(EX_SETUP, "targets.%s: its list holds more than texts", name);
		add(targets, json_text(item, ""), depth + 1);
		json_free(item);
	}
	json_free(items);
}

static void
add_address(struct targets *targets, const char *typed, char *platform, const char *words)
{
	if (config_platform(platform, "enabled") && !config_enabled(platform))
		die(EX_SETUP, "%s: is disabled; set platforms.%s.enabled: true", platform, platform);
	targets->list = xrealloc(targets->list, (targets->count + 1) * sizeof *targets->list);
	targets->list[targets->count++] = (struct target){xstrdup(typed), platform, xstrdup(words)};
}

static void
add(struct targets *targets, const char *typed, int depth)
{
	size_t length = strcspn(typed, ":");
	char *platform = xformat("%.*s", (int)length, typed), *program = platform_program(platform);
	struct json *means = program || typed[length] ? NULL : meaning(typed);

	if (!program && !means)
		die(EX_USER, "%s: no such platform%s; hermes config platforms lists them, hermes send --list "
			"all that can be named", platform, typed[length] ? "" : ", and no such name");
	if (program) {
		add_address(targets, typed, platform, typed[length] ? typed + length + 1 : "");
	} else {
		add_meaning(targets, typed, means, depth);
		free(platform);
	}
	json_free(means);
	free(program);
}

void
targets_add(struct targets *targets, const char *typed)
{
	add(targets, typed, 0);
}

/* What can be named, one a line: platforms with their homes, names, places with sessions. */
struct listed {
	struct out *out;
	struct table table;
	bool human;
};

static void
list_one(struct listed *listed, struct json *one)
{
	struct json *means = json_at(one, "targets");
	char *words = means ? json_string(means) : NULL;
	const char *cells[] = {json_text(one, "id"), json_text(one, "kind"),
		words ? words : json_text(one, json_text(one, "title") ? "title"
			: json_text(one, "session") ? "session" : "home")};

	if (listed->human)
		table_row(&listed->table, cells);
	else
		out_json(listed->out, one);
	free(words);
	json_free(means);
	json_free(one);
}

static void
list_platforms(struct listed *listed)
{
	static const char *const homes[][2] = {{"home", "home_channel.chat_id"},
		{"thread", "home_channel.thread_id"}, {"name", "home_channel.name"}};
	struct json *platforms = config_platforms();

	for (size_t i = 0; i < json_count(platforms, ""); i++) {
		struct json *name = json_item(platforms, "", i), *one = json_object();
		const char *platform = json_text_or(name, "", "");

		json_put_text(one, "id", platform);
		json_put_text(one, "kind", "platform");
		json_put_text(one, "platform", platform);
		for (size_t k = 0; k < 3; k++)
			if (config_platform(platform, homes[k][1]))
				json_put_text(one, homes[k][0], config_platform(platform, homes[k][1]));
		list_one(listed, one);
		json_free(name);
	}
	json_free(platforms);
}

static void
list_name(const char *name, const struct json *means, void *data)
{
	struct json *one = json_object();

	json_put_text(one, "id", name);
	json_put_text(one, "kind", "name");
	json_put(one, "targets", config_items(means));
	list_one(data, one);
}

static struct json *
session_row(struct rows *rows)
{
	struct json *one = json_object(), *place = row_json(rows, 2);
	const char *platform = json_text_or(place, "platform", ""), *chat = json_text(place, "chat");
	const char *thread = json_text(place, "thread");
	bool inside = thread && chat && strcmp(thread, chat) != 0;
	char *id = xformat("%s:%s%s%s", platform, chat ? chat : json_text_or(place, "user", ""),
		inside ? ":" : "", inside ? thread : "");

	json_put_text(one, "id", id);
	json_put_text(one, "kind", "session");
	json_put_text(one, "platform", platform);
	json_put_text(one, "session", row_text(rows, 1));
	row_put_text(rows, 3, one, "title");
	json_put(one, "place", place);
	free(id);
	return one;
}

enum { PAGE = 500 };

static void
list_sessions(struct listed *listed, struct db *db)
{
	static const char sql[] = "SELECT b.key, b.session, b.place, s.title FROM courier_bindings b"
		" LEFT JOIN sessions s ON s.id = b.session WHERE b.place IS NOT NULL"
		" AND b.left_at IS NULL AND b.key > ? ORDER BY b.key LIMIT ?";
	struct json *page[PAGE];
	char *key = xstrdup("");
	size_t count;

	do {
		struct rows *rows = db_query(db, sql, "si", key, (long long)PAGE);

		for (count = 0; rows_next(rows); count++) {
			free(key);
			key = row_copy(rows, 0);
			page[count] = session_row(rows);
		}
		for (size_t i = 0; i < count; i++)
			list_one(listed, page[i]);
	} while (count == PAGE);
	free(key);
}

int
targets_list(struct out *out)
{
	static const char *const header[] = {"TARGET", "KIND", "WHERE"};
	struct listed listed = {.out = out, .human = out_human(out)};
	struct db *db = db_open(DB_READ);

	if (listed.human)
		table_begin(&listed.table, 3, header);
	list_platforms(&listed);
	json_each(config_tree(), "targets", list_name, &listed);
	list_sessions(&listed, db);
	if (listed.human)
		table_end(&listed.table);
	db_close(db);
	return 0;
}
