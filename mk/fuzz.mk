# SPDX-License-Identifier: MIT
# Adapters against replies that libFuzzer makes up: each that has a corpus is linked, with its
# main renamed, to tests/fuzz/adapter.c, which takes the place of http_ask. Part of
# mk/checks.mk.

FUZZED = $(notdir $(wildcard tests/fuzz/corpus/*))
FUZZ_SECONDS ?= 60
FUZZ_CFLAGS = -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all

fuzzers:
	@$(MAKE) --no-print-directory BUILD=build-fuzz CC=clang CFLAGS='$(FUZZ_CFLAGS)' \
		$(FUZZED:%=build-fuzz/fuzz-%)

fuzz: fuzzers
	@for adapter in $(FUZZED); do \
		tests/fuzz/run "$$adapter" -max_total_time=$(FUZZ_SECONDS) || exit 1; done

# A corpus anew, from what the tests' servers say: make corpus ADAPTER=slack
corpus: all fuzzers
	@$(MAKE) --no-print-directory $(BUILD)/fuzz/hermes-adapter-$(ADAPTER)
	tests/fuzz/corpus-of $(ADAPTER)

$(BUILD)/fuzz/hermes-adapter-%: $(BUILD)/fuzz/main-%.o $(BUILD)/fuzz/record.o $(BUILD)/fuzz/http.o \
		$(BUILD)/adapters.a $(BUILD)/lib.a
	@$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(wildcard $(BUILD)/obj/adapters/$*/*.o) $^ $(LIBS)

$(BUILD)/fuzz/adapter.o $(BUILD)/fuzz/record.o: $(BUILD)/fuzz/%.o: tests/fuzz/%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/http.o: adapters/http.c
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Dhttp_ask=http_ask_really -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/main-%.o: adapters/hermes-adapter-%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Dmain=adapter_run -Wno-missing-prototypes -MMD -MP -c -o $@ $<

FUZZ_SHARED = $(BUILD)/fuzz/adapter.o $(BUILD)/fuzz/http.o \
	$(call objects,$(filter-out adapters/http.c adapters/agents/%,$(SHARED))) $(BUILD)/lib.a

define fuzzer
$(BUILD)/fuzz-$(1): $(BUILD)/fuzz/main-$(1).o $(call objects,$(wildcard adapters/$(1)/*.c)) $(FUZZ_SHARED)
	@echo "  LINK  $$@"
	@$$(CC) $$(ALL_CFLAGS) $$(LDFLAGS) -fsanitize=fuzzer -Wl,--wrap=exit -Wl,--wrap=nanosleep \
		-Wl,--wrap=clock_gettime -o $$@ $$^ $$(LIBS)
endef
$(foreach adapter,$(FUZZED),$(eval $(call fuzzer,$(adapter))))

.PHONY: fuzz fuzzers corpus
-include $(wildcard $(BUILD)/fuzz/*.d)
