#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-ask: an adapter asked from a script, with the configuration it needs and a time
# limit; and that a few lines of sh and jq are a legal adapter.
#
# Each test is a subshell of its own, and bats sets stderr:
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0
load common

setup() {
	export PATH="$PATH:$ROOT/tests/adapters:$BATS_TEST_TMPDIR/bin" T=$BATS_TEST_TMPDIR
	export LOCAL_ROOT=$T/rooms FAULT_ROOT=$T/fault-rooms
	mkdir -p "$T/bin"
}

teardown() {
	stop_all
}

# adapter NAME <SCRIPT
adapter() {
	cat >"$T/bin/hermes-adapter-$1"
	chmod +x "$T/bin/hermes-adapter-$1"
}

# A whole platform in sh and jq: a mailbox is a file, a line is a message.
shell_adapter() {
	adapter mailbox <<-'END'
		#!/bin/sh
		box=${MAILBOX_BOX:?}
		place='{platform: "mailbox", account: "me", chat: "box", kind: "dm", user: "ada"}'
		case $1 in
		about) echo '{"protocol":1,"platform":"mailbox","name":"Mailbox","threads":false,"polling":true,
			"idempotency":false,"readback":false,"gateway":false,"limit":1000,"unit":"bytes",
			"verbs":["about","check","resolve","thread","send","poll"],
			"config":[{"name":"MAILBOX_BOX","secret":false,"required":true,"about":"the file"}]}' | tr -d '\n\t'; echo ;;
		check) echo '{"ok":true,"account":"me","name":"mailbox","problems":[]}' ;;
		resolve) jq -c "{place: $place, audience: {size: 1, names: [\"Ada\"], known: true}}" ;;
		thread) jq -c "{outcome: \"home\", place: .place, why: \"mailboxes have no threads\",
			audience: {size: 1, known: true}}" ;;
		send) jq -c '"bot \(.text | gsub("\n"; " "))"' -r >>"$box"
			echo "{\"outcome\":\"sent\",\"ids\":[\"$(wc -l <"$box")\"],\"parts\":1}" ;;
		poll) cursor=$(jq -r '.cursor // "0"')
			tail -n "+$((cursor + 1))" "$box" 2>/dev/null | jq -Rcn --arg cursor "$cursor" "
				[inputs] | to_entries | {events: [.[] | select(.value | startswith(\"ada \"))
				| {message: \"\(.key + 1 + (\$cursor | tonumber))\", text: .value[4:], place: $place,
				   user: {id: \"ada\", name: \"Ada\"}}],
				cursor: \"\((\$cursor | tonumber) + length)\"}" ;;
		*) exit 64 ;;
		esac
	END
	export MAILBOX_BOX=$T/box
	: >"$MAILBOX_BOX"
}

@test "about and check need no question" {
	run -0 hermes-ask local about --jq '[.platform, .protocol]'
	[ "$output" = '["local",1]' ]
	run -0 hermes-ask local check --jq .ok
	[ "$output" = true ]
	run -0 hermes-ask local about </dev/null
	[ "$(jq -r .platform <<<"$output")" = local ]
}

@test "each question is answered with a line, in their order" {
	for room in one two; do
		hermes-adapter-local room $room --member ada -q
	done
	run -0 --separate-stderr hermes-ask local resolve --jq '.place.chat // .error.class' <<-'END'
		{"words":"one"}
		{"words":"nowhere"}
		{"words":"two"}
	END
	[ "$output" = $'one\nchat\ntwo' ]
	[ -z "$stderr" ]
}

@test "an answer that says no is an answer: exit 0" {
	run -0 hermes-ask local send --jq .outcome <<<'{"place":{"chat":"nowhere"},"text":"x","part":1}'
	[ "$output" = not_sent ]
	echo "send refuse" | install -D -m 600 /dev/stdin "$HERMES_HOME/fault-orders"
	run -0 hermes-ask fault send --jq '[.outcome, .class]' <<<'{"place":{"chat":"home"},"text":"x","part":1}'
	[ "$output" = '["not_sent","transient"]' ]
}

@test "the adapter is given what the configuration says, and no other platform's secrets" {
	adapter nosy <<<$'#!/bin/sh\nenv | jq -Rcn "[inputs | split(\\"=\\")[0]]"  | jq -c "{names: .}"'
	configure 'platforms: {nosy: {bot_token: "tok", home_channel: {chat_id: "5"}}, local: {root: /nowhere}}'
	(umask 077 && echo "NOSY_EXTRA=1" >"$HERMES_HOME/.env")
	unset LOCAL_ROOT
	run -0 hermes-ask nosy check --jq '.names | map(select(test("^(NOSY|LOCAL|TELEGRAM)_"))) | sort | join(" ")'
	[ "$output" = "NOSY_BOT_TOKEN NOSY_EXTRA NOSY_HOME_CHANNEL" ]
	export TELEGRAM_BOT_TOKEN=9001:x
	run -0 hermes-ask nosy check --jq '.names | any(. == "TELEGRAM_BOT_TOKEN")'
	[ "$output" = false ]
}

@test "an adapter is given what others call its settings, if it says so, and nobody else is" {
	adapter mine <<-'END'
		#!/bin/sh
		[ "$1" = check ] || exec echo '{"protocol":1,"config":[{"name":"MINE_PASSWORD","also":"THEIR_PASSWORD"},{"name":"MINE_URL","also":"THEIR_URL"}]}'
		echo "{\"said\":\"$MINE_PASSWORD $MINE_URL $THEIR_PASSWORD\"}"
	END
	adapter other <<-'END'
		#!/bin/sh
		[ "$1" = check ] || exec echo '{"protocol":1,"config":[]}'
		echo "{\"said\":\"$OTHER_PASSWORD $MINE_PASSWORD $THEIR_PASSWORD\"}"
	END
	(umask 077 && mkdir -p "$HERMES_HOME" && printf 'THEIR_PASSWORD=theirs\nTHEIR_URL=there\n' >"$HERMES_HOME/.env")
	run -0 hermes-ask mine check --jq .said
	[ "$output" = "theirs there " ]
	run -0 hermes-ask other check --jq .said
	[ "$output" = "  " ]
	MINE_PASSWORD=mine run -0 hermes-ask mine check --jq .said
	[ "$output" = "mine there " ]
	configure 'platforms: {mine: {url: here}}'
	run -0 hermes-ask mine check --jq .said
	[ "$output" = "theirs here " ]
}

@test "no adapter: 69 and its name; nothing on stdout" {
	run -69 --separate-stderr hermes-ask nowhere about
	[[ $stderr == *nowhere* ]]
	[ -z "$output" ]
	for name in ../local /bin/sh "a b" ""; do
		run --separate-stderr hermes-ask "$name" about
		[ "$status" != 0 ]
		[ -z "$output" ]
		[ -n "$stderr" ]
	done
}

@test "an adapter's 78 is ours, and so is what it said" {
	adapter bare <<<$'#!/bin/sh\necho "BARE_TOKEN is not set; get one from the mint" >&2; exit 78'
	run -78 --separate-stderr hermes-ask bare check
	[[ $stderr == *"BARE_TOKEN is not set; get one from the mint"* ]]
	[ -z "$output" ]
}

@test "an adapter that dies, or answers rubbish, half a line, or nothing: 69" {
	local script
	for script in 'exit 1' 'exit 0' 'kill -SEGV $$' 'echo "<html>502</html>"' 'echo "[]"' \
		'printf "{\"outcome\":"' 'echo; echo "{}"' 'printf "\377\n"' 'exec >&-; cat'; do
		adapter ill <<<$'#!/bin/sh\n'"$script"
		run --separate-stderr hermes-ask ill send <<<'{"text":"x"}'
		[ "$status" = 69 ] || { echo "$script: $status $output $stderr"; return 1; }
		[ -z "$output" ] || { echo "$script: $output"; return 1; }
		[[ $stderr == *ill* ]]
	done
}

@test "an adapter that hangs is killed when its time is over, with all it started" {
	adapter slow <<<$'#!/bin/sh\nsleep 1000 &\necho $! >"'"$T"$'/pid"\nsleep 1000'
	HERMES_ADAPTER_LIMIT=0.3 run -69 --separate-stderr hermes-ask slow check
	[[ $stderr == *"in time"* ]]
	wait_until 20 is_gone "$(cat "$T/pid")"
}

is_gone() {
	[[ $(ps -o stat= -p "$1") =~ ^(Z.*)?$ ]]
}

@test "an adapter that answers and does not end is believed, and ended" {
	adapter lazy <<<$'#!/bin/sh\necho \'{"ok":true}\'\nexec sleep 1000'
	run -0 --separate-stderr hermes-ask lazy check --jq .ok
	[ "$output" = true ]
	[ "$SECONDS" -lt 20 ]
}

@test "an adapter that does not read its question is heard all the same" {
	adapter deaf <<<$'#!/bin/sh\nexec <&-\necho \'{"outcome":"home"}\''
	run -0 hermes-ask deaf thread --jq .outcome < <(jq -nc '{text: ("x" * 1000000)}')
	[ "$output" = home ]
}

@test "a question that is no JSON is 65, and the adapter is not asked" {
	adapter asked <<<$'#!/bin/sh\ntouch "'"$T"$'/asked"\necho "{}"'
	run -65 --separate-stderr hermes-ask asked resolve <<<'not json'
	[ -z "$output" ]
	[ ! -e "$T/asked" ]
	run -64 --separate-stderr hermes-ask asked
	[ -z "$output" ]
}

@test "ids are texts on the way, and a text of any bytes that are UTF-8 arrives as it is" {
	adapter echoing <<<$'#!/bin/sh\ncat'
	local question='{"text":"tab\t \"quote\" \\ ünï ☃ 😀 \u0001","id":"00012345678901234567890"}'
	run -0 hermes-ask echoing send <<<"$question"
	[ "$(jq -Sc . <<<"$output")" = "$(jq -Sc . <<<"$question")" ]
}

@test "a few lines of sh and jq are a legal adapter: handed to it, answered from it, once" {
	shell_adapter
	configure "agent: {use: command, command: 'jq -rs length'}
platforms: {mailbox: {allowed_users: [ada]}}"
	session=$(new_session)
	run -0 --separate-stderr hermes handoff mailbox --session "$session" --jq .state
	[ "$output" = completed ]
	[ "$(wc -l <"$MAILBOX_BOX")" = 1 ]
	echo "ada is it done?" >>"$MAILBOX_BOX"
	hermes-watch --once
	hermes-watch --once
	[ "$(wc -l <"$MAILBOX_BOX")" = 3 ]
	[ "$(tail -n 1 "$MAILBOX_BOX")" = "bot 6" ]
	[ "$(sql 'SELECT count(*) FROM sessions')" = 1 ]
	[ "$(sql "SELECT cursor FROM courier_platforms WHERE platform = 'mailbox'")" = 3 ]
	run -0 words "$session"
	[[ $output == *"user: is it done?"*"assistant: 6" ]]
}

@test "an adapter under a second name is another platform" {
	shell_adapter
	ln -s "$(command -v hermes-adapter-local)" "$T/bin/hermes-adapter-cellar"
	run -0 env CELLAR_ROOT="$T/cellar" hermes-ask cellar resolve --jq '.place.platform' <<<'{"words":""}'
	[ "$output" = cellar ]
}
