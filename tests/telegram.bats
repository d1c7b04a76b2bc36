#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-adapter-telegram against the tests' Telegram: ANN writes to the bot, FORUM has
# topics and the bot may open them, SUPER and PLAIN are groups without. Whatever the
# adapter says in any test is searched for the token afterwards.
#
# Each test is a subshell of its own, and bats sets stderr:
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

bats_require_minimum_version 1.5.0
load common
load telegram

setup() {
	start_telegram
	room chat "{\"id\":$ANN,\"first_name\":\"Ann\",\"topics\":true}"
	room me '{"has_topics_enabled":true}'
	room chat "{\"id\":$FORUM,\"title\":\"Team\",\"is_forum\":true,\"bot_status\":\"administrator\",
		\"members\":[{\"id\":5,\"first_name\":\"Ben\",\"last_name\":\"Li\",\"status\":\"creator\"},{\"id\":6}]}"
	room chat "{\"id\":$SUPER,\"title\":\"Super\",\"bot_status\":\"administrator\",\"members\":[5]}"
	room chat "{\"id\":$PLAIN,\"title\":\"Plain\",\"bot_status\":\"administrator\",\"members\":[5]}"
}

teardown() {
	stop_all
	run ! grep -rF "$SECRET" "$BATS_TEST_TMPDIR/said"
}

# --- configuration

@test "about needs neither configuration nor network" {
	unset TELEGRAM_BOT_TOKEN
	ask about
	holds '.protocol == 1 and .platform == "telegram" and .limit == 4096 and .unit == "utf16"'
	holds '.threads and .polling and .gateway and (.idempotency or .readback | not)'
	holds '.verbs == ["about", "check", "resolve", "thread", "send", "poll"]'
	holds '.config | any(.name == "TELEGRAM_BOT_TOKEN" and .secret and .required)'
	[ "$(requests)" = 0 ]
}

@test "without a token it is exit 78, saying where to get one" {
	unset TELEGRAM_BOT_TOKEN
	run -78 --separate-stderr hermes-adapter-telegram check
	[ -z "$output" ]
	[[ $stderr == *TELEGRAM_BOT_TOKEN*@BotFather* ]]
}

@test "what is no token is exit 78, and is not repeated" {
	for TELEGRAM_BOT_TOKEN in 9001 9001: ":$SECRET" "9001:$SECRET/x" "bot9001:$SECRET" "9001:$SECRET?"; do
		run -78 --separate-stderr hermes-adapter-telegram check
		[[ $stderr == *"not a token"* && $stderr != *"$SECRET"* ]]
	done
}

@test "a verb that it lacks is exit 64; a line that is no object, or is cut off, 65" {
	run -64 hermes-adapter-telegram dance
	run -64 hermes-adapter-telegram
	run -64 hermes-adapter-telegram send now
	run -65 hermes-adapter-telegram resolve <<<'[1]'
	run -65 hermes-adapter-telegram resolve <<<'{'
	printf '{"words":"%s"}' "$ANN" >"$BATS_TEST_TMPDIR/cut"
	run -65 hermes-adapter-telegram resolve <"$BATS_TEST_TMPDIR/cut"
}

@test "each line of stdin has one line of answer, in its order" {
	run -0 hermes-adapter-telegram resolve <<<"{\"words\":\"$ANN\"}"$'\n'"{\"words\":\"$PLAIN\"}"
	[ "${#lines[@]}" = 2 ]
	[ "$(jq -r .place.chat <<<"${lines[1]}")" = "$PLAIN" ]
}

# --- check

@test "check: all is well" {
	TELEGRAM_HOME_CHANNEL=$FORUM ask check
	holds '.ok and .account == "9001" and .name == "hermes_test_bot" and .problems == []'
	holds '.facts | .token and .topics and (.reads_groups | not)'
	holds '.facts.home | .reachable and .threads and .readable and .kind == "group" and (.name | length > 0)'
	TELEGRAM_HOME_CHANNEL=$ANN ask check
	holds '.ok and (.facts.home | .kind == "dm" and .threads and .reachable and .readable)'
}

@test "check: each thing that is missing has its remedy" {
	ask check
	holds '.ok and (.facts | has("home") | not)'
	TELEGRAM_HOME_CHANNEL=404 ask check
	problem 'chat not found' 'write to the bot first'
	holds '.facts.home.reachable == false'
	room chat "{\"id\":$FORUM,\"can_manage_topics\":false}"
	TELEGRAM_HOME_CHANNEL=$FORUM ask check
	problem 'may not open topics' 'manage topics'
	holds '.facts.home.threads == false'
	room chat "{\"id\":$PLAIN,\"bot_status\":\"member\"}"
	TELEGRAM_HOME_CHANNEL=$PLAIN ask check
	problem 'privacy mode' administrator
	holds '.facts.home.readable == false'
	room me '{"can_read_all_group_messages":true}'
	TELEGRAM_HOME_CHANNEL=$PLAIN ask check
	holds .ok
	room chat "{\"id\":$PLAIN,\"bot_status\":\"restricted\"}"
	TELEGRAM_HOME_CHANNEL=$PLAIN ask check
	problem 'may not write' administrator
	holds '.facts.home | (.reachable | not) and .readable'
	room webhook '{"url":"https://example.org/hook"}'
	TELEGRAM_HOME_CHANNEL=$ANN ask check
	problem webhook deleteWebhook
}

@test "check: a home that is there and takes nothing is a dead one" {
	room chat "{\"id\":$ANN,\"blocked\":true}"
	TELEGRAM_HOME_CHANNEL=$ANN ask check
	problem 'blocked by the user' unblock
	holds '.facts.home.reachable == false'
	room chat "{\"id\":$PLAIN,\"migrate_to\":$SUPER}"
	TELEGRAM_HOME_CHANNEL=$PLAIN ask check
	problem 'upgraded to a supergroup' 'id of the supergroup'
	holds '.facts.home.reachable == false and (.problems | length) == 1'
}

