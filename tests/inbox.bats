#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-inbox and hermes-route: what people wrote, as a queue: stored once together with
# its cursor, handed out oldest first and one at a time per key, to whom it is allowed.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0

load common

setup() {
	ME=$(id -un)
	configure "platforms: {local: {enabled: true, allowed_users: [ada, '$ME']}}"
}

teardown() {
	stop_all
}

# event MESSAGE TEXT [CHAT [USER [KIND]]]
event() {
	jq -nc --arg m "$1" --arg t "$2" --arg c "${3:-den}" --arg u "${4:-ada}" --arg k "${5:-dm}" \
		'{message: $m, place: {platform: "local", account: "local", chat: $c, kind: $k, user: $u},
			user: {id: $u, name: ($u | ascii_upcase)}, text: $t, at: 1700000000.5}'
}

# batch CURSOR EVENT...: what a poll answers.
batch() {
	printf '%s\n' "${@:2}" | jq -sc --arg c "$1" '{events: ., cursor: $c}'
}

put() {
	hermes-inbox put local
}

# arrive MESSAGE TEXT [CHAT [USER [KIND]]]: it is in the queue.
arrive() {
	batch "c$1" "$(event "$@")" | put >/dev/null
}

claim() {
	hermes-inbox claim "$@" 2>/dev/null
}

field() {
	jq -r ".$1"
}

cursor() {
	hermes-inbox cursor local --wait 0 2>/dev/null | jq -r .cursor
}

# --- put ------------------------------------------------------------------------

@test "inbox put: events and cursor are stored, and how many were new is said" {
	run -0 put <<<"$(batch 7 "$(event 1 hello)" "$(event 2 again)")"
	[ "$(jq -c '[.stored, .known]' <<<"$output")" = '[2,0]' ]
	[ "$(cursor)" = 7 ]
	run -0 hermes-inbox list --jq '"\(.id) \(.state) \(.key) \(.user) \(.name) \(.text)"'
	[ "$(tr -d '"' <<<"${lines[0]}")" = '1 queued agent:main:local:dm:den ada ADA hello' ]
}

@test "inbox put: the same message in another chat is another message" {
	arrive 1 one den
	arrive 1 two cave
	arrive 1 three den
	[ "$(hermes-inbox list -q | wc -l)" = 2 ]
}

@test "inbox put: the same message of another account is another message" {
	arrive 1 'heard by one bot'
	batch 2 "$(event 1 'heard by the next' | jq -c '.place.account = "second"')" | put >/dev/null
	arrive 1 'heard by one bot'
	[ "$(hermes-inbox list --jq .text)" = $'heard by one bot\nheard by the next' ]
}

@test "inbox put: a message without an account is stored once, too" {
	batch 1 "$(event 1 hello | jq -c 'del(.place.account)')" >"$BATS_TEST_TMPDIR/batch"
	put <"$BATS_TEST_TMPDIR/batch" >/dev/null
	run -0 put <"$BATS_TEST_TMPDIR/batch"
	[ "$(jq -c '[.stored, .known]' <<<"$output")" = '[0,1]' ]
}

@test "inbox put: an empty batch moves the cursor, one without a cursor leaves it" {
	run -0 put <<<'{"events":[],"cursor":"5"}'
	[ "$(cursor)" = 5 ]
	put <<<'{"events":[]}' >/dev/null
	[ "$(cursor)" = 5 ]
}

@test "inbox put: the adapter's trouble keeps the cursor and is said, with its status" {
	put <<<'{"events":[],"cursor":"5"}' >/dev/null
	run -69 --separate-stderr put <<<'{"error":{"class":"transient","why":"no route","remedy":"wait"}}'
	[[ $stderr == *'no route; wait'* ]]
	run -78 put <<<'{"error":{"class":"config","why":"bad token"}}'
	run -75 put <<<'{"error":{"class":"busy","why":"another consumer"}}'
	[ "$(cursor)" = 5 ]
	run -69 put <<<'{"error":{"class":"transient","why":"one place is ill"},"cursor":"6"}'
	[ "$(cursor)" = 6 ]
}

@test "inbox put: a cut batch is dropped with a word, broken JSON is 65, and nothing is stored" {
	printf '%s' "$(batch 9 "$(event 1 hello)")" >"$BATS_TEST_TMPDIR/cut"
	run ! --separate-stderr put <"$BATS_TEST_TMPDIR/cut"
	[[ $stderr == *'no end'* ]]
	for line in '{' '[]' 'null' '1' 'x'; do
		run -65 --separate-stderr put <<<"$line"
		[ -n "$stderr" ]
	done
	[ -z "$(hermes-inbox list)" ]
	[ "$(cursor)" = null ]
}

@test "inbox put: what is no event is left out with a word, the rest is stored" {
	run -0 --separate-stderr put <<<"$(jq -nc --argjson good "$(event 1 good)" \
		'{cursor: "3", events: [7, null, "x", {}, {message: 5}, {message: "2"},
			{message: "3", place: 1, text: "x"}, {message: "4", place: {platform: "other", chat: "x"}, text: "x"},
			{message: "5", place: {platform: "local"}, text: {}}, $good]}')"
	[ "$(jq .stored <<<"$output")" = 1 ]
	[[ $stderr == *'left out'* ]]
	[ "$(cursor)" = 3 ]
	[ "$(hermes-inbox list --jq .text | tr -d '"')" = good ]
}

