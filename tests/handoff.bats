#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes handoff: what it asks for, what it refuses and with which status, what its options
# do, and the plumbing beneath it. On the platform `local`.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

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
  local: {enabled: true, allowed_users: ['$ME']}
  fault: {enabled: true, allowed_users: ['$ME']}
  paused: {enabled: false}"
}

speaks() {
	printf '#!/bin/bash\n%s\n' "$1" >"$BATS_TEST_TMPDIR/agent"
	chmod +x "$BATS_TEST_TMPDIR/agent"
	settings "use: command, command: '$BATS_TEST_TMPDIR/agent'"
}

room() {
	hermes-adapter-local room "$@" -q >/dev/null
}

team() {
	room team --kind group --no-threads --member ada=Ada --member bob=Bob
}

handoff() {
	hermes-handoff "${1:-local}" --session "$S" "${@:2}" </dev/null
}

status() {
	hermes-handoff status --session "$S" --jq "${1:-.state}" | tr -d '"'
}

read_bot() {
	hermes-adapter-local read "${1:-home}" --json | jq -r 'select(.bot).text'
}

# asked: how many handoffs were ever asked for.
asked() {
	hermes-handoff list -q | wc -l
}

# request: prints the id of a pending handoff.
request() {
	hermes-handoff request local --session "$S" --jq .id | tr -d '"'
}

# --- the main job ---------------------------------------------------------------

@test "handoff: without any daemon it carries the conversation itself and says where it is" {
	run -0 --separate-stderr handoff
	[ "$(jq -r '"\(.state) \(.place.chat) \(.place.thread) \(.delivered | length)"' <<<"$output")" \
		= 'completed home h1 1' ]
	run -0 read_bot
	[[ $output == *"Fix the parser"* ]]
	run -0 words "$S"
	[[ ${lines[2]} == 'user: [This conversation ("Fix the parser") has just moved from cli to local.'* ]]
}

@test "handoff: the notice is stored once, as the user's, under handoff:ID" {
	handoff >/dev/null
	run -0 sql "SELECT role, count(*) FROM messages WHERE platform_message_id = 'handoff:1'"
	[ "$output" = 'user|1' ]
}

@test "handoff: the next message there continues the same session" {
	handoff >/dev/null
	hermes-adapter-local say home/h1 'go on' >/dev/null
	hermes-watch --once
	run -0 words "$S"
	[[ $output == *'user: go on'* ]]
	[ "$(hermes-state list -q | wc -l)" = 1 ]
}

@test "handoff: a watcher that serves the platform carries it, and the asker only waits" {
	start hermes-watch --events
	wait_until 10 grep -q '"ready"' "$BATS_TEST_TMPDIR/out.1"
	handoff >/dev/null
	run -0 grep -c '"job":"carry"' "$BATS_TEST_TMPDIR/out.1"
}

