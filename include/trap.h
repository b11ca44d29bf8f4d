/* Exceptions, interrupts and system calls: how they arrive, and who handles them.
 *
 * Each leaves a struct trap_frame on the kernel's stack. An exception in the kernel's own code ends in a
 * report. What concerns programs goes to the handlers that are registered here; nothing in this room calls
 * process/. */
#ifndef QUIRE_TRAP_H
#define QUIRE_TRAP_H

#define TRAP_DIVIDE 0
#define TRAP_DEBUG 1 /* a single step: EFLAGS.TF */
#define TRAP_NMI 2
#define TRAP_BREAKPOINT 3
#define TRAP_OVERFLOW 4
#define TRAP_INVALID_OPCODE 6
#define TRAP_DOUBLE_FAULT 8
#define TRAP_GENERAL_PROTECTION 13
#define TRAP_PAGE_FAULT 14
#define TRAP_MACHINE_CHECK 18
#define TRAP_IRQ 32          /* the two PICs' lines, remapped: 32 to 47 */
#define TRAP_COUNT 48        /* vectors with a stub in trap_stubs */
#define TRAP_SYSCALL 0x80    /* the one vector that programs may raise by INT, besides int3 and INTO */
#define TRAP_NONE 0xFFFFFFFF /* a panic's frame */

/* Offsets in struct trap_frame, for assembly. */
#define FRAME_VECTOR 32
#define FRAME_ERROR 36
#define FRAME_EIP 40
#define FRAME_CS 44
#define FRAME_KERNEL_SIZE 52 /* up to user_esp */

#ifndef __ASSEMBLER__

#include "types.h"

/* What kernel/trap/trap.S leaves on the stack, lowest address first. */
struct trap_frame {
    unsigned edi, esi, ebp, esp_at_pusha, ebx, edx, ecx, eax; /* PUSHA's order */
    unsigned vector, error;                                   /* error 0 where the CPU pushes none */
    unsigned eip, cs, eflags;
    unsigned user_esp, user_ss; /* from ring 3 only: otherwise not part of the frame */
};
_Static_assert(offsetof(struct trap_frame, vector) == FRAME_VECTOR, "trap.S reads it");
_Static_assert(offsetof(struct trap_frame, error) == FRAME_ERROR, "trap.S reads it");
_Static_assert(offsetof(struct trap_frame, eip) == FRAME_EIP, "trap.S reads it");
_Static_assert(offsetof(struct trap_frame, cs) == FRAME_CS, "trap.S reads it");
_Static_assert(offsetof(struct trap_frame, user_esp) == FRAME_KERNEL_SIZE, "SDM vol. 3, figure 6-4");

/* Whether FRAME was pushed in ring 3. */
static inline bool trap_from_user(const struct trap_frame *frame) { return (frame->cs & 3) == 3; }

/* ESP before FRAME was pushed. */
static inline unsigned frame_esp(const struct trap_frame *frame) {
    return trap_from_user(frame) ? frame->user_esp : frame->esp_at_pusha + 5 * 4; /* vector to EFLAGS */
}

/* Loads the GDT, the IDT and the task register: from here on an exception is reported. Masks every line of
 * the PICs. Paging is still off. */
void trap_init(void);

/* Calls HANDLER before each instruction that runs with EFLAGS.TF set; HANDLER may change FRAME. NULL: no
 * handler, and the next step clears TF. A report removes the handler. */
void trap_on_step(void (*handler)(struct trap_frame *frame));

/* Whether there is a handler of steps. */
bool trap_stepping(void);

/* ---- for programs ---- */

/* What process/ handles. All run with interrupts off, on the stack that the trap came in on; a member that is
 * NULL handles nothing. What they change in FRAME, ring 3 goes on with. */
struct trap_handlers {
    /* A page fault in the user part, [FREE_START, KHEAP_START), from any ring: true when VA can be accessed
     * now. ERROR is the processor's (SDM vol. 3, 4.7). */
    bool (*page_fault)(const void *va, unsigned error);

    /* An exception in ring 3, a page fault that was not mended included; ADDRESS is CR2. NMI, double fault
     * and machine check are the machine's and are always reported. */
    void (*program_fault)(struct trap_frame *frame, uintptr_t address);

    /* INT 0x80, from any ring. */
    void (*system_call)(struct trap_frame *frame);

    /* An interrupt came in ring 3 and has been served: the place to switch to another program. */
    void (*interrupted)(struct trap_frame *frame);
};

/* Registers HANDLERS, which must live for ever (NULL: none); returns those before. */
const struct trap_handlers *trap_set_handlers(const struct trap_handlers *handlers);

/* Goes on with FRAME, to ring 3 with DS and ES as USER_DS. FS and GS stay as they are. The way to start a
 * program, too. EFLAGS, CS and user_ss must be valid: a program's wish must be checked before. */
void trap_resume(const struct trap_frame *frame) __attribute__((noreturn));

/* Where a handler's return leads: not to be called, but a new stack's first return address. ESP then points
 * to a struct trap_frame. */
extern const char trap_return[];

#endif
#endif
