#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-speak: turn, send and settle. How a record's end is written, where the user sees
# it; what must wait, what is tried again, and what a lost fence may still do: nothing.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2119,SC2120,SC2154

bats_require_minimum_version 1.5.0

load common

setup() {
	at_home
}

teardown() {
	stop_all
}

settings() {
	configure "agent: {$1}
platforms:
  local: {enabled: true, allowed_users: ['$ME', ada]}
  fault: {enabled: true, allowed_users: ['$ME']}"
}

speaks() {
	printf '#!/bin/bash\n%s\n' "$1" >"$BATS_TEST_TMPDIR/agent"
	chmod +x "$BATS_TEST_TMPDIR/agent"
	settings "use: command, command: '$BATS_TEST_TMPDIR/agent'"
}

# switched [PLATFORM]: a handoff's record, claimed by hand, with its event.
switched() {
	hermes-handoff request "${1:-local}" --session "$S" >/dev/null
	hermes-handoff claim 2>/dev/null | hermes-handoff thread | hermes-handoff switch
}

# asked TEXT: an event's record, claimed by hand and routed.
asked() {
	hermes-adapter-local say home "$1" >/dev/null
	hermes-listen local --wait 0 >/dev/null
	hermes-inbox claim 2>/dev/null | hermes-route
}

settle() {
	hermes-settle "$@"
}

status() {
	hermes-handoff status --session "$S" --jq "${1:-.state}" | tr -d '"'
}

event() {
	hermes-inbox list --jq "${1:-.state}" | tail -n 1 | tr -d '"'
}

with() {
	jq -c "$2" <<<"$1"
}

read_bot() {
	hermes-adapter-local read "${1:-home}" --json | jq -r 'select(.bot).text'
}

replies() {
	sql "SELECT count(*) FROM messages WHERE role = 'assistant' AND session_id = '$S'"
}

# --- ends ------------------------------------------------------------------------

