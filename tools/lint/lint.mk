# make lint: the static checkers over every source. Included by the Makefile. FILES="mm/*.c" lints those files alone.
#
# Any warning is an error. What is switched off stands, with its reason, in the checkers' own files (.clang-tidy,
# .flake8, cppcheck.txt, eslint.config.js), here, or in a comment on the line of the finding. Findings differ from version to version of a checker: "no warning" is meant of
# Debian bookworm's.
#
# Each file that a checker finds nothing in has a stamp, $(LINT)/CHECKER/FILE.

LINT := $(BUILD)/lint
FILES ?=

.PHONY: lint lint-files lint-summary
lint: check-toolchain
	$(Q)$(MAKE) -s --no-print-directory $(ESLINT) || :
	$(Q)failed=; $(MAKE) -k --no-print-directory -Otarget lint-files || failed=yes; \
	    $(MAKE) --no-print-directory lint-summary && [ -z "$$failed" ]

# ESLint comes from the npm registry. Where there is no npm, or the registry is out of reach, it is passed over.
ESLINT := $(BUILD)/eslint/node_modules/.bin/eslint
$(ESLINT): $(wildcard tools/lint/eslint/*)
	@rm -rf $(@D); mkdir -p $(BUILD)/eslint; cp $^ $(BUILD)/eslint/
	$(Q)cd $(BUILD)/eslint && if command -v npm >/dev/null && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1; \
	    then touch $(abspath $@); else echo '  eslint is passed over: npm did not bring it ($(BUILD)/eslint/npm.log)'; fi

# The rest is read only by those two, when `make deps lint` has installed the checkers.
ifneq ($(filter lint-files lint-summary,$(MAKECMDGOALS)),)

# ---- what is linted ----

# $(call lint-find,PATTERN...): the files of that name, wherever they lie.
lint-find = $(sort $(patsubst ./%,%,$(shell find . \( -name node_modules -o -path ./$(BUILD) -o -path ./build -o -name .git \) \
    -prune -o -type f \( -false $(foreach name,$(1),-o -name '$(name)') \) -print)))
# Those of FILE... that FILES asks for.
lint-chosen = $(if $(FILES),$(filter $(wildcard $(FILES)),$(1)),$(1))

# The kernel, what mm/ and the rest of it is tested with inside it, and the programs.
INSIDE_TESTS := $(filter tests/%.c,$(SOURCES))
LINT_KERNEL := $(sort $(filter-out $(INSIDE_TESTS),$(filter %.c,$(SOURCES))) kernel/trap/ubsan.c)
LINT_PROGRAMS := $(wildcard user/*.c user/lib/*.c tests/boot/programs/*.c)

# Not the proofs, which nobody but the model checker runs, nor the labs' plain solutions, which are parts of files.
LINT_HOST := $(wildcard tests/host/*.c tests/bench/host/*.c tests/coverage/*.c tests/fuzz/*.c tests/fuzz/*/*.c \
    labs/harness/*.c labs/*/tests/*.c)

LINT_cppcheck := $(call lint-chosen,$(LINT_KERNEL) $(INSIDE_TESTS) $(LINT_PROGRAMS) $(LINT_HOST))
# Not the tests on the build machine: the addresses of its C library are nobody's concern; and gcc does not know that
# cmocka's assertions end a test.
LINT_sparse := $(call lint-chosen,$(LINT_KERNEL) $(INSIDE_TESTS) $(LINT_PROGRAMS))
LINT_gcc := $(LINT_sparse)
# Not the tests of the libraries on the build machine either, for the same reasons.
LINT_clang-tidy := $(LINT_sparse)
LINT_eslint := $(call lint-chosen,$(call lint-find,*.js *.mjs))
LINT_shellcheck := $(call lint-chosen,$(call lint-find,*.sh) $(wildcard .ci/run))
LINT_flake8 := $(call lint-chosen,$(call lint-find,*.py))

# ---- how ----

CHECKERS := clang-tidy cppcheck gcc sparse shellcheck flake8 eslint
lint-tool = $(or $(lint-tool-$(1)),$(call have,$(1)))
lint-tool-gcc = $(LINT_GCC)
LINT_GCC := $(call first,i686-elf-gcc i686-linux-gnu-gcc)
lint-tool-eslint = $(wildcard $(ESLINT))
lint-here = $(foreach checker,$(CHECKERS),$(if $(call lint-tool,$(checker)),$(checker)))
lint-stamps = $(LINT_$(1):%=$(LINT)/$(1)/%)

lint-files: $(foreach checker,$(lint-here),$(call lint-stamps,$(checker)))
	@:

# $(call lint-run,COMMAND): a stamp if COMMAND succeeds and says nothing, else what it says.
define lint-run
@mkdir -p $(@D); rm -f $@
$(Q)if ( $(1) ) >$@.said 2>&1 && ! [ -s $@.said ]; then mv $@.said $@; else cat $@.said; rm $@.said; exit 1; fi
endef

# An object is built anew when any of its headers has changed; so is its source's stamp.
lint-object = $(patsubst %,$(BUILD)/%.o,$(filter $(LINT_KERNEL) $(INSIDE_TESTS) user/%,$(1)))
.SECONDEXPANSION:

# It says on standard error how many warnings it has suppressed.
TIDY_FLAGS = --target=i686-none-elf $(I386_CFLAGS) -iquote include -iquote $(BUILD) -iquote user/lib
$(call lint-stamps,clang-tidy): $(LINT)/clang-tidy/%: % $$(call lint-object,$$*) .clang-tidy $(wildcard tests/kernel/.clang-tidy) \
    tools/lint/lint.mk
	$(call lint-run,clang-tidy --quiet $< -- $(TIDY_FLAGS) 2>/dev/null)

CPPCHECK_FLAGS := --quiet --enable=warning,style,performance,portability --std=c11 --platform=unix32 --inline-suppr \
    --suppressions-list=tools/lint/cppcheck.txt -U__CHECKER__ -U__ASSEMBLER__ \
    -Iinclude -I$(BUILD) -Iuser/lib -Imm -Itests/host -Itests/bench -Itests/fuzz -Itests/fuzz/process
$(LINT)/cppcheck/labs/%: CPPCHECK_FLAGS += -Ilabs/harness # which has a cmocka.h of its own
$(call lint-stamps,cppcheck): $(LINT)/cppcheck/%: % $$(call lint-object,$$*) tools/lint/cppcheck.txt tools/lint/lint.mk
	$(call lint-run,cppcheck $(CPPCHECK_FLAGS) $<)

# The analyzer is gcc's. What it finds here is on purpose: these provoke faults.
GCC_FLAGS = $(I386_CFLAGS) -fanalyzer -iquote include -iquote $(BUILD) -iquote user/lib
$(patsubst %,$(LINT)/gcc/%.c,kernel/monitor/fault user/break): GCC_FLAGS += -Wno-analyzer-null-dereference -Wno-analyzer-write-to-const
$(call lint-stamps,gcc): $(LINT)/gcc/%: % $$(call lint-object,$$*) tools/lint/lint.mk
	$(call lint-run,$(LINT_GCC) $(GCC_FLAGS) -c $< -o /dev/null)

# Where sparse is the compiler, it takes the compiler's own headers.
SPARSE_FLAGS = -std=gnu11 -m32 -nostdinc -isystem $(COMPILER_HEADERS) -U__STDC_HOSTED__ -D__float128=double \
    -Iinclude -I$(BUILD) -Iuser/lib
COMPILER_HEADERS = $(call once,COMPILER_HEADERS,$(shell $(CC) -print-file-name=include))
# The tests write physical addresses as numbers, and the programs know none.
$(INSIDE_TESTS:%=$(LINT)/sparse/%): SPARSE_FLAGS += -DADDRESSES_AS_NUMBERS

$(call lint-stamps,sparse): $(LINT)/sparse/%: % $$(call lint-object,$$*) tools/lint/lint.mk
	$(call lint-run,sparse $(SPARSE_FLAGS) $<)

# What takes longer to start than to look at a file gets all of them at once. Where it has something to say, the files that
# it names have no stamp; where it names none, none has.
# $(call lint-together,CHECKER,COMMAND,PREREQUISITE...)
define lint-together
$(call lint-stamps,$(1)) &: $(LINT_$(1)) $(3) tools/lint/lint.mk
	@mkdir -p $(sort $(dir $(call lint-stamps,$(1)))); rm -f $(call lint-stamps,$(1))
	$$(Q)if said=$$$$($(2) $(LINT_$(1)) 2>&1) && [ -z "$$$$said" ]; then touch $(call lint-stamps,$(1)); exit; fi; \
	    printf '%s\n' "$$$$said"; \
	    case $$$$said in $(subst $(space),|,$(strip $(LINT_$(1):%=*%*)))) ;; *) exit 1 ;; esac; \
	    for file in $(LINT_$(1)); do case $$$$said in *$$$$file*) ;; *) touch $(LINT)/$(1)/$$$$file ;; esac; done; exit 1

endef
$(if $(LINT_shellcheck),$(eval $(call lint-together,shellcheck,shellcheck -x)))
$(if $(LINT_flake8),$(eval $(call lint-together,flake8,flake8,.flake8)))
$(if $(LINT_eslint),$(eval $(call lint-together,eslint,$(ESLINT) --config $(BUILD)/eslint/eslint.config.js,$(ESLINT))))

# ---- the summary: a line a checker; fails unless each file has its stamp ----

lint-clean = $(wildcard $(call lint-stamps,$(1)))
lint-unclean = $(filter-out $(lint-clean:$(LINT)/$(1)/%=%),$(LINT_$(1)))
lint-verdict = $(if $(call lint-tool,$(1)),$(words $(LINT_$(1))) files$(comma) \
    $(if $(lint-unclean),warnings in $(lint-unclean),no warning),passed over: not here$(lint-hint))
lint-hint = $(addprefix ; $(empty),$(shell sh tools/deps.sh for $(or $(lint-package-$(1)),$(1))))
lint-package-gcc := compiler
lint-package-eslint := npm

lint-summary:
	@$(foreach checker,$(CHECKERS),printf '  %-12s%s\n' '$(checker)' '$(strip $(call lint-verdict,$(checker)))';) \
	    [ -z '$(strip $(foreach checker,$(lint-here),$(call lint-unclean,$(checker))))' ]

endif
