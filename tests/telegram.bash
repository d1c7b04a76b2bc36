# SPDX-License-Identifier: MIT
# The tests' Telegram and its people, for `load telegram`; tests use what is set here:
# shellcheck disable=SC2034,SC2154
load serving

ADAPTER=hermes-adapter-telegram
export SECRET=AAsecretAAsecretAA
export TELEGRAM_BOT_TOKEN=9001:$SECRET
ANN=55
FORUM=-1001234567890
SUPER=-1002222222222
PLAIN=-4444
NEWS=-1005550000000
export ANN FORUM SUPER PLAIN NEWS
unset TELEGRAM_HOME_CHANNEL TELEGRAM_HOME_CHANNEL_THREAD_ID TELEGRAM_PROXY TELEGRAM_CA_FILE

start_telegram() {
	start_platform telegram --token "$TELEGRAM_BOT_TOKEN"
	TELEGRAM_PORT=$PORT
	export TELEGRAM_BASE_URL=http://127.0.0.1:$PORT
}

fault() {
	room fault "$1"
}

# requests [METHOD]: how many there were. copies CHAT THREAD: how many messages of ours.
requests() {
	look "requests?method=$1" | jq length
}

copies() {
	look "messages?chat=$1&thread=$2" | jq '[.[] | select(.via == "bot")] | length'
}

# place CHAT: a place as it is written down, without asking.
place() {
	local kind=group
	((${1#@} < 0)) || kind=dm
	jq -nc --arg chat "$1" --arg kind $kind \
		'{platform: "telegram", account: "9001", $chat, $kind} + if $kind == "dm" then {user: $chat} else {} end'
}

# open_topic CHAT TITLE: asks for a thread; sets PLACE and THREAD to what came.
open_topic() {
	ask thread "{\"place\":$(place "$1"),\"title\":\"$2\",\"delivery\":\"h1\"}"
	PLACE=$(jq -c .place <<<"$output")
	THREAD=$(jq -r .place.thread <<<"$output")
}

# send PLACE TEXT [MORE]
send() {
	ask send "$(jq -nc --argjson place "$1" --arg text "$2" --argjson more "${3:-{\}}" \
		'{$place, $text, delivery: "5", part: 1} + $more')"
}

# stretches: of the last message to Ann, what looks how: type, words, and a URL or language.
stretches() {
	look "messages?chat=$ANN" | jq -c '.[-1].message
		| (.text | [explode[] | if . > 65535 then ., 0 else . end]) as $units
		| .entities[]? | [.type, ($units[.offset:.offset + .length] | map(select(. > 0)) | implode)]
			+ ([.url, .language] | map(strings))'
}

# refused CHAT CLASS WHY REMEDY: a send there is not sent, and says so.
refused() {
	send "$(place "$1")" hello
	holds ".outcome == \"not_sent\" and .class == \"$2\" and (.why | contains(\"$3\"))
		and ((.remedy // \"\") | contains(\"$4\"))"
}

# poll_after: one more poll, with the cursor of $output.
poll_after() {
	ask poll "$(jq -c '{cursor, wait: 0} | with_entries(select(.value != null))' <<<"$output")"
}

# same_place PLACE SAYING: the next event carries that place, but for its speaker.
same_place() {
	local seen
	room say "$2"
	poll_after_all
	seen=$(jq -c '.events[-1].place' <<<"$output")
	jq -en --argjson given "$1" --argjson seen "$seen" '
		def address: {platform, account, chat, kind, thread};
		($given | address) == ($seen | address)
		and ($given.kind != "dm" or $given.user == $seen.user)' >/dev/null ||
		{ echo "given $1, seen $seen" >&2; return 1; }
}

# The cursor is kept over the polls of a test.
poll_after_all() {
	ask poll "{\"wait\":0${CURSOR:+,\"cursor\":\"$CURSOR\"}}"
	CURSOR=$(jq -r .cursor <<<"$output")
}
