#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What contrib/ offers is really run: the recipes, the units, the crontab.

load common

setup() {
	PATH=$ROOT/contrib/recipes:$PATH
	configure 'platforms: {local: {home_channel: {chat_id: home}}}'
}

# said: what stands in the home, its threads included.
said() {
	hermes-adapter-local read home --jq .text
}

@test "leave.sh: hands over what is open at the desk, and nothing else" {
	local parser roof ended
	parser=$(new_session "Fix the parser")
	roof=$(new_session "Mend the roof")
	ended=$(new_session "Long ago")
	hermes-state end "$ended" >/dev/null
	hermes-state new --title "Nothing said" >/dev/null
	new_session "Elsewhere already" >/dev/null
	hermes-handoff local --session "Elsewhere already" >/dev/null
	run leave.sh local
	[ "$status" = 0 ]
	[ "${#lines[@]}" = 2 ]
	[[ $output == *"Fix the parser: file://"* && $output == *"Mend the roof: file://"* ]]
	[ "$(hermes-handoff status --session "$parser" --jq .state)" = completed ]
	[ "$(hermes-handoff status --session "$roof" --jq .state)" = completed ]
	[ "$(hermes-handoff status --session "$ended" --jq .state)" = null ]
	run leave.sh local
	[ -z "$output" ]
}

@test "leave.sh: says what could not go, and fails" {
	new_session >/dev/null
	run leave.sh telegram
	[ "$status" = 1 ]
	[[ $output == *"Fix the parser: stays here"* ]]
}

@test "back.sh: shows what was said elsewhere in the meantime" {
	local id
	id=$(new_session)
	hermes-handoff local --session "$id" >/dev/null
	hermes-adapter-local say home/h1 "commit it, please" >/dev/null
	hermes-watch --once
	run back.sh
	[ "$status" = 0 ]
	[[ ${lines[0]} == "Fix the parser (local, file://"* ]]
	[[ $output == *"  you:   commit it, please"* && $output == *"  agent: I'm here."* ]]
	[[ $output != *"has just moved"* ]]
	run back.sh -1
	[ -z "$output" ]
}

@test "redact.sh: neither the place nor the transcript gets what the list names" {
	local id
	id=$(hermes-state new --title "A leak" -q)
	hermes-state append "$id" "the key is sk-12345, the host db1.lan" >/dev/null
	printf '%s\n' 'sk-[0-9]+' 'db1[.]lan' >"$HERMES_HOME/redact"
	hermes-handoff request local --session "$id" >/dev/null
	redact.sh carry
	[ "$(hermes-handoff status --session "$id" --jq .state)" = completed ]
	said | grep -F 'the key is [redacted], the host [redacted]'
	run ! grep -F sk-12345 <(said) <(hermes-state messages "$id" --role assistant)
	hermes-adapter-local say home/h1 "again sk-12345" >/dev/null
	hermes-listen local --wait 0
	redact.sh answer
	said | grep -F '“again [redacted]”'
	run -66 env HERMES_HOME="$BATS_TEST_TMPDIR/none" redact.sh carry
	run -64 redact.sh
}

@test "retry-failed.sh: asks again once, and not for what was asked for again" {
	local id other
	id=$(new_session)
	other=$(new_session "Mend the roof")
	hermes-handoff request local --chat attic --session "$id" >/dev/null
	run -1 hermes-carry
	hermes-handoff request local --chat attic --session "$other" >/dev/null
	run -1 hermes-carry
	hermes-handoff local --session "$other" >/dev/null
	hermes-adapter-local room attic >/dev/null
	run retry-failed.sh
	[ "$output" = "handoff 1 again, as 4, to local" ]
	run retry-failed.sh
	[ -z "$output" ]
	hermes-watch --once
	[ "$(hermes-handoff status --session "$id" --jq .state)" = completed ]
	hermes-adapter-local read attic/h4 >/dev/null
}

