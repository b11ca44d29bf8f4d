# The host side: mm/ built for the build machine, 32-bit. Included by the Makefile, which sets BUILD, Q, HOST_CC
# (a compiler for i386 Linux), I386_ROOT (a private root with Debian's i386 packages) and I386_STAMP (all are
# there).
#
# The tests and memmap run under AddressSanitizer and UndefinedBehaviorSanitizer, linked statically, with the
# dynamic loader and the C library of the cross compiler: nothing is installed for them. libkmalloc.so has no
# sanitizer, since it goes into programs that have none. Where the system runs no i386 programs QEMU does, and
# they have the second of the two only: the first needs addresses that QEMU uses.

HOST_OUT := $(BUILD)/host
HOST_LIBS := $(abspath $(I386_ROOT))/usr/lib/i386-linux-gnu

# Under QEMU a directory's offsets can be those of the machine itself, of 64 bits.
HOST_CFLAGS := -std=gnu11 -m32 -O2 -g -fno-omit-frame-pointer -fno-strict-aliasing -fno-common \
    -D_FILE_OFFSET_BITS=64 $(WARNINGS)
# Where another kind of machine seems to run them, an emulator does.
runs-i386 = $(and $(filter x86_64 i%86,$(shell uname -m)), \
    $(shell $(HOST_LIBC)/ld-linux.so.2 --list $(HOST_LIBC)/libc.so.6 >/dev/null 2>&1 && echo yes))
i386-emulator = $(if $(runs-i386),,qemu-i386)
HOST_SANITIZE = $(call once,HOST_SANITIZE,-fsanitize=$(if $(runs-i386),address$(comma))undefined \
    -fno-sanitize-recover=all)
HOST_INCLUDE := -iquote tests/host/include -iquote include -iquote mm -iquote tests/host -idirafter $(I386_ROOT)/usr/include

# Where the compiler's own C library lies; and what makes a program run with it.
HOST_LIBC = $(abspath $(dir $(shell $(HOST_CC) -m32 -print-file-name=libc.so.6)))
HOST_LOADER = $(addprefix -Wl$(comma)--dynamic-linker=,$(wildcard $(HOST_LIBC)/ld-linux.so.2)) \
    -Wl,-rpath,$(HOST_LIBS):$(HOST_LIBC)

# ---- sources: what each program has beside its own file ----

HOST_HEAP := $(sort $(filter-out mm/kmalloc_pages.c,$(wildcard mm/kmalloc*.c))) mm/bitmap.c tests/host/pages.c

