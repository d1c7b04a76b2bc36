#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-adapter-slack against the tests' Slack: C1 is a channel, G1 a private one, M1 (a G,
# too) a group of people, D1 the direct message with Ann. Whatever the adapter says in any
# test is searched for its secrets afterwards.
#
# Each test is a subshell of its own, and bats sets stderr:
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

bats_require_minimum_version 1.5.0
load common
load serving

ADAPTER=hermes-adapter-slack
SECRET=SECRETsecretSECRET
CURSOR=

setup() {
	unset "${!SLACK_@}"
	export SLACK_BOT_TOKEN=xoxb-1-$SECRET
	start_platform slack --token "$SLACK_BOT_TOKEN" --user_token "xoxp-2-$SECRET"
	export SLACK_BASE_URL=http://127.0.0.1:$PORT/api
	room user '{"id":"U1","name":"ann","real_name":"Ann"}'
	room user '{"id":"U2","name":"ben","display_name":"Ben Li"}'
	room user '{"id":"U3","name":"other","is_bot":true}'
	room channel '{"id":"C1","name":"general","members":["U0BOT","U1","U2","U3"]}'
	room channel '{"id":"G1","name":"secret","kind":"group","members":["U0BOT","U1"]}'
	room channel '{"id":"G2","name":"mpdm","kind":"mpim","members":["U0BOT","U1","U2"]}'
	room channel '{"id":"D1","kind":"im","user":"U1","members":["U0BOT","U1"]}'
}

teardown() {
	stop_all
	run ! grep -rF "$SECRET" "$SAID"
}

# place CHAT [THREAD]: as it is written down, without asking.
place() {
	jq -nc --arg chat "$1" --arg thread "${2:-}" '
		{platform: "slack", account: "U0BOT", workspace: "T0TEAM", $chat, kind: "group"}
		+ if $chat[:1] == "D" then {kind: "dm", user: "U1"} else {} end
		+ if $thread == "" then {} else {$thread} end'
}

# open_thread CHAT [DELIVERY [MORE-JSON]]: sets PLACE and THREAD to what came.
open_thread() {
	ask thread "$(jq -nc --argjson place "$(place "$1")" --arg delivery "${2:-h1}" \
		--argjson more "${3:-{\}}" '{$place, title: "Hermes — Fix the parser", $delivery} + $more')"
	PLACE=$(jq -c .place <<<"$output")
	THREAD=$(jq -r .place.thread <<<"$output")
}

# say CHAT TEXT [MORE-JSON]: as Ann. Prints the message's stamp.
say() {
	room_says say "$(jq -nc --arg channel "$1" --arg text "$2" --argjson more "${3:-{\}}" \
		'{$channel, $text, user: "U1"} + $more')" | jq -r .ts
}

# copies CHAT [THREAD]: how many messages of the bot's, a thread's seed not counted.
copies() {
	look "messages?channel=$1${2:+&thread=$2}" |
		jq --arg thread "${2:-}" '[.[] | select(.bot_id == "B0BOT" and .ts != $thread)] | length'
}

# written TEXT [MORE-JSON]: what Slack is given for a text.
written() {
	send "$(place D1)" "$@"
	look 'messages?channel=D1' | jq -r '.[-1].text'
}

# a_minute_later: for Slack, and for those that rest in the cursor.
a_minute_later() {
	room clock '{"advance":61}'
	CURSOR=$(jq -c '(.queue[] | select(.rests)).rests -= 61' <<<"$CURSOR")
}

AGAIN='{"again":{"since":1}}'

# --- configuration

@test "about needs neither configuration nor network" {
	unset SLACK_BOT_TOKEN
	ask about
	holds '.platform == "slack" and .limit == 4000 and .unit == "points" and .gateway'
	holds '.threads and .polling and .readback and (.idempotency | not)'
	holds '.config | any(.name == "SLACK_BOT_TOKEN" and .secret and .required)'
	holds '.config | any(.name == "SLACK_USER_TOKEN" and .secret and (.required | not))'
	[ "$(requests '')" = 0 ]
}

@test "without a token, or with what is none, it is exit 78 and says where to get one" {
	local verb
	for verb in check resolve thread send poll; do
		run -78 --separate-stderr env -u SLACK_BOT_TOKEN "$ADAPTER" "$verb" <<<'{}'
		[[ -z $output && $stderr == *SLACK_BOT_TOKEN*api.slack.com* ]]
	done
	run -78 --separate-stderr env SLACK_BOT_TOKEN="xoxb $SECRET"$'\r\nX: y' "$ADAPTER" check
	[[ $stderr == *"without blanks"* && $stderr != *"$SECRET"* ]]
}

# --- check

@test "check: all is well in a channel, a private one and a direct message" {
	local home
	for home in C1 G1 G2 D1 '#general' @ann U1; do
		SLACK_HOME_CHANNEL=$home ask check
		holds '.ok and .account == "U0BOT" and .name == "hermes" and .facts.token'
		holds '.facts.home | .reachable and .threads and .readable'
	done
	SLACK_HOME_CHANNEL=@ann ask check
	holds '.facts.home.kind == "dm" and .facts.home.name == "Ann"'
	ask check
	holds '.ok and (.facts | has("home") | not)'
}

