#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-adapter-signal against the tests' signal-cli: Ada has a number and an account id,
# Ben hides his number, GROUP has both in it.
#
# Each test is a subshell of its own, and bats sets stderr:
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

bats_require_minimum_version 1.5.0
load common
load serving

ADAPTER=hermes-adapter-signal
US=+15550001
OUR_ID=00000000-0000-4000-8000-000000000001
ADA=0aaaaaaa-0000-4000-8000-00000000000a
BEN=0bbbbbbb-0000-4000-8000-00000000000b
GROUP=AAAA/+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
CURSOR=

setup() {
	start_platform signal-cli --account "$US"
	unset "${!SIGNAL_@}"
	export SIGNAL_HTTP_URL=http://127.0.0.1:$PORT SIGNAL_ACCOUNT=$US
	room person "{\"uuid\":\"$ADA\",\"number\":\"+15550002\",\"name\":\"Ada\"}"
	room person "{\"uuid\":\"$BEN\",\"profile\":\"Ben\"}"
	room group "{\"id\":\"$GROUP\",\"name\":\"Team\",\"members\":[\"$US\",\"$ADA\",\"$BEN\"]}"
}

teardown() {
	stop_all
}

# place CHAT: as it is written down, without asking.
place() {
	jq -nc --arg chat "$1" --arg group "$GROUP" '{platform: "signal", account: "+15550001", $chat}
		+ if $chat == $group then {kind: "group"} else {kind: "dm", user: $chat} end'
}

# say JSON: somebody says something. Prints its time.
say() {
	room_says say "$1" | jq .
}

sent() {
	look "sent?to=$(jq -rn --arg to "$1" '$to | @uri')"
}

copies() {
	sent "$1" | jq length
}

# killed_poll WAIT: one that is killed while it receives, as its caller does: the whole group.
killed_poll() {
	setsid hermes-adapter-signal poll <<<"{\"wait\":$1}" >"$SAID/killed" 3>&- &
	look 'wait?name=receive'
	kill -KILL -- "-$!"
	wait $! || :
}

# --- configuration

@test "about needs neither configuration nor network" {
	unset SIGNAL_ACCOUNT
	ask about
	holds '.protocol == 1 and .platform == "signal" and .limit == 2000 and .unit == "bytes"'
	holds '.polling and .gateway and ([.threads, .idempotency, .readback] | any | not)'
	holds '[.config[] | select(.required).name] == ["SIGNAL_ACCOUNT"]'
	[ "$(look requests | jq length)" = 0 ]
}

@test "an account that is none is exit 78" {
	for SIGNAL_ACCOUNT in ada 15550001 +0123456 +12 "$GROUP" '+1555 0001'; do
		run -78 --separate-stderr hermes-adapter-signal check
		[[ $stderr == *SIGNAL_ACCOUNT* && -z $output ]]
	done
}

@test "a daemon on another machine is not asked, unless the way there is said to be guarded" {
	for SIGNAL_HTTP_URL in http://signal.example:8080 http://127.0.0.1.example http://localhost.example \
		https://192.0.2.1 http://x@192.0.2.1 http://127.0.0.1@192.0.2.1 \
		http://localhost:x@192.0.2.1; do
		for verb in check resolve send poll; do
			run -78 --separate-stderr hermes-adapter-signal $verb <<<'{"words":"self"}'
			[[ $stderr == *SIGNAL_HTTP_REMOTE* ]]
		done
	done
	SIGNAL_HTTP_URL=http://localhost:$PORT ask check
	holds .ok
	SIGNAL_HTTP_REMOTE=yes SIGNAL_HTTP_URL=http://nowhere.invalid ask check
	problem 'nowhere.invalid cannot be found' 'network'
}

@test "a daemon on this machine is never asked through a proxy" {
	ALL_PROXY=socks5://127.0.0.1:1 SIGNAL_PROXY=socks5://127.0.0.1:1 ask check
	holds '.ok and .facts.proxy == false'
}