@test "inbox put: NULs are dropped, broken UTF-8 does not get in, all else stays as it was said" {
	put <<<'{"events":[{"message":"1","place":{"platform":"local","chat":"den","kind":"dm"},"user":{"id":"ada"},"text":"a\u0000b \u001b[31m \ud83d\ude00 ü"}],"cursor":"1"}' >/dev/null
	[ "$(sql 'SELECT hex(text) FROM courier_events')" = 6162201B5B33316D20F09F988020C3BC ]
	printf '{"events":[{"message":"2","place":{"platform":"local","chat":"den","kind":"dm"},"user":{"id":"ada"},"text":"a\xffb"}],"cursor":"2"}\n' \
		>"$BATS_TEST_TMPDIR/bad"
	run put <"$BATS_TEST_TMPDIR/bad"
	hermes-inbox list | iconv -f UTF-8 -t UTF-8 >/dev/null
}

@test "inbox put: a batch of a thousand is stored whole" {
	for i in {1..1000}; do
		echo "{\"message\":\"$i\",\"place\":{\"platform\":\"local\",\"chat\":\"den\",\"kind\":\"dm\"},\"user\":{\"id\":\"ada\"},\"text\":\"m $i\"}"
	done | jq -sc '{events: ., cursor: "1000"}' | put >"$BATS_TEST_TMPDIR/count"
	[ "$(jq .stored "$BATS_TEST_TMPDIR/count")" = 1000 ]
	[ "$(hermes-inbox list -q | wc -l)" = 1000 ]
	run -0 claim
	[ "$(field event.text <<<"$output")" = 'm 1' ]
}

@test "inbox put: killed at any point, a batch is there whole or not at all" {
	local batch i
	batch=$(for i in {1..300}; do event "$i" "m $i"; done | jq -sc '{events: ., cursor: "300"}')
	hermes-inbox put local <<<'{"events":[]}' >/dev/null
	for i in 2 4 6 8 12 16 24; do
		timeout -s KILL "0.0$(printf %02d "$i")" hermes-inbox put local <<<"$batch" >/dev/null 2>&1 || :
		# Both in one look: who was killed in a commit may still become visible.
		run -0 sql "SELECT (SELECT count(*) FROM courier_events) || ' '
			|| coalesce((SELECT cursor FROM courier_platforms WHERE platform = 'local'), 'none')"
		[[ $output == "0 none" || $output == "300 300" ]]
	done
}

# moved EVENT...: a batch with them, after den has become cave.
moved() {
	batch 9 "$@" | jq -c '.moved = [{from: "den", to: "cave"}, {from: 7}, 8]' | put
}

# bound CHAT KIND: prints a session that is bound there.
bound() {
	local id
	id=$(hermes-state new --jq .id)
	jq -nc --arg chat "$1" --arg kind "$2" '{platform: "local", account: "local", $chat, $kind}' \
		| hermes-state bind "$id" >/dev/null
	echo "$id"
}

@test "inbox put: a session stays in a chat that has another id now, whoever speaks" {
	S=$(bound den group)
	arrive 1 'said before' den ada group
	moved "$(event 1 'and after' cave "$ME" group)" "$(event 2 'late' den ada group)" >/dev/null
	run -0 sql "SELECT e.key, json_extract(e.place, '$.chat'), epoch, s.session_key, chat_id
		FROM courier_seats e JOIN sessions s ON s.id = e.session"
	[ "$output" = 'agent:main:local:group:cave|cave|2|agent:main:local:group:cave|cave' ]
	for words in 'said before' 'and after' late; do
		run -0 hermes-route < <(claim)
		[ "$(jq -r '[.event.text, .session.id] | join(" ")' <<<"$output")" = "$words $S" ]
		sql "UPDATE courier_events SET state = 'done' WHERE text = '$words'"
	done
}

