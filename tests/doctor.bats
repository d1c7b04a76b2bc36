#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# hermes-doctor: what is missing, and how to mend it.

load common

# A folder of its own with the doctor and stand-ins beside it: what a doctor asks for it
# finds beside itself first.
setup() {
	mkdir -p "$HERMES_HOME" "$BATS_TEST_TMPDIR/bin"
	chmod 700 "$HERMES_HOME"
	cp "$(command -v hermes-doctor)" "$BATS_TEST_TMPDIR/bin"
	bin=$BATS_TEST_TMPDIR/bin
	export PATH="$bin:/usr/bin:/bin"
	state '{"ok":true,"journal":"wal","sqlite":"3.51.3","problems":[]}'
	program hermes-agent-recap ''
}

# program NAME TEXT: an executable beside the doctor.
program() {
	printf '#!/bin/sh\n%s\n' "$2" >"$bin/$1"
	chmod +x "$bin/$1"
}

# state JSON: what hermes-state check answers.
state() {
	program hermes-state "[ \"\$*\" = 'check --json' ] && echo '$1'"
}

# adapter NAME ANSWER: an adapter that answers `check` so.
adapter() {
	program "hermes-adapter-$1" "[ \"\$1\" = check ] && echo '$2'"
}

# found SUBJECT STATE WORDS: the last run found this.
found() {
	jq -se --arg subject "$1" --arg state "$2" --arg words "$3" 'any(.[]; .subject == $subject
		and .state == $state and ((.text + "; " + (.remedy // "")) | contains($words)))' \
		<<<"$output"
}

@test "doctor: a fresh installation is well, and says that no platform is enabled" {
	run hermes-doctor
	[ "$status" -eq 0 ]
	found home ok private
	found store ok wal
	found sqlite ok 3.51.3
	found configuration ok read
	found agent ok recap
	found platforms warn "hermes config platforms"
	[ -z "$(ls -A "$HERMES_HOME")" ]
}

@test "doctor: each finding is one object with subject, state and text" {
	run hermes-doctor --json
	jq -se 'all(.[]; (.subject and .text) and (.state | IN("ok", "warn", "bad")))' <<<"$output"
}

@test "doctor: a person gets lines" {
	run script -qec hermes-doctor /dev/null
	[[ $output == *"ok    store: whole, journal mode wal"* ]]
}

@test "doctor: a folder or a file that others may read is named with its remedy" {
	echo 'A=1' >"$HERMES_HOME/.env"
	chmod 644 "$HERMES_HOME/.env"
	run hermes-doctor
	[ "$status" -eq 0 ]
	found home warn "chmod 600 $HERMES_HOME/.env"
	chmod 755 "$HERMES_HOME"
	run hermes-doctor
	found home warn "chmod 700 $HERMES_HOME"
}

@test "doctor: a store that is not whole is bad, in the store's own words" {
	state '{"ok":false,"journal":"wal","sqlite":"3.40.1","problems":["page 7 is lost",{"what":"w","remedy":"r"}]}'
	run -1 hermes-doctor
	output=$(grep '^{' <<<"$output")
	found store bad "page 7 is lost"
	found store bad "w; r"
	program hermes-state 'exit 74'
	run -1 hermes-doctor
	output=$(grep '^{' <<<"$output")
	found store bad 74
}

@test "doctor: an SQLite that can lose pages is a warning, not a failure" {
	state '{"ok":true,"journal":"wal","sqlite":"3.40.1","problems":[]}'
	run hermes-doctor
	[ "$status" -eq 0 ]
	found sqlite warn 3.51.3
}

@test "doctor: a broken configuration is bad, with its line, and the rest is still looked at" {
	printf 'a: 1\na: 2\n' >"$HERMES_HOME/config.yaml"
	chmod 600 "$HERMES_HOME/config.yaml"
	run -1 hermes-doctor
	output=$(grep '^{' <<<"$output")
	found configuration bad "line 2, column 1"
	found store ok wal
}

@test "doctor: an enabled platform's problems are bad; one that works is ok" {
	adapter good '{"ok":true,"account":"1","name":"a_bot","problems":[]}'
	adapter poor '{"ok":false,"problems":[{"what":"no token","remedy":"get one"}]}'
	adapter idle '{"ok":false,"problems":[{"what":"unseen","remedy":"x"}]}'
	export GOOD_HOME_CHANNEL=1 POOR_HOME_CHANNEL=1
	run -1 hermes-doctor
	output=$(grep '^{' <<<"$output")
	found good ok a_bot
	found poor bad "no token; get one"
	[[ $output != *unseen* ]]
	POOR_ENABLED=no run -0 hermes-doctor
}

@test "doctor: a platform without a home, and one without an adapter, are named" {
	adapter good '{"ok":true,"name":"a_bot"}'
	export GOOD_BOT_TOKEN=1
	run hermes-doctor
	[ "$status" -eq 0 ]
	found good warn "hermes config home good ADDRESS"
	printf 'platforms: {lost: {enabled: true}}\n' >"$HERMES_HOME/config.yaml"
	run -1 hermes-doctor
	output=$(grep '^{' <<<"$output")
	found lost bad "platforms.lost.enabled false"
}

@test "doctor: platforms are asked at the same time, and one that hangs is given up" {
	program hermes-adapter-aaa 'exec sleep 60'
	program hermes-adapter-bbb 'exec sleep 60'
	program hermes-adapter-ccc 'exec sleep 60'
	export AAA_X=1 BBB_X=1 CCC_X=1 HERMES_ADAPTER_LIMIT=2
	run -1 timeout 5 hermes-doctor
	output=$(grep '^{' <<<"$output")
	found ccc bad "in time"
}

@test "doctor: an agent that is not there, or lacks its settings, is bad" {
	export HERMES_AGENT_USE=nobody
	run -1 hermes-doctor
	output=$(grep '^{' <<<"$output")
	found agent bad hermes-agent-nobody
	program hermes-agent-command ''
	export HERMES_AGENT_USE=command
	run -1 hermes-doctor
	output=$(grep '^{' <<<"$output")
	found agent bad "hermes config set agent.command"
	HERMES_AGENT_COMMAND=x run -0 hermes-doctor
}

@test "doctor: programs of our names before ours on PATH are named, and so is another hermes" {
	program hermes ''
	mkdir "$BATS_TEST_TMPDIR/other"
	cp "$bin/hermes" "$BATS_TEST_TMPDIR/other/hermes"
	cp "$bin/hermes" "$BATS_TEST_TMPDIR/other/hermes-state"
	export PATH="$PATH:$BATS_TEST_TMPDIR/other"
	run hermes-doctor
	[ "$status" -eq 0 ]
	found hermes ok "ours comes first"
	[[ $output != *"before ours"* ]]
	PATH="$BATS_TEST_TMPDIR/other:$PATH" run hermes-doctor
	found hermes warn "comes before ours"
	found hermes-state warn "comes before ours"
}
