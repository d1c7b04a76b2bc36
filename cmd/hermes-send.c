/* SPDX-License-Identifier: MIT */
/*
 * hermes-send: as a filter, the stage that delivers a reply; for people, a text to a
 * place; and what is due by itself.
 */
#include "send/send.h"

#include "chats.h"
#include "config.h"
#include "die.h"
#include "ids.h"
#include "listing.h"
#include "opts.h"
#include "out.h"
#include "stage.h"

#include <stdlib.h>
#include <unistd.h>

static struct db *db;
static struct out out;

static void
open_store(void)
{
	db = db_open(DB_WRITE);
}

static void
stage(struct json *record)
{
	send_record(db, record);
}

static int
list_main(int argc, char **argv)
{
	static const struct column columns[] = {
		{"ID", "id"}, {"STATE", "state"}, {"PLATFORM", "platform"}, {"MADE", "@created"},
		{"ERROR", "error"}, {"TEXT", "text"}, {NULL, NULL},
	};
	static const struct listing listing = {
		"SELECT id FROM courier_deliveries WHERE id > ? ORDER BY id LIMIT 500",
		"SELECT id FROM courier_deliveries WHERE id > ? AND state = ? ORDER BY id LIMIT 500",
		delivery_json, columns,
		"pending, sending, sent, failed, unknown or dropped",
	};
	const char *state = NULL;
	const struct opt opts[] = {
		{"state", 0, OPT_TEXT, &state, "STATE", listing.states},
		OUT_OPTS(out), {0},
	};
	const struct usage usage = {"list [--state STATE]", "List deliveries, oldest first.", opts};

	if (opts_parse(argc, argv, &usage))
		opts_misused(&usage, "no operands");
	list_rows(db_open(DB_READ), &out, &listing, state);
	return 0;
}

/* retry and drop: deliveries that ended, or wait, get another state. */
static int
change(int argc, char **argv, const char *summary, const char *sql, const char *cannot)
{
	const struct opt opts[] = {OUT_OPTS(out), {0}};
	char *synopsis = xformat("%s ID ... | -", argv[0]);
	const struct usage usage = {synopsis, summary, opts};
	struct ids ids = ids_operands(&usage, opts_parse(argc, argv, &usage), argv);

	db = db_open(DB_WRITE);
	for (size_t i = 0; i < ids.count; i++) {
		struct json *shown;
		bool done;

		db_begin(db);
		done = db_run(db, sql, "i", ids.list[i]);
		db_wake(db);
		shown = delivery_json(db, ids.list[i]);
		if (done && json_text(shown, "place.chat")) /* it wants to know whether it lives */
			chat_probe(db, json_text_or(shown, "platform", ""), json_text(shown, "place.chat"));
		db_commit(db);
		if (!shown)
			die(EX_MISSING, "%lld: no such delivery; hermes send list shows them", ids.list[i]);
		if (!done)
			die(EX_NO, "%lld: it is %s; %s", ids.list[i], json_text_or(shown, "state", "?"), cannot);
		out_json(&out, shown);
		json_free(shown);
	}
	free(synopsis);
	return 0;
}

static int
retry_main(int argc, char **argv)
{
	static const char sql[] = "UPDATE courier_deliveries SET state = 'pending', attempt = 0,"
		" uncertain = 0, not_before = NULL, error = NULL, ended = NULL, event = NULL"
		" WHERE id = ? AND state IN ('failed', 'unknown', 'dropped')";

	return change(argc, argv, "Send a delivery that failed, what is left of it, once more.", sql,
		"only one that ended without arriving can be sent again");
}

static int
drop_main(int argc, char **argv)
{
	static const char sql[] = "UPDATE courier_deliveries SET state = 'dropped', ended = created"
		" WHERE id = ? AND state = 'pending' AND event IS NULL";

	return change(argc, argv, "Do not send a delivery that waits.", sql,
		"only one that waits by itself can be dropped");
}

static const struct verb verbs[] = {
	{"list", list_main, "[--state S]", "list deliveries"},
	{"retry", retry_main, "ID ... | -", "send what failed once more"},
	{"drop", drop_main, "ID ... | -", "do not send what waits"},
	{NULL, NULL, NULL, NULL},
};

static struct {
	struct texts to;
	struct speech speech;
	const char *platform;
	bool list, due;
	long limit;
} asked = {.speech.out = &out, .limit = 100};

