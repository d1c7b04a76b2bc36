#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-adapter-whatsapp against the tests' WhatsApp, both ways. ANN has written to the
# business. What Meta would call us with goes through the recipe that a web server would run.
# Whatever the adapter says in any test is searched for its secrets afterwards.
#
# Each test is a subshell of its own, and bats sets stderr:
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

bats_require_minimum_version 1.5.0
load common
load serving

ADAPTER=hermes-adapter-whatsapp
SECRET=EAAsecretEAAsecret
NUMBER=106540352242922
ANN=15550002222
CURSOR=

setup() {
	unset "${!WHATSAPP_@}"
	start_platform whatsapp --token "$SECRET" --secret "app$SECRET" --number "$NUMBER"
	export WHATSAPP_BASE_URL=http://127.0.0.1:$PORT WHATSAPP_CLOUD_ACCESS_TOKEN=$SECRET \
		WHATSAPP_CLOUD_PHONE_NUMBER_ID=$NUMBER WHATSAPP_CLOUD_APP_SECRET=app$SECRET \
		WHATSAPP_CLOUD_VERIFY_TOKEN=my$SECRET
	room person "{\"number\":\"$ANN\",\"name\":\"Ann\"}"
}

teardown() {
	stop_all
	run ! grep -rF "$SECRET" "$SAID"
}

# bridged: from now on by the bridge, whose JID for Ann is JID.
bridged() {
	export WHATSAPP_MODE=bridge WHATSAPP_BRIDGE_URL=http://127.0.0.1:$PORT/
	JID=$ANN@s.whatsapp.net
}

# place CHAT: as it is written down, without asking.
place() {
	jq -nc --arg chat "$1" --arg account "${JID:+bridge}" --arg number "$NUMBER" '
		{platform: "whatsapp", account: (if $account == "" then $number else $account end), $chat}
		+ if $chat | endswith("@g.us") then {kind: "group"} else {kind: "dm", user: $chat} end'
}

# say CHAT TEXT [MORE-JSON]
say() {
	room say "$(jq -nc --arg chat "$1" --arg text "$2" --argjson more "${3:-{\}}" \
		'{$chat, $text} + $more')"
}

# recipe METHOD QUERY SIGNATURE: the web server calls it; prints what it answers.
recipe() {
	REQUEST_METHOD=$1 QUERY_STRING=$2 HTTP_X_HUB_SIGNATURE_256=$3 \
		"$ROOT/contrib/recipes/whatsapp-hook.cgi" 2>>"$SAID/stderr"
}

# calls: Meta makes the calls that wait. Those that fail are made again.
calls() {
	look calls | jq -c '.[]' | made
}

# made: the calls of stdin.
made() {
	local call
	while read -r call; do
		jq -j .body <<<"$call" | recipe POST '' "$(jq -r .signature <<<"$call")" >"$SAID/recipe"
		grep -q 'Status: 200' "$SAID/recipe" || return 1
	done
}

# hook METHOD [MORE-JSON]: sets $output.
hook() {
	ask hook "$(jq -nc --arg method "$1" --argjson more "${2:-{\}}" '{$method} + $more')"
}

copies() {
	look "messages?chat=$1" | jq length
}

written() {
	send "$(place "$ANN")" "$@"
	look "messages?chat=$ANN" | jq -r '.[-1].text'
}

AGAIN='{"again":{"since":1}}'

# --- configuration

@test "about needs neither configuration nor network" {
	unset "${!WHATSAPP_@}"
	ask about
	holds '.limit == 4096 and .unit == "utf16" and .polling and .gateway'
	holds '[.threads, .idempotency, .readback] == [false, false, false] and (.verbs | index("hook"))'
	holds '[.config[] | select(.secret).name] == ["WHATSAPP_CLOUD_ACCESS_TOKEN",
		"WHATSAPP_CLOUD_APP_SECRET", "WHATSAPP_CLOUD_VERIFY_TOKEN", "WHATSAPP_PROXY"]'
}

