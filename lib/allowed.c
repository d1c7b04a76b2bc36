/* SPDX-License-Identifier: MIT */
#include "allowed.h"

#include "config.h"

#include <string.h>

/* In a private chat with the home's owner there is nobody else. */
static bool
is_own_home(const struct json *place)
{
	const char *platform = json_text_or(place, "platform", "");
	const char *home = config_platform(platform, "home_channel.chat_id");
	const char *chat = json_text(place, "chat");

	return home && chat && !strcmp(json_text_or(place, "kind", ""), "dm") && !strcmp(home, chat);
}

bool
allowed(const struct json *place, const char *user)
{
	const char *platform = json_text_or(place, "platform", "");
	const char *chat = json_text(place, "chat");

	if (config_platform_true(platform, "allow_all_users"))
		return true;
	if (user && config_listed(platform, "allowed_users", user))
		return true;
	if (chat && strcmp(json_text_or(place, "kind", "dm"), "dm")
		&& config_listed(platform, "group_allowed_chats", chat))
		return true;
	return is_own_home(place);
}
