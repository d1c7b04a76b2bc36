/* SPDX-License-Identifier: MIT */
/*
 * Keys under which a platform knows an act again. Delivery ids begin anew with every new
 * store, and one bot may serve several: so the key is made of all that the question asks
 * for, and two stores that say different things never share one.
 */
#ifndef KEY_H
#define KEY_H

#include "json.h"

enum { KEY_LENGTH = 24 };

/*
 * Small letters and digits, KEY_LENGTH of them: the same for the same act ("send", "thread")
 * of the same question, whether it is asked `again` or not. Owned.
 */
char *act_key(const struct json *question, const char *act);

#endif
