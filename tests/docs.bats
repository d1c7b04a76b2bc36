#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The manual says what the programs do: their options, their variables, their pipelines.

load common

bats_require_minimum_version 1.5.0

setup() {
	MAN=$ROOT/docs/man
	BUILT=${HERMES_BUILD:-$ROOT/build}
	unset HERMES_AGENT_COMMAND
}

programs() {
	local file
	for file in "$BUILT"/hermes*; do
		if [ -f "$file" ] && [ -x "$file" ]; then
			printf '%s\n' "${file##*/}"
		fi
	done
}

page() {
	printf '%s\n' "$MAN/$1.1"
}

# What a shell program hands its arguments to.
speaks_for() {
	case $1 in
	hermes-carry) echo "hermes-handoff claim" ;;
	hermes-answer) echo "hermes-inbox claim" ;;
	hermes-listen) echo "hermes-inbox cursor" ;;
	esac
}

# The verbs of a program: what its page calls a command, and is one.
verbs() {
	grep -oE '\bCm [a-z]+' "$(page "$1")" | cut -c 4- | sort -u
	[ "$1" != hermes-handoff ] || echo local
}

# All that --help says, the program's and its verbs'.
helps() {
	local verb spoken
	case $1 in
	hermes-speak) return ;;
	hermes-carry | hermes-answer | hermes-listen)
		spoken=$(speaks_for "$1")
		# shellcheck disable=SC2086
		timeout 60 $spoken --help </dev/null
		return
		;;
	esac
	timeout 60 "$1" --help </dev/null
	[ "$1" = hermes ] || for verb in $(verbs "$1"); do
		timeout 60 "$1" "$verb" --help </dev/null 2>/dev/null || :
	done
}

# Options, a line each, as "-x" and "--long": those of the synopsis and of the list.
options_of_help() {
	helps "$1" | grep -E '^(usage:|       hermes| +(-., )?--)' |
		sed -E 's/^( +(-., )?--[a-z0-9-]+).*/\1/' |
		grep -oE '(^|[ [])--?[A-Za-z0-9][a-z0-9-]*' | tr -d ' [' | sort -u |
		if [ -n "$(speaks_for "$1")" ]; then grep -vE '^--(help|version)$'; else cat; fi
}

options_of_page() {
	grep -oE '\bFl -?[A-Za-z0-9][a-z0-9-]*' "$(page "$1")" | sed 's/^Fl /-/' | sort -u |
		if [ "$1" = hermes ]; then grep -vxE -e '-h|--help'; else cat; fi
}

