/* Programs: all of kernel/process/ over all of mm/, on the simulated MMU. The input is what the programs and the monitor
 * do: system calls with any arguments, stores into the programs' own memory, page faults and other exceptions, ticks of the
 * timer, keys, and memory that runs out.
 *
 * The oracle: no panic; the kernel touches no page that the program could not (process/user_part.h), and no program goes on
 * in any ring but its own. When all programs have ended, every frame and every heap object has been given back, and every
 * check of mm/ passes.
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
#define PROGRAM_SIZE (2 * PAGE_SIZE)
#define TABLE_START 0x133010 /* not at a page's start */
#define TABLE_SIZE 5000

/* As elf.c reads it: two segments, the second with a clear part. */
static const struct {
    char ident[16];
    uint16_t type, machine;
    uint32_t version, entry, phoff, shoff, flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
    uint32_t segment[2][8];
} program_file = {
    .ident = "\177ELF\1\1\1",
    .type = 2,
    .machine = 3,
    .version = 1,
    .entry = TEXT + 0x100,
    .phoff = 52,
    .ehsize = 52,
    .phentsize = ELF_HEADER_SIZE,
    .phnum = 2,
    .segment = {{1, 0, TEXT, TEXT, PAGE_SIZE, PAGE_SIZE, 5, PAGE_SIZE},
                {1, PAGE_SIZE, DATA, DATA, PAGE_SIZE, DATA_SIZE, 6, PAGE_SIZE}},
};

static void put_files(void) {
    char *program = mmu_frame(PROGRAM_START),
         *table = (char *)mmu_frame(TABLE_START) + TABLE_START % PAGE_SIZE;
    static bool added;

    memset(program, 0, PROGRAM_SIZE);
    memcpy(program, &program_file, sizeof(program_file));
    memset(table, 'x', TABLE_SIZE);
    if (added)
        return;
    added = true;
    EXPECT(module_add(&(struct module){"program", program, PROGRAM_SIZE, PROGRAM_START}));
    EXPECT(module_add(&(struct module){"table", table, TABLE_SIZE, TABLE_START}));
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
        key = model_one_in(2) ? (int)model_below(128) : KEY_UP + (int)model_below(10);
        break;
    case 6:
        ticks += model_below(1024);
    }
    tty_poll();
    process_rest();
}

static void end_all(void) {
    model_release();
    while (!is_alone())
        EXPECT(process_kill(monitor.next->pid));
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

    start_program();
    tty_give(any_program());
    while (model_goes_on())
        act_as_monitor();
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
