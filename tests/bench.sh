#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/bench.sh [--json] [NAME ...]: measure, in the build folder, what was promised.
# `make bench` builds what it needs and runs it.
here=$(dirname "$0")
build=${HERMES_BUILD:-$here/../build}
[ -x "$build/bench/timed" ] || { echo "bench: not built; run make bench" >&2; exit 64; }
HERMES_BUILD=$(cd "$build" && pwd) PATH=$(cd "$build" && pwd):$PATH exec \
	/usr/bin/python3 "$here/bench/measure.py" "$@"