@test "check: a wrong token, and a Telegram that is down, are problems and no exits" {
	TELEGRAM_BOT_TOKEN=9001:WRONG ask check
	problem Unauthorized TELEGRAM_BOT_TOKEN
	holds '.facts.token == false'
	holds '.account == "9001"'
	TELEGRAM_BASE_URL=http://127.0.0.1:1 ask check
	problem 'no connection to 127.0.0.1' 'later'
}

# --- resolve

@test "resolve: a private chat is its human" {
	ask resolve "{\"words\":\"$ANN\"}"
	holds ".place == {platform: \"telegram\", account: \"9001\", chat: \"$ANN\", kind: \"dm\",
		user: \"$ANN\", link: \"https://t.me/hermes_test_bot\"}"
	holds '.audience == {size: 1, names: ["Ann"], known: true}'
}

@test "resolve: a group tells how many read there, and who as far as bots are told" {
	ask resolve "{\"words\":\"$FORUM\"}"
	holds ".place.kind == \"group\" and .place.chat == \"$FORUM\" and (.place | has(\"user\") | not)"
	holds '.audience == {size: 2, names: ["Team", "Ben Li"], known: true}'
	fault '{"method":"getChatMemberCount","fault":"status","code":500}'
	ask resolve "{\"words\":\"$FORUM\"}"
	holds '.audience.known == false and (.audience | has("size") | not)'
}

@test "resolve: a topic by : or /, in words or literally; General is no topic" {
	for question in "{\"words\":\"$FORUM:42\"}" "{\"words\":\"$FORUM/042\"}" \
		"{\"chat\":\"$FORUM\",\"thread\":\"42\"}"; do
		ask resolve "$question"
		holds '.place.thread == "42" and .place.link == "https://t.me/c/1234567890/42"'
	done
	for topic in 1 01 0; do
		ask resolve "{\"words\":\"$FORUM:$topic\"}"
		holds '(.place | has("thread") | not) and .place.link == "https://t.me/c/1234567890/1"'
	done
}

@test "resolve: a public name becomes the chat's id, and its link" {
	room chat "{\"id\":$FORUM,\"username\":\"teamroom\"}"
	ask resolve '{"words":"@teamroom/7"}'
	holds ".place.chat == \"$FORUM\" and .place.link == \"https://t.me/teamroom/7\""
	ask resolve '{"words":"@teamroom"}'
	holds '.place.link == "https://t.me/teamroom/1"'
	ask resolve "{\"words\":\"$SUPER\"}"
	holds '.place | has("link") | not'
}

@test "resolve: a link is what it leads to: a topic where there are topics" {
	room chat "{\"id\":$FORUM,\"username\":\"teamroom\"}"
	for words in https://t.me/c/1234567890/42 t.me/c/1234567890/42/77 'https://t.me/teamroom/42?single'; do
		ask resolve "{\"words\":\"$words\"}"
		holds ".place.chat == \"$FORUM\" and .place.thread == \"42\""
	done
	for words in https://t.me/c/2222222222/42 https://t.me/c/2222222222; do
		ask resolve "{\"words\":\"$words\"}"
		holds ".place.chat == \"$SUPER\" and (.place | has(\"thread\") | not)"
	done
	ask resolve '{"words":"https://t.me/+AbCdEf"}'
	holds '.error.class == "chat"'
	ask resolve '{"words":"https://example.org/c/1234567890/42"}'
	holds '.error.class == "request"'
}

@test "resolve: no words mean the home; none is a matter of configuration" {
	ask resolve '{"words":""}'
	holds '.error.class == "config" and (.error.remedy | contains("TELEGRAM_HOME_CHANNEL"))'
	TELEGRAM_HOME_CHANNEL=$FORUM TELEGRAM_HOME_CHANNEL_THREAD_ID=9 ask resolve '{"words":""}'
	holds ".place.chat == \"$FORUM\" and .place.thread == \"9\""
}

@test "resolve: words that are no chat, and chats that are none" {
	ask resolve '{"words":"my friend"}'
	holds '.error.class == "request"'
	ask resolve "{\"words\":\"$FORUM:general\"}"
	holds '.error.class == "request" and (.error.why | contains("topic"))'
	ask resolve '{"words":"@nobody"}'
	holds '.error.class == "chat" and (.error.remedy | contains("write to the bot first"))'
	fault '{"fault":"drop_before"}'
	ask resolve "{\"words\":\"$ANN\"}"
	holds '.error.class == "transient"'
}

# --- thread

@test "thread: opens a topic in a forum, and in a private chat" {
	for chat in "$FORUM" "$ANN"; do
		open_topic "$chat" 'Hermes — Fix the parser'
		holds '.outcome == "opened" and .place.thread and .audience.known'
		run -0 look "topics?chat=$chat"
		holds ".[0] | .name == \"Hermes — Fix the parser\" and \"\\(.message_thread_id)\" == \"$THREAD\""
	done
}

@test "thread: a title becomes a name that a topic can bear" {
	local long
	long=$(printf 'ü%.0s' {1..200})
	open_topic "$FORUM" " two\\nlines\\u0007 "
	open_topic "$FORUM" "$long"
	open_topic "$FORUM" " "
	run -0 look "topics?chat=$FORUM"
	holds '[.[].name] | .[0] == "two lines" and (.[1] | length) == 128 and .[2] == "Hermes"'
}

