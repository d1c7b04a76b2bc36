#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The Telegram the other tests talk to, held to the rules of the real one.
# Each test starts its own server; GROUP is a forum whose admin the bot is.
#
# Backquotes in a text are Markdown, and each test is a subshell of its own:
# shellcheck disable=SC2016,SC2030,SC2031

bats_require_minimum_version 1.5.0
load common
load serving

TOKEN=9001:SECRET
GROUP=-1001234567890
PLAIN=-1009876543210
ANN=55

setup() {
	serve
	room chat "{\"id\":$ANN,\"first_name\":\"Ann\"}"
	room chat "{\"id\":$GROUP,\"is_forum\":true,\"bot_status\":\"administrator\"}"
	room chat "{\"id\":$PLAIN,\"title\":\"Plain\",\"bot_status\":\"administrator\"}"
}

teardown() {
	stop_all
}

# serve [OPTION...]: sets PORT, ROOM and API.
serve() {
	start_platform telegram "$@"
	API=http://127.0.0.1:$PORT
}

# api METHOD JSON: the bot's side; prints the body whatever the status.
api() {
	curl -sS --max-time 60 -H 'Content-Type: application/json' \
		--data-binary "$2" "$API/bot$TOKEN/$1"
}

# refused CODE TEXT: the last answer refuses with exactly this.
refused() {
	holds ".ok == false and .error_code == $1"
	if [[ $(jq -r .description <<<"$output") != "$2" ]]; then
		echo "wanted $1 $2, got: $output" >&2
		return 1
	fi
}

# send JSON: sendMessage to Ann unless the JSON names another chat.
send() {
	run -0 api sendMessage "$(jq -nc --argjson j "$1" "{chat_id: $ANN, text: \"hi\"} + \$j")"
}

# topic NAME: makes a topic in GROUP and sets TOPIC.
topic() {
	TOPIC=$(api createForumTopic "{\"chat_id\":$GROUP,\"name\":\"$1\"}" | jq .result.message_thread_id)
}

# poll JSON: getUpdates.  The same offset twice within 0.5 s gets one update.
poll() {
	run -0 api getUpdates "$1"
}

# say JSON: a human speaks; prints the update's id, or null if the bot hears none.
say() {
	room_says say "$1" | jq 'if has("update_id") then .update_id else error(tostring) end'
}

# --- the envelope

@test "the HTTP status is the error_code" {
	run -0 curl -sS -o /dev/null -w '%{http_code}' "$API/bot$TOKEN/sendMessage"
	[ "$output" = 400 ]
	run -0 curl -sS -o /dev/null -w '%{http_code}' "$API/bot$TOKEN/getMe"
	[ "$output" = 200 ]
}

@test "a wrong token is unauthorized" {
	TOKEN=9001:WRONG run -0 api getMe '{}'
	refused 401 Unauthorized
}

@test "a malformed token, an empty method and another path are not found" {
	run -0 curl -sS "$API/botnonsense/getMe"
	refused 404 'Not Found'
	run -0 curl -sS "$API/bot$TOKEN/"
	refused 404 'Not Found'
	run -0 curl -sS "$API/elsewhere"
	refused 404 'Not Found'
}

@test "an unknown method is not found" {
	run -0 api sendPigeon '{}'
	refused 404 'Not Found: method not found'
}

@test "method names are case-insensitive and /test/ reaches the same bot" {
	run -0 api GETME '{}'
	holds '.result.id == 9001 and .result.is_bot'
	run -0 api test/getme '{}'
	holds '.result.id == 9001 and .result.has_topics_enabled == false'
}

@test "parameters arrive by query, form, multipart or JSON alike" {
	local url=$API/bot$TOKEN/sendMessage
	curl -sSG "$url" -d chat_id=$ANN --data-urlencode 'text=one & é'
	curl -sS "$url" -d chat_id=$ANN --data-urlencode 'text=two & é'
	curl -sS "$url" -F chat_id=$ANN -F 'text=three & é'
	curl -sS "$url?chat_id=$ANN" -H 'Content-Type: application/json' -d '{"text":"four & \u00e9"}'
	run -0 look "messages?chat=$ANN"
	holds 'map(.text) == ["one & é", "two & é", "three & é", "four & é"]'
	run -0 look requests
	holds 'map(.body) == ["none", "form", "multipart", "json"]'
	holds 'map(.http) == ["GET", "POST", "POST", "POST"]'
}

@test "a body that is no JSON object is a bad request" {
	run -0 api sendMessage '{"chat_id":'
	holds '.error_code == 400'
	run -0 api sendMessage '[1]'
	holds '.error_code == 400'
	run -0 look "messages?chat=$ANN"
	holds 'length == 0'
}

# --- who

@test "a chat is named by number, numeric text or @username" {
	room chat "{\"id\":$PLAIN,\"username\":\"plainroom\"}"
	send "{\"chat_id\":$PLAIN}"
	holds ".result.chat.id == $PLAIN"
	send "{\"chat_id\":\"$PLAIN\"}"
	holds ".result.chat.id == $PLAIN"
	send '{"chat_id":"@PlainRoom"}'
	holds ".result.chat.id == $PLAIN"
}

@test "an unknown chat is not found and a missing one is said to be empty" {
	for id in 777 '"@nobody"' '"12x"' null; do
		send "{\"chat_id\":$id}"
		refused 400 'Bad Request: chat not found'
	done
	send '{"chat_id":""}'
	refused 400 'Bad Request: chat_id is empty'
}

