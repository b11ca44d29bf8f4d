/* ELF executables: checked, mapped, and their symbols. System V ABI, chapters 4 and 5; i386 supplement. */
#ifndef QUIRE_ELF_H
#define QUIRE_ELF_H

#include "module.h"

struct elf {
    uintptr_t entry;
    uintptr_t headers; /* where the program headers are seen; 0 where no segment has them */
    unsigned header_count;
    uintptr_t end; /* of the highest segment */
};

#define ELF_HEADER_SIZE 32 /* a program header's */

/* Checks that MODULE is a static i386 executable whose segments lie in order in the user part and inside the
 * file, and fills *OUT. 0 or -ENOEXEC. */
int elf_check(const struct module *module, struct elf *out);

/* Maps the segments of MODULE, which elf_check has passed, into the current space. 0 or -ENOMEM, with some of
 * them mapped. */
int elf_map(const struct module *module);

/* The function or object of MODULE that holds ADDRESS, and the offset into it; NULL if its symbol table, where it
 * has one, knows none. */
const char *elf_symbol(const struct module *module, uintptr_t address, size_t *offset);

#endif
