#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Agents' text on its way to a platform: Markdown rendered, cut and written, seen through
# tests/unit/message with made-up platforms. Backquotes are Markdown:
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0
load common

setup_file() {
	UNIT=${HERMES_BUILD:-$ROOT/build}
	make -s -C "$ROOT" BUILD="$UNIT" "$UNIT/unit/message" >&2
}

# cut PYTHON [OPTION...]: the parts of what the expression makes, as JSON in $output.
cut() {
	/usr/bin/python3 -c "import sys; sys.stdout.write($1)" >"$BATS_TEST_TMPDIR/text"
	run -0 "${HERMES_BUILD:-$ROOT/build}/unit/message" "${@:2}" <"$BATS_TEST_TMPDIR/text"
}

# parts FILTER: the written parts satisfy a jq filter.
parts() {
	jq -e "map(.written) | ($1)" >/dev/null <<<"$output" ||
		{ echo "not $1: ${output:0:2000}" >&2; return 1; }
}

# shows MARKDOWN WRITTEN [OPTION...]: one part is written just so.
shows() {
	local written
	written=$(printf '%s' "$1" | "${HERMES_BUILD:-$ROOT/build}/unit/message" "${@:3}" | jq -r '.[].written')
	[ "$written" = "$2" ] || { diff <(echo "$2") <(echo "$written") >&2; return 1; }
}

# --- what Markdown looks like

@test "emphasis, strikes, code and links are spans, one in another" {
	shows 'a **b *c*** ~~d~~ `e*f*` [g](https://h/i) _j_ k_l_m 2*3*4' \
		'a [b]b [i]c[/i][/b] [s]d[/s] [c]e*f*[/c] [a https://h/i]g[/a] [i]j[/i] k_l_m 2[i]3[/i]4'
	shows '***both*** **[bold link](http://x.y)**' \
		'[i][b]both[/b][/i] [b][a http://x.y]bold link[/a][/b]'
	shows '**bold **in** bold** about ~5~ minutes, ~6' '[b]bold in bold[/b] about ~5~ minutes, ~6'
}

@test "line breaks and blank lines stay where the author put them" {
	shows $'one\ntwo  \nthree\\\nfour\n\n\n\nfive' $'one\ntwo\nthree\nfour\n\nfive'
	shows $'# Head\ntext\n\n## **Next** one\n\ntext\n\nSetext\n======' \
		$'[b]Head[/b]\ntext\n\n[b]Next one[/b]\n\ntext\n\n[b]Setext[/b]'
	shows $'above\n\n---\nbelow' $'above\n\n———\nbelow'
}

@test "lists keep their bullets, numbers, boxes and levels" {
	shows $'- a\n- b\n  more\n  - c\n    - d\n\n      para\n* e' \
		$'• a\n• b\n  more\n  • c\n    • d\n\n      para\n• e'
	shows $'3. a\n4. b\n   1) c\n   2) d\n5. e' $'3. a\n4. b\n  1) c\n  2) d\n5. e'
	shows $'- [ ] to do\n- [x] done\n- [link](http://x.y)' $'☐ to do\n☑ done\n• [a http://x.y]link[/a]'
	shows $'- ```sh\n  ls\n  ```\n- > q' $'• \n[p sh]ls[/p]\n• \n[q]q[/q]'
}

@test "quotes hold what stands in them, and are one level deep" {
	shows $'> said `c`\n> more\n>\n> ```py\n> x\n> ```\n> > deep\n\nafter' \
		$'[q]said [c]c[/c]\nmore\n\n[p py]x[/p]\ndeep[/q]\n\nafter'
}

@test "code is as it was typed, with its language if it is one" {
	shows $'```c++\nint a;\n\n    **b** <c> &amp;\n```' $'[p c++]int a;\n\n    **b** <c> &amp;[/p]'
	shows $'```{.x y}\na\n```\n~~~\nb\n~~~\n\n    c\n\n```\n\n```' $'[p]a[/p]\n[p]b[/p]\n\n[p]c[/p]'
	shows $'```a"b\nx\n```' '[p]x[/p]'
	shows '``a `b` c``' '[c]a `b` c[/c]'
}

@test "a table is a block with aligned columns, whatever the width of its letters" {
	shows $'| a | b | c |\n|---|:-:|--:|\n| long cell | **x** | `1` |\n| 漢字 | 👍🏽 | é |\n| | | z |' \
		$'[p]a          b   c\n─────────  ──  ─\nlong cell  x   1\n漢字       👍🏽  é\n               z[/p]'
}