@test "inbox put: a chat that moves pushes out nobody, and a place that was left stays left" {
	S=$(bound den group)
	T=$(bound cave group)
	[ "$(moved)" = '{"stored":0,"known":0}' ]
	[ "$(hermes-state bindings "$T" --jq .id)" = agent:main:local:group:cave ]
	sql "DELETE FROM courier_bindings WHERE session = '$T'; UPDATE courier_bindings SET left_at = 5, left_by = 7"
	batch 10 | jq -c '.moved = [{from: "den", to: "cave"}]' | put >/dev/null
	[ "$(sql "SELECT session, left_at, left_by FROM courier_bindings WHERE key LIKE '%cave'")" = "$S|5.0|7" ]
}

@test "inbox put: what is on its way to a chat that moves goes there; what is configured is named" {
	configure 'platforms: {local: {enabled: true, group_allowed_chats: [den, other]}}'
	new_session >/dev/null
	sql "INSERT INTO courier_deliveries (platform, place, text, created, state) VALUES
		('local', '{\"chat\":\"den\",\"link\":\"x\"}', 'a', 1, 'pending'), ('local', '{\"chat\":\"den\"}', 'b', 1, 'sent'),
		('other', '{\"chat\":\"den\"}', 'c', 1, 'pending')"
	run -0 --separate-stderr moved
	[[ $stderr == *'the chat den is cave now; mend '*group_allowed_chats* ]]
	[ "$(sql 'SELECT place FROM courier_deliveries' | paste -s)" \
		= $'{"chat":"cave"}\t{"chat":"den"}\t{"chat":"den"}' ]
}

# --- cursor -----------------------------------------------------------------------

@test "inbox cursor: nothing at first; with where sessions are, for platforms polled by place" {
	id=$(hermes-state new --jq .id)
	echo '{"platform":"local","account":"local","chat":"den","kind":"dm","user":"ada"}' \
		| hermes-state bind "$id" >/dev/null
	echo '{"platform":"other","chat":"x","kind":"dm"}' | hermes-state bind "$id" >/dev/null
	run -0 --separate-stderr hermes-inbox cursor local --wait 3
	[ "$(jq -c '[.cursor, .wait, [.places[].chat]]' <<<"$output")" = '[null,3,["den"]]' ]
	run -64 hermes-inbox cursor
}

@test "inbox cursor: one poll at a time: a second listener is 75 with words" {
	start bash -c 'exec 9<>"$HERMES_HOME/runs"; hermes-inbox cursor local; exec sleep 60'
	wait_until 20 test -s "$BATS_TEST_TMPDIR/out.1"
	run -75 --separate-stderr hermes-inbox cursor local
	[[ $stderr == *'already'* ]]
	[ -z "$output" ]
	run ! --separate-stderr hermes-listen local --wait 0
	[[ $stderr == *'already'* ]]
	stop_all
	run -0 hermes-listen local --wait 0
}

# --- claim ------------------------------------------------------------------------

@test "inbox claim: nothing is 1 and a word; a record has the event, its place and its key" {
	run -1 --separate-stderr hermes-inbox claim
	[ -z "$output" ]
	[[ $stderr == *'nothing waits'* ]]
	arrive 1 hello
	run -0 claim
	jq -e '.event.id == "1" and .event.text == "hello" and .event.origin == "local"
		and .event.user == {id: "ada", name: "ADA"} and .event.key == "agent:main:local:dm:den"
		and .place.chat == "den" and (has("session") | not)' <<<"$output"
}