@test "check: each thing that is missing has its remedy" {
	export SLACK_HOME_CHANNEL=C1
	room scopes '{"without":["chat:write"]}'
	ask check
	problem 'may not write' 'chat:write'
	holds '.facts.home.reachable == false and .facts.home.readable'
	room scopes '{"without":["channels:history"]}'
	ask check
	problem 'cannot be read: missing_scope' 'scope channels:history'
	holds '.facts.home.reachable and .facts.home.readable == false'
	room scopes '{}'
	room channel '{"id":"C1","members":["U1"]}'
	ask check
	problem 'not a member' 'invite @hermes'
	room channel '{"id":"C1","members":["U0BOT","U1"],"archived":true}'
	ask check
	problem archived choose
	SLACK_HOME_CHANNEL=C404 ask check
	problem channel_not_found invite
	SLACK_HOME_CHANNEL='my friend' ask check
	problem 'not a conversation' '#channel'
	room auth '{"error":"token_revoked"}'
	ask check
	problem token_revoked SLACK_BOT_TOKEN
	holds '.facts.token == false'
	SLACK_BASE_URL=http://127.0.0.1:1 ask check
	problem 'no connection' later
}

@test "check: a limit on reading is no problem, and tells nothing of it" {
	fault conversations.history answer '{"status":429,"body":{"ok":false,"error":"ratelimited"},"headers":{"Retry-After":"30"}}'
	SLACK_HOME_CHANNEL=C1 ask check
	holds '.ok and .facts.home.reachable and (.facts.home | has("readable") | not)'
}

# --- resolve

@test "resolve: by id, by name, by a message's link, and literally" {
	local words
	for words in C1 '#general' https://team.slack.com/archives/C1; do
		ask resolve "{\"words\":\"$words\"}"
		holds '.place == {platform: "slack", account: "U0BOT", workspace: "T0TEAM", chat: "C1",
			kind: "group", link: "https://hermes-team.slack.com/archives/C1"}'
	done
	for words in C1/1700000000.000100 C1:1700000000.000100 '#general/1700000000.000100' \
		https://team.slack.com/archives/C1/p1700000000000100 \
		'https://team.slack.com/archives/C1/p1700000009000200?thread_ts=1700000000.000100&cid=C1'; do
		ask resolve "{\"words\":\"$words\"}"
		holds '.place | .chat == "C1" and .thread == "1700000000.000100"
			and .link == "https://hermes-team.slack.com/archives/C1/p1700000000000100"'
	done
	ask resolve '{"chat":"G2","thread":"1700000000.000100"}'
	holds '.place | .kind == "group" and .thread == "1700000000.000100"'
	for words in D1 U1 @ann @U1; do
		ask resolve "{\"words\":\"$words\"}"
		holds '.place | .chat == "D1" and .kind == "dm" and .user == "U1"'
		holds '.audience == {size: 1, names: ["Ann"], known: true}'
	done
}

@test "resolve: a direct message that Slack opens and does not name is no answer" {
	local id
	for id in X1 ''; do
		fault conversations.open answer "{\"body\":{\"ok\":true,\"channel\":{\"id\":\"$id\"}}}"
		ask resolve '{"words":"U1"}'
		holds '.error.class == "transient"'
	done
}

@test "resolve: who reads there, bots and the closed accounts not counted" {
	ask resolve '{"words":"C1"}'
	holds '.audience == {size: 2, names: ["Ann", "Ben Li"], known: true}'
	room user '{"id":"U2","deleted":true}'
	ask resolve '{"words":"C1"}'
	holds '.audience.size == 1'
	room channel "$(jq -nc '{id: "C1", members: (["U0BOT", "U1"] + [range(600) | "U9\(.)"])}')"
	ask resolve '{"words":"C1"}'
	holds '.audience | .size == 601 and .names == ["Ann"] and .known'
	[ "$(requests conversations.members)" = 6 ]
	fault conversations.members answer '{"skip":1,"status":429,"body":{"ok":false,"error":"ratelimited"}}'
	ask resolve '{"words":"C1"}'
	holds '.audience == {names: [], known: false}'
	room scopes '{"without":["channels:read","users:read"]}'
	ask resolve '{"words":"G1"}'
	holds '.audience == {size: 1, names: [], known: true}'
}

@test "resolve: a channel that anybody may join is nobody's own, however few are in it" {
	room channel '{"id":"C1","members":["U0BOT","U1"]}'
	ask resolve '{"words":"C1"}'
	holds '.audience.known == false'
	for chat in G1 D1; do
		ask resolve "{\"words\":\"$chat\"}"
		holds '.audience == {size: 1, names: ["Ann"], known: true}'
	done
	room channel '{"id":"C2","kind":"group","members":["U0BOT","U1"]}'
	ask resolve '{"words":"C2"}'
	holds '.audience.known'
}

@test "resolve: names are looked for page by page" {
	local n
	for n in {1..210}; do
		echo "{\"id\":\"C9$n\",\"name\":\"c$n\"}"
	done | while read -r channel; do room channel "$channel"; done
	ask resolve '{"words":"#c210"}'
	holds '.error.class == "chat" or .place.chat == "C9210"'
	[ "$(requests conversations.list)" = 2 ]
}

