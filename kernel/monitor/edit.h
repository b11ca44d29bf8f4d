/* The pages that map, unmap and protect work on. */
#ifndef QUIRE_EDIT_H
#define QUIRE_EDIT_H

#include "memlayout.h"

#define PAGES_START FREE_START
#define PAGES_END KHEAP_START

#endif
