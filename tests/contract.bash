# SPDX-License-Identifier: MIT
#
# What every platform is held to: hermes-check-adapter, then what only the other side can
# tell (what is there, and what faults do), and then the whole product on top of it.
# contract.bats has the list; here is what each one means.
#
# A platform takes part with tests/contract/PLATFORM.bash, which defines
#
#	contract_start              make the platform usable: its service, its settings (exported)
#	contract_stop               end what contract_start started
#	contract_shapes             the shapes of home it has, as words
#	contract_home SHAPE         make the home one of that shape (exported settings)
#	contract_say PLACE TEXT     a human, who is allowed to, says TEXT there
#	contract_seen PLACE         what the bot said there, as words that a reader sees: a JSON
#	                            string a line
#	contract_fault KIND VERB    spoil the next call of VERB; 1 if that cannot be done here.
#	                            before: it does not arrive; after: it does, its answer does
#	                            not; garbage, gateway: it does not, and the answer is rubbish
#
# HERMES_CONTRACT names the platforms to run, else all of them.
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2154

# --- the loop ---------------------------------------------------------------

# each BEHAVIOUR: for each platform, with the first shape of home it has.
each() {
	local platform
	for platform in $(contract_platforms); do
		in_contract "$platform" "$(contract_shapes_of "$platform" | head -n 1)" "$@"
	done
}

# each_shape BEHAVIOUR: for each platform, and each shape of home.
each_shape() {
	local platform shape
	for platform in $(contract_platforms); do
		for shape in $(contract_shapes_of "$platform"); do
			in_contract "$platform" "$shape" "$@"
		done
	done
}

contract_platforms() {
	local all
	all=$(cd "$BATS_TEST_DIRNAME/contract" && echo *.bash)
	echo "${HERMES_CONTRACT:-${all//.bash/}}"
}

contract_hooks() {
	# shellcheck source=/dev/null
	source "$BATS_TEST_DIRNAME/contract/$1.bash"
}

contract_shapes_of() (
	contract_hooks "$1"
	contract_shapes | tr ' ' '\n'
)

# in_contract PLATFORM SHAPE BEHAVIOUR: with a service, a folder and a HERMES_HOME of its own.
in_contract() (
	trap 'echo "$PLATFORM, $SHAPE: ${FUNCNAME[0]}: $BASH_COMMAND" >&2' ERR
	PLATFORM=$1 SHAPE=$2 CONTRACT_DIR=$BATS_TEST_TMPDIR/$1-$2
	export HERMES_HOME=$CONTRACT_DIR/home
	mkdir -p "$HERMES_HOME"
	: >"$CONTRACT_DIR/opened"
	contract_hooks "$PLATFORM"
	contract_start
	trap contract_stop EXIT
	contract_home "$SHAPE"
	START=$(poll | jq -r '.cursor // empty')
	"${@:3}"
)

# --- asking -----------------------------------------------------------------

adapter() {
	"hermes-adapter-$PLATFORM" "$@"
}

# ask VERB JQ-PROGRAM [JQ-ARGUMENT...]: one question, its answer.
ask() {
	jq -nc "${@:3}" "$2" | adapter "$1"
}

# holds JSON FILTER [JQ-ARGUMENT...]: whether the filter is true of it, which is shown if not.
holds() {
	jq -e "${@:3}" "$2" <<<"$1" >/dev/null || {
		echo "not true: $2" >&2
		echo "of: $1" >&2
		return 1
	}
}

about() {
	jq -r "$1" <<<"$(adapter about)"
}

home_place() {
	ask resolve '{words: ""}' | jq -c .place
}

# open_place [DELIVERY]: where a handoff to this home would go.
open_place() {
	ask thread '{$place, title: "The contract", $delivery}' --argjson place "$(home_place)" \
		--arg delivery "${1:-h1}" | jq -c .place | tee -a "$CONTRACT_DIR/opened"
}

# send_part PLACE TEXT DELIVERY [PART [MORE]]
send_part() {
	ask send '{$place, $text, $delivery, $part} + $more' --argjson place "$1" --arg text "$2" \
		--arg delivery "$3" --argjson part "${4:-1}" --argjson more "${5:-{\}}"
}

# poll [CURSOR [WAIT]]: after that cursor, else from where the behaviour began: a platform
# that keeps its history begins to hear with the first poll. Sessions are where one was opened.
poll() {
	ask poll '{$wait, $places} + if $cursor == "" then {} else {$cursor} end' \
		--arg cursor "${1:-${START:-}}" --argjson wait "${2:-0}" \
		--slurpfile places "$CONTRACT_DIR/opened"
}

