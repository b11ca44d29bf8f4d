/* Programs, and the monitor beside them: all of kernel/process/ over all of mm/, on the simulated MMU. The input is what they
 * do: system calls with any arguments, stores into the programs' own memory, page faults and other exceptions, lines at the
 * prompt, ticks of the timer, keys, and memory that runs out.
 *
 * The oracle: no panic; the kernel touches no page that the program could not, and what is stored is in no other space
 * (process/user_part.h); a page that comes is clear, and one that is copied is as it was; no program goes on in any ring
 * but its own. When all programs have ended, every frame and every heap object has been given back, and every check of mm/
 * passes.
 *
 * An input begins with a machine just booted. */
#include "fuzz.h"
#include "input.h"
#include "kmalloc.h"
#include "pm.h"
#include "process.h"
#include "string.h"

#include "../host/machine.h"
#include "../host/mmu.h"
#include "../model/model.h"
#include "process/kernel.h"
#include "process/program.h"
#include "process/user_part.h"

#include "../../kernel/process/elf.h"
#include "../../kernel/process/process_inside.h"
#include "../../kernel/process/tty.h"

/* A page of the kernel's part that is open to programs: a call that follows a pointer to it is wrong all the same. */
#define OPEN_PAGE ((void *)KERNEL_STACKS_END)

/* ---- files ---- */

/* Frames of the kernel's image, which pm never hands out. */
#define PROGRAM_START 0x130000
#define CONSTANTS_SIZE 700
#define PROGRAM_SIZE (2 * PAGE_SIZE + CONSTANTS_SIZE)
#define TABLE_START 0x133010 /* not at a page's start */
#define TABLE_SIZE 5000

/* As elf.c reads it: three segments, the second with a clear part, the third ending with the file; and symbols. */
static const struct program_file {
    char ident[16];
    uint16_t type, machine;
    uint32_t version, entry, phoff, shoff, flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
    uint32_t segment[3][8];
    uint32_t section[3][10];
    struct {
        uint32_t name, value, size;
        uint8_t info, other;
        uint16_t section;
    } symbol[2];
    char names[16];
} program_file = {
    .ident = "\177ELF\1\1\1",
    .type = 2,
    .machine = 3,
    .version = 1,
    .entry = TEXT + 0x100,
    .phoff = offsetof(struct program_file, segment),
    .shoff = offsetof(struct program_file, section),
    .ehsize = 52,
    .phentsize = ELF_HEADER_SIZE,
    .phnum = 3,
    .shentsize = 40,
    .shnum = 3,
    .segment = {{1, 0, TEXT, TEXT, PAGE_SIZE, PAGE_SIZE, 5, PAGE_SIZE},
                {1, PAGE_SIZE, DATA, DATA, PAGE_SIZE, DATA_SIZE, 6, PAGE_SIZE},
                {1, 2 * PAGE_SIZE, CONSTANTS, CONSTANTS, CONSTANTS_SIZE, CONSTANTS_SIZE, 4, PAGE_SIZE}},
    .section = {[1] = {0, 2, 0, 0, offsetof(struct program_file, symbol), 32, 2, 1, 4, 16},
                [2] = {0, 3, 0, 0, offsetof(struct program_file, names), 16, 0, 0, 1, 0}},
    .symbol = {[1] = {1, TEXT, 0x800, 2, 0, 1}},
    .names = "\0main",
};

static char *bytes_at(paddr_t pa) { return (char *)mmu_frame(pa_frame(pa)) + pa_offset(pa); }

static void add_file(const char *name, paddr_t start, size_t size) {
    EXPECT(module_add(&(struct module){name, bytes_at(start), size, start}));
}

static void put_files(void) {
    static bool added;

    memset(bytes_at(PROGRAM_START), 0, PROGRAM_SIZE);
    memcpy(bytes_at(PROGRAM_START), &program_file, sizeof(program_file));
    memset(bytes_at(TABLE_START), 'x', TABLE_SIZE);
    if (added)
        return;
    added = true;
    add_file("program", PROGRAM_START, PROGRAM_SIZE);
    add_file(LONG_NAME, PROGRAM_START, PROGRAM_SIZE);
    add_file("table", TABLE_START, TABLE_SIZE);
}

/* ---- what the monitor does ---- */

static void on_mended(const struct process_fault *fault) { EXPECT(fault->after != PADDR_NONE); }

static bool is_alone(void) { return monitor.next == &monitor; }

static int any_program(void) { return is_alone() ? 0 : monitor.next->pid + (int)model_below(4); }

static void start_program(void) {
    static char *const argument[] = {"program", "one", ""};

    process_start(1 + (int)model_below(3), argument);
}

static void look_into(int pid) {
    struct process_info info;

    process_next(pid, &info);
    if (!process_enter(pid))
        return;
    process_region(DATA, true);
    process_rest();
    process_leave();
}

static void wait_for(int pid) {
    struct process_info info;
    char text[STATUS_TEXT];

    if (process_next(pid, &info) && info.pid == pid && info.parent == monitor.pid)
        process_status_text(process_wait_for(pid), text);
}

static void act_as_monitor(void) {
    switch (is_alone() ? 0 : model_below(12)) {
    case 0:
        start_program();
        break;
    case 1:
        process_kill(any_program());
        break;
    case 2:
        look_into(any_program());
        break;
    case 3:
        process_on_fault(model_one_in(2) ? on_mended : NULL);
        break;
    case 4:
        tty_give(any_program());
        break;
    case 5:
        key = any_key();
        break;
    case 6:
        ticks += model_below(1024);
        break;
    case 7:
        wait_for(any_program());
        break;
    case 8:
    case 9:
    case 10:
        type_line();
        break;
    }
    tty_poll();
    process_rest();
}

static void end_all(void) {
    model_release();
    while (!is_alone())
        EXPECT(process_kill(monitor.next->pid));
    lines_end();
    tty_give(0);
    process_on_fault(NULL);
}

/* ---- what is there at the end ---- */

static size_t heap_objects(void) {
    struct kmalloc_stats class;
    size_t live = 0;

    for (unsigned sc = 0; kmalloc_stats(sc, &class); sc++)
        live += class.live;
    return live;
}

static void check_all(void) {
    pm_check();
    vmem_check();
    space_check();
    kmalloc_check();
    mmu_check_caches();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    user_part_start();
    kernel_begin();
    pids_begin();
    machine_start();
    model_read(data, size);
    model_begin(0);
    put_files();
    last = (struct last){.stored = DATA, .mapped = DATA};
    process_init();
    EXPECT(vmem_alloc_range(OPEN_PAGE, 1, VMEM_WRITE | VMEM_USER) == 0);
    size_t free_frames = pm_count().free, objects = heap_objects();

    lines_begin();
    start_program();
    tty_give(any_program());
    for (unsigned turn = 1; model_goes_on(); turn++) {
        act_as_monitor();
        if (turn % 8 == 0)
            space_check();
    }
    end_all();
    kmalloc_trim();
    check_all();
    EXPECT(current == &monitor && kernel_stacks() == 0);
    EXPECT(heap_objects() == objects);
    EXPECT(pm_count().free == free_frames);
    EXPECT(vmem_free_range(OPEN_PAGE, 1) == 0);
    model_end();
    return 0;
}