@test "a proxy to another machine, and its certificate" {
	certificate right localhost
	start_proxy
	start_platform signal-cli --tls "$BATS_TEST_TMPDIR/right" --account "$US"
	export SIGNAL_HTTP_REMOTE=yes SIGNAL_HTTP_URL=https://LOCALHOST.:$PORT
	export SIGNAL_PROXY=socks5://127.0.0.1:$PROXY_PORT
	ask check
	holds '.ok | not'
	SIGNAL_PROXY=socks5://127.0.0.1:1 ask check
	problem 'no connection' .
	SIGNAL_HTTP_URL=https://localhost:$PORT ask check
	problem certificate CA_FILE
	SIGNAL_CA_FILE=$BATS_TEST_TMPDIR/right.pem SIGNAL_HTTP_URL=https://localhost:$PORT ask check
	holds .ok
}

# --- check

@test "check: all is well" {
	SIGNAL_HOME_CHANNEL=+15550002 ask check
	holds '.ok and .account == "+15550001" and .problems == [] and .facts.token'
	holds '.facts.home == {name: "Ada", kind: "dm", reachable: true}'
	SIGNAL_HOME_CHANNEL=$GROUP ask check
	holds '.ok and .facts.home == {name: "Team", kind: "group", reachable: true}'
	ask check
	holds '.ok and (.facts | has("home") | not)'
}

@test "check: each thing that is missing has its remedy" {
	SIGNAL_HOME_CHANNEL=ada ask check
	problem 'not a number' 'group'
	SIGNAL_HOME_CHANNEL=+19990000 ask check
	problem 'no Signal account' 'country'
	room group "{\"id\":\"$GROUP\",\"isMember\":false}"
	SIGNAL_HOME_CHANNEL=$GROUP ask check
	problem 'not in that group any more' 'add the account'
	SIGNAL_ACCOUNT=+15559999 ask check
	problem 'account does not exist' 'listAccounts'
	holds '.facts.token == false'
	SIGNAL_HTTP_URL=http://127.0.0.1:1 ask check
	problem 'no connection to 127.0.0.1' 'signal-cli daemon --http'
	fault listGroups answer '{"body":{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not implemented"}}}'
	ask check
	problem 'not implemented' '0.13'
}

# --- resolve

@test "resolve: a person is the account id, however they are named" {
	for words in +15550002 "$ADA" "${ADA^^}"; do
		ask resolve "{\"words\":\"$words\"}"
		holds ".place == {platform: \"signal\", account: \"$US\", chat: \"$ADA\", kind: \"dm\", user: \"$ADA\"}"
		holds '.audience == {size: 1, names: ["Ada"], known: true}'
	done
	[ "$(requests getUserStatus)" = 0 ]
}

@test "resolve: whom signal-cli does not know yet, Signal itself is asked about" {
	room person '{"uuid":"0ccccccc-0000-4000-8000-00000000000c","number":"+15550003","username":"cleo.01","known":false}'
	for words in +15550003 u:cleo.01; do
		ask resolve "{\"words\":\"$words\"}"
		holds '.place.chat == "0ccccccc-0000-4000-8000-00000000000c"'
	done
	ask resolve '{"words":"+19990000"}'
	holds '.error.class == "chat"'
	fault getUserStatus answer '{"body":{"jsonrpc":"2.0","result":[{"recipient":"+15550003","number":"+15550003","uuid":null,"isRegistered":true}]}}'
	ask resolve '{"words":"+15550003"}'
	holds '.place.chat == "+15550003"'
}

