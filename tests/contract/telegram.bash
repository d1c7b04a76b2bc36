# SPDX-License-Identifier: MIT
#
# The hooks of contract.bash for Telegram, against tests/servers/telegram.
# shellcheck shell=bash

contract_control() {
	curl -sS --fail-with-body --max-time 60 "${@:2}" "$TELEGRAM_BASE_URL/_/$1"
}

contract_start() {
	local out=$CONTRACT_DIR/server
	: >"$out"
	"$BATS_TEST_DIRNAME/servers/telegram" >"$out" 3>&- &
	TELEGRAM_SERVER=$!
	wait_until 10 test -s "$out"
	export TELEGRAM_BASE_URL TELEGRAM_BOT_TOKEN=9001:SECRET TELEGRAM_ALLOWED_USERS=55
	TELEGRAM_BASE_URL=http://127.0.0.1:$(jq .port "$out")
	contract_control me -d '{"has_topics_enabled":true}'
	contract_control chat -d '{"id":55,"first_name":"Ann"}'
	contract_control chat -d '{"id":56,"first_name":"Ben","topics":true}'
	contract_control chat -d '{"id":-1009876543210,"bot_status":"administrator","members":[55]}'
	contract_control chat \
		-d '{"id":-1001234567890,"is_forum":true,"bot_status":"administrator","members":[55]}'
	contract_control chat \
		-d '{"id":-1005550000000,"type":"channel","bot_status":"administrator","members":[55]}'
} >/dev/null

contract_stop() {
	kill "$TELEGRAM_SERVER" 2>/dev/null || return 0
	wait "$TELEGRAM_SERVER" 2>/dev/null || return 0
}

contract_shapes() {
	echo dm topic group forum channel
}

contract_home() {
	local -A homes=([dm]=55 [topic]=56 [group]=-1009876543210 [forum]=-1001234567890
		[channel]=-1005550000000)
	export TELEGRAM_HOME_CHANNEL=${homes[$1]} TELEGRAM_ALLOWED_USERS=55,56,${homes[channel]}
}

contract_say() {
	contract_control say -d "$(jq -nc --argjson place "$1" --arg text "$2" '
		{chat: ($place.chat | tonumber), $text, from: ($place.user // "55" | tonumber)}
			+ if $place.thread then {thread: ($place.thread | tonumber)} else {} end')" >/dev/null
}

contract_seen() {
	contract_control "messages?$(jq -r '"chat=\(.chat)&thread=\(.thread // 0)"' <<<"$1")" |
		jq -c '.[] | select(.via == "bot").text'
}

contract_fault() {
	local -A methods=([send]=sendMessage [thread]=createForumTopic [poll]=getUpdates)
	local -A faults=([before]=drop_before [after]=drop_after [garbage]=garbage [gateway]=gateway)
	contract_control fault -d "{\"method\":\"${methods[$2]}\",\"fault\":\"${faults[$1]}\"}" >/dev/null
}
