#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The platform `local`: what its files promise. What it shares with every platform is in
# contract.bats.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0

load common

setup() {
	export LOCAL_ROOT=$BATS_TEST_TMPDIR/rooms
	unset LOCAL_HOME_CHANNEL LOCAL_HOME_CHANNEL_THREAD_ID
	ME=$(id -un)
}

local_() {
	hermes-adapter-local "$@"
}

# ask VERB QUESTION [FILTER]: one line in, what the filter makes of the answer out.
ask() {
	local_ "$1" <<<"$2" | jq -c "${3:-.}"
}

# send ROOM TEXT [DELIVERY [THREAD]]
send() {
	jq -nc --arg chat "$1" --arg text "$2" --arg delivery "${3:-}" --arg thread "${4:-}" \
		'{place: {platform: "local", $chat}, $text, part: 1}
			+ if $delivery == "" then {} else {$delivery} end
			| if $thread == "" then . else .place.thread = $thread end' | local_ send
}

open_thread() {
	ask thread "{\"place\":{\"chat\":\"$1\"},\"title\":\"$2\",\"delivery\":\"$3\"}" "${4:-.}"
}

texts() {
	local_ read "$1" --jq .text
}

heard() {
	jq -r '.events[].text'
}

team() {
	local_ room team --kind group --member ada=Ada --member bob=Bob "$@"
}

# --- rooms ------------------------------------------------------------------

@test "local: without any configuration the home is a dm with the user of the system" {
	run -0 ask resolve '{"words":""}' '[.place.chat, .place.kind, .place.user, .audience.size]'
	[ "$output" = "[\"home\",\"dm\",\"$ME\",1]" ]
}

@test "local: asking for a place makes nothing" {
	run -0 ask resolve '{"words":""}'
	[ ! -e "$LOCAL_ROOT" ]
}

@test "local: the rooms are in HERMES_HOME when no other folder is named" {
	unset LOCAL_ROOT
	send home hello
	[ -f "$HERMES_HOME/local/home/messages" ]
}

@test "local: folders are for their owner only, files too" {
	team
	open_thread team T h1
	send team hello
	run -0 find "$LOCAL_ROOT" -perm /077
	[ -z "$output" ]
	run -0 find "$LOCAL_ROOT" -type f -perm /100
	[ -z "$output" ]
}

@test "local: a room that nobody made is no place" {
	run -0 ask resolve '{"words":"nowhere"}' .error.class
	[ "$output" = '"chat"' ]
	run -0 send nowhere hello
	[[ $output == *'"not_sent"'*'"chat"'* ]]
	run -66 --separate-stderr local_ say nowhere hello
	[[ $stderr == *'make it with'* ]]
	[ ! -e "$LOCAL_ROOT/nowhere" ]
}

@test "local: no name leads out of the root" {
	local long
	long=$(printf 'a%.0s' {1..65})
	for name in .. . .hidden a/../../b /etc 'a b' "$long" ''; do
		run -0 ask resolve "{\"chat\":\"$name\"}" .error.class
		[ "$output" = '"request"' ]
		run -0 send "$name" x
		[[ $output == *not_sent* ]]
		run -64 local_ room "$name"
	done
	for thread in .. ../../x /etc/passwd; do
		run -0 send home x 1 "$thread"
		[[ $output == *'"thread"'* ]]
		run -66 local_ read "home/$thread"
	done
	run -0 open_thread home T ../../../escaped .place.thread
	[ "$output" = '"-.-..-..-escaped"' ]
	run -0 find "$BATS_TEST_TMPDIR" -name '*escaped*' -not -path "$LOCAL_ROOT/home/threads/*"
	[ -z "$output" ]
}

@test "local: the audience is the room's members" {
	team
	run -0 ask resolve '{"words":"team"}' '[.place.kind, .place.user, .audience]'
	[ "$output" = '["group",null,{"size":2,"names":["Ada","Bob"],"known":true}]' ]
}

@test "local: a room.json that is none closes the room, and says where it is" {
	team
	for card in '{' '[]' '{"kind":"club","members":[{"id":"a"}]}' '{"kind":"group"}' \
		'{"kind":"dm","members":[{"id":"a"},{"id":"b"}]}' '{"kind":"dm","members":[{}]}'; do
		echo "$card" >"$LOCAL_ROOT/team/room.json"
		run -0 ask resolve '{"words":"team"}' '[.error.class, .error.why]'
		[[ $output == *config*team/room.json* ]]
		run -0 send team x
		[[ $output == *'"not_sent"'*'"config"'* ]]
		run -78 local_ say team x
	done
}

