/* Linux's interface as kernel/process/linux.h has it. */
#include "../../kernel/process/linux.h"

#include "linux_facts.h"

#define NUMBER(name) linux_fact(facts, #name, (unsigned)(name));
#define SIZE(type, linux) linux_fact(facts, #type, sizeof(type));
#define FIELD(type, field, linux, same) linux_fact(facts, #type "." #field, offsetof(type, field));
#define BITS(field) \
    linux_fact(facts, "struct user_desc." #field, (union descriptor){.as = {.field = 1}}.words[3]);

union descriptor {
    struct user_desc as;
    unsigned words[4];
};

void linux_ours(struct linux_facts *facts) {
#include "linux_names.h"
}
