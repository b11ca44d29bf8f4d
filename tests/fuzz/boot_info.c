/* The boot information: the input is a piece of memory that begins with it, and its addresses lead into the same piece.
 * What was read is compared with a reader of its own; then memory is built from it, where that is possible. */
#include "fuzz.h"

#include <string.h>

#include "boot_info.h"
#include "frames.h"
#include "memlayout.h"
#include "pm.h"

#define INPUT_MAX 4096u
#define MODULES_MOST 64
#define ENTRIES_MOST (INPUT_MAX / 24 + 1)

enum { MEMORY = 1, CMDLINE = 4, MODULES = 8, MMAP = 64, LOADER = 512 };

static struct {
    uint8_t bytes[INPUT_MAX];
    uint8_t after[3 * INPUT_MAX]; /* zero: whatever begins in the input ends here */
} memory;

/* The words of the information (Multiboot 0.6.96, section 3.3). */
enum { FLAGS, LOWER, UPPER, DEVICE, LINE, MODS_COUNT, MODS, MMAP_LENGTH = 11, MMAP_ADDRESS, NAME = 16 };

static uint32_t word(size_t offset) {
    uint32_t value;
    memcpy(&value, (uint8_t *)&memory + offset, 4);
    return value;
}

static void set_word(size_t offset, uint32_t value) { memcpy((uint8_t *)&memory + offset, &value, 4); }

/* The address in word WHICH leads into the input, behind its first FROM bytes; where that allows it, sometimes to the last
 * bytes of all. */
static void lead(unsigned which, size_t from, bool top) {
    uint32_t value = word(which * 4);
    if (top && value >= 0xFFFFFFF5)
        return;
    set_word(which * 4, value ? (uint32_t)((uintptr_t)memory.bytes + from + value % (INPUT_MAX - from)) : 0);
}

static void load(const uint8_t *data, size_t size) {
    memset(&memory, 0, sizeof memory);
    memcpy(memory.bytes, data, size < INPUT_MAX ? size : INPUT_MAX);
    set_word(MODS_COUNT * 4, word(MODS_COUNT * 4) % MODULES_MOST);
    set_word(MMAP_LENGTH * 4, word(MMAP_LENGTH * 4) % INPUT_MAX);
    lead(LINE, 0, false);
    lead(NAME, 0, false);
    lead(MODS, 128, true); /* behind the information: their names are led, too */
    lead(MMAP_ADDRESS, 0, true);
    for (uint32_t at = word(MODS * 4) - (uint32_t)(uintptr_t)memory.bytes; at < INPUT_MAX; at += 16)
        set_word(at + 8, (uint32_t)(uintptr_t)memory.bytes + word(at + 8) % INPUT_MAX);
}

static bool readable(uint64_t address, uint64_t size) { return address && address + size <= (uint64_t)1 << 32; }

/* Copies the whole entries of the map to MAP; a size below 20 ends it, and one that passes the end is the last. */
static size_t own_entries(struct memmap_entry *map) {
    uint64_t address = word(MMAP_ADDRESS * 4), length = word(MMAP_LENGTH * 4), at = 0;
    size_t entries = 0;

    if (!address)
        length = 0;
    else if (address + length > (uint64_t)1 << 32)
        length = ((uint64_t)1 << 32) - address;
    while (at + 24 <= length && readable(address + at, 24)) {
        uint32_t size;
        memcpy(&size, (const void *)(uintptr_t)(address + at), 4);
        if (size < 20)
            break;
        memcpy(&map[entries], (const void *)(uintptr_t)(address + at + 4), 20);
        entries++;
        at += (uint64_t)size + 4;
    }
    return entries;
}

static size_t own_modules(void) {
    size_t n = 0;
    while (n < word(MODS_COUNT * 4) && readable(word(MODS * 4) + (word(MODS * 4) ? 16 * n : 0), 16) && word(MODS * 4))
        n++;
    return n;
}

/* The modules kept are as their descriptors say. */
static void check_modules(void) {
    for (size_t i = 0; i < boot_info.modules && i < MODULES_KEPT; i++) {
        uint32_t descriptor[4];
        memcpy(descriptor, (const void *)(uintptr_t)(word(MODS * 4) + 16 * i), 16);
        const struct boot_module *module = &boot_info.module[i];
        EXPECT(module->start == descriptor[0]);
        EXPECT(module->end == (descriptor[1] < descriptor[0] ? descriptor[0] : descriptor[1]));
    }
}

