# Quire's build. `make help` lists what it can do.
#
# Here stands what is built and run; the rest stands beside what it is about:
#   tools/toolchain.mk   the compiler and its flags, the tools, and the helpers that all of these use
#   user/user.mk         the programs
#   iso/iso.mk           the disc
#   tools/lint/lint.mk   the static checkers
#   labs/labs.mk         the course
#   web/web.mk           the lab, in a browser
#   tests/tests.mk       the tests; tests/host/host.mk and tests/bench/bench.mk for those on the build machine

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

BUILD := build
MEM ?= 128M
MODULES ?=
V ?= 0

# Taken verbatim, whatever $ or quotes are in it: recipes read it from the environment.
CMDLINE ?=
override CMDLINE := $(value CMDLINE)
export CMDLINE MEM

KERNEL := $(BUILD)/quire.elf
ISO := $(BUILD)/quire.iso

include tools/toolchain.mk
include user/user.mk
include iso/iso.mk
include tests/tests.mk
include tests/fuzz/fuzz.mk
include labs/labs.mk
include web/web.mk

.PHONY: all deps run run-iso debug clean help
all: $(KERNEL) $(PROGRAMS)

# ---- the kernel: every source file in these directories is part of it ----

# TESTS=0 leaves out the tests and benchmarks that run inside the kernel.
TESTS ?= 1
INSIDE := boot/*.S kernel/*.c kernel/*/*.[cS] mm/*.[cS] mm/*/*.c \
    $(if $(filter 0,$(TESTS)),,tests/kernel/*.[cS] tests/model/*.c tests/bench/*.[cS])

SOURCES := $(sort $(wildcard $(INSIDE)))
# The sanitizer's part: only with UBSAN=1.
ifneq ($(UBSAN),1)
SOURCES := $(filter-out kernel/trap/ubsan.c,$(SOURCES))
endif
# The lab's: only with LAB=1.
ifneq ($(LAB),1)
SOURCES := $(filter-out kernel/machine/lab.c kernel/monitor/trace_told.c,$(SOURCES))
else # the page is to stay small: tests of what it never boots with are left out, and of what is not about memory
LEFT_OUT := heap_debug heap_records process_files process_pipes process_terminal process_turns
SOURCES := $(filter-out $(LEFT_OUT:%=tests/kernel/test_%.c),$(SOURCES))
endif
OBJECTS := $(SOURCES:%=$(BUILD)/%.o) $(BUILD)/fonts.o
# The lab has a second kernel, whose vmem.c lacks a flush, as its difference from the first: little, where vmem.o is the last.
ifeq ($(LAB),1)
OBJECTS := $(filter-out %/mm/vmem.c.o,$(OBJECTS)) $(BUILD)/mm/vmem.c.o
endif

$(BUILD)/%.c.o: %.c $(BUILD)/compile.stamp | $(BUILD)/version.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(KERNEL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/%.S.o: %.S $(BUILD)/compile.stamp
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(KERNEL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/%.o: $(BUILD)/%.S
	$(Q)$(CC) $(CPPFLAGS) $(KERNEL_CFLAGS) -c $< -o $@

-include $(OBJECTS:.o=.d)

# The kernel contains its own symbol table, so it is linked twice: first without the table, which is made from
# that link, and then with it. The table comes last in the image, so that it moves nothing; tools/moved.sh
# checks that. (The first link has an empty object in the table's place: even an empty .text affects alignment.)
PASS1 := $(BUILD)/quire.pass1.elf

$(BUILD)/notable.S: $(BUILD)/compile.stamp
	@echo '.section .note.GNU-stack, "", @progbits' >$@

$(PASS1): $(OBJECTS) $(BUILD)/notable.o linker.ld $(BUILD)/link.stamp
	$(Q)$(LD) $(KERNEL_LDFLAGS) $(OBJECTS) $(BUILD)/notable.o -o $@

$(BUILD)/symtab.S: $(PASS1) tools/symbols.sh tools/lines.sh
	$(call say,SYMBOLS,$@)
	$(Q)sh tools/symbols.sh $(NM) $(PASS1) >$@
	$(Q)sh tools/lines.sh '$(OBJDUMP)' $(PASS1) >>$@

$(KERNEL): $(PASS1) $(BUILD)/symtab.o tools/moved.sh
	$(call say,LINK,$@)
	$(Q)$(LD) $(KERNEL_LDFLAGS) $(OBJECTS) $(BUILD)/symtab.o -o $@
	$(Q)sh tools/moved.sh $(NM) $(PASS1) $@

# The fonts of the framebuffer console.
$(BUILD)/fonts.S: kernel/console/cp437.h tools/font.sh $(BUILD)/fonts.stamp $(BUILD)/compile.stamp
	$(call say,FONT,$@)
	$(Q)sh tools/font.sh kernel/console/cp437.h $(FONTS) >$@
	$(if $(strip $(FONTS)),,$(info $(no-font)))

# "version.h": QUIRE_VERSION, the line in the file VERSION and, in a git checkout, the commit.
$(BUILD)/version.stamp: export STAMP = $(QUIRE_VERSION)
$(BUILD)/version.h: $(BUILD)/version.stamp
	@printf '%s\n' '/* Written by the Makefile. */' '#define QUIRE_VERSION "$(QUIRE_VERSION)"' >$@

# The static checkers look at all of it.
include tools/lint/lint.mk

# ---- running it ----

QEMUFLAGS ?=
# The boot modules: programs and MODULES. QEMU separates them by commas; a comma in a name is doubled.
INITRD = $(addprefix -initrd ,$(subst $(space),$(comma),$(strip $(subst $(comma),$(comma)$(comma),$(BOOT_MODULES)))))

# $(call check-memory,MODULE...): stops if MEM is too little. QEMU would show nothing, for ever.
check-memory = $(call complain,$(shell sh tools/memory.sh '$(MEM)' $(1)))
complain = $(if $(1),$(error $(1)))

run: $(KERNEL) $(BOOT_MODULES)
	$(call check-memory,$(BOOT_MODULES))
	$(Q)[ -t 1 ] && colour=auto || colour=off; sh tools/qemu.sh $(QEMU) -kernel $(KERNEL) \
	    -append "panic=stay colour=$$colour$${CMDLINE:+ $$CMDLINE}" $(INITRD) $(QEMUFLAGS)

run-iso: $(ISO)
	$(call check-memory,$(BOOT_MODULES))
	$(Q)sh tools/qemu.sh $(QEMU) -cdrom $(ISO) -boot d $(QEMUFLAGS)

# gdb takes what qemu-system-x86_64 tells it for a 64-bit processor, so only the other will do.
debug: $(KERNEL) $(BOOT_MODULES)
	$(call need,qemu-system-i386,qemu)$(call check-memory,$(BOOT_MODULES))
	$(Q)sh tools/debug.sh $(GDB) qemu-system-i386 $(KERNEL) $(INITRD) $(QEMUFLAGS)

# ---- the rest ----

# `make deps run` installs what run needs; `make deps` alone what any target needs.
deps:
	@sh tools/deps.sh install $(filter-out deps clean help,$(MAKECMDGOALS))

clean:
	rm -rf $(BUILD)

define help-text
Start here
  make deps run CMDLINE="-- tour"   install what it needs, boot, take a guided walk through the memory system

Run
  make run          boot in QEMU: the monitor on this terminal, and a window if there is a display
                    (Ctrl-A x leaves QEMU, Ctrl-A c is QEMU's own monitor, Ctrl-C goes to Quire)
  make debug        the same under gdb, with commands for the page tables; Ctrl-C comes back to gdb
  make iso          $(ISO): boots any PC, BIOS or UEFI, as a disc or a USB stick
  make run-iso      boot the disc in QEMU

  make web-run      the lab: Quire in a browser, its page tables live (http://127.0.0.1:8186/)

Build
  make web          $(WEB)/, the lab as a folder of static files
  make              the kernel, $(KERNEL), and the programs
  make deps         install what is missing (Debian, Ubuntu; elsewhere say what); make deps run: only what run needs
  make clean        remove $(BUILD)/

Test and measure
  make test         all tests, some minutes; parts: test-kernel, test-host, test-boot, test-web
  make lint         the static checkers over every source; FILES="mm/*.c" over some
  make soak         all of memory in use at once, for MINUTES=10
  make plants       plant known bugs, one at a time, and see that the tests find each
  make prove        mm/ under a model checker, some minutes: PROOF=NAME, ROUND=short, REACH=1; prove-plants
  make fuzz         libFuzzer on every target, for SECONDS=60 in all
  make fuzz-boot    boots with malformed Multiboot information: named ones, then BOOTS=10000 random ones
  make bench        instructions for each operation; BENCH="W*" for some of them
  make budgets      write tests/bench/budgets anew, which no figure may exceed
  make bench-host   the heap beside other allocators, in time: some minutes, a table, $(BUILD)/bench-host.svg
  make host         for the build machine: $(BUILD)/host/memmap, $(BUILD)/host/libkmalloc.so
  make coverage     which lines and branches of mm/ and of programs the tests run: a table, $(BUILD)/coverage/index.html
  make mutate       small changes to the code, which the tests must notice; MUTANTS=50 for a sample, FILES="mm/pm.c"
  make pictures     the README's pictures anew; make web-pictures: the lab's

Learn and teach
  make lab LAB=NAME DIR=FOLDER   a lab of the course, to be worked on in FOLDER: $(LABS)
  make grade        there: points by exercise, and what is wrong; EXERCISE=2 for one, RESULTS=FILE for Gradescope
  make hint         there: the next hint
  make gradescope LAB=NAME   an autograder for Gradescope; HIDDEN=FOLDER adds tests that students do not see

Variables
  CMDLINE="-- mem; walk kmain"   what the kernel is given, for run, debug and iso (README, Options)
  MODULES="FILE ..."   files to bring along as boot modules, for run, debug and iso
  MEM=128M          the machine's memory
  QEMUFLAGS="..."   more options for QEMU
  CROSS=PREFIX      the compiler: i686-elf-, i686-linux-gnu-, any prefix, or clang
  UBSAN=1           with the undefined-behaviour sanitizer
  TESTS=0           without the tests and benchmarks that run inside the kernel
  V=1               show the commands
endef

help:
	$(info $(help-text))@:
