# SPDX-License-Identifier: MIT
"""What is killed at random, and what goes on beside it. Each returns a sentence, or is Wrong."""

import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from home import Home, Wrong
from matrix import ASKED, Case, Scenario
from surfaces import Local

CLAIMERS = 8


def local_home(folder, agent="recap"):
	home = Home(folder)
	Local().configure(home, agent)
	home.ids = []
	return home


# --- eight claimers -----------------------------------------------------------------

def ask_for(home, count):
	"""So many sessions, each with a handoff that waits; made in one go, as SQL."""
	home.ids.append(home.session("Number 0"))
	db = sqlite3.connect(home.path("state.db"), timeout=20)
	with db:
		for i in range(1, count):
			id = f"{home.ids[0]}_{i}"
			db.execute("INSERT INTO sessions (id, source, title, started_at)"
				" VALUES (?, 'cli', ?, ?)", (id, f"Number {i}", time.time()))
			db.executemany("INSERT INTO messages (session_id, role, content, timestamp)"
				" VALUES (?, ?, ?, ?)", [(id, role, "said before", time.time())
				for role in ASKED[:2]])
			home.ids.append(id)
		db.execute("UPDATE sessions SET handoff_state = 'pending', handoff_platform = 'local'")
	db.close()


def living(group):
	"""The processes of a group, as they are now."""
	for entry in os.listdir("/proc"):
		if entry.isdigit():
			try:
				with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as f:
					fields = f.read().rsplit(")", 1)[1].split()
			except OSError:
				continue
			if int(fields[2]) == group and fields[0] != "Z":
				yield int(entry)


def strike(pipeline, chance):
	"""Kill the whole pipeline, or one process of it, somewhere on its way."""
	time.sleep(chance.uniform(0, 0.12))
	alive = list(living(pipeline.pid))
	if pipeline.poll() is None and alive:
		with suppress(ProcessLookupError):
			if chance.random() < 0.5:
				os.killpg(pipeline.pid, signal.SIGKILL)
			else:
				os.kill(chance.choice(alive), signal.SIGKILL)
			return 1
	return 0


def claimer(home, seed, open_rows, deadline):
	chance, kills = random.Random(seed), 0
	while open_rows() and time.monotonic() < deadline:
		null = subprocess.DEVNULL
		pipeline = subprocess.Popen(["hermes-carry"], env=home.env, cwd=home.folder,
			stdin=null, stdout=null, stderr=null, start_new_session=True)
		if chance.random() < 0.15:
			kills += strike(pipeline, chance)
		pipeline.wait()
	return kills


def claimers(folder, count, seed):
	home = local_home(folder)
	ask_for(home, count)
	began = time.monotonic()

	def open_rows():
		return home.rows("SELECT (SELECT count(*) FROM sessions WHERE handoff_state IN"
			" ('pending', 'running')) + (SELECT count(*) FROM courier_handoffs"
			" WHERE state IN ('pending', 'running'))")[0][0]

	with ThreadPoolExecutor(CLAIMERS) as pool:
		kills = sum(pool.map(lambda n: claimer(home, seed * CLAIMERS + n, open_rows,
			began + 300 + count), range(CLAIMERS)))
	scenario = Scenario(Local())
	scenario.threads, scenario.roles = count, [ASKED] * count
	if open_rows():
		raise Wrong(f"{open_rows()} are not over")
	Case(scenario, "", 0, 0, "", folder).check(home, 0, 0)
	again = home.rows("SELECT sum(fence > 1) FROM courier_handoffs")[0][0]
	home.remove()
	return (f"{count} handoffs, {CLAIMERS} claimers, {kills} kills, {again} claimed again,"
		f" {time.monotonic() - began:.1f} s: each carried once")


# --- another watcher ----------------------------------------------------------------

HANGING_AGENT = """#!/bin/sh
# Hangs for ever while the file is there.
cat >/dev/null
[ ! -e "$HERMES_HOME/hang" ] || exec sleep 600
echo '{"reply":"here I am"}'
"""


def wait_for(what, condition, seconds=120):
	deadline = time.monotonic() + seconds
	while not condition():
		if time.monotonic() > deadline:
			raise Wrong(f"not in {seconds} s: {what}")
		time.sleep(0.005)


def children_of(pid):
	"""A process and all that it started, however deep."""
	found = {pid}
	for _ in range(6):
		for entry in os.listdir("/proc"):
			try:
				with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as f:
					parent = int(f.read().rsplit(")", 1)[1].split()[1])
			except (OSError, ValueError, IndexError):
				continue
			if parent in found:
				found.add(int(entry))
	return found


