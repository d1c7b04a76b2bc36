#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-turn: what an agent is given, what may come of it, and that it speaks once, and one
# at a time in each session. The agents are scripts of the tests, called by hermes-turn as
# hermes-agent-NAME; a human in the room `desk` says what they answer.
#
# Each test is a subshell of its own, and bats sets stderr:
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0
load common

setup() {
	export PATH="$PATH:$BATS_TEST_TMPDIR/bin" LOCAL_ROOT=$BATS_TEST_TMPDIR/rooms
	export T=$BATS_TEST_TMPDIR
	mkdir -p "$T/bin"
	hermes-adapter-local room desk --no-threads --member ada=Ada -q >/dev/null
	hermes-adapter-local room phone --no-threads --member ada=Ada -q >/dev/null
}

teardown() {
	stop_all
	[ ! -p "$T/gate" ] || (: <>"$T/gate")
}

# agent [SETTING...] <SCRIPT: the agent. It finds what it was given in $GIVEN.
agent() {
	{
		printf '#!/bin/bash\nGIVEN=%q\ncat >"$GIVEN"\necho . >>%q\n' "$T/given" "$T/turns"
		cat
	} >"$T/bin/hermes-agent-test"
	chmod +x "$T/bin/hermes-agent-test"
	configure "agent: {use: test}
platforms:
  local: {allowed_users: [ada], home_channel: {chat_id: desk}}"
}

talkative() {
	agent <<<'jq -nc "{reply: \"Here I am.\"}"'
}

# put TEXT [ROOM [MESSAGE]]: a message that was heard.
put() {
	PUT=$((PUT + 1))
	jq -nc --arg text "$1" --arg chat "${2:-desk}" --arg message "${3:-$PUT}" '{events: [{$message,
		$text, place: {platform: "local", account: "local", $chat, kind: "dm", user: "ada"},
		user: {id: "ada", name: "Ada"}}]}' | hermes-inbox put local >/dev/null
}
PUT=0

# seat SESSION ROOM...: what is said in these rooms belongs to the session.
seat() {
	local session=$1 chat
	shift
	for chat; do
		jq -nc --arg chat "$chat" '{platform: "local", account: "local", $chat, kind: "dm", user: "ada"}' |
			hermes-state bind "$session" >/dev/null
	done
}

# given FILTER: of the lines that the agent was given.
given() {
	jq -rc "$1" "$T/given"
}

turns() {
	{ wc -l <"$T/turns"; } 2>/dev/null || echo 0
}

heard() {
	hermes-adapter-local read "${1:-desk}" --jq 'select(.bot).text'
}

# event FILTER: of the newest event.
event() {
	hermes-inbox list --jq "$1" | tail -n 1
}

# answered TEXT: an event that says so is done.
answered() {
	[ "$(sql "SELECT state FROM courier_events WHERE text = '$1'")" = "done" ]
}

# The agent failed, and will be asked again: nothing was said or stored of it.
fails_with() {
	put hello
	run -1 --separate-stderr hermes-answer
	[[ $stderr == *"the agent failed: "*$1* ]] || { echo "$stderr"; return 1; }
	[ "$(event '[.state, .attempt]')" = '["queued",1]' ]
	[ -z "$(heard)" ]
	[ "$(sql "SELECT count(*) FROM messages WHERE role <> 'user'")" = 0 ]
}

# --- what it is given --------------------------------------------------------

