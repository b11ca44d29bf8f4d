# The lab: Quire in a browser. Included by the Makefile.
#
# $(BUILD)/web/ is a folder of static files: the page, whose scripts and styles are one file each (esbuild, from npm),
# the emulator (v86, from npm), the lab's kernel and the programs. Any web server can serve it; it needs nothing of its
# own, and asks no other host for anything.

WEB := $(BUILD)/web
WEB_PORT ?= 8186
WEB_KERNEL := $(BUILD)/variant/lab/quire.elf
WEB_FLAWED := $(BUILD)/variant/flawed/build/quire.elf
WEB_PROGRAMS := hello touch clone break stack
WEB_FILES := web/index.html web/icon.svg web/sw.js
WEB_SOURCES := $(wildcard web/*.js web/*.css web/*/*.js web/*/*.css)
ADDR2LINE = $(call once,ADDR2LINE,$(call first,$(TOOLCHAIN)addr2line llvm-addr2line addr2line))
STRIP_KERNEL = $(call once,STRIP_KERNEL,$(call first,$(TOOLCHAIN)strip llvm-strip strip)) --strip-all

.PHONY: web web-run check-web web-kernel web-flawed
web: $(WEB)/files.js

check-web:
	$(call need,python3,test)$(call need,npm,web)$(call need,patch,web)
	$(if $(OBJDUMP),,$(call missing,objdump is missing,compiler))$(if $(ADDR2LINE),,$(call missing,addr2line is missing,compiler))@:

web-kernel: check-web variant-lab

# The kernel for whoever looks for the missing flush: the same sources with web/flawed.patch. A lab's folder has no such
# patch, which would tell a part of the solution: there it is the reader's own kernel, flawed or not.
FLAWED_SOURCE := $(BUILD)/variant/flawed
FLAWED_FILES := $(filter-out build $(BUILD),$(wildcard *))
web-flawed: check-web
	$(Q)mkdir -p $(FLAWED_SOURCE)
	$(Q)for file in $(FLAWED_FILES); do rm -rf $(FLAWED_SOURCE)/$$file; cp -Rp $$file $(FLAWED_SOURCE)/; done
	$(if $(wildcard web/flawed.patch),$(Q)patch -d $(FLAWED_SOURCE) -p1 --quiet --batch <web/flawed.patch)
	$(Q)$(MAKE) --no-print-directory -C $(FLAWED_SOURCE) BUILD=build LAB=1 QUIRE_VERSION='$(QUIRE_VERSION)' build/quire.elf

$(WEB_KERNEL): web-kernel ;
$(WEB_FLAWED): web-flawed ;

# The page's fonts come from npm, and so does what packs it.
WEB_NPM := $(BUILD)/web-npm
WEB_FONTS := $(foreach face,sans mono,$(foreach weight,400 600,\
    $(WEB_NPM)/node_modules/@fontsource/ibm-plex-$(face)/files/ibm-plex-$(face)-latin-$(weight)-normal.woff2))
$(WEB_NPM)/.complete: web/package.json web/package-lock.json
	$(call say,NPM,$(WEB_NPM)/)
	@mkdir -p $(WEB_NPM)
	@cp $^ $(WEB_NPM)
	$(Q)cd $(WEB_NPM) && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1 || { cat npm.log >&2; exit 1; }
	@touch $@

# Names stay as they are, so that an error tells where it happened.
WEB_BUNDLE = $(WEB_NPM)/node_modules/.bin/esbuild --bundle --format=esm --minify-whitespace --minify-syntax \
    --external:*.woff2 --outdir=$(WEB) --log-level=warning

WEB_SITES = python3 web/sites.py '$(OBJDUMP)' '$(ADDR2LINE)'

$(WEB)/files.js: $(WEB_KERNEL) $(WEB_FLAWED) $(V86)/.complete $(WEB_NPM)/.complete $(WEB_FILES) \
    $(WEB_SOURCES) web/web.mk $(wildcard web/*.py)
	$(call say,WEB,$(WEB)/)
	$(Q)rm -rf $(WEB) && mkdir -p $(WEB)/programs
	$(Q)cp $(WEB_FILES) $(WEB)/
	$(Q)$(WEB_BUNDLE) web/main.js web/page.css
	$(Q)cp $(V86)/node_modules/v86/build/libv86.mjs $(WEB)/
	$(Q)python3 web/strip_wasm.py $(V86)/node_modules/v86/build/v86.wasm >$(WEB)/v86.wasm
	$(Q)cp $(V86)/node_modules/v86/LICENSE $(WEB)/v86-LICENSE.txt
	$(Q)mkdir $(WEB)/fonts && cp $(WEB_FONTS) $(WEB)/fonts/
	$(Q)cp $(WEB_NPM)/node_modules/@fontsource/ibm-plex-sans/LICENSE $(WEB)/fonts/LICENSE.txt
	$(Q)cp $(WEB_PROGRAMS:%=$(BUILD)/variant/lab/user/%) $(WEB)/programs/
	$(Q)$(STRIP_KERNEL) -o $(WEB)/quire.elf $(WEB_KERNEL)
	$(Q)$(STRIP_KERNEL) -o $(FLAWED_SOURCE)/quire.elf $(WEB_FLAWED)
	$(Q)python3 web/delta.py $(WEB)/quire.elf $(FLAWED_SOURCE)/quire.elf >$(WEB)/quire-flawed.delta
	$(Q)$(WEB_SITES) $(WEB_KERNEL) >$(WEB)/sites.json
	$(Q)$(WEB_SITES) $(WEB_FLAWED) >$(FLAWED_SOURCE)/sites.json
	$(Q)python3 web/delta.py $(WEB)/sites.json $(FLAWED_SOURCE)/sites.json >$(WEB)/sites-flawed.delta
	$(Q)python3 web/pack.py $(WEB)

# ---- its tests: tests/web ----

# What drives a browser.
WEB_DRIVER := $(BUILD)/web-tests
$(WEB_DRIVER)/.complete: tests/web/package.json tests/web/package-lock.json
	$(call say,NPM,$(WEB_DRIVER)/)
	@mkdir -p $(WEB_DRIVER)
	@cp $^ $(WEB_DRIVER)
	$(Q)cd $(WEB_DRIVER) && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1 || { cat npm.log >&2; exit 1; }
	@touch $@

WEB_NEEDS := npm patch python3 node

# Where npm is missing, or its registry is out of reach, the other tests still run.
.PHONY: web-tests web-npm test-web
web-npm: $(V86)/.complete $(WEB_NPM)/.complete $(WEB_DRIVER)/.complete
	@[ -e $(V86)/.complete ]

web-tests: variants
	$(if $(call all-here,$(WEB_NEEDS)), \
	    $(Q)if $(MAKE) --no-print-directory web-npm; then $(MAKE) --no-print-directory web; \
	    else rm -rf $(WEB); echo '  the lab is passed over: npm did not bring what it needs'; fi, \
	    @rm -rf $(WEB); echo '  the lab is passed over: no $(WEB_NEEDS)')

test-web: check-tests web-tests
	$(Q)$(PYTEST) tests/web

# ---- looking at it ----

web-run: web
	@echo 'http://127.0.0.1:$(WEB_PORT)/   (Ctrl-C ends it)'
	$(Q)python3 -m http.server --bind 127.0.0.1 --directory $(WEB) $(WEB_PORT) >/dev/null

# The README's picture of the lab.
.PHONY: web-pictures
web-pictures: web check-tests
	$(call say,PICTURE,docs/pictures/lab.png)
	$(Q)QUIRE_BUILD=$(BUILD) node tests/web/picture.mjs $(BUILD)/lab.png
	$(Q)$(PYTHON) tools/palette.py $(BUILD)/lab.png docs/pictures/lab.png
