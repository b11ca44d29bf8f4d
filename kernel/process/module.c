/* Modules as files. See module.h. */
#include "module.h"

#include "boot_info.h"
#include "log.h"
#include "memlayout.h"
#include "string.h"
#include "vmem.h"

#define ADDED_MAX 4 /* by tests */

static struct module modules[MODULES_KEPT + ADDED_MAX];
static size_t count;

/* Maps the pages of MODULE at *VA, and moves *VA past them. */
static bool map(const struct boot_module *module, char **va) {
    paddr_t start = pa_frame(module->start);
    size_t pages = pages_for(module->end - start);

    if (module->end == module->start || pages > (size_t)((char *)KERNEL_STACKS - *va) / PAGE_SIZE ||
        vmem_map_range(*va, start, pages, 0) < 0)
        return false;
    *va += pages * PAGE_SIZE;
    return true;
}

/* Adds a module; false where there are too many. */
bool module_add(const struct module *module) {
    if (count == ARRAY_SIZE(modules))
        return false;
    modules[count++] = *module;
    return true;
}

/* Maps every module of boot_info from MODULES_START on. A module that is empty or does not fit is left out and
 * logged. */
void modules_init(void) {
    char *va = (char *)MODULES_START;

    for (size_t i = 0; i < boot_info.modules && i < MODULES_KEPT; i++) {
        const struct boot_module *from = &boot_info.module[i];
        char *data = va + pa_offset(from->start);

        if (!map(from, &va)) {
            kprintf("process: module %zu cannot be mapped: left out\n", i);
            continue;
        }
        module_add(&(struct module){from->file, data, from->end - from->start, from->start});
    }
    if (count)
        kprintf("process: %zu boot modules are files for programs\n", count);
}

/* Module I, counted from 0; NULL past the last. */
const struct module *module_at(size_t i) { return i < count ? &modules[i] : NULL; }

/* PATH without the directory that may precede a module's name. */
const char *module_base(const char *path) {
    static const char *const before[] = {"/usr/bin/", "/bin/", "/", "./"};

    for (size_t i = 0; i < ARRAY_SIZE(before); i++)
        while (!strncmp(path, before[i], strlen(before[i])))
            path += strlen(before[i]);
    return path;
}

/* The module that PATH names: "/NAME", "NAME", or with "./", "/bin/" or "/usr/bin/" before the name. */
const struct module *module_find(const char *path) {
    const char *name = module_base(path);

    for (const struct module *m = modules; m < modules + count; m++)
        if (!strcmp(m->name, name))
            return m;
    return NULL;
}
