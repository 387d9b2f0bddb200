# sluice: `make help` lists the targets.

# == SETTINGS: change these on the command line, e.g. `make PREFIX=$HOME/.local` ==
PREFIX  = /usr/local
CC      = gcc
CFLAGS  = -O2 -g
LDFLAGS =
BUILD   = build
V       = 0        # 1 shows the commands
# == END OF SETTINGS: no need to change anything below this line ==

Q = $(if $(filter 1,$(V)),,@)
VERSION  := 0.1.0
PACKAGES  = lua5.4
LATER     = libcurl yaml-0.1 sqlite3 libmicrohttpd zlib libdeflate libcrypto libedit # opened when they are first used: runtime/base/library.h
DEBIAN    = gcc make pkg-config git ca-certificates libc6-dev lua5.4 liblua5.4-dev libcurl4-openssl-dev libyaml-dev \
            libsqlite3-dev libmicrohttpd-dev zlib1g-dev libdeflate-dev libssl-dev libedit-dev lua-argparse lua-cjson lua-filesystem lua-check
DEBIAN_TEST = lua-busted nginx-light openssl curl faketime python3 python3-jsonschema tmux tzdata mandoc groff-base
DEBIAN_LINT = cppcheck lua-check
DEBIAN_BROWSER = chromium nodejs npm

WARN = -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror
DEFS = -D_GNU_SOURCE -DSLUICE_VERSION='"$(VERSION)"' -Iruntime -I.