@test "resolve: what is no conversation is refused without a question" {
	local words
	for words in 'my friend' general c1 'C 1' C1/later '#' @ 'https://example.org/C1'; do
		ask resolve "{\"words\":\"$words\"}"
		holds '.error.class == "request" and .error.remedy'
	done
	[ "$(requests conversations.info)" = 0 ]
	ask resolve '{"words":"#nowhere"}'
	holds '.error.class == "request" and (.error.why | contains("called so"))'
	ask resolve '{"words":"@other"}'
	holds '.error.why == "cannot_dm_bot"'
	ask resolve '{"words":""}'
	holds '.error.class == "config" and (.error.remedy | contains("SLACK_HOME_CHANNEL"))'
}

@test "resolve: a name that people only show counts where nobody else has it or shows it" {
	room user '{"id":"U6","name":"zoe","deleted":true}'
	room user '{"id":"U7","name":"mallory","display_name":"zoe"}'
	ask resolve '{"words":"@zoe"}'
	holds '.place.user == "U7"'
	room user '{"id":"U8","name":"other.zoe","display_name":"zoe"}'
	ask resolve '{"words":"@zoe"}'
	holds '.error.class == "request" and (.error.remedy | contains("by its id"))'
	room user '{"id":"U9","name":"zoe","display_name":"Zoe Z"}'
	ask resolve '{"words":"@zoe"}'
	holds '.place.user == "U9"'
}

# --- thread

@test "thread: a seed with metadata begins it, in channels, groups and directly" {
	local chat
	for chat in C1 G1 G2 D1; do
		open_thread "$chat"
		holds '.outcome == "opened" and .place.thread and .audience.known'
		run -0 look "messages?channel=$chat"
		holds ".[0] | .ts == \"$THREAD\" and .words == \"Hermes — Fix the parser\"
			and .metadata.event_type == \"hermes_delivery\" and .metadata.event_payload.delivery == \"h1\""
	done
	run -0 look 'requests?name=chat.postMessage'
	holds '.[0] | .headers["content-type"] == "application/x-www-form-urlencoded"
		and (.body | contains("unfurl_links=false&unfurl_media=false"))'
}

@test "thread: one whose answer was lost is found again; other deliveries are others" {
	fault chat.postMessage drop_after
	open_thread C1
	holds '.outcome == "unknown"'
	say C1 "something between"
	open_thread C1 h1 "{\"again\":{\"since\":$(date +%s)}}"
	holds '.outcome == "opened"'
	[ "$(copies C1)" = 1 ]
	first=$THREAD
	open_thread C1 h2 "$AGAIN"
	[ "$THREAD" != "$first" ]
}

@test "thread: a refusal, a limit and a title that is none" {
	room channel '{"id":"C1","members":["U1"]}'
	open_thread C1
	holds '.outcome == "not_opened" and .class == "chat" and (.remedy | contains("/invite"))'
	fault chat.postMessage answer '{"status":429,"body":{"ok":false,"error":"ratelimited"},"headers":{"Retry-After":"7"}}'
	open_thread D1
	holds '.outcome == "not_opened" and .class == "transient" and .retry_after == 7 and .scope == "chat"'
	fault auth.test answer '{"status":429,"body":{"ok":false,"error":"ratelimited"},"headers":{"Retry-After":"9"}}'
	open_thread D1
	holds '.outcome == "not_opened" and .class == "transient" and .retry_after == 9'
	ask thread "{\"place\":$(place D1),\"title\":\" \",\"delivery\":\"h3\"}"
	holds '.outcome == "opened"'
	run -0 look 'messages?channel=D1'
	holds '.[-1].words == "Hermes"'
}

# --- send

@test "send: to every kind of conversation, and to a thread only there" {
	local chat
	for chat in C1 G1 G2 D1; do
		send "$(place "$chat")" hello
		holds '.outcome == "sent" and (.ids | length) == 1 and .parts == 1'
		[ "$(copies "$chat")" = 1 ]
		open_thread "$chat"
		send "$PLACE" hello
		[ "$(copies "$chat" "$THREAD")" = 1 ]
	done
}

@test "send: a text that may be there is looked for, and said once" {
	local chat
	for chat in C1 D1; do
		open_thread "$chat"
		for PLACE in "$PLACE" "$(place "$chat")"; do
			fault chat.postMessage drop_after
			send "$PLACE" "once in $chat"
			holds '.outcome == "unknown"'
			say "$chat" "once in $chat"
			send "$PLACE" "once in $chat" "{\"again\":{\"since\":$(date +%s)}}"
			holds '.outcome == "sent" and (.ids | length) == 1 and .parts == 1'
		done
		[ "$(copies "$chat")" = 3 ]
	done
	fault chat.postMessage drop_before
	send "$PLACE" never
	send "$PLACE" never "$AGAIN"
	[ "$(copies D1)" = 4 ]
}

