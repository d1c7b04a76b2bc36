/* SPDX-License-Identifier: MIT */
#include "room.h"

#include "adapter.h"
#include "die.h"
#include "home.h"
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
trouble_release(struct trouble *trouble)
{
	free(trouble->why);
	free(trouble->remedy);
}

int
trouble_status(const struct trouble *trouble)
{
	return !strcmp(trouble->class, "request") ? EX_USER
		: !strcmp(trouble->class, "chat") ? EX_MISSING : EX_SETUP;
}

bool
room_name_valid(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789._-";
	size_t length = name ? strlen(name) : 0;

	return length && length <= 64 && *name != '.' && strspn(name, allowed) == length;
}

const char *
room_root(void)
{
	static char *root;
	const char *given = adapter_setting("ROOT");

	if (root)
		return root;
	root = given ? xstrdup(given) : home_file(adapter_platform());
	if (*root != '/') {
		char *here = getcwd(NULL, 0), *whole = xformat("%s/%s", here ? here : "", root);

		free(here);
		free(root);
		root = whole;
	}
	return root;
}

const char *
room_home(void)
{
	const char *given = adapter_setting("HOME_CHANNEL");

	return given ? given : "home";
}

static int
is_room(const struct dirent *entry)
{
	return room_name_valid(entry->d_name)
		&& (entry->d_type == DT_DIR || entry->d_type == DT_LNK
			|| entry->d_type == DT_UNKNOWN);
}

struct json *
room_names(void)
{
	struct json *names = json_array();
	struct dirent **entries;
	int count = scandir(room_root(), &entries, is_room, alphasort);

	if (count < 0 && errno != ENOENT) {
		json_free(names);
		return NULL;
	}
	for (int i = 0; i < count; i++) {
		json_append_text(names, entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return names;
}

static bool
refuse(struct trouble *trouble, const char *class, char *why, char *remedy)
{
	*trouble = (struct trouble){.class = class, .why = why, .remedy = remedy};
	return false;
}

struct json *
member_self(void)
{
	const struct passwd *user = getpwuid(getuid());
	const char *id = user && *user->pw_name ? user->pw_name : "you";
	const char *full = user && user->pw_gecos ? user->pw_gecos : "";
	struct json *member = json_object();
	size_t length = strcspn(full, ",");

	json_put_text(member, "id", id);
	json_put_bytes(member, "name", length ? full : id, length ? length : strlen(id));
	return member;
}

struct json *
card_default(void)
{
	struct json *card = json_object(), *members = json_array();

	json_append(members, member_self());
	json_put_text(card, "kind", "dm");
	json_put(card, "members", members);
	return card;
}

/* Whether a card says all that a place and its audience need. */
static bool
card_whole(const struct json *card)
{
	const char *kind = json_text_or(card, "kind", "");
	size_t members = json_count(card, "members");

	for (size_t i = 0; i < members; i++) {
		struct json *member = json_item(card, "members", i);
		bool named = *json_text_or(member, "id", "") != '\0';

		json_free(member);
		if (!named)
			return false;
	}
	if (!strcmp(kind, "dm"))
		return members == 1;
	return members && (!strcmp(kind, "group") || !strcmp(kind, "channel"));
}

static bool
card_read(struct room *room, struct trouble *trouble)
{
	struct text bytes = TEXT_INIT;
	char *path = xformat("%s/room.json", room->folder), *why = NULL;

	if (!file_read(path, &bytes)) {
		room->card = json_parse(bytes.at, bytes.length, &why);
		if (room->card && !card_whole(room->card))
			why = xstrdup("it needs a kind (dm, group, channel) and members with ids, "
				"a dm just one");
	} else if (errno == ENOENT) {
		room->card = card_default();
	} else {
		why = xstrdup(strerror(errno));
	}
	if (why)
		refuse(trouble, "config", xformat("%s: %s", path, why),
			xformat("mend it, or write it anew with %s room", program_name()));
	text_release(&bytes);
	free(path);
	free(why);
	return !trouble->why;
}

static bool
is_folder(const char *path)
{
	struct stat facts;

	return !stat(path, &facts) && S_ISDIR(facts.st_mode);
}

bool
room_find(struct room *room, const char *name, struct trouble *trouble)
{
	*room = (struct room){0};
	*trouble = (struct trouble){0};
	if (!room_name_valid(name))
		return refuse(trouble, "request",
			xformat("\"%s\" cannot name a room", name ? name : ""),
			xstrdup("use letters, digits, \".\", \"_\" and \"-\", at most 64"));
	room->name = xstrdup(name);
	room->folder = xformat("%s/%s", room_root(), name);
	room->made = is_folder(room->folder);
	if (!room->made && strcmp(name, room_home()))
		return refuse(trouble, "chat", xformat("there is no room \"%s\"", name),
			xformat("make it with %s room %s", program_name(), name));
	return card_read(room, trouble);
}

void
room_release(struct room *room)
{
	free(room->name);
	free(room->folder);
	json_free(room->card);
}

const char *
room_kind(const struct room *room)
{
	return json_text_or(room->card, "kind", "dm");
}

const char *
room_bot(const struct room *room)
{
	return json_text_or(room->card, "bot", "Hermes");
}

bool
room_has_threads(const struct room *room)
{
	return !json_has(room->card, "threads") || json_true(room->card, "threads");
}

struct json *
room_member(const struct room *room, const char *id)
{
	for (size_t i = 0; i < json_count(room->card, "members"); i++) {
		struct json *member = json_item(room->card, "members", i);

		if (!id || !strcmp(json_text_or(member, "id", ""), id))
			return member;
		json_free(member);
	}
	return NULL;
}

/* A link to a file: what a URL does not carry as it is becomes %XX. */
static char *
file_link(const char *path)
{
	struct text link = TEXT_INIT;

	text_puts(&link, "file://");
	for (; *path; path++)
		if (strchr("/._-~", *path) || (*path >= '0' && *path <= '9')
			|| ((*path | 32) >= 'a' && (*path | 32) <= 'z'))
			text_add(&link, path, 1);
		else
			text_format(&link, "%%%02X", (unsigned char)*path);
	return text_take(&link);
}

char *
room_messages(const struct room *room)
{
	return xformat("%s/messages", room->folder);
}

int
room_save(struct room *room)
{
	if (folder_make_all(room_root()) || folder_make(room->folder, room_root()))
		return -1;
	room->made = true;
	return file_put(room->folder, "room.json", room->card);
}

struct json *
room_place(const struct room *room, const char *thread, const char *speaker)
{
	struct json *place, *human = room_member(room, NULL);
	char *path = room_messages(room), *link = file_link(path);

	if (!speaker && !strcmp(room_kind(room), "dm"))
		speaker = json_text(human, "id");
	place = place_new(adapter_platform(), room->name, room_kind(room), thread, speaker);
	json_put_text(place, "link", link);
	json_free(human);
	free(path);
	free(link);
	return place;
}

struct json *
room_audience(const struct room *room)
{
	struct json *names = json_array();
	size_t members = json_count(room->card, "members");

	for (size_t i = 0; i < members; i++) {
		struct json *member = json_item(room->card, "members", i);

		json_append_text(names, json_text_or(member, "name", json_text(member, "id")));
		json_free(member);
	}
	return audience_new((double)members, names);
}
