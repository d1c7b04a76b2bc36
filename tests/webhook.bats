#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-adapter-webhook against a receiver of the tests, and with the library of Standard
# Webhooks. Whatever the adapter says in any test is searched for its secrets afterwards.
#
# Each test is a subshell of its own, and bats sets stderr:
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

bats_require_minimum_version 1.5.0
load common
load serving

ADAPTER=hermes-adapter-webhook
CURSOR=

setup() {
	unset "${!WEBHOOK_@}" "${!WEBUI_@}" "${!HTTP_@}" CONTENT_LENGTH
	start_platform webhook --token TOKENtoken
	WEBHOOK_SECRET=whsec_$(printf 's%.0s' {1..24} | base64)
	export WEBHOOK_URL=http://127.0.0.1:$PORT/hook WEBHOOK_POLL_URL=http://127.0.0.1:$PORT/events
	export WEBHOOK_SECRET WEBHOOK_TOKEN=TOKENtoken
	HOME_PLACE='{"platform":"webhook","account":"webhook","chat":"default","kind":"dm","user":"default"}'
}

teardown() {
	stop_all
	run ! grep -rE "$WEBHOOK_SECRET|TOKENtoken|/hook|/events" "$SAID"
}

# shown [CHAT [THREAD]]: what arrived there, a JSON string a line.
shown() {
	look "messages?chat=${1:-default}&thread=${2:-}" | jq -c '.[].text'
}

clients() {
	[ -d "$BATS_TEST_DIRNAME/clients/node_modules" ] || {
		echo "tests/clients is not installed; run: sh contrib/bootstrap check" >&2
		return 1
	}
	node "$BATS_TEST_DIRNAME/clients/webhook.mjs" "$@"
}

# sign ID BODY: puts the headers into the environment, as CGI does.
sign() {
	local line
	while IFS= read -r line; do
		export "${line?}"
	done < <(printf '%s' "$2" | clients sign "$1" | jq -r 'to_entries[] | "\(.key)=\(.value)"')
}

# verify BODY: sets status, output and stderr.
verify() {
	run --separate-stderr hermes-adapter-webhook verify <<<"$1"
	printf '%s\n' "$output" "$stderr" >>"$SAID/stdout"
}

# --- configuration

@test "about needs neither configuration nor network, and has a second name" {
	unset "${!WEBHOOK_@}"
	export WEBHOOK_SECRET=whsec_x
	ask about
	holds '.platform == "webhook" and .threads and .polling and .idempotency and (.readback | not)'
	holds '[.config[] | select(.required).name] == ["WEBHOOK_URL", "WEBHOOK_SECRET"]'
	ADAPTER=hermes-adapter-webui ask about
	holds '.platform == "webui" and (.config | all(.name | startswith("WEBUI_")))'
	[ "$(requests '')" = 0 ]
}

@test "what is missing, or no secret, is exit 78 and named" {
	WEBHOOK_URL='' run -78 --separate-stderr hermes-adapter-webhook resolve <<<'{}'
	[[ $stderr == *WEBHOOK_URL* ]]
	for secret in '' secret whsec_ whsec_c2hvcnQ= 'whsec_***' "${WEBHOOK_SECRET#whsec_}"; do
		WEBHOOK_SECRET=$secret run -78 --separate-stderr hermes-adapter-webhook resolve <<<'{}'
		[[ $stderr == *WEBHOOK_SECRET*openssl* ]] || { echo "$secret: $stderr"; false; }
	done
	WEBHOOK_KIND=room run -78 hermes-adapter-webhook resolve <<<'{}'
	WEBHOOK_TOKEN=$'a\nX: y' run -78 hermes-adapter-webhook resolve <<<'{}'
	run -78 --separate-stderr hermes-adapter-webui resolve <<<'{}'
	[[ $stderr == *WEBUI_URL* ]]
}

@test "webui is a platform of its own" {
	export WEBUI_URL=$WEBHOOK_URL WEBUI_SECRET=$WEBHOOK_SECRET WEBUI_TOKEN=$WEBHOOK_TOKEN
	unset WEBHOOK_URL
	ADAPTER=hermes-adapter-webui
	ask resolve '{}'
	holds '.place.platform == "webui" and .place.chat == "default"'
	send "$(jq -c .place <<<"$output")" hello
	holds '.outcome == "sent"'
	[ "$(shown)" = '"hello"' ]
}