@test "settle: a delivered handoff is completed and printed, exit 0" {
	run -0 settle --jq '"\(.id) \(.state)"' < <(switched | hermes-turn | hermes-send)
	[ "$(tr -d '"' <<<"$output")" = '1 completed' ]
}

@test "settle: nothing to settle is 1" {
	run -1 --separate-stderr settle </dev/null
	[ -z "$output" ]
	[[ $stderr == *'no record'* ]]
}

@test "settle: a record that failed is written where the user sees it, exit 1" {
	record=$(switched)
	run -1 --separate-stderr settle <<<"$(with "$record" '.error = {code: 77, text: "not allowed there"}')"
	[[ $stderr == *'not allowed there'* ]]
	[ "$(status)" = failed ]
	[ "$(status .error)" = 'not allowed there' ]
	[ "$(status .code)" = 77 ]
	run -0 sql 'SELECT handoff_state, handoff_error FROM sessions'
	[ "$output" = 'failed|not allowed there' ]
}

@test "settle: several records are settled each for itself; one that failed makes it 1" {
	one=$(switched | hermes-turn | hermes-send)
	first=$S
	S=$(hermes-state new --jq .id)
	two=$(switched)
	run -1 settle --jq .state < <(printf '%s\n' "$one" "$(with "$two" '.error = {code: 1, text: "x"}')")
	[ "$(status)" = failed ]
	S=$first
	[ "$(status)" = completed ]
}

@test "settle: a record whose work is not finished goes back with nothing counted" {
	record=$(switched)
	run -1 settle <<<"$record"
	[ "$(status)" = running ]
	[ "$(status .attempt)" = 0 ]
	[ "$(status .holder)" = null ]
	hermes-carry >/dev/null
	[ "$(status)" = completed ]
}

@test "settle: an event is done, its reply stored and delivered once" {
	asked 'how are you?' | hermes-speak >/dev/null
	[ "$(event)" = 'done' ]
	[ "$(read_bot | grep -c 'how are you?')" = 1 ]
}

@test "settle: an event that fails is failed, with words for inbox list" {
	record=$(asked 'how are you?')
	run -1 settle <<<"$(with "$record" '.error = {code: 1, text: "the platform refuses it"}')"
	[ "$(event)" = failed ]
	[ "$(event .error)" = 'the platform refuses it' ]
}

# --- waiting ---------------------------------------------------------------------------

@test "settle: a record that must wait goes back to its old place, and no attempt is counted" {
	record=$(asked one)
	hermes-adapter-local say home two >/dev/null
	hermes-listen local --wait 0 >/dev/null
	run -1 settle <<<"$(with "$record" '.error = {code: 75, text: "later", wait: true}')"
	run -0 sql 'SELECT id, state, attempt FROM courier_events ORDER BY id'
	[ "${lines[0]}" = '1|queued|0' ]
	wait_until 20 hermes-inbox claim
	# Not the younger one.
	run -0 sql "SELECT text FROM courier_events WHERE state = 'running'"
	[ "$output" = one ]
	[ -z "$(read_bot)" ]
}

@test "settle: a handoff that must wait is running without a holder, as often as it takes" {
	record=$(switched)
	for _ in {1..8}; do
		run -1 settle <<<"$(with "$record" '.error = {code: 75, text: "taken", wait: true}')"
		[ "$(status '"\(.state) \(.attempt) \(.holder)"')" = 'running 0 null' ]
		wait_until 20 eval 'record=$(hermes-handoff claim 2>/dev/null)'
	done
}

@test "turn: a turn that is taken makes the record wait, and is not spoken twice" {
	speaks "echo x >>'$BATS_TEST_TMPDIR/turns'; until [ -e '$BATS_TEST_TMPDIR/go' ]; do sleep 0.02; done; echo here"
	record=$(switched)
	hermes-turn <<<"$record" >"$BATS_TEST_TMPDIR/spoken" 3>&- &
	wait_until 20 test -s "$BATS_TEST_TMPDIR/turns"
	run -1 hermes-turn <<<"$record"
	[ "$(jq -c '[.error.code, .error.wait]' <<<"$output")" = '[75,true]' ]
	: >"$BATS_TEST_TMPDIR/go"
	wait
	[ "$(jq -r .turn.text "$BATS_TEST_TMPDIR/spoken")" = here ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/turns")" = 1 ]
}

# --- trying again -------------------------------------------------------------------------

@test "settle: trouble that passes waits the delays of HERMES_BACKOFF, and counts" {
	export HERMES_BACKOFF=10,20,40,80
	local delay tried=0
	switched >"$BATS_TEST_TMPDIR/record"
	for delay in 10 20 40 80; do
		tried=$((tried + 1))
		run -1 settle <<<"$(with "$(cat "$BATS_TEST_TMPDIR/record")" '.error = {code: 69, text: "down", retry: true}')"
		[ "$(status '"\(.state) \(.attempt)"')" = "running $tried" ]
		[ "$(sql 'SELECT delay FROM courier_handoffs')" = "$delay.0" ]
		run -1 hermes-handoff claim
		HERMES_CLOCK=$delay.5 hermes-handoff claim >"$BATS_TEST_TMPDIR/record" 2>/dev/null
		[ "$(jq .handoff.attempt "$BATS_TEST_TMPDIR/record")" = "$((tried + 1))" ]
		[ "$(jq .error "$BATS_TEST_TMPDIR/record")" = null ]
	done
	run -1 settle <<<"$(with "$(cat "$BATS_TEST_TMPDIR/record")" '.error = {code: 69, text: "down", retry: true}')"
	[ "$(status)" = failed ]
}

@test "settle: the platform's own delay is kept instead" {
	record=$(switched)
	run -1 settle <<<"$(with "$record" '.error = {code: 69, text: "slow down", retry: true, after: 33}')"
	HERMES_CLOCK=32 run -1 hermes-handoff claim
	HERMES_CLOCK=33.5 run -0 hermes-handoff claim
}

@test "settle: a rest that the platform asked for is no attempt, for a day" {
	export HERMES_ATTEMPTS=1
	local tired='.error = {code: 69, text: "slow down", retry: true, after: 33, rest: true}'
	record=$(switched)
	run -1 settle <<<"$(with "$record" "$tired")"
	[ "$(status '"\(.state) \(.attempt)"')" = 'running 0' ]
	export HERMES_CLOCK=86401
	record=$(hermes-handoff claim 2>/dev/null)
	run -1 settle <<<"$(with "$record" "$tired")"
	[ "$(status)" = failed ]
	record=$(asked hello)
	run -1 settle <<<"$(with "$record" "$tired")"
	[ "$(event '"\(.state) \(.attempt)"')" = 'queued 0' ]
	HERMES_CLOCK=172803
	record=$(hermes-inbox claim 2>/dev/null)
	run -1 settle <<<"$(with "$record" "$tired")"
	[ "$(event)" = failed ]
}

@test "settle: HERMES_ATTEMPTS is how often in all, for events too" {
	export HERMES_ATTEMPTS=2
	record=$(asked hello)
	run -1 settle <<<"$(with "$record" '.error = {code: 69, text: "down", retry: true}')"
	[ "$(event '"\(.state) \(.attempt)"')" = 'queued 1' ]
	wait_until 20 eval 'record=$(hermes-inbox claim 2>/dev/null)'
	run -1 settle <<<"$(with "$record" '.error = {code: 69, text: "down", retry: true}')"
	[ "$(event)" = failed ]
}

@test "settle: a reclaimed record carries what is done, and only the rest happens" {
	speaks "echo x >>'$BATS_TEST_TMPDIR/turns'; echo 'I speak once'"
	printf 'send refuse\nsend refuse\n' >"$HERMES_HOME/fault-orders"
	hermes-handoff fault --session "$S" </dev/null >/dev/null
	[ "$(status)" = completed ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/turns")" = 1 ]
	[ "$(words "$S" | grep -c 'I speak once')" = 1 ]
	[ "$(LOCAL_ROOT=$HERMES_HOME/fault read_bot)" = 'I speak once' ]
}

@test "turn: an agent that fails is asked again, and then the notice goes alone" {
	export HERMES_ATTEMPTS=3
	speaks "echo x >>'$BATS_TEST_TMPDIR/turns'; exit 1"
	hermes-handoff local --session "$S" </dev/null >/dev/null
	[ "$(wc -l <"$BATS_TEST_TMPDIR/turns")" = 3 ]
	[ "$(status '"\(.state) \(.turn)"')" = 'completed null' ]
}

@test "turn: an agent that was cut off is told again: true" {
	speaks "tee -a '$BATS_TEST_TMPDIR/heard' | grep -q '\"again\":true' && echo here || { : >'$BATS_TEST_TMPDIR/cut'; sleep 60; }"
	record=$(switched)
	hermes-turn <<<"$record" >/dev/null 2>&1 3>&- &
	turn=$!
	wait_until 20 test -e "$BATS_TEST_TMPDIR/cut"
	kill -9 "$turn"
	wait "$turn" 2>/dev/null || :
	HERMES_CLOCK=2000 hermes-handoff claim 2>/dev/null | hermes-speak >/dev/null
	[ "$(status)" = completed ]
	[ "$(words "$S" | tail -n 1)" = 'assistant: here' ]
}

@test "turn: a turn that takes too long is ended, and so is everything it started" {
	export HERMES_TURN_LIMIT=1 HERMES_ATTEMPTS=1
	speaks "sleep 61 & echo \$! >'$BATS_TEST_TMPDIR/child'; wait"
	hermes-handoff local --session "$S" </dev/null >/dev/null
	[[ $(status .note) == *'1 s'* ]]
	wait_until 20 eval '! kill -0 "$(cat "$BATS_TEST_TMPDIR/child")"'
}

@test "turn: an agent's rubbish is a failure, not a reply" {
	export HERMES_ATTEMPTS=1
	mkdir "$BATS_TEST_TMPDIR/bin"
	PATH="$BATS_TEST_TMPDIR/bin:$PATH"
	settings 'use: odd'
	for says in 'not json' '{"reply":7}' '{"reply":"   "}' '{}' '[]' '{"delta":"only"}' '{"reply":"cut"' \
		'{"error":{"text":"no"}}' '{"reply":null}'; do
		printf '#!/bin/sh\ncat >/dev/null\ncat <<"X"\n%s\nX\n' "$says" >"$BATS_TEST_TMPDIR/bin/hermes-agent-odd"
		chmod +x "$BATS_TEST_TMPDIR/bin/hermes-agent-odd"
		S=$(hermes-state new --jq .id)
		hermes-handoff local --session "$S" </dev/null >/dev/null
		[ "$(status .turn)" = null ]
		[ -n "$(status .note)" ]
		[ "$(replies)" = 0 ]
	done
}

@test "turn: what an agent did on the way is kept before its reply, tool calls byte for byte" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	PATH="$BATS_TEST_TMPDIR/bin:$PATH"
	settings 'use: odd'
	cat >"$BATS_TEST_TMPDIR/bin/hermes-agent-odd" <<-'SH'
		#!/bin/sh
		cat >/dev/null
		echo '{"delta":"He"}'
		echo '{"message":{"role":"assistant","tool_calls":[{"id":"c1","function":{"name":"ls"}}]}}'
		echo '{"message":{"role":"tool","tool_call_id":"c1","tool_name":"ls","content":"a b"}}'
		echo '{"reply":"Here.","finish":"stop"}'
	SH
	chmod +x "$BATS_TEST_TMPDIR/bin/hermes-agent-odd"
	hermes-handoff local --session "$S" </dev/null >/dev/null
	run -0 sql "SELECT role, coalesce(content, '') FROM messages WHERE id > 3 ORDER BY id"
	[ "$output" = $'assistant|\ntool|a b\nassistant|Here.' ]
}

