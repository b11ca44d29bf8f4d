/* A program's address space. See memory.h.
 *
 * The kernel keeps no list of mappings: how a page is to come stands in its own entry (space.h). All it remembers
 * is where the heap ends and where the lowest mappings begin; below them new mappings find their place without a
 * search. Only when that is used up are the entries searched for a gap. */
#include "memory.h"

#include "file.h"
#include "kmalloc.h"
#include "linux.h"
#include "process.h"
#include "process_inside.h"
#include "system_calls.h"
#include "user_memory.h"
#include "vmem.h"

static uintptr_t page_up(uintptr_t va) { return (va + PAGE_MASK) & ~(uintptr_t)PAGE_MASK; }

/* The initial layout of a program whose segments end at END. */
struct memory memory_of(uintptr_t end) {
    return (struct memory){page_up(end), page_up(end), MAPPINGS_END, USER_END};
}

/* ---- faults ---- */

static bool is_stack(const void *va) { return (uintptr_t)va >= STACK_END && (uintptr_t)va < STACK_TOP; }

/* The page of VA has no entry at all. */
static bool is_unmapped(const void *va) {
    struct vmem_walk walk;

    vmem_walk(va, &walk);
    return walk.pte == 0;
}

static void (*on_fault)(const struct process_fault *fault);

/* Calls HANDLER after each page fault that was mended; NULL: no longer. */
void process_on_fault(void (*handler)(const struct process_fault *fault)) { on_fault = handler; }

static paddr_t frame_at(const void *va) {
    paddr_t pa;

    return vmem_translate(va, &pa) ? pa_frame(pa) : PADDR_NONE;
}

/* Mends the fault and tells the handler. */
static bool mend(const void *va, unsigned error) {
    struct process_fault fault = {current->name,       current->pid, va,
                                  error & FAULT_WRITE, frame_at(va), PADDR_NONE};

    if (!space_fault(va, error))
        return false;
    fault.after = frame_at(va);
    on_fault(&fault);
    return true;
}

/* Makes VA accessible for the access that ERROR describes, if the program may do it. */
bool memory_fault(const void *va, unsigned error) {
    void *page = (void *)((uintptr_t)va & ~(uintptr_t)PAGE_MASK);

    if (is_stack(va) && is_unmapped(va))
        space_reserve(page, 1, VMEM_WRITE | VMEM_USER); /* if memory has run out, the fault cannot be mended */
    if (!(on_fault ? mend(va, error) : space_fault(va, error)))
        return false;
    current->faults++;
    return true;
}

/* Whether the program may make the access that ERROR describes: if it still faulted, memory had run out. */
bool memory_wanting(const void *va, unsigned error) {
    return (is_stack(va) && is_unmapped(va)) ||
           space_allows(va, 1, VMEM_USER | (error & FAULT_WRITE ? VMEM_WRITE : 0));
}

/* ---- mappings ---- */

/* Maps BYTES bytes at OFFSET of MODULE at VA, whole pages shared until they are written to; what the last page
 * has beyond them is clear. */
int memory_map_file(char *va, const struct module *module, size_t offset, size_t bytes, unsigned flags) {
    size_t shared = pa_offset(module->start) ? 0 : bytes / PAGE_SIZE;
    size_t copied = bytes - shared * PAGE_SIZE, pages = pages_for(copied);
    char *rest = va + shared * PAGE_SIZE;

    if (shared && space_map_copy(va, module->start + offset, shared, flags) < 0)
        return -ENOMEM;
    if (!pages)
        return 0;
    if (space_reserve(rest, pages, VMEM_WRITE | VMEM_USER) < 0 ||
        copy_to_user(rest, module->data + offset + shared * PAGE_SIZE, copied) < 0)
        return -ENOMEM;
    return flags & VMEM_WRITE ? 0 : space_protect(rest, pages, flags);
}

/* The number of pages in [VA, VA + BYTES); 0 if they are not whole pages of the user part below END. */
static size_t user_pages(uintptr_t va, size_t bytes, uintptr_t end) {
    size_t pages = pages_for(bytes);

    return va & PAGE_MASK || va < USER_START || va >= end || pages > (end - va) / PAGE_SIZE ? 0 : pages;
}

/* The highest free range of PAGES pages between the heap and MAPPINGS_END, or 0. */
static uintptr_t find_gap(const struct memory *memory, size_t pages) {
    uintptr_t low = page_up(memory->brk), end = MAPPINGS_END, va = end;

    while (pages <= (end - low) / PAGE_SIZE) {
        struct vmem_walk walk;

        if (pages <= (end - va) / PAGE_SIZE) /* [va, end) is free */
            return end - pages * PAGE_SIZE;
        va -= PAGE_SIZE;
        vmem_walk((void *)va, &walk);
        if (walk.pte)
            end = va;
        else if (!walk.pde)
            va -= walk.pti * PAGE_SIZE; /* to where the table that is not there would begin */
    }
    return 0;
}

/* The PAGES pages below LOWEST, or 0 if they would begin below FREE. */
static uintptr_t below(uintptr_t lowest, uintptr_t free, size_t pages) {
    return pages <= (lowest - free) / PAGE_SIZE ? lowest - pages * PAGE_SIZE : 0;
}

/* A place for PAGES pages, or 0. */
static uintptr_t find_place(const struct memory *memory, size_t pages) {
    uintptr_t va = below(memory->lowest_high, STACK_TOP, pages);

    if (!va)
        va = below(memory->lowest, page_up(memory->brk), pages);
    return va ? va : find_gap(memory, pages);
}