@test "a dead chat says how it died" {
	local group=-4242
	room chat "{\"id\":$ANN,\"blocked\":true}"
	send '{}'
	refused 403 'Forbidden: bot was blocked by the user'
	room chat "{\"id\":$ANN,\"blocked\":false,\"deactivated\":true}"
	send '{}'
	refused 403 'Forbidden: user is deactivated'
	room chat "{\"id\":$ANN,\"deactivated\":false,\"started\":false}"
	send '{}'
	refused 403 "Forbidden: bot can't initiate conversation with a user"
	room chat "{\"id\":$GROUP,\"bot_status\":\"kicked\"}"
	send "{\"chat_id\":$GROUP}"
	refused 403 'Forbidden: bot was kicked from the supergroup chat'
	room chat "{\"id\":$GROUP,\"bot_status\":\"left\"}"
	send "{\"chat_id\":$GROUP}"
	refused 403 'Forbidden: bot is not a member of the supergroup chat'
	room chat "{\"id\":$group,\"bot_status\":\"kicked\"}"
	send "{\"chat_id\":$group}"
	refused 403 'Forbidden: bot was kicked from the group chat'
	room chat "{\"id\":$group,\"bot_status\":\"member\",\"deleted\":true}"
	send "{\"chat_id\":$group}"
	refused 403 'Forbidden: the group chat was deleted'
	room chat "{\"id\":$PLAIN,\"bot_status\":\"restricted\"}"
	send "{\"chat_id\":$PLAIN}"
	refused 400 'Bad Request: not enough rights to send text messages to the chat'
}

@test "an upgraded group names its new id" {
	room chat "{\"id\":-4242,\"migrate_to\":$GROUP}"
	send '{"chat_id":-4242}'
	refused 400 'Bad Request: group chat was upgraded to a supergroup chat'
	holds ".parameters.migrate_to_chat_id == $GROUP"
}

@test "getChat, getChatMember and their kin describe the chat" {
	room chat "{\"id\":$GROUP,\"title\":\"Home\",\"members\":[7,{\"id\":8,\"first_name\":\"Bo\",\"status\":\"creator\"}]}"
	run -0 api getChat "{\"chat_id\":$GROUP}"
	holds '.result | .title == "Home" and .is_forum and .type == "supergroup"'
	run -0 api getChatMember "{\"chat_id\":$GROUP,\"user_id\":8}"
	holds '.result | .status == "creator" and .user.first_name == "Bo"'
	run -0 api getChatMember "{\"chat_id\":$GROUP,\"user_id\":9001}"
	holds '.result | .status == "administrator" and .can_manage_topics'
	run -0 api getChatMember "{\"chat_id\":$GROUP,\"user_id\":$ANN}"
	holds '.result.status == "left"'
	run -0 api getChatMember "{\"chat_id\":$GROUP,\"user_id\":404}"
	refused 400 'Bad Request: user not found'
	run -0 api getChatMemberCount "{\"chat_id\":$GROUP}"
	holds '.result == 3'
	run -0 api getChatAdministrators "{\"chat_id\":$GROUP}"
	holds '.result | map(.user.id) == [9001, 8]'
}

# --- text

@test "a sent message comes back complete" {
	send '{"text":"hello"}'
	holds ".result | .message_id > 0 and .date > 0 and .text == \"hello\""
	holds ".result | .from.id == 9001 and .from.is_bot and .chat == {id: $ANN, first_name: \"Ann\", type: \"private\"}"
	holds '.result | has("message_thread_id") or has("entities") | not'
}

@test "text is 1 to 4096 UTF-16 units" {
	send '{"text":""}'
	refused 400 'Bad Request: message text is empty'
	send '{"text":" \n "}'
	refused 400 'Bad Request: text must be non-empty'
	send "$(jq -nc '{text: ("x" * 4096)}')"
	holds '.ok'
	send "$(jq -nc '{text: ("x" * 4097)}')"
	refused 400 'Bad Request: message is too long'
	send "$(jq -nc '{text: ("😀" * 2048)}')"
	holds '.ok'
	send "$(jq -nc '{text: ("😀" * 2048 + "x")}')"
	refused 400 'Bad Request: message is too long'
}

@test "length is counted after the markup is gone" {
	send "$(jq -nc '{text: ("<b>" + "x" * 4096 + "</b>"), parse_mode: "HTML"}')"
	holds '.result | (.text | length) == 4096 and .entities == [{offset: 0, length: 4096, type: "bold"}]'
}

@test "spaces around a text are trimmed" {
	send '{"text":"  a\r b \n"}'
	holds '.result.text == "a b"'
}

@test "a JSON null is the text null" {
	send '{"parse_mode":null}'
	refused 400 'Bad Request: unsupported parse_mode'
	send '{"text":null}'
	holds '.result.text == "null"'
}

@test "HTML is parsed strictly" {
	send '{"parse_mode":"html","text":"<b>a😀<i>b</i></b> &lt;&#99; <a href=\"http://x.y/?a&amp;b\">l</a>"}'
	holds '.result.text == "a😀b <c l"'
	holds '.result.entities == [{offset:0,length:4,type:"bold"},{offset:3,length:1,type:"italic"},
		{offset:8,length:1,type:"text_link",url:"http://x.y/?a&b"}]'
	send '{"parse_mode":"HTML","text":"é<x>"}'
	refused 400 "Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 2"
	send '{"parse_mode":"HTML","text":"a < b"}'
	holds ".description | startswith(\"Bad Request: can't parse entities: Un\")"
	send '{"parse_mode":"HTML","text":"<b>a"}'
	refused 400 "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\""
	send '{"parse_mode":"HTML","text":"<b>a</i>"}'
	holds '.description | contains("Unmatched end tag at byte offset 4")'
	send '{"parse_mode":"HTML","text":"a</b>"}'
	holds '.description | contains("Unexpected end tag at byte offset 1")'
	send '{"parse_mode":"HTML","text":"<b></b>"}'
	refused 400 'Bad Request: text must be non-empty'
}

