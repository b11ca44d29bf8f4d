/* Modules: the files that the boot loader brought, a flat read-only directory. */
#ifndef QUIRE_MODULE_H
#define QUIRE_MODULE_H

#include "types.h"

struct module {
    const char *name; /* the last part of its path, as the boot loader gave it */
    const char *data; /* mapped in the kernel's part, read-only */
    size_t size;
    paddr_t start; /* of DATA */
};

/* Maps every module of boot_info from MODULES_START on. A module that is empty or does not fit is left out and
 * logged. */
void modules_init(void);

/* Adds a module; false where there are too many. */
bool module_add(const struct module *module);

/* Module I, counted from 0; NULL past the last. */
const struct module *module_at(size_t i);

/* The module that PATH names: "/NAME", "NAME", or with "./", "/bin/" or "/usr/bin/" before the name. NULL if there
 * is none. */
const struct module *module_find(const char *path);

/* PATH without the directory that may precede a module's name. */
const char *module_base(const char *path);

#endif
