/* System calls on signals and time: what each returns, and what a handler finds on its stack. */
#include "process.h"

#include "../../kernel/process/process_inside.h"
#include "../../kernel/process/system_calls.h"
#include "descriptors.h"
#include "ktest.h"
#include "puppet.h"
#include "string.h"
#include "timer.h"

#define PLACE PUPPET_AREA
#define MORE (PLACE + PAGE_SIZE)
#define END (PLACE + PUPPET_AREA_PAGES * PAGE_SIZE) /* nothing is there */
#define HUP 1u
#define USR1 10u
#define USR2 12u
#define BIT(signal) (1u << ((signal)-1))
#define HANDLER 0x12345678u
#define CALL_AT 0x0FFEu
#define CALL_END (CALL_AT + 2)
#define STACK (PLACE + 8 * PAGE_SIZE + 1) /* a program may have it anywhere */

static unsigned word(unsigned i) { return ((unsigned *)PLACE)[i]; }

/* What is blocked, and what is pending. */
static bool mask_is(unsigned blocked, unsigned pending) {
    return current->signals.blocked == blocked && current->signals.pending == pending;
}

static void put_action(unsigned handler, unsigned flags, unsigned restorer, unsigned mask) {
    memcpy((char *)PLACE, (const unsigned[5]){handler, flags, restorer, mask, 0}, 20);
}

static void set_handler(unsigned signal, unsigned flags) {
    put_action(HANDLER, flags, 0, 0);
    KCHECK_EQ(CALL(SYS_RT_SIGACTION, signal, PLACE, 0, 8), 0);
}

/* ---- actions and masks ---- */

static void actions(void) {
    put_action(HANDLER, SA_RESTART, 1, 2);
    EXPECT(-EINVAL, SYS_RT_SIGACTION, 0, PLACE, 0, 8);
    EXPECT(-EINVAL, SYS_RT_SIGACTION, 32, PLACE, 0, 8);
    EXPECT(-EINVAL, SYS_RT_SIGACTION, SIGKILL, PLACE, 0, 8);
    EXPECT(-EFAULT, SYS_RT_SIGACTION, SIGKILL, END, 0, 8); /* the action is read first, as on Linux */
    EXPECT(-EINVAL, SYS_RT_SIGACTION, SIGSTOP, PLACE, 0, 8);
    EXPECT(0, SYS_RT_SIGACTION, SIGKILL, 0, MORE, 8);
    EXPECT(0, SYS_RT_SIGACTION, 1, PLACE, MORE, 8);
    EXPECT(0, SYS_RT_SIGACTION, 31, PLACE, 0, 8);
    KCHECK_EQ(((unsigned *)MORE)[0], SIG_DFL);
    EXPECT(0, SYS_RT_SIGACTION, 1, 0, MORE, 8);
    KCHECK(!memcmp((char *)MORE, (char *)PLACE, 20));
    EXPECT(0, SYS_SIGACTION, 1, 0, 0);
    EXPECT(0, SYS_SIGACTION, 1, 0, PLACE); /* the old call's order: handler, mask, flags, restorer */
    KCHECK(word(0) == HANDLER && word(1) == 2 && word(2) == SA_RESTART && word(3) == 1);
    memcpy((char *)PLACE, (const unsigned[4]){7, 8, 9, 10}, 16);
    EXPECT(0, SYS_SIGACTION, 1, PLACE, 0);
    EXPECT(0, SYS_RT_SIGACTION, 1, 0, PLACE, 8);
    KCHECK(word(0) == 7 && word(1) == 9 && word(2) == 10 && word(3) == 8 && word(4) == 0);
    put_action(HANDLER, 0, 0, 0);
    EXPECT(0, SYS_RT_SIGACTION, 1, PLACE, PLACE, 8); /* one place for both */
    KCHECK(word(0) == 7 && current->signals.action[1].handler == HANDLER);
}

KTEST(process_signal_actions_are_exchanged)
{ puppet_checks(actions); }

static void masks(void) {
    unsigned *mask = (unsigned *)PLACE;

    *mask = BIT(USR1) | BIT(SIGKILL);
    EXPECT(0, SYS_SIGPROCMASK, SIG_BLOCK, PLACE);
    KCHECK(mask_is(BIT(USR1), 0));
    *mask = BIT(USR2);
    EXPECT(0, SYS_SIGPROCMASK, SIG_BLOCK, PLACE, MORE);
    KCHECK(mask_is(BIT(USR1) | BIT(USR2), 0));
    KCHECK_EQ(*(unsigned *)MORE, BIT(USR1));
    EXPECT(0, SYS_SIGPROCMASK, SIG_UNBLOCK, PLACE);
    KCHECK(mask_is(BIT(USR1), 0));
    EXPECT(-EINVAL, SYS_SIGPROCMASK, 3, PLACE);
    EXPECT(0, SYS_SIGPROCMASK, 3, 0, MORE);
    EXPECT(0, SYS_SIGPROCMASK, SIG_SETMASK, PLACE, PLACE); /* one place for both */
    KCHECK(mask_is(BIT(USR2), 0) && *mask == BIT(USR1));
    EXPECT(-EFAULT, SYS_RT_SIGSUSPEND, END, 8);
    KCHECK(mask_is(BIT(USR2), 0) && !current->signals.suspended);
    for (unsigned how = SIG_BLOCK; how <= SIG_SETMASK; how++) {
        *mask = how == SIG_UNBLOCK ? BIT(USR2) : BIT(USR1);
        KCHECK_EQ(CALL(SYS_SIGPROCMASK, how, PLACE, END), -EFAULT); /* nowhere to put the old one */
        KCHECK(mask_is(BIT(USR2), 0));
    }
    *mask = ~0u;
    EXPECT(0, SYS_SIGPROCMASK, SIG_SETMASK, PLACE);
    KCHECK(mask_is(~(BIT(SIGKILL) | BIT(SIGSTOP)), 0));
    memset((char *)MORE, 0x55, 16);
    EXPECT(0, SYS_RT_SIGPROCMASK, SIG_SETMASK, 0, MORE, 8);
    KCHECK(((unsigned *)MORE)[0] == current->signals.blocked && ((unsigned *)MORE)[1] == 0);
    KCHECK_EQ(((unsigned *)MORE)[2], 0x55555555);
    EXPECT(0, SYS_RT_SIGPROCMASK, SIG_SETMASK, 0, MORE + 4, 4);
    KCHECK_EQ(((unsigned *)MORE)[2], 0x55555555);
    EXPECT(0, SYS_RT_SIGPROCMASK, SIG_SETMASK, 0, MORE, 16); /* there are 64 signals at most */
    KCHECK_EQ(((unsigned *)MORE)[2], 0x55555555);
}

