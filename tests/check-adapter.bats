#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# hermes-check-adapter: an adapter that is right passes, and each behaviour has an adapter
# that fails it: tests/adapters/hermes-adapter-flawed, with one flaw at a time.
# shellcheck disable=SC2154 # bats sets stderr

load common

setup() {
	PATH="$BATS_TEST_DIRNAME/adapters:$PATH"
	export FLAWED_ROOT=$BATS_TEST_TMPDIR/rooms FLAWED_TOKEN=a-secret-token FLAWED_HOME_CHANNEL=den
	export FLAW=none
	LOCAL_ROOT=$FLAWED_ROOT hermes-adapter-local room den --member ada -q >/dev/null
}

# say ROOM-AND-THREAD-OF-PLACE TEXT: a human there.
say() {
	LOCAL_ROOT=$FLAWED_ROOT hermes-adapter-local say --as ada \
		"$(jq -r '.chat + if .thread then "/" + .thread else "" end' <<<"$1")" "$2" >/dev/null
}

# checked ARGUMENT...: the command, with a human who says what is asked for; its lines are
# in $BATS_TEST_TMPDIR/lines, its words in words.
checked() {
	local line
	hermes-check-adapter "$@" flawed 2>"$BATS_TEST_TMPDIR/words" | while IFS= read -r line; do
		printf '%s\n' "$line"
		[[ $line != '{"say"'* ]] || say "$(jq -c .place <<<"$line")" "$(jq -r .say <<<"$line")"
	done >"$BATS_TEST_TMPDIR/lines"
	return "${PIPESTATUS[0]}"
}

# fails BEHAVIOUR FLAW ARGUMENT...: the behaviour fails with that flaw, and says why.
fails() {
	echo "flaw: $2"
	FLAW=$2 run -1 checked "${@:3}"
	jq -se --arg name "$1" 'any(.name == $name and .ok == false and (.why | length > 0))' \
		"$BATS_TEST_TMPDIR/lines" >/dev/null || {
		cat "$BATS_TEST_TMPDIR/lines" "$BATS_TEST_TMPDIR/words"
		return 1
	}
	run ! grep -F "$FLAWED_TOKEN" "$BATS_TEST_TMPDIR/lines" "$BATS_TEST_TMPDIR/words"
}

@test "an adapter that is right passes, also with a human" {
	checked --human --wait 60
	jq -se 'all(.ok or .say) and (map(select(.ok)) | length) > 30' "$BATS_TEST_TMPDIR/lines"
	grep -E '^hermes-check-adapter: 3[0-9] passed, 0 failed$' "$BATS_TEST_TMPDIR/words"
}

@test "with --human, who cannot hear is not asked, and that is said" {
	FLAW='about .polling = false' checked --human
	run ! grep '"say"' "$BATS_TEST_TMPDIR/lines"
	grep "polling is false, so nobody is asked" "$BATS_TEST_TMPDIR/words"
}

@test "nothing is written to the home unless it is asked for" {
	checked
	[ -z "$(LOCAL_ROOT=$FLAWED_ROOT hermes-adapter-local read den)" ]
	checked --send
	[ -n "$(LOCAL_ROOT=$FLAWED_ROOT hermes-adapter-local read den)" ]
}

@test "an adapter that a busy machine lets wait once is no slow one" {
	TMPDIR=$BATS_TEST_TMPDIR FLAW="late once" checked
	ls -d "$BATS_TEST_TMPDIR"/hermes-*.2
}

@test "an adapter that looks at its settings gets them, also where nobody can be reached" {
	FLAW="knows settings" checked
	unset FLAWED_TOKEN
	FLAW="knows settings" checked
}

@test "the program may be a path, and its name says the platform" {
	ln -s "$(command -v hermes-adapter-local)" "$BATS_TEST_TMPDIR/cellar"
	cd "$BATS_TEST_TMPDIR"
	run -0 --separate-stderr hermes-check-adapter ./cellar --jq .name
	[[ $output == *"resolve: the home"* ]]
}

@test "without configuration the rest is tested, and said to be the rest" {
	unset FLAWED_TOKEN
	run -0 --separate-stderr hermes-check-adapter flawed
	[[ $stderr == *"what needs configuration was not tested: FLAWED_TOKEN is not set; hermes config set FLAWED_TOKEN"* ]]
	[[ $output != *"resolve: the home"* ]]
	run -78 --separate-stderr hermes-check-adapter flawed --send
	[[ $stderr == *"FLAWED_TOKEN is not set"* ]]
}

