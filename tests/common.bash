# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What every test file loads: the programs under test first on PATH, a home of its own
# for each test, and waiting for a state with a deadline. Nothing here sleeps and hopes.

bats_require_minimum_version 1.5.0

ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
export ROOT
export PATH="${HERMES_BUILD:-$ROOT/build}:$PATH"
export HERMES_HOME="$BATS_TEST_TMPDIR/home"
export HERMES_BACKOFF="${HERMES_BACKOFF:-0.05,0.05,0.05,0.05}" HERMES_WAIT=0.05
unset HERMES_SESSION XDG_RUNTIME_DIR

# The Python that Debian's packages are for.
PYTHON=/usr/bin/python3
export PYTHON

# A moment, in a shell of its own, as the pipe is a process that would be $! from then on.
pause() (
	read -rt 0.02 <> <(:) || :
)

# wait_until SECONDS COMMAND...: run the command until it succeeds. They are seconds of a
# machine with nothing else to do; what comes later is late, and not wrong.
wait_until() {
	local end=$((SECONDS + 6 * $1 + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS >= end)); then
			echo "still not so: $*" >&2
			return 1
		fi
		pause
	done
}

# never SECONDS COMMAND...: for so long the command does not succeed.
never() {
	local end=$((SECONDS + $1 + 1))
	shift
	while ((SECONDS < end)); do
		if "$@" >/dev/null 2>&1; then
			echo "it is so: $*" >&2
			return 1
		fi
		pause
	done
}

# configure TEXT: the whole configuration file.
configure() {
	(umask 077 && mkdir -p "$HERMES_HOME" && printf '%s\n' "$1" >"$HERMES_HOME/config.yaml")
}

# new_session [TITLE]: prints the id of a session in which something was said.
new_session() {
	local id
	id=$(hermes-state new --title "${1:-Fix the parser}" --jq .id) || return
	hermes-state append "$id" "please fix the parser" >/dev/null || return
	hermes-state append "$id" --role assistant "Done. Shall I commit it?" >/dev/null || return
	printf '%s\n' "$id"
}

# at_home: a private room that $ME owns, a session $S worth carrying there, and `fault`, the
# platform with trouble on order. The file says by `settings AGENT` what is configured.
# shellcheck disable=SC2034 # for the tests
at_home() {
	STORE=$HERMES_HOME/state.db
	ME=$(id -un)
	PATH="$BATS_TEST_DIRNAME/adapters:$PATH"
	settings 'use: recap'
	hermes-adapter-local room home --member "$ME" -q >/dev/null
	S=$(new_session "Fix the parser")
}

# stops_waiting: $S is asked to go to local, and the asker's time is over while that runs; what
# a busy machine had not begun by then was withdrawn, and is asked for again, with more time.
# shellcheck disable=SC2154 # run sets status
stops_waiting() {
	local seconds state=cancelled
	for seconds in 1 4 16 64; do
		[ "$state" = cancelled ] || break
		run -75 --separate-stderr hermes-handoff local --session "$S" --timeout "$seconds" </dev/null
		state=$(hermes-handoff status --session "$S" --jq .state)
	done
}

# words SESSION: "role: content" lines of a session.
words() {
	hermes-state messages "$1" --jq '.role + ": " + (.content // "")'
}

# sql STATEMENT: what another program, which knows nothing of us, does to the store.
sql() {
	sqlite3 -cmd '.timeout 5000' "$HERMES_HOME/state.db" "$1"
}

# start COMMAND...: in the background, ended in stop_all; its output goes to files.
start() {
	STARTED=$((STARTED + 1))
	"$@" >"$BATS_TEST_TMPDIR/out.$STARTED" 2>"$BATS_TEST_TMPDIR/err.$STARTED" 3>&- &
	STARTED_PIDS+=("$!")
}
STARTED=0
STARTED_PIDS=()

# An agent that outlived a test that failed, and waits for "go", would hold bats' own pipes.
stop_all() {
	local pid
	: >"$BATS_TEST_TMPDIR/go"
	for pid in "${STARTED_PIDS[@]}"; do
		kill "$pid" 2>/dev/null || :
	done
	for pid in "${STARTED_PIDS[@]}"; do
		wait "$pid" 2>/dev/null || :
	done
	STARTED_PIDS=()
}
