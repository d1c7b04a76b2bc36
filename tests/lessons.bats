#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The mistakes that others made in this very job, each with the test that it is not ours:
# the numbers are those of the lessons in the design. On the platform `local`, and on
# `fault`, which is `local` with trouble on order.
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

# settings AGENT: who speaks.
settings() {
	configure "agent: {$1}
platforms:
  local: {enabled: true, allowed_users: ['$ME']}
  fault: {enabled: true, allowed_users: ['$ME']}"
}

# speaks SCRIPT: an agent of the user's.
speaks() {
	printf '#!/bin/bash\n%s\n' "$1" >"$BATS_TEST_TMPDIR/agent"
	chmod +x "$BATS_TEST_TMPDIR/agent"
	settings "use: command, command: '$BATS_TEST_TMPDIR/agent'"
}

orders() {
	printf '%s\n' "$@" >"$HERMES_HOME/fault-orders"
}

handoff() {
	hermes-handoff "${1:-local}" --session "$S" "${@:2}" </dev/null
}

thread_of() {
	hermes-state show "$S" --jq .thread_id
}

say() {
	hermes-adapter-local say "$@" >/dev/null
}

read_bot() {
	hermes-adapter-local read "$1" --json | jq -r 'select(.bot).text'
}

status() {
	hermes-handoff status --session "$S" --jq "${1:-.state}" | tr -d '"'
}

@test "lesson 1: hand off, quit, reply: the reply lands in the session that was handed off" {
	handoff >/dev/null
	thread=$(thread_of)
	# Another program stamps it; ours, with the epoch it had, changes nothing.
	sql "UPDATE sessions SET ended_at = unixepoch(), end_reason = 'cli_close' WHERE id = '$S'"
	run -75 --separate-stderr hermes-state end "$S" --reason cli_close --epoch 1
	[[ $stderr == *local* ]]
	run -75 hermes-state title "$S" stolen --epoch 1
	run -75 hermes-state append "$S" stolen --epoch 1
	say "home/$thread" 'are you there?'
	hermes-watch --once
	run -0 hermes-state messages "$S" --last 2 --jq '.role + ": " + .content | split("\n")[0]'
	[ "${lines[0]}" = 'user: are you there?' ]
	[[ ${lines[1]} == assistant:* ]]
	[ "$(hermes-state list -q)" = "$S" ]
	[ "$(sql "SELECT ended_at IS NULL FROM sessions")" = 1 ]
}

@test "lesson 1: an end with an old epoch changes no row" {
	handoff >/dev/null
	run -75 hermes-state end "$S" --epoch 1
	[ "$(sql "SELECT ended_at IS NULL FROM sessions")" = 1 ]
	epoch=$(hermes-state show "$S" --jq .seat.epoch)
	hermes-state end "$S" --epoch "$epoch" >/dev/null
	[ "$(sql "SELECT ended_at IS NULL FROM sessions")" = 0 ]
}

@test "lesson 2: a late finisher does not end what another holder has now" {
	hermes-handoff request local --session "$S" >/dev/null
	late=$(hermes-handoff claim --hold 1 2>/dev/null | hermes-handoff thread | hermes-handoff switch)
	HERMES_CLOCK=200 hermes-handoff claim >/dev/null 2>&1
	run -1 --separate-stderr hermes-settle \
		<<<"$(jq -c '.turn = {} | .delivery = {id: "1", state: "sent", ids: ["1"]}' <<<"$late")"
	[[ $stderr == *'another holder'* ]]
	[ "$(status)" = running ]
	run -1 hermes-speak <<<"$late"
	[ "$(status)" = running ]
	[ -z "$(read_bot home)" ]
}

@test "lesson 2: a late finisher does not mark a second request done that never ran" {
	hermes-handoff request local --session "$S" >/dev/null
	late=$(hermes-handoff claim 2>/dev/null)
	hermes-handoff cancel 1 >/dev/null
	hermes-handoff request local --session "$S" >/dev/null
	run -1 hermes-settle <<<"$(jq -c '.delivery = {id: "1", state: "sent"}' <<<"$late")"
	run -1 hermes-settle <<<"$(jq -c '.error = {code: 1, text: "late"}' <<<"$late")"
	[ "$(status)" = pending ]
	[ "$(status .error)" = null ]
	[ "$(hermes-handoff status 1 --jq .state)" = cancelled ]
}

