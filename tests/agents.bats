# SPDX-License-Identifier: MIT
# shellcheck disable=SC1010,SC1111,SC2034,SC2238 # words in quotes of their own; counting loops
# The agents, each spoken to in hermes-agent(7) directly.

load common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	unset OPENAI_API_KEY HERMES_PLATFORMS ${!HERMES_AGENT_*}
	export no_proxy=127.0.0.1
}

teardown() {
	[ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
}

# The protocol's lines. Texts are given as they are; jq quotes them.
head_line() {
	jq -nc '{head: {protocol: 1, session: {id: "s1", title: "Fix the parser", source: "cli",
		cwd: "/src/p", branch: "main"}, place: {platform: "telegram", chat: "1"}, again: false}}'
}

says() {
	jq -nc --arg role "$1" --arg text "$2" '{message: {id: "1", role: $role, content: $text}}'
}

calls() { # ID NAME: an assistant's message that calls a tool
	jq -nc --arg id "$1" --arg name "$2" '{message: {role: "assistant", content: "", tool_calls: [
		{id: $id, type: "function", function: {name: $name, arguments: "{\"a\":1}"}}]}}'
}

result() { # ID TEXT
	jq -nc --arg id "$1" --arg text "$2" '{message: {role: "tool", content: $text,
		tool_call_id: $id, tool_name: "terminal"}}'
}

event() { # TEXT [ORIGIN]
	jq -nc --arg text "$1" --arg origin "${2:-telegram}" \
		'{event: {text: $text, origin: $origin, user: {id: "1", name: "Ada"}}}'
}

transcript() {
	head_line
	says user "please fix the parser"
	calls c1 terminal
	result c1 "3 tests failed"
	says assistant "It is fixed. Shall I push it?"
	event "${1:-yes}" "${2:-telegram}"
}

# $output is what was printed; the last line's key.
last() {
	tail -n 1 <<<"$output" | jq -r "$1"
}

is() {
	[ "$1" = "$2" ] || { printf 'is:     %s\nwanted: %s\n' "$1" "$2"; return 1; }
}

has() {
	[[ $1 == *"$2"* ]] || { printf 'is:    %s\nlacks: %s\n' "$1" "$2"; return 1; }
}

lacks() {
	[[ $1 != *"$2"* ]] || { printf 'is:  %s\nhas: %s\n' "$1" "$2"; return 1; }
}

# agent NAME: run it on stdin; $output, $stderr, $status.
agent() {
	cat >stdin
	run --separate-stderr hermes-agent-"$1" <stdin
}

# The process ends soon; a zombie has.
is_gone() {
	local deadline=$((SECONDS + 60))
	until [[ $(ps -o stat= -p "$1") =~ ^(Z.*)?$ ]]; do [ $SECONDS -lt $deadline ]; done
}

# What failed is an error line, never a reply, and words on stderr.
failed() {
	is "$status" "${1:-69}"
	lacks "$output" '"reply"'
	[ -n "$(last .error.text)" ]
	[ -n "$stderr" ]
}

# The most memory in KiB that hermes-agent-NAME needs for 100,000 messages of 500 bytes.
memory() {
	ASAN_OPTIONS=quarantine_size_mb=1 /usr/bin/python3 - "$1" <<'END'
import json, resource, subprocess, sys
child = subprocess.Popen(["hermes-agent-" + sys.argv[1]], stdin=subprocess.PIPE,
	stdout=subprocess.PIPE)
line = lambda o: child.stdin.write(json.dumps(o).encode() + b"\n")
line({"head": {"protocol": 1, "session": {"id": "s"}, "place": {}}})
for i in range(100000):
	line({"message": {"role": ("user", "assistant")[i % 2], "content": f"{i} " * 90}})
line({"event": {"text": "here", "origin": "handoff:1"}})
child.stdin.close()
reply = json.loads(child.stdout.read().splitlines()[-1])["reply"]
assert child.wait() == 0 and reply, "no reply"
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
END
}

start_server() {
	mkfifo port
	"$BATS_TEST_DIRNAME/servers/chat-completions" "$@" >port 3>&- &
	server=$!
	read -r -t 60 line <port
	port=$(jq .port <<<"$line")
	export HERMES_AGENT_BASE_URL=http://127.0.0.1:$port/v1 HERMES_AGENT_MODEL=test-model
	export HERMES_AGENT_BACKOFF=0.01,0.01,0.01
}

