# SPDX-License-Identifier: MIT
# The tests' Discord and its people, for `load discord`; tests use what is set here:
# shellcheck disable=SC2034,SC2154
load serving

ADAPTER=hermes-adapter-discord
export SECRET=SECRETsecretSECRET
export DISCORD_BOT_TOKEN=MTAwMQ.$SECRET.moresecret
ME=1001
ANN=55
BEN=56
GUILD=100
GENERAL=200
NEWS=201
FORUM=202
PRIVATE=203
export ANN BEN GUILD GENERAL NEWS FORUM PRIVATE ME
unset DISCORD_HOME_CHANNEL DISCORD_HOME_CHANNEL_THREAD_ID DISCORD_PROXY DISCORD_CA_FILE

# A guild with Ann (its owner) and Ben: text, announcements, a forum, and a private channel.
start_discord() {
	start_platform discord --token "$DISCORD_BOT_TOKEN" --bot "$ME"
	export DISCORD_BASE_URL=http://127.0.0.1:$PORT/api/v10
	room user "{\"id\":\"$ANN\",\"username\":\"ann\",\"global_name\":\"Ann\"}"
	room user "{\"id\":\"$BEN\",\"username\":\"ben\"}"
	room guild "{\"id\":\"$GUILD\",\"name\":\"Guild\",\"owner_id\":\"$ANN\",\"members\":{\"$ANN\":[],\"$BEN\":[]}}"
	room channel "{\"id\":\"$GENERAL\",\"name\":\"general\"}"
	room channel "{\"id\":\"$NEWS\",\"name\":\"news\",\"type\":5}"
	room channel "{\"id\":\"$FORUM\",\"name\":\"help\",\"type\":15,\"available_tags\":[
		{\"id\":\"6\",\"name\":\"staff\",\"moderated\":true},{\"id\":\"7\",\"name\":\"new\",\"moderated\":false}]}"
	room channel "{\"id\":\"$PRIVATE\",\"name\":\"private\",\"overwrites\":[
		{\"id\":\"$GUILD\",\"deny\":[\"VIEW_CHANNEL\"]},{\"id\":\"$ME\",\"allow\":[\"VIEW_CHANNEL\"]}]}"
}

fault() {
	room fault "$1"
}

# requests [ROUTE]: how many there were. copies CHANNEL: how many messages of ours.
requests() {
	look "requests?route=${1-}" | jq length
}

copies() {
	look "messages?chat=$1" | jq '[.[] | select(.mine)] | length'
}

# says CHANNEL USER TEXT: a human says it there; prints the message's id.
says() {
	room_says say "$(jq -nc --arg chat "$1" --arg from "$2" --arg text "$3" '{$chat, $from, $text}')" |
		jq -r .id
}

# dm USER: the id of the direct chat with them.
dm() {
	look "dm?user=$1" | jq -r .id
}

# place CHANNEL [KIND]: a place as it is written down, without asking.
place() {
	jq -nc --arg chat "$1" --arg kind "${2:-group}" \
		'{platform: "discord", account: "1001", $chat, $kind} + if $kind == "thread" then {thread: $chat} else {} end'
}

# open_thread CHANNEL TITLE [DELIVERY [MORE]]: sets PLACE and THREAD to what came.
open_thread() {
	ask thread "$(jq -nc --argjson place "$(place "$1")" --arg title "$2" --arg delivery "${3:-h1}" \
		--argjson more "${4:-{\}}" '{$place, $title, $delivery} + $more')"
	PLACE=$(jq -c .place <<<"$output")
	THREAD=$(jq -r .place.thread <<<"$output")
}

# send PLACE TEXT [DELIVERY [MORE]]
send() {
	ask send "$(jq -nc --argjson place "$1" --arg text "$2" --arg delivery "${3:-5}" \
		--argjson more "${4:-{\}}" '{$place, $text, $delivery, part: 1} + $more')"
}

# poll PLACE...: one more poll of those places, from CURSOR on, which it moves; keeps $output.
poll() {
	ask poll "$(printf '%s\n' "$@" | jq -sc --arg cursor "${CURSOR-}" \
		'{wait: 0, places: .} + if $cursor == "" then {} else {$cursor} end')"
	CURSOR=$(jq -r '.cursor // empty' <<<"$output")
}
