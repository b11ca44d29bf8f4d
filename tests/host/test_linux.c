/* kernel/process/linux.h says what Linux's own headers say. */
#include "linux_facts.h"
#include "support.h"

static void test_our_numbers_and_structures_are_linuxs(void **state) {
    static struct linux_facts ours, theirs;

    (void)state;
    linux_ours(&ours);
    linux_theirs(&theirs);
    assert_true(ours.n > 200);
    assert_int_equal(ours.n, theirs.n);
    for (unsigned i = 0; i < ours.n; i++) {
        assert_string_equal(ours.fact[i].name, theirs.fact[i].name);
        if (ours.fact[i].value != theirs.fact[i].value)
            fail_msg("%s is %u, and Linux's %u", ours.fact[i].name, ours.fact[i].value, theirs.fact[i].value);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_our_numbers_and_structures_are_linuxs),
};

HOST_MAIN(tests)
