#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-watch: waits for work, runs the pipelines several at once, listens. The platforms
# are `local` and its twin with trouble on order, `fault`; the agent waits at gates (pipes)
# that a test opens, so that nothing here sleeps.
#
# Each test is a subshell of its own, and bats sets stderr:
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0
load common

setup() {
	export PATH="$PATH:$ROOT/tests/adapters:$BATS_TEST_TMPDIR/bin"
	export LOCAL_ROOT=$BATS_TEST_TMPDIR/rooms FAULT_ROOT=$BATS_TEST_TMPDIR/fault-rooms
	export GATES=$BATS_TEST_TMPDIR/gates HERMES_POLL=1
	mkdir -p "$GATES" "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/agent" <<-'END'
		#!/bin/sh
		jq -c . >"$GATES/.given.$$"
		words=$(jq -r '.event.text // empty' "$GATES/.given.$$" | cut -c 1-24)
		echo "$$" >"$GATES/.running.$$"
		echo "$$" >>"$GATES/.agents"
		ls -A "$GATES" | grep -c '^\.running\.' >>"$GATES/.counts"
		echo "$words" >>"$GATES/started"
		[ ! -p "$GATES/$words" ] || read -r _ <"$GATES/$words"
		rm "$GATES/.running.$$"
		echo "$words" >>"$GATES/ended"
		jq -rs '.[0].head | "again " + (.again | tostring)' "$GATES/.given.$$" >>"$GATES/again"
		echo "Answer to $words"
	END
	chmod +x "$BATS_TEST_TMPDIR/agent"
	platforms "local: {allowed_users: [ada]}"
}

teardown() {
	stop_all
	end_agents
}

# An agent outlives whoever was killed above it, and waits at its gate: no longer.
end_agents() {
	local pid
	[ -e "$GATES/.agents" ] || return 0
	while read -r pid; do
		if grep -qzF "$BATS_TEST_TMPDIR/agent" "/proc/$pid/cmdline" 2>/dev/null; then
			kill "$pid" || :
		fi
	done <"$GATES/.agents"
}

# platforms YAML...: a line for each.
platforms() {
	configure "agent: {use: command, command: $BATS_TEST_TMPDIR/agent}
platforms:
$(printf '  %s\n' "$@")"
}

room() {
	local name
	for name; do
		hermes-adapter-local room "$name" --no-threads --member ada=Ada -q >/dev/null
	done
}

# say ROOM TEXT
say() {
	hermes-adapter-local say "$1" --as ada "$2" >/dev/null
}

# put ROOM MESSAGE TEXT: a message that was heard already.
put() {
	jq -nc --arg chat "$1" --arg message "$2" --arg text "$3" '{events: [{$message, $text,
		place: {platform: "local", account: "local", $chat, kind: "dm", user: "ada"},
		user: {id: "ada"}}]}' | hermes-inbox put local >/dev/null
}

# heard ROOM: what the bot said there.
heard() {
	hermes-adapter-local read "$1" --jq 'select(.bot).text'
}

is_heard() {
	heard "$1" | grep -qxF "$2"
}

gate() {
	local name
	for name; do
		mkfifo "$GATES/$name"
	done
}

open_gate() {
	echo >"$GATES/$1"
}

# How many turns began so far.
begun() {
	[ "$({ wc -l <"$GATES/started"; } 2>/dev/null || echo 0)" -ge "$1" ]
}

watch() {
	start hermes-watch --events "$@"
	WATCHER=${STARTED_PIDS[-1]}
	EVENTS=$BATS_TEST_TMPDIR/out.$STARTED
	ERRORS=$BATS_TEST_TMPDIR/err.$STARTED
	wait_until 10 grep -q '"ready"' "$EVENTS"
}

# seen FILTER: an event for which it is true.
seen() {
	[ -n "$(jq -c "select($1)" "$EVENTS")" ]
}

# state_of SESSION: how its newest handoff is.
state_of() {
	hermes-handoff status --session "$1" --jq .state
}

