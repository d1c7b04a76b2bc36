#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-adapter-imessage against the tests' BlueBubbles: ANN has a private chat, FAMILY is
# a group of her and Ben.
# shellcheck disable=SC2154 # bats sets stderr

load common

setup() {
	export IMESSAGE_PASSWORD='SECRET & pass/word?' ANN='iMessage;-;+15550100' FAMILY='iMessage;+;chat831'
	unset IMESSAGE_HOME_CHANNEL IMESSAGE_BASE_URL IMESSAGE_PROXY IMESSAGE_CA_FILE http_proxy \
		https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY CURL_CA_BUNDLE
	mkdir -p "$BATS_TEST_TMPDIR/said"
	start_server "$BATS_TEST_TMPDIR/bluebubbles" "$BATS_TEST_DIRNAME/servers/bluebubbles" \
		--password "$IMESSAGE_PASSWORD"
	export IMESSAGE_SERVER_URL=http://127.0.0.1:$PORT
	ROOM=$IMESSAGE_SERVER_URL/_
	room chat "{\"guid\":\"$ANN\"}"
	room chat "{\"guid\":\"$FAMILY\",\"name\":\"Family\",\"people\":[\"+15550100\",\"ben@example.org\"]}"
}

teardown() {
	kill "${SERVERS[@]}" 2>/dev/null || true
	wait "${SERVERS[@]}" 2>/dev/null || true
	run ! grep -rqE 'SECRET|pass%2Fword|wonder' "$BATS_TEST_TMPDIR/said"
}

SERVERS=()

start_server() {
	local out=$1
	shift
	"$@" >"$out" 3>&- &
	SERVERS+=($!)
	wait_until 10 grep -q '"port"' "$out"
	PORT=$(jq .port "$out")
}

room() {
	local said
	said=$(curl -sS --fail-with-body --max-time 20 --data-binary "$2" "$ROOM/$1") ||
		{ echo "$1: $said" >&2; return 1; }
}

look() {
	curl -sS --fail-with-body --max-time 20 "$ROOM/$1"
}

fault() {
	room fault "$1"
}

# says CHAT TEXT [MORE]: a human says it there.
says() {
	room say "$(jq -nc --arg chat "$1" --arg text "$2" --argjson more "${3:-{\}}" '{$chat, $text} + $more')"
}

requests() {
	look "requests?route=${1-}" | jq length
}

# copies CHAT: how many messages of ours were delivered.
copies() {
	look "messages?chat=$(jq -rn --arg chat "$1" '$chat | @uri')" |
		jq '[.[] | select(.isFromMe and .error == 0)] | length'
}

# ask VERB [JSON]: sets $output to the answer; all it says is kept for the search for secrets.
ask() {
	local said=$BATS_TEST_TMPDIR/said
	output=$(hermes-adapter-imessage "$1" <<<"${2-}" 2>>"$said/stderr") || {
		echo "$1: exit $?: $(cat "$said/stderr")" >&2
		return 1
	}
	printf '%s\n' "$output" >>"$said/stdout"
}

holds() {
	jq -en "input | ($1)" >/dev/null <<<"$output" || { echo "not $1: $output" >&2; return 1; }
}

problem() {
	holds "(.ok | not) and (.problems | any((.what | test(\"$1\")) and (.remedy | test(\"$2\"))))"
}

place() {
	jq -nc --arg chat "$1" '{platform: "imessage", account: "hermes@example.org", $chat,
		kind: (if $chat | contains(";+;") then "group" else "dm" end)}
		+ if $chat | contains(";-;") then {user: ($chat / ";" | .[2])} else {} end'
}

# send CHAT TEXT [DELIVERY [MORE]]
send() {
	ask send "$(jq -nc --argjson place "$(place "$1")" --arg text "$2" --arg delivery "${3:-5}" \
		--argjson more "${4:-{\}}" '{$place, $text, $delivery, part: 1} + $more')"
}

just_now() {
	jq -nc '{again: {since: (now - 5)}}'
}

# poll [PLACE...]: one more poll, from CURSOR on, which it moves.
poll() {
	ask poll "$(printf '%s\n' "$@" | jq -sc --arg cursor "${CURSOR-}" \
		'{wait: 0, places: .} + if $cursor == "" then {} else {$cursor} end')"
	CURSOR=$(jq -r '.cursor // empty' <<<"$output")
}

