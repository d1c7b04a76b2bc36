# SPDX-License-Identifier: MIT
"""
The two surfaces of the kill matrix: what is there after all, as a human would see it.

A surface has a name, `repeats` (does it keep two copies of a send that was said twice?),
and for a home: configure, say, messages (the bot's texts, oldest first), threads.
"""

import glob
import json
import os
import subprocess
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MARK = "[sent again"


class Local:
	name, repeats, limit = "local", False, 65536

	def configure(self, home, agent):
		home.write("config.yaml", "platforms: {local: {enabled: true}}\n"
			f"agent: {{use: {agent}}}\n")

	def say(self, home, place, text):
		home.must("hermes-adapter-local", "say", f"{place['chat']}/{place['thread']}", text)

	def messages(self, home):
		try:
			with open(home.path("local/home/messages"), encoding="utf-8") as f:
				lines = f.read().split("\n")
		except FileNotFoundError:
			return []
		# The last line may be half a one: the adapter was killed, and knows how to go on.
		said = [json.loads(line) for line in lines[:-1] if line.startswith("{")
			and line.endswith("}")]
		return [m["text"] for m in said if m["bot"]]

	def threads(self, home):
		return len(glob.glob(home.path("local/home/threads/*.json")))

	def close(self):
		pass


class Telegram:
	name, repeats, limit = "telegram", True, 4096
	TOKEN = "9001:SECRET"

	def __init__(self):
		self.server = subprocess.Popen([ROOT + "/tests/servers/telegram",
			"--token", self.TOKEN], stdout=subprocess.PIPE, text=True)
		self.url = f"http://127.0.0.1:{json.loads(self.server.stdout.readline())['port']}"
		self.last = 1000
		self.ask("/_/me", {"has_topics_enabled": True})

	def ask(self, path, given=None):
		data = None if given is None else json.dumps(given).encode()
		request = urllib.request.Request(self.url + path, data,
			{"Content-Type": "application/json"})
		with urllib.request.urlopen(request, timeout=20) as answer:
			return json.load(answer)

	def configure(self, home, agent):
		"""Each home has a chat of its own, and nothing of others' is left to be heard."""
		self.last += 1
		home.chat = self.last
		self.ask("/_/chat", {"id": home.chat, "type": "private", "topics": True})
		self.ask(f"/bot{self.TOKEN}/getUpdates",
			{"offset": self.ask("/_/updates")["next"], "timeout": 0})
		self.ask("/_/forget", {})
		home.env["TELEGRAM_BOT_TOKEN"] = self.TOKEN
		home.write("config.yaml", "platforms: {telegram: {enabled: true, "
			f"base_url: '{self.url}', home_channel: {{chat_id: '{home.chat}'}}, "
			f"allowed_users: ['{home.chat}']}}}}\nagent: {{use: {agent}}}\n")

	def say(self, home, place, text):
		self.ask("/_/say", {"chat": home.chat, "text": text,
			"thread": int(place["thread"])})

	def messages(self, home):
		return [m["text"] for m in self.ask(f"/_/messages?chat={home.chat}")
			if m["from"]["is_bot"]]

	def threads(self, home):
		return len(self.ask(f"/_/topics?chat={home.chat}"))

	def close(self):
		self.server.terminate()
		self.server.wait()


SURFACES = {"local": Local, "telegram": Telegram}