@test "the agent is given a head, the transcript in its order, and the event, each a line" {
	talkative
	session=$(hermes-state new --title "Fix it" --jq .id)
	hermes-state append "$session" --role system "Be brief." -q
	hermes-state append "$session" "fix it" -q
	hermes-state append "$session" --role assistant --tool-calls '[{"id":"c1","type":"function","function":{"name":"sh","arguments":"{}"}}]' "" -q
	hermes-state append "$session" --role tool --tool-call-id c1 --tool-name sh "it works" -q
	hermes-state append "$session" --role assistant "Fixed." -q
	seat "$session" desk
	put "and now?"
	hermes-answer
	[ "$(given 'keys | join(",")' | tr '\n' ' ')" = "head message message message message message event " ]
	run -0 given 'select(.head).head | [.protocol, .session.id, .session.title, .place.platform, .place.chat, .again]'
	[ "$output" = "[1,\"$session\",\"Fix it\",\"local\",\"desk\",false]" ]
	run -0 given '.message // empty | .role + ": " + (.content // "")'
	[ "$output" = $'system: Be brief.\nuser: fix it\nassistant: \ntool: it works\nassistant: Fixed.' ]
	run -0 given '.message // empty | select(.role == "tool") | [.tool_call_id, .tool_name]'
	[ "$output" = '["c1","sh"]' ]
	run -0 given '.message // empty | .tool_calls // empty | .[0].function.name'
	[ "$output" = sh ]
	run -0 given 'select(.event).event | [.text, .origin, .user.id, .user.name]'
	[ "$output" = '["and now?","local","ada","Ada"]' ]
	run -0 given '.message // empty | .id | type'
	[ "$(sort -u <<<"$output")" = string ]
}

@test "a handoff's event is its notice, and says which handoff" {
	talkative
	session=$(new_session "Fix it")
	hermes-handoff request local --session "$session" -q
	hermes-carry
	run -0 given 'select(.event).event | [.origin, (.text | test("moved from cli to local"))]'
	[ "$output" = '["handoff:1",true]' ]
	[ "$(given 'select(.message) | .message.role' | tr '\n' ' ')" = "user assistant " ]
}

@test "messages that were rewound or compacted are not given" {
	talkative
	session=$(new_session)
	sql "INSERT INTO messages (session_id, role, content, timestamp, active, compacted)
		VALUES ('$session', 'user', 'taken back', 1, 0, 0), ('$session', 'user', 'folded', 1, 1, 1)"
	seat "$session" desk
	put hello
	hermes-answer
	run ! grep -E 'taken back|folded' "$T/given"
	[ "$(given 'select(.message).message.role' | wc -l)" = 2 ]
}

@test "a turn that was killed runs again and is told so; the words are stored once" {
	mkfifo "$T/gate"
	agent <<-'END'
		[ ! -p "$T/gate" ] || read -r _ <"$T/gate"
		jq -nc '{reply: "Done."}'
	END
	put "do it"
	start setsid hermes-answer
	wait_until 10 test -s "$T/turns"
	group=$(ps -o pgid= -p "$(pgrep -s "$(ps -o sid= -p "${STARTED_PIDS[-1]}" | tr -d ' ')" hermes-turn)" | tr -d ' ')
	kill -KILL -- "-$group"
	rm "$T/gate"
	# The claim ends with the last of them, and a busy machine takes its time.
	wait_until 20 hermes-answer
	[ "$(given 'select(.head).head.again')" = true ]
	[ "$(turns)" = 2 ]
	[ "$(heard)" = Done. ]
	[ "$(sql "SELECT count(*) FROM messages WHERE content = 'do it'")" = 1 ]
	[ "$(given 'select(.message)' | wc -l)" = 0 ]
}

@test "the words of the event are the user's message, once, and the reply follows" {
	talkative
	put "hello there"
	hermes-answer
	session=$(event .session)
	run -0 words "$session"
	[ "$output" = $'user: hello there\nassistant: Here I am.' ]
	[ "$(sql "SELECT count(*) FROM messages WHERE platform_message_id IS NOT NULL")" = 1 ]
}

# --- what may come of it -----------------------------------------------------

@test "an agent that takes longer than its time is killed, with all it started" {
	agent <<-'END'
		sleep 1000 &
		echo $! >"$T/pid"
		sleep 1000
	END
	HERMES_TURN_LIMIT=0.4 fails_with "did not answer within"
	wait_until 20 is_gone "$(cat "$T/pid")"
}

is_gone() {
	[[ $(ps -o stat= -p "$1") =~ ^(Z.*)?$ ]]
}

@test "an agent that answers and does not end is out of time, too" {
	agent <<<'echo "{\"reply\":\"x\"}"; sleep 1000'
	HERMES_TURN_LIMIT=0.4 fails_with "within"
}