@test "without a way to WhatsApp it is exit 78, for every verb, and says what is missing" {
	local verb
	run -78 --separate-stderr env -u WHATSAPP_CLOUD_APP_SECRET "$ADAPTER" hook <<<'{"method":"POST","body":""}'
	[[ $stderr == *WHATSAPP_CLOUD_APP_SECRET* ]]
	for verb in check resolve thread send poll; do
		run -78 --separate-stderr env -u WHATSAPP_CLOUD_ACCESS_TOKEN "$ADAPTER" "$verb" <<<'{}'
		[[ -z $output && $stderr == *WHATSAPP_CLOUD_ACCESS_TOKEN*WHATSAPP_MODE* ]]
		run -78 --separate-stderr env -u WHATSAPP_CLOUD_PHONE_NUMBER_ID "$ADAPTER" "$verb" <<<'{}'
		[[ $stderr == *WHATSAPP_CLOUD_PHONE_NUMBER_ID* ]]
	done
	run -78 --separate-stderr env WHATSAPP_CLOUD_ACCESS_TOKEN="$SECRET"$'\r\nX: y' "$ADAPTER" check
	[[ $stderr != *"$SECRET"* ]]
}

@test "the way: what WHATSAPP_MODE says, else what there is" {
	ask check
	holds '.facts.mode == "cloud"'
	WHATSAPP_MODE=bot WHATSAPP_BRIDGE_URL=http://127.0.0.1:$PORT ask check
	holds '.ok and .facts.mode == "bridge"'
	unset WHATSAPP_CLOUD_ACCESS_TOKEN
	WHATSAPP_BRIDGE_URL=http://127.0.0.1:$PORT ask check
	holds '.ok and .facts.mode == "bridge"'
}

# --- check

@test "check: all is well, either way" {
	export WHATSAPP_HOME_CHANNEL="+1 (555) 000-2222"
	ask check
	holds '.ok and .account == "106540352242922" and .name == "Hermes" and .facts.token'
	holds '.facts.home == {kind: "dm", name: "15550002222", reachable: true, threads: false, readable: true}'
	bridged
	ask check
	holds '.ok and .account == "bridge" and .facts.home.reachable and .facts.home.readable'
}

@test "check: each thing that is missing has its remedy" {
	export WHATSAPP_HOME_CHANNEL=my-friend
	ask check
	problem 'not a chat' "country's code"
	export WHATSAPP_HOME_CHANNEL=$ANN
	WHATSAPP_CLOUD_APP_SECRET='' ask check
	problem 'cannot be heard' WHATSAPP_CLOUD_APP_SECRET
	holds '.facts.home.readable == false'
	WHATSAPP_CLOUD_VERIFY_TOKEN='' ask check
	problem 'it is us' WHATSAPP_CLOUD_VERIFY_TOKEN
	WHATSAPP_CLOUD_ACCESS_TOKEN=wrong ask check
	problem 'Invalid OAuth' 'new token'
	holds '.facts.token == false and .facts.home.reachable == false'
	WHATSAPP_CLOUD_PHONE_NUMBER_ID=404 ask check
	problem 'does not exist' WHATSAPP_CLOUD_PHONE_NUMBER_ID
	WHATSAPP_BASE_URL=http://127.0.0.1:1 ask check
	problem 'no connection' later
	bridged
	room connected '{"state":"disconnected"}'
	ask check
	problem 'not connected' 'QR code'
	holds '.facts.home.reachable == false'
	WHATSAPP_BRIDGE_URL=http://127.0.0.1:1 ask check
	problem 'no connection' 'start the bridge'
}

# --- resolve and thread

@test "resolve: a number as people write it is its chat" {
	local words
	for words in "+$ANN" "$ANN" '+1 (555) 000-2222' 1.555.000.2222; do
		ask resolve "{\"words\":\"$words\"}"
		holds '.place == {platform: "whatsapp", account: "106540352242922", chat: "15550002222",
			kind: "dm", user: "15550002222", link: "https://wa.me/15550001111"}'
		holds '.audience == {size: 1, names: [], known: true}'
	done
	ask resolve '{"words":""}'
	holds '.error.class == "config" and (.error.remedy | contains("WHATSAPP_HOME_CHANNEL"))'
	WHATSAPP_HOME_CHANNEL=49301234567 WHATSAPP_CLOUD_HOME_CHANNEL=$ANN ask resolve '{"words":""}'
	holds '.place.chat == "15550002222"'
}

@test "resolve: for the bridge it is the same, and groups are known" {
	bridged
	room group '{"id":"120363@g.us","name":"Team","participants":["1@lid","2@lid","3@lid"]}'
	ask resolve '{"words":"+1 555 000 2222"}'
	holds '.place | .chat == "15550002222" and .account == "bridge" and .user == .chat'
	WHATSAPP_HOME_CHANNEL=15550002222:7@s.whatsapp.net ask resolve '{"words":""}'
	holds '.place.chat == "15550002222"'
	ask resolve '{"words":"120363@g.us"}'
	holds '.place.kind == "group" and (.place | has("user") | not)'
	holds '.audience == {size: 2, names: ["Team"], known: true}'
	ask resolve '{"chat":"999@g.us"}'
	holds '.audience == {names: [], known: false}'
}

