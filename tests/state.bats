#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-state: sessions, messages and bindings as JSON, for scripts.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0

load common

teardown() {
	stop_all
}

state() {
	hermes-state "$@"
}

field() {
	state show "$1" --jq ".$2" | tr -d '"'
}

place() {
	echo "{\"platform\":\"local\",\"account\":\"local\",\"chat\":\"$1\",\"kind\":\"dm\",\"user\":\"u\"}"
}

# peak FILE COMMAND...: the largest memory of the command in KiB, into FILE.
peak() {
	"$PYTHON" - "$@" <<-'PY'
		import os, resource, subprocess, sys
		status = subprocess.call(sys.argv[2:], stdin=3)
		with open(sys.argv[1], "w") as out:
		    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=out)
		sys.exit(status)
	PY
}

# --- sessions -------------------------------------------------------------------

@test "state new: an id of local time and six hex digits, here and now" {
	run -0 state new --jq '"\(.id) \(.source) \(.cwd) \(.started_at > 1000000000)"'
	[[ $output =~ ^\"?[0-9]{8}_[0-9]{6}_[0-9a-f]{6}\ cli\ $PWD\ true\"?$ ]]
}

@test "state new: what is given is kept" {
	parent=$(state new --jq .id)
	run -0 state new --id mine --title T --source telegram --model m --cwd /x --branch b --user u \
		--parent "$parent" --system-prompt P
	jq -e --arg p "$parent" '.id == "mine" and .title == "T" and .source == "telegram"
		and .model == "m" and .cwd == "/x" and .git_branch == "b" and .user_id == "u"
		and .parent_session_id == $p and .system_prompt == "P"' <<<"$output"
	run -65 state new --id mine
	run -66 state new --parent nothing
	run -64 state new operand
}

@test "state title: at most 100 characters, unique, one line of valid UTF-8" {
	first=$(state new --title same --jq .id)
	run -65 --separate-stderr state new --title same
	[[ $stderr == *same* ]]
	[ "$(state list -q | wc -l)" = 1 ]
	state title "$first" "$(printf 'ü%.0s' {1..100})" >/dev/null
	run -65 state title "$first" "$(printf 'ü%.0s' {1..101})"
	run -65 state title "$first" $'\xff'
	state title "$first" $'a\nb\x1b[31m' >/dev/null
	run -0 field "$first" title
	[ "${#lines[@]}" = 1 ]
	[[ $output != *$'\x1b'* ]]
	run -0 state title "$first" --jq .id
	[ "$output" = "$first" ] || [ "$output" = "\"$first\"" ]
}

@test "state list: newest first, filtered and limited; archived ones with --all" {
	HERMES_CLOCK=-100 state new --id old >/dev/null
	state new --id new --source telegram >/dev/null
	[ "$(state list -q | tr '\n' ' ')" = 'new old ' ]
	[ "$(state list -q --limit 1)" = new ]
	[ "$(state list -q --source cli)" = old ]
	sql "UPDATE sessions SET archived = 1 WHERE id = 'old'"
	[ "$(state list -q)" = new ]
	[ "$(state list -q --all | wc -l)" = 2 ]
	run -0 state list --source nobody
	[ -z "$output" ]
}

@test "state: a session is found by id, by prefix, by title; what is ambiguous lists itself" {
	state new --id abc1 --title one >/dev/null
	state new --id abc2 --title abc >/dev/null
	[ "$(field abc1 id)" = abc1 ]
	[ "$(field one id)" = abc1 ]
	[ "$(field abc id)" = abc2 ]
	run -64 --separate-stderr state show ab
	[[ $stderr == *abc1*abc2* ]]
	run -66 --separate-stderr state show zzz
	[[ $stderr == *zzz* ]]
	run -66 state show ''
	run -66 state show '%'
	run -66 state show "' OR 1=1 --"
}

@test "state show: a session's columns, seat and all; ids are strings" {
	id=$(state new --title T --jq .id)
	place den | state bind "$id" >/dev/null
	run -0 state show "$id"
	jq -e '.seat.place.chat == "den" and .seat.epoch == 2 and (.seat.key | type) == "string"' <<<"$output"
}

@test "state end: once, with its reason; the next message opens it again" {
	id=$(state new --jq .id)
	state end "$id" --reason cli_close >/dev/null
	[ "$(field "$id" end_reason)" = cli_close ]
	state end "$id" --reason later >/dev/null
	[ "$(field "$id" end_reason)" = cli_close ]
	state append "$id" more >/dev/null
	[ "$(field "$id" end_reason)" = null ]
	[ "$(field "$id" ended_at)" = null ]
}

@test "state rm: a session and what was said, and no other" {
	keep=$(new_session keep)
	gone=$(new_session gone)
	place den | state bind "$gone" >/dev/null
	state rm "$gone" >/dev/null
	run -66 state show "$gone"
	[ "$(sql 'SELECT count(*) FROM messages')" = 2 ]
	[ -z "$(state bindings)" ]
	[ "$(words "$keep" | wc -l)" = 2 ]
	[ "$(sql 'PRAGMA foreign_key_check' | wc -l)" = 0 ]
	run -0 state search parser -q
	[ "${#lines[@]}" = 2 ] || [ "${#lines[@]}" = 1 ]
	run -64 state rm
}

@test "state rm: what is under way is 75 and stays" {
	id=$(new_session)
	hermes-handoff request local --session "$id" >/dev/null
	run -75 --separate-stderr state rm "$id"
	[ -n "$stderr" ]
	[ "$(state list -q)" = "$id" ]
}

@test "state prune: what ended long ago and is bound nowhere" {
	HERMES_CLOCK=-900000 state new --id old >/dev/null
	HERMES_CLOCK=-900000 state end old >/dev/null
	state new --id ended >/dev/null
	state end ended >/dev/null
	state new --id alive >/dev/null
	run -0 state prune --older 10 --dry-run --jq .would_remove
	[ "$output" = 1 ]
	run -0 state prune --older 10 --jq .removed
	[ "$output" = 1 ]
	[ "$(state list -q | sort | tr '\n' ' ')" = 'alive ended ' ]
	run -64 state prune
}

# --- messages --------------------------------------------------------------------

@test "state append: a message from the operand, --content, or stdin; its id is printed" {
	id=$(state new --jq .id)
	run -0 state append "$id" one --jq .id
	[ "$(tr -d '"' <<<"$output")" = 1 ]
	state append "$id" --content two --role assistant >/dev/null
	printf three | state append "$id" - --role system >/dev/null
	printf 'fo\nur' | state append "$id" --role tool --tool-call-id c --tool-name grep >/dev/null
	run -0 words "$id"
	[ "$output" = $'user: one\nassistant: two\nsystem: three\ntool: fo\nur' ]
	[ "$(field "$id" message_count)" = 4 ]
	run -64 state append
	run -66 state append nothing x
}

@test "state append: a platform's message id is stored once" {
	id=$(state new --jq .id)
	first=$(state append "$id" hello --message-id m1 --jq .id)
	[ "$(state append "$id" hello --message-id m1 --jq .id)" = "$first" ]
	[ "$(words "$id" | wc -l)" = 1 ]
}

@test "state append: tool calls are JSON, kept byte for byte, and counted" {
	local calls='[ {"id":"c1","function":{"name":"f","arguments":"{\"n\": 1.50}"}},{"id":"c2"} ]'
	id=$(state new --jq .id)
	state append "$id" --role assistant --tool-calls "$calls" </dev/null >/dev/null
	[ "$(sql 'SELECT tool_calls FROM messages')" = "$calls" ]
	[ "$(field "$id" tool_call_count)" = 2 ]
	run -65 state append "$id" --role assistant --tool-calls '[{' </dev/null
}

@test "state append: what is not valid UTF-8, or holds a NUL, is 65 and changes nothing" {
	id=$(state new --jq .id)
	for bytes in '\xff' 'a\0b' '\xed\xa0\x80' '\xc0\x80' '\xf4\x90\x80\x80' 'cut \xe2\x82'; do
		# shellcheck disable=SC2059
		printf "$bytes" >"$BATS_TEST_TMPDIR/bytes"
		run -65 --separate-stderr state append "$id" - <"$BATS_TEST_TMPDIR/bytes"
		[[ $stderr == *UTF-8* ]]
	done
	[ "$(sql 'SELECT count(*) FROM messages')" = 0 ]
	state append "$id" $'\U1F600 \u00e9' >/dev/null
	[ "$(words "$id")" = $'user: \U1F600 \u00e9' ]
}

@test "state append --lines: many, in order, each with its id" {
	id=$(state new --jq .id)
	for i in {1..2000}; do
		echo "{\"role\":\"user\",\"content\":\"m $i\"}"
	done >"$BATS_TEST_TMPDIR/lines"
	run -0 state append "$id" --lines <"$BATS_TEST_TMPDIR/lines"
	[ "${#lines[@]}" = 2000 ]
	[ "$(words "$id" | tail -n 1)" = 'user: m 2000' ]
	[ "$(sql "SELECT count(*) FROM messages WHERE content = 'm ' || id")" = 2000 ]
	[ "$(field "$id" message_count)" = 2000 ]
}

@test "state append --lines: a bad line is 65, by its number, and what came before it stands" {
	id=$(state new --jq .id)
	for bad in '{' '[]' 'null' '{"content":"no role"}' '{"role":7}' $'{"role":"user","content":"\xff"}' '"x"'; do
		before=$(sql 'SELECT count(*) FROM messages')
		run -65 --separate-stderr state append "$id" --lines \
			< <(printf '%s\n' '{"role":"user","content":"good"}' "$bad" '{"role":"user","content":"after"}')
		[[ $stderr == *'line 2'* ]]
		[ "$(sql 'SELECT count(*) FROM messages')" = "$((before + 1))" ]
	done
	run -65 --separate-stderr state append "$id" --lines < <(printf '{"role":"user","content":"cut')
	[[ $stderr == *'no end'* ]]
	[ "$(sql "SELECT count(*) FROM messages WHERE content <> 'good'")" = 0 ]
}

@test "state append --lines: a NUL within a text does not reach the store" {
	id=$(state new --jq .id)
	printf '%s\n' '{"role":"user","content":"a\u0000b"}' >"$BATS_TEST_TMPDIR/line"
	run state append "$id" --lines <"$BATS_TEST_TMPDIR/line"
	[ "$status" = 0 ] || [ "$status" = 65 ]
	[ "$(sql "SELECT count(*) FROM messages WHERE instr(CAST(content AS BLOB), x'00')")" = 0 ]
}

@test "state append --lines: lone surrogates and deep nesting end in words or in valid text" {
	id=$(state new --jq .id)
	printf '%s\n' '{"role":"user","content":"\ud800 x"}' >"$BATS_TEST_TMPDIR/line"
	run state append "$id" --lines <"$BATS_TEST_TMPDIR/line"
	[ "$status" = 0 ] || [ "$status" = 65 ]
	printf '{"role":"user","content":"x","tool_calls":%s%s}\n' "$(printf '[%.0s' {1..20000})" \
		"$(printf ']%.0s' {1..20000})" >"$BATS_TEST_TMPDIR/line"
	run state append "$id" --lines <"$BATS_TEST_TMPDIR/line"
	[ "$status" = 0 ] || [ "$status" = 65 ]
	state messages "$id" | iconv -f UTF-8 -t UTF-8 >/dev/null
}

@test "state: a message of 100 MiB goes in and out again, and memory stays sane" {
	id=$(state new --jq .id)
	head -c 104857600 /dev/zero | tr '\0' a >"$BATS_TEST_TMPDIR/large"
	peak "$BATS_TEST_TMPDIR/in" hermes-state append "$id" - 3<"$BATS_TEST_TMPDIR/large" >/dev/null
	peak "$BATS_TEST_TMPDIR/out" hermes-state messages "$id" 3</dev/null | wc -c >"$BATS_TEST_TMPDIR/size"
	[ "$(cat "$BATS_TEST_TMPDIR/size")" -gt 104857600 ]
	echo "# in $(cat "$BATS_TEST_TMPDIR/in") KiB, out $(cat "$BATS_TEST_TMPDIR/out") KiB" >&3
	# sanitizers keep what was freed, and say nothing about memory
	[ -n "${ASAN_OPTIONS:-}" ] || [ "$(cat "$BATS_TEST_TMPDIR/in")" -lt 2000000 ]
	[ "$(cat "$BATS_TEST_TMPDIR/out")" -lt 400000 ]
	[ "$(sql 'SELECT length(content) FROM messages')" = 104857600 ]
}

@test "state messages: many stream in little memory" {
	id=$(state new --jq .id)
	sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
		INSERT INTO messages (session_id, role, content, timestamp)
		SELECT '$id', 'user', hex(randomblob(200)), i FROM n"
	peak "$BATS_TEST_TMPDIR/out" hermes-state messages "$id" 3</dev/null | wc -l >"$BATS_TEST_TMPDIR/count"
	[ "$(cat "$BATS_TEST_TMPDIR/count")" = 100000 ]
	[ "$(cat "$BATS_TEST_TMPDIR/out")" -lt 40000 ]
}

@test "state messages: by role, after one, the first and the last; a closed pipe is no error" {
	id=$(new_session)
	state append "$id" third >/dev/null
	[ "$(state messages "$id" --role assistant -q)" = 2 ]
	[ "$(state messages "$id" --after 1 -q | tr '\n' ' ')" = '2 3 ' ]
	[ "$(state messages "$id" --limit 1 -q)" = 1 ]
	[ "$(state messages "$id" --last 1 -q)" = 3 ]
	[ -z "$(state messages "$id" --after 3)" ]
	sql "UPDATE messages SET active = 0 WHERE id = 1"
	[ "$(state messages "$id" --active -q | tr '\n' ' ')" = '2 3 ' ]
	sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
		INSERT INTO messages (session_id, role, content, timestamp) SELECT '$id', 'user', 'x', i FROM n"
	run -0 bash -c 'set -o pipefail; { hermes-state messages "$1"; echo "$?" >&2; } 2>"$2" | head -n 1' - \
		"$id" "$BATS_TEST_TMPDIR/status"
	[[ $(cat "$BATS_TEST_TMPDIR/status") == 0 || $(cat "$BATS_TEST_TMPDIR/status") == 141 ]]
}

@test "state: a write to a full disk is an error" {
	[ -e /dev/full ] || skip "there is no /dev/full"
	id=$(new_session)
	run ! bash -c 'hermes-state messages "$1" >/dev/full' - "$id"
	run ! bash -c 'hermes-state list >/dev/full'
}

# --- searching ---------------------------------------------------------------------

@test "state search: all the words, newest first, with their neighbours" {
	id=$(new_session)
	state append "$id" 'the parser of the parser' >/dev/null
	run -0 state search parser
	[ "${#lines[@]}" = 2 ]
	[ "$(jq -r .message.content <<<"${lines[0]}")" = 'the parser of the parser' ]
	[ "$(jq -r '.before[0].role' <<<"${lines[0]}")" = assistant ]
	run -0 state search please parser -q
	[ "${#lines[@]}" = 1 ]
	run -1 --separate-stderr state search nothinglikethis
	[ -z "$output" ]
	[ -n "$stderr" ]
	run -64 state search
	run -64 state search '  '
}

@test "state search: what a person types is never query syntax" {
	id=$(state new --jq .id)
	state append "$id" 'a "quoted" NEAR col:x (y) AND -z *' >/dev/null
	for words in '"quoted"' 'NEAR' 'AND' '(y)' 'col:x' '"' '*' "'" '-z' 'a OR'; do
		run state search -- "$words"
		[ "$status" = 0 ] || [ "$status" = 1 ]
	done
	run -0 state search -- '"quoted"' col:x
}

@test "state search: languages written without spaces are found, short words too" {
	id=$(state new --jq .id)
	state append "$id" '明日の会議は十時からです' >/dev/null
	run -0 state search 会議は -q
	run -0 state search 会議 -q
	run -1 state search 昨日
}

@test "state search: in one session only" {
	one=$(new_session one)
	new_session two >/dev/null
	run -0 state search parser --session "$one" -q
	[ "${#lines[@]}" = 1 ]
}

# --- bindings -------------------------------------------------------------------------

@test "state bind: a place opens the session, another one takes its turn, the epoch rises" {
	one=$(state new --id one --jq .id)
	state new --id two >/dev/null
	place den | state bind one >/dev/null
	place den | state bind two >/dev/null
	run -0 state bindings --jq '"\(.key) \(.session) \(.version)"'
	[ "$(tr -d '"' <<<"$output")" = 'agent:main:local:dm:den two 2' ]
	[ "$(state bindings one)" = '' ]
	run -65 state bind one <<<'{"platform":"local"}'
	run -65 state bind one <<<'{'
	run -65 state bind one </dev/null
	place den | run -66 state bind nothing
}

@test "state bind: ids are bytes: no folding, and what looks like a separator is none" {
	local chat
	for chat in '!Room:a' '!room:a' 'a%3Ab' 'a:b' 'ünï' '007' '7'; do
		state new --id "s$chat" >/dev/null
		jq -nc --arg c "$chat" '{platform: "local", account: "local", chat: $c, kind: "group"}' \
			| state bind "s$chat" >/dev/null
	done
	[ "$(sql 'SELECT count(*), count(DISTINCT key) FROM courier_bindings')" = '7|7' ]
}

# --- export, backup, output ------------------------------------------------------------

@test "state export: each session followed by its messages, as JSON lines" {
	id=$(new_session)
	new_session other >/dev/null
	run -0 state export "$id"
	[ "$(jq -r 'keys[0]' <<<"${lines[0]}")" = id ] || jq -e .session <<<"${lines[0]}"
	[ "$(jq -s '[.[] | select(.message)] | length' <<<"$output")" = 2 ]
	run -0 state export
	[ "$(jq -s '[.[] | select(.session)] | length' <<<"$output")" = 2 ]
	run -66 state export nothing
}

@test "state: --jq, -q and --json everywhere; a filter that is none is 64" {
	id=$(new_session)
	[ "$(state list --jq '.title' | tr -d '"')" = 'Fix the parser' ]
	[ "$(state list -q)" = "$id" ]
	run -64 --separate-stderr state list --jq '.['
	[ -n "$stderr" ]
	run -0 state list --jq 'empty'
	[ -z "$output" ]
}

@test "state: an error of a filter is not silence" {
	new_session >/dev/null
	run --separate-stderr state list --jq '.title | error("x")'
	[ -n "$stderr" ]
}

@test "state: ids are accepted on stdin where many make sense" {
	one=$(state new --jq .id)
	two=$(state new --jq .id)
	printf '%s\n' "$one" "$two" | state rm - >/dev/null
	[ -z "$(state list)" ]
}

@test "state: --help and --version answer, misuse is 64 with words" {
	run -0 state --help
	[[ $output == *append* ]]
	run -0 state --version
	for verb in new list show messages append title end search bind bindings export rm prune backup check; do
		run -0 state "$verb" --help
		[ -n "$output" ]
		run -64 --separate-stderr state "$verb" --bogus
		[ -n "$stderr" ]
		[ -z "$output" ]
	done
}

@test "state: a number that is none is misuse" {
	id=$(new_session)
	for number in x '' 1x 99999999999999999999999; do
		run -64 state messages "$id" --limit "$number"
	done
}
