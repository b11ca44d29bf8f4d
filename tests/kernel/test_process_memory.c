/* System calls on memory: where mappings lie, what may be done to them, and what is left of one that fails. */
#include "process.h"

#include "../../kernel/process/process_inside.h"
#include "kmalloc.h"
#include "ktest.h"
#include "memlayout.h"
#include "pm.h"
#include "puppet.h"
#include "space.h"
#include "string.h"
#include "support.h"
#include "vmem.h"

extern const char puppet_start[], puppet_end[]; /* puppet.S */

#define FAR 0x30000000u
#define ANYWHERE (MAP_PRIVATE | MAP_ANONYMOUS)
#define THERE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
#define RW (PROT_READ | PROT_WRITE)
#define TOP_PAGES ((USER_END - STACK_TOP) / PAGE_SIZE)
#define FILE_PAGES 1u /* the puppet's */

enum { NONE, CLOSED, READABLE, WRITABLE };

/* What a program may do with the page at VA: NONE where there is no page. */
static int access_to(unsigned va) {
    const void *page = (void *)va;

    return space_allows(page, 1, VMEM_USER | VMEM_WRITE) ? WRITABLE
           : space_allows(page, 1, VMEM_USER)            ? READABLE
           : space_allows(page, 1, 0)                    ? CLOSED
                                                         : NONE;
}

/* ---- the heap ---- */

static void heap_moves(void) {
    const unsigned start = current->memory.brk_start, end = start + 3 * PAGE_SIZE;

    KCHECK_EQ(CALL(SYS_BRK, 0), start);
    KCHECK_EQ(start, PUPPET_AREA + PUPPET_AREA_PAGES * PAGE_SIZE);
    KCHECK_EQ(access_to(start), NONE);
    current->memory.brk = MAPPINGS_END - PAGE_SIZE; /* as if it reached up to there: the stack's guard is the end */
    EXPECT(MAPPINGS_END - PAGE_SIZE, SYS_BRK, MAPPINGS_END + 1);
    EXPECT(MAPPINGS_END - PAGE_SIZE, SYS_BRK, ~0u);
    EXPECT(MAPPINGS_END, SYS_BRK, MAPPINGS_END);
    EXPECT(MAPPINGS_END - PAGE_SIZE, SYS_BRK, MAPPINGS_END - PAGE_SIZE);
    current->memory.brk = start;
    KCHECK_EQ(CALL(SYS_BRK, start - 1), start);
    KCHECK_EQ(CALL(SYS_BRK, start + 1), start + 1);
    KCHECK_EQ(access_to(start), WRITABLE);
    KCHECK_EQ(access_to(start + PAGE_SIZE), NONE);
    KCHECK_EQ(CALL(SYS_BRK, start + PAGE_SIZE), start + PAGE_SIZE);
    KCHECK_EQ(access_to(start + PAGE_SIZE), NONE);
    KCHECK_EQ(CALL(SYS_BRK, start + PAGE_SIZE + 1), start + PAGE_SIZE + 1);
    KCHECK_EQ(access_to(start + PAGE_SIZE), WRITABLE);
    *(int *)start = 7;
    *(int *)(start + PAGE_SIZE) = 8;
    KCHECK_EQ(CALL(SYS_BRK, start + 1), start + 1);
    KCHECK_EQ(access_to(start + PAGE_SIZE), NONE);
    KCHECK_EQ(*(int *)start, 7);
    KCHECK_EQ(CALL(SYS_MMAP2, end, PAGE_SIZE, RW, THERE), end);
    KCHECK_EQ(CALL(SYS_BRK, end + 1), start + 1); /* up to the mapping, no further */
    KCHECK_EQ(CALL(SYS_BRK, end), end);
    KCHECK_EQ(*(int *)(start + PAGE_SIZE), 0);
    KCHECK_EQ(CALL(SYS_BRK, start), start);
    KCHECK_EQ(access_to(start), NONE);
    KCHECK_EQ(access_to(end), WRITABLE); /* the mapping, behind what has gone */
}

KTEST(process_heap_moves_page_by_page)
{ puppet_checks(heap_moves); }

/* What the monitor calls the parts of a program's memory. */
static void regions(void) {
    const unsigned start = current->memory.brk_start;
    const struct {
        unsigned va;
        bool writable;
        const char *name;
    } cases[] = {
        {PUPPET_BASE, false, "text of puppet"}, {start - 1, true, "data of puppet"},
        {start, true, "heap of puppet"},        {start + 4, true, "heap of puppet"},
        {start + 5, true, "mapping of puppet"}, {STACK_END - 1, true, "mapping of puppet"},
        {STACK_END, true, "stack of puppet"},   {STACK_TOP - 1, true, "stack of puppet"},
        {STACK_TOP, true, "mapping of puppet"},
    };

    KCHECK_EQ(CALL(SYS_BRK, start + 5), start + 5);
    KCHECK(process_enter(current->pid));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        KCHECK(!strcmp(process_region(cases[i].va, cases[i].writable), cases[i].name));
    process_leave();
    memcpy(current->name, "a_name_of_thirty-one_characters", NAME_MAX);
    KCHECK(process_enter(current->pid));
    KCHECK(!strcmp(process_region(PUPPET_BASE, false), "text of a_name_of_thirty-one_characters"));
    KCHECK(!strcmp(process_region(STACK_TOP, true), "mapping of a_name_of_thirty-one_characters"));
    process_leave();
}