@test "send: where nobody can look, it stays unknown" {
	room tier '{"method":"conversations.history","per_minute":0.5,"objects":15}'
	fault conversations.history answer '{"status":429,"body":{"ok":false,"error":"ratelimited"},"headers":{"Retry-After":"30"}}'
	send "$(place C1)" hello "$AGAIN"
	holds '.outcome == "unknown" and .retry_after == 30'
	fault conversations.history gateway
	send "$(place C1)" hello "$AGAIN"
	holds '.outcome == "unknown"'
	room scopes '{"without":["channels:history"]}'
	send "$(place C1)" hello "$AGAIN"
	holds '.outcome == "unknown" and (.why | contains("missing_scope") and contains("channels:history"))'
	[ "$(requests chat.postMessage)" = 0 ]
}

@test "send: where more was said than can be looked through, it stays unknown" {
	local i
	send "$(place C1)" hello
	room newest_first '{"on":true}'
	room tier '{"method":"conversations.history","per_minute":50,"objects":1}'
	for i in {1..11}; do say C1 "$i" >/dev/null; done
	send "$(place C1)" hello "$AGAIN"
	holds '.outcome == "unknown" and (.why | contains("too much"))'
	[ "$(copies C1)" = 1 ]
}

@test "send: is looked for from well before, as our clock may be ahead" {
	room clock '{"advance":-300}'
	send "$(place C1)" hello
	first=$output
	send "$(place C1)" hello "{\"again\":{\"since\":$(date +%s)}}"
	[ "$output" = "$first" ]
}

@test "send: is looked for page by page, and with the user's token where there is one" {
	local i
	for i in {1..12}; do say C1 "$i" >/dev/null; done
	send "$(place C1)" hello
	first=$output
	for i in {1..12}; do say C1 "$i" >/dev/null; done
	room tier '{"method":"conversations.history","per_minute":50,"objects":5}'
	send "$(place C1)" hello "$AGAIN"
	[ "$output" = "$first" ]
	room channel '{"id":"C1","members":["U0BOT","U0OWNER"]}'
	room scopes '{"without":["channels:history"]}'
	SLACK_USER_TOKEN=xoxp-2-$SECRET send "$(place C1)" hello "$AGAIN"
	[ "$output" = "$first" ]
	SLACK_USER_TOKEN=xoxp-2-$SECRET send "$(place D1)" hello "$AGAIN"
	holds '.outcome == "sent"'
}

@test "a private channel that the user of the token is not in is read as the bot" {
	export SLACK_USER_TOKEN=xoxp-2-$SECRET
	send "$(place G1)" hello
	first=$output
	send "$(place G1)" hello "$AGAIN"
	[ "$output" = "$first" ]
	poll "{\"places\":[$(place G1)]}"
	say G1 "an answer"
	poll "{\"places\":[$(place G1)]}"
	holds '[.events[].text] == ["an answer"]'
}

@test "send: every word of Slack's has its class" {
	local error class
	while read -r error class; do
		fault chat.postMessage answer "{\"body\":{\"ok\":false,\"error\":\"$error\"}}"
		send "$(place C1)" hello
		if [ "$class" = unknown ]; then
			holds '.outcome == "unknown"' || { echo "$error"; return 1; }
		else
			holds ".outcome == \"not_sent\" and .class == \"$class\" and .why == \"$error\"" || { echo "$error"; return 1; }
		fi
	done <<-'END'
		channel_not_found chat
		not_in_channel chat
		is_archived chat
		no_text request
		msg_too_long request
		msg_blocks_too_long request
		invalid_blocks request
		cant_broadcast_message request
		metadata_too_large request
		thread_not_found thread
		cannot_reply_to_message thread
		restricted_action_thread_locked thread
		restricted_action config
		restricted_action_read_only_channel config
		restricted_action_thread_only_channel config
		not_authed config
		invalid_auth config
		account_inactive config
		token_revoked config
		token_expired config
		missing_scope config
		messages_tab_disabled config
		team_access_not_granted config
		not_allowed_token_type config
		ratelimited transient
		rate_limited transient
		service_unavailable transient
		request_timeout transient
		org_login_required transient
		external_channel_migrating transient
		internal_error unknown
		fatal_error unknown
	END
	room scopes '{"without":["chat:write"]}'
	refused "$(place C1)" config missing_scope 'the scope chat:write'
	room scopes '{}'
	room channel '{"id":"C1","archived":true}'
	refused "$(place C1)" chat is_archived archive
	refused "$(place nowhere)" request 'no conversation' ''
	refused "$(place C1 later)" request 'not one of' ''
	SLACK_BOT_TOKEN=xoxb-wrong refused "$(place D1)" config invalid_auth SLACK_BOT_TOKEN
}

@test "send: a text whose thread is gone is taken back, and the thread is what is wrong" {
	refused "$(place C1 1.000001)" thread 'deleted there' ''
	[ "$(copies C1)" = 0 ]
	fault chat.delete answer '{"body":{"ok":false,"error":"cant_delete_message"}}'
	refused "$(place C1 1.000001)" thread 'still stands' ''
	[ "$(copies C1)" = 1 ]
}

@test "send: an answer that does not repeat the text is believed" {
	open_thread C1
	before=$(copies C1)
	fault chat.postMessage answer_after '{"body":{"ok":true,"channel":"C1","ts":"1700000001.000200"}}'
	send "$PLACE" hello
	holds '.outcome == "sent" and .ids == ["1700000001.000200"]'
	[ "$(copies C1)" = $((before + 1)) ]
	[ "$(requests chat.delete)" = 0 ]
}

