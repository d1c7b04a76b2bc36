#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes, which finds a verb and becomes it, and the manners that all programs share.
#
# Each test is a subshell of its own, and bats sets stderr:
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0
load common

setup() {
	BUILD=$(dirname "$(command -v hermes)")
	OTHER=$BATS_TEST_TMPDIR/other
	mkdir -p "$OTHER"
}

teardown() {
	stop_all
}

# program NAME <SCRIPT: in a folder that is last on PATH.
program() {
	cat >"$OTHER/$1"
	chmod +x "$OTHER/$1"
	PATH="$PATH:$OTHER"
}

# Another hermes further on in PATH: says what it was asked.
agent_beside() {
	program hermes <<<$'#!/bin/sh\necho "agent: $*"; exit 5'
}

programs() {
	local path
	for path in "$BUILD"/hermes*; do
		[ ! -x "$path" ] || [ -d "$path" ] || is_pipeline "$path" || basename "$path"
	done
}

# The story's shell programs.
is_pipeline() {
	[ "$(head -c 2 "$1")" = '#!' ]
}

# pty COMMAND...: with a terminal as its stdin, and a time limit; its output is a file's.
pty() {
	"$PYTHON" - "$@" <<-'END'
		import os, pty, subprocess, sys
		master, slave = pty.openpty()
		try:
		    done = subprocess.run(sys.argv[1:], stdin=slave, capture_output=True, timeout=60)
		except subprocess.TimeoutExpired:
		    sys.exit("it hangs")
		sys.stdout.write(done.stdout.decode())
		sys.stderr.write(done.stderr.decode())
		sys.exit(done.returncode)
	END
}

# --- finding the verb --------------------------------------------------------

@test "a verb is the program of that name beside hermes itself" {
	run -0 hermes state new --title "Fix it" --jq .title
	[ "$output" = "Fix it" ]
	run -66 hermes state show nobody
}

@test "a verb is found beside hermes when it is not on PATH, and finds its own helpers there" {
	run -0 env PATH=/usr/bin:/bin "$BUILD/hermes" state new --jq .source
	[ -n "$output" ]
	session=$(new_session)
	run -0 env PATH=/usr/bin:/bin "$BUILD/hermes" handoff local --session "$session" --jq .state
	[ "$output" = completed ]
}

@test "a verb that is not beside hermes is found on PATH" {
	program hermes-dance <<<$'#!/bin/sh\necho "dances: $*"; exit 3'
	run -3 hermes dance "the waltz" -n --version
	[ "$output" = "dances: the waltz -n --version" ]
}

@test "beside itself comes before PATH" {
	mkdir "$BATS_TEST_TMPDIR/first"
	printf '#!/bin/sh\necho impostor\n' >"$BATS_TEST_TMPDIR/first/hermes-state"
	chmod +x "$BATS_TEST_TMPDIR/first/hermes-state"
	PATH=$BATS_TEST_TMPDIR/first:$PATH run -0 "$BUILD/hermes" state new -q
	[ "$output" != impostor ]
}

@test "a verb that nobody has goes to the next hermes on PATH, with its arguments and status" {
	agent_beside
	run -5 hermes chat --resume "Fix it"
	[ "$output" = "agent: chat --resume Fix it" ]
}

@test "-n: the next hermes on PATH does it, also what we have" {
	agent_beside
	run -5 hermes -n state list
	[ "$output" = "agent: state list" ]
}

@test "the next hermes is never this one again, by whatever name or link" {
	ln -s "$BUILD/hermes" "$OTHER/hermes"
	PATH=$BUILD:$OTHER:$PATH run -64 --separate-stderr timeout 60 hermes chat
	[[ $stderr == *"chat: no such verb"* ]]
}

@test "a folder or a file that is no program, called hermes, is passed over" {
	mkdir -p "$BATS_TEST_TMPDIR/a/hermes" "$BATS_TEST_TMPDIR/b"
	echo data >"$BATS_TEST_TMPDIR/b/hermes"
	PATH="$PATH:$BATS_TEST_TMPDIR/a:$BATS_TEST_TMPDIR/b"
	agent_beside
	run -5 hermes chat
	[ "$output" = "agent: chat" ]
}

@test "an unknown verb without another hermes: 64, and a way out" {
	run -64 --separate-stderr env PATH="$BUILD:/usr/bin:/bin" hermes chat
	[ -z "$output" ]
	[[ $stderr == "hermes: chat: no such verb"*"hermes help"* ]]
	run -64 --separate-stderr env PATH="$BUILD:/usr/bin:/bin" hermes -n
	[ -n "$stderr" ]
}