@test "thread: where there can be no topic, it is the home itself, and why" {
	room chat "{\"id\":$ANN,\"topics\":false}"
	for chat in "$ANN" "$SUPER" "$PLAIN"; do
		open_topic "$chat" title
		holds ".outcome == \"home\" and .place.chat == \"$chat\" and (.why | contains(\"not a forum\"))"
		holds '.audience.known and (.place | has("thread") | not)'
	done
	room chat "{\"id\":$FORUM,\"can_manage_topics\":false}"
	open_topic "$FORUM" title
	holds '.outcome == "home" and (.why | contains("not enough rights"))'
	[ "$(requests createForumTopic)" = 4 ]
}

@test "thread: what stands between and refuses says nothing of topics" {
	fault '{"method":"createForumTopic","fault":"status","code":400,"html":true}'
	open_topic "$FORUM" title
	holds '.outcome == "not_opened" and .class == "transient" and (.remedy | contains("proxy"))'
}

@test "thread: a channel is asked for none" {
	ask thread "{\"place\":{\"chat\":\"$FORUM\",\"kind\":\"channel\"},\"title\":\"t\"}"
	holds '.outcome == "home" and (.why | contains("channel"))'
	[ "$(requests createForumTopic)" = 0 ]
}

@test "thread: a dead chat, a wrong token and a limit are told apart" {
	room chat "{\"id\":$ANN,\"blocked\":true}"
	open_topic "$ANN" title
	holds '.outcome == "not_opened" and .class == "chat"'
	fault '{"fault":"status","code":429,"retry_after":7}'
	open_topic "$FORUM" title
	holds '.outcome == "not_opened" and .class == "transient" and .retry_after == 7 and .scope == "chat"'
	TELEGRAM_BOT_TOKEN=9001:WRONG open_topic "$FORUM" title
	holds '.outcome == "not_opened" and .class == "config"'
}

@test "thread: an answer that is lost is unknown, and one more try says that it cannot look" {
	fault '{"method":"createForumTopic","fault":"drop_after"}'
	open_topic "$FORUM" title
	holds '.outcome == "unknown" and .why'
	[ "$(requests createForumTopic)" = 1 ]
	ask thread "{\"place\":$(place "$FORUM"),\"title\":\"title\",\"again\":{\"since\":1}}"
	holds '.outcome == "opened" and (.why | contains("cannot list topics"))'
}

@test "thread: a group that became a supergroup is asked once more, as that" {
	room chat "{\"id\":$PLAIN,\"migrate_to\":$FORUM}"
	open_topic "$PLAIN" title
	holds ".outcome == \"opened\" and .place.chat == \"$FORUM\" and .place.thread"
	[ "$(requests createForumTopic)" = 2 ]
}

# --- send

@test "send: to a private chat, a group, a supergroup, and topics of both kinds" {
	for chat in "$ANN" "$PLAIN" "$SUPER" "$FORUM"; do
		send "$(place "$chat")" hello
		holds '.outcome == "sent" and (.ids | length) == 1 and .parts == 1'
		[ "$(copies "$chat" 0)" = 1 ]
	done
	for chat in "$ANN" "$FORUM"; do
		open_topic "$chat" title
		send "$PLACE" hello
		holds '.outcome == "sent"'
		[ "$(copies "$chat" "$THREAD")" = 1 ]
	done
}

@test "send: is words and entities without a preview, as JSON" {
	send "$(place "$ANN")" '*not bold* <b>nor this</b> https://example.org' '{"format":"plain"}'
	run -0 look 'requests?method=sendMessage'
	holds '.[0] | .body == "json" and (.params | has("parse_mode") or has("entities") | not)
		and (.params.link_preview_options | fromjson).is_disabled'
	run -0 look "messages?chat=$ANN"
	holds '.[0].text == "*not bold* <b>nor this</b> https://example.org"'
}

@test "send: what Markdown says is an entity, in Telegram's units" {
	send "$(place "$ANN")" $'# 👋 *Hallo*\n~~no~~ **世界** `c`, [x](https://x.y) https://bare.z\n> said\n```sh\n👨‍👩‍👧 ls\n```'
	holds '.outcome == "sent"'
	run -0 look "messages?chat=$ANN"
	holds '.[0].text == "👋 Hallo\nno 世界 c, x https://bare.z\nsaid\n👨‍👩‍👧 ls"'
	run -0 stretches
	diff <(echo "$output") - <<-'END'
		["bold","👋 Hallo"]
		["italic","Hallo"]
		["strikethrough","no"]
		["bold","世界"]
		["code","c"]
		["text_link","x","https://x.y"]
		["url","https://bare.z"]
		["blockquote","said"]
		["pre","👨‍👩‍👧 ls","sh"]
	END
}

@test "send: a mark moves the entities along" {
	send "$(place "$ANN")" 'hello **world**' '{"again":{"since":1}}'
	run -0 stretches
	[ "$(stretches)" = '["bold","world"]' ]
}

@test "send: more entities than Telegram heeds are more parts, and none is lost" {
	local text parts
	text=$(jq -nr '[range(250) | "**w\(.)** and more"] | join(" ")')
	send "$(place "$ANN")" "$text"
	parts=$(jq .parts <<<"$output")
	[ "$(stretches | wc -l)" -eq 100 ]
	for part in $(seq 2 "$parts"); do
		send "$(place "$ANN")" "$text" "{\"part\":$part}"
	done
	run -0 look "messages?chat=$ANN"
	holds '[.[].message.entities | length] == [100, 100, 50]'
	holds '[.[].text] | join(" ") == ([range(250) | "w\(.) and more"] | join(" "))'
}

