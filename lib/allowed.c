/* SPDX-License-Identifier: MIT */
#include "allowed.h"

#include "config.h"

#include <string.h>

/* In a private chat with the home's owner there is nobody else. */
static bool
is_own_home(const struct json *place, const char *name)
{
	const char *platform = json_text_or(place, "platform", "");
	const char *home = config_platform(platform, "home_channel.chat_id");

	return home && name && !strcmp(home, name)
		&& !strcmp(json_text_or(place, "kind", ""), "dm");
}

static bool
is_listed(const struct json *place, const char *name)
{
	return name && config_listed(json_text_or(place, "platform", ""), "allowed_users", name);
}

static bool
is_also_allowed(const struct json *place, const struct json *user)
{
	bool may = false;

	for (size_t i = 0, n = json_count(user, "also"); i < n && !may; i++) {
		struct json *also = json_item(user, "also", i);
		const char *name = json_text(also, "");

		may = is_listed(place, name) || is_own_home(place, name);
		json_free(also);
	}
	return may;
}

bool
allowed(const struct json *place, const struct json *user)
{
	const char *platform = json_text_or(place, "platform", "");
	const char *chat = json_text(place, "chat"), *id = json_text(user, "id");

	if (config_platform_true(platform, "allow_all_users"))
		return true;
	if (chat && strcmp(json_text_or(place, "kind", "dm"), "dm")
		&& config_listed(platform, "group_allowed_chats", chat))
		return true;
	return is_listed(place, id) || is_own_home(place, chat) || is_own_home(place, id)
		|| is_also_allowed(place, user);
}
