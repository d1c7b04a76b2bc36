# SPDX-License-Identifier: MIT
# What proves the work: tests, sanitizers, lint. The build itself is in Makefile.

check: all sanitized fuzzers
	tests/run

# The same programs under address and undefined-behaviour sanitizers, in a folder of
# their own. What a process leaves to its end is not a leak here.
sanitized:
	@$(MAKE) --no-print-directory BUILD=build-sanitized \
		CFLAGS='-O0 -g -fsanitize=address,undefined -fno-sanitize-recover=all' all unit

demo: all
	sh contrib/demo

LINT_C = $(wildcard cmd/*.c cmd/*/*.c lib/*.c lib/store/*.c adapters/*.c adapters/*/*.c adapters/*/*/*.c)
LINT_SH = $(SCRIPTS) contrib/bootstrap contrib/demo $(wildcard contrib/recipes/*.sh contrib/adapters/*) tests/run

lint: lint-clang lint-analyzer lint-cppcheck lint-shell lint-man

lint-clang:
	@$(MAKE) --no-print-directory BUILD=build-clang CC=clang all

lint-analyzer:
	@$(MAKE) --no-print-directory BUILD=build-analyzer CFLAGS='-O1 -fanalyzer' all

lint-cppcheck:
	cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem -Ilib -Ilib/store -Iadapters -Iadapters/text -D_GNU_SOURCE \
		-DHERMES_VERSION='""' -DHERMES_EXECDIR='""' $(LINT_C)

lint-shell:
	shellcheck $(LINT_SH) tests/*.bash share/completions/hermes.bash
	shellcheck --severity=warning --shell=bats tests/*.bats

lint-man:
	mandoc -Tlint -W warning $(MAN)

.PHONY: check sanitized demo lint lint-clang lint-analyzer lint-cppcheck lint-shell lint-man

-include mk/torture.mk mk/unit.mk mk/fuzz.mk