refused() {
	send "$1" hello
	holds ".outcome == \"not_sent\" and .class == \"$2\" and (.why | contains(\"$3\"))
		and ((.remedy // \"\") | contains(\"$4\"))"
}

# --- every verb

@test "the server's address and password are needed, and named" {
	for name in IMESSAGE_SERVER_URL IMESSAGE_PASSWORD; do
		for verb in check resolve thread send poll; do
			run -78 --separate-stderr env -u $name hermes-adapter-imessage "$verb" <<<'{"place":{"chat":"x"}}'
			[[ $stderr == *"set $name"* ]]
		done
	done
}

# --- check

@test "check: all is well, by AppleScript and by the Private API" {
	IMESSAGE_HOME_CHANNEL=+15550100 ask check
	holds '.ok and .account == "hermes@example.org" and (.facts | .token and (.private_api | not))'
	holds '.facts.home == {name: "+15550100", kind: "dm", reachable: true, threads: false, readable: true}'
	room switch '{"private_api":true,"helper_connected":true}'
	IMESSAGE_HOME_CHANNEL='#Family' ask check
	holds '.ok and .facts.private_api and .facts.home.name == "Family" and .facts.home.kind == "group"'
	ask check
	holds '.ok and (.facts | has("home") | not)'
}

@test "check: each thing that is missing has its remedy" {
	room switch '{"private_api":true,"signed_in":false}'
	ask check
	problem 'helper is not connected' 'open Messages'
	problem 'nobody is signed in' 'sign in'
	room switch '{"signed_in":true}'
	IMESSAGE_HOME_CHANNEL=+15550199 ask check
	problem 'home: there is no chat' 'write to them once'
	IMESSAGE_PASSWORD=other ask check
	problem Unauthorized IMESSAGE_PASSWORD
	holds '.facts.token == false'
	IMESSAGE_SERVER_URL=http://127.0.0.1:1 ask check
	problem 'no connection to 127.0.0.1' later
	IMESSAGE_SERVER_URL=$IMESSAGE_SERVER_URL/elsewhere ask check
	problem . 'IMESSAGE_'
}

# --- resolve

@test "resolve: a chat by its id, a person by number or e-mail address, a group by name" {
	for words in "$ANN" '+15550100' '+1 (555) 0100' '+1-555.0100'; do
		ask resolve "$(jq -nc --arg words "$words" '{$words}')"
		holds ".place == $(place "$ANN") and .audience == {size: 1, names: [\"+15550100\"], known: true}" ||
			{ echo "$words"; return 1; }
	done
	room chat '{"guid":"iMessage;-;Ada@Example.org"}'
	ask resolve '{"words":"ada@example.org"}'
	holds '.place.chat == "iMessage;-;Ada@Example.org" and .place.user == "Ada@Example.org"'
	for words in "$FAMILY" '#Family'; do
		ask resolve "{\"words\":\"$words\"}"
		holds ".place == $(place "$FAMILY") and .audience == {size: 2, names: [\"+15550100\", \"ben@example.org\"], known: true}"
	done
	IMESSAGE_HOME_CHANNEL=$ANN ask resolve '{"words":""}'
	holds ".place.chat == \"$ANN\""
}

@test "resolve: of several chats with one person, the one that is used now" {
	room chat '{"guid":"SMS;-;+15550100"}'
	ask resolve '{"words":"+15550100"}'
	holds ".place.chat == \"$ANN\""
	room chat '{"guid":"any;-;+15550100"}'
	ask resolve '{"words":"+15550100"}'
	holds '.place.chat == "any;-;+15550100"'
}

@test "resolve: finds a chat among thousands" {
	room crowd '{"count":1100}'
	ask resolve '{"words":"+1777000001099"}'
	holds '.place.chat == "iMessage;-;+1777000001099"'
	[ "$(requests chats)" = 2 ]
}

@test "resolve: what is no address is refused without a word to the server" {
	for words in 'my friend' 5550100 '+12' '@' '#' 'iMessage;-;' 'iMessage;x;1' 'a b@c' '+1555+0100'; do
		ask resolve "$(jq -nc --arg words "$words" '{$words}')"
		holds '.error.class == "request" and .error.remedy' || { echo "$words"; return 1; }
	done
	ask resolve "{\"chat\":\"$ANN\",\"thread\":\"1\"}"
	holds '.error.class == "request" and (.error.why | contains("no threads"))'
	ask resolve '{"words":""}'
	holds '.error.class == "config" and (.error.remedy | contains("IMESSAGE_HOME_CHANNEL"))'
	[ "$(requests)" = 0 ]
}

@test "resolve: a chat that is not there, or a name that two have, is said" {
	ask resolve '{"words":"iMessage;-;+15559999"}'
	holds '.error.class == "chat" and (.error.remedy | contains("write to them"))'
	ask resolve '{"words":"+15559999"}'
	holds '.error.class == "chat"'
	room chat '{"guid":"iMessage;+;chat832","name":"Family"}'
	ask resolve '{"words":"#Family"}'
	holds '.error.class == "request" and (.error.why | contains("several"))'
	fault '{"route":"chats","fault":"gateway"}'
	ask resolve '{"words":"+15550100"}'
	holds '.error.class == "transient"'
}

# --- thread

@test "thread: there is none; it is the chat itself, with who reads there" {
	for chat in "$ANN" "$FAMILY"; do
		ask thread "{\"place\":$(place "$chat"),\"title\":\"t\",\"delivery\":\"h1\"}"
		holds ".outcome == \"home\" and .place == $(place "$chat") and .audience.known and (.why | contains(\"no threads\"))"
	done
	ask thread "{\"place\":$(place 'iMessage;-;+15559999'),\"title\":\"t\",\"delivery\":\"h1\"}"
	holds '.outcome == "not_opened" and .class == "chat"'
	ask thread '{"title":"t"}'
	holds '.outcome == "not_opened" and .class == "request"'
}

# --- send

@test "send: to a person and a group, by the way that works on that Mac" {
	send "$ANN" hello 1
	holds '.outcome == "sent" and (.ids | length) == 1 and .parts == 1 and (has("place") | not)'
	room switch '{"private_api":true}'
	send "$ANN" 'hello 2' 2
	room switch '{"helper_connected":true}'
	send "$FAMILY" hello 3
	output=$(look 'requests?route=text')
	holds '[.[].body.method] == ["apple-script", "apple-script", "private-api"]'
	holds 'all(.body.tempGuid | test("^hermes-[a-z2-7]{24}$")) and ([.[].body.tempGuid] | unique | length) == 3'
	[ "$(copies "$ANN")$(copies "$FAMILY")" = 21 ]
}

@test "send: plain words, with links spelled out" {
	send "$ANN" $'# Head\n**bold** [words](https://x.org) `code`'
	output=$(look "messages?chat=$(jq -rn --arg chat "$ANN" '$chat | @uri')")
	holds '.[0].text == "Head\nbold words (https://x.org) code"'
}

@test "send: what may be there is looked for: our words, delivered, since then" {
	send "$ANN" "hello" 1
	first=$(jq -c .ids <<<"$output")
	send "$ANN" "hello" 1 "$(just_now)"
	holds ".outcome == \"sent\" and .ids == $first"
	[ "$(copies "$ANN")" = 1 ]
	says "$ANN" "said by her"
	send "$ANN" "said by her" 2 "$(just_now)"
	[ "$(copies "$ANN")" = 2 ]
	room say "{\"chat\":\"$ANN\",\"text\":\"old\",\"isFromMe\":true,\"at\":1700000000000}"
	send "$ANN" "old" 3 "$(just_now)"
	[ "$(copies "$ANN")" = 4 ]
	send "$FAMILY" "hello" 4 "$(just_now)"
	[ "$(copies "$FAMILY")" = 1 ]
}

@test "send: looks through many messages for it" {
	room say "{\"chat\":\"$ANN\",\"text\":\"noise\",\"times\":450}"
	send "$ANN" found 1
	first=$(jq -c .ids <<<"$output")
	send "$ANN" found 1 "$(just_now)"
	holds ".ids == $first"
	[ "$(requests query)" = 3 ]
}

@test "send: one that failed on the Mac is not taken for one that arrived" {
	room chat "{\"guid\":\"$ANN\",\"failing\":22}"
	refused "$ANN" chat 'failed to send' 'cannot be reached by iMessage'
	room chat "{\"guid\":\"$ANN\",\"failing\":4}"
	refused "$ANN" transient 'failed to send' 'Messages on the Mac'
	fault '{"route":"text","fault":"json","json":"{\"status\":200,\"message\":\"Message sent!\",\"data\":{\"guid\":\"A\",\"error\":22}}"}'
	refused "$ANN" chat 'Message sent!' ''
	room chat "{\"guid\":\"$ANN\"}"
	send "$ANN" hello 5 "$(just_now)"
	holds '.outcome == "sent"'
	[ "$(copies "$ANN")" = 1 ]
}

@test "send: one that is still on its way stays unknown" {
	send "$ANN" hello 1
	key=$(look 'requests?route=text' | jq -r '.[0].body.tempGuid')
	room queued "{\"tempGuid\":\"$key\"}"
	send "$ANN" hello 1
	holds '.outcome == "unknown" and (.why | contains("already queued"))'
	[ "$(copies "$ANN")" = 1 ]
}

@test "send: what cannot be looked for stays unknown" {
	for kind in '"gateway"' '"garbage"' '"status","status":500'; do
		fault "{\"route\":\"query\",\"fault\":$kind}"
		send "$ANN" hello 5 "$(just_now)"
		holds '.outcome == "unknown" and .why'
	done
	[ "$(requests text)" = 0 ]
}

@test "send: every refusal has its class, and what to do" {
	refused 'iMessage;-;+15559999' chat "get chat id" 'write to them there once'
	room switch '{"private_api":true,"helper_connected":true}'
	refused 'iMessage;-;+15559999' chat 'does not exist' 'write to them there once'
	IMESSAGE_PASSWORD=other refused "$ANN" config Unauthorized IMESSAGE_PASSWORD
	while IFS='|' read -r status words class; do
		fault "{\"route\":\"text\",\"fault\":\"status\",\"status\":$status,\"words\":\"$words\"}"
		send "$ANN" hello
		holds "(.outcome == \"not_sent\" and .class == \"$class\") or (.outcome == \"unknown\" and \"$class\" == \"unknown\")" ||
			{ echo "$status $words"; return 1; }
	done <<-'END'
		400|The chatGuid field is required.|request
		400|Message is already queued to be sent!|unknown
		401|Unauthorized|config
		403|Forbidden|config
		404|Not Found|config
		429|slow down|transient
		500|iMessage Private API is not enabled!|config
		500|iMessage Private API Helper is not connected!|config
		500|Failed to send message! See attached message error code.|unknown
		500|An unhandled error has occurred!|unknown
	END
}

@test "send: a place that is none, and a part that is none, are wrong requests" {
	ask send '{"text":"hello"}'
	holds '.outcome == "not_sent" and .class == "request"'
	ask send '{"place":{"chat":"+15550100"},"text":"hello"}'
	holds '.outcome == "not_sent" and .class == "request"'
	send "$ANN" hello 5 '{"part":2}'
	holds '.outcome == "not_sent" and .class == "request"'
	[ "$(requests)" = 0 ]
}

@test "send: says where the chat is now" {
	fault '{"route":"text","fault":"json","json":"{\"status\":200,\"data\":{\"guid\":\"A\",\"chats\":[{\"guid\":\"any;-;+15550100\"}]}}"}'
	send "$ANN" hello
	holds '.outcome == "sent" and .place.chat == "any;-;+15550100" and .place.user == "+15550100"'
}

# --- what came of a send when the line broke

@test "send: what left and was not answered is unknown, and in the end there once" {
	local n=0 stored
	while read -r fault stored; do
		n=$((n + 1))
		fault "{\"route\":\"text\",$fault}"
		before=$(copies "$ANN")
		send "$ANN" "text $n" "$n"
		holds '.outcome == "unknown" and .why' || { echo "$fault"; return 1; }
		[ "$(copies "$ANN")" = $((before + stored)) ]
		send "$ANN" "text $n" "$n" "$(just_now)"
		holds '.outcome == "sent"'
		[ "$(copies "$ANN")" = "$n" ] || { echo "$fault"; return 1; }
	done <<-'END'
		"fault":"drop_before" 0
		"fault":"drop_after" 1
		"fault":"reset_after" 1
		"fault":"truncate_after" 1
		"fault":"gateway" 0
		"fault":"gateway_after" 1
		"fault":"status_after" 1
		"fault":"garbage" 0
		"fault":"half_json" 0
		"fault":"huge","bytes":10485760 0
		"fault":"json","json":"{}" 0
		"fault":"json","json":"{\"status\":200,\"data\":[[]]}" 0
		"fault":"json","json":"{\"status\":200,\"data\":{\"guid\":7}}" 0
		"fault":"json","json":"{\"status\":\"200\",\"data\":null}" 0
		"fault":"json","json":"7" 0
	END
}

@test "send: a server that hangs is unknown within the caller's limit" {
	fault '{"route":"text","fault":"hang_after"}'
	SECONDS=0
	HERMES_ADAPTER_LIMIT=2 send "$ANN" hello
	holds '.outcome == "unknown" and (.why | contains("in time"))'
	((SECONDS < 20))
	[ "$(copies "$ANN")" = 1 ]
}

@test "send: what stands between and refuses, or nobody there, has not sent it" {
	for fault in '"fault":"redirect"' '"fault":"redirect","status":307' '"fault":"gateway","code":403' \
		'"fault":"gateway","code":429'; do
		room forget '{}'
		fault "{\"route\":\"text\",$fault,\"location\":\"$IMESSAGE_SERVER_URL/api/v1/ping\"}"
		send "$ANN" hello
		holds '.outcome == "not_sent" and .class == "transient"'
		[ "$(requests)" = 2 ]
	done
	IMESSAGE_SERVER_URL=http://127.0.0.1:1 send "$ANN" hello
	holds '.outcome == "not_sent" and .class == "transient"'
	fault '{"route":"info","fault":"drop_before"}'
	send "$ANN" hello
	holds '.outcome == "not_sent" and .class == "transient"'
	[ "$(copies "$ANN")" = 0 ]
}

@test "send: a certificate that is not the server's sends nothing" {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=elsewhere" -addext "subjectAltName=DNS:elsewhere" \
		-keyout "$BATS_TEST_TMPDIR/own.key" -out "$BATS_TEST_TMPDIR/own.pem" 2>/dev/null
	echo '{}' >"$BATS_TEST_TMPDIR/canned.json"
	start_server "$BATS_TEST_TMPDIR/canned" "$BATS_TEST_DIRNAME/servers/canned" \
		"$BATS_TEST_TMPDIR/canned.json" "$BATS_TEST_TMPDIR/own.pem" "$BATS_TEST_TMPDIR/own.key"
	IMESSAGE_SERVER_URL=https://localhost:$PORT send "$ANN" hello
	holds '.outcome == "not_sent" and .class == "config" and (.why | contains("certificate"))'
}

@test "send: through a SOCKS5 proxy" {
	local port
	port=$($PYTHON -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
	microsocks -i 127.0.0.1 -p "$port" -u ada -P wonder 2>"$BATS_TEST_TMPDIR/proxy.log" 3>&- &
	SERVERS+=($!)
	wait_until 10 bash -c ": <>/dev/tcp/127.0.0.1/$port"
	IMESSAGE_PROXY=socks5://ada:wonder@127.0.0.1:$port send "$ANN" hello
	holds '.outcome == "sent"'
	grep -q 'connected to' "$BATS_TEST_TMPDIR/proxy.log"
	IMESSAGE_PROXY=socks5://127.0.0.1:1 send "$ANN" hello
	holds '.outcome == "not_sent" and .class == "transient"'
}

# --- poll

@test "poll: hears all chats from where it was, and says who, when and where" {
	says "$ANN" before
	poll
	holds '.events == []'
	says "$ANN" one
	says "$FAMILY" two '{"from":"ben@example.org","threadOriginatorGuid":"X1"}'
	poll
	holds '[.events[].text] == ["one", "two"]'
	holds ".events[0].place == $(place "$ANN") and .events[0].user == {id: \"+15550100\", name: \"+15550100\"}
		and (now - .events[0].at | fabs) < 60 and (.events[0].message | length) == 36"
	holds ".events[1] | (.place | del(.user)) == $(place "$FAMILY") and .user.id == \"ben@example.org\"
		and .place.user == \"ben@example.org\" and .reply_to == \"X1\""
	poll
	holds '.events == []'
}

@test "poll: what the Mac itself sent, reactions, and what the system says, are passed" {
	poll
	send "$ANN" mine
	room say "{\"chat\":\"$ANN\",\"text\":\"mine, typed\",\"isFromMe\":true}"
	says "$ANN" 'Loved “mine”' '{"associatedMessageType":"love","associatedMessageGuid":"p:0/X"}'
	says "$ANN" 'Loved “mine”' '{"associatedMessageType":2000}'
	says "$FAMILY" 'named the conversation' '{"itemType":2}'
	says "$ANN" 'system' '{"isSystemMessage":true}'
	says "$ANN" $'\xef\xbf\xbc'
	room say "{\"chat\":\"$ANN\"}"
	says "$ANN" $'\xef\xbf\xbclook at this'
	poll
	holds '[.events[].text] == ["look at this"]'
	poll
	holds '.events == []'
}

@test "poll: an answer given before the first poll is heard" {
	says "$ANN" "long ago"
	send "$ANN" "I am here"
	says "$ANN" "answer"
	says "$FAMILY" "elsewhere"
	poll "$(place "$ANN")"
	holds '[.events[].text] == ["answer"]'
	poll "$(place "$ANN")"
	holds '.events == []'
}

@test "poll: many at one instant, and more than a page, come once each" {
	poll
	room say "{\"chat\":\"$ANN\",\"text\":\"m\",\"times\":1300,\"at\":$(($(date +%s) * 1000))}"
	heard=
	for _ in 1 2 3 4; do
		poll
		heard+=$(jq -r '.events[].message' <<<"$output")$'\n'
	done
	[ "$(grep -c . <<<"$heard")" = 1300 ]
	[ "$(grep . <<<"$heard" | sort -u | wc -l)" = 1300 ]
}

@test "poll: rows that are missing stop nothing" {
	poll
	room gap '{"rows":5000}'
	room say "{\"chat\":\"$ANN\",\"text\":\"m\",\"times\":600}"
	says "$ANN" last
	poll
	poll
	holds '.events[-1].text == "last"'
}

@test "poll: a message that was long on its way is heard; what the cloud brings back is not" {
	says "$ANN" first
	poll
	says "$ANN" late "{\"at\":$((($(date +%s) - 3600) * 1000))}"
	says "$ANN" ancient '{"at":1700000000000}'
	poll
	holds '[.events[].text] == ["late"]'
	poll
	holds '.events == []'
}

@test "poll: an answer that is lost, late or none is an error, and nothing is passed" {
	poll
	kept=$CURSOR
	says "$ANN" kept
	for kind in '"truncate_after"' '"gateway"' '"garbage"' '"half_json"' '"redirect"' '"status"' \
		'"huge","bytes":10485760' '"json","json":"{}"' '"json","json":"7"'; do
		fault "{\"route\":\"query\",\"fault\":$kind}"
		CURSOR=$kept
		poll
		holds '.error.class == "transient" and .error.why' || { echo "$kind"; return 1; }
	done
	IMESSAGE_PASSWORD=other poll
	holds '.error.class == "config"'
	CURSOR=$kept
	poll
	holds '[.events[].text] == ["kept"]'
	CURSOR=nonsense
	poll
	holds '.error.class == "request"'
}

@test "poll: messages of other shapes are passed over" {
	poll
	fault "$(jq -nc '{route: "query", fault: "json", json: ({status: 200, data: [7, null, "x", [], {}, {guid: 7},
		{guid: "A", text: [], chats: 7}, {guid: "B", text: "x", chats: [{guid: "nonsense"}]},
		{guid: "C", text: "x", dateCreated: "now", chats: [{guid: "iMessage;+;c"}], handle: []},
		{guid: "D", text: "fine", handle: {address: "+15550100"}, originalROWID: 9, dateCreated: 1e300, chats: [{guid: "iMessage;-;+15550100"}]}]} | tojson)}')"
	poll
	holds '[.events[].text] == ["fine"]'
	CURSOR=0:${CURSOR#*:}
	says "$ANN" next
	poll
	holds '[.events[].text] == ["next"]'
}