is_completed() {
	[ "$(state_of "$1")" = completed ]
}

has_failed() {
	[ "$(state_of "$1")" = failed ]
}

nothing_is_open() {
	[ "$(sql "SELECT (SELECT count(*) FROM courier_events WHERE state IN ('queued', 'running'))
		+ (SELECT count(*) FROM courier_handoffs WHERE state IN ('pending', 'running'))
		+ (SELECT count(*) FROM courier_deliveries WHERE state IN ('pending', 'sending'))")" = 0 ]
}

# is_empty GROUP: no process of the group lives.
is_empty() {
	ps -eo pgid=,stat= | awk -v group="$1" '$1 == group && $2 !~ /^Z/ { exit 1 }'
}

# groups KIND: of the jobs of a kind that were started.
groups() {
	jq -r --arg kind "$1" 'select(.event == "started" and .job == $kind).group' "$EVENTS"
}

# kill_whole: the watcher and all its pipelines at once, with everything in them.
kill_whole() {
	local group
	kill -STOP "$WATCHER"
	for group in $(jq -r 'select(.event == "started").group' "$EVENTS"); do
		kill -KILL -- "-$group" 2>/dev/null || :
	done
	kill -KILL "$WATCHER"
	wait "$WATCHER" || :
}

# --- work --------------------------------------------------------------------

@test "a running watcher carries a handoff at once: the bell wakes it" {
	session=$(new_session)
	watch
	hermes-handoff request local --session "$session" -q
	wait_until 20 is_completed "$session"
	wait_until 20 seen '.event == "settled" and .handoff.state == "completed"'
}

@test "a pending row that another program wrote is adopted and carried" {
	session=$(new_session)
	watch
	sql "UPDATE sessions SET handoff_state = 'pending', handoff_platform = 'local' WHERE id = '$session'"
	wait_until 20 is_completed "$session"
	[ "$(sql "SELECT handoff_state FROM sessions WHERE id = '$session'")" = completed ]
	[ "$(sql 'SELECT requester FROM courier_handoffs')" = hermes-agent ]
}

@test "what people say is heard and answered, where they said it" {
	room kitchen
	watch
	say kitchen hello
	wait_until 10 is_heard kitchen "Answer to hello"
	say kitchen "and again"
	wait_until 10 is_heard kitchen "Answer to and again"
	[ "$(sql 'SELECT count(*) FROM sessions')" = 1 ]
}

@test "a delivery that waits is sent when it is due" {
	platforms "fault: {enabled: true}"
	echo "send refuse" >"$HERMES_HOME/fault-orders"
	run -75 hermes-send fault "by and by"
	watch
	wait_until 10 nothing_is_open
	run -0 hermes-send list --jq '[.state, .text]'
	[ "$output" = '["sent","by and by"]' ]
	[ "$(LOCAL_ROOT=$FAULT_ROOT heard home)" = "by and by" ]
}

@test "--jobs: so many turns at once, and no more" {
	room r1 r2 r3 r4
	for i in 1 2 3 4; do
		gate "wait $i"
		put "r$i" "$i" "wait $i"
	done
	watch --jobs 2
	wait_until 10 begun 2
	for i in 1 2 3 4; do
		open_gate "wait $i"
		wait_until 10 is_heard "r$i" "Answer to wait $i"
	done
	[ "$(sort -n "$GATES/.counts" | tail -n 1)" = 2 ]
}

@test "one slow turn holds up nobody else" {
	room slow quick
	gate "think long"
	watch
	say slow "think long"
	wait_until 10 begun 1
	say quick hello
	wait_until 10 is_heard quick "Answer to hello"
	session=$(new_session)
	hermes-handoff request local --session "$session" -q
	wait_until 10 is_completed "$session"
	[ -z "$(heard slow)" ]
	open_gate "think long"
	wait_until 10 is_heard slow "Answer to think long"
}

