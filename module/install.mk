# SPDX-License-Identifier: GPL-2.0-only
# Installation on a real machine: included by the top Makefile.

# The module is for the running kernel, unless KVER is given.
install_kernel := $(or $(KVER),$(shell uname -r))
modules_dir = $(DESTDIR)/lib/modules/$(install_kernel)
module_files = $(addprefix $(modules_dir)/extra/,zcpool.ko edu/zcpool_edu.ko)
udev_rule := $(DESTDIR)/lib/udev/rules.d/60-zcpool.rules
mount_unit := $(DESTDIR)/usr/lib/systemd/system/run-zcpool.mount
sysusers := $(DESTDIR)/usr/lib/sysusers.d/zcpool.conf
dkms_source := $(DESTDIR)/usr/src/zcpool-$(VERSION)
dkms_files := Kbuild $(filter-out %.mod.c,$(wildcard module/*.[ch] module/edu/*.[ch])) \
	module/Kbuild module/edu/Kbuild uapi/linux/zcpool.h uapi/linux/zcpool_edu.h

# What can fail comes first, and before anything is installed: the module's build.
install:
	@$(MAKE) module KVER=$(install_kernel)
	@$(MAKE) install-system
	@rm -f $(addprefix $(modules_dir)/updates/dkms/,zcpool.ko* zcpool_edu.ko*) \
		$(addsuffix *,$(module_files))
	@$(MAKE) -C /lib/modules/$(install_kernel)/build M=$(CURDIR)/module \
		INSTALL_MOD_PATH=$(DESTDIR) INSTALL_MOD_DIR=extra CONFIG_MODULE_SIG_ALL= \
		modules_install
	@test -n "$(DESTDIR)" || depmod $(install_kernel)
	@echo "Installed zcpool $(VERSION) for kernel $(install_kernel): 'modprobe zcpool' loads it"

uninstall: uninstall-system
	rm -f $(module_files) $(addsuffix .xz,$(module_files))
	-rmdir --ignore-fail-on-non-empty $(modules_dir)/extra/edu $(modules_dir)/extra 2>/dev/null
	@test -n "$(DESTDIR)" || depmod $(install_kernel)

install-dkms: install-system
	install -d $(dkms_source)
	cp --parents $(dkms_files) $(dkms_source)/
	install -m 644 module/dkms.conf $(dkms_source)/
	@test -n "$(DESTDIR)" || { command -v dkms >/dev/null || \
		{ echo "no dkms: apt-get install dkms" >&2; exit 1; }; \
		dkms install zcpool/$(VERSION) -k $(install_kernel); }

uninstall-dkms: uninstall-system
	@test -n "$(DESTDIR)" || dkms remove zcpool/$(VERSION) --all
	rm -rf $(dkms_source)

# Library, tool, manual pages, who may use the device, and where names are.
install-system: userspace
	@$(MAKE) -C userspace install VERSION=$(VERSION) PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)
	install -D -m 644 userspace/udev/60-zcpool.rules $(udev_rule)
	install -D -m 644 userspace/udev/zcpool.conf $(sysusers)
	install -D -m 644 userspace/udev/run-zcpool.mount $(mount_unit)
	@test -n "$(DESTDIR)" || { getent group zcpool >/dev/null || groupadd --system zcpool; \
		ldconfig; udevadm control --reload 2>/dev/null || true; }

uninstall-system:
	@$(MAKE) -C userspace uninstall VERSION=$(VERSION) PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)
	rm -f $(udev_rule) $(sysusers) $(mount_unit)
	@test -n "$(DESTDIR)" || { ! getent group zcpool >/dev/null || groupdel zcpool; \
		ldconfig; udevadm control --reload 2>/dev/null || true; }

.PHONY: install uninstall install-dkms uninstall-dkms install-system uninstall-system
