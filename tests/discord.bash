# SPDX-License-Identifier: MIT
# The tests' Discord and its people, for `load discord`; tests use what is set here:
# shellcheck disable=SC2034

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
SERVERS=()
export ANN BEN GUILD GENERAL NEWS FORUM PRIVATE ME
unset DISCORD_HOME_CHANNEL DISCORD_HOME_CHANNEL_THREAD_ID DISCORD_PROXY DISCORD_CA_FILE \
	http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY CURL_CA_BUNDLE

# start_server FILE COMMAND...: sets PORT when it has printed it into FILE.
start_server() {
	local out=$1
	shift
	"$@" >"$out" 3>&- &
	SERVERS+=($!)
	wait_until 10 grep -q '"port"' "$out"
	PORT=$(jq .port "$out")
}

# A guild with Ann (its owner) and Ben: text, announcements, a forum, and a private channel.
start_discord() {
	mkdir -p "$BATS_TEST_TMPDIR/said"
	start_server "$BATS_TEST_TMPDIR/discord" \
		"$BATS_TEST_DIRNAME/servers/discord" --token "$DISCORD_BOT_TOKEN" --bot "$ME"
	ROOM=http://127.0.0.1:$PORT/_
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

# start_canned JSON [CERTIFICATE]: fixed answers, over TLS with a certificate.
start_canned() {
	local file=$BATS_TEST_TMPDIR/canned-${#SERVERS[@]} pem=${2:+$BATS_TEST_TMPDIR/$2}
	printf '%s' "$1" >"$file.json"
	start_server "$file" "$BATS_TEST_DIRNAME/servers/canned" "$file.json" \
		${pem:+"$pem.pem" "$pem.key"}
	export DISCORD_BASE_URL=http${2:+s}://localhost:$PORT
}

stop_servers() {
	kill "${SERVERS[@]}" 2>/dev/null || true
	wait "${SERVERS[@]}" 2>/dev/null || true
}

# room_says NAME JSON, look NAME[?QUERY]: the server's control room. room: without a word.
room_says() {
	curl -sS --fail-with-body --max-time 20 -H 'Content-Type: application/json' \
		--data-binary "$2" "$ROOM/$1"
}

room() {
	local said
	said=$(room_says "$@") || { echo "$1: $said" >&2; return 1; }
}

look() {
	curl -sS --fail-with-body --max-time 20 "$ROOM/$1"
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

# ask VERB [JSON]: sets $output to the answer; all it says is kept for the search for secrets.
ask() {
	local said=$BATS_TEST_TMPDIR/said
	output=$(hermes-adapter-discord "$1" <<<"${2-}" 2>>"$said/stderr") || {
		echo "$1: exit $?: $(cat "$said/stderr")" >&2
		return 1
	}
	printf '%s\n' "$output" >>"$said/stdout"
}

# holds FILTER: $output satisfies a jq filter.
holds() {
	jq -en "input | ($1)" >/dev/null <<<"$output" || { echo "not $1: $output" >&2; return 1; }
}

# problem WHAT REMEDY: what check found, by regular expressions.
problem() {
	holds "(.ok | not) and (.problems | any((.what | test(\"$1\")) and (.remedy | test(\"$2\"))))"
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

# refused PLACE CLASS WHY REMEDY: a send there is not sent, and says so.
refused() {
	send "$1" hello
	holds ".outcome == \"not_sent\" and .class == \"$2\" and (.why | contains(\"$3\"))
		and ((.remedy // \"\") | contains(\"$4\"))"
}

# poll PLACE...: one more poll of those places, from CURSOR on, which it moves; keeps $output.
poll() {
	ask poll "$(printf '%s\n' "$@" | jq -sc --arg cursor "${CURSOR-}" \
		'{wait: 0, places: .} + if $cursor == "" then {} else {$cursor} end')"
	CURSOR=$(jq -r '.cursor // empty' <<<"$output")
}