KTEST(process_signal_masks_are_changed)
{ puppet_checks(masks); }

/* ---- sending ---- */

static void sending(void) {
    const unsigned me = (unsigned)current->pid;

    EXPECT(-EINVAL, SYS_KILL, 0, 32);
    EXPECT(-ESRCH, SYS_KILL, 9999, 0);
    EXPECT(-ESRCH, SYS_KILL, 9999, 31); /* the last one */
    EXPECT(-ESRCH, SYS_KILL, (unsigned)-1, 0); /* spares the caller */
    EXPECT(-EPERM, SYS_KILL, MONITOR_PID, 0);
    KCHECK_EQ(CALL(SYS_KILL, me, 0), 0);
    KCHECK_EQ(CALL(SYS_KILL, me, SIGCHLD), 0); /* ignored, as are these */
    KCHECK_EQ(CALL(SYS_KILL, me, SIGCONT), 0);
    KCHECK_EQ(CALL(SYS_KILL, me, SIGURG), 0);
    KCHECK_EQ(CALL(SYS_KILL, me, SIGWINCH), 0);
    KCHECK_EQ(CALL(SYS_KILL, me, SIGSTOP), 0);
    KCHECK_EQ(CALL(SYS_KILL, me, SIGTSTP), 0);
    KCHECK_EQ(CALL(SYS_KILL, me, SIGTTIN), 0);
    KCHECK_EQ(CALL(SYS_KILL, me, SIGTTOU), 0);
    KCHECK(mask_is(0, 0));
    *(unsigned *)PLACE = BIT(USR1) | BIT(USR2);
    EXPECT(0, SYS_SIGPROCMASK, SIG_BLOCK, PLACE);
    KCHECK_EQ(CALL(SYS_KILL, 0 - me, USR1), 0); /* the group by its number, the caller too */
    KCHECK(mask_is(BIT(USR1) | BIT(USR2), BIT(USR1)));
    current->signals.pending = 0;
    KCHECK_EQ(CALL(SYS_KILL, me, USR1), 0);
    EXPECT(0, SYS_KILL, 0, USR2); /* the group */
    KCHECK(mask_is(BIT(USR1) | BIT(USR2), BIT(USR1) | BIT(USR2)));
    EXPECT(0, SYS_RT_SIGACTION, USR2, 0, MORE, 8); /* it is only asked about */
    put_action(SIG_DFL, 0, 0, 0);
    EXPECT(0, SYS_RT_SIGACTION, USR2, PLACE, 0, 8); /* the default ends it: it is not dropped */
    KCHECK(mask_is(BIT(USR1) | BIT(USR2), BIT(USR1) | BIT(USR2)));
    put_action(HANDLER, 0, 0, 0);
    EXPECT(0, SYS_RT_SIGACTION, USR1, PLACE, 0, 8); /* what is pending will be handled */
    KCHECK(mask_is(BIT(USR1) | BIT(USR2), BIT(USR1) | BIT(USR2)));
    put_action(SIG_IGN, 0, 0, 0);
    EXPECT(0, SYS_RT_SIGACTION, USR1, PLACE, 0, 8); /* what is pending is dropped */
    KCHECK(mask_is(BIT(USR1) | BIT(USR2), BIT(USR2)));
    KCHECK_EQ(CALL(SYS_KILL, me, USR1), 0);
    KCHECK(mask_is(BIT(USR1) | BIT(USR2), BIT(USR2)));
    EXPECT(0, SYS_RT_SIGACTION, USR2, PLACE, 0, 8);
}

KTEST(process_signals_are_sent_or_ignored)
{ puppet_checks(sending); }

/* Going back to SIG_DFL drops a pending signal whose default is to be ignored. */
static void dropped(void) {
    current->signals.blocked = BIT(SIGCHLD);
    set_handler(SIGCHLD, 0);
    EXPECT(0, SYS_KILL, 0, SIGCHLD);
    KCHECK(mask_is(BIT(SIGCHLD), BIT(SIGCHLD)));
    put_action(SIG_DFL, 0, 0, 0);
    EXPECT(0, SYS_RT_SIGACTION, SIGCHLD, PLACE, 0, 8);
    KCHECK(mask_is(BIT(SIGCHLD), 0));
}

KTEST(process_signal_that_is_ignored_by_default_is_dropped)
{ puppet_checks(dropped); }

/* ---- handlers ---- */

/* The frame that a handler finds: Linux's, on i386. */
struct found {
    unsigned return_address, signal, info, context;
    struct siginfo siginfo;
    unsigned flags, link, stack[3];
    struct sigcontext sigcontext;
    unsigned mask[2];
    uint8_t code[8];
};

