# make mutate: small changes to the code, which the tests must notice (mutate.py). Included by the Makefile.
#
# FILES="mm/pm.c ..." these files only; MUTANTS=N a sample, drawn by SEED=N; JOBS=N at once.

.PHONY: mutate
mutate: $(KERNEL) host-tests
	$(if $(call mutate-python),,$(call missing,clang for python3 is missing,mutate))$(call need,qemu-system-i386,qemu)
	$(Q)MAKEFLAGS= MAKELEVEL= HOST_CC=$(HOST_CC) EMULATOR=$(i386-emulator) $(mutate-python) tests/mutate/mutate.py $(BUILD) \
	    $(if $(FILES),'FILES=$(FILES)') $(MUTANTS:%=MUTANTS=%) $(SEED:%=SEED=%) $(JOBS:%=JOBS=%)

mutate-python = $(shell for python in python3 /usr/bin/python3; do \
    $$python -c 'import clang.cindex' 2>/dev/null && echo $$python && break; done)
