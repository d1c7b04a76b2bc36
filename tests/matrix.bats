#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-adapter-matrix against the tests' homeserver: DM is a room of Ada and the bot, TEAM
# has a name and Ben in it, too. Whatever the adapter says in any test is searched for its
# secrets afterwards.
#
# Each test is a subshell of its own, and bats sets stderr:
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

bats_require_minimum_version 1.5.0
load common
load serving

ADAPTER=hermes-adapter-matrix
SECRET=syt_SECRETsecret
DM='!dm/+:localhost'
TEAM='!team:localhost'
CURSOR=

setup() {
	start_platform matrix --token "$SECRET"
	export MATRIX_HOMESERVER=http://127.0.0.1:$PORT MATRIX_ACCESS_TOKEN=$SECRET
	unset "${!MATRIX_HOME@}" MATRIX_USER_ID MATRIX_PASSWORD MATRIX_DEVICE_ID MATRIX_BASE_URL \
		MATRIX_PROXY MATRIX_CA_FILE
	export MATRIX_HOMESERVER=http://127.0.0.1:$PORT
	room user '{"id":"@ada:localhost","name":"Ada","password":"wonder"}'
	room user '{"id":"@ben:localhost","name":"Ben Li"}'
	room room "{\"id\":\"$DM\",\"members\":[\"@ada:localhost\",\"@bot:localhost\"]}"
	room room "{\"id\":\"$TEAM\",\"name\":\"Team\",\"alias\":\"#team:localhost\",
		\"members\":[\"@ada:localhost\",\"@ben:localhost\",\"@bot:localhost\"]}"
}

teardown() {
	stop_all
	run ! grep -rE "$SECRET|opensesame" "$SAID"
}

# place ROOM [THREAD]: as it is written down, without asking.
place() {
	jq -nc --arg chat "$1" --arg thread "${2:-}" --arg dm "$DM" '
		{platform: "matrix", account: "@bot:localhost", $chat, kind: "group"}
		+ if $chat == $dm then {kind: "dm", user: "@ada:localhost"} else {} end
		+ if $thread == "" then {} else {$thread} end'
}

# open_thread ROOM [DELIVERY]: sets PLACE and THREAD to what came.
open_thread() {
	ask thread "$(jq -nc --argjson place "$(place "$1")" --arg delivery "${2:-h1}" \
		'{$place, title: "Hermes — Fix the parser", $delivery}')"
	PLACE=$(jq -c .place <<<"$output")
	THREAD=$(jq -r .place.thread <<<"$output")
}

# say ROOM TEXT [MORE-JSON]: as Ada. Prints the event's id.
say() {
	room_says say "$(jq -nc --arg room "$1" --arg text "$2" --argjson more "${3:-{\}}" \
		'{$room, $text, from: "@ada:localhost"} + $more')" | jq -r .
}

# messages ROOM [THREAD]: what stands there.
messages() {
	look "messages?room=$(jq -rn --arg id "$1" '$id | @uri')${2+&thread=$(jq -rn --arg id "$2" '$id | @uri')}"
}

copies() {
	messages "$@" | jq '[.[] | select(.sender == "@bot:localhost")] | length'
}

# --- the server

@test "somebody else's client finds the tests' homeserver believable" {
	run -0 "$BATS_TEST_DIRNAME/clients/matrix-nio.py" "$MATRIX_HOMESERVER"
	[ "$output" = ok ]
}

@test "somebody else's client reads what the adapter sends, and its threads" {
	open_thread "$TEAM"
	send "$PLACE" '**hello** there'
	run -0 "$PYTHON" - "$MATRIX_HOMESERVER" "$TEAM" "$THREAD" <<-'END'
		import asyncio, sys
		from nio import AsyncClient, RoomMessageText
		async def main(url, room, thread):
		    client = AsyncClient(url, "@ada:localhost")
		    await client.login("wonder")
		    events = (await client.sync()).rooms.join[room].timeline.events
		    said = [e for e in events if isinstance(e, RoomMessageText)]
		    assert [e.body for e in said] == ["Hermes — Fix the parser", "hello there"], said
		    assert said[0].event_id == thread
		    assert said[1].formatted_body == "<strong>hello</strong> there"
		    assert said[1].source["content"]["m.relates_to"]["event_id"] == thread
		    await client.close()
		asyncio.run(main(*sys.argv[1:]))
	END
}

# --- configuration

@test "about needs neither configuration nor network" {
	unset MATRIX_ACCESS_TOKEN MATRIX_HOMESERVER
	ask about
	holds '.protocol == 1 and .platform == "matrix" and .limit == 15000 and .unit == "bytes"'
	holds '.threads and .polling and .gateway and .idempotency and (.readback | not)'
	holds '[.config[] | select(.required).name] == ["MATRIX_HOMESERVER", "MATRIX_ACCESS_TOKEN"]'
	holds '[.config[] | select(.secret).name] == ["MATRIX_ACCESS_TOKEN", "MATRIX_PASSWORD", "MATRIX_PROXY"]'
	[ "$(look requests | jq length)" = 0 ]
}

@test "a token that could not stand in a header is exit 78, and is not repeated" {
	for MATRIX_ACCESS_TOKEN in "$SECRET x" $'a\r\nX: y' "ü$SECRET"; do
		run -78 --separate-stderr hermes-adapter-matrix check
		[[ $stderr == *MATRIX_ACCESS_TOKEN* && $stderr != *"$SECRET"* ]]
	done
}

