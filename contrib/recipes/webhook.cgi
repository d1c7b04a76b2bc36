#!/bin/sh
# SPDX-License-Identifier: MIT
# webhook.cgi: what people said elsewhere, posted here by any system that signs it. For a web
# server that runs CGI; HERMES_HOME and PATH must be set for it, and hermes-watch must run.
#
#	cp webhook.cgi /usr/lib/cgi-bin/; curl ... https://here.example/cgi-bin/webhook.cgi
#
# PLATFORM is webhook unless it is set to webui.
batch=$(hermes "adapter-${PLATFORM:-webhook}" verify)
case $? in
0) printf '%s\n' "$batch" | hermes inbox put "${PLATFORM:-webhook}" >/dev/null &&
	status="204 No Content" || status="503 Service Unavailable" ;;
65) status="400 Bad Request" ;;
77) status="401 Unauthorized" ;;
*) status="500 Internal Server Error" ;;
esac
printf 'Status: %s\r\n\r\n' "$status"
