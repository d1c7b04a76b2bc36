/* SPDX-License-Identifier: MIT */
/*
 * A text to one place or several. It is in the store, once for each place, before anything
 * is sent; places of different platforms are served at once. What arrived is a line on
 * stdout, what did not is a line on stderr.
 */
#include "send.h"

#include "audience.h"
#include "bindings.h"
#include "chats.h"
#include "die.h"
#include "figures.h"
#include "messages.h"
#include "place.h"
#include "platform.h"
#include "platforms.h"
#include "stage.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One call, as each platform's process knows it. */
struct call {
	const struct targets *targets;
	const struct speech *speech;
	struct text text;
	struct db *db;
	struct json *seen; /* places that have it already */
	bool human;
};

/* A target of this call, once it is in the store or the record says why it is not. */
struct post {
	const struct target *target;
	struct json *record;
	long long id;
	bool taken; /* it is ours already */
	bool twice; /* another target means the same place */
};

static void
read_text(struct text *text, const char *file)
{
	bool in = !file || !strcmp(file, "-");
	int fd = in ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
	char buffer[65536];
	ssize_t got;

	if (fd < 0)
		die(EX_MISSING, "%s: cannot be read:", file);
	while ((got = read(fd, buffer, sizeof buffer)) > 0)
		text_add(text, buffer, (size_t)got);
	if (got < 0)
		die(EX_MISSING, "%s: cannot be read:", in ? "stdin" : file);
	while (text->length && text->at[text->length - 1] == '\n')
		text->at[--text->length] = '\0';
	if (!in)
		close(fd);
}

static void
take_text(struct text *text, const struct speech *speech)
{
	const char *from = !speech->file || !strcmp(speech->file, "-") ? "stdin" : speech->file;

	if (speech->text && strcmp(speech->text, "-")) {
		from = "the text";
		text_puts(text, speech->text);
	} else {
		read_text(text, speech->file);
	}
	if (strspn(text->at, " \t\r\n") == text->length)
		die(EX_BAD, "%s: is empty; there is nothing to send", from);
	if (!utf8_valid(text->at, text->length))
		die(EX_BAD, "%s: holds a NUL or is not valid UTF-8; only text can be sent", from);
}

/*
 * What the adapter makes of the words: {"place","audience"}, or NULL and the record says why: a
 * text without a place cannot wait for one. Owned.
 */
static struct json *
resolve(struct call *call, const struct target *target, struct json *record)
{
	struct json *question = json_object(), *answer;

	json_put_text(question, "words", target->words);
	answer = platform_resolve(call->speech->dry_run ? NULL : call->db, target->platform, question,
		record);
	if (!answer && !call->speech->dry_run && json_number(record, "error.code", 0) == EX_AWAY
		&& !json_has(record, "error.remedy"))
		json_put_text(record, "error.remedy", "it is not queued; send it again later");
	json_free(question);
	return answer;
}

/* Two names may mean one place: it gets the text once. */
static bool
seen_before(struct json *seen, const struct json *place)
{
	struct json *spot = json_object();
	bool found = false;

	json_put_text(spot, "chat", json_text(place, "chat"));
	json_put_text(spot, "thread", json_text(place, "thread"));
	json_put_text(spot, "platform", json_text(place, "platform"));
	for (size_t i = 0; i < json_count(seen, "") && !found; i++) {
		struct json *one = json_item(seen, "", i);

		found = json_equal(one, spot);
		json_free(one);
	}
	if (!found)
		json_append(seen, json_copy(spot));
	json_free(spot);
	return found;
}

/* How many parts it will be at least, by what the adapter says of its limit. */
static double
parts_of(const char *platform, const struct text *text)
{
	const struct json *about = platform_about(platform, NULL, NULL);
	const char *unit = json_text_or(about, "unit", "points");
	double limit = json_number(about, "limit", 0), units = 0;
	long point;

	for (size_t at = 0; at < text->length;) {
		size_t step = utf8_step(text->at + at, text->length - at, &point);

		units += !strcmp(unit, "bytes") ? (double)step : !strcmp(unit, "utf16") && point > 0xffff ? 2
			: 1;
		at += step;
	}
	return limit < 1 || units <= limit ? 1 : (double)(long)((units + limit - 1) / limit);
}

