#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Every platform, held to the same list. What a line means is in contract.bash; how a
# platform takes part, too.

bats_require_minimum_version 1.5.0

load common
load contract

@test "about: says all there is to say, without configuration" {
	each about_says_all_without_configuration
}

@test "check: says who the bot is" {
	each check_says_who_the_bot_is
}

@test "every verb: answers with what it promises" {
	each_shape every_verb_answers_with_what_it_promises
}

@test "every verb: each line has its answer" {
	each each_line_has_its_answer
}

@test "every verb: a bad line is an error, not a crash" {
	each a_bad_line_is_an_error_not_a_crash
}

@test "every verb: nonsense is answered" {
	each nonsense_is_answered
}

@test "every verb: misuse is 64" {
	each misuse_is_64
}

@test "every verb: missing configuration is 78, and named" {
	each missing_configuration_is_78_and_named
}

@test "every verb: secrets are never said" {
	each secrets_are_never_said
}

@test "places: a place is the one that the next message carries" {
	each_shape the_place_is_the_one_the_next_message_carries
}

@test "places: a place is found again by its ids" {
	each_shape a_place_is_found_again_by_its_ids
}

@test "poll: an event says who and when" {
	each_shape an_event_says_who_and_when
}

@test "poll: it confirms only what its cursor covers" {
	each_shape a_poll_confirms_only_what_its_cursor_covers
}

@test "send: what is sent is there, and is not heard" {
	each_shape what_is_sent_is_there_and_is_not_heard
}

@test "send: parts come in order, and are the same each time" {
	each_shape parts_come_in_order_and_are_the_same_each_time
}

@test "send: a part that is not there is refused" {
	each_shape a_part_that_is_not_there_is_refused
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
