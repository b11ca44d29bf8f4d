# Quire's build. `make help` lists what there is.
#
# Everything built goes below $(BUILD). Tools are looked for when they are first used, so that
# `make deps run` finds what deps has just installed.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

BUILD := build
MEM ?= 128M
V ?= 0

# Verbatim: as typed, whatever $ or quotes are in it. Recipes take it from the environment.
CMDLINE ?=
override CMDLINE := $(value CMDLINE)
export CMDLINE MEM

KERNEL := $(BUILD)/quire.elf
PASS1 := $(BUILD)/quire.pass1.elf
ISO := $(BUILD)/quire.iso

ifneq ($(filter deps clean,$(MAKECMDGOALS)),)
.NOTPARALLEL: # what comes after them waits for them
endif

# ---- helpers ----

ifeq ($(V),1)
Q :=
say =
else
Q := @
say = @printf '  %-9s%s\n' '$(1)' '$(2)'
endif

# $(call have,TOOL): TOOL, where there is one.
have = $(if $(shell command -v $(1) 2>/dev/null),$(1))

# $(call first,TOOL...): the first that is there, or nothing.
first = $(firstword $(foreach tool,$(1),$(call have,$(tool))))

# $(call once,NAME,VALUE): what NAME = ... stands for: VALUE, worked out at its first use only.
once = $(eval $(1) := $(2))$($(1))

