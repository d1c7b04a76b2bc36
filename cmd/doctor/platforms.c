/* SPDX-License-Identifier: MIT */
/*
 * The platforms: one line each, of all that have an adapter. They are asked at the same
 * time, each in a process of its own that makes the whole line; so one that hangs costs no
 * more than its own limit. What the store knows of them is read in a process, too, as a
 * store that is broken ends whoever opens it.
 */
#include "findings.h"
#include "probe.h"

#include "chats.h"
#include "config.h"
#include "die.h"
#include "figures.h"
#include "platform.h"
#include "platforms.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Chats that are dead are looked at again, this many of a platform. */
enum { DEAD_MOST = 8 };

/*
 * A line under way: its words, piece by piece, and the worst that was found. Of a platform
 * that does not work only what is wrong is said; the facts are in the JSON.
 */
struct line {
	const char *platform;
	struct json *json;
	struct text words, wrong, advice, cure;
	enum state state;
	double deadline;
};

static void __attribute__((format(printf, 4, 5)))
add(struct line *line, enum state state, const char *remedy, const char *format, ...)
{
	struct text *words = state == BAD ? &line->wrong : &line->words;
	struct text *remedies = state == BAD ? &line->cure : &line->advice;
	va_list arguments;

	va_start(arguments, format);
	text_puts(words, words->length ? "; " : "");
	text_vformat(words, format, arguments);
	va_end(arguments);
	if (remedy)
		text_format(remedies, "%s%s", remedies->length ? "; " : "", remedy);
	if (state > line->state)
		line->state = state;
}

static double
left(const struct line *line)
{
	double seconds = line->deadline - clock_steady();

	return seconds > 0.1 ? seconds : 0.1;
}

/* A proxy's address without its user and password. Owned. */
static char *
without_password(const char *proxy)
{
	const char *scheme = strstr(proxy, "://"), *host = scheme ? scheme + 3 : proxy;
	size_t length = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', length);
	size_t skipped = at ? (size_t)(at + 1 - host) : 0;

	return xformat("%.*s%.*s", (int)(scheme ? host - proxy : 0), proxy, (int)(length - skipped),
		host + skipped);
}

static const char *
variable(const char *small, const char *capital)
{
	const char *value = getenv(small);

	return value && *value ? value : capital ? getenv(capital) : NULL;
}

static bool
takes_proxy(const char *platform, const struct json *about)
{
	char *name = config_name(platform, "proxy");
	bool takes = json_lists(about, "config", "name", name);

	free(name);
	return takes;
}

/* Its own setting, else what every HTTP program goes by; it may be what cuts us off. */
static void
add_proxy(struct line *line, const struct json *about, const struct json *facts)
{
	bool cut_off = line->state == BAD && !json_has(facts, "token");
	const char *proxy = config_platform(line->platform, "proxy");
	const char *base = config_platform(line->platform, "base_url");
	bool plain = base && !strncmp(base, "http:", 5);
	char *shown;

	if (!takes_proxy(line->platform, about) || (json_has(facts, "proxy") && !json_true(facts, "proxy")))
		return;
	if (!proxy)
		proxy = plain ? variable("http_proxy", NULL) : variable("https_proxy", "HTTPS_PROXY");
	if (!proxy)
		proxy = variable("all_proxy", "ALL_PROXY");
	if (!proxy || !*proxy)
		return;
	shown = without_password(proxy);
	json_put_text(line->json, "proxy", shown);
	add(line, cut_off ? BAD : OK, cut_off ? "look at the proxy, too" : NULL,
		"through the proxy %s%s", shown, variable("no_proxy", "NO_PROXY")
		? ", but for what NO_PROXY names" : "");
	free(shown);
}

/* A fact that is known, in words. */
static void
add_fact(struct text *words, const struct json *facts, const char *path, const char *is,
	const char *is_not)
{
	if (json_has(facts, path))
		text_format(words, ", %s", json_true(facts, path) ? is : is_not);
}

/* Whether whoever answers at the home would be refused; in a private chat its human is not. */
static bool
nobody_may_speak(const char *platform, const char *kind)
{
	return kind && strcmp(kind, "dm") && !config_platform(platform, "allowed_users")
		&& !config_platform(platform, "group_allowed_chats")
		&& !config_platform_true(platform, "allow_all_users");
}