@test "resolve: what is no chat is refused without a question" {
	local words
	for words in 'my friend' 12345 1234567890123456 120363@g.us ada@example.org "$ANN/1"; do
		ask resolve "{\"words\":\"$words\"}"
		holds '.error.class == "request" and .error.remedy'
	done
	[ "$(requests number)" = 0 ]
	ask resolve "{\"chat\":\"$ANN\",\"thread\":\"1\"}"
	holds '.error.class == "request" and (.error.why | contains("no threads"))'
	WHATSAPP_CLOUD_ACCESS_TOKEN=wrong ask resolve "{\"words\":\"$ANN\"}"
	holds '.error.class == "config"'
}

@test "thread: there is none; it is the chat itself" {
	ask thread "{\"place\":$(place "$ANN"),\"title\":\"T\",\"delivery\":\"h1\"}"
	holds ".outcome == \"home\" and (.why | contains(\"no threads\")) and .place == $(place "$ANN") and .audience.known"
	[ "$(requests number)" = 0 ]
}

# --- send

@test "send: as the Cloud API wants it" {
	send "$(place "$ANN")" hello
	holds '.outcome == "sent" and (.ids[0] | startswith("wamid.")) and .parts == 1 and (has("place") | not)'
	run -0 look 'requests?name=send'
	holds '.[0] | .path == "/v23.0/106540352242922/messages" and (.body | fromjson | .to == "+15550002222"
		and .recipient_type == "individual" and .text.preview_url == false
		and (.biz_opaque_callback_data | fromjson) == {delivery: "5", part: 1, parts: 1})'
	WHATSAPP_CLOUD_API_VERSION=v20.0 send "$(place "$ANN")" hello
	run -0 look 'requests?name=send'
	holds '.[1].path == "/v20.0/106540352242922/messages"'
	[ "$(copies "$ANN")" = 2 ]
}

@test "send: follows a number that WhatsApp writes otherwise" {
	room person '{"number":"5511999990000","known_as":"551199990000"}'
	send "$(place 5511999990000)" hello
	holds '.outcome == "sent" and .place.chat == "551199990000" and .place.user == "551199990000"'
}

@test "send: to the bridge, to people and groups" {
	bridged
	for chat in "$ANN" 120363@g.us; do
		send "$(place "$chat")" hello
		holds '.outcome == "sent" and (.ids | length) == 1 and (has("place") | not)'
	done
	[ "$(copies "$JID") $(copies 120363@g.us)" = "1 1" ]
	refused "$(place nobody@s.whatsapp.net)" request 'no chat' ''
	room connected '{"state":"disconnected"}'
	refused "$(place "$ANN")" transient 'Not connected' 'QR code'
	room connected '{"state":"connected"}'
	fault bridge_send answer '{"status":400,"body":{"error":"chatId and message are required"}}'
	refused "$(place "$ANN")" request 'are required' ''
	fault bridge_send answer '{"status":400,"body":{"error":"Invalid Host header. Bridge accepts loopback hosts only."}}'
	refused "$(place "$ANN")" config 'Invalid Host' WHATSAPP_BRIDGE_URL
	fault bridge_send answer_after '{"status":500,"body":{"error":"sendMessage timed out after 60s"}}'
	send "$(place "$ANN")" hello
	holds '.outcome == "unknown" and (.why | contains("timed out"))'
	export WHATSAPP_PROXY=http://127.0.0.1:1 http_proxy=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1
	send "$(place "$ANN")" hello
	holds '.outcome == "sent"'
	ask check
	holds '.facts.proxy == false'
}

@test "send: follows a hidden number that the bridge has come to know" {
	bridged
	say 777@lid hello
	poll
	place=$(jq -c '.events[0].place' <<<"$output")
	[ "$(jq -r .chat <<<"$place")" = 777@lid ]
	send "$place" hello
	holds '.outcome == "sent" and (has("place") | not)'
	mkdir -p "$HERMES_HOME/whatsapp/session"
	echo '"15550002222"' >"$HERMES_HOME/whatsapp/session/lid-mapping-777_reverse.json"
	ask thread "{\"place\":$place,\"title\":\"T\",\"delivery\":\"h1\"}"
	holds '.place == $now' --argjson now "$(place "$ANN")"
	send "$place" hello
	holds '.outcome == "sent" and .place == $now' --argjson now "$(place "$ANN")"
	[ "$(copies 777@lid) $(copies "$JID")" = "1 1" ]
}