@test "handoff: it works from anywhere to anywhere, and back again" {
	room den --no-threads --member "$ME"
	handoff >/dev/null
	handoff local:den >/dev/null
	run -0 hermes-state show "$S" --jq '.seat.place.chat'
	[ "$(tr -d '"' <<<"$output")" = den ]
	handoff >/dev/null
	run -0 hermes-state show "$S" --jq '"\(.seat.place.chat) \(.seat.epoch)"'
	[ "$(tr -d '"' <<<"$output")" = 'home 4' ]
	[ "$(asked)" = 3 ]
}

# --- which session -----------------------------------------------------------------

@test "handoff: the session is named by id, prefix, title, stdin or HERMES_SESSION" {
	hermes-handoff local --session "${S:0:20}" --dry-run </dev/null >/dev/null
	hermes-handoff local --session 'Fix the parser' --dry-run </dev/null >/dev/null
	echo "$S" | hermes-handoff local --session - --dry-run >/dev/null
	HERMES_SESSION=$S hermes-handoff local --dry-run </dev/null >/dev/null
}

@test "handoff: in a script without a session it is 64, and nothing is asked" {
	run -64 --separate-stderr hermes-handoff local </dev/null
	[[ $stderr == *--session* ]]
	[[ $stderr == *HERMES_SESSION* ]]
	[ "$(asked)" = 0 ]
}

@test "handoff: on a terminal the newest CLI session is taken, and its title is said first" {
	command -v script >/dev/null || skip "script(1) is not installed"
	run -0 script -qec 'hermes-handoff local' /dev/null </dev/null
	[[ ${lines[0]} == *'Fix the parser'* ]]
	[[ $output == *'Now on local'* ]]
	[[ $output == *'hermes chat --resume "Fix the parser"'* ]]
}

@test "handoff: no such session is 66" {
	run -66 --separate-stderr hermes-handoff local --session nothing </dev/null
	[ -z "$output" ]
	[[ $stderr == 'hermes-handoff: nothing: no such session; '* ]]
}

@test "handoff: an ambiguous prefix is 64 and lists what it may mean" {
	hermes-state new --id same_one >/dev/null
	hermes-state new --id same_two >/dev/null
	run -64 --separate-stderr hermes-handoff local --session same </dev/null
	[[ $stderr == *same_one* ]]
	[[ $stderr == *same_two* ]]
	hermes-handoff local --session same_o --dry-run </dev/null >/dev/null
}

@test "handoff: an empty session name is not the first session there is" {
	run ! hermes-handoff local --session '' </dev/null
	[ "$(asked)" = 0 ]
}

@test "handoff: a transcript that lives elsewhere becomes a session" {
	printf '%s\n' '{"role":"user","content":"from afar"}' '{"role":"assistant","content":"Yes?"}' \
		>"$BATS_TEST_TMPDIR/t"
	run -0 --separate-stderr hermes-handoff local --transcript "$BATS_TEST_TMPDIR/t" </dev/null
	id=$(jq -r .session <<<"$output")
	run -0 words "$id"
	[ "${lines[0]}" = 'user: from afar' ]
	[ "${lines[1]}" = 'assistant: Yes?' ]
}

@test "handoff: a transcript that is broken makes nothing" {
	local before
	before=$(hermes-state list -q | wc -l)
	for text in '' '{' '{"role":1}' '[]' 'null' '{"content":"no role"}' $'{"role":"user","content":"\xff"}'; do
		run -65 --separate-stderr hermes-handoff local --transcript - <<<"$text"
		[ -n "$stderr" ]
	done
	printf '{"role":"user","content":"cut' | run -65 hermes-handoff local --transcript -
	run ! hermes-handoff local --transcript "$BATS_TEST_TMPDIR/nothing" </dev/null
	[ "$(hermes-state list -q | wc -l)" = "$before" ]
	[ "$(asked)" = 0 ]
}

@test "handoff: a refused transcript leaves no session behind" {
	local before
	team
	before=$(hermes-state list -q | wc -l)
	echo '{"role":"user","content":"x"}' | run -77 hermes-handoff local:team --transcript -
	[ "$(hermes-state list -q | wc -l)" = "$before" ]
}

# --- refusals ------------------------------------------------------------------------

@test "handoff: an unknown platform is 64, and nothing is asked" {
	for platform in nowhere ../sh '' 'a b' 'LOCAL'; do
		run -64 --separate-stderr hermes-handoff "$platform" --session "$S" </dev/null
		[ -n "$stderr" ]
	done
	[ "$(asked)" = 0 ]
}

@test "handoff: a platform that is disabled or not configured is 78 and says what to set" {
	cp -s "$BATS_TEST_DIRNAME/adapters/hermes-adapter-fault" "$BATS_TEST_TMPDIR/hermes-adapter-paused"
	PATH="$BATS_TEST_TMPDIR:$PATH"
	run -78 --separate-stderr handoff paused
	[[ $stderr == *platforms.paused.enabled* ]]
	run -78 --separate-stderr handoff telegram
	[[ $stderr == *TELEGRAM_* ]]
	[ "$(asked)" = 0 ]
}

@test "handoff: a session that is in the middle of a turn is 75, and says who speaks" {
	speaks "until [ -e '$BATS_TEST_TMPDIR/go' ]; do sleep 0.02; done; echo here"
	room den --no-threads --member "$ME"
	echo "{\"platform\":\"local\",\"account\":\"local\",\"chat\":\"den\",\"kind\":\"dm\",\"user\":\"$ME\"}" \
		| hermes-state bind "$S" >/dev/null
	hermes-adapter-local say den 'a question' >/dev/null
	start hermes-watch
	wait_until 10 eval '[ "$(sql "SELECT count(*) FROM courier_events WHERE step = '"'speaking'"'")" = 1 ]'
	run -75 --separate-stderr handoff
	[[ $stderr == *'middle of a turn'* ]]
	: >"$BATS_TEST_TMPDIR/go"
	[ "$(asked)" = 0 ]
}

@test "handoff: one in flight is 75: which, where to, since when, and how to end it" {
	id=$(request)
	run -75 --separate-stderr handoff
	[[ $stderr == *"handoff $id to local is pending"* ]]
	[[ $stderr == *ago* || $stderr == *now* ]]
	[[ $stderr == *"cancel $id"* ]]
	run -75 hermes-handoff request local --session "$S"
	hermes-handoff claim >/dev/null 2>&1
	run -75 --separate-stderr handoff
	[[ $stderr == *running* ]]
	[[ $stderr == *'held by'* ]]
	[ "$(asked)" = 1 ]
}

@test "handoff: a place that others read is 77 and names them, unless it is --shared" {
	team
	run -77 --separate-stderr handoff local:team
	[[ $stderr == *Ada* ]]
	[[ $stderr == *Bob* ]]
	[[ $stderr == *--shared* ]]
	[ "$(asked)" = 0 ]
	handoff local:team --shared >/dev/null
	[ "$(status)" = completed ]
	run -0 read_bot team
	[ -n "$output" ]
}

@test "handoff: platforms.X.shared allows a place that others read" {
	team
	configure "platforms: {local: {enabled: true, shared: true}}"
	handoff local:team >/dev/null
	[ "$(status)" = completed ]
}

@test "handoff: whoever joins after the asking is seen before the conversation is shown" {
	room den --kind group --no-threads --member "$ME"
	hermes-handoff request local --session "$S" --chat den >/dev/null
	room den --kind group --no-threads --member "$ME" --member eve=Eve
	run ! hermes-carry
	[ "$(status)" = failed ]
	[ "$(status .code)" = 77 ]
	[[ $(status .error) == *Eve* ]]
	[ -z "$(read_bot den)" ]
}

@test "handoff: a room that there is not is refused before anything is asked" {
	run ! --separate-stderr handoff local:nowhere
	[[ $stderr == *nowhere* ]]
	[ "$(asked)" = 0 ]
}

# --- options --------------------------------------------------------------------------

@test "handoff: --dry-run prints bot, chat, thread, key and audience, and changes nothing" {
	local before
	before=$(sqlite3 "$STORE" .dump | sha256sum)
	run -0 --separate-stderr handoff local --dry-run
	[ "$(jq -c '[.bot, .chat, .thread, .key, .audience.size, .session.title]' <<<"$output")" \
		= '["local","home",null,"agent:main:local:dm:home",1,"Fix the parser"]' ]
	[ "$(sqlite3 "$STORE" .dump | sha256sum)" = "$before" ]
	[ ! -e "$HERMES_HOME/local/home/threads/h1.json" ]
	team
	run -77 handoff local:team --dry-run
}

@test "handoff: --dry-run with a transcript makes no session" {
	local before
	before=$(hermes-state list -q | wc -l)
	echo '{"role":"user","content":"x"}' >"$BATS_TEST_TMPDIR/t"
	run hermes-handoff local --transcript "$BATS_TEST_TMPDIR/t" --dry-run </dev/null
	[ "$status" = 0 ] || [ "$status" = 64 ]
	[ "$(hermes-state list -q | wc -l)" = "$before" ]
}

@test "handoff: --no-turn delivers the notice alone" {
	handoff local --no-turn >/dev/null
	[ "$(status)" = completed ]
	[ "$(status .turn)" = null ]
	run -0 read_bot
	[[ $output == *'continues here'* ]]
	run -0 words "$S"
	[[ $output != *'assistant: I'* ]]
}

@test "handoff: an agent that cannot speak does not hold up the move, and that is said" {
	export HERMES_ATTEMPTS=2
	speaks 'exit 3'
	run -0 --separate-stderr handoff
	[ "$(jq -c '[.state, .turn]' <<<"$output")" = '["completed",null]' ]
	[[ $(jq -r .note <<<"$output") == *'status 3'* ]]
	run -0 read_bot
	[[ $output == *'continues here'* ]]
}

@test "handoff: --message-file is what the agent is told" {
	echo 'Summarise in Latin.' >"$BATS_TEST_TMPDIR/m"
	speaks 'jq -r "select(.event).event.text" | sed "s/^/heard: /"'
	handoff local --message-file "$BATS_TEST_TMPDIR/m" >/dev/null
	run -0 read_bot
	[ "${lines[0]}" = 'heard: Summarise in Latin.' ]
	run -0 sql "SELECT count(*) FROM messages WHERE content GLOB 'Summarise*'"
	[ "$output" = 1 ]
}

@test "handoff: a --message-file that is empty, not UTF-8, with a NUL, or not there asks nothing" {
	: >"$BATS_TEST_TMPDIR/m"
	run -65 handoff local --message-file "$BATS_TEST_TMPDIR/m"
	printf '\xff\xfe' >"$BATS_TEST_TMPDIR/m"
	run -65 handoff local --message-file "$BATS_TEST_TMPDIR/m"
	printf 'a\0b' >"$BATS_TEST_TMPDIR/m"
	run -65 handoff local --message-file "$BATS_TEST_TMPDIR/m"
	run -66 handoff local --message-file "$BATS_TEST_TMPDIR/nothing"
	[ "$(asked)" = 0 ]
}

@test "handoff: --require-thread fails where there are none, and says why" {
	room den --no-threads --member "$ME"
	run -1 --separate-stderr handoff local:den --require-thread
	[[ $stderr == *thread* ]]
	[ "$(status)" = failed ]
	[ -z "$(read_bot den)" ]
	handoff local --require-thread >/dev/null
	[ "$(status)" = completed ]
}

@test "handoff: without it the home itself is taken, and the reason is kept" {
	room den --no-threads --member "$ME"
	handoff local:den >/dev/null
	[ "$(status)" = completed ]
	[ -n "$(status .place.why)" ]
	[ "$(status .place.thread)" = null ]
}

@test "handoff: a place with another live conversation is 75; --replace pushes it out" {
	room den --no-threads --member "$ME"
	handoff local:den >/dev/null
	first=$S
	S=$(hermes-state new --title other --jq .id)
	run -75 --separate-stderr handoff local:den
	[[ $stderr == *"$first"* ]]
	handoff local:den --replace >/dev/null
	[ "$(hermes-state bindings --jq .session)" = "$S" ]
}

@test "handoff: the same session handed to the place where it is is no stranger there" {
	room den --no-threads --member "$ME"
	handoff local:den >/dev/null
	handoff local:den >/dev/null
	[ "$(status)" = completed ]
}

@test "handoff: an ended conversation does not keep a place" {
	room den --no-threads --member "$ME"
	handoff local:den >/dev/null
	hermes-state end "$S" >/dev/null
	S=$(hermes-state new --jq .id)
	handoff local:den >/dev/null
	[ "$(status)" = completed ]
}

@test "handoff: --chat and --thread are taken literally" {
	room den --member "$ME"
	hermes-ask local thread <<<"{\"place\":{\"chat\":\"den\"},\"title\":\"T\",\"delivery\":\"mine\"}" >/dev/null
	handoff local --chat den --thread mine >/dev/null
	[ "$(status '"\(.place.chat)/\(.place.thread)"')" = den/mine ]
}

@test "handoff: --no-wait asks, starts the work, and returns" {
	speaks "until [ -e '$BATS_TEST_TMPDIR/go' ]; do sleep 0.02; done; echo here"
	run -0 --separate-stderr handoff local --no-wait
	[ "$(jq -r .state <<<"$output")" = pending ]
	wait_until 10 eval '[ "$(status .step)" != null ]'
	: >"$BATS_TEST_TMPDIR/go"
	wait_until 10 eval '[ "$(status)" = completed ]'
}

@test "handoff: --no-wait --no-carry only asks" {
	handoff local --no-wait --no-carry >/dev/null
	[ "$(status)" = pending ]
	hermes-carry >/dev/null
	[ "$(status)" = completed ]
}

@test "handoff: nobody who claims it in time is 75, and it is withdrawn" {
	HERMES_CLAIM_WAIT=0.3 run -75 --separate-stderr handoff local --no-carry
	[[ $stderr == *'nobody took'* ]]
	[ -z "$output" ]
	[ "$(status)" = cancelled ]
}

@test "handoff: --timeout on a running one is 75, and it goes on" {
	speaks "until [ -e '$BATS_TEST_TMPDIR/go' ]; do sleep 0.02; done; echo here"
	run -75 --separate-stderr handoff local --timeout 0.5
	[ "$(status)" = running ]
	: >"$BATS_TEST_TMPDIR/go"
	wait_until 10 eval '[ "$(status)" = completed ]'
}

@test "handoff: Ctrl-C ends the waiting, not the work" {
	speaks "until [ -e '$BATS_TEST_TMPDIR/go' ]; do sleep 0.02; done; echo here"
	# A background job of a script ignores SIGINT; SIGTERM is the same road.
	hermes-handoff local --session "$S" </dev/null >/dev/null 2>"$BATS_TEST_TMPDIR/words" 3>&- &
	asker=$!
	wait_until 10 eval '[ "$(status .step)" = sending ] || [ "$(sql "SELECT count(*) FROM courier_events")" = 1 ]'
	kill -TERM "$asker"
	ended=0
	wait "$asker" || ended=$?
	[ "$ended" = 75 ]
	run -0 cat "$BATS_TEST_TMPDIR/words"
	[[ $output == *'goes on without us'* ]]
	: >"$BATS_TEST_TMPDIR/go"
	wait_until 10 eval '[ "$(status)" = completed ]'
}

@test "handoff: an interrupted asker withdraws what is pending" {
	hermes-handoff local --session "$S" --no-carry </dev/null >/dev/null 2>&1 3>&- &
	asker=$!
	wait_until 10 eval '[ "$(status)" = pending ]'
	kill -TERM "$asker"
	ended=0
	wait "$asker" || ended=$?
	[ "$ended" = 143 ]
	[ "$(status)" = cancelled ]
}

@test "handoff: --request-id twice is one handoff; with another content it is 65" {
	run -0 --separate-stderr handoff local --request-id once
	first=$output
	run -0 --separate-stderr handoff local --request-id once
	[ "$(jq -r .id <<<"$output")" = "$(jq -r .id <<<"$first")" ]
	[ "$(asked)" = 1 ]
	[ "$(read_bot | grep -c "I'm here")" = 1 ]
	run -65 --separate-stderr handoff local --request-id once --no-turn
	[[ $stderr == *once* ]]
}

@test "handoff: an agent that is not there is tried no more than it must be" {
	settings 'use: nothing'
	run -0 handoff
	[ "$(status .turn)" = null ]
	[[ $(status .note) == *'cannot be started'* ]]
}

# --- what goes wrong there ------------------------------------------------------------------

@test "handoff: trouble that passes is tried again after its delays, five times in all" {
	printf 'send refuse\n%.0s' {1..4} >"$HERMES_HOME/fault-orders"
	handoff fault >/dev/null
	[ "$(status)" = completed ]
	[ "$(status .attempt)" = 4 ]
}

@test "handoff: after five attempts it has failed, says why, and the session is where it was" {
	printf 'send refuse\n%.0s' {1..9} >"$HERMES_HOME/fault-orders"
	run -69 --separate-stderr handoff fault
	[[ $stderr == *'on order'* ]]
	[[ $stderr == *'where it was'* ]]
	[ "$(status)" = failed ]
	[ "$(grep -c . "$HERMES_HOME/fault-orders")" = 4 ]
	[ -z "$(hermes-state bindings)" ]
}

@test "handoff: an adapter that dies, hangs or talks rubbish loses nothing" {
	export HERMES_ADAPTER_LIMIT=1
	for trouble in 'thread die_before' 'thread hang' 'thread garbage' 'send die_before' 'send hang' \
		'send garbage' 'send die_after' 'thread after'; do
		S=$(hermes-state new --jq .id)
		echo "$trouble" >"$HERMES_HOME/fault-orders"
		handoff fault >/dev/null
		[ "$(status)" = completed ]
	done
}

@test "handoff: a message that arrived, of which the answer was lost, is not said twice" {
	echo 'send after' >"$HERMES_HOME/fault-orders"
	handoff fault >/dev/null
	run -0 env LOCAL_ROOT="$HERMES_HOME/fault" hermes-adapter-local read home --json
	[ "$(jq -s 'map(select(.bot)) | length' <<<"$output")" = 1 ]
}

# --- plumbing ---------------------------------------------------------------------------------

@test "handoff request: prints the handoff, pending, and takes any platform" {
	run -0 hermes-handoff request xyzzy --session "$S" --jq '"\(.state) \(.platform) \(.session)"'
	[ "$(tr -d '"' <<<"$output")" = "pending xyzzy $S" ]
	run -66 hermes-handoff request local --session nothing
	run -64 hermes-handoff request local </dev/null
	run -64 hermes-handoff request
}

@test "handoff request: a thread needs its chat" {
	run -64 hermes-handoff request local --session "$S" --thread t
	[ "$(asked)" = 0 ]
}

@test "handoff status: a session that was never handed off has state null; none is 66" {
	run -0 hermes-handoff status --session "$S" --jq '[.session, .platform, .state, .error]' --json
	[ "$output" = "[\"$S\",null,null,null]" ]
	run -66 hermes-handoff status --session nothing
	run -66 hermes-handoff status 99
	run -64 hermes-handoff status 1 2
}

@test "handoff status: --follow prints each change until it ends" {
	id=$(request)
	hermes-handoff status "$id" --follow --jq .state >"$BATS_TEST_TMPDIR/seen" 3>&- &
	follower=$!
	wait_until 5 test -s "$BATS_TEST_TMPDIR/seen"
	hermes-carry >/dev/null
	wait "$follower"
	run -0 tr -d '"' <"$BATS_TEST_TMPDIR/seen"
	[ "${lines[0]}" = pending ]
	[ "${lines[-1]}" = completed ]
}

@test "handoff list: oldest request first, by state, ids with -q, nothing is an empty answer" {
	run -0 hermes-handoff list
	[ -z "$output" ]
	request
	first=$S
	S=$(hermes-state new --jq .id)
	request
	run -0 hermes-handoff list --jq .session
	[ "$(tr -d '"' <<<"${lines[0]}")" = "$first" ]
	hermes-handoff cancel 1 >/dev/null
	run -0 hermes-handoff list --state pending -q
	[ "$output" = 2 ]
	run -0 hermes-handoff list --state cancelled -q
	[ "$output" = 1 ]
}

@test "handoff log: what happened, in order, with times; 66 without one" {
	handoff >/dev/null
	run -0 hermes-handoff log 1 --jq .what
	[ "$(tr -d '"' <<<"$output" | tr '\n' ' ')" \
		= 'requested claimed opening opened switched speaking sending completed ' ]
	run -0 hermes-handoff log 1 --jq '.at > 1000000000'
	[ "$(sort -u <<<"$output")" = true ]
	run -66 hermes-handoff log 99
}

@test "handoff claim: nothing to claim is 1 and a word; a record carries strings for ids" {
	run -1 --separate-stderr hermes-handoff claim
	[ -z "$output" ]
	[[ $stderr == *'nothing waits'* ]]
	request
	run -0 --separate-stderr hermes-handoff claim
	jq -e '(.handoff.id | type) == "string" and .handoff.attempt == 1 and .handoff.fence == 1
		and .session.title == "Fix the parser"' <<<"$output"
}

@test "handoff claim: one unless more are wanted, of one session if it is named" {
	request
	first=$S
	S=$(hermes-state new --jq .id)
	request
	run -0 --separate-stderr hermes-handoff claim --session "$S"
	[ "$(jq -r .session.id <<<"$output")" = "$S" ]
	run -0 --separate-stderr hermes-handoff claim --limit 5
	[ "$(jq -r .session.id <<<"$output")" = "$first" ]
}

@test "handoff thread, switch: a record passes untouched when its work is done, or has an error" {
	request
	record=$(hermes-handoff claim 2>/dev/null | hermes-handoff thread)
	run -0 hermes-handoff thread <<<"$record"
	[ "$output" = "$record" ]
	failed=$(jq -c '.error = {code: 1, text: "x"}' <<<"$record")
	run -0 hermes-handoff switch <<<"$failed"
	[ "$(jq -cS . <<<"$output")" = "$(jq -cS . <<<"$failed")" ]
	switched=$(hermes-handoff switch <<<"$record")
	run -0 hermes-handoff switch <<<"$switched"
	[ "$output" = "$switched" ]
	[ "$(jq -r 'keys_unsorted - ["handoff", "session", "place"] | join(" ")' <<<"$switched")" = event ]
}

@test "handoff thread, switch: a record that gains an error is 1; a line that is none is 65" {
	run -1 hermes-handoff switch <<<'{"handoff":{"id":"99","fence":1},"place":{"platform":"local","chat":"home","kind":"dm"},"session":{"id":"x"}}'
	[ "$(jq -r .error.code <<<"$output")" = 75 ]
	for stage in thread switch; do
		for line in '{' '[]' 'null' '1' '"x"'; do
			run -65 --separate-stderr hermes-handoff "$stage" <<<"$line"
			[ -n "$stderr" ]
			[ -z "$output" ]
		done
		run -0 hermes-handoff "$stage" <<<'{"event":{}}'
	done
}

@test "handoff: records of wrong kinds end no stage" {
	for line in '{"handoff":7}' '{"handoff":{"id":5,"fence":"x"}}' '{"handoff":[],"place":3}' \
		'{"handoff":{"id":"1"},"place":{"platform":{}}}' '{"handoff":{"id":"99999999999999999999"}}' \
		'{"event":[],"session":"x","turn":5}' '{"event":{"id":"1"},"session":{"id":9},"delivery":"x"}' \
		'{"handoff":{"id":"1","fence":1e300},"session":{},"event":{"id":{}}}'; do
		for stage in 'hermes-handoff thread' 'hermes-handoff switch' hermes-route hermes-turn \
			hermes-send hermes-settle; do
			# shellcheck disable=SC2086
			run $stage <<<"$line"
			[ "$status" -lt 100 ]
			[ "$status" != 70 ]
		done
	done
}

@test "handoff cancel: a pending one is withdrawn, for good; one that is over is 1" {
	id=$(request)
	run -0 hermes-handoff cancel "$id" --jq .state
	[ "$(tr -d '"' <<<"$output")" = cancelled ]
	run -1 hermes-handoff claim
	handoff >/dev/null
	run -1 --separate-stderr hermes-handoff cancel 2
	[ -n "$stderr" ]
	[ "$(status)" = completed ]
	run -66 hermes-handoff cancel 99
	run -64 hermes-handoff cancel
}

@test "handoff cancel: a running one is undone, and its late stages change nothing" {
	room den --no-threads --member "$ME"
	hermes-handoff request local --session "$S" --chat den >/dev/null
	record=$(hermes-handoff claim 2>/dev/null | hermes-handoff thread | hermes-handoff switch)
	[ "$(hermes-state bindings --jq .session)" = "$S" ]
	hermes-handoff cancel 1 >/dev/null
	[ -z "$(hermes-state bindings)" ]
	[ "$(status)" = cancelled ]
	run -1 hermes-speak <<<"$record"
	[ -z "$(read_bot den)" ]
	[ "$(status)" = cancelled ]
	[ "$(sql "SELECT count(*) FROM courier_events WHERE state IN ('queued', 'running')")" = 0 ]
}

@test "handoff cancel: after the reply was sent it is 1" {
	request
	hermes-handoff claim 2>/dev/null | hermes-handoff thread | hermes-handoff switch | hermes-turn \
		| hermes-send >"$BATS_TEST_TMPDIR/record"
	run -1 --separate-stderr hermes-handoff cancel 1
	[[ $stderr == *'already sent'* ]]
	hermes-settle <"$BATS_TEST_TMPDIR/record" >/dev/null
	[ "$(status)" = completed ]
}

@test "handoff retry: a new request that keeps the place and names the old one" {
	export HERMES_ATTEMPTS=1
	echo 'send refuse' >"$HERMES_HOME/fault-orders"
	run ! handoff fault
	run -0 hermes-handoff retry 1
	jq -e '.state == "pending" and .retry_of == "1" and .place.thread == "h1" and .id == "2"' <<<"$output"
	run -75 hermes-handoff retry 1
	hermes-carry >/dev/null
	run -1 --separate-stderr hermes-handoff retry 2
	[[ $stderr == *'did not fail'* ]]
	run -66 hermes-handoff retry 99
}

@test "handoff: an attempt is a retry after its delay, and a watcher looks again then" {
	export HERMES_BACKOFF=1
	echo 'send before' >"$HERMES_HOME/fault-orders"
	hermes-handoff request fault --session "$S" >/dev/null
	run ! hermes-carry
	[ "$(status)" = running ]
	[ "$(status .holder)" = null ]
	run -1 hermes-handoff claim
	start hermes-watch
	wait_until 10 eval '[ "$(status)" = completed ]'
}

@test "handoff: twenty at once are all carried" {
	for _ in {1..20}; do
		S=$(hermes-state new --jq .id)
		request >/dev/null
	done
	start hermes-watch
	wait_until 30 eval '[ "$(hermes-handoff list --state completed -q | wc -l)" = 20 ]'
	[ "$(sql 'SELECT count(DISTINCT session) FROM courier_bindings')" = 20 ]
}
