#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# hermes-config: what is set, where it comes from, and changing one value only.

load common

setup() {
	mkdir -p "$HERMES_HOME" "$BATS_TEST_TMPDIR/bin"
	chmod 700 "$HERMES_HOME"
	export PATH="$BATS_TEST_TMPDIR/bin:$PATH"
	file=$HERMES_HOME/config.yaml
	dotenv=$HERMES_HOME/.env
}

# An adapter named $1 that answers `about`, and `resolve` by echoing the words as the chat.
adapter() {
	cat >"$BATS_TEST_TMPDIR/bin/hermes-adapter-$1" <<-'END'
		#!/bin/sh
		name=${0##*-} NAME=$(echo "${0##*-}" | tr a-z A-Z)
		case $1 in
		about)
			echo '{"protocol":1,"platform":"'$name'","name":"Fake","config":[
			{"name":"'$NAME'_BOT_TOKEN","secret":true,"required":true},
			{"name":"'$NAME'_PIN","secret":true},{"name":"'$NAME'_ROOM"}]}' | tr -d '\n'
			echo ;;
		resolve)
			jq -c 'if .words == "bad" then {error:{class:"request",why:"no such chat",
			remedy:"name another"}} else {place:{platform:"x",chat:.words,thread:"7"},
			audience:{size:2,names:["Ada","Bob"],known:true}} end' ;;
		env) env ;;
		esac
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/hermes-adapter-$1"
}

@test "config: without any file nothing is set, and that is no error" {
	run hermes-config get platforms.fake.home_channel
	[ "$status" -eq 1 ]
	[[ $output == *"not set"* ]]
	hermes-config check
}