/* The session that lives there, not one that has gone on elsewhere. Owned, or NULL. */
static char *
session_at(struct db *db, const struct json *place)
{
	return binding_is_left(db, place) ? NULL : binding_session(db, place);
}

static void
nobody_lives_there(struct json *record)
{
	record_error(record, EX_MISSING, "send without --record", "no session lives there");
}

static void
show_plan(struct call *call, const struct post *post, const struct json *answer)
{
	const struct target *target = post->target;
	struct json *plan = json_object(), *place = json_at(answer, "place");
	struct json *audience = json_at(answer, "audience");
	char *session = session_at(call->db, place), *where = place_words(place);
	char *who = audience_words(audience);
	double parts = parts_of(target->platform, &call->text);
	bool homeless = call->speech->record && !session;

	json_put_text(plan, "id", target->typed);
	json_put_text(plan, "target", target->typed);
	json_put_text(plan, "platform", target->platform);
	json_put(plan, "place", place);
	json_put(plan, "audience", audience);
	json_put_number(plan, "parts", parts);
	if (call->speech->title)
		json_put_text(plan, "thread", call->speech->title);
	if (session)
		json_put_text(plan, "session", session);
	if (homeless)
		nobody_lives_there(post->record);
	else if (call->human)
		out_text("%s: would go to %s%s, in %.0f part%s, read by %s\n", target->typed, where,
			call->speech->title ? ", into a thread of its own" : "", parts, parts == 1 ? "" : "s", who);
	else
		out_json(call->speech->out, plan);
	free(session);
	free(where);
	free(who);
	json_free(plan);
}

static void
show_ids(const struct json *delivery)
{
	struct text lines = TEXT_INIT;

	for (size_t i = 0; i < json_count(delivery, "ids"); i++) {
		struct json *id = json_item(delivery, "ids", i);

		text_format(&lines, "%s\n", json_text_or(id, "", ""));
		json_free(id);
	}
	out_raw(&lines);
	text_release(&lines);
}

static void
show_sent(const struct call *call, const struct target *target, struct json *delivery)
{
	const struct out *out = call->speech->out;
	const char *link = json_text(delivery, "link");
	struct json *first = json_item(delivery, "ids", 0);

	json_put_text(delivery, "target", target->typed);
	if (call->human)
		out_text("sent to %s (message %s)%s%s\n", target->typed, json_text_or(first, "", "?"),
			link ? ": " : "", link ? link : "");
	else if (out->quiet && !out->filter)
		show_ids(delivery);
	else
		out_json(call->speech->out, delivery);
	json_free(first);
}

/* Why it was not sent, on stderr. Returns the exit status. */
static int
show_trouble(const struct target *target, const struct json *record, const char *state)
{
	const char *remedy = json_text(record, "error.remedy");
	bool later = !strcmp(state, "pending") || !strcmp(state, "sending");

	warn("%s: %s%s%s%s", target->typed, json_text_or(record, "error.text", "it was not sent"),
		remedy ? "; " : "", remedy ? remedy : "",
		later ? "; it stays queued: hermes send --due, or hermes watch" : "");
	return later ? EX_LATER : (int)json_number(record, "error.code", EX_NO);
}

static int
report(const struct call *call, const struct post *post)
{
	struct json *delivery = delivery_json(call->db, post->id), *record = post->record;
	const char *state = json_text_or(delivery, "state", "failed");
	int status = 0;

	if (!strcmp(state, "sent")) {
		show_sent(call, post->target, delivery);
	} else {
		if (!record_failed(record))
			record_error(record, EX_NO, "hermes send retry sends it once more",
				"delivery %lld is %s: %s", post->id, state, json_text_or(delivery, "error", "no reason kept"));
		status = show_trouble(post->target, record, state);
	}
	json_free(delivery);
	return status;
}