KTEST(process_memory_has_names)
{ puppet_checks(regions); }

/* ---- mappings ---- */

static void refused_mappings(void) {
    EXPECT(3, SYS_OPEN, PUPPET_NAME);
    EXPECT(-EINVAL, SYS_MMAP2, 0, 0, RW, ANYWHERE);
    EXPECT(-EINVAL, SYS_MMAP2, 0, 1, RW, MAP_ANONYMOUS);
    EXPECT(-EINVAL, SYS_MMAP2, 0, 1, RW, MAP_ANONYMOUS | 3);
    EXPECT(-EINVAL, SYS_MMAP2, 0, 1, RW, MAP_ANONYMOUS | MAP_SHARED);
    EXPECT(-EINVAL, SYS_MMAP2, 0, 1, RW, 0, 3);
    EXPECT(-EBADF, SYS_MMAP2, 0, 1, RW, MAP_PRIVATE, 9);
    EXPECT(-EBADF, SYS_MMAP2, 0, 1, RW, MAP_PRIVATE, 0);
    EXPECT(-EACCES, SYS_MMAP2, 0, 1, RW, MAP_SHARED, 3);
    EXPECT(-EINVAL, SYS_MMAP2, 0, 1, PROT_READ, MAP_PRIVATE, 3, 0x100000); /* from 4 GiB on */
    EXPECT(-EINVAL, SYS_MMAP2, FAR + 1, PAGE_SIZE, RW, THERE);
    EXPECT(-EINVAL, SYS_MMAP2, FAR, 0, RW, THERE);
    EXPECT(-EINVAL, SYS_MMAP2, USER_START - PAGE_SIZE, PAGE_SIZE, RW, THERE);
    EXPECT(-EINVAL, SYS_MMAP2, USER_END, PAGE_SIZE, RW, THERE);
    EXPECT(-EINVAL, SYS_MMAP2, USER_END - PAGE_SIZE, PAGE_SIZE + 1, RW, THERE);
    EXPECT(-EINVAL, SYS_MMAP2, FAR, (unsigned)-1, RW, THERE);
    EXPECT(-ENOMEM, SYS_MMAP2, 0, 0xC0000000, RW, ANYWHERE);
    EXPECT(-ENOMEM, SYS_MMAP2, 0, (unsigned)-1, RW, ANYWHERE);
    EXPECT(-EINVAL, SYS_MUNMAP, FAR, 0);
    EXPECT(-EINVAL, SYS_MUNMAP, FAR + 1, PAGE_SIZE);
    EXPECT(-EINVAL, SYS_MUNMAP, USER_START - PAGE_SIZE, PAGE_SIZE);
    EXPECT(-EINVAL, SYS_MUNMAP, USER_END, PAGE_SIZE);
    EXPECT(-EINVAL, SYS_MUNMAP, USER_END - PAGE_SIZE, 2 * PAGE_SIZE);
    EXPECT(0, SYS_MUNMAP, FAR, 3 * PAGE_SIZE); /* nothing is there */
    EXPECT(USER_START, SYS_MMAP2, USER_START, PAGE_SIZE, RW, THERE); /* the first page */
    EXPECT(0, SYS_MUNMAP, USER_START, PAGE_SIZE);
    EXPECT(FAR, SYS_MMAP2, FAR, PAGE_SIZE, RW, THERE); /* what is refused does not take its place */
    EXPECT(-EINVAL, SYS_MMAP2, FAR, 1, RW, MAP_FIXED | MAP_ANONYMOUS);
    EXPECT(-EINVAL, SYS_MMAP2, FAR, 1, RW, MAP_FIXED | MAP_ANONYMOUS | MAP_SHARED);
    EXPECT(-EBADF, SYS_MMAP2, FAR, 1, RW, MAP_FIXED | MAP_PRIVATE, 9);
    EXPECT(-EACCES, SYS_MMAP2, FAR, 1, RW, MAP_FIXED | MAP_SHARED, 3);
    EXPECT(-EINVAL, SYS_MMAP2, FAR, 1, PROT_READ, MAP_FIXED | MAP_PRIVATE, 3, 0x100000);
    KCHECK_EQ(access_to(FAR), WRITABLE);
    EXPECT(0, SYS_MUNMAP, FAR, PAGE_SIZE);
    EXPECT(0, SYS_MPROTECT, FAR, 0, RW);
    EXPECT(-ENOMEM, SYS_MPROTECT, FAR, PAGE_SIZE, RW);
    EXPECT(-EINVAL, SYS_MPROTECT, FAR + 1, PAGE_SIZE, RW);
    EXPECT(-EINVAL, SYS_MPROTECT, FAR + 1, 0, RW);
    EXPECT(-ENOMEM, SYS_MPROTECT, FAR, (unsigned)-1, RW);
    EXPECT(-ENOMEM, SYS_MPROTECT, USER_START - PAGE_SIZE, PAGE_SIZE, RW);
    EXPECT(-ENOMEM, SYS_MPROTECT, USER_END, PAGE_SIZE, RW);
    EXPECT(-ENOMEM, SYS_MPROTECT, USER_END - PAGE_SIZE, 2 * PAGE_SIZE, RW);
    EXPECT(USER_END - PAGE_SIZE, SYS_MMAP2, 0, 1, RW, ANYWHERE); /* none of these took a place */
}

KTEST(process_mappings_that_cannot_be_are_refused)
{ puppet_checks(refused_mappings); }