@test "an adapter with several ways in, of which none is required, may still lack one" {
	run -0 --separate-stderr hermes-check-adapter whatsapp --jq .name
	[[ $stderr == *"whatsapp: what needs configuration was not tested: no way to WhatsApp; set WHATSAPP_"* ]]
	[[ $output != *"resolve: the home"* ]]
	run -78 --separate-stderr hermes-check-adapter whatsapp --send
	[[ $stderr == *"whatsapp: no way to WhatsApp; set"* ]]
}

@test "configuration comes from hermes' own, too" {
	unset FLAWED_TOKEN FLAWED_ROOT FLAWED_HOME_CHANNEL
	configure "platforms: {flawed: {TOKEN: some-secret, root: '$BATS_TEST_TMPDIR/rooms', home_channel: den}}"
	run -0 --separate-stderr hermes-check-adapter flawed --jq .name
	[[ $output == *"resolve: the home"* ]]
}

@test "misuse is 64; what cannot be found is named" {
	run -64 --separate-stderr hermes-check-adapter
	run -64 --separate-stderr hermes-check-adapter no-such-platform
	[[ $stderr == *"no-such-platform: there is no such adapter"* ]]
	run -64 --separate-stderr hermes-check-adapter ./no/such/file
	run -64 --separate-stderr hermes-check-adapter one two
	cp "$(type -P true)" "$BATS_TEST_TMPDIR/NoName"
	run -64 --separate-stderr hermes-check-adapter "$BATS_TEST_TMPDIR/NoName"
}

@test "a program that is no adapter fails, and is not a crash" {
	ln -s "$(type -P true)" "$BATS_TEST_TMPDIR/hermes-adapter-true"
	ln -s "$(type -P false)" "$BATS_TEST_TMPDIR/hermes-adapter-false"
	ln -s "$(type -P yes)" "$BATS_TEST_TMPDIR/hermes-adapter-yes"
	for name in true false yes; do
		HERMES_ADAPTER_LIMIT=0.5 run -1 --separate-stderr \
			hermes-check-adapter "$BATS_TEST_TMPDIR/hermes-adapter-$name" -q --jq '.name + .why'
		[[ $output == *"about: says all there is to say"* ]]
	done
}

@test "people get a line for each behaviour, and a sum" {
	command -v script >/dev/null || skip "script(1) is not installed"
	run -0 script -qec "hermes-check-adapter flawed" /dev/null
	[[ $output == *"ok    about: says all there is to say"* ]]
	[[ $output == *" passed, 0 failed"* ]]
	FLAW='about .limit = 0' run -1 script -qec "hermes-check-adapter flawed -q" /dev/null
	[[ $output == *"FAIL  about: says all there is to say: limit is no number of units"* ]]
	[[ $output != *"ok  "* ]]
}

@test "flaws: about" {
	unset FLAWED_HOME_CHANNEL
	local filter
	for filter in '.protocol = 2' '.platform = "other"' 'del(.name)' '.verbs -= ["send"]' \
		'.threads = "yes"' 'del(.gateway)' '.verbs -= ["poll"]' '.verbs -= ["thread"] | .threads = false' \
		'.limit = 0' '.unit = "words"' '.config = {}' '.config[0].name = "lower"' \
		'.config[0].about = ""' 'del(.config[0].secret)' '.config = [7]'; do
		fails "about: says all there is to say" "about $filter"
	done
	fails "about: is the same without configuration" "needs configuration"
	fails "about: is the same without configuration" 'about .name += (env.FLAWED_TOKEN // "")'
	fails "about: comes at once" slow
	fails "about: leaves no file behind" litters
}

@test "flaws: manners" {
	fails "options: --help and --version are answered" helpless
	fails "misuse: ends with 64 and a word" obliging
	fails "misuse: ends with 64 and a word" mute
	fails "misuse: ends with 64 and a word" chatty
	fails "bad lines: are an error, not a crash" crashes
	fails "bad lines: are an error, not a crash" credulous
	fails "bad lines: are an error, not a crash" "ends with 1"
	fails "bad lines: are an error, not a crash" "passes over"
	fails "configuration: each that is missing is named, with 78" unasked
	fails "configuration: without any, 78 and a word of what is needed" unasked
	fails "configuration: each that is missing is named, with 78" unnamed
	fails "configuration: without any, 78 and a word of what is needed" unnamed
	fails "a platform that cannot be reached: is an answer" "gives up"
	fails "a platform that cannot be reached: is an answer" "blames settings"
	local filter
	FLAW="offline ." checked
	for filter in 'if has("ok") then .ok = true | .problems = [] else . end' \
		'if .outcome == "not_sent" then {outcome: "sent", ids: ["1"], parts: 1} else . end' \
		'if .outcome then {outcome: "unknown", why: "x"} else . end' \
		'if .error then .error.class = "chat" else . end' 'if .class then .class = "thread" else . end'; do
		fails "a platform that cannot be reached: is an answer" "offline $filter"
	done
}

