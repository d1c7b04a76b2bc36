#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Cutting a text into parts, seen through the adapter of a platform that counts UTF-16
# units: what Telegram holds afterwards is looked at. Backquotes are Markdown:
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2089,SC2090

bats_require_minimum_version 1.5.0
load common
load telegram

setup() {
	start_telegram
	TEXT=$BATS_TEST_TMPDIR/text
	room chat "{\"id\":$ANN}"
}

teardown() {
	stop_servers
}

# cut PYTHON: sends what the expression makes, part by part; sets PARTS to the texts that
# Telegram has then. The text itself is left in $TEXT.
cut() {
	local part=0
	/usr/bin/python3 -c "import sys; sys.stdout.write($1)" >"$TEXT"
	output='{"parts":1}'
	while ((part++ < $(jq .parts <<<"$output"))); do
		ask send "$(jq -nc --rawfile text "$TEXT" --argjson place "$(place "$ANN")" \
			--argjson part $part ${AGAIN:+--argjson again "$AGAIN"} \
			'{$place, $text, $part} + ($ARGS.named | {again} | with_entries(select(.value)))')"
		holds '.outcome == "sent"'
	done
	PARTS=$(look "messages?chat=$ANN" | jq -c '[.[].text]')
}

# parts FILTER: PARTS satisfies a jq filter.
parts() {
	jq -en --argjson parts "$PARTS" "\$parts | ($1)" >/dev/null ||
		{ echo "not $1: $PARTS" | cut -c 1-2000 >&2; return 1; }
}

@test "what fits is one part, byte for byte" {
	cut '"  one\n\ntwo\t ```x"'
	parts '. == ["one\n\ntwo\t ```x"]' # Telegram itself trims
	[ "$(look 'requests?method=sendMessage' | jq -r '.[0].params.text')" = $'  one\n\ntwo\t ```x' ]
}

@test "a cut comes after a paragraph, else a line, else a word" {
	cut '"a" * 2500 + "\n\n" + "b" * 700 + "\n" + "c d " * 600'
	parts 'length == 2 and (.[0] | test("^a+$")) and (.[1] | startswith("bbb"))'
	room chat '{"id":66}'
	ANN=66
	cut '"a b " * 600 + "\n" + "c" * 1000 + " " + "d" * 3000'
	parts '(.[0] | endswith("b")) and (.[1] | startswith("ccc"))'
	room chat '{"id":67}'
	ANN=67
	cut '"a" * 3000 + " " + "b" * 3000'
	parts 'length == 2 and (.[0] | test("^a+$")) and (.[1] | test("^b+$"))'
}

@test "a part is at least half full, though a word be cut for it" {
	cut '"a\n\n" + "b" * 6000'
	parts 'length == 2 and (.[0] | length) > 4000'
}

@test "nothing is lost or said twice, whatever the text" {
	cut '"".join(chr(0x61 + (i * i) % 26) * (i % 40) + ("\n" if i % 7 == 0 else " ") for i in range(900))'
	parts 'length > 3 and all(length <= 4096)'
	[ "$(jq -r '.[]' <<<"$PARTS" | tr -d ' \n')" = "$(tr -d ' \n' <"$TEXT")" ]
}

@test "UTF-16 units are counted, and no character is cut" {
	cut '"\U0001f600" * 5000'
	parts 'length == 3 and (map(length) | add) == 5000 and all(length <= 2048) and all(test("^(\ud83d\ude00)+$"))'
}

@test "what belongs to a character stays with it" {
	cut '"x" + "\U0001f44d\U0001f3fd" * 1500'
	parts 'length == 2 and (.[1] | startswith("\ud83d\udc4d"))'
	room chat '{"id":66}'
	ANN=66
	cut '("e" + "\u0301" * 2) * 2000'
	parts 'length == 2 and (.[1] | startswith("e"))'
}

@test "a code block is closed at a cut and opened again, its indentation kept" {
	cut '"intro\n\n```python\n" + "    line = 1\n" * 500 + "```\nafter"'
	parts 'length == 2 and (.[0] | endswith("line = 1\n```")) and (.[1] | startswith("```python\n    line"))'
	parts '(.[1] | endswith("\n```\nafter")) and ([.[] | scan("line = 1")] | length) == 500'
	parts 'all(length <= 4096)'
}

@test "a block that ends at the cut is not opened again" {
	cut '"```\n" + "x" * 3950 + "\n" + "```\n" + "y" * 2000'
	parts 'length == 2 and (.[0] | test("^```\nx+\n```$")) and (.[1] | test("^y+$"))'
}

@test "a longer fence ends at its own like only; inline code is no fence" {
	cut '"````\n" + "```\n" * 1200 + "````\n"'
	parts 'length == 2 and all(startswith("````\n") and endswith("\n````"))'
	room chat '{"id":66}'
	ANN=66
	cut '"```inline``` text\n" + "word " * 1500'
	parts '(.[0] | endswith("word")) and (.[1] | startswith("word"))'
}

@test "the cut is the same with the mark of a second try" {
	cut '"word " * 3000'
	first=$PARTS
	room chat '{"id":66}'
	ANN=66 AGAIN='{"since":1}'
	cut '"word " * 3000'
	parts 'all(startswith("[sent again") and length <= 4096)'
	[ "$(jq -c 'map(sub("^[^\n]*\n"; ""))' <<<"$PARTS")" = "$first" ]
}

@test "blanks without end are no part of their own" {
	cut '"\n" * 6000 + "text" + " " * 6000 + "end"'
	parts '. == ["text", "end"]'
}