@test "a verb with a slash in it runs nothing" {
	printf '#!/bin/sh\necho ran\n' >"$OTHER/evil"
	chmod +x "$OTHER/evil"
	mkdir -p "$BATS_TEST_TMPDIR/hermes-x"
	cd "$BATS_TEST_TMPDIR"
	for verb in "../other/evil" "x/../other/evil" "/$OTHER/evil" ""; do
		run -64 --separate-stderr env PATH="$BUILD:$PWD:/usr/bin:/bin" hermes "$verb"
		[ -z "$output" ]
		[ -n "$stderr" ]
	done
}

# --- its own options ---------------------------------------------------------

@test "--home DIR is HERMES_HOME for the verb" {
	run -0 hermes --home "$BATS_TEST_TMPDIR/elsewhere" state new -q
	[ -f "$BATS_TEST_TMPDIR/elsewhere/state.db" ]
	[ ! -e "$HERMES_HOME/state.db" ]
	run -64 hermes --home
}

@test "--exec-path, --version, help" {
	run -0 hermes --exec-path
	[ "$output" = "$(readlink -f "$BUILD")" ]
	run -0 hermes --version
	[ "$output" = "hermes $(cat "$ROOT/VERSION")" ]
	run -0 hermes help
	[[ $output == "usage: hermes"*handoff*watch*doctor* ]]
	run -0 hermes --help
	[[ $output == "usage: hermes"* ]]
	run -64 --separate-stderr hermes
	[ -z "$output" ]
	[[ $stderr == *"hermes help"* ]]
	run -64 --separate-stderr hermes --nonsense
	[[ $stderr == *--nonsense* ]]
}

@test "help names only verbs that there are" {
	run -0 hermes help
	sed -n 's/^  \([a-z][a-z]*\)[, ].*/\1/p' <<<"$output" >"$BATS_TEST_TMPDIR/verbs"
	grep -qx handoff "$BATS_TEST_TMPDIR/verbs"
	while read -r verb; do
		[ -x "$BUILD/hermes-$verb" ]
	done <"$BATS_TEST_TMPDIR/verbs"
}

# --- manners -----------------------------------------------------------------

@test "every program: --help is usage on stdout and 0, --version the version" {
	for program in $(programs); do
		run -0 --separate-stderr timeout 60 "$program" --help </dev/null
		[[ $output == usage:* ]] || { echo "$program --help: $output $stderr"; return 1; }
		[ -z "$stderr" ] || { echo "$program: $stderr"; return 1; }
		run -0 --separate-stderr timeout 60 "$program" --version </dev/null
		[[ $output == *"$(cat "$ROOT/VERSION")"* ]] || { echo "$program --version: $output $stderr"; return 1; }
	done
	[ ! -e "$HERMES_HOME" ] || [ -z "$(ls -A "$HERMES_HOME")" ]
}

@test "every program: an option that it does not know is 64, with usage on stderr and nothing on stdout" {
	for program in $(programs); do
		run --separate-stderr timeout 60 "$program" --nonsense </dev/null
		[ "$status" = 64 ] || { echo "$program: $status: $output $stderr"; return 1; }
		[ -z "$output" ] || { echo "$program: $output"; return 1; }
		[[ $stderr == *--nonsense* ]] || { echo "$program: $stderr"; return 1; }
	done
}

@test "the pipelines: --help and --version, too" {
	for program in hermes-carry hermes-answer hermes-speak hermes-listen; do
		run -0 --separate-stderr timeout 60 "$program" --help </dev/null
		[[ $output == usage:* ]] || { echo "$program --help: $output $stderr"; return 1; }
		run -0 --separate-stderr timeout 60 "$program" --version </dev/null
		[[ $output == *"$(cat "$ROOT/VERSION")"* ]] || { echo "$program --version: $output"; return 1; }
	done
}

@test "the pipelines: an option they do not know does nothing, and says so" {
	session=$(new_session)
	hermes-handoff request local --session "$session" -q
	for program in hermes-carry hermes-answer hermes-listen; do
		run --separate-stderr timeout 60 "$program" --nonsense </dev/null
		[ "$status" != 0 ] || { echo "$program: 0"; return 1; }
		[[ $stderr == *--nonsense* ]]
	done
	[ "$(hermes-handoff status --session "$session" --jq .state)" = pending ]
}

@test "every verb of a program has its own --help" {
	for program in hermes-handoff hermes-state hermes-inbox hermes-config; do
		for verb in $("$program" --help | sed -n "s/^  $program \([a-z]*\).*/\1/p"); do
			run -0 --separate-stderr timeout 60 "$program" "$verb" --help </dev/null
			[[ $output == "usage: $program $verb"* ]] || { echo "$program $verb: $output"; return 1; }
			run --separate-stderr timeout 60 "$program" "$verb" --nonsense </dev/null
			[ "$status" = 64 ] || { echo "$program $verb --nonsense: $status"; return 1; }
			[ -z "$output" ]
		done
	done
}

