/* SPDX-License-Identifier: MIT */
/* hermes-send: handing one delivery to its platform, for the stage and for people. */
#ifndef SEND_H
#define SEND_H

#include "deliveries.h"

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
};

/* Send what is left of it, part by part. */
void send_parts(struct sending *sending);

/* For a delivery that belongs to nothing: it stands by itself. */
bool send_enter_freely(struct sending *sending);

/* The stage: the agent's reply, or the notice alone, goes to the record's place. */
void send_record(struct db *db, struct json *record);

/* Deliveries that belong to nothing and are due. Returns an exit status. */
int send_due(struct db *db, long limit);

#endif