@test "inbox claim: oldest first, and one at a time per key" {
	arrive 1 first den
	arrive 2 second den
	arrive 3 other cave
	run -0 claim --limit 10
	[ "$(field event.text <<<"$output" | tr '\n' ' ')" = 'first other ' ]
	run -1 claim
	run -0 hermes-inbox list --state queued --jq .text
	[ "$(tr -d '"' <<<"$output")" = second ]
}

@test "inbox claim: in a group each speaker has a key, in a thread nobody has" {
	arrive 1 a room ada group
	arrive 2 b room bob group
	run -0 claim --limit 10
	[ "${#lines[@]}" = 2 ]
	[ "$(field event.key <<<"${lines[0]}")" = 'agent:main:local:group:room:ada' ]
}

@test "inbox claim: a key whose handoff is being carried waits for it" {
	hermes-adapter-local room den --no-threads --member ada -q >/dev/null
	S=$(new_session)
	hermes-handoff request local --session "$S" --chat den >/dev/null
	record=$(hermes-handoff claim 2>/dev/null | hermes-handoff thread | hermes-handoff switch)
	arrive 1 'the human is quick' den
	run -1 claim
	hermes-speak <<<"$record" >/dev/null
	run -0 claim
	[ "$(field event.text <<<"$output")" = 'the human is quick' ]
	run -0 hermes-route <<<"$output"
	[ "$(field session.id <<<"$output")" = "$S" ]
}

@test "inbox claim: a handoff to a key that is just being answered waits, and then goes through" {
	hermes-adapter-local room den --no-threads --member ada -q >/dev/null
	arrive 1 'a question' den
	record=$(claim)
	S=$(new_session)
	hermes-handoff request local --session "$S" --chat den >/dev/null
	run ! hermes-carry
	[ "$(hermes-handoff status 1 --jq '"\(.state) \(.attempt)"' | tr -d '"')" = 'running 0' ]
	hermes-route <<<"$record" | hermes-speak >/dev/null
	hermes-state end "$(hermes-state bindings --jq .session | tr -d '"')" >/dev/null
	wait_until 20 hermes-carry
	[ "$(hermes-handoff status 1 --jq .state | tr -d '"')" = completed ]
}

# --- list and retry -----------------------------------------------------------------

@test "inbox list: by state; inbox retry: what failed or was denied is answered after all" {
	arrive 1 hello den mallory
	hermes-answer >/dev/null 2>&1 || :
	run -0 hermes-inbox list --state denied -q
	[ "$output" = 1 ]
	run -1 --separate-stderr hermes-answer
	configure 'platforms: {local: {enabled: true, allow_all_users: true}}'
	run -0 hermes-inbox retry 1 --jq .state
	[ "$(tr -d '"' <<<"$output")" = queued ]
	hermes-adapter-local room den --no-threads --member mallory -q >/dev/null
	hermes-answer >/dev/null
	run -0 hermes-inbox list --state 'done' -q
	[ "$output" = 1 ]
	run -1 --separate-stderr hermes-inbox retry 1
	[[ $stderr == *done* ]]
	run -66 hermes-inbox retry 99
	run -64 hermes-inbox retry x
}

# --- route ----------------------------------------------------------------------------

@test "route: a stranger is recorded and not answered, and no session begins" {
	arrive 1 'let me in' den mallory
	run -1 --separate-stderr hermes-answer
	[ "$(hermes-inbox list --jq .state | tr -d '"')" = denied ]
	[ -z "$(hermes-state list)" ]
	run -0 sql "SELECT user FROM courier_people"
	[ "$output" = mallory ]
}

@test "route: without any configuration nobody is answered" {
	rm "$HERMES_HOME/config.yaml"
	arrive 1 hello den ada
	run -1 hermes-answer
	[ -z "$(hermes-state list)" ]
}

@test "route: whoever a conversation was handed to, in private, may answer" {
	configure 'platforms: {local: {enabled: true}}'
	hermes-adapter-local room den --no-threads --member zoe -q >/dev/null
	S=$(new_session)
	hermes-handoff local:den --session "$S" </dev/null >/dev/null
	arrive 1 'I was handed this' den zoe
	hermes-answer >/dev/null
	[ "$(words "$S" | grep -c '^user: I was handed this')" = 1 ]
	arrive 2 'me too' den mallory
	run -1 hermes-answer
}

@test "route: a place that opens no session begins one, the next message goes on in it" {
	arrive 1 one
	arrive 2 two
	first=$(claim | hermes-route)
	[ "$(hermes-state list -q | wc -l)" = 1 ]
	run -0 hermes-route <<<"$first"
	[ "$output" = "$first" ]
	hermes-adapter-local room den --no-threads --member ada -q >/dev/null
	hermes-speak <<<"$first" >/dev/null
	run -0 hermes-route < <(claim)
	[ "$(field session.id <<<"$output")" = "$(field session.id <<<"$first")" ]
	run -0 sql 'SELECT source, user_id, chat_id FROM sessions'
	[ "$output" = 'local|ada|den' ]
}

@test "route: a record that lost its claim gains an error and starts no session" {
	arrive 1 hello
	record=$(claim --hold 1)
	HERMES_CLOCK=5 claim >/dev/null
	run -1 hermes-route <<<"$record"
	[ "$(field error.lost <<<"$output")" = true ]
	[ -z "$(hermes-state list)" ]
}

@test "route: a message of 4 MiB is stored, routed and answered" {
	hermes-adapter-local room den --no-threads --member ada -q >/dev/null
	head -c 4194304 /dev/zero | tr '\0' a >"$BATS_TEST_TMPDIR/text"
	jq -nc --rawfile t "$BATS_TEST_TMPDIR/text" '{events: [{message: "1", place: {platform: "local",
		account: "local", chat: "den", kind: "dm"}, user: {id: "ada"}, text: $t}], cursor: "1"}' \
		| put >/dev/null
	hermes-answer >/dev/null
	[ "$(hermes-inbox list --jq .state | tr -d '"')" = 'done' ]
	[ "$(sql "SELECT length(content) FROM messages WHERE role = 'user'")" = 4194304 ]
}

# texts_at_platform: 1 may have arrived; 2 too, and was given up; 3 was sent; 4 goes on.
texts_at_platform() {
	new_session >/dev/null
	sql "INSERT INTO courier_deliveries (id, platform, place, text, created, state, part, parts, tried, ids)
		VALUES (1, 'local', '{\"chat\":\"den\"}', 'a', 1, 'pending', 1, NULL, 5, NULL),
		(2, 'local', '{\"chat\":\"den\"}', 'b', 1, 'unknown', 1, NULL, 5, NULL),
		(3, 'local', '{\"chat\":\"den\"}', 'c', 1, 'sent', 2, 1, NULL, '[\"m3\"]'),
		(4, 'local', '{\"chat\":\"den\"}', 'd', 1, 'pending', 2, 3, NULL, '[\"m4\"]')"
}

# learn OUTCOME...: a batch with them.
learn() {
	printf '%s\n' "$@" | jq -sc '{events: [], outcomes: ., cursor: "\(now)"}' | put >/dev/null
}

# outcome DELIVERY PART PARTS ID OUTCOME [CHAT]
outcome() {
	jq -nc --arg d "$1" --argjson p "$2" --argjson n "$3" --arg id "$4" --arg o "$5" --arg c "${6:-den}" \
		'{delivery: $d, part: $p, parts: $n, ids: [$id], outcome: $o, chat: $c,
			class: "chat", why: "the window is closed", remedy: "they must write first"}'
}

delivered() {
	sql "SELECT state, part, coalesce(ids, ''), coalesce(error, '') FROM courier_deliveries WHERE id = $1"
}

@test "put: what a platform tells later of a text is learnt: it arrived" {
	texts_at_platform
	learn "$(outcome 1 1 1 m1 sent)" "$(outcome 2 1 1 m2 sent)" "$(outcome 3 1 1 m3 sent)" \
		"$(outcome 4 1 3 m4 sent)" "$(outcome 4 2 3 m5 sent)"
	[ "$(delivered 1)" = 'sent|2|["m1"]|' ]
	[ "$(delivered 2)" = 'sent|2|["m2"]|' ]
	[ "$(delivered 3)" = 'sent|2|["m3"]|' ]
	[ "$(delivered 4)" = 'pending|2|["m4"]|' ]
	learn "$(outcome 1 1 1 m1 sent)"
	[ "$(delivered 1)" = 'sent|2|["m1"]|' ]
}

@test "put: it is learnt from a batch that brings nothing else, too" {
	texts_at_platform
	put <<<'{"events":[],"cursor":"5"}' >/dev/null
	put <<<"{\"events\":[],\"cursor\":\"5\",\"outcomes\":[$(outcome 1 1 1 m1 sent)]}" >/dev/null
	[ "$(delivered 1)" = 'sent|2|["m1"]|' ]
}

@test "put: what a platform tells later of a text is learnt: it failed, and the chat is dead" {
	local id
	texts_at_platform
	learn "$(outcome 1 1 1 m1 not_sent)" "$(outcome 2 1 1 m2 not_sent)" "$(outcome 3 1 1 m3 not_sent)" \
		"$(outcome 4 1 3 m4 not_sent)"
	for id in 1 2 3 4; do
		[[ $(delivered $id) == "failed|"*"|the window is closed; they must write first" ]]
	done
	[ "$(sql 'SELECT chat FROM courier_chats WHERE died IS NOT NULL')" = den ]
}

@test "put: what is told of another text, part or chat is no news" {
	texts_at_platform
	learn "$(outcome 1 2 2 m1 sent)" "$(outcome 1 1 1 m1 sent elsewhere)" "$(outcome 9 1 1 m1 sent)" \
		"$(outcome 3 1 1 other not_sent elsewhere)" '{}' 7 '{"delivery":1,"ids":7}'
	[[ $(delivered 1) == "pending|1|"* && $(delivered 3) == "sent|"* ]]
}

@test "inbox: misuse is 64 with words" {
	for words in '' 'bogus' 'put' 'put a b' 'claim x' 'list x' 'cursor a b' 'claim --limit x'; do
		# shellcheck disable=SC2086
		run -64 --separate-stderr hermes-inbox $words </dev/null
		[ -n "$stderr" ]
		[ -z "$output" ]
	done
}
