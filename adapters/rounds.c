/* SPDX-License-Identifier: MIT */
#include "rounds.h"

#include "adapter.h"
#include "die.h"
#include "figures.h"

#include <stdlib.h>
#include <string.h>

enum { SPOTS_MOST = 1000, REFUSALS_MOST = 10, REFUSED_RESTS = 60, RESTS_MOST = 86400 };

bool
round_has_time(void)
{
	return adapter_left() > figure_adapter() / 6;
}

static struct spot *
find_spot(const struct round *round, const char *name)
{
	for (size_t i = 0; i < round->count; i++)
		if (!strcmp(round->spots[i].name, name))
			return &round->spots[i];
	return NULL;
}

bool
round_hears(const struct round *round, const char *name)
{
	const struct spot *spot = find_spot(round, name);

	return spot && spot->wanted && spot->known;
}

bool
round_told(const struct round *round, const char *chat, const char *message)
{
	bool told = false;

	for (size_t i = 0, n = json_count(round->events, ""); i < n && !told; i++) {
		struct json *event = json_item(round->events, "", i);

		told = !strcmp(json_text_or(event, "message", ""), message ? message : "")
			&& !strcmp(json_text_or(event, "place.chat", ""), chat ? chat : "");
		json_free(event);
	}
	return told;
}

/* Takes the name. */
static struct spot *
add_spot(struct round *round, char *name)
{
	struct spot *spot;

	round->spots = xrealloc(round->spots, (round->count + 1) * sizeof *spot);
	spot = &round->spots[round->count++];
	*spot = (struct spot){.name = name};
	return spot;
}

/* The queue of the last poll, in its order. */
static void
read_queue(struct round *round, const struct json *cursor)
{
	for (size_t i = 0, n = json_count(cursor, "queue"); i < n && i < SPOTS_MOST; i++) {
		struct json *entry = json_item(cursor, "queue", i);
		const char *name = json_text(entry, "spot");

		if (name && !find_spot(round, name)) {
			struct spot *spot = add_spot(round, xstrdup(name));

			spot->mark = json_at(entry, "mark");
			spot->known = spot->mark;
			spot->rests = json_number(entry, "rests", 0);
		}
		json_free(entry);
	}
}

static void
want(struct round *round, const struct json *place, bool home)
{
	char *name = round->rounds->spot_name(round, place);
	struct spot *spot = name ? find_spot(round, name) : NULL;

	if (name && !spot && round->count < SPOTS_MOST) {
		spot = add_spot(round, name);
		spot->fresh = true;
		name = NULL;
	}
	free(name);
	if (!spot || spot->wanted)
		return;
	spot->wanted = true;
	spot->home = home;
	spot->place = json_copy(place);
}

/* What the home is called in the configuration. Owned; NULL: there is none. */
static char *
home_setting(void)
{
	const char *chat = adapter_setting("HOME_CHANNEL");
	const char *thread = adapter_setting("HOME_CHANNEL_THREAD_ID");

	if (!chat && !thread)
		return NULL;
	return xformat("%s%s%s", chat ? chat : "", thread ? "/" : "", thread ? thread : "");
}

/* What the cursor keeps of it. Owned; NULL: it has to be looked up again. */
static struct json *
known_home(const struct round *round, const char *setting, const struct json *found)
{
	struct json *home = json_object(), *place = json_at(found, "place");
	char *name = place ? round->rounds->spot_name(round, place) : NULL;

	json_put_text(home, "setting", setting);
	if (place)
		json_put(home, "place", place);
	if (place && !name) {
		json_free(home);
		home = NULL;
	}
	free(name);
	return home;
}

/* Owned; NULL: it is not to be found now. */
static struct json *
look_up_home(struct round *round, const char *setting)
{
	struct json *found = round->rounds->home(round), *home = NULL;

	if (json_has(found, "error")) {
		warn("home: %s", json_text_or(found, "error.why", "cannot be found"));
		round->trouble = json_copy(found);
	} else {
		home = known_home(round, setting, found);
	}
	json_free(found);
	return home;
}

/* A rest longer than any was written before the clock was set back. */
static bool
is_resting(const struct spot *spot)
{
	double left = spot->rests - clock_now();

	return left > 0 && left <= RESTS_MOST;
}

static bool
has_rested(const struct round *round, const struct json *home)
{
	struct json *place = json_at(home, "place");
	char *name = place ? round->rounds->spot_name(round, place) : NULL;
	const struct spot *spot = name ? find_spot(round, name) : NULL;
	bool rested = spot && spot->rests > 0 && !is_resting(spot);

	free(name);
	json_free(place);
	return rested;
}

/*
 * The home, which is looked up once for each setting; again in each poll while it is no spot that
 * can be heard, as a person may be whose private chat is not known yet, and after a rest, as its
 * name may be another's by now. Owned; NULL: none, or not to be found now.
 */
static struct json *
find_home(struct round *round, const struct json *cursor)
{
	char *setting = home_setting();
	struct json *known = NULL, *home = NULL;

	if (setting && !strcmp(json_text_or(cursor, "home.setting", ""), setting))
		known = json_at(cursor, "home");
	if (setting && (!known || has_rested(round, known)))
		home = look_up_home(round, setting);
	free(setting);
	if (!home)
		return known;
	json_free(known);
	return home;
}