@test "resolve: a group is its id, as bytes, and its members without us" {
	for words in "$GROUP" "group:$GROUP"; do
		ask resolve "{\"words\":\"$words\"}"
		holds ".place == {platform: \"signal\", account: \"$US\", chat: \"$GROUP\", kind: \"group\"}"
		holds '.audience == {size: 2, names: ["Ada", "Ben"], known: true}'
	done
	room mode '{"old_members":true}'
	room person "{\"uuid\":\"$BEN\",\"number\":\"+15550004\"}"
	ask resolve "{\"words\":\"$GROUP\"}"
	holds '.audience == {size: 2, names: ["Ada", "Ben"], known: true}'
	ask resolve "{\"words\":\"${GROUP,,}\"}"
	holds '.error.class == "chat" and (.error.why | contains("no such group"))'
}

@test "resolve: words that are nobody are refused without asking" {
	for words in ada +1 +1555x '+15550002/4' "$GROUP=" "${GROUP%=}" 0aaaaaaa-0000 'group:x' '@ada'; do
		ask resolve "$(jq -nc --arg words "$words" '{$words}')"
		holds '.error.class == "request"'
	done
	[ "$(look requests | jq length)" = 0 ]
	ask resolve '{"words":""}'
	holds '.error.class == "config" and (.error.remedy | contains("SIGNAL_HOME_CHANNEL"))'
	ask resolve "{\"chat\":\"$ADA\",\"thread\":\"1\"}"
	holds '.error.class == "request" and (.error.why | contains("no threads"))'
}

# --- thread

@test "thread: is the home itself, and why; a home that is gone is not" {
	for chat in "$ADA" "$GROUP"; do
		ask thread "{\"place\":$(place "$chat"),\"title\":\"t\",\"delivery\":\"h1\"}"
		holds ".outcome == \"home\" and .place.chat == \"$chat\" and .why == \"Signal has no threads\" and .audience.known"
	done
	room group "{\"id\":\"$GROUP\",\"isMember\":false}"
	ask thread "{\"place\":$(place "$GROUP"),\"title\":\"t\",\"delivery\":\"h1\"}"
	holds '.outcome == "not_opened" and .class == "chat" and .remedy'
	SIGNAL_HTTP_URL=http://127.0.0.1:1 ask thread "{\"place\":$(place "$ADA"),\"title\":\"t\",\"delivery\":\"h1\"}"
	holds '.outcome == "not_opened" and .class == "transient"'
}

# --- send

@test "send: to a person, a group, and ourselves" {
	for chat in "$ADA" "$GROUP"; do
		send "$(place "$chat")" hello
		holds '.outcome == "sent" and (.ids | length) == 1 and .parts == 1 and (has("why") | not)'
		[ "$(copies "$chat")" = 1 ]
	done
	send "$(place "$US")" hello
	run -0 sent "$OUR_ID"
	holds '.[0].params.noteToSelf'
}

@test "send: styles are counted in UTF-16, inside the words" {
	send "$(place "$ADA")" $'👋 **bold** *lean* ~~gone~~ `code` [words](https://x.org)\n\n> quoted\n\n```\nblock\n```'
	holds '.outcome == "sent"'
	run -0 sent "$ADA"
	holds '.[0] | .text as $text | [.styles[] | capture("(?<s>\\d+):(?<l>\\d+):(?<style>.+)")
		| [.style, ($text[(.s | tonumber) - 1:][: (.l | tonumber)])]]
		== [["BOLD", "bold"], ["ITALIC", "lean"], ["STRIKETHROUGH", "gone"], ["MONOSPACE", "code"],
			["ITALIC", "quoted"], ["MONOSPACE", "block"]]'
	holds '.[0].text | contains("words (https://x.org)") and (test("[*`~]") | not)'
	send "$(place "$ADA")" '**as** it is' '{"format":"plain"}'
	run -0 sent "$ADA"
	holds '.[1] | .text == "**as** it is" and .styles == []'
}

