# The host side: mm/ built for the build machine, 32-bit. Included by the Makefile, which sets BUILD, Q, HOST_CC (a
# compiler for i386 Linux), I386_ROOT (a private root with Debian's i386 packages) and I386_STAMP (it is there).
#
# Tests run under AddressSanitizer and UndefinedBehaviorSanitizer, linked statically, with the dynamic loader and the
# C library of the cross compiler: nothing is installed for them.

HOST_OUT := $(BUILD)/host
HOST_SYSROOT ?= /usr/i686-linux-gnu/lib
HOST_LIBS := $(abspath $(I386_ROOT))/usr/lib/i386-linux-gnu

HOST_WARN := -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Werror=int-conversion
HOST_CFLAGS := -std=gnu11 -m32 -O2 -g -fno-omit-frame-pointer -fno-strict-aliasing -fno-common $(HOST_WARN)
HOST_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
HOST_LOADER := -Wl,--dynamic-linker=$(HOST_SYSROOT)/ld-linux.so.2 -Wl,-rpath,$(HOST_LIBS):$(HOST_SYSROOT)

# What a sanitized program needs beside its own objects.
HOST_LDFLAGS := -m32 -no-pie $(HOST_SANITIZE) -static-libasan -static-libubsan $(HOST_LOADER)

HOST_INCLUDE := -iquote tests/host/include -iquote include -iquote tests/host -idirafter $(I386_ROOT)/usr/include
HOST_MM_KMALLOC := $(filter-out mm/kmalloc_pages.c,$(wildcard mm/kmalloc*.c))

# ---- the tests: each one's sources beside its own file and support.c ----

HOST_TESTS := bitmap memmap pm vmem kmalloc
HOST_SRC_bitmap := mm/bitmap.c
HOST_SRC_memmap := mm/memmap.c mm/bitmap.c
HOST_SRC_pm := mm/pm.c mm/memmap.c mm/bitmap.c
HOST_SRC_vmem := mm/vmem.c mm/heap_pages.c mm/pm.c mm/bitmap.c tests/host/mmu.c
HOST_SRC_kmalloc := $(HOST_MM_KMALLOC) mm/bitmap.c tests/host/heap_pages.c

# test_vmem sees pm's calls, and stands in for the linker script of the kernel.
comma := ,
HOST_LD_vmem := $(foreach fn,pm_alloc_page pm_free_page pm_alloc_pages pm_free_pages,-Wl$(comma)--wrap=$(fn)) \
    $(foreach def,kernel_start=0x100000 text_end=0x10c000 rodata_start=0x10c000 rodata_end=0x110000 \
    data_start=0x110000 fault_stack_guard=0x113000 fault_stack_bottom=0x114000 fault_stack_top=0x116000 \
    boot_stack_guard=0x118000 boot_stack_bottom=0x119000 boot_stack_top=0x11d000 data_end=0x130000 \
    symtab_start=0x130000 kernel_end=0x138000,-Wl$(comma)--defsym=$(def))

HOST_TEST_BINARIES := $(HOST_TESTS:%=$(HOST_OUT)/test_%)

# Objects of the sanitized programs: $(HOST_OUT)/asan/PATH.o from PATH.c.
$(HOST_OUT)/asan/%.o: %.c $(I386_STAMP) tests/host/host.mk
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -fno-pie $(HOST_SANITIZE) $(HOST_INCLUDE) -MMD -MP -c $< -o $@

define host_test
$(HOST_OUT)/test_$(1): $(patsubst %.c,$(HOST_OUT)/asan/%.o,tests/host/test_$(1).c tests/host/support.c $(HOST_SRC_$(1)))
	$$(Q)$$(HOST_CC) $$(HOST_LDFLAGS) $$(HOST_LD_$(1)) $$^ -L$$(HOST_LIBS) -lcmocka -o $$@
endef
$(foreach test,$(HOST_TESTS),$(eval $(call host_test,$(test))))