@test "lesson 3: a handoff whose holder died is taken up at once, without a restart" {
	speaks "[ -e '$BATS_TEST_TMPDIR/go' ] || { : >'$BATS_TEST_TMPDIR/speaking'; sleep 60; }; echo here"
	start hermes-watch
	hermes-handoff request local --session "$S" >/dev/null
	wait_until 10 test -e "$BATS_TEST_TMPDIR/speaking"
	: >"$BATS_TEST_TMPDIR/go"
	# The group of the pipeline that holds it; the agent dies with it.
	holder=$(sql 'SELECT holder FROM courier_handoffs')
	kill -9 -- "-${holder%@*}"
	wait_until 10 eval '[ "$(status)" = completed ]'
	[ "$(words "$S" | grep -c '^assistant: here$')" = 1 ]
}

@test "lesson 3: another's running handoff is not failed by one who starts" {
	hermes-handoff request local --session "$S" >/dev/null
	hermes-handoff claim >/dev/null 2>&1
	hermes-watch --once
	run -1 hermes-carry
	[ "$(status)" = running ]
	[ "$(status .attempt)" = 0 ]
}

@test "lesson 4: an old request does not run days later" {
	hermes-handoff request local --session "$S" >/dev/null
	HERMES_CLOCK=901 run -1 hermes-handoff claim
	run -1 hermes-carry
	[ "$(status)" = expired ]
	[ -z "$(read_bot home)" ]
	hermes-handoff request local --session "$S" >/dev/null
	[ "$(status)" = pending ]
}

@test "lesson 4: a request is carried as long as it has not expired" {
	hermes-handoff request local --session "$S" >/dev/null
	HERMES_CLOCK=890 hermes-carry >/dev/null
	[ "$(status)" = completed ]
}

@test "lesson 5: a waiter whose time is over withdraws what is pending" {
	run -75 --separate-stderr handoff local --no-carry --timeout 0.3
	[[ $stderr == *withdrawn* ]]
	[ "$(status)" = cancelled ]
}

@test "lesson 5: a waiter whose time is over leaves what runs running, and it completes" {
	speaks "until [ -e '$BATS_TEST_TMPDIR/go' ]; do sleep 0.02; done; echo here"
	stops_waiting
	[[ $stderr == *'goes on without us'* ]]
	[ "$(status)" = running ]
	: >"$BATS_TEST_TMPDIR/go"
	wait_until 10 eval '[ "$(status)" = completed ]'
}

@test "lesson 6: what a failed handoff had switched is put back" {
	local before
	hermes-adapter-local room den --no-threads --member "$ME" -q >/dev/null
	other=$(hermes-state new --title other --jq .id)
	echo "{\"platform\":\"fault\",\"account\":\"local\",\"chat\":\"den\",\"kind\":\"dm\",\"user\":\"$ME\"}" \
		| hermes-state bind "$other" >/dev/null
	export FAULT_ROOT=$HERMES_HOME/local
	before=$(hermes-state bindings --jq '"\(.key) \(.session)"')
	HERMES_ATTEMPTS=2
	export HERMES_ATTEMPTS
	orders 'send refuse' 'send refuse' 'send refuse'
	run ! handoff fault:den --replace
	[ "$(status)" = failed ]
	[ "$(hermes-state bindings --jq '"\(.key) \(.session)"')" = "$before" ]
	run -0 hermes-handoff log 1 --jq .what
	[[ $output == *switched*'put back'*failed* ]]
	[ "$(hermes-state show "$S" --jq .seat.place)" = null ]
	[ "$(hermes-state show "$S" --jq .session_key)" = null ]
}