@test "a wide table, or one with links, is told row by row" {
	shows $'| Name | Link |\n|---|---|\n| **a** | [x](http://e.x/) |\n| b | |\n| c | no<br>w |' \
		$'[b]Name[/b]: [b]a[/b]\n[b]Link[/b]: [a http://e.x/]x[/a]\n\n[b]Name[/b]: b\n\n[b]Name[/b]: c\n[b]Link[/b]: no w'
	cut '"|A|B|\n|-|-|\n|" + "word " * 9 + "|" + "more " * 9 + "|\n"'
	parts '.[0] | startswith("[b]A[/b]: word word") and contains("\n[b]B[/b]: more")'
}

@test "a link leads where it says, and only to where a reader wants to go" {
	shows '[a](javascript:alert) [b](DATA:text/html,x) [c](src/c.c) [d](vbscript:x)' 'a b c (src/c.c) d'
	shows '<https://a.b> <m@a.b> [t](tg://user?id=1) [m](mailto:a@b)' \
		'[a https://a.b]https://a.b[/a] [a mailto:m@a.b]m@a.b[/a] [a tg://user?id=1]t[/a] [a mailto:a@b]m[/a]'
	shows '[x](<http://a/b c">) ![img](http://i/j.png) [![](http://i)](http://j)' \
		'[a http://a/b%20c%22]x[/a] [a http://i/j.png]img[/a] [a http://j]http://j[/a]'
	shows $'[x](http://a&#10;b) [y](<http://a\\\\b`c"d>) [z](http://a/\u202egpj)' \
		'[a http://a%20b]x[/a] [a http://a%5Cb%60c%22d]y[/a] [a http://a/gpj]z[/a]'
	shows $'[y](HTTPS://b) [z](//c.d) [w](file:///etc) [u](java&#115;cript:x) [t](<\x01javascript:x>)' \
		'[a HTTPS://b]y[/a] z (//c.d) w (file:///etc) u t (%20javascript:x)'
	shows $'[r] [r][s]\n\n[r]: http://x.y "title"\n[s]: http://z' '[a http://x.y]r[/a] [a http://z]r[/a]'
}

@test "a URL among words is a link, without the signs that end a sentence" {
	shows 'See https://x.y/a_b_c(d)?e=1&f#g. (http://h), xhttp://no http:// https://i/*' \
		'See [a https://x.y/a_b_c(d)?e=1&f#g]https://x.y/a_b_c(d)?e=1&f#g[/a]. ([a http://h]http://h[/a]), xhttp://no http:// [a https://i/]https://i/[/a]*'
	shows '`http://c` [http://l](http://m)' '[c]http://c[/c] [a http://m]http://l[/a]'
	shows '[http://a](http://b)**c** (http://d(e)f)' \
		'[a http://b]http://a[/a][b]c[/b] ([a http://d(e)f]http://d(e)f[/a])'
}

@test "no sign of a URL is a mark, wherever it stands" {
	shows 'http://x/__a__.py, http://x/b*c*d ~~http://x/~~e~~f~~' \
		'[a http://x/__a__.py]http://x/__a__.py[/a], [a http://x/b*c*d]http://x/b*c*d[/a] [s][a http://x/~~e~~f]http://x/~~e~~f[/a][/s]'
	shows '<http://x/_a_/> [b](http://x/_b_/) [c](<http://x/_c_ d>) ![](http://x/_e_/)' \
		'[a http://x/_a_/]http://x/_a_/[/a] [a http://x/_b_/]b[/a] [a http://x/_c_%20d]c[/a] [a http://x/_e_/]http://x/_e_/[/a]'
	shows $'`http://x/_a_/` <b c="http://x/_d_/">\n```e\nhttp://x/_f_/\n```' \
		$'[c]http://x/_a_/[/c] \\<b c="http://x/_d_/"\\>\n[p e]http://x/_f_/[/p]'
	shows '**http://x/a**, **見http://x**。*http://x/b*' \
		'[b][a http://x/a]http://x/a[/a][/b], [b]見[a http://x]http://x[/a][/b]。[i][a http://x/b]http://x/b[/a][/i]'
	shows $'|a|\n|-|\n|http://x/_b_/|' $'[p]a\n─────────────\nhttp://x/_b_/[/p]'
}

