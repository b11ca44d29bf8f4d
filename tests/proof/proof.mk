# The proofs. Included by tests/tests.mk.
#
#   make prove           each proof, a line each: what is proved, at which bounds, the seconds (of processor time), what is assumed
#   make prove-plants    puts bugs into a copy of the sources: each proof must fail at its own
#
#   make prove REACH=1   nothing is proved, but that each proof reaches its end, and the states that it names
#
# PROOF="NAME ..." chooses some of them, ROUND=short those that take a few seconds.

PROOF ?=
ROUND ?=
REACH ?=
PROOF_OUT := $(BUILD)/proof
CBMC_ROOT := $(PROOF_OUT)/cbmc

# The system's own CBMC, or Debian trixie's, which then lies in a folder of its own. CaDiCaL solves what CBMC makes of a
# proof, in half the time of CBMC's own solver, which does where there is none.
CBMC = $(call once,CBMC,$(or $(call have,cbmc),$(call fetched,cbmc)))
SOLVER = $(call once,SOLVER,$(or $(call have,cadical),$(call fetched,cadical)))
fetched = $(shell SUITE=trixie WITHOUT=gcc sh tools/private-root.sh $(CBMC_ROOT) cbmc cadical && \
    [ -e $(CBMC_ROOT)/.complete ] && echo $(abspath $(CBMC_ROOT))/run $(abspath $(CBMC_ROOT))/usr/bin/$1)

.PHONY: prove prove-plants
prove: PROVE := $(if $(REACH),reach,prove)
prove-plants: PROVE := plants
prove prove-plants: check-toolchain
	$(if $(CBMC), \
	    $(Q)OUT=$(PROOF_OUT) CBMC='$(CBMC)' SOLVER='$(SOLVER)' CC='$(firstword $(CC))' \
	        sh tests/proof/prove.sh $(PROVE) $(PROOF) $(ROUND), \
	    @echo '  the proofs are passed over: no cbmc here, and none from Debian'"'"'s archive')