@test "MarkdownV2 is parsed strictly" {
	send '{"parse_mode":"MarkdownV2","text":"*a _b_* ~c~ ||d|| __e__ `f.g` [h](http://x.y) \\."}'
	holds '.result.text == "a b c d e f.g h ."'
	holds '.result.entities | map(.type) == ["bold","italic","strikethrough","spoiler","underline","code","text_link"]'
	send '{"parse_mode":"MarkdownV2","text":"a.b"}'
	refused 400 "Bad Request: can't parse entities: Character '.' is reserved and must be escaped with the preceding '\\'"
	send '{"parse_mode":"MarkdownV2","text":"é *a"}'
	refused 400 "Bad Request: can't parse entities: Can't find end of Bold entity at byte offset 3"
	send '{"parse_mode":"MarkdownV2","text":"```sh\nls .\n```"}'
	holds '.result.entities[0] | .type == "pre" and .language == "sh"'
}

@test "markup is parsed before the chat is looked at" {
	send '{"chat_id":777,"parse_mode":"HTML","text":"<b>"}'
	holds ".description | startswith(\"Bad Request: can't parse entities\")"
}

@test "explicit entities count UTF-16 units, and must lie inside the text" {
	send '{"text":"😀bold","entities":[{"type":"bold","offset":2,"length":4}]}'
	holds '.result.entities == [{type:"bold",offset:2,length:4}]'
	send '{"text":"abc","entities":[{"type":"bold","offset":0,"length":4}]}'
	refused 400 'Bad Request: entity beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 3'
	send '{"text":"😀b","entities":[{"type":"bold","offset":1,"length":1}]}'
	holds '.description | startswith("Bad Request: entity begins in a middle of a UTF-16 symbol")'
}

@test "an explicit entity of unknown type or senseless size is dropped" {
	send '{"text":"abc","entities":[{"type":"shiny","offset":0,"length":1},{"type":"bold","offset":-1,"length":2},
		{"type":"bold","offset":0,"length":0},{"type":"italic","offset":1,"length":2}]}'
	holds '.result.entities == [{type:"italic",offset:1,length:2}]'
}

@test "commands, mentions and addresses are found without markup" {
	send '{"text":"😀 /go @ann http://x.y/z a@b.cd"}'
	holds '.result.entities | map([.type, .offset]) == [["bot_command",3],["mention",7],["url",12],["email",25]]'
}

# --- replies

@test "a reply needs its message unless told otherwise" {
	send '{"text":"first"}'
	local first
	first=$(jq .result.message_id <<<"$output")
	send "{\"reply_parameters\":{\"message_id\":$first}}"
	holds ".result.reply_to_message | .message_id == $first and .text == \"first\""
	send '{"reply_parameters":{"message_id":99999}}'
	refused 400 'Bad Request: message to be replied not found'
	send '{"reply_parameters":{"message_id":99999,"allow_sending_without_reply":true}}'
	holds '.ok and (.result | has("reply_to_message") | not)'
	send '{"reply_parameters":"{"}'
	holds '.error_code == 400'
}

@test "a reply lands in the topic of the message it answers" {
	topic T
	send "{\"chat_id\":$GROUP,\"message_thread_id\":$TOPIC,\"text\":\"inside\"}"
	send "{\"chat_id\":$GROUP,\"reply_to_message_id\":$(jq .result.message_id <<<"$output")}"
	holds ".result.message_thread_id == $TOPIC"
}

# --- topics

@test "a topic is made, spoken in and marked on each message" {
	run -0 api createForumTopic "{\"chat_id\":$GROUP,\"name\":\"Plan\"}"
	holds '.result == {message_thread_id: 2, name: "Plan", icon_color: 7322096}'
	send "{\"chat_id\":$GROUP,\"message_thread_id\":2}"
	holds '.result | .message_thread_id == 2 and .is_topic_message and .reply_to_message.forum_topic_created.name == "Plan"'
	run -0 look "messages?chat=$GROUP&thread=2"
	holds 'length == 1'
	run -0 look "messages?chat=$GROUP&thread=0"
	holds 'length == 0'
}

@test "creating twice makes two topics" {
	topic T
	topic T
	run -0 look "topics?chat=$GROUP"
	holds 'map(.name) == ["T", "T"] and (.[0].message_thread_id != .[1].message_thread_id)'
}

