/* SPDX-License-Identifier: MIT */
/*
 * hermes-handoff: continue a conversation elsewhere. A verb is plumbing; any other first
 * word is a platform, and then it asks, sees it through, and says how it went.
 */
#include "handoff/handoff.h"

#include "die.h"
#include "opts.h"

#include <stdio.h>
#include <string.h>

static const struct verb verbs[] = {
	{"request", handoff_request_main, "PLATFORM --session S", "queue a handoff and print it"},
	{"claim", handoff_claim_main, "[--session S] [--limit N]", "claim waiting handoffs: records"},
	{"thread", handoff_thread_main, "<records", "stage: open a fresh thread for each record"},
	{"switch", handoff_switch_main, "<records", "stage: bind the place to the session"},
	{"list", handoff_list_main, "[--state S]", "list handoffs, oldest request first"},
	{"status", handoff_status_main, "[ID] [--session S] [--follow]",
		"the newest handoff of a session"},
	{"log", handoff_log_main, "ID ... | -", "what happened to one, with times"},
	{"cancel", handoff_cancel_main, "ID ... | -", "withdraw one; a running one is undone"},
	{"retry", handoff_retry_main, "ID ... | -", "ask again for one that ended, keeping its place"},
	{NULL, NULL, NULL, NULL},
};

static const char summary[] = "Continue a conversation on another platform.\n\n"
	"  hermes-handoff PLATFORM[:ADDRESS] [OPTION ...]\n"
	"        hand the session over, and say how it went (PLATFORM --help lists the options)";

int
main(int argc, char **argv)
{
	if (argc < 2 || verb_find(verbs, argv[1]) || !strcmp(argv[1], "--help")
		|| !strcmp(argv[1], "--version") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return verbs_main(argc, argv, verbs, summary);
	program_start(argv[0]);
	return handoff_ask_main(argc, argv);
}
