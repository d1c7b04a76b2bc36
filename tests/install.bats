#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Installing, removing, and from nothing to a working Hermes.

# shellcheck disable=SC2016,SC2030,SC2031 # scripts in quotes; a test is a subshell

load common

# make_it TARGET [VARIABLE=VALUE...]: with the programs that are built already.
make_it() {
	make -s -C "$ROOT" BUILD="${HERMES_BUILD:-build}" "$@"
}

# Install below $DEST with the prefix /opt/hermes.
install_it() {
	DEST=$BATS_TEST_TMPDIR/dest
	make_it install DESTDIR="$DEST" PREFIX=/opt/hermes
	PREFIX=$DEST/opt/hermes
}

# installed COMMAND...: with nothing on PATH but the system's programs and the installed ones.
installed() {
	env PATH="$PREFIX/bin:/usr/bin:/bin" HERMES_HOME="$HERMES_HOME" "$@"
}

@test "an installed hermes carries a handoff, with nothing but its bin folder on PATH" {
	install_it
	[ "$(installed hermes --exec-path)" = "$PREFIX/libexec/hermes" ]
	run ! installed sh -c 'command -v hermes-adapter-local'
	configure 'platforms: {local: {home_channel: {chat_id: home}}}'
	id=$(installed hermes state new --title "Fix the parser" -q)
	installed hermes state append "$id" "please fix the parser" >/dev/null
	run -0 installed hermes handoff local --session "$id" --jq .state
	[ "$output" = completed ]
	installed hermes adapter-local say home/h1 "go on" >/dev/null
	installed hermes watch --once
	[ "$(installed hermes state messages "$id" --role user --last 2 --jq .content | tail -n 1)" = "go on" ]
	# a pipeline by hand, by the names in bin
	id=$(installed hermes-state new -q)
	installed hermes-handoff request local --session "$id" >/dev/null
	installed sh -c 'hermes-handoff claim | hermes-handoff thread | hermes-handoff switch | hermes-speak' >/dev/null
	[ "$(installed hermes-handoff status --session "$id" --jq .state)" = completed ]
}

@test "every program is installed; those for people and scripts are in bin" {
	install_it
	local program
	for program in "${HERMES_BUILD:-$ROOT/build}"/hermes*; do
		[ -f "$program" ] && [ -x "$program" ] || continue
		program=${program##*/}
		[ -x "$PREFIX/libexec/hermes/$program" ]
		case $program in
		hermes-adapter-* | hermes-agent-*) [ ! -e "$PREFIX/bin/$program" ] ;;
		*) [ -x "$PREFIX/bin/$program" ] ;;
		esac
		"$PREFIX/libexec/hermes/$program" --version </dev/null >/dev/null 2>&1 ||
			[ "$(head -c 2 "$PREFIX/libexec/hermes/$program")" = '#!' ]
	done
}

@test "manual, completions, units and documents are where others look for them" {
	install_it
	local page
	for page in "$ROOT"/docs/man/*; do
		[ -f "$PREFIX/share/man/man${page##*.}/${page##*/}" ]
	done
	[ -f "$PREFIX/share/bash-completion/completions/hermes" ]
	[ -f "$PREFIX/share/zsh/site-functions/_hermes" ]
	[ -f "$PREFIX/share/fish/vendor_completions.d/hermes.fish" ]
	[ -f "$PREFIX/share/doc/hermes/README.md" ]
	[ -x "$PREFIX/share/doc/hermes/recipes/leave.sh" ]
	grep -qx 'ExecStart=/opt/hermes/bin/hermes-watch' "$PREFIX/lib/systemd/user/hermes-watch.service"
	grep -q 'ExecStart=/opt/hermes/bin/hermes-watch --once' "$PREFIX/lib/systemd/user/hermes-watch-once.service"
	[ -f "$PREFIX/lib/systemd/user/hermes-watch-once.timer" ]
	run ! grep -r '@BINDIR@' "$PREFIX"
}

@test "man finds the pages" {
	command -v man >/dev/null || skip "man is not installed"
	install_it
	MANPATH=$PREFIX/share/man run -0 man -w hermes-handoff
	MANPATH=$PREFIX/share/man run -0 man -w 5 hermes-record
}

