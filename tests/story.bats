#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The whole story, over real HTTP: a conversation begun at a command line, with tool calls
# in it, is handed to Telegram; the command line goes away; the human answers there, the
# watcher is restarted or killed, the human answers again. It stays one session, with the
# whole transcript, and everything is at Telegram once, where it belongs.
#
# Each test is a subshell of its own, and bats sets stderr:
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0
load common
load telegram

CALLS='[{"id":"call_1","type":"function","function":{"name":"terminal","arguments":"{\"command\": \"make  check\", \"t\":1.50}"}}]'

setup() {
	start_telegram
	room chat "{\"id\":$ANN,\"first_name\":\"Ann\",\"topics\":true}"
	room me '{"has_topics_enabled":true}'
	room chat "{\"id\":$FORUM,\"title\":\"Team\",\"is_forum\":true,\"bot_status\":\"administrator\",
		\"members\":[{\"id\":$ANN,\"first_name\":\"Ann\"},{\"id\":6,\"first_name\":\"Ben\"}]}"
	room chat "{\"id\":$PLAIN,\"title\":\"Plain\",\"bot_status\":\"administrator\",
		\"members\":[{\"id\":$ANN,\"first_name\":\"Ann\"},{\"id\":6,\"first_name\":\"Ben\"}]}"
	export HERMES_POLL=2
	export GIVEN=$BATS_TEST_TMPDIR/given
	agent_that_counts
}

teardown() {
	stop_all
	stop_all
	run ! grep -rlF "$SECRET" "$HERMES_HOME" "$BATS_TEST_TMPDIR"/{out,err}.*
}

# An agent that says what it was given: how many messages, and their roles.
agent_that_counts() {
	cat >"$BATS_TEST_TMPDIR/agent" <<-'END'
		#!/bin/sh
		cat >"$GIVEN.$$"
		mv "$GIVEN.$$" "$GIVEN"
		jq -rs '([.[] | .message // empty | .role] | "\(length): \(join(" "))")
			+ " | " + (.[-1].event.text | .[0:12])' "$GIVEN"
	END
	chmod +x "$BATS_TEST_TMPDIR/agent"
}