@test "what one person says in one place is answered in its order, one at a time" {
	room one
	gate first
	put one 1 first
	put one 2 second
	put one 3 third
	watch
	wait_until 10 begun 1
	[ "$(cat "$GATES/started")" = first ]
	open_gate first
	wait_until 10 is_heard one "Answer to third"
	run -0 heard one
	[ "$output" = "Answer to first"$'\n'"Answer to second"$'\n'"Answer to third" ]
	[ "$(sort -n "$GATES/.counts" | tail -n 1)" = 1 ]
}

# at_work: the groups of answers that are under way. One that was started when another had
# taken the last message already ends at once.
at_work() {
	local group
	for group in $(groups answer); do
		is_empty "$group" || echo "$group"
	done
	return 0
}

two_are_at_work() {
	[ "$(at_work | wc -l)" = 2 ]
}

@test "each pipeline is a process group of its own" {
	room r1 r2
	gate one two
	put r1 1 one
	put r2 2 two
	watch
	wait_until 10 begun 2
	wait_until 10 two_are_at_work
	run -0 at_work
	[ "${lines[0]}" != "${lines[1]}" ]
	for group in "${lines[@]}"; do
		[ "$group" != "$(ps -o pgid= -p "$WATCHER" | tr -d ' ')" ]
		[ "$(pgrep -g "$group" -c hermes-turn)" = 1 ]
		[ "$(pgrep -g "$group" -c hermes-settle)" = 1 ]
	done
	open_gate one
	open_gate two
}

# --- listening ---------------------------------------------------------------

@test "one listener for each platform that is enabled, and none for others" {
	platforms "local: {allowed_users: [ada]}" "fault: {enabled: true}"
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	ln -s "$(command -v hermes-adapter-local)" "$BATS_TEST_TMPDIR/bin/hermes-adapter-quiet"
	room kitchen
	watch
	say kitchen hello
	wait_until 10 is_heard kitchen "Answer to hello"
	say kitchen more
	wait_until 10 is_heard kitchen "Answer to more"
	run -0 jq -sc '[.[] | select(.job == "listen").platform] | unique' "$EVENTS"
	[ "$output" = '["fault","local"]' ]
	# never two of one platform at the same time
	run -0 jq -sc '[.[] | select(.job == "listen")] | group_by(.platform)[]
		| [foreach .[] as $e (0; if $e.event == "started" then . + 1
			elif $e.event == "ended" then . - 1 else . end)] | max' "$EVENTS"
	[ "$output" = $'1\n1' ]
}

@test "a platform without an adapter is named, and holds up no other" {
	platforms "local: {allowed_users: [ada]}" "nowhere: {enabled: true}"
	room kitchen
	watch
	say kitchen hello
	wait_until 10 is_heard kitchen "Answer to hello"
	grep -q 'nowhere.*nobody listens there' "$ERRORS"
}

# adapter NAME: a poll that notes its time and then does what stdin says.
adapter() {
	{
		cat <<-END
			#!/bin/sh
			case \$1 in
			about) echo '{"protocol":1,"platform":"$1","verbs":["poll"],"polling":true}' ;;
			poll) date +%s.%N >>"$BATS_TEST_TMPDIR/polls"
		END
		cat
		echo ';; esac'
	} >"$BATS_TEST_TMPDIR/bin/hermes-adapter-$1"
	chmod +x "$BATS_TEST_TMPDIR/bin/hermes-adapter-$1"
	platforms "$1: {enabled: true}"
}

polls() {
	[ "$({ wc -l <"$BATS_TEST_TMPDIR/polls"; } 2>/dev/null || echo 0)" -ge "$1" ]
}

# lasted SECONDS: that long between the first poll and the third.
lasted() {
	awk -v least="$1" 'NR == 1 { first = $1 } NR == 3 { exit $1 - first < least }' "$BATS_TEST_TMPDIR/polls"
}

@test "a listener that fails is started again later and later" {
	adapter broken <<<'echo "the line is cut" >&2; exit 1'
	watch
	wait_until 15 polls 3
	lasted 2.8
	[ "$(grep -c 'the line is cut' "$ERRORS")" -le "$(wc -l <"$BATS_TEST_TMPDIR/polls")" ]
}

