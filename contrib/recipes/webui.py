#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# webui.py [PORT]: a page to talk to the agent on, for one person at this machine, and an
# example of what hermes-adapter-webhook(1) wants of a receiver. It keeps nothing when it ends.
#
#	export WEBUI_SECRET="whsec_$(openssl rand -base64 24)"
#	webui.py 8765 &
#	hermes config set WEBUI_SECRET "$WEBUI_SECRET"
#	hermes config set WEBUI_URL http://127.0.0.1:8765/hook
#	hermes config set WEBUI_POLL_URL http://127.0.0.1:8765/events
#	hermes config set platforms.webui.allowed_users default
#	hermes watch & hermes handoff webui

import base64
import hashlib
import hmac
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PAGE = """<!doctype html><meta charset="utf-8"><title>Hermes</title>
<style>body{font:1em sans-serif;max-width:40em;margin:2em auto}p{white-space:pre-wrap}
.you{color:#06c}input{width:100%;font:inherit}</style>
<div id="said"></div><form><input autofocus autocomplete="off"></form>
<script>
let thread, last = 0;
const line = (who, text) => {
	const p = document.createElement("p");
	p.className = who; p.textContent = text;
	document.getElementById("said").append(p); p.scrollIntoView();
};
document.forms[0].onsubmit = (event) => {
	event.preventDefault();
	const input = document.querySelector("input");
	fetch("/say", {method: "POST", headers: {"Content-Type": "application/json"},
		body: JSON.stringify({text: input.value, thread})});
	line("you", input.value); input.value = "";
};
const listen = async () => {
	const said = await (await fetch("/messages?after=" + last)).json();
	for (const m of said) { last = m.n; thread = m.place.thread; line("agent", m.text); }
	setTimeout(listen, said.length ? 0 : 500);
};
listen();
</script>"""


class Room:
	def __init__(self, secret):
		self.key = base64.b64decode(secret.removeprefix("whsec_"))
		self.news, self.taken, self.messages, self.events = threading.Condition(), {}, [], []

	def signed(self, headers, body):
		key, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
		if not at.isdigit() or abs(time.time() - int(at)) > 300:
			return False
		right = hmac.new(self.key, f"{key}.{at}.".encode() + body, hashlib.sha256).digest()
		return hmac.compare_digest(headers.get("webhook-signature", ""),
			"v1," + base64.b64encode(right).decode())

	def take(self, key, body):
		"""A message is taken once, however often it is posted."""
		if key not in self.taken:
			answer = {}
			if body["type"] == "message":
				self.messages.append({**body, "n": len(self.messages) + 1})
			if body["type"] == "thread":
				answer = {"thread": f"t{time.time_ns()}"}
			self.taken[key] = answer
		return self.taken[key]

	def say(self, given):
		event = {"id": str(time.time_ns()), "at": time.time(), "text": given["text"],
			**({"thread": given["thread"]} if given.get("thread") else {})}
		self.events.append(event)
		return {"id": event["id"]}

	def after(self, query):
		found = lambda: [e for e in self.events if int(e["id"]) > int(query.get("after", 0))]
		self.news.wait_for(found, float(query.get("wait", 0)))
		events = found()[:int(query.get("limit", 100))]
		return {"cursor": events[-1]["id"] if events else query.get("after", "0"), "events": events}


class Handler(BaseHTTPRequestHandler):
	def log_message(self, *_):
		pass

	def reply(self, status, answer, kind="application/json"):
		body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
		self.send_response(status)
		self.send_header("Content-Type", kind)
		self.send_header("Content-Length", str(len(body)))
		self.end_headers()
		self.wfile.write(body)

	def foreign(self):
		"""Whether it was asked for by a name of another's, who lets that lead here."""
		return self.headers.get("Host") not in (f"{host}:{self.server.server_port}"
			for host in ("127.0.0.1", "localhost"))

	def do_GET(self):
		room, url = self.server.room, urlsplit(self.path)
		if self.foreign():
			return self.reply(421, {"error": "not by this name"})
		query = {k: v[0] for k, v in parse_qs(url.query).items()}
		if url.path == "/":
			return self.reply(200, PAGE, "text/html; charset=utf-8")
		if url.path == "/messages":
			return self.reply(200, [m for m in room.messages if m["n"] > int(query["after"])])
		if url.path != "/events" or not room.signed(self.headers, b""):
			return self.reply(401, {"error": "not for you"})
		with room.news:
			answer = room.after(query)
		return self.reply(200, answer)

	def do_POST(self):
		room = self.server.room
		body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
		if self.foreign():
			return self.reply(421, {"error": "not by this name"})
		# A page from elsewhere cannot post JSON here without being asked for leave first.
		if self.headers.get("Content-Type") != "application/json":
			return self.reply(415, {"error": "JSON is wanted"})
		if self.path == "/hook" and not room.signed(self.headers, body):
			return self.reply(401, {"error": "the signature is wrong"})
		with room.news:
			room.news.notify_all()
			if self.path == "/hook":
				return self.reply(200, room.take(self.headers["webhook-id"], json.loads(body)))
			if self.path == "/say":
				return self.reply(200, room.say(json.loads(body)))
		return self.reply(404, {"error": "no such address"})


if "WEBUI_SECRET" not in os.environ:
	sys.exit("webui.py: WEBUI_SECRET is not set; it is what Hermes signs with")
server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 0), Handler)
server.daemon_threads = True
server.room = Room(os.environ["WEBUI_SECRET"])
print(f"http://127.0.0.1:{server.server_port}/", flush=True)
try:
	server.serve_forever()
except KeyboardInterrupt:
	pass
