/* The monitor's commands that change mappings and touch memory: map, unmap, protect, peek, poke, fill.
 *
 * Each command looks its addresses up before it uses them, so nothing typed here can fault. poke writes to any
 * writable page, and can break the kernel. fill cannot: it writes only to memory that nobody else uses.
 *
 * No page of the kernel's code or constants gets a second, writable mapping. The machine would allow it; but then
 * "text is read-only" would no longer hold for the whole address space (protection.c checks it at boot). */
#include "edit.h"

#include "args.h"
#include "command.h"
#include "log.h"
#include "memlayout.h"
#include "objects.h"
#include "output.h"
#include "pm.h"
#include "string.h"
#include "vmem.h"
#include "walk.h"

#define WORDS_LIMIT 4096 /* in one peek */
#define FILL_LIMIT (16u << 20)

/* ---- map, unmap ---- */

/* Who owns VA, which lies outside the pages of map. */
static const char *owner(uintptr_t va) {
    return va < PAGES_START     ? "kernel's"
           : va < DEVICES_START ? "heap's"
           : va < FRAMES_START  ? "devices'"
           : va < WINDOW_START  ? "frame records'"
                                : "window's";
}

/* True if map and unmap may change the page at VA; otherwise prints an error line. */
static bool editable(uintptr_t va) {
    if (va & PAGE_MASK)
        command_error("VA must be a page's start: a multiple of 0x1000, not 0x%08x", (unsigned)va);
    else if (va < PAGES_START || va >= PAGES_END)
        command_error("VA must be from 0x%08x up to 0x%08x: 0x%08x is the %s", PAGES_START, PAGES_END,
                      (unsigned)va, owner(va));
    else
        return true;
    return false;
}

static bool read_only_frame(paddr_t pa) {
    return (pa >= identity_pa(kernel_start) && pa < identity_pa(rodata_end)) ||
           (pa >= identity_pa(symtab_start) && pa < identity_pa(kernel_end));
}

/* True if the frame at PA may be mapped, WRITABLE or not; otherwise prints an error line. */
static bool mappable(paddr_t pa, bool writable) {
    if (pa_offset(pa))
        command_error("PA must be a frame's start: a multiple of 0x1000, not 0x%08x", pa);
    else if (writable && read_only_frame(pa))
        command_error("0x%08x holds %s: map it ro", pa, region_name((uintptr_t)pa));
    else
        return true;
    return false;
}

static void print_mapping(uintptr_t va, bool table_is_new) {
    struct vmem_walk walk;

    if (!vmem_walk((void *)va, &walk))
        return;
    if (table_is_new)
        kprintf("a new page table: PD[%u] 0x%08x\n", walk.pdi, walk.pde);
    kprintf("PT[%u] 0x%08x\n", walk.pti, walk.pte);
    kprintf("0x%08x -> 0x%08x\n", (unsigned)va, walk.pa);
}

/* A frame that pm has, or has handed out, is only viewed: its owner may give it back meanwhile. */
static unsigned view_flag(paddr_t pa) {
    enum pm_state state = pm_state(pa);

    return state == PM_ABSENT || state == PM_RESERVED ? 0 : VMEM_VIEW;
}

static bool has_table(uintptr_t va) {
    struct vmem_walk walk;

    vmem_walk((void *)va, &walk);
    return walk.pde & PTE_PRESENT;
}

COMMAND(EDIT, 1, map, .arguments = "VA PA [ro]", .least = 2, .most = 3, .flags = TRACED,
        .help = "map the page at VA to the frame at PA",
        .detail = "VA is from 0x00400000 up to 0xc0000000. PA is any frame: memory or a device, free or "
                  "in use. So memory can be seen at a second address.",
        .example = "map 0x00400000 0x000b8000 ro")
{
    bool read_only = n == 3, had_table;
    uintptr_t va;
    unsigned number;
    paddr_t pa, there;

    if (!argument_address("VA", arg[0], &va) || !argument_number("PA", arg[1], &number))
        return;
    pa = (paddr_t)number;
    if (read_only && strcmp(arg[2], "ro")) {
        command_error("the third word may only be ro, not \"%.24s\"", arg[2]);
        return;
    }
    if (!editable(va) || !mappable(pa, !read_only))
        return;
    if (vmem_translate((void *)va, &there)) {
        command_error("0x%08x is mapped already, to 0x%08x: unmap it first", (unsigned)va, there);
        return;
    }
    had_table = has_table(va);
    if (vmem_map((void *)va, pa, view_flag(pa) | (read_only ? 0 : VMEM_WRITE)))
        command_error("out of memory: no frame is left for a page table");
    else
        print_mapping(va, !had_table);
}