RUNTIME  := $(sort $(wildcard runtime/*/*.c))
BINDINGS := $(sort $(wildcard bindings/*.c))
STDLIB   := $(sort $(shell find stdlib -name '*.lua' 2>/dev/null)) $(sort $(wildcard bindings/*.lua)) \
            $(sort $(wildcard stdlib/*/*.css stdlib/*/*.js stdlib/*/*.svg stdlib/new/*.in stdlib/completion/sluice.*)) \
            $(sort $(wildcard docs/*.md))
APIS     := $(sort $(wildcard stdlib/api/*.lua))
SUPPORT  := $(sort $(wildcard tests/support/*.c))
OBJECTS   = $(RUNTIME:%.c=$(BUILD)/%.o) $(BINDINGS:%.c=$(BUILD)/%.o) $(BUILD)/embed.o
MAN       = sluice.1 sluice.yaml.5 sluice-lua.7
TOOLS     = $(SUPPORT:tests/support/%.c=$(BUILD)/tests/%) $(BUILD)/tests/fuzz_validate

INSTALLED = bin/ share/man/man1/ share/man/man5/ share/man/man7/ share/bash-completion/completions/ share/zsh/site-functions/ \
            share/fish/vendor_completions.d/

PKG_CFLAGS = $(shell pkg-config --cflags $(PACKAGES) $(LATER) 2>/dev/null)
PKG_LIBS   = $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)

.DEFAULT_GOAL := all
.PHONY: all help deps deps-test deps-lint demo docs man test check check-hard check-asan check-gc lint lint-c lint-lua lint-rules \
        bench memory clocks crash fuzz screenshots test-browser torture install uninstall clean

## build build/sluice (the default goal; safe with -j)
all: $(BUILD)/sluice

# A first `make` on a fresh machine installs what is missing; later ones only look at a stamp.
$(BUILD)/deps.stamp: Makefile
	@mkdir -p $(BUILD)
	@sh tests/support/deps.sh $(DEBIAN)
	@touch $@

$(BUILD)/%.o: %.c Makefile | $(BUILD)/deps.stamp
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(WARN) $(DEFS) $(PKG_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# The stdlib becomes arrays of bytes; the chunk name is the file's path, so tracebacks name real files.
$(BUILD)/embed.c: $(STDLIB) stdlib/embed.sh | $(BUILD)/deps.stamp
	@mkdir -p $(@D)
	@echo "  EMBED stdlib"
	$(Q)sh stdlib/embed.sh $(STDLIB) > $@.tmp && mv $@.tmp $@

$(BUILD)/embed.o: $(BUILD)/embed.c
	$(Q)$(CC) -std=c11 -Iruntime -I. -O0 -c $< -o $@

$(BUILD)/sluice: $(OBJECTS)
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(OBJECTS) -Wl,-E -o $@ $(PKG_LIBS) -ldl -lm -lpthread

$(BUILD)/tests/%: tests/support/%.c | $(BUILD)/deps.stamp
	@mkdir -p $(@D)
	$(Q)$(CC) $(WARN) $(DEFS) $(PKG_CFLAGS) $(CFLAGS) $< -o $@ $(PKG_LIBS)

$(BUILD)/tests/fuzz_validate: tests/fuzz/validate.c $(OBJECTS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(WARN) $(DEFS) $(PKG_CFLAGS) $(CFLAGS) $< $(filter-out $(BUILD)/bindings/main.o,$(OBJECTS)) -Wl,-E -o $@ $(PKG_LIBS) -ldl -lm -lpthread

-include $(OBJECTS:.o=.d)

## install the Debian packages that building needs (sudo only when not root)
deps: ; @sh tests/support/deps.sh $(DEBIAN)
deps-test: ; @sh tests/support/deps.sh $(DEBIAN_TEST)
deps-lint: ; @sh tests/support/deps.sh $(DEBIAN_LINT)

## run the main job three times against the built-in sandbox and show what happened
demo: all ; @$(BUILD)/sluice run examples/demo.lua sluice=$(BUILD)/sluice

## write docs/reference (a page for each API, made from its definition), docs/sluice.schema.json, and the man pages (build/man)
docs: $(APIS:stdlib/api/%.lua=docs/reference/%.md) docs/sluice.schema.json man
docs/sluice.schema.json: all
	@cd / && "$(CURDIR)/$(BUILD)/sluice" check --schema > "$(CURDIR)/$@.tmp" && mv "$(CURDIR)/$@.tmp" "$(CURDIR)/$@"
docs/reference/%.md: all
	@mkdir -p $(@D)
	@$(BUILD)/sluice api reference $* > $@.tmp && mv $@.tmp $@

# Man pages are made from the commands' options, the config's schema and the modules' annotations, and so not kept in the tree.
man: $(MAN:%=$(BUILD)/man/%)
$(BUILD)/man/%: $(BUILD)/sluice
	@mkdir -p $(@D)
	@$(BUILD)/sluice help --man $* > $@.tmp && mv $@.tmp $@

## run all specs
test: all deps-test $(TOOLS) ; @sh tests/support/parts.sh $(BUILD)/sluice
check: test

# `make test-http` runs the specs whose names contain "http".
test-%: all deps-test $(TOOLS) ; @$(BUILD)/sluice test $(shell find tests -name '*$**_spec.lua')

# Node is looked for as a program: it may have come another way than as Debian's package.
tests/browser/node_modules/.package-lock.json: tests/browser/package-lock.json
	@command -v chromium >/dev/null && command -v node >/dev/null && command -v npm >/dev/null || sh tests/support/deps.sh $(DEBIAN_BROWSER)
	@cd tests/browser && npm ci --silent --ignore-scripts --no-audit --no-fund

## click and read the page of a real `sluice serve` in Chromium
test-browser: all tests/browser/node_modules/.package-lock.json
	@SLUICE_BUILD=$(BUILD) node --test --test-reporter=spec tests/browser/page.test.mjs

## write docs/images: the page of a daemon at work
screenshots: all tests/browser/node_modules/.package-lock.json
	@SLUICE_BUILD=$(BUILD) SLUICE_SHOTS=1 node tests/browser/screenshots.mjs

## run all specs under ASan and UBSan, and again with an aggressive garbage collector
check-hard: check-asan check-gc
check-asan: deps-test
	@$(MAKE) --no-print-directory -j2 BUILD=build-asan CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined" all $(TOOLS:$(BUILD)/%=build-asan/%)
	@SLUICE_BUILD=build-asan ASAN_OPTIONS=detect_leaks=0 sh tests/support/parts.sh build-asan/sluice
check-gc: all deps-test $(TOOLS) ; @SLUICE_TEST_GC=1 sh tests/support/parts.sh $(BUILD)/sluice

## check style and the direction of the layers: cppcheck, luacheck, greps
lint: lint-rules lint-c lint-lua
lint-rules: ; @sh tests/support/rules.sh
lint-c: deps-lint
	@cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	  --suppress=missingIncludeSystem -D__GNUC__=12 -D_GNU_SOURCE -DSLUICE_VERSION='""' -Iruntime -I. runtime bindings
lint-lua: deps-lint ; @luacheck --quiet stdlib scripts examples tests bindings

## measure speed and memory beside the peers that are installed; prints one table
bench: all $(TOOLS) ; @sh tests/bench/run.sh $(BUILD)/sluice

## 10 GB through a filter and a million products through a feed: what stays in memory (SIZE=0.01: a hundredth of that)
memory: SIZE = 1
memory: all $(TOOLS) ; @SIZE=$(SIZE) sh tests/bench/run.sh $(BUILD)/sluice memory

## kill -9 the main jobs at every step and at many seeded times (the long form of the crash specs)
crash: all deps-test ; @SLUICE_CRASH_LONG=1 $(BUILD)/sluice test tests/scripts/crash_spec.lua tests/scripts/post_orders_spec.lua \
	  tests/scripts/create_veeqo_products_spec.lua tests/scripts/mirror_orders_spec.lua tests/scripts/push_products_spec.lua

## let everything happen to the scheduler: kills, stops, clock steps (SECONDS=120 SEED=1)
torture: SECONDS = 120
torture: SEED = 1
torture: all deps-test ; @SLUICE_TORTURE_SECONDS=$(SECONDS) SLUICE_TORTURE_SEED=$(SEED) $(BUILD)/sluice test tests/stdlib/serve/torture_spec.lua

## damaged records against all that judges JSON, then edits of records against tables (SECONDS=60 of each, SEED=1)
fuzz: SECONDS = 60
fuzz: SEED = 1
fuzz: all $(BUILD)/tests/fuzz_validate
	@$(BUILD)/tests/fuzz_validate $(SECONDS) $(SEED)
	@$(BUILD)/sluice run tests/fuzz/edits_run.lua seconds=$(SECONDS) seed=$(SEED)

## compare due times around every clock change of many zones with Python's zoneinfo (the long form of the clocks spec, minutes)
clocks: all deps-test ; @SLUICE_CLOCKS_LONG=1 $(BUILD)/sluice test tests/bindings/cron_clocks_spec.lua

## install the binary, man pages and completions to PREFIX (default /usr/local)
install: all man
	install -d $(INSTALLED:%/=$(DESTDIR)$(PREFIX)/%)
	install -m 755 $(BUILD)/sluice $(DESTDIR)$(PREFIX)/bin/sluice
	for page in $(MAN); do install -m 644 $(BUILD)/man/$$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$$page; done
	install -m 644 stdlib/completion/sluice.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/sluice
	install -m 644 stdlib/completion/sluice.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_sluice
	install -m 644 stdlib/completion/sluice.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/sluice.fish

## remove what install put there
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/sluice $(foreach p,$(MAN),$(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $p))/$p) \
	  $(DESTDIR)$(PREFIX)/share/bash-completion/completions/sluice $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_sluice \
	  $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/sluice.fish

## remove everything that was built
clean: ; rm -rf build build-asan

## list the targets
help:
	@awk '/^## /{doc=substr($$0,4)} /^[a-z-]+:/{if(doc){split($$0,t,":"); printf "  make %-12s %s\n", t[1], doc; doc=""}}' Makefile
