# make lint: the static checkers over every source. Included by the Makefile. FILES="mm/*.c" lints those files alone.
#
# Any warning is an error. What is switched off stands, with its reason, in the checkers' own files (.flake8) or in a
# comment on the line of the finding. Findings differ from version to version of a checker: "no warning" is meant of
# Debian bookworm's.
#
# Each file that a checker finds nothing in has a stamp, $(LINT)/CHECKER/FILE.

LINT := $(BUILD)/lint
FILES ?=

.PHONY: lint lint-files lint-summary
lint: check-toolchain
	$(Q)failed=; $(MAKE) -k --no-print-directory -Otarget lint-files || failed=yes; \
	    $(MAKE) --no-print-directory lint-summary && [ -z "$$failed" ]

# The rest is read only by those two, when `make deps lint` has installed the checkers.
ifneq ($(filter lint-files lint-summary,$(MAKECMDGOALS)),)

# ---- what is linted ----

# $(call lint-find,PATTERN...): the files of that name, wherever they lie.
lint-find = $(sort $(patsubst ./%,%,$(shell find . \( -name node_modules -o -path ./$(BUILD) -o -path ./build -o -name .git \) \
    -prune -o -type f \( -false $(foreach name,$(1),-o -name '$(name)') \) -print)))
# Those of FILE... that FILES asks for.
lint-chosen = $(if $(FILES),$(filter $(wildcard $(FILES)),$(1)),$(1))

# The kernel, what mm/ and the rest of it is tested with inside it, and the programs.
INSIDE_TESTS := $(filter %.c,$(wildcard tests/kernel/*.c tests/bench/*.c))
LINT_KERNEL := $(filter-out $(INSIDE_TESTS),$(filter %.c,$(wildcard $(INSIDE))))
LINT_PROGRAMS := $(wildcard user/*.c user/lib/*.c tests/boot/programs/*.c)

LINT_sparse := $(call lint-chosen,$(LINT_KERNEL) $(INSIDE_TESTS) $(LINT_PROGRAMS))
LINT_shellcheck := $(call lint-chosen,$(call lint-find,*.sh) .ci/run)
LINT_flake8 := $(call lint-chosen,$(call lint-find,*.py))

# ---- how ----

CHECKERS := sparse shellcheck flake8
lint-here = $(foreach checker,$(CHECKERS),$(call have,$(checker)))
lint-stamps = $(LINT_$(1):%=$(LINT)/$(1)/%)

lint-files: $(foreach checker,$(lint-here),$(call lint-stamps,$(checker)))
	@:

# $(call lint-run,COMMAND): a stamp if COMMAND succeeds and says nothing, else what it says.
define lint-run
@mkdir -p $(@D); rm -f $@
$(Q)if $(1) >$@.said 2>&1 && ! [ -s $@.said ]; then mv $@.said $@; else cat $@.said; rm $@.said; exit 1; fi
endef

# An object is built anew when any of its headers has changed; so is its source's stamp.
lint-object = $(patsubst %,$(BUILD)/%.o,$(filter $(LINT_KERNEL) $(INSIDE_TESTS) user/%,$(1)))
.SECONDEXPANSION:

# Where sparse is the compiler, it takes the compiler's own headers.
SPARSE_FLAGS = -std=gnu11 -m32 -nostdinc -isystem $(COMPILER_HEADERS) -U__STDC_HOSTED__ -D__float128=double \
    -Iinclude -I$(BUILD) -Iuser/lib
COMPILER_HEADERS = $(call once,COMPILER_HEADERS,$(shell $(CC) -print-file-name=include))
# The tests write physical addresses as numbers, and the programs know none.
$(INSIDE_TESTS:%=$(LINT)/sparse/%): SPARSE_FLAGS += -DADDRESSES_AS_NUMBERS

$(call lint-stamps,sparse): $(LINT)/sparse/%: % $$(call lint-object,$$*) tools/lint/lint.mk
	$(call lint-run,sparse $(SPARSE_FLAGS) $<)

$(call lint-stamps,shellcheck): $(LINT)/shellcheck/%: % tools/lint/lint.mk
	$(call lint-run,shellcheck $<)

$(call lint-stamps,flake8): $(LINT)/flake8/%: % .flake8 tools/lint/lint.mk
	$(call lint-run,flake8 $<)

# ---- the summary: a line a checker; fails unless each file has its stamp ----

lint-clean = $(wildcard $(call lint-stamps,$(1)))
lint-unclean = $(filter-out $(lint-clean:$(LINT)/$(1)/%=%),$(LINT_$(1)))
lint-verdict = $(if $(call have,$(1)),$(words $(LINT_$(1))) files$(comma) \
    $(if $(lint-unclean),warnings in $(lint-unclean),no warning),passed over: not here$(lint-hint))
lint-hint = $(addprefix ; $(empty),$(shell sh tools/deps.sh for $(1)))

lint-summary:
	@$(foreach checker,$(CHECKERS),printf '  %-12s%s\n' '$(checker)' '$(strip $(call lint-verdict,$(checker)))';) \
	    [ -z '$(strip $(foreach checker,$(lint-here),$(call lint-unclean,$(checker))))' ]

endif