@test "an agent that closes its stdin unread is heard all the same" {
	agent <<<'exec <&-; echo "{\"reply\":\"I do not care.\"}"'
	put hello
	hermes-answer
	[ "$(heard)" = "I do not care." ]
}

@test "what is no JSON is a failure, never a reply" {
	agent <<<'echo "Here I am."'
	fails_with "not JSON"
}

@test "JSON that is no object is a failure" {
	agent <<<'echo "[1]"; echo "{\"reply\":\"x\"}"'
	fails_with "not JSON"
}

@test "an agent that dies of a signal after its reply has not replied" {
	agent <<<'echo "{\"reply\":\"Here I am.\"}"; kill -SEGV $$'
	fails_with "ended with status 139"
}

@test "an agent that ends with an error after its reply has not replied" {
	agent <<<'echo "{\"reply\":\"Here I am.\"}"; exit 3'
	fails_with "ended with status 3"
}

@test "an empty reply is a failure" {
	agent <<<'echo "{\"reply\":\" \\n\\t\"}"'
	fails_with "empty"
}

@test "no reply is a failure" {
	agent <<<'echo "{\"delta\":\"Here\"}"'
	fails_with "said nothing"
}

@test "a reply whose line has no end is a failure: it may be half of it" {
	agent <<<'printf "{\"reply\":\"Here I am.\"}"'
	fails_with "no end"
}

@test "an error line is a failure, and says when to try again" {
	agent <<<'echo "{\"error\":{\"text\":\"the model sleeps\",\"retry\":true,\"after\":600}}"'
	fails_with "the model sleeps"
	[ "$(event '.not_before > now + 500')" = true ]
}

@test "an error line that says that trying again is pointless: one attempt, and an apology" {
	agent <<<'echo "{\"error\":{\"text\":\"no such model\",\"retry\":false}}"; exit 69'
	put hello
	run --separate-stderr hermes-answer
	[ "$(turns)" = 1 ]
	[ "$(event '[.state, .error]')" = '["failed","no such model"]' ]
	[[ $(heard) == *"could not answer"* ]]
	run ! grep -q "no such model" <(heard)
}

# says_much BYTES: an agent that replies with so many.
says_much() {
	agent <<<"printf '{\"reply\":\"%s\"}\\n' \"\$(head -c $1 /dev/zero | tr '\\0' x)\""
}

@test "a reply of 10 MiB is a failure, not a flood" {
	says_much 10485760
	fails_with "longer than"
}

@test "a reply of 1 MiB is delivered whole, in parts" {
	says_much 1048576
	put hello
	hermes-answer >/dev/null
	[ "$(heard | tr -d '\n' | wc -c)" -ge 1048576 ]
	[ "$(heard | wc -l)" = 16 ]
}

@test "bytes that are not UTF-8 are never stored or sent as they came" {
	agent <<<'printf "{\"reply\":\"caf\\xe9 \\xff.\"}\n"'
	put hello
	run --separate-stderr hermes-answer
	run -0 sql "SELECT content FROM messages WHERE role = 'assistant'"
	iconv -f utf-8 -t utf-8 <<<"$output" >/dev/null
	heard | iconv -f utf-8 -t utf-8 >/dev/null
}

@test "deltas are not stored, and the reply is" {
	agent <<<'echo "{\"delta\":\"He\"}"; echo "{\"delta\":\"re\"}"; echo "{\"reply\":\"Here\"}"'
	put hello
	hermes-answer >/dev/null
	[ "$(sql "SELECT group_concat(content) FROM messages WHERE role = 'assistant'")" = Here ]
}