@test "a listener that is told to come back later is left alone until then" {
	adapter limited <<<'cat >/dev/null; echo "{\"error\":{\"class\":\"transient\",\"why\":\"slow down\",\"retry_after\":600}}"'
	watch
	wait_until 10 polls 1
	wait_until 10 seen '.event == "ended" and .job == "listen"'
	[ "$(sql "SELECT poll_not_before > unixepoch() + 500 FROM courier_platforms WHERE platform = 'limited'")" = 1 ]
	never 2 polls 2
}

@test "a listener that answers at once with nothing does not spin" {
	adapter empty <<<'cat >/dev/null; echo "{\"events\":[],\"cursor\":\"1\"}"'
	watch
	wait_until 10 polls 3
	lasted 1.8
}

@test "a batch that is rubbish loses nothing: the cursor stays" {
	adapter odd <<-'END'
		read -r question
		echo "$question" >>"${GATES:?}/questions"
		if [ -e "$GATES/mended" ]; then
			echo '{"events":[],"cursor":"8"}'
		else
			touch "$GATES/mended"
			echo '{"events":[{"message":"1"'
		fi
	END
	watch
	wait_until 10 eval '[ "$(wc -l <"$GATES/questions")" -ge 3 ]'
	run -0 jq -r '.cursor // "none"' "$GATES/questions"
	[ "${lines[0]} ${lines[1]} ${lines[2]}" = "none none 8" ]
}

# --- ending ------------------------------------------------------------------

@test "SIGTERM: the turn under way is finished and delivered, and it ends with 0" {
	room r1
	gate "last words"
	put r1 1 "last words"
	HERMES_POLL=600 watch
	wait_until 10 begun 1
	put r1 2 "too late"
	kill -TERM "$WATCHER"
	# It takes no new work from now on; the listener is the first to go.
	wait_until 10 seen '.event == "ended" and .job == "listen" and .status == 143'
	open_gate "last words"
	wait "$WATCHER"
	[ "$(heard r1)" = "Answer to last words" ]
	[ "$(jq -r .event "$EVENTS" | tail -n 1)" = stopped ]
	[ "$(hermes-inbox list --state queued --jq .text)" = "too late" ]
}

@test "SIGTERM: what is not over when the grace is, is killed, and taken up by the next" {
	room r1
	gate "too long"
	put r1 1 "too long"
	HERMES_GRACE=0.3 watch
	wait_until 10 begun 1
	kill -TERM "$WATCHER"
	wait "$WATCHER"
	[ -z "$(heard r1)" ]
	grep -q 'taken up again later' "$ERRORS"
	rm "$GATES/too long" "$GATES"/.running.*
	hermes-watch --once
	[ "$(heard r1)" = "Answer to too long" ]
	[ "$(cat "$GATES/again")" = "again true" ]
}

@test "SIGINT ends it too, and a stopped watcher leaves no process behind" {
	room r1
	watch
	say r1 hello
	wait_until 10 is_heard r1 "Answer to hello"
	kill -INT "$WATCHER"
	wait "$WATCHER"
	for group in $(jq -r 'select(.event == "started").group' "$EVENTS"); do
		wait_until 20 is_empty "$group"
	done
}

@test "a watcher that is killed leaves the turn running, and nothing is said twice" {
	room r1
	gate "go on"
	put r1 1 "go on"
	watch
	wait_until 10 begun 1
	kill -KILL "$WATCHER"
	wait "$WATCHER" || :
	watch
	open_gate "go on"
	wait_until 10 is_heard r1 "Answer to go on"
	wait_until 10 nothing_is_open
	[ "$(wc -l <"$GATES/started")" = 1 ]
	[ "$(heard r1 | wc -l)" = 1 ]
}

# --- what it says ------------------------------------------------------------

