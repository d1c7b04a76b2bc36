# SPDX-License-Identifier: MIT
#
# The hooks of contract.bash for contrib/adapters/ntfy, against tests/servers/ntfy.
# shellcheck shell=bash

contract_control() {
	curl -sS --fail-with-body --max-time 60 "${@:2}" "$NTFY_BASE_URL/_/$1"
}

contract_start() {
	local out=$CONTRACT_DIR/server
	mkdir -p "$CONTRACT_DIR/bin"
	ln -s "$ROOT/contrib/adapters/ntfy" "$CONTRACT_DIR/bin/hermes-adapter-ntfy"
	PATH=$CONTRACT_DIR/bin:$PATH
	: >"$out"
	"$BATS_TEST_DIRNAME/servers/ntfy" >"$out" 3>&- &
	NTFY_SERVER=$!
	wait_until 10 test -s "$out"
	export NTFY_BASE_URL NTFY_TOKEN=tk_verysecret
	NTFY_BASE_URL=http://127.0.0.1:$(jq .port "$out")
	contract_control set -d '{"token":"tk_verysecret","reserved":["home"]}' >/dev/null
}

contract_stop() {
	kill "$NTFY_SERVER" 2>/dev/null || return 0
	wait "$NTFY_SERVER" 2>/dev/null || return 0
}

contract_shapes() {
	echo topic
}

contract_home() {
	export NTFY_HOME_CHANNEL=home NTFY_ALLOWED_USERS=anybody
}

contract_say() {
	contract_control say -d "$(jq -nc --argjson place "$1" --arg text "$2" \
		'{topic: $place.chat, $text}')" >/dev/null
}

contract_seen() {
	contract_control "messages?topic=$(jq -r .chat <<<"$1")" |
		jq -c '.[] | select(.tags // [] | index("hermes")).message'
}

contract_fault() {
	local -A faults=([before]=drop_before [after]=drop_after [garbage]=garbage [gateway]=gateway)
	[ "$2" != thread ] || return 1
	contract_control fault -d "{\"verb\":\"$2\",\"fault\":\"${faults[$1]}\"}" >/dev/null
}
