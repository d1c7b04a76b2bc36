/* SPDX-License-Identifier: MIT */
/* hermes-send: handing one delivery to its platform, for the stage and for people. */
#ifndef SEND_H
#define SEND_H

#include "deliveries.h"

/*
 * Send what is left of a delivery, part by part. `stands` is asked within each transaction
 * whether the holder may still write (NULL: always). On trouble the record gains an error;
 * a place that moved replaces the record's.
 */
void send_delivery(struct db *db, long long id, struct json *record,
	bool (*stands)(struct db *db, struct json *record));

/* The stage: the agent's reply, or the notice alone, goes to the record's place. */
void send_record(struct db *db, struct json *record);

/* Deliveries that belong to nothing and are due. Returns an exit status. */
int send_due(struct db *db, long limit);

#endif