# --- signatures

@test "every request is signed as Standard Webhooks' own library wants it" {
	ask check
	ask thread "{\"place\":$HOME_PLACE,\"title\":\"Grüße ✓\",\"delivery\":\"h1\"}"
	send "$HOME_PLACE" $'two\nlines, 世界 "quoted" \\'
	poll
	[ "$(look requests | clients verify)" = "$(requests '')" ]
	[ "$(requests '')" -ge 5 ]
	output=$(look requests)
	holds 'all(.headers | .["idempotency-key"] == .["webhook-id"] and .authorization == "Bearer TOKENtoken")'
	holds '[.[] | select(.name == "hook").headers["webhook-id"]] | all(startswith("msg_")) and (unique | length == 3)'
}

@test "a secret of any length is read as others read it" {
	for length in 16 17 20 64; do
		WEBHOOK_SECRET=whsec_$(head -c "$length" /dev/zero | tr '\0' k | base64 -w 0)
		send "$HOME_PLACE" hello
		holds '.class == "config"'
		[ "$(look requests | jq '[last]' | clients verify)" = 1 ]
	done
}

@test "a repetition bears the same id and the time of the attempt" {
	send "$HOME_PLACE" hello
	room clock '{"advance":500}'
	HERMES_CLOCK=500 send "$HOME_PLACE" hello '{"again":{"since":1}}'
	holds '.outcome == "sent" and .ids == ["m1"]'
	output=$(look 'requests?name=hook')
	holds '.[0].headers["webhook-id"] == .[1].headers["webhook-id"]'
	holds '(.[1].headers["webhook-timestamp"] | tonumber) - (.[0].headers["webhook-timestamp"] | tonumber) | . >= 500 and . < 510'
	holds '.[0].body == .[1].body'
	[ "$(shown | wc -l)" = 1 ]
	HERMES_CLOCK=500 send "$HOME_PLACE" hello '{"delivery":"6"}'
	[ "$(shown | wc -l)" = 2 ]
}

@test "a wrong secret, token or address is a matter of configuration" {
	WEBHOOK_SECRET=whsec_$(printf 'x%.0s' {1..24} | base64) send "$HOME_PLACE" hello
	holds '.outcome == "not_sent" and .class == "config" and (.why | contains("signature is wrong"))'
	WEBHOOK_TOKEN='' send "$HOME_PLACE" hello
	holds '.class == "config" and (.remedy | contains("token"))'
	WEBHOOK_URL=${WEBHOOK_URL%hook}nowhere send "$HOME_PLACE" hello
	holds '.class == "config" and (.remedy | contains("address"))'
	WEBHOOK_URL=ftp://127.0.0.1/ send "$HOME_PLACE" hello
	holds '.outcome == "not_sent" and .class == "config"'
}

# --- check

@test "check: all is well; what is not has its remedy" {
	ask check
	holds '.ok and .account == "webhook" and .facts == {home: {name: "default", kind: "dm",
		reachable: true, readable: true}, token: true}'
	room switch '{"pings":false}'
	WEBHOOK_POLL_URL='' ask check
	holds '.ok and (.facts.home | has("readable") | not)'
	WEBHOOK_TOKEN='' ask check
	problem 'no token' 'token'
	WEBHOOK_POLL_URL=${WEBHOOK_POLL_URL%events}nowhere ask check
	problem 'no such address' 'address'
	fault events answer '{"body":{"events":7}}'
	ask check
	problem 'no list of events' 'GET'
	WEBHOOK_HOME_CHANNEL='two words' ask check
	problem 'not a name' 'without spaces'
	WEBHOOK_URL=http://127.0.0.1:1/hook ask check
	problem 'no connection' 'later'
}

# --- resolve

@test "resolve: chats are the receiver's own names" {
	ask resolve '{"words":""}'
	holds ".place == $HOME_PLACE and .audience == {size: 1, names: [\"default\"], known: true}"
	WEBHOOK_HOME_CHANNEL=Ada@home WEBHOOK_HOME_CHANNEL_THREAD_ID=7 ask resolve '{}'
	holds '.place | .chat == "Ada@home" and .thread == "7"'
	WEBHOOK_KIND=group ask resolve '{"words":"räume#1/t:9"}'
	holds '.place | .kind == "group" and .chat == "räume#1" and .thread == "t:9" and (has("user") | not)'
	holds '.audience.known == false'
	ask resolve '{"chat":"a/b"}'
	holds '.place | .chat == "a/b" and (has("thread") | not)'
	for words in 'two words' '!' ' ' '/' 'a/' "$(printf 'x%.0s' {1..300})" 'tab\tbed'; do
		ask resolve "{\"words\":\"$words\"}"
		holds '.error.class == "request"' || { echo "$words"; false; }
	done
	[ "$(requests '')" = 0 ]
}

