#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Every platform, held to the same list. What a line means is in contract.bash; how a
# platform takes part, too.

bats_require_minimum_version 1.5.0

load common
load contract

@test "check-adapter: finds no fault, with a human there" {
	each_shape check_adapter_finds_no_fault
}

@test "every verb: secrets are never said" {
	each secrets_are_never_said
}

@test "send: what is sent is there, and is not heard" {
	each_shape what_is_sent_is_there_and_is_not_heard
}

@test "send: parts come in order, and are the same each time" {
	each_shape parts_come_in_order_and_are_the_same_each_time
}

@test "send: a part that is not there is not sent" {
	each_shape a_part_that_is_not_there_is_not_sent
}

@test "send: the same delivery is there once, where that is promised" {
	each_shape the_same_delivery_is_there_once_where_that_is_promised
}

@test "send: what did not arrive is not called sent" {
	each_shape what_did_not_arrive_is_not_called_sent
}

@test "send: what may have arrived is unknown, and said once more, marked" {
	each_shape what_may_have_arrived_is_unknown_and_said_once_more_marked
}

@test "handoff: the answer there belongs to the same session" {
	each_shape the_answer_there_belongs_to_the_same_session
}

@test "handoff: the same after the watcher was killed" {
	each_shape the_same_after_a_restart
}

@test "handoff: two handoffs do not share a session" {
	each_shape two_handoffs_do_not_share_a_session
}
