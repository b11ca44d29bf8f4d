# The proofs. Included by tests/tests.mk.
#
#   make prove           each proof, a line each: what is proved, at which bounds, the seconds (of processor time), what is assumed
#   make prove-plants    puts bugs into a copy of the sources: each proof must fail at its own
#
# PROOF="NAME ..." chooses some of them, ROUND=short those that take a few seconds.

PROOF ?=
ROUND ?=
PROOF_OUT := $(BUILD)/proof
CBMC_ROOT := $(PROOF_OUT)/cbmc

# The system's own CBMC, or Debian trixie's, which then lies in a folder of its own.
CBMC = $(call once,CBMC,$(or $(call have,cbmc),$(fetch-cbmc)))
fetch-cbmc = $(shell SUITE=trixie WITHOUT=gcc sh tools/private-root.sh $(CBMC_ROOT) cbmc && \
    [ -e $(CBMC_ROOT)/.complete ] && echo $(abspath $(CBMC_ROOT))/run $(abspath $(CBMC_ROOT))/usr/bin/cbmc)

.PHONY: prove prove-plants
prove: PROVE := proofs
prove-plants: PROVE := plants
prove prove-plants: check-toolchain
	$(if $(CBMC), \
	    $(Q)OUT=$(PROOF_OUT) CBMC='$(CBMC)' CC='$(firstword $(CC))' \
	        sh tests/proof/prove.sh $(PROVE) $(PROOF) $(ROUND), \
	    @echo '  the proofs are passed over: no cbmc here, and none from Debian'"'"'s archive')
