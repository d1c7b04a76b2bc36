#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# A Hermes Agent on the same file: what it made we read and write, what it asks for we
# carry, what it carries we leave to it. tests/servers/hermes-agent stands in for it.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0

load common

S=20250601_101500_abcdef

setup() {
	STORE=$HERMES_HOME/state.db
	configure 'platforms: {local: {enabled: true}, shared: {enabled: true}}'
	# The platform `local` under another name, one that their gateway knows too.
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/hermes-adapter-shared" <<-'SH'
		#!/bin/bash
		if [ "$1" = about ]; then
			hermes-adapter-local about | jq -c '.platform = "shared" | .gateway = true'
		else
			exec -a "$0" hermes-adapter-local "$@"
		fi
	SH
	chmod +x "$BATS_TEST_TMPDIR/bin/hermes-adapter-shared"
	PATH="$BATS_TEST_TMPDIR/bin:$PATH"
}

teardown() {
	stop_all
}

agent() {
	"$BATS_TEST_DIRNAME/servers/hermes-agent" "$@" 3>&-
}

# their_store [MODE [FTS]]: with a session in it.
their_store() {
	agent init "$@"
	agent new "$S" 'Fix the parser'
	agent say "$S" user 'please fix the parser'
	agent say "$S" assistant 'Done. Shall I commit it?'
}

their_gateway() {
	start "$BATS_TEST_DIRNAME/servers/hermes-agent" gateway "$@"
	wait_until 20 grep -q alive "$BATS_TEST_TMPDIR/out.$STARTED"
}

state_is() {
	[ "$(agent state "$S")" = "$1" ]
}

ours() {
	hermes-handoff status --session "$S" --jq "${1:-.state}" | tr -d '"'
}

carry() {
	hermes-carry >/dev/null 2>&1 </dev/null
}

# --- their file -----------------------------------------------------------------

@test "foreign: their store is ours too, in WAL and in delete mode, with both full texts and none" {
	local mode fts id
	for mode in wal delete; do
		for fts in one three none; do
			rm -rf "$HERMES_HOME"
			their_store "$mode" "$fts"
			run -0 hermes-state list --jq '"\(.id) \(.title)"'
			[ "$output" = "$S Fix the parser" ]
			run -0 hermes-state show 'Fix the parser' --jq '"\(.id) \(.source) \(.message_count)"'
			[ "$output" = "$S cli 2" ]
			run -0 words "$S"
			[ "$output" = $'user: please fix the parser\nassistant: Done. Shall I commit it?' ]
			hermes-state append "$S" 'yes, commit the parser' >/dev/null
			run -0 agent read "$S"
			[ "${lines[2]}" = 'user: yes, commit the parser' ]
			run -0 hermes-state search parser --jq .message.content
			[ "${#lines[@]}" = 2 ]
			run -0 hermes-state search commit parser --jq .message.content
			[ "$output" = 'yes, commit the parser' ]
			[ "$(sql 'PRAGMA journal_mode')" = "$mode" ]
			[ "$(sql 'PRAGMA integrity_check')" = ok ]
			[ "$(sql 'SELECT count(*), min(version) FROM schema_version')" = '1|11' ]
			if [ "$fts" = none ]; then
				[ -z "$(sql "SELECT 1 FROM sqlite_schema WHERE name = 'messages_fts'")" ]
			else
				[ "$(agent find parser)" = 2 ]
				[ "$(sql "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'")" = 3 ]
			fi
		done
	done
}

@test "foreign: reading their store changes nothing in it" {
	local before
	their_store delete
	before=$(sha256sum "$STORE")
	hermes-state list >/dev/null
	hermes-state messages "$S" >/dev/null
	hermes-state search parser >/dev/null
	hermes-handoff status --session "$S" >/dev/null
	hermes-handoff list
	[ "$(sha256sum "$STORE")" = "$before" ]
}

@test "foreign: tool calls pass through byte for byte" {
	local calls='[{"id": "c1",  "function":{"name":"grep","arguments":"{\"big\":12345678901234567890}"}}]'
	their_store
	sql "INSERT INTO messages (session_id, role, tool_calls, timestamp) VALUES ('$S', 'assistant',
		'$calls', 1)"
	run -0 hermes-state messages "$S" --last 1
	[[ $output == *12345678901234567890* ]]
	hermes-handoff local --session "$S" >/dev/null
	[ "$(sql 'SELECT tool_calls FROM messages WHERE tool_calls IS NOT NULL')" = "$calls" ]
}

@test "foreign: a row that another program wrote wrongly is shown, and hides no other" {
	their_store
	sql "INSERT INTO messages (session_id, role, content, timestamp)
		VALUES ('$S', 'user', CAST(x'ff66ff' AS TEXT), 1), ('$S', 'user', x'00ff', 2),
		('$S', 'user', 42, 3), ('$S', 'user', NULL, 4), ('$S', 'user', 'the last', 5)"
	run -0 hermes-state messages "$S" --jq .content
	[ "${lines[-1]}" = 'the last' ]
	[ "${#lines[@]}" = 7 ]
	run -0 hermes-state messages "$S"
	iconv -f UTF-8 -t UTF-8 <<<"$output" >/dev/null
	hermes-handoff local --session "$S" >/dev/null
	[ "$(ours)" = completed ]
}

