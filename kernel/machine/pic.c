/* Interrupts: the two 8259A PICs. Their lines are vectors 32 to 47. None is let through but those that
 * irq_enable asks for, and interrupts are on only while the kernel waits for input. */
#include "interrupt.h"

#include "cpu.h"
#include "panic.h"
#include "trap.h"

#define MASTER_COMMAND 0x20
#define MASTER_DATA 0x21
#define SLAVE_COMMAND 0xA0
#define SLAVE_DATA 0xA1
#define ICW1_INIT 0x11 /* edge-triggered, two PICs, ICW4 follows */
#define ICW4_8086 0x01
#define OCW2_EOI 0x20
#define OCW3_READ_ISR 0x0B
#define CASCADE 2 /* the slave's line at the master */
#define LINES 16u

unsigned irqs_served;
static void (*irq_handlers[LINES])(void);

void pic_init(void) {
    outb(MASTER_COMMAND, ICW1_INIT);
    outb(SLAVE_COMMAND, ICW1_INIT);
    outb(MASTER_DATA, TRAP_IRQ);
    outb(SLAVE_DATA, TRAP_IRQ + 8);
    outb(MASTER_DATA, 1 << CASCADE);
    outb(SLAVE_DATA, CASCADE);
    outb(MASTER_DATA, ICW4_8086);
    outb(SLAVE_DATA, ICW4_8086);
    outb(MASTER_DATA, 0xFF);
    outb(SLAVE_DATA, 0xFF);
}

static void unmask(uint16_t port, unsigned line) { outb(port, (uint8_t)(inb(port) & ~(1u << line))); }

void irq_enable(unsigned line, void (*handler)(void)) {
    ASSERT_OP(line, <, LINES);
    irq_handlers[line] = handler;
    if (line >= 8) {
        unmask(SLAVE_DATA, line - 8);
        line = CASCADE;
    }
    unmask(MASTER_DATA, line);
}

static bool in_service(uint16_t command, unsigned line) {
    outb(command, OCW3_READ_ISR);
    return inb(command) >> line & 1;
}

/* A request that went away again is delivered as the PIC's line 7, not in service there: it gets no
 * end-of-interrupt. Of the slave's, the master knows nothing and gets its own. */
static bool spurious(unsigned line) {
    if (line == 7)
        return !in_service(MASTER_COMMAND, 7);
    if (line != 15 || in_service(SLAVE_COMMAND, 7))
        return false;
    outb(MASTER_COMMAND, OCW2_EOI);
    return true;
}

void irq_dispatch(unsigned line) {
    if (spurious(line))
        return;
    if (line >= 8)
        outb(SLAVE_COMMAND, OCW2_EOI);
    outb(MASTER_COMMAND, OCW2_EOI);
    irqs_served++;
    if (irq_handlers[line])
        irq_handlers[line]();
    irqs_served--;
}
