# SPDX-License-Identifier: MIT
#
# The hooks of contract.bash for the platform `local`.
# shellcheck shell=bash

contract_start() {
	export LOCAL_ROOT=$CONTRACT_DIR/rooms LOCAL_ALLOWED_USERS=ada
	hermes-adapter-local room dm --no-threads --member ada=Ada -q
	hermes-adapter-local room topic --member ada=Ada -q
	hermes-adapter-local room group --kind group --no-threads --member ada=Ada --member bob -q
	hermes-adapter-local room forum --kind group --member ada=Ada --member bob -q
	hermes-adapter-local room channel --kind channel --no-threads --member ada=Ada -q
} >/dev/null

contract_stop() {
	:
}

contract_shapes() {
	echo dm topic group forum channel
}

contract_home() {
	export LOCAL_HOME_CHANNEL=$1
}

contract_say() {
	hermes-adapter-local say "$(jq -r '.chat + if .thread then "/" + .thread else "" end' <<<"$1")" \
		--as ada "$2" >/dev/null
}

contract_seen() {
	hermes-adapter-local read "$(jq -r .chat <<<"$1")" --json |
		jq -c --argjson place "$1" 'select(.bot and .thread == $place.thread).text'
}

contract_fault() {
	return 1
}
