/* Linux's interface as kernel/process/linux.h has it. */
#include "../../kernel/process/linux.h"

#include "linux_facts.h"

#define SIZE(type, linux) linux_fact(facts, #type, sizeof(type));
#define FIELD(type, field, linux, same) linux_fact(facts, #type "." #field, offsetof(type, field));

void linux_ours(struct linux_facts *facts) {
#include "linux_names.h"
}