static void
add_home(struct line *line, const struct json *facts)
{
	char *remedy = xformat("hermes config home %s ADDRESS", line->platform);
	char *speakers = xformat("hermes config set platforms.%s.allowed_users USER",
		line->platform);
	struct text words = TEXT_INIT;
	bool lost = json_has(facts, "home.reachable") && !json_true(facts, "home.reachable");
	bool deaf = json_has(facts, "home.readable") && !json_true(facts, "home.readable");

	if (!config_platform(line->platform, "home_channel") && !json_has(facts, "home")) {
		add(line, WARN, remedy, "no home: a handoff there must name its place");
	} else if (json_has(facts, "home")) {
		add_fact(&words, facts, "home.reachable", "reachable", "not reachable");
		add_fact(&words, facts, "home.threads", "threads", "no threads");
		add_fact(&words, facts, "home.readable", "messages readable", "messages not readable");
		add(line, lost ? BAD : deaf ? WARN : OK, NULL, "home %s%s%s%s%s",
			json_text_or(facts, "home.name", config_platform(line->platform, "home_channel")),
			json_has(facts, "home.kind") ? " (" : "", json_text_or(facts, "home.kind", ""),
			json_has(facts, "home.kind") ? ")" : "", words.at);
	}
	if (nobody_may_speak(line->platform, json_text(facts, "home.kind")))
		add(line, WARN, speakers, "nobody may speak to the agent there");
	text_release(&words);
	free(speakers);
	free(remedy);
}

/* Whether the same is said before the one at `end`: where two addresses are asked, of each. */
static bool
is_said_before(const struct json *answer, size_t end, const struct json *problem)
{
	bool is = false;

	for (size_t i = 0; !is && i < end; i++) {
		struct json *other = json_item(answer, "problems", i);

		is = json_equal(other, problem);
		json_free(other);
	}
	return is;
}

static void
add_problems(struct line *line, const struct json *answer)
{
	size_t count = json_count(answer, "problems");

	for (size_t i = 0; i < count; i++) {
		struct json *problem = json_item(answer, "problems", i);

		if (!is_said_before(answer, i, problem))
			add(line, BAD, json_text(problem, "remedy"), "%s",
				json_text_or(problem, "what", "it has a problem it does not name"));
		json_free(problem);
	}
	if (!count && !json_true(answer, "ok"))
		add(line, BAD, NULL, "its adapter says that it does not work");
}

static void
add_listener(struct line *line, const struct json *stored, const struct json *about)
{
	const char *listener = json_text_or(stored, "listener", "nobody");
	double rests = json_number(stored, "rests", 0);

	if (about && !json_true(about, "polling"))
		return;
	json_put_text(line->json, "listener", listener);
	if (json_text(stored, "trouble"))
		add(line, WARN, NULL, "when it was listened to last: %s", json_text(stored, "trouble"));
	if (!strcmp(listener, "nobody"))
		add(line, OK, NULL, "nobody listens now (hermes watch does)");
	else
		add(line, OK, NULL, "%s", !strcmp(listener, "watch") ? "hermes watch listens"
			: "a gateway of Hermes Agent listens");
	if (rests > 0) {
		json_put_number(line->json, "rests", rests);
		add(line, WARN, NULL, "wants to be left alone for %.0f s", rests);
	}
}

/* Whether the chat answers as one that lives; the next text for it is to find out. */
static bool
seems_alive(struct line *line, const char *chat, const struct json *facts)
{
	const char *home = config_platform(line->platform, "home_channel.chat_id");
	struct json *question, *answer;
	bool alive;
	char *why;
	int status;

	if (home && !strcmp(home, chat) && json_has(facts, "home.reachable"))
		return json_true(facts, "home.reachable");
	question = json_object();
	json_put_text(question, "chat", chat);
	answer = platform_ask(line->platform, "resolve", question, left(line), &status, &why);
	alive = answer && json_has(answer, "place");
	json_free(answer);
	json_free(question);
	free(why);
	return alive;
}

