# SPDX-License-Identifier: MIT
#
# The hooks of contract.bash for WhatsApp, both ways, against tests/servers/whatsapp. What
# Meta would call us with goes through the recipe that a web server would run.
# shellcheck shell=bash

contract_control() {
	curl -sS --fail-with-body --max-time 60 "${@:2}" "$WHATSAPP_BASE_URL/_/$1"
}

contract_start() {
	local out=$CONTRACT_DIR/server
	: >"$out"
	"$BATS_TEST_DIRNAME/servers/whatsapp" >"$out" 3>&- &
	WHATSAPP_SERVER=$!
	wait_until 10 test -s "$out"
	export WHATSAPP_BASE_URL WHATSAPP_BRIDGE_URL WHATSAPP_CLOUD_ACCESS_TOKEN=EAAsecretEAAsecret
	export WHATSAPP_CLOUD_PHONE_NUMBER_ID=106540352242922 WHATSAPP_CLOUD_APP_SECRET=appsecret
	export WHATSAPP_CLOUD_VERIFY_TOKEN=myword WHATSAPP_MODE=cloud
	WHATSAPP_BASE_URL=http://127.0.0.1:$(jq .port "$out")
	WHATSAPP_BRIDGE_URL=$WHATSAPP_BASE_URL
	contract_control person -d '{"number":"15550002222","name":"Ann"}'
	contract_control group -d '{"id":"120363@g.us","name":"Team","participants":["1@s.whatsapp.net","2@s.whatsapp.net"]}'
} >/dev/null

contract_stop() {
	kill "$WHATSAPP_SERVER" 2>/dev/null || return 0
	wait "$WHATSAPP_SERVER" 2>/dev/null || return 0
}

contract_shapes() {
	echo cloud bridged group
}

contract_home() {
	local -A homes=([cloud]='+1 555 000 2222' [bridged]='+1 555 000 2222' [group]=120363@g.us)
	[ "$1" = cloud ] || WHATSAPP_MODE=bridge
	export WHATSAPP_MODE WHATSAPP_HOME_CHANNEL=${homes[$1]}
	export WHATSAPP_ALLOWED_USERS=15550002222
}

# Meta's calls, by way of the recipe.
contract_calls() {
	local call
	contract_control calls | jq -c '.[]' | while read -r call; do
		jq -j .body <<<"$call" | REQUEST_METHOD=POST QUERY_STRING='' \
			HTTP_X_HUB_SIGNATURE_256=$(jq -r .signature <<<"$call") \
			"$ROOT/contrib/recipes/whatsapp-hook.cgi" | grep -q "Status: 200"
	done
}

# contract_chat PLACE: what the server calls it.
contract_chat() {
	jq -r 'if .account == "bridge" and .kind == "dm" then .chat + "@s.whatsapp.net" else .chat end' <<<"$1"
}

contract_say() {
	contract_control say -d "$(jq -c --arg chat "$(contract_chat "$1")" --arg text "$2" \
		'{$chat, $text} + if .kind == "group" then {user: "15550002222@s.whatsapp.net"} else {} end' \
		<<<"$1")" >/dev/null
	contract_calls
}

contract_seen() {
	contract_control "messages?chat=$(contract_chat "$1")" | jq -c '.[].words'
}

contract_fault() {
	local name=send
	local -A faults=([before]=drop_before [after]=drop_after [garbage]=garbage [gateway]=gateway)
	[ "$2" = send ] || return 1
	[ "$WHATSAPP_MODE" = cloud ] || name=bridge_send
	contract_control fault -d "{\"name\":\"$name\",\"fault\":\"${faults[$1]}\"}" >/dev/null
}
