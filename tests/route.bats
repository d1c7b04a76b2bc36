#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-route: who may speak, and which session it is. Messages are put into the inbox as
# an adapter would have heard them, so that the platforms need not be there.
#
# Each test is a subshell of its own, and bats sets stderr:
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0
load common

setup() {
	export LOCAL_ROOT=$BATS_TEST_TMPDIR/rooms
	unset TELEGRAM_ALLOWED_USERS TELEGRAM_HOME_CHANNEL LOCAL_HOME_CHANNEL
	configure 'platforms: {telegram: {allow_all_users: true}, local: {allow_all_users: true}}'
}

teardown() {
	stop_all
}

# hear PLATFORM KIND CHAT USER [THREAD [MESSAGE [TEXT]]]: a message; "" leaves a part out.
# ALSO: what the user is called besides, as JSON.
hear() {
	jq -nc --arg platform "$1" --arg kind "$2" --arg chat "$3" --arg user "$4" --arg thread "${5:-}" \
		--arg message "${6:-$(date +%s%N)}" --arg text "${7:-words}" --argjson also "${ALSO:-null}" '
		def named(key; value): if value == "" then {} else {(key): value} end;
		{events: [{$message, $text, user: (named("id"; $user) + {$also}), place: ({$platform, account: "1", $kind}
			+ named("chat"; $chat) + named("thread"; $thread) + named("user"; $user))}]}' |
		hermes-inbox put "$1" >/dev/null
}
# route: what waits goes through hermes-route; the records.
route() {
	exec 9<>"$HERMES_HOME/runs"
	hermes-inbox claim | hermes-route || :
	exec 9>&-
	sql "UPDATE courier_events SET state = 'done', holder = NULL WHERE state = 'running'"
}

# session_for PLATFORM KIND CHAT USER [THREAD]: the session that a message there gets.
session_for() {
	hear "$@"
	route | jq -er '.session.id'
}

# denied PLATFORM KIND CHAT USER: a message there is not answered.
denied() {
	hear "$@"
	route | jq -e '.error.denied and (has("session") | not)' >/dev/null
}

sessions() {
	sql 'SELECT count(*) FROM sessions'
}

# --- who may speak -----------------------------------------------------------

@test "a stranger is recorded, not answered, and starts nothing" {
	configure 'platforms: {local: {allowed_users: [ada]}}'
	hermes-adapter-local room door --no-threads --member eve=Eve -q
	hermes-adapter-local say door --as eve "let me in" >/dev/null
	hermes-watch --once
	run -0 hermes-inbox list --jq '[.state, .user, .text]'
	[ "$output" = '["denied","eve","let me in"]' ]
	[[ $(hermes-inbox list --jq .error) == *"; add the user to platforms.local.allowed_users" ]]
	[ "$(hermes-adapter-local read door | wc -l)" = 1 ]
	[ "$(sessions)" = 0 ]
	[ "$(sql 'SELECT count(*) FROM messages')" = 0 ]
	# allowed after all, it is answered
	configure 'platforms: {local: {allowed_users: [ada, eve]}}'
	hermes-inbox retry 1 -q
	hermes-answer >/dev/null
	[ "$(hermes-adapter-local read door | wc -l)" = 2 ]
}

@test "without any rule nobody is answered" {
	configure 'platforms: {telegram: {enabled: true}}'
	denied telegram dm 7 7
	denied telegram group -5 7
	denied telegram dm "" 7
	denied telegram group -5 ""
}

@test "allowed_users: these, byte for byte, wherever they write" {
	configure 'platforms: {telegram: {allowed_users: ["7", "Ada"]}}'
	session_for telegram dm 7 7
	session_for telegram group -5 7
	session_for telegram group -5 Ada
	for user in 77 "" ada Ad "7 " "7,Ada" "*"; do
		denied telegram dm "x$user" "$user"
	done
	configure 'platforms: {telegram: {enabled: true}}'
	denied telegram dm 7 7
	TELEGRAM_ALLOWED_USERS="5, 7" session_for telegram dm 7 7
}

@test "one platform's users are not another's" {
	configure 'platforms: {telegram: {allowed_users: ["7"]}, local: {enabled: true}}'
	denied local dm 7 7
}

@test "group_allowed_chats: everybody in that group, and only there" {
	configure 'platforms: {telegram: {group_allowed_chats: ["-5"]}}'
	session_for telegram group -5 7
	session_for telegram group -5 8 3
	denied telegram group -6 7
	denied telegram dm -5 7
}

@test "allow_all_users: everybody" {
	session_for telegram dm 7 7
	session_for telegram group -5 9
}