@test "lesson 6: what somebody has used since is left, and that is said" {
	speaks "until [ -e '$BATS_TEST_TMPDIR/go' ]; do sleep 0.02; done; echo here"
	hermes-handoff request local --session "$S" >/dev/null
	record=$(hermes-handoff claim 2>/dev/null | hermes-handoff thread | hermes-handoff switch)
	sql "UPDATE courier_bindings SET used = used + 1"
	hermes-settle <<<"$(jq -c '.error = {code: 1, text: "refused"}' <<<"$record")" || :
	[ "$(status)" = failed ]
	run -0 hermes-handoff log 1 --jq .detail
	[[ $output == *'already in use'* ]]
	[ "$(hermes-state bindings --jq .session)" = "$S" ]
}

@test "lesson 7: a retry goes on in the thread that was opened" {
	orders 'send refuse' 'send before' 'send die_before'
	handoff fault >/dev/null
	[ "$(status)" = completed ]
	[ "$(hermes-handoff log 1 --jq .what | grep -c '^opened$')" = 1 ]
	run -0 find "$HERMES_HOME/fault/home/threads" -type f
	[ "${#lines[@]}" = 1 ]
}

@test "lesson 7: a new request for one that failed keeps the place" {
	export HERMES_ATTEMPTS=1
	orders 'send refuse'
	run ! handoff fault
	[ "$(status)" = failed ]
	hermes-handoff retry 1 >/dev/null
	hermes-carry >/dev/null
	[ "$(status)" = completed ]
	[ "$(status .retry_of)" = 1 ]
	run -0 find "$HERMES_HOME/fault/home/threads" -type f
	[ "${#lines[@]}" = 1 ]
}

@test "lesson 8: an empty reply is no reply, and no error text is delivered as one" {
	export HERMES_ATTEMPTS=2
	for script in 'echo' 'echo "Traceback: no key"; exit 1' 'exit 0' 'echo "{\"error\":{\"text\":\"no key\"}}"'; do
		S=$(hermes-state new --jq .id)
		speaks "$script"
		handoff >/dev/null
		[ "$(status)" = completed ]
		[ "$(status .turn)" = null ]
		[ -n "$(status .note)" ]
		run -0 words "$S"
		[[ $output != *assistant* ]]
		[[ $output != *'no key'* ]]
	done
	run -0 read_bot home
	[[ $output != *'no key'* ]]
	[[ $output == *'continues here'* ]]
}

@test "lesson 8: completed needs a message id" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/hermes-adapter-local" <<-'SH'
		#!/bin/bash
		PATH=${PATH#*:}
		[ "$1" != send ] || { cat >/dev/null && echo '{"outcome":"sent","ids":[],"parts":1}' && exit; }
		exec hermes-adapter-local "$@"
	SH
	chmod +x "$BATS_TEST_TMPDIR/bin/hermes-adapter-local"
	export HERMES_ATTEMPTS=2
	# Our own folder comes before PATH: the programs must be where the impostor is.
	cp -s "${HERMES_BUILD:-$ROOT/build}"/hermes* "$BATS_TEST_TMPDIR/bin/" 2>/dev/null || :
	PATH="$BATS_TEST_TMPDIR/bin:$PATH"
	run -0 hermes-handoff request local --session "$S"
	record=$(hermes-handoff claim 2>/dev/null | hermes-handoff thread | hermes-handoff switch)
	run -1 hermes-settle <<<"$record"
	[ "$(status)" != completed ]
	run -1 hermes-settle <<<"$(jq -c '.turn = {} | .delivery = {state: "sending"}' <<<"$record")"
	[ "$(status)" != completed ]
}

@test "lesson 9: a place where another conversation lives is refused by name, with the way out" {
	hermes-adapter-local room den --no-threads --member "$ME" -q >/dev/null
	hermes-handoff local:den --session "$S" >/dev/null
	first=$S
	S=$(hermes-state new --title second --jq .id)
	run -75 --separate-stderr handoff local:den
	[[ $stderr == *"$first"* ]]
	[[ $stderr == *'Fix the parser'* ]]
	[[ $stderr == *--replace* ]]
	[ "$(hermes-state bindings --jq .session)" = "$first" ]
	[ "$(sql "SELECT ended_at IS NULL FROM sessions WHERE id = '$first'")" = 1 ]
	handoff local:den --replace >/dev/null
	[ "$(hermes-state bindings --jq .session)" = "$S" ]
}

