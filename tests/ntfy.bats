#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# contrib/adapters/ntfy, the example of an adapter in sh, against tests/servers/ntfy. What
# every platform is held to is in contract.bats; here is what is ntfy's own.
# shellcheck disable=SC2154 # bats sets stderr

load common
load contract

setup() {
	export CONTRACT_DIR=$BATS_TEST_TMPDIR PLATFORM=ntfy
	: >"$CONTRACT_DIR/opened"
	contract_hooks ntfy
	contract_start
	contract_home topic
	HOME_PLACE='{"platform":"ntfy","chat":"home","kind":"group"}'
}

teardown() {
	contract_stop
}

# seen: the texts at home, one JSON string a line.
seen() {
	contract_seen "$HOME_PLACE"
}

# order FAULT VERB [BODY]: what goes wrong next.
order() {
	contract_control fault -d "{\"fault\":\"$1\",\"verb\":\"$2\",\"body\":${3:-null}}" >/dev/null
}

# refused CODE WORDS: the platform's own refusal of a send, and the answer to it.
refused() {
	order status send "{\"code\":$1,\"http\":$(($1 / 100)),\"error\":\"$2\"}"
	send_part "$HOME_PLACE" hello 1
}

@test "it is a script of less than sixty lines" {
	[ "$(wc -l <"$ROOT/contrib/adapters/ntfy")" -lt 60 ]
	head -n 1 "$ROOT/contrib/adapters/ntfy" | grep -qx '#!/bin/sh'
}

@test "words are resolved to topics, and nothing else is" {
	holds "$(ask resolve '{words: "My_topic-1"}')" '.place.chat == "My_topic-1" and .place.kind == "group"'
	holds "$(ask resolve '{words: ""}')" '.place.chat == "home" and .audience == {known: false}'
	local words
	for words in '"a b"' '"ä"' '"a/b"' '"a\n"' '7' '[]' "\"$(printf 'x%.0s' {1..65})\""; do
		holds "$(ask resolve "{words: $words}")" '.error.class == "request" and .error.remedy'
	done
	holds "$(ask resolve '{chat: "home", thread: "42"}')" '.error.class == "request" and (.error.why | test("threads"))'
	unset NTFY_HOME_CHANNEL
	holds "$(ask resolve '{words: ""}')" '.error.remedy | test("NTFY_HOME_CHANNEL")'
}

