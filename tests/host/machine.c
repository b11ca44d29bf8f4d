/* The machine of machine.h. */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "kmalloc.h"
#include "memlayout.h"
#include "mmu.h"
#include "pages.h"
#include "space.h"
#include "support.h"

#include "../model/model.h"

/* ---- the heap's pages: in both worlds ---- */

static int get(void *va, size_t pages) {
    int result = vmem_alloc_range(va, pages, VMEM_WRITE);
    return result < 0 ? result : host_pages.get(va, pages);
}

static int give(void *va, size_t pages) {
    int result = vmem_free_range(va, pages);
    return result < 0 ? result : host_pages.give(va, pages);
}

static const struct page_provider both = {.get = get, .give = give};

static paddr_t held[MMU_FRAMES];
static size_t held_count;

/* Before anything else takes addresses of the heap's: AddressSanitizer's own may reach down to there. */
static __attribute__((constructor)) void reserve_heap(void) {
    if (!host_pages_reserve(false))
        abort();
}

void machine_start(void) {
    static memmap_frames ram;

    held_count = 0;
    mmu_shared_from = 0;
    mmu_reset();
    memset(ram, 0, sizeof ram);
    bitmap_fill(ram, 0, 0x9F, true);
    bitmap_fill(ram, LOW_MEMORY_END / PAGE_SIZE, MMU_FRAMES, true);
    memset(pm_frames, 0, sizeof pm_frames);
    pm_init(ram);
    pm_reserve(KERNEL_START, (uintptr_t)kernel_end);
    vmem_init();
    kmalloc_init(&both);
    space_init();
    mmu_shared_from = KHEAP_START / TABLE_SPAN;
}

/* ---- what the models ask for ---- */

unsigned model_load(const void *va) { return mmu_load(va); }
void model_store(void *va, unsigned word) { mmu_store(va, word); }

static struct {
    void (*call)(void *arg);
    void *arg;
} refused;

static void call_refused(uintptr_t a, uintptr_t b) { (void)a, (void)b, refused.call(refused.arg); }

void model_refuses(const char *text, void (*call)(void *arg), void *arg) {
    refused.call = call;
    refused.arg = arg;
    EXPECT_PANIC(text, call_refused, 0, 0);
}

void *model_take_memory(size_t size) { return calloc(1, size); }
void model_give_memory(void *memory) { free(memory); }

void model_take_frames_but(size_t n) {
    while (pm_count().free > n)
        held[held_count++] = pm_alloc_page();
}

void model_give_frames(void) {
    while (held_count)
        pm_free_page(held[--held_count]);
}

bool model_heap_is_exact(void) { return true; }
void model_look(void) { mmu_check_caches(); }
