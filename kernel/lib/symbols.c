/* What the build knows of an address: the symbol table and the line table at symtab_start.
 *
 * The symbol table is a count, the line table's address, that many records sorted by address, and the names.
 * An address is looked up by binary search, a name from the start. The line table is a sequence of rows, each
 * coded as its distance from the row before (tools/lines.sh says how). They lie in blocks, of which a list has
 * the addresses.
 *
 * In the first link both words are linker.ld's zeros, and nothing is found. Figures:
 * docs/notes/symbols.md. */
#include "symbols.h"

#include "format.h"
#include "memlayout.h"
#include "string.h"

struct symbol {
    unsigned address;
    unsigned size : 31; /* bytes; 0: up to the next symbol */
    unsigned part : 1;  /* split off a function by the compiler, and named after it */
    unsigned name;      /* offset from the table's start */
};

struct line_table {
    unsigned count;   /* of blocks */
    unsigned blocks;  /* where their list is: offset from this table's start, as those of rows and files */
    unsigned files[]; /* their names */
};

struct line_block {
    unsigned address; /* of its first row */
    unsigned rows;    /* where they are */
};

struct symbol_table {
    unsigned count;
    const struct line_table *lines; /* NULL: none */
    struct symbol symbol[];
};

_Static_assert(sizeof(struct symbol) == 12, "the layout that tools/symbols.sh writes");

static const struct symbol_table *table(void) { return (const void *)symtab_start; }

static const char *name_of(const struct symbol *symbol) { return symtab_start + symbol->name; }

/* How many of N records, of SIZE bytes each and sorted by the address that they begin with, start at or before ADDRESS. */
static size_t count_up_to(uintptr_t address, const void *records, size_t n, size_t size) {
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const unsigned *start = (const void *)((const char *)records + middle * size);

        if (*start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Finds the last symbol that starts at or before ADDRESS, or NULL. */
static const struct symbol *last_before(uintptr_t address) {
    size_t n = count_up_to(address, table()->symbol, table()->count, sizeof(struct symbol));

    return n ? &table()->symbol[n - 1] : NULL;
}

/* The symbol that holds ADDRESS, and the offset into it; NULL where none does. */
const char *symbol_at(uintptr_t address, size_t *offset) {
    const struct symbol *symbol = last_before(address);

    if (!symbol || address >= (uintptr_t)kernel_end)
        return NULL;
    if (symbol->size && address - symbol->address >= symbol->size)
        return NULL;
    *offset = address - symbol->address;
    return name_of(symbol);
}

/* The address of NAME; false where there is none. The function comes before the parts split off it. */
bool symbol_address(const char *name, uintptr_t *address) {
    const struct symbol *part = NULL;

    for (size_t i = 0; i < table()->count; i++) {
        const struct symbol *symbol = &table()->symbol[i];

        if (strcmp(name_of(symbol), name) != 0)
            continue;
        if (!symbol->part) {
            *address = symbol->address;
            return true;
        }
        if (!part)
            part = symbol;
    }
    if (!part)
        return false;
    *address = part->address;
    return true;
}

/* The name of symbol I, in the order of addresses; NULL past the last. */
const char *symbol_name(size_t i) { return i < table()->count ? name_of(&table()->symbol[i]) : NULL; }

/* ---- source lines ---- */

/* Reads a number in LEB128: 7 bits a byte, the lowest first; the top bit says that more follow (DWARF 5,
 * 7.6). With a sign, the last byte's bit 6 is it. */
static inline unsigned read_leb128(const uint8_t **at, bool has_sign) {
    const uint8_t *byte = *at;
    unsigned value = *byte & 0x7F, shift = 7;

    for (; *byte & 0x80; shift += 7)
        value |= (*++byte & 0x7Fu) << shift;
    if (has_sign && *byte & 0x40 && shift < 32)
        value |= ~0u << shift;
    *at = byte + 1;
    return value;
}

/* The last block that starts at or before ADDRESS, or NULL. Behind the last in the list is one more, where rows end. */
static const struct line_block *block_of(const struct line_table *lines, uintptr_t address) {
    const struct line_block *block = (const void *)((const char *)lines + lines->blocks);
    size_t n = count_up_to(address, block, lines->count, sizeof(*block));

    return n ? &block[n - 1] : NULL;
}

/* The source file of the code at ADDRESS, and its *LINE; NULL where there is no code. */
const char *source_line(uintptr_t address, unsigned *line) {
    const struct line_table *lines = table()->lines;
    const struct line_block *block = lines ? block_of(lines, address) : NULL;
    unsigned row_address = 0, row_line = 0, file = 0;

    if (!block || address >= (uintptr_t)text_end)
        return NULL;
    const uint8_t *at = (const uint8_t *)lines + block->rows, *end = (const uint8_t *)lines + block[1].rows;
    while (at < end) {
        unsigned step = read_leb128(&at, false);

        row_address += step / 2;
        if (row_address > address)
            break;
        row_line += read_leb128(&at, true);
        if (step % 2)
            file = *at++;
    }
    *line = row_line;
    return (const char *)lines + lines->files[file];
}

/* ---- addresses in words ---- */

/* ADDRESS as "name+0x12", or "?". */
const char *symbol_text(uintptr_t address, char text[SYMBOL_TEXT]) {
    size_t offset;
    const char *name = symbol_at(address, &offset);

    if (name)
        format_buffer(text, SYMBOL_TEXT, "%s+0x%zx", name, offset);
    else
        format_buffer(text, SYMBOL_TEXT, "?");
    return text;
}

/* ADDRESS as "0x00101234 name+0x12". */
const char *address_text(uintptr_t address, char text[ADDRESS_TEXT]) {
    char symbol[SYMBOL_TEXT];

    format_buffer(text, ADDRESS_TEXT, "0x%08x %s", (unsigned)address, symbol_text(address, symbol));
    return text;
}

/* The same of a return address, by the call before it. */
const char *caller_text(uintptr_t eip, char text[ADDRESS_TEXT]) {
    size_t offset;
    const char *name = symbol_at(eip - 1, &offset);

    if (name)
        format_buffer(text, ADDRESS_TEXT, "0x%08x %s+0x%zx", (unsigned)eip, name, offset + 1);
    else
        format_buffer(text, ADDRESS_TEXT, "0x%08x ?", (unsigned)eip);
    return text;
}

#define WIDTH 66 /* a longer line has the file without its directories */

/* Appends the source line of ADDRESS to TEXT. */
static const char *append_source_line(char text[PLACE_TEXT], uintptr_t address) {
    size_t n = strlen(text);
    unsigned line;
    const char *file = source_line(address, &line);

    if (!file)
        return text;
    if (n + strlen(file) > WIDTH)
        for (const char *c = file; *c; c++)
            if (*c == '/')
                file = c + 1;
    format_buffer(text + n, PLACE_TEXT - n, ", %s:%u", file, line);
    return text;
}

/* ADDRESS as "0x00101234 name+0x12, kernel/main.c:88". */
const char *place_text(uintptr_t address, char text[PLACE_TEXT]) {
    address_text(address, text);
    return append_source_line(text, address);
}

/* The same of a return address, by the call before it. */
const char *caller_place_text(uintptr_t eip, char text[PLACE_TEXT]) {
    caller_text(eip, text);
    return append_source_line(text, eip - 1);
}