# --- thread

@test "thread: the receiver decides" {
	ask thread "{\"place\":$HOME_PLACE,\"title\":\"Fix it\",\"delivery\":\"h1\"}"
	holds '.outcome == "opened" and .place.thread == "t1" and (.place.link | startswith("https://"))'
	ask thread "{\"place\":$HOME_PLACE,\"title\":\"Fix it\",\"delivery\":\"h1\",\"again\":{\"since\":1}}"
	holds '.place.thread == "t1"'
	[ "$(look threads)" = '["Fix it"]' ]
	send "$(jq -c .place <<<"$output")" hello
	[ "$(shown default t1)" = '"hello"' ]
	room switch '{"threads":false}'
	ask thread "{\"place\":$HOME_PLACE,\"title\":\"x\",\"delivery\":\"h2\"}"
	holds ".outcome == \"home\" and .place == $HOME_PLACE and .audience.known and .why"
	fault hook answer '{"body":{"thread":7}}'
	ask thread "{\"place\":$HOME_PLACE,\"title\":\"x\",\"delivery\":\"h3\"}"
	holds '.outcome == "opened" and .place.thread == "7"'
	for answer in '{"body":null}' '{"body":{}}' '{"body":{"thread":[7]}}' '{"body":{"thread":"a b"}}' '{"status":404}'; do
		fault hook answer "$answer"
		ask thread "{\"place\":$HOME_PLACE,\"title\":\"x\",\"delivery\":\"h3\"}"
		holds '.outcome == "home"' || { echo "$answer"; false; }
	done
}

@test "thread: what is lost is the same thread when asked again" {
	for fault in drop_after reset_after truncate_after gateway_after; do
		fault hook "$fault"
		ask thread "{\"place\":$HOME_PLACE,\"title\":\"$fault\",\"delivery\":\"h\"}"
		holds '.outcome == "unknown"' || { echo "$fault"; false; }
		ask thread "{\"place\":$HOME_PLACE,\"title\":\"$fault\",\"delivery\":\"h\",\"again\":{\"since\":1}}"
		holds '.outcome == "opened"'
	done
	[ "$(look threads | jq length)" = 4 ]
	room switch '{"gone":["default"]}'
	ask thread "{\"place\":$HOME_PLACE,\"title\":\"x\",\"delivery\":\"h\"}"
	holds '.outcome == "not_opened" and .class == "chat"'
}

# --- send

@test "send: the text as it was written, and where it belongs" {
	send "$HOME_PLACE" $'**bold** and\n\n```c\nint x;\n```\n'
	holds '.outcome == "sent" and .ids == ["m1"] and .parts == 1'
	output=$(look 'messages?chat=default' | jq '.[0]')
	holds '.version == 1 and .type == "message" and .format == "markdown" and .delivery == "5" and .part == 1'
	holds ".place == $HOME_PLACE and (.text | startswith(\"**bold** and\\n\\n\`\`\`c\\nint x;\\n\`\`\`\"))"
	send "$HOME_PLACE" 'as it is' '{"format":"plain"}'
	output=$(look 'messages?chat=default' | jq '.[1]')
	holds '.format == "plain"'
	room switch '{"ids":false}'
	send "$HOME_PLACE" nameless
	holds '.outcome == "sent" and (.ids[0] | startswith("msg_"))'
}

@test "send: what was taken before is sent" {
	send "$HOME_PLACE" hello
	room switch '{"conflict":true}'
	send "$HOME_PLACE" hello '{"again":{"since":1}}'
	holds '.outcome == "sent" and (.ids[0] | startswith("msg_"))'
	fault hook answer '{"status":409}'
	send "$HOME_PLACE" other
	holds '.outcome == "sent"'
	[ "$(shown | wc -l)" = 1 ]
}

