#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-send: a text to a place, part by part, once. `fault` is the platform local with
# trouble on order, and takes repeats; Telegram can neither be asked nor told twice.
#
# Each test is a subshell of its own, and bats sets stderr:
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0
load common
load telegram

setup() {
	export PATH="$PATH:$ROOT/tests/adapters:$BATS_TEST_TMPDIR/bin"
	export LOCAL_ROOT=$BATS_TEST_TMPDIR/rooms FAULT_ROOT=$BATS_TEST_TMPDIR/rooms
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	hermes-adapter-local room kitchen --no-threads --member ada=Ada -q >/dev/null
	configure "platforms: {local: {allowed_users: [ada]}}"
}

teardown() {
	stop_all
	stop_servers
}

# orders LINE...: trouble, a line for each call of the adapter `fault`.
orders() {
	printf '%s\n' "$@" >"$HERMES_HOME/fault-orders"
}

# heard [ROOM]: what the bot said there.
heard() {
	hermes-adapter-local read "${1:-home}" --jq 'select(.bot).text'
}

# delivery FILTER: of the newest.
delivery() {
	hermes-send list --jq "$1" | tail -n 1
}

# adapter NAME <SCRIPT: what it does with a send; the rest it leaves to the platform local.
adapter() {
	{
		printf '#!/bin/bash\nT=%q\nexport %s_ROOT=$T/rooms\n' "$BATS_TEST_TMPDIR" "${1^^}"
		printf 'if [ "$1" != send ]; then exec -a "$0" hermes-adapter-local "$@"; fi\n'
		printf 'echo . >>"$T/calls"\ncall=$(wc -l <"$T/calls")\n'
		printf 'really() { (exec -a "$0" hermes-adapter-local send); }\n'
		cat
	} >"$BATS_TEST_TMPDIR/bin/hermes-adapter-$1"
	chmod +x "$BATS_TEST_TMPDIR/bin/hermes-adapter-$1"
}

calls() {
	{ wc -l <"$BATS_TEST_TMPDIR/calls"; } 2>/dev/null || echo 0
}

# with_telegram: a Telegram whose ANN is the home.
with_telegram() {
	start_telegram
	room chat "{\"id\":$ANN,\"first_name\":\"Ann\"}"
	export TELEGRAM_HOME_CHANNEL=$ANN
}

at_telegram() {
	look "messages?chat=$ANN" | jq -r '.[] | select(.via == "bot").text | tojson'
}

# --- a text for a place ------------------------------------------------------

@test "a text goes to the home of a platform, and what came of it is printed" {
	run -0 --separate-stderr hermes send local "the build is done"
	[ "$(heard)" = "the build is done" ]
	[ "$(jq -c '[.state, .platform, .text, (.ids | length)]' <<<"$output")" = '["sent","local","the build is done",1]' ]
	[ -z "$stderr" ]
	run -0 hermes-send local more --jq '.ids[0] | type'
	[ "$output" = string ]
	run -0 hermes-send local more -q
	[ "$output" = "$(delivery '.ids[]')" ]
	[[ $output != 3 ]]
}

@test "a text comes from stdin, also when it is asked for with -" {
	printf 'two\nlines\n\n' | hermes-send local -q
	echo "one line" | hermes-send local - -q
	run -0 heard
	[ "$output" = $'two\nlines\none line' ]
}

@test "PLATFORM:ADDRESS: the adapter knows what the address means" {
	hermes-send local:kitchen "dinner" -q
	[ "$(heard kitchen)" = dinner ]
	run -1 --separate-stderr hermes-send local:cellar "dinner"
	[[ $stderr == *local:cellar*cellar* ]]
	[ -z "$output" ]
	[ "$(hermes-send list | wc -l)" = 1 ]
}

@test "what cannot be said is refused before anything is stored" {
	run -65 --separate-stderr hermes-send local ""
	[ -z "$output" ]
	run -65 --separate-stderr hermes-send local </dev/null
	[[ $stderr == *nothing* ]]
	run -65 --separate-stderr hermes-send local $'caf\xe9'
	[[ $stderr == *UTF-8* ]]
	run -64 --separate-stderr hermes-send nowhere hello
	[[ $stderr == *nowhere*platforms* ]]
	run -64 --separate-stderr hermes-send local hello world
	[[ $stderr == *quote* ]]
	[ ! -e "$HERMES_HOME/state.db" ] || [ -z "$(hermes-send list)" ]
}

