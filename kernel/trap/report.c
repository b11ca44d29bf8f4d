/* Making a report, and what comes after it: a way back, or the end.
 *
 * A report is made on the fault stack, whatever it is about (trap.S): the stack that was in use may be full,
 * or its pointer may be what went wrong. Only what is reported while already there (a fault in a report, or
 * in the last look) goes on below what that stack holds.
 *
 * A catch (trap_catch) is a way back to before: panic_finish goes there instead of stopping. */
#include "report.h"
#include "symbols.h"

#include "console.h"
#include "cpu.h"
#include "format.h"
#include "interrupt.h"
#include "log.h"
#include "machine.h"
#include "memlayout.h"
#include "options.h"
#include "panic.h"

/* trap.S */
extern uintptr_t catch_stack; /* ESP where a catch lands */
bool catch_call(void (*fn)(void *arg), void *arg);
void catch_land(void) __attribute__((noreturn));
void run_on_fault_stack(void (*fn)(void)) __attribute__((noreturn));

static struct {
    bool armed;
    char *report;
    size_t size;
    int vector;
    size_t captures; /* of the log, open when it was armed */
    unsigned irqs;   /* being served then */
} catch;

/* Begun and not finished. The first is printed whole, its own fault in a line. Where even that faults, a word
 * goes straight to the serial line; and when leaving the machine faults too, it is halted. */
static unsigned reports;
#define REPORTS_MAX 4

/* ---- the end ---- */

bool panic_stays(void) { return options.panic_stay || !machine_has_exit_port(); }

static void (*look)(void);

void panic_set_last_look(void (*last_look)(void)) { look = last_look; }

/* A last look needs paging; and what has gone wrong in one is not looked at. */
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

/* The machine is left, or stays for a last look, or is halted. */
static void stop(void) __attribute__((noreturn));
static void stop(void) {
    if (!panic_stays() && reports < REPORTS_MAX)
        machine_exit(false);
    if (can_look())
        run_on_fault_stack(begin_look);
    if (reports < REPORTS_MAX)
        kprintf("quire: halted\n");
    for (;;) {
        cli();
        halt();
    }
}

/* ---- a report ---- */

static void end_captures(size_t open) {
    while (log_captures() > open)
        log_capture_end();
}

static void report_failed(const char *what, unsigned eip) __attribute__((noreturn));
static void report_failed(const char *what, unsigned eip) {
    char where[ADDRESS_TEXT];
    static char line[160];

    if (reports == 2) {
        end_captures(0);
        kprintf("\nPANIC: %s while a report was being made, at %s\n", what, address_text(eip, where));
    } else if (reports == 3) {
        serial_write(line, format_buffer(line, sizeof(line),
                                         "\nPANIC: %s at 0x%08x: the log is out of order\n", what, eip));
    }
    stop();
}

void report_begin(const char *what, unsigned eip) {
    cli();
    if (reports++)
        report_failed(what, eip);
    if (catch.armed) {
        log_capture(catch.report, catch.size);
    } else {
        end_captures(0);
        log_set_gate(NULL);
        log_fresh_line();
    }
    trap_on_step(NULL);
}

/* ---- the way back ---- */

/* Leaves the report, and what the catch ran, as if neither had been. */
static void catch_close(int vector) {
    end_captures(catch.captures);
    catch.armed = false;
    catch.vector = vector;
    irqs_served = catch.irqs;
    reports = 0;
}

void panic_finish(int vector) {
    if (!catch.armed)
        stop();
    catch_close(vector);
    catch_land();
}

void catch_lose_fault_stack(void) {
    if (catch_stack >= (uintptr_t)fault_stack_bottom && catch_stack < (uintptr_t)fault_stack_top)
        catch.armed = false;
}

bool trap_catch(void (*fn)(void *arg), void *arg, char *report, size_t size, int *vector) {
    ASSERT(!catch.armed);
    report[0] = '\0';
    catch.report = report;
    catch.size = size;
    catch.captures = log_captures();
    catch.irqs = irqs_served;
    catch.armed = true;
    if (!catch_call(fn, arg)) {
        catch.armed = false;
        return false;
    }
    if (vector)
        *vector = catch.vector;
    return true;
}