@test "send: where Telegram refuses the styles, the words go alone" {
	local why sent=0
	for why in "can't parse entities: Entity begins after the end of the text at UTF-16 offset 9" \
		ENTITIES_INVALID ENTITY_BOUNDS_INVALID; do
		fault "$(jq -nc --arg why "Bad Request: $why" '{method: "sendMessage", fault: "status",
			code: 400, description: $why}')"
		send "$(place "$ANN")" '**hello** world'
		holds '.outcome == "sent"'
		sent=$((sent + 1))
		run -0 look "messages?chat=$ANN"
		holds "length == $sent and (last | .text == \"hello world\" and (.message | has(\"entities\") | not))"
		[ "$(requests sendMessage)" = $((2 * sent)) ]
	done
	fault '{"method":"sendMessage","fault":"status","code":400,"description":"Bad Request: ENTITIES_INVALID"}'
	send "$(place "$ANN")" 'hello'
	holds '.outcome == "not_sent" and .class == "request"'
	[ "$(requests sendMessage)" = 7 ]
}

@test "send: General is addressed by leaving its number out" {
	send "$(place "$FORUM" | jq -c '.thread = "1"')" hello
	holds '.outcome == "sent"'
	[ "$(copies "$FORUM" 0)" = 1 ]
}

@test "send: marks what may be there already, and only that" {
	ask send "{\"place\":$(place "$ANN"),\"text\":\"hello\",\"delivery\":\"5\",\"part\":1,\"again\":{\"since\":1}}"
	holds '.outcome == "sent" and .parts == 1'
	run -0 look "messages?chat=$ANN"
	holds '.[0].text | startswith("[sent again") and endswith("]\nhello")'
}

@test "send: a part that the text lacks, and no place, are wrong requests" {
	ask send "{\"place\":$(place "$ANN"),\"text\":\"hello\",\"part\":2}"
	holds '.outcome == "not_sent" and .class == "request"'
	ask send '{"text":"hello"}'
	holds '.outcome == "not_sent" and .class == "request"'
	ask send "{\"place\":$(place "$ANN"),\"text\":\" \"}"
	holds '.outcome == "not_sent" and .class == "request"'
	ask send "{\"place\":$(place "$ANN"),\"text\":\"\",\"again\":{\"since\":1}}"
	holds '.outcome == "not_sent" and .class == "request"'
}

@test "send: a chat that is dead to the bot is that" {
	room chat "{\"id\":$ANN,\"blocked\":true}"
	refused "$ANN" chat 'blocked by the user' unblock
	room chat "{\"id\":$ANN,\"blocked\":false,\"deactivated\":true}"
	refused "$ANN" chat deactivated ''
	room chat '{"id":77,"started":false}'
	refused 77 chat 'initiate conversation' 'write to the bot first'
	refused 404 chat 'chat not found' 'write to the bot first'
	room chat "{\"id\":$SUPER,\"bot_status\":\"kicked\"}"
	refused "$SUPER" chat 'kicked from the supergroup' 'add the bot'
	room chat "{\"id\":$SUPER,\"bot_status\":\"left\"}"
	refused "$SUPER" chat 'not a member of the supergroup' 'add the bot'
	room chat "{\"id\":$PLAIN,\"deleted\":true}"
	refused "$PLAIN" chat 'chat was deleted' ''
}

@test "send: a missing right is a matter of configuration" {
	room chat "{\"id\":$SUPER,\"bot_status\":\"restricted\"}"
	refused "$SUPER" config 'not enough rights' 'right'
	TELEGRAM_BOT_TOKEN=9001:WRONG refused "$ANN" config Unauthorized TELEGRAM_BOT_TOKEN
	TELEGRAM_BASE_URL=$TELEGRAM_BASE_URL/elsewhere refused "$ANN" config 'Not Found' TELEGRAM_BASE_URL
}

@test "send: only the thread is gone where Telegram says so" {
	open_topic "$FORUM" title
	room topic "{\"chat\":$FORUM,\"thread\":$THREAD,\"closed\":true}"
	send "$PLACE" hello
	holds '.outcome == "not_sent" and .class == "thread" and (.why | contains("TOPIC_CLOSED"))'
	room topic "{\"chat\":$FORUM,\"thread\":$THREAD,\"deleted\":true}"
	send "$PLACE" hello
	holds '.outcome == "not_sent" and .class == "thread" and (.why | contains("thread not found"))'
	fault '{"fault":"status","code":400,"description":"Bad Request: TOPIC_DELETED"}'
	send "$PLACE" hello
	holds '.class == "thread"'
}

@test "send: a text that Telegram let fall into the main chat is not sent, and is taken back" {
	room switch '{"ignore_deleted_dm_topics":true}'
	open_topic "$ANN" title
	room topic "{\"chat\":$ANN,\"thread\":$THREAD,\"deleted\":true}"
	send "$PLACE" hello
	holds '.outcome == "not_sent" and .class == "thread" and (.why | contains("deleted there"))'
	[ "$(copies "$ANN" 0)" = 0 ]
	send "$(place "$SUPER" | jq -c '.thread = "5"')" hello
	holds '.outcome == "not_sent" and .class == "thread" and (.why | contains("deleted there"))'
	fault '{"method":"deleteMessage","fault":"status","code":400}'
	send "$PLACE" hello
	holds '.outcome == "not_sent" and .class == "thread" and (.why | contains("still stands"))'
}

@test "send: follows a group that became a supergroup, once, and says where it is" {
	room chat "{\"id\":$PLAIN,\"migrate_to\":$SUPER}"
	send "$(place "$PLAIN")" hello
	holds ".outcome == \"sent\" and .place.chat == \"$SUPER\" and .place.kind == \"group\""
	[ "$(requests sendMessage)" = 2 ]
	[ "$(copies "$SUPER" 0)" = 1 ]
	room chat "{\"id\":$SUPER,\"migrate_to\":$SUPER}"
	send "$(place "$SUPER")" hello
	holds '.outcome == "not_sent" and .class == "chat"'
	[ "$(requests sendMessage)" = 4 ]
}