@test "a link's definition that nothing refers to is shown" {
	shows $'see argv[0]: `argv[1]`\n\n[1]: <http://x/_a_/> "title"\n[2]: c.c' \
		$'see argv\\[0\\]: [c]argv[1][/c]\n\n\\[1\\]: [a http://x/_a_/]http://x/_a_/[/a] "title"\n\\[2\\]: c.c'
	shows $'- [INFO]: done\n  1. [warn]: late\n> [INFO]: more' \
		$'• \\[INFO\\]: done\n  1. \\[warn\\]: late\n[q]\\[INFO\\]: more[/q]'
	shows $'[a][b] c\n\n[B]: http://x/_y_/\n[d]:\n  http://z\n[b]: http://w' \
		$'[a http://x/_y_/]a[/a] c\n\n\\[d\\]:\n[a http://z]http://z[/a]\n\\[b\\]: [a http://w]http://w[/a]'
	cut '"See [it][1].\n\n" + "word " * 8000 + "\n\n[1]: http://x.y\n"' limit=100000
	parts '.[0] | startswith("See \\[it\\]\\[1\\].") and endswith("\\[1\\]: [a http://x.y]http://x.y[/a]")'
}

@test "HTML is as it was typed, but for line breaks; entities are what they mean" {
	shows $'a <b>c</b> <br/>d &lt;e&gt; &amp;amp;\n\n<div>\n**f**\n</div>' \
		$'a \\<b\\>c\\</b\\> \nd \\<e\\> &amp;\n\n\\<div\\>\n**f**\n\\</div\\>'
}

@test "control characters and turned writing do not get through, right-to-left words do" {
	shows $'a\x01b\x1b[31m \u202ec\u202c שלום *עולם* مرحبا' 'a b \[31m c שלום [i]עולם[/i] مرحبا'
}

@test "plain text is only escaped" {
	shows $'  **a** [b]\n\n\n- c\t `d`' $'  **a** \\[b\\]\n\n\n- c\t `d`' plain
}

@test "a table's row with more cells than the head loses none" {
	shows $'|a|b|\n|-|:-:|\n|c|d|e|f|\n|`g | h`|i\\|j\nk\n\n|l|m|n|' \
		$'[p]a   b\n──  ──────\nc   d|e|f\n`g  h`|i|j\nk[/p]\n\n|l|m|n|'
	shows $'> a|b\n> -|-\n> c|d|e' $'\n[q][p]a  b\n─  ───\nc  d|e[/p][/q]'
	shows $'```\na|b\n-|-\nc|d|e\n```' $'[p]a|b\n-|-\nc|d|e[/p]'
}

# --- how platforms write it

@test "markup by lines closes at a line's end, and quotes begin each line" {
	shows $'**a\nb** c\n\n> *d\n> e*\n>\n> ```py\n> f\n>\n> g\n> ```\n\n[h](http://i) http://j/k_l' \
		$'*a*\n*b* c\n\n> _d_\n> _e_\n> \n> ```py\n> f\n> \n> g\n> ```\n\n<http://i|h> <http://j/k_l>' write=lines
}

@test "where blocks are lines of their own, no line break stands beside them" {
	shows $'a\nb\n\n> c\n> d\n\ne\n```x\nf\n\ng\n```\nh' \
		$'a<br>b<blockquote>c<br>d</blockquote>e<pre class=x>f\n\ng</pre>h' write=html
}

@test "a platform without links is told the URL" {
	shows '**[a](http://b) c** http://d' 'a (http://b) c http://d' write=words
	shows '**[a](http://b) c** http://d' '[b]a (http://b) c[/b] http://d' spelled
}

# --- cutting

@test "a cut comes after a paragraph, else a line, else a word" {
	cut '"a" * 2500 + "\n\n" + "b" * 700 + "\n" + "c d " * 600' keyed
	parts 'length == 2 and (.[0] | test("^a+$")) and (.[1] | startswith("bbb"))'
	cut '"a b " * 600 + "\n" + "c" * 1000 + " " + "d" * 3000' keyed
	parts '(.[0] | endswith("b")) and (.[1] | startswith("ccc"))'
	cut '"a" * 3000 + " " + "b" * 3000' keyed
	parts 'length == 2 and (.[0] | test("^a+$")) and (.[1] | test("^b+$"))'
}

@test "a part is at least half full, though a word be cut for it" {
	cut '"a\n\n" + "b" * 6000' keyed
	parts 'length == 2 and (.[0] | length) > 4000'
}