/* The puppet gets USR1 with the action in its memory while the stack ends at STACK; where the frame is. */
static const struct found *handle(void) {
    EXPECT(0, SYS_RT_SIGACTION, USR1, PLACE, 0, 8);
    puppet_frame->user_esp = STACK;
    puppet_frame->eip = CALL_END;
    puppet_frame->eflags |= EFLAGS_DF;
    puppet_paint_stack();
    EXPECT(USR1, SYS_KILL, 0, USR1, 3, 4, 5, 6); /* four more than it takes */
    return (const struct found *)puppet_frame->user_esp;
}

static void frames(void) {
    put_action(HANDLER, 0, 0x4321, BIT(USR2)); /* a restorer without its flag is none */
    const struct found *on = handle();
    KCHECK_EQ(puppet_frame->eip, HANDLER);
    KCHECK(((unsigned)on + 4) % 16 == 0 && STACK - (unsigned)(on + 1) < sizeof(struct fpu_state) + 16);
    KCHECK_EQ(on->return_address, (unsigned)on->code);
    KCHECK(!memcmp(on->code, "\xB8\xAD\0\0\0\xCD\x80", 8));
    KCHECK(on->signal == USR1);
    KCHECK(!memcmp(&on->siginfo, &(struct siginfo){.signo = (int)USR1}, sizeof(on->siginfo)));
    KCHECK(!memcmp(&on->flags, (const unsigned[5]){0}, 20) && on->mask[1] == 0); /* flags, link and stack */
    KCHECK(on->info == (unsigned)&on->siginfo && on->context == (unsigned)&on->flags);
    KCHECK(puppet_frame->eax == USR1 && puppet_frame->edx == on->info && puppet_frame->ecx == on->context);
    KCHECK(on->sigcontext.frame.eip == CALL_END && on->sigcontext.frame.user_esp == STACK);
    KCHECK(on->sigcontext.frame.esp_at_pusha == STACK && on->sigcontext.frame.eax == 0);
    KCHECK(on->sigcontext.frame.ebx == 0 && on->sigcontext.frame.ecx == USR1 && on->sigcontext.frame.edx == 3);
    KCHECK(on->sigcontext.frame.esi == 4 && on->sigcontext.frame.edi == 5 && on->sigcontext.frame.ebp == 6);
    KCHECK(on->sigcontext.frame.eflags & EFLAGS_DF && !(puppet_frame->eflags & EFLAGS_DF));
    KCHECK(on->sigcontext.ds == USER_DS && on->sigcontext.es == USER_DS);
    for (unsigned at = 288; at < sizeof(struct fpu_state); at++) /* FXSAVE writes less (SDM vol. 1, 10.5.1) */
        KCHECK_EQ(((const char *)(on + 1))[at], 0);
    KCHECK(on->sigcontext.fpstate == 0 && on->sigcontext.oldmask == 0 && on->sigcontext.cr2 == 0);
    KCHECK_EQ(on->mask[0], 0);
    KCHECK(mask_is(BIT(USR1) | BIT(USR2), 0));
    KCHECK_EQ(current->signals.action[USR1].handler, HANDLER); /* stays */
}

KTEST(process_signal_handlers_find_their_frame)
{ puppet_checks(frames); }

/* Whatever the handler has written to its frame, only what is harmless comes back. */
static void changed_frames(void) {
    put_action(HANDLER, 0, 0, 0);
    struct found *on = (struct found *)handle();
    on->sigcontext.frame.eflags = ~0u;
    on->sigcontext.fs = on->sigcontext.gs = 0xFFFB; /* beyond the GDT */
    on->sigcontext.frame.cs = on->sigcontext.frame.user_ss = KERNEL_CS;
    on->sigcontext.frame.eax = 77;
    on->mask[0] = ~0u;
    puppet_frame->user_esp = (unsigned)on + 4;
    EXPECT(77, SYS_RT_SIGRETURN);
    KCHECK(puppet_frame->eip == CALL_END && puppet_frame->user_esp == STACK);
    KCHECK(puppet_frame->ebx == 0 && puppet_frame->ecx == USR1 && puppet_frame->edx == 3);
    KCHECK(puppet_frame->esi == 4 && puppet_frame->edi == 5);
    KCHECK(puppet_frame->cs == USER_CS && puppet_frame->user_ss == USER_DS);
    KCHECK_EQ(puppet_frame->eflags, EFLAGS_PROGRAM | EFLAGS_IF | 2);
    KCHECK(mask_is(~(BIT(SIGKILL) | BIT(SIGSTOP)), 0));

    current->signals.blocked = BIT(USR2);
    put_action(HANDLER, SA_RESTORER | SA_NODEFER, 0x4321, 0);
    on = (struct found *)handle();
    KCHECK_EQ(on->return_address, 0x4321);
    KCHECK_EQ(on->mask[0], BIT(USR2));
    KCHECK(mask_is(BIT(USR2), 0));
    on->sigcontext.frame.eflags = ~0u;
    on->sigcontext.frame.cs = on->sigcontext.frame.user_ss = USER_TLS; /* of ring 3, but data: as CS a fault in IRET */
    puppet_frame->user_esp = (unsigned)on + 8;
    EXPECT(0, SYS_SIGRETURN); /* its restorer pops the number, too */
    KCHECK_EQ(puppet_frame->user_esp, STACK);
    KCHECK(puppet_frame->cs == USER_CS && puppet_frame->user_ss == USER_DS);
    KCHECK_EQ(puppet_frame->eflags, EFLAGS_PROGRAM | EFLAGS_IF | 2);
}

KTEST(process_signal_handlers_bring_back_what_is_harmless)
{ puppet_checks(changed_frames); }