@test "a topic's name is cleaned and cut to 128 characters" {
	run -0 api createForumTopic "$(jq -nc "{chat_id: $GROUP, name: (\" a\\n\\tb \" + \"é\" * 200)}")"
	holds '.result.name | length == 128 and startswith("a b éé")'
}

@test "createForumTopic refuses for the reasons of the real one" {
	local create="\"name\":\"T\""
	run -0 api createForumTopic "{\"chat_id\":$PLAIN,$create}"
	refused 400 'Bad Request: the chat is not a forum'
	run -0 api createForumTopic "{\"chat_id\":$ANN,$create}"
	refused 400 'Bad Request: the chat is not a forum'
	run -0 api createForumTopic "{\"chat_id\":777,$create}"
	refused 400 'Bad Request: chat not found'
	run -0 api createForumTopic "{\"chat_id\":$GROUP,\"name\":\" \n \"}"
	holds '.error_code == 400 and (.description | contains("name must be non-empty"))'
	run -0 api createForumTopic "{\"chat_id\":$GROUP,$create,\"icon_color\":5}"
	refused 400 'Bad Request: invalid icon color specified'
	room chat "{\"id\":$GROUP,\"can_manage_topics\":false}"
	run -0 api createForumTopic "{\"chat_id\":$GROUP,$create}"
	refused 400 'Bad Request: not enough rights to create a topic'
	room chat "{\"id\":$GROUP,\"can_manage_topics\":true,\"bot_status\":\"member\"}"
	run -0 api createForumTopic "{\"chat_id\":$GROUP,$create}"
	refused 400 'Bad Request: not enough rights to create a topic'
	run -0 look "topics?chat=$GROUP"
	holds 'length == 0'
}

@test "General's id 1 and an unknown thread are not found" {
	for id in 1 12345; do
		send "{\"chat_id\":$GROUP,\"message_thread_id\":$id}"
		refused 400 'Bad Request: message thread not found'
	done
	run -0 look "messages?chat=$GROUP"
	holds 'length == 0'
}

@test "a closed topic refuses until it is reopened" {
	topic T
	run -0 api closeForumTopic "{\"chat_id\":$GROUP,\"message_thread_id\":$TOPIC}"
	holds '.result == true'
	send "{\"chat_id\":$GROUP,\"message_thread_id\":$TOPIC}"
	refused 400 'Bad Request: TOPIC_CLOSED'
	run -0 api closeForumTopic "{\"chat_id\":$GROUP,\"message_thread_id\":$TOPIC}"
	refused 400 'Bad Request: TOPIC_NOT_MODIFIED'
	run -0 api reopenForumTopic "{\"chat_id\":$GROUP,\"message_thread_id\":$TOPIC}"
	send "{\"chat_id\":$GROUP,\"message_thread_id\":$TOPIC}"
	holds '.ok'
}

@test "a deleted topic takes its messages along and is not found" {
	topic T
	send "{\"chat_id\":$GROUP,\"message_thread_id\":$TOPIC}"
	run -0 api deleteForumTopic "{\"chat_id\":$GROUP,\"message_thread_id\":$TOPIC}"
	holds '.result == true'
	send "{\"chat_id\":$GROUP,\"message_thread_id\":$TOPIC}"
	refused 400 'Bad Request: message thread not found'
	run -0 look "messages?chat=$GROUP&service=1"
	holds 'length == 0'
}

@test "a topic is renamed" {
	topic Old
	run -0 api editForumTopic "{\"chat_id\":$GROUP,\"message_thread_id\":$TOPIC,\"name\":\"New\"}"
	holds '.result == true'
	run -0 look "topics?chat=$GROUP"
	holds 'map(.name) == ["New"]'
	run -0 api editForumTopic "{\"chat_id\":$GROUP,\"message_thread_id\":77,\"name\":\"New\"}"
	refused 400 'Bad Request: TOPIC_ID_INVALID'
}

@test "a thread sent to a group without topics is silently ignored" {
	topic T
	send "{\"chat_id\":$PLAIN,\"message_thread_id\":$TOPIC}"
	holds '.ok and (.result | has("message_thread_id") or has("is_topic_message") | not)'
	room chat "{\"id\":$GROUP,\"is_forum\":false}"
	send "{\"chat_id\":$GROUP,\"message_thread_id\":$TOPIC}"
	holds '.ok and (.result | has("message_thread_id") | not)'
}

@test "a private chat has topics only when bot and user both want them" {
	local create="{\"chat_id\":$ANN,\"name\":\"T\"}"
	room chat "{\"id\":$ANN,\"topics\":true}"
	run -0 api createForumTopic "$create"
	refused 400 'Bad Request: the chat is not a forum'
	room chat "{\"id\":$ANN,\"topics\":false}"
	room me '{"has_topics_enabled":true}'
	run -0 api createForumTopic "$create"
	refused 400 'Bad Request: the chat is not a forum'
	room chat "{\"id\":$ANN,\"topics\":true}"
	run -0 api createForumTopic "$create"
	holds '.ok'
	send "{\"message_thread_id\":$(jq .result.message_thread_id <<<"$output")}"
	holds '.result.is_topic_message and .result.message_thread_id > 0'
}

@test "a deleted private topic is an error now and was ignored once" {
	room chat "{\"id\":$ANN,\"topics\":true}"
	room me '{"has_topics_enabled":true}'
	TOPIC=$(api createForumTopic "{\"chat_id\":$ANN,\"name\":\"T\"}" | jq .result.message_thread_id)
	api deleteForumTopic "{\"chat_id\":$ANN,\"message_thread_id\":$TOPIC}"
	send "{\"message_thread_id\":$TOPIC}"
	refused 400 'Bad Request: message thread not found'
	room switch '{"ignore_deleted_dm_topics":true}'
	send "{\"message_thread_id\":$TOPIC}"
	holds '.ok and (.result | has("message_thread_id") | not)'
}

@test "a topic may become unreachable for the bot alone" {
	topic T
	room topic "{\"chat\":$GROUP,\"thread\":$TOPIC,\"error\":\"message thread not found\"}"
	send "{\"chat_id\":$GROUP,\"message_thread_id\":$TOPIC}"
	refused 400 'Bad Request: message thread not found'
	room say "{\"chat\":$GROUP,\"from\":$ANN,\"text\":\"still here\",\"thread\":$TOPIC}"
}

# --- editing, deleting, typing

@test "message ids count per supergroup, and over all private chats together" {
	room chat '{"id":66}'
	send "{\"chat_id\":$PLAIN}"
	holds '.result.message_id == 2'
	send "{\"chat_id\":$GROUP}"
	holds '.result.message_id == 2'
	send "{\"chat_id\":$PLAIN}"
	holds '.result.message_id == 3'
	send '{"chat_id":66}'
	local id
	id=$(jq .result.message_id <<<"$output")
	send '{}'
	holds ".result.message_id == $id + 1"
}

@test "the bot edits and deletes its own messages" {
	send '{"text":"old"}'
	local id
	id=$(jq .result.message_id <<<"$output")
	run -0 api editMessageText "{\"chat_id\":$ANN,\"message_id\":$id,\"text\":\"new\"}"
	holds '.result | .text == "new" and .edit_date > 0'
	run -0 api editMessageText "{\"chat_id\":$ANN,\"message_id\":$id,\"text\":\"new\"}"
	holds '.description | startswith("Bad Request: message is not modified")'
	run -0 api deleteMessage "{\"chat_id\":$ANN,\"message_id\":$id}"
	holds '.result == true'
	run -0 api deleteMessage "{\"chat_id\":$ANN,\"message_id\":$id}"
	refused 400 'Bad Request: message to delete not found'
	run -0 api editMessageText "{\"chat_id\":$ANN,\"message_id\":$id,\"text\":\"x\"}"
	refused 400 'Bad Request: message to edit not found'
}

@test "a chat action must exist and commands must parse" {
	run -0 api sendChatAction "{\"chat_id\":$ANN,\"action\":\"typing\"}"
	holds '.result == true'
	run -0 api sendChatAction "{\"chat_id\":$ANN,\"action\":\"dancing\"}"
	refused 400 'Bad Request: wrong parameter action in request'
	run -0 api setMyCommands '{"commands":[{"command":"go","description":"Go"}]}'
	holds '.result == true'
	run -0 api setMyCommands '{"commands":"go"}'
	holds '.error_code == 400'
}

# --- updates

@test "an offset forgets everything below it for ever" {
	local a b
	a=$(say "{\"chat\":$ANN,\"text\":\"one\"}")
	b=$(say "{\"chat\":$ANN,\"text\":\"two\"}")
	[ "$b" -eq $((a + 1)) ]
	poll '{}'
	holds '.result | map(.message.text) == ["one", "two"]'
	poll "{\"offset\":$b}"
	holds ".result | map(.update_id) == [$b]"
	poll "{\"offset\":$a}"
	holds ".result | map(.update_id) == [$b]"
	poll "{\"offset\":$((b + 1))}"
	holds '.result == []'
	poll '{}'
	holds '.result == []'
}

@test "an unacknowledged update comes again" {
	say "{\"chat\":$ANN,\"text\":\"one\"}"
	poll '{}'
	holds '.result | length == 1'
	poll '{"limit":5}'
	holds '.result | length == 1'
}

@test "a negative offset drops all but the last ones" {
	for text in a b c d; do say "{\"chat\":$ANN,\"text\":\"$text\"}"; done
	poll '{"offset":-2}'
	holds '.result | map(.message.text) == ["c", "d"]'
	poll '{}'
	holds '.result | map(.message.text) == ["c", "d"]'
}

@test "an offset from the far future forgets nothing" {
	room update_id '{"next":5000}'
	say "{\"chat\":$ANN,\"text\":\"after a week\"}"
	poll '{"offset":900000000}'
	holds '.result | map(.update_id) == [5000]'
}

@test "limit is 1 to 100 and a hasty repeat gets one" {
	for text in a b c; do say "{\"chat\":$ANN,\"text\":\"$text\"}"; done
	run -0 curl -sS "$API/bot$TOKEN/getUpdates?limit=2" --next -sS "$API/bot$TOKEN/getUpdates?limit=100"
	[ "$(jq -c '.result | length' <<<"$output" | xargs)" = '2 1' ]
	poll '{"limit":0,"offset":-3}'
	holds '.result | length == 1'
	poll '{"limit":1000,"offset":1}'
	holds '.result | length == 3'
}

@test "allowed_updates is remembered" {
	local id
	id=$(room_says say "{\"chat\":$ANN,\"text\":\"a\"}" | jq .message_id)
	poll '{"offset":-1,"allowed_updates":["edited_message"]}'
	say "{\"chat\":$ANN,\"text\":\"unseen\"}"
	say "{\"chat\":$ANN,\"text\":\"b\",\"edit\":$id}"
	poll '{}'
	holds '.result | length == 2 and .[1].edited_message.text == "b" and .[1].edited_message.edit_date > 0'
}

@test "updates are kept for a day" {
	say "{\"chat\":$ANN,\"text\":\"old\"}"
	room clock '{"advance":86300}'
	say "{\"chat\":$ANN,\"text\":\"young\"}"
	room clock '{"advance":200}'
	poll '{}'
	holds '.result | map(.message.text) == ["young"]'
}

@test "a long poll answers as soon as someone speaks" {
	api getUpdates '{"timeout":40}' >"$BATS_TEST_TMPDIR/poll" 3>&- &
	look 'wait?polling=1'
	local start=$SECONDS
	say "{\"chat\":$ANN,\"text\":\"wake up\"}"
	wait $!
	((SECONDS - start < 30))
	[ "$(jq -r '.result[0].message.text' "$BATS_TEST_TMPDIR/poll")" = 'wake up' ]
}

@test "a second getUpdates ends the older one" {
	api getUpdates '{"timeout":15}' >"$BATS_TEST_TMPDIR/older" 3>&- &
	look 'wait?polling=1'
	poll '{"limit":5}'
	holds '.ok'
	wait $!
	run -0 cat "$BATS_TEST_TMPDIR/older"
	refused 409 'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running'
}

@test "a webhook shuts getUpdates out until it is deleted" {
	run -0 api setWebhook '{"url":"http://plain.example"}'
	holds '.error_code == 400 and (.description | startswith("Bad Request: bad webhook"))'
	api getUpdates '{"timeout":15}' >"$BATS_TEST_TMPDIR/older" 3>&- &
	look 'wait?polling=1'
	run -0 api setWebhook '{"url":"https://hook.example/x"}'
	holds '.result == true and .description == "Webhook was set"'
	wait $!
	run -0 cat "$BATS_TEST_TMPDIR/older"
	refused 409 'Conflict: terminated by setWebhook request'
	poll '{}'
	refused 409 "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
	say "{\"chat\":$ANN,\"text\":\"a\"}"
	run -0 api getWebhookInfo '{}'
	holds '.result | .url == "https://hook.example/x" and .pending_update_count == 1'
	run -0 api deleteWebhook '{"drop_pending_updates":true}'
	holds '.description == "Webhook was deleted"'
	poll '{}'
	holds '.result == []'
}

@test "slow_poll holds a repeated poll as the real server does" {
	room switch '{"slow_poll":20}'
	poll '{}'
	api getUpdates '{}' >"$BATS_TEST_TMPDIR/held" 3>&- &
	look 'wait?polling=1'
	say "{\"chat\":$ANN,\"text\":\"at last\"}"
	wait $!
	[ "$(jq -r '.result[0].message.text' "$BATS_TEST_TMPDIR/held")" = 'at last' ]
}

# --- what the bot hears

@test "words in a topic carry the thread and reply to its beginning" {
	topic T
	say "{\"chat\":$GROUP,\"from\":{\"id\":$ANN,\"first_name\":\"Ann\",\"username\":\"ann\"},\"text\":\"hey\",\"thread\":$TOPIC}"
	poll '{}'
	holds ".result[0].message | .message_thread_id == $TOPIC and .is_topic_message and .from.username == \"ann\""
	holds ".result[0].message.reply_to_message | .message_id == $TOPIC and .forum_topic_created.name == \"T\""
}

@test "a reply in a group without topics has a thread but no topic" {
	local id
	id=$(room_says say "{\"chat\":$PLAIN,\"from\":$ANN,\"text\":\"a\"}" | jq .message_id)
	room say "{\"chat\":$PLAIN,\"from\":$ANN,\"text\":\"b\",\"reply_to\":$id}"
	poll '{}'
	holds ".result[1].message | .message_thread_id == $id and (has(\"is_topic_message\") | not)"
	holds '.result[0].message | has("message_thread_id") | not'
}

@test "the bot never hears itself or another bot" {
	topic T
	send "{\"chat_id\":$GROUP,\"message_thread_id\":$TOPIC}"
	api closeForumTopic "{\"chat_id\":$GROUP,\"message_thread_id\":$TOPIC}"
	run -0 say "{\"chat\":$GROUP,\"from\":{\"id\":70,\"is_bot\":true},\"text\":\"beep\"}"
	[ "$output" = null ]
	run -0 look updates
	holds '.pending == []'
}

@test "a topic made by a human is heard of" {
	local made
	made=$(room_says say "{\"chat\":$GROUP,\"from\":$ANN,\"service\":\"forum_topic_created\",\"name\":\"Theirs\"}" | jq .message_id)
	poll '{}'
	holds ".result[0].message | .forum_topic_created.name == \"Theirs\" and .message_thread_id == $made"
	send "{\"chat_id\":$GROUP,\"message_thread_id\":$made}"
	holds '.ok'
	room say "{\"chat\":$GROUP,\"from\":$ANN,\"service\":\"forum_topic_closed\",\"thread\":$made}"
	send "{\"chat_id\":$GROUP,\"message_thread_id\":$made}"
	refused 400 'Bad Request: TOPIC_CLOSED'
}

@test "privacy mode lets through only what is meant for the bot" {
	room chat "{\"id\":$PLAIN,\"bot_status\":\"member\"}"
	send "{\"chat_id\":$PLAIN}"
	local mine
	mine=$(jq .result.message_id <<<"$output")
	for text in chatter '/go@other_bot' 'hi @someone'; do
		run -0 say "{\"chat\":$PLAIN,\"from\":$ANN,\"text\":\"$text\"}"
		[ "$output" = null ]
	done
	for text in /go '/go@hermes_test_bot' 'hi @hermes_test_bot'; do
		run -0 say "{\"chat\":$PLAIN,\"from\":$ANN,\"text\":\"$text\"}"
		[ "$output" != null ]
	done
	run -0 say "{\"chat\":$PLAIN,\"from\":$ANN,\"text\":\"answer\",\"reply_to\":$mine}"
	[ "$output" != null ]
	run -0 say "{\"chat\":$PLAIN,\"from\":$ANN,\"service\":\"new_chat_members\",\"value\":[{\"id\":7}]}"
	[ "$output" != null ]
	room me '{"can_read_all_group_messages":true}'
	run -0 say "{\"chat\":$PLAIN,\"from\":$ANN,\"text\":\"chatter\"}"
	[ "$output" != null ]
}

@test "an anonymous admin speaks as the chat" {
	say "{\"chat\":$GROUP,\"sender_chat\":$GROUP,\"text\":\"from above\"}"
	poll '{}'
	holds ".result[0].message | .sender_chat.id == $GROUP and .from.username == \"GroupAnonymousBot\""
}

@test "a channel's posts are its own, and only an administrator hears or makes them" {
	local news=-1005550000000
	room chat "{\"id\":$news,\"type\":\"channel\",\"title\":\"News\",\"bot_status\":\"administrator\"}"
	say "{\"chat\":$news,\"from\":$ANN,\"text\":\"read this\"}"
	poll '{}'
	holds ".result[0] | (has(\"message\") | not) and (.channel_post | .text == \"read this\"
		and .message_id == 2 and .sender_chat.id == $news and .chat.type == \"channel\" and (has(\"from\") | not))"
	send "{\"chat_id\":$news}"
	holds '.result | .message_id == 3 and .sender_chat.title == "News" and (has("from") | not)'
	run -0 api getChatMember "{\"chat_id\":$news,\"user_id\":9001}"
	holds '.result.can_post_messages'
	room chat "{\"id\":$news,\"can_post_messages\":false}"
	send "{\"chat_id\":$news}"
	refused 400 'Bad Request: need administrator rights in the channel chat'
	room chat "{\"id\":$news,\"bot_status\":\"left\"}"
	run -0 say "{\"chat\":$news,\"from\":$ANN,\"text\":\"and this\"}"
	[ "$output" = null ]
	send "{\"chat_id\":$news}"
	refused 403 'Forbidden: bot is not a member of the channel chat'
	run -0 api getChat "{\"chat_id\":$news}"
	refused 403 'Forbidden: bot is not a member of the channel chat'
	room chat "{\"id\":$news,\"username\":\"newsroom\"}"
	run -0 api getChat "{\"chat_id\":$news}"
	holds '.result.title == "News"'
}

@test "a bot outside the group hears nothing" {
	room me '{"can_read_all_group_messages":true}'
	for status in kicked left; do
		room chat "{\"id\":$GROUP,\"bot_status\":\"$status\"}"
		run -0 say "{\"chat\":$GROUP,\"from\":$ANN,\"text\":\"psst\"}"
		[ "$output" = null ]
	done
}

@test "being blocked is announced when asked for" {
	room chat "{\"id\":$ANN,\"blocked\":true,\"announce\":true}"
	poll '{}'
	holds '.result[0].my_chat_member | .new_chat_member.status == "kicked" and .old_chat_member.status == "member"'
}

# --- trouble

@test "rate limits answer 429 with retry_after in body and header" {
	room switch '{"limit_chat_second":1}'
	run -0 curl -sS "$API/bot$TOKEN/sendMessage" -d chat_id=$ANN -d text=hi \
		--next -sS -i "$API/bot$TOKEN/sendMessage" -d chat_id=$ANN -d text=again
	[[ $output == '{"ok":true'*"Retry-After: 1"* ]]
	output=$(tail -n 1 <<<"$output")
	refused 429 'Too Many Requests: retry after 1'
	holds '.parameters.retry_after == 1'
	run -0 look "messages?chat=$ANN"
	holds 'length == 1'
}

@test "a reply lost after the work: stored once, curl told nothing" {
	for fault in drop_after reset_after truncate_after; do
		room fault "{\"method\":\"sendMessage\",\"fault\":\"$fault\"}"
	done
	run -52 api sendMessage "{\"chat_id\":$ANN,\"text\":\"a\"}"
	run -56 api sendMessage "{\"chat_id\":$ANN,\"text\":\"b\"}"
	run -18 api sendMessage "{\"chat_id\":$ANN,\"text\":\"c\"}"
	room fault '{"method":"sendMessage","fault":"truncate_after","chunked":true}'
	run -18 api sendMessage "{\"chat_id\":$ANN,\"text\":\"d\"}"
	run -0 look "messages?chat=$ANN"
	holds 'map(.text) == ["a", "b", "c", "d"]'
	run -0 look requests
	holds 'map(.fault) == ["drop_after","reset_after","truncate_after","truncate_after"] and all(.processed)'
}

@test "a reused connection that dies after the work betrays a client that posts twice" {
	room fault '{"method":"sendMessage","fault":"drop_after","skip":1}'
	run -0 curl -sS "$API/bot$TOKEN/sendMessage" -d chat_id=$ANN -d text=a \
		--next -sS "$API/bot$TOKEN/sendMessage" -d chat_id=$ANN -d text=b
	run -0 look requests
	holds 'map([.params.text, .fault]) == [["a", null], ["b", "drop_after"], ["b", null]]'
	holds '.[0].connection == .[1].connection and .[1].connection != .[2].connection'
	run -0 look "messages?chat=$ANN"
	holds 'map(.text) == ["a", "b", "b"]'
}

@test "a connection dropped before the work stores nothing" {
	room fault '{"method":"*","fault":"drop_before"}'
	run -52 api sendMessage "{\"chat_id\":$ANN,\"text\":\"a\"}"
	run -0 look "messages?chat=$ANN"
	holds 'length == 0'
}

@test "a gateway answers 502 in HTML before or after the work" {
	room fault '{"fault":"gateway"}'
	run -0 api sendMessage "{\"chat_id\":$ANN,\"text\":\"before\"}"
	[[ $output == *'<title>502 Bad Gateway</title>'* ]]
	room fault '{"fault":"gateway_after"}'
	run -0 api sendMessage "{\"chat_id\":$ANN,\"text\":\"after\"}"
	[[ $output == *'<title>502 Bad Gateway</title>'* ]]
	run -0 look "messages?chat=$ANN"
	holds 'map(.text) == ["after"]'
	run -0 look requests
	holds 'map(.status) == [502, 502]'
}

@test "a status fault says what it is told, so often and so late as told" {
	room fault '{"method":"sendMessage","fault":"status","code":429,"retry_after":7,"skip":1,"times":2}'
	send '{}'
	holds '.ok'
	for _ in 1 2; do
		send '{}'
		refused 429 'Too Many Requests: retry after 7'
		holds '.parameters.retry_after == 7'
	done
	send '{}'
	holds '.ok'
	room fault '{"fault":"status","code":500,"description":"Internal Server Error","times":-1}'
	for _ in 1 2 3; do
		send '{}'
		refused 500 'Internal Server Error'
	done
	room fault '{"fault":"status","code":403,"html":true}'
	room fault '{"clear":true}'
	send '{}'
	holds '.ok'
}

@test "a fault waits for its own method" {
	room fault '{"method":"sendMessage","fault":"drop_before"}'
	run -0 api getMe '{}'
	holds '.ok'
	run -52 api sendmessage "{\"chat_id\":$ANN,\"text\":\"a\"}"
}

@test "a hanging server holds the line, having worked or not" {
	room fault '{"fault":"hang"}'
	run -28 curl -sS --max-time 0.3 "$API/bot$TOKEN/sendMessage" -d chat_id=$ANN -d text=a
	look 'wait?received=sendMessage'
	room fault '{"fault":"hang_after","seconds":0.1}'
	run -52 api sendMessage "{\"chat_id\":$ANN,\"text\":\"b\"}"
	look 'wait?requests=sendMessage&count=2'
	run -0 look "messages?chat=$ANN"
	holds 'map(.text) == ["b"]'
}

@test "nonsense, half an answer, a huge one and a redirect are no success" {
	room fault '{"fault":"garbage"}'
	api sendMessage "{\"chat_id\":$ANN,\"text\":\"a\"}" >"$BATS_TEST_TMPDIR/body"
	run ! jq -e . "$BATS_TEST_TMPDIR/body"
	room fault '{"fault":"half_json","process":true}'
	api sendMessage "{\"chat_id\":$ANN,\"text\":\"b\"}" >"$BATS_TEST_TMPDIR/body"
	run ! jq -e . "$BATS_TEST_TMPDIR/body"
	room fault '{"fault":"huge","bytes":3000000}'
	api sendMessage "{\"chat_id\":$ANN,\"text\":\"c\"}" >"$BATS_TEST_TMPDIR/body"
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/body")" -gt 3000000 ]
	room fault '{"fault":"redirect"}'
	run -0 curl -sS -o /dev/null -w '%{http_code} %{redirect_url}' "$API/bot$TOKEN/sendMessage" -d chat_id=$ANN -d text=d
	[ "$output" = '302 http://127.0.0.1:9/elsewhere' ]
	run -0 look "messages?chat=$ANN"
	holds 'map(.text) == ["b"]'
}