/* From the top down: above the stack while there is room, then below its guard; what is unmapped is used again. */
static void places(void) {
    const unsigned first = USER_END - PAGE_SIZE;

    KCHECK_EQ(STACK_END - MAPPINGS_END, 256 * PAGE_SIZE); /* as wide as Linux's stack_guard_gap */
    EXPECT(USER_END - PAGE_SIZE, SYS_MMAP2, 0, 1, RW, ANYWHERE);
    EXPECT(USER_END - 3 * PAGE_SIZE, SYS_MMAP2, FAR, PAGE_SIZE + 1, RW, ANYWHERE); /* a hint is no order */
    EXPECT(0, SYS_MUNMAP, USER_END - 3 * PAGE_SIZE, PAGE_SIZE);
    EXPECT(USER_END - 3 * PAGE_SIZE, SYS_MMAP2, 0, 1, RW, ANYWHERE);
    KCHECK_EQ(access_to(first), WRITABLE);
    KCHECK_EQ(access_to(first - 3 * PAGE_SIZE), NONE);
    EXPECT(MAPPINGS_END - TOP_PAGES * PAGE_SIZE, SYS_MMAP2, 0, TOP_PAGES * PAGE_SIZE, RW, ANYWHERE);
    EXPECT(STACK_TOP, SYS_MMAP2, 0, (TOP_PAGES - 3) * PAGE_SIZE, RW, ANYWHERE);
    EXPECT(MAPPINGS_END - (TOP_PAGES + 1) * PAGE_SIZE, SYS_MMAP2, 0, 1, RW, ANYWHERE);
    EXPECT(0, SYS_MUNMAP, MAPPINGS_END - (TOP_PAGES + 1) * PAGE_SIZE, (TOP_PAGES + 1) * PAGE_SIZE);
    EXPECT(MAPPINGS_END - PAGE_SIZE, SYS_MMAP2, 0, 1, RW, ANYWHERE);
    EXPECT(0, SYS_MUNMAP, STACK_TOP, TOP_PAGES * PAGE_SIZE);
    EXPECT(USER_END - PAGE_SIZE, SYS_MMAP2, 0, 1, RW, ANYWHERE);
    EXPECT(USER_END - PAGE_SIZE, SYS_MMAP2, USER_END - PAGE_SIZE, PAGE_SIZE, PROT_READ,
           THERE); /* in its place */
    KCHECK_EQ(access_to(first), READABLE);
    EXPECT(STACK_TOP + PAGE_SIZE, SYS_MMAP2, STACK_TOP + PAGE_SIZE, PAGE_SIZE, RW, THERE);
    EXPECT(STACK_TOP, SYS_MMAP2, 0, 1, RW, ANYWHERE);
    EXPECT(MAPPINGS_END - 2 * PAGE_SIZE, SYS_MMAP2, 0, 1, RW, ANYWHERE); /* a gap is looked for last */
}

KTEST(process_mappings_find_their_places)
{ puppet_checks(places); }

/* The only free pages between the heap and MAPPINGS_END are gaps of 1 and 2 pages. */
static void gaps(void) {
    const unsigned low = current->memory.brk_start;

    EXPECT(STACK_TOP, SYS_MMAP2, STACK_TOP, TOP_PAGES * PAGE_SIZE, 0, THERE);
    KCHECK_EQ(CALL(SYS_MMAP2, low, PAGE_SIZE, 0, THERE), low);
    KCHECK_EQ(CALL(SYS_MMAP2, 0, 1, 0, ANYWHERE), MAPPINGS_END - PAGE_SIZE);
    EXPECT(MAPPINGS_END - 4 * PAGE_SIZE, SYS_MMAP2, MAPPINGS_END - 4 * PAGE_SIZE, PAGE_SIZE, 0, THERE);
    EXPECT(MAPPINGS_END - 6 * PAGE_SIZE, SYS_MMAP2, MAPPINGS_END - 6 * PAGE_SIZE, PAGE_SIZE, 0, THERE);
    EXPECT(MAPPINGS_END - 3 * PAGE_SIZE, SYS_MMAP2, 0, 2 * PAGE_SIZE, 0, ANYWHERE);
    EXPECT(MAPPINGS_END - 5 * PAGE_SIZE, SYS_MMAP2, 0, PAGE_SIZE, 0, ANYWHERE);
    EXPECT(MAPPINGS_END - 7 * PAGE_SIZE, SYS_MMAP2, 0, PAGE_SIZE, 0, ANYWHERE);
    KCHECK_EQ(access_to(MAPPINGS_END - PAGE_SIZE), CLOSED);
}

KTEST(process_mappings_fill_gaps)
{ puppet_checks(gaps); }