@test "send: an answer quotes what it answers, once" {
	send "$(place "$ADA")" answer "{\"reply_to\":\"1795231477123:$ADA\"}"
	holds '.outcome == "sent"'
	run -0 sent "$ADA"
	holds '.[0].params | .quoteTimestamp == 1795231477123 and .quoteAuthor == $ada' --arg ada "$ADA"
	for odd in '' 1795231477123 x: :x 7:; do
		send "$(place "$BEN")" answer "{\"reply_to\":\"$odd\"}"
	done
	send "$(place "$BEN")" "$(printf 'word %.0s' {1..900})" "{\"part\":2,\"reply_to\":\"7:$ADA\"}"
	holds '.outcome == "sent"'
	run -0 sent "$BEN"
	holds 'length == 6 and all(.params | has("quoteTimestamp") or has("quoteAuthor") | not)'
}

@test "send: parts have at most 2000 bytes, and go on at the second one after a crash" {
	text=$(printf 'wörd %.0s' {1..900})
	send "$(place "$ADA")" "$text" '{"part":2}'
	holds '.outcome == "sent" and .parts == 3'
	run -0 sent "$ADA"
	holds '.[0].text | utf8bytelength | . <= 2000 and . > 1500'
	jq -nc --argjson place "$(place "$ADA")" \
		'{$place, text: ("word " * 2097152), format: "plain", delivery: "9", part: 2}' >"$BATS_TEST_TMPDIR/long"
	output=$(hermes-adapter-signal send <"$BATS_TEST_TMPDIR/long")
	holds '.outcome == "sent" and .parts > 5000'
}

@test "send: a failure inside the answer has its class, a remedy, and when to come back" {
	while IFS='|' read -r fail outcome class more; do
		room person "{\"uuid\":\"$ADA\",\"fail\":$fail}"
		send "$(place "$ADA")" hello
		holds ".outcome == \"$outcome\" and .class == $class and ($more)" || { echo "$fail"; return 1; }
	done <<-'END'
		"NETWORK_FAILURE"|unknown|null|.why | contains("lost")
		"UNREGISTERED_FAILURE"|not_sent|"chat"|.remedy
		"IDENTITY_FAILURE"|not_sent|"config"|.remedy | contains("signal-cli trust")
		"INVALID_PRE_KEY_FAILURE"|not_sent|"transient"|.why
		"SOMETHING_NEW"|unknown|null|.why
		{"type":"RATE_LIMIT_FAILURE"}|not_sent|"transient"|has("remedy") | not
		{"type":"RATE_LIMIT_FAILURE","retryAfterSeconds":77,"token":"abc-1.2"}|not_sent|"transient"|.retry_after == 77 and (.remedy | contains("--challenge abc-1.2"))
		{"type":"RATE_LIMIT_FAILURE","retryAfterSeconds":1e9,"token":"a; rm"}|not_sent|"transient"|.retry_after == 86400 and (.remedy | contains("--challenge TOKEN"))
	END
	[ "$(copies "$ADA")" = 0 ]
}

@test "send: a failure inside a success is one, and a part of a group is no failure" {
	room person "{\"uuid\":\"$BEN\",\"fail\":\"UNREGISTERED_FAILURE\"}"
	send "$(place "$GROUP")" hello
	holds '.outcome == "sent" and (.ids | length) == 1 and .why == "1 of 2 members were not reached"'
	room person "{\"uuid\":\"$ADA\",\"fail\":\"IDENTITY_FAILURE\"}"
	send "$(place "$GROUP")" hello
	holds '.outcome == "not_sent" and .class == "config"'
	fault send answer '{"body":{"jsonrpc":"2.0","result":{"timestamp":5,"results":[{"type":"UNREGISTERED_FAILURE"}]}}}'
	send "$(place "$ADA")" hello
	holds '.outcome == "not_sent" and .class == "chat"'
	fault send answer '{"body":{"jsonrpc":"2.0","result":{"results":[]}}}'
	send "$(place "$ADA")" hello
	holds '.outcome == "unknown"'
}

