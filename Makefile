# SPDX-License-Identifier: MIT
# Adding a program is adding a file: cmd/hermes-*, an adapter, an
# agent. Everything is built into one folder, so PATH=$PWD/build is a whole
# installation.

PREFIX ?= /usr/local
BINDIR = $(PREFIX)/bin
EXECDIR = $(PREFIX)/libexec/hermes
MANDIR = $(PREFIX)/share/man
DOCDIR = $(PREFIX)/share/doc/hermes
BUILD ?= build
VERSION := $(shell cat VERSION)

CC ?= cc
PKGS = sqlite3 libcurl yaml-0.1 libcmark-gfm libcrypto
WARN = -Wall -Wextra -Wpedantic -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wvla -Wwrite-strings
CFLAGS ?= -O2 -g
CPPFLAGS += -D_GNU_SOURCE -Ilib -Ilib/store -Iadapters -Iadapters/text \
	-DHERMES_VERSION='"$(VERSION)"' -DHERMES_EXECDIR='"$(EXECDIR)"' $(shell pkg-config --cflags $(PKGS))
ALL_CFLAGS = -std=c11 $(WARN) -fstack-protector-strong $(CFLAGS)
LDFLAGS += -Wl,--as-needed
LIBS = $(shell pkg-config --libs $(PKGS)) -ljq -lm

LIB = $(wildcard lib/*.c lib/store/*.c)
SHARED = $(filter-out $(wildcard adapters/hermes-* adapters/agents/hermes-*), \
	$(wildcard adapters/*.c adapters/text/*.c adapters/agents/*.c))
MAINS = $(wildcard cmd/*.c adapters/hermes-adapter-*.c adapters/agents/hermes-agent-*.c)
SCRIPTS = $(filter-out %.c %.h,$(wildcard cmd/hermes-* adapters/hermes-adapter-* adapters/agents/hermes-agent-*))

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
PROGRAMS = $(addprefix $(BUILD)/,$(basename $(notdir $(MAINS))) $(notdir $(SCRIPTS)))
TOOLS = $(filter-out hermes-adapter-% hermes-agent-%,$(notdir $(PROGRAMS)))
MAN = $(wildcard docs/man/*.[1-8])

# An adapter under a second name serves a second platform.
LINKS = $(BUILD)/hermes-adapter-webui

all: $(PROGRAMS) $(LINKS)

$(BUILD)/hermes-adapter-webui: $(BUILD)/hermes-adapter-webhook
	@ln -sf $(<F) $@

$(BUILD)/obj/%.o: %.c VERSION
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/lib.a: $(call objects,$(LIB))
	@rm -f $@
	@$(AR) rcs $@ $^

$(BUILD)/adapters.a: $(call objects,$(SHARED))
	@rm -f $@
	@$(AR) rcs $@ $^

# A program that is more than one file has the others in a folder of its name: cmd/handoff/,
# adapters/telegram/.
folder = $(patsubst agent-%,%,$(patsubst adapter-%,%,$(patsubst hermes-%.c,%,$(notdir $(1)))))
parts = $(call objects,$(1) $(wildcard $(dir $(1))$(call folder,$(1))/*.c))

define program
$(BUILD)/$(basename $(notdir $(1))): $(call parts,$(1)) $(BUILD)/adapters.a $(BUILD)/lib.a
	@echo "  LINK  $$@"
	@$$(CC) $$(ALL_CFLAGS) $$(LDFLAGS) -o $$@ $(call parts,$(1)) $(BUILD)/adapters.a \
		$(BUILD)/lib.a $$(LIBS)
endef
$(foreach main,$(MAINS),$(eval $(call program,$(main))))

define script
$(BUILD)/$(notdir $(1)): $(1)
	@mkdir -p $$(@D)
	@install -m 755 $$< $$@
endef
$(foreach file,$(SCRIPTS),$(eval $(call script,$(file))))

include mk/checks.mk

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(EXECDIR) $(DESTDIR)$(MANDIR)/man1 \
		$(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man7 $(DESTDIR)$(DOCDIR)
	install -m 755 $(PROGRAMS) $(DESTDIR)$(EXECDIR)
	cp -P $(LINKS) $(DESTDIR)$(EXECDIR)
	for tool in $(TOOLS); do \
		ln -sf ../libexec/hermes/$$tool $(DESTDIR)$(BINDIR)/$$tool || exit 1; done
	for page in $(MAN); do \
		install -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/ || exit 1; done
	install -D -m 644 share/completions/hermes.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/hermes
	for tool in $(filter-out hermes,$(TOOLS)); do \
		ln -sf hermes $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$tool || exit 1; done
	install -D -m 644 share/completions/_hermes \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_hermes
	install -D -m 644 share/completions/hermes.fish \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/hermes.fish
	for tool in $(filter-out hermes,$(TOOLS)); do \
		ln -sf hermes.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$tool.fish || exit 1; done
	sed 's|@BINDIR@|$(BINDIR)|g' contrib/systemd/hermes-watch.service >$(BUILD)/hermes-watch.service
	sed 's|@BINDIR@|$(BINDIR)|g' contrib/systemd/hermes-watch-once.service \
		>$(BUILD)/hermes-watch-once.service
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/user
	install -m 644 $(BUILD)/hermes-watch.service $(BUILD)/hermes-watch-once.service \
		contrib/systemd/hermes-watch-once.timer $(DESTDIR)$(PREFIX)/lib/systemd/user
	install -m 644 README.md LICENSE $(DESTDIR)$(DOCDIR)
	cp -R contrib/adapters contrib/recipes contrib/cron contrib/launchd $(DESTDIR)$(DOCDIR)

uninstall:
	rm -rf $(DESTDIR)$(EXECDIR) $(DESTDIR)$(DOCDIR)
	for tool in $(TOOLS); do rm -f $(DESTDIR)$(BINDIR)/$$tool; done
	for page in $(notdir $(MAN)); do rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$$page; done
	for tool in $(TOOLS); do \
		rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$tool \
			$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$tool.fish; done
	rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/hermes \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_hermes \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/hermes.fish
	for unit in hermes-watch.service hermes-watch-once.service hermes-watch-once.timer; do \
		rm -f $(DESTDIR)$(PREFIX)/lib/systemd/user/$$unit; done

clean:
	rm -rf $(BUILD) build-*

.PHONY: all install uninstall clean
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