/* As if the heap reached up to 4 pages below MAPPINGS_END. */
static void no_gap(void) {
    const unsigned low = MAPPINGS_END - 4 * PAGE_SIZE;

    EXPECT(STACK_TOP, SYS_MMAP2, STACK_TOP, TOP_PAGES * PAGE_SIZE, 0, THERE);
    current->memory.brk = low - PAGE_SIZE + 1;
    EXPECT(-ENOMEM, SYS_MMAP2, 0, 5 * PAGE_SIZE, 0, ANYWHERE);
    EXPECT(low, SYS_MMAP2, 0, 4 * PAGE_SIZE, 0, ANYWHERE);
    EXPECT(-ENOMEM, SYS_MMAP2, 0, 1, 0, ANYWHERE);
    EXPECT(0, SYS_MUNMAP, MAPPINGS_END - PAGE_SIZE, PAGE_SIZE);
    EXPECT(0, SYS_MUNMAP, MAPPINGS_END - 3 * PAGE_SIZE, PAGE_SIZE);
    EXPECT(-ENOMEM, SYS_MMAP2, 0, 2 * PAGE_SIZE, 0, ANYWHERE);
    EXPECT(MAPPINGS_END - PAGE_SIZE, SYS_MMAP2, 0, 1, 0, ANYWHERE);
    EXPECT(MAPPINGS_END - 3 * PAGE_SIZE, SYS_MMAP2, 0, 1, 0, ANYWHERE);
    EXPECT(-ENOMEM, SYS_MMAP2, 0, 1, 0, ANYWHERE);
    EXPECT(0, SYS_MUNMAP, low, PAGE_SIZE);
    EXPECT(low, SYS_MMAP2, 0, 1, 0, ANYWHERE);
    EXPECT(0, SYS_MUNMAP, low, 4 * PAGE_SIZE);
    EXPECT(low, SYS_MMAP2, 0, 4 * PAGE_SIZE, 0, ANYWHERE);
    current->memory.brk = current->memory.brk_start;
}

KTEST(process_mappings_find_no_gap_where_there_is_none)
{ puppet_checks(no_gap); }

#define GAPS_LOW (MAPPINGS_END - 3 * TABLE_SPAN + PAGE_SIZE)

/* As if the heap reached up to GAPS_LOW; above it only the page TAKEN, if it is not 0, has a table. The highest gap of PAGES
 * pages is at EXPECTED. */
static void gap_beside(unsigned taken, size_t pages, unsigned expected) {
    current->memory.brk = GAPS_LOW;
    EXPECT(GAPS_LOW, SYS_MMAP2, GAPS_LOW, PAGE_SIZE, 0, THERE); /* the lowest: there is no room below it, */
    EXPECT(0, SYS_MUNMAP, GAPS_LOW, PAGE_SIZE);                 /* so mmap searches; its table goes again */
    if (taken)
        KCHECK_EQ(CALL(SYS_MMAP2, taken, PAGE_SIZE, 0, THERE), taken);
    KCHECK_EQ(CALL(SYS_MMAP2, 0, pages * PAGE_SIZE, 0, ANYWHERE), expected);
    EXPECT(0, SYS_MUNMAP, GAPS_LOW, MAPPINGS_END - GAPS_LOW);
    current->memory.brk = current->memory.brk_start;
}

static void gaps_without_tables(void) {
    const unsigned low = GAPS_LOW, all = (MAPPINGS_END - low) / PAGE_SIZE;
    const unsigned none = (unsigned)-ENOMEM;
    const unsigned table = MAPPINGS_END & ~(TABLE_SPAN - 1), last = table - PAGE_SIZE,
                   above = MAPPINGS_END - table;

    EXPECT(STACK_TOP, SYS_MMAP2, STACK_TOP, TOP_PAGES * PAGE_SIZE, 0, THERE);
    gap_beside(0, all + 1, none);
    gap_beside(0, all, low);
    gap_beside(0, all - 1, low + PAGE_SIZE);
    gap_beside(last, above / PAGE_SIZE, table);
    gap_beside(last, above / PAGE_SIZE + 1, last - PAGE_SIZE - above);
    gap_beside(table, above / PAGE_SIZE, table - above);
    gap_beside(table - TABLE_SPAN, (TABLE_SPAN + above) / PAGE_SIZE, table - 2 * TABLE_SPAN - above);
    gap_beside(table - TABLE_SPAN, (table - TABLE_SPAN - low) / PAGE_SIZE + 1, none);
}

KTEST(process_mappings_fill_gaps_that_have_no_tables)
{ puppet_checks(gaps_without_tables); }

static bool lowest_are(unsigned lowest, unsigned high) {
    return current->memory.lowest == lowest && current->memory.lowest_high == high;
}

