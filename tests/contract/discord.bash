# SPDX-License-Identifier: MIT
#
# The hooks of contract.bash for Discord, against tests/servers/discord.
# shellcheck shell=bash

contract_control() {
	curl -sS --fail-with-body --max-time 60 "${@:2}" "$DISCORD_CONTROL/$1"
}

contract_start() {
	local out=$CONTRACT_DIR/server
	: >"$out"
	export DISCORD_BOT_TOKEN=MTAwMQ.SECRET.moresecret DISCORD_ALLOWED_USERS=55
	"$BATS_TEST_DIRNAME/servers/discord" --token "$DISCORD_BOT_TOKEN" >"$out" 3>&- &
	DISCORD_SERVER=$!
	wait_until 10 test -s "$out"
	DISCORD_CONTROL=http://127.0.0.1:$(jq .port "$out")/_
	export DISCORD_BASE_URL=${DISCORD_CONTROL%_}api/v10
	contract_control user -d '{"id":"55","username":"ann","global_name":"Ann"}'
	contract_control guild -d '{"id":"100","owner_id":"55","members":{"55":[]}}'
	contract_control channel -d '{"id":"200","name":"general"}'
	contract_control channel -d '{"id":"201","name":"news","type":5}'
	contract_control channel -d '{"id":"204","name":"talk","type":2}'
	contract_control thread -d '{"id":"205","parent":"200","name":"older","owner":"55"}'
} >/dev/null

contract_stop() {
	kill "$DISCORD_SERVER" 2>/dev/null || return 0
	wait "$DISCORD_SERVER" 2>/dev/null || return 0
}

contract_shapes() {
	echo dm text news voice thread
}

contract_home() {
	local -A homes=([dm]=@55 [text]=200 [news]=201 [voice]=204 [thread]=205)
	export DISCORD_HOME_CHANNEL=${homes[$1]}
}

contract_say() {
	contract_control say -d "$(jq -nc --argjson place "$1" --arg text "$2" '
		{chat: $place.chat, $text, from: "55"}')" >/dev/null
}

contract_seen() {
	contract_control "messages?chat=$(jq -r .chat <<<"$1")" |
		jq -c '.[] | select(.mine and .type == 0).words'
}

contract_fault() {
	local -A routes=([send]=send [thread]=thread [poll]=messages)
	local -A faults=([before]=drop_before [after]=drop_after [garbage]=garbage [gateway]=gateway)
	contract_control fault -d "{\"route\":\"${routes[$2]}\",\"fault\":\"${faults[$1]}\"}" >/dev/null
}
