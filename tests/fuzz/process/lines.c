/* Lines that are typed at the monitor's prompt while programs run. See kernel.h. */
#include "fuzz.h"
#include "kernel.h"
#include "program.h"
#include "user_part.h"

#include "command.h"
#include "format.h"
#include "input.h"
#include "machine.h"
#include "memlayout.h"
#include "monitor.h"
#include "options.h"
#include "process.h"
#include "serial.h"
#include "string.h"
#include "symbols.h"
#include "timer.h"
#include "vmem.h"

#include "../../host/mmu.h"
#include "../../model/model.h"

#include "../../../kernel/monitor/leaks.h"
#include "../../../kernel/monitor/line.h"
#include "../../../kernel/monitor/objects.h"
#include "../../../kernel/monitor/output.h"
#include "../../../kernel/monitor/trace.h"
#include "../../../kernel/process/process_inside.h"

#define LINE_MAX 160
#define PAGES 8u

/* A letter that follows % stands for a word of its kind (put_word). peek comes only to what this process has, too: the
 * user part and the heap. */
static const char *const shapes[] = {
    "ps",
    "heap",
    "mem",
    "maps",
    "maps %p:",
    "pd",
    "pd %p:",
    "pd %p:%t",
    "walk %p:%a",
    "walk %x",
    "peek %p:%a %n",
    "peek %a %n",
    "peek %o",
    "map %v %f",
    "map %v %f ro",
    "unmap %v",
    "protect %v %r",
    "fill %v %n 1",
    "fill %o %n 1",
    "alloc %n",
    "alloc %nK",
    "free %o",
    "free %a",
    "kill %p",
    "run program",
    "run program one \"two three\" %n",
    "run program &",
    "run " LONG_NAME " &",
    "run program &; run program %n &; run " LONG_NAME " &",
    "run table",
    "page %w",
    "colour %w",
    "clear",
    "help",
    "help walk",
    "alloc 64K; ps; free %o",
    "run program &; maps %p:; kill %p",
    "watch ps",
    "watch alloc 4K; kill %p",
    "watch run program",
    "%n",
};

/* The pages that map works on: neighbours, within one table and across two, and one apart. */
static uintptr_t page(unsigned i) {
    return i < PAGES - 1 ? FREE_START + TABLE_SPAN + (i - 4) * PAGE_SIZE : KHEAP_START - PAGE_SIZE;
}

static unsigned address(void) {
    uintptr_t va = model_one_in(2) ? last.mapped : last.stored;

    switch (model_below(6)) {
    case 0:
        return page(model_below(PAGES)) + model_below(PAGE_SIZE);
    case 1:
        return KHEAP_START + model_below(16 * PAGE_SIZE);
    case 2:
        return STACK_TOP - model_below(2 * PAGE_SIZE);
    case 3:
        return TEXT + model_below(8 * PAGE_SIZE);
    default:
        return in_user_part(va) ? va : TEXT;
    }
}

/* K of a name $K, one of the latest three; now and then the next, which no object has. */
static unsigned object(void) {
    unsigned latest, back = model_below(4);

    return !object_latest(&latest) ? 0 : back == 3 ? latest + 1 : latest > back ? latest - back : 0;
}

/* Writes a word of KIND to TEXT, of SIZE bytes; its length. */
static size_t put_word(char *text, size_t size, char kind) {
    static const char *const setting[] = {"on", "off", "auto"};

    switch (kind) {
    case 'a':
        return format_buffer(text, size, "0x%x", address());
    case 'f': /* a frame */
        return format_buffer(text, size, "0x%x", model_below(MMU_FRAMES) * PAGE_SIZE + model_one_in(16));
    case 'n':
        return format_buffer(text, size, "%u", model_below(300));
    case 'o':
        return format_buffer(text, size, model_one_in(8) ? "$%u+16" : "$%u", object());
    case 'p':
        return format_buffer(text, size, "%d", monitor.next->pid + (int)model_below(4));
    case 'r':
        return format_buffer(text, size, "%s", model_one_in(2) ? "ro" : "rw");
    case 't': /* a page table */
        return format_buffer(text, size, "%u", pd_index((void *)address()));
    case 'x': /* any address */
        return format_buffer(text, size, "0x%x", model_word());
    case 'v':
        return format_buffer(text, size, "0x%x", page(model_below(PAGES)) + model_one_in(16));
    default:
        return format_buffer(text, size, "%s", setting[model_below(ARRAY_SIZE(setting))]);
    }
}

static void make_line(char line[LINE_MAX]) {
    const char *shape = shapes[model_below(ARRAY_SIZE(shapes))];
    size_t n = 0;

    for (; *shape && n < LINE_MAX - 1; shape++)
        if (*shape == '%')
            n += put_word(line + n, LINE_MAX - n, *++shape);
        else
            line[n++] = *shape;
    if (model_one_in(16))
        n += format_buffer(line + n, LINE_MAX - n, " x"); /* mostly a word too many */
    line[n] = '\0';
}

static bool looking, traced;

bool monitor_looks(void) { return looking && current == &monitor; }

static void execute(enum from who, const char *line) {
    looking = true;
    if (who != NOBODY)
        output_begin(who);
    monitor_execute(line);
    if (who != NOBODY)
        output_end();
    looking = false;
    mmu_before_event(); /* programs may not see all that the monitor has */
}

void type_line(void) {
    static const enum from who[] = {NOBODY, LISTED, SERIAL, KEYBOARD};
    char line[LINE_MAX];

    make_line(line);
    traced = model_one_in(2);
    execute(who[model_below(ARRAY_SIZE(who))], line);
    EXPECT(current == &monitor && !process_region(TEXT, false) && output_from() == NOBODY);
}

void lines_begin(void) {
    objects_set_aside(true);
    execute(NOBODY, "page auto; colour auto");
}

void lines_end(void) {
    char line[LINE_MAX];
    unsigned latest;

    for (unsigned i = 0; i < PAGES; i++)
        if (mmu_lookup((void *)page(i))) {
            format_buffer(line, sizeof(line), "unmap 0x%x", (unsigned)page(i));
            execute(NOBODY, line);
        }
    if (!object_latest(&latest))
        return;
    for (unsigned k = 0; k <= latest; k++)
        if (object_lives(k)) {
            format_buffer(line, sizeof(line), "free $%u", k);
            execute(NOBODY, line);
        }
}

/* ---- what the commands call besides ---- */

struct options options;

bool trace_wanted(void) { return traced; }
void trace_set_aside(bool aside) { (void)aside; }
bool trace_command(const struct command *c, int n, char **arg) { return (void)c, (void)n, (void)arg, false; }
void leaks_print(void) {}
bool line_read(char text[LINE_BYTES + 1]) { return text[0]; }

const char *symbol_at(uintptr_t address, size_t *offset) { return (void)address, (void)offset, NULL; }
bool symbol_address(const char *name, uintptr_t *address) { return (void)name, (void)address, false; }

bool input_from_keyboard(void) { return false; }
bool input_terminal_answered(void) { return false; }
bool input_terminal_likely(void) { return false; }
void input_ask_terminal(void) {}
bool serial_present(void) { return false; }
void serial_sequences(bool sent) { (void)sent; }
bool timer_wait(bool (*done)(void), unsigned periods) { return (void)periods, done(); }

bool machine_write_combines(void) { return true; }
void machine_exit(bool ok) { fuzz_finding(__FILE__, __LINE__, ok ? "left" : "left with a failure"); }
void machine_reset(void) { fuzz_finding(__FILE__, __LINE__, "reset"); }