static void
add_dead(struct line *line, const struct json *stored, const struct json *facts)
{
	struct json *all = json_array();
	const char *home = config_platform(line->platform, "home_channel.chat_id");

	for (size_t i = 0; i < json_count(stored, "dead"); i++) {
		struct json *chat = json_item(stored, "dead", i);
		const char *id = json_text_or(chat, "chat", "");
		bool alive = i < DEAD_MOST && seems_alive(line, id, facts);
		char *ago = out_ago(json_number(chat, "since", 0));

		json_put_true(chat, "probe_now", alive);
		if (i < DEAD_MOST)
			add(line, home && !strcmp(home, id) ? BAD : WARN,
				alive ? NULL : "mend that, or hand off to another chat",
				"the chat %s could not be reached (%s, first seen %s)%s", id,
				json_text_or(chat, "why", ""), ago, alive ? ": the next text for it tries again" : "");
		json_append(all, chat);
		free(ago);
	}
	if (json_count(all, ""))
		json_put(line->json, "dead", all);
	else
		json_free(all);
}

/* It ended without an answer. Its words may end with a remedy. */
static void
add_silence(struct line *line, int status, const char *why)
{
	const char *words = why ? why : "its adapter gave no answer", *remedy = strstr(words, "; ");
	char *usual = status == EX_SETUP ? xstrdup("hermes config list shows what is set")
		: xformat("look closer with: hermes ask %s check", line->platform);

	add(line, BAD, remedy ? remedy + 2 : usual, "%.*s",
		remedy ? (int)(remedy - words) : INT_MAX, words);
	free(usual);
}

static void
look_at_enabled(struct line *line, const struct json *stored)
{
	char *why = NULL, *program = platform_program(line->platform);
	char *off = xformat("install it, or: hermes config set platforms.%s.enabled false",
		line->platform);
	const struct json *about;
	struct json *answer = NULL, *facts;
	int status;

	if (program)
		answer = platform_ask(line->platform, "check", NULL, left(line), &status, &why);
	if (!program)
		add(line, BAD, off, "is enabled, but there is no adapter for it");
	else if (!answer)
		add_silence(line, status, why);
	if (answer) {
		facts = json_at(answer, "facts");
		about = platform_about(line->platform, NULL, NULL);
		json_put_text(line->json, "account", json_text(answer, "account"));
		json_put_text(line->json, "name", json_text(answer, "name"));
		add_problems(line, answer);
		if (line->state < BAD)
			add(line, OK, NULL, "works as %s", json_text_or(answer, "name",
				json_text_or(answer, "account", "itself")));
		add_home(line, facts);
		add_proxy(line, about, facts);
		add_listener(line, stored, about);
		add_dead(line, stored, facts);
		if (facts)
			json_put(line->json, "facts", facts);
		json_put(line->json, "problems", json_at(answer, "problems"));
	}
	json_free(answer);
	free(program);
	free(off);
	free(why);
}

/* Required settings that nothing sets, as words. Owned. */
static char *
missing_words(const struct json *about)
{
	struct text words = TEXT_INIT;

	for (size_t i = 0; i < json_count(about, "config"); i++) {
		struct json *item = json_item(about, "config", i);
		const char *name = json_text(item, "name"), *layer, *what = json_text(item, "about");

		if (name && json_true(item, "required") && !config_need(item, &layer))
			text_format(&words, "%s%s%s%s%s", words.length ? ", " : "", name, what ? " (" : "",
				what ? what : "", what ? ")" : "");
		json_free(item);
	}
	return text_take(&words);
}

static void
look_at_idle(struct line *line)
{
	const char *enabled = config_platform(line->platform, "enabled");
	char *why = NULL, *missing;
	const struct json *about = platform_about(line->platform, NULL, &why);

	missing = missing_words(about);
	if (enabled)
		add(line, OFF, NULL, "disabled: set platforms.%s.enabled: true", line->platform);
	else if (!about)
		add(line, OFF, NULL, "not configured, and its adapter does not say what it needs (%s)",
			why ? why : "no answer");
	else if (*missing)
		add(line, OFF, NULL, "not configured: set %s", missing);
	else
		add(line, OFF, NULL, "not configured: set platforms.%s.enabled: true", line->platform);
	free(missing);
	free(why);
}