@test "an endless answer stops when the client has had enough" {
	room fault '{"fault":"huge"}'
	run ! curl -sS --max-time 0.3 -o /dev/null "$API/bot$TOKEN/getMe"
	run -0 look 'wait?requests=getMe'
}

# --- the control room

@test "the journal shows reused connections and never the token" {
	curl -sS "$API/bot$TOKEN/getMe" "$API/bot$TOKEN/getMe" >/dev/null
	curl -sS "$API/bot$TOKEN/getMe" "$API/bot9001:WRONG/getMe" >/dev/null
	run -0 look requests
	holds 'map(.connection) | .[0] == .[1] and .[2] == .[3] and .[1] != .[2]'
	holds 'map(.status) == [200, 200, 200, 401]'
	[[ $output != *SECRET* && $output != *WRONG* ]]
	room forget '{}'
	run -0 look requests
	holds '. == []'
}

@test "bad control input is refused with a reason" {
	for body in '{' '[]' '{"id":"x"}' '{"id":5,"type":"group"}' '{"id":5,"colour":1}' '{"id":-4,"is_forum":true}'; do
		run -22 --separate-stderr room_says chat "$body"
		holds '.error | length > 0'
	done
	run -22 --separate-stderr room_says say '{"chat":12345,"text":"a"}'
	holds '.error | contains("12345")'
	run -22 --separate-stderr room_says fault '{"fault":"gremlin"}'
	run -22 --separate-stderr room_says nothing '{}'
	run -22 --separate-stderr look 'wait?pending=3&timeout=0.1'
	holds '.error == "it did not happen in time"'
}

