#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Completion in the three shells, driven as the shells drive it, with live words.

load common

setup() {
	COMPLETIONS=$ROOT/share/completions
	configure 'platforms: {local: {enabled: true}}'
	ID=$(new_session "Fix the parser")
	new_session "It's \"quoted\" \$HOME" >/dev/null
	new_session "Fix: the roof" >/dev/null
}

# tab_bash LINE: what bash would offer behind the line, one a line.
tab_bash() {
	bash --norc -c '
		. "$1"
		COMP_LINE=$2 COMP_POINT=${#2}
		read -ra COMP_WORDS <<<"$2"
		[[ $2 != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_hermes "${COMP_WORDS[0]}" "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
		[[ ! ${COMPREPLY-} ]] || printf "%s\n" "${COMPREPLY[@]}"
	' bash "$COMPLETIONS/hermes.bash" "$1"
}

# shellcheck disable=SC2016
tab_fish() {
	fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$COMPLETIONS/hermes.fish" "$1"
}

# tab_zsh LINE: the screen of an interactive zsh after a tab behind the line. At its end
# "GOT<LINE>", the line as it is then.
# shellcheck disable=SC2016
tab_zsh() {
	timeout 120 zsh -fc '
		zmodload zsh/zpty
		export TERM=dumb
		zpty z zsh -f -i
		zpty -w z "PS1=; fpath=(${(q)1} \$fpath); autoload -Uz compinit; compinit -D -u"
		zpty -w z "unsetopt beep zle_bracketed_paste; LISTMAX=1000; COLUMNS=200"
		zpty -w z "show() { print -r -- \"GOT<\$BUFFER>\"; zle kill-whole-line }; zle -N show"
		zpty -w z "bindkey ^G show; print REA\"\"DY"
		zpty -r z out "*READY*"
		zpty -w -n z "$2"$'"'\t\a'"'
		zpty -r z out "*GOT<*>*"
		print -r -- $out
	' zsh "$COMPLETIONS" "$1" | tr -d '\r'
}

has() {
	grep -qxF -- "$1" <<<"$output" || { echo "no \"$1\" in:"; echo "$output"; return 1; }
}

# without_hermes COMMAND...: on a PATH that has the system's programs only.
without_hermes() (
	mkdir -p "$BATS_TEST_TMPDIR/empty"
	cd "$BATS_TEST_TMPDIR/empty" || exit
	PATH=/usr/bin:/bin
	"$@"
)

need() {
	command -v "$1" >/dev/null || skip "$1 is not installed"
}

@test "bash: verbs are the programs that are there" {
	run tab_bash "hermes "
	for program in "$(hermes --exec-path)"/hermes-*; do
		has "${program##*/hermes-}"
	done
	run tab_bash "hermes hand"
	[ "$output" = handoff ]
}

@test "bash: a verb's own verbs, and platforms where one can stand" {
	run tab_bash "hermes handoff "
	has status
	has retry
	has local
	has telegram
	run tab_bash "hermes-state me"
	[ "$output" = messages ]
	run tab_bash "hermes send "
	has drop
	has local
}

@test "bash: hermes send offers platforms, names of the configuration, and places of sessions" {
	configure 'platforms: {local: {enabled: true}}
targets: {team: "local:kitchen", me: [local]}'
	hermes-adapter-local room den --no-threads --member "$(id -un)" -q >/dev/null
	hermes-handoff local:den --session "$ID" --no-turn >/dev/null
	run tab_bash "hermes send "
	has team
	has me
	has local
	has local:den
	run tab_bash "hermes send -t te"
	[ "$output" = team ]
	run tab_bash "hermes-send --to local --to m"
	[ "$output" = me ]
}

@test "bash: options are those of --help" {
	run tab_bash "hermes handoff local --"
	for option in $(hermes-handoff local --help | grep -oE -- '^ +(-., )?--[a-z-]+' | grep -oE -- '--.*'); do
		has "$option"
	done
	run tab_bash "hermes-watch --o"
	[ "$output" = --once ]
	run tab_bash "hermes carry --l"
	[ "$output" = --limit ]
}

# shellcheck disable=SC2016
@test "bash: sessions by id and by title, quoted as the line needs it" {
	run tab_bash "hermes state show "
	has "$ID"
	has 'Fix\ the\ parser'
	has "It\\'s\\ \\\"quoted\\\"\\ \\\$HOME"
	run tab_bash 'hermes state show Fix\ t'
	[ "$output" = 'Fix\ the\ parser' ]
	run tab_bash 'hermes state show "Fix t'
	[ "$output" = 'Fix the parser' ]
	run tab_bash 'hermes state show "It'
	[ "$output" = 'It'\''s \"quoted\" \$HOME' ]
	run tab_bash "hermes state show 'It"
	[ "$output" = "It'\\''s \"quoted\" \$HOME" ]
}

@test "bash: behind a colon only the rest is offered, as bash wants it" {
	run tab_bash 'hermes state show Fix:'
	[ "$output" = '\ the\ roof' ]
}

@test "bash: an argument gets the words of its option" {
	run tab_bash "hermes handoff local --session "
	has "$ID"
	run tab_bash "hermes handoff local -s 2"
	has "$ID"
	run tab_bash "hermes handoff list --state "
	has pending
	has expired
	[ "${#lines[@]}" = 6 ]
	run tab_bash "hermes handoff local --timeout "
	[ -z "$output" ]
}

@test "bash: ids of handoffs, messages and deliveries, each where it belongs" {
	hermes-handoff local --session "$ID" >/dev/null
	hermes-send local "one more" >/dev/null
	run tab_bash "hermes handoff cancel "
	[ "$output" = 1 ]
	run tab_bash "hermes send retry "
	has 2
	run tab_bash "hermes inbox retry "
	[ "$output" = 1 ]
	run tab_bash "hermes ask local c"
	[ "$output" = check ]
}

@test "bash: --home is meant for this line only" {
	run tab_bash "hermes --home $BATS_TEST_TMPDIR/other state show "
	[ -z "$output" ]
	run bash --norc -c '. "$1"; COMP_LINE="hermes --home /nowhere state show "
		COMP_POINT=${#COMP_LINE}; _hermes; echo "$HERMES_HOME"' bash "$COMPLETIONS/hermes.bash"
	[ "$output" = "$HERMES_HOME" ]
}

@test "no shell says a word when something is wrong, or hermes is not there" {
	local shell
	echo "platforms: [" >"$HERMES_HOME/config.yaml"
	for shell in bash fish; do
		command -v "$shell" >/dev/null || continue
		run --separate-stderr "tab_$shell" "hermes config home "
		[ -z "$output$stderr" ]
		run --separate-stderr "tab_$shell" "hermes nonsense --"
		[ -z "$output$stderr" ]
		run --separate-stderr "tab_$shell" "hermes state nonsense --"
		[ -z "$output$stderr" ]
		run --separate-stderr without_hermes "tab_$shell" "hermes "
		[ -z "$output$stderr" ]
	done
	printf 'damaged' >"$HERMES_HOME/state.db"
	run --separate-stderr tab_bash "hermes state show "
	[ -z "$output$stderr" ]
}

@test "asking changes nothing in the home" {
	export HERMES_HOME="$BATS_TEST_TMPDIR/untouched"
	mkdir "$HERMES_HOME"
	local line
	for line in "hermes " "hermes handoff " "hermes state show " "hermes carry --" "hermes speak -" \
		"hermes handoff cancel " "hermes listen local --"; do
		tab_bash "$line" >/dev/null
	done
	[ -z "$(ls -A "$HERMES_HOME")" ]
}

@test "no completion takes long, and none asks a network" {
	need strace
	export COMPLETIONS
	export -f tab_bash
	# Two seconds of the processor for each program; nothing waits that long.
	(ulimit -t 2 && timeout 60 bash -c 'tab_bash "hermes handoff telegram --session Fix"' >/dev/null)
	export TELEGRAM_BOT_TOKEN=1:abc
	strace -f -qq -e trace=connect -o "$BATS_TEST_TMPDIR/connects" \
		bash -c 'tab_bash "hermes ask telegram "; tab_bash "hermes handoff "' >/dev/null ||
		skip "strace may not trace here"
	run ! grep -E 'AF_INET' "$BATS_TEST_TMPDIR/connects"
}

@test "fish: verbs, options and live words, with what they mean" {
	need fish
	run tab_fish "hermes hand"
	[ "$output" = handoff ]
	run tab_fish "hermes handoff "
	has local
	has "$(printf 'status\tthe newest handoff of a session')"
	run tab_fish "hermes handoff local --requ"
	[ "${#lines[@]}" = 2 ]
	run tab_fish "hermes handoff list --state pen"
	[ "$output" = pending ]
	run tab_fish "hermes-state show Fix"
	has "Fix the parser"
	has "Fix: the roof"
	run tab_fish "hermes state show It"
	[ "$output" = "It's \"quoted\" \$HOME" ]
	run tab_fish "hermes handoff local -s 2"
	has "$(printf '%s\tFix the parser' "$ID")"
	run tab_fish "hermes --home $BATS_TEST_TMPDIR/other state show Fix"
	[ -z "$output" ]
}

@test "fish: ids, each where it belongs" {
	need fish
	hermes-handoff local --session "$ID" >/dev/null
	run tab_fish "hermes handoff log "
	[ "$output" = 1 ]
	run tab_fish "hermes listen "
	[ "$output" = "$(hermes config platforms --jq .platform | sort)" ]
	run tab_fish "hermes carry --li"
	[ "${output%%$'\t'*}" = --limit ]
}

@test "zsh: a tab completes verbs, options and titles on a real line" {
	need zsh
	run tab_zsh "hermes hand"
	[[ $output == *"GOT<hermes handoff >"* ]]
	run tab_zsh "hermes handoff local --reque"
	[[ $output == *"GOT<hermes handoff local --request-id >"* ]]
	run tab_zsh "hermes-watch --on"
	[[ $output == *"GOT<hermes-watch --once >"* ]]
	run tab_zsh "hermes state show It"
	[[ $output == *"GOT<hermes state show It\\'s\\ \\\"quoted\\\"\\ \\\$HOME >"* ]]
	run tab_zsh "hermes state show \"Fix t"
	[[ $output == *"GOT<hermes state show \"Fix the parser\" >"* ]]
}

@test "zsh: what can stand there is listed, with what it means" {
	need zsh
	hermes-handoff local --session "$ID" >/dev/null
	run tab_zsh "hermes handoff "
	[[ $output == *local*telegram* ]]
	[[ $output == *"status"*"-- the newest handoff of a session"* ]]
	run tab_zsh "hermes handoff log "
	[[ $output == *"GOT<hermes handoff log 1 >"* ]]
	run tab_zsh "hermes handoff list --state pe"
	[[ $output == *"GOT<hermes handoff list --state pending >"* ]]
	run tab_zsh "hermes handoff local -s Fix\\ "
	[[ $output == *"GOT<hermes handoff local -s Fix\\ the\\ parser >"* ]]
}

@test "the scripts parse" {
	bash -n "$COMPLETIONS/hermes.bash"
	if command -v zsh; then zsh -n "$COMPLETIONS/_hermes"; fi
	if command -v fish; then fish --no-execute "$COMPLETIONS/hermes.fish"; fi
	if command -v shellcheck; then shellcheck "$COMPLETIONS/hermes.bash"; fi
}
