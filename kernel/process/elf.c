/* ELF executables. See elf.h.
 *
 * Nothing in the file is trusted: each field that is used is checked first, and headers are copied out, for they
 * may lie at any alignment. Sums cannot overflow, since each term has been compared with the file's size. */
#include "elf.h"

#include "linux.h"
#include "memory.h"
#include "string.h"
#include "user_memory.h"
#include "vmem.h"

#define MAGIC "\177ELF\1\1\1" /* 32-bit, little-endian, version 1 */
#define ET_EXEC 2
#define EM_386 3
#define PT_LOAD 1
#define PT_INTERP 3
#define PF_WRITE 2
#define SEGMENTS_MAX 32
#define SHT_SYMTAB 2
#define STT_OBJECT 1
#define STT_FUNC 2

struct file_header {
    char ident[16];
    uint16_t type, machine;
    uint32_t version, entry, phoff, shoff, flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct program_header {
    uint32_t type, offset, vaddr, paddr, filesz, memsz, flags, align;
};
_Static_assert(sizeof(struct program_header) == ELF_HEADER_SIZE, "System V ABI, figure 5-1");

struct section_header {
    uint32_t name, type, flags, addr, offset, size, link, info, align, entsize;
};

struct symbol {
    uint32_t name, value, size;
    uint8_t info, other;
    uint16_t section;
};

/* Copies SIZE bytes at OFFSET; false where the file has none. */
static bool read_at(const struct module *module, size_t offset, void *to, size_t size) {
    if (offset > module->size || size > module->size - offset)
        return false;
    memcpy(to, module->data + offset, size);
    return true;
}

static bool read_header(const struct module *module, struct file_header *header) {
    return read_at(module, 0, header, sizeof(*header)) && !memcmp(header->ident, MAGIC, sizeof(MAGIC) - 1);
}

static bool read_segment(const struct module *module, const struct file_header *header, unsigned i,
                         struct program_header *segment) {
    return header->phoff <= module->size &&
           read_at(module, header->phoff + i * sizeof(*segment), segment, sizeof(*segment));
}

/* Whether SEGMENT lies inside the file, and in memory at *FREE or above. Moves *FREE past its last page. */
static bool segment_fits(const struct module *module, const struct program_header *segment, uintptr_t *free) {
    if (segment->filesz > segment->memsz || segment->offset > module->size ||
        segment->filesz > module->size - segment->offset || (segment->vaddr - segment->offset) & PAGE_MASK)
        return false;
    if (segment->vaddr < *free || segment->vaddr >= MAPPINGS_END ||
        segment->memsz > MAPPINGS_END - segment->vaddr)
        return false;
    *free = (segment->vaddr + segment->memsz + PAGE_MASK) & ~PAGE_MASK;
    return true;
}

/* Checks that MODULE is a static i386 executable whose segments lie in order in the user part and inside the
 * file, and fills *OUT. */
int elf_check(const struct module *module, struct elf *out) {
    struct file_header header;
    struct program_header segment;
    uintptr_t free = USER_START;

    if (!read_header(module, &header) || header.type != ET_EXEC || header.machine != EM_386 ||
        header.phentsize != sizeof(segment) || header.phnum > SEGMENTS_MAX)
        return -ENOEXEC;
    *out = (struct elf){.entry = header.entry, .header_count = header.phnum};
    for (unsigned i = 0; i < header.phnum; i++) {
        if (!read_segment(module, &header, i, &segment) || segment.type == PT_INTERP)
            return -ENOEXEC;
        if (segment.type != PT_LOAD || segment.memsz == 0)
            continue;
        if (!segment_fits(module, &segment, &free))
            return -ENOEXEC;
        if (header.phoff >= segment.offset && header.phoff - segment.offset < segment.filesz)
            out->headers = segment.vaddr + (header.phoff - segment.offset);
        out->end = segment.vaddr + segment.memsz;
    }
    return out->end ? 0 : -ENOEXEC;
}

/* Maps the pages that the file has, then the clear ones. If the segment has no clear part, its last page
 * shows whatever follows in the file, as on Linux; otherwise the rest of that page is cleared. */
static int map_segment(const struct module *module, const struct program_header *segment) {
    unsigned flags = VMEM_USER | (segment->flags & PF_WRITE ? VMEM_WRITE : 0),
             lead = segment->vaddr & PAGE_MASK;
    char *start = (char *)(uintptr_t)(segment->vaddr - lead);
    size_t offset = segment->offset - lead, bytes = segment->filesz + lead, left = module->size - offset;
    size_t pages = pages_for(segment->memsz + lead), filled = segment->filesz ? pages_for(bytes) : 0;

    if (segment->memsz == segment->filesz)
        bytes = filled * PAGE_SIZE < left ? filled * PAGE_SIZE : left;
    if (filled && memory_map_file(start, module, offset, bytes, flags) < 0)
        return -ENOMEM;
    if (pages > filled && space_reserve(start + filled * PAGE_SIZE, pages - filled, flags) < 0)
        return -ENOMEM;
    return 0;
}

/* Maps the segments of MODULE, which elf_check has passed, into the current space. */
int elf_map(const struct module *module) {
    struct file_header header = {0};
    struct program_header segment;

    read_header(module, &header);
    for (unsigned i = 0; i < header.phnum && read_segment(module, &header, i, &segment); i++)
        if (segment.type == PT_LOAD && segment.memsz && map_segment(module, &segment))
            return -ENOMEM;
    return 0;
}

/* The name at OFFSET of the string table STRINGS, if it ends inside it; else NULL. */
static const char *name_at(const struct module *module, const struct section_header *strings, size_t offset) {
    if (strings->offset > module->size || strings->size > module->size - strings->offset ||
        offset >= strings->size)
        return NULL;
    const char *name = module->data + strings->offset + offset;
    for (size_t i = 0; i < strings->size - offset; i++)
        if (!name[i])
            return name;
    return NULL;
}

static bool read_section(const struct module *module, const struct file_header *header, unsigned i,
                         struct section_header *section) {
    return header->shoff <= module->size && i < header->shnum &&
           read_at(module, header->shoff + i * sizeof(*section), section, sizeof(*section));
}

/* The symbol of TABLE that holds ADDRESS. */
static bool find_symbol(const struct module *module, const struct section_header *table, uintptr_t address,
                        struct symbol *symbol) {
    for (size_t at = 0; at < table->size && read_at(module, table->offset + at, symbol, sizeof(*symbol));
         at += sizeof(*symbol)) {
        unsigned type = symbol->info & 15;
        if ((type == STT_FUNC || type == STT_OBJECT || (type == 0 && symbol->section)) &&
            (address - symbol->value < symbol->size || address == symbol->value))
            return true;
    }
    return false;
}

/* The function or object of MODULE that holds ADDRESS, and the offset into it; NULL if its symbol table, where
 * it has one, knows none. */
const char *elf_symbol(const struct module *module, uintptr_t address, size_t *offset) {
    struct file_header header;
    struct section_header table, strings;
    struct symbol symbol;

    if (!read_header(module, &header) || header.shentsize != sizeof(table))
        return NULL;
    for (unsigned i = 0; read_section(module, &header, i, &table); i++) {
        if (table.type != SHT_SYMTAB) /* a file has one at most */
            continue;
        if (!read_section(module, &header, table.link, &strings) ||
            !find_symbol(module, &table, address, &symbol))
            return NULL;
        *offset = address - symbol.value;
        return name_at(module, &strings, symbol.name);
    }
    return NULL;
}
