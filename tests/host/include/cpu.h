/* include/cpu.h's place on the build machine: what mm/ uses of the processor, over the simulated MMU. */
#ifndef QUIRE_CPU_H
#define QUIRE_CPU_H

unsigned read_entry(const volatile unsigned *entry);
void write_entry(volatile unsigned *entry, unsigned value);
void flush_page(const void *va);

#endif
