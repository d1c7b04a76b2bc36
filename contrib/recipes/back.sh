#!/bin/sh
# SPDX-License-Identifier: MIT
# back.sh [HOURS]: the morning after: where your conversations are now, and what was said
# there in the last HOURS hours (16).
#
#	back.sh
#	back.sh 72
since=$(($(date +%s) - ${1:-16} * 3600))

hermes state list --jq 'select(.seat.place != null) | .id' | while read -r id; do
	said=$(hermes state messages "$id" --active --jq '
		select(.timestamp > '"$since"')
		| select((.role == "user" or .role == "assistant") and (.content // "") != "")
		| select((.platform_message_id // "") | startswith("handoff:") | not)
		| "  " + (if .role == "user" then "you:   " else "agent: " end)
			+ (.content | gsub("\\s+"; " ") | .[:200])')
	[ -n "$said" ] || continue
	hermes state show "$id" --jq '
		(.title // .id) + " (" + .seat.place.platform + ", " + (.seat.place.link // .seat.place.chat) + ")"'
	printf '%s\n\n' "$said"
done
