/* SPDX-License-Identifier: MIT */
/*
 * A place: a full address, as that platform's own next message would carry it. It is
 * JSON: platform, account, chat, kind (dm, group, channel, thread), thread, user,
 * link; absent means none. Ids are byte strings: never folded, never numbers.
 *
 * A key is a place spelled as one string, and says which session a message belongs to:
 *
 *	agent:main:PLATFORM:dm:CHAT[:THREAD]
 *	agent:main:PLATFORM:KIND:CHAT[:THREAD][:USER]
 *	agent:main:dm:PERSON           a linked person's direct chats, on any platform
 */
#ifndef PLACE_H
#define PLACE_H

#include "json.h"

/*
 * The key of a place, owned. `plain` spells it as other programs do (ids joined as
 * they are); otherwise % and : inside ids are escaped, which makes it unique.
 */
char *place_key(const struct json *place, bool plain);

/* The key that the place has, or would have if its user were linked to nobody. Owned. */
char *place_own_key(const struct json *place, bool plain);

/*
 * The key of the whole room or thread, whoever speaks there: where a session that was
 * handed to a group sits. The same as the key where speakers share one. Owned.
 */
char *place_room_key(const struct json *place);

/* Whether the place names a platform and a chat (or user, or thread). */
bool place_whole(const struct json *place);

/* For people: the link, or "telegram 123 / 42". Owned. */
char *place_words(const struct json *place);

#endif
