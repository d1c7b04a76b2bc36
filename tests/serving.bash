# SPDX-License-Identifier: MIT
# An adapter ($ADAPTER) and a platform made with servers/serving.py, for `load serving`.
# Whatever the adapter says is kept in said/, to be searched for secrets.
# shellcheck shell=bash disable=SC2034

unset http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY CURL_CA_BUNDLE
SAID=$BATS_TEST_TMPDIR/said

# start_server FILE COMMAND...: sets PORT when it has printed it into FILE.
start_server() {
	local out=$1
	shift
	: >"$out"
	"$@" >"$out" 3>&- &
	STARTED_PIDS+=("$!")
	wait_until 10 grep -q '"port"' "$out"
	PORT=$(jq .port "$out")
}

# start_platform NAME [OPTION...]: sets PORT and ROOM, where its control room is.
start_platform() {
	mkdir -p "$SAID"
	start_server "$BATS_TEST_TMPDIR/$1.${#STARTED_PIDS[@]}" \
		"$BATS_TEST_DIRNAME/servers/$1" "${@:2}"
	ROOM=http://127.0.0.1:$PORT/_
}

# start_canned JSON [CERTIFICATE]: the adapter's server is one of fixed answers, over TLS with
# a certificate.
start_canned() {
	local file=$BATS_TEST_TMPDIR/canned-${#STARTED_PIDS[@]} pem=${2:+$BATS_TEST_TMPDIR/$2}
	local platform=${ADAPTER#hermes-adapter-}
	mkdir -p "$SAID"
	printf '%s' "$1" >"$file.json"
	start_server "$file" "$BATS_TEST_DIRNAME/servers/canned" "$file.json" \
		${pem:+"$pem.pem" "$pem.key"}
	export "${platform^^}_BASE_URL=http${2:+s}://localhost:$PORT"
}

# free_port: prints a port that nobody has. It is none of those that a system gives away, so it
# is still free when it is used.
free_port() {
	local port
	while port=$((RANDOM % 20000 + 10000)) && socket_open "$port"; do
		:
	done
	echo "$port"
}

# start_proxy OPTION...: a SOCKS5 proxy; sets PROXY_PORT.
start_proxy() {
	PROXY_PORT=$(free_port)
	microsocks -i 127.0.0.1 -p "$PROXY_PORT" "$@" 2>"$BATS_TEST_TMPDIR/proxy.log" 3>&- &
	STARTED_PIDS+=("$!")
	wait_until 10 socket_open "$PROXY_PORT"
}

socket_open() {
	(: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# certificate NAME HOST: NAME.pem and NAME.key, signed by itself.
certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$2" \
		-addext "subjectAltName=DNS:$2" -keyout "$BATS_TEST_TMPDIR/$1.key" \
		-out "$BATS_TEST_TMPDIR/$1.pem" 2>/dev/null
}

# room NAME JSON: tell the control room. room_says: and print its answer. look NAME[?QUERY]
room_says() {
	curl -sS --fail-with-body --max-time 60 -H 'Content-Type: application/json' \
		--data-binary "$2" "$ROOM/$1"
}

room() {
	local said
	said=$(room_says "$@") || { echo "$1: $said" >&2; return 1; }
}

look() {
	curl -sS --fail-with-body --max-time 60 "$ROOM/$1"
}

# fault NAME FAULT [MORE-JSON]: spoil the next request called NAME, or the next `times`, until
# calm. libcurl itself repeats what may be repeated when a kept connection dies under it.
fault() {
	room fault "$(jq -nc --arg name "$1" --arg fault "$2" --argjson more "${3:-{\}}" \
		'{$name, $fault} + $more')"
}

calm() {
	room calm '{}'
}

# requests NAME: how many there were.
requests() {
	look "requests?name=$1" | jq length
}

# ask VERB [JSON]: sets $output to the answer.
ask() {
	output=$("$ADAPTER" "$1" <<<"${2-}" 2>>"$SAID/stderr") || {
		echo "$1: exit $?: $(cat "$SAID/stderr")" >&2
		return 1
	}
	printf '%s\n' "$output" >>"$SAID/stdout"
}

# holds FILTER [JQ-ARGUMENT...]: $output satisfies a jq filter.
holds() {
	jq -en "${@:2}" "input | ($1)" >/dev/null <<<"$output" || { echo "not $1: $output" >&2; return 1; }
}

# problem WHAT REMEDY: what check found, by regular expressions.
problem() {
	holds "(.ok | not) and (.problems | any((.what | test(\"${1//\\/\\\\}\"))
		and (.remedy | test(\"$2\"))))"
}

# send PLACE TEXT [MORE-JSON]
send() {
	ask send "$(jq -nc --argjson place "$1" --arg text "$2" --argjson more "${3:-{\}}" \
		'{$place, $text, delivery: "5", part: 1} + $more')"
}

# in_little_time COMMAND...: a send that the server hangs with. What was out of time before
# anything was asked, on a busy machine, is sent again with more of it.
in_little_time() {
	local seconds
	for seconds in 1 4 16; do
		SECONDS=0
		HERMES_ADAPTER_LIMIT=$seconds "$@"
		((SECONDS < seconds + 30))
		[ "$(jq -r .outcome <<<"$output")" = not_sent ] || break
	done
}

# refused PLACE CLASS WHY REMEDY: a send there is not sent, and says so.
refused() {
	send "$1" hello
	holds ".outcome == \"not_sent\" and .class == \"$2\" and (.why | contains(\"$3\"))
		and ((.remedy // \"\") | contains(\"$4\"))"
}

# poll [MORE-JSON]: from $CURSOR, which is kept.
poll() {
	ask poll "$(jq -nc --arg cursor "${CURSOR:-}" --argjson more "${1:-{\}}" \
		'{wait: 0} + (if $cursor == "" then {} else {$cursor} end) + $more')"
	CURSOR=$(jq -r --arg old "${CURSOR:-}" '.cursor // $old' <<<"$output")
}
