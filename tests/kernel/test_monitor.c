/* The monitor's commands: the lines that scripts read; and a wrong line is one error, whatever is wrong with it. */
#include "monitor.h"

#include "format.h"
#include "heap_debug.h"
#include "kmalloc.h"
#include "ktest.h"
#include "memlayout.h"
#include "pm.h"
#include "process.h"
#include "puppet.h"
#include "says.h"
#include "space.h"
#include "string.h"
#include "support.h"
#include "vmem.h"

static bool is_one_error(const char *text) {
    const char *end = strchr(text, '\n');

    return !strncmp(text, "error: ", 7) && end && !end[1];
}

/* True if the last line of TEXT is LINE. */
static bool ends_with(const char *text, const char *line) {
    size_t n = strlen(text), m = strlen(line);

    return n > m && text[n - 1] == '\n' && !strncmp(text + n - 1 - m, line, m) &&
           (n - 1 == m || text[n - 2 - m] == '\n');
}

KTEST(monitor_wrong_lines_are_one_error)
{
    static const char *const lines[] = {
        "nonsense",
        "walk",
        "walk 1 2",
        "walk zebra",
        "walk 0x",
        "walk 4G",
        "walk 0x100000000",
        "walk -1",
        "walk 12x",
        "walk $",
        "walk $99999",
        "walk kmain+",
        "walk kmain+x",
        "pd 1024",
        "pd x",
        "mem 1",
        "map 0 0",
        "map 0x003ff000 0",
        "map 0xc0000000 0",
        "map 0xffc00000 0",
        "map 0x80000001 0",
        "map 0x80000000 1",
        "map 0x80000000 0 rw",
        "map 0x80000000 0 ro ro",
        "map 0x80000000",
        "map 0x80000000 0x00100000",
        "unmap 0",
        "unmap 0x00400001",
        "unmap 0xc0000000",
        "alloc",
        "alloc 0",
        "alloc 4G",
        "alloc 4095M",
        "alloc x",
        "free",
        "free 0",
        "free 0x00100000",
        "free 0xc0000001",
        "free 0xeffff000",
        "free $4294967295",
        "peek",
        "peek 0",
        "peek 0xffc00000 0",
        "peek 0xffffffff",
        "peek 0xfffffffc 2",
        "peek 0x00100000 4097",
        "peek 0x003feffd",
        "poke 0",
        "poke 0 0",
        "poke 0x00100000 1",
        "poke 0xffffffff 1",
        "poke 0xffc00000 0",
        "poke 0x000fffff 0",
        "help nonsense",
        "help 1 2",
        "exit x",
        "a b c d e f g h i j k l m n o p q r s t u v w x y z",
    };

    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        says("%s", lines[i]);
        if (!is_one_error(said))
            ktest_fail(__FILE__, __LINE__, "\"%s\" gives: %s", lines[i], said);
    }
    says("%s", "");
    KCHECK_EQ(*said, '\0');
    says("%s", " \t  ");
    KCHECK_EQ(*said, '\0');
}

KTEST(monitor_walk_ends_with_the_answer)
{
    char *va = spare_area(1);
    char line[80];

    KCHECK(va);
    KCHECK(ends_with(says("walk 0x00100234"), "0x00100234 -> 0x00100234"));
    KCHECK(ends_with(says("walk 1M"), "0x00100000 -> 0x00100000"));
    KCHECK(ends_with(says("walk 0"), "0x00000000 -> not mapped: PT[0] absent"));
    format_buffer(line, sizeof(line), "0x%08x -> not mapped: PD[%u] absent", (unsigned)(uintptr_t)va,
                  pd_index(va));
    KCHECK(ends_with(says("walk %p", (void *)va), line));
    format_buffer(line, sizeof(line), "0x%08x -> 0x%08x", (unsigned)(uintptr_t)ktest_report + 0x10,
                  (unsigned)(uintptr_t)ktest_report + 0x10);
    KCHECK(ends_with(says("walk ktest_report+0x10"), line));
    format_buffer(line, sizeof(line), "0xffffffff -> 0x%08x", get_page_directory() + PAGE_MASK);
    KCHECK(ends_with(says("walk 4294967295"), line));
}