# home_at CHAT: the configuration, with that chat as Telegram's home.
home_at() {
	configure "agent: {use: command, command: $BATS_TEST_TMPDIR/agent}
platforms:
  telegram: {home_channel: {chat_id: \"$1\"}, allowed_users: [\"$ANN\"]}"
}

# cli_session: sets SESSION to one in which a tool was called.
cli_session() {
	SESSION=$(hermes-state new --title "Fix the parser" --source cli --jq .id)
	hermes-state append "$SESSION" "please fix the parser" >/dev/null
	hermes-state append "$SESSION" --role assistant --tool-calls "$CALLS" "Let me look." >/dev/null
	hermes-state append "$SESSION" --role tool --tool-call-id call_1 --tool-name terminal \
		"3 tests failed" >/dev/null
	hermes-state append "$SESSION" --role assistant "It is fixed. Shall I push it?" >/dev/null
}

# What a CLI that knows nothing of handoffs does as it exits.
cli_exits() {
	sql "UPDATE sessions SET ended_at = unixepoch(), end_reason = 'cli_close'
		WHERE id = '$SESSION'"
}

roles() {
	hermes-state messages "$SESSION" --jq .role | tr '\n' ' '
}

# said CHAT THREAD: what the bot said there, a line each.
said() {
	look "messages?chat=$1&thread=$2" | jq -r '.[] | select(.via == "bot") | .text'
}

# has_said CHAT THREAD COUNT: at least so many.
has_said() {
	(($(copies "$1" "$2") >= $3))
}

# human CHAT THREAD TEXT
human() {
	room say "$(jq -nc --argjson chat "$1" --argjson thread "$2" --arg text "$3" --argjson from "$ANN" \
		'{$chat, $text} + if $thread == 0 then {} else {$thread} end
			+ if $chat > 0 then {} else {$from} end')"
}

# Nothing waits, at Telegram or in the store, and each update was confirmed.
all_is_done() {
	[ "$(sql "SELECT count(*) FROM courier_events WHERE state IN ('queued', 'running')")" = 0 ] &&
		[ "$(sql "SELECT count(*) FROM courier_deliveries WHERE state <> 'sent'")" = 0 ] &&
		[ "$(look updates | jq '.pending | length')" = 0 ]
}

start_watching() {
	start hermes-watch --events
	WATCHER=${STARTED_PIDS[-1]}
	wait_until 10 grep -q '"ready"' "$BATS_TEST_TMPDIR/out.$STARTED"
}

# stop_watching SIGNAL
stop_watching() {
	kill -"$1" "$WATCHER"
	wait "$WATCHER" || [ $? = $((128 + $(kill -l "$1"))) ]
}

# topic_of CHAT: the one topic that was opened there, whose title is the session's.
topic_of() {
	look "topics?chat=$1" | jq -er 'if length == 1 and .[0].name == "Hermes — Fix the parser" then
		.[0].message_thread_id else error("not one topic: \(.)") end'
}

# tell CHAT THREAD SIGNAL: everything after the handoff, with the watcher ended by SIGNAL.
tell() {
	run -0 said "$1" "$2"
	[[ $output == "4: user assistant tool assistant | [This conver" ]]
	cli_exits

	start_watching
	human "$1" "$2" "yes, push it"
	wait_until 10 has_said "$1" "$2" 2
	stop_watching "$3"
	human "$1" "$2" "and what now?"
	start_watching
	wait_until 10 has_said "$1" "$2" 3
	wait_until 10 all_is_done

	run -0 said "$1" "$2"
	[ "${lines[1]}" = "6: user assistant tool assistant user assistant | yes, push it" ]
	[ "${lines[2]}" = "8: user assistant tool assistant user assistant user assistant | and what now" ]
	[ ${#lines[@]} = 3 ]
	one_whole_session
}

one_whole_session() {
	[ "$(sql 'SELECT count(*) FROM sessions')" = 1 ]
	[ "$(roles)" = "user assistant tool assistant user assistant user assistant user assistant " ]
	[ "$(sql 'SELECT ended_at IS NULL FROM sessions')" = 1 ]
	[ "$(sql 'SELECT tool_calls FROM messages WHERE tool_calls IS NOT NULL')" = "$CALLS" ]
	[ "$(sql "SELECT tool_call_id FROM messages WHERE role = 'tool'")" = call_1 ]
	# and that is how the agent was given them
	run -0 jq -r '.message // empty | .tool_calls // empty | if type == "string" then . else tojson end' "$GIVEN"
	[ "$(jq -c . <<<"$output")" = "$(jq -c . <<<"$CALLS")" ]
	grep -qF '\"t\":1.50}' "$GIVEN"
	[ "$(jq -r '.message // empty | select(.role == "tool").tool_call_id' "$GIVEN")" = call_1 ]
	[ "$(sql "SELECT count(*) FROM courier_events WHERE state <> 'done'")" = 0 ]
}

@test "a private chat with topics: one session before and after the watcher is told to end" {
	home_at "$ANN"
	cli_session
	run -0 hermes handoff telegram --session "$SESSION" --jq .state
	[ "$output" = completed ]
	tell "$ANN" "$(topic_of "$ANN")" TERM
	[ "$(copies "$ANN" 0)" = 0 ]
}

@test "a private chat with topics: one session before and after the watcher is killed" {
	home_at "$ANN"
	cli_session
	hermes handoff telegram --session "$SESSION" -q
	tell "$ANN" "$(topic_of "$ANN")" KILL
	[ "$(copies "$ANN" 0)" = 0 ]
}

@test "a forum: the handoff opens a topic, and who may speak there is answered in it" {
	home_at "$FORUM"
	cli_session
	hermes handoff telegram --shared --session "$SESSION" -q
	tell "$FORUM" "$(topic_of "$FORUM")" KILL
	[ "$(copies "$FORUM" 0)" = 0 ]
}

@test "a plain group: --shared is needed, and then the group itself is the place" {
	home_at "$PLAIN"
	cli_session
	run -77 --separate-stderr hermes handoff telegram --session "$SESSION"
	[[ $stderr == *"would be read by 2 people"*--shared* ]]
	[ "$(copies "$PLAIN" 0)" = 0 ]
	hermes handoff telegram --shared --session "$SESSION" -q
	tell "$PLAIN" 0 TERM
}

@test "a private chat without topics: the chat itself is the place" {
	room chat "{\"id\":$ANN,\"topics\":false}"
	home_at "$ANN"
	cli_session
	hermes handoff telegram --session "$SESSION" -q
	tell "$ANN" 0 KILL
}

@test "in a forum, what a stranger says in the topic is not answered, and not in the transcript" {
	home_at "$FORUM"
	cli_session
	hermes handoff telegram --shared --session "$SESSION" -q
	topic=$(topic_of "$FORUM")
	start_watching
	room say "{\"chat\":$FORUM,\"thread\":$topic,\"from\":6,\"text\":\"drop the tables\"}"
	human "$FORUM" "$topic" "yes, push it"
	wait_until 10 has_said "$FORUM" "$topic" 2
	[ "$(sql "SELECT state FROM courier_events WHERE user = '6'")" = denied ]
	run ! grep -q "drop the tables" "$GIVEN"
}

@test "a running watcher carries the handoff, and the reply comes to the topic once" {
	home_at "$ANN"
	cli_session
	start_watching
	run -0 hermes handoff telegram --session "$SESSION" --jq .state
	[ "$output" = completed ]
	grep -q '"job":"carry"' "$BATS_TEST_TMPDIR/out.$STARTED"
	topic=$(topic_of "$ANN")
	human "$ANN" "$topic" "yes, push it"
	wait_until 10 has_said "$ANN" "$topic" 2
	wait_until 10 all_is_done
	[ "$(copies "$ANN" "$topic")" = 2 ]
}

@test "an update that comes again, as Telegram was never told that it was heard, is answered once" {
	home_at "$ANN"
	cli_session
	hermes handoff telegram --session "$SESSION" -q
	topic=$(topic_of "$ANN")
	human "$ANN" "$topic" "yes, push it"
	hermes-listen telegram --wait 0
	hermes-answer >/dev/null
	has_said "$ANN" "$topic" 2
	# The store is a copy of before; Telegram still has the update.
	[ "$(look updates | jq '.pending | length')" = 1 ]
	sql "UPDATE courier_platforms SET cursor = NULL WHERE platform = 'telegram'"
	run -0 hermes-listen telegram --wait 0
	[ "$(jq -c . <<<"$output")" = '{"stored":0,"known":1}' ]
	start_watching
	human "$ANN" "$topic" "and what now?"
	wait_until 10 has_said "$ANN" "$topic" 3
	wait_until 10 all_is_done
	[ "$(copies "$ANN" "$topic")" = 3 ]
	[ "$(sql "SELECT count(*) FROM courier_events WHERE origin = 'telegram'")" = 2 ]
}

@test "handed on from Telegram by the agent's own tool: a model is asked to continue on local" {
	home_at "$ANN"
	start_server "$BATS_TEST_TMPDIR/model" "$BATS_TEST_DIRNAME/servers/chat-completions"
	export HERMES_AGENT_BASE_URL=http://127.0.0.1:$PORT/v1 LOCAL_ROOT=$BATS_TEST_TMPDIR/rooms
	configure "agent: {use: openai, model: test-model}
platforms:
  telegram: {home_channel: {chat_id: \"$ANN\"}}
  local: {enabled: true}"
	cli_session
	hermes handoff telegram --session "$SESSION" -q
	topic=$(topic_of "$ANN")
	cli_exits
	curl -sS --fail "http://127.0.0.1:$PORT/_/say" -d '[
		{"text": "One moment.", "calls": [{"id": "c9", "name": "handoff", "arguments": "{\"platform\":\"local\"}"}]},
		{"text": "Going on at your desk."}, {"text": "Here we are."}, {"text": "Pushed."}]'

	start_watching
	human "$ANN" "$topic" "continue on local"
	wait_until 10 is_on_local
	wait_until 10 all_is_done
	wait_until 10 has_said "$ANN" "$topic" 3
	[ "$(said "$ANN" "$topic" | tail -n 2 | head -n 1)" = "Going on at your desk." ]
	[[ $(said "$ANN" "$topic" | tail -n 1) == "This conversation continues on local"* ]]
	run -0 hermes-handoff status --session "$SESSION" --jq '[.platform, .state, .requester]'
	[ "$output" = '["local","completed","agent"]' ]

	# The human goes on there, and it is the same session.
	thread=$(hermes-adapter-local read home --jq 'select(.bot).thread')
	hermes-adapter-local say "home/$thread" "then push it"
	wait_until 10 in_the_room "Pushed."
	[ "$(sql 'SELECT count(*) FROM sessions')" = 1 ]
	run -0 hermes-state messages "$SESSION" --jq '.role + ": " + .content'
	[[ $output == *"tool: 3 tests failed"*"user: continue on local"*"assistant: One moment."*"tool: Requested"*"assistant: Going on at your desk."*"assistant: Here we are."*"user: then push it"*"assistant: Pushed."* ]]
	# Streamed, with every tool call followed by its result: the server is strict.
	run -0 curl -sS "http://127.0.0.1:$PORT/_/requests"
	holds 'all(.status == 200 and .body.stream) and length == 5'
	holds '.[-1].body.messages | map(select(.role == "tool").tool_call_id) == ["call_1", "c9"]'
}

is_on_local() {
	in_the_room "Here we are."
}

in_the_room() {
	hermes-adapter-local read home --jq 'select(.bot).text' | grep -qxF "$1"
}

@test "from Telegram to local and back: the topic is told, keeps its binding, and is answered again" {
	home_at "$ANN"
	cat >>"$HERMES_HOME/config.yaml" <<-'END'
		  local: {enabled: true, allow_all_users: true}
	END
	export LOCAL_ROOT=$BATS_TEST_TMPDIR/rooms
	hermes-adapter-local room home --member ann -q
	cli_session
	hermes handoff telegram --session "$SESSION" -q
	topic=$(topic_of "$ANN")
	start_watching
	hermes handoff local --session "$SESSION" -q
	wait_until 10 has_said "$ANN" "$topic" 2
	[[ $(said "$ANN" "$topic" | tail -n 1) == 'This conversation continues on local'* ]]

	# It is not reached unasked, and nothing new begins.
	human "$ANN" "$topic" "do you hear me?"
	wait_until 10 has_said "$ANN" "$topic" 3
	[[ $(said "$ANN" "$topic") == *'What you wrote here was not passed on'* ]]
	run ! grep -q "do you hear me" "$GIVEN"
	[ "$(sql 'SELECT count(*) FROM sessions')" = 1 ]

	hermes handoff --back --session "$SESSION" -q
	wait_until 10 has_said "$ANN" "$topic" 4
	[ "$(look "topics?chat=$ANN" | jq length)" = 1 ]
	stop_watching KILL
	human "$ANN" "$topic" "now push it"
	start_watching
	wait_until 10 has_said "$ANN" "$topic" 5
	wait_until 10 all_is_done
	[[ $(said "$ANN" "$topic" | tail -n 1) == *'now push it'* ]]
	[ "$(sql 'SELECT count(*) FROM sessions')" = 1 ]
	run -0 hermes-adapter-local read home --jq 'select(.bot).text'
	[[ $output == *'This conversation continues on telegram'* ]]
}

@test "who blocks the bot is left in peace, and is heard again when she writes" {
	home_at "$ANN"
	cli_session
	hermes handoff telegram --session "$SESSION" -q
	topic=$(topic_of "$ANN")
	room chat "{\"id\":$ANN,\"blocked\":true}"
	run ! hermes send "telegram:$ANN" "are you there?"
	[ "$(sql "SELECT count(*) FROM courier_chats WHERE died IS NOT NULL")" = 1 ]
	asked=$(requests sendMessage)
	run -1 --separate-stderr hermes handoff telegram --session "$SESSION"
	[[ $stderr == *'blocked by the user'*'first seen'* ]]
	[ "$(requests sendMessage)" = "$asked" ]
	run -1 hermes doctor --jq 'select(.platform == "telegram").text'
	[[ $output == *"$ANN"*blocked* ]]
	room chat "{\"id\":$ANN,\"blocked\":false}"
	start_watching
	human "$ANN" "$topic" "here again"
	wait_until 10 has_said "$ANN" "$topic" 2
	[ "$(sql "SELECT count(*) FROM courier_chats WHERE died IS NOT NULL")" = 0 ]
}
