/* For the tests of faults: a page fault in words, and what is printed. */
#ifndef QUIRE_LABS_FAULT_H
#define QUIRE_LABS_FAULT_H

#include "check.h"
#include "memlayout.h"
#include "page_fault.h"
#include "space.h"

#include <stdio.h>
#include <string.h>

/* "a write to 0x00100010, refused (kernel, error code 0x3)" */
static inline const char *in_words(const struct page_fault *fault) {
    static char text[128];
    snprintf(text, sizeof text, "a %s 0x%08x, %s (%s, error code 0x%x)", fault->error & FAULT_WRITE ? "write to" : "read of",
             (unsigned)fault->address, fault->error & FAULT_PRESENT ? "refused" : "absent",
             fault->error & FAULT_USER ? "user" : "kernel", fault->error);
    return text;
}

#endif
