# The course. Included by the Makefile. A lab is a folder in labs/; labs/AUTHORS.md says what is in it.
#
# In a lab's own folder labs/this.mk says which lab it is: THIS_LAB. (LAB=1 is the kernel for web/.)
-include labs/this.mk
CHOSEN_LAB = $(or $(filter-out 1,$(LAB)),$(THIS_LAB))

LABS := $(patsubst labs/%/lab.ini,%,$(wildcard labs/*/lab.ini))
PYTHON3 = $(call once,PYTHON3,$(or $(call first,python3),$(call missing,python3 is missing,grade)))

.PHONY: lab gradescope grade hint
lab gradescope grade hint: export PYTHONDONTWRITEBYTECODE = 1
lab:
	$(if $(wildcard labs/make_lab.py),,$(error this is a lab's own folder: other labs are made in Quire's))
	$(if $(and $(CHOSEN_LAB),$(DIR)),,$(error usage: make lab LAB=NAME DIR=FOLDER, with one of these: $(LABS)))
	$(call need,git,git)$(Q)$(PYTHON3) labs/make_lab.py '$(CHOSEN_LAB)' '$(DIR)'

gradescope:
	$(if $(wildcard labs/make_lab.py),,$(error this is a lab's own folder: an autograder is made in Quire's))
	$(if $(CHOSEN_LAB),,$(error usage: make gradescope LAB=NAME [HIDDEN=FOLDER], with one of these: $(LABS)))
	$(Q)mkdir -p $(BUILD)
	$(Q)$(PYTHON3) labs/gradescope.py '$(CHOSEN_LAB)' '$(BUILD)/gradescope-$(CHOSEN_LAB).zip' $(if $(HIDDEN),'$(HIDDEN)')

# How grade.py compiles, links and runs tests: on this machine, and in a small kernel.
grade: export HOST_COMPILE = $(HOST_CC) $(HOST_CFLAGS) -O1 -fno-pie $(HOST_SANITIZE)
grade: export HOST_LINK = $(HOST_CC) $(HOST_LINK_ASAN)
grade: export HOST_RUN = $(i386-emulator)
grade: export KERNEL_COMPILE = $(CC) $(KERNEL_CFLAGS) -fno-stack-protector
grade: export KERNEL_LINK = $(LD) -m elf_i386 -nostdlib --build-id=none
grade: export EMULATOR = $(QEMU)
grade:
	$(if $(CHOSEN_LAB),,$(error usage: make grade LAB=NAME, with one of these: $(LABS)))$(call need,$(HOST_CC),compiler)
	@$(PYTHON3) labs/grade.py '$(CHOSEN_LAB)' --build '$(BUILD)/grade' $(if $(EXERCISE),--exercise '$(EXERCISE)') \
	    $(if $(RESULTS),--results '$(RESULTS)') $(if $(HIDDEN),--hidden '$(HIDDEN)')

hint:
	$(if $(CHOSEN_LAB),,$(error usage: make hint LAB=NAME EXERCISE=N, with one of these: $(LABS)))
	@$(PYTHON3) labs/hint.py '$(CHOSEN_LAB)' '$(BUILD)/grade' $(EXERCISE)