@test "local: a room closed by its room.json loses nothing that is said, and holds up no other" {
	team
	local_ say team --as ada first
	local_ say home second
	mv "$LOCAL_ROOT/team/room.json" "$BATS_TEST_TMPDIR/kept"
	echo '{' >"$LOCAL_ROOT/team/room.json"
	run -0 --separate-stderr local_ poll <<<'{}'
	[ "$(heard <<<"$output")" = second ]
	[[ $stderr == *team/room.json* ]]
	mv "$BATS_TEST_TMPDIR/kept" "$LOCAL_ROOT/team/room.json"
	run -0 ask poll "$(jq -c '{cursor}' <<<"$output")"
	[ "$(heard <<<"$output")" = first ]
}

@test "local room: changes what it is asked to, and keeps the rest" {
	team
	run -0 local_ room team --title "The team" \
		--jq '[.kind, .title, .threads, (.members | length)]'
	[ "$output" = '["group","The team",true,2]' ]
	run -0 local_ room team --jq .title
	[ "$output" = "The team" ]
	run -64 local_ room team --kind dm
	run -64 local_ room team --kind club
	run -0 local_ rooms -q
	[ "$output" = team ]
}

# --- threads ----------------------------------------------------------------

@test "local thread: the same delivery gives the same thread" {
	run -0 open_thread home "Fix it" h1 .place
	first=$output
	run -0 open_thread home "Fix it" h1 .place
	[ "$output" = "$first" ]
	run -0 open_thread home "Fix it" h2 .place.thread
	[ "$output" = '"h2"' ]
}

@test "local thread: a delivery id of a store begun anew does not lead into an old thread" {
	run -0 open_thread home "Old talk" h1 .place.thread
	run -0 open_thread home "New talk" h1 '[.outcome, .place.thread]'
	[ "$output" = '["opened","h1-2"]' ]
}

@test "local thread: a room without threads, and a thread, are the home themselves" {
	team --no-threads
	run -0 open_thread team T h1 '[.outcome, .place.chat, .place.thread]'
	[ "$output" = '["home","team",null]' ]
	open_thread home T h1
	run -0 ask thread '{"place":{"chat":"home","thread":"h1"},"title":"T","delivery":"h2"}' \
		'[.outcome, .place.thread]'
	[ "$output" = '["home","h1"]' ]
}

@test "local thread: eight at once with one delivery open one" {
	for i in {1..8}; do
		open_thread home T h1 .place.thread >"$BATS_TEST_TMPDIR/out.$i" 3>&- &
	done
	wait
	run -0 sort -u "$BATS_TEST_TMPDIR"/out.*
	[ "$output" = '"h1"' ]
	run -0 ls -A "$LOCAL_ROOT/home/threads"
	[ "$output" = h1.json ]
}

# --- sending ----------------------------------------------------------------

@test "local send: the same delivery and part is there once" {
	run -0 send home hello 7
	first=$output
	run -0 send home hello 7
	[ "$output" = "$first" ]
	run -0 send home hello 77
	[ "$output" != "$first" ]
	run -0 texts home
	[ "${#lines[@]}" -eq 2 ]
}

@test "local send: two parts that say the same are two messages" {
	for part in 1 2 2; do
		jq -nc --argjson part $part \
			'{place: {chat: "home"}, text: ("x" * 131072), delivery: "7", $part}' |
			local_ send
	done
	run -0 texts home
	[ "${#lines[@]}" -eq 2 ]
}

@test "local send: a delivery whose name is inside a text is not found there" {
	send home '","delivery":"7","part":1,"x":"' 6
	send home hello 7
	run -0 texts home
	[ "${#lines[@]}" -eq 2 ]
}

@test "local send: a message cut off by a crash is not there, and the next one is whole" {
	send home before 1
	printf '{"id":"99","delivery":"2","part":1,"at":1,"text":"aft' >>"$LOCAL_ROOT/home/messages"
	run -0 send home after 2
	[[ $output == *'"sent"'* ]]
	run -0 texts home
	[ "$output" = "before"$'\n'"after" ]
}

@test "local send: a message that lacks only its line break is there" {
	send home hello 1
	truncate -s -1 "$LOCAL_ROOT/home/messages"
	send home hello 1
	run -0 texts home
	[ "$output" = hello ]
}

