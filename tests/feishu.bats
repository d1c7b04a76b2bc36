#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-adapter-feishu against the tests' Feishu: Ann's private chat with the bot, a group
# with Ben in it, and a group that is all topics. Whatever the adapter says in any test is
# searched for its secrets afterwards.
#
# Each test is a subshell of its own, and bats sets stderr:
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

bats_require_minimum_version 1.5.0
load common
load serving

ADAPTER=hermes-adapter-feishu
SECRET=SECRETsecretSECRET
CURSOR=

setup() {
	unset "${!FEISHU_@}"
	start_platform feishu --secret "$SECRET"
	export FEISHU_BASE_URL=http://127.0.0.1:$PORT FEISHU_APP_ID=cli_a1b2 FEISHU_APP_SECRET=$SECRET
	mkdir -p "$HERMES_HOME"
	room chat '{"chat_id":"oc_ann","mode":"p2p","name":"","members":{"ou_ann":"Ann"},"email":"ann@example.org"}'
	room chat '{"chat_id":"oc_room","name":"Team","members":{"ou_ann":"Ann","ou_ben":"Ben"}}'
	room chat '{"chat_id":"oc_topics","name":"Topics","mode":"topic","members":{"ou_ann":"Ann"}}'
}

teardown() {
	stop_all
	run ! grep -rE "$SECRET|t-g1_" "$SAID"
}

# place CHAT [THREAD]: as it is written down, without asking.
place() {
	jq -nc --arg chat "$1" --arg thread "${2:-}" '
		{platform: "feishu", account: "cli_a1b2", $chat, kind: "group"}
		+ if $chat == "oc_ann" then {kind: "dm", user: "ou_ann"} else {} end
		+ if $thread == "" then {} else {$thread} end'
}

# open_thread CHAT [DELIVERY]: sets PLACE and THREAD to what came.
open_thread() {
	ask thread "$(jq -nc --argjson place "$(place "$1")" --arg delivery "${2:-h1}" \
		'{$place, title: "Fix the parser", $delivery}')"
	PLACE=$(jq -c .place <<<"$output")
	THREAD=$(jq -r .place.thread <<<"$output")
}

# say CHAT TEXT [MORE-JSON]: as Ann. Prints the message's id.
say() {
	room_says say "$(jq -nc --arg chat "$1" --arg text "$2" --argjson more "${3:-{\}}" \
		'{$chat, $text, from: "ou_ann"} + $more')" | jq -r .message_id
}

# shown CHAT [THREAD]: what the bot said there, a JSON string a line.
shown() {
	look "messages?chat=$1&thread=${2:-}" | jq -c '.[] | select(.sender.sender_type == "app").shown'
}

# listen [PLACE...]: one more poll, with sessions at these places.
listen() {
	poll "{\"places\":[$(IFS=,; echo "$*")]}"
}

# --- configuration

@test "about needs neither configuration nor network" {
	unset FEISHU_APP_ID FEISHU_APP_SECRET
	ask about
	holds '.platform == "feishu" and .unit == "bytes" and .limit == 30000'
	holds '.threads and .polling and .idempotency and .readback and .gateway'
	holds '[.config[] | select(.required).name] == ["FEISHU_APP_ID", "FEISHU_APP_SECRET"]'
	holds '.config | any(.name == "FEISHU_APP_SECRET" and .secret)'
	[ "$(requests '')" = 0 ]
	[ ! -e "$HERMES_HOME/feishu-token" ]
}

@test "an app that is missing, or no app, is exit 78" {
	FEISHU_APP_ID='' run -78 --separate-stderr hermes-adapter-feishu check
	[[ $stderr == *FEISHU_APP_ID*Credentials* ]]
	FEISHU_APP_SECRET='' run -78 --separate-stderr hermes-adapter-feishu check
	[[ $stderr == *FEISHU_APP_SECRET* ]]
	FEISHU_APP_ID='cli_a/b' run -78 --separate-stderr hermes-adapter-feishu check
	[[ $stderr == *FEISHU_APP_ID* ]]
	FEISHU_DOMAIN=larkoffice run -78 --separate-stderr hermes-adapter-feishu check
	[[ $stderr == *FEISHU_DOMAIN* ]]
}

# --- the access token

@test "the token is kept for its owner only, and used until it is old" {
	send "$(place oc_ann)" one
	send "$(place oc_ann)" two
	[ "$(requests token)" = 1 ]
	[ "$(stat -c %a "$HERMES_HOME/feishu-token")" = 600 ]
	run ! grep -q "$SECRET" "$HERMES_HOME/feishu-token"
	room clock '{"advance":7000}'
	HERMES_CLOCK=7000 send "$(place oc_ann)" three
	[ "$(requests token)" = 2 ]
	HERMES_CLOCK=-100000 send "$(place oc_ann)" four
	[ "$(requests token)" = 3 ]
	holds '.outcome == "sent"'
}

@test "a token that Feishu no longer takes is made anew, once" {
	send "$(place oc_ann)" one
	room revoke '{}'
	send "$(place oc_ann)" two
	holds '.outcome == "sent"'
	[ "$(requests token)" = 2 ]
	for code in 99991661 99991668; do
		fault send answer "{\"status\":400,\"body\":{\"code\":$code,\"msg\":\"no\"}}"
		send "$(place oc_ann)" "$code"
		holds '.outcome == "sent"'
	done
	fault send answer '{"status":400,"times":9,"body":{"code":99991663,"msg":"no"}}'
	before=$(requests send)
	send "$(place oc_ann)" three
	holds '.outcome == "not_sent" and .class == "config" and (.remedy | contains("FEISHU_APP_SECRET"))'
	[ $(($(requests send) - before)) = 2 ]
}