@test "a server restarted on its state goes on where it was" {
	stop_all
	serve --state "$BATS_TEST_TMPDIR/state"
	room chat "{\"id\":$ANN,\"first_name\":\"Ann\"}"
	send '{"text":"remember me"}'
	local id old=$PORT
	id=$(say "{\"chat\":$ANN,\"text\":\"waiting\"}")
	stop_all
	serve --state "$BATS_TEST_TMPDIR/state" --port "$old"
	[ "$PORT" -eq "$old" ]
	run -0 look "messages?chat=$ANN"
	holds 'map(.text) == ["remember me", "waiting"]'
	poll '{}'
	holds ".result | map(.update_id) == [$id]"
	send '{}'
	holds '.result.message_id == 103'
}

@test "the log has a line per request" {
	stop_all
	serve --log "$BATS_TEST_TMPDIR/log"
	api getMe '{}'
	look 'wait?requests=getMe'
	run -0 cat "$BATS_TEST_TMPDIR/log"
	holds '.method == "getMe" and .status == 200'
	[[ $output != *SECRET* ]]
}

@test "quit and SIGTERM end the server" {
	room quit '{}'
	run -0 timeout 60 tail --pid="${STARTED_PIDS[0]}" -f /dev/null
	serve
	kill "${STARTED_PIDS[1]}"
	run -0 timeout 60 tail --pid="${STARTED_PIDS[1]}" -f /dev/null
}