@test "units are counted as the platform does, and no character is cut" {
	cut '"\U0001f600" * 5000' keyed
	parts 'length == 3 and (map(length) | add) == 5000 and .[0] == ("\ud83d\ude00" * 2048)'
	cut '"\U0001f600" * 5000' keyed unit=points
	parts 'length == 2 and (.[0] | length) == 4096'
	cut '"\U0001f600" * 5000' keyed unit=bytes
	parts 'length == 5 and (.[0] | length) == 1024'
}

@test "what belongs to a character stays with it" {
	cut '"x" + "\U0001f44d\U0001f3fd" * 1500' keyed
	parts 'length == 2 and (.[1] | startswith("\ud83d\udc4d"))'
	cut '("e" + "\u0301" * 2) * 2000' keyed
	parts 'length == 2 and (.[1] | startswith("e"))'
	cut '"\U0001f468\u200d\U0001f469\u200d\U0001f467" * 30' keyed limit=60
	parts 'length > 3 and all(startswith("\ud83d\udc68") and endswith("\ud83d\udc67"))'
	cut '"x" + "\U0001f1e9\U0001f1ea" * 60' keyed limit=64
	parts 'length > 3 and all(endswith("\ud83c\udde9\ud83c\uddea"))'
}

@test "escapes and tags count where the platform counts them" {
	cut '"[" * 3000 + " **" + "b" * 3000 + "**"' keyed
	parts 'length == 3 and all(length <= 4096) and (add | gsub("\\[/?b\\]|[ \\\\]"; "")) == "[" * 3000 + "b" * 3000'
	cut '"[" * 3000 + " **" + "b" * 1000 + "**"' keyed entities
	parts 'length == 1'
}

@test "code that is cut is closed, and opened again with its language and indentation" {
	cut '"intro\n\n```python\n" + "    line = 1\n" * 700 + "```\nafter"' keyed
	parts 'length == 3 and (.[0] | startswith("intro\n\n[p python]    line"))
		and all(.[:2][]; endswith("line = 1[/p]")) and all(.[1:][]; startswith("[p python]    line"))
		and (.[2] | endswith("[/p]\nafter")) and ([.[] | scan("line = 1")] | length) == 700'
	cut '"```\n" + "x" * 3950 + "\n```\n" + "y" * 2000' keyed
	parts 'length == 2 and (.[0] | test("^\\[p\\]x+\\[/p\\]$")) and (.[1] | test("^y+$"))'
	cut '"word " * 500 + "\n```\n" + "line\n" * 500 + "```\n"' keyed
	parts 'length == 2 and (.[0] | endswith("word")) and (.[1] | startswith("[p]line"))'
}

@test "code that is cut loses no line, be it blank; words keep their indentation" {
	local limit code
	code=$(printf 'ab\n\n\n%.0s' {1..60} | jq -Rs 'rtrimstr("\n\n\n")')
	for limit in {60..66}; do
		cut '"```\n" + "ab\n\n\n" * 60 + "```\n"' keyed "limit=$limit"
		parts "length > 2 and (map(ltrimstr(\"[p]\") | rtrimstr(\"[/p]\")) | join(\"\n\")) == $code"
	done
	cut '"- a\n" + "  - b c d\n" * 1000' keyed
	parts 'length == 3 and all(.[1:][]; startswith("  • b c d\n"))'
}

@test "bold, quotes and links that are cut go on in the next part" {
	cut '"> **[" + "word " * 1500 + "](http://x.y)**"' keyed
	parts 'length == 2 and all(startswith("[q][b][a http://x.y]word") and test("word ?\\[/a\\]\\[/b\\]\\[/q\\]$"))'
}

@test "a URL that is too long for its message is told, not hidden" {
	cut '"[a](http://x/" + "y" * 6000 + ") b"' keyed
	parts 'length == 2 and (.[0] | startswith("a (http")) and (.[1] | endswith(") b"))'
	cut '"[a](http://x/" + "y" * 6000 + ") b"' keyed entities
	[ "$(jq -c '[.[].spans[0][1]]' <<<"$output")" = '["a"]' ]
}

@test "no message has more spans than the platform heeds" {
	cut '"**b** `c` d " * 300' keyed entities spans=100
	[ "$(jq -c 'map(.spans | length)' <<<"$output")" = '[100,100,100,100,100,100]' ]
}

