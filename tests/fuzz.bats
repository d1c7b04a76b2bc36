#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Every adapter in C that speaks HTTP, fuzzed on what a platform replies: its whole corpus,
# and a few seconds of what libFuzzer makes of it. make fuzz takes longer.

load common

setup_file() {
	make -C "$BATS_TEST_DIRNAME/.." --no-print-directory fuzzers >&2
}

corpora() {
	(cd "$ROOT/tests/fuzz/corpus" && printf '%s\n' *)
}

# speaks_http ADAPTER: whether its sources include the header of requests, or of calls.
speaks_http() {
	grep -qsE '#include "(api|http)\.h"' "$ROOT/adapters/hermes-adapter-$1.c" \
		"$ROOT/adapters/$1"/*.[ch]
}

@test "every adapter that speaks HTTP has a corpus" {
	local file name missing=''
	for file in "$ROOT"/adapters/hermes-adapter-*.c; do
		name=${file##*/hermes-adapter-} name=${name%.c}
		if speaks_http "$name"; then
			[ -f "$ROOT/tests/fuzz/corpus/$name/settings" ] || missing+=" $name"
			[ "$(find "$ROOT/tests/fuzz/corpus/$name" -type f 2>/dev/null | wc -l)" -gt 5 ] ||
				missing+=" $name"
		fi
	done
	[ -z "$missing" ] || { echo "none:$missing; write settings, and: make corpus ADAPTER=…"; false; }
}

@test "no reply ends or breaks an adapter" {
	local adapter failed=0
	for adapter in $(corpora); do
		echo "$adapter"
		"$ROOT/tests/fuzz/run" "$adapter" -seed=1 -max_total_time=3 || failed=1
	done
	[ "$failed" -eq 0 ]
}

@test "every verb of an adapter is in its corpus" {
	local adapter verb
	for adapter in $(corpora); do
		for verb in $("hermes-adapter-$adapter" about | jq -r '.verbs - (.verbs - ["check","resolve","thread","send","poll"]) | .[]') say; do
			grep -aqs "^$verb {" "$ROOT/tests/fuzz/corpus/$adapter"/* ||
				{ echo "$adapter: $verb"; false; }
		done
	done
}

@test "an adapter that ends is noticed" {
	local seed
	seed=$(grep -l '^send ' "$ROOT"/tests/fuzz/corpus/telegram/* | head -n 1)
	run env -i "$ROOT/build-fuzz/fuzz-telegram" "$seed"
	[ "$status" -ne 0 ]
	[[ $output == *"the adapter ended with status 78"* ]]
}