@test "login: a password becomes a token of one device, never on a terminal" {
	export MATRIX_USER_ID=@bot:localhost MATRIX_PASSWORD=opensesame
	unset MATRIX_ACCESS_TOKEN
	one=$(hermes-adapter-matrix login)
	two=$(hermes-adapter-matrix login)
	[ "$one" != "$two" ]
	run -0 look tokens
	holds ".[\"$two\"] == [\"@bot:localhost\", \"HERMES\"] and (has(\"$one\") | not)"
	MATRIX_ACCESS_TOKEN=$two ask check
	holds '.account == "@bot:localhost" and .facts.device == "HERMES"'
	run -64 script -qec 'hermes-adapter-matrix login' /dev/null
	[[ $output == *secret* ]]
	MATRIX_PASSWORD=wrong run -1 --separate-stderr hermes-adapter-matrix login
	[[ $stderr == *"Invalid username or password"* && -z $output ]]
	unset MATRIX_PASSWORD
	run -78 --separate-stderr hermes-adapter-matrix login
	[[ $stderr == *MATRIX_PASSWORD* ]]
	run -64 hermes-adapter-matrix dance
}

# --- check

@test "check: all is well" {
	MATRIX_HOME_CHANNEL=$TEAM ask check
	holds '.ok and .account == "@bot:localhost" and .problems == [] and .facts.token'
	holds '.facts.home == {name: "Team", kind: "group", reachable: true, threads: true, readable: true}'
	MATRIX_HOME_ROOM=$DM ask check
	holds '.ok and .facts.home.kind == "dm" and .facts.home.name == "Ada"'
	ask check
	holds '.ok and (.facts | has("home") | not)'
}

@test "check: each thing that is missing has its remedy" {
	MATRIX_HOME_CHANNEL=nowhere ask check
	problem 'not a room' '!id:server'
	MATRIX_HOME_CHANNEL='!nowhere:localhost' ask check
	problem 'not in room' invite
	room room '{"id":"!new:localhost","members":["@ada:localhost"],"invited":["@bot:localhost"]}'
	MATRIX_HOME_CHANNEL='!new:localhost' ask check
	problem 'invited to its home' 'hermes ask matrix join'
	holds '.facts.home.reachable == false'
	room state "{\"room\":\"$TEAM\",\"type\":\"m.room.power_levels\",\"by\":\"@ada:localhost\",
		\"content\":{\"events_default\":50,\"users\":{\"@ada:localhost\":100}}}"
	MATRIX_HOME_CHANNEL=$TEAM ask check
	problem 'may not speak' 'power level'
	room state "{\"room\":\"$TEAM\",\"type\":\"m.room.power_levels\",\"by\":\"@ada:localhost\",
		\"content\":{\"events_default\":50,\"users\":{\"@bot:localhost\":50}}}"
	MATRIX_HOME_CHANNEL=$TEAM ask check
	holds .ok
	room state "{\"room\":\"$DM\",\"type\":\"m.room.encryption\",\"by\":\"@ada:localhost\",
		\"content\":{\"algorithm\":\"m.megolm.v1.aes-sha2\"}}"
	MATRIX_HOME_CHANNEL=$DM ask check
	problem encrypted 'without encryption'
	MATRIX_DEVICE_ID=OTHER ask check
	problem 'another device' login
}

@test "check: a stale token, and a homeserver that is down or none, are problems and no exits" {
	MATRIX_ACCESS_TOKEN=syt_stale ask check
	problem 'Invalid access token' login
	holds '.facts.token == false'
	MATRIX_HOMESERVER=http://127.0.0.1:1 ask check
	problem 'no connection to 127.0.0.1' later
	MATRIX_HOMESERVER=$ROOM ask check
	holds '.ok | not'
}

# --- resolve

@test "resolve: a room of two without a name is a private chat, anything else a group" {
	ask resolve "{\"words\":\"$DM\"}"
	holds '.place == {platform: "matrix", account: "@bot:localhost", chat: "!dm/+:localhost", kind: "dm",
		user: "@ada:localhost", link: "https://matrix.to/#/%21dm%2F%2B%3Alocalhost?via=localhost"}'
	holds '.audience == {size: 1, names: ["Ada"], known: true}'
	ask resolve '{"words":"#team:localhost"}'
	holds '.place.kind == "group" and .place.chat == "!team:localhost" and (.place | has("user") | not)'
	holds '.audience == {size: 2, names: ["Ada", "Ben Li"], known: true}'
	room room '{"id":"!named:localhost","name":"Two","members":["@ada:localhost","@bot:localhost"]}'
	ask resolve '{"words":"!named:localhost"}'
	holds '.place.kind == "group"'
}

@test "resolve: what a room is does not change when somebody comes or goes" {
	ask resolve "{\"words\":\"$DM\"}"
	ask resolve "{\"words\":\"$TEAM\"}"
	room member "{\"room\":\"$DM\",\"user\":\"@ben:localhost\",\"membership\":\"join\"}"
	room member "{\"room\":\"$TEAM\",\"user\":\"@ben:localhost\",\"membership\":\"leave\"}"
	room state "{\"room\":\"$TEAM\",\"type\":\"m.room.name\",\"by\":\"@ada:localhost\",\"content\":{}}"
	ask resolve "{\"words\":\"$DM\"}"
	holds '.place.kind == "dm" and .place.user == "@ada:localhost" and .audience.size == 2'
	ask resolve "{\"words\":\"$TEAM\"}"
	holds '.place.kind == "group" and .audience.size == 1'
	poll
	say "$DM" one
	say "$DM" two '{"from":"@ben:localhost"}'
	poll
	holds '[.events[] | [.place.kind, .place.user, .user.name]]
		== [["dm", "@ada:localhost", "Ada"], ["group", "@ben:localhost", "Ben Li"]]'
}