@test "the cut is the same with the mark of a second try, for which there is room" {
	cut '"[word] " * 3000'
	first=$output
	cut '"[word] " * 3000' again
	parts 'all(startswith("\\[sent again") and length <= 4096)'
	[ "$(jq -c 'map(.written | sub("^[^\n]*\n"; ""))' <<<"$output")" = "$(jq -c 'map(.written)' <<<"$first")" ]
	cut '"**word**"' again
	[ "$(jq -c '.[0].spans' <<<"$output")" = '[["bold","word"]]' ]
	cut '"**word**"' again keyed
	parts '. == ["[b]word[/b]"]'
}

@test "what shows nothing has no part; blanks without end are none of their own" {
	for text in '' ' ' $'\n\t\n' $'\u200b'; do
		run -0 "${HERMES_BUILD:-$ROOT/build}/unit/message" <<<"$text"
		[ "$output" = '[]' ]
	done
	cut '"\n" * 6000 + "text" + " " * 6000 + "end"' plain
	parts '. == ["text", "end"]'
	cut '"```\na\n" + "\n" * 9000 + "b\n```"'
	parts 'length == 2'
	shows '[a]: http://b' '\[a\]: [a http://b]http://b[/a]'
}

# --- whatever the text

@test "every part fits, and no word is lost or out of order, whatever the text" {
	run -0 "${HERMES_BUILD:-$ROOT/build}/unit/message" fuzz "$RANDOM" 1500
}

@test "a text of many sections is one text: fences, lists and long lines go on" {
	cut '"```c\n" + "int line;\n" * 9000 + "```\n"' limit=200000
	[ "$(jq -c '[.[0].spans[] | [.[0], .[2]]]' <<<"$output")" = '[["block","c"]]' ]
	parts '.[0] == "[p c]" + ([range(9000) | "int line;"] | join("\n")) + "[/p]"'
	cut '"word **bold** " * 9000' limit=1000000
	parts '.[0] == ([range(9000) | "word [b]bold[/b]"] | join(" "))'
	cut '"".join("%d. item\n" % i for i in range(1, 9001))' limit=1000000
	parts '.[0] == ([range(1; 9001) | "\(.). item"] | join("\n"))'
	cut '"para\n\n" * 20000' limit=1000000
	parts '.[0] == ([range(20000) | "para"] | join("\n\n"))'
}

@test "what nobody meant stands as it was typed: hundreds of levels, tables of signs" {
	cut '">" * 250 + " **a**"' plain
	local typed=$output
	cut '">" * 250 + " **a**"'
	[ "$output" = "$typed" ]
	cut '"|a" * 40 + "\n" + "|-" * 40 + "\n" + "|b" * 40'
	parts '.[0] | startswith("|a|a")'
	cut '"|a" * 30 + "\n" + "|-" * 30 + "\n" + "b\n" * 2000'
	parts '.[0] | startswith("|a|a")'
}

# within SECONDS PYTHON [OPTION...]: a part of that text takes no more of the processor.
within() {
	/usr/bin/python3 -c "import sys; sys.stdout.write($2)" >"$BATS_TEST_TMPDIR/text"
	(ulimit -t "$1" && "${HERMES_BUILD:-$ROOT/build}/unit/message" part=3 "${@:3}") \
		<"$BATS_TEST_TMPDIR/text" >/dev/null || { echo "not in $1 s: $2"; return 1; }
}

@test "ten megabytes are cut at once, and nobody's text takes long" {
	[[ ${HERMES_BUILD:-} != *sanitized ]] || skip "a matter of time"
	within 10 '"Some **bold** words, `code` and a [link](http://x.y/z).\n\n" * 200000'
	within 10 '"```c\n" + "int line;\n" * 1000000 + "```\n"' entities
	local text
	for text in '"["' '"![["' '"[a]("' '"_a"' '"**a "' '"`x"' '"<!a"' '"> " * 99 + "a\n"' '"- " * 99 + "a\n"' \
		'">" * 5000' '"- " * 5000' '"  " * 5000 + "-\n"' '"|" * 500 + "\n" + "|-" * 500 + "\n" + "a\n" * 20000' \
		'"|a" * 30 + "\n" + "|-" * 30 + "\n" + "a\n" * 9000' '"~~a "' '"&"' '"\n"' '"a" * 100000' \
		'"> - " * 40 + "a\n" + "\n" * 30000' '"[a]: b\n"' '"http://"' '"a@b.c "' '"((http://x"'; do
		within 5 "($text) * (1000000 // len($text))"
	done
}