@test "send: descriptions are understood in any case and under any code" {
	while IFS='|' read -r code class description; do
		fault "{\"method\":\"sendMessage\",\"fault\":\"status\",\"code\":$code,\"description\":\"$description\"}"
		send "$(place "$ANN")" hello
		holds ".outcome == \"not_sent\" and .class == \"$class\"" || { echo "$description"; return 1; }
	done <<-'END'
		400|chat|Bad Request: BOT WAS BLOCKED BY THE USER
		403|chat|Forbidden: something new
		400|chat|Bad Request: PRIVATE CHAT NOT FOUND
		400|thread|Bad Request: Message Thread Not Found
		400|request|Bad Request: message text is empty
		400|request|Bad Request: message is too long
		400|request|Bad Request: can't parse entities: x
		400|request|Bad Request: message to be replied not found
		400|request|Bad Request: chat_id is empty
		400|config|Bad Request: have no rights to send a message
		400|config|Bad Request: need administrator rights in the channel chat
		409|busy|Conflict: terminated by other getUpdates request
		429|transient|Too Many Requests: retry later
	END
}

@test "send: a limit is waited for in its chat as long as Telegram says, but not for ever" {
	fault '{"fault":"status","code":429,"retry_after":30}'
	send "$(place "$ANN")" hello
	holds '.outcome == "not_sent" and .class == "transient" and .retry_after == 30 and .scope == "chat"'
	fault '{"fault":"status","code":429,"retry_after":999999999}'
	send "$(place "$ANN")" hello
	holds '.retry_after == 86400'
}

# --- what came of a send when the line broke

@test "send: what left and was not answered is unknown, and is there at most once" {
	while read -r fault stored; do
		room forget '{}'
		fault "{\"method\":\"sendMessage\",$fault}"
		before=$(copies "$ANN" 0)
		send "$(place "$ANN")" "$fault"
		holds '.outcome == "unknown" and .why' || { echo "$fault"; return 1; }
		[ "$(requests sendMessage)" = 1 ]
		[ "$(copies "$ANN" 0)" = $((before + stored)) ]
	done <<-'END'
		"fault":"drop_before" 0
		"fault":"drop_after" 1
		"fault":"reset_after" 1
		"fault":"truncate_after" 1
		"fault":"truncate_after","chunked":true 1
		"fault":"gateway" 0
		"fault":"gateway_after" 1
		"fault":"gateway","code":504 0
		"fault":"status","code":500 0
		"fault":"garbage" 0
		"fault":"garbage","process":true 1
		"fault":"half_json","process":true 1
		"fault":"huge","bytes":10485760 0
	END
}

@test "send: a server that hangs is unknown within the caller's limit" {
	fault '{"method":"sendMessage","fault":"hang_after"}'
	in_little_time send "$(place "$ANN")" hello
	holds '.outcome == "unknown" and (.why | contains("in time"))'
	[ "$(copies "$ANN" 0)" = 1 ]
}

@test "send: what stands between and refuses has not sent it" {
	for fault in '"fault":"redirect"' '"fault":"redirect","code":307' \
		'"fault":"status","html":true,"code":403' '"fault":"status","html":true,"code":404'; do
		room forget '{}'
		fault "{\"method\":\"sendMessage\",$fault,\"location\":\"$TELEGRAM_BASE_URL/bot9001:$SECRET/getMe\"}"
		send "$(place "$ANN")" hello
		holds '.outcome == "not_sent" and .class == "transient" and (.remedy | contains("proxy"))'
		[ "$(requests)" = 1 ]
	done
}

@test "send: nobody there is not sent" {
	TELEGRAM_BASE_URL=http://127.0.0.1:1 send "$(place "$ANN")" hello
	holds '.outcome == "not_sent" and .class == "transient"'
	TELEGRAM_BASE_URL=http://nowhere.invalid send "$(place "$ANN")" hello
	holds '.outcome == "not_sent" and .class == "transient" and (.why | contains("nowhere.invalid"))'
	TELEGRAM_BASE_URL=ftp://127.0.0.1 send "$(place "$ANN")" hello
	holds '.outcome == "not_sent" and .class == "config"'
}

@test "send: every one has a connection of its own, so libcurl cannot repeat it" {
	line="{\"place\":$(place "$ANN"),\"text\":\"hello\"}"
	fault '{"method":"sendMessage","fault":"drop_after","skip":1}'
	run -0 hermes-adapter-telegram send <<<"$line"$'\n'"$line"
	[ "$(jq -rs 'map(.outcome) | join(" ")' <<<"$output")" = 'sent unknown' ]
	run -0 look 'requests?method=sendMessage'
	holds 'length == 2 and .[0].connection != .[1].connection'
	[ "$(copies "$ANN" 0)" = 2 ]
}

# --- poll

@test "poll: what a human says next has the very place that resolve or thread gave" {
	for chat in "$ANN" "$PLAIN" "$SUPER" "$FORUM"; do
		ask resolve "{\"words\":\"$chat\"}"
		same_place "$(jq -c .place <<<"$output")" "{\"chat\":$chat,\"from\":5,\"text\":\"hi\"}"
	done
	for chat in "$ANN" "$FORUM"; do
		open_topic "$chat" title
		same_place "$PLACE" "{\"chat\":$chat,\"from\":5,\"thread\":$THREAD,\"text\":\"hi\"}"
	done
}

@test "poll: an event says who, what, when and in answer to what" {
	send "$(place "$ANN")" question
	id=$(jq -r '.ids[0]' <<<"$output")
	room say "{\"chat\":$ANN,\"text\":\"answer ✓\",\"reply_to\":$id}"
	ask poll '{"wait":0}'
	holds ".events[0] | .text == \"answer ✓\" and .user == {id: \"$ANN\", name: \"Ann\"}
		and .reply_to == \"$id\" and (now - .at | fabs) < 60 and (.message | type) == \"string\""
}

