/* The symbol table: what tools/symbols.sh made of the first pass's image, at symtab_start.
 *
 * A count, that many records sorted by address, then the names. In the first pass the table is linker.ld's
 * count of 0, and nothing is found. Addresses are looked up by binary search, names one by one. */
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

struct symbol_table {
    unsigned count;
    struct symbol symbol[];
};

_Static_assert(sizeof(struct symbol) == 12, "the layout that tools/symbols.sh writes");

static const struct symbol_table *table(void) { return (const struct symbol_table *)symtab_start; }

static const char *name_of(const struct symbol *symbol) { return symtab_start + symbol->name; }

/* The last symbol that starts at or before ADDRESS, or NULL. */
static const struct symbol *last_before(uintptr_t address) {
    size_t low = 0, high = table()->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (table()->symbol[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &table()->symbol[low - 1] : NULL;
}

const char *symbol_at(uintptr_t address, size_t *offset) {
    const struct symbol *symbol = last_before(address);

    if (!symbol || address >= (uintptr_t)kernel_end)
        return NULL;
    if (symbol->size && address - symbol->address >= symbol->size)
        return NULL;
    *offset = address - symbol->address;
    return name_of(symbol);
}

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

const char *symbol_name(size_t i) { return i < table()->count ? name_of(&table()->symbol[i]) : NULL; }

const char *symbol_text(uintptr_t address, char text[SYMBOL_TEXT]) {
    size_t offset;
    const char *name = symbol_at(address, &offset);

    if (name)
        format_buffer(text, SYMBOL_TEXT, "%s+0x%zx", name, offset);
    else
        format_buffer(text, SYMBOL_TEXT, "?");
    return text;
}

const char *address_text(uintptr_t address, char text[ADDRESS_TEXT]) {
    char symbol[SYMBOL_TEXT];

    format_buffer(text, ADDRESS_TEXT, "0x%08x %s", (unsigned)address, symbol_text(address, symbol));
    return text;
}

const char *caller_text(uintptr_t eip, char text[ADDRESS_TEXT]) {
    size_t offset;
    const char *name = symbol_at(eip - 1, &offset);

    if (name)
        format_buffer(text, ADDRESS_TEXT, "0x%08x %s+0x%zx", (unsigned)eip, name, offset + 1);
    else
        format_buffer(text, ADDRESS_TEXT, "0x%08x ?", (unsigned)eip);
    return text;
}