/* The lines of maps cover every mapped page once, in order, with its permission. */
static void check_maps(const char *text) {
    struct vmem_walk walk;
    unsigned page = 0;

    for (; *text; text = strchr(text, '\n') + 1) {
        unsigned border[2];
        for (unsigned i = 0; i < 2; i++) {
            border[i] = 0;
            for (text += 2; *text != '-' && *text != ' '; text++)
                border[i] = border[i] << 4 | (unsigned)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
            text++;
        }
        for (; page < border[0] >> PAGE_SHIFT; page++)
            KCHECK(!vmem_walk((void *)(page << PAGE_SHIFT), &walk));
        for (; page < (border[1] ? border[1] >> PAGE_SHIFT : FRAMES_MAX); page++) {
            KCHECK(vmem_walk((void *)(page << PAGE_SHIFT), &walk));
            KCHECK_EQ(walk.pde & walk.pte & PTE_WRITE ? 'w' : 'o', text[1]);
        }
    }
    KCHECK_EQ(page, FRAMES_MAX);
}

KTEST(monitor_maps_is_the_whole_address_space)
{
    says("maps");
    KCHECK(strlen(said) < sizeof(said) - 1);
    KCHECK(find_text(said, " ro kernel text\n"));
    KCHECK(find_text(said, " ro kernel rodata\n"));
    KCHECK(find_text(said, " rw boot stack\n"));
    KCHECK(find_text(said, " ro symbol table\n"));
    KCHECK(find_text(said, "0xfffff000-0x100000000 rw page directory (window)\n"));
    KCHECK_CALL(check_maps(said));
}

KTEST(monitor_maps_tells_permissions_apart)
{
    char *va = spare_area(1);
    unsigned at = (uintptr_t)va;
    char lines[120];

    KCHECK(va);
    KCHECK_EQ(vmem_map_range(va, 0xB8000, 2, 0), 0);
    KCHECK_EQ(vmem_map_range(va + 2 * PAGE_SIZE, 0xB8000, 1, VMEM_WRITE), 0);
    KCHECK_EQ(vmem_map_range(va + 4 * PAGE_SIZE, 0xB8000, 1, VMEM_WRITE), 0);
    format_buffer(lines, sizeof(lines),
                  "\n0x%08x-0x%08x ro mapped\n0x%08x-0x%08x rw mapped\n0x%08x-0x%08x rw mapped\n", at,
                  at + 0x2000, at + 0x2000, at + 0x3000, at + 0x4000, at + 0x5000);
    KCHECK(find_text(says("maps"), lines));
    KCHECK_CALL(check_maps(said));
    KCHECK_EQ(vmem_unmap_range(va, 3), 0);
    KCHECK_EQ(vmem_unmap(va + 4 * PAGE_SIZE), 0);
}

KTEST(monitor_mem_has_the_counts)
{
    char line[80];
    struct pm_counts counts = pm_count();
    pfn_t start, end;

    format_buffer(line, sizeof(line), "frames: %zu total, %zu free, %zu reserved\n", counts.total,
                  counts.free, counts.reserved);
    KCHECK(find_text(says("mem"), line));
    KCHECK(pm_next_range(0, &start, &end));
    format_buffer(line, sizeof(line), "\n0x%08x-0x%08llx ", start << PAGE_SHIFT, (uint64_t)end << PAGE_SHIFT);
    KCHECK(find_text(said, line));
}

/* The number in mem's line "N of them shared"; 0 without one. */
static unsigned shared_frames(void) {
    const char *line = find_text(says("mem"), " of them shared");

    while (line && line > said && line[-1] != '\n')
        line--;
    return number_in(line, "", 10);
}

