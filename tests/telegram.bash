# SPDX-License-Identifier: MIT
# The tests' Telegram and its people, for `load telegram`; tests use what is set here:
# shellcheck disable=SC2034

export SECRET=AAsecretAAsecretAA
export TELEGRAM_BOT_TOKEN=9001:$SECRET
ANN=55
FORUM=-1001234567890
SUPER=-1002222222222
PLAIN=-4444
SERVERS=()
export ANN FORUM SUPER PLAIN
unset TELEGRAM_HOME_CHANNEL TELEGRAM_HOME_CHANNEL_THREAD_ID TELEGRAM_PROXY TELEGRAM_CA_FILE \
	http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY CURL_CA_BUNDLE

# wait_until COMMAND...: for at most 10 seconds.
wait_until() {
	local deadline=$((SECONDS + 10))
	until "$@"; do
		((SECONDS < deadline)) || { echo "never: $*" >&2; return 1; }
		sleep 0.02
	done
}

# start_server FILE COMMAND...: sets PORT when it has printed it into FILE.
start_server() {
	local out=$1
	shift
	"$@" >"$out" 3>&- &
	SERVERS+=($!)
	wait_until grep -q '"port"' "$out"
	PORT=$(jq .port "$out")
}

start_telegram() {
	mkdir -p "$BATS_TEST_TMPDIR/said"
	start_server "$BATS_TEST_TMPDIR/telegram" \
		"$BATS_TEST_DIRNAME/servers/telegram" --token "$TELEGRAM_BOT_TOKEN"
	TELEGRAM_PORT=$PORT
	ROOM=http://127.0.0.1:$PORT/_
	export TELEGRAM_BASE_URL=http://127.0.0.1:$PORT
}

# start_canned JSON [CERTIFICATE]: fixed answers by method, over TLS with a certificate.
start_canned() {
	local file=$BATS_TEST_TMPDIR/canned-${#SERVERS[@]} pem=${2:+$BATS_TEST_TMPDIR/$2}
	printf '%s' "$1" >"$file.json"
	start_server "$file" "$BATS_TEST_DIRNAME/servers/canned" "$file.json" \
		${pem:+"$pem.pem" "$pem.key"}
	export TELEGRAM_BASE_URL=http${2:+s}://localhost:$PORT
}

# certificate NAME HOST: NAME.pem and NAME.key, signed by itself.
certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$2" \
		-addext "subjectAltName=DNS:$2" -keyout "$BATS_TEST_TMPDIR/$1.key" \
		-out "$BATS_TEST_TMPDIR/$1.pem" 2>/dev/null
}

# start_proxy OPTION...: a SOCKS5 proxy; sets PROXY_PORT.
start_proxy() {
	PROXY_PORT=$(/usr/bin/python3 -c \
		'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
	microsocks -i 127.0.0.1 -p "$PROXY_PORT" "$@" 2>"$BATS_TEST_TMPDIR/proxy.log" 3>&- &
	SERVERS+=($!)
	wait_until socket_open "$PROXY_PORT"
}

socket_open() {
	(: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
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

# requests [METHOD]: how many there were. copies CHAT THREAD: how many messages of ours.
requests() {
	look "requests?method=$1" | jq length
}

copies() {
	look "messages?chat=$1&thread=$2" | jq '[.[] | select(.via == "bot")] | length'
}

# ask VERB [JSON]: sets $output to the answer; all it says is kept for the search for secrets.
ask() {
	local said=$BATS_TEST_TMPDIR/said
	output=$(hermes-adapter-telegram "$1" <<<"${2-}" 2>>"$said/stderr") || {
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
	holds "(.ok | not) and (.problems | any((.what | test(\"${1//\\/\\\\}\")) and (.remedy | test(\"$2\"))))"
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
