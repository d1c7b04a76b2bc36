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

@test "handoff: a title that a shell would read is not part of a command" {
	local id
	id=$(new_session 'It is "; $(touch trap) `touch trap`')
	run -0 script -qec "hermes-handoff local --session $id" /dev/null
	[[ $output == *"hermes chat --resume \"$id\""* ]]
	[[ $output != *'--resume "It is'* ]]
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
	echo '{"role":"user","content":"x"}' >"$BATS_TEST_TMPDIR/t"
	run -66 hermes-handoff local --transcript "$BATS_TEST_TMPDIR/t" --message-file /nonexistent </dev/null
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
	run -0 handoff local:den --dry-run
	[ "$(jq -r .lives <<<"$output")" = "$first" ]
	run -0 script -qec "hermes-handoff local:den --session $S --dry-run" /dev/null
	[[ $output == *"another conversation lives there: $first (Fix the parser); it is refused"* ]]
	run -0 handoff local --dry-run
	[ "$(jq -r .lives <<<"$output")" = null ]
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

@test "handoff: options that leave one another out are misuse, and nothing is asked" {
	echo '{"role":"user","content":"x"}' >"$BATS_TEST_TMPDIR/t"
	# the place would be the address's, or the home itself
	for options in "local:home --thread h1" "local:home --chat den" "local --chat den --thread=" \
		"local --chat=" "local --request-id=" "local --session - --message-file -" \
		"local --transcript $BATS_TEST_TMPDIR/t"; do
		# shellcheck disable=SC2086
		run -64 --separate-stderr handoff $options </dev/null
		[ -n "$stderr" ]
	done
	for options in --chat= --request-id= "--chat den --thread=" $'--request-id=\xff' $'--chat \xff'; do
		# shellcheck disable=SC2086
		run -64 hermes-handoff request local --session "$S" $options
		# shellcheck disable=SC2086
		run -64 handoff local $options
	done
	[ "$(asked)" = 0 ]
}

@test "handoff: --no-wait asks, starts the work, and returns" {
	speaks "until [ -e '$BATS_TEST_TMPDIR/go' ]; do sleep 0.02; done; echo here"
	run -0 --separate-stderr handoff local --no-wait
	[ "$(jq -r .state <<<"$output")" = pending ]
	wait_until 10 eval '[ "$(status .step)" != null ]'
	: >"$BATS_TEST_TMPDIR/go"
	wait_until 10 eval '[ "$(status)" = completed ]'
}

@test "handoff: --no-wait: who reads where it was is told all the same" {
	two_platforms
	handoff here >/dev/null
	handoff there --no-wait >/dev/null
	wait_until 20 eval 'bot_at here | grep -q "^This conversation continues on there"'
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
	stops_waiting
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

@test "handoff: --request-id: who reads there meanwhile makes it no other request" {
	team
	run -0 --separate-stderr handoff local:team --shared --request-id once --jq .id
	id=$output
	room team --kind group --no-threads --member ada=Ada --member eve=Eve
	run -0 --separate-stderr handoff local:team --shared --request-id once --jq .id
	[ "$output" = "$id" ]
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

@test "handoff: an adapter that dies or talks rubbish loses nothing" {
	for trouble in 'thread die_before' 'thread garbage' 'send die_before' 'send garbage' \
		'send die_after' 'thread after'; do
		S=$(hermes-state new --jq .id)
		echo "$trouble" >"$HERMES_HOME/fault-orders"
		handoff fault >/dev/null
		[ "$(status)" = completed ]
	done
}

# The short time is for the call that hangs alone; a busy machine may need longer for others.
@test "handoff: an adapter that hangs loses nothing" {
	export HERMES_ATTEMPTS=100
	for trouble in 'thread hang' 'send hang'; do
		S=$(hermes-state new --jq .id)
		hermes-handoff request fault --session "$S" -q
		echo "$trouble" >"$HERMES_HOME/fault-orders"
		wait_until 20 eval 'HERMES_ADAPTER_LIMIT=1 hermes-carry; ! grep -q hang "$HERMES_HOME/fault-orders"'
		[ "$(status)" = running ]
		wait_until 20 eval 'hermes-carry; [ "$(status)" = completed ]'
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
	wait_until 20 test -s "$BATS_TEST_TMPDIR/seen"
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
	jq -e '.state == "pending" and .retry_of == "1" and .wanted.thread == "h1" and .id == "2"' <<<"$output"
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

# --- any to any -------------------------------------------------------------------------------

# two_platforms: `here` and `there`, besides `local`; each has a home that is ours.
two_platforms() {
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	cp "$BATS_TEST_DIRNAME/adapters/hermes-adapter-fault" "$BATS_TEST_TMPDIR/bin/hermes-adapter-here"
	cp "$BATS_TEST_DIRNAME/adapters/hermes-adapter-fault" "$BATS_TEST_TMPDIR/bin/hermes-adapter-there"
	PATH="$BATS_TEST_TMPDIR/bin:$PATH"
	configure "agent: {${1:-use: recap}}
platforms:
  local: {enabled: true, allowed_users: ['$ME']}
  here: {enabled: true, allowed_users: ['$ME']}
  there: {enabled: true, allowed_users: ['$ME']}"
	hermes-adapter-here room home --member "$ME" -q >/dev/null
	hermes-adapter-there room home --member "$ME" -q >/dev/null
}

# bot_at PLATFORM ROOM: what the bot said there.
bot_at() {
	(export LOCAL_ROOT="$HERMES_HOME/$1" && hermes-adapter-local read "${2:-home}" --json) \
		| jq -r 'select(.bot).text'
}

# says PLATFORM PLACE TEXT: somebody writes there, and is answered.
says() {
	(export LOCAL_ROOT="$HERMES_HOME/$1" && hermes-adapter-local say "$2" "$3" >/dev/null)
	hermes-watch --once 2>/dev/null || :
}

seat() {
	hermes-state show "$S" --jq '"\(.seat.place.platform) \(.seat.place.chat)/\(.seat.place.thread)"' | tr -d '"'
}

@test "handoff: from one platform to another; each is told of the other, the old one in one line" {
	two_platforms
	handoff here >/dev/null
	handoff there >/dev/null
	[ "$(seat)" = 'there home/h2' ]
	wait_until 10 eval 'bot_at here | grep -q "^This conversation continues on there"'
	[ "$(bot_at here | grep -c 'continues on there')" = 1 ]
	[[ $(bot_at here) != *" before."* ]] # it began at the command line
	[ "$(bot_at there | grep -c '^It was on here before[.]')" = 1 ]
	[[ $(words "$S") == *'has just moved from here to there.'* ]]
	[ "$(status .from.platform)" = here ]
	[ "$(hermes-handoff log 2 --jq .what | grep -c told)" = 1 ]
	# It began at the command line, which has nobody to be told.
	[ "$(hermes-send list -q | wc -l)" = 3 ]
	run -0 script -qec "hermes-handoff here --session $S" /dev/null
	[[ $output == *'back there with: hermes handoff --back --session "Fix the parser"'* ]]
}

@test "handoff: where a watcher serves the old place, it is the watcher that tells" {
	two_platforms
	handoff here >/dev/null
	start hermes-watch --events
	wait_until 10 eval '[ "$(grep -c "\"ready\"" "$BATS_TEST_TMPDIR/out.1")" -ge 1 ]'
	handoff there >/dev/null
	wait_until 10 eval 'bot_at here | grep -q "continues on there"'
}

@test "handoff: an old place that cannot be told fails no handoff, and is told once when it can" {
	two_platforms
	handoff here >/dev/null
	printf 'send before\nsend die_after\n' >"$BATS_TEST_TMPDIR/orders"
	hermes-handoff request there --session "$S" >/dev/null
	hermes-carry >/dev/null
	[ "$(status)" = completed ]
	cp "$BATS_TEST_TMPDIR/orders" "$HERMES_HOME/fault-orders"
	hermes-send --due >/dev/null 2>&1 || :
	[ "$(status)" = completed ]
	wait_until 10 eval 'hermes-send --due >/dev/null 2>&1
		hermes-send list --state sent --jq .text | grep -q "continues on there"'
	[ "$(bot_at here | grep -c 'continues on there')" = 1 ]
}

@test "handoff: one that fails tells nobody, and the old place goes on" {
	two_platforms
	handoff here >/dev/null
	export HERMES_ATTEMPTS=1
	echo 'send refuse' >"$HERMES_HOME/fault-orders"
	run ! handoff there
	hermes-send --due >/dev/null
	[[ $(bot_at here) != *continues* ]]
	says here home/h1 'are you still here?'
	run -0 words "$S"
	[[ $output == *'user: are you still here?'* ]]
	[ "$(hermes-state list -q | wc -l)" = 1 ]
}

@test "handoff: who writes at the old place is told once; the session is not reached, and none begins" {
	two_platforms
	handoff here >/dev/null
	handoff there >/dev/null
	says here home/h1 'do you hear me?'
	run -0 words "$S"
	[[ $output != *'do you hear me'* ]]
	[ "$(hermes-state list -q | wc -l)" = 1 ]
	run -0 bot_at here
	[ "$(grep -c 'was not passed on' <<<"$output")" = 1 ]
	# Without its name it would be the newest of the command line that goes back somewhere.
	[[ $output == *"\"hermes handoff --back --session $S\" brings it back"* ]]
	run -0 hermes-inbox list --state left --jq .text
	[ "$output" = 'do you hear me?' ]
}

@test "handoff: what was written before one could know is not answered either; then a new one begins" {
	two_platforms
	handoff here >/dev/null
	handoff there >/dev/null
	for text in one two three; do
		(export LOCAL_ROOT="$HERMES_HOME/here" && hermes-adapter-local say home/h1 "$text" >/dev/null)
	done
	hermes-watch --once 2>/dev/null || :
	[ "$(bot_at here | grep -c 'was not passed on')" = 1 ]
	[ "$(hermes-inbox list --state left -q | wc -l)" = 3 ]
	[ "$(hermes-state list -q | wc -l)" = 1 ]
	says here home/h1 'then a new one'
	[ "$(hermes-state list -q | wc -l)" = 2 ]
	[[ $(words "$S") != *'then a new one'* ]]
	says here home/h1 'and on'
	[ "$(hermes-state list -q | wc -l)" = 2 ]
}

@test "handoff: nor is what came before the answer arrived, though it is looked at afterwards" {
	two_platforms
	handoff here >/dev/null
	handoff there >/dev/null
	for text in one two; do
		(export LOCAL_ROOT="$HERMES_HOME/here" && hermes-adapter-local say home/h1 "$text" >/dev/null)
	done
	hermes-listen here --wait 0 >/dev/null
	run ! hermes-answer
	wait_until 10 eval 'hermes-send --due >/dev/null 2>&1; bot_at here | grep -q "was not passed on"'
	run ! hermes-answer
	[ "$(hermes-inbox list --state left -q | wc -l)" = 2 ]
	[ "$(hermes-state list -q | wc -l)" = 1 ]
}

@test "handoff: as long as nobody could be told, nobody begins a new one" {
	two_platforms
	handoff here >/dev/null
	handoff there >/dev/null
	wait_until 10 eval 'bot_at here | grep -q "continues on there"'
	export HERMES_ATTEMPTS=1
	echo 'send refuse' >"$HERMES_HOME/fault-orders"
	says here home/h1 one
	says here home/h1 two
	[ "$(hermes-state list -q | wc -l)" = 1 ]
	[ "$(bot_at here | grep -c 'was not passed on')" = 1 ]
}

@test "handoff: what was said to the session before it left is answered, where it was said" {
	two_platforms 'use: recap'
	handoff here >/dev/null
	(export LOCAL_ROOT="$HERMES_HOME/here" && hermes-adapter-local say home/h1 'one more thing' >/dev/null)
	hermes-listen here --wait 0 >/dev/null
	handoff there >/dev/null
	hermes-watch --once 2>/dev/null || :
	[[ $(words "$S") == *'user: one more thing'* ]]
	[ "$(hermes-inbox list --state left -q | wc -l)" = 0 ]
}

@test "handoff: a message that comes while the session moves waits, and is told how that went" {
	two_platforms
	handoff here >/dev/null
	hermes-handoff request there --session "$S" >/dev/null
	hermes-handoff claim 2>/dev/null | hermes-handoff thread | hermes-handoff switch >"$BATS_TEST_TMPDIR/record"
	(export LOCAL_ROOT="$HERMES_HOME/here" && hermes-adapter-local say home/h1 'hello?' >/dev/null)
	hermes-listen here --wait 0 >/dev/null
	run ! hermes-answer
	[ "$(hermes-inbox list --state queued -q | wc -l)" = 1 ]
	hermes-speak <"$BATS_TEST_TMPDIR/record" >/dev/null
	wait_until 10 eval 'hermes-watch --once 2>/dev/null; bot_at here | grep -q "was not passed on"'
	[[ $(words "$S") != *'hello?'* ]]
}

@test "handoff: the readers of a room are not shown where a private place is" {
	two_platforms
	linked there
	(export LOCAL_ROOT="$HERMES_HOME/here"; room team --kind group --no-threads --member ada=Ada --member bob=Bob)
	handoff here:team --shared >/dev/null
	handoff there >/dev/null
	wait_until 10 eval 'bot_at here team | grep -q "continues on there"'
	[ "$(bot_at here team | grep 'continues on there')" = 'This conversation continues on there.' ]
	handoff here >/dev/null
	handoff there >/dev/null
	wait_until 10 eval 'bot_at here | grep -q "continues on there"'
	[[ $(bot_at here | grep 'continues on there') == *'https://there.example/'* ]]
}

# linked PLATFORM: its places have links.
linked() {
	local adapter=$BATS_TEST_TMPDIR/bin/hermes-adapter-$1
	cat >"$adapter" <<-SH
		#!/bin/bash
		(exec -a "\$0" hermes-adapter-local "\$@") |
			jq -c 'if .place then .place.link = "https://$1.example/x" else . end'
	SH
	chmod +x "$adapter"
}

@test "handoff: a place that the session has left takes another one, and no --replace is needed" {
	two_platforms
	(export LOCAL_ROOT="$HERMES_HOME/here"; room den --no-threads --member "$ME")
	handoff here:den >/dev/null
	handoff there >/dev/null
	first=$S
	S=$(new_session another)
	handoff here:den >/dev/null
	[ "$(status)" = completed ]
	[ "$(hermes-state bindings "$first" --jq .place.platform | tr -d '"')" = there ]
}

@test "handoff: a session that began on a platform is carried to another like any other" {
	two_platforms
	says here home 'a question from here'
	S=$(hermes-state list --jq 'select(.source == "here").id' | tr -d '"')
	handoff there >/dev/null
	[[ $(words "$S") == *'has just moved from here to there.'* ]]
	wait_until 10 eval 'bot_at here | grep -q "continues on there"'
	handoff --back >/dev/null
	[ "$(seat)" = 'here home/null' ]
	says here home 'and here again'
	[[ $(words "$S") == *'user: and here again'* ]]
	[ "$(hermes-state list -q | wc -l)" = 2 ]
}

@test "handoff: the agent may ask to go on from one platform on another" {
	two_platforms "use: command, command: '$BATS_TEST_TMPDIR/agent'"
	printf '%s\n' '#!/bin/bash' 'jq -sc "if (last.event.text | test(\"take it\")) then {reply: \"Going.\", actions: [{handoff: \"there\"}]} else {reply: \"Here.\"} end"' \
		>"$BATS_TEST_TMPDIR/agent"
	chmod +x "$BATS_TEST_TMPDIR/agent"
	handoff here >/dev/null
	says here home/h1 'take it there'
	wait_until 10 eval 'hermes-watch --once 2>/dev/null; [ "$(status)" = completed ]'
	[ "$(status '"\(.platform) \(.requester) \(.from.platform)"')" = 'there agent here' ]
	wait_until 10 eval 'hermes-watch --once; bot_at here | grep -q "continues on there"'
	says there home/h2 'there we are'
	[[ $(words "$S") == *'user: there we are'* ]]
	[ "$(hermes-state list -q | wc -l)" = 1 ]
}

# --- and back ---------------------------------------------------------------------------------

@test "handoff --back: to the very thread it came from, told on both ends, and back of back" {
	two_platforms
	handoff here >/dev/null
	handoff there >/dev/null
	handoff --back >/dev/null
	[ "$(seat)" = 'here home/h1' ]
	wait_until 10 eval 'bot_at there | grep -q "continues on here"'
	[[ $(words "$S") == *'has just moved from there to here.'* ]]
	says here home/h1 'here again'
	[[ $(words "$S") == *'user: here again'* ]]
	handoff --back >/dev/null
	[ "$(seat)" = 'there home/h2' ]
	says there home/h2 'there again'
	[[ $(words "$S") == *'user: there again'* ]]
	[ "$(hermes-state list -q | wc -l)" = 1 ]
	[ "$(find "$HERMES_HOME/here/home/threads" "$HERMES_HOME/there/home/threads" -type f | wc -l)" = 2 ]
}

@test "handoff --back: to the command line, which is done at once, and told where it was" {
	handoff >/dev/null
	run -0 --separate-stderr handoff --back
	[ "$(jq -r '"\(.platform) \(.state) \(.from.thread)"' <<<"$output")" = 'cli completed h1' ]
	[ "$(hermes-state show "$S" --jq '"\(.seat.place) \(.seat.epoch)"' | tr -d '"')" = 'null 3' ]
	[ "$(sql "SELECT session_key IS NULL FROM sessions WHERE id = '$S'")" = 1 ]
	[[ $(words "$S" | tail -n 1) == 'user: [This conversation has just moved from local to the command line'* ]]
	wait_until 10 eval 'read_bot | grep -q "continues at the command line"'
	hermes-adapter-local say home/h1 'anybody?' >/dev/null
	hermes-watch --once 2>/dev/null || :
	[[ $(words "$S") != *anybody* ]]
	handoff --back >/dev/null
	[ "$(status .place.thread)" = h1 ]
	hermes-adapter-local say home/h1 'here we are' >/dev/null
	hermes-watch --once
	[[ $(words "$S") == *'user: here we are'* ]]
}

@test "handoff cli: pulls the session to the desk; there already is an answer" {
	run -0 --separate-stderr handoff cli
	[ "$(jq -r .state <<<"$output")" = completed ]
	[ "$(asked)" = 0 ]
	handoff >/dev/null
	handoff cli >/dev/null
	[ "$(hermes-state show "$S" --jq .seat.place)" = null ]
	run -75 hermes-state append "$S" 'from an old surface' --epoch 2
	hermes-state append "$S" 'from the desk' --epoch 3 >/dev/null
	run -64 handoff cli:x
	run -64 handoff cli --require-thread
	# that is data, too; and what has no id prints none
	run -0 handoff cli
	[ "$(jq -r '[.platform, .state] | @tsv' <<<"$output")" = $'cli\tcompleted' ]
	[ "$(handoff cli -q | wc -c)" = 0 ]
	handoff >/dev/null
	run -0 handoff cli --dry-run
	[ "$(jq -r '[.platform, .session.title] | @tsv' <<<"$output")" = $'cli\tFix the parser' ]
	[ "$(handoff cli --dry-run -q | wc -c)" = 0 ]
}

@test "handoff cli: not while a message is being answered where it is" {
	speaks "until [ -e '$BATS_TEST_TMPDIR/go' ]; do sleep 0.02; done; echo here"
	handoff local --no-turn >/dev/null
	hermes-adapter-local say home/h1 'a question' >/dev/null
	start hermes-watch
	wait_until 10 eval '[ "$(sql "SELECT count(*) FROM courier_events WHERE step = '"'speaking'"'")" = 1 ]'
	run -75 handoff cli
	run -75 --separate-stderr hermes-handoff request cli --session "$S"
	[[ $stderr == *'being answered'* ]]
	: >"$BATS_TEST_TMPDIR/go"
	[ "$(seat)" = 'local home/h1' ]
}

@test "handoff --back: a session that was never handed off has nowhere to go back to" {
	run -1 --separate-stderr handoff --back
	[[ $stderr == *'never handed off'* ]]
	run -64 hermes-handoff --back local --session "$S" </dev/null
	run -64 handoff --back --chat x
	[ "$(asked)" = 0 ]
}

@test "handoff --back: one that failed or was cancelled is not where it came from" {
	two_platforms
	handoff here >/dev/null
	handoff there >/dev/null
	export HERMES_ATTEMPTS=1
	echo 'thread refuse' >"$HERMES_HOME/fault-orders"
	run ! handoff here
	hermes-handoff request here --session "$S" >/dev/null
	hermes-handoff claim 2>/dev/null | hermes-handoff thread | hermes-handoff switch >/dev/null
	hermes-handoff cancel 4 >/dev/null
	handoff --back >/dev/null
	[ "$(seat)" = 'here home/h1' ]
}

@test "handoff --back: a place that is another's by now is refused by name, with the way on" {
	two_platforms
	(export LOCAL_ROOT="$HERMES_HOME/here"; room den --no-threads --member "$ME")
	handoff here:den >/dev/null
	handoff there >/dev/null
	first=$S
	other=$S S=$(new_session another)
	handoff here:den >/dev/null
	other=$S S=$first
	run -75 --separate-stderr handoff --back
	[[ $stderr == *"$other"*another*--replace* ]]
	[ "$(seat)" = 'there home/h2' ]
	says there home/h2 'still here'
	[[ $(words "$S") == *'user: still here'* ]]
	handoff --back --replace >/dev/null
	[ "$(seat)" = 'here den/null' ]
}

@test "handoff --back: a room that others read is asked for again" {
	two_platforms
	(export LOCAL_ROOT="$HERMES_HOME/here"; room team --kind group --no-threads --member ada=Ada --member bob=Bob)
	handoff here:team --shared >/dev/null
	handoff there >/dev/null
	run -77 --separate-stderr handoff --back
	[[ $stderr == *Ada*Bob*--shared* ]]
	handoff --back --shared >/dev/null
	[ "$(seat)" = 'here team/null' ]
}

@test "handoff --back: a speaker's own session goes back to a group where others have theirs" {
	two_platforms
	configure "agent: {use: recap}
platforms: {here: {enabled: true, group_allowed_chats: [team]}, there: {enabled: true}}"
	(
		export LOCAL_ROOT="$HERMES_HOME/here"
		team
		hermes-adapter-local say team --as ada 'I am Ada' >/dev/null
		hermes-adapter-local say team --as bob 'I am Bob' >/dev/null
	)
	wait_until 20 eval 'hermes-watch --once; [ "$(bot_at here team | wc -l)" -ge 2 ]'
	S=$(sql "SELECT session FROM courier_bindings WHERE key LIKE '%:team:ada'")
	handoff there >/dev/null
	handoff --back --shared >/dev/null
	[ "$(seat)" = 'here team/null' ]
}

@test "handoff --back: a thread that is gone is refused in words, and nothing is changed" {
	two_platforms
	handoff here >/dev/null
	handoff there >/dev/null
	rm "$HERMES_HOME"/here/home/threads/h1*
	run -1 --separate-stderr handoff --back
	[[ $stderr == *thread* ]]
	[ "$(seat)" = 'there home/h2' ]
}

@test "handoff --back: --dry-run says where it would go, and changes nothing" {
	two_platforms
	handoff here >/dev/null
	handoff there >/dev/null
	run -0 --separate-stderr handoff --back --dry-run
	[ "$(jq -r '"\(.platform) \(.chat)/\(.thread)"' <<<"$output")" = 'here home/h1' ]
	[ "$(seat)" = 'there home/h2' ]
}

@test "handoff: to the thread where it is already it is done at once, and nobody speaks" {
	handoff >/dev/null
	before=$(read_bot | wc -l)
	run -0 --separate-stderr handoff local --chat home --thread h1
	[ "$(jq -r '"\(.state) \(.place.thread)"' <<<"$output")" = 'completed h1' ]
	[ "$(asked)" = 1 ]
	[ "$(read_bot | wc -l)" = "$before" ]
}

@test "handoff: speakers of a thread of their own are not pushed out of it either" {
	configure "thread_sessions_per_user: true
platforms: {local: {enabled: true, shared: true, allow_all_users: true}}"
	room team --kind group --member ada=Ada --member bob=Bob
	hermes-ask local thread <<<'{"place":{"chat":"team"},"title":"T","delivery":"t1"}' >/dev/null
	hermes-adapter-local say team/t1 'mine' --as ada >/dev/null
	hermes-watch --once
	other=$(hermes-state list --jq 'select(.source == "local").id' | tr -d '"')
	run -75 --separate-stderr handoff local --chat team --thread t1
	[[ $stderr == *"$other"* ]]
}

@test "handoff: an undone handoff leaves who was handed a place able to speak there" {
	room den --no-threads --member "$ME"
	configure "platforms: {local: {enabled: true}, fault: {enabled: true}}"
	handoff local:den >/dev/null
	first=$S
	S=$(new_session another)
	hermes-handoff request local --chat den --replace --session "$S" >/dev/null
	hermes-handoff claim 2>/dev/null | hermes-handoff thread | hermes-handoff switch >/dev/null
	hermes-handoff cancel 2 >/dev/null
	hermes-adapter-local say den 'still mine' >/dev/null
	hermes-watch --once
	[[ $(words "$first") == *'user: still mine'* ]]
}

# --- who would read it --------------------------------------------------------------------------

# answering FILTER: an adapter `here` whose answers pass through that jq filter.
answering() {
	local adapter=$BATS_TEST_TMPDIR/bin/hermes-adapter-here
	cat >"$adapter" <<-SH
		#!/bin/bash
		(exec -a "\$0" hermes-adapter-local "\$@") | verb=\$1 jq -c '$1'
	SH
	chmod +x "$adapter"
}

@test "handoff: a private session is put before nobody of whom it is not known that they are one" {
	two_platforms
	for audience in '{}' '{"known":false}' '{"known":false,"size":1}' '{"known":true}' '{"known":true,"size":2}' \
		'{"known":true,"size":1,"names":["Ada","Bob"]}' '{"size":1,"names":["Ada"]}' '{"known":"true","size":1}' \
		'{"known":true,"size":"1"}' '{"known":true,"size":-1}' '[]' '"Ada"'; do
		answering "if .place then .audience = $audience | .place.kind = \"group\" else . end"
		run -77 --separate-stderr handoff here
		[[ $stderr == *'would be read by'*--shared* ]]
	done
	answering 'if .place then del(.audience) | .place.kind = "group" else . end'
	run -77 handoff here
	answering 'if .place then .audience = {"known":false,"names":["Ada"]} else . end'
	run -77 --separate-stderr handoff here
	[[ $stderr == *'would be read by an unknown number of people: Ada;'* ]]
	[ "$(asked)" = 0 ]
}

@test "handoff: one reader is fine, in a room too; a private chat has one though nothing is said of it" {
	two_platforms
	answering 'if .place then .audience = {"known":true,"size":1} | .place.kind = "group" else . end'
	handoff here --dry-run >/dev/null
	answering 'if .place then .audience = {"known":true,"names":["Ada"]} | .place.kind = "channel" else . end'
	handoff here --dry-run >/dev/null
	answering 'if .place then del(.audience) else . end'
	handoff here --dry-run >/dev/null
	answering 'if .place then .audience = {"known":false} else . end'
	run -77 handoff here
	handoff here --shared >/dev/null
	[ "$(status)" = completed ]
}

@test "handoff: a thread that others read is not spoken in, though its home is private" {
	two_platforms
	answering 'if env.verb == "thread" then .audience = {"known":true,"size":3,"names":["Ada","Bob","Eve"]} else . end'
	run -77 --separate-stderr handoff here
	[[ $stderr == *Eve* ]]
	[ "$(status)" = failed ]
	[ -z "$(bot_at here)" ]
	[ -z "$(hermes-state bindings)" ]
}

@test "handoff retry: a place without a thread stays so, though one could be opened by now" {
	two_platforms
	answering 'if env.verb == "thread" then .outcome = "home" | .why = "not now" | del(.place.thread)
		elif env.verb == "send" then {outcome: "not_sent", class: "request", why: "no"} else . end'
	run ! handoff here
	cp "$BATS_TEST_DIRNAME/adapters/hermes-adapter-fault" "$BATS_TEST_TMPDIR/bin/hermes-adapter-here"
	hermes-handoff retry 1 >/dev/null
	hermes-carry >/dev/null
	[ "$(seat)" = 'here home/null' ]
}

@test "handoff retry: who has joined the place since is seen" {
	two_platforms
	export HERMES_ATTEMPTS=1
	echo 'send refuse' >"$HERMES_HOME/fault-orders"
	run ! handoff there
	answering 'if .place then .audience = {"known":true,"size":2,"names":["Ada","Eve"]} else . end'
	mv "$BATS_TEST_TMPDIR/bin/hermes-adapter-here" "$BATS_TEST_TMPDIR/bin/hermes-adapter-there"
	hermes-handoff retry 1 >/dev/null
	run ! hermes-carry
	[ "$(status .code)" = 77 ]
	[[ $(status .error) == *Eve* ]]
}

@test "handoff: the agent may bring it back to the desk" {
	two_platforms "use: command, command: '$BATS_TEST_TMPDIR/agent'"
	printf '%s\n' '#!/bin/bash' 'jq -sc "if (last.event.text | test(\"home\")) then {reply: \"Going.\", actions: [{handoff: \"cli\"}]} else {reply: \"Here.\"} end"' \
		>"$BATS_TEST_TMPDIR/agent"
	chmod +x "$BATS_TEST_TMPDIR/agent"
	handoff here >/dev/null
	says here home/h1 'back to my desk: home'
	[ "$(status '"\(.platform) \(.state) \(.requester)"')" = 'cli completed agent' ]
	[ "$(hermes-state show "$S" --jq .seat.place)" = null ]
	wait_until 10 eval 'hermes-watch --once; bot_at here | grep -q "continues at the command line"'
}