@test "send: what left and was not answered is unknown, and is there at most once" {
	local kind stored more
	while read -r kind stored more; do
		room forget '{}'
		fault chat.postMessage "$kind" "${more:-{\}}"
		before=$(copies D1)
		send "$(place D1)" "$kind $more"
		holds '.outcome == "unknown" and .why' || { echo "$kind"; return 1; }
		[ "$(requests chat.postMessage)" = 1 ]
		[ "$(copies D1)" = $((before + stored)) ]
		send "$(place D1)" "$kind $more" "$AGAIN"
		holds '.outcome == "sent"'
		[ "$(copies D1)" = $((before + 1)) ]
	done <<-'END'
		drop_before 0
		drop_after 1
		reset_after 1
		truncate_after 1
		gateway 0
		gateway_after 1
		gateway 0 {"status":503}
		garbage 0
		half_json 0
		huge 0 {"bytes":10485760}
		answer 0 {"body":[]}
		answer 0 {"body":{"ok":true,"ts":{"ts":7}}}
		answer_after 1 {"status":500,"body":{"ok":"yes"}}
	END
}

@test "send: a server that hangs is unknown within the caller's limit" {
	fault chat.postMessage hang_after
	in_little_time send "$(place D1)" hello
	holds '.outcome == "unknown" and (.why | contains("in time"))'
}

@test "send: what stands between and refuses, or nobody there, has not sent it" {
	fault chat.postMessage redirect
	refused "$(place D1)" transient 'HTTP 302' proxy
	fault chat.postMessage gateway '{"status":403}'
	refused "$(place D1)" transient 'HTTP 403' proxy
	[ "$(copies D1)" = 0 ]
	SLACK_BASE_URL=http://127.0.0.1:1 refused "$(place D1)" transient 'no connection' ''
	SLACK_BASE_URL=ftp://127.0.0.1 refused "$(place D1)" config 'not an http' 'base URL'
	SLACK_PROXY=socks5://127.0.0.1:1 refused "$(place D1)" transient '' ''
}

@test "send: through a proxy of Slack's own, with a password that is never said" {
	start_proxy -u me -P "$SECRET"
	SLACK_PROXY=socks5://me:$SECRET@127.0.0.1:$PROXY_PORT send "$(place D1)" hello
	holds '.outcome == "sent"'
	SLACK_PROXY=socks5://me:wrong@127.0.0.1:$PROXY_PORT refused "$(place D1)" config proxy password
}

# --- what texts look like

@test "texts: Markdown becomes mrkdwn" {
	[ "$(written '**bold** *italic* ~~gone~~ `code` [words](https://x.org/a?b=1&c=2|d)')" = \
		'*bold* _italic_ ~gone~ `code` <https://x.org/a?b=1&amp;c=2%7Cd|words>' ]
	[ "$(written $'# Title\n\n> said\n> twice')" = $'*Title*\n\n&gt; said\n&gt; twice' ]
	[ "$(written $'```sh\na < b && *c*\n```')" = $'```\na &lt; b &amp;&amp; *c*\n```' ]
	[ "$(written 'https://x.org/a_b_c and <!channel> & <@U1>')" = \
		'<https://x.org/a_b_c> and &lt;!channel&gt; &amp; &lt;@U1&gt;' ]
}

@test "texts: marks that are meant literally do not work, those within words do" {
	[ "$(written 'un**bold**ed **a**: snake_case_name 2 \* 3')" = \
		$'un\u200b*bold*\u200bed *a*: snake_case_name 2 * 3' ]
	[ "$(written '**b** \*not bold\* \_nor this\_')" = \
		$'*b* \u2060*\u2060not bold* \u2060_\u2060nor this_' ]
	[ "$(written $'**b**\n\\> no quote')" = $'*b*\n\u2060&gt; no quote' ]
	[ "$(written '**b** ``a`b``')" = $'*b* `a\u02cbb`' ]
}

@test "texts: plain ones are as they were typed, with mrkdwn switched off" {
	[ "$(written '*stars* <b> & `x` https://a_b_' '{"format":"plain"}')" = \
		'*stars* &lt;b&gt; &amp; `x` https://a_b_' ]
	run -0 look 'requests?name=chat.postMessage'
	holds '.[0].body | contains("mrkdwn=false")'
}

@test "texts: are cut at 4000 characters as they are written" {
	send "$(place D1)" "$(printf '&%.0s' {1..1000})" '{"format":"plain"}'
	holds '.parts == 2'
	send "$(place D1)" "$(printf '𝄞%.0s' {1..4000})" '{"format":"plain"}'
	holds '.parts == 1'
	send "$(place D1)" "$(printf 'word %.0s' {1..2000})" '{"part":3}'
	holds '.outcome == "sent" and .parts == 3'
}

# --- poll