@test "a token is for one app at one address" {
	send "$(place oc_ann)" one
	FEISHU_BASE_URL=$FEISHU_BASE_URL/ send "$(place oc_ann)" two
	[ "$(requests token)" = 1 ]
	FEISHU_BASE_URL=http://localhost:$PORT send "$(place oc_ann)" three
	[ "$(requests token)" = 2 ]
}

@test "a folder that cannot be written, and a token file that is rubbish, do no harm" {
	mkdir "$HERMES_HOME/feishu-token"
	send "$(place oc_ann)" one
	holds '.outcome == "sent"'
	rmdir "$HERMES_HOME/feishu-token"
	for rubbish in '' '{' '[]' '{"app":"cli_a1b2","token":7,"until":"x"}'; do
		echo "$rubbish" >"$HERMES_HOME/feishu-token"
		send "$(place oc_ann)" "$rubbish!"
		holds '.outcome == "sent"'
	done
}

@test "a wrong secret is a matter of configuration, and nothing was sent" {
	FEISHU_APP_SECRET=wrongwrong send "$(place oc_ann)" one
	holds '.outcome == "not_sent" and .class == "config" and (.why | contains("app secret invalid"))'
	FEISHU_APP_ID=cli_other send "$(place oc_ann)" one
	holds '.outcome == "not_sent" and .class == "config"'
	fault token drop_after
	send "$(place oc_ann)" one
	holds '.outcome == "not_sent" and .class == "transient"'
	[ "$(requests send)" = 0 ]
}

@test "a server that repeats our token does not make us repeat it" {
	send "$(place oc_ann)" one
	token=$(jq -r .token "$HERMES_HOME/feishu-token")
	fault send answer "{\"status\":400,\"body\":{\"code\":1,\"msg\":\"no: $token\"}}"
	send "$(place oc_ann)" two
	holds '.outcome == "not_sent" and (.why | test("^no: [*]+$"))'
}

# --- check

@test "check: all is well, in a group and in a private chat" {
	FEISHU_HOME_CHANNEL=oc_room ask check
	holds '.ok and .account == "cli_a1b2" and .name == "Hermes"'
	holds '.facts == {token: true, home: {reachable: true, readable: true, kind: "group", name: "Team"}}'
	FEISHU_HOME_CHANNEL=ou_ann ask check
	holds '.ok and .facts.home.kind == "dm"'
}

@test "check: asks with the secret, not with what is kept" {
	FEISHU_HOME_CHANNEL=oc_room ask check
	FEISHU_APP_SECRET=wrongwrong FEISHU_HOME_CHANNEL=oc_room ask check
	problem 'app secret invalid' FEISHU_APP_SECRET
	holds '.facts.token == false'
}

@test "check: each thing that is missing has its remedy" {
	ask check
	holds '.ok and (.facts | has("home") | not)'
	export FEISHU_HOME_CHANNEL=oc_room
	room switch '{"scopes":["im:message","im:chat"]}'
	ask check
	problem 'im:message.group_msg' 'publish a version'
	holds '.facts.home.readable == false and .facts.home.reachable'
	room switch '{"scopes":["im:message","im:message.group_msg"]}'
	ask check
	problem 'scopes is required' 'publish a version'
	room switch '{"scopes":["im:message","im:message.group_msg","im:chat"],"active":1}'
	ask check
	problem 'not active' administrator
	room switch '{"active":2,"p2p_query":false}'
	FEISHU_HOME_CHANNEL=ou_ann ask check
	problem 'not known' 'oc_'
	FEISHU_HOME_CHANNEL=oc_none ask check
	problem 'chat_id which is invalid' 'oc_'
	room chat '{"chat_id":"oc_room","bot_in":false}'
	ask check
	problem 'out of the chat' 'add the bot'
	FEISHU_BASE_URL=http://127.0.0.1:1 ask check
	problem 'no connection' later
}

# --- resolve

@test "resolve: a private chat is its human, a group its members" {
	ask resolve '{"words":"oc_ann"}'
	holds '.place == {platform: "feishu", account: "cli_a1b2", chat: "oc_ann", kind: "dm",
		user: "ou_ann", link: "https://applink.feishu.cn/client/chat/open?openChatId=oc_ann"}'
	holds '.audience | .size == 1 and .known'
	FEISHU_DOMAIN=lark ask resolve '{"words":"oc_room"}'
	holds '.place | .kind == "group" and (has("user") | not) and (.link | contains("larksuite"))'
	holds '.audience == {size: 2, names: ["Ann", "Ben"], known: true}'
}

@test "resolve: a private chat that does not name its human is asked who spoke" {
	room switch '{"p2p_target":false}'
	ask resolve '{"words":"oc_ann"}'
	holds '.place | has("user") | not'
	say oc_ann hi
	ask resolve '{"words":"oc_ann"}'
	holds '.place.user == "ou_ann" and .audience.names == ["Ann"]'
}

@test "resolve: without the scope for members a group is still counted" {
	fault members answer '{"status":400,"body":{"code":99991672,"msg":"no"}}'
	ask resolve '{"words":"oc_room"}'
	holds '.audience == {size: 2, names: [], known: true}'
}

@test "resolve: a thread stands behind its chat; a link holds both" {
	for words in oc_room/omt_7 oc_room:omt_7 \
		'https://applink.feishu.cn/client/thread/open?open_thread_id=omt_7&openChatId=oc_room&x=1'; do
		ask resolve "{\"words\":\"$words\"}"
		holds '.place | .chat == "oc_room" and .thread == "omt_7"'
	done
	ask resolve '{"chat":"oc_room","thread":"omt_7"}'
	holds '.place.thread == "omt_7"'
}

@test "resolve: a thread of another chat is refused" {
	open_thread oc_room
	for question in "{\"words\":\"oc_ann/$THREAD\"}" "{\"chat\":\"oc_ann\",\"thread\":\"$THREAD\"}"; do
		ask resolve "$question"
		holds '.error.class == "request" and (.error.why | contains("another chat"))'
	done
	ask resolve "{\"words\":\"oc_room/$THREAD\"}"
	holds ".place.thread == \"$THREAD\""
}

