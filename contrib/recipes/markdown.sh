#!/bin/sh
# SPDX-License-Identifier: MIT
# markdown.sh SESSION: a conversation as Markdown.
#
#	markdown.sh "Fix the parser" >parser.md
[ $# = 1 ] || { echo "usage: markdown.sh SESSION" >&2; exit 64; }
# shellcheck disable=SC2016 # the back quotes are Markdown's
hermes state show "$1" --jq '
	"# " + (.title // .id) + "\n\n"
	+ "Begun " + (.started_at | todate) + (if .cwd then " in `" + .cwd + "`" else "" end) + ".\n"' &&
hermes state messages "$1" --active --jq '
	if (.platform_message_id // "") | startswith("handoff:") then "---\n\n*" + .content + "*\n"
	elif .role == "user" then "**You:** " + .content + "\n"
	elif .role == "assistant" and (.content // "") != "" then .content + "\n"
	elif .role == "tool" then "<details><summary>" + (.tool_name // "tool") + "</summary>\n\n```\n"
		+ (.content // "") + "\n```\n</details>\n"
	else empty end'
