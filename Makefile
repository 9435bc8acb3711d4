# Tensorwarden. `make help` lists the targets; V=1 shows commands; all outputs go under build/.
O ?= build
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
SAY = @printf '  %-6s %s\n'
ARCH := $(subst x86_64,x86,$(subst aarch64,arm64,$(shell uname -m)))
CXX := $(if $(shell command -v ccache),ccache )g++
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
VERSION := 0.1.0

# What each folder of agent/ may include, and so link, besides itself. tests/lint/includes.py checks it.
FOLDERS := base event artifact traffic host enrich rules detect alert sink capture sensor evidence pipeline config daemon author \
           cli helpers
DEPS_base     :=
DEPS_event    := base
DEPS_artifact := base
DEPS_traffic  := event base
DEPS_host     := artifact traffic event base
DEPS_enrich   := host $(DEPS_host)
DEPS_rules    := enrich $(DEPS_enrich)
DEPS_detect   := enrich $(DEPS_enrich)
DEPS_alert    := rules $(DEPS_rules)
DEPS_sink     := alert $(DEPS_alert)
DEPS_capture  := event base
DEPS_sensor   := event base
DEPS_evidence := sensor event base
DEPS_helpers  := evidence capture event base
DEPS_pipeline := traffic event base
DEPS_config   := sink alert rules detect capture sensor pipeline $(DEPS_rules)
DEPS_daemon   := config evidence $(DEPS_config)
DEPS_author   := daemon $(DEPS_daemon)
DEPS_cli      := author daemon config artifact rules $(DEPS_daemon)

PKGS := absl_status absl_statusor absl_flat_hash_map absl_strings absl_time fmt spdlog libzstd libxxhash libcrypto \
        libbpf libfyaml re2
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)
CPPFLAGS += -I. -I$(O) -DSPDLOG_FMT_EXTERNAL -DTENSORWARDEN_VERSION='"$(VERSION)"' $(PKG_CFLAGS)
CXXFLAGS ?= -O2 -g1
CXXFLAGS += -std=c++20 -Wall -Wextra -Wno-missing-field-initializers -Werror -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
LDFLAGS += -pie -Wl,-z,relro,-z,now

BPF_CFLAGS := -g -O2 -Wall -Werror -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -I. -I$(O)/bpf
PROBES := $(patsubst bpf/probes/%.bpf.c,$(O)/bpf/%.bpf.o,$(wildcard bpf/probes/*.bpf.c))
SKEL := $(O)/bpf/sensor.skel.h

# A helper is a program of its own: its main.cc stays out of the archive.
sources = $(filter-out agent/helpers/%/main.cc,$(wildcard agent/$(1)/*.cc agent/$(1)/*/*.cc))
objects = $(patsubst %.cc,$(O)/%.o,$(call sources,$(1)))
archive = $(O)/agent/lib$(1).a
archives = $(foreach f,$(1),$(call archive,$(f)))

.PHONY: all
all: $(O)/tensorwarden $(O)/tensorwarden-symbols $(O)/tensorwarden-scap

.PHONY: help
help:
	@sed -n 's/^## //p' Makefile

# --- the agent ---
$(O)/%.o: %.cc | $(SKEL)
	$(SAY) CXX $<
	@mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c $< -o $@

# Of tests, whose programs are named like the folders of their sources. Not optimised: compiling is most of their time.
$(O)/obj/%.o: %.cc | $(SKEL)
	$(SAY) CXX $<
	@mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -O0 -U_FORTIFY_SOURCE -MMD -MP -c $< -o $@

define folder_rule
$(call archive,$(1)): $(call objects,$(1))
	$$(SAY) AR $$@
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rule,$(f))))