@test "foreign: tool calls that are no JSON hide nothing" {
	their_store
	sql "INSERT INTO messages (session_id, role, tool_calls, timestamp)
		VALUES ('$S', 'assistant', '[{broken', 1)"
	run -0 hermes-state messages "$S"
	[ "${#lines[@]}" = 3 ]
	for line in "${lines[@]}"; do
		jq -e . <<<"$line" >/dev/null
	done
	hermes-handoff local --session "$S" >/dev/null
	[ "$(ours)" = completed ]
}

# --- compression -----------------------------------------------------------------

@test "foreign: a compressed session is followed to its newest child" {
	their_store
	agent compress "$S" child1
	agent say child1 user 'in the first child'
	agent compress child1 child2
	agent say child2 user 'in the second child'
	hermes-handoff local --session "$S" >/dev/null
	run -0 hermes-state bindings --jq .session
	[ "$output" = child2 ]
	run -0 words child2
	[[ $output == *'[This conversation'* ]]
	run -0 words "$S"
	[ "${#lines[@]}" = 2 ]
}

@test "foreign: a session that is compressed after the handoff was asked for is followed at the claim" {
	their_store
	hermes-handoff request local --session "$S" >/dev/null
	agent compress "$S" child
	carry
	run -0 hermes-state bindings --jq .session
	[ "$output" = child ]
}

@test "foreign: a child that was not made by compression is another conversation" {
	their_store
	agent new fork
	sql "UPDATE sessions SET parent_session_id = '$S' WHERE id = 'fork'"
	hermes-handoff local --session "$S" >/dev/null
	run -0 hermes-state bindings --jq .session
	[ "$output" = "$S" ]
}

# --- what they ask for --------------------------------------------------------------

@test "foreign: a handoff that their command line asks for is adopted and carried" {
	their_store
	agent handoff "$S" local
	[ "$(ours)" = pending ] || [ "$(ours)" = null ]
	run -0 hermes-watch --once
	[ "$(ours)" = completed ]
	state_is 'completed|local|'
	run -0 hermes-adapter-local read home --jq .text
	[[ $output == *'Fix the parser'* ]]
	run -0 ours .requester
	[ "$output" = hermes-agent ]
}

@test "foreign: while we carry it, handoff_error holds courier:ID:FENCE" {
	their_store
	agent handoff "$S" local
	hermes-handoff claim >/dev/null 2>&1
	id=$(ours .id)
	state_is "running|local|courier:$id:1"
	HERMES_CLOCK=100 hermes-handoff claim >"$BATS_TEST_TMPDIR/record" 2>/dev/null
	state_is "running|local|courier:$id:2"
	run -1 agent claim "$S"
	hermes-handoff thread <"$BATS_TEST_TMPDIR/record" | hermes-handoff switch | hermes-speak >/dev/null
	state_is 'completed|local|'
}

@test "foreign: a plain request of ours is published as pending, one to another place is not" {
	their_store
	hermes-handoff request local --session "$S" >/dev/null
	state_is 'pending|local|'
	hermes-handoff cancel "$(ours .id)" >/dev/null
	state_is '||'
	hermes-handoff request local --session "$S" --chat elsewhere >/dev/null
	state_is '||'
}

@test "foreign: an expired and a cancelled handoff publish nothing, a failed one says why" {
	their_store
	hermes-handoff request local --session "$S" >/dev/null
	HERMES_CLOCK=1000 run -1 hermes-handoff claim
	[ "$(ours)" = expired ]
	state_is '||'
	hermes-handoff request local --session "$S" --chat nowhere >/dev/null
	carry || :
	[ "$(ours)" = failed ]
	run -0 agent state "$S"
	[[ $output == 'failed|local|'?* ]]
}

# --- what they carry -------------------------------------------------------------------

@test "foreign: their claim while ours is pending is recorded, and ours leaves it" {
	their_store
	their_gateway
	hermes-handoff request shared --session "$S" >/dev/null
	agent claim "$S"
	run -1 hermes-handoff claim
	[ "$(ours)" = running ]
	agent complete "$S"
	run -1 hermes-handoff claim
	[ "$(ours)" = completed ]
	run -0 hermes-handoff log "$(ours .id)" --jq .what
	[[ $output == *claimed*completed* ]]
}

@test "foreign: their failure is taken in with its words" {
	their_store
	their_gateway
	hermes-handoff request shared --session "$S" >/dev/null
	agent claim "$S"
	run -1 hermes-handoff claim
	agent fail "$S" 'no topic'
	run -1 hermes-handoff claim
	[ "$(ours)" = failed ]
	[ "$(ours .error)" = 'no topic' ]
}