KTEST(monitor_mem_counts_what_is_shared)
{
    unsigned before = shared_frames();
    char *va = spare_area(1);
    paddr_t pa = pm_alloc_page();

    KCHECK(va && pa != PADDR_NONE);
    KCHECK_EQ(vmem_map(va, pa, VMEM_WRITE), 0);
    KCHECK_EQ(shared_frames(), before);
    KCHECK_EQ(vmem_map(va + PAGE_SIZE, pa, 0), 0);
    KCHECK_EQ(shared_frames(), before + 1);
    KCHECK_EQ(vmem_unmap_range(va, 2), 0);
    pm_free_page(pa);
}

KTEST(monitor_walk_tells_of_pages_to_come_and_of_copies)
{
    char *va = spare_area(1);

    KCHECK(va);
    KCHECK_EQ(space_reserve(va, 2, VMEM_WRITE | VMEM_USER), 0);
    KCHECK(find_text(says("walk %p", (void *)va), "There is no page yet, and the walk stops here\n"));
    KCHECK(find_text(said, "to come: at its first touch the page gets a frame, clear, and is writable\n"));
    KCHECK(find_text(said, "not mapped: PT[0] absent\n"));
    KCHECK(space_fault(va, FAULT_WRITE));
    KCHECK(!find_text(says("walk %p", (void *)va), "to come"));
    struct space *copy = space_clone();
    KCHECK(copy);
    KCHECK(
        find_text(says("walk %p", (void *)va), "copied when it is written to: the frame has other owners"));
    space_destroy(copy);
    KCHECK(find_text(says("walk %p", (void *)va), "but the frame has no other owner now\n"));
    space_release(va, 2);
}

KTEST(monitor_pd_lists_the_entries)
{
    char line[80];
    struct vmem_walk walk;

    vmem_walk((void *)0xFFFFFFFF, &walk);
    format_buffer(line, sizeof(line), "\nPD[1023] 0x%08x\n", walk.pde);
    KCHECK(find_text(says("pd"), line));
    KCHECK(find_text(said, "\nPD[0] 0x"));
    format_buffer(line, sizeof(line), "\nPT[1023] 0x%08x\n", walk.pde);
    KCHECK(find_text(says("pd 1023"), line));
    char *va = spare_area(1);
    KCHECK(va && is_one_error(says("pd %u", pd_index(va))));
}

KTEST(monitor_map_of_memory_in_use_does_not_stop_its_owner)
{
    char *va = spare_area(2);
    unsigned at = (uintptr_t)va;
    char *object = kmalloc(PAGE_SIZE);
    paddr_t pa, free_frame = pm_alloc_page();

    KCHECK(va && object && free_frame && vmem_translate(object, &pa));
    pm_free_page(free_frame);
    KCHECK(!is_one_error(says("map 0x%x 0x%x; map 0x%x 0x%x", at, pa, at + PAGE_SIZE, free_frame)));
    kfree(object);
    kmalloc_trim();
    KCHECK(heap_mode() != HEAP_NORMAL || pm_state(pa) == PM_FREE);
    KCHECK(!is_one_error(says("unmap 0x%x; unmap 0x%x", at, at + PAGE_SIZE)));
}

KTEST(monitor_maps_and_unmaps_a_page)
{
    char *va = spare_area(1);
    unsigned at = (uintptr_t)va;
    size_t free = pm_count().free;
    paddr_t pa;

    KCHECK(va);
    KCHECK(!is_one_error(says("map 0x%x 0x000b8000 ro", at)));
    KCHECK(vmem_translate(va, &pa) && pa == 0xB8000);
    KCHECK(is_one_error(says("map 0x%x 0x000b8000", at)));
    KCHECK(is_one_error(says("poke 0x%x 0", at)));
    KCHECK(find_text(says("walk 0x%x", at), "read-only"));
    KCHECK(!is_one_error(says("peek 0x%x 4", at)));
    KCHECK(!is_one_error(says("unmap 0x%x", at)));
    KCHECK(is_one_error(says("unmap 0x%x", at)));
    KCHECK(is_one_error(says("peek 0x%x", at)));
    KCHECK_EQ(pm_count().free, free);
}

