# The compiler and its flags, the other tools, and the helpers that every .mk file uses. Included by the Makefile.
#
# A tool is looked for when it is first used, so that `make deps run` finds what deps has just installed.

ifneq ($(filter deps clean,$(MAKECMDGOALS)),)
.NOTPARALLEL: # the goals after these wait for them
endif

# ---- helpers ----

comma := ,
space := $(subst ,, )

# $(call say,WORD,FILE): a line of progress. With V=1 make shows the commands instead.
ifeq ($(V),1)
Q :=
say =
else
Q := @
say = @printf '  %-9s%s\n' '$(1)' '$(2)'
endif

# $(call have,TOOL): TOOL if it is here.
have = $(if $(shell command -v $(1) 2>/dev/null),$(1))

# $(call first,TOOL...): the first that is here, or nothing.
first = $(firstword $(foreach tool,$(1),$(call have,$(tool))))

# $(call all-here,TOOL...): not empty if each of them is here.
all-here = $(if $(filter-out $(foreach tool,$(1),$(call have,$(tool))),$(1)),,yes)

# NAME = $(call once,NAME,VALUE): VALUE is worked out at NAME's first use, and only then.
once = $(eval $(1) := $(2))$($(1))

# $(call need,TOOL...,ENTRY): stops if none of the tools is here. ENTRY is their name in tools/deps.sh.
need = $(if $(call first,$(1)),,$(call missing,$(firstword $(1)) is missing,$(2)))

# $(call missing,WHAT,ENTRY): stops, and says which command installs it.
missing = $(error $(1): $(call install-hint,$(shell sh tools/deps.sh for $(2))))
install-hint = $(if $(1),run '$(1)'$(if $(call have,apt-get), (or '$(make-deps)')),install it with this system's packages)
make-deps = $(strip make deps $(filter-out deps,$(MAKECMDGOALS)))

# A stamp is a file that holds the text STAMP. It is written only when the text has changed: whatever depends on
# it is then rebuilt.
$(BUILD)/%.stamp: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$STAMP" | cmp -s - $@ || printf '%s\n' "$$STAMP" >$@

.PHONY: FORCE
FORCE:

# ---- the version: a line in VERSION; between releases the commit follows ----

VERSION := $(shell cat VERSION)
QUIRE_VERSION = $(call once,QUIRE_VERSION,$(VERSION)$(addprefix +g,$(commit)))
commit = $(if $(wildcard .git),$(shell git describe --exact-match --match v$(VERSION) >/dev/null 2>&1 || \
    git rev-parse --short HEAD 2>/dev/null))

# ---- the compiler: CROSS is a prefix, or clang (clang-15, ...) ----

CROSS ?=
TOOLCHAIN = $(call once,TOOLCHAIN,$(or $(CROSS),$(find-toolchain)))
find-toolchain = $(or $(patsubst %gcc,%,$(call first,i686-elf-gcc i686-linux-gnu-gcc)),$(find-clang))
find-clang = $(and $(call have,clang),$(call have,ld.lld),clang)
is-clang = $(filter clang%,$(TOOLCHAIN))

# A function with more than a page of locals touches its stack page by page, so that it cannot step over a guard
# page. Clang's driver drops the option for a target without an operating system, hence -Xclang.
stack-probes := -fstack-clash-protection
# No register of more than 4 bytes is ever saved, so the stack needs no more alignment than that.
stack-alignment = $(if $(is-clang),-mstack-alignment=4,-mpreferred-stack-boundary=2)
CC = $(if $(is-clang),$(TOOLCHAIN) --target=i686-none-elf -Xclang $(stack-probes),$(TOOLCHAIN)gcc $(stack-probes))
LD = $(if $(is-clang),$(patsubst clang%,ld.lld%,$(TOOLCHAIN)),$(TOOLCHAIN)ld)
NM = $(call once,NM,$(if $(is-clang),$(call first,$(patsubst clang%,llvm-nm%,$(TOOLCHAIN)) nm),$(TOOLCHAIN)nm))
# Without it backtraces have no source lines.
OBJDUMP = $(call once,OBJDUMP,$(call first,$(if $(is-clang),$(patsubst clang%,llvm-objdump%,$(TOOLCHAIN)) objdump, \
    $(TOOLCHAIN)objdump)))

WARNINGS := -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wconversion -Wsign-conversion \
    -Wcast-align -Wundef -Wvla -Werror=int-conversion -Werror=return-type

# Flags of everything that runs on the i386: the kernel and the programs. Some compilers switch -fcf-protection on
# by themselves, which -march=i486 does not allow. Of DWARF 5, binutils 2.40 takes some lines for another file's.
I386_CFLAGS := -std=gnu11 -ffreestanding -O2 -gdwarf-4 -m32 -march=i486 -mtune=core2 -mgeneral-regs-only \
    -fno-omit-frame-pointer -momit-leaf-frame-pointer -fno-pic -fno-pie -fno-asynchronous-unwind-tables \
    -fcf-protection=none -fno-common -fno-strict-aliasing $(WARNINGS)

CPPFLAGS := -iquote include -iquote $(BUILD)
KERNEL_CFLAGS = $(I386_CFLAGS) $(stack-alignment) -fstack-protector-strong -mstack-protector-guard=global
KERNEL_LDFLAGS := -m elf_i386 -nostdlib -z max-page-size=4096 --build-id=none -T linker.ld

# UBSAN=1: kernel/trap/ubsan.c reports what C leaves undefined, when it happens.
UBSAN ?=
ifeq ($(UBSAN),1)
KERNEL_CFLAGS += -fsanitize=undefined -DQUIRE_UBSAN
endif

# LAB=1: the kernel tells the page that it runs in what it does to its page tables (include/lab.h, web/). Each call keeps its
# frame there, also one that ends in another call, so that who called whom can be shown.
ifeq ($(LAB),1)
KERNEL_CFLAGS += -DQUIRE_LAB -fno-optimize-sibling-calls
endif

$(BUILD)/compile.stamp: export STAMP = $(CC) $(CPPFLAGS) $(KERNEL_CFLAGS)
$(BUILD)/link.stamp: export STAMP = $(LD) $(KERNEL_LDFLAGS) $(OBJECTS)
$(BUILD)/compile.stamp $(BUILD)/link.stamp: check-toolchain

# Stops unless all of it is here. A compiler that CROSS names is never replaced by another.
.PHONY: check-toolchain
check-toolchain:
	$(if $(TOOLCHAIN),,$(call missing,no compiler for i386 ($(compilers)),compiler))
	$(foreach tool,$(firstword $(CC)) $(LD) $(or $(NM),nm),$(if $(call have,$(tool)),,$(no-tool)))@:

compilers := i686-elf-gcc$(comma) i686-linux-gnu-gcc$(comma) or clang with ld.lld
no-tool = $(if $(filter clang% i686-linux-gnu-,$(TOOLCHAIN)), \
    $(call missing,$(tool) is missing,$(if $(is-clang),clang,compiler)),$(error $(no-such-prefix)))
no-such-prefix = CROSS=$(CROSS): there is no $(tool). CROSS is a compiler's prefix, such as i686-elf-, or clang; \
    without it make takes the first that is here$(if $(find-toolchain),: $(find-toolchain))

# ---- the other tools that the Makefile runs ----

QEMU = $(call once,QEMU,$(or $(call first,qemu-system-i386 qemu-system-x86_64),$(call missing,QEMU is missing,qemu)))
GDB = $(call once,GDB,$(or $(call first,i686-elf-gdb gdb-multiarch gdb),$(call missing,gdb is missing,gdb)))