@test "foreign: a platform that their live gateway knows is theirs: we request, they carry" {
	their_store
	their_gateway --carry
	hermes-handoff shared --session "$S" --timeout 120 >/dev/null
	[ "$(ours)" = completed ]
	run -0 hermes-handoff log "$(ours .id)" --jq .detail
	[[ $output == *'another program'* ]]
}

@test "foreign: with a live gateway of theirs a claim leaves what it knows, and takes the rest" {
	their_store
	their_gateway
	hermes-handoff request shared --session "$S" >/dev/null
	run -1 hermes-handoff claim
	agent new other
	hermes-handoff request local --session other >/dev/null
	run -0 --separate-stderr hermes-handoff claim
	[ "$(jq -r .session.id <<<"$output")" = other ]
}

@test "foreign: a gateway that is dead, or has long not spoken, is nobody" {
	their_store
	their_gateway
	stop_all
	hermes-handoff request shared --session "$S" >/dev/null
	run -0 hermes-handoff claim
	hermes-handoff cancel "$(ours .id)" >/dev/null
	sql "UPDATE gateway_heartbeats SET pid = $$, last_heartbeat = unixepoch() - 3600"
	hermes-handoff request shared --session "$S" >/dev/null
	run -0 hermes-handoff claim
}

@test "foreign: a platform that our watcher serves is ours, whatever their gateway says" {
	their_store
	start hermes-watch --events
	wait_until 10 grep -q '"ready"' "$BATS_TEST_TMPDIR/out.1"
	their_gateway
	hermes-handoff shared --session "$S" --timeout 120 >/dev/null
	run -0 hermes-handoff log "$(ours .id)" --jq .what
	[[ $output == *switched*completed* ]]
}

@test "foreign: what a dead gateway left running does not block our request for ever" {
	their_store
	agent handoff "$S" local
	agent claim "$S"
	state_is 'running|local|'
	hermes-handoff request local --session "$S" >/dev/null
	run -0 hermes-handoff claim
	[ "$(ours)" = running ]
}

@test "foreign: what their gateway runs while it lives is refused by name" {
	their_store
	their_gateway
	agent handoff "$S" shared
	agent claim "$S"
	run -75 --separate-stderr hermes-handoff request local --session "$S"
	[[ $stderr == *'Hermes Agent'* ]]
}

@test "foreign: a handoff that their gateway took is taken back when that gateway dies" {
	their_store
	their_gateway
	hermes-handoff request shared --session "$S" >/dev/null
	agent claim "$S"
	run -1 hermes-handoff claim
	stop_all
	run -0 hermes-handoff claim
}

# --- turns and exits ----------------------------------------------------------------------

@test "foreign: a turn of theirs is honoured until its lease ends" {
	their_store
	agent turn "$S" 3600
	run -75 --separate-stderr hermes-handoff local --session "$S"
	[[ $stderr == *'their turn'* ]]
	hermes-handoff request local --session "$S" >/dev/null
	hermes-carry >/dev/null 2>&1 || :
	[ "$(ours)" = running ]
	[ "$(ours .attempt)" = 0 ]
	agent turn "$S" -1
	wait_until 20 hermes-carry
	[ "$(ours)" = completed ]
}

@test "foreign: a turn of theirs on the root of compressed sessions counts for the child" {
	their_store
	agent compress "$S" child
	agent turn "$S" 3600
	run -75 --separate-stderr hermes-handoff local --session child
	[[ $stderr == *'middle of a turn'* ]]
}

@test "foreign: cli_close after the handoff does not end what is seated elsewhere" {
	their_store
	hermes-handoff local --session "$S" >/dev/null
	thread=$(hermes-state show "$S" --jq .thread_id)
	agent close "$S"
	hermes-adapter-local say "home/$thread" 'and now?' >/dev/null
	hermes-watch --once
	run -0 hermes-state messages "$S" --last 2 --jq '.role + ": " + .content'
	[ "${lines[0]}" = 'user: and now?' ]
	[[ ${lines[1]} == assistant:* ]]
	[ "$(hermes-state list -q | wc -l)" = 1 ]
	run -0 sql "SELECT ended_at IS NULL, end_reason IS NULL FROM sessions"
	[ "$output" = '1|1' ]
}

@test "foreign: what we bind is published as the key that their router looks for" {
	their_store
	hermes-handoff local --session "$S" >/dev/null
	run -0 sql "SELECT session_key, chat_id, chat_type, thread_id FROM sessions"
	[ "$output" = 'agent:main:local:dm:home:h1|home|dm|h1' ]
}

@test "foreign: a session that they keep under a key answers there" {
	their_store
	sql "UPDATE sessions SET session_key = 'agent:main:local:dm:home' WHERE id = '$S'"
	hermes-adapter-local say home 'what of the parser?' >/dev/null
	hermes-watch --once
	run -0 hermes-state messages "$S" --last 2 --jq .role
	[ "$output" = $'user\nassistant' ]
	[ "$(hermes-state list -q | wc -l)" = 1 ]
}