@test "systemd is told when it is ready, and when it stops" {
	start "$PYTHON" -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True: print(s.recv(100).decode(), flush=True)' "$BATS_TEST_TMPDIR/notify"
	told=$BATS_TEST_TMPDIR/out.$STARTED
	wait_until 10 grep -q bound "$told"
	NOTIFY_SOCKET=$BATS_TEST_TMPDIR/notify watch
	wait_until 10 grep -qx READY=1 "$told"
	run ! grep -q STOPPING "$told"
	kill -TERM "$WATCHER"
	wait "$WATCHER"
	wait_until 10 grep -qx STOPPING=1 "$told"
}

@test "--events: JSON lines, from ready to stopped" {
	unset FAULT_ROOT
	room r1
	session=$(new_session)
	watch
	say r1 hello
	hermes-handoff request local --session "$session" -q
	wait_until 10 is_heard r1 "Answer to hello"
	wait_until 10 is_completed "$session"
	wait_until 10 seen '.event == "ended" and .job == "answer"'
	kill -TERM "$WATCHER"
	wait "$WATCHER"
	run -0 jq -sc '[.[].event] | [.[0], .[-1], (unique | join(" "))]' "$EVENTS"
	[ "$output" = '["ready","stopped","ended ready settled started stopped"]' ]
	run -0 jq -sc --argjson pid "$WATCHER" '.[0] | [.pid == $pid, .platforms]' "$EVENTS"
	[ "$output" = '[true,["local"]]' ]
	seen '.event == "settled" and .message.text == "hello" and .message.state == "done"'
	seen '.event == "settled" and .handoff.state == "completed"'
	run -0 jq -s 'all(.at > 1e9)' "$EVENTS"
	[ "$output" = true ]
	# a job that ends was started
	run -0 jq -sc '([.[] | select(.event == "ended").group] - [.[] | select(.event == "started").group])' "$EVENTS"
	[ "$output" = '[]' ]
}

@test "without --events it prints nothing" {
	room r1
	put r1 1 hello
	run -0 --separate-stderr hermes-watch --once
	[ -z "$output" ]
	[ "$(heard r1)" = "Answer to hello" ]
}

# --- once --------------------------------------------------------------------

@test "--once: with nothing to do it ends, at once" {
	HERMES_POLL=600 run -0 timeout 60 hermes-watch --once
	[ -z "$output" ]
}

@test "--once: listens, carries, answers and sends what is due, and ends" {
	platforms "local: {allowed_users: [ada]}" "fault: {enabled: true}"
	room r1
	session=$(new_session)
	hermes-handoff request local --session "$session" -q
	echo "send refuse" >"$HERMES_HOME/fault-orders"
	run -75 hermes-send fault "by and by"
	say r1 hello
	hermes-watch --once
	is_completed "$session"
	is_heard r1 "Answer to hello"
	[ "$(LOCAL_ROOT=$FAULT_ROOT heard home)" = "by and by" ]
	nothing_is_open
}

is_due() {
	[ "$(sql "SELECT count(*) FROM courier_handoffs
		WHERE not_before > (julianday('now') - 2440587.5) * 86400")" = 0 ]
}

@test "--once: what waits for its next attempt soon is not left behind" {
	platforms "fault: {enabled: true}"
	session=$(new_session)
	printf 'thread refuse\nsend refuse\n' >"$HERMES_HOME/fault-orders"
	hermes-handoff request fault --session "$session" -q
	for _ in 1 2 3 4; do
		hermes-watch --once
		if is_completed "$session"; then break; fi
		wait_until 20 is_due
	done
	is_completed "$session"
}

# --- a slow platform ---------------------------------------------------------

# queued PLATFORM COUNT: so many texts wait there.
queued() {
	[ -e "$HERMES_HOME/state.db" ] || hermes-state new -q >/dev/null
	sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
		INSERT INTO courier_deliveries (platform, place, text, format, created) SELECT '$1',
		json_object('platform', '$1', 'account', '$1', 'chat', 'home', 'kind', 'dm', 'user', 'ada'),
		'$1 ' || i, 'plain', unixepoch() FROM n"
}

# left PLATFORM: how many texts wait for it.
left() {
	sql "SELECT count(*) FROM courier_deliveries WHERE platform = '$1' AND state != 'sent'"
}

