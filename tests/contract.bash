# SPDX-License-Identifier: MIT
#
# What every platform is held to: hermes-adapter(7), behaviour by behaviour, and then the
# whole product on top of it. contract.bats has the list; here is what each one means.
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
	local cursor='' batch found deadline=$((SECONDS + 20))
	while ((SECONDS < deadline)); do
		batch=$(poll "$cursor" 2)
		found=$(jq -c --arg text "$1" '.events[]? | select(.text == $text)' <<<"$batch")
		[ -z "$found" ] || { echo "$found"; return; }
		cursor=$(jq -r --arg old "$cursor" '.cursor // $old' <<<"$batch")
	done
	echo "not heard: $1" >&2
	return 1
}

# What of a place is compared: who speaks in a group is not part of where it is.
place_core() {
	jq -Sc '{platform, account, workspace, chat, kind, thread}
		+ if .kind == "dm" then {user} else {} end' <<<"$1"
}

same_place() {
	local one other
	one=$(place_core "$1") other=$(place_core "$2")
	if [ -z "$one" ] || [ "$one" != "$other" ]; then
		echo "$one is not $other" >&2
		return 1
	fi
}

# Rules for every answer: no null, and every id a text.
IDS_ARE_TEXTS='[.. | nulls] == []
	and ([.. | objects | to_entries[]
		| select(.key
			| IN("id", "chat", "thread", "account", "message", "workspace", "reply_to"))
		| .value | strings // error("an id that is no text")] | true)
	and ([.. | objects | .ids? // [] | .[] | strings // error("an id that is no text")] | true)'

# --- adapters ---------------------------------------------------------------

about_says_all_without_configuration() {
	local empty=$CONTRACT_DIR/empty said
	mkdir "$empty"
	said=$(env -i PATH="$PATH" HOME="$empty" "hermes-adapter-$PLATFORM" about)
	[ -z "$(ls -A "$empty")" ]
	holds "$said" '.protocol == 1 and .platform == $platform and (.name | length > 0)' \
		--arg platform "$PLATFORM"
	holds "$said" '["about", "check", "resolve", "send"] - .verbs == []'
	holds "$said" '[.threads, .polling, .idempotency, .readback, .gateway]
		| all(type == "boolean")'
	holds "$said" '(.polling | not) or (.verbs | index("poll") != null)'
	holds "$said" '(.threads | not) or (.verbs | index("thread") != null)'
	holds "$said" '.limit > 0 and (.unit | IN("bytes", "points", "utf16"))'
	holds "$said" '.config | all(
		(.name | test("^[A-Z][A-Z0-9_]*$")) and (.about | length > 0)
		and ([.secret, .required] | all(type == "boolean")))'
	holds "$said" "$IDS_ARE_TEXTS"
}

check_says_who_the_bot_is() {
	local said
	said=$(adapter check)
	holds "$said" '.ok == true and .problems == []'
	holds "$said" '(.account | length > 0) and (.name | length > 0)'
	holds "$said" "$IDS_ARE_TEXTS"
}

every_verb_answers_with_what_it_promises() {
	local home place said
	said=$(ask resolve '{words: ""}')
	holds "$said" '.place | [.platform, .account, .chat, .kind] | all(type == "string")'
	holds "$said" '.place.kind | IN("dm", "group", "channel", "thread")'
	holds "$said" '.audience | (.known | type == "boolean")
		and ((.known | not) or (.size >= 1 and (.names | type == "array")))'
	holds "$said" "$IDS_ARE_TEXTS"
	home=$(jq -c .place <<<"$said")

	said=$(ask thread '{$place, title: "T", delivery: "h1"}' --argjson place "$home")
	holds "$said" '.outcome | IN("opened", "home")'
	holds "$said" '.outcome == "home" or (.place.thread | length > 0)'
	holds "$said" '.outcome == "opened" or (.why | length > 0)'
	holds "$said" "$IDS_ARE_TEXTS"
	place=$(jq -c .place <<<"$said")

	said=$(send_part "$place" hello 1)
	holds "$said" '.outcome == "sent" and (.ids | length >= 1) and .parts == 1'
	holds "$said" "$IDS_ARE_TEXTS"

	said=$(poll)
	holds "$said" '(.events | type == "array") and (.cursor // "" | type == "string")'
	holds "$said" '.events == [] or .cursor'
	holds "$said" "$IDS_ARE_TEXTS"
}

each_line_has_its_answer() {
	local said
	said=$(printf '{"words":"%s"}\n' '' 'no such place!' '' | adapter resolve)
	holds "$said" 'length == 3 and (map(has("place")) == [true, false, true])' -s
}

a_bad_line_is_an_error_not_a_crash() {
	local verb line
	for verb in resolve thread send poll; do
		for line in '{' '[]' 'null' '"x"' '' '{"place":' $'\xff'; do
			echo "$verb: $line"
			run --separate-stderr adapter "$verb" <<<"$line"
			if ((status)); then
				[ "$status" -lt 126 ]
				[ -n "$stderr" ]
			else
				holds "$output" '.error or .class'
			fi
		done
	done
}

nonsense_is_answered() {
	local verb line nowhere='no such place!'
	for verb in resolve thread send; do
		for line in "{\"place\":7,\"text\":[],\"words\":\"$nowhere\",\"part\":\"x\"}" \
			"{\"place\":{\"chat\":\"$nowhere\"},\"chat\":\"$nowhere\",\"text\":\"x\"}" \
			'{"place":{},"words":"!","text":"x","delivery":"1","part":1}'; do
			echo "$verb: $line"
			run -0 adapter "$verb" <<<"$line"
			holds "$output" '(.error // .) | (.why | length > 0) and (.class
				| IN("transient", "busy", "request", "thread", "chat", "config"))'
			holds "$output" '(has("place") or (.outcome | IN("sent", "opened"))) | not'
		done
	done
}

a_part_that_is_not_there_is_refused() {
	local place
	place=$(open_place)
	for part in 0 2 99999 -1; do
		holds "$(send_part "$place" hello 9 "$part")" \
			'.outcome == "not_sent" and .class == "request"'
	done
	holds "$(send_part "$place" '' 9)" '.outcome == "not_sent" and .class == "request"'
	[ -z "$(contract_seen "$place")" ]
}

misuse_is_64() {
	run -64 --separate-stderr adapter
	[ -n "$stderr" ]
	run -64 --separate-stderr adapter no-such-verb
	[ -n "$stderr" ]
	run -64 --separate-stderr adapter --no-such-option
	[ -n "$stderr" ]
	run -0 adapter --help
	run -0 adapter --version
}

missing_configuration_is_78_and_named() {
	local name verb question
	question=$(home_place | jq -c '{place: ., words: "", text: "hello", delivery: "1", part: 1}')
	for name in $(about '.config[] | select(.required).name'); do
		for verb in resolve send poll; do
			run -78 --separate-stderr env -u "$name" "hermes-adapter-$PLATFORM" \
				"$verb" <<<"$question"
			[[ $stderr == *"$name"* ]]
			[ -z "$output" ]
		done
	done
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

the_place_is_the_one_the_next_message_carries() {
	local home place
	home=$(home_place)
	contract_say "$home" "at home"
	same_place "$(hear "at home" | jq -c .place)" "$home"
	place=$(open_place)
	contract_say "$place" "in the thread"
	same_place "$(hear "in the thread" | jq -c .place)" "$place"
}

a_place_is_found_again_by_its_ids() {
	local place found
	place=$(open_place)
	found=$(jq -c '{chat, thread} | with_entries(select(.value))' <<<"$place" | adapter resolve)
	same_place "$(jq -c .place <<<"$found")" "$place"
}

an_event_says_who_and_when() {
	local event place
	place=$(open_place)
	contract_say "$place" "who am I?"
	event=$(hear "who am I?")
	holds "$event" '[.message, .user.id, .user.name] | all(length > 0)'
	holds "$event" '(.at - now) | fabs < 600'
	holds "$event" '.place.kind != "dm" or .place.user == .user.id'
	holds "$event" "$IDS_ARE_TEXTS"
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

a_poll_confirms_only_what_its_cursor_covers() {
	local place first
	place=$(open_place)
	contract_say "$place" one
	hear one >/dev/null
	first=$(poll)
	holds "$first" '.events | length == 1'
	[ "$(poll | jq -Sc .events)" = "$(jq -Sc .events <<<"$first")" ]
	contract_say "$place" two
	holds "$(poll "$(jq -r .cursor <<<"$first")" 5)" '[.events[].text] == ["two"]'
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
	same_place "$(open_place h1)" "$place"
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
	hermes handoff "$PLATFORM" --session "$1" --shared --timeout 30 >/dev/null
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
	hermes-watch --once
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
	if hermes handoff "$PLATFORM" --session "$two" --shared --timeout 30 >/dev/null; then
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
