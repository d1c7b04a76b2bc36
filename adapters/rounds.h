/* SPDX-License-Identifier: MIT */
/*
 * Hearing a platform that keeps what was said and tells of none: each place where a session
 * is, and the home, is asked for what is new. A poll is a round over these spots, and further
 * rounds until something was said or the time is up.
 *
 * The cursor is a queue: who has waited longest is asked first, a spot that is new before
 * all, and who was asked goes to the end, also when it did not answer: an error has the cursor,
 * too. So a platform that allows one question a minute still hears everybody, a limit ends a
 * round, not what was heard in it, and the trouble of one spot is not the others'.
 *
 *	{"home":{"setting":"#general","place":{…}},
 *	 "queue":[{"spot":"C1","mark":…},{"spot":"C2","mark":…,"rests":1795231477}]}
 *
 * A spot that is refused rests, as platforms ban who asks again and again. After that a home is
 * looked up anew.
 */
#ifndef ROUNDS_H
#define ROUNDS_H

#include "json.h"

struct spot {
	char *name;         /* what the platform calls that which is read there */
	struct json *place; /* as the question names it, or the home */
	bool home;          /* the home, and no session is there */
	struct json *mark;  /* how far it was heard, in the platform's own shape; NULL: never yet */
	double rests;       /* until then; 0: it does not */
	bool wanted, fresh, asked;
	bool known; /* it had a mark when this poll began */
};

enum hearing {
	SPOT_HEARD,   /* spot->mark says up to where */
	SPOT_WAITS,   /* not now; it stays where it is in the queue */
	SPOT_REFUSED, /* it rests for a while */
	SPOT_OVER,    /* no further question in this poll, to any spot; spot->rests: a limit */
};

struct round {
	const struct rounds *rounds;
	struct spot *spots;
	size_t count, refused;
	struct json *events; /* what was heard, in order */
	bool heard, over;
	struct json *trouble; /* {"error":…}: why the first could not be heard; or NULL */
	void *data;
};

/* What a platform knows of it. */
struct rounds {
	const char *platform; /* "Discord", for words */
	/* The spot that a place is heard at. Owned; NULL: none of this platform's. */
	char *(*spot_name)(const struct round *round, const struct json *place);
	/* {"place"} of the home, {"error"}, or neither when it is not heard at all; owned. */
	struct json *(*home)(const struct round *round);
	/*
	 * Hear one spot: append its events, oldest first, and move its mark. Where that fails,
	 * round_trouble, and what it means for the others.
	 */
	enum hearing (*hear)(struct round *round, struct spot *spot);
	double pause, pause_each; /* seconds between two rounds, at least so many for each spot */
};

/* The answer of poll. Owned. `data` is for `hear`. */
struct json *rounds_poll(const struct rounds *rounds, const struct json *question, void *data);

/* Why a spot cannot be heard; takes {"error":…}. It is said on stderr, too. */
void round_trouble(struct round *round, const struct spot *spot, struct json *trouble);
/* Whether that spot is heard for itself, and not for the first time. */
bool round_hears(const struct round *round, const char *name);
/* Whether this poll has an event of that message already, from another spot of the chat. */
bool round_told(const struct round *round, const char *chat, const char *message);
/* Whether there is time for another question. */
bool round_has_time(void);

#endif
