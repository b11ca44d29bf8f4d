/* Registers and backtraces.
 *
 * Every function that calls another keeps its caller's EBP and return address at its own EBP: a chain that
 * ends with the 0 of _start. It is followed only as far as it makes sense (inside a kernel stack, aligned,
 * upwards), since what is being reported may be what broke it. Where it breaks, the first unbroken chain found
 * on the stack goes on from there or, without one, every word that could be a return address.
 *
 * A function that calls none has no frame: when it faults, the chain starts at its caller's frame and does
 * not name that caller. Its return address is then somewhere between ESP and EBP, and is known by the call
 * before it, which leads to the function: if a direct call is found, that; else the first of a pointer. */
#include "backtrace.h"

#include "cpu.h"
#include "cpuid.h"
#include "log.h"
#include "memlayout.h"
#include "stack.h"
#include "string.h"
#include "symbols.h"
#include "vmem.h"

#define FRAMES_SHOWN 24
#define GUESSES_SHOWN 8

struct stack_frame {
    unsigned ebp, eip; /* the caller's */
};

bool in_text(uintptr_t address) {
    return address >= (uintptr_t)kernel_start && address < (uintptr_t)text_end;
}

/* The frame at EBP, or NULL when none can be there. */
static const struct stack_frame *frame_at(uintptr_t ebp) {
    if (ebp % 4 || ebp + sizeof(struct stack_frame) > stack_end(ebp))
        return NULL;
    return (const struct stack_frame *)ebp;
}

static void print_return_address(unsigned eip) {
    char text[PLACE_TEXT];

    kprintf("    %s\n", caller_place_text(eip, text));
}

static void print_repeats(unsigned repeats) {
    if (repeats)
        kprintf("    ... the same %u times more\n", repeats);
}

/* The return addresses along the chain from EBP on; a recursion's are counted. False where the chain breaks,
 * with *LAST what it led to there. */
static bool print_chain(unsigned ebp, unsigned *last) {
    const struct stack_frame *frame;
    unsigned eip = 0, repeats = 0, shown = 0, before = 0;

    while (shown < FRAMES_SHOWN && ebp > before && (frame = frame_at(ebp))) {
        if (frame->eip == eip) {
            repeats++;
        } else {
            print_repeats(repeats);
            print_return_address(frame->eip);
            eip = frame->eip;
            repeats = 0;
            shown++;
        }
        before = ebp;
        ebp = frame->ebp;
    }
    print_repeats(repeats);
    if (shown == FRAMES_SHOWN)
        kprintf("    ...\n");
    *last = ebp;
    return shown == FRAMES_SHOWN || (shown && !ebp);
}

/* ---- what the chain does not tell ---- */

/* In FUNCTION, which was interrupted at EIP, "mov %esp, %ebp" (89 E5) has been passed: it has a frame. */
static bool has_frame(uintptr_t function, uintptr_t eip) {
    for (const uint8_t *code = (const uint8_t *)function; (uintptr_t)code + 2 <= eip; code++)
        if (code[0] == 0x89 && code[1] == 0xE5)
            return true;
    return false;
}

/* What the direct call before EIP calls: E8 and the distance from EIP (SDM vol. 2, CALL); 0 if there is
 * none. */
static uintptr_t called_before(uintptr_t eip) {
    const uint8_t *end = (const uint8_t *)eip;

    if (!in_text(eip) || !in_text(eip - 5) || end[-5] != 0xE8)
        return 0;
    return eip + (end[-4] | end[-3] << 8 | end[-2] << 16 | (unsigned)end[-1] << 24);
}

/* The length of the call before EIP of what a register or memory holds: FF /2, of 2 to 7 bytes; or 0. */
static unsigned indirect_call_before(uintptr_t eip) {
    const uint8_t *end = (const uint8_t *)eip;

    for (int length = 2; length <= 7 && in_text(eip) && in_text(eip - 7); length++)
        if (end[-length] == 0xFF && (end[1 - length] >> 3 & 7) == 2)
            return (unsigned)length;
    return 0;
}

uintptr_t call_before(uintptr_t eip) {
    unsigned length = indirect_call_before(eip);

    if (in_text(called_before(eip)))
        return eip - 5;
    return length ? eip - length : 0;
}

/* The first word of the stack's [ESP, END) that is a return from a direct call of FUNCTION, or else from an
 * indirect call; or 0. */
static unsigned find_return(uintptr_t esp, uintptr_t end, uintptr_t function) {
    unsigned indirect = 0;

    for (; esp < end; esp += 4) {
        unsigned word = *(const unsigned *)esp;

        if (called_before(word) == function)
            return word;
        if (!indirect && indirect_call_before(word))
            indirect = word;
    }
    return indirect;
}

