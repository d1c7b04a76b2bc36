#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Somebody else's word on both sides: Slack's own client asks the tests' Slack, and our
# adapter asks emulate, a Slack that nobody here wrote.
#
# bats sets stderr:
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

bats_require_minimum_version 1.5.0
load common
load serving

ADAPTER=hermes-adapter-slack
CLIENTS=$BATS_TEST_DIRNAME/clients

setup() {
	[ -d "$CLIENTS/node_modules/@slack" ] || {
		echo "@slack/web-api is not installed; run: npm ci --prefix tests/clients" >&2
		return 1
	}
	unset "${!SLACK_@}"
	export SLACK_BOT_TOKEN=xoxb-1-SECRET
	mkdir -p "$SAID"
}

teardown() {
	stop_all
}

@test "the tests' Slack: Slack's own client posts, pages, looks people up and is refused" {
	start_platform slack --token "$SLACK_BOT_TOKEN"
	room user '{"id":"U1","name":"ann","real_name":"Ann"}'
	room channel '{"id":"C1","name":"general","members":["U0BOT","U1"]}'
	run -0 --separate-stderr node "$CLIENTS/slack.mjs" "http://127.0.0.1:$PORT/api/" C1 U1
	holds '.me == "U0BOT" and .bot == "B0BOT" and .team == "T0TEAM" and (.scopes | index("chat:write"))'
	holds '.replies == [["seed & <more>", "one", "two"], ["seed & <more>", "three", "all"]]'
	holds '.lost == null'
	holds '.history == ["all", "seed & <more>"] and .after == ["all"]'
	holds '.metadata.event_payload == {delivery: "h12"} and .hidden == null'
	holds '.members == ["U0BOT", "U1"] and .dm == "D1" and .person == "Ann" and .kind and .list == 1'
	holds '.refused == ["channel_not_found", "no_text", "message_not_found", "thread_not_found",
		"user_not_found", "unknown_method", "invalid_auth", "not_authed"]'
}

@test "the tests' Slack: its own client waits as long as a 429 says, and comes through" {
	start_platform slack --token "$SLACK_BOT_TOKEN"
	room user '{"id":"U1","real_name":"Ann"}'
	room channel '{"id":"C1","members":["U0BOT","U1"]}'
	fault auth.test answer '{"status":429,"body":{"ok":false,"error":"ratelimited"},"headers":{"Retry-After":"1"}}'
	run -0 --separate-stderr node "$CLIENTS/slack.mjs" "http://127.0.0.1:$PORT/api/" C1 U1
	[ "$(look 'requests?name=auth.test' | jq '.[0].status, .[1].status' | xargs)" = "null 200" ]
}

# emulated METHOD TOKEN FIELD=VALUE...: a call by somebody else.
emulated() {
	local method=$1 token=$2 field form=()
	for field in "${@:3}"; do
		form+=(--data-urlencode "$field")
	done
	curl -sS --fail-with-body -H "Authorization: Bearer $token" "${form[@]}" "$SLACK_BASE_URL/$method"
}

emulate_is_up() {
	emulated auth.test xoxp-ann x=1 | grep '"ok":true'
}

start_emulate() {
	local port
	port=$(free_port)
	export SLACK_BASE_URL=http://localhost:$port/api
	cat >"$BATS_TEST_TMPDIR/seed.yaml" <<-END
		tokens:
		  $SLACK_BOT_TOKEN: {login: hermes, scopes: [chat:write]}
		  xoxp-ann: {login: ann, scopes: [chat:write]}
		slack:
		  team: {name: Team, domain: hermes-team}
		  users: [{name: hermes, real_name: Hermes}, {name: ann, real_name: Ann}]
	END
	start "$CLIENTS/node_modules/.bin/emulate" start --service slack --port "$port" \
		--seed "$BATS_TEST_TMPDIR/seed.yaml"
	wait_until 20 emulate_is_up
}

@test "emulate: a thread, its texts, read-back and answers there, in a channel and directly" {
	start_emulate
	emulated conversations.join "$SLACK_BOT_TOKEN" channel=C000000001 >/dev/null
	for SLACK_HOME_CHANNEL in '#general' @ann; do
		export SLACK_HOME_CHANNEL
		CURSOR=
		ask check
		holds '.ok and .name == "hermes" and .facts.home.reachable and .facts.home.readable'
		ask resolve '{"words":""}'
		home=$(jq -c .place <<<"$output")
		poll
		ask thread "$(jq -nc --argjson place "$home" '{$place, title: "Fix <it>", delivery: "h1"}')"
		holds '.outcome == "opened" and .place.thread and .audience.known == (.place.kind == "dm")'
		place=$(jq -c .place <<<"$output")
		ask thread "$(jq -nc --argjson place "$home" '{$place, title: "Fix <it>", delivery: "h1", again: {since: (now - 5)}}')"
		holds '.place == $place' --argjson place "$place"
		send "$place" "a **bold** word & more"
		first=$output
		send "$place" "a **bold** word & more" '{"again":{"since":1}}'
		[ "$output" = "$first" ]
		send "$place" "something else" '{"again":{"since":1}}'
		[ "$output" != "$first" ]
		poll "{\"places\":[$place]}"
		holds '.events == []'
		emulated chat.postMessage xoxp-ann "channel=$(jq -r .chat <<<"$place")" \
			"thread_ts=$(jq -r .thread <<<"$place")" "text=I &amp; you" >/dev/null
		emulated chat.postMessage xoxp-ann "channel=$(jq -r .chat <<<"$place")" text=here >/dev/null
		poll "{\"places\":[$place]}"
		holds '[.events[] | .text, .user.name] | sort == ["I & you", "ann", "ann", "here"]'
		holds '[.events[] | select(.text == "I & you").place | .chat, .kind, .thread]
			== [$place.chat, $place.kind, $place.thread]' --argjson place "$place"
		holds '[.events[] | select(.text == "here").place.thread] == [null]'
		poll "{\"places\":[$place]}"
		holds '.events == []'
	done
	run -0 emulated conversations.replies xoxp-ann "channel=$(jq -r .chat <<<"$place")" \
		"ts=$(jq -r .thread <<<"$place")"
	holds '[.messages[].text] == ["Fix &lt;it&gt;", "a *bold* word &amp; more", "something else", "I &amp; you"]'
}
