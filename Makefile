# SPDX-License-Identifier: GPL-2.0-only
# "make help" lists what there is to make.
VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=

# Without sub-second noise: one target after the other, each parallel inside.
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
jobs := -j$(shell nproc)

# The guest's kernel: the newest 6.1 that Debian installed here.
guest_kernel = $(shell ls /boot/vmlinuz-6.1.*-amd64 2>/dev/null | sort -V | tail -n 1 | \
	sed 's|/boot/vmlinuz-||')
# The kernel to build the module for; install takes the running one.
KVER ?= $(guest_kernel)
kernel_build = /lib/modules/$(KVER)/build
kbuild = $(MAKE) $(jobs) -C $(kernel_build) M=$(CURDIR)
run := selftests/vm/run

all: module userspace

help:
	@echo "For a first look (installs Debian packages that are missing):"
	@echo "  demo       send a file from disk to network in a virtual machine"
	@echo "  check      run the tests in a virtual machine"
	@echo "  bench      compare with other ways to send, in a virtual machine"
	@echo "More tests:"
	@echo "  check-rig, check-examples, check-tools, check-install  see"
	@echo "             Documentation/testing.rst"
	@echo "To build:"
	@echo "  all        module and userspace (default)"
	@echo "  module     the kernel module, for KVER=$(KVER)"
	@echo "  userspace  library, zcpoolctl, examples"
	@echo "  selftests  the tests"
	@echo "  clean      remove all that was built"
	@echo "For a real machine (KVER is the running kernel's, PREFIX=$(PREFIX)):"
	@echo "  install, uninstall  module, library, tool, manual pages, udev rule"
	@echo "  install-dkms, uninstall-dkms  the same, the module by DKMS"
	@echo "For developers:"
	@echo "  style      what a reviewer would run"
	@echo "  docs       the documentation as HTML, in build/docs"
	@echo "  format     lay out the C sources"

# Objects of another kernel are no use, and kbuild does not notice.
module:
	@test -d $(kernel_build) || { echo "No headers of kernel '$(KVER)':" \
		"apt-get install linux-headers-$(KVER), or set KVER=" >&2; exit 1; }
	@mkdir -p build
	@echo $(KVER) | cmp -s - build/kernel || { $(MAKE) clean-module KVER=$(KVER) && \
		echo $(KVER) >build/kernel; }
	@$(kbuild) W=1 KCFLAGS=-Werror modules

copycount: module
	@$(MAKE) $(jobs) -C $(kernel_build) M=$(CURDIR)/selftests/copycount W=1 KCFLAGS=-Werror modules

userspace:
	@$(MAKE) $(jobs) -C userspace VERSION=$(VERSION) PREFIX=$(PREFIX)

selftests: userspace
	@$(MAKE) $(jobs) -C selftests

packages:
	@selftests/vm/setup build vm

# Each a second make, since packages decide what guest_kernel is.
check: packages
	@$(MAKE) run-check
# Freed objects are poisoned, and pages are not zeroed unless asked for: a use after
# free or a forgotten zeroing shows.
run-check: module selftests
	@$(run) --nvme 64 --timeout 170 --append "slub_debug=FZPU init_on_alloc=0" -- \
		selftests/runner

check-rig: packages
	@$(MAKE) run-check-rig
run-check-rig: module
	@selftests/vm/selftest

check-examples: packages
	@selftests/vm/setup examples
	@$(MAKE) run-check-examples
run-check-examples: module userspace
	@$(run) --quiet --nvme 64 -- selftests/examples/guest
	@$(run) --quiet --nvme 256 --timeout 600 -- selftests/http/guest

check-tools: packages
	@$(MAKE) run-check-tools
run-check-tools: module userspace
	@$(run) --quiet --nvme 64 -- selftests/tools/guest

check-install: packages
	@selftests/vm/setup install
	@$(MAKE) run-check-install
run-check-install: module userspace
	@selftests/install/run

demo: packages
	@$(MAKE) run-demo
run-demo: module copycount userspace
	@selftests/demo/run

bench: packages
	@$(MAKE) run-bench
run-bench: module userspace
	@$(MAKE) $(jobs) -C selftests/bench
	@selftests/bench/run $(BENCHFLAGS)

style: packages
	@selftests/vm/setup style docs
	@$(MAKE) run-style
run-style: module
	@selftests/style/run
docs:
	@selftests/vm/setup build docs
	@export KERNEL_FILES=$$(selftests/vm/kernel-files) && \
		sphinx-build -q -W --keep-going -d build/docs/.doctrees Documentation build/docs
	@echo "The documentation is in build/docs/index.html"
format:
	@git ls-files '*.c' '*.h' | grep -v '^module/trace.h$$' | xargs clang-format -i

clean-module:
	@-test ! -d $(kernel_build) || { $(kbuild) clean && \
		$(MAKE) -C $(kernel_build) M=$(CURDIR)/selftests/copycount clean; } >/dev/null
clean: clean-module
	rm -rf build

include module/install.mk

.PHONY: all help module copycount userspace selftests packages check run-check check-rig \
	run-check-rig check-examples run-check-examples check-tools run-check-tools check-install run-check-install demo \
	run-demo bench run-bench style run-style docs format clean-module clean