/* The lowest mapping below the stack's guard, and above the stack, whatever is mapped and unmapped where. */
static void lowest(void) {
    const unsigned low = current->memory.brk_start, area = low - 2 * PAGE_SIZE, page = PAGE_SIZE;

    KCHECK(lowest_are(MAPPINGS_END, USER_END));
    EXPECT(FAR, SYS_MMAP2, FAR, 4 * PAGE_SIZE, 0, THERE);
    KCHECK(lowest_are(FAR, USER_END));
    EXPECT(FAR + 8 * PAGE_SIZE, SYS_MMAP2, FAR + 8 * PAGE_SIZE, PAGE_SIZE, 0, THERE);
    KCHECK(lowest_are(FAR, USER_END));
    EXPECT(0, SYS_MUNMAP, FAR + 8 * PAGE_SIZE, PAGE_SIZE); /* above, below, and up to it */
    EXPECT(0, SYS_MUNMAP, FAR - 3 * PAGE_SIZE, 3 * PAGE_SIZE);
    KCHECK(lowest_are(FAR, USER_END));
    EXPECT(0, SYS_MUNMAP, FAR + PAGE_SIZE, PAGE_SIZE);
    KCHECK(lowest_are(FAR, USER_END));
    EXPECT(0, SYS_MUNMAP, FAR - PAGE_SIZE, 2 * PAGE_SIZE);
    KCHECK(lowest_are(FAR + PAGE_SIZE, USER_END));
    EXPECT(0, SYS_MUNMAP, FAR + PAGE_SIZE, PAGE_SIZE);
    KCHECK(lowest_are(FAR + 2 * PAGE_SIZE, USER_END));
    EXPECT(0, SYS_MUNMAP, FAR, MAPPINGS_END + PAGE_SIZE - FAR); /* into the guard */
    KCHECK(lowest_are(MAPPINGS_END, USER_END));
    KCHECK_EQ(CALL(SYS_MMAP2, area, page, 0, THERE), area); /* where the program is */
    KCHECK(lowest_are(MAPPINGS_END, USER_END));
    KCHECK_EQ(CALL(SYS_MMAP2, area, 2 * page, 0, THERE), area);
    KCHECK(lowest_are(MAPPINGS_END, USER_END));
    KCHECK_EQ(CALL(SYS_MMAP2, area, 3 * page, 0, THERE), area);
    KCHECK(lowest_are(low, USER_END));
    KCHECK_EQ(CALL(SYS_MUNMAP, area, 3 * page), 0);
    KCHECK(lowest_are(low + page, USER_END));
    EXPECT(STACK_TOP - PAGE_SIZE, SYS_MMAP2, STACK_TOP - PAGE_SIZE, PAGE_SIZE, 0, THERE);
    KCHECK(lowest_are(low + page, USER_END));
    EXPECT(STACK_TOP - PAGE_SIZE, SYS_MMAP2, STACK_TOP - PAGE_SIZE, 2 * PAGE_SIZE, 0, THERE);
    KCHECK(lowest_are(low + page, STACK_TOP));
    EXPECT(0, SYS_MUNMAP, STACK_TOP, (USER_END - STACK_TOP));
    KCHECK(lowest_are(low + page, USER_END));
    EXPECT(STACK_TOP, SYS_MMAP2, STACK_TOP, PAGE_SIZE, 0, THERE);
    KCHECK_EQ(CALL(SYS_MUNMAP, low + page, USER_END - low - page), 0); /* both at once, and the stack */
    KCHECK(lowest_are(MAPPINGS_END, USER_END));
}

/* A mapping that is longer than its file has all of its addresses; an anonymous one shows no file, whatever descriptor is
 * named; and where the heap has shrunk, the kernel reads no more than the program can. */
static void neighbours(void) {
    const unsigned start = current->memory.brk_start;

    EXPECT(3, SYS_OPEN, PUPPET_NAME);
    const unsigned above = (unsigned)CALL(SYS_MMAP2, 0, PAGE_SIZE, RW, ANYWHERE, 3);
    KCHECK_EQ(*(int *)above, 0);
    *(int *)above = 1;
    const unsigned file = (unsigned)CALL(SYS_MMAP2, 0, 8 * PAGE_SIZE, PROT_READ, MAP_PRIVATE, 3);
    const unsigned below = (unsigned)CALL(SYS_MMAP2, 0, PAGE_SIZE, RW, ANYWHERE, (unsigned)-1);
    *(int *)below = 1;
    KCHECK(file + 8 * PAGE_SIZE <= above && below + PAGE_SIZE <= file);
    KCHECK_EQ(CALL(SYS_MUNMAP, file, 8 * PAGE_SIZE), 0);
    KCHECK(*(int *)above == 1 && *(int *)below == 1);

    EXPECT(0, SYS_PIPE, PUPPET_AREA);
    KCHECK_EQ(CALL(SYS_BRK, start + PAGE_SIZE), (int)(start + PAGE_SIZE));
    KCHECK_EQ(CALL(SYS_WRITE, 5, start, 1), 1);
    KCHECK_EQ(CALL(SYS_BRK, start), (int)start);
    KCHECK_EQ(CALL(SYS_WRITE, 5, start, 1), -EFAULT);
}

KTEST(process_mappings_and_the_heap_keep_apart)
{ puppet_checks(neighbours); }

/* A mapping over the heap's last page, of which the heap has a part: the heap grows and shrinks over it, and what is placed by
 * the kernel lies on whole pages. */
static void over_the_heaps_end(void) {
    const unsigned start = current->memory.brk_start, last = start + 4 * PAGE_SIZE * ENTRIES_PER_TABLE;

    KCHECK_EQ(start % PAGE_SIZE, 0);
    KCHECK_EQ(CALL(SYS_BRK, last + 100), (int)last + 100);
    KCHECK_EQ(CALL(SYS_MMAP2, last, PAGE_SIZE, RW, THERE), (int)last);
    KCHECK_EQ(CALL(SYS_BRK, last + 8 * PAGE_SIZE), (int)(last + 8 * PAGE_SIZE));
    KCHECK_EQ(CALL(SYS_BRK, start), (int)start);
    const unsigned at = (unsigned)CALL(SYS_MMAP2, 0, 3 * PAGE_SIZE, RW, ANYWHERE);
    KCHECK(at % PAGE_SIZE == 0 && *(int *)at == 0);
    KCHECK_EQ(current->memory.lowest % PAGE_SIZE, 0);
}

KTEST(process_mapping_over_the_heaps_end_lies_on_whole_pages)
{ puppet_checks(over_the_heaps_end); }