# hear TEXT: polls until that was heard, and prints its event.
hear() {
	local cursor='' batch found deadline=$((SECONDS + 60))
	while ((SECONDS < deadline)); do
		batch=$(poll "$cursor" 2)
		found=$(jq -c --arg text "$1" '.events[]? | select(.text == $text)' <<<"$batch")
		[ -z "$found" ] || { echo "$found"; return; }
		cursor=$(jq -r --arg old "$cursor" '.cursor // $old' <<<"$batch")
	done
	echo "not heard: $1" >&2
	return 1
}

# --- adapters ---------------------------------------------------------------

# What can be told from outside is hermes-check-adapter's to tell; a human of ours says there
# what it asks for.
check_adapter_finds_no_fault() {
	local line
	hermes-check-adapter "$PLATFORM" --human --wait 60 2>"$CONTRACT_DIR/words" |
		while IFS= read -r line; do
			printf '%s\n' "$line"
			[[ $line != '{"say"'* ]] ||
				contract_say "$(jq -c .place <<<"$line")" "$(jq -r .say <<<"$line")"
		done >"$CONTRACT_DIR/behaviours"
	holds "$(<"$CONTRACT_DIR/behaviours")" 'map(select(.ok == false)) == []' -s
	grep ' [2-9][0-9] passed, 0 failed$' "$CONTRACT_DIR/words"
}

a_part_that_is_not_there_is_not_sent() {
	local place
	place=$(open_place)
	for part in 0 2 99999 -1; do
		send_part "$place" hello 9 "$part" >/dev/null
	done
	send_part "$place" '' 9 >/dev/null
	[ -z "$(contract_seen "$place")" ]
}

# Everything an adapter says in good days and in bad ones, on both streams.
talk() {
	local place kind verb
	adapter check
	place=$(open_place)
	echo "$place"
	send_part "$place" hello 1
	poll
	for verb in send thread poll; do
		for kind in before after garbage gateway; do
			contract_fault "$kind" "$verb" || continue
			case $verb in
			send) send_part "$place" hello "$kind" ;;
			thread) open_place "$kind" ;;
			poll) poll ;;
			esac
		done
	done
}

secrets_are_never_said() {
	local name said
	said=$(talk 2>&1)
	for name in $(about '.config[] | select(.secret).name'); do
		[ -z "${!name:-}" ] || [[ $said != *"${!name}"* ]] || {
			echo "$name was said" >&2
			return 1
		}
	done
}

what_is_sent_is_there_and_is_not_heard() {
	local place text=$'Grüße, 世界 👋\n<b> & "quotes" \\ *stars* _lines_ [x](y)'
	place=$(open_place)
	holds "$(send_part "$place" "$text" 1 1 '{"format":"plain"}')" '.outcome == "sent"'
	[ "$(contract_seen "$place" | tail -n 1)" = "$(jq -n --arg text "$text" '$text')" ]
	contract_say "$place" "and now I"
	[ "$(hear "and now I" | wc -l)" -eq 1 ]
	holds "$(poll)" '[.events[].text] == ["and now I"]'
}

# long_text LIMIT: numbered words in lines and paragraphs, too long for two parts.
long_text() {
	jq -nr --argjson limit "$1" '
		[range($limit / 2) | "w\(.)" +
			if . % 17 == 16 then "\n\n" elif . % 5 == 4 then "\n" else " " end] | add'
}

words_of() {
	grep -oE 'w[0-9]+'
}

# send_long PLACE FILE DELIVERY PART: as send_part, for a text too long for an argument.
send_long() {
	jq -nc --argjson place "$1" --rawfile text "$2" --arg delivery "$3" --argjson part "$4" \
		'{$place, $text, $delivery, $part}' | adapter send
}

parts_come_in_order_and_are_the_same_each_time() {
	local place said part parts text=$CONTRACT_DIR/text
	place=$(open_place)
	long_text "$(about .limit)" >"$text"
	parts=$(send_long "$place" "$text" 8 1 | jq .parts)
	[ "$parts" -gt 2 ]
	for ((part = 2; part <= parts; part++)); do
		said=$(send_long "$place" "$text" 8 "$part")
		holds "$said" '.outcome == "sent" and .parts == $parts' --argjson parts "$parts"
	done
	cmp <(contract_seen "$place" | jq -r . | words_of) <(words_of <"$text")
	send_long "$place" "$text" 9 2 >/dev/null
	cmp <(contract_seen "$place" | tail -n 1) <(contract_seen "$place" | sed -n 2p)
}

the_same_delivery_is_there_once_where_that_is_promised() {
	local place first
	[ "$(about .idempotency)" = true ] || return 0
	place=$(open_place h1)
	first=$(send_part "$place" hello 7)
	holds "$(send_part "$place" hello 7 1 '{"again":{"since":1}}')" '.ids == $first.ids' \
		--argjson first "$first"
	[ "$(contract_seen "$place" | wc -l)" -eq 1 ]
	send_part "$place" hello 8 >/dev/null
	[ "$(contract_seen "$place" | wc -l)" -eq 2 ]
}