/* In the store, and ours if nobody was faster. 0: the record says why not. */
static long long
store(struct call *call, const struct json *place, struct post *post)
{
	const struct speech *speech = call->speech;
	struct claimer claimer = claimer_own();
	struct said said = {.place = place, .text = call->text.at, .length = call->text.length,
		.format = speech->markdown ? "markdown" : "plain", .title = speech->title,
		.need_thread = speech->need_thread, .record = speech->record, .request = speech->request};
	char *session;
	double after;
	long long id;

	db_begin(call->db);
	session = speech->record ? session_at(call->db, place) : NULL;
	if (speech->record && !session && !delivery_requested(call->db, &said)) {
		db_abandon(call->db);
		nobody_lives_there(post->record);
		return 0;
	}
	id = delivery_new(call->db, &said);
	post->taken = id && delivery_take(call->db, id, &claimer, &after) == TAKEN;
	if (json_text(place, "chat")) /* who sends by hand wants to know whether it lives */
		chat_probe(call->db, json_text_or(place, "platform", ""), json_text(place, "chat"));
	db_commit(call->db);
	if (!id)
		record_error(post->record, EX_BAD, "choose another --request-id", "request %s was made before "
			"with another content", speech->request);
	free(session);
	return id;
}

static int
prepare(struct call *call, struct post *post)
{
	struct json *answer = resolve(call, post->target, post->record), *place = json_at(answer, "place");
	int status = 0;

	post->twice = place && seen_before(call->seen, place);
	if (place && !post->twice && call->speech->dry_run)
		show_plan(call, post, answer);
	else if (place && !post->twice)
		post->id = store(call, place, post);
	if (record_failed(post->record))
		status = show_trouble(post->target, post->record, "");
	json_free(place);
	json_free(answer);
	return status;
}

/* The places of one platform: all of them are stored before the first is sent to. */
static int
say_on(const char *platform, void *data)
{
	struct call *call = data;
	struct post *posts = xmalloc(call->targets->count * sizeof *posts);
	size_t count = 0;
	int status = 0;

	call->db = db_open(call->speech->dry_run ? DB_READ : DB_WRITE);
	call->seen = json_array();
	for (size_t i = 0; i < call->targets->count; i++) {
		const struct target *target = &call->targets->list[i];

		if (strcmp(target->platform, platform))
			continue;
		posts[count] = (struct post){.target = target, .record = json_object()};
		status = send_worse(status, prepare(call, &posts[count++]));
	}
	for (size_t i = 0; i < count; i++) {
		if (posts[i].id) {
			(posts[i].taken ? send_alone : send_taken)(call->db, posts[i].id, posts[i].record);
			status = send_worse(status, report(call, &posts[i]));
		}
		json_free(posts[i].record);
	}
	free(posts);
	json_free(call->seen);
	db_close(call->db);
	return status;
}

static struct json *
platforms_of(const struct targets *targets)
{
	struct json *names = json_array();

	for (size_t i = 0; i < targets->count; i++) {
		const char *platform = targets->list[i].platform;
		size_t k = 0;

		while (k < i && strcmp(targets->list[k].platform, platform))
			k++;
		if (k == i)
			json_append(names, json_new_text(platform, strlen(platform)));
	}
	return names;
}

int
send_speech(const struct targets *targets, struct speech *speech)
{
	struct call call = {.targets = targets, .speech = speech, .text = TEXT_INIT,
		.human = out_human(speech->out)};
	struct json *platforms = platforms_of(targets);
	int status;

	take_text(&call.text, speech);
	status = send_each(platforms, say_on, &call);
	json_free(platforms);
	text_release(&call.text);
	return status;
}