control() {
	curl -sf "http://127.0.0.1:$port/_/$1" -d "$2" >/dev/null
}

requests() {
	curl -sf "http://127.0.0.1:$port/_/requests" | jq -c "$1"
}

# --- what all of them share

@test "agents: --help, --version and misuse need no input" {
	for name in recap command openai; do
		run hermes-agent-$name --help
		is "$status" 0
		has "$output" usage:
		run hermes-agent-$name --version
		is "$status" 0
		run hermes-agent-$name operand
		is "$status" 64
	done
}

@test "agents: input that is not the protocol is refused, never answered" {
	export HERMES_AGENT_COMMAND=cat HERMES_AGENT_INPUT=text HERMES_AGENT_MODEL=m
	for name in recap command openai; do
		for input in "" "no JSON" "[]" '{"message":{"role":"user","content":"a"}}' \
			'{"head":{"protocol":2}}' "$(head_line)" "$(head_line; says user a)" \
			"$(head_line; echo '{"event":{}}')" "$(head_line; echo '{"other":{}}')"; do
			run --separate-stderr hermes-agent-$name <<<"$input"
			is "$status" 65
			is "$output" ""
			has "$stderr" stdin
		done
	done
}

# --- recap

@test "recap: a handoff's notice is answered with what the transcript holds" {
	agent recap < <(transcript "You are on telegram now." handoff:12)
	is "$status" 0
	is "$(last .reply)" "I'm here. We were working on Fix the parser.
The transcript holds 4 messages.
You last asked: “please fix the parser”
The last answer was: “It is fixed. Shall I push it?”
That question is still open: “Shall I push it?”
Tools that were called last: terminal.
Folder: /src/p, branch main"
}

@test "recap: who reads the new place is told where the conversation was before" {
	agent recap < <(head_line; jq -c '.event.from = "slack"' < <(event n handoff:1))
	is "$(last .reply)" "I'm here. We were working on Fix the parser.
It was on slack before.
The transcript is empty so far.
Folder: /src/p, branch main"
}

@test "recap: the same transcript gets the same words" {
	transcript n handoff:1 >input
	agent recap <input
	first=$output
	has "$first" "I'm here"
	agent recap <input
	is "$output" "$first"
}

@test "recap: what is not known is not said" {
	agent recap < <(echo '{"head":{"protocol":1,"session":{"id":"s"},"place":{}}}'; event n handoff:1)
	is "$(last .reply)" "I'm here. This session has no title.
The transcript is empty so far."
}

@test "recap: to a human it says that it has no model, and how to set one" {
	agent recap < <(transcript "and now the lexer")
	is "$status" 0
	reply=$(last .reply)
	has "$reply" "I have no model"
	has "$reply" "noted in the transcript: “and now the lexer”"
	has "$reply" "holds 4 messages"
	has "$reply" "hermes config set agent.use openai"
	lacks "$reply" "I'm here"
}

@test "recap: a notice that is stored already is neither counted nor quoted" {
	agent recap < <(head_line; says user "fix it"; says user "the notice"; event "the notice" handoff:1)
	reply=$(last .reply)
	has "$reply" "holds 1 message."
	has "$reply" "You last asked: “fix it”"
}

@test "recap: an earlier handoff's notice and its answer are not the work" {
	notice=$(says user "moved to local" | jq -c '.message.origin = "handoff:3"')
	agent recap < <(head_line; says user "fix it"; says assistant "Fixed."; echo "$notice"
		says assistant "I'm here. We were …"; event n handoff:4)
	reply=$(last .reply)
	has "$reply" "You last asked: “fix it”"
	has "$reply" "The last answer was: “Fixed.”"
	has "$reply" "holds 4 messages"
}

@test "recap: a question is open only until the human speaks" {
	agent recap < <(head_line; says assistant "Shall I?"; says user "no"; event n handoff:1)
	lacks "$(last .reply)" "still open"
	agent recap < <(head_line; says user a; says assistant 'Done: see a.c. **本当に？**'; event n handoff:1)
	has "$(last .reply)" "still open: “**本当に？**”"
	agent recap < <(head_line; says user a; says assistant 'Why? Because.'; event n handoff:1)
	lacks "$(last .reply)" "still open"
}