@test "poll: waits for a first message, and brings it soon" {
	poll
	hermes-adapter-imessage poll <<<"{\"wait\":20,\"cursor\":\"$CURSOR\"}" >"$BATS_TEST_TMPDIR/said/waited" 3>&- &
	run -0 look 'wait?route=query&count=2'
	says "$ANN" "at last"
	SECONDS=0
	wait $!
	((SECONDS < 15))
	output=$(cat "$BATS_TEST_TMPDIR/said/waited")
	holds '.events[0].text == "at last"'
}

# --- the whole product

@test "Hermes Agent's names for the settings do, once it is enabled" {
	configure 'platforms: {imessage: {enabled: true}}'
	(umask 077 && printf "BLUEBUBBLES_SERVER_URL=%s\nBLUEBUBBLES_PASSWORD='%s'\nBLUEBUBBLES_HOME_CHANNEL='%s'\n" \
		"$IMESSAGE_SERVER_URL" "$IMESSAGE_PASSWORD" "$ANN" >"$HERMES_HOME/.env")
	unset IMESSAGE_SERVER_URL IMESSAGE_PASSWORD
	run -0 hermes-ask imessage check
	holds '.ok and .facts.home.name == "+15550100"'
	run -0 hermes-config platforms --jq 'select(.platform == "imessage") | .configured'
	[ "$output" = true ]
	hermes handoff imessage --session "$(new_session)" --shared --timeout 30
	[ "$(copies "$ANN")" = 1 ]
}
