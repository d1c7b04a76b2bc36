#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-adapter-imessage against the tests' BlueBubbles: ANN has a private chat, FAMILY is
# a group of her and Ben.
#
# Each test is a subshell of its own, and bats sets stderr:
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

bats_require_minimum_version 1.5.0
load common
load serving

ADAPTER=hermes-adapter-imessage
ANN='iMessage;-;+15550100'
FAMILY='iMessage;+;chat831'
CURSOR=

setup() {
	unset "${!IMESSAGE_@}"
	export IMESSAGE_PASSWORD='SECRET & pass/word?'
	start_platform bluebubbles --password "$IMESSAGE_PASSWORD"
	export IMESSAGE_SERVER_URL=http://127.0.0.1:$PORT
	room chat "{\"guid\":\"$ANN\"}"
	room chat "{\"guid\":\"$FAMILY\",\"name\":\"Family\",\"people\":[\"+15550100\",\"ben@example.org\"]}"
}

teardown() {
	stop_all
	run ! grep -rqE 'SECRET|pass%2Fword|wonder' "$SAID"
}

# place CHAT: as it is written down, without asking.
place() {
	jq -nc --arg chat "$1" '{platform: "imessage", account: "imessage", $chat,
		kind: (if $chat | contains(";+;") then "group" else "dm" end)}
		+ if $chat | contains(";-;") then {user: ($chat / ";" | .[2])} else {} end'
}

# say CHAT TEXT [MORE-JSON]: a human says it there.
say() {
	room say "$(jq -nc --arg chat "$1" --arg text "$2" --argjson more "${3:-{\}}" '{$chat, $text} + $more')"
}

# messages CHAT: all that were said there.
messages() {
	look "messages?chat=$(jq -rn --arg chat "$1" '$chat | @uri')"
}

# copies CHAT: how many messages of ours were delivered.
copies() {
	messages "$1" | jq '[.[] | select(.isFromMe and .error == 0)] | length'
}

# refusal STATUS WORDS: how BlueBubbles says no.
refusal() {
	jq -nc --argjson status "$1" --arg words "$2" \
		'{$status, message: "Error", error: {type: "Server Error", message: $words}}'
}

# in_hours N: a message's date, N hours from now.
in_hours() {
	echo $((($(date +%s) + $1 * 3600) * 1000))
}

just_now() {
	jq -nc '{again: {since: (now - 5)}}'
}

# --- every verb

@test "the server's address and password are needed, and named" {
	for name in IMESSAGE_SERVER_URL IMESSAGE_PASSWORD; do
		for verb in check resolve thread send poll; do
			run -78 --separate-stderr env -u $name hermes-adapter-imessage "$verb" <<<'{"place":{"chat":"x"}}'
			[[ $stderr == *"$name is not set"* ]]
		done
	done
}

# --- check

@test "check: all is well, by AppleScript and by the Private API" {
	IMESSAGE_HOME_CHANNEL=+15550100 ask check
	holds '.ok and .account == "imessage" and .name == "hermes@example.org" and (.facts | .token and (.private_api | not))'
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
	holds '.name == "iMessage"'
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
	[ "$(look requests | jq length)" = 0 ]
}

@test "resolve: a chat that is not there, or a name that two have, is said" {
	ask resolve '{"words":"iMessage;-;+15559999"}'
	holds '.error.class == "chat" and (.error.remedy | contains("write to them"))'
	ask resolve '{"words":"+15559999"}'
	holds '.error.class == "chat"'
	room chat '{"guid":"iMessage;+;chat832","name":"Family"}'
	ask resolve '{"words":"#Family"}'
	holds '.error.class == "request" and (.error.why | contains("several"))'
	fault chats gateway
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
	send "$(place "$ANN")" hello '{"delivery":"1"}'
	holds '.outcome == "sent" and (.ids | length) == 1 and .parts == 1 and (has("place") | not)'
	room switch '{"private_api":true}'
	send "$(place "$ANN")" 'hello 2' '{"delivery":"2"}'
	room switch '{"helper_connected":true}'
	send "$(place "$FAMILY")" hello '{"delivery":"3"}'
	output=$(look 'requests?name=text' | jq 'map(.body | fromjson)')
	holds 'map(.method) == ["apple-script", "apple-script", "private-api"]'
	holds 'all(.tempGuid | test("^hermes-[a-z2-7]{24}$")) and (map(.tempGuid) | unique | length) == 3'
	[ "$(copies "$ANN")$(copies "$FAMILY")" = 21 ]
}

