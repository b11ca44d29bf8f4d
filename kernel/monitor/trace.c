/* The monitor's trace: every step of mm/, seen from outside.
 *
 * There is no hook in mm/, and not one instruction more in it: the command runs with EFLAGS.TF set, so that
 * the processor raises the debug exception (vector 1) before each instruction (SDM vol. 3, 17.3.1.4), and
 * on_step looks at what that instruction is going to be.
 *
 * - At the first instruction of a function that is watched (a table by name; the symbol table has the
 *   address) the return address and the arguments are on the stack: the call is printed. It has returned
 *   when ESP is above where that return address was; the result is then in EAX (System V ABI, i386).
 * - INVLPG (0F 01 /7) and a load of CR3 (0F 22 /3) are known by their bytes.
 * - An instruction whose memory operand lies in the window may set an entry. Which instruction it is does
 *   not matter: the entry is read before it and again at the next step, and where the two differ it is
 *   printed. So this works with whatever stores a compiler chooses.
 *
 * The handler runs with TF clear (an interrupt gate clears it) at full speed. An exception inside the traced
 * command is handled at full speed, too; a report takes the handler away, and the command is abandoned
 * together with its TF, or is never seen again. An int3 reports, and the trace goes on behind it.
 *
 * What it does not see: functions that a compiler has inlined into their caller, and so has no address for.
 * Their calls of others, their entries and flushes are seen all the same. The stores that clear a new table
 * in the scratch page are counted, and not shown one by one. */
#include "trace.h"

#include "cpu.h"
#include "kmalloc.h"
#include "log.h"
#include "memlayout.h"
#include "monitor.h"
#include "output.h"
#include "pm.h"
#include "string.h"
#include "symbols.h"
#include "trap.h"
#include "vmem.h"

static bool always, once; /* trace on; trace CMD */

/* ---- what is watched ---- */

enum result { NOTHING, ADDRESS, STATUS };

static const struct watched {
    const char *name;
    const char *arguments; /* their names, a blank between them */
    enum result result;
} watched[] = {
    {"kmalloc", "size", ADDRESS},
    {"kzalloc", "size", ADDRESS},
    {"krealloc", "p size", ADDRESS},
    {"kmalloc_aligned", "size align", ADDRESS},
    {"kfree", "p", NOTHING},
    {"small_alloc", "size", ADDRESS},
    {"small_changed", "slab", NOTHING},
    {"large_alloc", "size", ADDRESS},
    {"large_alloc_aligned", "size align", ADDRESS},
    {"large_free", "p", NOTHING},
    {"heap_get", "va pages", STATUS},
    {"heap_give", "va pages", NOTHING},
    {"vmem_alloc_range", "va pages flags", STATUS},
    {"vmem_free_range", "va pages", STATUS},
    {"vmem_map", "va pa flags", STATUS},
    {"vmem_map_range", "va pa pages flags", STATUS},
    {"vmem_unmap", "va", STATUS},
    {"vmem_unmap_range", "va pages", STATUS},
    {"vmem_protect", "va bytes flags", STATUS},
    {"pm_alloc_page", "", ADDRESS},
    {"pm_free_page", "pa", NOTHING},
    {"pm_alloc_pages", "n", ADDRESS},
    {"pm_free_pages", "pa n", NOTHING},
    {"set_page_directory", "directory", NOTHING},
};

static uintptr_t entry_point[ARRAY_SIZE(watched)]; /* 0 where there is no such function */

#define DEPTH_MAX 16

static struct {
    struct {
        const struct watched *function;
        unsigned esp; /* where its return address is */
    } call[DEPTH_MAX];
    unsigned depth;
    bool line_open; /* the innermost call is printed, and nothing since */

    uintptr_t entry; /* in the window, that the instruction now run may change; or 0 */
    unsigned before;

    unsigned scratch_stores; /* since the scratch page was mapped */
    unsigned steps, inside;  /* all, and those in watched calls */
    size_t frames_free;      /* when they were last counted */
    unsigned frames_taken, frames_given, linked, unlinked, entries, flushes;
} trace;

/* ---- printing ---- */

static void end_line(void) {
    if (trace.line_open)
        kprintf("\n");
    trace.line_open = false;
}

/* Begins a line of its own, indented by how deep in calls we are. */
static void begin_line(void) {
    end_line();
    kprintf("%s|%s %*s", ink(GREY), ink(PLAIN), (int)trace.depth * 2, "");
}