@test "send: every number of Meta's has its class and, where there is one, its remedy" {
	local code status class remedy
	while read -r code status class remedy; do
		fault send answer "{\"status\":$status,\"body\":{\"error\":{\"message\":\"(#$code) words\",\"code\":$code}}}"
		send "$(place "$ANN")" hello
		if [ "$class" = unknown ]; then
			holds '.outcome == "unknown"' || { echo "$code"; return 1; }
		else
			holds ".outcome == \"not_sent\" and .class == \"$class\" and .why == \"(#$code) words\"
				and ((.remedy // \"\") | contains(\"$remedy\"))" || { echo "$code"; return 1; }
		fi
	done <<-'END'
		190 401 config new token
		0 401 config new token
		10 403 config permission
		200 403 config permission
		131005 403 config permission
		131042 400 config payment
		133010 400 config register
		368 403 config restricted
		131031 403 config locked
		131047 400 chat within 24 hours
		131026 400 chat no WhatsApp
		131030 400 chat test number
		131021 400 chat own
		131050 400 chat wants no
		131051 400 request
		131008 400 request
		131009 400 request
		100 400 request
		999999 400 request
		4 429 transient
		80007 429 transient
		130429 429 transient
		131056 429 transient
		131048 429 transient
		131016 500 transient
		133004 503 transient
		131057 503 transient
		1 500 unknown
		2 503 unknown
		131000 500 unknown
		999999 500 unknown
	END
	fault send answer '{"status":429,"body":{"error":{"message":"x","code":130429}},"headers":{"Retry-After":"30"}}'
	send "$(place "$ANN")" hello
	holds '.retry_after == 30'
	WHATSAPP_CLOUD_PHONE_NUMBER_ID=404 refused "$(place "$ANN")" config 'does not exist' PHONE_NUMBER_ID
	refused "$(place nobody)" request 'no chat' ''
	refused "$(place "$ANN" | jq -c '.thread = "1"')" request 'no chat' ''
}

@test "send: what left and was not answered is unknown, and is there at most once unmarked" {
	local kind stored more
	while read -r kind stored more; do
		room forget '{}'
		fault send "$kind" "${more:-{\}}"
		before=$(copies "$ANN")
		send "$(place "$ANN")" "$kind $more"
		holds '.outcome == "unknown" and .why and .retry_after == 15 and .scope == "chat"' || { echo "$kind"; return 1; }
		[ "$(requests send)" = 1 ]
		[ "$(copies "$ANN")" = $((before + stored)) ]
		send "$(place "$ANN")" "$kind" "$AGAIN"
		holds '.outcome == "sent"'
		[[ $(look "messages?chat=$ANN" | jq -r '.[-1].words') == "[sent again"*$'\n'"$kind" ]]
	done <<-'END'
		drop_before 0
		drop_after 1
		reset_after 1
		truncate_after 1
		gateway 0
		gateway_after 1
		garbage 0
		half_json 0
		huge 0 {"bytes":10485760}
		answer 0 {"body":[]}
		answer 0 {"body":{"messages":[{"id":7}],"contacts":[7]}}
		answer 0 {"body":{"messages":{"id":"x"}}}
		answer_after 1 {"status":500,"body":{"error":"words"}}
	END
}

@test "send: hangs, redirects, nobody there and proxies" {
	fault send hang_after
	in_little_time send "$(place "$ANN")" hello
	holds '.outcome == "unknown" and (.why | contains("in time"))'
	fault send redirect
	refused "$(place "$ANN")" transient 'HTTP 302' proxy
	fault send gateway '{"status":403}'
	refused "$(place "$ANN")" transient 'HTTP 403' proxy
	WHATSAPP_BASE_URL=http://127.0.0.1:1 refused "$(place "$ANN")" transient 'no connection' ''
	WHATSAPP_PROXY=socks5://127.0.0.1:1 refused "$(place "$ANN")" transient '' ''
	start_proxy -u me -P "$SECRET"
	WHATSAPP_PROXY=socks5://me:$SECRET@127.0.0.1:$PROXY_PORT send "$(place "$ANN")" hello
	holds '.outcome == "sent"'
	[ "$(copies "$ANN")" = 2 ]
}

@test "texts: Markdown becomes WhatsApp's marks, and what is no mark stays none" {
	[ "$(written '**bold** *italic* ~~gone~~ `code` [words](https://x.org/)')" = \
		'*bold* _italic_ ~gone~ `code` words (https://x.org/)' ]
	[ "$(written $'> said\n\n```sh\na < b && *c*\n```')" = $'> said\n\n```\na < b && *c*\n```' ]
	[ "$(written 'un**bold**ed snake_case_name \*x\*' )" = \
		$'un\u200b*bold*\u200bed snake_case_name \u2060*\u2060x*' ]
	[ "$(written '*stars* & <b>' '{"format":"plain"}')" = $'\u2060*\u2060stars* & <b>' ]
	[ "$(written 'https://x.org/_a_/~b' '{"format":"plain"}')" = 'https://x.org/_a_/~b' ]
}

@test "texts: are cut at 4096 characters, with room for the mark" {
	local part
	for part in 1 2 3; do
		send "$(place "$ANN")" "$(printf 'word %.0s' {1..2000})" "{\"part\":$part,\"again\":{\"since\":1}}"
		holds '.outcome == "sent" and .parts == 3'
	done
	[ "$(look "messages?chat=$ANN" | jq '[.[].text | length] | max <= 4096')" = true ]
	send "$(place "$ANN")" hello '{"part":2}'
	holds '.outcome == "not_sent" and .class == "request"'
}

# --- what comes in: the Cloud API

@test "hook: Meta is answered its challenge, if it knows our word" {
	run -0 recipe GET "hub.mode=subscribe&hub.challenge=1158%2B201444&hub.verify_token=my$SECRET" ''
	[ "$output" = $'Status: 200\r\nContent-Type: text/plain\r\n\r\n1158+201444' ]
	run -0 recipe GET 'hub.mode=subscribe&hub.challenge=1158&hub.verify_token=other' ''
	[[ $output == "Status: 403"* && $output != *1158* ]]
	for query in '' hub.mode=subscribe "hub.verify_token=my$SECRET" "hub.mode=x&hub.challenge=1&hub.verify_token=my$SECRET" %; do
		hook GET "{\"query\":\"$query\"}"
		holds '.status == 403'
	done
	hook PUT
	holds '.status == 405'
	ask hook '{}'
	holds '.status == 405'
}

@test "hook: only what is signed is taken, and 200 means that it is on the disk" {
	local body='{"entry":[{}]}' right
	right=sha256=$(printf %s "$body" | openssl dgst -sha256 -hmac "app$SECRET" | sed 's/.* //')
	for signature in '' sha256= "${right%?}" "${right%?}x" "${right^^}" "sha1=${right#*=}" "$right "; do
		hook POST "$(jq -nc --arg signature "$signature" --arg body "$body" '{$signature, $body}')"
		holds '.status == 403'
	done
	hook POST "$(jq -nc --arg signature "$right" --arg body "$body " '{$signature, $body}')"
	holds '.status == 403'
	[ ! -e "$HERMES_HOME/whatsapp.spool" ]
	hook POST "$(jq -nc --arg signature "$right" --arg body "$body" '{$signature, $body}')"
	holds '.status == 200'
	[ "$(stat -c %a "$HERMES_HOME/whatsapp.spool")" = 600 ]
	for body in '[]' '{}' x '{"entry":7}'; do
		right=sha256=$(printf %s "$body" | openssl dgst -sha256 -hmac "app$SECRET" | sed 's/.* //')
		hook POST "$(jq -nc --arg signature "$right" --arg body "$body" '{$signature, $body}')"
		holds '.status == 400'
	done
}

@test "whatsapp-hook.cgi: a call that cannot be kept is not acknowledged, and comes again" {
	say "$ANN" hello
	call=$(look calls | jq -c '.[0]')
	rm -rf "$HERMES_HOME/whatsapp.spool"
	mkdir -p "$HERMES_HOME/whatsapp.spool"
	run -0 recipe POST '' "$(jq -r .signature <<<"$call")" < <(jq -j .body <<<"$call")
	[[ $output == "Status: 500"* ]]
	rmdir "$HERMES_HOME/whatsapp.spool"
	run -0 recipe POST '' "$(jq -r .signature <<<"$call")" < <(jq -j .body <<<"$call")
	[[ $output == "Status: 200"* ]]
	poll
	holds '[.events[].text] == ["hello"]'
	run -0 env -u WHATSAPP_CLOUD_APP_SECRET "$ROOT/contrib/recipes/whatsapp-hook.cgi" </dev/null
	[[ $output == "Status: "[45]* ]]
}

@test "poll: what a person wrote has the very place that resolve gave" {
	ask resolve "{\"words\":\"+$ANN\"}"
	home=$(jq -c '.place | del(.link)' <<<"$output")
	say "$ANN" "Grüße 👋"
	say "$ANN" '' '{"more":{"type":"button","button":{"text":"Yes"},"context":{"id":"wamid.1"}}}'
	say "$ANN" '' '{"more":{"type":"interactive","interactive":{"type":"list_reply","list_reply":{"title":"One"}}}}'
	say "$ANN" '' '{"more":{"type":"image","image":{"caption":"look"}}}'
	say "$ANN" '' '{"more":{"type":"image","image":{}}}'
	say "$ANN" '' '{"more":{"type":"reaction","reaction":{"emoji":"x"}}}'
	calls
	poll
	holds '[.events[].text] == ["Grüße 👋", "Yes", "One", "look"] and (has("outcomes") | not)'
	holds '.events | all(.place == $home and .user == {id: "15550002222", name: "Ann"}
		and (now - .at | fabs) < 60)' --argjson home "$home"
	holds '.events[1].reply_to == "wamid.1"'
}

@test "poll: confirms only what its cursor covers, also beside calls that come in" {
	say "$ANN" one
	calls
	poll
	first=$output
	ask poll '{"wait":0}'
	[ "$output" = "$first" ]
	say "$ANN" two
	calls
	poll
	holds '[.events[].text] == ["two"]'
	poll
	holds '.events == []'
	say "$ANN" three
	calls
	poll
	holds '[.events[].text] == ["three"]'
}

@test "poll: a call that comes before any poll into a new file is behind the old cursor" {
	for text in one two three; do
		say "$ANN" "$text"
	done
	calls
	poll
	rm "$HERMES_HOME/whatsapp.spool"
	say "$ANN" four
	calls
	poll
	holds '[.events[].text] == ["four"]'
	say "$ANN" five
	calls
	poll
	holds '[.events[].text] == ["five"]'
}

@test "poll: what cannot be answered where it was said is passed, and a missing number is told" {
	say "$ANN" "in a group" '{"more":{"group_id":"Y2FwaV9ncm91cDo"}}'
	say "$ANN" "without a number" '{"more":{"from":"","from_user_id":"US.13491208655302741918"}}'
	calls
	poll
	holds '.events == []'
	[ "$(grep -c 'without a number' "$SAID/stderr")" = 1 ]
}

@test "poll: waits for a call" {
	start poll_waiting
	say "$ANN" "at last"
	calls
	wait_until 10 grep -q "at last" "$BATS_TEST_TMPDIR/out.$STARTED"
}

poll_waiting() {
	"$ADAPTER" poll <<<'{"wait":20}'
}

@test "poll: calls of many at once are each kept" {
	local call
	for i in {1..8}; do say "$ANN" "text $i"; done
	look calls | jq -c '.[]' >"$SAID/calls"
	while read -r call; do
		jq -c '{method: "POST", signature, body}' <<<"$call" | "$ADAPTER" hook &
	done <"$SAID/calls" >"$SAID/hooks"
	wait_until 10 eval '[ "$(grep -c ":200" "$SAID/hooks")" = 8 ]'
	poll
	holds '[.events[].text] | length == 8 and (unique | length) == 8'
}

@test "poll: other numbers' messages, and shapes that are none, are passed" {
	room call '{"metadata":{"phone_number_id":"7"},"messages":[{"from":"15550002222","id":"a","type":"text","text":{"body":"x"}}]}'
	room call '{"messages":[7,[],{},{"from":7,"id":[],"type":"text","text":{"body":"x"}},{"from":"15550002222","type":"text"},
		{"from":"nobody","id":"b","type":"text","text":{"body":"x"}}],"contacts":7,
		"statuses":[7,{},{"id":"c","biz_opaque_callback_data":"x"},{"id":"c","status":"sent","biz_opaque_callback_data":"[]"}]}'
	calls
	poll
	holds '.events == [] and (has("outcomes") | not)'
	for CURSOR in x -1 1.5; do
		poll
		holds '.error.class == "request"'
	done
}