@test "turn: the agent may ask to go on elsewhere, once" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	PATH="$BATS_TEST_TMPDIR/bin:$PATH"
	settings 'use: odd'
	printf '#!/bin/sh\ngrep -q "just moved" && echo "{\\"reply\\":\\"here\\"}" || echo "{\\"reply\\":\\"see you there\\",\\"actions\\":[{\\"handoff\\":\\"fault\\"}]}"\n' \
		>"$BATS_TEST_TMPDIR/bin/hermes-agent-odd"
	chmod +x "$BATS_TEST_TMPDIR/bin/hermes-agent-odd"
	asked 'go to the other place' | hermes-speak >/dev/null
	run -0 hermes-handoff list --jq '"\(.platform) \(.requester) \(.state)"'
	[ "$(tr -d '"' <<<"$output")" = 'fault agent pending' ]
}

# --- fences ---------------------------------------------------------------------------------

@test "fence: a late holder changes nothing at any stage, and says so" {
	local late before stage
	late=$(switched)
	HERMES_CLOCK=2000 hermes-handoff claim >/dev/null 2>&1
	before=$(sqlite3 "$STORE" .dump | grep -v courier_seats | sha256sum)
	for stage in 'hermes-turn' 'hermes-send' 'hermes-settle'; do
		for record in "$late" "$(with "$late" '.turn = {message: "1", text: "late"}')" \
			"$(with "$late" '.turn = {} | .delivery = {id: "9", state: "sent", ids: ["1"]}')" \
			"$(with "$late" '.error = {code: 1, text: "late"}')" \
			"$(with "$late" '.error = {code: 75, text: "late", wait: true}')"; do
			$stage <<<"$record" >/dev/null 2>>"$BATS_TEST_TMPDIR/words" || :
		done
	done
	[ "$(sqlite3 "$STORE" .dump | grep -v courier_seats | sha256sum)" = "$before" ]
	grep -q 'another holder' "$BATS_TEST_TMPDIR/words"
	[ -z "$(read_bot)" ]
}

