#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# hermes-doctor: what is missing, and how to mend it.
# shellcheck disable=SC2154 # bats sets stderr

load common

# A folder of its own with the doctor and stand-ins beside it: what a doctor asks for it
# finds beside itself first.
setup() {
	mkdir -p "$HERMES_HOME" "$BATS_TEST_TMPDIR/bin"
	chmod 700 "$HERMES_HOME"
	cp "$(command -v hermes-doctor)" "$BATS_TEST_TMPDIR/bin"
	bin=$BATS_TEST_TMPDIR/bin
	export PATH="$bin:/usr/bin:/bin"
	state '{"ok":true,"journal":"wal","sqlite":"3.51.3","problems":[]}'
	program hermes-agent-recap ''
}

# program NAME TEXT: an executable beside the doctor.
program() {
	printf '#!/bin/sh\n%s\n' "$2" >"$bin/$1"
	chmod +x "$bin/$1"
}

# hangs NAME...: an adapter each that is configured, and never answers.
hangs() {
	local name
	for name; do
		program "hermes-adapter-$name" 'exec sleep 600'
		export "${name^^}_X=1"
	done
}

# wait_for_each_other NAME...: an adapter each that is configured, and answers once all of
# them were asked.
wait_for_each_other() {
	local name asked=$BATS_TEST_TMPDIR/asked
	for name; do
		adapter "$name" '{"ok":true,"name":"a_bot"}'
		mv "$bin/hermes-adapter-$name" "$bin/answer-$name"
		program "hermes-adapter-$name" "[ \$1 != check ] || echo >>'$asked'
			until [ \$1 != check ] || [ \$(wc -l <'$asked') -ge $# ]; do sleep 0.1; done
			exec answer-$name \$1"
		export "${name^^}_BOT_TOKEN=1" "${name^^}_HOME_CHANNEL=1"
	done
}

# state JSON: what hermes-state check answers.
state() {
	program hermes-state "[ \"\$*\" = 'check --json' ] && echo '$1'"
}

# adapter NAME ANSWER [RESOLVED]: an adapter that answers `check`, and `resolve`, so; it takes
# a token and a proxy, and can be listened to.
adapter() {
	program "hermes-adapter-$1" "case \$1 in
		check) echo '$2' ;;
		resolve) echo '${3:-}' ;;
		about) echo '{\"protocol\":1,\"polling\":true,\"config\":[
			{\"name\":\"${1^^}_BOT_TOKEN\",\"required\":true,\"about\":\"from its maker\"},
			{\"name\":\"${1^^}_PROXY\"}]}' | tr -d '\n\t'; echo ;;
		esac"
}

# with_store: the real programs, and a store; `sql` writes it.
with_store() {
	cp "$ROOT/build/hermes-state" "$bin" 2>/dev/null || cp "${HERMES_BUILD:?}/hermes-state" "$bin"
	hermes-state new >/dev/null
}

# found SUBJECT STATE WORDS: the last run found this.
found() {
	jq -se --arg subject "$1" --arg state "$2" --arg words "$3" 'any(.[]; .subject == $subject
		and .state == $state and ((.text + "; " + (.remedy // "")) | contains($words)))' \
		<<<"$output"
}

@test "doctor: a fresh installation is well, and says that no platform is enabled" {
	run hermes-doctor
	[ "$status" -eq 0 ]
	found home ok private
	found store ok wal
	found sqlite ok 3.51.3
	found configuration ok read
	found agent ok recap
	found platforms warn "hermes config platforms"
	[ -z "$(ls -A "$HERMES_HOME")" ]
}

@test "doctor: a store that is not there yet is no trouble, and is not made" {
	with_store
	rm -r "$HERMES_HOME"
	(umask 077 && mkdir "$HERMES_HOME")
	run -0 hermes-doctor
	found store ok "none yet"
	[ -z "$(ls -A "$HERMES_HOME")" ]
}

@test "doctor: each finding is one object with subject, state and text" {
	run hermes-doctor --json
	jq -se 'all(.[]; (.subject and .text) and (.state | IN("ok", "warn", "bad")))' <<<"$output"
}

@test "doctor: a person gets lines" {
	run script -qec hermes-doctor /dev/null
	[[ $output == *"ok    store: whole, journal mode wal"* ]]
}

@test "doctor: a folder or a file that others may read is named with its remedy" {
	echo 'A=1' >"$HERMES_HOME/.env"
	chmod 644 "$HERMES_HOME/.env"
	run hermes-doctor
	[ "$status" -eq 0 ]
	found home warn "chmod 600 $HERMES_HOME/.env"
	chmod 755 "$HERMES_HOME"
	run hermes-doctor
	found home warn "chmod 700 $HERMES_HOME"
}

@test "doctor: a store that is not whole is bad, in the store's own words" {
	state '{"ok":false,"journal":"wal","sqlite":"3.40.1","problems":["page 7 is lost",{"what":"w","remedy":"r"}]}'
	run -1 hermes-doctor
	output=$(grep '^{' <<<"$output")
	found store bad "page 7 is lost"
	found store bad "w; r"
	program hermes-state 'exit 74'
	run -1 hermes-doctor
	output=$(grep '^{' <<<"$output")
	found store bad 74
}

@test "doctor: an SQLite that can lose pages is a warning, not a failure" {
	state '{"ok":true,"journal":"wal","sqlite":"3.40.1","problems":[]}'
	run hermes-doctor
	[ "$status" -eq 0 ]
	found sqlite warn 3.51.3
}

@test "doctor: a broken configuration is bad, with its line, and the rest is still looked at" {
	printf 'a: 1\na: 2\n' >"$HERMES_HOME/config.yaml"
	chmod 600 "$HERMES_HOME/config.yaml"
	run -1 hermes-doctor
	output=$(grep '^{' <<<"$output")
	found configuration bad "line 2, column 1"
	found store ok wal
}

@test "doctor: an enabled platform's problems are bad; one that works is ok" {
	adapter good '{"ok":true,"account":"1","name":"a_bot","problems":[]}'
	adapter poor '{"ok":false,"problems":[{"what":"no token","remedy":"get one"}]}'
	adapter idle '{"ok":false,"problems":[{"what":"unseen","remedy":"x"}]}'
	export GOOD_HOME_CHANNEL=1 POOR_HOME_CHANNEL=1
	run -1 hermes-doctor
	output=$(grep '^{' <<<"$output")
	found good ok a_bot
	found poor bad "no token; get one"
	[[ $output != *unseen* ]]
	POOR_ENABLED=no run -0 hermes-doctor
}

@test "doctor: a platform without a home, and one without an adapter, are named" {
	adapter good '{"ok":true,"name":"a_bot"}'
	export GOOD_BOT_TOKEN=1
	run hermes-doctor
	[ "$status" -eq 0 ]
	found good warn "hermes config home good ADDRESS"
	printf 'platforms: {lost: {enabled: true}}\n' >"$HERMES_HOME/config.yaml"
	run -1 hermes-doctor
	output=$(grep '^{' <<<"$output")
	found lost bad "platforms.lost.enabled false"
}

@test "doctor: platforms are asked at the same time" {
	wait_for_each_other a{0..9}
	HERMES_ADAPTER_LIMIT=30 run -0 timeout 120 hermes-doctor
	output=$(grep '^{' <<<"$output")
	for name in a{0..9}; do
		found "$name" ok "works as a_bot"
	done
}

@test "doctor: platforms that hang are given up" {
	hangs aaa bbb ccc
	HERMES_ADAPTER_LIMIT=1 run -1 --separate-stderr timeout 60 hermes-doctor
	found aaa bad "in time"
	found ccc bad "in time"
}

@test "doctor: an adapter that ends without an answer is bad, in its last words" {
	export ALPHA_X=1
	program hermes-adapter-alpha 'echo "hermes-adapter-alpha: a warning" >&2
		printf "hermes-adapter-alpha: no way in; set \\033[31mALPHA_MODE\n" >&2; exit 78'
	run -1 --separate-stderr hermes-doctor
	found alpha bad "no way in; set  [31mALPHA_MODE"
	[[ $stderr == *"hermes-doctor: hermes-adapter-alpha: a warning"* ]]
	[ "$(jq -r 'select(.subject == "alpha").remedy' <<<"$output")" = 'set  [31mALPHA_MODE' ]
	program hermes-adapter-alpha 'exit 78'
	run -1 --separate-stderr hermes-doctor
	found alpha bad "configuration is missing or wrong; hermes config list"
	program hermes-adapter-alpha 'kill -SEGV $$'
	run -1 --separate-stderr hermes-doctor
	found alpha bad "ended by signal 11; look closer with: hermes ask alpha check"
}

@test "doctor: an agent that is not there, or lacks its settings, is bad" {
	export HERMES_AGENT_USE=nobody
	run -1 hermes-doctor
	output=$(grep '^{' <<<"$output")
	found agent bad hermes-agent-nobody
	program hermes-agent-command ''
	export HERMES_AGENT_USE=command
	run -1 hermes-doctor
	output=$(grep '^{' <<<"$output")
	found agent bad "hermes config set agent.command"
	HERMES_AGENT_COMMAND=x run -0 hermes-doctor
}

@test "doctor: programs of our names before ours on PATH are named, and so is another hermes" {
	program hermes ''
	mkdir "$BATS_TEST_TMPDIR/other"
	cp "$bin/hermes" "$BATS_TEST_TMPDIR/other/hermes"
	cp "$bin/hermes" "$BATS_TEST_TMPDIR/other/hermes-state"
	export PATH="$PATH:$BATS_TEST_TMPDIR/other"
	run hermes-doctor
	[ "$status" -eq 0 ]
	found hermes ok "ours comes first"
	[[ $output != *"before ours"* ]]
	PATH="$BATS_TEST_TMPDIR/other:$PATH" run hermes-doctor
	found hermes warn "comes before ours"
	found hermes-state warn "comes before ours"
}

# --- each platform in a line -------------------------------------------------------------------

WELL='{"ok":true,"account":"1","name":"a_bot","problems":[],"facts":{"token":true,"home":{"name":"Ada",
"kind":"dm","reachable":true,"threads":true,"readable":true}}}'

@test "doctor: a platform is one line: who the bot is, its home, threads, messages, listener" {
	adapter good "$(tr -d '\n' <<<"$WELL")"
	export GOOD_HOME_CHANNEL=1
	run -0 hermes-doctor
	found good ok "works as a_bot; home Ada (dm), reachable, threads, messages readable; nobody listens now"
	[ "$(jq -s 'map(select(.subject == "good")) | length' <<<"$output")" = 1 ]
	jq -se 'map(select(.platform == "good"))[0] | .enabled and .account == "1" and .name == "a_bot"
		and .facts.token and .facts.home.readable and .listener == "nobody" and .problems == []' <<<"$output"
}

@test "doctor: what is not so at the home is said, and broken if it cannot be reached" {
	adapter good '{"ok":true,"name":"b","problems":[],"facts":{"home":{"name":"H","threads":false,"readable":false}}}'
	export GOOD_HOME_CHANNEL=1
	run -0 hermes-doctor
	found good warn "home H, no threads, messages not readable"
	adapter good '{"ok":true,"name":"b","problems":[],"facts":{"home":{"name":"H","reachable":false}}}'
	run -1 --separate-stderr hermes-doctor
	found good bad "home H, not reachable"
}

@test "doctor: a home that is no private chat, and nobody who may speak there" {
	adapter good '{"ok":true,"name":"b","problems":[],"facts":{"home":{"name":"H","kind":"group"}}}'
	export GOOD_HOME_CHANNEL=1
	run -0 hermes-doctor
	found good warn "nobody may speak to the agent there"
	found good warn "hermes config set platforms.good.allowed_users USER"
	local setting
	for setting in GOOD_ALLOWED_USERS=7 GOOD_GROUP_ALLOWED_CHATS=1 GOOD_ALLOW_ALL_USERS=yes; do
		env "$setting" hermes-doctor >"$BATS_TEST_TMPDIR/lines"
		run ! grep "nobody may speak" "$BATS_TEST_TMPDIR/lines"
	done
	adapter good "$(tr -d '\n' <<<"$WELL")"
	run -0 hermes-doctor
	[[ $output != *"nobody may speak"* ]]
}

@test "doctor: several problems are one line, with the remedy of each" {
	adapter poor '{"ok":false,"problems":[{"what":"no token","remedy":"get one"},{"what":"no scope","remedy":"add it"}]}'
	export POOR_HOME_CHANNEL=1
	run -1 --separate-stderr hermes-doctor
	found poor bad "no token; no scope; get one; add it"
	jq -se 'map(select(.platform == "poor")) | length == 1 and (.[0].problems | length == 2)' <<<"$output"
	adapter poor '{"ok":false,"problems":[{"what":"no way","remedy":"wait"},{"what":"no way","remedy":"wait"}]}'
	run -1 --separate-stderr hermes-doctor
	jq -se 'map(select(.platform == "poor"))[0] | .text == "no way" and .remedy == "wait"' <<<"$output"
}

@test "doctor: what is not configured is listed with what to set, and is not broken" {
	adapter idle '{"ok":false,"problems":[{"what":"unseen","remedy":"x"}]}'
	program hermes-adapter-easy "echo '{\"protocol\":1,\"config\":[]}'"
	program hermes-adapter-dumb "exit 1"
	run -0 hermes-doctor
	found idle off "not configured: set IDLE_BOT_TOKEN (from its maker)"
	found easy off "not configured: set platforms.easy.enabled: true"
	found dumb off "does not say what it needs"
	[[ $output != *unseen* ]]
	IDLE_ENABLED=no run -0 hermes-doctor
	found idle off "disabled: set platforms.idle.enabled: true"
}

@test "doctor: the proxy is said without its password; its own before everybody's" {
	adapter good "$(tr -d '\n' <<<"$WELL")"
	export GOOD_HOME_CHANNEL=1 HTTPS_PROXY=http://u:hush@general:3128/x
	run -0 hermes-doctor
	found good ok "through the proxy http://general:3128"
	[[ $output != *hush* ]]
	for proxy in 'socks5://ann:hush@own:1080' 'ann:hush@own:1080' 'socks5h://ann:hu@sh@own:1080'; do
		GOOD_PROXY=$proxy run -0 hermes-doctor
		found good ok "own:1080"
		[[ $output != *hush* && $output != *ann* && $output != *sh@* ]]
	done
	NO_PROXY=example.org run -0 hermes-doctor
	found good ok "through the proxy http://general:3128, but for what NO_PROXY names"
	GOOD_PROXY='' HTTPS_PROXY='' run -0 hermes-doctor
	[[ $output != *'through the proxy'* ]]
	adapter good "$(jq -c '.facts.proxy = false' <<<"$WELL")"
	run -0 hermes-doctor
	[[ $output != *'through the proxy'* ]]
}

@test "doctor: where nothing was reached the proxy is named, as it may be the trouble" {
	export GOOD_HOME_CHANNEL=1 GOOD_PROXY=http://u:hush@own:3128
	adapter good '{"ok":false,"problems":[{"what":"no connection","remedy":"wait"}]}'
	run -1 --separate-stderr hermes-doctor
	found good bad "no connection; through the proxy http://own:3128; wait; look at the proxy, too"
	adapter good '{"ok":false,"facts":{"token":false},"problems":[{"what":"bad token","remedy":"mend it"}]}'
	run -1 --separate-stderr hermes-doctor
	found good bad "bad token; mend it"
}

@test "doctor: an adapter that takes no proxy is said to use none" {
	program hermes-adapter-easy "case \$1 in about) echo '{\"protocol\":1,\"config\":[]}' ;;
		*) echo '{\"ok\":true,\"name\":\"e\"}' ;; esac"
	EASY_ENABLED=yes HTTPS_PROXY=http://general:3128 run -0 hermes-doctor
	[[ $output != *'through the proxy'* ]]
}

