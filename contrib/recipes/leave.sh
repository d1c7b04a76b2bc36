#!/bin/sh
# SPDX-License-Identifier: MIT
# leave.sh PLATFORM: hand every conversation that is still open at the desk to the telephone.
#
#	leave.sh telegram
#
# Open is what began at the command line, has something in it, has not ended, and sits
# nowhere else yet. Says a line for each; 1 when one could not go.
[ $# = 1 ] || { echo "usage: leave.sh PLATFORM" >&2; exit 64; }
failed=0
sessions=$(hermes state list --source cli --jq '
	select(.ended_at == null and .message_count > 0 and .seat.place == null) | .id') || exit

for id in $sessions; do
	title=$(hermes state show "$id" --jq '.title // .id')
	if where=$(hermes handoff "$1" --session "$id" --jq '.place.link // .place.chat'); then
		echo "$title: $where"
	else
		echo "$title: stays here"
		failed=1
	fi
done
exit "$failed"
