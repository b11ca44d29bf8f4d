/* The check of the protections that vmem_init sets up (kernel/protection.c). */
#ifndef QUIRE_PROTECTION_H
#define QUIRE_PROTECTION_H

/* Walks all page tables and logs one line; panics with the first protection that does not hold. */
void protection_check(void);

#endif