@test "a text that begins with a dash comes after --" {
	hermes-send local -- "-5 degrees" >/dev/null
	[ "$(heard)" = "-5 degrees" ]
}

@test "a platform that is not set up: exit 78, and what is missing" {
	unset TELEGRAM_BOT_TOKEN
	TELEGRAM_HOME_CHANNEL=$ANN run -78 --separate-stderr hermes-send telegram hello
	[[ $stderr == *TELEGRAM_BOT_TOKEN* ]]
	[ -z "$output" ]
}

@test "without a terminal it prints JSON, on one a sentence" {
	run -0 script -qec "hermes-send local hello" /dev/null
	[[ $output == "sent to local"* ]]
}

# --- what does not arrive ----------------------------------------------------

@test "not sent, and later it may work: exit 75, it waits, and goes out when it is due" {
	adapter shy <<-'END'
		if [ "$call" = 1 ]; then
			echo '{"outcome":"not_sent","class":"transient","why":"not now"}'
		else
			really
		fi
	END
	HERMES_BACKOFF=600 run -75 --separate-stderr hermes-send shy hello
	[[ $stderr == *"not now"*queued*--due* ]]
	[ -z "$output" ]
	[ "$(delivery '[.state, .attempt]')" = '["pending",1]' ]
	run --separate-stderr hermes-send --due
	[ -z "$output" ]
	[ -z "$(heard)" ]
	HERMES_CLOCK=601 run -0 hermes-send --due --jq .state
	[ "$(heard)" = hello ]
	[ "$(delivery .state)" = sent ]
}

@test "not sent again and again: it fails for good after its attempts" {
	orders "send refuse" "send refuse" "send refuse" "send refuse"
	export HERMES_BACKOFF=0 HERMES_ATTEMPTS=3
	run -75 hermes-send fault hello
	run -1 hermes-send --due
	run -1 hermes-send --due
	[ "$(delivery .state)" = failed ]
	run -0 hermes-send --due
	[ "$(wc -l <"$HERMES_HOME/fault-orders")" = 1 ]
}

@test "refused for ever: exit 1 with the platform's words, and nothing waits" {
	adapter proud <<<'cat >/dev/null; echo "{\"outcome\":\"not_sent\",\"class\":\"request\",\"why\":\"too rude\",\"remedy\":\"be polite\"}"'
	run -1 --separate-stderr hermes-send proud hello
	[[ $stderr == *"too rude"* ]]
	[ "$(delivery '[.state, .error]')" = '["failed","too rude"]' ]
	run -0 hermes-send --due
	[ "$(calls)" = 1 ]
}

@test "a dead chat is exit 1, a wrong token 78" {
	adapter dead <<<'cat >/dev/null; echo "{\"outcome\":\"not_sent\",\"class\":\"chat\",\"why\":\"blocked by the user\"}"'
	run -1 --separate-stderr hermes-send dead hello
	[[ $stderr == *"blocked by the user"* ]]
	adapter wrong <<<'cat >/dev/null; echo "{\"outcome\":\"not_sent\",\"class\":\"config\",\"why\":\"wrong token\"}"'
	run -78 --separate-stderr hermes-send wrong hello
	[[ $stderr == *"wrong token"* ]]
}

@test "an outcome that is none, or sent without an id, is not believed" {
	for answer in '{"outcome":"fine"}' '{}' '{"outcome":"sent"}' '{"outcome":"sent","ids":[]}' '[]' 'OK'; do
		adapter strange <<<"cat >/dev/null; echo '$answer'"
		run -75 --separate-stderr hermes-send strange hello
		[ -n "$stderr" ]
		[ "$(delivery .state)" = pending ]
	done
}

# --- what may have arrived ---------------------------------------------------

