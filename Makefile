# SPDX-License-Identifier: GPL-2.0-only
# "make help" lists what there is to make.
VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=

# Without sub-second noise: one target after the other, each parallel inside.
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
jobs := -j$(shell nproc)

# The kernel to build the module for, and the guest's: a name that selftests/vm/kernel
# knows, or with KVER a version that is installed; install takes the running one.
KERNEL ?= 6.1
KVER ?=
export ZCPOOL_KERNEL := $(or $(KVER),$(KERNEL))
# Asked for once, and only if needed: packages may have to be installed first, and
# the kernel may have to be built.
kernel_build = $(eval kernel_build := $$(shell selftests/vm/kernel --headers $$(ZCPOOL_KERNEL)))$(kernel_build)
# Type information for BPF needs the kernel's, which packages of headers lack.
no_btf = $(if $(wildcard $(kernel_build)/vmlinux),,CONFIG_DEBUG_INFO_BTF_MODULES=)
kbuild = $(MAKE) $(jobs) -C $(kernel_build) $(no_btf)
run := selftests/vm/run
# A kernel that checks all it does is several times slower, and needs no SLUB debugging.
slow := $(filter %-debug %-kcsan,$(ZCPOOL_KERNEL))
# Of one access in so many it is watched who else makes it: more often than by default.
kcsan := $(if $(filter %-kcsan,$(ZCPOOL_KERNEL)),kcsan.skip_watch=300 )
# How long the tests may take, and each program of them, seconds.
check_timeout := $(if $(slow),5400,1800)
test_timeout := $(if $(slow),1500,600)
check_flags = --nvme 64 --edu --timeout $(check_timeout) \
	--env ZCPOOL_TEST_TIMEOUT=$(test_timeout) --env ZCPOOL_TEST_SLOWNESS=$(if $(slow),5,1) \
	--append "$(if $(slow),,slub_debug=FZPU )$(kcsan)init_on_alloc=0"

all: module userspace

help:
	@echo "For a first look (installs Debian packages that are missing):"
	@echo "  demo       send a file from disk to network in a virtual machine"
	@echo "  check      run the tests in a virtual machine"
	@echo "  bench      compare with other ways to send, in a virtual machine"
	@echo "  report     all ways to move data side by side, as a page: build/report/index.html"
	@echo "More tests:"
	@echo "  check-all  the tests on every kernel"
	@echo "  coverage   which lines of the modules the tests execute, on KERNEL=7.2-debug"
	@echo "  check-races  tests of what happens at once, on a kernel that looks for data races"
	@echo "  check-stalls  the tests, held up at random; more often with STALL_ODDS=5"
	@echo "  torture    every exit at random for TORTURE_SECONDS=$(TORTURE_SECONDS), and proof that it bites"
	@echo "  torture-long  insertion, want of memory, stops and processors, in ROUNDS=$(ROUNDS)"
	@echo "  soak       everything at random for SOAK_SECONDS=$(SOAK_SECONDS)"
	@echo "  fuzz       calls of every kind at random for FUZZ_SECONDS=$(FUZZ_SECONDS); FUZZ_SEED,"
	@echo "             FUZZ_CALLS of each of FUZZ_THREADS"
	@echo "  check-fuzz  faults planted in the module for the fuzzer, on KERNEL=7.2-debug"
	@echo "  check-fault  each allocation and copy in the module's ways fails, on KERNEL=7.2-debug"
	@echo "  check-dma  real devices: disk, cards, edu; IOMMU, bounce buffers, much memory"
	@echo "  check-iommu  the tests behind a strict IOMMU"
	@echo "  check-programs  nginx, Java, fio and others, as Debian has them"
	@echo "  check-rig, check-examples, check-tools, check-install  see"
	@echo "             Documentation/testing.rst"
	@echo "To build:"
	@echo "  all        module and userspace (default)"
	@echo "  module     the kernel modules, for KERNEL=$(KERNEL)"
	@echo "  userspace  library, zcpoolctl, examples"
	@echo "  selftests  the tests"
	@echo "  clean      remove all that was built"
	@echo "The tests and the module are for Debian's Linux 6.1, or with KERNEL=6.12, KERNEL=7.2,"
	@echo "KERNEL=7.2-debug or KERNEL=7.2-kcsan for that one, built once in some 10 minutes"
	@echo "For a real machine (KVER is the running kernel's, PREFIX=$(PREFIX)):"
	@echo "  install, uninstall  module, library, tool, manual pages, udev rule"
	@echo "  install-dkms, uninstall-dkms  the same, the module by DKMS"
	@echo "For developers:"
	@echo "  style      what a reviewer would run"
	@echo "  check-static  analysers on the sources; checkers on library and tool as they run"
	@echo "  docs       the documentation as HTML, in build/docs"
	@echo "  format     lay out the C sources"