COMMAND(EDIT, 2, unmap, .arguments = "VA", .least = 1, .most = 1, .flags = TRACED, .help = "undo a map",
        .detail = "A page table that has lost its last page is given back.", .example = "unmap 0x00400000")
{
    char absent[ABSENT_TEXT];
    uintptr_t va;

    if (!argument_address("VA", arg[0], &va) || !editable(va))
        return;
    if (vmem_unmap((void *)va)) {
        command_error("0x%08x is not mapped: %s", (unsigned)va, absent_level(va, absent));
        return;
    }
    kprintf("0x%08x -> not mapped: %s\n", (unsigned)va, absent_level(va, absent));
    if (!has_table(va))
        kprintf("page table %u was empty: its frame is free again\n", pd_index((void *)va));
}

static paddr_t frame_behind(uintptr_t va) {
    paddr_t pa = PADDR_NONE;

    vmem_translate((void *)va, &pa);
    return pa_frame(pa);
}

COMMAND(EDIT, 3, protect, .arguments = "VA ro|rw", .least = 2, .most = 2, .flags = TRACED,
        .help = "make a mapped page read-only or writable", .example = "protect 0x00400000 ro")
{
    char absent[ABSENT_TEXT];
    uintptr_t va;
    bool writable;

    if (!argument_address("VA", arg[0], &va) || !argument_either("ro|rw", arg[1], &writable) || !editable(va))
        return;
    if (absent_level(va, absent))
        command_error("0x%08x is not mapped: %s", (unsigned)va, absent);
    else if (mappable(frame_behind(va), writable)) {
        vmem_protect((void *)va, PAGE_SIZE, writable ? VMEM_WRITE : 0);
        print_mapping(va, false);
    }
}

/* ---- peek, poke, fill ---- */

/* True if all of [VA, VA + BYTES) can be read; otherwise prints an error line. */
static bool readable(uintptr_t va, size_t bytes) {
    uintptr_t last = va + bytes - 1;
    char absent[ABSENT_TEXT];

    if (last < va) {
        command_error("0x%08x and %zu bytes pass the end of the address space", (unsigned)va, bytes);
        return false;
    }
    for (uintptr_t page = va >> PAGE_SHIFT; page <= last >> PAGE_SHIFT; page++) {
        if (!absent_level(page << PAGE_SHIFT, absent))
            continue;
        uintptr_t first = page << PAGE_SHIFT;
        command_error("0x%08x is not mapped: %s", (unsigned)(first > va ? first : va), absent);
        return false;
    }
    return true;
}

/* Why VA cannot be written, or NULL. */
static const char *protection(uintptr_t va) {
    struct vmem_walk walk;

    vmem_walk((void *)va, &walk);
    if (va >= DIRECTORY_WINDOW)
        return "is a live directory entry: map, unmap and protect edit those";
    if (va >= WINDOW_START)
        return "is a live table entry: map, unmap and protect edit those";
    if (!(walk.pde & walk.pte & PTE_WRITE))
        return "is read-only, and CR0.WP binds the kernel too";
    return NULL;
}

static void print_protection(uintptr_t va, const char *why) {
    if (va >= WINDOW_START)
        command_error("0x%08x %s", (unsigned)va, why);
    else
        command_error("0x%08x (%s) %s", (unsigned)va, region_name(va), why);
}

/* True if the word at VA can be read and written; otherwise prints an error line. */
static bool writable(uintptr_t va) {
    uintptr_t last = va + sizeof(uint32_t) - 1;

    if (!readable(va, sizeof(uint32_t)))
        return false;
    uintptr_t bad = protection(va) ? va : last;
    const char *why = protection(bad);
    if (why)
        print_protection(bad, why);
    return !why;
}

static unsigned read_word(uintptr_t va) {
    unsigned word;

    __builtin_memcpy(&word, (const void *)va, sizeof(word)); /* VA may be unaligned */
    return word;
}

/* The LENGTH bytes at VA as text, with a dot for each byte that is no character. */
static void print_text(uintptr_t va, size_t length) {
    for (size_t i = 0; i < length; i++) {
        char c = ((const char *)va)[i];
        kprintf("%c", c >= ' ' && c < 127 ? c : '.');
    }
}