/* The mask is the action's, the signal itself unless SA_NODEFER, and never SIGKILL or SIGSTOP. */
static void masks_of_handlers(void) {
    current->signals.blocked = BIT(USR2);
    put_action(HANDLER, SA_NODEFER, 0, BIT(USR1)); /* its own mask has the signal */
    handle();
    KCHECK(mask_is(BIT(USR1) | BIT(USR2), 0));
    current->signals.blocked = BIT(USR2);
    put_action(HANDLER, 0, 0, BIT(SIGKILL));
    handle();
    KCHECK(mask_is(BIT(USR1) | BIT(USR2), 0));
    memcpy((char *)PLACE, (const unsigned[4]){HANDLER, BIT(SIGKILL) | BIT(SIGSTOP), 0, 0}, 16);
    EXPECT(0, SYS_SIGACTION, USR1, PLACE, 0); /* the old call's order: handler, mask */
    current->signals.blocked = 0;
    EXPECT(USR1, SYS_KILL, 0, USR1);
    KCHECK(mask_is(BIT(USR1), 0));
}

KTEST(process_signal_handlers_block_what_they_say)
{ puppet_checks(masks_of_handlers); }

static void reset_handlers(void) {
    static const unsigned flags[] = {SA_RESETHAND, SA_RESETHAND | SA_NODEFER};

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        current->signals.blocked = 0;
        put_action(HANDLER, flags[i], 0, 0);
        handle();
        KCHECK(mask_is(flags[i] & SA_NODEFER ? 0 : BIT(USR1), 0));
        EXPECT(0, SYS_RT_SIGACTION, USR1, 0, PLACE, 8);
        KCHECK(word(0) == SIG_DFL && word(1) == flags[i]);
    }
}

KTEST(process_signal_handlers_are_reset_that_ask_for_it)
{ puppet_checks(reset_handlers); }

/* The second signal comes when the first one's handler returns, to where the program had a number in eax like any other. */
static void returning(void) {
    static const unsigned flags[] = {SA_NODEFER, SA_NODEFER | SA_RESTART};

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        set_handler(USR2, flags[i]);
        put_action(HANDLER, SA_NODEFER, 0, BIT(USR2));
        struct found *on = (struct found *)handle();
        on->sigcontext.frame.eax = (unsigned)-ERESTART;
        for (unsigned old = 0; old < 2; old++) {
            puppet_frame->user_esp = (unsigned)on + (old ? 8 : 4);
            current->signals.blocked = 0;
            current->signals.pending = BIT(USR2);
            KCHECK_EQ(CALL(old ? SYS_SIGRETURN : SYS_RT_SIGRETURN), USR2);
            const struct found *second = (const struct found *)puppet_frame->user_esp;
            KCHECK_EQ(second->sigcontext.frame.eax, -ERESTART);
            KCHECK_EQ(second->sigcontext.frame.eip, CALL_END);
        }
    }
}

KTEST(process_signal_at_a_handlers_return_changes_nothing)
{ puppet_checks(returning); }

/* ---- calls that are interrupted ---- */

/* Makes CALL from CALL_AT with SIGNAL pending, so that its handler is entered. Returns the handler's frame. */
static const struct found *interrupt(int line, unsigned signal, const unsigned call[7]) {
    current->signals.pending = BIT(signal);
    puppet_frame->user_esp = STACK;
    puppet_frame->eip = CALL_END;
    puppet_expects(__FILE__, line, call, (int)signal);
    return (const struct found *)puppet_frame->user_esp;
}
#define INTERRUPT(signal, ...) interrupt(__LINE__, signal, (const unsigned[7]){__VA_ARGS__})

/* A system call that waits is repeated, or fails with EINTR, as the handler's flags say. */
static void repeated_calls(void) {
    EXPECT(0, SYS_PIPE, MORE);
    set_handler(USR1, SA_NODEFER);
    const struct found *on = INTERRUPT(USR1, SYS_READ, 3, MORE, 1);
    KCHECK_EQ(on->sigcontext.frame.eip, CALL_END);
    KCHECK_EQ(on->sigcontext.frame.eax, -EINTR);
    set_handler(USR1, SA_RESTART | SA_NODEFER);
    on = INTERRUPT(USR1, SYS_READ, 3, MORE, 1);
    KCHECK_EQ(on->sigcontext.frame.eip, CALL_AT);
    KCHECK_EQ(on->sigcontext.frame.eax, SYS_READ);
    KCHECK(on->sigcontext.frame.ebx == 3 && on->sigcontext.frame.ecx == MORE && on->sigcontext.frame.edx == 1);
    current->signals.pending = BIT(SIGCHLD); /* ignored, but there */
    puppet_frame->eip = CALL_END;
    EXPECT(SYS_READ, SYS_READ, 3, MORE, 1);
    KCHECK_EQ(puppet_frame->eip, CALL_AT);
}

KTEST(process_signals_interrupt_calls_or_repeat_them)
{ puppet_checks(repeated_calls); }

/* SA_RESTART, before the call has done anything: what eax holds when the handler returns. The call's own number means that
 * it is repeated. */
