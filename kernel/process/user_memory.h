/* A program's memory, as the kernel reaches it for a system call. No pointer is followed unless it lies in the
 * user part and its page is the program's, with the permission that the program itself would need. */
#ifndef QUIRE_USER_MEMORY_H
#define QUIRE_USER_MEMORY_H

#include "types.h"

/* How many bytes at VA, at most N and up to the end of the page, the kernel may now access directly; 0 if
 * the program may not access them. Valid until the program runs again or its mappings change. */
size_t user_part(const void *va, size_t n, bool write);

/* 0 or -EFAULT; the bytes before the bad page have then been copied. */
int copy_from_user(void *to, const void *user, size_t n);
int copy_to_user(void *user, const void *from, size_t n);

/* How many of N bytes have been copied: fewer where the program may not write to all of them. */
size_t copy_part_to_user(void *user, const void *from, size_t n);

/* Copies a string with its NUL. Its length; -EFAULT, or -ENAMETOOLONG where SIZE bytes do not hold it. */
int copy_string_from_user(char *to, const char *user, size_t size);

#endif
