/* What two sources of Linux's interface say: one fact a name, in the same order. */
#ifndef QUIRE_LINUX_FACTS_H
#define QUIRE_LINUX_FACTS_H

#define LINUX_FACTS 256

struct linux_facts {
    unsigned n;
    struct {
        const char *name;
        unsigned value;
    } fact[LINUX_FACTS];
};

static inline void linux_fact(struct linux_facts *facts, const char *name, unsigned value) {
    facts->fact[facts->n].name = name;
    facts->fact[facts->n++].value = value;
}

/* Adds those of kernel/process/linux.h, or of Linux's own headers. */
void linux_ours(struct linux_facts *facts);
void linux_theirs(struct linux_facts *facts);

#endif