@test "completion works from where it is installed" {
	install_it
	run installed bash --norc -c '
		. "$1"; COMP_LINE="hermes hand"; COMP_POINT=11; _hermes; echo "${COMPREPLY[@]}"
		complete -p hermes-handoff' bash "$PREFIX/share/bash-completion/completions/hermes"
	[ "${lines[0]}" = handoff ]
	[ "${lines[1]}" = "complete -F _hermes hermes-handoff" ]
}

@test "uninstalling leaves nothing, and nothing of others is touched" {
	DEST=$BATS_TEST_TMPDIR/dest
	mkdir -p "$DEST/opt/hermes/bin" "$DEST/opt/hermes/share/man/man1"
	echo mine >"$DEST/opt/hermes/bin/hermes-mine"
	echo mine >"$DEST/opt/hermes/share/man/man1/mine.1"
	install_it
	make_it uninstall DESTDIR="$DEST" PREFIX=/opt/hermes
	run find "$DEST" ! -type d
	[ "$(sort <<<"$output")" = "$(printf '%s\n' "$PREFIX/bin/hermes-mine" "$PREFIX/share/man/man1/mine.1")" ]
}

@test "installing twice is installing once" {
	install_it
	(cd "$DEST" && find . | sort) >"$BATS_TEST_TMPDIR/first"
	install_it
	(cd "$DEST" && find . | sort) | diff "$BATS_TEST_TMPDIR/first" -
}

@test "the demo shows a whole handoff, and uses nothing of ours" {
	export TELEGRAM_BOT_TOKEN=1:secret HERMES_SESSION=nonsense
	run -0 sh "$ROOT/contrib/demo" </dev/null
	[[ $output == *"That question is still open: "*"Shall I commit it?"* ]]
	[[ $output == *": Yes, commit it."* ]]
	[[ $output == *"nothing was lost, nothing was said twice."* ]]
	[ ! -e "$HERMES_HOME" ]
}

@test "the demo fails when something does not happen as it says" {
	local build=$BATS_TEST_TMPDIR/build
	mkdir "$build"
	for program in "${HERMES_BUILD:-$ROOT/build}"/hermes*; do
		ln -s "$(cd "${program%/*}" && pwd)/${program##*/}" "$build/"
	done
	rm "$build/hermes" "$build/hermes-handoff"
	cp "${HERMES_BUILD:-$ROOT/build}/hermes" "$build/" # it looks beside itself
	printf '#!/bin/sh\nexit 1\n' >"$build/hermes-handoff"
	chmod +x "$build/hermes-handoff"
	HERMES_BUILD=$build run sh "$ROOT/contrib/demo" </dev/null
	[ "$status" = 1 ]
	[[ $output == *"did not go as it should"* ]]
}

# A machine on which apt-get, dpkg-query, make and id only write down what they are asked.
# MISSING: packages that are not there. USER_ID: who we are.
machine() {
	local name
	MACHINE=$BATS_TEST_TMPDIR/machine
	mkdir -p "$MACHINE"
	for name in sh dirname mktemp cat rm sed grep env getconf printf; do
		ln -sf "$(type -P "$name")" "$MACHINE/$name"
	done
	cat >"$MACHINE/dpkg-query" <<-'SH'
		#!/bin/sh
		shift 3
		status=0
		for package; do
			case " $MISSING libcurl4-nss-dev " in
			*" $package "*) status=1 ;;
			*) echo installed ;;
			esac
		done
		exit "$status"
	SH
	cat >"$MACHINE/apt-get" <<-'SH'
		#!/bin/sh
		echo "apt-get $*" >>"$ASKED"
		exit "${APT_STATUS:-0}"
	SH
	cat >"$MACHINE/make" <<-'SH'
		#!/bin/sh
		echo "make $*" >>"$ASKED"
		case "$*" in "check") exit "${CHECK_STATUS:-0}" ;; esac
	SH
	printf '#!/bin/sh\necho "npm $*" >>"$ASKED"\n' >"$MACHINE/npm"
	printf '#!/bin/sh\necho "${USER_ID:-0}"\n' >"$MACHINE/id"
	chmod +x "$MACHINE"/dpkg-query "$MACHINE"/apt-get "$MACHINE"/make "$MACHINE"/npm \
		"$MACHINE"/id
	export ASKED=$BATS_TEST_TMPDIR/asked
	: >"$ASKED"
}