static void __attribute__((noreturn))
look_at(const char *platform, const struct json *stored, int to)
{
	struct line line = {.platform = platform, .json = json_object(), .words = TEXT_INIT,
		.wrong = TEXT_INIT, .advice = TEXT_INIT, .cure = TEXT_INIT, .state = OFF, .deadline = clock_steady() + figure_adapter()};
	bool enabled = config_enabled(platform);

	json_put_text(line.json, "platform", platform);
	json_put_true(line.json, "enabled", enabled);
	if (enabled)
		look_at_enabled(&line, stored);
	else
		look_at_idle(&line);
	json_put_number(line.json, "worst", line.state);
	json_put_text(line.json, "text", line.wrong.length ? line.wrong.at : line.words.at);
	if (line.wrong.length ? line.cure.length : line.advice.length)
		json_put_text(line.json, "remedy", line.wrong.length ? line.cure.at : line.advice.at);
	probe_say(to, line.json);
}

/* Of one platform: {"dead","rests","listener","trouble"}. Owned. */
static struct json *
stored_of(struct db *db, const char *platform)
{
	struct json *stored = json_object();
	char *trouble = db_word(db, "SELECT error FROM courier_platforms WHERE platform = ?", "s",
		platform);

	json_put(stored, "dead", chats_dead(db, platform));
	json_put_number(stored, "rests", platform_rest(db, platform, NULL));
	json_put_text(stored, "listener", platform_served(db, platform) ? "watch"
		: platform_foreign(db, platform) ? "gateway" : "nobody");
	if (trouble)
		json_put_text(stored, "trouble", trouble);
	free(trouble);
	return stored;
}

/* What the store knows of each; nothing, if it cannot be read (examine_store says that). Owned. */
static struct json *
read_store(const struct json *names)
{
	struct json *all = json_object();
	struct probe probe;
	struct db *db;
	int to;

	if (!probe_start(&probe, &to)) {
		json_free(all);
		return probe_found(&probe);
	}
	close(STDERR_FILENO);
	db = db_open(DB_READ);
	for (size_t i = 0; i < json_count(names, ""); i++) {
		struct json *name = json_item(names, "", i);

		if (config_enabled(json_text(name, "")))
			json_put(all, json_text(name, ""), stored_of(db, json_text(name, "")));
		json_free(name);
	}
	probe_say(to, all);
}

/* Chats that seem to live may be asked again at once: the one thing that is written. */
static void
let_try(const struct json *line)
{
	struct probe probe;
	struct db *db;
	int to, status;

	for (size_t i = 0; i < json_count(line, "dead"); i++) {
		struct json *chat = json_item(line, "dead", i);

		if (json_true(chat, "probe_now") && probe_start(&probe, &to)) {
			close(STDERR_FILENO);
			db = db_open(DB_WRITE);
			db_begin(db);
			chat_probe(db, json_text_or(line, "platform", ""), json_text_or(chat, "chat", ""));
			db_commit(db);
			_exit(0);
		} else if (json_true(chat, "probe_now")) {
			free(probe_end(&probe, &status));
		}
		json_free(chat);
	}
}

static void
say(const char *platform, struct json *line)
{
	if (!line)
		finding(BAD, platform, NULL, "it could not be looked at");
	if (!line)
		return;
	let_try(line);
	finding_put((enum state)json_number(line, "worst", BAD), platform, line);
}

/* Those with an adapter, and those that are enabled without one. Owned. */
static struct json *
all_names(void)
{
	struct json *names = platform_names(), *enabled = config_platforms();

	for (size_t i = 0; i < json_count(enabled, ""); i++) {
		struct json *name = json_item(enabled, "", i);
		char *program = platform_program(json_text_or(name, "", ""));

		if (!program)
			json_append(names, json_copy(name));
		free(program);
		json_free(name);
	}
	if (!json_count(enabled, ""))
		finding(WARN, "platforms", "hermes config platforms lists them; hermes config set "
			"platforms.local.enabled true needs no account", "none is enabled");
	json_free(enabled);
	return names;
}

void
examine_platforms(void)
{
	struct json *names = all_names(), *stored = read_store(names);
	size_t count = json_count(names, "");
	struct probe *probes = xmalloc((count + 1) * sizeof *probes);
	int to;

	for (size_t i = 0; i < count; i++) {
		struct json *name = json_item(names, "", i);

		if (probe_start(&probes[i], &to))
			look_at(json_text(name, ""), json_at(stored, json_text(name, "")), to);
		json_free(name);
	}
	for (size_t i = 0; i < count; i++) {
		struct json *name = json_item(names, "", i);

		say(json_text(name, ""), probe_found(&probes[i]));
		json_free(name);
	}
	free(probes);
	json_free(stored);
	json_free(names);
}