/* Where the map has N entries, mem_lower and mem_upper do not count. */
static bool own_is_memory(const struct memmap_entry *map, size_t n, uint64_t start, uint64_t end) {
    const struct memmap_entry sizes[] = {{0, (uint64_t)boot_info.mem_lower << 10, MEMMAP_RAM},
                                         {LOW_MEMORY_END, (uint64_t)boot_info.mem_upper << 10, MEMMAP_RAM}};
    bool found = start < (uintptr_t)kernel_end && end > (uintptr_t)kernel_start;

    for (size_t i = 0; i < (n ? n : 2); i++) {
        const struct memmap_entry *entry = n ? &map[i] : &sizes[i];
        uint64_t past = entry->base + entry->length < entry->base ? UINT64_MAX : entry->base + entry->length;
        found |= entry->type == MEMMAP_RAM && entry->length && entry->base < end && past > start;
    }
    return found;
}

/* About each end of each of the N entries, and of the kernel. */
static void check_is_memory(const struct memmap_entry *map, size_t n) {
    for (size_t i = 0; i < 2 * n + 2; i++) {
        const struct memmap_entry *entry = &map[i / 2];
        uint64_t border = i < 2 * n ? entry->base + (i % 2 ? entry->length : 0)
                                    : (uintptr_t)(i % 2 ? kernel_end : kernel_start);
        for (uint64_t start = border - 2; start != border + 2; start++)
            for (uint64_t bytes = 1; bytes <= PAGE_SIZE; bytes *= 64)
                if (start + bytes > start)
                    EXPECT(boot_info_is_memory(start, start + bytes) == own_is_memory(map, n, start, start + bytes));
    }
}

static void check_text(const char *text, size_t room, unsigned which, unsigned flag) {
    const char *from = word(FLAGS * 4) & flag ? (const char *)(uintptr_t)word(which * 4) : NULL;
    size_t n = from ? strlen(from) : 0;
    EXPECT(strlen(text) == (n < room ? n : room - 1));
    EXPECT(!memcmp(text, from ? from : "", strlen(text)));
}

static void build(void *arg) {
    (void)arg;
    boot_info_memory();
}

static bool is_available(uint64_t pa) { return bitmap_test(pm_available, (size_t)(pa / PAGE_SIZE)); }

/* What is reserved is not handed out. */
static void check_memory(void) {
    for (uint64_t pa = 0; pa < LOW_MEMORY_END; pa += PAGE_SIZE)
        EXPECT(!is_available(pa));
    EXPECT(!is_available((uintptr_t)kernel_start) && !is_available((uintptr_t)kernel_end - 1));
    for (size_t i = 0; i < boot_info.modules && i < MODULES_KEPT; i++)
        if (boot_info.module[i].end > boot_info.module[i].start)
            EXPECT(!is_available(boot_info.module[i].start) && !is_available(boot_info.module[i].end - 1));
    struct pm_counts counts = pm_count();
    EXPECT(counts.total >= counts.free + counts.reserved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    load(data, size);
    memset(&boot_info, 0, sizeof boot_info);
    boot_info_read((paddr_t)(uintptr_t)memory.bytes);
    static struct memmap_entry map[ENTRIES_MOST];
    uint32_t flags = word(FLAGS * 4);
    size_t entries = flags & MMAP ? own_entries(map) : 0;
    EXPECT(boot_info.memmap_entries == entries);
    check_is_memory(map, entries);
    EXPECT(boot_info.modules == (flags & MODULES ? own_modules() : 0));
    check_modules();
    EXPECT(boot_info.mem_upper == (flags & MEMORY ? word(UPPER * 4) : 0));
    check_text(boot_info.cmdline, sizeof boot_info.cmdline, LINE, CMDLINE);
    check_text(boot_info.loader, sizeof boot_info.loader, NAME, LOADER);
    if (!fuzz_panics(build, NULL))
        check_memory();
    return 0;
}
