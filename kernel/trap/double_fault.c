/* The double fault: an exception that could not be delivered, mostly because the stack had overflowed. Its
 * task (descriptors.c) runs on the fault stack, from the top, whatever was there before. */
#include "backtrace.h"
#include "catch.h"
#include "descriptors.h"
#include "exception.h"
#include "log.h"
#include "memlayout.h"
#include "report.h"
#include "stack.h"
#include "symbols.h"

/* trap.S */
extern const char trap_stubs[], trap_stubs_end[];
void double_fault(void) __attribute__((noreturn));

/* The main task as it was, as a frame. */
static struct trap_frame interrupted_frame(void) {
    const struct tss *tss = interrupted_task();

    return (struct trap_frame){
        .edi = tss->edi,
        .esi = tss->esi,
        .ebp = tss->ebp,
        .esp_at_pusha = tss->esp - 5 * 4,
        .ebx = tss->ebx,
        .edx = tss->edx,
        .ecx = tss->ecx,
        .eax = tss->eax,
        .vector = TRAP_DOUBLE_FAULT,
        .eip = tss->eip,
        .cs = tss->cs,
        .eflags = tss->eflags,
        .user_esp = tss->esp,
        .user_ss = tss->ss,
    };
}

static bool in_stubs(uintptr_t eip) {
    return eip >= (uintptr_t)trap_stubs && eip < (uintptr_t)trap_stubs_end;
}

/* If STACK overflowed in an exception's stub, makes FRAME that of the code the exception interrupted. The
 * processor pushed EFLAGS, CS and EIP: the first word on the stack that lies in the text, with KERNEL_CS
 * above it, is EIP. */
static void find_culprit(struct trap_frame *frame, const struct stack *stack) {
    uintptr_t esp = (frame_esp(frame) + 3) & ~3u;

    if (esp < (uintptr_t)stack->bottom)
        esp = (uintptr_t)stack->bottom;
    for (; in_stubs(frame->eip) && esp + 12 <= (uintptr_t)stack->top; esp += 4) {
        const unsigned *word = (const unsigned *)esp;

        if (!in_text(word[0]) || word[1] != KERNEL_CS)
            continue;
        frame->eip = word[0];
        frame->esp_at_pusha = esp + 12 - 5 * 4;
    }
}

static void print_where(uintptr_t eip, const struct stack *stack, unsigned esp) {
    char where[PLACE_TEXT];

    kprintf("  at       %s\n", place_text(eip, where));
    kprintf("  stack    %p to %p, a guard page below; esp 0x%08x\n", (const void *)stack->bottom,
            (const void *)stack->top, esp);
}

static void print_overflow(const struct trap_frame *culprit, const struct stack *stack, unsigned esp) {
    size_t offset;
    const char *function = symbol_at(culprit->eip, &offset);

    kprintf("PANIC: double fault: %s stack overflow in %s\n", stack->name, function ? function : "?");
    print_where(culprit->eip, stack, esp);
    print_most_used(culprit);
    print_cause("too deep a recursion, or too large an array");
}

/* IDTR is what is wrong with that register, or NULL. */
static void print_undelivered(const struct trap_frame *frame, const char *idtr) {
    unsigned esp = frame_esp(frame);

    kprintf("PANIC: double fault: an exception could not be delivered\n");
    print_where(frame->eip, stack_of((uintptr_t)boot_stack_bottom), esp);
    if (idtr)
        print_cause(idtr);
    else if (trap_from_user(frame))
        print_cause("in ring 3: esp0 in the task state leads to no stack (trap_set_kernel_stack)");
    else if (!stack_end(esp - 1))
        print_cause("esp lies in no kernel stack: a damaged stack pointer");
    else
        print_cause("not found: IDTR and esp are as they should be");
}

/* Reports the double fault. */
void double_fault(void) {
    struct trap_frame frame = interrupted_frame(), culprit = frame;
    unsigned esp = frame_esp(&frame);
    const struct stack *stack = stack_overflowed(esp);
    char text[IDTR_TEXT];
    const char *idtr = idtr_fault(text);

    leave_fault_task();
    idt_load(); /* or the next exception is a double fault again */
    catch_lose_fault_stack();
    if (trap_from_user(&frame))
        stack = NULL;
    if (stack)
        find_culprit(&culprit, stack);
    report_begin(exception_name(TRAP_DOUBLE_FAULT), culprit.eip);
    if (stack)
        print_overflow(&culprit, stack, esp);
    else
        print_undelivered(&frame, idtr);
    print_registers(&frame);
    print_backtrace(&culprit);
    print_advice(culprit.eip, "walk", stack ? (uintptr_t)stack->bottom - 4 : esp);
    report_end(TRAP_DOUBLE_FAULT);
}
