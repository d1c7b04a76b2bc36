# SPDX-License-Identifier: MIT
#
# The hooks of contract.bash for Matrix, against tests/servers/matrix.
# shellcheck shell=bash

contract_control() {
	curl -sS --fail-with-body --max-time 60 "${@:2}" "$MATRIX_HOMESERVER/_/$1"
}

contract_start() {
	local out=$CONTRACT_DIR/server
	: >"$out"
	"$BATS_TEST_DIRNAME/servers/matrix" --token syt_CONTRACT >"$out" 3>&- &
	MATRIX_SERVER=$!
	wait_until 10 test -s "$out"
	export MATRIX_HOMESERVER MATRIX_ACCESS_TOKEN=syt_CONTRACT MATRIX_ALLOWED_USERS=@ada:localhost
	MATRIX_HOMESERVER=http://127.0.0.1:$(jq .port "$out")
	contract_control user -d '{"id":"@ada:localhost","name":"Ada"}'
	contract_control user -d '{"id":"@ben:localhost"}'
	contract_control room -d '{"id":"!dm/+:localhost","members":["@ada:localhost","@bot:localhost"]}'
	contract_control room -d '{"id":"!group:localhost","name":"Team",
		"members":["@ada:localhost","@ben:localhost","@bot:localhost"]}'
} >/dev/null

contract_stop() {
	kill "$MATRIX_SERVER" 2>/dev/null || return 0
	wait "$MATRIX_SERVER" 2>/dev/null || return 0
}

contract_shapes() {
	echo dm group
}

contract_home() {
	local -A homes=([dm]=!dm/+:localhost [group]=!group:localhost)
	export MATRIX_HOME_CHANNEL=${homes[$1]}
}

contract_say() {
	contract_control say -d "$(jq -nc --argjson place "$1" --arg text "$2" '
		{room: $place.chat, from: "@ada:localhost", $text, thread: $place.thread}')" >/dev/null
}

contract_seen() {
	contract_control "messages?$(jq -r '"room=\(.chat | @uri)&thread=\(.thread // "" | @uri)"' <<<"$1")" |
		jq -c '.[] | select(.sender == "@bot:localhost").content.body'
}

# A connection that dies is tried once more by libcurl itself, as all our calls may be: twice.
contract_fault() {
	local times=1
	[[ $1 != before && $1 != after ]] || times=2
	local -A names=([send]=send [thread]=send [poll]=sync)
	local -A faults=([before]=drop_before [after]=drop_after [garbage]=garbage [gateway]=gateway)
	contract_control fault -d "{\"name\":\"${names[$2]}\",\"fault\":\"${faults[$1]}\",
		\"times\":$times}" >/dev/null
}