# --- a client nobody here wrote

@test "python-telegram-bot opens a topic, hears a human there and answers there" {
	/usr/bin/python3 -c 'import telegram' 2>/dev/null || skip 'needs python3-python-telegram-bot'
	local client
	"$BATS_TEST_DIRNAME/servers/telegram-bot-client.py" "$API" "$TOKEN" "$GROUP" 2 \
		>"$BATS_TEST_TMPDIR/client" 3>&- &
	client=$!
	look 'wait?polling=1'
	TOPIC=$(head -n 1 "$BATS_TEST_TMPDIR/client")
	say "{\"chat\":$GROUP,\"from\":$ANN,\"text\":\"is anybody there?\",\"thread\":$TOPIC}"
	say "{\"chat\":$GROUP,\"from\":$ANN,\"text\":\"grüß dich 😀\",\"thread\":$TOPIC}"
	wait $client
	run -0 look "messages?chat=$GROUP&thread=$TOPIC"
	holds 'map([.via, .text]) - [["bot","I am listening."],
		["human","is anybody there?"], ["bot","echo: is anybody there?"],
		["human","grüß dich 😀"], ["bot","echo: grüß dich 😀"]] == [] and length == 5'
	run -0 look "messages?chat=$GROUP&thread=0"
	holds '. == []'
	run -0 look 'wait?pending=0'
	run -0 look updates
	holds '.pending == [] and .acknowledged == .next'
	run -0 look requests
	holds 'all(.status == 200)'
}