/* One line: at most four words, then the same bytes as text. */
static void print_words(uintptr_t va, unsigned words) {
    kprintf("0x%08x:", (unsigned)va);
    for (unsigned i = 0; i < words; i++)
        kprintf(" 0x%08x", read_word(va + i * 4));
    kprintf("%*s", (int)(4 - words) * 11 + 2, "");
    print_text(va, words * 4);
    kprintf("\n");
}

COMMAND(LOOK, 5, peek, .arguments = "[PID:]VA [WORDS]", .least = 1, .most = 2, .flags = READS | IN_SPACE,
        .help = "show memory at VA, as 32-bit words",
        .detail = "Up to 4096 words; 1 without WORDS. An absent page is an error, not a fault. peek 2:VA "
                  "reads in the space of program 2.",
        .example = "peek page_directory 16")
{
    unsigned words = 1;
    uintptr_t va;

    if (!argument_address("VA", arg[0], &va) || (n == 2 && !argument_number("WORDS", arg[1], &words)))
        return;
    if (!words || words > WORDS_LIMIT) {
        command_error("WORDS must be 1 to %u", WORDS_LIMIT);
        return;
    }
    if (!readable(va, words * 4))
        return;
    for (; words > 4 && !output_stopped(); words -= 4, va += 16)
        print_words(va, 4);
    if (!output_stopped())
        print_words(va, words);
}

COMMAND(EDIT, 5, poke, .arguments = "VA WORD", .least = 2, .most = 2, .flags = TRACED,
        .help = "write WORD at VA: this can break things",
        .detail = "Refused where a page is absent or read-only, and in the window. Elsewhere it writes, "
                  "and what happens then is yours.",
        .example = "poke 0x000b8000 0x07690748")
{
    unsigned word, before;
    uintptr_t va;

    if (!argument_address("VA", arg[0], &va) || !argument_number("WORD", arg[1], &word) || !writable(va))
        return;
    before = read_word(va);
    __builtin_memcpy((void *)va, &word, sizeof(word));
    kprintf("0x%08x: 0x%08x, was 0x%08x\n", (unsigned)va, word, before);
}

/* ---- fill ---- */

#define VIDEO_START ((paddr_t)0x000A0000)
#define VIDEO_END ((paddr_t)0x000C0000)

/* True if FRAME is video memory, or part of the framebuffer, which is mapped at DEVICES_START. */
static bool is_screen(paddr_t frame) {
    paddr_t first, there;

    if (frame >= VIDEO_START && frame < VIDEO_END)
        return true;
    return vmem_translate((void *)DEVICES_START, &first) && frame >= first &&
           frame - first < WINDOW_START - DEVICES_START &&
           vmem_translate((void *)(DEVICES_START + (frame - first)), &there) && there == frame;
}

/* True if VA's page is one of map's and leads to a free frame or to the screen. */
static bool is_playground(uintptr_t va) {
    paddr_t frame = frame_behind(va);

    return va >= PAGES_START && va < PAGES_END && (pm_state(frame) == PM_FREE || is_screen(frame));
}

/* True if [VA, VA + BYTES), all mapped, may be filled; otherwise prints an error line. */
static bool fillable(uintptr_t va, size_t bytes) {
    if (object_holds(va, bytes))
        return true;
    for (uintptr_t page = va & ~(uintptr_t)PAGE_MASK; page <= va + bytes - 1; page += PAGE_SIZE) {
        const char *why = protection(page > va ? page : va);
        if (why)
            print_protection(page, why);
        else if (!is_playground(page))
            command_error(
                "fill writes only to objects of alloc, and to pages mapped to free frames or the screen");
        else
            continue;
        return false;
    }
    return true;
}

COMMAND(
    EDIT, 4, fill, .arguments = "VA WORDS WORD", .least = 3, .most = 3, .flags = TRACED,
    .help = "write WORD many times, into an object or a page",
    .detail = "Only into objects of alloc, and into pages that map mapped to free frames or to the screen.",
    .example = "fill $0 16 0xdeadbeef")
{
    unsigned words, word;
    uintptr_t va;

    if (!argument_address("VA", arg[0], &va) || !argument_number("WORDS", arg[1], &words) ||
        !argument_number("WORD", arg[2], &word))
        return;
    if (!words || words > FILL_LIMIT) {
        command_error("WORDS must be 1 to %u", FILL_LIMIT);
        return;
    }
    if (!readable(va, words * 4) || !fillable(va, words * 4))
        return;
    for (unsigned i = 0; i < words; i++)
        __builtin_memcpy((char *)va + i * 4, &word, sizeof(word));
    kprintf("0x%08x-0x%08x: %u words are 0x%08x\n", (unsigned)va, (unsigned)(va + words * 4), words, word);
}
