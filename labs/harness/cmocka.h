/* In cmocka's place, for what the labs use of tests/host: the simulated MMU, whose findings are the case's. */
#include "check.h"

#define fail_msg wrong
struct CMUnitTest;