static void waiting_calls(void) {
    static const struct {
        unsigned call[7], value;
    } waiting[] = {{{SYS_WAITPID, (unsigned)-1, 0, WNOHANG}, 0}, /* which does not wait */
                   {{SYS_READ, 3, MORE, 1}, (unsigned)-EAGAIN},  /* nor do these */
                   {{SYS_POLL, PLACE, 0, 0}, 0},
                   {{SYS_NANOSLEEP, MORE + 8}, 0}, /* for no time */
                   {{SYS_WAITPID, (unsigned)-1}, SYS_WAITPID},
                   {{SYS_POLL, PLACE, 0, (unsigned)-1}, (unsigned)-EINTR},
                   {{SYS_POLL, PLACE, 0, (unsigned)-2}, (unsigned)-EINTR}, /* for ever: as any time below 0 */
                   {{SYS_POLL, PLACE, 0, 1000}, (unsigned)-EINTR},
                   {{SYS_WRITE, 1, PLACE, 1}, SYS_WRITE}};

    set_handler(USR1, SA_RESTART | SA_NODEFER);
    KCHECK(CALL(SYS_FORK) > 0);
    EXPECT(0, SYS_PIPE2, MORE, O_NONBLOCK);
    for (size_t i = 0; i < ARRAY_SIZE(waiting); i++) {
        const struct found *on = interrupt(__LINE__, USR1, waiting[i].call);
        KCHECK_EQ(on->sigcontext.frame.eax, waiting[i].value);
        KCHECK_EQ(on->sigcontext.frame.eip, waiting[i].value == waiting[i].call[0] ? CALL_AT : CALL_END);
    }
    KCHECK(CALL(SYS_WAITPID, (unsigned)-1, MORE, 0) > 0);
}

KTEST(process_signals_interrupt_what_waits)
{ puppet_checks(waiting_calls); }

static void part_of_a_write(void) {
    EXPECT(0, SYS_PIPE, MORE);
    set_handler(USR1, SA_RESTART | SA_NODEFER);
    memcpy((char *)MORE, (const unsigned[4]){PLACE, PAGE_SIZE, PLACE, 1}, 16);
    const struct found *on = INTERRUPT(USR1, SYS_WRITEV, 4, MORE, 2);
    KCHECK_EQ(on->sigcontext.frame.eip, CALL_END);
    KCHECK_EQ(on->sigcontext.frame.eax, PAGE_SIZE);
    EXPECT(PAGE_SIZE, SYS_READ, 3, PLACE, 2 * PAGE_SIZE);
    on = INTERRUPT(USR1, SYS_WRITE, 4, PLACE, PAGE_SIZE + 1);
    KCHECK_EQ(on->sigcontext.frame.eip, CALL_END);
    KCHECK_EQ(on->sigcontext.frame.eax, PAGE_SIZE);
}

KTEST(process_call_that_has_written_is_not_repeated)
{ puppet_checks(part_of_a_write); }

static void suspended(void) {
    set_handler(USR1, SA_NODEFER);
    current->signals.blocked = BIT(USR2);
    *(unsigned *)PLACE = BIT(SIGCHLD) | BIT(SIGKILL);
    const struct found *on = INTERRUPT(USR1, SYS_RT_SIGSUSPEND, PLACE, 8);
    KCHECK_EQ(on->sigcontext.frame.eax, -EINTR);
    KCHECK_EQ(on->mask[0], BIT(USR2)); /* comes back, not the one of meanwhile */
    KCHECK(mask_is(BIT(SIGCHLD), 0));
    current->signals.blocked = BIT(USR2);
    on = INTERRUPT(USR1, SYS_SIGSUSPEND, 0, 0, BIT(SIGCHLD) | BIT(SIGKILL)); /* the old call: the mask itself */
    KCHECK_EQ(on->mask[0], BIT(USR2));
    KCHECK(mask_is(BIT(SIGCHLD), 0));
}

KTEST(process_that_waits_for_a_signal_gets_its_mask_back)
{ puppet_checks(suspended); }

/* What ends a wait for a signal may be a signal that has no handler. */
static void ignored(void) {
    current->signals.blocked = BIT(SIGCHLD);
    current->signals.pending = BIT(SIGURG);
    EXPECT(-EINTR, SYS_SIGSUSPEND, 0, 0, BIT(USR2) | BIT(SIGCHLD));
    KCHECK(mask_is(BIT(SIGCHLD), 0));
    current->signals.pending = BIT(SIGURG);
    EXPECT(-EINTR, SYS_PAUSE);
    KCHECK(mask_is(BIT(SIGCHLD), 0));
    current->signals.pending = BIT(SIGSTOP); /* which is not known */
    EXPECT(-EINTR, SYS_PAUSE);
    KCHECK(mask_is(BIT(SIGCHLD), 0));

    current->signals.blocked = BIT(USR2); /* the mask came back once, and does not again */
    current->signals.pending = BIT(SIGURG);
    KCHECK(CALL(SYS_GETPID) > 0);
    KCHECK(mask_is(BIT(USR2), 0));
    const int child = CALL(SYS_FORK);
    KCHECK(child > 0);
    KCHECK_EQ(process_find(child)->signals.blocked, BIT(USR2)); /* nor to a child */
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)child, MORE, 0), child);
}

KTEST(process_signals_without_a_handler_end_a_wait)
{ puppet_checks(ignored); }

static void ended_children(void) {
    set_handler(SIGCHLD, SA_NODEFER);
    KCHECK(CALL(SYS_FORK) > 0);
    puppet_frame->user_esp = STACK;
    EXPECT(SIGCHLD, SYS_PAUSE); /* until the child has ended */
    KCHECK(CALL(SYS_WAITPID, (unsigned)-1, MORE, 0) > 0);
    const int last = CALL(SYS_FORK);
    puppet_frame->user_esp = STACK;
    EXPECT(SIGCHLD, SYS_WAITPID, (unsigned)-1, MORE, 0);
    const struct found *on = (const struct found *)puppet_frame->user_esp;
    KCHECK_EQ(on->sigcontext.frame.eax, last); /* what it has waited for has come with the signal */
}

KTEST(process_signal_of_a_childs_end_ends_a_wait)
{ puppet_checks(ended_children); }

static const struct found *top, *below;

