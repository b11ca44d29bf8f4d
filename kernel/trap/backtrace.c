/* Registers and backtraces.
 *
 * Every function that calls another keeps its caller's EBP and return address at its own EBP. These frames
 * form a chain, which ends with the 0 of _start. It is followed only while it makes sense (inside one kernel
 * stack, aligned, upwards): what is being reported may have damaged it. Where the chain breaks, the first
 * unbroken chain on the stack is shown as a guess; if there is none, every word that could be a return
 * address.
 *
 * A leaf function has no frame. When it faults, EBP is its caller's, so the chain does not name that caller.
 * The leaf's return address lies between ESP and EBP, and the call before it leads to the leaf: a direct call
 * to it if there is one, otherwise the first call through a pointer. */
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

/* Whether ADDRESS lies in the kernel's text. */
bool in_text(uintptr_t address) {
    return address >= (uintptr_t)kernel_start && address < (uintptr_t)text_end;
}

/* The frame at EBP, or NULL if there can be none. */
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

/* Prints the return addresses along the chain from EBP; a recursion's are counted. False if the chain breaks;
 * *LAST is then the EBP that leads nowhere. */
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

/* ---- callers that the chain does not name ---- */

/* Whether FUNCTION, interrupted at EIP, has its frame: "mov %esp, %ebp" (89 E5) lies before EIP. */
static bool has_frame(uintptr_t function, uintptr_t eip) {
    for (const uint8_t *code = (const uint8_t *)function; (uintptr_t)code + 2 <= eip; code++)
        if (code[0] == 0x89 && code[1] == 0xE5)
            return true;
    return false;
}

/* The target of the direct call before EIP: E8 and the distance from EIP (SDM vol. 2, CALL). 0 if there is
 * none. */
static uintptr_t called_before(uintptr_t eip) {
    const uint8_t *end = (const uint8_t *)eip;

    if (!in_text(eip) || !in_text(eip - 5) || end[-5] != 0xE8)
        return 0;
    return eip + ((unsigned)(end[-4] | end[-3] << 8 | end[-2] << 16) | (unsigned)end[-1] << 24);
}

/* The length of the call before EIP through a register or memory: FF /2, 2 to 7 bytes. 0 if there is none. */
static unsigned indirect_call_before(uintptr_t eip) {
    const uint8_t *end = (const uint8_t *)eip;

    for (int length = 2; length <= 7 && in_text(eip) && in_text(eip - 7); length++)
        if (end[-length] == 0xFF && (end[1 - length] >> 3 & 7) == 2)
            return (unsigned)length;
    return 0;
}

/* The address of the call that returns to EIP, or 0. */
uintptr_t call_before(uintptr_t eip) {
    unsigned length = indirect_call_before(eip);

    if (in_text(called_before(eip)))
        return eip - 5;
    return length ? eip - length : 0;
}

/* The first word in the stack's [ESP, END) that returns from a direct call of FUNCTION, otherwise from an
 * indirect call; 0 if there is none. */
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

/* The return address to the caller of what ran at FRAME, when the chain does not have it; otherwise 0. */
unsigned hidden_caller(const struct trap_frame *frame) {
    size_t offset;
    uintptr_t esp = frame_esp(frame), end = stack_end(esp);

    if (esp % 4 || !end)
        return 0;
    if (!in_text(frame->eip)) /* a jump to nowhere: if a call made it, the call pushed the top word */
        return in_text(*(const unsigned *)esp) ? *(const unsigned *)esp : 0;
    if (!symbol_at(frame->eip, &offset) || has_frame(frame->eip - offset, frame->eip))
        return 0;
    return find_return(esp, end < frame->ebp ? end : frame->ebp, frame->eip - offset);
}

/* Whether an unbroken chain starts at EBP: every frame returns to just after a call, up to _start's 0. */
static bool is_chain(uintptr_t ebp) {
    const struct stack_frame *frame = frame_at(ebp);

    for (; frame && frame->ebp > ebp && call_before(frame->eip); frame = frame_at(ebp))
        ebp = frame->ebp;
    return frame && !frame->ebp && call_before(frame->eip);
}

/* The chain broke at EBP. Prints the first unbroken chain on the stack from ESP up; if there is none, the
 * words that follow a call. Both may be left over from calls that have returned. */
static void print_guesses(unsigned esp, unsigned ebp) {
    uintptr_t end = stack_end(esp), chain = esp;
    unsigned last;

    kprintf("    the chain of frames breaks here: ebp 0x%08x; perhaps called from:\n", ebp);
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

/* Prints the functions that were running at FRAME, innermost first. */
void print_backtrace(const struct trap_frame *frame) {
    /* A function that panics calls panic_at, and so has a frame. */
    unsigned caller = frame->vector == TRAP_NONE ? 0 : hidden_caller(frame), ebp;
    char text[PLACE_TEXT];

    if (trap_from_user(frame)) {
        kprintf("  backtrace\n    0x%08x, in the program\n", frame->eip);
        return;
    }
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

/* Counts a frame of FUNCTION, BYTES long. Functions that no longer fit are left out. */
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

/* Prints which function's frames, from FRAME on, take most of the stack. A frame's locals and pushes lie
 * below its EBP, down to the next frame. */
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

/* Prints the registers of FRAME, and the control registers. */
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
