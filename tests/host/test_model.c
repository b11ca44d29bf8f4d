/* The models of tests/model/, over the simulated MMU. */
#include "machine.h"
#include "support.h"

#include "../model/model.h"

static int start(void **state) {
    (void)state;
    machine_start();
    model_seed(random_word());
    return 0;
}

static void test_model_pm(void **state) { (void)state, model_pm(20000); }
static void test_model_vmem(void **state) { (void)state, model_vmem(2000); }
static void test_model_space(void **state) { (void)state, model_space(5000); }
static void test_model_kmalloc(void **state) { (void)state, model_kmalloc(30000); }

#define TEST(name) cmocka_unit_test_setup(name, start)

static const struct CMUnitTest tests[] = {
    TEST(test_model_pm),
    TEST(test_model_vmem),
    TEST(test_model_space),
    TEST(test_model_kmalloc),
};

HOST_MAIN(tests)
