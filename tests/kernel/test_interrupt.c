/* Interrupts: what a handler may assume; and the controllers after a request that is withdrawn. */
#include "interrupt.h"

#include "cpu.h"
#include "ktest.h"
#include "support.h"
#include "timer.h"
#include "trap.h"

#define UNUSED_LINE 5 /* on a PC, a second parallel port's */

static bool seen_in_interrupt;
static unsigned seen_eflags;

static void look(void) {
    seen_in_interrupt = in_interrupt();
    seen_eflags = read_eflags();
}

KTEST(irq_handler_is_in_an_interrupt_only_over_kernel_code)
{
    irq_enable(UNUSED_LINE, look);
    irq_dispatch(UNUSED_LINE, true);
    KCHECK(seen_in_interrupt);
    KCHECK(!in_interrupt());
    irq_dispatch(UNUSED_LINE, false);
    KCHECK(!seen_in_interrupt);
}

/* Whatever is interrupted may be copying backwards. */
KTEST(irq_handler_finds_the_direction_flag_clear)
{
    irq_enable(UNUSED_LINE, look);
    seen_in_interrupt = false;
    __asm__ volatile("std\n\tint %0\n\tcld" : : "i"(TRAP_IRQ + UNUSED_LINE) : "memory", "cc");
    KCHECK(seen_in_interrupt);
    KCHECK_EQ(seen_eflags & EFLAGS_DF, 0u);
}

/* ---- a request that is withdrawn ---- */

#define MASTER 0x20
#define SLAVE 0xA0 /* each command port, with the mask behind it */
#define OCW2_EOI 0x20
#define OCW3_READ_IRR 0x0A
#define OCW3_READ_ISR 0x0B
#define CASCADE (1 << 2)
#define CLOCK (1 << 0) /* the real-time clock's line, of the slave */
#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define CMOS_STATUS_B 0x0B
#define CMOS_STATUS_C 0x0C /* reading it takes the clock's request back */
#define CMOS_STATUS_D 0x0D
#define PERIODIC 0x40

static unsigned pic_read(uint16_t command, uint8_t ocw3) {
    outb(command, ocw3);
    return inb(command);
}

static unsigned cmos_read(uint8_t index) {
    outb(CMOS_INDEX, index);
    return inb(CMOS_DATA);
}

static void cmos_write(uint8_t index, unsigned value) {
    outb(CMOS_INDEX, index);
    outb(CMOS_DATA, (uint8_t)value);
}

static bool master_requests(void) { return pic_read(MASTER, OCW3_READ_IRR) & CASCADE; }

/* The slave's only request is masked after the master has seen it, so the interrupt that comes is spurious: the slave's line
 * 7, or the master's. The master may have nothing in service then: it would hold back all lines below. */
KTEST(pic_withdrawn_request_leaves_nothing_in_service)
{
    if (on_v86())
        KSKIP("v86 has no spurious interrupts");
    const uint8_t master_mask = inb(MASTER + 1), slave_mask = inb(SLAVE + 1);
    const unsigned status = cmos_read(CMOS_STATUS_B);

    outb(MASTER + 1, (uint8_t)~CASCADE);
    outb(SLAVE + 1, (uint8_t)~CLOCK);
    cmos_write(CMOS_STATUS_B, status | PERIODIC);
    const bool came = timer_wait(master_requests, TIMER_HZ); /* an emulator on a busy machine is late */
    outb(SLAVE + 1, 0xFF);
    serve_interrupts();
    const unsigned in_service = pic_read(MASTER, OCW3_READ_ISR);
    cmos_write(CMOS_STATUS_B, status);
    cmos_read(CMOS_STATUS_C);
    cmos_read(CMOS_STATUS_D); /* a register that is only read stays selected */
    if (in_service)
        outb(MASTER, OCW2_EOI); /* for the tests that follow */
    outb(SLAVE + 1, slave_mask);
    outb(MASTER + 1, master_mask);
    if (!came)
        KSKIP("needs a real-time clock that interrupts");
    KCHECK_EQ(in_service, 0);
}