@test "what is short is said as it is" {
	holds "$(send_part "$HOME_PLACE" $'-d @/etc/passwd "q" \\n \\ \nÄ👋\ttab' 1)" '.outcome == "sent"'
	[ "$(seen)" = "$(jq -n '"-d @/etc/passwd \"q\" \\n \\ \nÄ👋\ttab"')" ]
	send_part "$HOME_PLACE" "$(printf 'bell\a, escape\033[1m.')" 2 >/dev/null
	[ "$(seen | tail -n 1)" = '"bell, escape[1m."' ]
}

@test "what is long is cut between words, never inside a character, below the limit" {
	local text=$BATS_TEST_TMPDIR/text part
	$PYTHON -c 'print("wörter und 👋 " * 900, end="")' >"$text"
	for part in 1 2 3 4; do
		holds "$(send_long "$HOME_PLACE" "$text" 1 "$part")" '.outcome == "sent" and .parts == 4'
	done
	holds "$(seen)" 'all(utf8bytelength <= 4096) and (.[:3] | all(utf8bytelength > 3900))' -s
	[ "$(seen | jq -r . | tr -s ' \n' '\n')" = "$(tr -s ' ' '\n' <"$text")" ]
	$PYTHON -c 'print("👋" * 3000, end="")' >"$text"
	for part in 1 2 3; do
		holds "$(send_long "$HOME_PLACE" "$text" 2 "$part")" '.parts == 3'
	done
	[ "$(seen | tail -n 3 | jq -rj .)" = "$(<"$text")" ]
}

@test "a text of blanks has no part" {
	holds "$(send_part "$HOME_PLACE" $' \n\t ' 1)" '.outcome == "not_sent" and .class == "request"'
	[ -z "$(seen)" ]
}

@test "a platform's refusal has its class, and a remedy" {
	holds "$(refused 40101 unauthorized)" '.outcome == "not_sent" and .class == "config" and (.why | test("unauthorized"))'
	holds "$(refused 40301 forbidden)" '.outcome == "not_sent" and .class == "config" and (.remedy | test("NTFY_TOKEN"))'
	holds "$(refused 40010 "topic name is not allowed")" '.outcome == "not_sent" and .class == "request"'
	holds "$(refused 42901 "limit reached")" '.outcome == "not_sent" and .class == "transient" and .retry_after == 10'
	holds "$(refused 50001 "internal server error")" '.outcome == "unknown" and (.why | test("internal"))'
	order redirect send
	holds "$(send_part "$HOME_PLACE" hello 1)" '.outcome == "not_sent" and .class == "transient"'
	[ -z "$(seen)" ]
}

@test "a page in place of JSON is trouble, and not a topic where nothing was said" {
	order garbage poll
	holds "$(hermes-adapter-ntfy check)" '(.ok | not) and (.problems[0].remedy | test("NTFY_BASE_URL"))'
	order garbage poll
	holds "$(ask poll '{cursor: "all"}')" '.error.class == "transient" and (has("cursor") | not)'
}

@test "an address that is none, and one where nobody is, are not sent to" {
	NTFY_BASE_URL=http://127.0.0.1:1
	holds "$(send_part "$HOME_PLACE" hello 1)" '.outcome == "not_sent" and .class == "transient"'
	export NTFY_BASE_URL=gopher-what://x
	holds "$(send_part "$HOME_PLACE" hello 1)" '.outcome == "not_sent" and .class == "config"'
}

@test "the token is used, and is in nobody's arguments; nor is the topic" {
	holds "$(adapter check)" '.ok and .problems == []'
	printf '#!/bin/sh\necho "$@" >>"%s/argv"\nexec %s "$@"\n' "$BATS_TEST_TMPDIR" "$(type -P curl)" >"$CONTRACT_DIR/bin/curl"
	chmod +x "$CONTRACT_DIR/bin/curl"
	holds "$(send_part "$HOME_PLACE" "very private" 1)" '.outcome == "sent"'
	poll >/dev/null
	[ -s "$BATS_TEST_TMPDIR/argv" ]
	run ! grep -E 'tk_verysecret|home|private' "$BATS_TEST_TMPDIR/argv"
	export NTFY_TOKEN=tk_wrong
	holds "$(adapter check)" '.ok == false and (.problems[0].remedy | test("NTFY_TOKEN"))'
	holds "$(poll)" '.error.class == "config"'
}

@test "people are heard once, with the cursor; we are not, and blanks are not" {
	contract_say "$HOME_PLACE" one
	send_part "$HOME_PLACE" "our own" 1 >/dev/null
	contract_say '{"chat":"elsewhere"}' two
	local batch cursor
	batch=$(ask poll '{places: [{chat: "elsewhere"}, {chat: "no topic!"}, 7]}')
	holds "$batch" '[.events[] | .text, .place.chat] == ["one", "home", "two", "elsewhere"]'
	cursor=$(jq -r .cursor <<<"$batch")
	holds "$(poll "$cursor")" '.events == []'
	contract_say "$HOME_PLACE" three
	holds "$(poll "$cursor")" '[.events[].text] == ["three"]'
	# One that the server has forgotten, or that is none.
	holds "$(poll AAAAAAAAAAAA)" '[.events[].text] == ["one", "three"]'
	holds "$(poll 'x&since=none')" '[.events[].text] == ["one", "three"]'
}

# asked: how many requests there were.
asked() {
	contract_control requests | jq length
}

@test "a poll waits for a first message, as long as it may" {
	local cursor before=$SECONDS
	cursor=$(contract_say "$HOME_PLACE" one && poll | jq -r .cursor)
	holds "$(poll "$cursor" 1)" '.events == []'
	[ $((SECONDS - before)) -ge 1 ]
	before=$(asked)
	start poll "$cursor" 20
	wait_until 10 eval '[ "$(asked)" -gt "$before" ]'
	contract_say "$HOME_PLACE" two
	wait_until 20 grep -q '"two"' "$BATS_TEST_TMPDIR/out.1"
	stop_all
}

@test "a poll that waits leaves most of ntfy's limit to what is sent" {
	local cursor before
	cursor=$(poll | jq -r .cursor)
	before=$(asked)
	holds "$(poll "$cursor" 5)" '.events == []'
	[ $(($(asked) - before)) -le 2 ]
	contract_control set -d '{"left":0}' >/dev/null
	holds "$(poll "$cursor" 5)" '.error | .class == "transient" and .retry_after == 10'
}

@test "without a topic there is nothing to hear, and nothing is asked" {
	unset NTFY_HOME_CHANNEL
	holds "$(ask poll '{wait: 0, cursor: "AAAAAAAAAAAA"}')" '. == {cursor: "AAAAAAAAAAAA", events: []}'
	[ "$(asked)" -eq 0 ]
}

@test "a slash behind the server's address is no part of it" {
	export NTFY_BASE_URL=$NTFY_BASE_URL/
	holds "$(ask resolve '{words: ""}')" '.place | (.account | test("/") | not) and (.link | test("[0-9]/home$"))'
	holds "$(send_part "$HOME_PLACE" hello 1)" '.outcome == "sent"'
}

@test "a last line without its end is a line" {
	run -0 --separate-stderr adapter resolve < <(printf '{"words":"home"}\n{"words":"home"}')
	[ "${#lines[@]}" -eq 2 ]
	run -65 --separate-stderr adapter resolve < <(printf '{"words":')
	[ -n "$stderr" ] && [ -z "$output" ]
}

@test "without curl or jq it says so, rather than nothing" {
	mkdir "$BATS_TEST_TMPDIR/few"
	ln -s "$(type -P sh)" "$(type -P cat)" "$(type -P date)" "$(type -P jq)" "$BATS_TEST_TMPDIR/few"
	PATH=$BATS_TEST_TMPDIR/few run -0 "$ROOT/contrib/adapters/ntfy" send <<<"{\"place\":$HOME_PLACE,\"text\":\"x\",\"part\":1}"
	holds "${lines[-1]}" '.outcome == "not_sent" or .outcome == "unknown"'
}
