#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-adapter-discord against the tests' Discord: a guild of Ann, who owns it, and Ben,
# with GENERAL (text), NEWS (announcements), FORUM, and PRIVATE, which only Ann sees.
# shellcheck disable=SC2154 # bats sets stderr

load common
load discord

setup() {
	start_discord
}

teardown() {
	stop_all
	run ! grep -rqF -e "$SECRET" -e wonder "$BATS_TEST_TMPDIR/said"
}

# just_now [SECONDS]: again, since so long ago.
just_now() {
	jq -nc --argjson ago "${1:-5}" '{again: {since: (now - $ago)}}'
}

# --- every verb

@test "a missing token, or one that is none, ends it with 78" {
	for verb in check resolve thread send poll; do
		run -78 --separate-stderr env -u DISCORD_BOT_TOKEN hermes-adapter-discord "$verb" \
			<<<"{\"place\":$(place $GENERAL),\"words\":\"$GENERAL\",\"text\":\"x\"}"
		[[ $stderr == *"DISCORD_BOT_TOKEN is not set"* ]]
	done
	DISCORD_BOT_TOKEN="Bot x" run -78 --separate-stderr hermes-adapter-discord check
	[[ $stderr == *"without blanks"* ]]
}

@test "who calls says so as Discord wants it, and under no other name" {
	ask resolve "{\"words\":\"$GENERAL\"}"
	run -0 look requests
	holds 'all(.agent | test("^DiscordBot \\(https://[^ ]+, [0-9.]+"))'
}

# --- check

@test "check: all is well" {
	DISCORD_HOME_CHANNEL=$GENERAL ask check
	holds '.ok and .account == "1001" and .name == "hermes" and .problems == []'
	holds '.facts | .token and .content and .members'
	holds '.facts.home == {name: "general", kind: "group", reachable: true, threads: true, readable: true}'
	DISCORD_HOME_CHANNEL=@$ANN ask check
	holds '.ok and .facts.home == {name: "Ann", kind: "dm", reachable: true, threads: false, readable: true}'
	ask check
	holds '.ok and (.facts | has("home") | not)'
	DISCORD_HOME_CHANNEL=$FORUM ask check
	holds '.ok and .facts.home.threads'
}

@test "check: each right that is missing is named, with who gives it" {
	local wanted
	export DISCORD_HOME_CHANNEL=$GENERAL
	while IFS='|' read -r right wanted remedy; do
		room channel "{\"id\":\"$GENERAL\",\"overwrites\":[{\"id\":\"$ME\",\"deny\":[\"$right\"]}]}"
		ask check
		problem "$wanted" "$remedy"
		holds '.problems | length == 1'
	done <<-'END'
		SEND_MESSAGES|may not write in its home|Send Messages
		CREATE_PUBLIC_THREADS|may not open threads|Create Public Threads
		SEND_MESSAGES_IN_THREADS|write in threads|Send Messages in Threads
		READ_MESSAGE_HISTORY|empty channel|Read Message History
	END
	holds '.facts.home.readable == false and .facts.home.reachable'
	room channel "{\"id\":\"$GENERAL\",\"overwrites\":[{\"id\":\"$ME\",\"deny\":[\"VIEW_CHANNEL\"]}]}"
	ask check
	problem 'home: Missing Access' 'add the bot'
	holds '.facts.home.reachable == false'
}

@test "check: without the Message Content Intent there are no words, and it says where it is" {
	room switch '{"message_content":false}'
	DISCORD_HOME_CHANNEL=$GENERAL ask check
	problem 'without its words' 'Message Content Intent'
	holds '.facts.home.readable == false'
	DISCORD_HOME_CHANNEL=@$ANN ask check
	holds '.ok and .facts.home.readable'
}

@test "check: a wrong token, a wrong home, and a Discord that is down, are problems and no exits" {
	DISCORD_BOT_TOKEN=other ask check
	problem Unauthorized DISCORD_BOT_TOKEN
	holds '.facts.token == false'
	DISCORD_HOME_CHANNEL=nonsense ask check
	problem 'not a channel' 'by its number'
	DISCORD_HOME_CHANNEL=404 ask check
	problem 'Unknown Channel' 'look at the id'
	room channel '{"id":"211","name":"cat","type":4}'
	DISCORD_HOME_CHANNEL=211 ask check
	problem 'group of channels' 'one of its channels'
	DISCORD_BASE_URL=http://127.0.0.1:1 ask check
	problem 'no connection to 127.0.0.1' later
	DISCORD_BASE_URL=${DISCORD_BASE_URL%/v10} ask check
	problem 404 DISCORD_BASE_URL
	fault '{"name":"me","fault":"garbage"}'
	ask check
	problem "no answer of Discord's" 'DISCORD_BASE_URL, and for a proxy or a login page'
}

# --- resolve

@test "resolve: a channel, a thread and a direct chat, each as its messages carry it" {
	ask resolve "{\"words\":\"$GENERAL\"}"
	holds ".place == {platform: \"discord\", account: \"1001\", chat: \"$GENERAL\", kind: \"group\",
		link: \"https://discord.com/channels/$GUILD/$GENERAL\"}"
	room thread "{\"id\":\"300\",\"parent\":\"$GENERAL\",\"name\":\"t\"}"
	ask resolve "{\"chat\":\"$GENERAL\",\"thread\":\"300\"}"
	holds '.place | .chat == "300" and .thread == "300" and .kind == "thread"'
	ask resolve "{\"words\":\"@$ANN\"}"
	holds ".place | .kind == \"dm\" and .chat == \"$(dm $ANN)\" and .user == \"$ANN\""
	holds '.audience == {size: 1, names: ["Ann"], known: true}'
}

@test "resolve: a number, a name, a mention, a link; a person's number finds the direct chat" {
	for words in $GENERAL '#general' "<#$GENERAL>" "https://discord.com/channels/$GUILD/$GENERAL" \
		"https://ptb.discord.com/channels/$GUILD/$GENERAL/77"; do
		ask resolve "$(jq -nc --arg words "$words" '{$words}')"
		holds ".place.chat == \"$GENERAL\"" || { echo "$words"; return 1; }
	done
	for words in "<@$ANN>" "<@!$ANN>" "@$ANN" "$ANN"; do
		ask resolve "$(jq -nc --arg words "$words" '{$words}')"
		holds ".place.user == \"$ANN\"" || { echo "$words"; return 1; }
	done
	room thread "{\"id\":\"300\",\"parent\":\"$GENERAL\",\"name\":\"t\"}"
	for words in "$GENERAL/300" "$GENERAL:300"; do
		ask resolve "{\"words\":\"$words\"}"
		holds '.place.thread == "300"'
	done
}

