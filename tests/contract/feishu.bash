# SPDX-License-Identifier: MIT
#
# The hooks of contract.bash for Feishu, against tests/servers/feishu.
# shellcheck shell=bash

contract_control() {
	curl -sS --fail-with-body --max-time 60 "${@:2}" "$FEISHU_BASE_URL/_/$1"
}

contract_start() {
	local out=$CONTRACT_DIR/server
	: >"$out"
	"$BATS_TEST_DIRNAME/servers/feishu" >"$out" 3>&- &
	FEISHU_SERVER=$!
	wait_until 10 test -s "$out"
	export FEISHU_BASE_URL FEISHU_APP_ID=cli_a1b2 FEISHU_APP_SECRET=SECRETsecretSECRET
	export FEISHU_ALLOWED_USERS=ou_ann
	FEISHU_BASE_URL=http://127.0.0.1:$(jq .port "$out")
	contract_control chat -d '{"chat_id":"oc_ann","mode":"p2p","members":{"ou_ann":"Ann"}}'
	contract_control chat -d '{"chat_id":"oc_group","members":{"ou_ann":"Ann","ou_ben":"Ben"}}'
	contract_control chat \
		-d '{"chat_id":"oc_topics","mode":"topic","members":{"ou_ann":"Ann","ou_ben":"Ben"}}'
} >/dev/null

contract_stop() {
	kill "$FEISHU_SERVER" 2>/dev/null || return 0
	wait "$FEISHU_SERVER" 2>/dev/null || return 0
}

contract_shapes() {
	echo dm group person
}

contract_home() {
	local -A homes=([dm]=oc_ann [group]=oc_group [topics]=oc_topics [person]=ou_ann)
	export FEISHU_HOME_CHANNEL=${homes[$1]}
}

contract_say() {
	contract_control say -d "$(jq -nc --argjson place "$1" --arg text "$2" '
		{chat: $place.chat, $text, from: ($place.user // "ou_ann")}
			+ if $place.thread then {thread: $place.thread} else {} end')" >/dev/null
}

# The title and what begins the thread are no part of what was said in it.
contract_seen() {
	contract_control "messages?$(jq -r '"chat=\(.chat)&thread=\(.thread // "")"' <<<"$1")" |
		jq -c '.[] | select(.sender.sender_type == "app").shown
			| select(. != "The contract" and . != "This conversation goes on here.")'
}

contract_fault() {
	local -A names=([send]=send [thread]=send [poll]=list)
	local -A faults=([before]=drop_before [after]=drop_after [garbage]=garbage [gateway]=gateway)
	contract_control fault -d "{\"name\":\"${names[$2]}\",\"fault\":\"${faults[$1]}\"}" >/dev/null
}