@test "in the home, if it is a private chat, its owner is heard; a group home lets nobody in" {
	configure 'platforms: {telegram: {home_channel: {chat_id: "7"}}}'
	session_for telegram dm 7 7
	session_for telegram dm 7 7 42
	denied telegram dm 8 8
	denied telegram group -5 7
	configure 'platforms: {telegram: {home_channel: {chat_id: "-5"}}}'
	denied telegram group -5 7
}

@test "somebody a session was handed to in a private chat may speak there, and nobody else" {
	configure 'platforms: {local: {enabled: true}}'
	hermes-adapter-local room phone --no-threads --member ada=Ada -q
	session=$(new_session)
	hermes-handoff local:phone --session "$session" -q
	hear local dm phone ada
	sql "UPDATE courier_events SET account = 'local', place = json_set(place, '$.account', 'local')
		WHERE state = 'queued'"
	[ "$(route | jq -r .session.id)" = "$session" ]
	denied local dm phone eve
	denied local dm cellar ada
}

@test "they still may once the session was compressed" {
	configure 'platforms: {local: {enabled: true}}'
	hermes-adapter-local room phone --no-threads --member ada=Ada -q
	session=$(new_session)
	hermes-handoff local:phone --session "$session" -q
	sql "UPDATE sessions SET ended_at = 5, end_reason = 'compression' WHERE id = '$session';
		INSERT INTO sessions (id, source, parent_session_id, started_at) VALUES ('child', 'local', '$session', 6)"
	[ "$(session_for local dm phone ada)" = child ]
	[ "$(session_for local dm phone ada)" = child ]
}

@test "a user is let in by what the platform calls them besides, and remains who they are" {
	configure 'platforms: {telegram: {allowed_users: ["+15550007"]}}'
	export ALSO='["ada", "+15550007"]'
	session_for telegram dm 7 7
	session_for telegram group -5 7
	run -0 sql "SELECT DISTINCT user_id FROM sessions"
	[ "$output" = 7 ]
	run -0 sql "SELECT session_key FROM sessions"
	[ "$output" = $'agent:main:telegram:dm:7\nagent:main:telegram:group:-5:7' ]
	for ALSO in '["+1555000"]' '["+155500071"]' '[]' '"+15550007"' '{"x":"+15550007"}' '[["+15550007"]]' \
		'[15550007, null, ""]'; do
		denied telegram dm 8 8
	done
}

@test "a home may be called as its owner is: in private they are heard there" {
	configure 'platforms: {telegram: {home_channel: {chat_id: "+15550007"}}}'
	ALSO='["+15550007"]' session_for telegram dm 7 7
	ALSO='["+15550007"]' denied telegram group -5 7
	ALSO='["+15550008"]' denied telegram dm 8 8
	denied telegram dm 7 7
	configure 'platforms: {telegram: {home_channel: {chat_id: "u9"}}}'
	session_for telegram dm c9 u9
	denied telegram group -5 u9
	denied telegram dm c9 u8
}

# --- which session -----------------------------------------------------------

@test "a new place begins a session that says where it is; the next message there is its own" {
	first=$(session_for telegram dm 7 7)
	[[ $first =~ ^[0-9]{8}_[0-9]{6}_[0-9a-f]{6,8}$ ]]
	run -0 sql "SELECT source, user_id, chat_id, chat_type, session_key FROM sessions"
	[ "$output" = "telegram|7|7|dm|agent:main:telegram:dm:7" ]
	[ "$(session_for telegram dm 7 7)" = "$first" ]
	[ "$(session_for telegram dm 8 8)" != "$first" ]
	[ "$(sessions)" = 2 ]
}

@test "a thread is a place of its own, and so are its chat and its twin elsewhere" {
	ids=$(
		session_for telegram dm 7 7
		session_for telegram dm 7 7 42
		session_for telegram dm 7 7 43
		session_for telegram group 7 7 42
		session_for telegram channel 7 7
		session_for local dm 7 7
	)
	[ "$(sort -u <<<"$ids" | wc -l)" = 6 ]
}

@test "in a group each user has a session; in its threads they share one" {
	[ "$(session_for telegram group -5 7)" != "$(session_for telegram group -5 8)" ]
	[ "$(session_for telegram group -5 7)" = "$(session_for telegram group -5 7)" ]
	[ "$(session_for telegram group -5 7 42)" = "$(session_for telegram group -5 8 42)" ]
	[ "$(sessions)" = 3 ]
}