@test "who joins a private home does not speak in its human's session" {
	configure "agent: {use: recap}
platforms: {matrix: {enabled: true, allowed_users: ['@ada:localhost'], home_channel: {chat_id: '$DM'}}}"
	hermes-listen matrix --wait 0
	say "$DM" "my secret"
	hermes-listen matrix --wait 0
	hermes-answer
	room member "{\"room\":\"$DM\",\"user\":\"@ben:localhost\",\"membership\":\"join\"}"
	say "$DM" "what did Ada say?" '{"from":"@ben:localhost"}'
	say "$DM" "and me?"
	hermes-listen matrix --wait 0
	run ! hermes-answer
	hermes-answer
	run -0 hermes-inbox list --jq '"\(.user) \(.state) \(.key)"'
	[ "$output" = "@ada:localhost done agent:main:matrix:dm:!dm/+%3Alocalhost
@ben:localhost denied agent:main:matrix:group:!dm/+%3Alocalhost:@ben%3Alocalhost
@ada:localhost done agent:main:matrix:dm:!dm/+%3Alocalhost" ]
}

@test "resolve: what clients noted as a direct chat is one" {
	room data "{\"user\":\"@bot:localhost\",\"type\":\"m.direct\",
		\"content\":{\"@ben:localhost\":[\"$TEAM\"]}}"
	ask resolve "{\"words\":\"$TEAM\"}"
	holds '.place.kind == "dm" and .place.user == "@ben:localhost"'
}

@test "resolve: a human is the private chat that is there already" {
	ask resolve '{"words":"@ada:localhost"}'
	holds ".place.chat == \"$DM\""
	ask resolve '{"words":"@ben:localhost"}'
	holds '.error.class == "chat" and (.error.remedy | contains("join"))'
}

@test "resolve: a room that its human has left is no private chat, and no place at all" {
	ask resolve '{"words":"@ada:localhost"}'
	room member "{\"room\":\"$DM\",\"user\":\"@ada:localhost\",\"membership\":\"leave\"}"
	ask resolve '{"words":"@ada:localhost"}'
	holds '.error.class == "chat" and (.error.why | contains("no direct chat"))'
	MATRIX_HOME_CHANNEL=$DM ask resolve '{"words":""}'
	holds '.error.class == "chat" and (.error.why | contains("nobody but the bot")) and .error.remedy'
	MATRIX_HOME_CHANNEL=$DM ask check
	problem 'nobody but the bot' invite
	room room '{"id":"!again:localhost","members":["@ada:localhost","@bot:localhost"]}'
	ask resolve '{"words":"@ada:localhost"}'
	holds '.place.chat == "!again:localhost" and .audience.names == ["Ada"]'
}

@test "resolve: a thread behind the room, in words, literally, or in a link" {
	open_thread "$TEAM"
	answer=$(say "$TEAM" "an answer" "{\"thread\":\"$THREAD\"}")
	link=$(jq -r .link <<<"$PLACE")
	for question in "{\"words\":\"$TEAM/$THREAD\"}" "{\"words\":\"$TEAM:$THREAD\"}" \
		"{\"words\":\"#team:localhost/$THREAD\"}" "{\"chat\":\"$TEAM\",\"thread\":\"$THREAD\"}" \
		"{\"words\":\"$link\"}" "{\"words\":\"https://matrix.to/#/$TEAM/$answer\"}"; do
		ask resolve "$question"
		holds ".place.chat == \"$TEAM\" and .place.thread == \"$THREAD\""
	done
	ask resolve "{\"chat\":\"$TEAM\",\"thread\":\"\$nowhere\"}"
	holds '.error.class == "thread"'
	ask resolve "{\"chat\":\"$TEAM\",\"thread\":\"42\"}"
	holds '.error.class == "request"'
}

@test "resolve: no words mean the home; words that are no room are refused without asking" {
	ask resolve '{"words":""}'
	holds '.error.class == "config" and (.error.remedy | contains("MATRIX_HOME_ROOM"))'
	MATRIX_HOME_ROOM=$TEAM ask resolve '{"words":""}'
	holds ".place.chat == \"$TEAM\""
	before=$(look requests | jq length)
	for words in team '!' '#team' '@ada' '! x' '$x' '%41'; do
		ask resolve "$(jq -nc --arg words "$words" '{$words}')"
		holds '.error.class == "request"'
	done
	[ "$(look requests | jq length)" = "$before" ]
	ask resolve '{"words":"#nowhere:localhost"}'
	holds '.error.class == "chat" and (.error.why | contains("not found"))'
}

@test "join: accepts an invitation, and nothing else does" {
	room room '{"id":"!new:localhost","members":["@ada:localhost"],"invited":["@bot:localhost"]}'
	poll
	ask resolve '{"words":"!new:localhost"}'
	holds '.error.class == "chat" and (.error.remedy | contains("hermes ask matrix join"))'
	MATRIX_HOME_CHANNEL='!new:localhost' ask join '{}'
	holds '.place.chat == "!new:localhost" and .place.kind == "dm"'
	ask join '{"words":"!nowhere:localhost"}'
	holds '.error.class == "chat"'
	ask join '{}'
	holds '.error.class == "request" and (.error.remedy | contains("MATRIX_HOME_ROOM"))'
}

@test "encrypted rooms are refused in words" {
	room state "{\"room\":\"$DM\",\"type\":\"m.room.encryption\",\"by\":\"@ada:localhost\",
		\"content\":{\"algorithm\":\"m.megolm.v1.aes-sha2\"}}"
	ask resolve "{\"words\":\"$DM\"}"
	holds '.error.class == "chat" and (.error.why | contains("encrypted")) and .error.remedy'
	open_thread "$DM"
	holds '.outcome == "not_opened" and .class == "chat" and (.why | contains("encrypted"))'
	refused "$(place "$DM")" chat encrypted 'without encryption'
	[ "$(copies "$DM")" = 0 ]
	poll
	say "$DM" x '{"type":"m.room.encrypted"}'
	poll
	holds '.events == []'
	grep -q '1 encrypted messages cannot be read' "$SAID/stderr"
}

# --- thread

@test "thread: is a message with the title, in a room of either kind" {
	for room in "$DM" "$TEAM"; do
		open_thread "$room"
		holds '.outcome == "opened" and .audience.known and (.place.link | contains("matrix.to"))'
		run -0 messages "$room"
		holds ".[0] | .event_id == \"$THREAD\" and .content.body == \"Hermes — Fix the parser\""
	done
}

@test "thread: a title becomes one line, and is never empty" {
	long=$(printf 'ü%.0s' {1..400})
	for title in ' two\nlines\u0007 ' ' ' "$long"; do
		ask thread "{\"place\":$(place "$DM"),\"title\":\"$title\",\"delivery\":\"h$((++n))\"}"
		holds '.outcome == "opened"'
	done
	run -0 messages "$DM"
	holds '[.[].content.body] | .[0] == "two lines" and .[1] == "Hermes" and (.[2] | length) <= 250'
}

@test "thread: the same handoff opens it once, whatever happened; another one another" {
	fault send drop_after '{"times":2}'
	open_thread "$TEAM"
	holds '.outcome == "unknown"'
	ask thread "$(jq -nc --argjson place "$(place "$TEAM")" \
		'{$place, title: "Hermes — Fix the parser", delivery: "h1", again: {since: 1}}')"
	holds '.outcome == "opened"'
	one=$(jq -r .place.thread <<<"$output")
	[ "$(copies "$TEAM")" = 1 ]
	open_thread "$TEAM" h2
	[ "$THREAD" != "$one" ]
}

@test "thread: opened stays opened when nothing more can be asked" {
	fault joined_members gateway
	open_thread "$TEAM"
	holds '.outcome == "opened" and .place.thread and .audience.known == false'
}

@test "thread: a room that is closed to us, a stale token and a limit are told apart" {
	open_thread '!nowhere:localhost'
	holds '.outcome == "not_opened" and .class == "chat"'
	room rate '{"rate":0}'
	open_thread "$TEAM"
	holds '.outcome == "not_opened" and .class == "transient" and .retry_after == 4.2'
	MATRIX_ACCESS_TOKEN=syt_stale open_thread "$TEAM"
	holds '.outcome == "not_opened" and .class == "config"'
}

# --- send

@test "send: words and HTML, and nobody is called" {
	send "$(place "$DM")" $'**a** & *b* ~~c~~ `<d>` [e](https://x.org/?a=1&b="2")\nf\n\n> q\n\n```sh\nif x & y\n```'
	holds '.outcome == "sent" and (.ids | length) == 1 and .parts == 1'
	run -0 messages "$DM"
	holds '.[0].content | .msgtype == "m.text" and .["m.mentions"] == {}
		and .format == "org.matrix.custom.html" and (has("m.relates_to") | not)'
	holds '.[0].content.formatted_body | contains("<strong>a</strong> &amp; <em>b</em> <del>c</del> <code>&lt;d&gt;</code>")'
	holds '.[0].content.formatted_body | contains("<blockquote>q</blockquote>")
		and contains("<pre><code class=\"language-sh\">if x &amp; y") and (contains("\"2\"") | not)'
	holds '.[0].content.body | contains("a & b c <d> e") and contains("if x & y")'
}

@test "send: plain words say where a link leads, and HTML keeps the levels of a list" {
	send "$(place "$DM")" $'[a](https://x.org/?b&c) https://d\n- e\n  - *f*\n    - `g  h`'
	run -0 messages "$DM"
	holds '.[0].content.body == "a (https://x.org/?b&c) https://d\n• e\n  • f\n    • g  h"'
	holds '.[0].content.formatted_body == "<a href=\"https://x.org/?b&amp;c\">a</a> <a href=\"https://d\">https://d</a>"
		+ "<br>• e<br>\u00a0 • <em>f</em><br>\u00a0\u00a0\u00a0 • <code>g  h</code>"'
}

@test "send: words without styles are no HTML" {
	send "$(place "$DM")" 'a <b> & "c"'
	send "$(place "$DM")" '**no** markdown' '{"format":"plain","delivery":"6"}'
	run -0 messages "$DM"
	holds '[.[].content | [.body, .format]] == [["a <b> & \"c\"", null], ["**no** markdown", null]]'
}

@test "send: in a thread it relates to the thread" {
	open_thread "$TEAM"
	send "$PLACE" hello
	run -0 messages "$TEAM" "$THREAD"
	holds ".[0].content[\"m.relates_to\"] == {rel_type: \"m.thread\", event_id: \"$THREAD\",
		is_falling_back: true, \"m.in_reply_to\": {event_id: \"$THREAD\"}}"
	send "$(place "$TEAM" "\$nowhere")" hello
	holds '.outcome == "not_sent" and .class == "thread"'
}

@test "send: one copy, whatever happens, and whoever else shares the bot" {
	for fault in drop_after reset_after truncate_after gateway_after; do
		fault send "$fault" '{"times":9}'
		send "$(place "$DM")" "$fault"
		holds '.outcome == "unknown"'
		calm
		send "$(place "$DM")" "$fault" '{"again":{"since":1}}'
		holds '.outcome == "sent"'
	done
	run -0 messages "$DM"
	holds '[.[].content.body] == ["drop_after", "reset_after", "truncate_after", "gateway_after"]'
	send "$(place "$DM")" "another store's fifth delivery"
	[ "$(copies "$DM")" = 5 ]
}

@test "send: a text that cannot be there is not called sent" {
	fault send drop_before '{"times":9}'
	send "$(place "$DM")" hello
	holds '.outcome == "unknown"'
	calm
	for fault in garbage half_json; do
		fault send "$fault"
		send "$(place "$DM")" hello
		holds '.outcome == "unknown"'
	done
	fault send gateway
	send "$(place "$DM")" hello
	holds '.outcome == "unknown"'
	fault send redirect
	send "$(place "$DM")" hello
	holds '.outcome == "not_sent" and .class == "transient"'
	fault get_state gateway
	send "$(place "$DM")" hello
	holds '.outcome == "not_sent" and .class == "transient"'
	fault send hang
	HERMES_ADAPTER_LIMIT=5 send "$(place "$DM")" hello
	holds '.outcome == "unknown" and (.why | contains("in time"))'
	fault send huge '{"bytes":67108864}'
	send "$(place "$DM")" hello
	holds '.outcome == "unknown" and (.why | contains("more than can be right"))'
	MATRIX_HOMESERVER=http://127.0.0.1:1 send "$(place "$DM")" hello
	holds '.outcome == "not_sent" and .class == "transient"'
	[ "$(copies "$DM")" = 0 ]
}

@test "send: every refusal has its class, and a remedy where there is one" {
	while IFS='|' read -r status code class remedy words; do
		fault send answer "{\"status\":$status,\"body\":{\"errcode\":\"$code\",\"error\":\"$words\"}}"
		send "$(place "$DM")" hello
		holds ".outcome == \"not_sent\" and .class == \"$class\" and ((.remedy // \"\") | contains(\"$remedy\"))" ||
			{ echo "$words"; return 1; }
	done <<-'END'
		401|M_UNKNOWN_TOKEN|config|login|Invalid access token passed.
		401|M_MISSING_TOKEN|config|TOKEN|Missing access token
		403|M_USER_DEACTIVATED|config|account|This account has been deactivated
		403|M_CONSENT_NOT_GIVEN|config|terms|You must consent
		403|M_FORBIDDEN|chat|invite|User @bot:localhost not in room !x:localhost
		403|M_FORBIDDEN|config|power level|You don't have permission to post that to the room.
		403|M_FORBIDDEN|chat|place in the room|something new
		403|M_UNKNOWN|chat|homeserver|This room has been blocked on this server
		404|M_UNRECOGNIZED|config|MATRIX_HOMESERVER|Unrecognized request
		400|M_UNKNOWN|thread||Can't send relation to unknown event
		400|M_UNKNOWN|thread|first message|Cannot start threads from an event with a relation
		400|M_BAD_JSON|request||Bad JSON
		413|M_TOO_LARGE|request||event too large
		429|M_LIMIT_EXCEEDED|transient||Too Many Requests
		400|M_RESOURCE_LIMIT_EXCEEDED|transient|homeserver|Monthly limit
	END
	fault send answer '{"status":500,"body":{"errcode":"M_UNKNOWN","error":"Internal server error"}}'
	send "$(place "$DM")" hello
	holds '.outcome == "unknown"'
	room rate '{"rate":0}'
	send "$(place "$DM")" hello
	holds '.class == "transient" and .retry_after == 4.2'
}

@test "send: the longest parts of the worst words still fit into an event" {
	for piece in '"<&' $'\\' 'ü' $'\n' '👋'; do
		jq -nc --argjson place "$(place "$DM")" --arg piece "$piece" \
			'{$place, text: ("x" + ($piece * 20000) + "x"), format: "plain", delivery: "9", part: 1}' \
			>"$BATS_TEST_TMPDIR/long"
		output=$(hermes-adapter-matrix send <"$BATS_TEST_TMPDIR/long")
		holds '.outcome == "sent"'
	done
	jq -nc --argjson place "$(place "$DM")" \
		'{$place, text: ("**\"\\** " * 20000), delivery: "9", part: 1}' >"$BATS_TEST_TMPDIR/long"
	output=$(hermes-adapter-matrix send <"$BATS_TEST_TMPDIR/long")
	holds '.outcome == "sent"'
}

@test "send: goes on at the second part after a crash, and a text of 10 MiB is cut" {
	jq -nc --argjson place "$(place "$DM")" \
		'{$place, text: ("word " * 2097152), format: "plain", delivery: "9", part: 2}' >"$BATS_TEST_TMPDIR/long"
	output=$(hermes-adapter-matrix send <"$BATS_TEST_TMPDIR/long")
	holds '.outcome == "sent" and .parts > 600'
	[ "$(copies "$DM")" = 1 ]
}

# --- poll

# poll_all: until no room is behind. Each poll brings something; $output has all of it.
poll_all() {
	local polls=$SAID/polls.$RANDOM
	for ((POLLS = 1; POLLS < 100; POLLS++)); do
		poll
		holds '.events | length > 0'
		printf '%s\n' "$output" >>"$polls"
		[[ $CURSOR == '{'* ]] || break
	done
	output=$(jq -s '{events: map(.events[])}' "$polls")
}

@test "poll: what is said comes once, with who, when and where" {
	poll
	holds '.events == [] and (.cursor | length > 0)'
	id=$(say "$TEAM" 'hello ✓' '{"from":"@ben:localhost"}')
	poll
	holds ".events == [{message: \"$id\", text: \"hello ✓\", at: .events[0].at,
		user: {id: \"@ben:localhost\", name: \"Ben Li\"}, place: (.events[0].place)}]"
	holds ".events[0].place == {platform: \"matrix\", account: \"@bot:localhost\", chat: \"$TEAM\",
		kind: \"group\", user: \"@ben:localhost\"} and (now - .events[0].at | fabs) < 60"
	poll
	holds '.events == []'
}

@test "poll: a token may be read again, and confirms nothing" {
	poll
	before=$CURSOR
	say "$DM" one
	poll
	CURSOR=$before poll
	holds '[.events[].text] == ["one"]'
}

@test "poll: what began before the first poll comes, as far as it answers us" {
	open_thread "$TEAM"
	say "$TEAM" "old talk"
	say "$TEAM" "in the thread" "{\"thread\":\"$THREAD\"}"
	say "$DM" "long ago"
	send "$(place "$DM")" "a question"
	say "$DM" "an answer"
	poll "{\"places\":[$PLACE, $(place "$DM"), {\"chat\":\"!nowhere:localhost\"}]}"
	holds "[.events[].text] == [\"in the thread\", \"an answer\"] and .events[0].place.thread == \"$THREAD\""
	poll
	holds '.events == []'
}

@test "poll: a gap is filled, in order, without loss, and without what was heard before" {
	say "$DM" "before"
	poll
	say "$DM" m '{"times":700}'
	say "$TEAM" one
	say "$DM" last
	poll_all
	holds '[.events[] | select(.place.kind == "dm").text] | length == 701 and .[0] == "m" and .[700] == "last"'
	holds '([.events[].message] | unique | length) == 702'
	holds '[.events[] | select(.place.kind == "dm").message | ltrimstr("$e") | rtrimstr("/+-_x") | tonumber] | . == sort'
}

@test "poll: what is said in a room that is behind waits its turn, other rooms are heard at once" {
	poll
	say "$DM" m '{"times":900}'
	poll
	holds '.events | length == 500'
	say "$TEAM" now
	say "$DM" m
	say "$DM" last
	before=$(requests sync)
	poll '{"wait":20}'
	holds '[.events[].text] | length == 403 and .[0] == "now" and .[402] == "last"'
	holds '.cursor | startswith("s")'
	output=$(look 'requests?name=sync')
	holds ".[$before].query.timeout == \"0\""
}

@test "poll: rooms that are behind take turns" {
	room room '{"id":"!loud:localhost","name":"L","members":["@ada:localhost","@bot:localhost"]}'
	poll
	say '!loud:localhost' m '{"times":900}'
	say "$DM" one '{"times":20}'
	say "$TEAM" two '{"times":20}'
	poll
	holds '[.events[].text] | contains(["m", "one", "two"]) and length < 600'
}

@test "poll: a room that cannot be read does not make those behind it unheard" {
	room room '{"id":"!loud:localhost","name":"L","members":["@ada:localhost","@bot:localhost"]}'
	poll
	say '!loud:localhost' one '{"times":20}'
	say "$DM" two '{"times":20}'
	fault messages gateway
	poll
	holds '.error.class == "transient"'
	holds '.cursor | fromjson.behind | map(.room) == ["!loud:localhost", "!dm/+:localhost"]'
	fault messages gateway '{"skip":1,"times":9}'
	poll
	holds '[.events[].text] | length == 20 and all(. == "one")'
	calm
	poll
	holds '[.events[].text] | length == 20 and all(. == "two")'
}

@test "poll: who is in a room is asked once, though the answer names nobody" {
	poll
	say "$TEAM" one
	say "$TEAM" two
	before=$(requests joined_members)
	fault joined_members answer '{"body":{},"times":9}'
	poll
	holds '[.events[].text] == ["one", "two"]'
	[ "$(requests joined_members)" = $((before + 1)) ]
}

@test "poll: a gap that cannot be read is an error, and nothing is passed" {
	poll
	say "$DM" m '{"times":60}'
	fault messages gateway
	poll
	holds '.error.class == "transient"'
	fault messages answer '{"status":400,"body":{"errcode":"M_INVALID_PARAM","error":"Invalid from parameter"}}'
	poll
	holds '.error.class == "request" and (.error.why | contains("from parameter"))'
	fault joined_members gateway
	poll
	holds '.error.class == "transient"'
	poll
	holds '.events | length == 60'
}

@test "poll: what was read before the trouble is heard, and the next poll goes on from there" {
	poll
	say "$DM" m '{"times":320}'
	fault messages gateway '{"skip":1}'
	poll
	holds '.events | length == 100'
	fault messages hang '{"skip":1}'
	HERMES_ADAPTER_LIMIT=5 poll
	holds '.events | length == 100'
	poll
	holds '.events | length == 120'
	poll
	holds '.events == []'
}

@test "poll: the longest messages, of many rooms and of one, are not too much" {
	poll
	long=$(printf 'x%.0s' {1..60000})
	for i in {1..15}; do
		room room "{\"id\":\"!r$i:localhost\",\"name\":\"R\",\"members\":[\"@ada:localhost\",\"@bot:localhost\"]}"
		say "!r$i:localhost" "$long" '{"times":10}'
	done
	say "$DM" "$long" '{"times":150}'
	poll_all
	holds '.events | length == 300'
}

@test "poll: a new name of the bot's is no joining" {
	poll
	say "$DM" one
	room user '{"id":"@bot:localhost","name":"Courier"}'
	room member "{\"room\":\"$DM\",\"user\":\"@bot:localhost\",\"membership\":\"join\"}"
	say "$DM" two
	poll
	holds '[.events[].text] == ["one", "two"]'
	say "$DM" three '{"times":150}'
	room user '{"id":"@bot:localhost","name":"Hermes"}'
	room member "{\"room\":\"$DM\",\"user\":\"@bot:localhost\",\"membership\":\"join\"}"
	say "$DM" four '{"times":20}'
	poll_all
	holds '[.events[].text] | length == 170 and .[0] == "three" and .[169] == "four"'
}

@test "poll: a cursor that the homeserver does not know begins anew, and says so" {
	open_thread "$TEAM"
	say "$TEAM" "in the thread" "{\"thread\":\"$THREAD\"}"
	ask poll "{\"cursor\":\"s1_2_3_old\",\"wait\":0,\"places\":[$PLACE]}"
	holds '[.events[].text] == ["in the thread"] and (.cursor | startswith("s"))'
	grep -q 'does not know the cursor' "$SAID/stderr"
}

@test "poll: passes what is ours, and what says nothing new" {
	poll
	send "$(place "$DM")" ours
	id=$(say "$DM" x '{"content":{"msgtype":"m.notice"}}')
	say "$DM" "* y" "{\"content\":{\"m.relates_to\":{\"rel_type\":\"m.replace\",\"event_id\":\"$id\"}}}"
	say "$DM" x '{"type":"m.reaction"}'
	say "$DM" x '{"content":{"msgtype":"m.image","body":"a.png"}}'
	say "$DM" x '{"content":{"msgtype":"m.image","body":"a.png","filename":"a.png"}}'
	say "$DM" x '{"content":{"body":7}}'
	say "$DM" x '{"content":{"msgtype":[]}}'
	say "$DM" ''
	poll
	holds '.events == []'
	say "$DM" x '{"content":{"msgtype":"m.image","body":"look","filename":"a.png"}}'
	say "$DM" x '{"content":{"msgtype":"m.emote","body":"waves"}}'
	poll
	holds '[.events[].text] == ["look", "* Ada waves"]'
}

@test "poll: what old clients quote above an answer is left out, what people quote is not" {
	poll
	id=$(say "$DM" question)
	relation="\"m.relates_to\":{\"m.in_reply_to\":{\"event_id\":\"$id\"}}"
	say "$DM" x "{\"content\":{\"body\":\"> <@bot:localhost> question\\n> more\\n\\nanswer\\n> kept\",$relation}}"
	say "$DM" x "{\"content\":{\"body\":\"> a saying\\n\\nanswer\",$relation}}"
	say "$DM" $'> <@bot:localhost> no reply\n\nat all'
	poll
	holds '[.events[1:][].text] == ["answer\n> kept", "> a saying\n\nanswer", "> <@bot:localhost> no reply\n\nat all"]'
	holds "[.events[].reply_to] == [null, \"$id\", \"$id\", null]"
}

@test "poll: in a thread, only a real reply is one" {
	open_thread "$TEAM"
	poll
	first=$(say "$TEAM" first "{\"thread\":\"$THREAD\"}")
	say "$TEAM" second "{\"content\":{\"m.relates_to\":{\"rel_type\":\"m.thread\",\"event_id\":\"$THREAD\",
		\"is_falling_back\":false,\"m.in_reply_to\":{\"event_id\":\"$first\"}}}}"
	poll
	holds "[.events[] | [.place.thread, .reply_to]] == [[\"$THREAD\", null], [\"$THREAD\", \"$first\"]]"
}

@test "poll: what was said before the bot joined was not said to it" {
	poll
	room room '{"id":"!new:localhost","members":["@ada:localhost"],"invited":["@bot:localhost"]}'
	say '!new:localhost' before '{"times":250}'
	ask join '{"words":"!new:localhost"}'
	say '!new:localhost' after '{"times":3}'
	poll
	holds '[.events[].text] == ["after", "after", "after"]'
	room room '{"id":"!newer:localhost","members":["@ada:localhost"],"invited":["@bot:localhost"]}'
	say '!newer:localhost' before '{"times":250}'
	ask join '{"words":"!newer:localhost"}'
	say '!newer:localhost' after '{"times":160}'
	poll_all
	holds '[.events[].text] | length == 160 and all(. == "after")'
}

@test "poll: a room that was left is passed" {
	poll
	say "$DM" hello '{"times":900}'
	poll
	room member "{\"room\":\"$DM\",\"user\":\"@bot:localhost\",\"membership\":\"leave\"}"
	say "$TEAM" here
	poll
	holds '[.events[].text] == ["here"] and (.cursor | startswith("s"))'
	grep -q 'cannot be read: User @bot:localhost not in room' "$SAID/stderr"
}

@test "poll: waits for a first message and brings it at once" {
	poll
	before=$(requests sync)
	hermes-adapter-matrix poll <<<"{\"wait\":40,\"cursor\":\"$CURSOR\"}" >"$SAID/waited" 3>&- &
	look "wait?name=sync&count=$((before + 1))"
	say "$DM" "at last"
	SECONDS=0
	wait $!
	((SECONDS < 30))
	output=$(cat "$SAID/waited")
	holds '.events[0].text == "at last"'
}

@test "poll: an answer that is lost, late, strange or too large is an error" {
	poll
	say "$DM" kept
	for fault in drop_before reset_after truncate_after gateway garbage half_json redirect huge; do
		fault sync "$fault" '{"times":9,"bytes":67108864}'
		poll
		holds '.error.class == "transient" and .error.why' || { echo "$fault"; return 1; }
		calm
	done
	for body in '[]' '7' '"x"' 'null' '{"next_batch":7}' '{"next_batch":null,"rooms":[]}' \
		'{"rooms":{"join":{"!x":{"timeline":{"events":[{"type":"m.room.message"}]}}}}}'; do
		fault sync answer "{\"body\":$body}"
		poll
		holds '.error.class == "transient"' || { echo "$body"; return 1; }
	done
	poll
	holds '.events[0].text == "kept"'
}

@test "poll: JSON of another shape is passed, and is no crash" {
	poll
	for events in '[1, null, "x", [], {}]' '{"a":1}' '"x"' '[{"type":7,"sender":[],"content":"x"}]' \
		'[{"type":"m.room.message","sender":"@ada:localhost","event_id":"$x","content":{"msgtype":"m.text","body":"ok","m.relates_to":[]}}]' \
		'[{"type":"m.room.message","sender":"@ada:localhost","event_id":"$y","origin_server_ts":"x","content":{"msgtype":"m.text","body":"ok","m.relates_to":{"rel_type":{},"event_id":7,"m.in_reply_to":3}}}]'; do
		fault sync answer "{\"body\":{\"next_batch\":\"$CURSOR\",\"rooms\":{\"join\":{\"$DM\":{\"timeline\":{\"events\":$events}},\"x\":7}}}}"
		poll
		holds '.events | all(.text == "ok")' || { echo "$events"; return 1; }
	done
	deep=$(jq -nc 'reduce range(200) as $i (1; [.])')
	fault sync answer "{\"body\":{\"next_batch\":\"$CURSOR\",\"rooms\":$deep}}"
	poll
	holds '.events == []'
}

# --- proxies, certificates, secrets

@test "a SOCKS5 proxy with a password; one that is down or refuses is not sent" {
	start_proxy -u ada -P wonder
	export MATRIX_HOMESERVER=http://localhost:$PORT
	MATRIX_PROXY=socks5://ada:wonder@127.0.0.1:$PROXY_PORT send "$(place "$DM")" hello
	holds '.outcome == "sent"'
	grep -q 'connected to localhost:' "$BATS_TEST_TMPDIR/proxy.log"
	MATRIX_PROXY=socks5://ada:falsch@127.0.0.1:$PROXY_PORT send "$(place "$DM")" hello
	holds '.outcome == "not_sent" and .class == "config"'
	[[ $output != *falsch* ]]
	MATRIX_PROXY=socks5://127.0.0.1:1 send "$(place "$DM")" hello
	holds '.outcome == "not_sent" and .class == "transient"'
}

@test "a certificate is always verified; a private authority can be named" {
	certificate right localhost
	start_platform matrix --token "$SECRET" --tls "$BATS_TEST_TMPDIR/right"
	export MATRIX_HOMESERVER=https://localhost:$PORT
	ask check
	problem certificate CA_FILE
	MATRIX_CA_FILE=$BATS_TEST_TMPDIR/right.pem ask check
	holds .ok
}

@test "a homeserver that repeats the token does not make us repeat it" {
	fault whoami answer "{\"status\":401,\"body\":{\"errcode\":\"M_UNKNOWN_TOKEN\",\"error\":\"bad: $SECRET\"}}"
	ask check
	problem 'bad: \\*+' login
}

@test "the home may be called as Hermes Agent calls it, in the configuration, too" {
	mkdir -p "$HERMES_HOME"
	printf 'MATRIX_HOME_ROOM=%s\n' "$TEAM" >"$HERMES_HOME/.env"
	output=$(hermes ask matrix resolve <<<'{"words":""}')
	holds ".place.chat == \"$TEAM\""
	MATRIX_HOME_CHANNEL=$DM ask resolve '{"words":""}'
	holds ".place.chat == \"$DM\""
}