@test "lesson 9: where threads can be opened the next handoff gets its own" {
	handoff >/dev/null
	first=$S
	S=$(hermes-state new --title second --jq .id)
	handoff >/dev/null
	run -0 hermes-state bindings --jq .session
	[ "${#lines[@]}" = 2 ]
	[[ $output == *"$first"* ]]
}

@test "lesson 10: a read error never looks like nothing pending" {
	hermes-handoff request local --session "$S" >/dev/null
	sql 'PRAGMA journal_mode=delete' >/dev/null
	head -c 4096 /dev/urandom | dd of="$STORE" conv=notrunc status=none
	for program in 'hermes-handoff claim' 'hermes-handoff list' "hermes-handoff status --session $S" \
		'hermes-inbox claim' 'hermes-inbox list' 'hermes-state list' 'hermes-send --due' \
		'hermes-watch --once'; do
		# shellcheck disable=SC2086
		run -74 --separate-stderr $program </dev/null
		[ -z "$output" ]
		[ -n "$stderr" ]
	done
}

@test "lesson 11: missing, ended and in flight are told apart" {
	run -66 --separate-stderr hermes-handoff local --session nothing </dev/null
	[[ $stderr == *'no such session'* ]]
	hermes-handoff request local --session "$S" >/dev/null
	run -75 --separate-stderr handoff
	[[ $stderr == *'is pending'* ]]
	[[ $stderr == *local* ]]
	hermes-handoff cancel 1 >/dev/null
	hermes-state end "$S" --reason cli_close >/dev/null
	handoff >/dev/null
	[ "$(sql "SELECT ended_at IS NULL FROM sessions")" = 1 ]
}

@test "lesson 11: a conversation that has no row yet gets one" {
	rm -rf "$HERMES_HOME/state.db"*
	echo '{"role":"user","content":"from elsewhere"}' \
		| hermes-handoff local --transcript - >"$BATS_TEST_TMPDIR/handoff"
	S=$(jq -r .session "$BATS_TEST_TMPDIR/handoff")
	run -0 words "$S"
	[ "${lines[0]}" = 'user: from elsewhere' ]
}

@test "lesson 12: handoffs are served by when they were asked for" {
	second=$(hermes-state new --jq .id)
	hermes-handoff request local --session "$second" >/dev/null
	hermes-handoff request local --session "$S" >/dev/null
	run -0 --separate-stderr hermes-handoff claim --limit 2
	[ "$(jq -r .session.id <<<"${lines[0]}")" = "$second" ]
	[ "$(jq -r .session.id <<<"${lines[1]}")" = "$S" ]
}

@test "lesson 12: one slow turn blocks no other" {
	speaks "grep -q slow && until [ -e '$BATS_TEST_TMPDIR/go' ]; do sleep 0.02; done; echo here"
	first=$S
	hermes-state append "$first" 'be slow' >/dev/null
	S=$(hermes-state new --title quick --jq .id)
	start hermes-watch
	hermes-handoff request local --session "$first" >/dev/null
	hermes-handoff request local --session "$S" >/dev/null
	wait_until 10 eval '[ "$(status)" = completed ]'
	S=$first
	[ "$(status)" = running ]
	: >"$BATS_TEST_TMPDIR/go"
	wait_until 10 eval '[ "$(status)" = completed ]'
}

@test "lesson 13: a configuration that cannot be read sends nothing" {
	hermes-handoff request local --session "$S" >/dev/null
	printf 'platforms: {local: {enabled: true\n' >"$HERMES_HOME/config.yaml"
	run -78 --separate-stderr handoff
	[[ $stderr == *config.yaml*line* || $stderr == *config.yaml:* ]]
	run ! hermes-carry
	run -78 hermes-send local hello
	rm "$HERMES_HOME/config.yaml"
	[ -z "$(read_bot home)" ]
}

