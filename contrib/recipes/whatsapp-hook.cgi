#!/bin/sh
# SPDX-License-Identifier: MIT
# whatsapp-hook.cgi: what Meta's WhatsApp Cloud API calls, for any web server with CGI. It runs
# as the user whose HERMES_HOME it is. Meta is told 200 only when the call is on the disk;
# hermes-watch finds it there.
#
#	ln -s /usr/local/share/doc/hermes/recipes/whatsapp-hook.cgi /srv/cgi-bin/
jq -Rsc '{method: env.REQUEST_METHOD, query: env.QUERY_STRING,
	signature: env.HTTP_X_HUB_SIGNATURE_256, body: .} | with_entries(select(.value))' |
hermes-ask whatsapp hook |
jq -rse '(.[0] // {status: 500}) | "Status: \(.status)\r\nContent-Type: text/plain\r\n\r\n\(.body // "")"'
