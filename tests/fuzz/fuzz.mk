# Fuzzing. Included by the Makefile. Each tests/fuzz/TARGET.c is a program of libFuzzer's, with AddressSanitizer and
# UndefinedBehaviorSanitizer: 32-bit, compiled by clang, linked by the cross compiler with its libstdc++.
#
# build/fuzz/corpus/TARGET holds what was found to be worth keeping on this machine; tests/fuzz/corpus/TARGET what
# `make test` replays: a few inputs to begin with, and every one that ever found something.

SECONDS ?= 60
BOOTS ?= 10000

FUZZ_OUT := $(BUILD)/fuzz
FUZZ_SUPPORT := tests/fuzz/fuzz.c
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(filter-out $(FUZZ_SUPPORT),$(wildcard tests/fuzz/*.c)))
FUZZ_CLANG := clang
FUZZ_CC := $(FUZZ_CLANG) --target=i686-linux-gnu
FUZZ_RUNTIME = $(call once,FUZZ_RUNTIME,$(shell $(FUZZ_CLANG) --print-resource-dir 2>/dev/null)/lib/linux)
FUZZ_LIBRARIES = $(addprefix $(FUZZ_RUNTIME)/libclang_rt.,fuzzer-i386.a asan-i386.a)
FUZZ_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -fno-strict-aliasing -fno-pie -D_FILE_OFFSET_BITS=64 \
    -Wall -Wextra -Wno-unused-parameter -fsanitize=address,undefined -fno-sanitize-recover=all -DMMU_FRAMES=1536u
# What simulates and what compares is not what is to be covered, and would take nearly all of the time.
fuzz-covers = $(if $(filter tests/host/% tests/model/%,$(1)),,-fsanitize=fuzzer-no-link)
FUZZ_INCLUDE = -idirafter /usr/i686-linux-gnu/include $(HOST_INCLUDE)

FUZZ_SRC_memmap := mm/memmap.c mm/bitmap.c
FUZZ_SRC_options := kernel/multiboot/options.c
FUZZ_SRC_boot_info := $(HOST_SRC_boot_info)
FUZZ_SRC_elf := kernel/process/elf.c
FUZZ_SRC_monitor := $(addprefix kernel/,monitor/args.c monitor/complete.c lib/format.c)
$(foreach model,pm vmem space kmalloc,$(eval FUZZ_SRC_$(model) := $(HOST_MACHINE)))

fuzz_object = $(patsubst %.c,$(FUZZ_OUT)/obj/%.o,$(1))

$(FUZZ_OUT)/obj/%.o: %.c tests/fuzz/fuzz.mk | $(I386_STAMP)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(call fuzz-covers,$<) $(FUZZ_INCLUDE) -MMD -MP -c $< -o $@

define fuzz_program
$(FUZZ_OUT)/$(1): $(call fuzz_object,$(FUZZ_SRC_$(1)) tests/fuzz/$(1).c $(FUZZ_SUPPORT))
	$$(Q)$$(HOST_CC) -m32 -no-pie $$^ -Wl,--whole-archive $$(FUZZ_LIBRARIES) -Wl,--no-whole-archive \
	    $$(HOST_LIBC)/libstdc++.so.6 -lm -ldl -lpthread -lrt $$(HOST_LAYOUT) $$(HOST_LOADER) -o $$@
endef
$(foreach target,$(FUZZ_TARGETS),$(eval $(call fuzz_program,$(target))))

-include $(wildcard $(FUZZ_OUT)/obj/*/*.d $(FUZZ_OUT)/obj/*/*/*.d)

# Each of clang, its 32-bit runtime, the cross compiler and its libstdc++ is needed.
can-fuzz = $(and $(call all-here,$(FUZZ_CLANG) $(HOST_CC)),$(wildcard $(firstword $(FUZZ_LIBRARIES))),$(wildcard \
    $(HOST_LIBC)/libstdc++.so.6),$(runs-i386))

.PHONY: fuzz fuzz-programs fuzz-boot
fuzz-programs: $(FUZZ_TARGETS:%=$(FUZZ_OUT)/%)

fuzz: check-tests all
	$(if $(can-fuzz),,$(call missing,clang with its 32-bit sanitizers is missing,fuzz))
	$(Q)$(MAKE) --no-print-directory fuzz-programs
	$(Q)sh tests/fuzz/run.sh $(FUZZ_OUT) $(SECONDS) $(FUZZ_TARGETS)

# The named boots, malformed or rough, and the maps of a hundred machines, which `make test` has too (NAMED=0: without
# them); then boots with random Multiboot information, the first from SEED (1).
NAMED ?= 1
NAMED_BOOTS := tests/boot/test_multiboot_info.py tests/boot/test_memmaps.py

fuzz-boot: check-tests all
	$(if $(filter 0,$(NAMED)),,$(Q)$(PYTEST) -k 'not random' $(NAMED_BOOTS))
	$(Q)QUIRE_BUILD=$(BUILD) $(PYTHON) tests/fuzz/boots.py --boots $(BOOTS) --seed $(or $(SEED),1)