/* [VA, VA_END) has been unmapped. Moves *LOWEST, the lowest mapping below END, up if it was there. */
static void raise(uintptr_t *lowest, uintptr_t end, uintptr_t va, uintptr_t va_end) {
    if (va <= *lowest && *lowest < va_end)
        *lowest = va_end < end ? va_end : end;
}

static void unmap(struct memory *memory, uintptr_t va, size_t pages) {
    uintptr_t end = va + pages * PAGE_SIZE;

    space_release((void *)va, pages);
    raise(&memory->lowest, MAPPINGS_END, va, end);
    raise(&memory->lowest_high, USER_END, va, end);
}

/* [VA, END) is about to be mapped. Moves *LOWEST down if the range overlaps the free part [FREE, *LOWEST). */
static void lower(uintptr_t *lowest, uintptr_t free, uintptr_t va, uintptr_t end) {
    if (va < *lowest && end > free)
        *lowest = va > free ? va : free;
}

/* PAGES pages at VA are about to be mapped, wherever that place comes from: a gap may reach below the lowest. */
static void take(struct memory *memory, uintptr_t va, size_t pages) {
    uintptr_t end = va + pages * PAGE_SIZE;

    lower(&memory->lowest, page_up(memory->brk), va, end);
    lower(&memory->lowest_high, STACK_TOP, va, end);
}

static unsigned flags_of(unsigned protection) {
    return (protection ? VMEM_USER : 0) | (protection & PROT_WRITE ? VMEM_WRITE : 0);
}

/* Fills a new mapping: with MODULE's bytes from OFFSET on, or with clear pages. */
static int fill(char *va, size_t bytes, unsigned protection, const struct module *module, size_t offset) {
    if (!module)
        return space_reserve(va, pages_for(bytes), flags_of(protection)) < 0 ? -ENOMEM : 0;
    if (offset >= module->size)
        return 0;
    if (bytes > module->size - offset)
        bytes = module->size - offset;
    return memory_map_file(va, module, offset, bytes, flags_of(protection));
}

static int map(uintptr_t va, size_t bytes, unsigned protection, unsigned flags, int fd, uint64_t offset) {
    struct memory *memory = &current->memory;
    const struct module *module = NULL;
    size_t pages = flags & MAP_FIXED ? user_pages(va, bytes, USER_END) : pages_for(bytes);
    bool shared = (flags & MAP_TYPE) == MAP_SHARED;

    if (pages == 0 || (!shared && (flags & MAP_TYPE) != MAP_PRIVATE))
        return -EINVAL;
    if (flags & MAP_ANONYMOUS ? shared : !(module = file_module(fd)))
        return flags & MAP_ANONYMOUS ? -EINVAL : -EBADF;
    if (shared && protection & PROT_WRITE)
        return -EACCES; /* files are read-only */
    if (offset > UINT32_MAX)
        return -EINVAL;
    if (flags & MAP_FIXED)
        space_release((void *)va, pages);
    else if (!(va = find_place(memory, pages)))
        return -ENOMEM;
    take(memory, va, pages);
    int error = fill((char *)va, bytes, protection, module, (size_t)offset);
    if (error)
        unmap(memory, va, pages);
    return error ? error : (int)va;
}

int sys_mmap2(struct trap_frame *frame) {
    return map(frame->ebx, frame->ecx, frame->edx, frame->esi, (int)frame->edi,
               (uint64_t)frame->ebp * PAGE_SIZE);
}

/* The old call: its arguments lie in memory, the offset in bytes. */
int sys_mmap(struct trap_frame *frame) {
    unsigned arg[6];

    if (copy_from_user(arg, (void *)frame->ebx, sizeof(arg)) < 0)
        return -EFAULT;
    if (arg[5] & PAGE_MASK)
        return -EINVAL;
    return map(arg[0], arg[1], arg[2], arg[3], (int)arg[4], arg[5]);
}

int sys_munmap(struct trap_frame *frame) {
    size_t pages = user_pages(frame->ebx, frame->ecx, USER_END);

    if (!pages)
        return -EINVAL;
    unmap(&current->memory, frame->ebx, pages);
    return 0;
}

int sys_mprotect(struct trap_frame *frame) {
    size_t pages = user_pages(frame->ebx, frame->ecx, USER_END);

    if (frame->ebx & PAGE_MASK)
        return -EINVAL;
    if (!frame->ecx)
        return 0;
    return pages && space_protect((void *)frame->ebx, pages, flags_of(frame->edx)) == 0 ? 0 : -ENOMEM;
}

/* Returns the end of the heap: the new one, or the old one if it could not be moved. */
int sys_brk(struct trap_frame *frame) {
    struct memory *memory = &current->memory;
    uintptr_t end = page_up(memory->brk), new_end = page_up(frame->ebx);

    if (frame->ebx < memory->brk_start || frame->ebx > memory->lowest)
        return (int)memory->brk;
    if (new_end > end && space_reserve((void *)end, (new_end - end) / PAGE_SIZE, VMEM_WRITE | VMEM_USER) < 0)
        return (int)memory->brk;
    if (new_end < end)
        space_release((void *)new_end, (end - new_end) / PAGE_SIZE);
    return (int)(memory->brk = frame->ebx);
}