@test "doctor: -q prints subjects only, --jq goes over every line" {
	adapter good "$(tr -d '\n' <<<"$WELL")"
	run -0 hermes-doctor -q
	grep -qx good <<<"$output"
	[[ $output != *'{'* ]]
	run -0 hermes-doctor --jq 'select(.platform).platform'
	[[ $output == *good* && $output != *home* ]]
}

@test "doctor: a dead chat is said with what happened; the home's is broken" {
	with_store
	adapter good "$(tr -d '\n' <<<"$WELL" | sed 's/"reachable":true,//')" '{"error":{"class":"chat","why":"blocked","remedy":"x"}}'
	export GOOD_HOME_CHANNEL=1
	sqlite3 "$HERMES_HOME/state.db" "INSERT INTO courier_chats (platform, chat, why, died, tries, probe, probe_delay)
		VALUES ('good', '77', 'blocked by the user', unixepoch() - 7200, 2, unixepoch() + 999, 1800)"
	run -0 hermes-doctor
	found good warn "the chat 77 could not be reached (blocked by the user, first seen 2 h"
	jq -se 'map(select(.platform == "good"))[0].dead[0] | .chat == "77" and .tries == 2' <<<"$output"
	[ "$(sqlite3 "$HERMES_HOME/state.db" 'SELECT probe > unixepoch() + 900 FROM courier_chats')" = 1 ]
	sqlite3 "$HERMES_HOME/state.db" "UPDATE courier_chats SET chat = '1'"
	run -1 --separate-stderr hermes-doctor
	found good bad "the chat 1 could not be reached"
}