KTEST(monitor_code_gets_no_writable_mapping)
{
    char *va = spare_area(1);

    KCHECK(va);
    KCHECK(
        is_one_error(says("map %p %p", (void *)va, (void *)((uintptr_t)ktest_run & ~(uintptr_t)PAGE_MASK))));
    KCHECK(is_one_error(says("map %p %p", (void *)va, (void *)symtab_start)));
    KCHECK(!is_one_error(says("map %p %p ro", (void *)va, (void *)kernel_start)));
    KCHECK(!is_one_error(says("unmap %p", (void *)va)));
}

KTEST(monitor_peeks_and_pokes)
{
    volatile unsigned words[5] = {0x64636261, 2, 3, 0xFFFFFFFF, 5};
    char line[120];
    char *va = spare_area(1);

    KCHECK(va);
    format_buffer(line, sizeof(line), "0x%08x: 0x64636261", (unsigned)(uintptr_t)words);
    KCHECK(find_text(says("peek %p", (void *)words), line) == said);
    KCHECK(find_text(said, "abcd"));
    KCHECK(find_text(says("peek %p 5", (void *)words), " 0x00000002 0x00000003 0xffffffff  "));
    format_buffer(line, sizeof(line), "\n0x%08x: 0x00000005", (unsigned)(uintptr_t)(words + 4));
    KCHECK(find_text(said, line));
    says("poke %p 0xcafe", (void *)(words + 1));
    KCHECK_EQ(words[1], 0xCAFE);
    KCHECK_EQ(vmem_alloc_range(va, 1, VMEM_WRITE), 0); /* the next page is absent */
    KCHECK(!is_one_error(says("poke %p 1", (void *)(va + PAGE_SIZE - 4))));
    KCHECK(is_one_error(says("poke %p 1", (void *)(va + PAGE_SIZE - 3))));
    KCHECK(is_one_error(says("peek %p", (void *)(va + PAGE_SIZE - 1))));
    KCHECK(is_one_error(says("peek %p 1024", (void *)(va + 4))));
    KCHECK(is_one_error(says("peek %p 2", (void *)(va - 4))));
    KCHECK_EQ(vmem_free_range(va, 1), 0);
}

/* The address in alloc's line "$K = 0xVA", or NULL. */
static void *said_object(void) {
    const char *digit = find_text(said, " = 0x");
    uintptr_t va = 0;

    if (*said != '$' || !digit)
        return NULL;
    for (digit += 5; *digit != '\n'; digit++)
        va = va << 4 | (uintptr_t)(*digit <= '9' ? *digit - '0' : *digit - 'a' + 10);
    return (void *)va;
}

/* The name in that line. */
static void said_name(char name[16]) {
    format_buffer(name, 16, "%.*s", (int)(find_text(said, " ") - said), said);
}

/* Whatever comes of the command: else no program would run any more. */
static void look_into_the_program(void) {
    static const char *const commands[][2] = {{"walk", "0"}, {"walk", ""},       {"walk", "0 1"}, {"peek", "0 1 2"},
                                              {"maps", "1"}, {"peek", "nothing"}, {"pd", "1024"}};

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        says("%s %d:%s", commands[i][0], CALL(SYS_GETPID), commands[i][1]);
        KCHECK(!process_region(PUPPET_BASE, false));
    }
}

KTEST(monitor_leaves_the_space_that_it_has_looked_into)
{ puppet_checks(look_into_the_program); }