$(O)/tensorwarden: $(call archives,cli $(DEPS_cli))
	$(SAY) LD $@
	$(Q)g++ $(LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group $(PKG_LIBS)

# BCC's library from its archive: the shared one brings LLVM, and half a second of loading, for two functions.
BCC_LIBS := -l:libbcc.a -lelf -lz
$(O)/tensorwarden-symbols: $(O)/agent/helpers/symbols/main.o $(call archives,helpers evidence event base)
	$(SAY) LD $@
	$(Q)g++ $(LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group $(BCC_LIBS) $(PKG_LIBS)

# Debian's libsinsp has no pkg-config file. Without HAS_CAPTURE its classes have another layout than the library's.
SINSP_HOME := /usr/include/falcosecurity-libs
SINSP_CFLAGS := -DHAS_CAPTURE $(addprefix -isystem ,$(SINSP_HOME)/userspace/libsinsp $(SINSP_HOME)/userspace/libscap \
                $(SINSP_HOME)/userspace $(SINSP_HOME) /usr/include/jsoncpp)
$(O)/agent/helpers/scap/%.o $(O)/tidy/agent/helpers/scap/%.ok: CPPFLAGS += $(SINSP_CFLAGS)
$(O)/tensorwarden-scap: $(O)/agent/helpers/scap/main.o $(call archives,helpers capture event base)
	$(SAY) LD $@
	$(Q)g++ $(LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group -lsinsp -lscap -ljsoncpp $(PKG_LIBS)

# --- the probes: one object per subject, linked into one, opened through its skeleton ---
$(O)/bpf/vmlinux.h: bpf/vmlinux/$(ARCH).h.zst
	@mkdir -p $(@D)
	$(Q)zstd -dqf $< -o $@

$(O)/bpf/%.bpf.o: bpf/probes/%.bpf.c $(O)/bpf/vmlinux.h
	$(SAY) BPF $<
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(O)/bpf/sensor.bpf.o: $(PROBES)
	$(SAY) BPFLD $@
	$(Q)$(BPFTOOL) gen object $@ $^

$(SKEL): $(O)/bpf/sensor.bpf.o
	$(SAY) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name sensor_bpf > $@.tmp && mv $@.tmp $@

# --- unit tests: one program per folder of agent/, so that a folder is tested with what it may use and no more ---
TEST_PKGS := gtest gmock gtest_main
define unit_rule
$(O)/tests/unit/$(1): $(patsubst %.cc,$(O)/obj/%.o,$(wildcard tests/unit/$(1)/*_test.cc)) $(call archives,$(1) $(DEPS_$(1)))
	$$(SAY) LD $$@
	@mkdir -p $$(@D)
	$$(Q)g++ $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(PKG_LIBS) $$(shell pkg-config --libs $$(TEST_PKGS))
endef
$(O)/tests/unit/helpers: PKG_LIBS += $(BCC_LIBS)
UNIT_FOLDERS := $(foreach f,$(FOLDERS),$(if $(wildcard tests/unit/$(f)/*_test.cc),$(f)))
$(foreach f,$(UNIT_FOLDERS),$(eval $(call unit_rule,$(f))))
UNIT := $(UNIT_FOLDERS:%=$(O)/tests/unit/%)

# --- fuzzers: clang, libFuzzer, AddressSanitizer and UBSan, objects of their own ---
FUZZERS := $(patsubst tests/fuzz/%_fuzz.cc,%,$(wildcard tests/fuzz/*_fuzz.cc))
# What AddressSanitizer traps as well (null, object-size) and vptr are left out: they double the time to compile.
FUZZ_FLAGS := -std=c++20 -O1 -gline-tables-only -fsanitize=address,undefined,fuzzer-no-link \
              -fno-sanitize=null,object-size,vptr -fno-sanitize-recover=undefined
$(O)/fuzz/%.o: %.cc | $(SKEL)
	$(SAY) FUZZCC $<
	@mkdir -p $(@D)
	$(Q)clang++ $(CPPFLAGS) $(FUZZ_FLAGS) -MMD -MP -c $< -o $@
FUZZ_FOLDERS := author alert detect evidence config rules enrich host artifact traffic capture event base
# Of the daemon what runs an analysis; the rest of it needs a kernel, and libraries that need one.
FUZZ_SOURCES := $(foreach f,$(FUZZ_FOLDERS),$(call sources,$(f))) agent/daemon/analysis.cc agent/daemon/capture_source.cc
$(O)/fuzz/lib.a: $(patsubst %.cc,$(O)/fuzz/%.o,$(FUZZ_SOURCES))
	$(Q)rm -f $@ && ar rcs $@ $^
$(O)/fuzz/%: $(O)/fuzz/tests/fuzz/%_fuzz.o $(O)/fuzz/lib.a
	$(SAY) LD $@
	$(Q)clang++ -fsanitize=address,undefined,fuzzer -o $@ $^ $(PKG_LIBS)
.SECONDARY:

-include $(shell find $(O) -name '*.d' 2>/dev/null)

# === setting up, testing, measuring: everything below runs programs, nothing above does ===
JOBS ?= 2
# A sub-make, so that what `deps` installs is seen; a jobserver that is there already is used.
SUBMAKE = $(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS)) O=$(O)
LIVE := $(if $(wildcard tests/live/*_test.cc),$(O)/tests/live)
FUZZ_PROGRAMS := $(FUZZERS:%=$(O)/fuzz/%)
TEST_PROGRAMS = $(UNIT) $(FUZZ_PROGRAMS) $(LIVE) $(O)/tests/oracle

# Our conditions against libsinsp's.
ORACLE_OBJECTS := $(patsubst %.cc,$(O)/obj/%.o,$(wildcard tests/oracle/*.cc))
$(O)/obj/tests/oracle/reference.o: CPPFLAGS += $(SINSP_CFLAGS)
$(O)/tests/oracle: $(ORACLE_OBJECTS) $(call archives,rules $(DEPS_rules))
	$(SAY) LD $@
	@mkdir -p $(@D)
	$(Q)g++ $(LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group -lsinsp -lscap -ljsoncpp -ljq -lgtest $(PKG_LIBS)

## all          build the agent: build/tensorwarden (the default)
## deps         install what building, testing and the demo need (Debian 12, root)
.PHONY: deps
deps:
	$(Q)packaging/install-deps.sh build test lint demo

## demo         set everything up, run the agent live against real thefts, print the alerts
.PHONY: demo
demo:
	$(Q)packaging/install-deps.sh build demo
	$(Q)$(SUBMAKE) all
	$(Q)tests/demo/demo.py

## test         set everything up, build and run all tests that need no VM
.PHONY: test test-programs
test:
	$(Q)packaging/install-deps.sh build test
	$(Q)$(SUBMAKE) all test-programs
	$(Q)tests/run.sh $(O)
test-programs: $(TEST_PROGRAMS)

## lint         format, clang-tidy, shellcheck, include directions, file sizes
.PHONY: lint
lint:
	$(Q)packaging/install-deps.sh build test lint
	$(Q)$(SUBMAKE) $(SKEL)
	+$(Q)MAKE=$(MAKE) JOBS=$(JOBS) tests/lint/run.sh $(O)

## format       write the format that lint asks for
.PHONY: format
format:
	$(Q)find agent bpf tests vmtests -name '*.cc' -o -name '*.c' -o -name '*.h' | xargs clang-format -i

# One stamp per file, redone when the file, a header of it or .clang-tidy changes.
# All but one: behind filterchecks.h lies a header of libsinsp that clang cannot read twice (k8s_component.h).
TIDY := $(filter-out %/oracle/reference.ok,$(patsubst %.cc,$(O)/tidy/%.ok,$(wildcard agent/*/*.cc agent/*/*/*.cc tests/unit/*/*.cc tests/*/*.cc)))
.PHONY: tidy
tidy: $(TIDY)
$(O)/tidy/%.ok: %.cc .clang-tidy | $(SKEL)
	$(SAY) TIDY $<
	@mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- -std=c++20 $(CPPFLAGS) 2>$@.err || \
		{ grep -v 'warnings\? generated' $@.err >&2; rm -f $@.err; exit 1; }
	$(Q)rm -f $@.err; g++ -std=c++20 $(CPPFLAGS) -MM -MP -MT $@ -MF $(@:.ok=.d) $< && touch $@

## docs         write the pages that are made from the program
.PHONY: docs
docs: $(O)/tensorwarden
	$(Q)$(O)/tensorwarden rules fields --markdown > docs/fields.md

## fuzz         each fuzzer for FUZZ_SECONDS (600)
.PHONY: fuzz
fuzz:
	$(Q)packaging/install-deps.sh build test
	$(Q)$(SUBMAKE) $(FUZZ_PROGRAMS)
	$(Q)printf '%s\n' $(FUZZ_PROGRAMS) | xargs -P $(JOBS) -I {} tests/fuzz.sh {} $(or $(FUZZ_SECONDS),600)

## oracle       conditions compared with libsinsp's on ORACLE_PAIRS (1000000) random pairs
.PHONY: oracle
oracle:
	$(Q)packaging/install-deps.sh build test
	$(Q)$(SUBMAKE) $(O)/tests/oracle
	$(Q)$(O)/tests/oracle $(or $(ORACLE_PAIRS),1000000)

## bench        added time per call and how it grows with the host, latency, loss, throughput; BENCH='--only growth' picks a part
.PHONY: bench
bench:
	$(Q)packaging/install-deps.sh build test
	$(Q)$(SUBMAKE) all $(BENCH_PROGRAMS)
	$(Q)tests/bench/bench.py --out $(O) $(BENCH)

## bench-guest  guest instructions per call against tests/bench/guest-limits.json; UPDATE=1 rewrites the limits
.PHONY: bench-guest
bench-guest:
	$(Q)packaging/install-deps.sh build vm
	$(Q)$(SUBMAKE) all $(CALLS)
	$(Q)tests/bench/guest.py --out $(O) $(if $(UPDATE),--update)

## evasion      the scoreboard: real thefts and tamperings, and ordinary work; EVASION='--only ID' picks rows
.PHONY: evasion evasion-programs
evasion:
	$(Q)packaging/install-deps.sh build test evasion
	$(Q)$(SUBMAKE) all evasion-programs
	$(Q)TENSORWARDEN=$(O)/tensorwarden tests/evasion/evasion.py --keep-going $(EVASION)

## vmtest       check and live tests on Debian's 6.1 and 6.12 kernels in QEMU; EVASION=1: the scoreboard too (an hour), or EVASION='--only ID'
.PHONY: vmtest
vmtest:
	$(Q)packaging/install-deps.sh build test evasion vm
	$(Q)$(SUBMAKE) all $(LIVE) evasion-programs
	$(Q)EVASION='$(EVASION)' vmtests/vmtest.sh $(O)

## install      the agent, its rules, an example config and the unit, below DESTDIR
PREFIX ?= /usr
.PHONY: install
install: all
	install -D -m 0755 $(O)/tensorwarden $(DESTDIR)$(PREFIX)/bin/tensorwarden
	install -D -m 0755 $(O)/tensorwarden-symbols $(DESTDIR)$(PREFIX)/libexec/tensorwarden/tensorwarden-symbols
	install -D -m 0755 $(O)/tensorwarden-scap $(DESTDIR)$(PREFIX)/libexec/tensorwarden/tensorwarden-scap
	install -d $(DESTDIR)/usr/share/tensorwarden/rules
	install -m 0644 rules/*.yaml rules/rule-file.schema.json $(DESTDIR)/usr/share/tensorwarden/rules/
	install -d $(DESTDIR)/usr/share/tensorwarden/rules/tests
	install -m 0644 rules/tests/*.yaml $(DESTDIR)/usr/share/tensorwarden/rules/tests/
	install -D -m 0644 packaging/tensorwarden.yaml $(DESTDIR)/usr/share/doc/tensorwarden/tensorwarden.yaml
	install -D -m 0644 packaging/tensorwarden.service $(DESTDIR)/lib/systemd/system/tensorwarden.service

## clean        remove build/
.PHONY: clean
clean:
	rm -rf $(O)

# --- programs that measure ---
BENCH_CC := $(patsubst tests/bench/%.cc,$(O)/bench/%,$(wildcard tests/bench/*_bench.cc))
CALLS := $(addprefix $(O)/bench/,callcost server flood pump crowd attach_empty)
BENCH_PROGRAMS := $(CALLS) $(BENCH_CC)

$(O)/bench/callcost $(O)/bench/server $(O)/bench/flood $(O)/bench/pump $(O)/bench/crowd: $(O)/bench/%: tests/bench/calls/%.c
	$(SAY) CC $<
	@mkdir -p $(@D)
	$(Q)gcc -O2 -Wall -Wextra -Werror -o $@ $<

$(O)/bench/empty.bpf.o: tests/bench/calls/empty.bpf.c $(O)/bpf/vmlinux.h
	$(SAY) BPF $<
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(O)/bench/attach_empty: tests/bench/calls/attach_empty.c $(O)/bench/empty.bpf.o
	$(SAY) CC $<
	$(Q)gcc -O2 -Wall -Wextra -Werror -o $@ $< $(shell pkg-config --cflags --libs libbpf)

$(O)/bench/%_bench: $(O)/tests/bench/%_bench.o $(call archives,config $(DEPS_config))
	$(SAY) LD $@
	@mkdir -p $(@D)
	$(Q)g++ $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(PKG_LIBS)

$(O)/bench/rules_bench: $(O)/tests/bench/rules_bench.o $(O)/tests/bench/rule_mix.o $(call archives,rules $(DEPS_rules))
	$(SAY) LD $@
	@mkdir -p $(@D)
	$(Q)g++ $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(PKG_LIBS)

# The same conditions in our rules and in libsinsp, both optimised. The oracle's program has the name of its folder.
$(O)/bench/reference.o: tests/oracle/reference.cc
	$(SAY) CXX $<
	@mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(SINSP_CFLAGS) $(CXXFLAGS) -MMD -MP -c $< -o $@
$(O)/bench/libsinsp_bench: $(O)/tests/bench/libsinsp_bench.o $(O)/tests/bench/rule_mix.o $(O)/bench/reference.o $(call archives,rules $(DEPS_rules))
	$(SAY) LD $@
	@mkdir -p $(@D)
	$(Q)g++ $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lsinsp -lscap -ljsoncpp -ljq $(PKG_LIBS)

# Runs the whole analysis, and the agent itself.
$(O)/bench/replay_bench: $(O)/tests/bench/replay_bench.o $(O)/tests/bench/busy_host.o $(call archives,daemon $(DEPS_daemon)) | $(O)/tensorwarden
	$(SAY) LD $@
	@mkdir -p $(@D)
	$(Q)g++ $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(PKG_LIBS)

# --- live tests: the real probes on this kernel, driven by small trigger programs (static: guests run them too) ---
TRIGGERS := $(patsubst tests/live/triggers/%.c,$(O)/tests/triggers/%,$(wildcard tests/live/triggers/*.c))
$(O)/tests/triggers/%: tests/live/triggers/%.c $(wildcard tests/live/triggers/*.h)
	$(SAY) CC $<
	@mkdir -p $(@D)
	$(Q)gcc -O1 -Wall -Wextra -Werror -static -o $@ $<

$(O)/tests/live: $(patsubst %.cc,$(O)/obj/%.o,$(wildcard tests/live/*.cc)) $(call archives,sensor $(DEPS_sensor)) | $(TRIGGERS)
	$(SAY) LD $@
	@mkdir -p $(@D)
	$(Q)g++ $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(PKG_LIBS) $(shell pkg-config --libs $(TEST_PKGS))

# --- the acts of the evasion scoreboard: one program per row, by its id (static: guests and other roots run them too) ---
ACTS := $(foreach c,$(wildcard tests/evasion/*/*.c),$(O)/evasion/$(basename $(notdir $(c))))
evasion-programs: $(ACTS)
define act_rule
$(O)/evasion/$(basename $(notdir $(1))): $(1) $(wildcard tests/evasion/tools/*.h)
	$$(SAY) CC $$<
	@mkdir -p $$(@D)
	$$(Q)gcc -O1 -D_GNU_SOURCE -Wall -Wextra -Werror -static -pthread -o $$@ $$<
endef
$(foreach c,$(wildcard tests/evasion/*/*.c),$(eval $(call act_rule,$(c))))