@test "recap: long texts are shortened after a word" {
	agent recap < <(head_line; says user "$(printf 'wörd%.0s ' {1..100} | sed 's/d/d x/g')"; event n handoff:1)
	line=$(last .reply | grep asked)
	has "$line" $'\u2026\u201d'
	[ "$(LC_ALL=C.UTF-8; s=$line; echo ${#s})" -le 260 ]
	[[ $line == *wörd$'\u2026\u201d' || $line == *x$'\u2026\u201d' ]]
}

@test "recap: a text without spaces is cut between characters, not inside one" {
	agent recap < <(head_line; says user "$(printf '👩🏽%.0s' {1..300})"; event n handoff:1)
	line=$(last .reply | grep asked)
	has "$line" "👩🏽…”"
	run ! grep -q $'\xef\xbf\xbd' <<<"$line"
}

@test "recap: control characters and line breaks of a transcript do not reach the chat" {
	agent recap < <(head_line; says user $'a\e[31m\r\nb\u202ec'; event n handoff:1)
	has "$(last .reply)" "You last asked: “a [31m bc”"
}

@test "recap: tools are named once, those of the last message that called any" {
	two=$(calls c1 read_file | jq -c '.message.tool_calls += [.message.tool_calls[0], {function: {name: "write_file"}}]')
	agent recap < <(head_line; calls c0 terminal; echo "$two"; says assistant done; event n handoff:1)
	has "$(last .reply)" "Tools that were called last: read_file, write_file."
}

@test "recap: memory does not grow with the transcript" {
	[ "$(memory recap)" -lt 40000 ]
}

# --- command

@test "command: plain output is the reply, without what ends it" {
	export HERMES_AGENT_COMMAND='cat >/dev/null; printf "two\nlines ünï\n\n"'
	agent command < <(transcript)
	is "$status" 0
	is "$(last .reply)" $'two\nlines ünï'
}

@test "command: the program is given the protocol's lines, byte for byte" {
	transcript >input
	export HERMES_AGENT_COMMAND='cat >got; echo ok'
	agent command <input
	is "$status" 0
	cmp input got
}

@test "command: HERMES_AGENT_INPUT=text gives it the words only" {
	export HERMES_AGENT_COMMAND='cat >got; echo ok' HERMES_AGENT_INPUT=text
	agent command < <(transcript $'ünï\ncode')
	is "$status" 0
	is "$(cat got; echo .)" $'ünï\ncode.'
}

@test "command: protocol output passes, deltas and steps at once and in order" {
	cat >program <<-'END'
		cat >/dev/null
		echo '{"delta":"h"}'
		echo '{"message":{"role":"assistant","content":null,"tool_calls":[ {"id":"1"} ]}}'
		echo '{"message":{"role":"tool","content":"r","tool_call_id":"1"}}'
		echo '{"reply":"hi","actions":[{"handoff":"local"}],"finish":"stop"}'
	END
	export HERMES_AGENT_COMMAND='sh program'
	agent command < <(transcript)
	is "$status" 0
	is "$output" "$(transcript | sh program)"
}

@test "command: a delta is passed on before the program has ended" {
	mkfifo gate
	export HERMES_AGENT_COMMAND='echo "{\"delta\":\"a\"}"; read x <gate; echo "{\"reply\":\"a\"}"'
	transcript | hermes-agent-command >out 3>&- &
	wait_until 10 grep -q delta out
	run ! grep -q reply out
	echo go >gate
	wait $!
	grep -q reply out
}

@test "command: a failing program is a failure, whatever it printed" {
	for program in 'echo hi; exit 3' 'echo hi; kill -9 $$' 'true' 'echo "  "' \
		'echo "{\"reply\":\"hi\"}"; exit 1' 'echo "{\"reply\":\"\"}"' 'echo "{\"delta\":\"hi\"}"' \
		'printf "\0\0"'; do
		export HERMES_AGENT_COMMAND=$program
		agent command < <(transcript)
		failed
		is "$(last .error.retry)" true
	done
}

@test "command: a program that does not exist is not tried again" {
	export HERMES_AGENT_COMMAND=./no-such-program
	agent command < <(transcript)
	failed
	is "$(last .error.retry)" false
}

