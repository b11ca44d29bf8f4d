/* The stand-ins of kernel.h. */
#include "kernel.h"

#include <ucontext.h>

#include "boot_info.h"
#include "cpu.h"
#include "cpuid.h"
#include "descriptors.h"
#include "exception.h"
#include "fuzz.h"
#include "input.h"
#include "log.h"
#include "memlayout.h"
#include "stack.h"
#include "string.h"
#include "terminal.h"
#include "timer.h"
#include "tsc.h"

#include "../../model/model.h"

#include "../../../kernel/process/process_inside.h"

/* ---- turns: context_switch ---- */

#define SLOT_SIZE ((KERNEL_STACKS_END - KERNEL_STACKS) / PROCESSES_MAX)
#define TURN_STACK \
    (256u << 10) /* a kernel stack's 8 KiB are too little for the sanitizer and the simulated MMU */
#define MONITOR PROCESSES_MAX

void context_switch(uintptr_t *save, uintptr_t load);
const char trap_return[1];

static ucontext_t turn[PROCESSES_MAX + 1];
static char turn_stack[PROCESSES_MAX][TURN_STACK];
static bool fresh[PROCESSES_MAX];
static size_t stacks;

size_t kernel_stacks(void) { return stacks; }

/* The slot of a kernel stack that ADDRESS lies in; the monitor, on the boot stack, has none. */
static unsigned slot_of(uintptr_t address) {
    return address ? (address - KERNEL_STACKS) / SLOT_SIZE : MONITOR;
}

/* What switch.S does with a new process's stack at LOAD: pops four registers, returns to begin, and that to trap_return. */
static void first_turn(uintptr_t load) {
    const unsigned *esp = (const unsigned *)load;

    ((void (*)(void))esp[4])();
    EXPECT(esp[5] == (uintptr_t)trap_return);
    run_program((struct trap_frame *)(esp + 6));
}

/* What is at SAVE stays: it tells whose stack it is. (swapcontext makes the sanitizer forget the redzones of the stack that
 * it goes to.) */
void context_switch(uintptr_t *save, uintptr_t load) {
    unsigned from = slot_of(*save), to = slot_of(load);

    if (to != MONITOR && fresh[to]) {
        fresh[to] = false;
        getcontext(&turn[to]);
        turn[to].uc_stack.ss_sp = turn_stack[to];
        turn[to].uc_stack.ss_size = TURN_STACK;
        turn[to].uc_link = NULL;
        makecontext(&turn[to], (void (*)(void))first_turn, 1, load);
    }
    swapcontext(&turn[from], &turn[to]);
}

void stack_register(struct stack *stack) {
    fresh[slot_of((uintptr_t)stack->bottom)] = true;
    stacks++;
}

void stack_unregister(struct stack *stack) {
    EXPECT(stack->bottom);
    stacks--;
}

/* ---- traps ---- */

const struct trap_handlers *handlers;

const struct trap_handlers *trap_set_handlers(const struct trap_handlers *to) {
    const struct trap_handlers *before = handlers;

    handlers = to;
    return before;
}

void trap_set_kernel_stack(void *top) {
    uintptr_t end = (uintptr_t)top;

    EXPECT(!top || (end > KERNEL_STACKS && end <= KERNEL_STACKS_END && end % PAGE_SIZE == 0));
}

void trap_set_tls(uintptr_t base) { (void)base; }

void exception_report_program(const struct trap_frame *frame, uintptr_t address, const char *prefix) {
    EXPECT(frame->cs == USER_CS && strlen(prefix) > 0);
    (void)address;
}

/* ---- registers ---- */

static uint16_t fs, gs;

/* Whether ring 3 may load it: else the kernel would fault when it does. */
static bool is_selector(unsigned selector) {
    return selector <= 3 || selector == USER_CS || selector == USER_DS || selector == USER_TLS;
}

uint16_t read_fs(void) { return fs; }
uint16_t read_gs(void) { return gs; }

void load_fs(uint16_t selector) {
    EXPECT(is_selector(selector));
    fs = selector;
}

void load_gs(uint16_t selector) {
    EXPECT(is_selector(selector));
    gs = selector;
}

static unsigned cr4;

unsigned read_cr4(void) { return cr4; }
void write_cr4(unsigned value) { cr4 = value; }
unsigned cpu_features(void) { return 1u << 24 | 1u << 25; /* FXSR, SSE */ }
uint64_t tsc_ticks(void) { return ticks; }
void fninit(void) {}

/* Faults if the processor would; but the host goes on with its own registers. */
void fxrstor(const void *state) {
    static struct fpu_state own;

    fxsave(&own);
    processor_fxrstor(state);
    processor_fxrstor(&own);
}

/* ---- the timer, and keys ---- */

unsigned ticks;
int key;

unsigned timer_ticks(void) { return ticks; }

int any_key(void) {
    switch (model_below(3)) {
    case 0:
        return "\3\4\x1C\n\b"[model_below(5)]; /* Ctrl-C, Ctrl-D, Ctrl-\ */
    case 1:
        return (int)model_below(128);
    default:
        return KEY_UP + (int)model_below(10);
    }
}

/* Nothing can run until a tick or a key, and once the input has ended, no program goes on, and nothing waits for a key. */
void input_rest(void) {
    ticks++;
    if (model_goes_on()) {
        key = any_key();
        return;
    }
    key = 'q';
    for (struct process *process = monitor.next; process != &monitor; process = process->next)
        signal_send(process, SIGKILL);
}

static void (*on_rest)(void) = input_rest;

bool input_start_interrupts(void) { return true; }
void input_on_rest(void (*rest)(void)) { on_rest = rest; }

int input_poll(void) {
    int found = key;

    key = -1;
    return found;
}

bool input_interrupted(void) {
    if (key != KEY_CTRL_C)
        return false;
    key = -1;
    return true;
}

int input_wait(unsigned periods) {
    unsigned start = ticks;

    while (key < 0 && ticks - start < periods)
        on_rest();
    return input_poll();
}

/* ---- the screen, the boot loader ---- */

struct boot_info boot_info;

/* A small one, so that pages are soon full. */
const struct screen *terminal_screen(void) {
    static const struct screen small = {.columns = 80, .rows = 8};

    return &small;
}

void kernel_begin(void) {
    log_fresh_line();
    ticks = 0;
    key = -1;
    fs = gs = 0;
}