@test "resolve: a person is their private chat, where the server tells" {
	ask resolve '{"words":"ou_ann"}'
	holds '.place | .chat == "oc_ann" and .user == "ou_ann" and .kind == "dm"'
	room switch '{"p2p_query":false}'
	ask resolve '{"words":"ou_ann"}'
	holds '.place | .chat == "ou_ann" and .user == "ou_ann" and .kind == "dm" and (has("link") | not)'
	holds '.audience | .size == 1 and .known'
	ask resolve '{"words":"ann@example.org"}'
	holds '.place | .chat == "ann@example.org" and .kind == "dm"'
}

@test "resolve: no words mean the home" {
	ask resolve '{"words":""}'
	holds '.error.class == "config" and (.error.remedy | contains("FEISHU_HOME_CHANNEL"))'
	FEISHU_HOME_CHANNEL=oc_room FEISHU_HOME_CHANNEL_THREAD_ID=omt_9 ask resolve '{"words":""}'
	holds '.place.chat == "oc_room" and .place.thread == "omt_9"'
}

@test "resolve: what is no id is refused without asking" {
	for words in 'my friend' oc_ 'oc_a/b' 'oc_room/42' 'ou_ann/omt_7' '-100123' 'a b@c' '@x' 'oc_a?b=c'; do
		ask resolve "$(jq -nc --arg words "$words" '{$words}')"
		holds '.error.class == "request" and .error.remedy' || { echo "$words"; false; }
	done
	FEISHU_HOME_CHANNEL=123456 ask resolve '{}'
	holds '.error.class == "request"'
	[ "$(requests '')" = 0 ]
}

@test "resolve: a chat that is gone, or not for us, is a chat's trouble" {
	ask resolve '{"words":"oc_none"}'
	holds '.error.class == "chat"'
	room chat '{"chat_id":"oc_room","dissolved":true}'
	ask resolve '{"words":"oc_room"}'
	holds '.error.class == "chat" and (.error.why | contains("dissolved"))'
	room chat '{"chat_id":"oc_room","dissolved":false,"bot_in":false}'
	ask resolve '{"words":"oc_room"}'
	holds '.error.class == "chat" and (.error.remedy | contains("add the bot"))'
}

# --- thread

@test "thread: a title and what begins the thread, in a group and in a private chat" {
	for chat in oc_room oc_ann; do
		open_thread "$chat"
		holds '.outcome == "opened" and (.place.thread | startswith("omt_")) and .audience.known'
		[ "$(shown "$chat")" = '"Fix the parser"' ]
		[ "$(shown "$chat" "$THREAD" | wc -l)" = 2 ]
		send "$PLACE" hello
		holds '.outcome == "sent" and (has("place") | not)'
		[ "$(shown "$chat" "$THREAD" | tail -n 1)" = '"hello"' ]
	done
}

@test "thread: where all is topics, the title alone begins one" {
	open_thread oc_topics
	holds '.outcome == "opened"'
	[ "$(shown oc_topics "$THREAD")" = '"Fix the parser"' ]
	send "$PLACE" hello
	[ "$(shown oc_topics "$THREAD" | tail -n 1)" = '"hello"' ]
}

@test "thread: a person's thread is in their private chat" {
	for person in ou_ann ann@example.org; do
		ask thread "{\"place\":{\"chat\":\"$person\",\"kind\":\"dm\",\"user\":\"ou_ann\"},\"title\":\"t\",\"delivery\":\"$person\"}"
		holds '.outcome == "opened" and .place.chat == "oc_ann" and .place.user == "ou_ann"'
	done
}

@test "thread: a title is one line, and not long" {
	for title in ' two\nlines\u0007 ' "$(printf 'ü%.0s' {1..200})" ' ' '<b>x</b> [a](http://b)'; do
		ask thread "{\"place\":$(place oc_room),\"title\":\"$title\",\"delivery\":\"$RANDOM\"}"
		holds '.outcome == "opened"'
	done
	run -0 shown oc_room
	[ "$(jq length <<<"${lines[1]}")" = 100 ]
	[ "${lines[2]}" = '"Hermes"' ]
	[ "${lines[3]}" = '"<b>x</b> [a](http://b)"' ]
}

@test "thread: asked again it is the same, whatever was lost on the way" {
	for skip in 0 1; do
		for fault in drop_before drop_after reset_after gateway_after garbage; do
			fault send "$fault" "{\"skip\":$skip}"
			open_thread oc_room "h$skip$fault"
			holds '.outcome == "unknown" or (.outcome == "not_opened" and .class == "transient")'
			open_thread oc_room "h$skip$fault"
			holds '.outcome == "opened"'
			first=$THREAD
			open_thread oc_room "h$skip$fault"
			[ "$THREAD" = "$first" ]
		done
	done
	[ "$(shown oc_room | wc -l)" = 10 ]
}

@test "thread: after an hour the title is looked for first" {
	fault send drop_after
	open_thread oc_room
	room clock '{"advance":4000}'
	since=$(($(date +%s) - 10))
	export HERMES_CLOCK=4000
	ask thread "{\"place\":$(place oc_room),\"title\":\"Fix the parser\",\"delivery\":\"h1\",\"again\":{\"since\":$since}}"
	holds '.outcome == "opened"'
	[ "$(shown oc_room | wc -l)" = 1 ]
	ask thread "{\"place\":$(place oc_room),\"title\":\"Other\",\"delivery\":\"h1\",\"again\":{\"since\":$since}}"
	holds '.outcome == "opened"'
	[ "$(shown oc_room | wc -l)" = 2 ]
}

