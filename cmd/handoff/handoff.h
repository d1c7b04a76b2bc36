/* SPDX-License-Identifier: MIT */
/* hermes-handoff's verbs, one file for each kind: asking, plumbing, stages. */
#ifndef HANDOFF_H
#define HANDOFF_H

int handoff_ask_main(int argc, char **argv);     /* hermes handoff PLATFORM */
int handoff_request_main(int argc, char **argv);
int handoff_claim_main(int argc, char **argv);
int handoff_thread_main(int argc, char **argv);
int handoff_switch_main(int argc, char **argv);
int handoff_list_main(int argc, char **argv);
int handoff_status_main(int argc, char **argv);
int handoff_log_main(int argc, char **argv);
int handoff_cancel_main(int argc, char **argv);
int handoff_retry_main(int argc, char **argv);

#endif
