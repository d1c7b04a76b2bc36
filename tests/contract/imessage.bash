# SPDX-License-Identifier: MIT
#
# The hooks of contract.bash for iMessage, against tests/servers/bluebubbles.
# shellcheck shell=bash

contract_control() {
	curl -sS --fail-with-body --max-time 60 "${@:2}" "$IMESSAGE_SERVER_URL/_/$1"
}

contract_start() {
	local out=$CONTRACT_DIR/server
	: >"$out"
	export IMESSAGE_PASSWORD='SECRET & word' IMESSAGE_ALLOWED_USERS=+15550100
	"$BATS_TEST_DIRNAME/servers/bluebubbles" --password "$IMESSAGE_PASSWORD" >"$out" 3>&- &
	IMESSAGE_SERVER=$!
	wait_until 10 test -s "$out"
	IMESSAGE_SERVER_URL=http://127.0.0.1:$(jq .port "$out")
	export IMESSAGE_SERVER_URL
	contract_control chat -d '{"guid":"iMessage;-;+15550100"}'
	contract_control chat -d '{"guid":"iMessage;+;chat831","name":"Family","people":["+15550100","ann@example.org"]}'
} >/dev/null

contract_stop() {
	kill "$IMESSAGE_SERVER" 2>/dev/null || return 0
	wait "$IMESSAGE_SERVER" 2>/dev/null || return 0
}

contract_shapes() {
	echo dm group
}

contract_home() {
	local -A homes=([dm]="+1 555 0100" [group]="iMessage;+;chat831")
	export IMESSAGE_HOME_CHANNEL=${homes[$1]}
}

contract_say() {
	contract_control say -d "$(jq -nc --argjson place "$1" --arg text "$2" '
		{chat: $place.chat, $text, from: "+15550100"}')" >/dev/null
}

contract_seen() {
	contract_control "messages?chat=$(jq -r '.chat | @uri' <<<"$1")" |
		jq -c '.[] | select(.isFromMe).text'
}

contract_fault() {
	local -A names=([send]=text [poll]=query)
	local -A faults=([before]=drop_before [after]=drop_after [garbage]=garbage [gateway]=gateway)
	[ -n "${names[$2]:-}" ] || return 1
	contract_control fault -d "{\"name\":\"${names[$2]}\",\"fault\":\"${faults[$1]}\"}" >/dev/null
}
