/* In cmocka's place, for what the labs use of tests/host: the simulated MMU, whose findings are the case's. */
#include "check.h"

void check_found(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#define fail_msg check_found
struct CMUnitTest;