@test "config: the environment decides over .env, and .env over config.yaml" {
	adapter fake
	printf 'platforms:\n  fake: {room: file, base_url: "http://file"}\n' >"$file"
	echo 'FAKE_ROOM=dotenv' >"$dotenv"
	[ "$(FAKE_ROOM=shell hermes-config get platforms.fake.room)" = shell ]
	[ "$(hermes-config get platforms.fake.room)" = dotenv ]
	[ "$(hermes-config get FAKE_ROOM)" = dotenv ]
	[ "$(hermes-config get FAKE_BASE_URL)" = http://file ]
}

@test "config: an empty variable hides what the files say" {
	adapter fake
	printf 'platforms: {fake: {room: file}}\n' >"$file"
	FAKE_ROOM='' run hermes-config get FAKE_ROOM
	[ "$status" -eq 1 ]
}

@test "config: scalars stay as they are written" {
	printf 'a: 0123\nb: 1e5\nc: "true"\nd: ~\n' >"$file"
	[ "$(hermes-config get a)" = 0123 ]
	[ "$(hermes-config get b)" = 1e5 ]
	[ "$(hermes-config get c)" = true ]
	run hermes-config get d
	[ "$status" -eq 1 ]
}

@test "config: token and bot_token, home_channel as a mapping or a text are the same settings" {
	adapter fake
	printf 'platforms: {fake: {token: t, home_channel: -100}}\n' >"$file"
	[ "$(hermes-config get FAKE_HOME_CHANNEL)" = -100 ]
	[ "$(hermes-config get platforms.fake.home_channel.chat_id)" = -100 ]
	[ "$(hermes-config get --jq .set FAKE_BOT_TOKEN)" = true ]
	printf 'platforms: {fake: {bot_token: t, home_channel: {chat_id: "5", thread_id: 6}}}\n' >"$file"
	[ "$(hermes-config get FAKE_HOME_CHANNEL)" = 5 ]
	[ "$(hermes-config get FAKE_HOME_CHANNEL_THREAD_ID)" = 6 ]
	[ "$(hermes-config get --jq .set FAKE_BOT_TOKEN)" = true ]
}

@test "config: a file that cannot be parsed is refused with line and column" {
	local bad
	for bad in 'a: 1\na: 2\n|line 2, column 1' 'a:\n\tb: 1\n|line 2, column 1: a tab' \
		'a: [1\n|line 2, column 1' 'a: 1\n---\nb: 2\n|line 2, column 1: a second document' \
		'a: *b\n|line 1, column 4' 'a: {<<: {}}\n|line 1, column 5' 'a: "x\nb: 1\n|line 3' \
		'- a\n|line 1, column 1' 'a: \xff\n|line 1, column 4'; do
		printf -- "${bad%%|*}" >"$file"
		run hermes-config check
		[ "$status" -eq 78 ]
		[[ $output == *"config.yaml: "*"${bad#*|}"* ]]
		run hermes-config platforms -q
		[ "$status" -eq 78 ]
	done
}

@test "config: aliases are followed, and refused when they multiply" {
	printf 'a: &x {k: v}\nb: *x\n' >"$file"
	[ "$(hermes-config get b.k)" = v ]
	{
		echo 'a0: &a0 [x,x,x,x,x,x,x,x,x,x]'
		for i in 1 2 3 4 5 6 7 8 9; do
			printf 'a%d: &a%d [' $i $i
			for _ in 1 2 3 4 5 6 7 8 9; do printf '*a%d,' $((i - 1)); done
			echo ']'
		done
	} >"$file"
	run hermes-config check
	[ "$status" -eq 78 ]
	[[ $output == *"aliases that multiply"* ]]
}

@test "config: what is no regular file, or too large, is refused and not taken for empty" {
	mkdir "$file"
	run hermes-config check
	[ "$status" -eq 78 ]
	rmdir "$file"
	ln -s nowhere "$file"
	run hermes-config check
	[ "$status" -eq 78 ]
	rm "$file"
	mkfifo "$file"
	run timeout 60 hermes-config check
	[ "$status" -eq 78 ]
	rm "$file"
	head -c 1100000 /dev/zero | tr '\0' '#' >"$file"
	run hermes-config check
	[ "$status" -eq 78 ]
}

@test "config: .env takes export, quotes, comments and CRLF; anything else names its line" {
	printf '\n# c\nexport A=one # two\r\nB = "x \\"y\\" #z"\nC='"'"'q # r'"'"'\n' >"$dotenv"
	[ "$(hermes-config get A)" = one ]
	[ "$(hermes-config get B)" = 'x "y" #z' ]
	[ "$(hermes-config get C)" = 'q # r' ]
	local bad
	for bad in 'A=1\nnonsense s3cret\n' 'A=1\nB="s3cret\n' 'A=1\nB="x" s3cret\n' 'A=1\n2B=s3cret'; do
		printf "$bad" >"$dotenv"
		run hermes-config check
		[ "$status" -eq 78 ]
		[[ $output == *".env: line 2: "* ]]
		[[ $output != *s3cret* ]]
	done
}

@test "config: no verb prints a secret" {
	adapter fake
	printf 'platforms: {fake: {token: s3cret, proxy: "http://me:s3cret@host:1"}}\n' >"$file"
	printf 'list: [{api_key: s3cret}]\napi_key: s3cret\n' >>"$file"
	printf 'OTHER_API_KEY=s3cret\nFAKE_PIN=s3cret\n' >"$dotenv"
	for verb in list "list --json" "get FAKE_BOT_TOKEN" "get platforms.fake.token --json" check \
		"get FAKE_PIN" "get platforms" "get OTHER_API_KEY" "get FAKE_PROXY" "get list" \
		platforms; do
		run hermes-config $verb
		[ "$status" -eq 0 ]
		[[ $output != *s3cret* ]]
	done
	run hermes-config get FAKE_BOT_TOKEN
	[[ $output == set* ]]
	[[ $output == *"is a secret"* ]]
}

@test "config: list says where each setting comes from" {
	adapter fake
	printf 'agent: {model: m}\n' >"$file"
	echo 'FAKE_ROOM=r' >"$dotenv"
	FAKE_BASE_URL=u run hermes-config list --jq '[.key, .value, .from] | join(" ")'
	[ "$status" -eq 0 ]
	[[ $output == *"agent.model m config.yaml"* ]]
	[[ $output == *"FAKE_ROOM r .env"* ]]
	[[ $output == *"FAKE_BASE_URL u environment"* ]]
}

@test "config: set changes one value and no other byte" {
	printf '# top\nplatforms:\n    fake:   # here\n        room: old   # why\n\n# tail\nz: "q"\n' >"$file"
	hermes-config set platforms.fake.room 'new: one'
	hermes-config set platforms.fake.enabled false
	hermes-config set platforms.other.home_channel.chat_id -100123
	hermes-config set z plain
	diff - "$file" <<-'END'
		# top
		platforms:
		    fake:   # here
		        room: "new: one"   # why
		        enabled: false
		    other:
		      home_channel:
		        chat_id: "-100123"

		# tail
		z: "plain"
	END
	[ "$(stat -c %a "$file")" = 600 ]
}

@test "config: set makes the file, takes - for stdin, and replaces lists and nothings" {
	rm -rf "$HERMES_HOME"
	hermes-config set a.b 1
	[ "$(cat "$file")" = "$(printf 'a:\n  b: 1')" ]
	[ "$(stat -c %a "$HERMES_HOME")" = 700 ]
	printf 'two\nlines\n' | hermes-config set a.b -
	[ "$(hermes-config get a.b)" = "$(printf 'two\nlines')" ]
	printf 'l:\n- a\n- b # c\nn:\nf: {x: 1}\n' >"$file"
	hermes-config set l 1,2
	hermes-config set n.m deep
	hermes-config set f.y 2
	diff - "$file" <<-'END'
		l: ["1", "2"] # c
		n:
		  m: deep
		f: {x: 1, y: 2}
	END
}

@test "config: an edit that would change more than its value is refused and the file stays" {
	printf 'a: &x 1\nb: *x\nm: {k: v}\n' >"$file"
	cp "$file" "$BATS_TEST_TMPDIR/before"
	run hermes-config set a 2
	[ "$status" -eq 78 ]
	run hermes-config set b 2
	[ "$status" -eq 78 ]
	run hermes-config set m 2
	[ "$status" -eq 78 ]
	run hermes-config set a.b 2
	[ "$status" -eq 78 ]
	cmp "$file" "$BATS_TEST_TMPDIR/before"
	[ "$(ls -A "$HERMES_HOME")" = config.yaml ]
	printf 'a: &x {k: 1}\nb: *x\n' >"$file"
	run hermes-config set a.k 2
	[ "$status" -eq 78 ]
	[ "$(hermes-config get b.k)" = 1 ]
}

@test "config: set keeps a link and refuses to edit a broken file" {
	echo 'a: 1' >"$BATS_TEST_TMPDIR/elsewhere"
	ln -s "$BATS_TEST_TMPDIR/elsewhere" "$file"
	hermes-config set a 2
	[ -L "$file" ]
	[ "$(cat "$BATS_TEST_TMPDIR/elsewhere")" = 'a: 2' ]
	printf 'a: 1\na: 2\n' >"$file"
	run hermes-config set a 3
	[ "$status" -eq 78 ]
	[ "$(cat "$file")" = "$(printf 'a: 1\na: 2')" ]
}

@test "config: a secret comes from stdin only, and goes to .env" {
	adapter fake
	printf '# mine\nOTHER=1\nFAKE_BOT_TOKEN=old # c\nFAKE_BOT_TOKEN=older\nLAST=2' >"$dotenv"
	run hermes-config set FAKE_BOT_TOKEN s3cret
	[ "$status" -eq 64 ]
	run hermes-config set platforms.fake.token s3cret
	[ "$status" -eq 64 ]
	run hermes-config set FAKE_PIN 1234
	[ "$status" -eq 64 ]
	echo 's3 "cret' | hermes-config set platforms.fake.token
	echo 12 | hermes-config set FAKE_PIN -
	diff - "$dotenv" <<-'END'
		# mine
		OTHER=1
		FAKE_BOT_TOKEN="s3 \"cret"
		LAST=2
		FAKE_PIN=12
	END
	[ "$(stat -c %a "$dotenv")" = 600 ]
	[ ! -e "$file" ]
	run hermes-config set FAKE_BOT_TOKEN </dev/null
	[ "$status" -eq 65 ]
}

@test "config: a terminal is asked for a secret with its echo off, and gets it back" {
	adapter fake
	run /usr/bin/python3 - <<-'END'
		import os, pty, signal, termios
		signal.alarm(20)
		pid, fd = pty.fork()
		if not pid:
		    os.execlp("hermes-config", "hermes-config", "set", "FAKE_BOT_TOKEN")
		seen = b""
		while not seen.endswith(b"FAKE_BOT_TOKEN: ") or termios.tcgetattr(fd)[3] & termios.ECHO:
		    if not seen.endswith(b": "):
		        seen += os.read(fd, 1)
		os.write(fd, b"s3cret\n")
		try:
		    while True:
		        seen += os.read(fd, 100) or exit(2)
		except OSError:
		    pass
		assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
		assert b"s3cret" not in seen, seen
		assert termios.tcgetattr(fd)[3] & termios.ECHO
	END
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(cat "$dotenv")" = FAKE_BOT_TOKEN=s3cret ]
}

@test "config: set says when a layer above still decides" {
	adapter fake
	FAKE_ROOM=shell run hermes-config set platforms.fake.room x
	[ "$status" -eq 0 ]
	[[ $output == *"environment's FAKE_ROOM still decides"* ]]
	echo FAKE_ROOM=y >"$dotenv"
	run hermes-config set platforms.fake.room z
	[[ $output == *"FAKE_ROOM in .env still decides"* ]]
}

@test "config: unset removes a key, what it leaves empty, and a secret from both files" {
	adapter fake
	printf 'platforms:\n  fake:\n    token: x # c\nk: 1 # stays\nf: {a: 1, b: 2}\n' >"$file"
	printf 'FAKE_BOT_TOKEN=y\nA=1\n' >"$dotenv"
	hermes-config unset platforms.fake.token
	hermes-config unset f.a
	[ "$(cat "$file")" = "$(printf 'k: 1 # stays\nf: {b: 2}')" ]
	[ "$(cat "$dotenv")" = A=1 ]
	run hermes-config unset platforms.fake.token
	[ "$status" -eq 1 ]
}

@test "config: eight writers at once lose no setting" {
	local i
	for i in 1 2 3 4 5 6 7 8; do
		hermes-config set "key.k$i" "v$i" 3>&- &
	done
	wait
	for i in 1 2 3 4 5 6 7 8; do
		[ "$(hermes-config get "key.k$i")" = "v$i" ]
	done
}

@test "config: check warns of keys that no adapter knows, and stays 0" {
	adapter fake
	printf 'platforms:\n  fake: {room: a, tokn: b}\n  nobody: {x: 1}\n' >"$file"
	printf 'session: {identityLinks: {ada: ["fake:1"], bob: ["fake:1", nonsense]}}\n' >>"$file"
	run hermes-config check
	[ "$status" -eq 0 ]
	[[ $output == *"platforms.fake.tokn"* ]]
	[[ $output == *"platforms.nobody"* ]]
	[[ $output == *"fake:1 belongs to both"* ]]
	[[ $output != *"fake.room"* ]]
	printf 'platforms: {fake: {enabled: perhaps}}\n' >"$file"
	run hermes-config check
	[ "$status" -eq 78 ]
}

@test "config: home asks the adapter, writes the place and says who would read there" {
	adapter fake
	printf 'platforms:\n  fake:\n    home_channel: 5 # old\n    room: r\n' >"$file"
	run hermes-config home fake -100
	[ "$status" -eq 0 ]
	[[ $output == *'"names":["Ada","Bob"]'* ]]
	[ "$(hermes-config get FAKE_HOME_CHANNEL)" = -100 ]
	[ "$(hermes-config get FAKE_HOME_CHANNEL_THREAD_ID)" = 7 ]
	[ "$(hermes-config get FAKE_ROOM)" = r ]
	cp "$file" "$BATS_TEST_TMPDIR/before"
	run hermes-config home fake bad
	[ "$status" -eq 1 ]
	[[ $output == *"no such chat; name another"* ]]
	cmp "$file" "$BATS_TEST_TMPDIR/before"
}

@test "config: home says what to do when there is none, and goes on without an adapter" {
	run hermes-config home fake
	[ "$status" -eq 78 ]
	[[ $output == *"hermes config home fake ADDRESS"* ]]
	run hermes-config home fake 12
	[ "$status" -eq 0 ]
	[ "$(hermes-config get platforms.fake.home_channel.chat_id)" = 12 ]
}

@test "config: platforms names what is missing; -q prints names only" {
	adapter fake
	run hermes-config platforms --jq 'select(.id == "fake") | [.enabled, .configured, .missing[]]'
	[ "$output" = '[false,false,"FAKE_BOT_TOKEN"]' ]
	echo FAKE_BOT_TOKEN=x >"$dotenv"
	run hermes-config platforms --jq 'select(.id == "fake") | [.enabled, .configured, .missing[]]'
	[ "$output" = '[true,true]' ]
	run hermes-config platforms -q
	[[ $'\n'$output$'\n' == *$'\nfake\n'* ]]
}

@test "config: an adapter that does not end is given up, once" {
	printf '#!/bin/sh\necho >>"%s"\nexec sleep 60\n' "$BATS_TEST_TMPDIR/calls" \
		>"$BATS_TEST_TMPDIR/bin/hermes-adapter-slow"
	chmod +x "$BATS_TEST_TMPDIR/bin/hermes-adapter-slow"
	printf 'SLOW_ENABLED=1\nSLOW_A=1\nSLOW_B=1\nSLOW_C=1\nSLOW_D=1\n' >"$dotenv"
	: >"$BATS_TEST_TMPDIR/calls"
	HERMES_ADAPTER_LIMIT=1 run -0 timeout 60 hermes-config list
	# One that was given up before it could note its call did not note it.
	[ "$(wc -l <"$BATS_TEST_TMPDIR/calls")" -le 1 ]
}

@test "config: an adapter sees its own settings and no other platform's" {
	adapter fake
	adapter other
	cat >"$BATS_TEST_TMPDIR/bin/hermes-adapter-fake" <<-'END'
		#!/bin/sh
		case $1 in
		about) echo '{"protocol":1,"config":[]}' ;;
		resolve) read -r line; env >"$HERMES_HOME/seen"; echo '{"place":{"chat":"1"}}' ;;
		esac
	END
	printf 'platforms: {fake: {room: [a, b]}, gone: {x: 1}}\n' >"$file"
	printf 'FAKE_BOT_TOKEN=mine\nOTHER_BOT_TOKEN=theirs\nOPENAI_API_KEY=k\n' >"$dotenv"
	OTHER_PIN=1 GONE_TOKEN=2 UNRELATED=3 run hermes-config home fake 1
	[ "$status" -eq 0 ]
	grep -x FAKE_BOT_TOKEN=mine "$HERMES_HOME/seen"
	grep -x FAKE_ROOM=a,b "$HERMES_HOME/seen"
	grep -x UNRELATED=3 "$HERMES_HOME/seen"
	run ! grep -E '^(OTHER|GONE)_|^OPENAI' "$HERMES_HOME/seen"
}
