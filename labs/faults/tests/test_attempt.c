/* Lab faults, exercise attempt: page_fault_access and print_attempt. */
#include "kernel/trap/page_fault.c"

#include "fault.h"

#include <stdarg.h>

/* ---- what page_fault.c calls ---- */

static char printed[1024];

void __wrap_kprintf(const char *fmt, ...);

void __wrap_kprintf(const char *fmt, ...) {
    size_t n = strlen(printed);
    va_list args;
    va_start(args, fmt);
    vformat_buffer(printed + n, sizeof printed - n, fmt, args);
    va_end(args);
}

void flush_page(const void *va) { (void)va; }
bool vmem_walk(const void *va, struct vmem_walk *out) { return (void)va, (void)out, false; }
const char *symbol_at(uintptr_t address, size_t *offset) { return (void)address, (void)offset, NULL; }
const char *symbol_text(uintptr_t address, char text[SYMBOL_TEXT]) { return (void)address, text; }
const char *place_text(uintptr_t address, char text[PLACE_TEXT]) { return (void)address, text; }
void page_fault_print_cause(const struct page_fault *fault) { (void)fault; }

/* ---- what was tried ---- */

#define EIP 0x00101230u
#define FAR 0x00402000u

static const char *const names[] = {"ACCESS_READ", "ACCESS_WRITE", "ACCESS_FETCH"};

static void check(enum page_access is, uintptr_t address, unsigned error, uintptr_t eip, const char *why) {
    struct page_fault fault = {.address = address, .error = error, .eip = eip};
    doing("page_fault_access, of 0x%08x by 0x%08x with error code 0x%x", (unsigned)address, (unsigned)eip, error);
    enum page_access says = page_fault_access(&fault);
    CHECK(says == is, "0x%08x, by the instruction at 0x%08x, error code 0x%x: %s, but page_fault_access says %s: %s", (unsigned)address,
          (unsigned)eip, error, names[is], says <= ACCESS_FETCH ? names[says] : "a number that is no access", why);
}

CASE(reads_and_writes) {
    static const char why[] = "bit 1 of the error code (2) is set for a write; bit 0 tells whether the page was present, bit 2 whether "
                              "it was a program";
    for (unsigned error = 0; error < 8; error++)
        check(error & 2 ? ACCESS_WRITE : ACCESS_READ, FAR, error, EIP, why);
}

CASE(a_fetch) {
    static const char why[] = "there is no fetch bit without no-execute: what faults at EIP itself is the fetch";
    check(ACCESS_FETCH, FAR, 0, FAR, why);
    check(ACCESS_FETCH, 0, 0, 0, "the jump to a null pointer");
    check(ACCESS_FETCH, EIP, FAULT_USER | FAULT_PRESENT, EIP, "a program has jumped into the kernel: the page is present, and it is a fetch");
    check(ACCESS_FETCH, FAR, FAULT_USER, FAR, why);
    check(ACCESS_READ, FAR, 0, EIP, "it lies far from EIP");
}

CASE(an_instruction_has_15_bytes) {
    check(ACCESS_READ, 0x00401000, 0, 0x00401FF8, "the same page, but before EIP: it is read, not fetched");
    check(ACCESS_READ, 0x00401900, 0, 0x00401234, "the same page, but more than 15 bytes behind EIP");
    for (unsigned i = 0; i < 15; i++)
        check(ACCESS_FETCH, 0x00401FF8 + i, 0, 0x00401FF8,
              "an instruction may begin on a page that is there and end on one that is not: any of its 15 bytes may be the one that faults");
    check(ACCESS_READ, 0x00401FF8 + 15, 0, 0x00401FF8, "no instruction is longer than 15 bytes, so byte 16 is not fetched: one too far");
    check(ACCESS_READ, 0x00401FF8 + 16, 0, 0x00401FF8, "no instruction is longer than 15 bytes");
    check(ACCESS_READ, 0x00401FF8 - 1, 0, 0x00401FF8, "it lies before EIP: the processor does not fetch backwards");
}

CASE(a_write_is_no_fetch) {
    check(ACCESS_WRITE, EIP + 5, FAULT_WRITE | FAULT_PRESENT, EIP, "code that writes to itself writes: the error code says so, wherever it lies");
    check(ACCESS_WRITE, EIP, FAULT_WRITE | FAULT_PRESENT, EIP, "the error code says that it is a write");
    check(ACCESS_WRITE, 0, FAULT_WRITE, 0, "the error code says that it is a write");
    check(ACCESS_FETCH, EIP + 5, FAULT_USER | FAULT_PRESENT, EIP, "the same place, and no write");
}

CASE(at_the_top_of_memory) {
    check(ACCESS_FETCH, 0xFFFFFFFF, 0, 0xFFFFFFFF, "a jump to 0xffffffff: EIP + 15 wraps; take the distance, address - EIP");
    check(ACCESS_FETCH, 0x00000003, 0, 0xFFFFFFF8, "an instruction at the top goes on at address 0: take the distance, address - EIP");
    check(ACCESS_READ, 0xFFFFF000, 0, EIP, "it lies far from EIP: seen as a signed number, the distance is negative, and below 15");
    check(ACCESS_READ, 0, 0, 0xFFFFF000, "it lies far from EIP");
}

/* ---- the line ---- */

/* The line must have TEXT in it. */
static void must_have(const struct page_fault *fault, const char *text, const char *what) {
    CHECK(strstr(printed, text), "%s, by 0x%08x: %s is `%s`, but the line is `%s`", in_words(fault), (unsigned)fault->eip, what, text, printed);
}

static void check_line(uintptr_t address, unsigned error, uintptr_t eip, const char *tried) {
    struct page_fault fault = {.address = address, .error = error, .eip = eip};
    char text[128];
    printed[0] = 0;
    doing("print_attempt");
    print_attempt(&fault);
    CHECK(printed[0], "print_attempt prints nothing");
    CHECK(!strncmp(printed, "page fault: ", 12), "the line begins with `page fault: `, by which scripts find it, but is: %s", printed);
    CHECK(strchr(printed, '\n') == printed + strlen(printed) - 1, "it is one line, and ends with \\n, but is: %s", printed);
    printed[strlen(printed) - 1] = 0;
    must_have(&fault, tried, "what was tried");
    snprintf(text, sizeof text, " 0x%08x, ", (unsigned)address);
    must_have(&fault, text, "the address, CR2, with 8 digits,");
    must_have(&fault, error & FAULT_PRESENT ? "present but refused" : "not present", "what bit 0 says");
    must_have(&fault, error & FAULT_USER ? "(user," : "(kernel,", "what bit 2 says");
    snprintf(text, sizeof text, "page fault: %s 0x%08x, %s (%s, error code 0x%x)", tried, (unsigned)address,
             error & FAULT_PRESENT ? "present but refused" : "not present", error & FAULT_USER ? "user" : "kernel", error);
    must_have(&fault, text, "the whole line");
}

CASE(the_first_line) {
    for (unsigned error = 0; error < 8; error++)
        check_line(FAR + 0x10, error, EIP, error & FAULT_WRITE ? "write to" : "read of");
    check_line(0, 0, 0, "fetch from");
    check_line(0x10, 0, EIP, "read of");
    check_line(FAR, FAULT_RESERVED | FAULT_PRESENT, EIP, "read of");
}