@test "group_sessions_per_user: false; thread_sessions_per_user: true" {
	everybody='platforms: {telegram: {allow_all_users: true}}'
	configure "$everybody"$'\ngroup_sessions_per_user: false\nthread_sessions_per_user: true'
	[ "$(session_for telegram group -5 7)" = "$(session_for telegram group -5 8)" ]
	[ "$(session_for telegram group -5 7 42)" != "$(session_for telegram group -5 8 42)" ]
}

@test "ids are bytes: case, colons, percent signs and blanks keep places apart" {
	ids=$(
		session_for telegram dm '@Ada:one.org' '@Ada:one.org'
		session_for telegram dm '@ada:one.org' '@ada:one.org'
		session_for telegram dm 'a:b' u
		session_for telegram dm a u b
		session_for telegram dm 'a%3Ab' u
		session_for telegram dm 'a b' u
		session_for telegram dm 'a  b' u
		session_for telegram dm 'ä' u
		session_for telegram dm $'a\u0308' u
		session_for telegram dm 007 u
		session_for telegram dm 7 u
		session_for telegram dm 7.0 u
	)
	[ "$(sort -u <<<"$ids" | wc -l)" = 12 ]
	[ "$(session_for telegram dm 'a:b' u)" = "$(sed -n 3p <<<"$ids")" ]
	[ "$(session_for telegram dm a u b)" = "$(sed -n 4p <<<"$ids")" ]
}

@test "a session that another program keeps for this place is gone on with, unless it ended" {
	new_session
	sql "INSERT INTO sessions (id, source, session_key, started_at) VALUES
		('20260101_000000_abcdef01', 'telegram', 'agent:main:telegram:dm:7', 1),
		('20260101_000000_abcdef02', 'telegram', 'agent:main:telegram:dm:8', 1)"
	sql "UPDATE sessions SET ended_at = 2, end_reason = 'reset' WHERE id LIKE '%02'"
	[ "$(session_for telegram dm 7 7)" = 20260101_000000_abcdef01 ]
	[[ $(session_for telegram dm 8 8) != ?(20260101_000000_abcdef02) ]]
}

@test "a session that was compressed: the message gets its newest child" {
	first=$(session_for telegram dm 7 7)
	sql "UPDATE sessions SET ended_at = 5, end_reason = 'compression' WHERE id = '$first';
		INSERT INTO sessions (id, source, parent_session_id, started_at, ended_at, end_reason)
			VALUES ('child', 'telegram', '$first', 6, 7, 'compression');
		INSERT INTO sessions (id, source, parent_session_id, started_at)
			VALUES ('grandchild', 'telegram', 'child', 8)"
	[ "$(session_for telegram dm 7 7)" = grandchild ]
	[ "$(session_for telegram dm 7 7)" = grandchild ]
	[ "$(hermes-state bindings grandchild | wc -l)" = 1 ]
}

@test "a session with a child that is no compression keeps its messages" {
	first=$(session_for telegram dm 7 7)
	sql "INSERT INTO sessions (id, source, parent_session_id, started_at)
		VALUES ('branch', 'cli', '$first', 6)"
	[ "$(session_for telegram dm 7 7)" = "$first" ]
}

@test "a session handed to a group is what everybody who may speak there speaks to" {
	configure 'platforms: {local: {group_allowed_chats: [team], enabled: true}}'
	hermes-adapter-local room team --kind group --no-threads --member ada=Ada --member bob=Bob -q
	session=$(new_session)
	hermes-handoff local:team --shared --session "$session" -q
	for who in ada bob; do
		hermes-adapter-local say team --as $who "I am $who" >/dev/null
		hermes-watch --once
	done
	run -0 sql "SELECT DISTINCT session FROM courier_events"
	[ "$output" = "$session" ]
	[ "$(sessions)" = 1 ]
	run -0 words "$session"
	[[ $output == *"user: I am ada"*"user: I am bob"* ]]
}

@test "it stays the group's own once it was compressed" {
	configure 'platforms: {local: {allow_all_users: true}}'
	hermes-adapter-local room team --kind group --no-threads --member ada=Ada --member bob=Bob -q
	session=$(new_session)
	hermes-handoff local:team --shared --session "$session" -q
	sql "UPDATE sessions SET ended_at = 5, end_reason = 'compression' WHERE id = '$session';
		INSERT INTO sessions (id, source, parent_session_id, started_at) VALUES ('child', 'local', '$session', 6)"
	for who in ada bob; do
		hermes-adapter-local say team --as $who "I am $who" >/dev/null
		hermes-watch --once
	done
	[ "$(sql 'SELECT DISTINCT session FROM courier_events WHERE origin = "local"')" = child ]
	[ "$(hermes-state bindings child --jq .key)" = agent:main:local:group:team ]
}

