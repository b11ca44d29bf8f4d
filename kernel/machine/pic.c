/* The two 8259A interrupt controllers (Intel 8259A data sheet), a master and a slave on its line 2. */
#include "interrupt.h"

#include "cpu.h"
#include "panic.h"

#define MASTER_COMMAND 0x20
#define MASTER_DATA 0x21
#define SLAVE_COMMAND 0xA0
#define SLAVE_DATA 0xA1
#define ICW1_INIT 0x11 /* edge-triggered, two PICs, ICW4 follows */
#define ICW4_8086 0x01
#define OCW2_EOI 0x20
#define OCW3_READ_ISR 0x0B
#define CASCADE 2 /* the slave's line at the master */

uint8_t irqs_served;
static void (*irq_handlers[IRQ_LINES])(void);

/* Masks every line, and makes the lines vectors BASE to BASE + 15. */
void pic_init(uint8_t base) {
    outb(MASTER_COMMAND, ICW1_INIT);
    outb(SLAVE_COMMAND, ICW1_INIT);
    outb(MASTER_DATA, base);
    outb(SLAVE_DATA, (uint8_t)(base + 8));
    outb(MASTER_DATA, 1 << CASCADE);
    outb(SLAVE_DATA, CASCADE);
    outb(MASTER_DATA, ICW4_8086);
    outb(SLAVE_DATA, ICW4_8086);
    outb(MASTER_DATA, 0xFF);
    outb(SLAVE_DATA, 0xFF);
}

/* Data reads and writes the mask once the ICWs are done. */
static void unmask(uint16_t port, unsigned line) { outb(port, (uint8_t)(inb(port) & ~(1u << line))); }

/* Calls HANDLER at each interrupt of LINE, and unmasks the line. */
void irq_enable(unsigned line, void (*handler)(void)) {
    ASSERT_OP(line, <, IRQ_LINES);
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

/* A request withdrawn before it is acknowledged arrives as the controller's line 7, with nothing in service:
 * no end of interrupt. When it is the slave's, the master still has line 2 in service and needs one. */
static bool spurious(unsigned line) {
    if (line == 7)
        return !in_service(MASTER_COMMAND, 7);
    if (line != 15 || in_service(SLAVE_COMMAND, 7))
        return false;
    outb(MASTER_COMMAND, OCW2_EOI);
    return true;
}

/* Serves an interrupt of LINE. The end of interrupt comes first, so that a handler need not return. */
void irq_dispatch(unsigned line, bool from_kernel) {
    if (spurious(line))
        return;
    if (line >= 8)
        outb(SLAVE_COMMAND, OCW2_EOI);
    outb(MASTER_COMMAND, OCW2_EOI);
    irqs_served += from_kernel;
    if (irq_handlers[line])
        irq_handlers[line]();
    irqs_served -= from_kernel;
}