@test "poll: what a human says next has the very place that resolve or thread gave" {
	local chat thread
	for chat in C1 G1 G2 D1; do
		CURSOR=
		export SLACK_HOME_CHANNEL=$chat
		ask resolve '{"words":""}'
		home=$(jq -c '.place | {platform, account, workspace, chat, kind, thread}' <<<"$output")
		poll
		open_thread "$chat"
		thread=$(jq -c '{platform, account, workspace, chat, kind, thread}' <<<"$PLACE")
		say "$chat" "at home"
		say "$chat" "in the thread" "{\"thread\":\"$THREAD\"}"
		poll "{\"places\":[$PLACE]}"
		holds '[.events[] | [.text, (.place | {platform, account, workspace, chat, kind, thread})]]
			| sort == [["at home", $home], ["in the thread", $thread]]' \
			--argjson home "$home" --argjson thread "$thread"
		holds '.events | all(.user == {id: "U1", name: "Ann"} and .place.user == "U1")'
	done
}

@test "poll: own messages, bots, edits and silence are passed" {
	export SLACK_HOME_CHANNEL=C1
	poll
	send "$(place C1)" mine
	room say '{"channel":"C1","user":"U3","bot_id":"B9","text":"a bot"}'
	room say '{"channel":"C1","bot_id":"B9","subtype":"bot_message","text":"a bot"}'
	room say '{"channel":"C1","user":"U1","subtype":"channel_join","text":"joined"}'
	room say '{"channel":"C1","user":"U1","subtype":"message_changed","text":"edited"}'
	room say '{"channel":"C1","user":"U1","text":""}'
	say C1 "a file" '{"subtype":"file_share"}'
	poll
	holds '[.events[].text] == ["a file"]'
	poll
	holds '.events == []'
}

@test "poll: Slack's markup of names and links is read" {
	export SLACK_HOME_CHANNEL=D1
	poll
	say D1 '' '{"mrkdwn":"<@U0BOT> a &amp; b &lt;c&gt; <#C1|general> <!here> <https://x.org> <https://x.org/y|x.org/y> <https://x.org|words> <!subteam^S1|@team> 1 < 2"}'
	poll
	holds '.events[0].text == "@U0BOT a & b <c> #general @here https://x.org https://x.org/y words (https://x.org) @team 1 < 2"'
}

@test "poll: begins with now, but with what followed the bot's own words, and in its threads" {
	say C1 "long ago"
	send "$(place C1)" "a question"
	say C1 "an answer"
	open_thread D1
	say D1 "first answer" "{\"thread\":\"$THREAD\"}"
	send "$PLACE" "more"
	say D1 "second answer" "{\"thread\":\"$THREAD\"}"
	say G1 "long ago"
	theirs=$(say G1 "a thread of theirs")
	say G1 "in it" "{\"thread\":\"$theirs\"}"
	poll "{\"places\":[$(place C1),$PLACE,$(place G1),$(place G1 "$theirs"),$(place G2)]}"
	holds '[.events[].text] | sort == ["an answer", "first answer", "second answer"]'
	say G1 "now" "{\"thread\":\"$theirs\"}"
	say G2 "now"
	poll "{\"places\":[$(place C1),$PLACE,$(place G1),$(place G1 "$theirs"),$(place G2)]}"
	holds '[.events[].text] == ["now", "now"]'
}

@test "poll: begins with now as Slack has it, at places with a long history, too" {
	local i theirs
	room clock '{"advance":-90}'
	theirs=$(say G1 "a thread of theirs")
	for i in {1..6}; do
		say C1 "long ago" >/dev/null
		say G1 "long ago" "{\"thread\":\"$theirs\"}" >/dev/null
	done
	room tier '{"method":"conversations.history","per_minute":50,"objects":5}'
	room tier '{"method":"conversations.replies","per_minute":50,"objects":5}'
	poll "{\"places\":[$(place C1),$(place G1 "$theirs")]}"
	holds '.events == []'
	say C1 "now"
	say G1 "now" "{\"thread\":\"$theirs\"}"
	poll "{\"places\":[$(place C1),$(place G1 "$theirs")]}"
	holds '[.events[].text] == ["now", "now"]'
}

@test "poll: an answer that was sent to the channel, too, is heard once, in its thread" {
	export SLACK_HOME_CHANNEL=C1
	poll
	open_thread C1
	say C1 "for all" "{\"thread\":\"$THREAD\",\"broadcast\":true}"
	poll "{\"places\":[$PLACE]}"
	holds '[.events[] | .text, .place.thread] == ["for all", $thread]' --arg thread "$THREAD"
	say C1 "for all again" "{\"thread\":\"$THREAD\",\"broadcast\":true}"
	poll
	holds '[.events[] | .text, .place.thread] == ["for all again", $thread]' --arg thread "$THREAD"
}

@test "poll: confirms only what its cursor covers" {
	export SLACK_HOME_CHANNEL=D1
	poll
	say D1 one
	start=$CURSOR
	poll
	first=$output
	CURSOR=$start poll
	[ "$output" = "$first" ]
	say D1 two
	CURSOR=$(jq -r .cursor <<<"$first")
	poll
	holds '[.events[].text] == ["two"]'
}