@test "local send: a full disk is not_sent, and leaves no half line" {
	send home hello 1
	run -0 bash -c 'ulimit -f 2; trap "" XFSZ
		jq -nc "{place: {chat: \"home\"}, text: (\"x\" * 9000), delivery: \"2\", part: 1}" |
			hermes-adapter-local send'
	[[ $output == *'"not_sent"'*'"transient"'* ]]
	run -0 texts home
	[ "$output" = hello ]
	[ "$(tail -c 1 "$LOCAL_ROOT/home/messages")" = "" ]
}

@test "local send: ids increase, also when the clock is set back or the room emptied" {
	local one two three
	one=$(send home a 1 | jq -r '.ids[0]')
	two=$(HERMES_CLOCK=-86400 send home b 2 | jq -r '.ids[0]')
	((two > one))
	: >"$LOCAL_ROOT/home/messages"
	three=$(send home c 3 | jq -r '.ids[0]')
	((three > one))
}

@test "local send: eight writers leave whole lines with ids of their own" {
	for i in {1..8}; do
		jq -nc --arg i "$i" 'range(10)
			| {place: {chat: "home"}, text: "\($i).\(.)", delivery: "\($i).\(.)", part: 1}' |
			local_ send >"$BATS_TEST_TMPDIR/out.$i" 3>&- &
	done
	wait
	run -0 jq -se 'map(.id) | length == 80 and . == unique_by(tonumber)' \
		"$LOCAL_ROOT/home/messages"
}

@test "local send: says so when the folder cannot be written" {
	[ "$(id -u)" -ne 0 ] || skip "root may write everywhere"
	mkdir -p "$LOCAL_ROOT"
	chmod 500 "$LOCAL_ROOT"
	run -0 send home hello
	[[ $output == *'"not_sent"'*'"transient"'* ]]
}

@test "local send: a root that is a file is a problem that check names" {
	: >"$LOCAL_ROOT"
	run -0 send home hello
	[[ $output == *'"not_sent"'* ]]
	run -0 local_ check
	jq -e '.ok == false and (.problems[0].remedy | contains("LOCAL_ROOT"))' <<<"$output"
	run -0 ask poll '{"wait":0}' .error.class
	[ "$output" = '"transient"' ]
}

# --- hearing ----------------------------------------------------------------

@test "local poll: the first one hears all that was said before" {
	team
	local_ say home one
	send home "from the bot" 1
	local_ say team --as ada two
	run -0 ask poll '{"wait":0}'
	[ "$(heard <<<"$output")" = "one"$'\n'"two" ]
	run -0 ask poll "$(jq -c '{cursor}' <<<"$output")" .events
	[ "$output" = "[]" ]
}

@test "local poll: a batch is bounded, and the next one goes on" {
	local i
	local_ say home begin
	for i in {1..1100}; do
		echo "{\"id\":\"$i\",\"at\":1,\"from\":\"$ME\",\"bot\":false,\"text\":\"$i\"}"
	done >>"$LOCAL_ROOT/home/messages"
	run -0 ask poll '{}'
	[ "$(jq '.events | length' <<<"$output")" -eq 500 ]
	run -0 ask poll "$(jq -c '{cursor}' <<<"$output")"
	run -0 ask poll "$(jq -c '{cursor}' <<<"$output")"
	[ "$(heard <<<"$output" | tail -n 1)" = 1100 ]
	[ "$(jq '.events | length' <<<"$output")" -eq 101 ]
}

# waits_for COMMAND...: a poll that waits for long answers soon after the command.
waits_for() {
	local polling deadline=$((SECONDS + 60))
	hermes-adapter-local poll <<<'{"wait":600}' >"$BATS_TEST_TMPDIR/heard" 3>&- &
	polling=$!
	until [[ $(cat "/proc/$polling/wchan" 2>/dev/null) == *poll* ]]; do
		((SECONDS < deadline)) || { echo "the poll does not wait" >&2; return 1; }
	done
	"$@"
	while kill -0 "$polling" 2>/dev/null; do
		((SECONDS < deadline)) || { kill "$polling"; echo "not heard" >&2; return 1; }
	done
	wait "$polling"
	heard <"$BATS_TEST_TMPDIR/heard"
}

@test "local poll: what is said while it waits ends the waiting" {
	local_ say home old
	rm "$LOCAL_ROOT/home/messages"
	run -0 waits_for local_ say home -q new
	[[ $output == *new ]]
}