/* The stack's pages come one by one, whatever becomes of their neighbours. */
static void stack_with_holes(void) {
    enum { AT = STACK_END + 64 * PAGE_SIZE };
    char *pages = (char *)AT;

    for (unsigned i = 0; i < 8; i++)
        pages[i * PAGE_SIZE] = (char)(i + 1);
    for (unsigned i = 0; i < 8; i += 3)
        KCHECK_EQ(CALL(SYS_MUNMAP, AT + i * PAGE_SIZE, PAGE_SIZE), 0);
    EXPECT(AT + 5 * PAGE_SIZE, SYS_MMAP2, AT + 5 * PAGE_SIZE, PAGE_SIZE, RW, THERE);
    for (unsigned i = 0; i < 8; i++) {
        KCHECK_EQ(pages[i * PAGE_SIZE], i % 3 == 0 || i == 5 ? 0 : (char)(i + 1));
        pages[i * PAGE_SIZE] = 9;
    }
    EXPECT(AT + 72 * PAGE_SIZE, SYS_MMAP2, AT + 72 * PAGE_SIZE, PAGE_SIZE, RW, THERE); /* nothing there has come */
    for (unsigned i = 64; i < 80; i++)
        pages[i * PAGE_SIZE] = 9;
}

KTEST(process_stack_pages_come_between_others)
{ puppet_checks(stack_with_holes); }

KTEST(process_mappings_know_the_lowest)
{ puppet_checks(lowest); }

static void permissions(void) {
    static const struct {
        unsigned protection;
        int access;
    } cases[] = {{0, CLOSED},    {PROT_READ, READABLE},  {PROT_EXEC, READABLE},
                 {RW, WRITABLE}, {PROT_WRITE, WRITABLE}, {RW | PROT_EXEC, WRITABLE}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        KCHECK_EQ(CALL(SYS_MMAP2, FAR, PAGE_SIZE, cases[i].protection, THERE), FAR);
        KCHECK_EQ(access_to(FAR), cases[i].access);
        EXPECT(FAR, SYS_MMAP2, FAR, 3 * PAGE_SIZE, RW, THERE);
        KCHECK_EQ(CALL(SYS_MPROTECT, FAR + PAGE_SIZE, PAGE_SIZE, cases[i].protection), 0);
        KCHECK_EQ(access_to(FAR), WRITABLE);
        KCHECK_EQ(access_to(FAR + PAGE_SIZE), cases[i].access);
        KCHECK_EQ(access_to(FAR + 2 * PAGE_SIZE), WRITABLE);
        EXPECT(-ENOMEM, SYS_MPROTECT, FAR, 4 * PAGE_SIZE, 0);
        KCHECK_EQ(access_to(FAR), WRITABLE);
    }
}

KTEST(process_mappings_allow_what_they_say)
{ puppet_checks(permissions); }