@test "send: plain words, with links spelled out" {
	send "$(place "$ANN")" $'# Head\n**bold** [words](https://x.org) `code`'
	output=$(messages "$ANN")
	holds '.[0].text == "Head\nbold words (https://x.org) code"'
}

@test "send: what may be there is looked for: our words, delivered, since then" {
	send "$(place "$ANN")" "hello"
	first=$(jq -c .ids <<<"$output")
	send "$(place "$ANN")" "hello" "$(just_now)"
	holds ".outcome == \"sent\" and .ids == $first"
	[ "$(copies "$ANN")" = 1 ]
	say "$ANN" "said by her"
	send "$(place "$ANN")" "said by her" "$(just_now)"
	[ "$(copies "$ANN")" = 2 ]
	room say "{\"chat\":\"$ANN\",\"text\":\"old\",\"isFromMe\":true,\"at\":1700000000000}"
	send "$(place "$ANN")" "old" "$(just_now)"
	[ "$(copies "$ANN")" = 4 ]
	send "$(place "$FAMILY")" "hello" "$(just_now)"
	[ "$(copies "$FAMILY")" = 1 ]
}

@test "send: looks through many messages for it" {
	room say "{\"chat\":\"$ANN\",\"text\":\"noise\",\"times\":450}"
	send "$(place "$ANN")" found
	first=$(jq -c .ids <<<"$output")
	send "$(place "$ANN")" found "$(just_now)"
	holds ".ids == $first"
	[ "$(requests query)" = 3 ]
}

@test "send: finds it where the chat goes by another service now" {
	room chat '{"guid":"any;-;+15550100"}'
	room say '{"chat":"any;-;+15550100","text":"hello","isFromMe":true}'
	send "$(place "$ANN")" hello "$(just_now)"
	holds '.outcome == "sent" and .place.chat == "any;-;+15550100"'
	[ "$(requests text)" = 0 ]
}

@test "send: what lies behind more than is looked through stays unknown" {
	room say "{\"chat\":\"$FAMILY\",\"text\":\"noise\",\"times\":2000}"
	send "$(place "$ANN")" hello "$(just_now)"
	holds '.outcome == "unknown" and (.why | contains("too much")) and (has("retry_after") | not)'
	[ "$(requests text)" = 0 ]
}

@test "send: one that failed on the Mac is not taken for one that arrived" {
	room chat "{\"guid\":\"$ANN\",\"failing\":22}"
	refused "$(place "$ANN")" chat 'failed to send' 'cannot be reached by iMessage'
	room chat "{\"guid\":\"$ANN\",\"failing\":4}"
	refused "$(place "$ANN")" transient 'failed to send' 'Messages on the Mac'
	fault text answer '{"body":{"status":200,"message":"Message sent!","data":{"guid":"A","error":22}}}'
	refused "$(place "$ANN")" chat 'Message sent!' ''
	room chat "{\"guid\":\"$ANN\"}"
	send "$(place "$ANN")" hello "$(just_now)"
	holds '.outcome == "sent"'
	[ "$(copies "$ANN")" = 1 ]
}

@test "send: one that is still on its way stays unknown" {
	send "$(place "$ANN")" hello
	key=$(look 'requests?name=text' | jq -r '.[0].body | fromjson.tempGuid')
	room queued "{\"tempGuid\":\"$key\"}"
	send "$(place "$ANN")" hello
	holds '.outcome == "unknown" and (.why | contains("already queued"))'
	[ "$(copies "$ANN")" = 1 ]
}

@test "send: what cannot be looked for stays unknown" {
	for fault in gateway garbage answer; do
		fault query "$fault" "{\"status\":500,\"body\":$(refusal 500 'no reason')}"
		send "$(place "$ANN")" hello "$(just_now)"
		holds '.outcome == "unknown" and .why'
	done
	[ "$(requests text)" = 0 ]
}