@test "what reads records or a text refuses a terminal rather than hang" {
	session=$(new_session)
	for command in hermes-turn hermes-route hermes-settle hermes-send "hermes-handoff thread" \
		"hermes-handoff switch" "hermes-inbox put local" "hermes-ask local poll"; do
		# shellcheck disable=SC2086
		run --separate-stderr pty $command
		[ "$status" = 64 ] || { echo "$command: $status: $output $stderr"; return 1; }
		[ -n "$stderr" ]
		[ -z "$output" ]
	done
}

@test "a closed pipe is not an error" {
	for i in 1 2 3; do hermes-state new --title "t$i" -q >/dev/null; done
	for command in "hermes-state list" "hermes help" "hermes-state --help" "hermes-handoff list"; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr bash -c "set -o pipefail; { $command; echo \$? >'$BATS_TEST_TMPDIR/status'; } | head -c 0; :"
		[[ $(cat "$BATS_TEST_TMPDIR/status") =~ ^(0|141)$ ]] || { echo "$command: $(cat "$BATS_TEST_TMPDIR/status")"; return 1; }
		[ -z "$stderr" ] || { echo "$command: $stderr"; return 1; }
	done
}

@test "a full disk on stdout is exit 74, with words" {
	session=$(new_session)
	for command in "hermes-state list" "hermes-state messages $session" "hermes-state new" \
		"hermes-inbox cursor local" "hermes-ask local about" "hermes-send local hello"; do
		# shellcheck disable=SC2086
		run --separate-stderr bash -c "$command >/dev/full"
		[ "$status" = 74 ] || { echo "$command: $status $stderr"; return 1; }
		[ -n "$stderr" ]
	done
	run --separate-stderr bash -c 'echo "{\"error\":{\"code\":1}}" | hermes-turn >/dev/full'
	[ "$status" = 74 ]
	run --separate-stderr bash -c 'hermes help >/dev/full'
	[ "$status" = 74 ]
}

@test "no non-zero exit without a line that says why" {
	for command in "hermes-state show nobody" "hermes-handoff status --session nobody" \
		"hermes-handoff log 99" "hermes-handoff claim" "hermes-inbox claim" "hermes-settle" \
		"hermes-handoff nowhere --session x" "hermes-send nowhere x" "hermes-inbox retry 99" \
		"hermes-ask nowhere about" "hermes-handoff local"; do
		# shellcheck disable=SC2086
		run --separate-stderr timeout 60 $command </dev/null
		[ "$status" != 0 ] && [ "$status" != 124 ] || { echo "$command: $status"; return 1; }
		[ -n "$stderr" ] || { echo "$command: $status without a word"; return 1; }
		[ -z "$output" ] || { echo "$command: $output"; return 1; }
	done
}

@test "an option that there is not is named, and how to write a text that looks like one" {
	run -64 --separate-stderr hermes-send local "-5 degrees"
	[[ $stderr == *"no option -5; "*"after --"* ]]
	run -64 --separate-stderr hermes-send local --fiel notes
	[[ $stderr == *"no option --fiel; "* ]]
	run -64 --separate-stderr hermes-send local --record=yes hello
	[[ $stderr == *"--record=yes: that option takes no argument"* ]]
	run -0 hermes-send local --jq .text -- "-5 degrees"
	[ "$output" = "-5 degrees" ]
}

@test "list --state: a state that there is not is 64, and no empty list" {
	for command in send handoff inbox; do
		for state in faild fail "" "or,"; do
			run -64 --separate-stderr "hermes-$command" list --state "$state"
			[ -z "$output" ]
			[[ $stderr == *"there is no state"*" or "* ]]
		done
		run -0 --separate-stderr "hermes-$command" list --state failed
		[ -z "$output$stderr" ]
	done
	run -0 hermes-handoff list --state expired
	run -0 hermes-inbox list --state queued
}

@test "--jq that is no filter is 64; what it makes of each line is printed" {
	new_session >/dev/null
	run -64 --separate-stderr hermes-state list --jq '.['
	[ -z "$output" ]
	[ -n "$stderr" ]
	# before anything is done, as it cannot be undone
	run -64 hermes-send local hello --jq '.['
	run -64 hermes-state new --jq '.['
	[ -z "$(hermes-send list)" ]
	[ "$(hermes-state list -q | wc -l)" = 1 ]
	run -0 hermes-state list --jq '.title, .source'
	[ "$output" = $'Fix the parser\ncli' ]
}

@test "without a home folder it is exit 78; with one that cannot be written 74" {
	run -78 --separate-stderr env -u HERMES_HOME -u HOME "$BUILD/hermes-state" new
	[[ $stderr == *HERMES_HOME* ]]
	run -74 --separate-stderr env HERMES_HOME=/dev/null/x "$BUILD/hermes-state" new
	[ -z "$output" ]
	[ -n "$stderr" ]
}
