/* include/cpu.h's place in the fuzz target system_calls: its constants; page tables over the simulated MMU; registers
 * that the host needs itself are simulated, too (kernel.c). */
#ifndef QUIRE_FUZZ_CPU_H
#define QUIRE_FUZZ_CPU_H

#define read_entry processor_read_entry
#define write_entry processor_write_entry
#define flush_page processor_flush_page
#define store_words processor_store_words
#define copy_words processor_copy_words
#define zero_words processor_zero_words
#define words_are processor_words_are
#define read_fs processor_read_fs
#define read_gs processor_read_gs
#define load_fs processor_load_fs
#define load_gs processor_load_gs
#define read_cr4 processor_read_cr4
#define write_cr4 processor_write_cr4
#define fninit processor_fninit
#define fxrstor processor_fxrstor
#include "../../../include/cpu.h"
#undef read_entry
#undef write_entry
#undef flush_page
#undef store_words
#undef copy_words
#undef zero_words
#undef words_are
#undef read_fs
#undef read_gs
#undef load_fs
#undef load_gs
#undef read_cr4
#undef write_cr4
#undef fninit
#undef fxrstor

#undef QUIRE_CPU_H
#include "../../host/include/cpu.h"

uint16_t read_fs(void);
uint16_t read_gs(void);
void load_fs(uint16_t selector);
void load_gs(uint16_t selector);
unsigned read_cr4(void);
void write_cr4(unsigned value);
void fninit(void);
void fxrstor(const void *state);

#endif