@test "command: after its first line of protocol all else is held to it" {
	for tail in 'echo garbage' 'echo "{\"other\":1}"' 'echo "[]"' 'echo "{\"message\":{\"role\":\"user\"}}"' \
		'echo "{\"delta\":\"a\",\"reply\":\"b\"}"' 'echo "{\"actions\":[]}"' \
		'echo "{\"reply\":1}"' 'echo "{\"reply\":\"a\",\"actions\":1}"' 'echo "{\"reply\":\"a\"}"; echo x' \
		'echo "{\"reply\":\"a\"}"; echo "{\"delta\":\"b\"}"' 'printf "{\"delta\":\"\377\"}\n"' \
		'printf "{\"reply\":\"a\\\\u0000b\"}\n"'; do
		export HERMES_AGENT_COMMAND="cat >/dev/null; echo '{\"delta\":\"a\"}'; $tail"
		agent command < <(transcript)
		failed
	done
}

@test "command: JSON that is not the protocol is a reply like any other" {
	export HERMES_AGENT_COMMAND='echo "{\"answer\":42}"'
	agent command < <(transcript)
	is "$(last .reply)" '{"answer":42}'
}

@test "command: an error line of the program is the error" {
	export HERMES_AGENT_COMMAND='echo "{\"error\":{\"text\":\"busy\",\"retry\":true,\"after\":30}}"; exit 1'
	agent command < <(transcript)
	failed
	is "$(last .error.text)/$(last .error.after)" busy/30
}

@test "command: a reply above 1 MiB is a failure, and stops the program" {
	for program in yes 'head -c 1100000 /dev/zero | tr "\0" x' 'cat reply'; do
		printf '{"reply":"%s"}\n' "$(head -c 1100000 /dev/zero | tr '\0' x)" >reply
		HERMES_AGENT_COMMAND=$program agent command < <(transcript)
		failed
		has "$stderr" "1 MiB"
	done
}

@test "command: a reply of exactly 1 MiB is one" {
	export HERMES_AGENT_COMMAND='head -c 1048576 /dev/zero | tr "\0" x'
	agent command < <(transcript)
	is "$status" 0
	is "$(last '.reply|length')" 1048576
}

@test "command: its time is limited, and its whole group ends with it" {
	export HERMES_AGENT_COMMAND='sleep 600 & echo $! >pid; sleep 600' HERMES_AGENT_TIMEOUT=0.5
	agent command < <(transcript)
	failed
	has "$stderr" "longer than its time"
	is_gone "$(cat pid)"
}

@test "command: what it leaves running is ended, and not waited for" {
	export HERMES_AGENT_COMMAND='sleep 600 & echo $! >pid; echo hi'
	SECONDS=0
	agent command < <(transcript)
	is "$(last .reply)" hi
	[ $SECONDS -lt 20 ]
	is_gone "$(cat pid)"
}

@test "command: a signal to us ends the program's group" {
	mkfifo started
	export HERMES_AGENT_COMMAND='sleep 600 & echo $! >started; wait'
	transcript >input
	hermes-agent-command <input >out 3>&- &
	agent=$!
	read -r -t 60 pid <started
	kill -TERM $agent
	run wait $agent
	is_gone "$pid"
	run ! grep -q reply out
}

