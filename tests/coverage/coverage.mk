# make coverage: the lines and branches that the tests run, of mm/ and kernel/process (coverage.py). Included by
# tests.mk. For the host tests, what they test is built anew with --coverage. The kernel is the one that ships: a plugin
# of QEMU's sees what it runs. Where QEMU takes no plugins, and with ROUND=short, only the host tests count. A line of mm/
# that is never run, and is not listed, fails it.

COVERAGE := $(BUILD)/coverage
COVERED := $(wildcard mm/*.[ch] mm/debug/*.c kernel/multiboot/*.c kernel/process/*.c) include/bitmap.h
GCOV ?= $(patsubst %gcc,%gcov,$(HOST_CC))
TRACED := $(abspath $(KERNEL))
TRACE_START = $$(printf %d 0x$$($(NM) $(KERNEL) | sed -n 's/ . kernel_start$$//p'))
TRACE_END = $$(printf %d 0x$$($(NM) $(KERNEL) | sed -n 's/ . text_end$$//p'))
COVERAGE_CMDLINES := test test=*random* heap=debug_test heap=guard_test
# Boot tests that run programs, those of what a loader says, and a processor without FXSAVE.
COVERAGE_BOOT ?= tests/boot/test_programs.py tests/boot/test_multiboot_info.py tests/boot/test_modules.py \
    tests/boot/test_machines.py::test_the_kernel_passes_its_tests_on_cpu[486]

.PHONY: coverage coverage-host coverage-kernel
coverage: coverage-host
	$(Q)rm -rf $(COVERAGE)/traces; if [ '$(ROUND)' = short ]; then :; \
	    elif $(QEMU) --help | grep -q '^-plugin'; then $(MAKE) --no-print-directory coverage-kernel; \
	    else echo '  the kernel itself is passed over: this QEMU takes no plugins'; fi
	$(Q)python3 tests/coverage/coverage.py $(KERNEL) $(COVERAGE)/traces $(COVERAGE)/host $(GCOV) $(OBJDUMP) $(COVERAGE) \
	    $(COVERED)

coverage-host: $(I386_STAMP)
	$(call say,COVERAGE,host tests)
	$(Q)find $(COVERAGE)/host -name '*.gcda' -delete 2>/dev/null; $(MAKE) --no-print-directory HOST_OUT=$(COVERAGE)/host \
	    HOST_SANITIZE='$$(if $$(filter tests/%,$$<),-O2,--coverage -O0)' coverage-programs
	$(Q)printf '%s\n' $(HOST_TESTS) | xargs -P 2 -I NAME sh -c \
	    '$(i386-emulator) $(COVERAGE)/host/test_NAME >/dev/null 2>&1 || echo "  test_NAME fails"'

.PHONY: coverage-programs
coverage-programs: $(HOST_TESTS:%=$(HOST_OUT)/test_%)

coverage-kernel: $(KERNEL) $(PROGRAMS) $(COVERAGE)/trace.so
	$(Q)mkdir -p $(COVERAGE)/traces $(COVERAGE)/bin
	$(Q)for name in qemu-system-i386 qemu-system-x86_64; do ln -sf $(CURDIR)/tests/coverage/qemu.sh $(COVERAGE)/bin/$$name; done
	$(Q)export TRACED=$(TRACED) TRACES=$(abspath $(COVERAGE)/traces) PATH=$(abspath $(COVERAGE)/bin):$$PATH \
	    TRACE_PLUGIN=$(abspath $(COVERAGE)/trace.so),start=$(TRACE_START),end=$(TRACE_END); \
	for options in $(COVERAGE_CMDLINES); do \
	    printf '  %-9s%s\n' COVERAGE "$$options"; \
	    timeout 600 qemu-system-i386 -kernel $(KERNEL) -append "$$(echo $$options | tr _ ' ')" -m 64M -display none \
	        -serial file:$(COVERAGE)/$$options.log -device isa-debug-exit,iobase=0xf4,iosize=4 -no-reboot -nic none; \
	    [ $$? -eq 33 ] || echo "  $$options fails"; \
	done; \
	QUIRE_BUILD=$(BUILD) $(PYTHON) -m pytest -q -n 2 $(COVERAGE_BOOT) || true

$(COVERAGE)/trace.so: tests/coverage/trace.c
	@mkdir -p $(@D)
	$(Q)cc -O2 -Wall -Wextra -shared -fPIC -fvisibility=hidden $< -o $@