@test "a thousand texts for a slow platform do not delay another's" {
	platforms "local: {allowed_users: [ada]}" "fault: {enabled: true}"
	export FAULT_SLOW=60 HERMES_GRACE=0
	hermes-state new -q >/dev/null
	watch
	queued fault 1000
	queued local 1
	wait_until 20 is_heard home "local 1"
	[ "$(left fault)" = 1000 ]
	# one process for each platform, and no more
	[ "$(jq -s '[.[] | select(.event == "started" and .job == "due" and .platform == "fault")] | length' "$EVENTS")" = 1 ]
	hermes-send local "and now" -q
	[ "$(left fault)" = 1000 ]
}

@test "--once: the same, and a handoff to the other platform is carried meanwhile" {
	platforms "local: {allowed_users: [ada]}" "fault: {enabled: true}"
	session=$(new_session)
	queued fault 1000
	queued local 1
	hermes-handoff request local --session "$session" -q
	FAULT_SLOW=60 HERMES_GRACE=0 start hermes-watch --once --jobs 1
	wait_until 20 is_heard home "local 1"
	wait_until 20 is_completed "$session"
	[ "$(left fault)" = 1000 ]
}

# tell PLATFORM ROOM MESSAGE TEXT: a message that was heard there already.
tell() {
	jq -nc --arg platform "$1" --arg chat "$2" --arg message "$3" --arg text "$4" '{events: [{$message, $text,
		place: {$platform, account: $platform, $chat, kind: "dm", user: "ada"},
		user: {id: "ada"}}]}' | hermes-inbox put "$1" >/dev/null
}

@test "a slow platform's messages do not take all pipelines" {
	platforms "local: {allowed_users: [ada]}" "fault: {allowed_users: [ada]}"
	export FAULT_SLOW=60 HERMES_GRACE=0
	room r1
	for i in 1 2 3 4 5 6; do
		LOCAL_ROOT=$FAULT_ROOT room "s$i"
		tell fault "s$i" "$i" "slow $i"
	done
	watch --jobs 4
	wait_until 10 begun 2
	tell local r1 1 quick
	wait_until 20 is_heard r1 "Answer to quick"
	tell local r1 2 "quick again"
	wait_until 20 is_heard r1 "Answer to quick again"
	[ "$(grep -c slow "$GATES/started")" -le 3 ]
}

@test "a single platform has all pipelines for itself" {
	platforms "local: {allowed_users: [ada]}"
	room r1 r2 r3 r4
	for i in 1 2 3 4; do
		gate "wait $i"
		put "r$i" "$i" "wait $i"
	done
	watch --jobs 4
	wait_until 10 begun 4
	for i in 1 2 3 4; do
		open_gate "wait $i"
	done
}

@test "handoffs that fail on one platform do not make another's rest" {
	platforms "local: {allowed_users: [ada]}" "nowhere: {enabled: true}"
	export HERMES_ATTEMPTS=1000
	for i in 1 2 3 4 5 6; do
		hermes-handoff request nowhere --session "$(new_session "lost $i")" -q
	done
	watch
	wait_until 10 seen '.event == "ended" and .platform == "nowhere"'
	session=$(new_session "found")
	hermes-handoff request local --session "$session" -q
	wait_until 20 is_completed "$session"
}

@test "a platform that wants to be left alone gets no process until then" {
	platforms "local: {allowed_users: [ada]}" "fault: {enabled: true}"
	queued fault 3
	sql "INSERT INTO courier_platforms (platform, not_before, delay)
		VALUES ('fault', (julianday('now') - 2440587.5) * 86400 + 2, 2)"
	end=$(sql "SELECT not_before FROM courier_platforms")
	watch
	hermes-send local hello -q
	wait_until 10 nothing_is_open
	[ "$(jq -s --argjson until "$end" '[.[] | select(.event == "started" and .platform == "fault" and .job == "due" and .at < $until)] | length' "$EVENTS")" = 0 ]
	[ "$(LOCAL_ROOT=$FAULT_ROOT heard home)" = $'fault 1\nfault 2\nfault 3' ]
	[ "$(jq -s '[.[] | select(.event == "started" and .platform == "fault" and .job == "due")] | length' "$EVENTS")" = 1 ]
}

