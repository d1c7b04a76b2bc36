/* SPDX-License-Identifier: MIT */
/*
 * Who may speak to the agent by configuration. Default deny: a user in
 * platforms.X.allowed_users, anybody in a chat of platforms.X.group_allowed_chats,
 * everybody with platforms.X.allow_all_users, and in a private chat that is the home, its
 * one human. (Who was handed a session in a private chat may answer there, too: that is in
 * the store, see bindings.h.)
 */
#ifndef ALLOWED_H
#define ALLOWED_H

#include "json.h"

bool allowed(const struct json *place, const char *user);

#endif