@test "steps on the way are in the transcript, in their order, before the reply" {
	agent <<-'END'
		echo '{"message":{"role":"assistant","content":"Let me look.","tool_calls":[{"id":"c1","type":"function","function":{"name":"ls","arguments":"{ }"}}]}}'
		echo '{"message":{"role":"tool","content":"a b","tool_call_id":"c1","tool_name":"ls"}}'
		echo '{"reply":"There are two."}'
	END
	put "what is there?"
	hermes-answer >/dev/null
	run -0 words "$(event .session)"
	[ "$output" = $'user: what is there?\nassistant: Let me look.\ntool: a b\nassistant: There are two.' ]
	run -0 sql 'SELECT tool_calls FROM messages WHERE tool_calls IS NOT NULL'
	[ "$(jq -c '.[0].function' <<<"$output")" = '{"name":"ls","arguments":"{ }"}' ]
	[ "$(sql "SELECT tool_call_id || tool_name FROM messages WHERE role = 'tool'")" = c1ls ]
	[ "$(heard)" = "There are two." ]
}

@test "steps of a turn that failed are not in the transcript" {
	agent <<<'echo "{\"message\":{\"role\":\"assistant\",\"content\":\"Let me look.\"}}"; exit 1'
	fails_with "ended with status 1"
}

@test "an agent that is not there is a failure at once, with words" {
	talkative
	configure "agent: {use: nobody}
platforms: {local: {allowed_users: [ada]}}"
	put hello
	run --separate-stderr hermes-answer
	[[ $stderr == *hermes-agent-nobody*"hermes doctor"* ]]
	[ "$(event .state)" = failed ]
	[[ $(heard) == *"could not answer"* ]]
}

@test "the agent's stderr reaches ours, without what could play with a terminal" {
	agent <<<'printf "loading\033[2J\033]0;owned\007 done\n" >&2; echo "{\"reply\":\"x\"}"'
	put hello
	run -0 --separate-stderr hermes-answer
	[[ $stderr == *loading*done* ]]
	[[ $stderr != *$'\033'* ]]
	[[ $stderr != *$'\007'* ]]
}

@test "the agent sees no platform's secrets" {
	agent <<<'jq -nc "{reply: ([env | to_entries[] | select(.value | test(\"hunter2\")).key] | join(\",\") | . + \".\")}"'
	export TELEGRAM_BOT_TOKEN=9001:hunter2
	echo "TELEGRAM_API_HASH=hunter2" >"$HERMES_HOME/.env"
	chmod 600 "$HERMES_HOME/.env"
	put hello
	hermes-answer >/dev/null
	[ "$(heard)" = . ]
}

# --- attempts ----------------------------------------------------------------

