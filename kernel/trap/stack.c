/* The stacks that kernel code runs on: the two of boot/boot.S, and those that have registered (stack.h). */
#include "stack.h"

#include "memlayout.h"
#include "panic.h"

/* What the processor needs for an exception's frame: with less room than that it comes to a double fault,
 * although ESP has not passed the end yet. */
#define EXCEPTION_BYTES 16u

static struct stack fault_stack = {"fault", fault_stack_bottom, fault_stack_top, NULL};
static struct stack boot_stack = {"kernel", boot_stack_bottom, boot_stack_top, &fault_stack};
static struct stack *stacks = &boot_stack;

/* Registers STACK, which stays the caller's and must live until it is unregistered. */
void stack_register(struct stack *stack) {
    ASSERT(stack->bottom < stack->top);
    stack->next = stacks;
    stacks = stack;
}

/* Forgets STACK; a panic if it is not registered. */
void stack_unregister(struct stack *stack) {
    struct stack **link = &stacks;

    while (*link && *link != stack)
        link = &(*link)->next;
    if (!*link)
        PANIC("stack: \"%s\" at %p is not registered", stack->name, (const void *)stack->bottom);
    *link = stack->next;
}

/* The stack for which ADDRESS lies in [bottom - BELOW, bottom + ABOVE), or NULL. */
static const struct stack *stack_near_bottom(uintptr_t address, size_t below, size_t above) {
    const struct stack *stack = stacks;

    while (stack && address - ((uintptr_t)stack->bottom - below) >= below + above)
        stack = stack->next;
    return stack;
}

/* The stack that ADDRESS lies in, or NULL. */
const struct stack *stack_of(uintptr_t address) {
    const struct stack *stack = stacks;

    while (stack && (address < (uintptr_t)stack->bottom || address >= (uintptr_t)stack->top))
        stack = stack->next;
    return stack;
}

/* The stack in whose guard page ADDRESS lies, or NULL. */
const struct stack *stack_guarded_at(uintptr_t address) { return stack_near_bottom(address, PAGE_SIZE, 0); }

/* The stack that has overflowed when ESP is the stack pointer, or NULL. */
const struct stack *stack_overflowed(uintptr_t esp) {
    return stack_near_bottom(esp, PAGE_SIZE, EXCEPTION_BYTES);
}

/* The end of the stack that ADDRESS lies in, or 0. */
uintptr_t stack_end(uintptr_t address) {
    const struct stack *stack = stack_of(address);

    return stack ? (uintptr_t)stack->top : 0;
}
