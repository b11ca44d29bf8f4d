/* See user_part.h. The simulated physical memory is a file in memory, whose pages can be mapped twice.
 *
 * Beside the pages, what user_memory.c grants is looked at (--wrap): a kernel address would not fault here. */
#define _GNU_SOURCE
#include "user_part.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "../../host/mmu.h"
#include "fuzz.h"
#include "kernel.h"
#include "memlayout.h"
#include "pm.h"
#include "space.h"
#include "string.h"

#define SEEN_MAX 256
#define HANDLER_STACK (1u << 20) /* a finding is reported on it */
#define PAGE_FAULT_WRITE 2       /* in REG_ERR */

static int memory; /* the file */
static struct sigaction before;
static uintptr_t seen[SEEN_MAX]; /* the pages that are there */
static size_t seen_count;

static void reserve(uintptr_t va, size_t size, int protection, int how) {
    void *at = (void *)va;

    EXPECT(mmap(at, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | how, -1, 0) == at);
}

/* A table is about to be changed, or flushed. */
static void forget_all(void) {
    while (seen_count)
        reserve(seen[--seen_count], PAGE_SIZE, PROT_NONE, MAP_FIXED);
}

/* ---- what is allowed ---- */

bool in_user_part(uintptr_t va) { return va >= FREE_START && va < KHEAP_START; }

static bool page_allows(uintptr_t va, bool write) {
    unsigned needed = PTE_PRESENT | (monitor_looks() ? 0 : PTE_USER) | (write ? PTE_WRITE : 0);

    return in_user_part(va) && (mmu_lookup((void *)va) & needed) == needed;
}

bool user_part_allows(const void *va, size_t n, bool write) {
    uintptr_t start = (uintptr_t)va, end = start + n;

    if (n == 0)
        return true;
    if (end < start)
        return false;
    for (uintptr_t page = start & ~(uintptr_t)PAGE_MASK; page < end; page += PAGE_SIZE)
        if (!page_allows(page, write))
            return false;
    return true;
}

bool user_part_is_own(const void *va, size_t n) {
    uintptr_t start = (uintptr_t)va;

    for (uintptr_t page = start & ~(uintptr_t)PAGE_MASK; n && page < start + n; page += PAGE_SIZE)
        if (pm_is_shared(mmu_lookup((void *)page) & PTE_FRAME))
            return false;
    return true;
}

/* ---- the program ---- */

static bool program_faults(uintptr_t va, bool write, unsigned *error) {
    if (page_allows(va, write))
        return false;
    *error = FAULT_USER | (write ? FAULT_WRITE : 0) | (mmu_lookup((void *)va) ? FAULT_PRESENT : 0);
    return true;
}

bool user_part_load(uintptr_t va, unsigned *word, unsigned *error) {
    return !program_faults(va, false, error) && mmu_try_load((void *)va, word);
}

bool user_part_store(uintptr_t va, unsigned word, unsigned *error) {
    return !program_faults(va, true, error) && mmu_try_store((void *)va, word);
}

/* ---- the kernel ---- */

/* Access by the caches, which fails where they are stale, and sets what a processor sets. */
static void access_page(void *page, bool write) {
    unsigned word;

    EXPECT(mmu_try_load(page, &word));
    EXPECT(!write || mmu_try_store(page, word));
}

static void show(void *page, bool write) {
    paddr_t pa = mmu_lookup(page) & PTE_FRAME;
    int how = PROT_READ | (write ? PROT_WRITE : 0);

    if (seen_count == SEEN_MAX)
        forget_all();
    seen[seen_count++] = (uintptr_t)page;
    EXPECT(mmap(page, PAGE_SIZE, how, MAP_SHARED | MAP_FIXED, memory, pa) == page);
}

static void on_fault(int signal, siginfo_t *info, void *context) {
    uintptr_t va = (uintptr_t)info->si_addr;
    bool write = ((ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & PAGE_FAULT_WRITE;
    void *page = (void *)(va & ~(uintptr_t)PAGE_MASK);

    if (!in_user_part(va)) { /* the same again, for the sanitizer */
        sigaction(signal, &before, NULL);
        return;
    }
    if (!page_allows(va, write))
        fuzz_finding(__FILE__, __LINE__,
                     write ? "the kernel writes where the program may not"
                           : "the kernel reads where the program may not");
    access_page(page, write);
    show(page, write);
}

/* Before libFuzzer reads its inputs: what AddressSanitizer takes for those may reach down to here. */
static __attribute__((constructor)) void reserve_addresses(void) {
    reserve(FREE_START, KHEAP_START - FREE_START, PROT_NONE, MAP_FIXED_NOREPLACE);
    reserve(KERNEL_STACKS, KERNEL_STACKS_END - KERNEL_STACKS, PROT_READ | PROT_WRITE, MAP_FIXED_NOREPLACE);
}

static void catch_faults(void) {
    static char stack[HANDLER_STACK];
    const stack_t on = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

    EXPECT(sigaltstack(&on, NULL) == 0 && sigaction(SIGSEGV, &action, &before) == 0);
}

void user_part_start(void) {
    static bool started;

    forget_all();
    if (started)
        return;
    started = true;
    memory = memfd_create("memory", 0);
    EXPECT(memory >= 0 && ftruncate(memory, MMU_FRAMES * PAGE_SIZE) == 0);
    EXPECT(mmap(mmu_frame(0), MMU_FRAMES * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memory,
                0) == mmu_frame(0));
    catch_faults();
    mmu_before_event = forget_all;
}

/* ---- what user_memory.c grants ---- */

size_t __real_user_part(const void *va, size_t n, bool write);
size_t __wrap_user_part(const void *va, size_t n, bool write);
int __real_copy_from_user(void *to, const void *user, size_t n);
int __wrap_copy_from_user(void *to, const void *user, size_t n);
int __real_copy_to_user(void *user, const void *from, size_t n);
int __wrap_copy_to_user(void *user, const void *from, size_t n);
size_t __real_copy_part_to_user(void *user, const void *from, size_t n);
size_t __wrap_copy_part_to_user(void *user, const void *from, size_t n);
int __real_copy_string_from_user(char *to, const char *user, size_t size);
int __wrap_copy_string_from_user(char *to, const char *user, size_t size);

size_t __wrap_user_part(const void *va, size_t n, bool write) {
    size_t part = __real_user_part(va, n, write);

    EXPECT(part <= n && user_part_allows(va, part, write));
    return part;
}

int __wrap_copy_from_user(void *to, const void *user, size_t n) {
    int error = __real_copy_from_user(to, user, n);

    EXPECT(error || (user_part_allows(user, n, false) && !memcmp(to, user, n)));
    return error;
}

static bool is_stored(const void *user, const void *from, size_t n) {
    return user_part_allows(user, n, true) && user_part_is_own(user, n) && !memcmp(user, from, n);
}

int __wrap_copy_to_user(void *user, const void *from, size_t n) {
    int error = __real_copy_to_user(user, from, n);

    EXPECT(error || is_stored(user, from, n));
    return error;
}

size_t __wrap_copy_part_to_user(void *user, const void *from, size_t n) {
    size_t done = __real_copy_part_to_user(user, from, n);

    EXPECT(done <= n && is_stored(user, from, done));
    return done;
}

int __wrap_copy_string_from_user(char *to, const char *user, size_t size) {
    int n = __real_copy_string_from_user(to, user, size);

    EXPECT(n < 0 || user_part_allows(user, (size_t)n + 1, false));
    return n;
}