HOST_TESTS := bitmap memmap boot_info pm vmem space kmalloc model terminal elf tty fault module fpu linux
# A lab's folder may lack one: it looks inside what is to be written there.
HOST_TESTS := $(patsubst tests/host/test_%.c,%,$(wildcard $(HOST_TESTS:%=tests/host/test_%.c)))
HOST_SRC_bitmap := mm/bitmap.c
HOST_SRC_memmap := mm/memmap.c mm/bitmap.c
HOST_SRC_boot_info := kernel/multiboot/boot_info.c tests/host/frames.c mm/pm.c mm/memmap.c mm/bitmap.c
HOST_SRC_pm := tests/host/frames.c mm/pm.c mm/memmap.c mm/bitmap.c
HOST_SRC_vmem := tests/host/frames.c mm/vmem_check.c mm/vmem.c mm/kmalloc_pages.c mm/pm.c mm/bitmap.c tests/host/mmu.c
HOST_SRC_space := mm/space.c tests/host/frames.c mm/vmem_check.c mm/vmem.c mm/pm.c mm/bitmap.c tests/host/mmu.c
HOST_SRC_kmalloc := $(HOST_HEAP)
HOST_MACHINE := $(wildcard tests/model/*.c) $(addprefix tests/host/,machine.c mmu.c pages.c frames.c) mm/bitmap.c mm/pm.c \
    mm/vmem.c mm/vmem_check.c mm/space.c $(filter-out mm/kmalloc_pages.c,$(sort $(wildcard mm/kmalloc*.c)))
HOST_SRC_model := $(HOST_MACHINE)
HOST_SRC_terminal := kernel/console/terminal.c
HOST_SRC_elf := kernel/process/elf.c
HOST_SRC_tty := kernel/process/tty.c
HOST_SRC_fault := kernel/process/fault.c kernel/lib/format.c
HOST_SRC_module := kernel/process/module.c kernel/lib/format.c
HOST_SRC_fpu := kernel/process/fpu.c
HOST_SRC_linux := tests/host/linux_ours.c tests/host/linux_theirs.c

# test_vmem sees pm's calls, test_pm its summary, test_boot_info what is logged. HOST_LAYOUT stands in for the kernel's
# linker script.
HOST_LAYOUT := $(foreach def,kernel_start=0x100000 text_end=0x10c000 rodata_start=0x10c000 rodata_end=0x110000 \
    data_start=0x110000 fault_stack_guard=0x113000 fault_stack_bottom=0x114000 fault_stack_top=0x116000 \
    boot_stack_guard=0x118000 boot_stack_bottom=0x119000 boot_stack_top=0x11d000 data_end=0x130000 \
    symtab_start=0x130000 kernel_end=0x138000,-Wl$(comma)--defsym=$(def))
HOST_LD_pm := -Wl,--wrap=summary_check
HOST_LD_vmem := $(foreach fn,pm_alloc_page pm_free_page pm_free_pages,-Wl$(comma)--wrap=$(fn)) $(HOST_LAYOUT)
HOST_LD_space := $(HOST_LAYOUT)
HOST_LD_boot_info := -Wl,--wrap=kprintf $(HOST_LAYOUT)
HOST_LD_fault := -Wl,--wrap=kprintf
HOST_LD_module := -Wl,--wrap=kprintf
HOST_LD_model := $(HOST_LAYOUT)

# ---- objects: sanitized, plain, and position-independent ----

HOST_FLAGS_asan = -fno-pie $(HOST_SANITIZE)
HOST_FLAGS_plain := -fno-pie
HOST_FLAGS_pic := -fPIC -fvisibility=hidden -fno-builtin

define host_objects
$(HOST_OUT)/$(1)/%.o: %.c tests/host/host.mk
	@mkdir -p $$(@D)
	$$(Q)$$(HOST_CC) $$(HOST_CFLAGS) $$(HOST_FLAGS_$(1)) $$(HOST_INCLUDE) -MMD -MP -c $$< -o $$@
endef
$(foreach kind,asan plain pic,$(eval $(call host_objects,$(kind))))

host_object = $(patsubst %.c,$(HOST_OUT)/$(1)/%.o,$(2))

# What includes cmocka waits for it.
$(call host_object,asan,$(HOST_TESTS:%=tests/host/test_%.c) tests/host/support.c tests/host/mmu.c tests/host/machine.c): | $(I386_STAMP)
$(call host_object,plain,tests/host/test_libkmalloc.c tests/host/support.c): | $(I386_STAMP)

# ---- programs ----

HOST_LINK_ASAN = -m32 -no-pie $(HOST_SANITIZE) -static-libasan -static-libubsan $(HOST_LOADER)
HOST_PROGRAMS := $(HOST_TESTS:%=$(HOST_OUT)/test_%) $(HOST_OUT)/test_libkmalloc

define host_test
$(HOST_OUT)/test_$(1): $(call host_object,asan,$(HOST_SRC_$(1)) $(addprefix tests/host/,test_$(1).c support.c sanitizer.c))
	$$(Q)$$(HOST_CC) $$(HOST_LINK_ASAN) $$(HOST_LD_$(1)) $$^ -L$$(HOST_LIBS) -lcmocka -o $$@
endef
$(foreach test,$(HOST_TESTS),$(eval $(call host_test,$(test))))

$(HOST_OUT)/test_libkmalloc: $(call host_object,plain,tests/host/test_libkmalloc.c tests/host/support.c)
	$(Q)$(HOST_CC) -m32 -no-pie $(HOST_LOADER) $^ -L$(HOST_LIBS) -lcmocka -o $@

$(HOST_OUT)/memmap: $(call host_object,asan,mm/memmap.c mm/bitmap.c tests/host/memmap_tool.c tests/host/sanitizer.c)
	$(Q)$(HOST_CC) $(HOST_LINK_ASAN) $^ -o $@

$(HOST_OUT)/libkmalloc.so: $(call host_object,pic,$(HOST_HEAP) tests/host/libkmalloc.c)
	$(Q)$(HOST_CC) -m32 -shared -Wl,-z,now,-z,defs $^ -o $@

-include $(wildcard $(foreach kind,asan plain pic,$(HOST_OUT)/$(kind)/*/*.d $(HOST_OUT)/$(kind)/*/*/*.d))

# ---- targets ----

.PHONY: host-tools host-tests host-programs
host-tools: $(HOST_OUT)/memmap $(HOST_OUT)/libkmalloc.so

host-programs: $(HOST_PROGRAMS) $(BUILD)/bench/bench_heap

# Without cmocka (no Debian archive in reach) the unit tests are passed over.
host-tests: $(I386_STAMP)
	$(Q)if [ -e $(HOST_LIBS)/libcmocka.so ]; then $(MAKE) --no-print-directory host-programs; \
	else echo '  the host unit tests are passed over: no cmocka in $(I386_ROOT)'; fi