@test "send: whatever is lost on the way, asked again it is there once" {
	while read -r fault outcome; do
		fault hook "$fault"
		send "$HOME_PLACE" "$fault"
		holds ".outcome == \"$outcome\"" || { echo "$fault"; false; }
		send "$HOME_PLACE" "$fault" '{"again":{"since":1}}'
		holds '.outcome == "sent"'
		[ "$(shown | grep -c "\"$fault\"")" = 1 ]
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
	fault hook hang_after '{"seconds":10}'
	HERMES_ADAPTER_LIMIT=3 send "$HOME_PLACE" late
	holds '.outcome == "unknown"'
	send "$HOME_PLACE" late '{"again":{"since":1}}'
	[ "$(shown | grep -c '"late"')" = 1 ]
	WEBHOOK_URL=http://127.0.0.1:1/hook send "$HOME_PLACE" refused
	holds '.outcome == "not_sent" and .class == "transient"'
	fault hook huge '{"bytes":10485760}'
	send "$HOME_PLACE" huge
	holds '.outcome == "unknown" and (.why | contains("more than can be right"))'
}

@test "send: through a proxy" {
	start_proxy -u ada -P wonder
	WEBHOOK_PROXY=socks5://ada:wonder@127.0.0.1:$PROXY_PORT send "$HOME_PLACE" hello
	holds '.outcome == "sent"'
	WEBHOOK_PROXY=socks5://ada:falsch@127.0.0.1:$PROXY_PORT send "$HOME_PLACE" hello
	holds '.outcome == "not_sent" and .class == "config"'
}

@test "send: every status has its class" {
	while read -r status class; do
		for body in '' ',"body":{"error":"so it is"}' ',"body":{"error":{"message":"so it is"}}' ',"body":[7]'; do
			fault hook answer "{\"status\":$status$body}"
			send "$HOME_PLACE" "$status$body"
			holds "(.outcome == \"unknown\" and \"$class\" == \"unknown\")
				or (.outcome == \"not_sent\" and .class == \"$class\")" || { echo "$status $body"; false; }
			holds '.why | length > 0 and . != "no reason given"'
		done
	done <<-'END'
		301 config
		302 config
		307 config
		308 config
		400 request
		401 config
		403 config
		404 config
		405 config
		408 unknown
		410 chat
		413 request
		422 request
		425 transient
		429 transient
		500 unknown
		501 config
		502 unknown
		503 unknown
		504 unknown
	END
	fault hook answer '{"status":429,"headers":{"Retry-After":"7"}}'
	send "$HOME_PLACE" later
	holds '.retry_after == 7'
}

@test "send: JSON of other shapes is taken, a page is not" {
	for body in null '[]' 7 '"x"' '{"id":{}}' '{"id":[1]}' '{"id":""}' '{"id":77}' true; do
		fault hook answer "{\"body\":$body}"
		send "$HOME_PLACE" "$body"
		holds '.outcome == "sent" and (.ids | length == 1) and (.ids[0] | type == "string")' || { echo "$body"; false; }
	done
	fault hook gateway '{"status":200}'
	send "$HOME_PLACE" page
	holds '.outcome == "unknown"'
	fault hook gateway '{"status":403}'
	send "$HOME_PLACE" page
	holds '.outcome == "not_sent" and .class == "config"'
	send '{"chat":"a b"}' hello
	holds '.outcome == "not_sent" and .class == "request"'
	send '{"chat":"a","thread":7}' hello
	holds '.outcome == "not_sent" and .class == "request"'
}

@test "send: what is too long comes in parts" {
	local text
	text=$(printf 'word %.0s' {1..40000})
	for part in 1 2 3 4; do
		jq -nc --argjson place "$HOME_PLACE" --argjson part "$part" \
			'{$place, text: ("word " * 40000), delivery: "9", $part}' >"$BATS_TEST_TMPDIR/question"
		ask send "$(cat "$BATS_TEST_TMPDIR/question")"
		holds '.outcome == "sent" and .parts == 4'
	done
	[ "$(shown | jq -r . | grep -o word | wc -l)" = 40000 ]
	send "$HOME_PLACE" hello '{"part":2}'
	holds '.outcome == "not_sent" and .class == "request"'
}

# --- poll

@test "poll: what people said, in order and once" {
	poll
	holds '.events == []'
	room say '{"text":"bare"}'
	room say '{"text":"full","chat":"c1","thread":"t1","user":{"id":"u7","name":"Ada"},"reply_to":"1","at":1795231477}'
	poll
	holds ".events[0] | .text == \"bare\" and .place == $HOME_PLACE and .user == {id: \"default\", name: \"default\"} and (.at - now | fabs) < 60"
	holds '.events[1] == {message: "2", place: {platform: "webhook", account: "webhook", chat: "c1",
		kind: "dm", thread: "t1", user: "u7"}, user: {id: "u7", name: "Ada"}, text: "full",
		at: 1795231477, reply_to: "1"}'
	poll
	holds '.events == []'
	room say '{"text":"many","times":250}'
	for batch in 100 100 50 0; do
		poll
		holds ".events | length == $batch"
	done
}

