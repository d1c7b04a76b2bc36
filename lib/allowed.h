/* SPDX-License-Identifier: MIT */
/*
 * Who may speak to the agent by configuration. Default deny: a user in
 * platforms.X.allowed_users, anybody in a chat of platforms.X.group_allowed_chats,
 * everybody with platforms.X.allow_all_users, and in a private chat that is the home, or
 * whose human the home names, its one human. A user goes by the id, and by what the platform calls them besides. (Who was
 * handed a session in a private chat may answer there, too: that is in the store, see
 * bindings.h.)
 */
#ifndef ALLOWED_H
#define ALLOWED_H

#include "json.h"

/* `user` as an event has it: {"id","name","also":[…]}; NULL: nobody knows who. */
bool allowed(const struct json *place, const struct json *user);

#endif
