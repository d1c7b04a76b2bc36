#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Dead chats: one that says it is blocked, kicked or deleted is remembered and left in peace;
# it is tried now and then, and heals by itself. On `fault`, which says so on order.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0

load common

setup() {
	at_home
	export HERMES_ATTEMPTS=1
}

teardown() {
	stop_all
}

settings() {
	configure "agent: {$1}
platforms:
  local: {enabled: true, allowed_users: ['$ME']}
  fault: {enabled: true, allowed_users: ['$ME']}"
}

orders() {
	printf '%s\n' "$@" >"$HERMES_HOME/fault-orders"
}

# asked VERB: how often the platform was asked that.
asked() {
	grep -cx "$1" "$HERMES_HOME/fault-asked" || :
}

# dead: prints whether, and how often it said so, and its next try in seconds, of each dead chat.
dead() {
	sql "SELECT chat || ' ' || tries || ' ' || cast(round(probe_delay) AS INTEGER) FROM courier_chats WHERE died IS NOT NULL"
}

listen_once() {
	hermes-listen fault --wait 0 >/dev/null 2>&1
}

say() {
	(export LOCAL_ROOT="$HERMES_HOME/fault" && hermes-adapter-local say "$@" >/dev/null)
}

# dies: the home says that it is dead.
dies() {
	orders 'send dead'
	run ! hermes-send fault 'are you there?'
	: >"$HERMES_HOME/fault-asked"
}

handoff() {
	hermes-handoff fault --session "$S" </dev/null
}

@test "chats: one that says it is dead is remembered, with what it said" {
	hermes-send fault one >/dev/null
	[ -z "$(dead)" ]
	dies
	[ "$(dead)" = 'home 1 300' ]
	[ "$(sql 'SELECT why FROM courier_chats')" = 'blocked on order' ]
}

@test "chats: a handoff there is refused at once, in those words, and the chat is not asked" {
	dies
	run -1 --separate-stderr handoff
	[[ $stderr == *'blocked on order'*'first seen'*'hermes handoff retry'* ]]
	[ "$(asked send)$(asked thread)" = 00 ]
	[ -z "$(hermes-handoff list -q)" ]
}

@test "chats: a handoff that others asked for fails with them, and opens and sends nothing" {
	dies
	hermes-handoff request fault --session "$S" >/dev/null
	run ! hermes-carry
	[[ $(hermes-handoff status 1 --jq .error) == *'blocked on order'* ]]
	[ "$(hermes-handoff status 1 --jq .state)" = failed ]
	[ "$(asked send)$(asked thread)" = 00 ]
	[ "$(dead)" = 'home 1 300' ]
}

@test "chats: a thread that could not be opened as the chat is dead counts as well" {
	orders 'thread dead'
	run -1 --separate-stderr handoff
	[[ $stderr == *'blocked on order'* ]]
	[ "$(dead)" = 'home 1 300' ]
}

@test "chats: a text that waits is not sent to a chat that died meanwhile" {
	orders 'send refuse'
	HERMES_ATTEMPTS=5 run -75 hermes-send fault 'a text'
	orders 'thread dead'
	run ! handoff
	: >"$HERMES_HOME/fault-asked"
	HERMES_CLOCK=10 run ! hermes-send --due
	[ "$(asked send)" = 0 ]
	[[ $(hermes-send list --state failed --jq .error) == *'blocked on order'* ]]
}

@test "chats: the agent's answer is not sent there either, and the event says why" {
	say home 'a question'
	listen_once
	dies
	run ! hermes-answer
	[ "$(asked send)" = 0 ]
	[[ $(hermes-inbox list --state failed --jq .error) == *'blocked on order'* ]]
}

@test "chats: the pauses grow, and last a day at most" {
	local wanted
	for wanted in 300 1800 7200 28800 86400 86400; do
		dies
		[[ $(dead) == *" $wanted" ]]
	done
	[ "$(dead)" = 'home 6 86400' ]
}