@test "poll: many at one instant, over pages, in either order of pages: each once" {
	local i order
	export SLACK_HOME_CHANNEL=C1
	for order in false true; do
		room newest_first "{\"on\":$order}"
		CURSOR=
		poll
		for i in {1..23}; do say C1 "$order $i" >/dev/null; done
		room tier '{"method":"conversations.history","per_minute":3,"objects":5}'
		poll
		holds '.events | length == 15'
		seen=$(jq -c '[.events[].text]' <<<"$output")
		a_minute_later
		poll
		holds '[.events[].text] + $seen | length == 23 and (unique | length) == 23' --argjson seen "$seen"
		poll
		holds '.events == []'
		room tier '{"method":"conversations.history","per_minute":1000,"objects":200}'
	done
}

@test "poll: a page that Slack forgot is asked anew" {
	local i
	export SLACK_HOME_CHANNEL=C1
	poll
	for i in {1..9}; do say C1 "$i" >/dev/null; done
	room tier '{"method":"conversations.history","per_minute":1,"objects":5}'
	poll
	holds '.events | length == 5'
	a_minute_later
	room tier '{"method":"conversations.history","per_minute":50,"objects":5}'
	fault conversations.history answer '{"body":{"ok":false,"error":"invalid_cursor"}}'
	poll
	poll
	holds '[.events[].text] | index("9") != null'
	run -0 look 'requests?name=conversations.history'
	holds '(map(.fault) | index("answer")) as $at | [.[$at, $at + 1].body | contains("cursor=")] == [true, false]'
}

@test "poll: a page that Slack forgot in the midst of a reading loses no message" {
	local i
	export SLACK_HOME_CHANNEL=C1
	room newest_first '{"on":true}'
	poll
	for i in {1..9}; do say C1 "$i" >/dev/null; done
	room tier '{"method":"conversations.history","per_minute":50,"objects":5}'
	fault conversations.history answer '{"skip":1,"times":2,"body":{"ok":false,"error":"invalid_cursor"}}'
	poll
	seen=$(jq -c '[.events[].text]' <<<"$output")
	poll
	poll
	holds '[.events[].text] + $seen | unique | length == 9' --argjson seen "$seen"
}

@test "poll: what was heard before a page that hangs is told within the caller's limit" {
	local i
	export SLACK_HOME_CHANNEL=C1
	poll
	for i in {1..9}; do say C1 "$i" >/dev/null; done
	room tier '{"method":"conversations.history","per_minute":50,"objects":5}'
	fault conversations.history hang '{"skip":1}'
	SECONDS=0
	HERMES_ADAPTER_LIMIT=5 poll
	holds '[.events[].text] == ["1", "2", "3", "4", "5"]'
	((SECONDS < 30))
	poll
	holds '[.events[].text] == ["6", "7", "8", "9"]'
}

@test "poll: a slow tier loses no place's messages, and each has its turn" {
	local all=() chat round
	for chat in C1 G1 G2; do
		open_thread "$chat"
		all+=("$PLACE")
	done
	places=$(printf '%s\n' "${all[@]}" | jq -sc '{places: .}')
	poll "$places"
	for chat in C1 G1 G2; do
		say "$chat" "in $chat" "$(jq -sc --arg chat "$chat" '.[] | select(.chat == $chat) | {thread}' <<<"${all[*]}")"
	done
	room tier '{"method":"conversations.replies","per_minute":1,"objects":15}'
	heard=
	for round in 1 2 3; do
		poll "$places"
		holds '.events | length == 1'
		heard+=$(jq -r '.events[0].text' <<<"$output")$'\n'
		asked=$(requests conversations.replies)
		poll "$places"
		holds '.events == []'
		[ "$(requests conversations.replies)" = "$asked" ]
		a_minute_later
	done
	[ "$(sort <<<"$heard" | xargs)" = "in C1 in G1 in G2" ]
	poll "$places"
	CURSOR=
	poll "$places"
	holds '.error.class == "transient" and .error.retry_after > 0'
}

@test "poll: a limit on threads does not stop conversations, and the other way" {
	export SLACK_HOME_CHANNEL=C1
	open_thread D1
	CURSOR=$(jq -nc --arg thread "$THREAD" '{queue: [{spot: "D1/\($thread)", mark: [$thread]},
		{spot: "C1", mark: ["1.000001"]}]}')
	say C1 hello
	say D1 there "{\"thread\":\"$THREAD\"}"
	fault conversations.replies answer '{"status":429,"body":{"ok":false,"error":"ratelimited"},"headers":{"Retry-After":"30"}}'
	poll "{\"places\":[$PLACE]}"
	holds '[.events[].text] == ["hello"]'
	say C1 "hello again"
	poll "{\"places\":[$PLACE]}"
	holds '[.events[].text] == ["hello again"]'
	[ "$(requests conversations.replies)" = 1 ]
	a_minute_later
	poll "{\"places\":[$PLACE]}"
	holds '[.events[].text] == ["there"]'
}

@test "poll: one place's trouble is not the others', and is said" {
	export SLACK_HOME_CHANNEL=C1
	poll "{\"places\":[$(place G1),$(place D1)]}"
	room channel '{"id":"G1","members":["U1"]}'
	say C1 hello
	say D1 directly
	poll "{\"places\":[$(place C404),$(place G1),$(place C1 1.000001),$(place D1)]}"
	holds '[.events[].text] | sort == ["directly", "hello"]'
	grep -q 'G1: channel_not_found; .*invite' "$SAID/stderr"
	room scopes '{"without":["channels:history","groups:history","im:history"]}'
	poll "{\"places\":[$(place G1),$(place D1)]}"
	holds '.error.class == "config" and (.error.remedy | contains("history"))'
	room auth '{"error":"invalid_auth"}'
	room forget '{}'
	poll "{\"places\":[$(place G1),$(place D1)]}"
	holds '.error.class == "config"'
	[ "$(requests '')" = 1 ]
}