@test "send: of a group's failures the one that leaves most open stands" {
	fails() {
		room person "{\"uuid\":\"$ADA\",\"fail\":$1}"
		room person "{\"uuid\":\"$BEN\",\"fail\":$2}"
		send "$(place "$GROUP")" hello
		holds "$3" || { echo "$1 $2"; return 1; }
	}
	while IFS='|' read -r less more holds; do
		fails "$less" "$more" "$holds"
		fails "$more" "$less" "$holds"
	done <<-'END'
		"UNREGISTERED_FAILURE"|"UNREGISTERED_FAILURE"|.class == "chat"
		"UNREGISTERED_FAILURE"|"IDENTITY_FAILURE"|.class == "config"
		"IDENTITY_FAILURE"|"INVALID_PRE_KEY_FAILURE"|.class == "transient"
		"INVALID_PRE_KEY_FAILURE"|{"type":"RATE_LIMIT_FAILURE","retryAfterSeconds":60}|.class == "transient" and .retry_after == 60
		{"type":"RATE_LIMIT_FAILURE","retryAfterSeconds":60}|"NETWORK_FAILURE"|.outcome == "unknown"
		"UNREGISTERED_FAILURE"|"SOMETHING_NEW"|.outcome == "unknown"
	END
}

@test "send: every error has its class, and a remedy where there is one" {
	while IFS='|' read -r code class remedy words; do
		fault send answer "{\"body\":{\"jsonrpc\":\"2.0\",\"error\":{\"code\":$code,\"message\":\"$words\",\"data\":null}}}"
		send "$(place "$ADA")" hello
		holds "(if \"$class\" == \"unknown\" then .outcome == \"unknown\" else .outcome == \"not_sent\"
			and .class == \"$class\" end) and ((.remedy // \"\") | contains(\"$remedy\"))" ||
			{ echo "$code $words"; return 1; }
	done <<-'END'
		-32700|request||Unexpected end-of-input
		-32600|request||method field must be set
		-32601|config|0.13|Method not implemented
		-32602|config|SIGNAL_ACCOUNT|Method requires valid account parameter
		-32602|config|SIGNAL_ACCOUNT|Specified account does not exist
		-32603|unknown||Command execution failed
		-1|request||Invalid style: X
		-1|chat|number|The user +1 is not registered.
		-1|chat|group|Group not found: x
		-1|chat|group|User is not a group member: Team
		-1|config|link or register|User is not authorized
		-2|unknown||Failed to send message: timeout
		-3|unknown||Failed to send message
		-4|config|trust|Untrusted Identity
		-5|transient|captcha|Rate limited
		-6|config|captcha|Captcha rejected
	END
}

@test "send: a text that cannot be there is not called sent, and one that may be is unknown" {
	for fault in drop_before drop_after reset_after truncate_after gateway gateway_after garbage half_json; do
		fault send "$fault"
		send "$(place "$ADA")" "$fault"
		holds '.outcome == "unknown"' || { echo "$fault"; return 1; }
	done
	[ "$(requests send)" = 8 ]
	fault send redirect
	send "$(place "$ADA")" hello
	holds '.outcome == "not_sent" and .class == "transient"'
	fault send answer '{"status":429,"body":{"error":"slow down"},"headers":{"Retry-After":"9"}}'
	send "$(place "$ADA")" hello
	holds '.outcome == "not_sent" and .class == "transient" and .retry_after == 9'
	fault send hang
	in_little_time send "$(place "$ADA")" hello
	holds '.outcome == "unknown" and (.why | contains("in time"))'
	fault send huge '{"bytes":10485760}'
	send "$(place "$ADA")" hello
	holds '.outcome == "unknown" and (.why | contains("more than can be right"))'
	SIGNAL_HTTP_URL=http://127.0.0.1:1 send "$(place "$ADA")" hello
	holds '.outcome == "not_sent" and .class == "transient"'
	run -0 sent "$ADA"
	holds '[.[].text] == ["drop_after", "reset_after", "truncate_after", "gateway_after"]'
}

