/* The page fault in words (page_fault.c). */
#ifndef QUIRE_PAGE_FAULT_H
#define QUIRE_PAGE_FAULT_H

#include "trap.h"

/* Prints the page fault at ADDRESS: the attempt, the walk, and the likely cause. */
void page_fault_report(const struct trap_frame *frame, uintptr_t address);

#endif