static void
want_all(struct round *round, const struct json *question, const struct json *home)
{
	struct json *place = json_at(home, "place");

	for (size_t i = 0, n = json_count(question, "places"); i < n; i++) {
		struct json *asked = json_item(question, "places", i);

		want(round, asked, false);
		json_free(asked);
	}
	if (place)
		want(round, place, true);
	json_free(place);
}

void
round_trouble(struct round *round, const struct spot *spot, struct json *trouble)
{
	const char *remedy = json_text(trouble, "error.remedy");

	warn("%s: %s%s%s", spot->name, json_text_or(trouble, "error.why", "trouble"),
		remedy ? "; " : "", remedy ? remedy : "");
	if (round->trouble)
		json_free(trouble);
	else
		round->trouble = trouble;
}

static void
hear(struct round *round, struct spot *spot)
{
	switch (round->rounds->hear(round, spot)) {
	case SPOT_HEARD:
		spot->asked = round->heard = true;
		break;
	case SPOT_WAITS:
		break;
	case SPOT_REFUSED:
		spot->asked = round->heard = true;
		spot->rests = (double)(long)(clock_now() + REFUSED_RESTS);
		round->over = ++round->refused == REFUSALS_MOST;
		break;
	case SPOT_OVER:
		spot->asked = spot->rests <= 0;
		round->over = true;
	}
}

/* Those that are new, or the others. */
static void
hear_spots(struct round *round, bool fresh)
{
	for (size_t i = 0; i < round->count && !round->over && round_has_time(); i++) {
		struct spot *spot = &round->spots[i];

		if (spot->wanted && spot->fresh == fresh && !is_resting(spot)) {
			spot->rests = 0;
			hear(round, spot);
		}
	}
}

static void
hear_all(struct round *round)
{
	hear_spots(round, true);
	hear_spots(round, false);
}

static void
hear_for(struct round *round, double wait)
{
	double end = clock_steady() + wait;
	double pause = round->rounds->pause_each * (double)round->count;

	if (pause < round->rounds->pause)
		pause = round->rounds->pause;
	hear_all(round);
	while (!json_count(round->events, "") && !round->over && clock_steady() + pause < end
		&& adapter_left() - pause > figure_adapter() / 6) {
		clock_sleep(pause);
		hear_all(round);
	}
}

static struct json *
write_entry(const struct spot *spot)
{
	struct json *entry = json_object();

	json_put_text(entry, "spot", spot->name);
	if (spot->mark)
		json_put(entry, "mark", json_copy(spot->mark));
	if (spot->rests > 0)
		json_put_number(entry, "rests", spot->rests);
	return entry;
}

/* Those asked go behind those that wait; those that nobody wants any more are left out. */
static struct json *
write_queue(const struct round *round)
{
	struct json *queue = json_array();

	for (int asked = 0; asked < 2; asked++) {
		for (size_t i = 0; i < round->count; i++) {
			const struct spot *spot = &round->spots[i];

			if (spot->wanted && spot->asked == asked
				&& (asked || !spot->fresh || spot->rests > 0))
				json_append(queue, write_entry(spot));
		}
	}
	return queue;
}

/* What was heard stands, also of a spot that then would not go on. */
static bool
is_in_vain(const struct round *round)
{
	return round->trouble && !round->heard && !json_count(round->events, "");
}

/* With trouble, too, the queue has moved on: somebody else is asked first the next time. */
static struct json *
batch(const struct round *round, const struct json *home)
{
	struct json *answer = is_in_vain(round) ? json_copy(round->trouble) : json_object();
	struct json *cursor = json_object();
	char *written;

	if (home)
		json_put(cursor, "home", json_copy(home));
	json_put(cursor, "queue", write_queue(round));
	written = json_string(cursor);
	json_put_text(answer, "cursor", written);
	if (!json_has(answer, "error"))
		json_put(answer, "events", json_copy(round->events));
	free(written);
	json_free(cursor);
	return answer;
}

static void
release(struct round *round)
{
	for (size_t i = 0; i < round->count; i++) {
		free(round->spots[i].name);
		json_free(round->spots[i].place);
		json_free(round->spots[i].mark);
	}
	free(round->spots);
	json_free(round->events);
	json_free(round->trouble);
}

static struct json *
poll_after(struct round *round, const struct json *question, const struct json *cursor)
{
	double wait = json_number(question, "wait", 0);
	struct json *home, *answer;

	read_queue(round, cursor);
	home = find_home(round, cursor);
	want_all(round, question, home);
	hear_for(round, wait > 0 ? wait : 0);
	answer = batch(round, home);
	json_free(home);
	return answer;
}

struct json *
rounds_poll(const struct rounds *rounds, const struct json *question, void *data)
{
	const char *text = json_text_or(question, "cursor", "{}");
	struct json *cursor = json_parse(text, strlen(text), NULL), *answer;
	struct round round = {.rounds = rounds, .data = data};

	if (json_is_object(cursor)) {
		round.events = json_array();
		answer = poll_after(&round, question, cursor);
	} else {
		char *why = xformat("the cursor is not one of %s's", rounds->platform);

		answer = answer_error("request", why, NULL);
		free(why);
	}
	json_free(cursor);
	release(&round);
	return answer;
}
