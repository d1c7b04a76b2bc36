# SPDX-License-Identifier: MIT
# What proves the work: tests, lint, benchmarks. The build itself is in Makefile.

check: all
	tests/run

demo: all
	sh contrib/demo

.PHONY: check demo