@test "thread: where there can be none, it is the chat itself, and why" {
	room switch '{"threads":false}'
	open_thread oc_room
	holds '.outcome == "home" and (.why | contains("no threads")) and .place.chat == "oc_room"'
	fault send answer '{"skip":1,"status":400,"body":{"code":230071,"msg":"not supported here"}}'
	open_thread oc_room h2
	holds '.outcome == "home" and (.why | contains("not supported"))'
	holds '.audience.known and (.place | has("thread") | not)'
}

@test "thread: a dead chat, a missing scope and a limit are told apart" {
	room chat '{"chat_id":"oc_room","bot_in":false}'
	open_thread oc_room
	holds '.outcome == "not_opened" and .class == "chat" and (.remedy | contains("add the bot"))'
	room switch '{"scopes":[]}'
	open_thread oc_ann
	holds '.outcome == "not_opened" and .class == "config" and (.why | contains("im:message"))'
	fault send answer '{"status":429,"headers":{"Retry-After":"7"},"body":{"code":99991400,"msg":"slow"}}'
	open_thread oc_ann h2
	holds '.outcome == "not_opened" and .class == "transient" and .retry_after == 7'
}

# --- send

@test "send: to a chat, a thread, and a person, whose place moves" {
	for chat in oc_ann oc_room oc_topics; do
		send "$(place "$chat")" hello
		holds '.outcome == "sent" and (.ids[0] | startswith("om_")) and .parts == 1 and (has("place") | not)'
		run -0 look "messages?chat=$chat"
		holds '.[-1].shown == "hello" and .[-1].msg_type == "text"'
	done
	for person in ou_ann ann@example.org; do
		send "{\"platform\":\"feishu\",\"chat\":\"$person\",\"kind\":\"dm\",\"user\":\"ou_ann\"}" hello
		holds '.outcome == "sent" and .place.chat == "oc_ann" and .place.user == "ou_ann"'
	done
}

@test "send: what could be taken for markup is shown as it is" {
	text=$'<at user_id="all">all</at> <b>b</b>\n\n[x](https://example.org) **y** \\ "q" 👋'
	send "$(place oc_room)" "$text" '{"format":"plain"}'
	[ "$(shown oc_room)" = "$(jq -n --arg text "$text" '$text')" ]
	for text in 'plain & simple' '<b>' '[x](y)' '**z**'; do
		send "$(place oc_room)" "$text" '{"format":"plain"}'
	done
	run -0 look 'messages?chat=oc_room'
	holds '[.[].msg_type] == ["post", "text", "post", "post", "post"]'
}

@test "send: Markdown looks like what it means" {
	send "$(place oc_room)" $'# Title\n\n**bold _both_** ~~gone~~ `x < y` [link](https://example.org/a?b=c)\n\n> quoted\n> twice\n\n```python\nif a:\n\n    b()\n```\nafter\n\n```klingon\nQapla\n```'
	holds '.outcome == "sent"'
	output=$(look 'messages?chat=oc_room' | jq '.[0].body.content | fromjson.content')
	holds '.[0] == [{tag: "text", text: "Title", style: ["bold"]}]'
	holds 'flatten | any(. == {tag: "text", text: "both", style: ["bold", "italic"]})'
	holds 'flatten | any(. == {tag: "text", text: "gone", style: ["lineThrough"]})'
	holds 'flatten | any(. == {tag: "text", text: "`x < y`"})'
	holds 'flatten | any(. == {tag: "a", text: "link", href: "https://example.org/a?b=c"})'
	holds '[flatten[] | select(.text | startswith("> ")).text] == ["> quoted", "> twice"]'
	holds 'flatten | any(. == {tag: "code_block", language: "PYTHON", text: "if a:\n\n    b()"})'
	holds 'flatten | any(. == {tag: "code_block", text: "Qapla"})'
}

@test "send: parts are cut by bytes as the request carries them" {
	text=$(printf '漢字"%.0s' {1..12000})
	send "$(place oc_room)" "$text"
	parts=$(jq .parts <<<"$output")
	[ "$parts" -gt 3 ]
	for ((part = 2; part <= parts; part++)); do
		send "$(place oc_room)" "$text" "{\"part\":$part}"
		holds '.outcome == "sent"'
	done
	[ "$(shown oc_room | jq -r . | tr -d '\n ')" = "$text" ]
	output=$(look 'requests?name=send' | jq '[.[].body | utf8bytelength]')
	holds 'all(. < 30720) and any(. > 29000)'
	send "$(place oc_room)" hello '{"part":2}'
	holds '.outcome == "not_sent" and .class == "request"'
}

@test "send: whatever is lost on the way, asked again it is there once" {
	since=$(date +%s)
	while read -r fault outcome; do
		fault send "$fault"
		send "$(place oc_ann)" "$fault"
		holds ".outcome == \"$outcome\"" || { echo "$fault"; false; }
		send "$(place oc_ann)" "$fault" "{\"again\":{\"since\":$since}}"
		holds '.outcome == "sent"'
		[ "$(shown oc_ann | grep -c "\"$fault\"")" = 1 ]
	done <<-'END'
		drop_before unknown
		drop_after unknown
		reset_after unknown
		truncate_after unknown
		gateway unknown
		gateway_after unknown
		garbage unknown
		half_json unknown
		redirect not_sent
	END
	fault send answer '{"status":429,"headers":{"Retry-After":"3"},"body":{"code":99991400,"msg":"slow"}}'
	send "$(place oc_ann)" limited
	holds '.outcome == "not_sent" and .class == "transient" and .retry_after == 3'
	fault send hang_after '{"seconds":12}'
	HERMES_ADAPTER_LIMIT=4 send "$(place oc_ann)" late
	holds '.outcome == "unknown"'
	send "$(place oc_ann)" late "{\"again\":{\"since\":$since}}"
	[ "$(shown oc_ann | grep -c '"late"')" = 1 ]
	FEISHU_BASE_URL=http://127.0.0.1:1 send "$(place oc_ann)" refused
	holds '.outcome == "not_sent" and .class == "transient"'
	fault send huge '{"bytes":10485760}'
	send "$(place oc_ann)" huge
	holds '.outcome == "unknown" and (.why | contains("more than can be right"))'
}

