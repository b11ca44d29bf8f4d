# The programs that run in ring 3. Included by the Makefile.
#
# Each user/NAME.c is a program, build/user/NAME: a static ELF executable for i386, which the kernel's own compiler
# builds and links with user/lib/. `make run` and the disc bring all of them along as boot modules, and with them the
# files that MODULES names. NAME.debug is the same with debugging information, for gdb.

PROGRAMS := $(patsubst user/%.c,$(BUILD)/user/%,$(wildcard user/*.c))
BOOT_MODULES := $(PROGRAMS) $(MODULES)

# The kernel knows a module by its file's name.
ifneq ($(words $(notdir $(BOOT_MODULES))),$(words $(sort $(notdir $(BOOT_MODULES)))))
$(error two boot modules have the same name: $(notdir $(BOOT_MODULES)))
endif

USER_CPPFLAGS := -iquote user/lib
USER_CFLAGS = $(I386_CFLAGS) -fno-stack-protector
USER_LDFLAGS = -m elf_i386 -static -nostdlib --build-id=none -z max-page-size=4096 -z noexecstack \
    $(if $(is-clang),--image-base,-Ttext-segment)=0x08048000

USER_LIB := $(patsubst %,$(BUILD)/%.o,$(wildcard user/lib/*.[cS]))
USER_OBJECTS := $(USER_LIB) $(PROGRAMS:$(BUILD)/%=$(BUILD)/%.c.o)

$(BUILD)/user.stamp: export STAMP = $(CC) $(USER_CPPFLAGS) $(USER_CFLAGS) $(LD) $(USER_LDFLAGS) $(USER_LIB)
$(BUILD)/user.stamp: check-toolchain

$(BUILD)/user/%.o: user/% $(BUILD)/user.stamp
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_CPPFLAGS) $(USER_CFLAGS) -MMD -MP -c $< -o $@

# A module takes memory, so that it has its symbols, which the reports of faults use, but no more.
$(PROGRAMS): $(BUILD)/user/%: $(BUILD)/user/%.c.o $(USER_LIB) $(BUILD)/user.stamp
	$(call say,PROGRAM,$@)
	$(Q)$(LD) $(USER_LDFLAGS) $< $(USER_LIB) -o $@.debug
	$(Q)$(LD) $(USER_LDFLAGS) --strip-debug $< $(USER_LIB) -o $@

-include $(USER_OBJECTS:.o=.d)
