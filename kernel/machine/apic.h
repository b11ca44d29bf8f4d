/* The local APIC, made transparent. */
#ifndef QUIRE_APIC_H
#define QUIRE_APIC_H

/* Lets the 8259A's interrupts and NMI through, and nothing else. With paging off. Does nothing where there is
 * no local APIC. */
void apic_init(void);

#endif
