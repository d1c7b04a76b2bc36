#!/bin/sh
# SPDX-License-Identifier: MIT
# open-questions.sh: conversations in which the agent waits for your answer, newest first.
#
#	open-questions.sh
#	open-questions.sh | cut -f 1 | head -n 1 | hermes handoff telegram --session -
#
# A line each: the id, the title, the question.
hermes state list --jq 'select(.ended_at == null) | .id' | while read -r id; do
	hermes state messages "$id" --active --last 1 | jq -r --arg title "$(hermes state show "$id" --jq '.title // ""')" '
		select(.role == "assistant" and ((.content // "") | test("\\?[\\s*_\"`)]*$")))
		| [.session, $title, (.content | gsub("\\s+"; " ") | .[-160:])] | @tsv'
done