@test "today.sh: what was asked today, without notices, and nothing of another day" {
	new_session >/dev/null
	hermes-state new --title "Empty" >/dev/null
	hermes-handoff local --session "Fix the parser" >/dev/null
	run today.sh
	[ "$output" = "Fix the parser: please fix the parser" ]
	run today.sh yesterday
	[ "$status" = 0 ]
	[ -z "$output" ]
	run -64 today.sh "no such day"
}

@test "tell-failures.sh: calls the command once for each handoff that failed" {
	new_session >/dev/null
	new_session "Mend the roof" >/dev/null
	hermes-handoff request local --session "Mend the roof" >/dev/null
	hermes-handoff request local --chat nowhere --session "Fix the parser" >/dev/null
	hermes-watch --once --events 2>/dev/null | tell-failures.sh printf '<%s>\n' >"$BATS_TEST_TMPDIR/told"
	cat "$BATS_TEST_TMPDIR/told"
	grep -E '^<handoff 2 on local failed: .*nowhere.*>$' "$BATS_TEST_TMPDIR/told"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/told")" = 1 ]
}

@test "markdown.sh: a conversation as Markdown, with its tools and its moves" {
	local id
	id=$(new_session)
	hermes-state append "$id" --role assistant --tool-calls '[{"id":"c1","type":"function","function":{"name":"ls","arguments":"{}"}}]' >/dev/null
	hermes-state append "$id" --role tool --tool-name ls --tool-call-id c1 "parser.c" >/dev/null
	hermes-handoff local --session "$id" >/dev/null
	run markdown.sh "Fix the parser"
	[ "$status" = 0 ]
	[ "${lines[0]}" = "# Fix the parser" ]
	[[ $output == *"**You:** please fix the parser"* ]]
	[[ $output == *"<summary>ls</summary>"*"parser.c"* ]]
	[[ $output == *"*[This conversation (\"Fix the parser\") has just moved"* ]]
	run ! markdown.sh "no such session"
}

@test "open-questions.sh: where the agent waits for an answer" {
	local id
	id=$(new_session)
	new_session "Answered" >/dev/null
	hermes-state append Answered "yes, do; why not?" >/dev/null
	run open-questions.sh
	[ "$output" = "$(printf '%s\tFix the parser\tDone. Shall I commit it?' "$id")" ]
	open-questions.sh | cut -f 1 | hermes-handoff local --session - >/dev/null
	said | grep -F 'That question is still open:'
}

@test "when-done.sh: says how a command ended, and ends like it" {
	run when-done.sh local sh -c 'echo compiling; echo "no such file" >&2; exit 3'
	[ "$status" = 3 ]
	[[ $output == *compiling* ]]
	said | grep -F "failed (3): sh -c"
	said | grep -F "no such file"
	run when-done.sh local true
	[ "$status" = 0 ]
	said | grep -x "done: true"
	run when-done.sh nowhere true
	[ "$status" = 0 ]
	[[ $output == *"was not told"* ]]
}

@test "every recipe says how it is used, and has a test" {
	local file
	for file in "$ROOT"/contrib/recipes/*; do
		[ -x "$file" ]
		sed -n 3p "$file" | grep -qE "^# ${file##*/}[ :]"
		cat "$BATS_TEST_DIRNAME"/*.bats | grep -q "^@test \"${file##*/}: "
		case $(head -n 1 "$file") in
		'#!/bin/sh') dash -n "$file" ;;
		'#!/usr/bin/python3') "$PYTHON" -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$file" ;;
		*) false ;;
		esac
	done
}

# The units as `make install` makes them, in $UNITS.
units() {
	local unit
	UNITS=$BATS_TEST_TMPDIR/units
	mkdir -p "$UNITS"
	for unit in "$ROOT"/contrib/systemd/*; do
		sed "s|@BINDIR@|${HERMES_BUILD:-$ROOT/build}|g" "$unit" >"$UNITS/${unit##*/}"
	done
}

