/* The protections that vmem_init has switched on. */
#ifndef QUIRE_PROTECTION_H
#define QUIRE_PROTECTION_H

/* Walks over all tables and logs one line; panics with the first protection that does not hold. */
void protection_check(void);

#endif