what_did_not_arrive_is_not_called_sent() {
	local place kind
	place=$(open_place)
	for kind in before garbage gateway; do
		contract_fault "$kind" send || continue
		holds "$(send_part "$place" hello "$kind")" '.outcome == "unknown" or
			(.outcome == "not_sent" and .class == "transient")'
	done
	[ -z "$(contract_seen "$place")" ]
}

what_may_have_arrived_is_unknown_and_said_once_more_marked() {
	local place said
	place=$(open_place)
	contract_fault after send || return 0
	holds "$(send_part "$place" hello 7)" '.outcome == "unknown" and (.why | length > 0)'
	said=$(send_part "$place" hello 7 1 '{"again":{"since":1}}')
	holds "$said" '.outcome == "sent"'
	if [ "$(about '.idempotency or .readback')" = true ]; then
		[ "$(contract_seen "$place")" = '"hello"' ]
	else
		holds "$(contract_seen "$place")" \
			'length == 2 and .[0] == "hello" and (.[1] | test("..hello$"; "m"))' -s
	fi
}

# --- the whole product ------------------------------------------------------

# begin: a session that has something to say; prints its id.
begin() {
	local session
	session=$(hermes-state new --source cli --title "The parser" | jq -r .id)
	hermes-state append "$session" --role user --content "Why does the parser fail?" >/dev/null
	hermes-state append "$session" --role assistant --content "It drops a line." >/dev/null
	echo "$session"
}

# carried SESSION: hands it off to the home, and prints the place where it is now.
carried() {
	hermes handoff "$PLATFORM" --session "$1" --shared --timeout 120 >/dev/null
	hermes handoff status --session "$1" >"$CONTRACT_DIR/status"
	holds "$(<"$CONTRACT_DIR/status")" '.state == "completed"'
	jq -c .place "$CONTRACT_DIR/status"
}

# users SESSION: what users said in it, a JSON string a line; agents: what was answered.
users() {
	hermes-state messages "$1" | jq -c 'select(.role == "user").content'
}

agents() {
	hermes-state messages "$1" | jq -c 'select(.role == "assistant").content'
}

# answer_there SESSION PLACE TEXT: a human says it there; it is in the session, is answered
# in the session, and the answer is there.
answer_there() {
	local seen agents
	seen=$(contract_seen "$2" | wc -l)
	agents=$(agents "$1" | wc -l)
	contract_say "$2" "$3"
	hermes-watch --once
	[ "$(users "$1" | grep -cF "$3")" -eq 1 ]
	[ "$(agents "$1" | wc -l)" -eq $((agents + 1)) ]
	[ "$(contract_seen "$2" | wc -l)" -gt "$seen" ]
	[ "$(hermes-state list | jq -s length)" -eq 1 ]
}

the_answer_there_belongs_to_the_same_session() {
	local session place
	session=$(begin)
	place=$(carried "$session")
	contract_seen "$place" | grep -q .
	answer_there "$session" "$place" "Which line is dropped?"
}

the_same_after_a_restart() {
	local session place watch
	session=$(begin)
	place=$(carried "$session")
	answer_there "$session" "$place" "first question"
	hermes-watch >"$CONTRACT_DIR/watch" 2>&1 3>&- &
	watch=$!
	contract_say "$place" "second question"
	wait_until 20 answered "$session" 4
	kill -KILL "$watch"
	wait "$watch" 2>/dev/null || :
	contract_say "$place" "third question"
	# Its listener ends soon, too; as long as it is there nobody else listens.
	wait_until 10 eval 'hermes-watch --once; answered "$session" 5'
	[ "$(users "$session" | grep -cE '(first|second|third) question')" -eq 3 ]
	answered "$session" 5
	[ "$(hermes-state list | jq -s length)" -eq 1 ]
}

# answered SESSION N: the session has N answers (one it began with, one of the handoff).
answered() {
	[ "$(agents "$1" | wc -l)" -eq "$2" ]
}

two_handoffs_do_not_share_a_session() {
	local one two place
	one=$(begin)
	place=$(carried "$one")
	two=$(hermes-state new --source cli --title "Another" | jq -r .id)
	hermes-state append "$two" --role user --content "Something else." >/dev/null
	if hermes handoff "$PLATFORM" --session "$two" --shared --timeout 120 >/dev/null; then
		[ "$(hermes handoff status --session "$two" | jq -c .place.thread)" \
			!= "$(jq -c .thread <<<"$place")" ]
	else
		[ "$(hermes handoff status --session "$two" | jq -r .state)" != completed ]
	fi
	contract_say "$place" "still the first?"
	hermes-watch --once
	[ "$(users "$one" | grep -c "still the first")" -eq 1 ]
	[ "$(users "$two" | grep -c "still the first")" -eq 0 ]
}