def watcher(home):
	return subprocess.Popen(["hermes-watch"], env={**home.env, "HERMES_POLL": "1"},
		stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
		start_new_session=True)


def takeover(folder, patience):
	home = local_home(folder, "hanging")
	home.write("hermes-agent-hanging", HANGING_AGENT, 0o700)
	home.write("hang", "")
	home.env["PATH"] += ":" + folder
	home.ids.append(home.session())
	watchers = [watcher(home)]
	try:
		home.must("hermes-handoff", "request", "local", "--session", home.ids[0])
		wait_for("the agent speaks", lambda: home.rows(
			"SELECT 1 FROM courier_events WHERE step = 'speaking'"))
		watchers.append(watcher(home))
		time.sleep(0.5)  # it has seen that there is nothing for it
		os.remove(home.path("hang"))
		for pid in children_of(watchers[0].pid):
			with suppress(ProcessLookupError):  # an agent dies with whoever started it
				os.kill(pid, signal.SIGKILL)
		killed = time.monotonic()
		wait_for("claimed again", lambda: home.rows(
			"SELECT 1 FROM courier_handoffs WHERE fence > 1"))
		claimed = time.monotonic() - killed
		wait_for("completed", lambda: home.rows(
			"SELECT 1 FROM courier_handoffs WHERE state = 'completed'"))
		completed = time.monotonic() - killed
		Local().say(home, {"chat": "home", "thread": "h1"}, "Are you there?")
		wait_for("answered", lambda: home.rows(
			"SELECT 1 FROM courier_events WHERE text LIKE 'Are you%' AND state = 'done'"))
		answered = time.monotonic() - killed
	finally:
		for one in watchers:
			one.kill()
			one.wait()
	if claimed > patience:
		raise Wrong(f"the other watcher took it up after {claimed:.2f} s only")
	home.remove()
	return (f"a watcher killed in a turn, with all its processes: claimed again after"
		f" {claimed * 1e3:.0f} ms, completed {completed * 1e3:.0f} ms, a new message"
		f" answered {answered * 1e3:.0f} ms")


# --- somebody else's writer ----------------------------------------------------------

def foreign_commits(home, seconds):
	"""How many commits another program gets in, and the slowest, with SQLite's own patience."""
	db = sqlite3.connect(home.path("state.db"), timeout=30, isolation_level=None)
	db.execute("PRAGMA synchronous=FULL")
	until, count, slowest = time.monotonic() + seconds, 0, 0
	while (now := time.monotonic()) < until:
		db.execute("BEGIN IMMEDIATE")
		db.execute("UPDATE sessions SET model = ? WHERE id = ?", (str(count), home.ids[0]))
		db.execute("COMMIT")
		slowest = max(slowest, time.monotonic() - now)
		count += 1
	db.close()
	return count / seconds, slowest


def append_all_the_time(home, stop):
	count = 0
	while not stop.is_set():
		home.must("hermes-state", "append", home.ids[1], "words")
		count += 1
	return count


def pace(folder, seconds):
	home = local_home(folder)
	home.ids = [home.session("Theirs"), home.session("Ours")]
	alone, _ = foreign_commits(home, seconds)
	stop = threading.Event()
	with ThreadPoolExecutor(4) as pool:
		ours = [pool.submit(append_all_the_time, home, stop) for _ in range(4)]
		beside, slowest = foreign_commits(home, seconds)
		stop.set()
	count = sum(one.result() for one in ours)
	if home.rows("PRAGMA integrity_check") != [("ok",)]:
		raise Wrong("the store is damaged")
	stored = home.rows("SELECT count(*) FROM messages WHERE content = 'words'")[0][0]
	if stored != count:
		raise Wrong(f"{count} of ours were appended, {stored} are there")
	if beside < alone / 20 and beside < count / seconds:  # a machine may stand still for both
		raise Wrong(f"a foreign writer: {alone:.0f} commits/s alone, {beside:.0f} beside ours,"
			f" which have {count / seconds:.0f}")
	home.remove()
	return (f"a foreign writer has {alone:.0f} commits/s alone, {beside:.0f} beside four of ours"
		f" ({count / seconds:.0f} commits/s, a process each): {beside / alone:.2f} : 1,"
		f" its slowest {slowest * 1e3:.0f} ms")
