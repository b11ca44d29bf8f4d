/* The stacks that kernel code runs on (kernel/trap/stack.c).
 *
 * Two are built in: the boot stack ("kernel") and the one that reports are made on ("fault"). Whoever makes
 * another registers it, so that reports can follow its frames and name it when it overflows. The page below
 * BOTTOM counts as its guard; only if that page is absent is an overflow noticed at once. */
#ifndef QUIRE_STACK_H
#define QUIRE_STACK_H

#include "types.h"

struct stack {
    const char *name;         /* as reports give it: "NAME stack overflow" */
    const char *bottom, *top; /* [bottom, top); the stack grows down from TOP */
    struct stack *next;       /* for stack.c */
};

/* Registers STACK, which stays the caller's and must live until it is unregistered. */
void stack_register(struct stack *stack);

/* Forgets STACK; a panic if it is not registered. */
void stack_unregister(struct stack *stack);

/* The stack that ADDRESS lies in, or NULL. */
const struct stack *stack_of(uintptr_t address);

/* The stack in whose guard page ADDRESS lies, or NULL. */
const struct stack *stack_guarded_at(uintptr_t address);

/* The stack that has overflowed when ESP is the stack pointer, or NULL: ESP lies in its guard page, or leaves
 * too little room above it for an exception's frame. */
const struct stack *stack_overflowed(uintptr_t esp);

/* The end of the stack that ADDRESS lies in, or 0. */
uintptr_t stack_end(uintptr_t address);

#endif
