# SPDX-License-Identifier: MIT
# Small C programs that tests run: each file of tests/unit is one, linked with the library.
# They may speak sqlite3 themselves, as another program would.

UNITS = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*.c))

unit: $(UNITS)

$(UNITS): $(BUILD)/unit/%: tests/unit/%.c $(BUILD)/adapters.a $(BUILD)/lib.a
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/adapters.a $(BUILD)/lib.a $(LIBS)

.PHONY: unit
