# Fuzzing. Included by the Makefile. Each tests/fuzz/TARGET.c is a program of libFuzzer's, with AddressSanitizer and
# UndefinedBehaviorSanitizer: 32-bit, compiled by clang, linked by the cross compiler with its libstdc++. Where the
# system runs no i386 programs QEMU does, and they have the second of the two only (see tests/host/host.mk).
#
# build/fuzz/corpus/TARGET holds what was found to be worth keeping on this machine; tests/fuzz/corpus/TARGET what
# `make test` replays: inputs that together reach all the code that was reached, to begin with, and every one that
# ever found something. After hours of fuzzing, more for the former:
#     build/fuzz/TARGET -merge=1 -use_counters=0 tests/fuzz/corpus/TARGET build/fuzz/corpus/TARGET

SECONDS ?= 60
BOOTS ?= 10000

FUZZ_OUT := $(BUILD)/fuzz
FUZZ_SUPPORT := tests/fuzz/fuzz.c
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(filter-out $(FUZZ_SUPPORT),$(wildcard tests/fuzz/*.c)))
FUZZ_CLANG := clang
FUZZ_CC := $(FUZZ_CLANG) --target=i686-linux-gnu
FUZZ_RUNTIME = $(call once,FUZZ_RUNTIME,$(shell $(FUZZ_CLANG) --print-resource-dir 2>/dev/null)/lib/linux)
FUZZ_LIBRARIES = $(FUZZ_RUNTIME)/libclang_rt.fuzzer-i386.a \
    $(FUZZ_RUNTIME)/libclang_rt.$(if $(runs-i386),asan,ubsan_standalone)-i386.a
FUZZ_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -fno-strict-aliasing -fno-pie -D_FILE_OFFSET_BITS=64 \
    -Wall -Wextra -Wno-unused-parameter -DMMU_FRAMES=1536u
# What simulates and what compares is not what is to be covered, and would take nearly all of the time; nor is, beneath
# programs, what has targets of its own.
fuzz-covers = $(if $(filter $(FUZZ_BARE_$(1)) tests/host/% tests/model/%,$(2)),,-fsanitize=fuzzer-no-link $(FUZZ_TRACE_$(1)))
# The simulated MMU checks each of its addresses itself, and everything waits for it.
fuzz-bare = $(if $(filter tests/host/mmu.c,$(1)),-fno-sanitize=all -O2)
FUZZ_INCLUDE = -idirafter /usr/i686-linux-gnu/include $(HOST_INCLUDE)

FUZZ_SRC_memmap := mm/memmap.c mm/bitmap.c
FUZZ_SRC_options := kernel/multiboot/options.c
FUZZ_SRC_boot_info := $(HOST_SRC_boot_info)
FUZZ_SRC_elf := kernel/process/elf.c
FUZZ_SRC_monitor := $(addprefix kernel/,monitor/args.c monitor/command.c monitor/complete.c monitor/monitor.c lib/format.c)
# Their inputs say what to do next, and no number of theirs is compared with one in the code: without libFuzzer's tracing of
# comparisons they run 1.7 times as many.
$(foreach model,pm vmem space kmalloc,$(eval FUZZ_SRC_$(model) := $(HOST_MACHINE))$(eval FUZZ_KIND_$(model) := model))
FUZZ_TRACE_model := -fno-sanitize-coverage=trace-cmp

# Programs need a layout of their own (tests/fuzz/process/), so everything is compiled anew for them. system_calls.c
# and process.c are included by tests/fuzz/process/program.c and pids.c.
FUZZ_SRC_system_calls := $(HOST_MACHINE) $(wildcard tests/fuzz/process/*.c) kernel/lib/format.c kernel/lib/log.c \
    $(addprefix kernel/monitor/,args.c command.c edit.c heap.c help.c mem.c monitor.c objects.c output.c pd.c programs.c walk.c \
    watch.c) $(filter-out %/system_calls.c %/process.c,$(wildcard kernel/process/*.c))
FUZZ_LD_system_calls := $(addprefix -Wl$(comma)--wrap=,user_part copy_from_user copy_to_user copy_part_to_user copy_string_from_user)
FUZZ_KIND_system_calls := process
FUZZ_BARE_process := $(addprefix tests/fuzz/process/,arguments.c habits.c kernel.c lines.c user_part.c) $(filter-out mm/space.c,$(wildcard mm/*.c))
FUZZ_CFLAGS_process := -iquote tests/fuzz/process -iquote tests/fuzz -UMMU_FRAMES -DMMU_FRAMES=640u

# $(call fuzz_object,TARGET,SOURCE...)
fuzz_object = $(patsubst %.c,$(FUZZ_OUT)/$(or $(FUZZ_KIND_$(1)),obj)/%.o,$(2))

define fuzz_objects
$(FUZZ_OUT)/$(1)/%.o: %.c tests/fuzz/fuzz.mk | $(I386_STAMP)
	@mkdir -p $$(@D)
	$$(Q)$$(FUZZ_CC) $$(FUZZ_CFLAGS) $$(HOST_SANITIZE) $$(FUZZ_CFLAGS_$(1)) $$(call fuzz-covers,$(1),$$<) \
	    $$(call fuzz-bare,$$<) $$(FUZZ_INCLUDE) -MMD -MP -c $$< -o $$@
endef
$(foreach kind,obj model process,$(eval $(call fuzz_objects,$(kind))))

define fuzz_program
$(FUZZ_OUT)/$(1): $(call fuzz_object,$(1),$(FUZZ_SRC_$(1)) tests/fuzz/$(1).c $(FUZZ_SUPPORT))
	$$(Q)$$(HOST_CC) -m32 -no-pie $$^ -Wl,--whole-archive $$(FUZZ_LIBRARIES) -Wl,--no-whole-archive \
	    $$(HOST_LIBC)/libstdc++.so.6 -lm -ldl -lpthread -lrt $$(HOST_LAYOUT) $$(HOST_LOADER) $$(FUZZ_LD_$(1)) -o $$@
endef
$(foreach target,$(FUZZ_TARGETS),$(eval $(call fuzz_program,$(target))))

-include $(wildcard $(foreach deep,*/* */*/* */*/*/*,$(FUZZ_OUT)/*/$(deep).d))