/* USR1 and USR2 come at the end of CALL. BELOW is the frame of USR1's handler, TOP that of USR2's, which runs first. */
static void two_frames(const unsigned call[7]) {
    puppet_frame->user_esp = STACK;
    puppet_frame->eip = CALL_END;
    current->signals.pending = BIT(USR1) | BIT(USR2);
    KCHECK_EQ(puppet_makes(call), USR2);
    top = (const struct found *)puppet_frame->user_esp;
    below = (const struct found *)top->sigcontext.frame.user_esp;
    KCHECK(top->signal == USR2 && below->signal == USR1);
    KCHECK(top->sigcontext.frame.eip == HANDLER && top->sigcontext.frame.eax == USR1);
    KCHECK(mask_is(BIT(USR1) | BIT(USR2), 0));
}

/* The call is ended once, by the first; each frame has the mask to which its handler returns. */
static void two_signals(void) {
    static const unsigned read[7] = {SYS_READ, 3, MORE, 1}, suspend[7] = {SYS_RT_SIGSUSPEND, PLACE, 8};

    EXPECT(0, SYS_PIPE, MORE);
    set_handler(USR1, 0);
    set_handler(USR2, SA_RESTART);
    KCHECK_CALL(two_frames(read));
    KCHECK(below->sigcontext.frame.eip == CALL_END && below->sigcontext.frame.eax == (unsigned)-EINTR);
    KCHECK(top->mask[0] == BIT(USR1) && below->mask[0] == 0);
    *(unsigned *)PLACE = 0;
    KCHECK_CALL(two_frames(suspend));
    KCHECK(top->mask[0] == BIT(USR1) && below->mask[0] == (BIT(USR1) | BIT(USR2)));
}

KTEST(process_signals_of_two_kinds_end_a_call_once)
{ puppet_checks(two_signals); }

/* ---- to a thread: raise and abort of a C library ---- */

static void threads(void) {
    const unsigned me = (unsigned)current->pid, other = (unsigned)CALL(SYS_FORK);

    current->signals.blocked = BIT(USR1) | BIT(USR2);
    KCHECK((int)other > 0);
    EXPECT(-EINVAL, SYS_TKILL, 0, USR1);
    EXPECT(-EINVAL, SYS_TKILL, (unsigned)-1, USR1);
    EXPECT(-EINVAL, SYS_TGKILL, 0, 0, USR1);
    EXPECT(-ESRCH, SYS_TKILL, 9999, USR1);
    EXPECT(-EPERM, SYS_TKILL, MONITOR_PID, USR1);
    KCHECK_EQ(CALL(SYS_TKILL, me, SIGNALS), -EINVAL);
    KCHECK_EQ(CALL(SYS_TGKILL, 0, me, USR1), -EINVAL);
    KCHECK_EQ(CALL(SYS_TGKILL, me, 0, USR1), -EINVAL);
    KCHECK_EQ(CALL(SYS_TGKILL, other, me, USR1), -ESRCH); /* that process has no such thread */
    KCHECK_EQ(CALL(SYS_TGKILL, me, MONITOR_PID, USR1), -ESRCH);
    EXPECT(-EPERM, SYS_TGKILL, MONITOR_PID, MONITOR_PID, USR1);
    KCHECK_EQ(CALL(SYS_TKILL, me, 0), 0);
    KCHECK_EQ(current->signals.pending, 0);
    KCHECK_EQ(CALL(SYS_TKILL, me, USR1), 0);
    KCHECK_EQ(current->signals.pending, BIT(USR1));
    KCHECK_EQ(CALL(SYS_TGKILL, me, me, USR2), 0);
    KCHECK_EQ(current->signals.pending, BIT(USR1) | BIT(USR2));
    KCHECK_EQ(CALL(SYS_TGKILL, other, other, SIGKILL), 0);
    KCHECK_EQ(CALL(SYS_WAITPID, other, PLACE, 0), (int)other);
    KCHECK_EQ(word(0), SIGKILL);
    current->signals.pending = 0;
}

KTEST(process_signals_reach_a_thread)
{ puppet_checks(threads); }

/* ---- outside of system calls ---- */

static unsigned calls;
static unsigned fault_address, later_address, eax, eip, vector, error;
static bool blocks; /* what the test is about: two cases */

/* Reads where nothing is; the handler begins where the puppet does. */
static void touch_nothing(struct trap_frame *frame) {
    const struct found *on = (const struct found *)frame->user_esp;

    if (calls++ == 0) {
        puppet_call(frame, SYS_RT_SIGACTION, (const unsigned[6]){SIGSEGV, PUPPET_ACTION, 0, 8});
        frame->ebp = MORE + PUPPET_AREA_PAGES * PAGE_SIZE + 4;
        frame->edi = 0;
        frame->eax = (unsigned)-ERESTART; /* a number like any other: there is no call to repeat */
        return;
    }
    if (calls == 2 && on->signal == SIGSEGV && on->siginfo.address == on->sigcontext.cr2) {
        fault_address = on->siginfo.address;
        eax = on->sigcontext.frame.eax;
        puppet_call(frame, SYS_RT_SIGACTION, (const unsigned[6]){HUP, PUPPET_ACTION, 0, 8});
        puppet_call(frame, SYS_KILL, (const unsigned[6]){0, HUP});
        return;
    }
    later_address |= on->siginfo.address;
    if (on->signal == HUP) {
        puppet_call(frame, SYS_KILL, (const unsigned[6]){0, SIGSEGV});
        return;
    }
    puppet_call(frame, SYS_EXIT, (const unsigned[6]){0});
}

KTEST(process_handles_its_own_faults)
{
    int pid;

    calls = fault_address = later_address = 0;
    puppet_run(touch_nothing, &pid);
    KCHECK(pid > 0);
    KCHECK(calls == 4 && puppet_faults == 1);
    KCHECK_EQ(later_address, 0); /* no fault has sent those */
    KCHECK_EQ(fault_address, MORE + PUPPET_AREA_PAGES * PAGE_SIZE + 4);
    KCHECK_EQ(eax, (unsigned)-ERESTART);
}

