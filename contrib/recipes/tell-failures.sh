#!/bin/sh
# SPDX-License-Identifier: MIT
# tell-failures.sh COMMAND...: hear from hermes-watch, and call COMMAND with words for each
# handoff or message that failed.
#
#	hermes watch --events | tell-failures.sh notify-send Hermes
#	hermes watch --events | tell-failures.sh hermes send local
[ $# -gt 0 ] || { echo "usage: hermes watch --events | tell-failures.sh COMMAND..." >&2; exit 64; }
jq --unbuffered -r '
	select(.event == "settled")
	| (.handoff // .message) | select(.state == "failed")
	| "\(if .text then "a message" else "handoff \(.id)" end) on \(.platform) failed: \(.error)"
	| gsub("\\s+"; " ")' |
while IFS= read -r words; do
	"$@" "$words" </dev/null
done