/* The puppet's file is a whole page; the other, which it begins, ends inside a page. */
static void files(void) {
    static struct module small = {.name = "small", .size = PAGE_SIZE + 100};
    static struct module text = {.name = "text", .size = 3 * PAGE_SIZE}; /* no page of the kernel's is as another */
    static struct module tail = {.name = "tail", .size = PAGE_SIZE + 100}; /* the kernel goes on behind it */
    const unsigned *arguments = (unsigned *)PUPPET_AREA;

    KCHECK_EQ(puppet_end - puppet_start, FILE_PAGES * PAGE_SIZE);
    EXPECT(3, SYS_OPEN, PUPPET_NAME);
    EXPECT(4, SYS_OPEN, PUPPET_NAME);
    small.data = file_get(3)->module->data;
    small.start = file_get(3)->module->start + 16; /* not at a page's start: all of it is copied */
    file_get(4)->module = &small;
    EXPECT(FAR, SYS_MMAP2, FAR, FILE_PAGES * PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, 3);
    KCHECK_EQ(access_to(FAR), READABLE);
    KCHECK(!memcmp((char *)FAR, puppet_start, FILE_PAGES * PAGE_SIZE));
    EXPECT(FAR, SYS_MMAP2, FAR, 3 * PAGE_SIZE, RW, THERE); /* it takes the place of these, all of them */
    EXPECT(FAR, SYS_MMAP2, FAR, 2 * PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED, 3, FILE_PAGES - 1);
    KCHECK_EQ(access_to(FAR + 2 * PAGE_SIZE), WRITABLE); /* but this one */
    EXPECT(0, SYS_MUNMAP, FAR + 2 * PAGE_SIZE, PAGE_SIZE);
    KCHECK_EQ(access_to(FAR), WRITABLE);
    KCHECK_EQ(access_to(FAR + PAGE_SIZE), NONE); /* the file has no more */
    KCHECK(!memcmp((char *)FAR, puppet_start + (FILE_PAGES - 1) * PAGE_SIZE, PAGE_SIZE));
    EXPECT(FAR, SYS_MMAP2, FAR, PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED, 3, 0xFFFFF);
    KCHECK_EQ(access_to(FAR), NONE);

    EXPECT(FAR, SYS_MMAP2, FAR, 3 * PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED, 4);
    KCHECK_EQ(access_to(FAR + PAGE_SIZE), READABLE);
    KCHECK_EQ(access_to(FAR + 2 * PAGE_SIZE), NONE);
    KCHECK(!memcmp((char *)FAR, puppet_start, small.size));
    for (unsigned i = small.size; i < 2 * PAGE_SIZE; i++)
        KCHECK_EQ(((char *)FAR)[i], 0);
    EXPECT(FAR, SYS_MMAP2, FAR, PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED, 4, 1);
    KCHECK_EQ(access_to(FAR), WRITABLE);
    KCHECK(!memcmp((char *)FAR, puppet_start + PAGE_SIZE, 100));
    for (unsigned i = 100; i < PAGE_SIZE; i++)
        KCHECK_EQ(((char *)FAR)[i], 0);
    KCHECK_EQ(access_to(FAR + PAGE_SIZE), READABLE); /* as before */
    text.start = (uintptr_t)kernel_start;
    text.data = kernel_start;
    file_get(4)->module = &text;
    EXPECT(FAR, SYS_MMAP2, FAR, 2 * PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED, 4, 1);
    KCHECK(!memcmp((char *)FAR, kernel_start + PAGE_SIZE, 2 * PAGE_SIZE));
    EXPECT(0, SYS_MUNMAP, FAR, 2 * PAGE_SIZE);
    EXPECT(FAR, SYS_MMAP2, FAR, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED, 4);
    KCHECK_EQ(access_to(FAR + PAGE_SIZE), NONE); /* no more than was asked for */
    tail.start = (uintptr_t)kernel_start;
    tail.data = kernel_start;
    file_get(4)->module = &tail;
    EXPECT(FAR, SYS_MMAP2, FAR, 2 * PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED, 4);
    KCHECK(!memcmp((char *)FAR, kernel_start, tail.size));
    for (unsigned i = tail.size; i < 2 * PAGE_SIZE; i++)
        KCHECK_EQ(((char *)FAR)[i], 0);
    EXPECT(FAR, SYS_MMAP2, FAR, 2 * PAGE_SIZE, 0, MAP_PRIVATE | MAP_FIXED, 4);
    KCHECK(access_to(FAR) == CLOSED && access_to(FAR + PAGE_SIZE) == CLOSED);
    file_get(4)->module = &small;
    small.start -= 16; /* a page of it is shared, the rest copied */
    EXPECT(FAR, SYS_MMAP2, FAR, 2 * PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED, 4);
    KCHECK(!memcmp((char *)FAR, puppet_start, small.size));

    EXPECT(0, SYS_MUNMAP, FAR, 2 * PAGE_SIZE);
    memcpy((char *)PUPPET_AREA,
           (const unsigned[6]){FAR, PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, ~0u, 0}, 24);
    KCHECK_EQ(CALL(SYS_MMAP, (unsigned)arguments), FAR);
    KCHECK(access_to(FAR) == WRITABLE && access_to(FAR + PAGE_SIZE) == NONE);
    for (unsigned protection = PROT_READ; protection <= RW; protection += RW - PROT_READ) {
        memcpy((char *)PUPPET_AREA,
               (const unsigned[6]){FAR, PAGE_SIZE, protection, MAP_PRIVATE | MAP_FIXED, 3, 0}, 24);
        KCHECK_EQ(CALL(SYS_MMAP, (unsigned)arguments), FAR);
        KCHECK_EQ(access_to(FAR), protection == RW ? WRITABLE : READABLE);
        KCHECK_EQ(access_to(FAR + PAGE_SIZE), NONE);
        KCHECK(!memcmp((char *)FAR, puppet_start, PAGE_SIZE));
    }
    ((unsigned *)PUPPET_AREA)[5] = 1; /* an offset inside a page */
    KCHECK_EQ(CALL(SYS_MMAP, (unsigned)arguments), -EINVAL);
    ((unsigned *)PUPPET_AREA)[5] = FILE_PAGES * PAGE_SIZE;
    KCHECK_EQ(CALL(SYS_MMAP, (unsigned)arguments), FAR);
    KCHECK_EQ(access_to(FAR), NONE);
}

KTEST(process_mappings_show_files)
{ puppet_checks(files); }

/* With 0, 1, ... frames left, until the puppet's file is mapped: two pages' worth, of which it has less. */
static void mapping_runs_out(void) {
    int value = -ENOMEM;

    EXPECT(3, SYS_OPEN, PUPPET_NAME);
    file_get(3)->module = &(const struct module){"part", file_get(3)->module->data, PAGE_SIZE - 1, 0};
    for (size_t left = 0; left < 4 && value < 0; left++) {
        kmalloc_trim();
        frames_hold_all();
        frames_release(left);
        value = CALL(SYS_MMAP2, FAR, PAGE_SIZE + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, 3);
        size_t free = pm_count().free;
        bool there = space_allows((void *)FAR, 1, 0);
        frames_release_all();
        KCHECK_EQ(there, value >= 0);
        KCHECK_EQ(free, value >= 0 ? 0 : left);
        KCHECK(value == (int)FAR || value == -ENOMEM);
        KCHECK_EQ(value < 0, left < 2); /* a table and a page */
    }
    KCHECK_EQ(value, FAR);
    frames_hold_all();
    value = CALL(SYS_MMAP2, FAR + 0x400000, PAGE_SIZE, RW, THERE); /* wants a table */
    frames_release_all();
    KCHECK_EQ(value, -ENOMEM);
}

KTEST(process_mapping_that_fails_leaves_nothing)
{ puppet_checks(mapping_runs_out); }

/* Of a file of a page and a part the page is shared, and the part wants a frame. Behind it lies another mapping, which stays. */
static void part_runs_out(void) {
    const struct module tail = {"tail", kernel_start, PAGE_SIZE + 100, (uintptr_t)kernel_start};

    EXPECT(3, SYS_OPEN, PUPPET_NAME);
    file_get(3)->module = &tail;
    EXPECT(FAR + 2 * PAGE_SIZE, SYS_MMAP2, FAR + 2 * PAGE_SIZE, PAGE_SIZE, RW, THERE);
    frames_hold_all();
    int both = CALL(SYS_MMAP2, FAR, 2 * PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED, 3);
    int part = CALL(SYS_MMAP2, FAR + PAGE_SIZE, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED, 3, 1);
    frames_release_all();
    EXPECT(0, SYS_CLOSE, 3);
    KCHECK(both == -ENOMEM && part == -ENOMEM);
    KCHECK(access_to(FAR) == NONE && access_to(FAR + PAGE_SIZE) == NONE);
    KCHECK_EQ(access_to(FAR + 2 * PAGE_SIZE), WRITABLE);
    KCHECK(lowest_are(FAR + 2 * PAGE_SIZE, USER_END));
}

