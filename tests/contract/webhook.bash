# SPDX-License-Identifier: MIT
#
# The hooks of contract.bash for webhooks, against tests/servers/webhook.
# shellcheck shell=bash

contract_control() {
	curl -sS --fail-with-body --max-time 60 "$WEBHOOK_ROOM/$1" "${@:2}"
}

contract_start() {
	local out=$CONTRACT_DIR/server port
	: >"$out"
	"$BATS_TEST_DIRNAME/servers/webhook" --token TOKENtoken >"$out" 3>&- &
	WEBHOOK_SERVER=$!
	wait_until 10 test -s "$out"
	port=$(jq .port "$out")
	WEBHOOK_ROOM=http://127.0.0.1:$port/_
	export WEBHOOK_URL=http://127.0.0.1:$port/hook WEBHOOK_POLL_URL=http://127.0.0.1:$port/events
	export WEBHOOK_TOKEN=TOKENtoken WEBHOOK_ALLOWED_USERS=ada,default
	WEBHOOK_SECRET=whsec_$(printf 's%.0s' {1..24} | base64)
	export WEBHOOK_SECRET
} >/dev/null

contract_stop() {
	kill "$WEBHOOK_SERVER" 2>/dev/null || return 0
	wait "$WEBHOOK_SERVER" 2>/dev/null || return 0
}

contract_shapes() {
	echo dm flat group channel
}

contract_home() {
	local -A kinds=([dm]=dm [flat]=dm [group]=group [channel]=channel)
	export WEBHOOK_KIND=${kinds[$1]}
	[ "$1" = dm ] || export WEBHOOK_HOME_CHANNEL=room
	[ "$1" != flat ] || export WEBHOOK_HOME_CHANNEL=ada
	[ "$1" != flat ] || contract_control switch -d '{"threads":false}' >/dev/null
}

contract_say() {
	contract_control say -d "$(jq -nc --argjson place "$1" --arg text "$2" '
		{$text, chat: $place.chat, user: {id: ($place.user // "ada"), name: "Ada"}}
			+ if $place.thread then {thread: $place.thread} else {} end')" >/dev/null
}

contract_seen() {
	contract_control "messages?$(jq -r '"chat=\(.chat)&thread=\(.thread // "")"' <<<"$1")" |
		jq -c '.[].text'
}

contract_fault() {
	local -A names=([send]=hook [thread]=hook [poll]=events)
	local -A faults=([before]=drop_before [after]=drop_after [garbage]=garbage [gateway]=gateway)
	contract_control fault -d "{\"name\":\"${names[$2]}\",\"fault\":\"${faults[$1]}\"}" >/dev/null
}