/* "pages" and the like are counts, "flags" are words, everything else is an address. */
static bool is_count(const char *name, size_t n) {
    static const char *const counts[] = {"size", "pages", "n", "align", "bytes", "grows"};

    for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
        if (strlen(counts[i]) == n && !strncmp(counts[i], name, n))
            return true;
    return false;
}

static void print_flags(unsigned flags) {
    kprintf("%s%s%s%s", flags & VMEM_WRITE ? "writable" : "read-only", flags & VMEM_USER ? " user" : "",
            flags & VMEM_WRITE_THROUGH ? " write-through" : "", flags & VMEM_NO_CACHE ? " uncached" : "");
}

static void print_arguments(const char *names, const unsigned *value) {
    for (; *names; value++) {
        size_t n = 0;
        while (names[n] && names[n] != ' ')
            n++;
        kprintf("%.*s ", (int)n, names);
        if (!strncmp(names, "flags", n))
            print_flags(*value);
        else
            kprintf(is_count(names, n) ? "%u" : "0x%08x", *value);
        names += n + (names[n] == ' ');
        kprintf("%s", *names ? ", " : "");
    }
}

/* The size class that serves SIZE. */
static void print_class(unsigned size) {
    struct kmalloc_stats s;
    unsigned sc = 0;

    while (kmalloc_stats(sc, &s) && s.size && s.size < size)
        sc++;
    begin_line();
    if (s.size)
        kprintf("size class %u: objects of %zu bytes\n", sc, s.size);
    else
        kprintf("a large object: whole pages, %zu of them\n", pages_for(size));
}

/* ---- calls ---- */

/* Between one call or return and the next, frames are either taken or given back. */
static void count_frames(void) {
    size_t free = pm_count().free;
    if (free < trace.frames_free)
        trace.frames_taken += trace.frames_free - free;
    else
        trace.frames_given += free - trace.frames_free;
    trace.frames_free = free;
}

static void enter(const struct trap_frame *frame, size_t i) {
    const unsigned *stack = (const unsigned *)frame_esp(frame);

    count_frames();
    begin_line();
    kprintf("%s%s%s(", ink(CYAN), watched[i].name, ink(PLAIN));
    print_arguments(watched[i].arguments, stack + 1);
    kprintf(")");
    trace.line_open = true;
    if (trace.depth < DEPTH_MAX) {
        trace.call[trace.depth].function = &watched[i];
        trace.call[trace.depth++].esp = frame_esp(frame);
    }
    if (!strcmp(watched[i].name, "kmalloc"))
        print_class(stack[1]);
}

static void leave(const struct trap_frame *frame) {
    const struct watched *function = trace.call[--trace.depth].function;

    count_frames();
    if (function->result == NOTHING) {
        end_line();
        return;
    }
    if (!trace.line_open) {
        begin_line();
        kprintf("%s", function->name);
    }
    kprintf(function->result == STATUS ? " = %d\n" : " = 0x%08x\n", frame->eax);
    trace.line_open = false;
}

static void follow_calls(const struct trap_frame *frame) {
    while (trace.depth && frame_esp(frame) > trace.call[trace.depth - 1].esp)
        leave(frame);
    for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
        if (frame->eip == entry_point[i])
            enter(frame, i);
}

/* ---- entries ---- */

static bool readable_entry(uintptr_t entry) {
    paddr_t pa;

    return vmem_translate((const void *)entry, &pa);
}

static unsigned entry_value(uintptr_t entry) { return read_entry((const unsigned *)entry); }

static void print_directory_entry(unsigned pdi, unsigned before, unsigned after) {
    bool is = after & PTE_PRESENT, was = before & PTE_PRESENT;

    trace.linked += is && !was;
    trace.unlinked += was && !is;
    kprintf("%sPD[%u]%s 0x%08x -> 0x%08x  page table %u %s", ink(MAGENTA), pdi, ink(PLAIN), before, after,
            pdi,
            is && !was ? "linked"
            : is       ? "changed"
                       : "unlinked");
}