@test "a handoff whose agent cannot speak completes without a turn: the notice alone is delivered" {
	agent <<<'exit 1'
	session=$(new_session "Fix it")
	HERMES_ATTEMPTS=3 run -0 --separate-stderr hermes-handoff local --session "$session" --jq '[.state, .turn]'
	[ "$output" = '["completed",null]' ]
	[ "$(turns)" = 3 ]
	run -0 heard
	[[ $output == *'"Fix it"'*"continues here"* ]]
	[ ${#lines[@]} = 1 ]
	run -0 hermes-handoff status --session "$session" --jq .note
	[[ $output == *"status 1"* ]]
	[ "$(sql "SELECT count(*) FROM messages WHERE role = 'assistant'")" = 1 ]
}

@test "a message whose agent cannot speak ends failed, and the human reads one apology" {
	agent <<<'exit 1'
	put hello
	export HERMES_ATTEMPTS=2
	hermes-watch --once || :
	wait_until 10 once_more
	[ "$(turns)" = 2 ]
	[ "$(event .state)" = failed ]
	run -0 heard
	[[ $output == *"could not answer"* ]]
	[ ${#lines[@]} = 1 ]
	# and the next message is answered as if nothing had been
	talkative
	put "still there?"
	hermes-answer >/dev/null
	[ "$(heard | tail -n 1)" = "Here I am." ]
}

once_more() {
	hermes-watch --once
	[ "$(event .state)" = failed ]
}

@test "a finished turn never runs twice: only the delivery is done again" {
	talkative
	put hello
	exec 9<>"$HERMES_HOME/runs"
	hermes-inbox claim | hermes-route | hermes-turn >"$T/record"
	exec 9>&-
	[ "$(turns)" = 1 ]
	run -0 --separate-stderr hermes-answer
	[ "$(turns)" = 1 ]
	[ "$(heard)" = "Here I am." ]
	[ "$(sql "SELECT count(*) FROM messages")" = 2 ]
	# the late holder changes nothing
	run -1 --separate-stderr hermes-settle <"$T/record"
	[[ $stderr == *"another holder"* ]]
	[ "$(heard | wc -l)" = 1 ]
}

# --- one at a time -----------------------------------------------------------

# An agent that waits at the gate, and one that is first in line.
two_places_one_session() {
	mkfifo "$T/gate"
	agent <<-'END'
		words=$(jq -r '.event.text // empty' "$GIVEN")
		cp "$GIVEN" "$GIVEN.$words"
		[ "$words" != first ] || read -r _ <"$T/gate"
		jq -nc --arg words "$words" '{reply: ("To " + $words)}'
	END
	session=$(new_session)
	seat "$session" desk phone
	put first desk
	put second phone
	start hermes-answer
	wait_until 10 test -s "$T/turns"
}

@test "two places of one session: the second waits for the turn, keeps its place, and is not counted" {
	two_places_one_session
	run -1 --separate-stderr hermes-answer
	[ "$(turns)" = 1 ]
	[ "$(event '[.text, .state, .attempt]')" = '["second","queued",0]' ]
	[ -z "$(heard phone)" ]
	echo >"$T/gate"
	wait_until 10 answered first
	wait_until 10 try_again
	[ "$(heard desk) $(heard phone)" = "To first To second" ]
	[ "$(event .attempt)" = 0 ]
	run -0 words "$session"
	[ "${lines[*]: -4}" = "user: first assistant: To first user: second assistant: To second" ]
}

try_again() {
	hermes-answer || :
	answered second
}

@test "the transcript is read after the turn was taken: the second turn knows what the first said" {
	two_places_one_session
	echo >"$T/gate"
	wait_until 10 answered first
	wait_until 10 try_again
	run -0 jq -r '.message // empty | .content' "$T/given.second"
	[ "${lines[*]: -2}" = "first To first" ]
}

@test "what was said while an attempt waited is in what the next attempt is given" {
	agent <<-'END'
		[ -e "$T/mended" ] || exit 1
		jq -nc --arg words "$(jq -r '.event.text // empty' "$GIVEN")" '{reply: ("To " + $words)}'
	END
	session=$(new_session)
	seat "$session" desk
	put "the question"
	run -1 hermes-answer
	hermes-state append "$session" --role assistant "Meanwhile, the tests passed." -q
	touch "$T/mended"
	wait_until 10 once_answered
	run -0 given '.message // empty | .content'
	[[ $output == *"Meanwhile, the tests passed."* ]]
	[[ $output != *"the question"* ]]
}

once_answered() {
	hermes-answer || :
	answered "the question"
}

@test "eight turns asked for at once on one session: one after the other" {
	agent <<-'END'
		echo $$ >"$T/in.$$"
		ls "$T"/in.* | wc -l >>"$T/counts"
		rm "$T/in.$$"
		jq -nc '{reply: "x"}'
	END
	session=$(new_session)
	for i in 1 2 3 4 5 6 7 8; do
		hermes-adapter-local room "r$i" --no-threads --member ada -q >/dev/null
		seat "$session" "r$i"
		put "words $i" "r$i"
	done
	hermes-watch --once --jobs 8
	wait_until 10 all_are_done
	[ "$(sort -u "$T/counts")" = 1 ]
	[ "$(turns)" = 8 ]
	[ "$(sql 'SELECT max(attempt) FROM courier_events')" = 0 ]
}

all_are_done() {
	[ "$(sql "SELECT count(*) FROM courier_events WHERE state <> 'done'")" = 0 ] || { hermes-watch --once; false; }
}

@test "a turn of Hermes Agent that runs on the session is waited for" {
	talkative
	session=$(new_session)
	seat "$session" desk
	sql "CREATE TABLE session_turn_leases (conversation_id TEXT PRIMARY KEY, session_id TEXT,
		holder TEXT NOT NULL, acquired_at REAL NOT NULL, expires_at REAL NOT NULL);
		INSERT INTO session_turn_leases VALUES ('$session', '$session', 'cli:1', unixepoch(), unixepoch() + 600)"
	put hello
	run -1 --separate-stderr hermes-answer
	[ "$(event '[.state, .attempt]')" = '["queued",0]' ]
	[ "$(turns)" = 0 ]
	sql "UPDATE session_turn_leases SET expires_at = unixepoch() - 1"
	wait_until 10 once_heard
	[ "$(heard)" = "Here I am." ]
}

once_heard() {
	hermes-answer || :
	answered hello
}

# --- actions -----------------------------------------------------------------

wanderer() {
	export FAULT_ROOT=$T/elsewhere
	PATH="$PATH:$ROOT/tests/adapters"
	agent <<-'END'
		case $(jq -r '.event.text // empty' "$GIVEN") in
		"go on there") echo '{"reply":"Going.","actions":[{"handoff":"fault"}]}' ;;
		*) echo '{"reply":"Here I am."}' ;;
		esac
	END
	hermes-adapter-fault room home -q >/dev/null 2>&1 || LOCAL_ROOT=$FAULT_ROOT hermes-adapter-local room home --member ada -q >/dev/null
}

@test "the agent's wish to go on elsewhere is carried out once its reply was delivered" {
	wanderer
	put "go on there"
	hermes-answer >/dev/null
	[ "$(heard)" = Going. ]
	run -0 hermes-handoff list --jq '[.platform, .state, .requester]'
	[ "$output" = '["fault","pending","agent"]' ]
	hermes-carry
	run -0 hermes-handoff list --jq '[.platform, .state]'
	[ "$output" = '["fault","completed"]' ]
	[ "$(LOCAL_ROOT=$FAULT_ROOT heard home)" = "Here I am." ]
}

@test "an action is obeyed once, also when the end of its turn is repeated" {
	wanderer
	put "go on there"
	exec 9<>"$HERMES_HOME/runs"
	hermes-inbox claim | hermes-route | hermes-turn | hermes-send >"$T/record"
	exec 9>&-
	# It was killed before it settled. The next one finds turn and delivery done.
	hermes-answer >/dev/null
	run -1 --separate-stderr hermes-settle <"$T/record"
	[ "$(hermes-handoff list -q | wc -l)" = 1 ]
	[ "$(turns)" = 1 ]
	[ "$(heard | wc -l)" = 1 ]
}

@test "an action that names no platform there is, or none that may be, does no harm" {
	agent <<<'echo "{\"reply\":\"Going.\",\"actions\":[{\"handoff\":\"../../etc\"},{\"handoff\":7},{\"dance\":true},null,\"x\"]}"'
	put hello
	run --separate-stderr hermes-answer
	[ "$(event .state)" = "done" ]
	[ "$(heard)" = Going. ]
	HERMES_ATTEMPTS=1 hermes-carry || :
	[ "$(sql "SELECT count(*) FROM courier_handoffs WHERE state NOT IN ('failed')")" = 0 ]
}

# --- as a filter -------------------------------------------------------------

@test "a record with an error passes untouched, and so does one that has its turn" {
	talkative
	run -0 hermes-turn <<<'{"event":{"id":"1"},"error":{"code":1,"text":"x"}}'
	[ "$(jq -Sc . <<<"$output")" = '{"error":{"code":1,"text":"x"},"event":{"id":"1"}}' ]
	run -0 hermes-turn <<<'{"event":{"id":"1"},"turn":{"message":"5","text":"x"},"mine":[1]}'
	[ "$(jq -Sc . <<<"$output")" = '{"event":{"id":"1"},"mine":[1],"turn":{"message":"5","text":"x"}}' ]
	[ "$(turns)" = 0 ]
}

@test "a broken last line is dropped with a word; whole records stand" {
	talkative
	run -0 --separate-stderr hermes-turn < <(printf '{"error":{"code":1}}\n{"event":{"id"')
	[ "$output" = '{"error":{"code":1}}' ]
	[[ $stderr == *"no end"* ]]
	run -65 --separate-stderr hermes-turn <<<'not a record'
	[ -z "$output" ]
	[[ $stderr == *"not a record"* ]]
}
