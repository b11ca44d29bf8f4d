/* The x87 and SSE registers, on a processor with FXSAVE and on one without: what programs begin with, and that none
 * faults by what another one left, or by what it wrote into a saved state. */
#include "../../kernel/process/fpu.h"

#include "cpu.h"
#include "cpuid.h"
#include "string.h"
#include "support.h"

#define FXSR (1u << 24)
#define SSE (1u << 25)
#define X87_BYTES 108
#define CONTROL_RESET 0x037F
#define MXCSR_RESET 0x1F80u
#define MXCSR_KNOWN 0x0000FFFFu /* of this processor */
#define OTHER_CR4 0x00000010u

/* ---- the processor ---- */

static unsigned features, cr4 = OTHER_CR4, mxcsr_mask = MXCSR_KNOWN;
static struct fpu_state registers; /* as the processor's own instruction stores them */

static unsigned *word(struct fpu_state *state, unsigned at) { return (unsigned *)(void *)&state->bytes[at]; }
static unsigned *mxcsr_of(struct fpu_state *state) { return word(state, 24); }
static unsigned *status_of(struct fpu_state *state) { return word(state, 4); } /* without FXSR */

unsigned cpu_features(void) { return features; }
unsigned read_cr4(void) { return cr4; }
void write_cr4(unsigned value) { cr4 = value; }

void fninit(void) {
    if (features & FXSR) {
        memset(&registers, 0, 24); /* MXCSR stays */
    } else {
        memset(&registers, 0, X87_BYTES);
    }
    *word(&registers, 0) = CONTROL_RESET;
}

void fnclex(void) {
    assert_false(features & FXSR);
    *status_of(&registers) = 0;
}

void fxsave(void *state) {
    assert_true(features & FXSR && cr4 & CR4_OSFXSR);
    memcpy(state, &registers, sizeof registers);
    *word(state, 28) = mxcsr_mask;
}

void fxrstor(const void *state) {
    assert_true(features & FXSR && cr4 & CR4_OSFXSR);
    memcpy(&registers, state, sizeof registers);
    if (*mxcsr_of(&registers) & ~MXCSR_KNOWN)
        fail_msg("general protection fault");
}

void fnsave(void *state) {
    assert_false(features & FXSR);
    memcpy(state, &registers, X87_BYTES);
    fninit();
}

void frstor(const void *state) {
    assert_false(features & FXSR);
    if (*status_of(&registers))
        fail_msg("a floating-point exception of the program before");
    memcpy(&registers, state, X87_BYTES);
}

static void start(unsigned with) {
    features = with;
    memset(&registers, 0x0A, sizeof registers); /* what the boot loader left */
    fpu_init();
}

/* ---- what programs begin with ---- */

static void check_cr4(unsigned with, unsigned wanted) {
    start(with);
    assert_int_equal(cr4, OTHER_CR4 | wanted);
}

static void test_without_fxsr_cr4_is_left_alone(void **state) {
    (void)state;
    check_cr4(0, 0);
}

static void test_fxsr_is_switched_on(void **state) {
    (void)state;
    check_cr4(FXSR, CR4_OSFXSR);
}

static void test_sse_is_switched_on_with_its_exceptions(void **state) {
    (void)state;
    check_cr4(FXSR | SSE, CR4_OSFXSR | CR4_OSXMMEXCPT);
}

static void test_programs_begin_with_the_state_after_reset(void **state) {
    struct fpu_state first;
    (void)state;
    start(FXSR | SSE);
    memset(&registers, 7, sizeof registers); /* a program has begun */
    fpu_init();                              /* and another one is started */
    fpu_reset(&first);
    assert_int_equal(*word(&first, 0), CONTROL_RESET);
    assert_int_equal(*mxcsr_of(&first), MXCSR_RESET);
    assert_int_equal(*word(&first, 20), 0);
    assert_int_equal(*word(&first, 32), 0x0A0A0A0A);
    assert_int_equal(registers.bytes[0], 7);
}

static void test_programs_begin_so_without_fxsr_too(void **state) {
    struct fpu_state first, wanted = {{CONTROL_RESET & 0xFF, CONTROL_RESET >> 8}};
    (void)state;
    start(0);
    fpu_reset(&first);
    assert_memory_equal(&first, &wanted, sizeof wanted);
}

/* ---- from program to program ---- */

/* A program's registers: an exception of its own is pending. */
static struct fpu_state registers_of(uint8_t program) {
    struct fpu_state state;
    memset(&state, program, sizeof state);
    *mxcsr_of(&state) = MXCSR_RESET;
    *word(&state, 28) = features & FXSR ? mxcsr_mask : MXCSR_RESET;
    return state;
}

static void check_switch(unsigned with, size_t bytes) {
    struct fpu_state saved;
    start(with);
    const struct fpu_state before = registers = registers_of(1), after = registers_of(2);
    fpu_save(&saved);
    assert_memory_equal(&saved, &before, bytes);
    assert_memory_equal(&registers, &before, bytes);
    fpu_load(&after);
    assert_memory_equal(&registers, &after, bytes);
    fpu_load(&saved);
    assert_memory_equal(&registers, &before, bytes);
}

static void test_registers_go_with_their_program(void **state) {
    (void)state;
    check_switch(FXSR | SSE, sizeof registers);
}

static void test_registers_go_with_their_program_without_fxsr_too(void **state) {
    (void)state;
    check_switch(0, X87_BYTES);
}

/* ---- what a program has written ---- */

static void check_sanitized(unsigned with, unsigned mask, unsigned wanted) {
    struct fpu_state written, expected;
    mxcsr_mask = mask;
    start(with);
    memset(&written, 0xFF, sizeof written);
    expected = written;
    *mxcsr_of(&expected) = wanted;
    fpu_sanitize(&written);
    assert_memory_equal(&written, &expected, sizeof written);
    fpu_load(&written);
}

static void test_only_the_processors_mxcsr_bits_are_loaded(void **state) {
    (void)state;
    check_sanitized(FXSR | SSE, 0x0000FEFF, 0x0000FEFF);
}

/* SDM vol. 1, 11.6.6 */
static void test_a_processor_that_names_no_mxcsr_bits_has_the_first_ones(void **state) {
    (void)state;
    check_sanitized(FXSR | SSE, 0, 0x0000FFBF);
}

static void test_without_fxsr_there_is_no_mxcsr(void **state) {
    (void)state;
    check_sanitized(0, 0, 0xFFFFFFFF);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_without_fxsr_cr4_is_left_alone),
    cmocka_unit_test(test_fxsr_is_switched_on),
    cmocka_unit_test(test_sse_is_switched_on_with_its_exceptions),
    cmocka_unit_test(test_programs_begin_with_the_state_after_reset),
    cmocka_unit_test(test_programs_begin_so_without_fxsr_too),
    cmocka_unit_test(test_registers_go_with_their_program),
    cmocka_unit_test(test_registers_go_with_their_program_without_fxsr_too),
    cmocka_unit_test(test_only_the_processors_mxcsr_bits_are_loaded),
    cmocka_unit_test(test_a_processor_that_names_no_mxcsr_bits_has_the_first_ones),
    cmocka_unit_test(test_without_fxsr_there_is_no_mxcsr),
};

HOST_MAIN(tests)
