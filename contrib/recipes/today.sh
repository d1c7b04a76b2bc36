#!/bin/sh
# SPDX-License-Identifier: MIT
# today.sh [DAY]: a digest of what was asked on a day (today), conversation by conversation.
#
#	today.sh
#	today.sh yesterday | hermes send telegram -
from=$(date -d "${1:-today} 00:00" +%s) && to=$(date -d "${1:-today} 00:00 +1 day" +%s) || exit 64

hermes state export | jq -nr --argjson from "$from" --argjson to "$to" '
	foreach inputs as $line ({};
		if $line.session then {title: ($line.session.title // $line.id)}
		else .asked = ($line.message | select(.role == "user" and .timestamp >= $from and .timestamp < $to)
			| select((.platform_message_id // "") | startswith("handoff:") | not).content) // null end;
		select(.asked) | "\(.title): \(.asked | gsub("\\s+"; " ") | .[:160])")'