@test "resolve: a name that two channels have, or none, is said" {
	room channel '{"id":"210","name":"general"}'
	ask resolve '{"words":"#general"}'
	holds '.error.class == "request" and (.error.why | contains("several"))'
	ask resolve '{"words":"#nowhere"}'
	holds '.error.class == "request" and (.error.why | contains("no channel"))'
}

@test "resolve: a name is known for one channel's only if every server told its own" {
	room guild "{\"id\":\"101\",\"owner_id\":\"$BEN\"}"
	room channel '{"id":"900","guild_id":"101","name":"general"}'
	for kind in '"gateway"' '"json","json":"{}"' '"status","status":429,"global":true'; do
		for route in guilds channels; do
			fault "{\"route\":\"$route\",\"fault\":$kind}"
			ask resolve '{"words":"#general"}'
			holds '.error.class == "transient"' || { echo "$route $kind"; return 1; }
		done
	done
	for id in {102..109}; do room guild "{\"id\":\"$id\"}"; done
	ask resolve '{"words":"#news"}'
	holds ".place.chat == \"$NEWS\""
	room guild '{"id":"110"}'
	ask resolve '{"words":"#news"}'
	holds '.error.class == "request" and (.error.why | contains("too many servers"))'
}

@test "resolve: what is no address is refused without a word to Discord" {
	for words in 'my friend' '#' '@ann' 'https://discord.com/channels/x' 123456789012345678901; do
		ask resolve "{\"words\":\"$words\"}"
		holds '.error.class == "request" and .error.remedy' || { echo "$words"; return 1; }
	done
	ask resolve "{\"chat\":\"$GENERAL\",\"thread\":\"general\"}"
	holds '.error.class == "request" and (.error.why | contains("thread"))'
	DISCORD_HOME_CHANNEL=general ask resolve '{"words":""}'
	holds '.error.class == "request"'
	[ "$(requests)" = 0 ]
	ask resolve '{"words":""}'
	holds '.error.class == "config" and (.error.remedy | contains("DISCORD_HOME_CHANNEL"))'
}

@test "resolve: what is not there, and what may not be seen, are told apart" {
	ask resolve '{"words":"404"}'
	holds '.error.class == "chat" and (.error.why | contains("Unknown Channel"))'
	room channel '{"id":"211","name":"cat","type":4}'
	ask resolve '{"words":"211"}'
	holds '.error.class == "request" and (.error.remedy | contains("one of its channels"))'
	room guild "{\"id\":\"$GUILD\",\"leave\":[\"$ME\"]}"
	ask resolve "{\"words\":\"$GENERAL\"}"
	holds '.error.class == "chat" and (.error.why | contains("Missing Access"))'
}