@test "doctor: a dead chat that seems to live again may be tried at once" {
	with_store
	adapter good "$(tr -d '\n' <<<"$WELL")" '{"place":{"chat":"77"},"audience":{}}'
	export GOOD_HOME_CHANNEL=1
	sqlite3 "$HERMES_HOME/state.db" "INSERT INTO courier_chats (platform, chat, why, died, tries, probe, probe_delay)
		VALUES ('good', '77', 'blocked', unixepoch() - 7200, 2, unixepoch() + 999, 1800),
		('good', '1', 'kicked', unixepoch() - 7200, 2, unixepoch() + 999, 1800)"
	run -1 --separate-stderr hermes-doctor
	found good bad "the chat 1 could not be reached (kicked, first seen 2 h ago): the next text for it tries again"
	[ "$(sqlite3 "$HERMES_HOME/state.db" 'SELECT count(*) FROM courier_chats WHERE probe <= unixepoch() + 1')" = 2 ]
}

@test "doctor: rest, and what went wrong when it was listened to, are said" {
	with_store
	adapter good "$(tr -d '\n' <<<"$WELL")"
	export GOOD_HOME_CHANNEL=1
	sqlite3 "$HERMES_HOME/state.db" "INSERT INTO courier_platforms (platform, not_before, delay, error)
		VALUES ('good', unixepoch() + 50, 60, 'two of us poll')"
	run -0 hermes-doctor
	found good warn "when it was listened to last: two of us poll"
	found good warn "wants to be left alone for"
}

@test "doctor: a store that cannot be read does not hide the platforms" {
	adapter good "$(tr -d '\n' <<<"$WELL")"
	head -c 4096 /dev/urandom >"$HERMES_HOME/state.db"
	chmod 600 "$HERMES_HOME/state.db"
	export GOOD_HOME_CHANNEL=1
	run hermes-doctor
	output=$(grep '^{' <<<"$output")
	found good ok "works as a_bot"
}
