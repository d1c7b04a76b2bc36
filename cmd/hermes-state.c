/* SPDX-License-Identifier: MIT */
/* hermes-state: the store as JSON, for scripts. */
#include "state/state.h"

#include "die.h"
#include "opts.h"
#include "seats.h"

#include <stddef.h>

void
state_need_seat(struct db *db, const char *session, long epoch)
{
	struct json *seat;

	if (!epoch || seat_current(db, session, epoch))
		return;
	seat = seat_json(db, session);
	db_abandon(db);
	die(EX_LATER, "%s: it is at %s now; nothing was changed", session,
		json_text_or(seat, "place.platform", "another place"));
}

static const struct verb verbs[] = {
	{"new", state_new_main, "[--title T] [--source S]", "begin a session"},
	{"list", state_list_main, "[--source S] [--limit N]", "list sessions, newest first"},
	{"show", state_show_main, "SESSION ... | -", "sessions whole"},
	{"messages", state_messages_main, "SESSION", "its messages, one a line"},
	{"append", state_append_main, "SESSION [TEXT | -]", "add a message, or many from JSON lines"},
	{"title", state_title_main, "SESSION [TITLE]", "print or set the title"},
	{"end", state_end_main, "SESSION [--reason R]", "end a session"},
	{"search", state_search_main, "WORDS", "messages that hold the words, with neighbours"},
	{"bind", state_bind_main, "SESSION <place", "let a place open the session"},
	{"bindings", state_bindings_main, "[SESSION]", "which place opens which session"},
	{"export", state_export_main, "[SESSION ...]", "sessions with their messages, as JSON lines"},
	{"rm", state_rm_main, "SESSION ... | -", "remove sessions and their messages for ever"},
	{"prune", state_prune_main, "--older DAYS", "remove old ended sessions"},
	{"backup", state_backup_main, "FILE", "a whole copy of the store"},
	{"check", state_check_main, "", "is the store whole?"},
	{NULL, NULL, NULL, NULL},
};

int
main(int argc, char **argv)
{
	return verbs_main(argc, argv, verbs, "The store as JSON: sessions, messages, bindings.");
}
