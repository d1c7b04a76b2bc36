# SPDX-License-Identifier: MIT
# What takes minutes: kills at every point, and measurements. Part of mk/checks.mk.

BENCH = $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))

$(BUILD)/bench/%: tests/bench/%.c $(BUILD)/lib.a
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/lib.a $(LIBS)

torture: all
	HERMES_BUILD=$(BUILD) tests/torture

bench: all $(BENCH)
	HERMES_BUILD=$(BUILD) tests/bench.sh

.PHONY: torture bench