@test "command: neither side waits for the other, however much both write" {
	export HERMES_AGENT_COMMAND='tee got | head -c 900000; cat >/dev/null'
	{ head_line; says user "$(head -c 100000 /dev/zero | tr '\0' a)"; } >input
	for i in {1..30}; do tail -n 1 input; done >more
	{ cat input more; event hi; } >all
	agent command <all
	[ ${#output} -gt 0 ]
	export HERMES_AGENT_COMMAND='head -c 3000000 /dev/zero | tr "\0" "\n" >&2; cat >/dev/null; echo ok'
	agent command <all
	is "$(last .reply)" ok
}

@test "command: a program that does not read its input may still reply" {
	export HERMES_AGENT_COMMAND='exec <&-; echo ok'
	{ head_line; for i in {1..200}; do says user "$(printf 'a%.0s' {1..2000})"; done; event a; } >input
	agent command <input
	is "$status" 0
	is "$(last .reply)" ok
}

@test "command: its stderr goes to the log, cleaned, line by line" {
	export HERMES_AGENT_COMMAND='printf "one\ntw\033[1mo\nrest" >&2; echo ok'
	agent command < <(transcript)
	is "$stderr" "hermes-agent-command: command: one
hermes-agent-command: command: tw [1mo
hermes-agent-command: command: rest"
}

@test "command: without a command it says which variable" {
	agent command < <(transcript)
	failed 78
	has "$stderr" HERMES_AGENT_COMMAND
	is "$(last .error.retry)" false
}

@test "command: memory does not grow with the transcript" {
	export HERMES_AGENT_COMMAND='cat >/dev/null; echo ok'
	[ "$(memory command)" -lt 40000 ]
	export HERMES_AGENT_INPUT=text
	[ "$(memory command)" -lt 40000 ]
}

# --- openai

@test "openai: the reply comes in deltas and whole, with usage and finish" {
	start_server
	agent openai < <(transcript "hello")
	is "$status" 0
	is "$(last .reply)" "You said: hello"
	is "$(last .finish)" stop
	is "$(last '.usage|"\(.input) \(.output)"')" "10 5"
	is "$(jq -rj '.delta // empty' <<<"$output")" "You said: hello"
}

@test "openai: HERMES_AGENT_STREAM=no asks for one body" {
	start_server
	export HERMES_AGENT_STREAM=no
	agent openai < <(transcript "hello")
	is "$(wc -l <<<"$output")" 1
	is "$(last .reply)" "You said: hello"
	is "$(requests '.[0].body.stream')" null
}

@test "openai: a server that answers a stream with one body is understood" {
	start_server
	control say '{"text":"whole","whole":true}'
	agent openai < <(transcript)
	is "$(last .reply)" whole
}

@test "openai: the transcript's roles, calls and results reach the server as they are" {
	start_server
	agent openai < <(transcript "yes")
	is "$(requests '.[0].body.messages[1:]')" "$(jq -nc '[
		{role: "user", content: "please fix the parser"},
		{role: "assistant", content: null, tool_calls: [{id: "c1", type: "function",
			function: {name: "terminal", arguments: "{\"a\":1}"}}]},
		{role: "tool", tool_call_id: "c1", content: "3 tests failed"},
		{role: "assistant", content: "It is fixed. Shall I push it?"},
		{role: "user", content: "yes"}]')"
}

@test "openai: the default prompt says where the conversation is now" {
	start_server
	agent openai < <(transcript | sed 's/"again":false/"again":true/')
	prompt=$(requests '.[0].body.messages[0].content')
	for fact in telegram "Fix the parser" /src/p main "cut off"; do
		has "$prompt" "$fact"
	done
	HERMES_AGENT_SYSTEM="Speak like a pirate." agent openai < <(transcript)
	is "$(requests '.[1].body.messages[0].content')" '"Speak like a pirate."'
}

@test "openai: an event that the transcript ends in already is said once" {
	start_server
	agent openai < <(head_line; says user hello; event hello)
	is "$(requests '[.[0].body.messages[1:][].content]')" '["hello"]'
}

@test "openai: orphans are repaired so that a strict server accepts them" {
	start_server
	agent openai < <(head_line; result lost "early"; says user ""; says observer "x"
		calls c1 terminal; result other "stray"; says user "go on"; calls c2 terminal
		result c2 two; result c2 again; says assistant done
		echo '{"message":{"role":"assistant","content":"","tool_calls":[{"id":"c4"},5]}}'
		echo '{"message":{"role":"assistant","content":"x","tool_calls":[{"id":"c5","function":{"name":"f","arguments":{"a":1}}}]}}'
		event hello)
	is "$status" 0
	is "$(requests '[.[0].body.messages[1:][] | .role[0:1] + (.content // "")]')" \
		'["a[A result of the tool terminal:] early","a","tNo result of this call was recorded: it was cut off.","a[A result of the tool terminal:] stray","ugo on","a","ttwo","a[A result of the tool terminal:] again","adone","ax","tNo result of this call was recorded: it was cut off.","uhello"]'
}

@test "openai: the newest messages are kept, and no result without its call" {
	start_server
	long() { head_line; says user one; calls c1 terminal; result c1 r; says user two; event three; }
	HERMES_AGENT_MAX_MESSAGES=3 agent openai < <(long)
	is "$(requests '[.[0].body.messages[1:][].content]')" '["two","three"]'
	has "$(requests '.[0].body.messages[0].content')" "The 3 oldest messages"
	HERMES_AGENT_MAX_MESSAGES=4 agent openai < <(long)
	is "$(requests '[.[1].body.messages[1:][].role]')" '["assistant","tool","user","user"]'
	HERMES_AGENT_MAX_CHARACTERS=1 agent openai < <(long)
	is "$(requests '[.[2].body.messages[1:][].content]')" '["three"]'
}

@test "openai: characters survive a stream that is cut inside them" {
	start_server
	for cut in 1 2 3 5; do
		control say '{"text":"ünï — 🚀 日本","pieces":["ü","nï — ","🚀 日","本"],"cut":'$cut',"newline":"\r\n"}'
		agent openai < <(transcript)
		is "$(last .reply)" "ünï — 🚀 日本"
	done
	control say '{"text":"a","newline":"\r","cut":1}'
	agent openai < <(transcript)
	is "$(last .reply)" a
}

@test "openai: a handoff that the model asks for becomes an action of the reply" {
	start_server
	export HERMES_PLATFORMS=local,telegram
	control say '[{"text":"Moving.","calls":[{"id":"k1","name":"handoff","arguments":"{\"platform\": \"telegram\"}"}],"cut":4},{"text":"See you there."}]'
	agent openai < <(transcript "continue on my phone")
	is "$status" 0
	is "$(last .reply)" "See you there."
	is "$(last '.actions|tojson')" '[{"handoff":"telegram"}]'
	is "$(last '.usage.input')" 20
	is "$(jq -c '.message // empty | [.role, .tool_call_id // .tool_calls[0].function.arguments, .content]' <<<"$output")" \
'["assistant","{\"platform\": \"telegram\"}","Moving."]
["tool","k1","Requested; it happens after this reply."]'
	is "$(requests '.[0].body.tools[0].function.parameters.properties.platform.enum')" '["local","telegram"]'
	is "$(requests '[.[1].body.messages[-2:][].role]')" '["assistant","tool"]'
}

@test "openai: without platforms there is no tool" {
	start_server
	agent openai < <(transcript)
	is "$(requests '.[0].body.tools')" null
	control say '[{"calls":[{"id":"k1","name":"handoff","arguments":"{\"platform\":\"telegram\"}"}]},{"text":"no"}]'
	agent openai < <(transcript)
	has "$output" "There is no such tool."
	is "$(last .actions)" null
}

@test "openai: calls of unknown tools, bad arguments and second handoffs get true answers" {
	start_server
	export HERMES_PLATFORMS=telegram,local
	control say '[{"calls":[{"id":"1","name":"rm","arguments":"{}"},{"id":"2","name":"handoff","arguments":"{"},{"id":"3","name":"handoff","arguments":"{\"platform\":\"tele\"}"},{"id":"4","name":"handoff","arguments":"{\"platform\":\"local\"}"},{"id":"5","name":"handoff","arguments":"{\"platform\":\"telegram\"}"}]},{"text":"ok"}]'
	agent openai < <(transcript)
	is "$(jq -r 'select(.message.role == "tool").message.content' <<<"$output")" \
"There is no such tool.
Nothing was requested: the platform is missing.
Nothing was requested: there is no such platform. There are: telegram,local
Requested; it happens after this reply.
Already requested, to local; it happens after this reply."
	is "$(last '.actions|tojson')" '[{"handoff":"local"}]'
}

@test "openai: a model that only calls tools is stopped after eight rounds" {
	start_server
	export HERMES_PLATFORMS=local
	control say "$(jq -nc '[range(20) | {calls: [{id: "k\(.)", name: "x", arguments: "{}"}]}]')"
	agent openai < <(transcript)
	failed
	is "$(requests length)" 8
	is "$(requests '[.[].body.tool_choice] | unique')" '[null,"none"]'
}

@test "openai: trouble that may pass is tried again" {
	start_server
	for fault in '"status","code":500' '"status","code":503' '"status","code":429,"retry_after":0' \
		'"drop"' '"half_stream","after":0' '"stream_error"' '"garbage"' \
		'"empty_choices"'; do
		control fault '{"fault":'"$fault"'}'
		agent openai < <(transcript hello)
		is "$status" 0
		is "$(last .reply)" "You said: hello"
		has "$stderr" "asking again"
	done
}

@test "openai: after four tries it gives up, and says that later may work" {
	start_server
	for fault in '"status","code":500' '"empty_choices"' '"garbage"' '"drop"'; do
		control fault '{"fault":'"$fault"',"times":4}'
		agent openai < <(transcript)
		failed
		is "$(last .error.retry)" true
	done
	is "$(requests length)" 16
	export HERMES_AGENT_STREAM=no
	for fault in half_body empty_choices huge; do
		control fault '{"fault":"'$fault'","times":4}'
		agent openai < <(transcript)
		failed
	done
}

@test "openai: half an answer is no answer, and is not said twice" {
	start_server
	for fault in half_stream no_end huge; do
		control fault '{"fault":"'$fault'"}'
		agent openai < <(transcript)
		failed
		is "$(last .error.retry)" true
	done
	is "$(requests length)" 3
}

@test "openai: what will not pass is not tried again" {
	start_server
	for code in 400 401 403 404 422; do
		control fault '{"fault":"status","code":'$code',"words":"because of '$code'"}'
		agent openai < <(transcript)
		case $code in 400 | 422) failed 69 ;; *) failed 78 ;; esac
		is "$(last .error.retry)" false
		has "$stderr" "because of $code"
	done
	is "$(requests length)" 5
	HERMES_AGENT_MODEL=other agent openai < <(transcript)
	failed 78
	has "$stderr" HERMES_AGENT_MODEL
}