say_in_a_new_room() {
	team -q
	local_ say team --as bob -q new
}

@test "local poll: a room that is made while it waits is heard" {
	run -0 waits_for say_in_a_new_room
	[[ $output == *new ]]
}

@test "local poll: its own words do not end the waiting" {
	local_ say home -q old
	cursor=$(ask poll '{}' .cursor)
	hermes-adapter-local poll <<<"{\"cursor\":$cursor,\"wait\":1}" \
		>"$BATS_TEST_TMPDIR/heard" 3>&- &
	send home mine 1
	wait $!
	jq -e '.events == []' "$BATS_TEST_TMPDIR/heard"
}

@test "local poll: lines that are no messages are passed over" {
	local_ say home one
	printf '%s\n' 'no json' '[]' '7' '{"text":"no id"}' '{"id":"1","from":"x","text":7}' \
		"{\"id\":\"2\",\"from\":\"x\",\"text\":\"\"}" >>"$LOCAL_ROOT/home/messages"
	local_ say home two
	run -0 ask poll '{}'
	[ "$(heard <<<"$output")" = "one"$'\n'"two" ]
}

@test "local poll: a half line is not heard before it is whole" {
	local_ say home one
	printf '{"id":"9","from":"%s","te' "$ME" >>"$LOCAL_ROOT/home/messages"
	run -0 ask poll '{}'
	[ "$(heard <<<"$output")" = one ]
	echo 'xt":"two"}' >>"$LOCAL_ROOT/home/messages"
	run -0 ask poll "$(jq -c '{cursor}' <<<"$output")"
	[ "$(heard <<<"$output")" = two ]
}

@test "local poll: a file that was emptied is heard from its beginning" {
	local_ say home "a rather long first message"
	cursor=$(ask poll '{}' .cursor)
	: >"$LOCAL_ROOT/home/messages"
	local_ say home short
	run -0 ask poll "{\"cursor\":$cursor}"
	[ "$(heard <<<"$output")" = short ]
	rm "$LOCAL_ROOT/home/messages"
	local_ say home "another one that is longer than what was there before"
	run -0 ask poll "{\"cursor\":$cursor}"
	[[ $output == *another* ]]
}

@test "local poll: a cursor that is none begins at the beginning" {
	local_ say home one
	for cursor in '""' '"nonsense"' '"home=x"' '"home=-5"' '7' 'null'; do
		run -0 ask poll "{\"cursor\":$cursor}"
		[ "$(heard <<<"$output")" = one ]
	done
}

# --- people -----------------------------------------------------------------

@test "local say: only members speak, and in a group one says who" {
	team
	run -0 local_ say team --as ada hello
	run -77 local_ say team --as eve hello
	run -64 local_ say team hello
	run -77 local_ say home --as eve hello
	run -0 texts team
	[ "$output" = hello ]
}

@test "local say: takes words or stdin, and refuses what is no text" {
	local_ say home two words
	printf 'from\nstdin\n\n' | local_ say home -
	run -65 local_ say home ''
	run -65 bash -c 'printf "\xff" | hermes-adapter-local say home'
	run -65 bash -c 'printf "a\0b" | hermes-adapter-local say home'
	run -65 bash -c 'head -c 1048577 /dev/zero | tr "\0" x | hermes-adapter-local say home'
	run -0 texts home
	[ "$output" = "two words"$'\n'"from"$'\n'"stdin" ]
}

@test "local read: a thread is read by itself, and unknown ones are missing" {
	open_thread home T h1
	send home inside 1 h1
	send home outside 2
	run -0 texts home/h1
	[ "$output" = inside ]
	run -0 texts home
	[ "$output" = "inside"$'\n'"outside" ]
	run -66 texts home/h2
	run -66 texts nowhere
}

@test "local read: on a terminal no control character comes through" {
	send home $'red \e[31m alert' 1
	run -0 script -qec 'hermes-adapter-local read home' /dev/null
	[[ $output == *"Hermes: red"*alert* ]]
	[[ $output != *$'\e'* ]]
}

@test "local: misuse is 64, and says so" {
	run -64 --separate-stderr local_ shout
	[ -n "$stderr" ]
	run -64 local_ say
	run -64 local_ read
	run -64 local_ room
	run -64 local_ rooms x
	run -64 local_ room team --member
	run -64 local_ room team --member =x
}
