/* ELF files: whatever elf_check passes has segments inside the file and the user part, each above the last, as a reader
 * of its own finds; elf_map asks for no more; elf_symbol answers inside the file. */
#include "fuzz.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernel/process/elf.h"
#include "../../kernel/process/memory.h"
#include "space.h"

static const struct module *file;
static uintptr_t top; /* of what has been mapped */

static void expect_above(const void *va, size_t bytes) {
    uintptr_t start = (uintptr_t)va;
    EXPECT(start % PAGE_SIZE == 0 && start >= top && start >= FREE_START && bytes > 0);
    top = (start + bytes + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
    EXPECT(top > start && top <= MAPPINGS_END);
}

int memory_map_file(char *va, const struct module *module, size_t offset, size_t bytes, unsigned flags) {
    (void)flags;
    EXPECT(module == file && offset % PAGE_SIZE == 0 && offset <= module->size && bytes <= module->size - offset);
    expect_above(va, bytes);
    return 0;
}

int space_reserve(void *va, size_t pages, unsigned flags) {
    (void)flags;
    expect_above(va, pages * PAGE_SIZE);
    return 0;
}

/* A static executable's header and segments, copied out; false where the file is none. */
static bool is_executable(const struct module *module, Elf32_Ehdr *header) {
    if (module->size < sizeof *header)
        return false;
    memcpy(header, module->data, sizeof *header);
    return !memcmp(header->e_ident, "\177ELF\1\1\1", 7) && header->e_type == ET_EXEC && header->e_machine == EM_386;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1); /* a read past its end is found */
    memcpy(exact, data, size);
    struct module module = {.data = exact, .size = size};
    struct elf elf;
    Elf32_Ehdr header;
    size_t offset;

    file = &module;
    top = 0;
    if (elf_check(&module, &elf) == 0) {
        EXPECT(is_executable(&module, &header) && elf.entry == header.e_entry);
        EXPECT(elf_map(&module) == 0);
        EXPECT(top && elf.end <= top && elf.end > top - PAGE_SIZE);
    }
    for (uintptr_t address = 0x08048000; address < 0x08048010; address += 4) {
        const char *name = elf_symbol(&module, address, &offset);
        EXPECT(!name || (name >= exact && name + strlen(name) < exact + size));
    }
    free(exact);
    return 0;
}
