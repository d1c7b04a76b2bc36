#!/bin/sh
# SPDX-License-Identifier: MIT
# redact.sh carry | answer: the pipelines, with a filter between the agent and the place.
#
#	redact.sh carry
#
# $HERMES_HOME/redact holds a regular expression a line; what matches becomes "[redacted]"
# in what is sent, and in the transcript, which keeps what was sent.
case $1 in carry | answer) ;; *) echo "usage: redact.sh carry | answer" >&2; exit 64 ;; esac
home=${HERMES_HOME:-$HOME/.hermes}
list=$home/redact
[ -r "$list" ] || { echo "redact.sh: $list: cannot be read; write a pattern a line into it" >&2; exit 66; }
umask 077
command exec 9<>"$home/runs" || exit 74

case $1 in
carry) hermes-handoff claim | hermes-handoff thread | hermes-handoff switch ;;
answer) hermes-inbox claim | hermes-route ;;
esac |
hermes-turn |
jq -c --unbuffered --rawfile list "$list" '
	if .turn.text then
		.turn.text |= reduce ($list | split("\n")[] | select(. != "")) as $word (.; gsub($word; "[redacted]"))
	else . end' |
hermes-send | hermes-settle