@test "fence: an invented record changes nothing" {
	local before
	before=$(sqlite3 "$STORE" .dump | sha256sum)
	for record in '{"handoff":{"id":"1","fence":1},"delivery":{"state":"sent"}}' \
		'{"event":{"id":"1","fence":1},"delivery":{"state":"sent"}}' \
		'{"event":{"id":"-1","fence":-1},"session":{"id":"x"},"place":{}}'; do
		run -1 settle <<<"$record"
		run hermes-turn <<<"$record"
		run hermes-send <<<"$record"
	done
	[ "$(sqlite3 "$STORE" .dump | sha256sum)" = "$before" ]
}

# --- between the stages ------------------------------------------------------------------------

@test "speak: a jq between turn and send rewrites the message, and the transcript keeps what is sent" {
	switched | hermes-turn | jq -c '.turn.text |= ascii_upcase' | hermes-send | settle >/dev/null
	run -0 read_bot
	[[ $output == *"I'M HERE"* ]]
	run -0 sql "SELECT content FROM messages ORDER BY id DESC LIMIT 1"
	[[ $output == *"I'M HERE"* ]]
	[ "$(replies)" = 2 ]
}

@test "speak: a broken last line is dropped with a word; whole records stand" {
	local stage
	record=$(switched | hermes-turn)
	for stage in hermes-route hermes-turn hermes-send; do
		run -0 --separate-stderr $stage < <(printf '%s\n%s' "$record" '{"event":{"id":"7"')
		[[ $stderr == *'no end'* ]]
		[ "${#lines[@]}" = 1 ]
		record=$output
	done
	# What was cut off is not settled, so not all succeeded.
	run -1 --separate-stderr settle < <(printf '%s\n%s' "$record" '{"event":{"id":"7"')
	[[ $stderr == *'no end'* ]]
	[ "$(status)" = completed ]
}

