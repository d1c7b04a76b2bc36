/* SPDX-License-Identifier: MIT */
/* hermes-state's verbs: sessions.c one session, messages.c its words, store.c the file. */
#ifndef STATE_H
#define STATE_H

#include "db.h"

/*
 * Within a transaction: go on only while the session's seat has this epoch (0: any). A
 * surface that gave the session away changes nothing any more: exit 75.
 */
void state_need_seat(struct db *db, const char *session, long epoch);

int state_new_main(int argc, char **argv);
int state_list_main(int argc, char **argv);
int state_show_main(int argc, char **argv);
int state_title_main(int argc, char **argv);
int state_end_main(int argc, char **argv);
int state_bind_main(int argc, char **argv);
int state_bindings_main(int argc, char **argv);
int state_rm_main(int argc, char **argv);
int state_prune_main(int argc, char **argv);

int state_messages_main(int argc, char **argv);
int state_append_main(int argc, char **argv);
int state_search_main(int argc, char **argv);
int state_export_main(int argc, char **argv);

int state_backup_main(int argc, char **argv);
int state_check_main(int argc, char **argv);

#endif