@test "chats: when the pause is over the next one asks, and the pause grows if it is dead still" {
	dies
	HERMES_CLOCK=299 run -1 handoff
	[ "$(asked thread)" = 0 ]
	orders 'thread dead'
	HERMES_CLOCK=301 run -1 handoff
	[ "$(asked thread)" = 1 ]
	[ "$(dead)" = 'home 2 1800' ]
	HERMES_CLOCK=700 run -1 handoff
	[ "$(asked thread)" = 1 ]
}

@test "chats: it heals by whatever succeeds there" {
	dies
	HERMES_CLOCK=301 handoff >/dev/null
	[ -z "$(dead)" ]
	dies
	hermes-send fault 'by hand' >/dev/null
	[ -z "$(dead)" ]
}

@test "chats: it heals by whatever is heard from there" {
	dies
	say home 'unblocked you'
	listen_once
	[ -z "$(dead)" ]
	handoff >/dev/null
}

@test "chats: the same message heard twice heals nothing that died in between" {
	say home 'before'
	batch=$(hermes-ask fault poll <<<'{"wait":0}')
	hermes-inbox put fault <<<"$batch" >/dev/null
	dies
	hermes-inbox put fault <<<"$batch" >/dev/null
	[ "$(dead)" = 'home 1 300' ]
}

@test "chats: what a person sends by hand, or asks for again, asks at once" {
	orders 'send dead'
	run ! hermes-send fault 'one'
	run -0 hermes-send fault 'two'
	[ -z "$(dead)" ]
	orders 'thread dead'
	run ! handoff
	hermes-handoff retry 1 >/dev/null
	hermes-carry >/dev/null
	[ "$(hermes-handoff status 2 --jq .state)" = completed ]
	orders 'send dead'
	run ! hermes-send fault 'three'
	id=$(hermes-send list --state failed -q | tail -n 1)
	: >"$HERMES_HOME/fault-orders"
	hermes-send retry "$id" >/dev/null
	hermes-send --due >/dev/null
	[ -z "$(dead)" ]
}

@test "chats: a thread that is gone says nothing of its chat" {
	handoff >/dev/null
	say home/h1 'a question'
	listen_once
	orders 'send gone'
	run ! hermes-answer
	[ -z "$(dead)" ]
	S=$(new_session another)
	orders 'thread gone'
	run ! handoff
	[ -z "$(dead)" ]
}

@test "chats: a chat that is dead is no other's business" {
	(export LOCAL_ROOT="$HERMES_HOME/fault" && hermes-adapter-local room den --no-threads --member "$ME" -q >/dev/null)
	dies
	hermes-handoff fault:den --session "$S" </dev/null >/dev/null
	[ "$(dead)" = 'home 1 300' ]
	hermes-send local 'elsewhere' >/dev/null
}

@test "chats: one that is dead is not listened to, until it may be tried again" {
	handoff >/dev/null
	hermes-inbox cursor fault | jq -e '.places | length == 1'
	dies
	hermes-inbox cursor fault | jq -e '.places == []'
	HERMES_CLOCK=301 hermes-inbox cursor fault | jq -e '.places | length == 1'
}

@test "chats: a clock that was set back does not keep one dead" {
	orders 'send dead'
	HERMES_CLOCK=100000 run ! hermes-send fault one
	handoff >/dev/null
	[ -z "$(dead)" ]
}

@test "chats: eight at once find one dead, and it counts what it said" {
	for i in {1..8}; do echo 'send dead'; done >"$HERMES_HOME/fault-orders"
	for i in {1..8}; do start hermes-send fault "text $i"; done
	for pid in "${STARTED_PIDS[@]}"; do wait "$pid" || :; done
	[[ $(dead) == 'home '[1-8]' '* ]]
	: >"$HERMES_HOME/fault-asked"
	: >"$HERMES_HOME/fault-orders"
	run ! handoff
	[ "$(asked send)$(asked thread)" = 00 ]
}