@test "speak: a line that is no record is 65, and the records around it are settled" {
	record=$(switched | hermes-turn | hermes-send)
	run -65 --separate-stderr settle < <(printf '%s\n' '{' "$record")
	[ -n "$stderr" ]
	[ "$(status)" = completed ]
	for stage in hermes-route hermes-turn hermes-send hermes-settle; do
		for line in 'x' '[]' '7' 'null' '"a"'; do
			run -65 --separate-stderr $stage <<<"$line"
			[ -n "$stderr" ]
		done
	done
}

@test "speak: a record with an error passes every stage as it is" {
	record=$(with "$(switched)" '.error = {code: 1, text: "x", own: [1, null, {"a": 1.5}]}')
	for stage in hermes-route hermes-turn hermes-send; do
		run -0 $stage <<<"$record"
		[ "$(jq -cS . <<<"$output")" = "$(jq -cS . <<<"$record")" ]
	done
}

@test "speak: each record is flushed at once" {
	mkfifo "$BATS_TEST_TMPDIR/in"
	hermes-turn <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 3>&- &
	exec 7>"$BATS_TEST_TMPDIR/in"
	switched >&7
	wait_until 20 grep -q '"turn"' "$BATS_TEST_TMPDIR/out"
	exec 7>&-
	wait
}

@test "speak: killed anywhere, it goes on, and nothing is said twice" {
	local i
	speaks "echo x >>'$BATS_TEST_TMPDIR/turns'; sleep 0.02; echo 'said once'"
	hermes-handoff request local --session "$S" >/dev/null
	for i in 01 02 03 04 05 06 08 10; do
		timeout -s KILL "0.$i" setsid -w hermes-carry >/dev/null 2>&1 || :
	done
	wait_until 20 eval 'hermes-carry >/dev/null 2>&1; [ "$(status)" = completed ]'
	[ "$(read_bot | grep -c 'said once')" = 1 ]
	[ "$(words "$S" | grep -c 'said once')" = 1 ]
	[ "$(sql "SELECT count(*) FROM messages WHERE platform_message_id = 'handoff:1'")" = 1 ]
}

@test "speak: a long reply goes out in parts, and each part once" {
	speaks 'head -c 200000 /dev/zero | tr "\0" y | fold -w 100'
	printf 'send refuse\nsend after\n' >"$HERMES_HOME/fault-orders"
	hermes-handoff fault --session "$S" </dev/null >/dev/null
	[ "$(status)" = completed ]
	LOCAL_ROOT=$HERMES_HOME/fault read_bot | tr -dc y | wc -c >"$BATS_TEST_TMPDIR/count"
	[ "$(cat "$BATS_TEST_TMPDIR/count")" = 200000 ]
}

@test "speak: misuse is 64 with words, and a terminal is not waited on" {
	for program in hermes-turn hermes-route hermes-settle; do
		run -64 --separate-stderr $program operand
		[ -n "$stderr" ]
		run -64 --separate-stderr $program --bogus
	done
	command -v script >/dev/null || return 0
	for program in hermes-turn hermes-route hermes-settle hermes-send 'hermes-handoff thread'; do
		run -64 timeout 60 script -qec "$program" /dev/null
	done
}