verify() {
	env XDG_RUNTIME_DIR="$BATS_TEST_TMPDIR/units" systemd-analyze --user --man=no verify "$@"
}

@test "systemd takes the units without a word" {
	command -v systemd-analyze >/dev/null || skip "systemd-analyze is not installed"
	units
	# Can it work here at all? And does it speak up when something is wrong?
	printf '[Service]\nExecStart=/bin/true\n' >"$UNITS/good.service"
	run verify "$UNITS/good.service"
	[ "$status" = 0 ] || skip "systemd-analyze does not work here: $output"
	sed 's/^Type=notify/Type=nonsense/' "$UNITS/hermes-watch.service" >"$UNITS/wrong.service"
	run verify "$UNITS/wrong.service"
	[[ $output == *nonsense* ]]
	run verify "$UNITS"/hermes-watch*
	echo "$output"
	[ "$status" = 0 ]
	[ -z "$output" ]
}

@test "the units and the plist are well formed, and start programs that are there" {
	units
	local unit program
	for unit in "$UNITS"/*; do
		# A section, or a setting, or a comment, or nothing: each line.
		run ! grep -vE '^(\[[A-Z][a-z]+\]|[A-Z][A-Za-z]+=.+|#.*|)$' "$unit"
		[ "$(head -n 1 "$unit")" = "# SPDX-License-Identifier: MIT" ]
		program=$(sed -nE 's/^ExecStart=([^ ]+).*/\1/p' "$unit")
		[ -z "$program" ] || [ -x "$program" ]
	done
	"$PYTHON" - "$ROOT/contrib/launchd/hermes-watch.plist" <<-'PY'
		import plistlib, sys
		job = plistlib.load(open(sys.argv[1], "rb"))
		assert job["ProgramArguments"][0].endswith("/hermes-watch"), job
		assert job["KeepAlive"] is True and job["Umask"] == 0o077, job
	PY
}

@test "the service is told to be ready by the program that it starts" {
	units
	local command
	command=$(sed -n 's/^ExecStart=//p' "$UNITS/hermes-watch.service")
	export NOTIFY_SOCKET=$BATS_TEST_TMPDIR/notify
	"$PYTHON" - "$command" <<-'PY'
		import os, signal, socket, subprocess, sys
		listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		listener.bind(os.environ["NOTIFY_SOCKET"])
		listener.settimeout(20)
		watch = subprocess.Popen(sys.argv[1].split())
		assert listener.recv(100) == b"READY=1"
		watch.send_signal(signal.SIGTERM)
		assert listener.recv(100) == b"STOPPING=1"
		assert watch.wait(20) == 0
	PY
}

@test "the crontab's lines are a crontab's, and do what they say" {
	local file=$ROOT/contrib/cron/hermes line
	# Five fields and a command; variables; comments.
	run ! grep -vE '^(#.*|[A-Z]+=.*|([0-9*/,-]+ ){5}.+|)$' "$file"
	new_session >/dev/null
	hermes-handoff request local --session "Fix the parser" >/dev/null
	# cron turns \% into % and hands the rest to sh.
	HOME=$BATS_TEST_TMPDIR/user
	mkdir -p "$HOME"
	ln -s "$HERMES_HOME" "$HOME/.hermes"
	sed -nE 's/^([0-9*\/,-]+ ){5}//p' "$file" | sed 's/\\%/%/g' >"$BATS_TEST_TMPDIR/lines"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/lines")" = 2 ]
	while IFS= read -r line; do
		env -u HERMES_HOME HOME="$HOME" sh -c "$line"
	done <"$BATS_TEST_TMPDIR/lines"
	[ "$(hermes-handoff status --session "Fix the parser" --jq .state)" = completed ]
	line=$(echo "$HERMES_HOME"/backups/state-???.db)
	[ -s "$line" ]
	[ "$(stat -c %a "$line")" = 600 ]
}
