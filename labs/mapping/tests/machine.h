/* For the tests of mapping: a simulated machine of 16 MiB with paging on, and tables that the test has made by hand. */
#ifndef QUIRE_LABS_MACHINE_H
#define QUIRE_LABS_MACHINE_H

#include "tables.h"

#define HEAP 0xD0000000u /* where the tests map: table 832, and the next */
#define NEXT 0xD0400000u /* the next table's first page */
#define FAR 0xD0800000u  /* no table is there */
#define PAGES_MAX 64u

static inline void start(void) {
    start_paged(0);
    table_by_hand(HEAP);
    table_by_hand(NEXT);
    mmu_event_count = 0;
}

#endif
