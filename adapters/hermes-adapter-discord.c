/* SPDX-License-Identifier: MIT */
/*
 * hermes-adapter-discord: the verbs of hermes-adapter(7), for a Discord bot. Here is what it
 * says of itself and of its setup; the rest is in discord/.
 *
 * Two things fail silently there: without the right to read the history a channel is empty,
 * and without the Message Content Intent what people write is. So neither is tried out: the
 * rights are computed, and the application says what it may.
 */
#include "adapter.h"
#include "die.h"
#include "discord/discord.h"

#include <stdlib.h>
#include <string.h>

enum { CONTENT_INTENT = 1 << 18 | 1 << 19, MEMBERS_INTENT = 1 << 14 | 1 << 15 };

const struct adapter_need discord_needs[] = {
	{"BOT_TOKEN", true, true, "the bot's token, from discord.com/developers/applications"},
	{"HOME_CHANNEL", false, false,
		"where handoffs go: a channel's id, #name or link; or @ and a person's id"},
	{"HOME_CHANNEL_THREAD_ID", false, false, "a thread of that channel"},
	{"BASE_URL", false, false, "another API than https://discord.com/api/v10"},
	{"PROXY", true, false, "a proxy: socks5://user:password@host:port or http://host:port"},
	{"CA_FILE", false, false, "certificates to trust in place of the system's"},
	{0}};

struct check {
	struct json *facts, *problems;
	bool content, members; /* intents */
	bool told;             /* whether the application said so */
};

static void
check_intents(struct check *check)
{
	struct api_call call = discord_get("/applications/@me");
	int flags = json_whole(call.result, "flags", 0);

	check->told = json_has(call.result, "flags");
	check->content = flags & CONTENT_INTENT;
	check->members = flags & MEMBERS_INTENT;
	if (check->told) {
		json_put_true(check->facts, "content", check->content);
		json_put_true(check->facts, "members", check->members);
	}
	api_release(&call);
}

/* Whether the rights are there; what is missing is a problem. */
static bool
has_right(struct check *check, uint64_t rights, uint64_t wanted, const char *what,
	const char *remedy)
{
	if ((rights & wanted) == wanted)
		return true;
	problem_add(check->problems, what, remedy);
	return false;
}

/* What the bot may do in a channel of a server; `channel` is no thread. */
static void
check_rights(struct check *check, const struct json *channel, bool in_thread,
	const struct json *guild, const struct json *member)
{
	uint64_t rights = member_rights(guild, channel, member);
	bool sends = has_right(check, rights, in_thread ? RIGHT_SEND_IN_THREADS : RIGHT_SEND,
		"the bot may not write in its home", "give its role Send Messages there");
	bool opens = is_forum(channel) ? sends : has_right(check, rights, RIGHT_OPEN_THREADS,
		"the bot may not open threads in its home", "give its role Create Public Threads there");
	bool speaks = has_right(check, rights, RIGHT_SEND_IN_THREADS,
		"the bot may not write in threads of its home",
		"give its role Send Messages in Threads there");
	bool reads = has_right(check, rights, RIGHT_READ_HISTORY,
		"the bot is shown an empty channel, whatever people write there",
		"give its role Read Message History there");

	if (check->told && !check->content)
		problem_add(check->problems, "what people write comes to the bot without its words",
			"switch on the Message Content Intent on the application's Bot page, "
			"discord.com/developers/applications");
	json_put_true(check->facts, "home.reachable", sends);
	json_put_true(check->facts, "home.threads", sends && opens && speaks);
	if (check->told || !reads)
		json_put_true(check->facts, "home.readable", reads && check->content);
}

static void
check_in_guild(struct check *check, const struct json *home, const char *account)
{
	const char *id = json_text_or(home, "guild_id", "0");
	struct api_call guild = discord_get("/guilds/%s", id);
	struct api_call member = discord_get("/guilds/%s/members/%s", id, account), parent = {0};
	const struct json *channel = home;

	if (is_thread(home)) {
		parent = discord_get("/channels/%s", json_text_or(home, "parent_id", "0"));
		channel = parent.result;
	}
	if (guild.result && member.result && channel)
		check_rights(check, channel, is_thread(home), guild.result, member.result);
	else
		problem_add(check->problems, guild.why ? guild.why : member.why ? member.why : parent.why,
			"look at the bot's place in that server");
	api_release(&guild);
	api_release(&member);
	api_release(&parent);
}

static void
check_home(struct check *check, const char *account)
{
	struct json *trouble = NULL, *home, *place, *human;

	if (!adapter_setting("HOME_CHANNEL") && !adapter_setting("HOME_CHANNEL_THREAD_ID"))
		return;
	home = find_channel(NULL, &trouble);
	if (home) {
		place = channel_place(home, account);
		human = json_item(home, "recipients", 0);
		json_put_text(check->facts, "home.name", json_text_or(home, "name", user_name(human)));
		json_put_text(check->facts, "home.kind", json_text_or(place, "kind", "group"));
		json_put_true(check->facts, "home.reachable", true);
		json_put_true(check->facts, "home.threads", false);
		json_put_true(check->facts, "home.readable", true);
		if (json_has(home, "guild_id"))
			check_in_guild(check, home, account);
		json_free(human);
		json_free(place);
	} else {
		home_lost(check->facts, check->problems, trouble);
	}
	json_free(home);
	json_free(trouble);
}

static struct json *
answer_check(const struct json *question)
{
	struct api_call me = discord_get("/users/@me");
	struct check check = {.facts = json_object(), .problems = json_array()};
	struct json *answer = json_object();
	const char *account = json_text(me.result, "id");

	(void)question;
	if (account) {
		json_put_text(answer, "account", account);
		json_put_text(answer, "name", json_text_or(me.result, "username", account));
		json_put_true(check.facts, "token", true);
		check_intents(&check);
		check_home(&check, account);
	} else {
		if (me.status == 401)
			json_put_true(check.facts, "token", false);
		problem_add(check.problems, me.why ? me.why : "no answer of Discord's", me.remedy);
	}
	api_release(&me);
	return check_done(answer, check.facts, check.problems);
}

static const struct adapter_verb verbs[] = {
	{"check", answer_check}, {"resolve", discord_resolve},
	{"thread", discord_thread}, {"send", discord_send}, {"poll", discord_poll}, {0}};

static const struct adapter adapter = {
	.name = "Discord",
	.summary = "Carry texts to and from Discord, through a bot.",
	.verbs = verbs, .needs = discord_needs, .dialect = &discord_dialect,
	.threads = true, .polling = true, .idempotency = true, .readback = true, .gateway = true
};

int
main(int argc, char **argv)
{
	return adapter_main(argc, argv, &adapter);
}