/* Writes to a page of its stack that it has made read-only. */
static void touch_read_only_stack(struct trap_frame *frame) {
    const unsigned page = STACK_TOP - 4 * PAGE_SIZE;
    const struct found *on = (const struct found *)frame->user_esp;

    if (calls++ == 0) {
        puppet_call(frame, SYS_RT_SIGACTION, (const unsigned[6]){SIGSEGV, PUPPET_ACTION, 0, 8});
        puppet_call(frame, SYS_PIPE, (const unsigned[6]){page}); /* the page has come */
        puppet_call(frame, SYS_MPROTECT, (const unsigned[6]){page, PAGE_SIZE, PROT_READ});
        frame->ebp = page + 8;
        frame->edi = 1;
        return;
    }
    if (on->signal == SIGSEGV)
        fault_address = on->siginfo.address;
    vector = on->sigcontext.frame.vector;
    error = on->sigcontext.frame.error;
    puppet_call(frame, SYS_EXIT, (const unsigned[6]){0});
}

KTEST(process_handles_a_fault_in_its_own_stack)
{
    calls = fault_address = 0;
    KCHECK_EQ(puppet_status(touch_read_only_stack), 0);
    KCHECK_EQ(calls, 2);
    KCHECK_EQ(fault_address, STACK_TOP - 4 * PAGE_SIZE + 8);
    KCHECK(vector == TRAP_PAGE_FAULT && error == (FAULT_USER | FAULT_WRITE | FAULT_PRESENT));
}

/* A program that faults ends, though it has a handler, while it blocks the signal; and if it ignores it. */
static void block_or_ignore(struct trap_frame *frame) {
    if (calls++ == 0) {
        puppet_call(frame, SYS_RT_SIGACTION, (const unsigned[6]){SIGSEGV, PUPPET_ACTION, 0, 8});
        if (blocks)
            current->signals.blocked = BIT(SIGSEGV);
        else
            current->signals.action[SIGSEGV].handler = SIG_IGN;
        frame->ebp = MORE + PUPPET_AREA_PAGES * PAGE_SIZE;
        return;
    }
    puppet_call(frame, SYS_EXIT, (const unsigned[6]){0});
}

KTEST(process_cannot_go_on_behind_its_fault)
{
    for (unsigned i = 0; i < 2; i++) {
        calls = 0;
        blocks = i;
        KCHECK_EQ(puppet_status(block_or_ignore), SIGSEGV);
        KCHECK_EQ(calls, 1);
    }
}

/* The handler's frame has no place on the stack, or sigreturn finds none there. */
static void lose_stack(struct trap_frame *frame) {
    if (calls++ == 0) {
        puppet_call(frame, SYS_RT_SIGACTION, (const unsigned[6]){USR1, PUPPET_ACTION, 0, 8});
        frame->user_esp = 0x1000;
        puppet_call(frame, blocks ? 173 : SYS_KILL, (const unsigned[6]){0, USR1});
    }
    puppet_call(frame, SYS_EXIT, (const unsigned[6]){0});
}

KTEST(process_without_a_stack_for_its_signals_ends)
{
    for (unsigned i = 0; i < 2; i++) {
        calls = 0;
        blocks = i;
        KCHECK_EQ(puppet_status(lose_stack), SIGSEGV);
    }
}

/* jmp to itself, for ever */
static void spin(struct trap_frame *frame) {
    memcpy((char *)PLACE, "\xEB\xFE", 2);
    frame->eip = PLACE;
}

KTEST(process_is_killed_though_it_makes_no_calls)
{
    const int pid = puppet_start_with(spin);

    KCHECK(pid > 0);
    for (unsigned i = 0; i < 3; i++)
        process_rest();
    KCHECK(process_find(pid));
    KCHECK_EQ(space_current(), monitor.space); /* whoever had the turn */
    KCHECK(process_kill(pid));
    KCHECK(!process_find(pid) && !process_kill(pid) && !process_kill(MONITOR_PID));
    puppet_end_all();
}

/* Spins until a handler runs; the handler begins where the puppet does. */
static void spin_to_handler(struct trap_frame *frame) {
    const struct found *on = (const struct found *)frame->user_esp;

    if (calls++ == 0) {
        puppet_call(frame, SYS_RT_SIGACTION, (const unsigned[6]){USR1, PUPPET_ACTION, 0, 8});
        spin(frame);
        frame->eax = (unsigned)-ERESTART;
        return;
    }
    eax = on->sigcontext.frame.eax;
    eip = on->sigcontext.frame.eip;
    puppet_call(frame, SYS_EXIT, (const unsigned[6]){0});
}

KTEST(process_signal_between_two_instructions_changes_nothing)
{
    calls = 0;
    const int pid = puppet_start_with(spin_to_handler);

    KCHECK(pid > 0);
    for (unsigned i = 0; i < 3; i++)
        process_rest();
    signal_send(process_find(pid), USR1);
    for (unsigned i = 0; i < 100 && calls < 2; i++)
        process_rest();
    puppet_end_all();
    KCHECK_EQ(calls, 2);
    KCHECK_EQ(eax, (unsigned)-ERESTART);
    KCHECK_EQ(eip, PLACE);
}

/* ---- time ---- */

#define TICK (1000000000 / TIMER_HZ) /* ns */

