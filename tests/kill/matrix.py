# SPDX-License-Identifier: MIT
"""
The kill matrix: every program of every pipeline is killed at each of its points, then the
work is run again, and then everything must be there, and be there once.

How many points a program has is not known beforehand: n = 1, 2, … until a run in which
none was reached. Where the platform keeps two copies of what is said twice, a second copy
is allowed in one case only: after the kill it had more than the store knows of.
"""

import json
import os
import time

from home import Home, LONG_AGENT, Wrong
from surfaces import MARK

ASKED = ("user", "assistant", "user", "assistant")  # what was said, the notice, the reply
ANSWERED = ASKED + ("user", "assistant")
WORDS = "Which line is dropped?"
LAST = 2000                                         # no program has so many points


class Scenario:
	"""What is prepared, what is killed, what is run until nothing is left to do."""

	threads, roles, agent = 1, [ASKED], "recap"

	def __init__(self, surface):
		self.surface = surface

	def begin(self, folder):
		home = Home(folder)
		self.surface.configure(home, self.agent)
		home.ids = [home.session()]
		self.prepare(home)
		return home

	def request(self, home):
		home.must("hermes-handoff", "request", self.surface.name, "--session", home.ids[0])

	def carried(self, home):
		"""A session that lives there already, and to which somebody has said something."""
		self.request(home)
		home.must("hermes-carry")
		status = home.must("hermes-handoff", "status", "--session", home.ids[0], "--jq", ".place")
		self.surface.say(home, json.loads(status), WORDS)

	def over(self, home):
		return not home.rows("SELECT 1 FROM courier_handoffs WHERE state IN"
			" ('pending', 'running') UNION ALL SELECT 1 FROM courier_events"
			" WHERE state IN ('queued', 'running')")

	def heard(self, home):
		return Scenario.over(self, home) and home.rows(
			"SELECT 1 FROM courier_events WHERE text = ?", WORDS)


class Carry(Scenario):
	name, first, again = "carry", ["hermes-carry"], [["hermes-carry"]]
	programs = ("hermes-carry", "hermes-handoff claim", "hermes-handoff thread",
		"hermes-handoff switch", "hermes-speak", "hermes-turn", "hermes-send",
		"hermes-settle", "hermes-adapter-PLATFORM resolve", "hermes-adapter-PLATFORM thread",
		"hermes-adapter-PLATFORM send", "hermes-agent-recap")
	prepare = Scenario.request


class Parts(Carry):
	"""A reply so long that it is sent in parts."""

	name, agent = "parts", "long"
	programs = ("hermes-turn", "hermes-send", "hermes-settle", "hermes-adapter-PLATFORM send")

	def prepare(self, home):
		home.write("hermes-agent-long", LONG_AGENT, 0o700)
		home.env["LONG_REPLY"] = str(int(self.surface.limit * 2.2))
		home.env["PATH"] += ":" + home.folder
		self.request(home)


class Answer(Scenario):
	name, first, roles = "answer", ["hermes-answer"], [ANSWERED]
	again = [["hermes-answer"]]
	programs = ("hermes-answer", "hermes-inbox claim", "hermes-route", "hermes-speak",
		"hermes-turn", "hermes-send", "hermes-settle", "hermes-adapter-PLATFORM send",
		"hermes-agent-recap")

	def prepare(self, home):
		self.carried(home)
		home.must("hermes-listen", self.surface.name, "--wait", "0")


class Listen(Scenario):
	name, roles = "listen", [ANSWERED]
	programs = ("hermes-listen", "hermes-inbox cursor", "hermes-ask",
		"hermes-adapter-PLATFORM poll", "hermes-inbox put")
	prepare = Scenario.carried

	def __init__(self, surface):
		super().__init__(surface)
		self.first = ["hermes-listen", surface.name, "--wait", "0"]
		self.again = [self.first, ["hermes-answer"]]

	over = Scenario.heard


class Ask(Scenario):
	"""The person at the shell: the same request id, so that asking again is no second wish."""

	name = "ask"
	programs = ("hermes-handoff PLATFORM", "hermes-carry")

	def __init__(self, surface):
		super().__init__(surface)
		self.first = ["sh", "-c", 'exec hermes-handoff "$0" --session "$(cat session)"'
			' --request-id r1 --timeout 60', surface.name]
		self.again = [self.first]

	def prepare(self, home):
		home.write("session", home.ids[0])

	def over(self, home):
		return super().over(home) and home.rows("SELECT 1 FROM courier_handoffs")


class Watch(Scenario):
	"""Something to hear and to answer, and something to carry."""

	name, first, again = "watch", ["hermes-watch", "--once"], [["hermes-watch", "--once"]]
	programs = ("hermes-watch", "hermes-listen", "hermes-inbox put", "hermes-settle")
	threads, roles = 2, [ANSWERED, ASKED]

	def prepare(self, home):
		self.carried(home)
		home.ids.append(home.session("Another one"))
		home.must("hermes-handoff", "request", self.surface.name, "--session", home.ids[1])

	over = Scenario.heard


SCENARIOS = (Carry, Parts, Answer, Listen, Ask, Watch)


# --- one case -----------------------------------------------------------------------

