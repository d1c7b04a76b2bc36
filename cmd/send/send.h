/* SPDX-License-Identifier: MIT */
/*
 * hermes-send: deliver.c hands one delivery to its platform, part by part; order.c waits
 * for what stands before it; thread.c opens a thread for it first; alone.c is for those
 * that belong to nothing; stage.c is the stage, say.c what people say, targets.c where to.
 */
#ifndef SEND_H
#define SEND_H

#include "deliveries.h"
#include "out.h"

/*
 * What is being sent: `enter` is called first in every transaction: it says whether the
 * holder may still write, and names the delivery (making it the first time). On trouble
 * the record gains an error; a place that moved replaces the record's.
 */
struct sending {
	struct db *db;
	struct json *record;
	const char *platform;
	long long delivery;
	bool (*enter)(struct sending *sending);
	int moments; /* that were waited, as the platform asked */
};

/* Send what is left of it, part by part. */
void send_parts(struct sending *sending);

/* Texts to one place keep their order: what stands before it goes first. False: not now. */
bool send_make_way(struct sending *sending);

/* If it wants a thread of its own: open it. False: not now, or never. */
bool send_open_thread(struct sending *sending);

/* Sleep so long, if it is a moment. */
bool send_moment(double seconds);
/* Whether the platform, or that chat, wants to be left alone, or is dead: then the record says so. */
bool send_rests(struct sending *sending);

/* The stage: the agent's reply, or the notice alone, goes to the record's place. */
void send_record(struct db *db, struct json *record);

/*
 * A delivery that belongs to nothing, and is ours: sent, postponed, or ended. What came of it
 * is in the store; why it was not sent, in the record.
 */
void send_alone(struct db *db, long long id, struct json *record);
/* Take it, in its turn, and do that. */
void send_taken(struct db *db, long long id, struct json *record);

/* Deliveries that belong to nothing and are due: a platform's, or each platform's at once. */
int send_due(const char *platform, long limit, struct out *out);

/*
 * Do `work` for each platform at once, in processes of their own: a slow one holds up nobody
 * else. What they print comes out line by line. No store may be open. Returns the worst status:
 * a refusal counts more than a delay.
 */
int send_each(const struct json *platforms, int (*work)(const char *platform, void *data),
	void *data);
int send_worse(int one, int other);

/* Where a text goes: what was typed, and the platform and the words for its adapter. */
struct target {
	char *typed, *platform, *words;
};
struct targets {
	struct target *list;
	size_t count;
};
/* A platform, an address of one, or a name of the configuration. Else ends the program. */
void targets_add(struct targets *targets, const char *typed);
int targets_list(struct out *out);

/* What a person or a script says. */
struct speech {
	const char *text;  /* a text, or NULL or "-": stdin */
	const char *file;
	const char *title, *request;
	bool markdown, plain, need_thread, record, dry_run;
	struct out *out;
};
int send_speech(const struct targets *targets, struct speech *speech);

#endif