# --- what comes in: the bridge

@test "poll: the bridge's messages, in places as resolve gives them" {
	bridged
	room group '{"id":"120363@g.us","name":"Team","participants":["1@lid","2@lid"]}'
	mkdir -p "$HERMES_HOME/whatsapp/session"
	echo '"15550002222"' >"$HERMES_HOME/whatsapp/session/lid-mapping-777_reverse.json"
	ask resolve "{\"words\":\"$ANN\"}"
	home=$(jq -c .place <<<"$output")
	say "$JID" one
	say "15550002222:7@s.whatsapp.net" two
	say 777@lid three
	say 120363@g.us four '{"user":"15550002222:7@s.whatsapp.net","more":{"quotedMessageId":"Q1"}}'
	say 888@lid five
	say "$JID" ''
	say "$JID" "said by the phone's owner" '{"more":{"fromOwner":true}}'
	poll
	holds '[.events[].text] == ["one", "two", "three", "four", "five"]'
	holds '.events[:3] | all(.place == $home and .user == {id: $home.user, name: "Ann"})' --argjson home "$home"
	holds '.events[3] | .place == {platform: "whatsapp", account: "bridge", chat: "120363@g.us", kind: "group",
		user: "15550002222"} and .reply_to == "Q1"'
	holds '.events[4].place.chat == "888@lid"'
}