unsigned hidden_caller(const struct trap_frame *frame) {
    size_t offset;
    uintptr_t esp = frame_esp(frame), end = stack_end(esp);

    if (esp % 4 || !end)
        return 0;
    if (!in_text(frame->eip)) /* a jump to nowhere: by a call, if at all, that has pushed this last */
        return in_text(*(const unsigned *)esp) ? *(const unsigned *)esp : 0;
    if (!symbol_at(frame->eip, &offset) || has_frame(frame->eip - offset, frame->eip))
        return 0;
    return find_return(esp, end < frame->ebp ? end : frame->ebp, frame->eip - offset);
}

/* True when EBP is the start of an unbroken chain: every frame returns to behind a call, up to _start's 0. */
static bool is_chain(uintptr_t ebp) {
    const struct stack_frame *frame = frame_at(ebp);

    for (; frame && frame->ebp > ebp && call_before(frame->eip); frame = frame_at(ebp))
        ebp = frame->ebp;
    return frame && !frame->ebp && call_before(frame->eip);
}

/* The chain has led to EBP. Prints the first unbroken chain on the stack from ESP up; without one, every word
 * that could be a return address. Both may be left over from earlier calls. */
static void print_guesses(unsigned esp, unsigned ebp) {
    uintptr_t end = stack_end(esp), chain = esp;
    unsigned last;

    kprintf("    the frames' chain breaks here: ebp 0x%08x; perhaps called from:\n", ebp);
    while (chain < end && !is_chain(chain))
        chain += 4;
    if (chain < end) {
        print_chain((unsigned)chain, &last);
        return;
    }
    for (unsigned shown = 0; shown < GUESSES_SHOWN && esp < end; esp += 4) {
        unsigned word = *(const unsigned *)esp;

        if (!call_before(word))
            continue;
        print_return_address(word);
        shown++;
    }
}

void print_backtrace(const struct trap_frame *frame) {
    /* What panics has called panic_at, and so has a frame. */
    unsigned caller = frame->vector == TRAP_NONE ? 0 : hidden_caller(frame), ebp;
    char text[PLACE_TEXT];

    kprintf("  backtrace\n    %s\n", place_text(frame->eip, text));
    if (caller)
        print_return_address(caller);
    if (!print_chain(frame->ebp, &ebp))
        print_guesses((frame_esp(frame) + 3) & ~3u, ebp);
}

/* ---- who has used the stack ---- */

#define USERS_MAX 16u

static struct user {
    const char *function;
    unsigned frames;
    size_t bytes;
} users[USERS_MAX];

/* FUNCTION has a frame of BYTES more. Where there are more functions than fit, the last few are left out. */
static void count_user(const char *function, size_t bytes) {
    struct user *user = users;

    while (user < users + USERS_MAX && user->function && user->function != function)
        user++;
    if (!function || user == users + USERS_MAX)
        return;
    user->function = function;
    user->frames++;
    user->bytes += bytes;
}

/* What lies below a frame's EBP, down to the next, is the locals of its function, and what that has
 * pushed. */
void print_most_used(const struct trap_frame *frame) {
    uintptr_t below = frame_esp(frame), ebp = frame->ebp, eip = frame->eip;
    const struct stack_frame *next;
    const struct user *most = users;
    size_t offset;

    memset(users, 0, sizeof(users));
    for (; ebp > below && (next = frame_at(ebp)); below = ebp, ebp = next->ebp) {
        count_user(symbol_at(eip, &offset), ebp - below);
        eip = next->eip - 1;
    }
    for (const struct user *user = users; user < users + USERS_MAX; user++)
        if (user->bytes > most->bytes)
            most = user;
    if (most->frames)
        kprintf("  most     used by %s: %u frames, %zu bytes\n", most->function, most->frames, most->bytes);
}

void print_registers(const struct trap_frame *frame) {
    kprintf("  eax=0x%08x  ebx=0x%08x  ecx=0x%08x  edx=0x%08x\n", frame->eax, frame->ebx, frame->ecx,
            frame->edx);
    kprintf("  esi=0x%08x  edi=0x%08x  ebp=0x%08x  esp=0x%08x\n", frame->esi, frame->edi, frame->ebp,
            frame_esp(frame));
    kprintf("  eip=0x%08x  efl=0x%08x   cs=0x%04x\n", frame->eip, frame->eflags, frame->cs & 0xFFFF);
    kprintf("  cr0=0x%08x  cr2=0x%08x  cr3=0x%08x", read_cr0(), read_cr2(), get_page_directory());
    if (cpu_has_cr4())
        kprintf("  cr4=0x%08x", read_cr4());
    kprintf("\n");
}