@test "every program has a page in the manual, and every page of section 1 a program" {
	programs >"$BATS_TEST_TMPDIR/programs"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/programs")" -ge 20 ]
	for file in "$MAN"/*.1; do
		basename "$file" .1
	done | sort | diff <(sort "$BATS_TEST_TMPDIR/programs") -
}

@test "every option of --help stands in the page, and every option of the page in --help" {
	local program bad=0
	for program in $(programs); do
		diff <(options_of_help "$program") <(options_of_page "$program") ||
			{ echo "^ $program (< help, > page)"; bad=1; }
	done
	[ "$bad" = 0 ]
	# and the comparison sees options at all
	[ "$(options_of_help hermes-state | wc -l)" -gt 20 ]
}

@test "every verb of --help stands in the page" {
	local program verb
	for program in hermes-handoff hermes-state hermes-inbox hermes-config; do
		for verb in $("$program" --help | sed -nE 's/^  ([a-z]+)( .*)?$/\1/p'); do
			grep -qE "\\bCm ([a-z]+ , )*$verb\\b" "$(page "$program")" ||
				{ echo "$program $verb"; false; }
		done
	done
}

@test "the pages lint clean" {
	command -v mandoc >/dev/null || skip "mandoc is not installed"
	run mandoc -T lint -W warning "$MAN"/*
	echo "$output"
	[ "$status" = 0 ]
	[ -z "$output" ]
}

@test "a page that another refers to is there" {
	local name section
	grep -hoE '\bXr hermes[a-z-]* [157]' "$MAN"/* | sort -u | while read -r _ name section; do
		[ -f "$MAN/$name.$section" ] || { echo "$name($section)"; exit 1; }
	done
}

@test "every page says what it is for, how it is called, and what it does" {
	local file section
	for file in "$MAN"/*; do
		for section in NAME DESCRIPTION "SEE ALSO"; do
			grep -qx "\.Sh $section" "$file" || { echo "$file: $section"; false; }
		done
		case $file in
		*.1) grep -qx '\.Sh SYNOPSIS' "$file" && grep -qx '\.Sh EXIT STATUS' "$file" ;;
		esac
	done
}

# The commands of a page's literal blocks, one file each: $BATS_TEST_TMPDIR/examples/N.
extract_examples() {
	mkdir "$BATS_TEST_TMPDIR/examples"
	awk -v to="$BATS_TEST_TMPDIR/examples/" '
		/^\.Bd -literal/ { file = to sprintf("%02d", ++count); next }
		/^\.Ed/ { file = ""; next }
		file { gsub(/\\e/, "\\"); print >file }' "$1"
}

@test "every example pipeline of hermes(1) runs" {
	local file ran=0
	extract_examples "$MAN/hermes.1"
	for file in "$BATS_TEST_TMPDIR"/examples/*; do
		export HERMES_HOME="$file.home"
		configure 'platforms: {local: {enabled: true, allow_all_users: true}}'
		HERMES_SESSION=$(new_session)
		export HERMES_SESSION
		hermes-adapter-local say home "are you there?" >/dev/null
		hermes-listen local --wait 0 >/dev/null
		hermes-handoff request local >/dev/null
		# The telephone is played by the platform that needs none.
		sed -i 's/telegram/local/g' "$file"
		mkdir "$file.work"
		cd "$file.work"
		run --separate-stderr bash -o pipefail "$file"
		cat "$file"
		# shellcheck disable=SC2154
		echo "status $status: $output $stderr"
		[ "$status" = 0 ]
		ran=$((ran + 1))
	done
	[ "$ran" -ge 10 ]
}

@test "the example that redacts sends, and keeps, the redacted words" {
	extract_examples "$MAN/hermes.1"
	configure 'platforms: {local: {enabled: true}}'
	local id
	id=$(hermes-state new --title Leak -q)
	hermes-state append "$id" "ping db1.lan" >/dev/null
	hermes-handoff request local --session "$id" >/dev/null
	bash "$(grep -l 'db1' "$BATS_TEST_TMPDIR"/examples/*)"
	hermes-adapter-local read home/h1 --jq .text | grep -F "ping the database"
	run ! grep -F db1.lan <(hermes-state messages "$id" --role assistant)
}

@test "every figure has its variable in hermes(1)" {
	local name
	for name in $(grep -ohE '"HERMES_[A-Z_]+"' "$ROOT/lib/figures.c" | tr -d '"'); do
		grep -q "Ev $name\$" "$MAN/hermes.1" || { echo "$name"; false; }
	done
}

@test "every exit status of the programs is in hermes(1)" {
	local number
	sed -n '/enum { EX_NO/,/};/p' "$ROOT/lib/die.h" | grep -oE '= [0-9]+' | while read -r _ number; do
		grep -qx "\.It $number" "$MAN/hermes.1" || { echo "$number"; exit 1; }
	done
}

@test "every key that a record's error can have is in hermes-record(5)" {
	local key
	for key in $(grep -rohE '"error\.[a-z]+"' "$ROOT/lib" "$ROOT/cmd" | tr -d '"' | cut -d . -f 2 | sort -u); do
		case $key in
		why | retry_after) continue ;; # an adapter's
		esac
		sed -n '/^\.Ss error/,$p' "$MAN/hermes-record.5" | grep -qw "$key" || { echo "$key"; false; }
	done
}

@test "every key that a pipeline's records really have is in hermes-record(5)" {
	configure 'platforms: {local: {enabled: true}}'
	local id
	id=$(new_session)
	hermes-handoff request local --session "$id" >/dev/null
	hermes-handoff claim 2>/dev/null | hermes-handoff thread | hermes-handoff switch | hermes-turn |
		hermes-send | tee "$BATS_TEST_TMPDIR/records" | hermes-settle >/dev/null
	hermes-adapter-local say home/h1 "and now?" >/dev/null
	hermes-listen local --wait 0 >/dev/null
	hermes-inbox claim 2>/dev/null | hermes-route | hermes-turn | hermes-send |
		tee -a "$BATS_TEST_TMPDIR/records" | hermes-settle >/dev/null
	[ "$(wc -l <"$BATS_TEST_TMPDIR/records")" = 2 ]
	jq -r 'to_entries[] | .key as $k | .value | keys[] | $k + " " + .' "$BATS_TEST_TMPDIR/records" |
		sort -u | while read -r stage key; do
		sed -n "/^\.Ss $stage\$/,/^\.Ss/p" "$MAN/hermes-record.5" | grep -E '^\.(It )?Ql|^and|^\.Ql' |
			grep -qw "$key" || { echo "$stage.$key"; exit 1; }
	done
}

@test "every class of trouble is in hermes-adapter(7)" {
	local class
	sed -nE 's/^\t\{"([a-z]+)", EX_.*/\1/p' "$ROOT/lib/trouble.c" | while read -r class; do
		grep -qx "\.It Ql $class" "$MAN/hermes-adapter.7" || { echo "$class"; exit 1; }
	done
	grep -c '", EX_' "$ROOT/lib/trouble.c"
}