@test "lesson 14: the same message is stored and answered once, however often it comes" {
	say home 'only once'
	batch=$(hermes-ask local poll <<<'{"wait":0}')
	run -0 hermes-inbox put local <<<"$batch"
	[ "$(jq .stored <<<"$output")" = 1 ]
	run -0 hermes-inbox put local <<<"$batch"
	[ "$(jq -c '[.stored, .known]' <<<"$output")" = '[0,1]' ]
	hermes-watch --once
	hermes-inbox put local <<<"$batch" >/dev/null
	hermes-watch --once
	run -0 read_bot home
	[ "$(grep -c 'only once' <<<"$output")" = 1 ]
	[ "$(hermes-inbox list -q | wc -l)" = 1 ]
}

@test "lesson 14: a message and the cursor that covers it are stored in one transaction" {
	say home one
	say home two
	batch=$(hermes-ask local poll <<<'{"wait":0}')
	run ! hermes-inbox put local <<<"{broken"
	printf '%s' "${batch%?}" | run ! hermes-inbox put local
	[ -z "$(hermes-inbox list)" ]
	run -0 --separate-stderr hermes-inbox cursor local --wait 0
	[ "$(jq .cursor <<<"$output")" = null ]
	hermes-inbox put local <<<"$batch" >/dev/null
	run -0 --separate-stderr hermes-inbox cursor local --wait 0
	[ "$(jq .cursor <<<"$output")" = "$(jq .cursor <<<"$batch")" ]
}

@test "lesson 15: what was written while nobody ran is answered, all of it and in order" {
	for i in {1..6}; do
		say home "message $i"
	done
	hermes-watch --once
	run -0 sql "SELECT group_concat(content, '|') FROM (SELECT content FROM messages
		WHERE role = 'user' AND content GLOB 'message *' ORDER BY id)"
	[ "$output" = 'message 1|message 2|message 3|message 4|message 5|message 6' ]
	run -0 hermes-inbox list --state 'done' -q
	[ "${#lines[@]}" = 6 ]
}

@test "lesson 15: events that were claimed when everything was killed are answered" {
	say home 'before the crash'
	hermes-listen local --wait 0 >/dev/null
	(exec 9<>"$HERMES_HOME/runs" && hermes-inbox claim >/dev/null && kill -9 "$BASHPID") 2>/dev/null || :
	hermes-watch --once
	run -0 read_bot home
	[[ $output == *'before the crash'* ]]
}

@test "lesson 16: two surfaces on one session never make two agents speak at once" {
	speaks "mkdir '$BATS_TEST_TMPDIR/alone' || { echo overlap >>'$BATS_TEST_TMPDIR/overlap'; }
		echo x >>'$BATS_TEST_TMPDIR/turns'; sleep 0.1; rmdir '$BATS_TEST_TMPDIR/alone'; echo here"
	for room in a b c; do
		hermes-adapter-local room $room --no-threads --member "$ME" -q >/dev/null
		echo "{\"platform\":\"local\",\"account\":\"local\",\"chat\":\"$room\",\"kind\":\"dm\",\"user\":\"$ME\"}" \
			| hermes-state bind "$S" >/dev/null
		say $room "from $room"
	done
	start hermes-watch
	wait_until 20 eval '[ "$(hermes-inbox list --state done -q | wc -l)" = 3 ]'
	[ ! -e "$BATS_TEST_TMPDIR/overlap" ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/turns")" = 3 ]
	[ "$(words "$S" | grep -c 'from [abc]')" = 3 ]
}

@test "lesson 16: the transcript is read after the turn was taken" {
	speaks "cat >>'$BATS_TEST_TMPDIR/heard'; sleep 0.1; echo \"answer \$RANDOM\""
	for room in a b; do
		hermes-adapter-local room $room --no-threads --member "$ME" -q >/dev/null
		echo "{\"platform\":\"local\",\"account\":\"local\",\"chat\":\"$room\",\"kind\":\"dm\",\"user\":\"$ME\"}" \
			| hermes-state bind "$S" >/dev/null
		say $room "from $room"
	done
	start hermes-watch
	# Whoever spoke second was told what the first one answered.
	wait_until 10 eval '[ "$(hermes-inbox list --state done -q | wc -l)" = 2 ]'
	run -0 jq -s '[.[].message | select(.role == "assistant" and (.content | startswith("answer")))] | length' \
		"$BATS_TEST_TMPDIR/heard"
	[ "$output" = 1 ]
}