# bootstrap VARIABLE=VALUE... ARGUMENT: on that machine.
bootstrap() {
	local settings=()
	while [[ $1 == *=* ]]; do
		settings+=("$1")
		shift
	done
	env -u BUILD "${settings[@]}" PATH="$MACHINE" sh "$ROOT/contrib/bootstrap" "$@"
}

@test "bootstrap installs what is missing, and only that" {
	machine
	run -0 bootstrap MISSING="libjq-dev libcurl4-gnutls-dev make" build
	[[ $output == *"installing: make libjq-dev"* ]]
	grep -x 'apt-get -qq -y update' "$ASKED"
	grep -x 'apt-get -qq -y install --no-install-recommends make libjq-dev' "$ASKED"
	grep '^make -j [0-9]* all' "$ASKED"
}

@test "bootstrap does not ask apt-get for anything when all is there" {
	machine
	run -0 bootstrap build
	run ! grep apt-get "$ASKED"
	[[ $output != *installing* ]]
}

@test "bootstrap leaves another build of libcurl alone" {
	machine
	run -0 bootstrap MISSING="libcurl4-openssl-dev libyaml-dev" build
	grep -x 'apt-get -qq -y install --no-install-recommends libyaml-dev' "$ASKED"
}

@test "bootstrap says what it cannot do: no rights, no network, no Debian" {
	machine
	run bootstrap USER_ID=1000 MISSING=bats check
	[ "$status" = 77 ]
	[[ $output == *"missing: bats"* && $output == *"root or with sudo"* ]]
	[ ! -s "$ASKED" ]
	run bootstrap APT_STATUS=100 MISSING=bats check
	[ "$status" = 69 ]
	[[ $output == *"is there a network?"* ]]
	rm "$MACHINE/dpkg-query"
	run -0 bootstrap build
	[[ $output == *"this is not Debian"* && $output == *libsqlite3-dev* ]]
	run -64 bootstrap nonsense
}

@test "bootstrap uses sudo where it is not root" {
	machine
	printf '#!/bin/sh\necho "sudo $*" >>"$ASKED"\nexec "$@"\n' >"$MACHINE/sudo"
	chmod +x "$MACHINE/sudo"
	run -0 bootstrap USER_ID=1000 MISSING=jq check
	grep 'sudo env DEBIAN_FRONTEND=noninteractive .*apt-get -qq -y install --no-install-recommends jq' "$ASKED"
}

@test "bootstrap check builds, runs the tests and the lint, and ends as they do" {
	machine
	run -0 bootstrap check
	[ "$(tail -n 2 "$ASKED" | sed 's/ -j [0-9]*//')" = "$(printf 'make lint\nmake check')" ]
	run -1 bootstrap CHECK_STATUS=1 check
	grep 'make .* lint' "$ASKED"
}

@test "bootstrap check installs the clients that test the servers, and Node.js where there is none" {
	machine
	run -0 bootstrap MISSING="nodejs npm" check
	grep '^npm ci --prefix tests/clients' "$ASKED"
	run ! grep apt-get "$ASKED"
	rm "$MACHINE/npm"
	run -69 bootstrap MISSING="nodejs npm" check
	grep -x 'apt-get -qq -y install --no-install-recommends nodejs npm' "$ASKED"
}

@test "bootstrap names packages that Debian has" {
	command -v apt-cache >/dev/null || skip "this is not Debian"
	local package
	apt-cache show bash >/dev/null 2>&1 || skip "apt has no lists here"
	for package in $(tr '\n' ' ' <"$ROOT/contrib/bootstrap" | grep -oE ' to_[a-z]+="[^"$]*"' |
		sed -E 's/^ to_[a-z]+=//' | tr -d '"'); do
		apt-cache show "$package" >/dev/null 2>&1 || { echo "$package"; false; }
	done
}
