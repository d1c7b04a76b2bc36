#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The tests' Discord itself: a client that nobody here wrote must find it right.

load common
load discord

setup() {
	[ -d "$BATS_TEST_DIRNAME/clients/node_modules/@discordjs" ] || {
		echo "@discordjs/rest is not installed; run: npm ci --prefix tests/clients" >&2
		return 1
	}
	start_discord
}

teardown() {
	stop_all
}

@test "the tests' Discord: @discordjs/rest posts, opens threads, reads pages and is refused" {
	room channel "{\"id\":\"$FORUM\",\"flags\":16}"
	room switch '{"send_limit":5}'
	run -0 --separate-stderr node "$BATS_TEST_DIRNAME/clients/discord.mjs" \
		"http://127.0.0.1:$PORT/api" "$GENERAL" "$FORUM"
	holds ".me == \"$ME\" and .same and .thread == {same: true, type: 11, parent: \"$GENERAL\"}"
	holds '.twice == {status: 400, code: 160004, message: "A thread has already been created for this message"}'
	holds '.silent == 12 and .page == ["two", "one"] and .rest == ["three"]'
	holds '.long.code == 50035 and .empty.code == 50006 and .gone == {status: 404, code: 10003, message: "Unknown Channel"}'
	holds '.untagged.code == 40067 and .post == 11 and .limited >= 1'
	[ "$(look requests | jq '[.[] | select(.status == 429)] | length')" = 0 ]
	[ "$(copies "$GENERAL")" = 7 ]
}

@test "the tests' Discord: @discordjs/rest comes through a 429 that says how long" {
	fault '{"route":"send","fault":"status","status":429,"retry_after":0.2,"global":false,
		"headers":{"Retry-After":"1","X-RateLimit-Scope":"shared"}}'
	run -0 --separate-stderr node "$BATS_TEST_DIRNAME/clients/discord.mjs" \
		"http://127.0.0.1:$PORT/api" "$GENERAL"
	holds '.same'
	[ "$(look 'requests?route=send' | jq '.[0].status, .[1].status' | xargs)" = "429 200" ]
}