KTEST(monitor_allocs_and_frees)
{
    char name[16];
    size_t free;

    kmalloc_trim();
    free = pm_count().free;
    says("alloc 100K");
    void *p = said_object();
    KCHECK(p && kmalloc_size(p) >= 100 * 1024);
    said_name(name);
    KCHECK(!is_one_error(says("peek %s 1", name)));
    KCHECK(!is_one_error(says("free %s", name)));
    KCHECK_EQ(kmalloc_size(p), 0);
    KCHECK(is_one_error(says("free %s", name)));
    says("alloc 100K"); /* most likely at the same address, but the old name does not come back to life */
    KCHECK((p = said_object()));
    KCHECK(is_one_error(says("free %s", name)));
    KCHECK(is_one_error(says("free %s+0", name)));
    KCHECK(is_one_error(says("free %p", (void *)((char *)p + 4))));
    KCHECK(!is_one_error(says("free %p", p)));
    KCHECK(is_one_error(says("free %p", p)));
    says("alloc 100");
    said_name(name);
    KCHECK(!is_one_error(says("free %s+0", name)));
    KCHECK(is_one_error(says("free %s", name)));
    KCHECK(find_text(says("heap"), "size"));
    kmalloc_trim();
    KCHECK_EQ(pm_count().free, free);
}

/* Two names of one address: both end with the second object, and the third there is the kernel's own. */
KTEST(monitor_frees_by_no_earlier_name)
{
    char name[16];

    for (unsigned i = 0; i < 2; i++) {
        says("alloc 64");
        said_name(name);
        KCHECK(!is_one_error(says("free %s", name)));
    }
    void *object = kmalloc(64);
    KCHECK(is_one_error(says("free %s", name)));
    KCHECK(kmalloc_size(object));
    kfree(object);
}

KTEST(monitor_frees_only_what_alloc_has_named)
{
    void *object = kmalloc(100); /* the kernel's own */

    KCHECK(is_one_error(says("free %p", object)));
    KCHECK(kmalloc_size(object));
    kfree(object);
}

/* Else nothing could free them any more. */
KTEST(monitor_keeps_the_names_of_live_objects)
{
    char first[16], name[16];

    says("alloc 1");
    said_name(first);
    for (unsigned others = 1023; others; others--) {
        says("alloc 1");
        said_name(name);
        says("free %s", name);
    }
    KCHECK(is_one_error(says("alloc 1")));
    KCHECK(find_text(said, first));
    KCHECK(!is_one_error(says("free %s", first)));
    KCHECK(!is_one_error(says("alloc 1")));
    said_name(name);
    says("free %s", name);
}

KTEST(monitor_walk_names_what_the_address_is_of)
{
    char name[16], text[32];

    KCHECK(find_text(says("walk kmain"), " is kmain: "));
    KCHECK(find_text(says("walk kmain+0x10"), " is kmain+0x10: "));
    KCHECK(find_text(says("walk ktest_report+1"), " is ktest_report+0x1: "));
    KCHECK(!find_text(says("walk 0x003f0000"), "0x003f0000 is "));
    says("alloc 100");
    char *p = said_object();
    said_name(name);
    KCHECK(p);
    format_buffer(text, sizeof(text), " is %s: ", name);
    KCHECK(find_text(says("walk %s", name), text));
    format_buffer(text, sizeof(text), " is %s+0x4: ", name);
    KCHECK(find_text(says("walk %p", (void *)(p + 4)), text));
    KCHECK(find_text(says("walk %s+4", name), text));
    says("free %s", name);
    KCHECK(!find_text(says("walk %s", name), text));
    KCHECK(ends_with(says("walk 1M+0x10"), "0x00100010 -> 0x00100010"));
    KCHECK(is_one_error(says("walk kmain+0xffffffff")));
    KCHECK(is_one_error(says("walk 1M+")));
}