KTEST(process_mapping_that_fails_in_part_leaves_its_neighbour)
{ puppet_checks(part_runs_out); }

/* An mmap that fails for lack of memory, and would have reached below the break's new end: the heap can still grow there. */
static void heap_grows_where_a_mapping_failed(void) {
    const unsigned end = current->memory.brk_start + 8 * PAGE_SIZE;

    frames_hold_all();
    int value = CALL(SYS_MMAP2, 0, current->memory.lowest - end + 4 * PAGE_SIZE, RW, ANYWHERE);
    frames_release_all();
    KCHECK_EQ(value, -ENOMEM);
    KCHECK_EQ(CALL(SYS_BRK, end), end);
    KCHECK_EQ(access_to(end - 1), WRITABLE);
}

KTEST(process_heap_grows_where_a_mapping_has_failed)
{ puppet_checks(heap_grows_where_a_mapping_failed); }

/* ---- faults ---- */

static struct process_fault told;
static unsigned times;

static void tell(const struct process_fault *fault) {
    told = *fault;
    times++;
}

/* Whether the fault at VA is mended, and told of: by the frames that the page had before and has now. */
static bool mended(unsigned va, unsigned error, paddr_t before) {
    const size_t faults = current->faults;
    const unsigned told_before = times;
    paddr_t pa = PADDR_NONE;

    bool done = memory_fault((void *)va, FAULT_USER | error) && vmem_translate((void *)va, &pa);
    return done && current->faults == faults + 1 && times == told_before + 1 && told.va == (void *)va &&
           told.pid == current->pid && !strcmp(told.name, "puppet") &&
           told.write == !!(error & FAULT_WRITE) && told.before == before && told.after == pa_frame(pa);
}

/* Whether the fault at VA is the program's own: nothing has changed, and nobody is told. */
static bool refused(unsigned va, unsigned error) {
    const size_t faults = current->faults;
    const unsigned told_before = times;

    return !memory_fault((void *)va, FAULT_USER | error) && current->faults == faults && times == told_before;
}

static void told_faults(void) {
    EXPECT(FAR, SYS_MMAP2, FAR, 2 * PAGE_SIZE, RW, THERE);
    EXPECT(FAR + 2 * PAGE_SIZE, SYS_MMAP2, FAR + 2 * PAGE_SIZE, PAGE_SIZE, PROT_READ, THERE);
    KCHECK(mended(FAR + 5, FAULT_WRITE, PADDR_NONE));
    KCHECK(mended(FAR + PAGE_SIZE, 0, PADDR_NONE));
    KCHECK(mended(FAR + 2 * PAGE_SIZE, 0, PADDR_NONE));
    KCHECK(refused(FAR + 2 * PAGE_SIZE, FAULT_WRITE | FAULT_PRESENT));
    KCHECK(refused(FAR + 3 * PAGE_SIZE, 0));
    KCHECK(memory_wanting((void *)(FAR + 3 * PAGE_SIZE - 1), FAULT_USER)); /* whatever comes behind it */
    KCHECK(CALL(SYS_FORK) > 0);
    paddr_t shared;
    KCHECK(vmem_translate((void *)FAR, &shared));
    KCHECK(mended(FAR, FAULT_WRITE | FAULT_PRESENT, shared));
    KCHECK(told.after != shared);
    KCHECK(mended(STACK_TOP - 5 * PAGE_SIZE + 1, FAULT_WRITE, PADDR_NONE));
    KCHECK(mended(STACK_END, 0, PADDR_NONE));
    KCHECK(refused(STACK_END - 1, 0));
    KCHECK(refused(STACK_TOP, 0));
    KCHECK(refused(STACK_END - 1, FAULT_WRITE));
    process_on_fault(NULL);
    *(char *)(STACK_TOP - 9 * PAGE_SIZE) = 1;
    KCHECK(told.va == (void *)STACK_END);
}

KTEST(process_faults_that_are_mended_are_told)
{
    process_on_fault(tell);
    puppet_checks(told_faults);
    process_on_fault(NULL);
}

/* ---- pointers ---- */

/* A page of the kernel's part that even programs may access: no system call does for them. */
static void kernel_pages_are_refused(void) {
    int *const page = (int *)(MODULES_START - PAGE_SIZE);

    KCHECK_EQ(vmem_alloc_range(page, 1, VMEM_WRITE | VMEM_USER), 0);
    *page = 77;
    KCHECK_EQ(CALL(SYS_PIPE, (unsigned)page), -EFAULT);
    KCHECK_EQ(CALL(SYS_OPEN, (unsigned)page), -EFAULT);
    int word = *page;
    KCHECK_EQ(vmem_free_range(page, 1), 0);
    KCHECK_EQ(word, 77);
}

KTEST(process_pointer_into_the_kernels_part_is_refused_whatever_lies_there)
{ puppet_checks(kernel_pages_are_refused); }