# Objects of another kernel are no use, and kbuild does not notice; nor that another make, or
# 'make style', is at work here.
module:
	@mkdir -p build
	@flock build/lock $(MAKE) build-module
build-module:
	@test -n "$(kernel_build)"
	@test -d $(kernel_build) || { echo "No headers of kernel '$(ZCPOOL_KERNEL)':" \
		"apt-get install linux-headers-$(ZCPOOL_KERNEL), or set KVER=" >&2; exit 1; }
	@echo $(kernel_build) | cmp -s - build/kernel || { $(MAKE) clean-module && \
		echo $(kernel_build) >build/kernel; }
	@$(kbuild) M=$(CURDIR) W=1 KCFLAGS=-Werror modules

copycount: module
	@$(kbuild) M=$(CURDIR)/selftests/copycount W=1 KCFLAGS=-Werror modules

# Devices of any kind for the tests of EXPORT.
importer: module
	@$(kbuild) M=$(CURDIR)/selftests/importer W=1 KCFLAGS=-Werror modules
# dma-bufs of any kind for those of the companion driver.
exporter: module
	@$(kbuild) M=$(CURDIR)/selftests/exporter W=1 KCFLAGS=-Werror modules

# The module with its judgement of what is free removed, which the torture must notice.
weakened: module
	@mkdir -p build/weakened
	@cp -u --parents $(dkms_files) build/weakened/
	@$(kbuild) M=$(CURDIR)/build/weakened \
		KCFLAGS="-Werror -DZCPOOL_WEAKENED" modules

# The companion driver with a DMA to memory that it has unmapped, which the IOMMU must
# stop.
stale: module
	@mkdir -p build/stale
	@cp -u --parents $(dkms_files) build/stale/
	@$(kbuild) M=$(CURDIR)/build/stale KCFLAGS="-Werror -DZCPOOL_EDU_STALE_DMA" modules

# The module with one fault each, which the fuzzer must notice.
faulty: module
	@for name in $$(selftests/fuzz/fault --list); do \
		mkdir -p build/faults/$$name && \
		cp --parents $(dkms_files) build/faults/$$name/ && \
		selftests/fuzz/fault $$name build/faults/$$name && \
		$(kbuild) M=$(CURDIR)/build/faults/$$name KCFLAGS=-Werror modules || exit; \
	done

userspace:
	@$(MAKE) $(jobs) -C userspace VERSION=$(VERSION) PREFIX=$(PREFIX)

selftests: userspace
	@$(MAKE) $(jobs) -C selftests

packages:
	@selftests/vm/setup build vm
	@selftests/vm/kernel $(ZCPOOL_KERNEL) >/dev/null

# Each a second make, since packages decide which kernel there is.
check: packages
	@$(MAKE) run-check
# Freed objects are poisoned, and pages are not zeroed unless asked for: a use after
# free or a forgotten zeroing shows.
run-check: module importer exporter selftests
	@$(MAKE) run-built
# Guests may share the tests, each of which the first that comes to it takes: notes of that
# are in the directory TAKEN.
TAKEN ?=
share = --out $(TAKEN) --env ZCPOOL_TESTS_TAKEN=$(TAKEN) --log $$(mktemp $(TAKEN)/log.XXXXXX)
run-built:
	@$(run) $(check_flags) $(if $(TAKEN),$(share)) -- selftests/runner $(TESTS)
# The same behind the fuzzer, for which no guest need start.
run-fuzz-built:
	@$(MAKE) $(jobs) -C selftests/fuzz
	@selftests/fuzz/run $(check_flags) $(if $(TAKEN),$(share)) -- selftests/runner $(TESTS)