@test "audience: people who see the channel, by roles and exceptions; no bots" {
	room user '{"id":"57","username":"robot","bot":true}'
	room guild "{\"id\":\"$GUILD\",\"roles\":{\"9\":[\"ADMINISTRATOR\"],\"8\":[]},\"members\":{\"57\":[],\"58\":[\"8\"],\"59\":[\"9\"]}}"
	ask resolve "{\"words\":\"$GENERAL\"}"
	holds '.audience | .known and .size == 4 and (.names | index("Ann") and index("ben"))'
	ask resolve "{\"words\":\"$PRIVATE\"}"
	holds '.audience == {size: 2, names: ["Ann", "user59"], known: true}'
	room channel "{\"id\":\"$PRIVATE\",\"overwrites\":[{\"id\":\"$GUILD\",\"deny\":[\"VIEW_CHANNEL\"]},
		{\"id\":\"$ME\",\"allow\":[\"VIEW_CHANNEL\"]},{\"id\":\"8\",\"allow\":[\"VIEW_CHANNEL\"]},{\"id\":\"$BEN\",\"allow\":[\"VIEW_CHANNEL\"]}]}"
	ask resolve "{\"words\":\"$PRIVATE\"}"
	holds '.audience.size == 4 and .audience.known'
	room channel "{\"id\":\"$GENERAL\",\"overwrites\":[{\"id\":\"8\",\"deny\":[\"VIEW_CHANNEL\"]}]}"
	ask resolve "{\"words\":\"$GENERAL\"}"
	holds '.audience.size == 3'
}

@test "audience: a thread is read by who reads its channel, a private one by its members" {
	room thread "{\"id\":\"300\",\"parent\":\"$GENERAL\",\"name\":\"t\"}"
	ask resolve '{"words":"300"}'
	holds '.audience.size == 2 and .audience.known'
	room thread "{\"id\":\"301\",\"parent\":\"$GENERAL\",\"name\":\"p\",\"type\":12}"
	room channel "{\"id\":\"301\",\"members\":[\"$ME\",\"$BEN\"]}"
	room guild "{\"id\":\"$GUILD\",\"owner_id\":\"1\"}"
	ask resolve '{"words":"301"}'
	holds '.audience == {size: 1, names: ["ben"], known: true}'
}

@test "audience: it is not known where members are not listed, or are too many" {
	room switch '{"guild_members":false}'
	ask resolve "{\"words\":\"$GENERAL\"}"
	holds '.place.chat and .audience.known == false and (.audience | has("size") | not)'
	room switch '{"guild_members":true}'
	room guild "$(jq -nc --arg id $GUILD '{$id, members: ([range(2000; 5100) | {(tostring): []}] | add)}')"
	ask resolve "{\"words\":\"$GENERAL\"}"
	holds '.audience.known == false'
	[ "$(requests members)" = 4 ]
}

# --- thread

@test "thread: hangs on a message with its title, is public, and its id is the message's" {
	for channel in $GENERAL $NEWS; do
		open_thread "$channel" 'Fix *the* parser'
		holds ".outcome == \"opened\" and .place == {platform: \"discord\", account: \"1001\",
			chat: \"$THREAD\", kind: \"thread\", thread: \"$THREAD\",
			link: \"https://discord.com/channels/$GUILD/$THREAD\"} and .audience.size == 2"
		output=$(look "threads?parent=$channel")
		holds ".[0].id == \"$THREAD\" and .[0].name == \"Fix *the* parser\" and (.[0].type | IN(10, 11))"
		output=$(look "messages?chat=$channel")
		holds ".[0].id == \"$THREAD\" and .[0].words == \"Fix *the* parser\""
		holds '.[0].given | .enforce_nonce and (.nonce | length) <= 25 and .allowed_mentions == {parse: []} and .flags == 4'
	done
}

@test "thread: the same delivery opens the same one, also again, and much later" {
	open_thread $GENERAL title
	first=$THREAD
	open_thread $GENERAL title
	[ "$THREAD" = "$first" ]
	room clock '{"advance":3600}'
	open_thread $GENERAL title h1 "$(just_now 600)"
	[ "$THREAD" = "$first" ]
	open_thread $GENERAL title h2
	[ "$THREAD" != "$first" ]
	[ "$(look "threads?parent=$GENERAL" | jq length)" = 2 ]
	[ "$(copies $GENERAL)" = 2 ]
}

@test "thread: whatever got lost on the way, there is one in the end" {
	local n=0
	while read -r route kind; do
		fault "{\"route\":\"$route\",\"fault\":\"$kind\"}"
		open_thread $GENERAL "title $n" "h$n"
		holds '.outcome | IN("unknown", "opened")' || { echo "$route $kind"; return 1; }
		open_thread $GENERAL "title $n" "h$n" "$(just_now)"
		holds '.outcome == "opened"'
		n=$((n + 1))
		[ "$(look "threads?parent=$GENERAL" | jq length)" = "$n" ]
		[ "$(copies $GENERAL)" = "$n" ]
	done <<-'END'
		send drop_after
		send reset_after
		send gateway_after
		send status_after
		send drop_before
		thread drop_after
		thread truncate_after
		thread gateway
		thread garbage
	END
}

@test "thread: a name is one line of at most 100 characters" {
	open_thread $GENERAL "$(printf 'ü%.0s' {1..200})"
	open_thread $GENERAL $' two\nlines ' h2
	open_thread $GENERAL ' ' h3
	output=$(look "threads?parent=$GENERAL")
	holds '[.[].name] | (.[0] | length) == 100 and .[1] == "two lines" and .[2] == "Hermes"'
}

@test "thread: in a forum it is a post, with a tag if there must be one" {
	open_thread $FORUM title
	holds '.outcome == "opened" and .place.kind == "thread"'
	room channel "{\"id\":\"$FORUM\",\"flags\":16}"
	open_thread $FORUM tagged h2
	output=$(look "threads?parent=$FORUM")
	holds '.[0].applied_tags == [] and .[1].applied_tags == ["7"]'
	send "$PLACE" hello
	holds '.outcome == "sent"'
	room channel "{\"id\":\"$FORUM\",\"available_tags\":[]}"
	open_thread $FORUM untagged h3
	holds '.outcome == "not_opened" and .class == "config" and (.remedy | contains("tag"))'
}

@test "thread: a post that may be there is looked for, by name, maker and time" {
	local since
	since=$(jq -nc '{again: {since: now}}')
	fault '{"route":"post","fault":"drop_after"}'
	open_thread $FORUM title
	holds '.outcome == "unknown"'
	room thread "{\"parent\":\"$FORUM\",\"name\":\"title\",\"owner\":\"$ANN\"}"
	open_thread $FORUM title h1 "$since"
	holds '.outcome == "opened"'
	output=$(look "threads?parent=$FORUM")
	holds "length == 2 and .[0].id == \"$THREAD\""
	fault '{"route":"active","fault":"gateway"}'
	open_thread $FORUM title h1 "$since"
	holds '.outcome == "unknown"'
	room clock '{"advance":30}'
	open_thread $FORUM title h8 "$(jq -nc '{again: {since: (now + 30)}}')"
	holds '.outcome == "unknown" and (.why | contains("same name"))'
	room clock '{"advance":3570}'
	open_thread $FORUM title h9 "$(jq -nc '{again: {since: (now + 3600)}}')"
	[ "$(look "threads?parent=$FORUM" | jq length)" = 3 ]
}

@test "thread: beside a thread, in its channel" {
	room thread "{\"id\":\"300\",\"parent\":\"$GENERAL\",\"name\":\"old\"}"
	ask thread "{\"place\":$(place 300 thread),\"title\":\"new\",\"delivery\":\"h1\"}"
	holds '.outcome == "opened" and .place.thread != "300"'
	[ "$(look "threads?parent=$GENERAL" | jq length)" = 2 ]
}

@test "thread: where there is none, it is the home itself, and why" {
	open_thread "$(dm $ANN)" title
	holds ".outcome == \"home\" and .place.kind == \"dm\" and .place.user == \"$ANN\" and (.why | contains(\"direct\"))"
	room channel '{"id":"212","name":"talk","type":2}'
	open_thread 212 title
	holds '.outcome == "home" and .place.chat == "212" and .audience.known'
}

@test "thread: without the right to it, it is the home, and no title is left lying about" {
	room channel "{\"id\":\"$GENERAL\",\"overwrites\":[{\"id\":\"$ME\",\"deny\":[\"CREATE_PUBLIC_THREADS\"]}]}"
	open_thread $GENERAL title
	holds '.outcome == "home" and (.why | contains("Missing Permissions")) and (.remedy | contains("role"))'
	[ "$(copies $GENERAL)" = 0 ]
	room channel "{\"id\":\"$GENERAL\",\"overwrites\":[]}"
	room switch '{"threads_most":0}'
	open_thread $GENERAL title h2
	holds '.outcome == "home" and (.why | contains("Maximum number"))'
}

@test "thread: never the silent, private one" {
	open_thread $GENERAL title
	open_thread $FORUM title h2
	[ "$(look requests | jq '[.[] | select(.route == "post") | .body | has("message")] | all')" = true ]
	[ "$(look "threads?parent=$GENERAL" | jq -c 'map(.type)')" = '[11]' ]
}

@test "thread: a dead channel, a wrong token and a limit are told apart" {
	open_thread 404 title
	holds '.outcome == "not_opened" and .class == "chat"'
	DISCORD_BOT_TOKEN=other open_thread $GENERAL title
	holds '.outcome == "not_opened" and .class == "config"'
	fault '{"route":"send","fault":"status","status":429,"retry_after":7.5,"global":true}'
	open_thread $GENERAL title
	holds '.outcome == "not_opened" and .class == "transient" and .retry_after == 7.5 and (has("scope") | not)'
	fault '{"route":"thread","fault":"status","status":429,"retry_after":7.5,"global":false}'
	open_thread $GENERAL title
	holds '.outcome == "not_opened" and .class == "transient" and .scope == "chat"'
	ask thread '{"title":"x"}'
	holds '.outcome == "not_opened" and .class == "request"'
}

# --- send

@test "send: to a direct chat, a channel, a thread; under a nonce, and nobody is called" {
	open_thread $GENERAL title
	for chat in "$(dm $ANN)" $GENERAL "$THREAD" $NEWS; do
		before=$(copies "$chat")
		send "$(place "$chat")" '@everyone <@55> hello' "d$chat"
		holds '.outcome == "sent" and (.ids | length) == 1 and .parts == 1'
		[ "$(copies "$chat")" = $((before + 1)) ]
	done
	output=$(look "messages?chat=$GENERAL")
	holds '.[-1].given | .enforce_nonce == true and (.nonce | test("^[a-z2-7]{24}$"))
		and .allowed_mentions == {parse: []} and .flags == 4'
}

@test "send: the same part is there once; other parts, texts and places are others" {
	send "$(place $GENERAL)" hello 5
	first=$(jq -c .ids <<<"$output")
	send "$(place $GENERAL)" hello 5 "$(just_now)"
	holds ".ids == $first"
	[ "$(copies $GENERAL)" = 1 ]
	send "$(place $GENERAL)" 'hello again' 5
	send "$(place $GENERAL)" hello 6
	send "$(place $NEWS)" hello 5
	[ "$(copies $GENERAL)$(copies $NEWS)" = 31 ]
}

@test "send: after some minutes it is read back, by nonce, or else by words" {
	for shown in true false; do
		room switch "{\"nonce_shown\":$shown}"
		send "$(place $GENERAL)" " two *lines*
		of it " "$shown"
		first=$(jq -c .ids <<<"$output")
		room clock '{"advance":600}'
		send "$(place $GENERAL)" " two *lines*
		of it " "$shown" "$(just_now 300)"
		holds ".outcome == \"sent\" and .ids == $first"
	done
	[ "$(copies $GENERAL)" = 2 ]
	says $GENERAL $ANN same
	send "$(place $GENERAL)" same 9 "$(just_now 300)"
	[ "$(copies $GENERAL)" = 3 ]
}

@test "send: reads back through page after page, and only from shortly before the try" {
	room clock '{"advance":-900}'
	send "$(place $GENERAL)" 'said before' 1
	room clock '{"advance":600}'
	room say "{\"chat\":\"$GENERAL\",\"from\":\"$ANN\",\"text\":\"noise\",\"times\":250}"
	send "$(place $GENERAL)" found 2
	first=$(jq -c .ids <<<"$output")
	room clock '{"advance":300}'
	send "$(place $GENERAL)" found 2 "$(just_now 310)"
	holds ".ids == $first"
	send "$(place $GENERAL)" 'said before' 3 "$(just_now 310)"
	[ "$(copies $GENERAL)" = 3 ]
	[ "$(requests messages)" = 6 ]
}

@test "send: the same words from before the try prove nothing" {
	room clock '{"advance":-300}'
	send "$(place $GENERAL)" 'Done.' 1
	room clock '{"advance":300}'
	send "$(place $GENERAL)" 'Done.' 2 "$(just_now 290)"
	holds '.outcome == "unknown" and (.why | contains("same words")) and (has("retry_after") | not)'
	[ "$(copies $GENERAL)" = 1 ]
	room clock '{"advance":-280}'
	send "$(place $GENERAL)" 'Done.' 2
	second=$(jq -c .ids <<<"$output")
	room clock '{"advance":280}'
	send "$(place $GENERAL)" 'Done.' 2 "$(just_now 290)"
	holds ".ids == $second"
}

@test "send: what cannot be looked for stays unknown" {
	for kind in '"gateway"' '"garbage"' '"json","json":"[]","status":500' '"json","json":"{}"'; do
		fault "{\"route\":\"messages\",\"fault\":$kind}"
		send "$(place $GENERAL)" hello 5 "$(just_now 300)"
		holds '.outcome == "unknown" and .why' || { echo "$kind"; return 1; }
	done
	[ "$(requests send)" = 0 ]
}

@test "send: without the right to read, or with too much to read, nothing is sent twice" {
	send "$(place $GENERAL)" hello 5
	first=$(jq -c .ids <<<"$output")
	room clock '{"advance":600}'
	room channel "{\"id\":\"$GENERAL\",\"overwrites\":[{\"id\":\"$ME\",\"deny\":[\"READ_MESSAGE_HISTORY\"]}]}"
	send "$(place $GENERAL)" hello 5 "$(just_now 300)"
	holds '.outcome == "unknown" and (.why | contains("not all"))'
	room channel "{\"id\":\"$GENERAL\",\"overwrites\":[]}"
	send "$(place $GENERAL)" hello 5 "$(just_now 300)"
	holds ".ids == $first"
	room say "{\"chat\":\"$NEWS\",\"from\":\"$ANN\",\"text\":\"noise\",\"times\":1100}"
	send "$(place $NEWS)" hello 6
	room clock '{"advance":600}'
	send "$(place $NEWS)" hello 6 "$(just_now 300)"
	holds '.outcome == "unknown"'
	[ "$(copies $GENERAL)$(copies $NEWS)" = 11 ]
}

@test "send: a place that is none, and a part that is none, are wrong requests" {
	send '{"chat":"general"}' hello
	holds '.outcome == "not_sent" and .class == "request"'
	ask send '{"text":"hello"}'
	holds '.outcome == "not_sent" and .class == "request"'
	send "$(place $GENERAL)" hello 5 '{"part":2}'
	holds '.outcome == "not_sent" and .class == "request"'
	[ "$(requests)" = 0 ]
	room channel '{"id":"211","type":4}'
	for chat in $FORUM 211; do
		send "$(place "$chat")" hello
		holds '.outcome == "not_sent" and .class == "request" and (.remedy | contains("name a text channel"))'
	done
}

@test "send: a channel that is gone is the chat, a thread that is gone the thread" {
	refused "$(place 404)" chat 'Unknown Channel' 'look at the id'
	refused "$(place 404 thread)" thread 'Unknown Channel' ''
	room user "{\"id\":\"$ANN\",\"blocked\":true}"
	refused "$(place "$(dm $ANN)" dm)" chat 'Cannot send messages to this user' 'share a server'
	room channel "{\"id\":\"$GENERAL\",\"overwrites\":[{\"id\":\"$ME\",\"deny\":[\"SEND_MESSAGES\"]}]}"
	refused "$(place $GENERAL)" config 'Missing Permissions' 'role'
	room guild "{\"id\":\"$GUILD\",\"leave\":[\"$ME\"]}"
	refused "$(place $GENERAL)" chat 'Missing Access' 'add the bot'
	DISCORD_BOT_TOKEN=other refused "$(place $GENERAL)" config Unauthorized DISCORD_BOT_TOKEN
}

@test "send: an archived thread is opened again, a locked one is the thread's trouble" {
	open_thread $GENERAL title
	room switch '{"archived_refuses":true}'
	room channel "{\"id\":\"$THREAD\",\"thread\":{\"archived\":true}}"
	send "$PLACE" hello
	holds '.outcome == "sent"'
	[ "$(look "channel?id=$THREAD" | jq .thread_metadata.archived)" = false ]
	room channel "{\"id\":\"$THREAD\",\"thread\":{\"archived\":true,\"locked\":true}}"
	refused "$PLACE" thread 'locked' 'unlock'
	fault '{"route":"send","fault":"status","status":400,"code":50083,"message":"Thread is archived"}'
	fault '{"route":"patch","fault":"status","status":403,"code":50013,"message":"Missing Permissions"}'
	refused "$PLACE" thread 'archived' 'open the thread'
}

@test "send: every code of Discord's has its class" {
	while IFS='|' read -r status code class; do
		fault "{\"route\":\"send\",\"fault\":\"status\",\"status\":$status,\"code\":$code,\"message\":\"no $code\"}"
		send "$(place $GENERAL)" hello
		holds ".outcome == \"not_sent\" and .class == \"$class\" and (.why | contains(\"no $code\"))" ||
			{ echo "$status $code"; return 1; }
	done <<-'END'
		401|0|config
		403|0|config
		404|0|config
		404|10003|chat
		404|10004|chat
		404|10008|request
		404|10013|request
		429|20016|transient
		403|20026|config
		400|20028|transient
		400|20029|transient
		403|40001|config
		403|40002|config
		400|40003|transient
		400|40004|transient
		403|40007|chat
		400|40058|request
		400|40062|transient
		400|40067|config
		403|40333|transient
		403|50001|chat
		400|50006|request
		403|50007|chat
		400|50008|request
		403|50013|config
		400|50024|request
		400|50033|request
		400|50035|request
		403|50278|chat
		400|160005|thread
		400|160006|config
		400|200000|request
		400|200001|request
		400|99999|request
	END
}

@test "send: what is wrong with a form is said in Discord's words" {
	fault '{"route":"send","fault":"status","status":400,"code":50035,"message":"Invalid Form Body",
		"errors":{"content":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH","message":"Must be 2000 or fewer in length."}]}}}'
	refused "$(place $GENERAL)" request 'Invalid Form Body: content: Must be 2000 or fewer in length.' ''
	fault '{"route":"send","fault":"status","status":400,"code":50035,"message":"Invalid Form Body","errors":[1,{"x":null}]}'
	refused "$(place $GENERAL)" request 'Invalid Form Body' ''
}

@test "send: a limit is told: for this chat, or for all; and a rest before it is reached" {
	fault '{"route":"send","fault":"status","status":429,"retry_after":1.25,"global":false}'
	send "$(place $GENERAL)" hello
	holds '.outcome == "not_sent" and .class == "transient" and .retry_after == 1.25 and .scope == "chat"'
	fault '{"route":"send","fault":"status","status":429,"retry_after":30,"global":true}'
	send "$(place $GENERAL)" hello
	holds '.retry_after == 30 and (has("scope") | not)'
	fault '{"route":"send","fault":"status","status":429,"message":"limited","headers":{"Retry-After":"12"}}'
	send "$(place $GENERAL)" hello
	holds '.retry_after == 12'
	fault '{"route":"send","fault":"gateway","code":429}'
	send "$(place $GENERAL)" hello
	holds '.outcome == "not_sent" and .class == "transient"'
	room switch '{"send_limit":2}'
	send "$(place $GENERAL)" one 1
	holds '.outcome == "sent" and (has("rest") | not)'
	send "$(place $GENERAL)" two 2
	holds '.outcome == "sent" and .rest > 0 and .rest <= 5 and .scope == "chat"'
	send "$(place $GENERAL)" three 3
	holds '.outcome == "not_sent" and .retry_after > 0'
}

# --- what came of a send when the line broke

@test "send: what left and was not answered is unknown, and in the end there once" {
	local n=0
	while read -r fault; do
		n=$((n + 1))
		fault "{\"route\":\"send\",$fault}"
		send "$(place $GENERAL)" "text $n" "$n"
		holds '.outcome == "unknown" and .why' || { echo "$fault"; return 1; }
		send "$(place $GENERAL)" "text $n" "$n" "$(just_now)"
		holds '.outcome == "sent"'
		[ "$(copies $GENERAL)" = "$n" ] || { echo "$fault"; return 1; }
	done <<-'END'
		"fault":"drop_before"
		"fault":"drop_after"
		"fault":"reset_after"
		"fault":"truncate_after"
		"fault":"truncate_after","chunked":true
		"fault":"gateway"
		"fault":"gateway_after"
		"fault":"gateway_after","code":504
		"fault":"status_after","status":500
		"fault":"garbage"
		"fault":"half_json"
		"fault":"huge","bytes":10485760
		"fault":"json","json":"{}"
		"fault":"json","json":"[[[[]]]]"
		"fault":"json","json":"{\"id\":7,\"channel_id\":[]}"
		"fault":"json","json":"{\"id\":\"7\",\"id\":null}"
		"fault":"json","json":"{\"id\":\"7\",\"channel_id\":\"9\"}"
		"fault":"json","json":"7"
	END
}

@test "send: a server that hangs is unknown within the caller's limit" {
	fault '{"route":"send","fault":"hang_after"}'
	in_little_time send "$(place $GENERAL)" hello
	holds '.outcome == "unknown" and (.why | contains("in time"))'
	[ "$(copies $GENERAL)" = 1 ]
}

@test "send: what stands between and refuses has not sent it" {
	for fault in '"fault":"redirect"' '"fault":"redirect","status":307' \
		'"fault":"gateway","code":403' '"fault":"gateway","code":404' \
		'"fault":"json","json":"[1]","status":400' '"fault":"json","json":"{\"message\":7}","status":400'; do
		room forget '{}'
		fault "{\"route\":\"send\",$fault,\"location\":\"$DISCORD_BASE_URL/users/@me\"}"
		send "$(place $GENERAL)" hello
		holds '.outcome == "not_sent" and .class == "transient" and (.remedy | contains("proxy"))'
		[ "$(requests)" = 1 ]
	done
}

@test "send: nobody there, and a certificate that is not theirs, are not sent" {
	DISCORD_BASE_URL=http://127.0.0.1:1 send "$(place $GENERAL)" hello
	holds '.outcome == "not_sent" and .class == "transient"'
	DISCORD_BASE_URL=ftp://127.0.0.1 send "$(place $GENERAL)" hello
	holds '.outcome == "not_sent" and .class == "config"'
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=elsewhere" -addext "subjectAltName=DNS:elsewhere" \
		-keyout "$BATS_TEST_TMPDIR/own.key" -out "$BATS_TEST_TMPDIR/own.pem" 2>/dev/null
	start_canned '{}' own
	send "$(place $GENERAL)" hello
	holds '.outcome == "not_sent" and .class == "config" and (.why | contains("certificate"))'
}

@test "send: through a SOCKS5 proxy, with a password that is never said" {
	local port
	port=$($PYTHON -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
	microsocks -i 127.0.0.1 -p "$port" -u ada -P wonder 2>"$BATS_TEST_TMPDIR/proxy.log" 3>&- &
	STARTED_PIDS+=("$!")
	wait_until 10 bash -c ": <>/dev/tcp/127.0.0.1/$port"
	export DISCORD_BASE_URL=${DISCORD_BASE_URL/127.0.0.1/localhost}
	DISCORD_PROXY=socks5://ada:wonder@127.0.0.1:$port send "$(place $GENERAL)" hello
	holds '.outcome == "sent"'
	grep -q 'connected to localhost:' "$BATS_TEST_TMPDIR/proxy.log"
	DISCORD_PROXY=socks5://ada:wonderland@127.0.0.1:$port send "$(place $GENERAL)" hello
	holds '.outcome == "not_sent" and .class == "config"'
	DISCORD_PROXY=socks5://127.0.0.1:1 send "$(place $GENERAL)" hello
	holds '.outcome == "not_sent" and .class == "transient"'
}

# --- what texts look like

# looks TEXT MARKDOWN: what Discord is given for it.
looks() {
	send "$(place $GENERAL)" "$1" "look$RANDOM$RANDOM"
	[ "$(look "messages?chat=$GENERAL" | jq -r '.[-1].content')" = "$2" ] || {
		look "messages?chat=$GENERAL" | jq -r '.[-1].content'
		return 1
	}
}

@test "text: an agent's Markdown is Discord's" {
	looks '**bold** *it* ~~no~~ `code` [words](https://x.org/a_(b)) https://x.org/a_b_c' \
		'**bold** *it* ~~no~~ `code` [words](https://x.org/a_%28b%29) https://x.org/a_b_c'
	looks '[snake_case of `x`](https://x.org) a_b' '[snake_case of `x`](https://x.org) a\_b'
	looks $'# Head\n\n- one\n- two\n\n> quoted\n> more' $'**Head**\n\n• one\n• two\n\n> quoted\n> more'
	looks $'```c++\nint *a;\n```' $'```c++\nint *a;\n```'
	looks $'before\n\n```\nx `` ``` y\n```' $'before\n\n```\nx `\u200b` `\u200b`\u200b` y\n```'
	looks '`` a`b `` and `c`' '``a`b`` and ``c``'
}

@test "text: what is no Markdown does not become any" {
	looks '2 \* 3 snake_case a\|b' '2 \* 3 snake\_case a\|b'
	looks '<@55> <https://x.org>' '\<@55> https://x.org'
	looks '[https://x.org/_a_/](https://x.org/b) _c\_d_' '[https://x.org/_a_/](https://x.org/b) *c\_d*'
	send "$(place $GENERAL)" $'# no\n- no\n> no\n-# no\n  # no\n1. one\n*a* _b_ ~~c~~ ||d|| `e` \\ [f](g) <#200>' 7 '{"format":"plain"}'
	output=$(look "messages?chat=$GENERAL")
	holds '.[-1].words == "# no\n- no\n> no\n-# no\n  # no\n1. one\n*a* _b_ ~~c~~ ||d|| `e` \\ [f](g) <#200>"'
	holds '.[-1].content | startswith("\\# no\n\\- no\n\\> no\n\\-# no\n  \\# no\n1. one\n\\*a\\*")'
	send "$(place $GENERAL)" 'https://x.org/_a_b*c_' 8 '{"format":"plain"}'
	output=$(look "messages?chat=$GENERAL")
	holds '.[-1].content == "https://x.org/_a_b*c\\_"'
}

@test "text: is cut at 2000 characters as they are written, whatever their bytes" {
	local text
	text=$(printf '😀*%.0s' {1..1500})
	ask send "$(jq -nc --argjson place "$(place $GENERAL)" --arg text "$text" '{$place, $text, format: "plain", delivery: "1", part: 1}')"
	holds '.outcome == "sent" and .parts == 3'
	output=$(look "messages?chat=$GENERAL")
	holds '.[-1].content | length <= 2000 and length > 1900'
}

@test "send: a crash between two parts goes on with the second" {
	local text
	text=$(printf 'word%.0s ' {1..900})
	send "$(place $GENERAL)" "$text" 5
	holds '.parts == 3'
	for part in 2 1 2 3; do
		send "$(place $GENERAL)" "$text" 5 "{\"part\":$part,\"again\":{\"since\":$(date +%s)}}"
		holds '.outcome == "sent"'
	done
	[ "$(copies $GENERAL)" = 3 ]
}

# --- poll

@test "poll: each channel is heard from where it was left, oldest first" {
	open_thread $GENERAL title
	poll "$PLACE" "$(place $GENERAL)"
	holds '.events == []'
	says "$THREAD" $ANN one >/dev/null
	says $GENERAL $BEN two >/dev/null
	says "$THREAD" $ANN three >/dev/null
	poll "$PLACE" "$(place $GENERAL)"
	holds '[.events[].text] | sort == ["one", "three", "two"]'
	holds "[.events[] | select(.place.kind == \"thread\").text] == [\"one\", \"three\"]"
	holds ".events[] | select(.text == \"one\") | .user == {id: \"$ANN\", name: \"Ann\"}
		and .place == {platform: \"discord\", account: \"1001\", chat: \"$THREAD\", kind: \"thread\",
			thread: \"$THREAD\", user: \"$ANN\"} and (now - .at | fabs) < 60"
	poll "$PLACE" "$(place $GENERAL)"
	holds '.events == []'
}

@test "poll: the home is heard without a session there; a first poll begins now" {
	local chat
	chat=$(dm $ANN)
	says "$chat" $ANN long ago >/dev/null
	for home in "$chat" "@$ANN"; do
		CURSOR=
		DISCORD_HOME_CHANNEL=$home poll
		holds '.events == []'
		says "$chat" $ANN now >/dev/null
		DISCORD_HOME_CHANNEL=$home poll
		holds "[.events[].text] == [\"now\"] and .events[0].place.user == \"$ANN\" and .events[0].place.chat == \"$chat\""
	done
	CURSOR=
	DISCORD_HOME_CHANNEL=$FORUM poll
	holds '.events == []'
}

@test "poll: a home that was refused is looked up again after its rest, and kept if nothing is found" {
	export DISCORD_HOME_CHANNEL='#general'
	rested='.queue |= map(if .rests then .rests = 1 else . end) | tojson'
	poll
	room channel "{\"id\":\"$GENERAL\",\"overwrites\":[{\"id\":\"$ME\",\"deny\":[\"VIEW_CHANNEL\"]}]}"
	says $GENERAL $ANN "in between" >/dev/null
	for i in 1 2 3; do
		poll
		CURSOR=$(jq -r "$rested" <<<"$CURSOR")
	done
	room channel "{\"id\":\"$GENERAL\",\"overwrites\":[]}"
	poll
	holds '[.events[].text] == ["in between"]'
	room channel "{\"id\":\"$GENERAL\",\"deleted\":true}"
	poll
	room channel '{"id":"777","name":"general"}'
	room forget '{}'
	poll
	[ "$(requests)" = 1 ]
	CURSOR=$(jq -r "$rested" <<<"$CURSOR")
	poll
	says 777 $ANN "here now" >/dev/null
	poll
	holds '[.events[].text] == ["here now"] and (.cursor | fromjson.queue | map(.spot) == ["777"])'
}

@test "poll: an answer given before the first poll is heard" {
	local chat
	chat=$(dm $ANN)
	says "$chat" $ANN "long ago" >/dev/null
	send "$(place "$chat" dm)" "I am here"
	says "$chat" $ANN "answer" >/dev/null
	open_thread $GENERAL title
	says "$THREAD" $BEN "before the greeting" >/dev/null
	send "$PLACE" "hello there" 6
	poll "$PLACE" "$(place "$chat" dm | jq -c --arg ann $ANN '.user = $ann')"
	holds '[.events[].text] | sort == ["answer", "before the greeting"]'
}

@test "poll: ids are numbers: a longer one is later, and no digit is lost" {
	room thread "{\"id\":\"999\",\"parent\":\"$GENERAL\",\"name\":\"t\"}"
	says 999 $ANN hi >/dev/null
	poll "$(place 999 thread)"
	holds '.events[0].text == "hi"'
	holds ".cursor | fromjson.queue == [{spot: \"999\", mark: \"$(jq -r '.events[0].message' <<<"$output")\"}]"
}

@test "poll: many messages come over many polls, each once, in order" {
	open_thread $GENERAL title
	poll "$PLACE"
	for hundreds in {1..7}; do
		room say "{\"chat\":\"$THREAD\",\"from\":\"$ANN\",\"text\":\"m$hundreds\",\"times\":100}"
	done
	heard=
	for i in 1 2 3; do
		poll "$PLACE"
		heard+=$(jq -r '.events[].message' <<<"$output")$'\n'
	done
	heard=$(grep . <<<"$heard")
	[ "$(wc -l <<<"$heard")" = 700 ]
	[ "$(sort -un <<<"$heard")" = "$heard" ]
}

@test "poll: bots, webhooks, and what says nothing, are passed" {
	open_thread $GENERAL title
	room user '{"id":"57","username":"robot","bot":true}'
	room user '{"id":"58","username":"hook"}'
	says "$THREAD" 57 beep >/dev/null
	room say "{\"chat\":\"$THREAD\",\"from\":\"58\",\"text\":\"hook\",\"webhook_id\":\"58\"}"
	room say "{\"chat\":\"$THREAD\",\"from\":\"$ANN\",\"type\":7}"
	room say "{\"chat\":\"$THREAD\",\"from\":\"$ANN\",\"attachments\":[{\"id\":\"1\"}]}"
	send "$PLACE" mine
	says "$THREAD" $ANN "<@$ME> and now?" >/dev/null
	poll "$PLACE"
	holds '[.events[].text] == ["and now?"]'
	poll "$PLACE"
	holds '.events == []'
	run ! grep -q 'without their words' "$BATS_TEST_TMPDIR/said/stderr"
}

@test "poll: a reply says to what" {
	open_thread $GENERAL title
	room say "{\"chat\":\"$THREAD\",\"from\":\"$ANN\",\"text\":\"yes\",\"type\":19,\"message_reference\":{\"message_id\":\"77\"}}"
	poll "$PLACE"
	holds '.events[0].reply_to == "77"'
}

@test "poll: words that are kept from the bot are missed aloud" {
	open_thread $GENERAL title
	room switch '{"message_content":false}'
	says "$THREAD" $ANN "unheard" >/dev/null
	says "$THREAD" $ANN "<@$ME> heard" >/dev/null
	poll "$PLACE"
	holds '[.events[].text] == ["heard"]'
	grep -q 'Message Content Intent' "$BATS_TEST_TMPDIR/said/stderr"
}

@test "poll: a channel that is refused rests, and costs the others nothing" {
	open_thread $GENERAL title
	room channel "{\"id\":\"$GENERAL\",\"overwrites\":[{\"id\":\"$ME\",\"allow\":[\"VIEW_CHANNEL\"]}]}"
	poll "$PLACE" "$(place $PRIVATE)" "$(place 404 thread)"
	room channel "{\"id\":\"$PRIVATE\",\"overwrites\":[{\"id\":\"$ME\",\"deny\":[\"VIEW_CHANNEL\"]}]}"
	says "$THREAD" $ANN one >/dev/null
	poll "$PLACE" "$(place $PRIVATE)" "$(place 404 thread)"
	holds '[.events[].text] == ["one"]'
	room forget '{}'
	says "$THREAD" $ANN two >/dev/null
	poll "$PLACE" "$(place $PRIVATE)" "$(place 404 thread)"
	holds '[.events[].text] == ["two"]'
	[ "$(look requests | jq '[.[] | select(.status >= 400)] | length')" = 0 ]
	poll "$PLACE"
	holds '.cursor | fromjson.queue | length == 1 and all(has("rests") | not)'
}

@test "poll: a question that one channel refuses for whatever reason is no trouble of the others" {
	room thread "{\"id\":\"5001\",\"parent\":\"$GENERAL\",\"name\":\"t\"}"
	room thread "{\"id\":\"5002\",\"parent\":\"$GENERAL\",\"name\":\"t\"}"
	poll "$(place 5001 thread)" "$(place 5002 thread)"
	says 5002 $ANN "hear me" >/dev/null
	fault '{"route":"messages","fault":"status","status":400,"code":50008,"message":"Not here"}'
	poll "$(place 5001 thread)" "$(place 5002 thread)"
	holds '[.events[].text] == ["hear me"] and (.cursor | fromjson.queue | map(select(.rests).spot) == ["5001"])'
}

@test "poll: a wrong token, and many refusals, end it at once" {
	DISCORD_BOT_TOKEN=other poll "$(place $GENERAL)"
	holds '.error.class == "config"'
	[ "$(requests)" = 1 ]
	mapfile -t gone < <(for i in {1..30}; do place $((4000 + i)); done)
	poll "${gone[@]}"
	holds '.events == [] and (.cursor | fromjson.queue | map(select(.rests)) | length == 10)'
	[ "$(look requests | jq '[.[] | select(.status == 404)] | length')" = 10 ]
}

@test "poll: a channel that does not go on after its first page keeps that page" {
	open_thread $GENERAL title
	poll "$PLACE"
	room say "{\"chat\":\"$THREAD\",\"from\":\"$ANN\",\"text\":\"m\",\"times\":150}"
	fault '{"route":"messages","skip":1,"fault":"status","status":429,"retry_after":60,"global":false}'
	poll "$PLACE"
	holds '.events | length == 100'
	CURSOR=$(jq -r '.queue |= map(del(.rests)) | tojson' <<<"$CURSOR")
	poll "$PLACE"
	holds '.events | length == 50'
}

@test "poll: a limit is obeyed, and what was heard before it is kept" {
	open_thread $GENERAL title
	poll "$PLACE" "$(place $GENERAL)"
	says $GENERAL $ANN one >/dev/null
	says "$THREAD" $ANN two >/dev/null
	fault '{"route":"messages","skip":1,"fault":"status","status":429,"retry_after":60,"global":false}'
	poll "$PLACE" "$(place $GENERAL)"
	holds '[.events[].text] == ["two"]'
	holds ".cursor | fromjson.queue | map(select(.rests).spot) == [\"$GENERAL\"]"
	poll "$PLACE" "$(place $GENERAL)"
	holds '.events == []'
	CURSOR=$(jq -r '.queue |= map(del(.rests)) | tojson' <<<"$CURSOR")
	poll "$PLACE" "$(place $GENERAL)"
	holds '[.events[].text] == ["one"]'
	fault '{"route":"messages","fault":"status","status":429,"retry_after":2.5,"global":true}'
	poll "$(place $GENERAL)"
	holds '.error.class == "transient" and .error.retry_after == 2.5'
}

@test "poll: two hundred channels are not asked faster than Discord allows" {
	room switch '{"global_limit":50}'
	for i in {1..120}; do
		echo "{\"id\":\"$((5000 + i))\",\"parent\":\"$GENERAL\",\"name\":\"t\"}"
	done | while read -r line; do room thread "$line"; done
	mapfile -t places < <(for i in {1..120}; do place $((5000 + i)) thread; done)
	poll "${places[@]}"
	says 5100 $ANN hi >/dev/null
	poll "${places[@]}"
	holds '[.events[].text] == ["hi"]'
	[ "$(look requests | jq '[.[] | select(.status == 429)] | length')" = 0 ]
}

@test "poll: without the time for all channels, the next one begins where it stopped" {
	for i in {1..6}; do
		room thread "{\"id\":\"$((5000 + i))\",\"parent\":\"$GENERAL\",\"name\":\"t\"}"
	done
	mapfile -t places < <(for i in {1..6}; do place $((5000 + i)) thread; done)
	poll "${places[@]}"
	for i in {1..6}; do says $((5000 + i)) $ANN "m$i" >/dev/null; done
	fault '{"route":"messages","skip":2,"fault":"hang"}'
	HERMES_ADAPTER_LIMIT=6 poll "${places[@]}"
	holds '[.events[].text] == ["m1", "m2"] and (.cursor | fromjson.queue | map(.spot)
		== ["5004", "5005", "5006", "5001", "5002", "5003"])'
	poll "${places[@]}"
	holds '[.events[].text] == ["m4", "m5", "m6", "m3"]'
}

@test "poll: a place that never answers does not make the others unheard" {
	room thread "{\"id\":\"5001\",\"parent\":\"$GENERAL\",\"name\":\"t\"}"
	room thread "{\"id\":\"5002\",\"parent\":\"$GENERAL\",\"name\":\"t\"}"
	poll "$(place 5001 thread)" "$(place 5002 thread)"
	says 5002 $ANN "hear me" >/dev/null
	fault '{"route":"messages","fault":"gateway"}'
	poll "$(place 5001 thread)" "$(place 5002 thread)"
	holds '.error.class == "transient" and (.cursor | fromjson.queue | map(.spot) == ["5002", "5001"])'
	fault '{"route":"messages","skip":1,"fault":"gateway"}'
	poll "$(place 5001 thread)" "$(place 5002 thread)"
	holds '[.events[].text] == ["hear me"]'
}

@test "poll: an answer that is lost, late or none is an error, and nothing is passed" {
	open_thread $GENERAL title
	poll "$PLACE"
	kept=$CURSOR
	says "$THREAD" $ANN kept >/dev/null
	for kind in '"truncate_after"' '"gateway"' '"garbage"' '"half_json"' '"redirect"' \
		'"huge","bytes":10485760' '"json","json":"{}"' '"json","json":"7"'; do
		fault "{\"route\":\"messages\",\"fault\":$kind}"
		CURSOR=$kept
		poll "$PLACE"
		holds '.error.class == "transient" and .error.why' || { echo "$kind"; return 1; }
	done
	CURSOR=$kept
	poll "$PLACE"
	holds '[.events[].text] == ["kept"]'
}

@test "poll: messages of other shapes are passed over" {
	open_thread $GENERAL title
	poll "$PLACE"
	fault "$(jq -nc '{route: "messages", fault: "json", json: ([7, null, "x", [], {}, {id: 7}, {id: "x"},
		{id: "9999999999999999990", author: [], content: {}}, {id: "9999999999999999991", type: 0, author: {id: 7}, content: "x"},
		{id: "9999999999999999992", type: 0, author: {id: "5"}, content: 7},
		{id: "9999999999999999993", type: 0, author: {id: "5", username: []}, content: "fine"}] | reverse | tojson)}')"
	poll "$PLACE"
	holds '[.events[] | .text, .user.name] == ["fine", "someone"]'
}