static void print_table_entry(uintptr_t page, unsigned before, unsigned after) {
    bool is = after & PTE_PRESENT, was = before & PTE_PRESENT;
    const char *what = is && !was ? "mapped"
                       : is       ? "changed"
                       : !was     ? "cleared"
                       : after    ? "absent"
                                  : "unmapped";

    kprintf("%sPT[%u]%s 0x%08x -> 0x%08x  ", ink(is ? GREEN : RED), (unsigned)(page % ENTRIES_PER_TABLE),
            ink(PLAIN), before, after);
    if (page != SCRATCH_PAGE >> PAGE_SHIFT)
        kprintf("0x%08x %s", (unsigned)(page << PAGE_SHIFT), what);
    else if (is)
        kprintf("scratch page %s", what);
    else
        kprintf("scratch page gone: %u stores", trace.scratch_stores);
    if (is)
        trace.scratch_stores = 0;
}

/* The instruction behind us may have changed an entry. */
static void finish_entry(void) {
    uintptr_t entry = trace.entry;

    trace.entry = 0;
    if (!entry || !readable_entry(entry))
        return;
    unsigned after = entry_value(entry);
    if (after == trace.before)
        return;
    trace.entries++;
    begin_line();
    if (entry >= DIRECTORY_WINDOW)
        print_directory_entry((entry - DIRECTORY_WINDOW) / sizeof(pde_t), trace.before, after);
    else
        print_table_entry((entry - WINDOW_START) / sizeof(pte_t), trace.before, after);
    kprintf("\n");
}

/* ---- instructions: SDM vol. 2, 2.1 and appendix A ---- */

static unsigned register_value(const struct trap_frame *f, unsigned number) {
    const unsigned value[] = {f->eax, f->ecx, f->edx, f->ebx, frame_esp(f), f->ebp, f->esi, f->edi};

    return value[number & 7];
}

static unsigned displacement(const uint8_t *at, unsigned mod) {
    unsigned value = 0;

    if (mod == 1)
        return (unsigned)(signed char)*at;
    if (mod == 2)
        __builtin_memcpy(&value, at, sizeof(value));
    return value;
}

/* The address that the ModRM byte at MODRM (mod not 3) and what follows it mean. */
static uintptr_t operand_address(const struct trap_frame *frame, const uint8_t *modrm) {
    unsigned mod = *modrm >> 6, rm = *modrm & 7, base = rm;
    const uint8_t *next = modrm + 1;
    uintptr_t address = 0;

    if (rm == 4) { /* a SIB byte: scale, index, base */
        unsigned index = *next >> 3 & 7;
        base = *next & 7;
        if (index != 4)
            address = register_value(frame, index) << (*next >> 6);
        next++;
    }
    if (base == 5 && mod == 0)
        mod = 2; /* 32 bits and no base */
    else
        address += register_value(frame, base);
    return address + displacement(next, mod);
}

static bool is_prefix(uint8_t byte) {
    return byte == 0x66 || byte == 0xF0 || byte == 0xF2 || byte == 0xF3 || (byte & 0xE7) == 0x26 ||
           byte == 0x64 || byte == 0x65;
}

/* OPCODE, of one byte, has a ModRM byte and may write to its memory operand. */
static bool may_write(uint8_t opcode) {
    if (opcode < 0x40)
        return (opcode & 7) < 2; /* arithmetic, into memory */
    return (opcode >= 0x80 && opcode <= 0x83) || (opcode >= 0x86 && opcode <= 0x89) || opcode == 0x8F ||
           opcode == 0xC0 || opcode == 0xC1 || opcode == 0xC6 || opcode == 0xC7 ||
           (opcode >= 0xD0 && opcode <= 0xD3) || opcode == 0xF6 || opcode == 0xF7 || opcode >= 0xFE;
}

/* The same for 0F OPCODE: SETcc, the bit instructions, CMPXCHG, XADD. */
static bool may_write_0f(uint8_t opcode) {
    return (opcode & 0xF0) == 0x90 || opcode == 0xAB || opcode == 0xB3 || opcode == 0xBB || opcode == 0xBA ||
           opcode == 0xB0 || opcode == 0xB1 || opcode == 0xC0 || opcode == 0xC1;
}

/* The address that the instruction at CODE may write to, or 0. */
static uintptr_t written_address(const struct trap_frame *frame, const uint8_t *code) {
    bool two = code[0] == 0x0F;
    const uint8_t *modrm = code + 1 + two;

    if ((code[0] & 0xFC) == 0xA0) /* MOV between the accumulator and an address */
        return displacement(code + 1, 2);
    if ((code[0] & 0xFE) == 0xAA || (code[0] & 0xFE) == 0xA4) /* STOS, MOVS */
        return frame->edi;
    if ((two ? !may_write_0f(code[1]) : !may_write(code[0])) || *modrm >> 6 == 3)
        return 0;
    return operand_address(frame, modrm);
}