@test "unknown, where repeats are safe: it is said again under the same key, and is there once" {
	for trouble in after before die_after die_before garbage; do
		orders "send $trouble"
		run -75 --separate-stderr hermes-send fault "hello $trouble"
		[[ $stderr == *"may or may not"* ]]
		wait_until_due
		hermes-send --due >/dev/null
		[ "$(delivery .state)" = sent ]
		[ "$(heard | grep -c "hello $trouble")" = 1 ]
	done
	[ "$(heard | wc -l)" = 5 ]
}

# Whatever waits is due.
wait_until_due() {
	wait_until test_due
}

test_due() {
	[ "$(sql "SELECT count(*) FROM courier_deliveries WHERE not_before > (julianday('now') - 2440587.5) * 86400")" = 0 ]
}

@test "unknown, where nobody can look: it is sent once more, marked" {
	with_telegram
	fault '{"method":"sendMessage","fault":"drop_after"}'
	run -75 --separate-stderr hermes-send telegram hello
	[[ $stderr == *"may or may not"* ]]
	wait_until_due
	hermes-send --due >/dev/null
	[ "$(delivery .state)" = sent ]
	run -0 at_telegram
	[ ${#lines[@]} = 2 ]
	[ "${lines[0]}" = '"hello"' ]
	[[ ${lines[1]} == '"'?*'hello"' ]]
	hermes-send --due
	[ "$(at_telegram | wc -l)" = 2 ]
}

@test "unknown twice, where nobody can look: the state is unknown, and there is no third time" {
	with_telegram
	fault '{"method":"sendMessage","fault":"drop_after","times":5}'
	run -75 hermes-send telegram hello
	for _ in 1 2 3 4; do
		wait_until_due
		hermes-send --due || :
	done
	[ "$(requests sendMessage)" = 2 ]
	[ "$(delivery .state)" = unknown ]
	[[ $(delivery .error) == *"cannot be told"* ]]
	fault '{"clear":true}'
	wait_until_due
	run -0 --separate-stderr hermes-send --due
	[ -z "$output" ]
	[ "$(at_telegram | wc -l)" = 2 ]
	# a human looked, and says so
	run -0 hermes-send retry "$(delivery .id)" -q
	hermes-send --due >/dev/null
	[ "$(delivery .state)" = sent ]
}

@test "an answer that did not come because nothing arrived is sent once more, marked, and is there once" {
	with_telegram
	fault '{"method":"sendMessage","fault":"drop_before"}'
	run -75 hermes-send telegram hello
	wait_until_due
	hermes-send --due >/dev/null
	[ "$(delivery .state)" = sent ]
	[ "$(at_telegram | wc -l)" = 1 ]
}

# --- parts -------------------------------------------------------------------

long_text() {
	seq -f "line %06g of a long text" 1 7000
}

@test "a long text is sent in parts, in their order, and nothing is lost" {
	long_text | hermes-send local -q
	[ "$(hermes-adapter-local read home --jq 'select(.bot).part' | tr '\n' ' ')" = "1 2 3 " ]
	[ "$(heard)" = "$(long_text)" ]
	[ "$(delivery '.ids | length')" = 3 ]
}

@test "killed between two parts: the next one goes on where it was" {
	adapter mortal <<-'END'
		[ "$call" != 2 ] || kill -KILL $PPID $$
		really
	END
	run -137 hermes-send mortal < <(long_text)
	[ "$(hermes-adapter-local read home --jq 'select(.bot).part' | tr '\n' ' ')" = "1 " ]
	[ "$(delivery .state)" = sending ]
	hermes-send --due >/dev/null
	[ "$(delivery .state)" = sent ]
	[ "$(hermes-adapter-local read home --jq 'select(.bot).part' | tr '\n' ' ')" = "1 2 3 " ]
	[ "$(heard)" = "$(long_text)" ]
	[ "$(calls)" = 4 ]
}

@test "killed when a part had arrived: it is not there twice" {
	adapter mortal <<-'END'
		really
		[ "$call" != 2 ] || kill -KILL $PPID $$
	END
	run -137 hermes-send mortal < <(long_text)
	hermes-send --due >/dev/null
	[ "$(heard)" = "$(long_text)" ]
	[ "$(delivery '.ids | length')" = 3 ]
}

@test "a delivery that another process is sending is left to it" {
	mkfifo "$BATS_TEST_TMPDIR/gate"
	adapter slow <<-'END'
		read -r _ <"$T/gate"
		really
	END
	start hermes-send slow hello
	wait_until test -s "$BATS_TEST_TMPDIR/calls"
	run --separate-stderr hermes-send --due
	[ -z "$output" ]
	[ "$(calls)" = 1 ]
	echo >"$BATS_TEST_TMPDIR/gate"
	wait "${STARTED_PIDS[-1]}"
	[ "$(heard)" = hello ]
}

@test "an adapter that never answers is out of time, and what it was asked is uncertain" {
	orders "send hang"
	HERMES_ADAPTER_LIMIT=0.3 run -75 --separate-stderr hermes-send fault hello
	[[ $stderr == *"may or may not"*"in time"* ]]
	wait_until_due
	hermes-send --due >/dev/null
	[ "$(heard)" = hello ]
}

# --- a platform that wants to be left alone ----------------------------------

@test "429: nobody asks before the time it named, whichever process it is" {
	with_telegram
	fault '{"method":"sendMessage","fault":"status","code":429,"retry_after":600}'
	run -75 --separate-stderr hermes-send telegram first
	[ "$(requests sendMessage)" = 1 ]
	run -75 --separate-stderr hermes-send telegram second
	[[ $stderr == *"left alone"* ]]
	run hermes-send --due
	HERMES_CLOCK=300 run hermes-send --due
	[ "$(requests sendMessage)" = 1 ]
	[ -z "$(at_telegram)" ]
	# another platform is not meant
	hermes-send local hello -q
	[ "$(heard)" = hello ]
	HERMES_CLOCK=602 hermes-send --due >/dev/null
	[ "$(at_telegram)" = $'"first"\n"second"' ]
}

@test "a clock that was set back does not keep a delivery for ever" {
	orders "send refuse"
	HERMES_CLOCK=1000000 HERMES_BACKOFF=2 run -75 hermes-send fault hello
	hermes-send --due >/dev/null
	[ "$(heard)" = hello ]
}

@test "a group that became a supergroup is followed" {
	with_telegram
	room chat "{\"id\":$SUPER,\"title\":\"Super\",\"bot_status\":\"administrator\",\"members\":[5]}"
	room chat "{\"id\":$PLAIN,\"title\":\"Plain\",\"bot_status\":\"administrator\",\"members\":[5],\"migrate_to\":$SUPER}"
	hermes-send "telegram:$PLAIN" hello -q
	[ "$(look "messages?chat=$SUPER" | jq -r '.[] | select(.via == "bot").text')" = hello ]
	[ "$(delivery .place.chat)" = "$SUPER" ]
}

# --- list, retry, drop -------------------------------------------------------

@test "list shows every delivery, oldest first, or those in one state" {
	hermes-send local one -q
	orders "send refuse"
	HERMES_BACKOFF=600 run -75 hermes-send fault two
	run -0 hermes-send list --jq '[.id, .state, .text]'
	[ "$output" = $'["1","sent","one"]\n["2","pending","two"]' ]
	run -0 hermes-send list --state pending -q
	[ "$output" = 2 ]
	run -0 script -qec "hermes-send list" /dev/null
	[[ $output == *ID*STATE*PLATFORM*one*two* ]]
}

@test "drop: what waits is not sent any more" {
	orders "send refuse"
	HERMES_BACKOFF=0 run -75 hermes-send fault hello
	run -0 hermes-send drop 1 --jq .state
	[ "$output" = dropped ]
	hermes-send --due
	[ -z "$(heard)" ]
	run -1 --separate-stderr hermes-send drop 1
	[[ $stderr == *dropped* ]]
	run -66 hermes-send drop 99
	run -64 hermes-send drop x
}

@test "retry: what failed is sent again, what was sent is not" {
	orders "send refuse"
	HERMES_ATTEMPTS=1 run hermes-send fault hello
	hermes-send --due || :
	HERMES_ATTEMPTS=1 hermes-send --due || :
	[ "$(delivery .state)" = sent ] || hermes-send retry 1 -q
	hermes-send --due >/dev/null
	[ "$(heard)" = hello ]
	run -1 --separate-stderr hermes-send retry 1
	[[ $stderr == *sent* ]]
	run -66 hermes-send retry 99
}

@test "retry: parts that arrived are not sent again" {
	adapter picky <<-'END'
		if [ "$call" = 2 ]; then
			cat >/dev/null
			echo '{"outcome":"not_sent","class":"request","why":"not now"}'
		else
			really
		fi
	END
	run -1 hermes-send picky < <(long_text)
	[ "$(delivery .state)" = failed ]
	hermes-send retry 1 -q
	hermes-send --due >/dev/null
	[ "$(heard)" = "$(long_text)" ]
}

@test "--due has no words for people when all goes well, and its claim ends with it" {
	adapter mortal <<-'END'
		[ "$call" != 2 ] || kill -KILL $PPID $$
		[ "$call" != 1 ] || { echo '{"outcome":"not_sent","class":"transient","why":"not now"}'; exit; }
		really
	END
	HERMES_BACKOFF=0 run -75 hermes-send mortal hello
	run -137 hermes-send --due
	run -0 --separate-stderr hermes-send --due --jq .state
	[ "$(heard)" = hello ]
	[ -z "$stderr" ]
}

# --- the stage ---------------------------------------------------------------

# answer [FILTER]: the pipeline of hermes-answer, with a jq between turn and send.
answer() {
	exec 9<>"$HERMES_HOME/runs"
	hermes-inbox claim | hermes-route | hermes-turn | jq --unbuffered -c "${1:-.}" | hermes-send | hermes-settle
	exec 9>&-
}

hears() {
	jq -nc --arg text "$1" '{events: [{message: "1", $text, place: {platform: "local",
		account: "local", chat: "kitchen", kind: "dm", user: "ada"}, user: {id: "ada"}}]}' |
		hermes-inbox put local >/dev/null
}