@test "send: every refusal has its class, and what to do" {
	refused "$(place 'iMessage;-;+15559999')" chat "get chat id" 'write to them there once'
	room switch '{"private_api":true,"helper_connected":true}'
	refused "$(place 'iMessage;-;+15559999')" chat 'does not exist' 'write to them there once'
	IMESSAGE_PASSWORD=other refused "$(place "$ANN")" config Unauthorized IMESSAGE_PASSWORD
	while IFS='|' read -r status words class; do
		fault text answer "{\"status\":$status,\"body\":$(refusal "$status" "$words")}"
		send "$(place "$ANN")" hello
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

@test "send: a refusal that repeats what was asked does not give the password away" {
	local asked
	asked="/api/v1/message/text?password=$(jq -rn '$ENV.IMESSAGE_PASSWORD | @uri')"
	fault text answer "{\"status\":400,\"body\":$(refusal 400 "no good: $asked")}"
	send "$(place "$ANN")" hello
	holds '.class == "request" and (.why | startswith("no good: /api/v1/message/text?password=***"))'
}

@test "send: a place that is none, and a part that is none, are wrong requests" {
	ask send '{"text":"hello"}'
	holds '.outcome == "not_sent" and .class == "request"'
	ask send '{"place":{"chat":"+15550100"},"text":"hello"}'
	holds '.outcome == "not_sent" and .class == "request"'
	send "$(place "$ANN")" hello '{"part":2}'
	holds '.outcome == "not_sent" and .class == "request"'
	[ "$(look requests | jq length)" = 0 ]
}

@test "send: says where the chat is now" {
	fault text answer '{"body":{"status":200,"data":{"guid":"A","chats":[{"guid":"any;-;+15550100"}]}}}'
	send "$(place "$ANN")" hello
	holds '.outcome == "sent" and .place.chat == "any;-;+15550100" and .place.user == "+15550100"'
}

# --- what came of a send when the line broke

@test "send: what left and was not answered is unknown, and in the end there once" {
	local n=0 fault stored more
	while read -r fault stored more; do
		n=$((n + 1))
		fault text "$fault" "$more"
		before=$(copies "$ANN")
		send "$(place "$ANN")" "text $n"
		holds '.outcome == "unknown" and .why' || { echo "$fault"; return 1; }
		[ "$(copies "$ANN")" = $((before + stored)) ]
		send "$(place "$ANN")" "text $n" "$(just_now)"
		holds '.outcome == "sent"'
		[ "$(copies "$ANN")" = "$n" ] || { echo "$fault"; return 1; }
	done <<-END
		drop_before 0
		drop_after 1
		reset_after 1
		truncate_after 1
		gateway 0
		gateway_after 1
		answer_after 1 {"status":500,"body":$(refusal 500 'no reason')}
		garbage 0
		half_json 0
		huge 0 {"bytes":10485760}
		answer 0 {"body":{}}
		answer 0 {"body":{"status":200,"data":[[]]}}
		answer 0 {"body":{"status":200,"data":{"guid":7}}}
		answer 0 {"body":{"status":"200","data":null}}
		answer 0 {"body":7}
	END
}

@test "send: a server that hangs is unknown within the caller's limit" {
	fault text hang_after
	in_little_time send "$(place "$ANN")" hello
	holds '.outcome == "unknown" and (.why | contains("in time"))'
	[ "$(copies "$ANN")" = 1 ]
}

@test "send: what stands between and refuses, or nobody there, has not sent it" {
	local elsewhere="\"headers\":{\"Location\":\"$IMESSAGE_SERVER_URL/api/v1/ping\"}" fault more
	while read -r fault more; do
		fault text "$fault" "$more"
		send "$(place "$ANN")" hello
		holds '.outcome == "not_sent" and .class == "transient"'
	done <<-END
		answer {"status":302,$elsewhere}
		answer {"status":307,$elsewhere}
		gateway {"status":403}
		gateway {"status":429}
	END
	[ "$(look requests | jq 'length == 8 and all(.name != "ping")')" = true ]
	IMESSAGE_SERVER_URL=http://127.0.0.1:1 send "$(place "$ANN")" hello
	holds '.outcome == "not_sent" and .class == "transient"'
	fault info drop_before
	send "$(place "$ANN")" hello
	holds '.outcome == "not_sent" and .class == "transient"'
	[ "$(copies "$ANN")" = 0 ]
}

@test "send: a certificate that is not the server's sends nothing" {
	certificate own elsewhere
	start_canned '{}' own
	send "$(place "$ANN")" hello
	holds '.outcome == "not_sent" and .class == "config" and (.why | contains("certificate"))'
}

@test "send: through a SOCKS5 proxy" {
	start_proxy -u ada -P wonder
	IMESSAGE_PROXY=socks5://ada:wonder@127.0.0.1:$PROXY_PORT send "$(place "$ANN")" hello
	holds '.outcome == "sent"'
	grep -q 'connected to' "$BATS_TEST_TMPDIR/proxy.log"
	IMESSAGE_PROXY=socks5://127.0.0.1:1 send "$(place "$ANN")" hello
	holds '.outcome == "not_sent" and .class == "transient"'
}

# --- poll

@test "poll: hears all chats from where it was, and says who, when and where" {
	say "$ANN" before
	poll
	holds '.events == []'
	say "$ANN" one
	say "$FAMILY" two '{"from":"ben@example.org","threadOriginatorGuid":"X1"}'
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
	send "$(place "$ANN")" mine
	room say "{\"chat\":\"$ANN\",\"text\":\"mine, typed\",\"isFromMe\":true}"
	say "$ANN" 'Loved “mine”' '{"associatedMessageType":"love","associatedMessageGuid":"p:0/X"}'
	say "$ANN" 'Loved “mine”' '{"associatedMessageType":2000}'
	say "$FAMILY" 'named the conversation' '{"itemType":2}'
	say "$ANN" 'system' '{"isSystemMessage":true}'
	say "$ANN" $'\xef\xbf\xbc'
	room say "{\"chat\":\"$ANN\"}"
	say "$ANN" $'\xef\xbf\xbclook at this'
	poll
	holds '[.events[].text] == ["look at this"]'
	poll
	holds '.events == []'
}

@test "poll: an answer given before the first poll is heard" {
	say "$ANN" "long ago"
	send "$(place "$ANN")" "I am here"
	say "$ANN" "answer"
	say "$FAMILY" "elsewhere"
	poll "{\"places\":[$(place "$ANN")]}"
	holds '[.events[].text] == ["answer"]'
	poll "{\"places\":[$(place "$ANN")]}"
	holds '.events == []'
}

@test "poll: many at one instant, and more than a page, come once each" {
	poll
	room say "{\"chat\":\"$ANN\",\"text\":\"m\",\"times\":1300,\"at\":$(in_hours 0)}"
	heard=
	for _ in 1 2 3 4; do
		poll
		heard+=$(jq -r '.events[].message' <<<"$output")$'\n'
	done
	[ "$(grep -c . <<<"$heard")" = 1300 ]
	[ "$(grep . <<<"$heard" | sort -u | wc -l)" = 1300 ]
}

@test "poll: a row that appears after later ones is heard, and before them" {
	poll
	say "$ANN" one
	say "$ANN" two '{"_joined":false}'
	say "$ANN" three
	poll
	holds '[.events[].text] == ["one"]'
	poll
	holds '.events == []'
	room join '{}'
	poll
	holds '[.events[].text] == ["two", "three"]'
}

@test "poll: a row that does not appear in time holds nothing up" {
	poll
	say "$ANN" one
	room gap '{"rows":3}'
	say "$ANN" two
	poll
	holds '[.events[].text] == ["one"]'
	CURSOR=${CURSOR%:*}:$(in_hours -1)
	poll
	holds '[.events[].text] == ["two"]'
	CURSOR=${CURSOR%:*}
	say "$ANN" three
	poll
	holds '[.events[].text] == ["three"]'
}

@test "poll: rows that are missing stop nothing" {
	poll
	room gap '{"rows":5000}'
	room say "{\"chat\":\"$ANN\",\"text\":\"m\",\"times\":600}"
	say "$ANN" last
	poll
	poll
	holds '.events[-1].text == "last"'
}

@test "poll: goes on in a database that was put in place of the one it knew" {
	room say "{\"chat\":\"$ANN\",\"text\":\"m\",\"times\":20,\"at\":$(in_hours -1)}"
	say "$ANN" ancient '{"at":1700000000000}'
	say "$ANN" known
	poll
	say "$ANN" next
	room replace '{"kept":3}'
	poll
	holds '[.events[].text] == ["known", "next"]'
	poll
	holds '.events == []'
	room replace '{"kept":1}'
	poll
	holds '.events == []'
	say "$ANN" last
	poll
	holds '.events[-1].text == "last"'
}

@test "poll: a message that was long on its way is heard; what the cloud brings back is not" {
	say "$ANN" first
	poll
	say "$ANN" late "{\"at\":$(in_hours -1)}"
	say "$ANN" ancient '{"at":1700000000000}'
	poll
	holds '[.events[].text] == ["late"]'
	poll
	holds '.events == []'
}

@test "poll: what is to be sent later, or bears a wrong date, silences nobody" {
	say "$ANN" "long ago"
	send "$(place "$ANN")" "I am here"
	say "$ANN" answer
	say "$ANN" later "{\"isFromMe\":true,\"at\":$(in_hours 240)}"
	poll "{\"places\":[$(place "$ANN")]}"
	holds '[.events[].text] == ["answer"]'
	say "$ANN" "of tomorrow" "{\"at\":$(in_hours 12)}"
	poll
	holds '[.events[].text] == ["of tomorrow"]'
	say "$ANN" late "{\"at\":$(in_hours -20)}"
	poll
	holds '[.events[].text] == ["late"]'
}

@test "poll: an answer that is lost, late or none is an error, and nothing is passed" {
	poll
	kept=$CURSOR
	say "$ANN" kept
	local fault more
	while read -r fault more; do
		fault query "$fault" "$more"
		CURSOR=$kept
		poll
		holds '.error.class == "transient" and .error.why' || { echo "$fault"; return 1; }
	done <<-END
		truncate_after
		gateway
		garbage
		half_json
		redirect
		answer {"status":500,"body":$(refusal 500 'no reason')}
		huge {"bytes":10485760}
		answer {"body":{}}
		answer {"body":7}
	END
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
	fault query answer "$(jq -nc '{body: {status: 200, data: [7, null, "x", [], {}, {guid: 7},
		{guid: "A", text: [], chats: 7}, {guid: "B", text: "x", chats: [{guid: "nonsense"}]},
		{guid: "C", text: "x", dateCreated: "now", chats: [{guid: "iMessage;+;c"}], handle: []},
		{guid: "D", text: "fine", handle: {address: "+15550100"}, originalROWID: 1, dateCreated: 1e300, chats: [{guid: "iMessage;-;+15550100"}]}]}}')"
	poll
	holds '[.events[].text] == ["fine"]'
	CURSOR=0:${CURSOR#*:}
	say "$ANN" next
	poll
	holds '[.events[].text] == ["next"]'
}

@test "poll: waits for a first message, and brings it soon" {
	poll
	hermes-adapter-imessage poll <<<"{\"wait\":40,\"cursor\":\"$CURSOR\"}" >"$SAID/waited" 3>&- &
	run -0 look 'wait?name=query&count=2'
	say "$ANN" "at last"
	SECONDS=0
	wait $!
	((SECONDS < 30))
	output=$(cat "$SAID/waited")
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
	hermes handoff imessage --session "$(new_session)" --shared --timeout 120
	[ "$(copies "$ANN")" = 1 ]
}

@test "who the home names by number is let in" {
	export IMESSAGE_HOME_CHANNEL=+15550100
	hermes handoff imessage --session "$(new_session)" --shared --timeout 120
	say "$ANN" "go on"
	hermes-watch --once
	run -0 hermes-inbox list --jq 'select(.user == "+15550100") | .text + " " + .state'
	[ "$output" = "go on done" ]
}
