# The disc, which also boots from a USB stick: GRUB for BIOS and UEFI, the kernel, its boot modules. Included by the
# Makefile.

GRUB_MKRESCUE = $(call once,GRUB_MKRESCUE,$(call first,grub-mkrescue grub2-mkrescue i686-elf-grub-mkrescue))
GRUB_DIR ?= /usr/lib/grub
GRUB_PLATFORMS := i386-pc x86_64-efi i386-efi
# What the menu needs, what GRUB loads by itself when it starts from the disc, and commands for whoever presses c.
GRUB_MODULES := normal multiboot serial memrw terminal test all_video iso9660 fat \
    part_acorn part_amiga part_apple part_bsd part_dfly part_dvh part_gpt part_msdos part_plan part_sun part_sunpc \
    echo halt ls lsmmap minicmd reboot videoinfo

# The fonts of the framebuffer console, smallest first: Terminus, where Debian, Fedora and Arch keep it. In Debian no
# file has all of code page 437: what the first lacks comes from the second. The kernel can do without fonts, since a
# BIOS boots it with a text screen; the disc cannot.
FONTS = $(call once,FONTS,$(call find-font,FullGreek-Terminus16 Uni2-Terminus16,ter-v16n) \
    $(call find-font,FullGreek-Terminus32x16 Uni2-Terminus32x16,ter-v32n))
FONT_PLACES := /usr/share/consolefonts /usr/lib/kbd/consolefonts /usr/share/kbd/consolefonts
find-font = $(or $(call join-files,$(call find-files,$(1))),$(firstword $(call find-files,$(2))))
find-files = $(foreach name,$(1),$(firstword $(wildcard $(FONT_PLACES:%=%/$(name).psf.gz))))
join-files = $(subst $(space),$(comma),$(strip $(1)))
no-font = $(empty)  no font here, so a framebuffer will show nothing: $(font-hint)
font-hint = $(call install-hint,$(shell sh tools/deps.sh for font))
$(BUILD)/fonts.stamp: export STAMP = $(FONTS)

.PHONY: iso
iso: $(ISO)

define check-disc-tools
$(call need,grub-mkrescue grub2-mkrescue i686-elf-grub-mkrescue,grub-mkrescue)
$(call need,xorriso,xorriso)
$(call need,mformat,mtools)
$(call need,xz,xz)
$(foreach platform,$(GRUB_PLATFORMS),$(if $(wildcard $(GRUB_DIR)/$(platform)/moddep.lst),,$(no-platform)))
$(if $(strip $(FONTS)),,$(call missing,a font for the framebuffer is missing,font))
endef

# Where no package is known to have GRUB for a platform, the disc does without that platform.
no-platform = $(if $(shell sh tools/deps.sh for grub-$(platform)), \
    $(call missing,GRUB for $(platform) ($(GRUB_DIR)/$(platform)) is missing,grub-$(platform)), \
    $(info No GRUB for $(platform) in $(GRUB_DIR): the disc will not boot there))

$(BUILD)/cmdline.stamp: export STAMP = $(CMDLINE)
$(BUILD)/modules.stamp: export STAMP = $(BOOT_MODULES)

$(BUILD)/grub.cfg: iso/grub.cfg.in tools/grub-cfg.sh $(BUILD)/cmdline.stamp $(BUILD)/modules.stamp
	$(Q)sh tools/grub-cfg.sh $< $(BOOT_MODULES) >$@

# The tests' disc boots at once, and runs these commands.
TEST_ISO := $(BUILD)/test.iso
$(BUILD)/test.cfg: iso/grub.cfg.in tools/grub-cfg.sh $(BUILD)/modules.stamp
	$(Q)CMDLINE='-- test; diagnose; maps' sh tools/grub-cfg.sh $< $(BOOT_MODULES) | \
	    sed 's/^set timeout=.*/set timeout=0/' >$@

$(ISO): $(BUILD)/grub.cfg
$(TEST_ISO): $(BUILD)/test.cfg

# $(call explain-failure,LOG): grub-mkrescue wants GRUB's own font, which some packages leave out.
explain-failure = ! grep -q 'unicode\.pf2' $(1) || \
    echo "GRUB's own font is missing. Install or reinstall its package: $$(sh tools/deps.sh for grub-font)"

# What the disc is called. ISO 9660 allows capital letters, digits and underscores.
VOLUME := QUIRE_$(subst .,_,$(VERSION))

# The disc's kernel is linked without the debugger's information, which is most of the file.
$(ISO) $(TEST_ISO): $(BUILD)/%.iso: $(KERNEL) $(BOOT_MODULES) VERSION iso/iso.mk
	$(check-disc-tools)
	$(call say,ISO,$@)
	@rm -rf $(BUILD)/disc-$*
	@mkdir -p $(BUILD)/disc-$*/boot/grub
	$(Q)$(LD) $(KERNEL_LDFLAGS) --strip-debug $(OBJECTS) $(BUILD)/symtab.o -o $(BUILD)/disc-$*/boot/$(notdir $(KERNEL))
	$(if $(strip $(BOOT_MODULES)),@cp $(BOOT_MODULES) $(BUILD)/disc-$*/boot/)
	@cp $(filter %.cfg,$^) $(BUILD)/disc-$*/boot/grub/grub.cfg
	$(Q)$(GRUB_MKRESCUE) --compress=xz --install-modules='$(GRUB_MODULES)' --locales= --fonts= --themes= \
	    -o $@ $(BUILD)/disc-$* -- -volid $(VOLUME) >$(BUILD)/disc-$*.log 2>&1 || \
	    { cat $(BUILD)/disc-$*.log; $(call explain-failure,$(BUILD)/disc-$*.log); exit 1; } >&2