class Case:
	def __init__(self, scenario, program, at, clock, library, folder):
		self.scenario, self.program, self.at = scenario, program, at
		self.clock, self.library, self.folder = clock, library, folder
		self.surface, self.fired = scenario.surface, ""

	def name(self):
		return (f"--platform {self.surface.name} --scenario {self.scenario.name}"
			f" --program '{self.program}' --at {self.at}" +
			(f" --clock={self.clock}" if self.clock else ""))

	def run(self):
		home = self.scenario.begin(self.folder)
		self.kill(home)
		extra = self.unknown(home)
		self.finish(home)
		self.check(home, *extra)
		home.remove()

	def kill(self, home):
		tally = home.path("tally")
		with open(tally, "wb") as f:
			f.truncate(4096)
		home.run(*self.scenario.first, env={"LD_PRELOAD": self.library,
			"HERMES_KILL_PROGRAM": self.program, "HERMES_KILL_AT": str(self.at),
			"HERMES_KILL_FILE": tally})
		with open(tally, "rb") as f:
			self.fired = f.read()[8:].split(b"\0")[0].decode()

	def unknown(self, home):
		"""How many threads and messages are there that the store does not know of."""
		known = home.rows("SELECT (SELECT count(place) FROM courier_handoffs),"
			" (SELECT coalesce(sum(json_array_length(ids)), 0) FROM courier_deliveries)")[0]
		return (self.surface.threads(home) - known[0],
			len(self.surface.messages(home)) - known[1])

	def finish(self, home):
		"""Until it is over, and once more: then nothing is left to happen twice."""
		deadline = time.monotonic() + 120
		env = {"HERMES_CLOCK": str(self.clock)} if self.clock else {}
		done = False
		while not done:
			done = bool(self.scenario.over(home))
			for command in self.scenario.again:
				home.run(*command, env=env)
			if not done and time.monotonic() > deadline:
				raise Wrong("it is not over after 120 s: " + str(home.rows(
					"SELECT id, state, step, attempt, cut, holder, error"
					" FROM courier_handoffs")) + str(home.rows("SELECT id, state, step,"
					" attempt, cut, holder, error FROM courier_events")))

	def check(self, home, more_threads, more_messages):
		self.nothing_is_open(home)
		self.transcripts(home)
		if not self.surface.repeats:
			more_threads = more_messages = 0
		threads = self.surface.threads(home)
		if not self.scenario.threads <= threads <= self.scenario.threads + more_threads:
			raise Wrong(f"{threads} threads, not {self.scenario.threads}"
				f" (+{more_threads} that were in doubt)")
		self.messages(home, more_messages)
		if home.rows("PRAGMA quick_check") != [("ok",)]:
			raise Wrong("the store is damaged")

	def nothing_is_open(self, home):
		for table, end in (("handoffs", "completed"), ("events", "done"),
			("deliveries", "sent")):
			rows = home.rows(f"SELECT id, state, error FROM courier_{table}"
				f" WHERE state <> '{end}'")
			if rows:
				raise Wrong(f"{table} not {end}: {rows}")
		rows = home.rows("SELECT id, handoff_state, handoff_error FROM sessions WHERE"
			" handoff_state <> 'completed' OR handoff_error IS NOT NULL")
		if rows:
			raise Wrong(f"sessions publish: {rows}")

	def transcripts(self, home):
		for id, roles in zip(home.ids, self.scenario.roles):
			found = tuple(r for r, in home.rows("SELECT role FROM messages"
				" WHERE session_id = ? ORDER BY id", id))
			if found != roles:
				raise Wrong(f"the transcript is {found}, not {roles}")
		others = home.rows("SELECT count(*) FROM sessions")[0][0] - len(home.ids)
		if others:
			raise Wrong(f"{others} sessions that nobody asked for")

	def messages(self, home, doubtful):
		found = self.surface.messages(home)
		marked = [m for m in found if m.startswith(MARK)]
		plain = [m for m in found if not m.startswith(MARK)]
		texts = {m.split("\n", 1)[1] for m in marked} | set(plain)
		wanted = home.rows("SELECT coalesce(sum(parts), 0) FROM courier_deliveries")[0][0]
		if len(texts) != wanted:
			raise Wrong(f"{len(texts)} different texts there, not {wanted}: {found}")
		if len(plain) != len(set(plain)):
			raise Wrong(f"a text is there twice and not marked: {found}")
		if len(found) > wanted + doubtful:
			raise Wrong(f"{len(found)} texts there, not {wanted}"
				f" (+{doubtful} that were in doubt): {found}")


# --- all of them --------------------------------------------------------------------

def enumerate_points(scenario, program, options, folder, report):
	"""Every point of one program; how many kills there were. A run that does not get there is
	not believed the first time: how often a program reads, and waits, is not always the same."""
	at, missed, killed = options.at or options.first, 0, 0
	while at < LAST:
		case = Case(scenario, program.replace("PLATFORM", scenario.surface.name), at,
			options.clock, options.library, os.path.join(folder, f"{at}.{missed}"))
		try:
			case.run()
		except Wrong as wrong:
			report(case, str(wrong))
		missed = 0 if case.fired else missed + 1
		killed += bool(case.fired)
		if options.at or missed == 2:
			return killed
		at += 0 if missed else options.stride
	raise Wrong(f"{program}: has more than {LAST} points")
