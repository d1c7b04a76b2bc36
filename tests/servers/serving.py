# SPDX-License-Identifier: MIT
#
# serving: what the tests' platforms share. A platform subclasses Peer: `route` names what
# is asked, `answer` answers it, get_NAME and post_NAME are its control room at /_/NAME.
# Here are the HTTP, a journal of what was asked, the faults that a test may order, and
# waiting for a state.

import argparse
import ctypes
import json
import os
import select
import signal
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

FAULTS = """drop_before drop_after reset_after truncate_after gateway gateway_after hang
	hang_after garbage half_json huge redirect answer answer_after""".split()
REASONS = {200: "OK", 201: "Created", 302: "Found", 400: "Bad Request", 401: "Unauthorized",
	403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
	413: "Payload Too Large", 429: "Too Many Requests", 500: "Internal Server Error",
	502: "Bad Gateway", 503: "Service Unavailable"}
PAGE = ("<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>"
	"\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n")


class Refusal(Exception):
	"""An answer that says no: a status, a JSON body, and headers."""

	def __init__(self, status, body, **headers):
		super().__init__(str(body))
		self.status, self.body, self.headers = status, body, headers


class Misuse(Exception):
	"""A test asked the control room for something that makes no sense."""


class Request:
	def __init__(self, handler, body):
		url = urlsplit(handler.path)
		self.verb, self.path, self.body = handler.command, url.path, body
		self.raw = url.path.strip("/").split("/")
		self.parts = [unquote(p) for p in self.raw]
		self.query = dict(parse_qsl(url.query, keep_blank_values=True))
		self.headers, self.gone = handler.headers, handler.gone


class Peer:
	"""A platform. State is changed under `changes`, and `changed` wakes who waits."""

	def __init__(self):
		self.changes = threading.Condition(threading.RLock())
		self.journal, self.faults, self.offset = [], [], 0.0

	def now(self):
		return time.time() + self.offset

	def changed(self):
		self.changes.notify_all()

	def wait_until(self, reached, seconds, gone=lambda: False):
		"""Under `changes`: whether it is so before the time is over."""
		deadline = time.monotonic() + seconds
		while not reached():
			left = deadline - time.monotonic()
			if left <= 0 or gone():
				return False
			self.changes.wait(min(left, 0.2))
		return True

	def route(self, request):
		raise NotImplementedError

	def answer(self, request, name):
		raise NotImplementedError

	def get_requests(self, given):
		return [e for e in self.journal
			if not given.get("name") or e["name"] == given["name"]]

	def post_fault(self, given):
		fault = {"name": "*", "times": 1, "skip": 0, **given}
		if fault.get("fault") not in FAULTS:
			raise Misuse("fault is one of " + " ".join(FAULTS))
		self.faults.append(fault)
		return self.faults

	def post_calm(self, _):
		self.faults.clear()
		return True

	def post_clock(self, given):
		self.offset += given["advance"]
		self.changed()
		return self.now()

	def get_wait(self, given):
		"""Until there were `count` requests called `name`."""
		count = int(given.get("count", 1))
		if not self.wait_until(lambda: len(self.get_requests(given)) >= count, 50):
			raise Misuse("it did not happen in time")
		return True

	def take_fault(self, name):
		for fault in self.faults:
			if fault["name"] not in ("*", name):
				continue
			if fault["skip"] > 0:
				fault["skip"] -= 1
				continue
			fault["times"] -= 1
			if fault["times"] == 0:
				self.faults.remove(fault)
			return fault
		return None