@test "poll: what the bridge handed out stays until a cursor covers it" {
	bridged
	say "$JID" one
	poll
	first=$output
	[ "$(look queue)" = '[]' ]
	room forget '{}'
	fault bridge_messages gateway
	ask poll '{"wait":0}'
	[ "$output" = "$first" ]
	fault bridge_messages gateway
	poll
	holds '.error.class == "transient"'
	for body in '{}' 7 '{"error":"x"}' '"x"'; do
		fault bridge_messages answer "{\"body\":$body}"
		poll
		holds '.error'
	done
	fault bridge_messages answer '{"body":[7,[],{},{"chatId":7},{"chatId":"x","senderId":"y","messageId":"z","body":"w"}]}'
	poll
	holds '.events == []'
	WHATSAPP_BRIDGE_URL=http://127.0.0.1:1 poll
	holds '.error.class == "transient"'
}

# --- with the whole product: who is answered, and what is learnt later

# stored: Meta's calls are made, heard and put into the store.
stored() {
	calls
	hermes-listen whatsapp >/dev/null
}

delivery() {
	hermes-send list --jq 'select(.id == "'"$1"'")'
}

# dead: the chats that are.
dead() {
	sql 'SELECT chat FROM courier_chats WHERE died IS NOT NULL'
}

# store_ready: the product knows this WhatsApp, and may write to Ann.
store_ready() {
	export WHATSAPP_HOME_CHANNEL=$ANN WHATSAPP_ALLOWED_USERS=$ANN HERMES_POLL=0
	look calls >/dev/null
}