@test "a jq between turn and send rewrites what is sent, and the transcript says what was sent" {
	hears hello
	run -0 answer '.turn.text = "Fewer words."'
	[ "$(heard kitchen)" = "Fewer words." ]
	run -0 sql "SELECT content FROM messages WHERE role = 'assistant'"
	[ "$output" = "Fewer words." ]
}

@test "a jq that only looks changes nothing" {
	hears hello
	run -0 answer .
	[ "$(sql "SELECT content FROM messages WHERE role = 'assistant'")" = "$(heard kitchen)" ]
}

@test "once the delivery was begun, a rewrite comes too late" {
	hears hello
	exec 9<>"$HERMES_HOME/runs"
	hermes-inbox claim | hermes-route | hermes-turn | hermes-send >"$BATS_TEST_TMPDIR/record"
	exec 9>&-
	said=$(heard kitchen)
	run -0 answer '.turn.text = "Other words."'
	[ "$(heard kitchen)" = "$said" ]
	[ "$(sql "SELECT content FROM messages WHERE role = 'assistant'")" = "$said" ]
}

@test "records without a turn, with an error, or delivered already pass untouched" {
	for record in '{"event":{"id":"1"},"mine":1}' '{"event":{"id":"1"},"turn":{"text":"x"},"error":{"code":1}}' \
		'{"event":{"id":"1"},"turn":{"text":"x"},"delivery":{"id":"5","state":"sent"}}' '{"other":true}'; do
		run -0 hermes-send <<<"$record"
		[ "$(jq -Sc . <<<"$output")" = "$(jq -Sc . <<<"$record")" ]
	done
	[ -z "$(heard)" ]
}

@test "the route belongs to the event: a reply goes where the question came from" {
	hermes-adapter-local room attic --no-threads --member ada=Ada -q >/dev/null
	hears "from the kitchen"
	hermes-send local:attic "something else" -q
	answer . >/dev/null
	[ "$(heard attic)" = "something else" ]
	[ "$(heard kitchen | wc -l)" -ge 1 ]
}