@test "poll: a place whose scope is missing does not make the others unheard" {
	local places
	places="{\"places\":[$(place G1),$(place D1)]}"
	room scopes '{"without":["groups:history"]}'
	poll "$places"
	grep -q 'G1: missing_scope; .*groups:history' "$SAID/stderr"
	say D1 hello
	poll "$places"
	holds '[.events[].text] == ["hello"]'
	[ "$(requests conversations.history)" = 3 ]
	room tier '{"method":"conversations.history","per_minute":1,"objects":15}'
	say D1 "hello again"
	a_minute_later
	poll "$places"
	holds '.error.class == "config"'
	a_minute_later
	poll "$places"
	holds '[.events[].text] == ["hello again"]'
}

@test "poll: a place that cannot be heard now does not make the others unheard" {
	local places
	places="{\"places\":[$(place G1),$(place D1)]}"
	poll "$places"
	say D1 hello
	fault conversations.history gateway
	poll "$places"
	holds '[.events[].text] == ["hello"]'
	room forget '{}'
	fault conversations.history gateway '{"times":9}'
	poll "{\"places\":[$(place C1),$(place D1),$(place G1),$(place G2)]}"
	holds '.error.class == "transient"'
	[ "$(requests conversations.history)" = 3 ]
}

@test "poll: places that nobody asks for any more are forgotten" {
	poll "{\"places\":[$(place C1),$(place D1)]}"
	poll "{\"places\":[$(place D1)]}"
	holds '.cursor | fromjson.queue | map(.spot) == ["D1"]'
	poll
	holds '(.cursor | fromjson.queue) == [] and .events == []'
}

@test "poll: a home that is a name is looked up once" {
	export SLACK_HOME_CHANNEL='#general'
	poll
	say C1 hello
	poll
	holds '[.events[].text] == ["hello"]'
	[ "$(requests conversations.list)" = 1 ]
	SLACK_HOME_CHANNEL=@ann poll
	[ "$(requests conversations.open)" = 1 ]
	SLACK_HOME_CHANNEL='#nowhere' poll
	holds '.error.class == "request"'
	say D1 directly
	SLACK_HOME_CHANNEL='#nowhere' poll "{\"places\":[$(place D1)]}"
	holds '.cursor'
}

@test "poll: waits for a first message, and asks again in good time" {
	export SLACK_HOME_CHANNEL=D1
	poll
	SECONDS=0
	start poll_waiting "$CURSOR"
	look 'wait?name=conversations.history&count=2' >/dev/null
	say D1 "at last"
	wait_until 10 grep -q "at last" "$BATS_TEST_TMPDIR/out.$STARTED"
	(($(requests conversations.history) <= 4 + SECONDS / 2))
}

poll_waiting() {
	jq -nc --arg cursor "$1" '{$cursor, wait: 45}' | "$ADAPTER" poll
}

@test "poll: cursors that are none, and answers of other shapes, are no crash" {
	local body
	for CURSOR in x '[]' '7' '"a"' '{'; do
		poll
		holds '.error.class == "request"'
	done
	export SLACK_HOME_CHANNEL=C1
	for CURSOR in '{"home":[1,2]}' '{"home":{}}' '{"queue":{"C1":1}}' '{"queue":[7,[],{},{"spot":7}]}' \
		'{"queue":[{"spot":"C1","mark":7}]}' '{"queue":[{"spot":"C1","mark":{"a":1}}]}' \
		'{"queue":[{"spot":"C1","mark":[7,{},[]]}]}' '{"queue":[{"spot":"C1","mark":["","p","q"]}]}' \
		'{"queue":[{"spot":"C1","mark":["1.1","p",{}],"rests":"x"}]}'; do
		poll
		holds '.events == []'
	done
	for body in '[]' '7' '{}' '{"ok":1}' '{"ok":true,"messages":7}' '{"ok":true,"messages":[[],7,{"ts":7},{"ts":"x"}]}' \
		'{"ok":true,"messages":[{"ts":"9999999999.000001","user":{"id":1},"text":[]}],"has_more":true,"response_metadata":[]}' \
		'{"ok":false,"error":{"a":1}}' '{"ok":false,"error":"a","ok":true}'; do
		CURSOR='{"queue":[{"spot":"C1","mark":["1.000001"]}]}'
		fault conversations.history answer "{\"body\":$body}"
		SLACK_HOME_CHANNEL=C1 poll
		holds '(.events | type) == "array" or .error.class == "transient"'
		fault auth.test answer "{\"body\":$body}"
		ask check
		holds '.ok == false'
		fault conversations.info answer "{\"body\":$body}"
		ask resolve '{"words":"C1"}'
		holds '.error.class == "transient" or .place.chat == "C1"'
	done
}
