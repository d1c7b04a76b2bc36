# SPDX-License-Identifier: MIT
#
# The hooks of contract.bash for Signal, against tests/servers/signal-cli.
# shellcheck shell=bash

contract_control() {
	curl -sS --fail-with-body --max-time 60 "${@:2}" "$SIGNAL_HTTP_URL/_/$1"
}

contract_start() {
	local out=$CONTRACT_DIR/server
	: >"$out"
	"$BATS_TEST_DIRNAME/servers/signal-cli" --account +15550001 >"$out" 3>&- &
	SIGNAL_SERVER=$!
	wait_until 10 test -s "$out"
	export SIGNAL_HTTP_URL SIGNAL_ACCOUNT=+15550001
	export SIGNAL_ALLOWED_USERS=0aaaaaaa-0000-4000-8000-00000000000a
	SIGNAL_HTTP_URL=http://127.0.0.1:$(jq .port "$out")
	contract_control person \
		-d '{"uuid":"0aaaaaaa-0000-4000-8000-00000000000a","number":"+15550002","name":"Ada"}'
	contract_control person -d '{"uuid":"0bbbbbbb-0000-4000-8000-00000000000b","name":"Ben"}'
	contract_control group -d '{"id":"AAAA/+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","name":"Team",
		"members":["+15550001","+15550002","0bbbbbbb-0000-4000-8000-00000000000b"]}'
} >/dev/null

contract_stop() {
	kill "$SIGNAL_SERVER" 2>/dev/null || return 0
	wait "$SIGNAL_SERVER" 2>/dev/null || return 0
}

contract_shapes() {
	echo dm group
}

contract_home() {
	local -A homes=([dm]=+15550002 [group]=AAAA/+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=)
	export SIGNAL_HOME_CHANNEL=${homes[$1]}
}

contract_say() {
	contract_control say -d "$(jq -nc --argjson place "$1" --arg text "$2" '
		{from: "+15550002", $text}
		+ if $place.kind == "group" then {group: $place.chat} else {} end')" >/dev/null
}

contract_seen() {
	contract_control "sent?to=$(jq -r '.chat | @uri' <<<"$1")" | jq -c '.[].text'
}

contract_fault() {
	local -A names=([send]=send [poll]=receive)
	local -A faults=([before]=drop_before [after]=drop_after [garbage]=garbage [gateway]=gateway)
	[ "$2" != thread ] || return 1
	contract_control fault -d "{\"name\":\"${names[$2]}\",\"fault\":\"${faults[$1]}\"}" >/dev/null
}