KTEST(monitor_walk_explains_a_directory_entrys_bits)
{
    char line[80];
    char *va = spare_area(1);

    KCHECK(va);
    says("map %p 0x000b8000", (void *)va);
    format_buffer(line, sizeof(line),
                  "dirty: the table was written through the window, where PD[%u] maps it\n", pd_index(va));
    KCHECK(find_text(says("walk %p", (void *)va), line));
    KCHECK(find_text(said, "   user: each page's own entry decides\n"));
    KCHECK(find_text(said, "   present, writable, kernel"));
    says("unmap %p", (void *)va);
    KCHECK(!find_text(says("walk kmain"), "user"));
}

KTEST(monitor_heap_draws_one_of_many_and_not_quite_all)
{
    struct kmalloc_stats stats;
    char name[16];

    if (!kmalloc_stats(0, &stats))
        KSKIP("this heap keeps no figures by size class");
    says("alloc 1");
    void *p = said_object();
    said_name(name);
    KCHECK(p);
    says("heap");
    bool drawn = find_text(said, " [#.") && find_text(said, ".]   ");
    says("free %s", name);
    KCHECK(drawn || heap_mode() == HEAP_GUARD); /* there, each object has a page to itself */
}

KTEST(monitor_poke_says_what_protects)
{
    KCHECK(find_text(says("poke kmain 0"), "(kernel text) is read-only, and CR0.WP binds the kernel too"));
    KCHECK(find_text(says("poke page_directory 0"), "is a live directory entry"));
    KCHECK(find_text(says("poke page_tables 0"), "is a live table entry"));
    KCHECK(find_text(says("poke 0 0"), "is not mapped: PT[0] absent"));
}

KTEST(monitor_errors_say_which_kind_of_address_is_missing)
{
    KCHECK(find_text(says("walk zebra"), "no symbol is \"zebra\""));
    KCHECK(find_text(says("walk $4294967295"), "alloc has named no \"$4294967295\""));
    KCHECK(find_text(says("walk 12x"), "not \"12x\""));
    KCHECK(find_text(says("map 0x00300000 0"), "0x00300000 is the kernel's"));
    KCHECK(find_text(says("map 0xc0000000 0"), "0xc0000000 is the heap's"));
    KCHECK(find_text(says("map 0xfffff000 0"), "0xfffff000 is the window's"));
}

KTEST(monitor_out_of_memory_is_an_error)
{
    size_t free;
    char *va = spare_area(1);

    KCHECK(va);
    kmalloc_trim();
    free = pm_count().free;
    KCHECK(is_one_error(says("alloc 800M"))); /* more than the heap's addresses */
    frames_hold_all();
    KCHECK(is_one_error(says("alloc 100K")));
    KCHECK(is_one_error(says("map %p 0", (void *)va)));
    frames_release_all();
    KCHECK_EQ(pm_count().free, free);
}

/* No line that COMMAND printed reaches the screen's last column. */
static void check_width(const char *command) {
    size_t column = 0;

    for (const char *c = said; *c; c++) {
        column = *c == '\n' ? 0 : column + 1;
        if (column > 79)
            ktest_fail(__FILE__, __LINE__, "\"%s\" prints more than 79 columns", command);
    }
}

KTEST(monitor_help_has_every_command)
{
    static const char *const names[] = {"help",  "mem",      "maps",  "walk",   "pd",      "map",  "unmap",
                                        "alloc", "free",     "heap",  "peek",   "poke",    "test", "reboot",
                                        "exit",  "trace",    "watch", "tour",   "protect", "fill", "fault",
                                        "bench", "diagnose", "page",  "colour", "clear"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char line[16];
        format_buffer(line, sizeof(line), "\n  %s ", names[i]);
        KCHECK(find_text(says("help"), line + (i == 0)));
        KCHECK(find_text(says("help %s", names[i]), names[i]) == said);
        KCHECK_CALL(check_width(names[i]));
    }
}