@test "send: through a proxy, and what a proxy refuses was not sent" {
	start_proxy -u ada -P wonder
	FEISHU_PROXY=socks5://ada:wonder@127.0.0.1:$PROXY_PORT send "$(place oc_ann)" hello
	holds '.outcome == "sent"'
	FEISHU_PROXY=socks5://ada:falsch@127.0.0.1:$PROXY_PORT send "$(place oc_ann)" hello
	holds '.outcome == "not_sent" and .class == "config"'
	FEISHU_BASE_URL=http://localhost:1 FEISHU_PROXY=socks5://ada:wonder@127.0.0.1:$PROXY_PORT \
		send "$(place oc_ann)" hello
	holds '.outcome == "not_sent" and .class == "transient"'
}

@test "send: after an hour it is looked for, in the chat and in the thread, styled or not" {
	open_thread oc_room
	since=$(date +%s)
	for text in 'plain words' $'**styled** words\n\n`x`' '[a](https://example.org) & @_user_1'; do
		for place in "$(place oc_room)" "$PLACE"; do
			fault send drop_after
			send "$place" "$text"
			holds '.outcome == "unknown"'
		done
	done
	room clock '{"advance":4000}'
	say oc_room 'plain words' '{"times":60}' >/dev/null
	export HERMES_CLOCK=4000
	for text in 'plain words' $'**styled** words\n\n`x`' '[a](https://example.org) & @_user_1'; do
		for place in "$(place oc_room)" "$PLACE"; do
			send "$place" "$text" "{\"again\":{\"since\":$since}}"
			holds '.outcome == "sent" and (.ids | length) == 1'
		done
	done
	[ "$(shown oc_room | wc -l)" = 4 ]
	[ "$(shown oc_room "$THREAD" | wc -l)" = 5 ]
	send "$PLACE" 'never said' "{\"again\":{\"since\":$since}}"
	[ "$(shown oc_room "$THREAD" | wc -l)" = 6 ]
	fault list gateway
	send "$PLACE" 'never said' "{\"again\":{\"since\":$since}}"
	holds '.outcome == "unknown"'
}

@test "send: what was said before the earlier try is not what is looked for" {
	open_thread oc_room
	send "$PLACE" 'Done.'
	room clock '{"advance":100000}'
	since=$(($(date +%s) + 100000))
	fault send drop_before
	HERMES_CLOCK=100000 send "$PLACE" 'Done.' '{"delivery":"6"}'
	holds '.outcome == "unknown"'
	room clock '{"advance":4000}'
	say oc_room since "{\"thread\":\"$THREAD\",\"times\":60}"
	HERMES_CLOCK=104000 send "$PLACE" 'Done.' "{\"delivery\":\"6\",\"again\":{\"since\":$since}}"
	holds '.outcome == "sent"'
	[ "$(shown oc_room "$THREAD" | grep -c Done)" = 2 ]
}

@test "send: what cannot be looked for, nobody knows" {
	since=$(date +%s)
	export HERMES_CLOCK=4000
	room clock '{"advance":4000}'
	say oc_room much '{"times":1001}'
	send "$(place oc_room)" hello "{\"again\":{\"since\":$since}}"
	holds '.outcome == "unknown" and (.why | contains("too much was said"))'
	room switch '{"p2p_query":false}'
	for person in ou_ann ann@example.org; do
		place="{\"chat\":\"$person\",\"kind\":\"dm\",\"user\":\"ou_ann\"}"
		send "$place" hello "{\"again\":{\"since\":$since}}"
		holds '.outcome == "unknown" and (.why | contains("that person is not known"))'
		ask thread "{\"place\":$place,\"title\":\"t\",\"delivery\":\"h1\",\"again\":{\"since\":$since}}"
		holds '.outcome == "unknown" and (.why | contains("that person is not known"))'
	done
	fault list drop_after '{"times":2}'
	ask thread "{\"place\":$(place oc_room),\"title\":\"t\",\"delivery\":\"h1\",\"again\":{\"since\":$since}}"
	holds '.outcome == "unknown"'
	[ "$(requests send)" = 0 ]
}

@test "send: a thread that is gone is the thread's trouble, not the chat's" {
	open_thread oc_room
	send "$(place oc_room omt_none)" hello
	holds '.outcome == "not_sent" and .class == "thread"'
	root=$(look "messages?chat=oc_room&thread=$THREAD" | jq -r '.[0].message_id')
	room recall "{\"message\":\"$root\"}"
	send "$PLACE" hello
	holds '.outcome == "not_sent" and .class == "thread" and (.why | contains("recalled"))'
	fault list drop_after
	send "$PLACE" hello
	holds '.outcome == "not_sent" and .class == "transient"'
	open_thread oc_room h2
	send "$(place oc_ann "$THREAD")" 'private words'
	holds '.outcome == "not_sent" and .class == "thread" and (.why | contains("another chat"))'
	room chat '{"chat_id":"oc_room","bot_in":false}'
	send "$PLACE" hello
	holds '.outcome == "not_sent" and .class == "chat" and (.remedy | contains("add the bot"))'
}