# On every kernel but that for data races, the quickest first.
check-all:
	@for kernel in 6.1 $$(selftests/vm/kernel --list | grep -v kcsan); do \
		echo "Linux $$kernel:"; \
		$(MAKE) check KERNEL=$$kernel || failed="$$failed $$kernel"; \
	done; test -z "$$failed" || { echo "Failed on Linux$$failed" >&2; exit 1; }

# What threads and processes do at once, where the kernel looks for data races.
races := concurrency edu_life edu_requests edu_unbind event export_attach fs_race isolated_race \
	library library_share lifetime receive_fault seal_race seal_send send_life transfer uring_get \
	wait wait_race
check-races: KERNEL = 7.2-kcsan
check-races:
	@$(MAKE) check KERNEL=$(KERNEL) TESTS="$(races)"

# With programs held up at random, one time in STALL_ODDS: what a test has by good timing alone
# fails.  Not those for 32-bit callers, which that library is not for.
check-stalls: packages
	@$(MAKE) run-check-stalls
run-check-stalls: module importer exporter selftests
	@$(MAKE) -C selftests/stalls
	@$(run) $(check_flags) --timeout 5400 --env ZCPOOL_TEST_TIMEOUT=1500 \
		--env ZCPOOL_TEST_SLOWNESS=5 $(STALL_ODDS:%=--env ZCPOOL_STALL_ODDS=%) \
		--env "ZCPOOL_TEST_PRELOAD=$(CURDIR)/build/stalls/stalls.so" -- selftests/runner \
		$(or $(TESTS),$(basename $(notdir $(wildcard selftests/*.c))))

# Whatever the tests find, what they have executed is told.
coverage: export ZCPOOL_COVERAGE := $(CURDIR)/build/coverage
coverage:
	@rm -rf $(ZCPOOL_COVERAGE)
	@-$(MAKE) check KERNEL=7.2-debug
	@-$(MAKE) check-fault
	@selftests/coverage/report $(ZCPOOL_COVERAGE)

# The same where an IOMMU lets no device reach what is not mapped for it just now: a
# stray access is a fault in the kernel's log, which fails the run.
check-iommu: packages
	@$(MAKE) run-check-iommu
run-check-iommu: module importer exporter selftests
	@$(run) --iommu $(check_flags) -- selftests/runner

check-dma: packages
	@$(MAKE) run-check-dma
run-check-dma: module copycount stale exporter selftests
	@selftests/edu/run
	@selftests/dma/run

check-rig: packages
	@$(MAKE) run-check-rig
run-check-rig: module
	@selftests/vm/selftest

check-examples: packages
	@selftests/vm/setup examples
	@$(MAKE) run-check-examples
run-check-examples: module userspace
	@$(run) --quiet --nvme 64 --edu --timeout 600 -- selftests/examples/guest
	@$(run) --quiet --nvme 256 --timeout 600 -- selftests/http/guest

check-tools: packages
	@$(MAKE) run-check-tools
run-check-tools: module userspace
	@$(run) --quiet --nvme 64 --timeout 600 -- selftests/tools/guest

# The compiler does not have to run in the guest, where it would take its time.
check-programs: packages
	@selftests/vm/setup programs
	@$(MAKE) run-check-programs
run-check-programs: module userspace
	@javac -Xlint:all -d build/programs selftests/programs/Nio.java
	@$(run) --quiet --nvme 256 --timeout 900 -- selftests/programs/guest

check-install: packages
	@selftests/vm/setup install
	@$(MAKE) run-check-install
run-check-install: module userspace
	@selftests/install/run

TORTURE_SECONDS ?= 20
torture: packages
	@$(MAKE) run-torture
run-torture: module weakened
	@$(MAKE) $(jobs) -C selftests/torture
	@selftests/torture/run $(TORTURE_SECONDS)

# Parts of it: selftests/soak/run rounds N PART.
ROUNDS ?= 100
torture-long: packages
	@$(MAKE) run-torture-long
run-torture-long: module
	@$(MAKE) $(jobs) -C selftests/torture
	@$(MAKE) $(jobs) -C selftests/soak
	@selftests/soak/run rounds $(ROUNDS)

SOAK_SECONDS ?= 600
soak: packages
	@$(MAKE) run-soak
run-soak: module userspace
	@$(MAKE) $(jobs) -C selftests/torture
	@$(MAKE) $(jobs) -C selftests/soak
	@selftests/soak/run soak $(SOAK_SECONDS)

# Without FUZZ_CALLS as many as there is time for.
FUZZ_SECONDS ?= 60
export FUZZ_SECONDS FUZZ_SEED FUZZ_CALLS FUZZ_THREADS
fuzz: packages
	@$(MAKE) run-fuzz
run-fuzz: module
	@$(MAKE) $(jobs) -C selftests/fuzz
	@selftests/fuzz/run

# Whether it finds the faults that are planted in the module.
check-fuzz:
	@$(MAKE) $(fault_kernel) packages
	@$(MAKE) $(fault_kernel) run-check-fuzz
run-check-fuzz: module faulty
	@$(MAKE) $(jobs) -C selftests/fuzz
	@FUZZ_SECONDS=120 selftests/fuzz/run-faults

# Of the rig's kernels that one alone has fault injection: it is the default of these targets.
fault_kernel = $(if $(filter file,$(origin KERNEL)),KERNEL=7.2-debug)
check-fault:
	@$(MAKE) $(fault_kernel) packages
	@$(MAKE) $(fault_kernel) run-check-fault
run-check-fault: module importer userspace
	@$(MAKE) $(jobs) -C selftests/fault
	@$(run) --quiet --nvme 64 --edu --memory 3072 --timeout 3600 -- selftests/fault/guest

demo: packages
	@$(MAKE) run-demo
run-demo: module copycount userspace
	@$(MAKE) $(jobs) -C selftests/demo
	@selftests/demo/run

bench: packages
	@$(MAKE) run-bench
run-bench: module userspace
	@selftests/bench/run $(BENCHFLAGS)

# Every way to move data side by side: REPORTFLAGS=--quick, or names of parts.
report: packages
	@selftests/vm/setup report
	@$(MAKE) run-report
run-report: module copycount userspace
	@$(MAKE) $(jobs) -C selftests/report
	@selftests/report/run $(REPORTFLAGS)

style: packages
	@selftests/vm/setup style docs
	@$(MAKE) run-style
run-style: module
	@selftests/style/run
check-static: packages
	@selftests/vm/setup static
	@$(MAKE) run-check-static
run-check-static: module userspace
	@$(MAKE) $(jobs) -C selftests/analysis VERSION=$(VERSION)
	@selftests/analysis/run
docs:
	@selftests/vm/setup build docs
	@export KERNEL_FILES=$$(selftests/vm/kernel-files) && \
		sphinx-build -q -W --keep-going -d build/docs/.doctrees Documentation build/docs
	@echo "The documentation is in build/docs/index.html"
format:
	@git ls-files '*.c' '*.h' | grep -v '^module/trace.h$$' | xargs clang-format -i

# By the kernel that they were built for, or if it is gone any other.
clean-module:
	@rm -rf build/weakened build/stale build/faults
	@-kernel=$$(cat build/kernel 2>/dev/null) && test -d "$$kernel" || \
		kernel=$$(ls -d /lib/modules/*/build 2>/dev/null | tail -n 1); \
		test -z "$$kernel" || for directory in . selftests/copycount \
			selftests/importer selftests/exporter; do \
			$(MAKE) -C $$kernel M=$(CURDIR)/$$directory clean || exit; \
		done >/dev/null
clean: clean-module
	rm -rf build

include module/install.mk

.PHONY: all help module build-module copycount importer exporter weakened stale faulty userspace selftests \
	packages check run-check run-built run-fuzz-built check-all check-races check-stalls run-check-stalls coverage check-iommu run-check-iommu check-dma \
	run-check-dma check-rig run-check-rig check-fault run-check-fault \
	check-examples run-check-examples check-tools run-check-tools check-programs \
	run-check-programs check-install run-check-install torture run-torture torture-long \
	run-torture-long soak run-soak fuzz run-fuzz check-fuzz run-check-fuzz check-static \
	run-check-static demo run-demo bench run-bench report run-report \
	style run-style docs \
	format clean-module clean