@test "poll: a receiver without cursors is asked after the last event" {
	room switch '{"cursors":false}'
	room say '{"text":"one","times":3}'
	poll
	holds '(.events | length == 3) and .cursor == "3"'
	poll
	holds '.events == [] and .cursor == "3"'
}

@test "poll: the cursor passes what is left out, and how much that was is told" {
	room switch '{"cursors":false}'
	room say '{"text":" ","times":100}'
	room say '{"text":"heard"}'
	room say '{"text":"x","chat":"no name"}'
	poll
	holds '.events == [] and .cursor == "100"'
	grep -q '100 of 100 events were left out' "$SAID/stderr"
	poll
	holds '[.events[].text] == ["heard"] and .cursor == "102"'
	grep -q '1 of 2 events were left out' "$SAID/stderr"
	fault events answer '{"body":{"events":[{"id":"103","text":" "},7]}}'
	poll '{"wait":1}'
	holds '.events == [] and .cursor == "103"'
	[ "$(look requests | jq -r '.[-2:][].query.after' | xargs)" = "102 103" ]
}

@test "poll, verify: our own message, given back, is nobody's word" {
	send "$HOME_PLACE" "my own words"
	body=$(look 'requests?name=hook' | jq -r '.[0].body')
	fault events answer "{\"body\":{\"events\":[$(jq -c '.id = "1"' <<<"$body")]}}"
	poll
	holds '.events == []'
	sign msg_1 "$body"$'\n'
	verify "$body"
	[ "$status" = 65 ]
}

@test "poll: what is no event is left out, what is no answer is an error" {
	fault events answer '{"body":{"cursor":9,"events":[7,null,[],{},{"id":"1"},{"text":"x"},{"id":"2","text":" "},
		{"id":"3","text":["x"]},{"id":"4","text":"x","chat":"a b"},{"id":"5","text":"x","thread":7},
		{"id":"6","text":"x","chat":"ok","at":"now"},{"id":7,"text":"y","reply_to":6,"user":{"id":12}}]}}'
	poll
	holds '[.events[] | .message] == ["5", "6", "7"] and .cursor == "9"'
	holds '[.events[] | .place.thread, .user.id, .reply_to] == ["7", "default", null, null, "ok", null, null, "12", "6"]'
	for body in null '[]' 7 '"x"' '{}' '{"events":{}}' '{"events":7,"id":"1","text":"x"}' '{"id":"1","text":"x"}'; do
		fault events answer "{\"body\":$body}"
		poll
		holds '.error.class == "transient" and .error.remedy' || { echo "$body"; false; }
	done
	for fault in drop_before gateway garbage half_json redirect; do
		fault events "$fault" '{"times":2}'
		poll
		holds '.error.why' || { echo "$fault"; false; }
		room calm '{}'
	done
	fault events huge '{"bytes":10485760}'
	poll
	holds '.error.class == "transient"'
}

@test "poll: a chat, thread or human that cannot be read is never the home's" {
	fault events answer '{"body":{"cursor":9,"events":[
		{"id":"1","text":"x","chat":42,"user":{"id":"mallory"}},{"id":"2","text":"x","chat":42},
		{"id":"3","text":"x","chat":{"id":"c"}},{"id":"4","text":"x","thread":["t"]},
		{"id":"5","text":"x","user":"mallory"},{"id":"6","text":"x","user":7},{"id":"7","text":"x","user":{}},
		{"id":"8","text":"x","user":{"id":{}}},{"id":{},"text":"x"},{"id":"9","text":"x","user":null}]}}'
	poll
	holds '[.events[] | "\(.message) \(.place.chat) \(.user.id)"] == ["1 42 mallory", "2 42 42", "9 default default"]'
}