# --- several -----------------------------------------------------------------

@test "two watchers on one store: everything once" {
	rooms=$(echo r{1..12})
	# shellcheck disable=SC2086
	room $rooms
	watch
	watch
	for name in $rooms; do
		say "$name" "from $name"
	done
	for name in $rooms; do
		wait_until 20 is_heard "$name" "Answer to from $name"
	done
	wait_until 10 nothing_is_open
	[ "$(wc -l <"$GATES/started")" = 12 ]
	for name in $rooms; do
		[ "$(heard "$name" | wc -l)" = 1 ]
	done
}

@test "two watchers: when one is killed with all it runs, the other takes its work and its ear" {
	room r1 r2
	gate "in the middle"
	watch
	put r1 1 "in the middle"
	wait_until 10 begun 1
	first=$WATCHER
	# The second may not listen while the first does.
	start hermes-watch --events
	other=$STARTED
	wait_until 10 grep -q '"ready"' "$BATS_TEST_TMPDIR/out.$other"
	run ! grep -q '"listen"' "$BATS_TEST_TMPDIR/out.$other"
	rm "$GATES/in the middle"
	[ "$WATCHER" = "$first" ]
	kill_whole
	wait_until 10 is_heard r1 "Answer to in the middle"
	[ "$(heard r1 | wc -l)" = 1 ]
	[ "$(tail -n 1 "$GATES/again")" = "again true" ]
	say r2 "still there?"
	wait_until 10 is_heard r2 "Answer to still there?"
	grep -q '"listen"' "$BATS_TEST_TMPDIR/out.$other"
}

# --- configuration -----------------------------------------------------------

@test "a configuration that cannot be read: exit 78, and nothing is carried" {
	session=$(new_session)
	hermes-handoff request local --session "$session" -q
	configure 'platforms: {local: [}'
	for option in --events --once; do
		run -78 --separate-stderr hermes-watch "$option"
		[[ $stderr == *config.yaml*line* ]]
		[ -z "$output" ]
	done
	[ "$(sql 'SELECT state FROM courier_handoffs')" = pending ]
	[ ! -e "$GATES/started" ]
}

@test "a configuration that breaks while it runs: nothing is given up, and it goes on once mended" {
	session=$(new_session)
	watch
	kept=$(cat "$HERMES_HOME/config.yaml")
	configure 'platforms: {local: [}'
	hermes-handoff request local --session "$session" -q
	wait_until 10 grep -q config.yaml "$ERRORS"
	never 2 has_failed "$session"
	configure "$kept"
	wait_until 10 is_completed "$session"
}

@test "a handoff to a platform without an adapter fails after its attempts, saying so" {
	session=$(new_session)
	hermes-handoff request nowhere --session "$session" -q
	HERMES_ATTEMPTS=2 watch
	wait_until 10 has_failed "$session"
	run -0 hermes-handoff status --session "$session" --jq .error
	[[ $output == *adapter*nowhere* ]]
}

# --- quiet -------------------------------------------------------------------

@test "a watcher with nothing to do sleeps" {
	unset FAULT_ROOT
	export HERMES_POLL=600
	watch
	wait_until 10 seen '.event == "started" and .job == "listen"'
	switches() { awk '/^voluntary/ { print $2 }' "/proc/$WATCHER/status"; }
	settled_down() {
		local before
		before=$(switches)
		read -rt 0.3 <> <(:) || :
		[ "$before" = "$(switches)" ]
	}
	wait_until 10 settled_down
	before=$(switches)
	read -rt 1 <> <(:) || :
	[ $(($(switches) - before)) -le 2 ]
	[ "$(jq -s '[.[] | select(.event == "started")] | length' "$EVENTS")" = 1 ]
}
