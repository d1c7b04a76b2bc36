/* SPDX-License-Identifier: MIT */
/*
 * Who may do what in a channel, computed as Discord does: everybody's role and one's own,
 * then the channel's exceptions for everybody, for one's roles, for oneself. So the readers
 * of a channel are known, if the server lists its members to the bot.
 */
#include "discord.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 1000, PAGES = 3, NAMES_MOST = 20 };

static uint64_t
bits_at(const struct json *value, const char *path)
{
	return strtoull(json_text_or(value, path, "0"), NULL, 10);
}

/* What is taken and given, by roles together or by one exception. */
struct change {
	uint64_t deny, allow;
};

static void
add_change(struct change *change, const struct json *channel, const char *id)
{
	struct json *item = json_find(channel, "permission_overwrites", "id", id);

	change->deny |= bits_at(item, "deny");
	change->allow |= bits_at(item, "allow");
	json_free(item);
}

static uint64_t
role_bits(const struct json *guild, const char *id)
{
	struct json *role = json_find(guild, "roles", "id", id);
	uint64_t bits = bits_at(role, "permissions");

	json_free(role);
	return bits;
}

uint64_t
member_rights(const struct json *guild, const struct json *channel, const struct json *member)
{
	const char *everybody = json_text_or(guild, "id", "");
	const char *user = json_text_or(member, "user.id", "?");
	uint64_t rights = role_bits(guild, everybody);
	struct change all = {0, 0}, roles = {0, 0}, own = {0, 0};

	for (size_t i = 0, n = json_count(member, "roles"); i < n; i++) {
		struct json *role = json_item(member, "roles", i);

		rights |= role_bits(guild, json_text_or(role, "", ""));
		add_change(&roles, channel, json_text_or(role, "", ""));
		json_free(role);
	}
	if (rights & RIGHT_ALL || !strcmp(json_text_or(guild, "owner_id", ""), user))
		return UINT64_MAX;
	add_change(&all, channel, everybody);
	add_change(&own, channel, user);
	rights = (rights & ~all.deny) | all.allow;
	rights = (rights & ~roles.deny) | roles.allow;
	rights = (rights & ~own.deny) | own.allow;
	return rights & RIGHT_SEE ? rights : 0;
}

/* Readers being counted. */
struct readers {
	const struct json *guild, *channel; /* the thread's parent, if it is one */
	const struct json *invited;         /* of a private thread; NULL: any who see the channel */
	const char *account;
	double count;
	struct json *names;
};

static void
count_reader(struct readers *readers, const struct json *member)
{
	const char *user = json_text_or(member, "user.id", "");
	uint64_t rights = member_rights(readers->guild, readers->channel, member);
	struct json *who;

	if (json_true(member, "user.bot") || !strcmp(user, readers->account) || !rights)
		return;
	if (readers->invited && !(rights & RIGHT_MANAGE_THREADS)
		&& !json_lists(readers->invited, "", "user_id", user))
		return;
	who = json_at(member, "user");
	if (readers->count++ < NAMES_MOST)
		json_append_text(readers->names, json_text_or(member, "nick", user_name(who)));
	json_free(who);
}

/* Whether all members could be looked at. */
static bool
count_members(struct readers *readers)
{
	char *after = xstrdup("0");
	bool whole = false, more = true;

	for (int page = 0; page < PAGES && more; page++) {
		struct api_call call = discord_get("/guilds/%s/members?limit=%d&after=%s",
			json_text_or(readers->guild, "id", "0"), PAGE, after);
		size_t n = json_count(call.result, "");

		for (size_t i = 0; i < n; i++) {
			struct json *member = json_item(call.result, "", i);

			count_reader(readers, member);
			free(after);
			after = xstrdup(json_text_or(member, "user.id", "0"));
			json_free(member);
		}
		whole = json_is_array(call.result) && n < PAGE;
		more = n == PAGE && is_snowflake(after);
		api_release(&call);
	}
	free(after);
	return whole;
}

static bool
count_readers(struct readers *readers, const struct json *channel)
{
	struct api_call guild = discord_get("/guilds/%s", json_text_or(channel, "guild_id", "0"));
	struct api_call parent = {0}, invited = {0};
	bool known = guild.result;

	readers->guild = guild.result;
	readers->channel = channel;
	if (known && is_thread(channel)) {
		parent = discord_get("/channels/%s", json_text_or(channel, "parent_id", "0"));
		known = (readers->channel = parent.result);
	}
	if (known && channel_type(channel) == THREAD_PRIVATE) {
		invited = discord_get("/channels/%s/thread-members", json_text_or(channel, "id", "0"));
		known = (readers->invited = invited.result);
	}
	known = known && count_members(readers);
	api_release(&guild);
	api_release(&parent);
	api_release(&invited);
	return known;
}

struct json *
channel_audience(const struct json *channel, const char *account)
{
	struct json *human = json_item(channel, "recipients", 0);
	struct readers readers = {.account = account, .names = json_array()};
	bool known = true;

	if (channel_type(channel) == CHANNEL_DM) {
		json_append_text(readers.names, user_name(human));
		readers.count = 1;
	} else {
		known = count_readers(&readers, channel);
	}
	json_free(human);
	return audience_new(known ? readers.count : -1, readers.names);
}