@test "send: every refusal has its class, and what can be done its remedy" {
	while IFS='|' read -r status code class msg remedy; do
		fault send answer "{\"status\":$status,\"body\":{\"code\":$code,\"msg\":\"$msg\"}}"
		send "$(place oc_ann)" "$code$msg"
		holds "(.outcome == \"unknown\" and \"$class\" == \"unknown\")
			or (.outcome == \"not_sent\" and .class == \"$class\")" || { echo "$code"; false; }
		holds "(.remedy // \"\") | contains(\"$remedy\")" || { echo "$code"; false; }
	done <<-'END'
		400|230001|chat|ext=invalid receive_id|id
		400|230001|request|ext=text content is empty|
		400|230002|chat|The bot can not be outside the group.|add the bot
		400|230006|config|Bot ability is not activated.|switch the bot on
		400|230011|thread|The message is recalled.|
		400|230013|chat|Bot has NO availability to this user.|available
		400|230018|chat|NOT allowed at current group settings.|who may speak
		400|230019|thread|The topic does NOT exist.|
		400|230020|transient|This operation triggers the frequency limit.|
		400|230022|request|sensitive information|other words
		400|230025|request|reaches its limit|
		400|230027|config|Lack of necessary permissions.|scope
		400|230028|request|NOT pass the audit|other words
		400|230029|chat|User has resigned.|another
		400|230034|chat|The receive_id is invalid.|id
		400|230035|chat|Send Message Permission deny.|blocked
		400|230036|config|Tenant crypt key has been deleted.|administrator
		400|230038|chat|Cross tenant p2p chat operate forbid.|another
		400|230049|unknown|The message is being sent.|
		400|230053|chat|The user has stopped the bot|let the bot
		400|230054|request|unavailable in the connection group|
		400|230075|chat|Sending encrypted messages is not supported.|another
		400|230099|request|Failed to create card content, ext=ErrCode: 11310|
		400|230111|thread|will self-destruct soon|
		400|231003|thread|The message is not found.|
		400|232009|chat|already been dissolved|another
		400|232034|config|unavailable or inactivated by the tenant|administrator
		400|99991672|config|Access denied. One of the following scopes is required|scope
		400|99992361|chat|open_id cross app|open ids differ
		400|99992402|request|field validation failed|
		429|99991400|transient|request trigger frequency limit|
		200|230020|transient|with another status|
		400|11232|transient|create message trigger system rate limit|
		500|2200|unknown|internal error|
		500|1500|unknown|internal error|
		400|424242|request|new|
	END
}

@test "send: a limit's end is told by the gateway" {
	fault send answer '{"status":429,"headers":{"x-ogw-ratelimit-reset":"9"},"body":{"code":99991400,"msg":"slow"}}'
	send "$(place oc_ann)" hello
	holds '.outcome == "not_sent" and .class == "transient" and .retry_after == 9'
	room switch '{"rate":1}'
	send "$(place oc_room)" one
	send "$(place oc_room)" two
	holds '.outcome == "not_sent" and .class == "transient"'
}

@test "send: JSON of other shapes is no success" {
	for body in '[]' '7' 'null' '"x"' '{}' '{"code":"0"}' '{"code":1e300}' '{"code":0.5}' \
		'{"code":0}' '{"code":0,"data":[]}' '{"code":0,"data":{"message_id":7}}'; do
		fault send answer "{\"body\":$body}"
		send "$(place oc_ann)" "$body"
		holds '.outcome == "unknown"' || { echo "$body"; false; }
	done
	send '{"chat":"oc_ann","thread":"oc_x"}' hello
	holds '.class == "request"'
}

# --- poll

@test "poll: what is said at home and in a thread, each at its place, once" {
	export FEISHU_HOME_CHANNEL=oc_room
	poll
	holds '.events == []'
	open_thread oc_room
	say oc_room 'at home'
	say oc_room 'in the thread' "{\"thread\":\"$THREAD\",\"from\":\"ou_ben\"}"
	listen "$PLACE"
	output=$(jq -c '.events |= sort_by(.at)' <<<"$output")
	holds '[.events[].text] == ["at home", "in the thread"]'
	holds ".events[0] | .place == ($(place oc_room) + {user: \"ou_ann\"}) and .user == {id: \"ou_ann\", name: \"Ann\"}
		and (.at - now | fabs) < 60 and (has(\"reply_to\") | not)"
	holds ".events[1].place == ($(place oc_room "$THREAD") + {user: \"ou_ben\"})"
	listen "$PLACE"
	holds '.events == []'
	send "$PLACE" mine
	listen "$PLACE"
	holds '.events == []'
}

@test "poll: a private chat, a person, and a topic chat as home" {
	for home in oc_ann ou_ann; do
		CURSOR=
		export FEISHU_HOME_CHANNEL=$home
		poll
		say oc_ann "for $home"
		poll
		holds ".events | length == 1 and .[0].text == \"for $home\" and .[0].place == $(place oc_ann)"
	done
	CURSOR=
	export FEISHU_HOME_CHANNEL=oc_topics
	poll
	say oc_topics 'a topic'
	poll
	thread=$(jq -r '.events[0].place.thread' <<<"$output")
	[[ $thread == omt_* ]]
	say oc_topics 'more of it' "{\"thread\":\"$thread\"}"
	listen "$(place oc_topics "$thread")"
	holds "[.events[] | .text, .place.thread] == [\"more of it\", \"$thread\"]"
	say oc_topics 'and more' "{\"thread\":\"$thread\"}"
	poll
	holds '[.events[].text] == ["and more"]'
}

@test "poll: a message that began a thread later was said in the chat" {
	export FEISHU_HOME_CHANNEL=oc_room
	poll
	id=$(say oc_room 'root')
	say oc_room 'reply' "{\"reply_to\":\"$id\",\"in_thread\":true,\"from\":\"ou_ben\"}"
	poll
	holds '[.events[].text] == ["root"] and (.events[0].place | has("thread") | not)'
}

@test "poll: a first look begins after our last words, or where our thread begins" {
	say oc_room old '{"times":3}'
	send "$(place oc_room)" 'my words'
	say oc_room new
	listen "$(place oc_room)"
	holds '[.events[].text] == ["new"]'
	open_thread oc_room
	say oc_room 'early answer' "{\"thread\":\"$THREAD\"}"
	send "$PLACE" 'my reply'
	listen "$(place oc_room)" "$PLACE"
	holds '[.events[].text] == ["early answer"]'
	id=$(say oc_room theirs)
	theirs=$(room_says say "{\"chat\":\"oc_room\",\"text\":\"long ago\",\"reply_to\":\"$id\",\"in_thread\":true}" | jq -r .thread_id)
	listen "$(place oc_room "$theirs")"
	holds '.events == []'
	say oc_room now "{\"thread\":\"$theirs\"}"
	listen "$(place oc_room "$theirs")"
	holds '[.events[].text] == ["now"]'
}

@test "poll: pages, one instant, and what shows up late: none is lost, none comes twice" {
	export FEISHU_HOME_CHANNEL=oc_room
	poll
	open_thread oc_room
	listen "$PLACE"
	say oc_room many '{"times":120}'
	say oc_room deep "{\"thread\":\"$THREAD\",\"times\":70}"
	listen "$PLACE"
	holds '[.events[].message] | (length == 190) and (unique | length == 190)'
	holds '[.events[].at] | .[:120] == (.[:120] | sort) and .[120:] == (.[120:] | sort)'
	listen "$PLACE"
	holds '.events == []'
	say oc_room late '{"late":2000}'
	listen "$PLACE"
	holds '[.events[].text] == ["late"]'
	listen "$PLACE"
	holds '.events == []'
	[ "${#CURSOR}" -lt 20000 ]
	room clock '{"advance":100}'
	say oc_room 'a minute later' "{\"thread\":\"$THREAD\"}"
	say oc_room 'here too'
	listen "$PLACE"
	holds '[.events[].text] == ["here too", "a minute later"]'
	listen "$PLACE"
	holds '.events == []'
	[ "${#CURSOR}" -lt 1000 ]
}

# say_much CHAT N: N minutes of fifty messages each.
say_much() {
	for ((i = 0; i < $2; i++)); do
		say "$1" much '{"times":50}' >/dev/null
		room clock '{"advance":60}'
	done
}

@test "poll: a long absence is caught up with in several polls" {
	export FEISHU_HOME_CHANNEL=oc_room HERMES_ADAPTER_LIMIT=2
	poll
	say_much oc_room 12
	say oc_room 'are you there?'
	room switch '{"slow":0.2}'
	for ((i = 0; i < 300; i++)); do
		poll
		jq -r '.events[]? | .message + " " + .text' <<<"$output" >>"$SAID/heard"
		grep -q 'are you there' "$SAID/heard" && break
	done
	[ "$(sort "$SAID/heard" | uniq -u | wc -l)" = 601 ]
	[[ $(tail -n 1 "$SAID/heard") == *'are you there?' ]]
}

@test "poll: one chat's long story does not take all of it" {
	export FEISHU_HOME_CHANNEL=oc_room
	listen "$(place oc_ann)"
	say_much oc_room 21
	say oc_ann hello
	listen "$(place oc_ann)"
	holds '[.events[].text] | length == 1001 and any(. == "hello")'
	listen "$(place oc_ann)"
	holds '.events | length == 50'
	listen "$(place oc_ann)"
	holds '.events == []'
}

@test "poll: our clock does not matter" {
	export FEISHU_HOME_CHANNEL=oc_room
	for HERMES_CLOCK in -86400 86400; do
		export HERMES_CLOCK
		CURSOR=
		poll
		say oc_room "clock $HERMES_CLOCK"
		poll
		holds "[.events[].text] == [\"clock $HERMES_CLOCK\"]"
	done
}

@test "poll: posts, mentions and replies are understood; what has no words is passed" {
	export FEISHU_HOME_CHANNEL=oc_room
	poll
	id=$(say oc_room '@_user_1 ask @_user_10' '{"mentions":[{"key":"@_user_1","id":"ou_bot","name":"Hermes"},
		{"key":"@_user_10","id":"ou_x","name":"Xu"}]}')
	say oc_room '' "{\"msg_type\":\"post\",\"reply_to\":\"$id\",\"content\":{\"title\":\"T\",\"content\":[
		[{\"tag\":\"text\",\"text\":\"see \"},{\"tag\":\"a\",\"href\":\"https://x\",\"text\":\"this\"}],
		[{\"tag\":\"at\",\"user_id\":\"@_user_1\",\"user_name\":\"Ben\"},{\"tag\":\"img\",\"image_key\":\"i\"}],
		[{\"tag\":\"code_block\",\"language\":\"GO\",\"text\":\"x\\ny\"}]]}}"
	say oc_room '' '{"msg_type":"image","content":{"image_key":"i"}}'
	say oc_room ' '
	say oc_room 'other bot' '{"sender":{"id":"cli_other","id_type":"app_id","sender_type":"app"}}'
	gone=$(say oc_room gone)
	room recall "{\"message\":\"$gone\"}"
	poll
	holds '[.events[].text] == ["@Hermes ask @Xu", "T\nsee this\n@Ben\nx\ny"]'
	holds ".events[1].reply_to == \"$id\""
	poll
	holds '.events == []'
}

@test "poll: one place's trouble is said once, and loses nobody else's words" {
	export FEISHU_HOME_CHANNEL=oc_ann
	room chat '{"chat_id":"oc_away","bot_in":false}'
	listen "$(place oc_away)" "$(place oc_room)"
	say oc_ann one
	say oc_room two
	listen "$(place oc_away)" "$(place oc_room)"
	holds '[.events[].text] | sort == ["one", "two"]'
	listen "$(place oc_away)" "$(place oc_room)"
	[ "$(grep -c 'oc_away: Operator can NOT be out' "$SAID/stderr")" = 1 ]
	room chat '{"chat_id":"oc_room","bot_in":false}'
	say oc_room three
	listen "$(place oc_away)" "$(place oc_room)"
	room chat '{"chat_id":"oc_room","bot_in":true}'
	CURSOR=$(jq -c '.queue |= map(del(.rests))' <<<"$CURSOR")
	listen "$(place oc_away)" "$(place oc_room)"
	holds '[.events[].text] == ["three"]'
}

@test "poll: without the scope for groups they rest, and others are heard" {
	export FEISHU_HOME_CHANNEL=oc_ann
	poll
	open_thread oc_room
	room switch '{"scopes":["im:message","im:chat"]}'
	say oc_ann 'are you there?'
	listen "$PLACE"
	holds '[.events[].text] == ["are you there?"]'
	holds '.cursor | fromjson.queue | map(select(.rests).spot) == [$thread]' --arg thread "$THREAD"
	grep 'need scope: im:message.group_msg; give the app that scope' "$SAID/stderr"
}

@test "poll: chats that Feishu fails at wait, and others are heard" {
	export FEISHU_HOME_CHANNEL=oc_ann
	for chat in oc_one oc_two oc_three oc_four; do
		room chat "{\"chat_id\":\"$chat\",\"broken\":true,\"members\":{\"ou_ann\":\"Ann\"}}"
	done
	poll
	say oc_ann 'are you there?'
	listen "$(place oc_one)" "$(place oc_two)" "$(place oc_three)"
	holds '[.events[].text] == ["are you there?"]'
	say oc_ann 'and now?'
	listen "$(place oc_one)" "$(place oc_two)" "$(place oc_three)" "$(place oc_four)"
	holds '.error.class == "transient" and (.error.why | contains("Internal Error"))'
	listen "$(place oc_one)" "$(place oc_two)" "$(place oc_three)" "$(place oc_four)"
	holds '[.events[].text] == ["and now?"]'
}

@test "poll: trouble everywhere is an error" {
	export FEISHU_HOME_CHANNEL=oc_room
	poll
	before=$CURSOR
	say oc_room kept
	for fault in drop_before drop_after reset_after truncate_after gateway garbage half_json redirect; do
		fault list "$fault" '{"times":2}'
		poll
		holds '.error.class == "transient" and .error.why' || { echo "$fault"; false; }
		room calm '{}'
	done
	room switch '{"scopes":["im:chat"]}'
	poll
	holds '.error.class == "config" and (.error.why | contains("im:message"))'
	room switch '{"scopes":["im:message","im:message.group_msg","im:chat"]}'
	fault list answer '{"status":429,"headers":{"Retry-After":"9"},"body":{"code":99991400,"msg":"slow"}}'
	poll
	holds '.error.class == "transient" and .error.retry_after == 9'
	[ "$CURSOR" = "$before" ]
	poll
	holds '[.events[].text] == ["kept"]'
	for CURSOR in '[]' 7 '{"queue":7}' '{"queue":[{"spot":"oc_room","mark":{"t":"x","s":7}}]}' \
		'{"queue":[{"spot":"oc_room","mark":7}]}' 'x'; do
		ask poll "$(jq -nc --arg cursor "$CURSOR" '{$cursor}')"
		holds '.events or .error.class == "request"'
	done
}

@test "poll: nothing to hear is no trouble; places not asked for any more are forgotten" {
	poll
	holds '.events == [] and (.cursor | fromjson.queue == [])'
	listen "$(place oc_room)" '{"chat":"no chat"}' '{"chat":7}' 7 "$(place oc_ann)"
	holds '.cursor | fromjson.queue | map(.spot) | sort == ["oc_ann", "oc_room"]'
	listen "$(place oc_ann)"
	holds '.cursor | fromjson.queue | map(.spot) == ["oc_ann"]'
}

@test "poll: waits for a first message, no faster than Feishu likes" {
	export FEISHU_HOME_CHANNEL=oc_room
	poll
	before=$(requests list)
	SECONDS=0
	hermes-adapter-feishu poll <<<"$(jq -nc --arg cursor "$CURSOR" '{$cursor, wait: 40}')" \
		>"$SAID/waited" 3>&- &
	run -0 look "wait?name=list&count=$((before + 1))"
	say oc_room 'at last'
	wait $!
	((SECONDS < 35))
	output=$(cat "$SAID/waited")
	holds '.events[0].text == "at last"'
	(($(requests list) - before <= 2 + SECONDS / 2))
}

# --- the whole product

@test "a person whose private chat is not told answers in the session, with threads and without" {
	export FEISHU_HOME_CHANNEL=ou_ann FEISHU_ALLOWED_USERS=ou_ann
	room switch '{"p2p_query":false}'
	for threads in true false; do
		room switch "{\"threads\":$threads}"
		session=$(new_session "With threads: $threads")
		hermes handoff feishu --session "$session" --timeout 120
		run -0 hermes handoff status --session "$session"
		holds '.state == "completed" and .place.chat == "oc_ann" and (.place | has("thread")) == $threads' \
			--argjson threads "$threads"
		say oc_ann 'which line?' "$(jq -c '.place | {thread} // {}' <<<"$output")"
		hermes-watch --once
		words "$session" | grep -x 'user: which line?'
	done
}

# --- a client nobody here wrote

@test "Lark's own SDK finds the tests' Feishu to be one" {
	[ -d "$BATS_TEST_DIRNAME/clients/node_modules" ] || {
		echo "tests/clients is not installed; run: sh contrib/bootstrap check" >&2
		false
	}
	output=$(node "$BATS_TEST_DIRNAME/clients/feishu.mjs" "$FEISHU_BASE_URL" oc_room)
	holds '.once and .refused == 230001 and .members == ["Ann", "Ben"] and .mode == "group"'
	holds '(.thread | startswith("omt_")) and (.in_chat | length) == 1 and (.in_thread | length) == 2'
}
