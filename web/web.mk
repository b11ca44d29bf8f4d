# The lab: Quire in a browser. Included by the Makefile.
#
# $(BUILD)/web/ is a folder of static files: what is in web/, the emulator (v86, from npm), the lab's kernel and the
# programs. Any web server can serve it; it needs nothing of its own, and asks no other host for anything.

WEB := $(BUILD)/web
WEB_PORT ?= 8186
WEB_KERNEL := $(BUILD)/variant/lab/quire.elf
WEB_FLAWED := $(BUILD)/variant/flawed/build/quire.elf
WEB_PROGRAMS := hello touch clone break stack
WEB_FILES := $(filter %.html %.css %.js %.svg %.png %.woff2 %.webmanifest,$(wildcard web/* web/*/* web/*/*/*))
ADDR2LINE = $(call once,ADDR2LINE,$(call first,$(TOOLCHAIN)addr2line llvm-addr2line addr2line))
STRIP_KERNEL = $(call once,STRIP_KERNEL,$(call first,$(TOOLCHAIN)strip llvm-strip strip)) --strip-debug

.PHONY: web web-run check-web web-kernel web-flawed
web: $(WEB)/files.js

check-web:
	$(call need,python3,test)$(call need,npm,web)$(call need,patch,web)
	$(if $(OBJDUMP),,$(call missing,objdump is missing,compiler))$(if $(ADDR2LINE),,$(call missing,addr2line is missing,compiler))@:

web-kernel: check-web variant-lab

# The kernel for whoever looks for the missing flush: the same sources with web/flawed.patch.
FLAWED_SOURCE := $(BUILD)/variant/flawed
FLAWED_FILES := $(filter-out build $(BUILD),$(wildcard *))
web-flawed: check-web
	$(Q)mkdir -p $(FLAWED_SOURCE)
	$(Q)for file in $(FLAWED_FILES); do rm -rf $(FLAWED_SOURCE)/$$file; cp -Rp $$file $(FLAWED_SOURCE)/; done
	$(Q)patch -d $(FLAWED_SOURCE) -p1 --quiet <web/flawed.patch
	$(Q)$(MAKE) --no-print-directory -C $(FLAWED_SOURCE) BUILD=build LAB=1 QUIRE_VERSION='$(QUIRE_VERSION)' build/quire.elf

$(WEB_KERNEL): web-kernel ;
$(WEB_FLAWED): web-flawed ;

WEB_SITES = python3 web/sites.py '$(OBJDUMP)' '$(ADDR2LINE)'

$(WEB)/files.js: $(WEB_KERNEL) $(WEB_FLAWED) $(V86)/.complete $(WEB_FILES) web/web.mk web/pack.py web/sites.py web/delta.py
	$(call say,WEB,$(WEB)/)
	$(Q)rm -rf $(WEB) && mkdir -p $(WEB)/programs
	$(Q)cd web && for file in $(WEB_FILES:web/%=%); do mkdir -p ../$(WEB)/$$(dirname $$file); cp $$file ../$(WEB)/$$file; done
	$(Q)cp $(V86)/node_modules/v86/build/libv86.mjs $(V86)/node_modules/v86/build/v86.wasm $(WEB)/
	$(Q)cp $(V86)/node_modules/v86/LICENSE $(WEB)/v86-LICENSE.txt
	$(Q)cp $(WEB_PROGRAMS:%=$(BUILD)/variant/lab/user/%) $(WEB)/programs/
	$(Q)$(STRIP_KERNEL) -o $(WEB)/quire.elf $(WEB_KERNEL)
	$(Q)$(STRIP_KERNEL) -o $(FLAWED_SOURCE)/quire.elf $(WEB_FLAWED)
	$(Q)python3 web/delta.py $(WEB)/quire.elf $(FLAWED_SOURCE)/quire.elf >$(WEB)/quire-flawed.delta
	$(Q)$(WEB_SITES) $(WEB_KERNEL) >$(WEB)/sites.json
	$(Q)$(WEB_SITES) $(WEB_FLAWED) >$(WEB)/sites-flawed.json
	$(Q)python3 web/pack.py $(WEB)

web-run: web
	@echo 'http://127.0.0.1:$(WEB_PORT)/   (Ctrl-C ends it)'
	$(Q)python3 -m http.server --bind 127.0.0.1 --directory $(WEB) $(WEB_PORT) >/dev/null

# The README's picture of the lab.
.PHONY: web-pictures
web-pictures: web check-tests
	$(call say,PICTURE,docs/pictures/lab.png)
	$(Q)QUIRE_BUILD=$(BUILD) node tests/web/picture.mjs $(BUILD)/lab.png
	$(Q)$(PYTHON) tools/palette.py $(BUILD)/lab.png docs/pictures/lab.png