# $(call missing,WHAT,ENTRY): stops, saying which command installs it; ENTRY is its name in tools/deps.sh.
missing = $(error $(1): $(call install-hint,$(shell sh tools/deps.sh for $(2))))
install-hint = $(if $(1),run '$(1)'$(if $(call have,apt-get), (or 'make deps')),install it with this system's packages)
need = $(if $(call first,$(1)),,$(call missing,$(firstword $(1)) is missing,$(2)))

# A stamp holds a text and is touched only when the text has changed; what depends on it is then rebuilt.
define update-stamp
@mkdir -p $(@D)
@printf '%s\n' "$$STAMP" | cmp -s - $@ || printf '%s\n' "$$STAMP" >$@
endef

# ---- the compiler: a prefix, or clang (clang-15, ...) ----

CROSS ?=
TOOLCHAIN = $(call once,TOOLCHAIN,$(or $(CROSS),$(find-toolchain)))
find-toolchain = $(or $(patsubst %gcc,%,$(call first,i686-elf-gcc i686-linux-gnu-gcc)),$(find-clang))
find-clang = $(and $(call have,clang),$(call have,ld.lld),clang)
is-clang = $(filter clang%,$(TOOLCHAIN))

# A frame of more than a page is touched page by page, so that none reaches past a stack's guard page. For a
# target without an operating system clang's driver drops the option.
stack-probes := -fstack-clash-protection
# No register of more than 4 bytes is ever saved: nothing needs a stack that is aligned to more.
stack-alignment = $(if $(is-clang),-mstack-alignment=4,-mpreferred-stack-boundary=2)
CC = $(if $(is-clang),$(TOOLCHAIN) --target=i686-none-elf -Xclang $(stack-probes),$(TOOLCHAIN)gcc $(stack-probes))
LD = $(if $(is-clang),$(patsubst clang%,ld.lld%,$(TOOLCHAIN)),$(TOOLCHAIN)ld)
NM = $(call once,NM,$(if $(is-clang),$(call first,$(patsubst clang%,llvm-nm%,$(TOOLCHAIN)) nm),$(TOOLCHAIN)nm))

define check-toolchain
$(if $(TOOLCHAIN),,$(call missing,no compiler for i386 (i686-elf-gcc$(comma) i686-linux-gnu-gcc$(comma) or clang with ld.lld),compiler))
$(foreach tool,$(firstword $(CC)) $(LD) $(or $(NM),nm),$(call need,$(tool),$(if $(is-clang),clang,compiler)))
endef
comma := ,

# -fcf-protection, which some compilers switch on by themselves, does not go with -march=i486.
CPPFLAGS := -iquote include
KERNEL_CFLAGS := -std=gnu11 -ffreestanding -O2 -g -m32 -march=i486 -mtune=core2 -mgeneral-regs-only \
    $(stack-alignment) -fno-omit-frame-pointer -momit-leaf-frame-pointer -fno-pic -fno-pie -fno-asynchronous-unwind-tables \
    -fcf-protection=none \
    -fstack-protector-strong -mstack-protector-guard=global -fno-common -fno-strict-aliasing \
    -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Werror=int-conversion

# UBSAN=1: operations that C leaves undefined are caught, by kernel/trap/ubsan.c.
UBSAN ?=
ifeq ($(UBSAN),1)
KERNEL_CFLAGS += -fsanitize=undefined -DQUIRE_UBSAN
else
NOT_BUILT := kernel/trap/ubsan.c
endif

KERNEL_LDFLAGS := -m elf_i386 -nostdlib -z max-page-size=4096 --build-id=none -T linker.ld

# ---- the kernel ----

SOURCES := $(sort $(filter-out $(NOT_BUILT),$(wildcard boot/*.S kernel/*.c kernel/*/*.[cS] mm/*.[cS] mm/*/*.c tests/kernel/*.c tests/bench/*.c)))
OBJECTS := $(SOURCES:%=$(BUILD)/%.o) $(BUILD)/fonts.o

.PHONY: all
all: $(KERNEL)

# The framebuffer console's fonts, from the smallest to the largest: Terminus, where Debian, Fedora and Arch
# have it. In Debian no one file has all of code page 437: what the first lacks is in the second. A kernel can
# do without; a disc cannot.
FONTS = $(call once,FONTS,$(call find-font,FullGreek-Terminus16 Uni2-Terminus16,ter-v16n) \
    $(call find-font,FullGreek-Terminus32x16 Uni2-Terminus32x16,ter-v32n))
FONT_PLACES := /usr/share/consolefonts /usr/lib/kbd/consolefonts /usr/share/kbd/consolefonts
find-font = $(or $(call join-files,$(call find-files,$(1))),$(firstword $(call find-files,$(2))))
find-files = $(foreach name,$(1),$(firstword $(wildcard $(FONT_PLACES:%=%/$(name).psf.gz))))
join-files = $(subst $(space),$(comma),$(strip $(1)))
space := $(subst ,, )
no-font = $(empty)  no font here: a framebuffer will show nothing ($(call install-hint,$(shell sh tools/deps.sh for font)))

$(BUILD)/compile.stamp: export STAMP = $(CC) $(CPPFLAGS) $(KERNEL_CFLAGS)
$(BUILD)/compile.stamp: FORCE
	$(check-toolchain)$(update-stamp)

$(BUILD)/link.stamp: export STAMP = $(LD) $(KERNEL_LDFLAGS) $(OBJECTS)
$(BUILD)/link.stamp: FORCE
	$(check-toolchain)$(update-stamp)

$(BUILD)/%.c.o: %.c $(BUILD)/compile.stamp
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(KERNEL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/%.S.o: %.S $(BUILD)/compile.stamp
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(KERNEL_CFLAGS) -MMD -MP -c $< -o $@

-include $(OBJECTS:.o=.d)

# The kernel knows its own symbols: it is linked once with an empty table, the table is made from that, and
# then it is linked with the table, behind everything else, so that nothing has moved. (The empty table is an
# object all the same: with its own empty .text it has the same effect on alignment.)
$(BUILD)/notable.S: $(BUILD)/compile.stamp
	@echo '.section .note.GNU-stack, "", @progbits' >$@

$(BUILD)/fonts.stamp: export STAMP = $(FONTS)
$(BUILD)/fonts.stamp: FORCE
	$(update-stamp)

$(BUILD)/fonts.S: kernel/console/cp437.h tools/font.sh $(BUILD)/fonts.stamp $(BUILD)/compile.stamp
	$(call say,FONT,$@)
	$(Q)sh tools/font.sh kernel/console/cp437.h $(FONTS) >$@
	$(if $(strip $(FONTS)),,$(info $(no-font)))

$(BUILD)/symtab.S: $(PASS1) tools/symbols.sh
	$(call say,SYMBOLS,$@)
	$(Q)sh tools/symbols.sh $(NM) $(PASS1) >$@

$(BUILD)/%.o: $(BUILD)/%.S
	$(Q)$(CC) $(CPPFLAGS) $(KERNEL_CFLAGS) -c $< -o $@

$(PASS1): $(OBJECTS) $(BUILD)/notable.o linker.ld $(BUILD)/link.stamp
	$(Q)$(LD) $(KERNEL_LDFLAGS) $(OBJECTS) $(BUILD)/notable.o -o $@

$(KERNEL): $(PASS1) $(BUILD)/symtab.o tools/moved.sh
	$(call say,LINK,$@)
	$(Q)$(LD) $(KERNEL_LDFLAGS) $(OBJECTS) $(BUILD)/symtab.o -o $@
	$(Q)sh tools/moved.sh $(NM) $(PASS1) $@

# ---- the disc ----

GRUB_MKRESCUE = $(call once,GRUB_MKRESCUE,$(call first,grub-mkrescue grub2-mkrescue i686-elf-grub-mkrescue))
GRUB_DIR ?= /usr/lib/grub
GRUB_PLATFORMS := i386-pc x86_64-efi i386-efi
# What the menu needs, what GRUB loads by itself when it starts from the disc, and for whoever presses c.
GRUB_MODULES := normal multiboot serial memrw terminal test all_video iso9660 fat \
    part_acorn part_amiga part_apple part_bsd part_dfly part_dvh part_gpt part_msdos part_plan part_sun part_sunpc \
    echo halt ls lsmmap minicmd reboot videoinfo

define check-disc-tools
$(call need,grub-mkrescue grub2-mkrescue i686-elf-grub-mkrescue,grub-mkrescue)
$(call need,xorriso,xorriso)
$(call need,mformat,mtools)
$(foreach platform,$(GRUB_PLATFORMS),$(if $(wildcard $(GRUB_DIR)/$(platform)/moddep.lst),,$(no-platform)))
$(if $(strip $(FONTS)),,$(call missing,a font for the framebuffer is missing,font))
endef

# Where no package is known that has it, the disc does without.
no-platform = $(if $(shell sh tools/deps.sh for grub-$(platform)), \
    $(call missing,GRUB for $(platform) ($(GRUB_DIR)/$(platform)) is missing,grub-$(platform)), \
    $(info No GRUB for $(platform) in $(GRUB_DIR): the disc will not boot there))

.PHONY: iso
iso: $(ISO)

$(BUILD)/cmdline.stamp: export STAMP = $(CMDLINE)
$(BUILD)/cmdline.stamp: FORCE
	$(update-stamp)

$(BUILD)/grub.cfg: iso/grub.cfg.in tools/grub-cfg.sh $(BUILD)/cmdline.stamp
	$(Q)sh tools/grub-cfg.sh $< >$@

# The tests' disc is the same, but for what it boots, and that it does not wait.
$(BUILD)/test.cfg: iso/grub.cfg.in tools/grub-cfg.sh
	$(Q)CMDLINE='-- test; machine; maps' sh tools/grub-cfg.sh $< | sed 's/^set timeout=.*/set timeout=0/' >$@

TEST_ISO := $(BUILD)/test.iso
$(ISO): $(BUILD)/grub.cfg
$(TEST_ISO): $(BUILD)/test.cfg

$(ISO) $(TEST_ISO): $(BUILD)/%.iso: $(KERNEL)
	$(check-disc-tools)
	$(call say,ISO,$@)
	@rm -rf $(BUILD)/disc-$*
	@mkdir -p $(BUILD)/disc-$*/boot/grub
	@cp $(KERNEL) $(BUILD)/disc-$*/boot/
	@cp $(filter %.cfg,$^) $(BUILD)/disc-$*/boot/grub/grub.cfg
	$(Q)$(GRUB_MKRESCUE) --compress=xz --install-modules='$(GRUB_MODULES)' --locales= --fonts= --themes= \
	    -o $@ $(BUILD)/disc-$* >$(BUILD)/disc-$*.log 2>&1 || { cat $(BUILD)/disc-$*.log >&2; exit 1; }

# ---- running it ----

QEMU = $(call once,QEMU,$(or $(call first,qemu-system-i386 qemu-system-x86_64),$(call missing,QEMU is missing,qemu)))
QEMUFLAGS ?=
GDB = $(call once,GDB,$(or $(call first,i686-elf-gdb gdb-multiarch gdb),$(call missing,gdb is missing,gdb)))

.PHONY: run run-iso debug
run: $(KERNEL)
	$(Q)sh tools/qemu.sh $(QEMU) -kernel $(KERNEL) -append "panic=stay$${CMDLINE:+ $$CMDLINE}" $(QEMUFLAGS)

run-iso: $(ISO)
	$(Q)sh tools/qemu.sh $(QEMU) -cdrom $(ISO) -boot d $(QEMUFLAGS)

debug: $(KERNEL)
	$(Q)sh tools/debug.sh $(GDB) $(QEMU) $(KERNEL) $(QEMUFLAGS)

# ---- the host side: tests/host/host.mk defines host-tools and host-tests ----

HOST_CC ?= i686-linux-gnu-gcc
I386_ROOT := $(BUILD)/i386
I386_STAMP := $(I386_ROOT)/.complete
I386_PACKAGES := libcmocka-dev lua5.4 sqlite3

# The script is quick when everything is there.
$(I386_STAMP): FORCE
	@sh tools/i386-root.sh $(I386_ROOT) $(I386_PACKAGES)

.PHONY: check-host host host-tools host-tests
check-host:
	$(call need,$(HOST_CC),compiler)

host: check-host host-tools

-include tests/host/host.mk

# ---- the benchmarks: tests/bench/bench.mk defines bench and bench-host ----

-include tests/bench/bench.mk

# ---- the tests ----

# A kernel from each compiler that is here, with the sanitizer too, in $(BUILD)/variant/NAME/quire.elf.
VARIANTS := elf-gcc gcc clang ubsan ubsan-clang
CROSS_elf-gcc := i686-elf-
CROSS_gcc := i686-linux-gnu-
CROSS_clang := clang
CROSS_ubsan := i686-linux-gnu-
CROSS_ubsan-clang := clang
TOOLS_elf-gcc := i686-elf-gcc i686-elf-ld
TOOLS_gcc := i686-linux-gnu-gcc i686-linux-gnu-ld
TOOLS_clang := clang ld.lld
TOOLS_ubsan := $(TOOLS_gcc)
TOOLS_ubsan-clang := $(TOOLS_clang)

# $(call all-there,TOOL...): not empty where each of them is there.
all-there = $(if $(filter-out $(foreach tool,$(1),$(call have,$(tool))),$(1)),,yes)

.PHONY: variants $(VARIANTS:%=variant-%)
variants: $(VARIANTS:%=variant-%)

# A variant whose compiler has gone goes too, or it would be tested for ever.
$(VARIANTS:%=variant-%): variant-%:
	$(if $(call all-there,$(TOOLS_$*)), \
	    $(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/variant/$* CROSS=$(CROSS_$*) UBSAN=$(if $(filter ubsan%,$*),1) all, \
	    @echo "  variant $* is passed over: no $(TOOLS_$*)"; rm -rf $(BUILD)/variant/$*)

# The first Python that has what the tests import.
PYTHON = $(call once,PYTHON,$(or $(find-python),$(call missing,pytest$(comma) pytest-xdist and pexpect for python3 are missing,test)))
find-python = $(shell for python in python3 /usr/bin/python3; do \
    $$python -c 'import pytest, xdist, pexpect' 2>/dev/null && echo $$python && break; done)

# v86 comes from the npm registry. Where that is out of reach, or there is no npm, its tests are passed over.
V86 := $(BUILD)/v86
$(V86)/.complete: tests/boot/v86/package.json tests/boot/v86/package-lock.json
	@mkdir -p $(V86)
	@cp $^ $(V86)/
	$(Q)cd $(V86) && if command -v npm >/dev/null && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1; \
	    then touch .complete; else echo '  v86 is passed over: npm did not bring it ($(V86)/npm.log)'; fi

# What the tests run is not part of this make.
PYTEST = MAKEFLAGS= MAKELEVEL= QUIRE_BUILD=$(BUILD) $(PYTHON) -m pytest -q -n auto $(PYTEST_FLAGS)
PYTEST_FLAGS ?=

.PHONY: check-tests test test-kernel test-host test-boot test-programs
check-tests:
	$(call need,qemu-system-i386,qemu)$(call need,qemu-system-x86_64,qemu)$(if $(PYTHON),@:)

test: check-tests all variants iso $(TEST_ISO) $(V86)/.complete test-programs
	$(Q)$(PYTEST) tests

test-kernel: check-tests all variants iso
	$(Q)$(PYTEST) tests/boot/test_kernel_tests.py

test-boot: check-tests all variants iso $(TEST_ISO) $(V86)/.complete
	$(Q)$(PYTEST) tests/boot

test-host: test-programs
	$(Q)$(PYTEST) tests/host

# A machine without the host compiler still runs all other tests.
test-programs:
	$(if $(call have,$(HOST_CC)), \
	    $(Q)$(MAKE) --no-print-directory host host-tests, \
	    @echo '  the host tests are passed over: no $(HOST_CC)')

# ---- the monitor's pictures, for the README ----

.PHONY: pictures
pictures: check-tests $(KERNEL)
	$(call say,PICTURES,.pictures/)
	$(Q)$(PYTHON) tools/pictures.py $(KERNEL) .pictures

# ---- the rest ----

.PHONY: deps clean help FORCE
deps:
	@sh tools/deps.sh

clean:
	rm -rf $(BUILD)

define help-text
make            the kernel: $(KERNEL)
make deps       install what is missing to build, run and test it (Debian, Ubuntu; elsewhere: say what)
make run        boot it in QEMU: the monitor on this terminal, and a window where there is a display
                (Ctrl-A x leaves QEMU, Ctrl-A c is QEMU's own monitor, Ctrl-C goes to Quire)
make iso        a disc, and a USB stick, that boots on any PC, BIOS or UEFI: $(ISO)
make run-iso    boot the disc in QEMU
make debug      QEMU waiting, gdb attached with the symbols and tools/quire.gdb
make test       all tests; parts: test-kernel, test-host, test-boot
make bench      the benchmarks, in instructions; BENCH=PATTERN for some of them
make bench-host the heap's time and footprint beside other allocators: a table, $(BUILD)/bench-host.svg
make pictures   the monitor's screens anew: .pictures/*.png
make host       the host tools: $(BUILD)/host/memmap, $(BUILD)/host/libkmalloc.so
make clean      remove $(BUILD)/

CMDLINE="..."   what the kernel is given, for run, iso and debug: CMDLINE="-- mem; walk 0xC0000000"
MEM=128M        the machine's memory, for run, run-iso, bench (if not given: 4 GiB and 64 MiB) and debug
QEMUFLAGS="..." more options for QEMU
CROSS=PREFIX    the compiler: i686-elf-, i686-linux-gnu-, any prefix, or clang
UBSAN=1         with the undefined-behaviour sanitizer
V=1             show the commands
endef

help:
	$(info $(help-text))@:

FORCE:
