# SPDX-License-Identifier: MIT
"""A HERMES_HOME of its own, the programs run in it, and what its store holds."""

import json
import os
import shutil
import sqlite3
import subprocess

TIME = 180  # seconds that anything here may take at most

# The agent of the test of long replies: some text that is cut into several parts.
LONG_AGENT = """#!/bin/sh
# Speaks numbered words, more than two parts of them.
cat >/dev/null
printf '{"reply":"%s"}\\n' "$(seq -s ' ' -f 'word-%06g' $((LONG_REPLY / 12)))"
"""


class Home:
	def __init__(self, folder, template=None):
		self.folder = folder
		if template:
			shutil.copytree(template, folder)
		else:
			os.makedirs(folder, 0o700)
		self.env = {k: v for k, v in os.environ.items() if not k.startswith(
			("HERMES_", "LOCAL_", "TELEGRAM_"))}
		self.env.update(HERMES_HOME=folder, HERMES_WAIT="0.05", USER="ada", LOGNAME="ada",
			HERMES_BACKOFF="0.05,0.05,0.05,0.05", HERMES_GRACE="5")

	def path(self, name):
		return os.path.join(self.folder, name)

	def write(self, name, text, mode=0o600):
		with open(self.path(name), "w", encoding="utf-8",
			opener=lambda p, f: os.open(p, f, mode)) as f:
			f.write(text)

	def run(self, *argv, env=None, stdin=None):
		"""Until every process that it started has ended, too: they share its stderr."""
		process = subprocess.Popen(argv, env={**self.env, **(env or {})}, text=True,
			stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
			stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder)
		try:
			out, err = process.communicate(stdin, timeout=TIME)
		except subprocess.TimeoutExpired:
			process.kill()
			raise Wrong(f"{' '.join(argv)}: did not end within {TIME} s") from None
		return process.returncode, out, err

	def must(self, *argv, **more):
		status, out, err = self.run(*argv, **more)
		if status:
			raise Wrong(f"{' '.join(argv)}: exit {status}: {err}")
		return out

	def session(self, title="Fix the parser"):
		"""The id of a session in which something was said."""
		id = json.loads(self.must("hermes-state", "new", "--title", title))["id"]
		self.must("hermes-state", "append", id, "please fix the parser")
		self.must("hermes-state", "append", id, "--role", "assistant", "Shall I commit it?")
		return id

	def rows(self, sql, *values):
		"""Read-only: the look must not tidy up after a kill."""
		db = sqlite3.connect(f"file:{self.path('state.db')}?mode=ro", uri=True, timeout=10)
		try:
			return db.execute(sql, values).fetchall()
		finally:
			db.close()

	def remove(self):
		shutil.rmtree(self.folder, ignore_errors=True)


class Wrong(Exception):
	"""What is not as it must be, in words."""