@test "poll: in a topic, only a real reply is one" {
	open_topic "$FORUM" title
	room say "{\"chat\":$FORUM,\"from\":5,\"thread\":$THREAD,\"text\":\"first\"}"
	ask poll '{"wait":0}'
	holds '.events[0] | has("reply_to") | not'
	id=$(jq -r '.events[0].message' <<<"$output")
	room say "{\"chat\":$FORUM,\"from\":6,\"thread\":$THREAD,\"reply_to\":$id,\"text\":\"second\"}"
	poll_after
	holds ".events[0].reply_to == \"$id\""
}

@test "poll: a thread of replies in a group without topics is no thread" {
	send "$(place "$SUPER")" question
	id=$(jq -r '.ids[0]' <<<"$output")
	room say "{\"chat\":$SUPER,\"from\":5,\"text\":\"answer\",\"reply_to\":$id}"
	ask poll '{"wait":0}'
	holds '.events[0].place | has("thread") | not'
	run -0 look updates
	holds ".pending[0].message.message_thread_id == $id"
}

@test "poll: confirms only what the given cursor covers" {
	room say "{\"chat\":$ANN,\"text\":\"one\"}"
	room say "{\"chat\":$ANN,\"text\":\"two\"}"
	ask poll '{"wait":0}'
	seen=$output
	holds '[.events[].text] == ["one", "two"]'
	run -0 look updates
	holds '.pending | length == 2'
	ask poll "{\"wait\":0,\"cursor\":\"$(jq '.cursor | tonumber - 2' <<<"$seen")\"}"
	holds '[.events[].text] == ["one", "two"]'
	poll_after
	holds '.events == []'
	run -0 look updates
	holds '.pending == []'
}

@test "poll: an empty batch keeps the cursor, and a first one has none" {
	ask poll '{"wait":0}'
	holds '.events == [] and (has("cursor") | not)'
	ask poll '{"cursor":"12345","wait":0}'
	holds '.events == [] and .cursor == "12345"'
}

@test "poll: ids that jump back lose nothing" {
	room update_id '{"next":900000000}'
	room say "{\"chat\":$ANN,\"text\":\"before\"}"
	ask poll '{"wait":0}'
	poll_after
	room update_id '{"next":1000}'
	room say "{\"chat\":$ANN,\"text\":\"after\"}"
	poll_after
	holds '.events[0].text == "after" and .cursor == "1001"'
}

@test "poll: passes what says nothing, and goes on behind it" {
	room say "{\"chat\":$FORUM,\"from\":5,\"service\":\"new_chat_title\",\"value\":\"New\"}"
	room say "{\"chat\":$FORUM,\"from\":5,\"service\":\"forum_topic_created\"}"
	room say "{\"chat\":$ANN,\"extra\":{\"photo\":[]}}"
	ask poll '{"wait":0}'
	holds '.events == [] and .cursor'
	poll_after
	run -0 look updates
	holds '.pending == []'
}

@test "poll: a caption is said too" {
	room say "{\"chat\":$ANN,\"extra\":{\"photo\":[],\"caption\":\"look\"}}"
	ask poll '{"wait":0}'
	holds '.events[0].text == "look"'
}