static const struct opt opts[] = {
	{"to", 't', OPT_TEXTS, &asked.to, "TARGET", "a platform, platform:address or name; again for more"},
	{"file", 'f', OPT_TEXT, &asked.speech.file, "FILE", "the text is in this file; - is stdin"},
	{"markdown", 0, OPT_FLAG, &asked.speech.markdown, NULL, "the text is Markdown"},
	{"plain", 0, OPT_FLAG, &asked.speech.plain, NULL, "the text is as it is (so it is without this)"},
	{"thread", 0, OPT_TEXT, &asked.speech.title, "TITLE", "open a fresh thread there first"},
	{"require-thread", 0, OPT_FLAG, &asked.speech.need_thread, NULL,
		"with --thread: fail where there are no threads"},
	{"record", 0, OPT_FLAG, &asked.speech.record, NULL,
		"it becomes part of the session that lives there"},
	{"request-id", 0, OPT_TEXT, &asked.speech.request, "ID", "the same id and content: sent once"},
	{"dry-run", 0, OPT_FLAG, &asked.speech.dry_run, NULL, "say where it would go, and send nothing"},
	{"list", 0, OPT_FLAG, &asked.list, NULL, "list what can be named as a target"},
	{"due", 0, OPT_FLAG, &asked.due, NULL, "send what waits and is due"},
	{"platform", 0, OPT_TEXT, &asked.platform, "PLATFORM", "with --due: only this one's"},
	{"limit", 'n', OPT_NUMBER, &asked.limit, "N", "with --due: at most N of each platform (100)"},
	OUT_OPTS(out), {0},
};

static const struct usage usage = {"[OPTION ...] TARGET [TEXT | -]\n"
	"[OPTION ...] --to TARGET [--to TARGET ...] [TEXT | -]\n--list\n--due [--platform PLATFORM]\n"
	"list | retry ID ... | drop ID ...\n<records",
	"Send a text to one place or several; or, as a stage, each record's reply to its place.", opts};

static void
check_speech(const struct speech *speech)
{
	if (speech->text && speech->file)
		opts_misused(&usage, "a text and a --file: one of them");
	if (speech->markdown && speech->plain)
		opts_misused(&usage, "--markdown and --plain: one of them");
	if (speech->need_thread && !speech->title)
		opts_misused(&usage, "--require-thread goes with --thread");
	if (speech->title && speech->record)
		opts_misused(&usage, "--record: in a fresh thread lives no session yet");
	opts_need_words(&usage, "--thread", speech->title);
	opts_need_words(&usage, "--request-id", speech->request);
	if (!speech->text && !speech->file && isatty(STDIN_FILENO))
		opts_misused(&usage, "a text is needed: an operand, --file, or stdin");
}

/* Whether there are options of a text: where none is said they are not left out in silence. */
static bool
speaks(const struct speech *speech)
{
	return speech->file || speech->title || speech->request || speech->markdown || speech->plain
		|| speech->need_thread || speech->record || speech->dry_run;
}

static int
say(int count, char **operands)
{
	struct targets targets = {NULL, 0};
	int named = asked.to.count ? 0 : 1;

	if (count > named + 1)
		opts_misused(&usage, named ? "a target and a text; quote the text, and use --to for more targets"
			: "one text; quote it");
	asked.speech.text = count > named ? operands[named] : NULL;
	check_speech(&asked.speech);
	if (named)
		targets_add(&targets, operands[0]);
	for (size_t i = 0; i < asked.to.count; i++)
		targets_add(&targets, asked.to.list[i]);
	return send_speech(&targets, &asked.speech);
}

int
main(int argc, char **argv)
{
	const struct verb *verb = argc > 1 ? verb_find(verbs, argv[1]) : NULL;
	int count;

	program_start(argv[0]);
	if (verb)
		return verb->run(argc - 1, argv + 1);
	count = opts_parse(argc, argv, &usage);
	if ((asked.list || asked.due) && (count || asked.to.count))
		opts_misused(&usage, "--list and --due take no target");
	if (asked.list && asked.due)
		opts_misused(&usage, "--list and --due: one of them");
	if (speaks(&asked.speech) && !count && !asked.to.count)
		opts_misused(&usage, "a target is needed; that option goes with a text");
	if (asked.platform && !asked.due)
		opts_misused(&usage, "--platform goes with --due");
	config_tree(); /* broken configuration ends this before anything is begun */
	if (asked.list)
		return targets_list(&out);
	if (asked.due)
		return send_due(asked.platform, asked.limit, &out);
	if (count || asked.to.count)
		return say(count, argv);
	if (isatty(STDIN_FILENO))
		opts_misused(&usage, "a target is needed, or records on stdin");
	return stage_run(open_store, stage);
}