KTEST(monitor_lines_fit_on_the_screen)
{
    static const char *const lines[] = {"help",
                                        "help map",
                                        "mem",
                                        "maps",
                                        "walk 0xfffff123",
                                        "walk 5",
                                        "pd 0",
                                        "heap",
                                        "peek ktest_report 30",
                                        "walk $",
                                        "map 0x300000 0",
                                        "peek 0 1",
                                        "poke page_directory 0",
                                        "poke symtab_start 0",
                                        "map 0x00300000 0",
                                        "walk nosuch",
                                        "trace protect 0x00300000 ro",
                                        "colour x",
                                        "page x"};

    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        says("%s", lines[i]);
        check_width(lines[i]);
    }
}

/* ---- lines at random ---- */

#define ROUNDS 3000
#define PAGES 8

static const char *const verbs[] = {"walk", "map",  "unmap", "alloc", "free",  "peek", "pd",   "heap",  "mem",
                                    "help", "walk", "map",   "unmap", "alloc", "free", "peek", "zebra", ""};

static void random_word(char word[24], const char *area) {
    static const char *const odd[] = {"$0", "$",          "ro", "kmain", "kmain+8", "-1",
                                      "0x", "0xffffffff", "",   "4G",    "x"};
    unsigned page = (unsigned)(uintptr_t)area + random_below(PAGES) * PAGE_SIZE;

    switch (random_below(8)) {
    case 0:
        format_buffer(word, 24, "0x%x", random_next());
        break;
    case 1:
        format_buffer(word, 24, "%u", random_below(2000));
        break;
    case 2:
        format_buffer(word, 24, "$%u", random_below(400));
        break;
    case 3:
        format_buffer(word, 24, "%s", odd[random_below(ARRAY_SIZE(odd))]);
        break;
    case 4:
        format_buffer(word, 24, "%uK", random_below(100));
        break;
    case 5:
        format_buffer(word, 24, "0x000b8000");
        break;
    default:
        format_buffer(word, 24, "0x%x", page + (random_below(8) ? 0 : random_below(PAGE_SIZE)));
        break;
    }
}

/* Runs one line, keeps account of what it allocated, and leaves alone what was there before. */
static void random_line(const char *area, void **objects, unsigned *n) {
    const char *verb = verbs[random_below(ARRAY_SIZE(verbs))];
    unsigned page = (unsigned)(uintptr_t)area + random_below(PAGES) * PAGE_SIZE;
    char word[3][24];

    for (unsigned i = 0; i < 3; i++)
        random_word(word[i], area);
    if (!strcmp(verb, "free"))
        says("free 0x%x",
             *n ? (unsigned)(uintptr_t)objects[random_below(*n)] + (random_below(4) ? 0 : 4) : page);
    else if (!strcmp(verb, "map"))
        says("map 0x%x 0x000b8000 %s", page, random_below(2) ? "ro" : "");
    else if (!strcmp(verb, "unmap"))
        says("unmap 0x%x %s", page + (random_below(4) ? 0 : 4), random_below(8) ? "" : word[0]);
    else
        says("%s %s %s %s", verb, word[0], random_below(2) ? word[1] : "", random_below(4) ? "" : word[2]);
    void *p = said_object();
    if (p && *n < ROUNDS)
        objects[(*n)++] = p;
}

KTEST(monitor_random_lines_break_nothing)
{
    const char *area = spare_area(1);
    void **objects;
    unsigned n = 0;

    KCHECK(area);
    area += (ENTRIES_PER_TABLE - PAGES / 2) * PAGE_SIZE; /* half of them belong to the next table */
    KCHECK((objects = kmalloc(ROUNDS * sizeof(*objects))));
    random_seed(9);
    for (unsigned i = 0; i < ROUNDS; i++) {
        random_line(area, objects, &n);
        if (i % 200 == 0)
            check_memory();
    }
    for (unsigned i = 0; i < n; i++)
        says("free %p", objects[i]);
    for (unsigned i = 0; i < PAGES; i++)
        says("unmap %p", (const void *)(area + i * PAGE_SIZE));
    kfree(objects);
}
