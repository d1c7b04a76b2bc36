# SPDX-License-Identifier: MIT
#
# The hooks of contract.bash for Slack, against tests/servers/slack.
# shellcheck shell=bash

contract_control() {
	curl -sS --fail-with-body --max-time 60 "${@:2}" "${SLACK_BASE_URL%/api}/_/$1"
}

contract_start() {
	local out=$CONTRACT_DIR/server
	: >"$out"
	"$BATS_TEST_DIRNAME/servers/slack" --token xoxb-1-SECRET >"$out" 3>&- &
	SLACK_SERVER=$!
	wait_until 10 test -s "$out"
	export SLACK_BASE_URL SLACK_BOT_TOKEN=xoxb-1-SECRET SLACK_ALLOWED_USERS=U55
	SLACK_BASE_URL=http://127.0.0.1:$(jq .port "$out")/api
	contract_control user -d '{"id":"U55","name":"ann","real_name":"Ann"}'
	contract_control channel -d '{"id":"C100","name":"general","members":["U0BOT","U55"]}'
	contract_control channel -d '{"id":"G100","name":"team","kind":"group","members":["U0BOT","U55"]}'
	contract_control channel -d '{"id":"D55","kind":"im","user":"U55","members":["U0BOT","U55"]}'
} >/dev/null

contract_stop() {
	kill "$SLACK_SERVER" 2>/dev/null || return 0
	wait "$SLACK_SERVER" 2>/dev/null || return 0
}

contract_shapes() {
	echo channel dm group named
}

contract_home() {
	local -A homes=([channel]=C100 [dm]=D55 [group]=G100 [named]=@ann)
	export SLACK_HOME_CHANNEL=${homes[$1]}
}

contract_say() {
	contract_control say -d "$(jq -c --arg text "$2" \
		'{channel: .chat, user: (.user // "U55"), $text, thread} | with_entries(select(.value))' \
		<<<"$1")" >/dev/null
}

contract_seen() {
	contract_control "messages?$(jq -r '"channel=\(.chat)&" +
		if .thread then "thread=\(.thread)" else "top=1" end' <<<"$1")" |
		jq -c --argjson place "$1" \
			'.[] | select(.user == "U0BOT" and .ts != $place.thread).words'
}

contract_fault() {
	local -A methods=([send]=chat.postMessage [thread]=chat.postMessage [poll]=conversations.history)
	local -A faults=([before]=drop_before [after]=drop_after [garbage]=garbage [gateway]=gateway)
	contract_control fault -d "{\"name\":\"${methods[$2]}\",\"fault\":\"${faults[$1]}\"}" >/dev/null
}
