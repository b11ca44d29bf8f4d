/* A program's memory. See user_memory.h.
 *
 * Each page is looked up before it is touched, and brought in as the program's own access would bring it in; so the
 * kernel never faults on a program's pointer, and never writes where the program could not. Nothing can change the
 * mappings in between: kernel code is not preempted, and a process has one thread.
 *
 * A program's pointer may be anything, NULL too. C defines no arithmetic on such a pointer, not even NULL + 0; so it is
 * only moved on by what was found accessible. */
#include "user_memory.h"

#include "linux.h"
#include "memory.h"
#include "string.h"
#include "vmem.h"

/* Whether the page at VA is present with the permissions for WRITE; brings it in if it can be. */
static bool page_ready(const void *va, bool write) {
    unsigned needed = PTE_PRESENT | PTE_USER | (write ? PTE_WRITE : 0);
    struct vmem_walk walk;

    if ((uintptr_t)va < USER_START || (uintptr_t)va >= USER_END)
        return false;
    vmem_walk(va, &walk);
    if ((walk.pde & walk.pte & needed) == needed)
        return true;
    return memory_fault(va, FAULT_USER | (write ? FAULT_WRITE : 0) | (walk.pde & walk.pte & FAULT_PRESENT));
}

/* How many bytes at VA, at most N and up to the end of the page, the kernel may now access directly; 0 if
 * the program may not access them. */
size_t user_part(const void *va, size_t n, bool write) {
    size_t part = PAGE_SIZE - page_offset(va);

    return page_ready(va, write) ? part < n ? part : n : 0;
}

/* 0 or -EFAULT; the bytes before the bad page have then been copied. */
int copy_from_user(void *to, const void *user, size_t n) {
    for (size_t part; n; n -= part, to = (char *)to + part, user = (const char *)user + part) {
        if (!(part = user_part(user, n, false)))
            return -EFAULT;
        memcpy(to, user, part);
    }
    return 0;
}

/* How many of N bytes have been copied: fewer where the program may not write to all of them. */
size_t copy_part_to_user(void *user, const void *from, size_t n) {
    size_t done = 0;

    for (size_t part; done < n && (part = user_part(user, n - done, true)) > 0; done += part) {
        memcpy(user, from, part);
        user = (char *)user + part;
        from = (const char *)from + part;
    }
    return done;
}

/* 0 or -EFAULT; the bytes before the bad page have then been copied. */
int copy_to_user(void *user, const void *from, size_t n) {
    return copy_part_to_user(user, from, n) == n ? 0 : -EFAULT;
}

/* Copies a string with its NUL. Its length; -EFAULT, or -ENAMETOOLONG where SIZE bytes do not hold it. */
int copy_string_from_user(char *to, const char *user, size_t size) {
    for (size_t i = 0, part = 0; i < size; i++, part--, user++) {
        if (part == 0 && !(part = user_part(user, size - i, false)))
            return -EFAULT;
        if (!(to[i] = *user))
            return (int)i;
    }
    return -ENAMETOOLONG;
}
