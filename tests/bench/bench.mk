# The benchmarks: bench, budgets, bench-host. BENCH=PATTERN chooses some. Uses BUILD, KERNEL, QEMU, Q and HOST_CC,
# and what tests/host/host.mk defines.

BENCH ?=
export BENCH

# Empty: a small and a large machine.
BENCH_MEM = $(if $(filter file,$(origin MEM)),,$(MEM))

.PHONY: bench budgets bench-host
# In a lab's folder, Quire's own figures beside the reader's.
bench: export BESIDE = $(if $(THIS_LAB),tests/bench/budgets)
bench: export COMPILER = $(if $(findstring clang,$(CC)),clang,gcc)
bench: $(KERNEL)
	$(if $(BENCH_MEM),$(call check-memory))
	$(Q)sh tests/bench/bench.sh $(QEMU) $(KERNEL) $(BUILD)/bench "$(BENCH_MEM)" $(QEMUFLAGS)

budgets: check-tests variants
	$(Q)QUIRE_BUILD=$(BUILD) $(PYTHON) tests/boot/budgets.py

# ---- the heap beside the allocators that programs use ----

# mm/ as in the kernel: the same flags, less those that make it freestanding.
BENCH_CFLAGS = $(filter-out -ffreestanding -mgeneral-regs-only,$(KERNEL_CFLAGS)) -fno-builtin
BENCH_INCLUDE := -iquote tests/bench/host/include -iquote include -iquote mm
BENCH_SOURCES := $(HOST_HEAP) mm/vmem.c mm/pm.c mm/kmalloc_pages.c tests/host/frames.c tests/bench/workloads.c \
    tests/bench/host/bench_heap.c
BENCH_OBJECTS := $(BENCH_SOURCES:%.c=$(BUILD)/bench/%.o)
BENCH_ROOT := $(BUILD)/i386-bench
BENCH_PACKAGES := libc6 libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4

$(BUILD)/bench/%.o: %.c tests/bench/bench.mk
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(BENCH_CFLAGS) $(BENCH_INCLUDE) -MMD -MP -c $< -o $@

$(BUILD)/bench/bench_heap: $(BENCH_OBJECTS)
	$(Q)$(HOST_CC) -m32 -no-pie $^ -o $@

-include $(BENCH_OBJECTS:.o=.d)

BENCH_PYTHON = $(call once,BENCH_PYTHON,$(or $(find-bench-python),$(call missing,matplotlib for python3 is missing,bench)))
find-bench-python = $(shell for python in python3 /usr/bin/python3; do \
    $$python -c 'import matplotlib' 2>/dev/null && echo $$python && break; done)

bench-host: check-host $(BUILD)/bench/bench_heap
	$(if $(runs-i386),,$(error this system runs no i386 programs by itself, and under emulation their time says nothing))
	@ARCH=i386 sh tools/private-root.sh $(BENCH_ROOT) $(BENCH_PACKAGES)
	@echo 'Each allocator is timed many times over: this takes some minutes.'
	$(Q)$(BENCH_PYTHON) tests/bench/host/compare.py $(BUILD)/bench/bench_heap $(BENCH_ROOT) $(BUILD)/bench-host.svg
