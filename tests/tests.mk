# The tests. Included by the Makefile. Those on the build machine are built by tests/host/host.mk (host-tools,
# host-tests), the benchmarks by tests/bench/bench.mk (bench, bench-host); tests/proof/proof.mk runs the proofs.

HOST_CC ?= i686-linux-gnu-gcc
I386_ROOT := $(BUILD)/i386
I386_STAMP := $(I386_ROOT)/.complete
I386_PACKAGES := libcmocka-dev lua5.4 sqlite3 busybox-static bash-static mksh

# The script is quick when everything is here.
$(I386_STAMP): FORCE
	@ARCH=i386 sh tools/private-root.sh $(I386_ROOT) $(I386_PACKAGES)

# Debian's busybox, to be run: make run MODULES=build/i386/bin/busybox
$(I386_ROOT)/bin/busybox: $(I386_STAMP)
	@[ -e $@ ] || { echo "$@ did not come from Debian's archive" >&2; exit 1; }

.PHONY: check-host host host-tools host-tests
check-host:
	$(call need,$(HOST_CC),compiler)

host: check-host host-tools

-include tests/host/host.mk
-include tests/bench/bench.mk
include tests/mutate/mutate.mk
-include tests/proof/proof.mk
include tests/coverage/coverage.mk

# A kernel from each compiler that is here, and from each with the sanitizer; and the lab's: $(BUILD)/variant/NAME/quire.elf.
VARIANTS := elf-gcc gcc clang ubsan ubsan-clang lab
CROSS_elf-gcc := i686-elf-
CROSS_gcc := i686-linux-gnu-
CROSS_clang := clang
CROSS_ubsan := i686-linux-gnu-
CROSS_ubsan-clang := clang
CROSS_lab :=
TOOLS_elf-gcc := i686-elf-gcc i686-elf-ld
TOOLS_gcc := i686-linux-gnu-gcc i686-linux-gnu-ld
TOOLS_clang := clang ld.lld
TOOLS_ubsan := $(TOOLS_gcc)
TOOLS_ubsan-clang := $(TOOLS_clang)
TOOLS_lab :=

.PHONY: variants $(VARIANTS:%=variant-%)
variants: $(VARIANTS:%=variant-%)

# When a variant's compiler has gone, its old kernel goes too: it would be tested for ever.
$(VARIANTS:%=variant-%): variant-%:
	$(if $(call all-here,$(TOOLS_$*)), \
	    $(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/variant/$* CROSS=$(CROSS_$*) \
	    UBSAN=$(if $(filter ubsan%,$*),1) LAB=$(if $(filter lab,$*),1) all, \
	    @echo "  variant $* is passed over: no $(TOOLS_$*)"; rm -rf $(BUILD)/variant/$*)

# The first Python that has what the tests import.
PYTHON = $(call once,PYTHON,$(or $(find-python),$(no-python)))
no-python = $(call missing,pytest$(comma) pytest-xdist and pexpect for python3 are missing,test)
find-python = $(shell for python in python3 /usr/bin/python3; do \
    $$python -c 'import pytest, xdist, pexpect' 2>/dev/null && echo $$python && break; done)

# v86 comes from the npm registry. Where there is no npm, or the registry is out of reach, its tests are skipped.
V86 := $(BUILD)/v86
$(V86)/.complete: tests/boot/v86/package.json tests/boot/v86/package-lock.json
	@mkdir -p $(V86)
	@cp $^ $(V86)/
	$(Q)cd $(V86) && if command -v npm >/dev/null && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1; \
	    then touch .complete; else echo '  v86 is passed over: npm did not bring it ($(V86)/npm.log)'; fi

# Two workers more than there are processors: a test often waits for the clock, or for its machine. The tests run make
# themselves: they must not take part in this make.
WORKERS = $(call once,WORKERS,$(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 2))))
PYTEST = MAKEFLAGS= MAKELEVEL= QUIRE_BUILD=$(BUILD) $(PYTHON) -m pytest -q -n $(WORKERS) $(PYTEST_FLAGS)
PYTEST_FLAGS ?=

.PHONY: check-tests test test-kernel test-host test-boot test-programs
check-tests:
	$(call need,qemu-system-i386,qemu)$(call need,qemu-system-x86_64,qemu)$(if $(PYTHON),@:)

test: check-tests all variants iso $(TEST_ISO) $(V86)/.complete web-tests test-programs
	$(Q)$(PYTEST) tests

test-kernel: check-tests all variants iso
	$(Q)$(PYTEST) tests/boot/test_kernel_tests.py

test-boot: check-tests all variants iso $(TEST_ISO) $(V86)/.complete $(I386_STAMP)
	$(Q)$(PYTEST) tests/boot

test-host: all test-programs
	$(Q)$(PYTEST) tests/host

# Bugs are planted, and each must be found: a part of test-host, here alone.
.PHONY: plants
plants: check-tests all test-programs
	$(Q)$(PYTEST) tests/host/test_plants.py

# All of memory in use at once, for so many minutes, in QEMU.
MINUTES ?= 10
.PHONY: soak
soak: $(KERNEL) $(BUILD)/user/soak
	$(Q)sh tools/qemu.sh $(QEMU) -kernel $(KERNEL) -append "-- soak $$(($(MINUTES) * 60)); exit" \
	    -initrd $(BUILD)/user/soak $(QEMUFLAGS)

# Without the host compiler the other tests still run.
test-programs:
	$(if $(call have,$(HOST_CC)), \
	    $(Q)$(MAKE) --no-print-directory host host-tests $(if $(can-fuzz),fuzz-programs), \
	    @echo '  the host tests are passed over: no $(HOST_CC)')

# The README's pictures: the monitor's screens, and the drawing of the memory system.
.PHONY: pictures
pictures: check-tests $(KERNEL)
	$(call say,PICTURES,docs/pictures/)
	$(Q)$(PYTHON) tools/pictures.py $(KERNEL) docs/pictures
	$(Q)$(PYTHON) tools/drawing.py docs/pictures
