/* SPDX-License-Identifier: MIT */
#ifndef LOCAL_POLL_H
#define LOCAL_POLL_H

#include "json.h"

/* The verb poll of hermes-adapter(7). */
struct json *local_poll(const struct json *question);

#endif