@test "poll: a cursor that is none of ours is refused; places that are none are left out" {
	ask poll '{"cursor":"12345"}'
	holds '.error.class == "request"'
	ask poll '{"places":[7,null,{},{"chat":"x"},{"chat":"200"},{"chat":"200","account":"2"}],"cursor":"{\"queue\":[7,{\"spot\":7},{\"spot\":\"200\",\"mark\":[],\"rests\":\"x\"}],\"home\":7}"}'
	holds '.events == [] and (.cursor | fromjson.queue == [])'
}

@test "poll: waits for a first message, and brings it soon" {
	open_thread $GENERAL title
	hermes-adapter-discord poll <<<"{\"wait\":40,\"places\":[$PLACE]}" >"$BATS_TEST_TMPDIR/said/waited" 3>&- &
	run -0 look 'wait?route=messages'
	says "$THREAD" $ANN "at last" >/dev/null
	SECONDS=0
	wait $!
	((SECONDS < 30))
	output=$(cat "$BATS_TEST_TMPDIR/said/waited")
	holds '.events[0].text == "at last"'
}

@test "handoff: to a forum, and the answer there is the same session's" {
	export DISCORD_HOME_CHANNEL=$FORUM DISCORD_ALLOWED_USERS=$ANN
	session=$(new_session)
	hermes handoff discord --session "$session" --shared --timeout 120
	thread=$(hermes handoff status --session "$session" | jq -r .place.thread)
	says "$thread" $ANN "Go on." >/dev/null
	hermes-watch --once
	hermes-state messages "$session" | jq -r .content | grep -qx "Go on."
	[ "$(copies "$thread")" -ge 3 ]
}