static void print_flush(const struct trap_frame *frame, const uint8_t *code) {
    unsigned reg = code[2] >> 3 & 7;

    if (code[0] != 0x0F)
        return;
    if (code[1] == 0x01 && reg == 7 && code[2] >> 6 != 3) {
        uintptr_t va = operand_address(frame, code + 2);
        begin_line();
        kprintf("%sinvlpg%s 0x%08x  %s\n", ink(YELLOW), ink(PLAIN), (unsigned)va,
                va >= WINDOW_START ? "a table's page in the window flushed" : "flushed");
        trace.flushes++;
    } else if (code[1] == 0x22 && reg == 3) {
        begin_line();
        kprintf("%smov to cr3%s 0x%08x  the whole TLB flushed\n", ink(YELLOW), ink(PLAIN),
                register_value(frame, code[2]));
        trace.flushes++;
    }
}

static void look_at_instruction(const struct trap_frame *frame) {
    const uint8_t *code = (const uint8_t *)frame->eip;

    if (frame->eip < (uintptr_t)kernel_start || frame->eip >= (uintptr_t)text_end)
        return; /* a jump to nowhere, which the processor is about to find out */
    while (is_prefix(*code))
        code++;
    print_flush(frame, code);
    uintptr_t address = written_address(frame, code) & ~(uintptr_t)(sizeof(pte_t) - 1);
    trace.scratch_stores += address >= SCRATCH_PAGE && address < SCRATCH_PAGE + PAGE_SIZE;
    if (address >= WINDOW_START && readable_entry(address)) {
        trace.entry = address;
        trace.before = entry_value(address);
    }
}

static void on_step(struct trap_frame *frame) {
    trace.steps++;
    finish_entry();
    follow_calls(frame);
    trace.inside += trace.depth > 0;
    look_at_instruction(frame);
}

/* ---- the command ---- */

static void begin(void) {
    memset(&trace, 0, sizeof(trace));
    trace.frames_free = pm_count().free;
    for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
        if (!symbol_address(watched[i].name, &entry_point[i]))
            entry_point[i] = 0;
    trap_on_step(on_step);
    write_eflags(read_eflags() | EFLAGS_TF);
}

static void end(void) {
    write_eflags(read_eflags() & ~EFLAGS_TF);
    trap_on_step(NULL);
    end_line();
    if (!trace.steps)
        command_error("this machine takes no single steps: EFLAGS.TF does nothing here");
    else
        kprintf("%s|%s %u instructions in these calls; frames: %u taken, %u given back\n"
                "%s|%s tables: %u linked, %u unlinked; entries: %u changed; flushes: %u\n",
                ink(GREY), ink(PLAIN), trace.inside, trace.frames_taken, trace.frames_given, ink(GREY),
                ink(PLAIN), trace.linked, trace.unlinked, trace.entries, trace.flushes);
}

bool trace_command(const struct command *c, int n, char **arg) {
    if ((!always && !once) || trap_stepping())
        return false;
    if (!(c->flags & TRACED)) {
        if (once && !(c->flags & TAKES_LINE))
            kprintf("%s|%s %s changes no mapping: there is nothing to trace\n", ink(GREY), ink(PLAIN),
                    c->name);
        return false;
    }
    begin();
    c->run(n, arg);
    end();
    return true;
}

bool trace_all(bool on) {
    bool was = always;

    always = on;
    return was;
}

COMMAND(LEARN, 3, trace, .arguments = "on|off|CMD", .most = 1, .flags = TAKES_LINE,
        .help = "each frame, table, entry and flush, as it happens",
        .detail = "CMD: that one command; on: every command from now on. It runs instruction by "
                  "instruction: calls into mm/, entries set and pages flushed are shown.",
        .example = "trace alloc 100000")
{
    if (!n)
        kprintf("trace %s\n", always ? "on" : "off");
    else if (!strcmp(arg[0], "on") || !strcmp(arg[0], "off"))
        trace_all(arg[0][1] == 'n');
    else if (once)
        command_error("trace cannot trace itself");
    else {
        once = true;
        monitor_execute(arg[0]);
        once = false;
    }
}