@test "two people in two rooms never mix, however many at once" {
	configure 'agent: {use: command, command: "jq -r .event.text//empty | sed s/^/echo:/"}
platforms: {local: {allow_all_users: true}}'
	for who in ada bob; do
		hermes-adapter-local room "$who" --no-threads --member $who -q
	done
	for i in 1 2 3 4 5 6; do
		hermes-adapter-local say ada --as ada "ada $i" >/dev/null
		hermes-adapter-local say bob --as bob "bob $i" >/dev/null
	done
	hermes-watch --once
	hermes-watch --once
	for who in ada bob; do
		other=$([ $who = ada ] && echo bob || echo ada)
		[ "$(hermes-adapter-local read $who --jq 'select(.bot).text' | wc -l)" = 6 ]
		run ! grep "$other" <(hermes-adapter-local read $who --jq .text)
		run ! grep "$other" <(words "$(sql "SELECT id FROM sessions WHERE user_id = '$who'")")
	done
	[ "$(sessions)" = 2 ]
}

# --- one person, several identities ------------------------------------------

linked() {
	configure 'session: {identityLinks: {ada: ["local:ada", "telegram:7"]}}
platforms: {telegram: {allow_all_users: true}, local: {allow_all_users: true}}'
}

@test "identityLinks: one person's private chats on all platforms are one session" {
	linked
	[ "$(session_for local dm home ada)" = "$(session_for telegram dm 7 7)" ]
	[ "$(sessions)" = 1 ]
	[ "$(sql 'SELECT key FROM courier_bindings')" = agent:main:dm:ada ]
	[ "$(session_for telegram dm 8 8)" != "$(session_for telegram dm 7 7)" ]
	[ "$(session_for local dm other Ada)" != "$(session_for telegram dm 7 7)" ]
}

@test "identityLinks: groups and topics stay places of their own" {
	linked
	ids=$(
		session_for telegram dm 7 7
		session_for telegram dm 7 7 42
		session_for telegram group -5 7
		session_for local group team ada
	)
	[ "$(sort -u <<<"$ids" | wc -l)" = 4 ]
}

@test "identityLinks: what was said before two identities were linked is not orphaned" {
	before=$(session_for telegram dm 7 7)
	linked
	[ "$(session_for telegram dm 7 7)" = "$before" ]
	[ "$(session_for local dm home ada)" = "$before" ]
}

@test "the same message id in two chats of one session: both are heard, and both are in it" {
	linked
	hear telegram dm 7 7 "" 100 "said at telegram"
	hear local dm home ada "" 100 "said at home"
	hermes-adapter-local room home --no-threads --member ada -q
	HERMES_ATTEMPTS=1 hermes-watch --once || :
	run -0 sql "SELECT content FROM messages WHERE role = 'user' ORDER BY id"
	[ "$output" = $'said at telegram\nsaid at home' ]
}

@test "a message that is heard twice is one" {
	hear telegram dm 7 7 "" 100 "once"
	hear telegram dm 7 7 "" 100 "once"
	[ "$(hermes-inbox list -q | wc -l)" = 1 ]
	hear telegram dm 8 8 "" 100 "another chat's"
	[ "$(hermes-inbox list -q | wc -l)" = 2 ]
}

# --- as a filter -------------------------------------------------------------

@test "records that are routed, carried or failed pass untouched" {
	new_session >/dev/null
	for record in '{"event":{"id":"1"},"session":{"id":"x"}}' '{"event":{"id":"1"},"handoff":{"id":"1"}}' \
		'{"event":{"id":"1"},"error":{"code":1}}' '{"mine":true}'; do
		run -0 hermes-route <<<"$record"
		[ "$(jq -Sc . <<<"$output")" = "$(jq -Sc . <<<"$record")" ]
	done
}

@test "somebody who lost the work changes nothing" {
	hear telegram dm 7 7
	exec 9<>"$HERMES_HOME/runs"
	hermes-inbox claim >"$BATS_TEST_TMPDIR/old"
	exec 9>&-
	exec 9<>"$HERMES_HOME/runs"
	hermes-inbox claim >"$BATS_TEST_TMPDIR/new"
	run -1 --separate-stderr hermes-route <"$BATS_TEST_TMPDIR/old"
	[ "$(jq .error.lost <<<"$output")" = true ]
	[ "$(sessions)" = 0 ]
	run -0 hermes-route <"$BATS_TEST_TMPDIR/new"
	exec 9>&-
	[ "$(sessions)" = 1 ]
}