@test "openai: Retry-After is waited for within the time limit, else handed on" {
	start_server
	control fault '{"fault":"status","code":429,"retry_after":1}'
	agent openai < <(transcript)
	is "$status" 0
	requests '.[1].at - .[0].at >= 1' | grep -q true
	control fault '{"fault":"status","code":429,"retry_after":100}'
	HERMES_AGENT_TIMEOUT=20 agent openai < <(transcript)
	failed
	is "$(last .error.after)" 100
	is "$(requests length)" 3
}

@test "openai: a server that hangs or stalls is left when the time is over" {
	start_server
	export HERMES_AGENT_TIMEOUT=0.5
	for fault in hang stall; do
		control fault '{"fault":"'$fault'"}'
		SECONDS=0
		agent openai < <(transcript)
		failed
		[ $SECONDS -lt 20 ]
	done
}

@test "openai: nobody listening is a failure that may pass" {
	export HERMES_AGENT_BASE_URL=http://127.0.0.1:1/v1 HERMES_AGENT_MODEL=m HERMES_AGENT_BACKOFF=0
	agent openai < <(transcript)
	failed
	is "$(last .error.retry)" true
}

@test "openai: an answer that was too long is a reply marked so" {
	start_server
	control say '{"text":"and then","finish":"length"}'
	agent openai < <(transcript)
	is "$status" 0
	is "$(last '.finish + ":" + .reply')" "length:and then"
}

