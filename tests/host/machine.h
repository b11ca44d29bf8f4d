/* A whole machine on the build machine: all of mm/ over the simulated MMU of mmu.h, the heap included, whose pages are
 * mapped there and, for the tests to use, in this process. It gives the models their surroundings (model.h). */
#ifndef QUIRE_HOST_MACHINE_H
#define QUIRE_HOST_MACHINE_H

/* Power on, and boot: a machine of MMU_FRAMES frames. Again, once all is given back. */
void machine_start(void);

#endif
