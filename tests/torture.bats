#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Nothing lost, nothing twice: the short form of `make torture`. It takes other points each
# time; what it prints on a failure runs the one that failed again.

load common

torture() {
	HERMES_BUILD="${HERMES_BUILD:-$ROOT/build}" run -0 "$ROOT/tests/torture" --quick "$@"
}

@test "whatever program is killed, and wherever, nothing is lost and nothing is there twice" {
	torture matrix --clock 0
}

@test "the same when the clock is set back an hour before the work is taken up again" {
	torture matrix --clock=-3600
}

@test "eight claimers, killed at random, carry each handoff once" {
	torture claimers
}

@test "when a watcher is killed with all its processes, another takes up its work at once" {
	torture takeover
}

@test "another program that writes to the same file keeps its pace, and loses nothing" {
	torture pace
}