@test "poll: waits with the receiver, or asks it now and then" {
	poll
	hermes-adapter-webhook poll <<<"{\"cursor\":\"0\",\"wait\":40}" >"$SAID/waited" 3>&- &
	run -0 look 'wait?name=events&count=2'
	room say '{"text":"at last"}'
	SECONDS=0
	wait $!
	((SECONDS < 30))
	output=$(cat "$SAID/waited")
	holds '.events[0].text == "at last"'
	before=$(requests events)
	fault events answer '{"body":{"cursor":"1","events":[]},"times":100}'
	poll '{"cursor":"1","wait":3}'
	holds '.events == []'
	(($(requests events) - before <= 3))
	room calm '{}'
}

@test "poll: without an address it is quiet" {
	WEBHOOK_POLL_URL='' CURSOR=7
	poll
	holds '.events == [] and .cursor == "7"'
}

# --- verify

@test "verify: believes what is signed, by either name and among several" {
	body='{"text":"hi","user":{"id":"ada","name":"Ada"}}'
	sign msg_1 "$body"$'\n'
	verify "$body"
	[ "$status" = 0 ]
	holds '.events == [{message: "msg_1", place: {platform: "webhook", account: "webhook",
		chat: "default", kind: "dm", user: "ada"}, user: {id: "ada", name: "Ada"}, text: "hi",
		at: .events[0].at}] and (has("cursor") | not)'
	HTTP_WEBHOOK_SIGNATURE="v1,AAAA v2,x $HTTP_WEBHOOK_SIGNATURE v1,BBBB" verify "$body"
	[ "$status" = 0 ]
	export HTTP_SVIX_ID=$HTTP_WEBHOOK_ID HTTP_SVIX_TIMESTAMP=$HTTP_WEBHOOK_TIMESTAMP \
		HTTP_SVIX_SIGNATURE=$HTTP_WEBHOOK_SIGNATURE
	unset "${!HTTP_WEBHOOK@}"
	verify "$body"
	[ "$status" = 0 ]
	CONTENT_LENGTH=$((${#body} + 1)) run -0 hermes-adapter-webhook verify <<<"$body"$'\nmore'
}

@test "verify: GitHub's kind of signature, for events with ids of their own" {
	body='[{"id":"1","text":"one"},{"id":"2","text":"two"}]'
	HTTP_X_HUB_SIGNATURE_256=sha256=$(printf '%s\n' "$body" |
		openssl dgst -sha256 -hmac "$WEBHOOK_SECRET" -r | cut -d ' ' -f 1)
	export HTTP_X_HUB_SIGNATURE_256
	verify "$body"
	[ "$status" = 0 ]
	holds '[.events[].message] == ["1", "2"]'
	verify '[{"id":"1","text":"other"}]'
	[ "$status" = 77 ]
	HTTP_X_HUB_SIGNATURE_256=${HTTP_X_HUB_SIGNATURE_256#sha256=} verify "$body"
	[ "$status" = 77 ]
}

@test "verify: what is not signed right is exit 77, and nothing is printed" {
	body='{"text":"hi"}'
	sign msg_1 "$body"$'\n'
	verify '{"text":"ho"}'
	[ "$status" = 77 ]
	[ -z "$output" ]
	[[ $stderr == *"signature is not right"* ]]
	HTTP_WEBHOOK_ID=msg_2 verify "$body"
	[ "$status" = 77 ]
	HTTP_WEBHOOK_SIGNATURE=${HTTP_WEBHOOK_SIGNATURE/v1/v2} verify "$body"
	[ "$status" = 77 ]
	HTTP_WEBHOOK_TIMESTAMP=now verify "$body"
	[ "$status" = 77 ]
	for clock in 400 -400; do
		HERMES_CLOCK=$clock verify "$body"
		[ "$status" = 77 ]
		[[ $stderr == *"five minutes"* ]]
	done
	HERMES_CLOCK=200 verify "$body"
	[ "$status" = 0 ]
	WEBHOOK_SECRET=whsec_$(printf 'x%.0s' {1..24} | base64) verify "$body"
	[ "$status" = 77 ]
	unset "${!HTTP_@}"
	verify "$body"
	[ "$status" = 77 ]
	[[ $stderr == *"not signed"* ]]
}

@test "verify: what holds no event, or is too much, is exit 65" {
	for body in '' '{' '7' '{}' '{"id":"1"}' '{"text":""}' '{"events":7}' \
		'{"events":[{"text":"no id"}]}' '[]'; do
		sign msg_1 "$body"$'\n'
		verify "$body"
		[ "$status" = 65 ] || { echo "$body: $status"; false; }
	done
	head -c 2000000 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/huge"
	run -65 hermes-adapter-webhook verify <"$BATS_TEST_TMPDIR/huge"
	run -64 hermes-adapter-webhook verify now
	run -64 hermes-adapter-webhook confirm
}

@test "webhook.cgi: a handoff is answered by what a web server was sent" {
	configure 'agent: {use: recap}'
	printf '%s\n' "WEBHOOK_SECRET=$WEBHOOK_SECRET" "WEBHOOK_URL=$WEBHOOK_URL" "WEBHOOK_TOKEN=TOKENtoken" \
		"WEBHOOK_ALLOWED_USERS=ada" >"$HERMES_HOME/.env"
	chmod 600 "$HERMES_HOME/.env"
	unset "${!WEBHOOK_@}"
	session=$(new_session)
	hermes handoff webhook --session "$session" >/dev/null
	shown default t1 | grep -q .
	body='{"chat":"default","thread":"t1","user":{"id":"ada"},"text":"What is open?"}'
	export WEBHOOK_SECRET
	WEBHOOK_SECRET=$(sed -n 's/^WEBHOOK_SECRET=//p' "$HERMES_HOME/.env")
	sign msg_77 "$body"
	unset WEBHOOK_SECRET
	for _ in 1 2; do
		run -0 "$ROOT/contrib/recipes/webhook.cgi" < <(printf '%s' "$body")
		[[ $output == *"Status: 204"* ]]
	done
	run -0 "$ROOT/contrib/recipes/webhook.cgi" <<<'{"text":"forged"}'
	[[ $output == *"Status: 401"* ]]
	hermes-watch --once
	[ "$(words "$session" | grep -c 'user: What is open?')" = 1 ]
	[ "$(shown default t1 | wc -l)" = 2 ]
	[ "$(hermes-inbox list --jq .text | grep -c "What is open?")" = 1 ]
	WEBHOOK_SECRET=$(sed -n 's/^WEBHOOK_SECRET=//p' "$HERMES_HOME/.env")
}

@test "webui.py: a page to talk to the agent on" {
	configure 'agent: {use: recap}'
	export WEBUI_SECRET=$WEBHOOK_SECRET WEBUI_ALLOWED_USERS=default
	"$ROOT/contrib/recipes/webui.py" >"$BATS_TEST_TMPDIR/page" 3>&- &
	STARTED_PIDS+=("$!")
	wait_until 10 test -s "$BATS_TEST_TMPDIR/page"
	page=$(cat "$BATS_TEST_TMPDIR/page")
	export WEBUI_URL=${page}hook WEBUI_POLL_URL=${page}events
	ADAPTER=hermes-adapter-webui ask check
	holds '.ok'
	session=$(new_session)
	hermes handoff webui --session "$session" >/dev/null
	output=$(curl -sS "${page}messages?after=0")
	holds '(length == 1) and .[0].place.thread'
	curl -sS "$page" | grep -q '<title>Hermes</title>'
	jq -c '{text: "What is open?", thread: .[0].place.thread}' <<<"$output" |
		curl -sS --fail -H 'Content-Type: application/json' --data-binary @- "${page}say"
	hermes-watch --once
	[ "$(words "$session" | grep -c 'user: What is open?')" = 1 ]
	output=$(curl -sS "${page}messages?after=1")
	holds 'length == 1'
	[ "$(curl -sS -o /dev/null -w '%{http_code}' -d '{"text":"x"}' "${page}say")" = 415 ]
	[ "$(curl -sS -o /dev/null -w '%{http_code}' "${page}events")" = 401 ]
	for path in '' say 'messages?after=0'; do
		[ "$(curl -sS -o /dev/null -w '%{http_code}' -H 'Host: evil.example' "$page$path")" = 421 ]
	done
	[ "$(curl -sS -o /dev/null -w '%{http_code}' -H 'Host: evil.example' -H 'Content-Type: application/json' \
		-d '{"text":"x"}' "${page}say")" = 421 ]
	[ "$(curl -sS -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' -d '{}' "${page}hook")" = 401 ]
}
