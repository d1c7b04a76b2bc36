#!/bin/sh
# SPDX-License-Identifier: MIT
# when-done.sh PLATFORM COMMAND...: run a command; when it ends, say on the telephone how, with
# its last lines. Its status is ours.
#
#	when-done.sh telegram make check
[ $# -ge 2 ] || { echo "usage: when-done.sh PLATFORM COMMAND..." >&2; exit 64; }
platform=$1
shift
log=$(mktemp) || exit 74
trap 'rm -f "$log"' EXIT
"$@" >"$log" 2>&1
status=$?
cat "$log"
{
	[ "$status" = 0 ] && echo "done: $*" || echo "failed ($status): $*"
	tail -n 15 "$log"
} | tr -cd '[:print:]\n\t\200-\377' | hermes send "$platform" - >/dev/null ||
	echo "when-done.sh: $platform was not told" >&2
exit "$status"