@test "openai: the key is sent, and appears nowhere" {
	start_server --key sk-very-secret
	HERMES_AGENT_KEY=sk-very-secret agent openai < <(transcript)
	is "$status" 0
	OPENAI_API_KEY=sk-very-secret agent openai < <(transcript)
	is "$status" 0
	agent openai < <(transcript)
	failed 78
	has "$stderr" OPENAI_API_KEY
	is "$(requests '[.[].key]')" '["right","right","none"]'
	HERMES_AGENT_KEY=sk-other-secret agent openai < <(transcript)
	failed 78
	has "$stderr" "***"
	lacks "$output$stderr" sk-other-secret
	for key in "sk secret" $'sk-secret\nX-A: b'; do
		HERMES_AGENT_KEY=$key agent openai < <(transcript)
		failed 78
		lacks "$output$stderr" secret
	done
}

@test "openai: HERMES_AGENT_PROXY is asked in the server's place" {
	start_server
	unset no_proxy
	export HERMES_AGENT_BASE_URL=http://model.invalid/v1 HERMES_AGENT_PROXY=http://127.0.0.1:$port
	agent openai < <(transcript)
	is "$status" 0
	is "$(requests '.[0].path')" '"http://model.invalid/v1/chat/completions"'
}

@test "openai: a NUL in the model's words is left out of the reply" {
	start_server
	control say '{"text":"a\u0000b"}'
	agent openai < <(transcript)
	is "$(last .reply)" ab
}

@test "openai: missing or wrong settings are named" {
	agent openai < <(transcript)
	failed 78
	has "$stderr" HERMES_AGENT_MODEL
	export HERMES_AGENT_MODEL=m
	for setting in STREAM=maybe TIMEOUT=soon MAX_MESSAGES=-1; do
		export HERMES_AGENT_"${setting?}"
		agent openai < <(transcript)
		failed 78
		has "$stderr" "HERMES_AGENT_${setting%=*}"
		unset HERMES_AGENT_"${setting%=*}"
	done
}

@test "openai: memory does not grow with the transcript" {
	start_server
	[ "$(memory openai)" -lt 60000 ]
}
