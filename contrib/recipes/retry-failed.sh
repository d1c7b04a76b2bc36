#!/bin/sh
# SPDX-License-Identifier: MIT
# retry-failed.sh: ask again for every handoff that failed, once each: those whose session was
# handed on since, or that were asked for again already, are left alone.
#
#	retry-failed.sh && hermes watch --once
hermes handoff list | jq -rs '
	group_by(.session)[] | max_by(.id | tonumber) | select(.state == "failed") | .id' |
while read -r id; do
	hermes handoff retry "$id" --jq '"handoff " + .retry_of + " again, as " + .id + ", to " + .platform'
done