@test "flaws: the home" {
	local who="check: says who the bot is, and that all is well" filter
	for filter in 'del(.account)' '.problems = [{what: "x", remedy: "y"}]' '.ok = false' \
		'.ok = false | .problems = [{what: "x"}]' '.ok = false | .problems = [{what: "x", remedy: "y"}]' \
		'.facts.token = "yes"' '.facts.home.readable = 1'; do
		fails "$who" "check $filter"
	done
	for filter in '.place.kind = "room"' 'del(.place.account)' 'del(.place.user)' 'del(.audience)' \
		'.place.platform = "local"' '.audience.size = 0' '{error: {class: "odd", why: "x"}}' \
		'{error: {class: "config", why: "no home"}}'; do
		fails "resolve: the home is a whole place with its audience" "resolve $filter"
	done
	fails "$who" latin
	fails "resolve: finds the home again by its ids" 'resolve .place.chat? += "x"'
	fails "resolve: each line has its answer" "one line"
	HERMES_ADAPTER_LIMIT=5 fails "resolve: each line has its answer" "at the end"
	fails "nonsense: is refused, with a class and a reason" 'resolve {place: {}}'
	fails "nonsense: is refused, with a class and a reason" 'thread del(.class)'
}

@test "flaws: thread and send" {
	local filter opens="thread: opens one, or says why it is the home"
	for filter in 'del(.place.thread)' '.outcome = "home" | del(.why)' '.outcome = "done"' 'del(.audience)' \
		'{outcome: "not_opened", class: "chat", why: "gone"}' '{outcome: "unknown"}'; do
		fails "$opens" "thread $filter" --send
	done
	fails "thread: is found again by its ids" 'thread .place.thread? += "x"' --send
	fails "thread: the same delivery opens it once" "always new" --send
	fails "send: the same delivery is there once" "always new" --send
	fails "send: the same delivery is there once" "looks in vain" --send
	for filter in 'del(.ids)' '.parts = 2' '{outcome: "unknown", why: "x"}' '.outcome = "gone"' '.rest = "x"'; do
		fails "send: a text is sent, and has an id" "send $filter" --send
	done
	fails "$opens" ascii --send
	fails "send: a part that is not there is refused" "any part" --send
	fails "send: a long text is sent in parts, cut the same each time" \
		'send if .parts then .parts += (now * 1000 | floor) % 97 else . end' --send
	fails "send: a long text is sent in parts, cut the same each time" 'about .limit = 100' --send
}

@test "flaws: poll, and what a human says" {
	local filter
	say '{"chat":"den"}' before
	say '{"chat":"den"}' "and again"
	for filter in '.events = {}' '.events[]?.message = "1"' 'del(.cursor)' '{error: {class: "busy", why: "x"}}' '.cursor = 7'; do
		fails "poll: a batch has its events and a cursor that passes them" "poll $filter" --send
	done
	fails "poll: confirms nothing by itself" eats --send
	fails "human: what is said in the thread comes from the thread" \
		'poll .events[]?.place.thread = "9"' --human
	fails "human: what is said at home comes from home" 'poll .events[]?.place.account = "9"' --human
	fails "human: what is said at home comes from home" 'poll .events = []' --human --wait 0.3
	for filter in 'del(.events[]?.user.name)' 'del(.events[]?.message)' '.events[]?.at = 7' \
		'.events[]?.place.user? = "eve"' '.events[]?.user.also = "ada"'; do
		fails "human: an event says who, when and what" "poll $filter" --human
	done
	fails "human: a poll confirms only what its cursor covers" stuck --human
	fails "human: of two messages at once both are heard" \
		'poll .events |= (.[:1] // .)' --human --wait 5
	fails "human: what the adapter sent itself is not heard" \
		'poll .events[]?.text |= "hermes check-adapter: " + .' --human
}

@test "flaws: whatever is said" {
	fails "every verb: secrets are never said" tells
	fails "every answer: ids are texts, and nothing is null" 'resolve .place.thread = null'
	fails "every answer: ids are texts, and nothing is null" 'send .ids[0]? |= (tonumber? // 7)' --send
	fails "every answer: one line for each question" twice
}