static void clocks(void) {
    const struct timespec *time = (const struct timespec *)PLACE;
    const unsigned now = timer_ticks(), seconds = now / TIMER_HZ, ticks = now % TIMER_HZ;

    EXPECT(0, SYS_CLOCK_GETTIME, 0, PLACE);
    KCHECK(time->seconds == (int)seconds && time->ns == (int)(ticks * TICK));
    memset((char *)PLACE, 'x', 16);
    EXPECT(0, SYS_CLOCK_GETTIME64, 0, PLACE);
    KCHECK(word(0) == seconds && word(1) == 0 && word(2) == ticks * TICK && word(3) == 0);
    EXPECT(0, SYS_GETTIMEOFDAY, PLACE);
    KCHECK(word(0) == seconds && word(1) == ticks * (TICK / 1000));
    EXPECT(0, SYS_GETTIMEOFDAY, 0);
    KCHECK_EQ(CALL(SYS_TIME, PLACE), (int)seconds);
    KCHECK_EQ(word(0), seconds);
    KCHECK_EQ(timer_ticks(), now); /* interrupts are off */
}

KTEST(process_clocks_count_ticks)
{ puppet_checks(clocks); }

static void put_time(int seconds, int ns) { *(struct timespec *)PLACE = (struct timespec){seconds, ns}; }

/* No sleep is shorter than was asked for. */
static void sleeps(void) {
    static const struct timespec wrong[] = {{-1, 0}, {0, -1}, {0, 1000000000}};
    unsigned now = timer_ticks();

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        put_time(wrong[i].seconds, wrong[i].ns);
        EXPECT(-EINVAL, SYS_NANOSLEEP, PLACE, 0);
    }
    put_time(0, 0);
    EXPECT(0, SYS_NANOSLEEP, PLACE, 0);
    EXPECT(0, SYS_CLOCK_NANOSLEEP, 0, 1, PLACE); /* until a time that has passed */
    put_time((int)(now / TIMER_HZ), (int)(now % TIMER_HZ * TICK));
    EXPECT(0, SYS_CLOCK_NANOSLEEP, 0, 1, PLACE); /* until now */
    KCHECK_EQ(timer_ticks(), now);
    put_time(0, TICK + 1);
    EXPECT(0, SYS_NANOSLEEP, PLACE, 0);
    KCHECK(timer_ticks() - now >= 2);
    KCHECK_EQ(current->context.wake_at, now + 2); /* it was left alone until then */
    now = timer_ticks();
    put_time((int)(now / TIMER_HZ), (int)(now % TIMER_HZ * TICK) + 1); /* until just after now: the next tick */
    EXPECT(0, SYS_CLOCK_NANOSLEEP, 0, 1, PLACE);
    KCHECK(timer_ticks() != now);
    KCHECK_EQ(current->context.wake_at, now + 1);
    put_time(0, 1);
    now = timer_ticks();
    EXPECT(0, SYS_NANOSLEEP, PLACE, 0);
    KCHECK(timer_ticks() != now); /* a whole tick for less than one */
}

KTEST(process_sleeps_for_whole_ticks)
{ puppet_checks(sleeps); }

static void interrupted_sleeps(void) {
    static const struct {
        struct timespec sleep, left;
    } cases[] = {{{INT32_MAX, 999999999}, {INT32_MAX / TIMER_HZ, 0}}, /* SLEEP_MAX, and a second for the ns */
                 {{5, 0}, {5, 0}},
                 {{0, 500000000}, {0, 500000000}}};
    static const struct {
        unsigned call[7], value;
        bool tells; /* what is left */
    } kinds[] = {{{SYS_NANOSLEEP, PLACE, 0}, (unsigned)-EINTR, false},
                 {{SYS_NANOSLEEP, PLACE, 8}, (unsigned)-EFAULT, false},
                 {{SYS_CLOCK_NANOSLEEP, 0, 1, PLACE, MORE}, (unsigned)-EINTR, false}, /* until then */
                 {{SYS_CLOCK_NANOSLEEP, 0, 0, PLACE, MORE}, (unsigned)-EINTR, true}};
    const struct timespec *left = (const struct timespec *)MORE;

    set_handler(USR1, SA_RESTART | SA_NODEFER); /* no sleep is repeated */
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        put_time(cases[i].sleep.seconds, cases[i].sleep.ns);
        const struct found *on = INTERRUPT(USR1, SYS_NANOSLEEP, PLACE, MORE);
        KCHECK_EQ(on->sigcontext.frame.eax, -EINTR);
        KCHECK_EQ(left->seconds, cases[i].left.seconds);
        KCHECK_EQ(left->ns, cases[i].left.ns);
    }
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        *(int *)MORE = 77;
        put_time(INT32_MAX, 0);
        const struct found *on = interrupt(__LINE__, USR1, kinds[i].call);
        KCHECK_EQ(on->sigcontext.frame.eax, kinds[i].value);
        KCHECK_EQ(left->seconds != 77, kinds[i].tells);
    }
}

KTEST(process_interrupted_sleeps_tell_what_is_left)
{ puppet_checks(interrupted_sleeps); }

/* ---- the system's name, and a process's usage ---- */

static void names(void) {
    static const char fields[6][65] = {"Linux", "quire", "5.10.0", "Quire", "i686", ""};

    memset((char *)PLACE, 'x', sizeof(fields) + 1);
    puppet_paint_stack();
    EXPECT(0, SYS_UNAME, PLACE);
    KCHECK(!memcmp((char *)PLACE, fields, sizeof(fields)) && ((char *)PLACE)[sizeof(fields)] == 'x');
}

KTEST(process_system_has_a_name)
{ puppet_checks(names); }

/* Of what a process has used only its page faults are known. */
static void usage(void) {
    const struct rusage *usage = (const struct rusage *)PLACE;
    struct rusage wanted = {0};

    memset((char *)PLACE, 'x', sizeof(*usage));
    puppet_paint_stack();
    EXPECT(0, SYS_GETRUSAGE, 0, PLACE);
    wanted.minor_faults = current->faults;
    KCHECK(!memcmp(usage, &wanted, sizeof(wanted)));
}

KTEST(process_usage_is_its_faults)
{ puppet_checks(usage); }
