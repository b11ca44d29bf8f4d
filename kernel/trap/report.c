/* Making a report, and what comes after it: a way back, or the end.
 *
 * A report is made on the fault stack, whatever it is about (trap.S): the stack that was in use may be full,
 * or its pointer may be what went wrong. A fault in a report, or in the last look, is already there: its
 * report goes on below what the fault stack holds.
 *
 * The first report is printed whole. A fault while it is made becomes one line; a fault in that line, a few
 * words straight to the serial line; a fault in these or in leaving the machine, fewer words yet; then it halts. */
#include "report.h"

#include "catch.h"
#include "cpu.h"
#include "format.h"
#include "log.h"
#include "machine.h"
#include "options.h"
#include "serial.h"
#include "string.h"
#include "symbols.h"
#include "trap.h"

void run_on_fault_stack(void (*fn)(void)) __attribute__((noreturn)); /* trap.S */

static unsigned reports; /* begun and not ended */
#define REPORTS_MAX 4

/* ---- the end ---- */

static void (*look)(void);

/* Registers LAST_LOOK, which does not return. */
void report_set_last_look(void (*last_look)(void)) { look = last_look; }

/* Whether the machine stays after a panic. */
static bool panic_stays(void) { return options.panic_stay || !machine_has_exit_port(); }

/* The last look needs paging, and is taken once: what goes wrong in it is not looked at. */
static bool can_look(void) {
    static bool looked;
    bool first = !looked;

    looked = true;
    return look && first && reports == 1 && read_cr0() & CR0_PG;
}

static void begin_look(void) {
    reports = 0;
    look();
    for (;;)
        halt();
}

static void halt_for_good(void) __attribute__((noreturn));
static void halt_for_good(void) {
    for (;;) {
        cli();
        halt();
    }
}

/* Leaves the machine, starts the last look, or halts. */
static void stop(void) __attribute__((noreturn));
static void stop(void) {
    if (!panic_stays())
        machine_exit(false);
    if (can_look())
        run_on_fault_stack(begin_look);
    kprintf("quire: halted\n");
    halt_for_good();
}

/* ---- a report ---- */

static void end_captures(void) {
    while (log_captures())
        log_capture_end();
}

/* WHAT happened at EIP while a report was being made, the second; or in what this printed, the third. */
static void report_failed(const char *what, unsigned eip) {
    char where[ADDRESS_TEXT];
    static char line[160];

    if (reports == 2) {
        end_captures();
        kprintf("\nPANIC: %s while a report was being made, at %s\n", what, address_text(eip, where));
    } else {
        serial_write(line, format_buffer(line, sizeof(line),
                                         "\nPANIC: %.80s at 0x%08x: the log is out of order\n", what, eip));
    }
    stop();
}

static void write_words(const char *text) { serial_write(text, strlen(text)); }

/* Nothing that was tried has worked. */
static void give_up(const char *what) __attribute__((noreturn));
static void give_up(const char *what) {
    if (reports == REPORTS_MAX) {
        write_words("\nPANIC: ");
        write_words(what);
        write_words("\n");
        if (!panic_stays())
            machine_exit(false);
    }
    halt_for_good();
}

/* Whether a report is being made. */
bool report_begun(void) { return reports > 0; }

/* Comes first: takes the log, or the buffer of the catch that waits. */
void report_begin(const char *what, unsigned eip) {
    cli();
    if (++reports >= REPORTS_MAX)
        give_up(what);
    if (reports > 1)
        report_failed(what, eip);
    if (!catch_takes_report()) {
        end_captures();
        log_set_gate(NULL);
        log_fresh_line();
    }
    trap_on_step(NULL);
}

/* Prints the line that gives the likely cause. */
void print_cause(const char *text) { kprintf("  cause    " CAUSE_INK "%s" PLAIN_INK "\n", text); }

/* The report's last lines, what to try next. */
void print_advice(unsigned eip, const char *command, uintptr_t address) {
    kprintf("  try      make debug, then break *0x%08x\n", eip);
    if (command)
        kprintf("  try      %s 0x%08x, at the prompt %s\n", command, (unsigned)address,
                catch_waits() || panic_stays() ? "below" : "that panic=stay gives");
}

/* Comes last: goes back to the catch that waits, or stops. */
void report_end(int vector) {
    if (!catch_waits())
        stop();
    reports = 0;
    catch_leave(vector);
}