@test "poll: who speaks for a chat is that chat, never the bot that stands for it" {
	room say "{\"chat\":$FORUM,\"sender_chat\":{\"id\":$FORUM},\"text\":\"from the chair\"}"
	room say "{\"chat\":$FORUM,\"sender_chat\":{\"id\":-1007770000000,\"title\":\"News\",\"type\":\"channel\"},\"text\":\"news\"}"
	ask poll '{"wait":0}'
	holds ".events | (.[0].user == {id: \"$FORUM\", name: \"Team\"})
		and (.[1].user == {id: \"-1007770000000\", name: \"News\"}) and .[1].place.user == \"-1007770000000\""
}

@test "poll: what Telegram itself puts into a channel's discussion group is said by nobody" {
	room say "{\"chat\":$SUPER,\"sender_chat\":-1007770000000,\"text\":\"the bot's own post\",
		\"extra\":{\"is_automatic_forward\":true}}"
	room say "{\"chat\":$SUPER,\"from\":5,\"text\":\"and what do you mean?\"}"
	ask poll '{"wait":0}'
	holds '[.events[].text] == ["and what do you mean?"]'
}

@test "poll: edits do not come again" {
	id=$(room_says say "{\"chat\":$ANN,\"text\":\"one\"}" | jq .message_id)
	ask poll '{"wait":0}'
	room say "{\"chat\":$ANN,\"edit\":$id,\"text\":\"two\"}"
	poll_after
	holds '.events == []'
}

@test "poll: ids keep every digit" {
	room chat '{"id":4503599627370495,"first_name":"Big"}'
	room say '{"chat":4503599627370495,"text":"hi"}'
	ask poll '{"wait":0}'
	holds '.events[0].place | .chat == "4503599627370495" and .user == .chat'
	send "$(jq -c '.events[0].place' <<<"$output")" hello
	[ "$(copies 4503599627370495 0)" = 1 ]
}

@test "poll: waits for a first message and brings it at once" {
	hermes-adapter-telegram poll <<<'{"wait":40}' >"$BATS_TEST_TMPDIR/said/waited" 3>&- &
	run -0 look 'wait?polling=true'
	room say "{\"chat\":$ANN,\"text\":\"at last\"}"
	SECONDS=0
	wait $!
	((SECONDS < 30))
	output=$(cat "$BATS_TEST_TMPDIR/said/waited")
	holds '.events[0].text == "at last"'
}

@test "poll: another consumer, or a webhook, is named with the way out" {
	hermes-adapter-telegram poll <<<'{"wait":20}' >"$BATS_TEST_TMPDIR/said/first" 3>&- &
	run -0 look 'wait?polling=true'
	ask poll '{"wait":0}'
	holds '.events == []'
	wait $!
	output=$(cat "$BATS_TEST_TMPDIR/said/first")
	holds '.error.class == "busy" and (.error.remedy | contains("bot of its own"))'
	room webhook '{"url":"https://example.org/hook"}'
	ask poll '{"wait":0}'
	holds '.error.class == "busy" and (.error.remedy | contains("deleteWebhook"))'
}

@test "poll: an answer that is lost, late or too large is an error, and nothing is confirmed" {
	room say "{\"chat\":$ANN,\"text\":\"kept\"}"
	for fault in drop_before drop_after reset_after truncate_after gateway garbage half_json redirect; do
		fault "{\"method\":\"getUpdates\",\"fault\":\"$fault\"}"
		ask poll '{"wait":0}'
		holds '.error.class == "transient" and .error.why' || { echo "$fault"; return 1; }
	done
	fault '{"method":"getUpdates","fault":"huge","bytes":10485760}'
	ask poll '{"wait":0}'
	holds '.error.class == "transient" and (.error.why | contains("more than can be right"))'
	ask poll '{"wait":0,"cursor":"-1"}'
	holds '.error.class == "request"'
	ask poll '{"wait":0}'
	holds '.events[0].text == "kept"'
}

@test "poll: an id of an update that can be none does not become the cursor" {
	start_canned '{"getMe":{"id":1,"is_bot":true,"first_name":"Bot"},"getUpdates":[{"update_id":1e300}]}'
	ask poll '{"wait":0,"cursor":"7"}'
	holds '.events == [] and .cursor == "7"'
}

# --- a group that becomes a supergroup

@test "poll: a group that became a supergroup says so, once in each" {
	room say "{\"chat\":$PLAIN,\"from\":5,\"service\":\"migrate_to_chat_id\",\"value\":$SUPER}"
	room say "{\"chat\":$SUPER,\"from\":5,\"service\":\"migrate_from_chat_id\",\"value\":$PLAIN}"
	ask poll '{"wait":0}'
	holds ".events == [] and .moved == [range(2) | {from: \"$PLAIN\", to: \"$SUPER\"}]"
	poll_after
	holds 'has("moved") | not'
}

@test "a conversation stays in a group that becomes a supergroup" {
	export TELEGRAM_ALLOWED_USERS=5,6 TELEGRAM_HOME_CHANNEL=$PLAIN
	S=$(new_session)
	hermes handoff telegram --session "$S" --shared --timeout 120 >/dev/null
	room say "{\"chat\":$PLAIN,\"from\":6,\"text\":\"we want topics here\"}"
	room say "{\"chat\":$PLAIN,\"from\":5,\"service\":\"migrate_to_chat_id\",\"value\":$SUPER}"
	room say "{\"chat\":$SUPER,\"from\":6,\"text\":\"are you still there?\"}"
	run -0 --separate-stderr hermes-watch --once
	[[ $stderr == *"the chat $PLAIN is $SUPER now; mend home_channel"* ]]
	[ "$(words "$S" | grep -cE '^user: (we want topics|are you still)')" = 2 ]
	[ "$(hermes-state list -q)" = "$S" ]
	[ "$(copies "$SUPER" 0)" = 2 ]
}

# --- channels

# a_channel [MORE-JSON]: with a name, and the bot an administrator.
a_channel() {
	room chat "$(jq -nc --argjson id "$NEWS" --argjson more "${1:-{\}}" '{$id, type: "channel",
		title: "News", username: "newsroom", bot_status: "administrator",
		members: [{id: 5, status: "creator"}, 6, 7]} + $more')"
}

@test "a channel is a place of kind channel, and its own subscribers read there" {
	a_channel
	ask resolve '{"words":"@newsroom"}'
	holds ".place.kind == \"channel\" and .place.chat == \"$NEWS\" and .place.link == \"https://t.me/newsroom\""
	holds '.audience == {size: 3, names: ["News", "Ben Li"], known: true}'
	send "$(jq -c .place <<<"$output")" hello
	holds '.outcome == "sent" and .ids == ["2"]'
}

@test "poll: what is posted in a channel is said by the channel, in the very place that resolve gave" {
	a_channel
	ask resolve "{\"words\":\"$NEWS\"}"
	same_place "$(jq -c .place <<<"$output")" "{\"chat\":$NEWS,\"from\":5,\"text\":\"hi\"}"
	holds ".events[0] | .text == \"hi\" and .user == {id: \"$NEWS\", name: \"News\"} and .place.user == \"$NEWS\""
}

@test "check: a channel is written in and heard by its administrators alone" {
	export TELEGRAM_HOME_CHANNEL=$NEWS
	a_channel
	ask check
	holds '.ok and (.facts.home | .kind == "channel" and .reachable and .readable and (.threads | not))'
	a_channel '{"can_post_messages":false}'
	ask check
	problem 'may not write' 'right to post'
	holds '.facts.home | (.reachable | not) and .readable'
	room me '{"can_read_all_group_messages":true}'
	a_channel '{"bot_status":"left"}'
	ask check
	problem 'may not write' administrator
	holds '(.problems | length) == 1 and (.facts.home | (.reachable or .readable) | not)'
}

# --- proxies and certificates

@test "a SOCKS5 proxy with a password, which resolves the name itself" {
	start_proxy -u ada -P wonder
	export TELEGRAM_BASE_URL=http://localhost:$TELEGRAM_PORT
	for scheme in socks5 socks SOCKS5 socks5h; do
		TELEGRAM_PROXY=$scheme://ada:wonder@127.0.0.1:$PROXY_PORT send "$(place "$ANN")" hello
		holds '.outcome == "sent"'
	done
	[ "$(grep -c 'connected to localhost:' "$BATS_TEST_TMPDIR/proxy.log")" = 4 ]
	TELEGRAM_PROXY=socks5://ada:falsch@127.0.0.1:$PROXY_PORT send "$(place "$ANN")" hello
	holds '.outcome == "not_sent" and .class == "config" and (.why | contains("password"))'
	[[ $output != *falsch* ]]
	TELEGRAM_PROXY=socks5://127.0.0.1:1 send "$(place "$ANN")" hello
	holds '.outcome == "not_sent" and .class == "transient" and (.why | contains("or to the proxy"))'
	TELEGRAM_BASE_URL=http://127.0.0.1:1 send "$(place "$ANN")" hello
	holds '.outcome == "not_sent" and (.why | contains("no connection") and (contains("proxy") | not))'
}

@test "ALL_PROXY is the next choice, and NO_PROXY is honoured" {
	start_proxy
	ALL_PROXY=socks5://127.0.0.1:$PROXY_PORT send "$(place "$ANN")" hello
	holds '.outcome == "sent"'
	grep -q 'connected to 127.0.0.1:' "$BATS_TEST_TMPDIR/proxy.log"
	ALL_PROXY=socks5://127.0.0.1:1 TELEGRAM_PROXY=socks5://127.0.0.1:$PROXY_PORT \
		send "$(place "$ANN")" hello
	holds '.outcome == "sent"'
	TELEGRAM_PROXY=socks5://127.0.0.1:1 NO_PROXY=127.0.0.1 send "$(place "$ANN")" hello
	holds '.outcome == "sent"'
}

@test "a proxy's refusal to go on is not sent" {
	start_proxy
	TELEGRAM_BASE_URL=http://localhost:1 TELEGRAM_PROXY=socks5://127.0.0.1:$PROXY_PORT \
		send "$(place "$ANN")" hello
	holds '.outcome == "not_sent" and .class == "transient" and (.why | contains("proxy"))'
}

@test "an HTTP proxy that does not connect us is not sent" {
	start_canned '{}'
	export TELEGRAM_PROXY=$TELEGRAM_BASE_URL
	TELEGRAM_BASE_URL=https://localhost:1 send '{"chat":"1"}' hello
	holds '.outcome == "not_sent" and .class == "transient"'
}

@test "an HTTP proxy that wants another user or password says so, and it is not sent" {
	start_server "$BATS_TEST_TMPDIR/locked" "$PYTHON" -c 'import http.server, json
class Proxy(http.server.BaseHTTPRequestHandler):
	def do_POST(self):
		self.rfile.read(int(self.headers.get("Content-Length") or 0))
		self.send_error(407)
	do_CONNECT = do_POST
s = http.server.HTTPServer(("127.0.0.1", 0), Proxy)
print(json.dumps({"port": s.server_port}), flush=True)
s.serve_forever()'
	export TELEGRAM_PROXY=http://ada:falsch@127.0.0.1:$PORT
	for base in https://localhost:1 http://localhost:1; do
		TELEGRAM_BASE_URL=$base send '{"chat":"1"}' hello
		holds '.outcome == "not_sent" and .class == "config" and (.remedy | contains("password"))'
		[[ $output != *falsch* ]]
	done
}

@test "time that runs out before TLS is agreed is not sent; after a request left, unknown" {
	start_server "$BATS_TEST_TMPDIR/mute" /usr/bin/python3 -c 'import socket, time
s = socket.create_server(("127.0.0.1", 0))
print("{\"port\":%d}" % s.getsockname()[1], flush=True)
time.sleep(60)'
	HERMES_ADAPTER_LIMIT=1 TELEGRAM_BASE_URL=https://127.0.0.1:$PORT send '{"chat":"1"}' hello
	holds '.outcome == "not_sent" and .class == "transient" and (.why | contains("time limit"))'
	HERMES_ADAPTER_LIMIT=1 TELEGRAM_BASE_URL=http://127.0.0.1:$PORT send '{"chat":"1"}' hello
	holds '.outcome == "unknown"'
}

@test "a certificate is always verified; a private authority can be named" {
	certificate right localhost
	certificate wrong elsewhere.example
	start_canned '{"sendMessage":{"message_id":9}}' right
	send '{"chat":"1"}' hello
	holds '.outcome == "not_sent" and .class == "config" and (.remedy | contains("CA_FILE"))'
	TELEGRAM_CA_FILE=$BATS_TEST_TMPDIR/right.pem send '{"chat":"1"}' hello
	holds '.outcome == "sent"'
	CURL_CA_BUNDLE=$BATS_TEST_TMPDIR/right.pem send '{"chat":"1"}' hello
	holds '.outcome == "sent"'
	TELEGRAM_CA_FILE=$BATS_TEST_TMPDIR/nothing.pem send '{"chat":"1"}' hello
	holds '.outcome == "not_sent" and .class == "config"'
	start_canned '{"sendMessage":{"message_id":9}}' wrong
	TELEGRAM_CA_FILE=$BATS_TEST_TMPDIR/wrong.pem send '{"chat":"1"}' hello
	holds '.outcome == "not_sent" and .class == "config"'
}

# --- secrets

@test "a server that repeats the token does not make us repeat it" {
	start_canned '{}'
	ask check
	problem 'Not Found: /bot\*+/getMe' TELEGRAM_BOT_TOKEN
	send '{"chat":"1"}' hello
	holds '.class == "config"'
}