@test "bridge: whom the configuration names by their number is answered" {
	bridged
	configure 'agent: {use: recap}'
	export HERMES_POLL=0 WHATSAPP_ALLOWED_USERS=$ANN
	say "$JID" hello
	hermes-listen whatsapp >/dev/null
	hermes-answer >/dev/null
	[ "$(hermes-inbox list --jq .state)" = "done" ]
	[ "$(sql 'SELECT session_key FROM sessions')" = "agent:main:whatsapp:dm:$ANN" ]
	[ "$(copies "$JID")" = 1 ]
}

@test "learnt: a text whose answer was lost has arrived, and is not sent again" {
	store_ready
	fault send drop_after
	run hermes-send whatsapp hello
	output=$(delivery 1)
	holds '.state != "sent"'
	stored
	output=$(delivery 1)
	holds '.state == "sent" and (.ids | length) == 1'
	[ "$(copies "$ANN")" = 1 ]
	hermes-send --due || :
	[ "$(copies "$ANN")" = 1 ]
}

@test "learnt: a text that Meta took has failed, and the chat is dead until the person writes" {
	store_ready
	room person "{\"number\":\"$ANN\",\"may_be_written_to\":false}"
	run -0 hermes-send whatsapp hello
	output=$(delivery 1)
	holds '.state == "sent"'
	stored
	output=$(delivery 1)
	holds '.state == "failed" and (.error | contains("131047") and contains("they must write to it first"))'
	[ "$(dead)" = "$ANN" ]
	say "$ANN" "I am here"
	stored
	[ -z "$(dead)" ]
	run -0 hermes-send whatsapp "now"
	stored
	[ "$(look "messages?chat=$ANN" | jq -c '[.[].text]')" = '["now"]' ]
}