class Server(ThreadingHTTPServer):
	daemon_threads = True
	request_queue_size = 128

	def __init__(self, port, peer):
		super().__init__(("127.0.0.1", port), Handler)
		self.peer, self.to_reset = peer, set()

	def server_bind(self):
		socketserver.TCPServer.server_bind(self)

	def shutdown_request(self, request):
		if id(request) in self.to_reset:
			self.to_reset.discard(id(request))
			request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
				struct.pack("ii", 1, 0))
			request.close()
			return
		super().shutdown_request(request)

	def handle_error(self, request, client_address):
		if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):
			super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
	protocol_version = "HTTP/1.1"
	disable_nagle_algorithm = True

	def log_message(self, *_):
		pass

	def gone(self):
		"""Whether the client has hung up."""
		try:
			if not select.select([self.connection], [], [], 0)[0]:
				return False
			return self.connection.recv(1, socket.MSG_PEEK) == b""
		except OSError:
			return True

	def head(self, status, **headers):
		headers = {"Date": self.date_time_string(),
			"Connection": "close" if self.close_connection else "keep-alive", **headers}
		lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
		lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
		return ("\r\n".join(lines) + "\r\n\r\n").encode()

	def reply(self, status, body, kind="application/json", **headers):
		if not isinstance(body, bytes):
			body = b"" if body is None else json.dumps(body).encode()
		self.wfile.write(self.head(status, Content_Type=kind,
			Content_Length=len(body), **headers) + body)

	def do_GET(self):
		peer = self.server.peer
		request = Request(self, self.rfile.read(int(self.headers.get("Content-Length") or 0)))
		if request.path.startswith("/_/"):
			return self.control(peer, request)
		entry = {"name": peer.route(request), "verb": request.verb, "path": request.path,
			"query": request.query, "status": None, "fault": None,
			"body": request.body.decode("utf-8", "replace"),
			"headers": {k.lower(): v for k, v in self.headers.items()}}
		with peer.changes:
			peer.journal.append(entry)
			fault = peer.take_fault(entry["name"])
			peer.changed()
		entry["fault"] = fault and fault["fault"]
		if not fault:
			return self.process(peer, request, entry)
		done = None
		if fault["fault"].endswith("_after"):
			done = self.process(peer, request, entry, quiet=True)
		return getattr(self, "fault_" + fault["fault"])(fault, done)

	do_POST = do_PUT = do_DELETE = do_GET

	def process(self, peer, request, entry, quiet=False):
		headers = {}
		try:
			with peer.changes:
				status, body, *more = peer.answer(request, entry["name"])
				headers = more[0] if more else {}
				peer.changed()
		except Refusal as e:
			status, body, headers = e.status, e.body, e.headers
		entry["status"] = status
		if not quiet:
			self.reply(status, body, **headers)
		return status, body

	def control(self, peer, request):
		try:
			given = request.query if request.verb == "GET" else json.loads(request.body or "{}")
			name = f"{request.verb.lower()}_{request.path[3:]}"
			if not hasattr(peer, name):
				raise Misuse(f"no {name} in the control room")
			with peer.changes:
				result = getattr(peer, name)(given)
				peer.changed()
		except Refusal as e:
			self.reply(400, {"error": e.body})
		except (Misuse, ValueError, KeyError, TypeError) as e:
			self.reply(400, {"error": repr(e)})
		else:
			self.reply(200, result)

	def fault_drop_before(self, *_):
		self.close_connection = True

	fault_drop_after = fault_drop_before

	def fault_reset_after(self, *_):
		self.close_connection = True
		self.server.to_reset.add(id(self.connection))

	def fault_truncate_after(self, _, done):
		body = json.dumps(done[1]).encode()
		self.close_connection = True
		self.wfile.write(self.head(200, Content_Type="application/json",
			Content_Length=len(body)) + body[:len(body) // 2])

	def fault_gateway(self, fault, _):
		code = fault.get("status", 502)
		self.reply(code, PAGE.format(f"{code} {REASONS.get(code, '')}").encode(), "text/html")

	fault_gateway_after = fault_gateway

	def fault_answer(self, fault, _):
		self.reply(fault.get("status", 200), fault.get("body"), **fault.get("headers", {}))

	fault_answer_after = fault_answer

	def fault_hang(self, fault, *_):
		end = time.monotonic() + fault.get("seconds", 3600)
		while time.monotonic() < end and not self.gone():
			time.sleep(0.02)
		self.close_connection = True

	fault_hang_after = fault_hang

	def fault_garbage(self, *_):
		self.reply(200, b"\x00\xff this is no JSON <html>")

	def fault_half_json(self, *_):
		self.reply(200, b'{"event_id":"$abc","next_batch":"s1')

	def fault_huge(self, fault, _):
		left, block = fault.get("bytes", float("inf")), b"x" * 65536
		self.close_connection = True
		try:
			self.wfile.write(self.head(200, Content_Type="application/json") + b'{"x":"')
			while left > 0:
				self.wfile.write(block[:int(min(left, len(block)))])
				left -= len(block)
			self.wfile.write(b'"}')
		except OSError:
			pass

	def fault_redirect(self, fault, _):
		self.reply(fault.get("status", 302), b"", "text/html",
			Location="http://127.0.0.1:9/elsewhere")


def serve(make_peer, description, **options):
	"""`options`: name=default of further options, which make_peer is given."""
	p = argparse.ArgumentParser(description=description)
	p.add_argument("--port", type=int, default=0)
	p.add_argument("--tls", metavar="NAME", help="NAME.pem and NAME.key: speak TLS")
	for name, default in options.items():
		p.add_argument("--" + name, default=default)
	args = vars(p.parse_args())
	port, tls = args.pop("port"), args.pop("tls")
	for end in (signal.SIGTERM, signal.SIGINT):
		signal.signal(end, lambda *_: os._exit(0))
	pr_set_pdeathsig = 1
	ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
	server = Server(port, make_peer(**args))
	if tls:
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		context.load_cert_chain(tls + ".pem", tls + ".key")
		server.socket = context.wrap_socket(server.socket, server_side=True)
	print(json.dumps({"port": server.server_address[1]}), flush=True)
	server.serve_forever()