@test "every setting that an adapter declares is on its page" {
	local adapter name
	for adapter in $(programs | grep '^hermes-adapter-'); do
		for name in $("$adapter" about | jq -r '.config[].name'); do
			grep -qE "Ev (.*)?$name\\b" "$(page "$adapter")" || { echo "$adapter: $name"; false; }
		done
	done
}

@test "every setting that an agent reads is on its page" {
	local agent name
	for agent in command openai recap; do
		grep -ohE 'agent_(setting|number)\("[A-Z_]+"' "$ROOT/adapters/agents/hermes-agent-$agent.c" |
			cut -d '"' -f 2 | while read -r name; do
			grep -q "HERMES_AGENT_$name\\b" "$(page "hermes-agent-$agent")" ||
				{ echo "$agent: $name"; exit 1; }
		done
	done
}

@test "the example agent of hermes-agent(7) is an agent" {
	extract_examples "$MAN/hermes-agent.7"
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp "$(grep -l '^# hermes-agent-echo' "$BATS_TEST_TMPDIR"/examples/*)" \
		"$BATS_TEST_TMPDIR/bin/hermes-agent-echo"
	chmod +x "$BATS_TEST_TMPDIR/bin/hermes-agent-echo"
	PATH=$PATH:$BATS_TEST_TMPDIR/bin
	configure 'platforms: {local: {home_channel: {chat_id: home}}}
agent: {use: echo}'
	hermes-adapter-local say home "hello" >/dev/null
	hermes-watch --once
	hermes-adapter-local read home --jq .text | grep -x "you said: hello"
}

# Session ids, times, the user and the home, as the README has them.
as_in_readme() {
	sed -E "s/[0-9]{8}_[0-9]{6}_[0-9a-f]{6}/SESSION/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{5}/TIME/g
		s|$HOME|/home/ada|g; s/\\b$(id -un)\\b/ada/g" | tr -d '\r'
}

@test "the transcript in the README is what really happens" {
	command -v script >/dev/null || skip "script(1) is not installed"
	# shellcheck disable=SC2016 # the back quotes are Markdown's
	sed -n '/^```console$/,/^```$/p' "$ROOT/README.md" | sed '1d;$d' >"$BATS_TEST_TMPDIR/readme"
	unset HERMES_HOME
	export HOME=$BATS_TEST_TMPDIR/ada
	mkdir -p "$HOME/src/parser"
	cd "$HOME/src/parser"
	sed -n 's/^\$ //p' "$BATS_TEST_TMPDIR/readme" | while IFS= read -r command; do
		printf '$ %s\n' "$command"
		script -qec "$command" /dev/null </dev/null
	done >"$BATS_TEST_TMPDIR/really"
	[ "$(grep -c '^\$ ' "$BATS_TEST_TMPDIR/really")" -ge 5 ]
	diff <(as_in_readme <"$BATS_TEST_TMPDIR/readme") <(as_in_readme <"$BATS_TEST_TMPDIR/really")
}

@test "the README names every tool" {
	local program
	for program in $(programs); do
		grep -q "\`$program\`" "$ROOT/README.md" || { echo "$program"; false; }
	done
}

@test "what the documents link to is there" {
	local file target
	for file in "$ROOT"/README.md "$ROOT"/CONTRIBUTING.md "$ROOT"/docs/*.md; do
		{ grep -oE '\]\([^)#]+\)' "$file" || :; } | sed 's/^](//; s/)$//; /^http/d' |
			while read -r target; do
			[ -e "$(dirname "$file")/$target" ] || { echo "$file: $target"; exit 1; }
		done
	done
}

@test "every table of the store, and every tool, is in the documents" {
	local name
	grep -oE '^	\{"courier_[a-z]+"' "$ROOT/lib/store/schema.c" | cut -d '"' -f 2 | while read -r name; do
		grep -q "\`$name\`" "$ROOT/docs/store.md" || { echo "$name"; exit 1; }
	done
	for name in $(programs); do
		[ "$name" = hermes ] || grep -q "$name" "$MAN/hermes.1" || { echo "$name"; false; }
	done
}