# Each of clang, its 32-bit runtime, the cross compiler and its libstdc++ is needed, and QEMU where it runs the programs.
can-fuzz = $(and $(call all-here,$(FUZZ_CLANG) $(HOST_CC) $(i386-emulator)),$(wildcard $(firstword $(FUZZ_LIBRARIES))), \
    $(wildcard $(HOST_LIBC)/libstdc++.so.6))

.PHONY: fuzz fuzz-programs fuzz-boot
fuzz-programs: $(FUZZ_TARGETS:%=$(FUZZ_OUT)/%)

fuzz: check-tests all
	$(if $(can-fuzz),,$(call missing,clang with its 32-bit sanitizers is missing,fuzz))
	$(Q)$(MAKE) --no-print-directory fuzz-programs
	$(Q)EMULATOR=$(i386-emulator) sh tests/fuzz/run.sh $(FUZZ_OUT) $(SECONDS) $(FUZZ_TARGETS)

# The named boots, malformed or rough, and the maps of a hundred machines, which `make test` has too (NAMED=0: without
# them); then boots with random Multiboot information, the first from SEED (1).
NAMED ?= 1
NAMED_BOOTS := tests/boot/test_multiboot_info.py tests/boot/test_memmaps.py

fuzz-boot: check-tests all
	$(if $(filter 0,$(NAMED)),,$(Q)$(PYTEST) -k 'not random' $(NAMED_BOOTS))
	$(Q)QUIRE_BUILD=$(BUILD) $(PYTHON) tests/fuzz/boots.py --boots $(BOOTS) --seed $(or $(SEED),1)