@test "lesson 22: the reply goes where the message came from, wherever the session moved since" {
	hermes-adapter-local room den --no-threads --member "$ME" -q >/dev/null
	hermes-handoff local:den --session "$S" >/dev/null
	say den 'asked in the den'
	hermes-listen local --wait 0 >/dev/null
	record=$(hermes-inbox claim 2>/dev/null | hermes-route)
	hermes-handoff local --session "$S" >/dev/null
	hermes-speak <<<"$record" >/dev/null
	run -0 read_bot den
	[[ $output == *'asked in the den'* ]]
	run -0 read_bot home
	[[ $output != *'You wrote: asked in the den'* ]]
}

@test "lesson 26: no non-zero exit without a line that says why" {
	local program status
	while read -r program; do
		status=0
		# shellcheck disable=SC2086
		timeout 60 $program </dev/null >/dev/null 2>"$BATS_TEST_TMPDIR/why" || status=$?
		echo "$program: $status: $(cat "$BATS_TEST_TMPDIR/why")"
		[ "$status" != 0 ]
		[ "$status" -lt 126 ]
		[ -s "$BATS_TEST_TMPDIR/why" ]
	done <<-END
		hermes-handoff nowhere --session $S
		hermes-handoff local
		hermes-handoff local --session nothing
		hermes-handoff local --session $S --bogus
		hermes-handoff local:nowhere --session $S
		hermes-handoff status --session nothing
		hermes-handoff status 77
		hermes-handoff log 77
		hermes-handoff cancel 77
		hermes-handoff cancel x
		hermes-handoff retry 77
		hermes-handoff request local
		hermes-handoff request local --session nothing
		hermes-handoff claim
		hermes-handoff
		hermes-inbox claim
		hermes-inbox cursor
		hermes-inbox put
		hermes-inbox retry 77
		hermes-inbox bogus
		hermes-settle
		hermes-settle --bogus
		hermes-turn x
		hermes-route x
		hermes-send local
		hermes-send nowhere hello
		hermes-send local:nowhere hello
		hermes-send drop 77
		hermes-send retry 77
		hermes-carry
		hermes-answer
		hermes-listen
		hermes-listen nowhere
		hermes-state show nothing
		hermes-state messages nothing
		hermes-state search nothingatall
		hermes-state append nothing
		hermes-state title
		hermes-state end nothing
		hermes-state rm nothing
		hermes-state bind $S
		hermes-state prune
		hermes-state backup
		hermes-state bogus
		hermes-state show $S --jq {
		hermes-watch bogus
		hermes bogus
	END
}

@test "lesson 27: the same request id with the same content is the same handoff" {
	run -0 hermes-handoff request local --session "$S" --request-id r1 --jq .id
	first=$output
	run -0 hermes-handoff request local --session "$S" --request-id r1 --jq .id
	[ "$output" = "$first" ]
	hermes-carry >/dev/null
	run -0 hermes-handoff request local --session "$S" --request-id r1 --jq '"\(.id) \(.state)"'
	[ "$output" = "$first completed" ]
	[ "$(hermes-handoff list -q | wc -l)" = 1 ]
}

@test "lesson 27: the same request id with another content is an error" {
	hermes-handoff request local --session "$S" --request-id r1 >/dev/null
	run -65 --separate-stderr hermes-handoff request local --session "$S" --request-id r1 --no-turn
	[[ $stderr == *r1* ]]
	run -65 hermes-handoff request fault --session "$S" --request-id r1
	other=$(hermes-state new --jq .id)
	run -65 hermes-handoff request local --session "$other" --request-id r1
	[ "$(hermes-handoff list -q | wc -l)" = 1 ]
}