@test "send: what may be there is said again, marked, and only that" {
	fault send drop_after
	send "$(place "$ADA")" hello
	send "$(place "$ADA")" hello '{"again":{"since":1}}'
	holds '.outcome == "sent"'
	run -0 sent "$ADA"
	holds '[.[].text] | .[0] == "hello" and (.[1] | startswith("[sent again")) and (.[1] | endswith("\nhello"))'
}

@test "send: nobody, and no part" {
	for chat in ada u:ada.01 "$GROUP=" ''; do
		refused "$(place "$chat")" request 'not a person' ''
	done
	send "$(place "$ADA")" hello '{"part":2}'
	holds '.outcome == "not_sent" and .class == "request"'
	send "$(place "$ADA")" ' '
	holds '.outcome == "not_sent" and .class == "request"'
	[ "$(requests send)" = 0 ]
}

# --- poll

@test "poll: what is said comes with who, when and where, from before the first poll too" {
	time=$(say '{"from":"+15550002","text":"hello ✓"}')
	other=$(say "{\"from\":\"$BEN\",\"text\":\"in the group\",\"group\":\"$GROUP\"}")
	poll
	holds ".events[0] == {message: \"$time:$ADA\", text: \"hello ✓\", at: ($time / 1000),
		user: {id: \"$ADA\", name: \"Ada\", also: [\"+15550002\"]},
		place: {platform: \"signal\", account: \"$US\", chat: \"$ADA\", kind: \"dm\", user: \"$ADA\"}}"
	holds ".events[1].place == {platform: \"signal\", account: \"$US\", chat: \"$GROUP\", kind: \"group\", user: \"$BEN\"}"
	holds ".events[1].user == {id: \"$BEN\", name: \"$BEN\"} and (now - .events[0].at | fabs) < 60"
	poll
	holds '.events == []'
}

@test "poll: what was handed over stays until a cursor covers it, whatever happens to the poll" {
	say '{"from":"+15550002","text":"one"}'
	say '{"from":"+15550002","text":"two"}'
	ask poll '{"wait":0}'
	first=$output
	run -0 look queue
	holds '. == []'
	ask poll '{"wait":0}'
	[ "$output" = "$first" ]
	[ "$(stat -c %a "$HERMES_HOME/signal.spool")" = 600 ]
	say '{"from":"+15550002","text":"three"}'
	CURSOR=$(jq -r .cursor <<<"$first")
	poll
	holds '[.events[].text] == ["three"]'
	CURSOR=$((CURSOR + 1)) poll
	holds '.events == []'
	run ! grep -q item "$HERMES_HOME/signal.spool"
}

@test "poll: numbers go on from the cursor or the spool, whichever is ahead" {
	say '{"from":"+15550002","text":"one"}'
	CURSOR=41 poll
	holds '[.events[].text] == ["one"] and .cursor == "42"'
	rm "$HERMES_HOME/signal.spool"
	say '{"from":"+15550002","text":"two"}'
	CURSOR=42 poll
	holds '[.events[].text] == ["two"] and .cursor == "43"'
	ask poll '{"wait":0}'
	holds '[.events[].text] == ["two"] and .cursor == "43"'
	for cursor in x -1 '' 1234567890123456; do
		ask poll "{\"wait\":0,\"cursor\":\"$cursor\"}"
		holds '.error.class == "request"'
	done
}

@test "poll: a spool that a crash cut off keeps its whole lines" {
	say '{"from":"+15550002","text":"one"}'
	ask poll '{"wait":0}'
	printf '{"at":2,"item":{"env' >>"$HERMES_HOME/signal.spool"
	ask poll '{"wait":0}'
	holds '[.events[].text] == ["one"] and .cursor == "1"'
	say '{"from":"+15550002","text":"two"}'
	CURSOR=1 poll
	holds '[.events[].text] == ["two"] and .cursor == "2"'
	ask poll '{"wait":0,"cursor":"1"}'
	holds '[.events[].text] == ["two"]'
}

@test "poll: a piece that the first write of all left takes nothing with it" {
	mkdir -p "$HERMES_HOME"
	printf '{"at":1,"item":{"env' >"$HERMES_HOME/signal.spool"
	say '{"from":"+15550002","text":"one"}'
	ask poll '{"wait":0}'
	ask poll '{"wait":0}'
	holds '[.events[].text] == ["one"] and .cursor == "1"'
}

@test "poll: what comes while its poll is killed is not lost" {
	killed_poll 20
	say '{"from":"+15550002","text":"into the void"}'
	poll
	holds '[.events[].text] == ["into the void"]'
	[ ! -s "$SAID/killed" ]
}

@test "poll: what is handed over after its poll gave up waiting is not lost" {
	room mode '{"held":true}'
	say '{"from":"+15550002","text":"one"}'
	HERMES_ADAPTER_LIMIT=3 poll
	holds '.error.class == "transient" and (.error.why | contains("a later poll"))'
	look 'wait?name=receive'
	room mode '{"held":false}'
	poll
	holds '[.events[].text] == ["one"]'
}

@test "poll: a long answer that nobody reads any more keeps no later poll out" {
	room mode '{"held":true}'
	words=$(printf 'word %.0s' {1..800})
	for i in {1..20}; do say "{\"from\":\"+15550002\",\"text\":\"$i $words\"}"; done
	killed_poll 0
	room mode '{"held":false}'
	poll
	holds '.events | length == 20'
}

@test "poll: waits for a first message, and brings all that is there" {
	hermes-adapter-signal poll <<<'{"wait":40}' >"$SAID/waited" 3>&- &
	look 'wait?name=receive'
	say '{"from":"+15550002","text":"at last"}'
	SECONDS=0
	wait $!
	((SECONDS < 30))
	output=$(cat "$SAID/waited")
	holds '.events[0].text == "at last"'
	for i in {1..25}; do say "{\"from\":\"+15550002\",\"text\":\"m$i\"}"; done
	CURSOR=1 poll '{"wait":9}'
	holds '[.events[].text] | length == 21 and .[0] == "m1" and .[20] == "m21"'
	CURSOR=$(jq -r .cursor <<<"$output") poll
	holds '[.events[].text] == ["m22", "m23", "m24", "m25"]'
}

@test "poll: passes what is ours, and what says nothing" {
	room sync '{"destinationNumber":"+15550002","destinationUuid":"x","message":"from my phone"}'
	room sync "{\"groupInfo\":{\"groupId\":\"$GROUP\"},\"destinationNumber\":\"$US\",\"message\":\"x\"}"
	say "{\"from\":\"$US\",\"text\":\"ours\"}"
	say '{"from":"+15550002","text":null,"more":{"reaction":{"emoji":"x"}}}'
	say '{"from":"+15550002","text":""}'
	room item '{"exception":{"message":"x","type":"ProtocolInvalidMessageException"},"envelope":{"sourceUuid":"x"}}'
	for item in '[]' 7 '"x"' null '{}' '{"envelope":[]}' '{"envelope":{"dataMessage":7,"sourceUuid":[]}}' \
		'{"envelope":{"dataMessage":{"message":"x","timestamp":[]},"sourceUuid":"y"}}' \
		'{"envelope":{"dataMessage":{"message":"x","timestamp":1,"groupInfo":3,"quote":{"id":{}}}}}' \
		"{\"envelope\":{\"dataMessage\":$(jq -nc 'reduce range(200) as $i (1; [.])')}}"; do
		room item "$item"
	done
	poll
	holds '.events == [] and .cursor == "16"'
	grep -q '1 messages could not be read' "$SAID/stderr"
}

@test "poll: Note to Self is heard from another device" {
	ask resolve '{"words":"self"}'
	place=$(jq -c .place <<<"$output")
	room sync "{\"destinationNumber\":\"$US\",\"destinationUuid\":\"$OUR_ID\",\"message\":\"a note\"}"
	poll
	holds ".events[0].text == \"a note\" and .events[0].place == $place and .events[0].place.chat == \"$OUR_ID\""
}

@test "poll: a quote says what is answered; who is mentioned is named" {
	send "$(place "$ADA")" question
	id=$(jq -r '.ids[0]' <<<"$output")
	say "{\"from\":\"+15550002\",\"text\":\"answer\",\"more\":{\"quote\":{\"id\":$id,\"authorNumber\":\"$US\",\"authorUuid\":\"$OUR_ID\"}}}"
	say "{\"from\":\"+15550002\",\"text\":\"more\",\"more\":{\"quote\":{\"id\":5,\"authorUuid\":\"$BEN\"}}}"
	say '{"from":"+15550002","text":"hi ￼ and ￼ ￼","more":{"mentions":[{"name":"Ben"},{}]}}'
	poll
	holds "[.events[].reply_to] == [\"$id\", \"5:$BEN\", null]"
	holds '.events[2].text == "hi @Ben and @someone ￼"'
}

@test "poll: another program that receives is named, with the way out" {
	room mode '{"on_start":true}'
	poll
	holds '.error.class == "busy" and (.error.remedy | contains("--receive-mode=manual"))'
}

@test "poll: an answer that is lost, strange or too large is an error" {
	for fault in drop_before reset_after truncate_after gateway garbage half_json redirect huge; do
		fault receive "$fault" '{"bytes":10485760}'
		poll
		holds '.error.class == "transient" and .error.why' || { echo "$fault"; return 1; }
	done
	for body in '[]' 7 '"x"' null '{"jsonrpc":"2.0"}' '{"jsonrpc":"2.0","result":{}}' \
		'{"jsonrpc":"2.0","result":null}' '{"result":[]}' '{"jsonrpc":[],"result":[]}'; do
		fault receive answer "{\"body\":$body}"
		poll
		holds '.error.class == "transient"' || { echo "$body"; return 1; }
	done
	say '{"from":"+15550002","text":"kept"}'
	poll
	holds '.events[0].text == "kept"'
}

@test "poll: a folder that cannot be written is said before anything is taken" {
	say '{"from":"+15550002","text":"kept"}'
	mkdir -p "$HERMES_HOME/signal.spool"
	poll
	holds '.error.class == "config" and (.error.remedy | contains("HERMES_HOME"))'
	run -0 look queue
	holds 'length == 1'
}

@test "handoff: the answer to what a person wrote there quotes it" {
	export SIGNAL_HOME_CHANNEL=$ADA SIGNAL_ALLOWED_USERS=$ADA
	session=$(new_session)
	hermes handoff signal --session "$session" >/dev/null 2>&1
	say '{"from":"+15550002","text":"go on"}'
	hermes-watch --once >/dev/null 2>&1
	run -0 sent "$ADA"
	holds '[.[].params | has("quoteTimestamp")] == [false, true]'
	holds '.[1].params.quoteAuthor == $ada' --arg ada "$ADA"
}

@test "who is allowed, or at home, may be named by number as well as by account id" {
	count=0
	while read -r setting; do
		say '{"from":"+15550002","text":"hello"}'
		say "{\"from\":\"$BEN\",\"text\":\"hello\"}"
		env "$setting" hermes-watch --once >/dev/null 2>&1
		[ "$(copies "$ADA")" = $((++count)) ] || { echo "$setting"; return 1; }
	done <<-END
		SIGNAL_ALLOWED_USERS=+15550009, +15550002
		SIGNAL_ALLOWED_USERS=$ADA
		SIGNAL_HOME_CHANNEL=+15550002
		SIGNAL_HOME_CHANNEL=$ADA
	END
	[ "$(copies "$BEN")" = 0 ]
}