@test "learnt: a handoff whose text failed after Meta took it says so" {
	store_ready
	configure 'agent: {use: recap}'
	room person "{\"number\":\"$ANN\",\"may_be_written_to\":false}"
	session=$(hermes-state new --title Far --source cli | jq -r .id)
	hermes-state append "$session" hello >/dev/null
	run -0 hermes handoff whatsapp --session "$session"
	output=$(hermes-handoff status --session "$session")
	holds '.state == "completed" and (has("undelivered") | not)'
	calls
	run -0 hermes-listen whatsapp
	[[ $output == *"delivery 1 did not arrive: "*131047* ]]
	output=$(hermes-handoff status --session "$session")
	holds '.state == "completed" and (.undelivered | contains("131047"))'
	run -0 script -qec "hermes-handoff status --session $session" /dev/null
	[[ $output == *"completed, asked for"*"but it did not arrive: "*131047* ]]
}

# heard: Meta has called, and that is on the disk.
heard() {
	calls
	[ -s "$HERMES_HOME/whatsapp.spool" ]
}

# ended: what a sender left is taken up, and over.
ended() {
	hermes-send --due || :
	[ "$(delivery 1 | jq .ended)" != null ]
}

@test "learnt: a failure that is told before the answer of the send counts" {
	store_ready
	room person "{\"number\":\"$ANN\",\"may_be_written_to\":false}"
	room hold '{"held":true}'
	start hermes-send whatsapp hello
	wait_until 20 heard
	hermes-listen whatsapp >/dev/null
	output=$(delivery 1)
	holds '.state == "sending"'
	room hold '{"held":false}'
	wait "${STARTED_PIDS[-1]}" || status=$?
	((status))
	output=$(delivery 1)
	holds '.state == "failed" and (.error | contains("131047"))'
	[ "$(dead)" = "$ANN" ]
}

@test "learnt: a text whose sender was killed has arrived, and is not sent again" {
	store_ready
	room hold '{"held":true}'
	start hermes-send whatsapp hello
	wait_until 20 heard
	hermes-listen whatsapp >/dev/null
	kill -9 "${STARTED_PIDS[-1]}"
	room hold '{"held":false}'
	wait_until 20 ended
	output=$(delivery 1)
	holds '.state == "sent" and (.ids | length) == 1'
	[ "$(copies "$ANN")" = 1 ]
}

@test "learnt: a part that failed while the next was being sent ends the text" {
	store_ready
	room person "{\"number\":\"$ANN\",\"may_be_written_to\":false}"
	fault send hang_after '{"skip":1}'
	start hermes-send whatsapp "$(printf 'word %.0s' {1..1000})"
	run -0 look 'wait?name=send&count=2'
	stored
	kill -9 "${STARTED_PIDS[-1]}"
	wait_until 20 ended
	output=$(delivery 1)
	holds '.state == "failed" and (.error | contains("131047"))'
	[ "$(requests send)" = 2 ]
}

@test "learnt: who has written since a text failed is alive, though Meta says again that it failed" {
	store_ready
	room person "{\"number\":\"$ANN\",\"may_be_written_to\":false}"
	run -0 hermes-send whatsapp hello
	look calls >"$SAID/failed"
	say "$ANN" "I am here"
	{
		jq -c '.[]' "$SAID/failed"
		look calls | jq -c '.[]'
	} | made
	hermes-listen whatsapp >/dev/null
	output=$(delivery 1)
	holds '.state == "failed"'
	[ -z "$(dead)" ]
	jq -c '.[]' "$SAID/failed" | made
	hermes-listen whatsapp >/dev/null
	[ -z "$(dead)" ]
}

@test "learnt: what tells of another store's delivery, or another chat, is no news" {
	store_ready
	run -0 hermes-send whatsapp hello
	id=$(delivery 1 | jq -r '.ids[0]')
	look calls >/dev/null
	for told in "49301234567 $id" "$ANN wamid.other"; do
		room call "$(jq -nc --arg told "$told" '{statuses: [{status: "failed", errors: [{code: 131026}],
			recipient_id: ($told / " ")[0], id: ($told / " ")[1],
			biz_opaque_callback_data: "{\"delivery\":\"1\",\"part\":1,\"parts\":1}"}]}')"
	done
	stored
	output=$(delivery 1)
	holds '.state == "sent"'
}
