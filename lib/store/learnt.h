/* SPDX-License-Identifier: MIT */
/*
 * What a platform tells later, and unasked, of a text it was given: some take a text before
 * they know whether it can be delivered, and some never answer but still deliver.
 */
#ifndef LEARNT_H
#define LEARNT_H

#include "db.h"

/*
 * One of a batch's "outcomes", as in hermes-adapter(7). A part whose arrival was uncertain
 * has arrived, or has not and the delivery failed; and a part that was taken may have failed.
 * Of anything else it is no news. In a transaction of the caller's. Whether it was news.
 */
bool delivery_learn(struct db *db, const char *platform, const struct json *outcome);

/*
 * What is told while a part is being sent is kept until its sender knows what came of it, or
 * is gone: that is now. Whether any of it was news.
 */
bool delivery_told(struct db *db, const char *platform, long long id);

#endif
