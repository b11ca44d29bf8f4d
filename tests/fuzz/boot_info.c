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

/* The address in WORD leads into the input; where that allows it, sometimes to the last bytes of all. */
static void lead(unsigned which, bool top) {
    uint32_t value = word(which * 4);
    if (top && value >= 0xFFFFFFF5)
        return;
    set_word(which * 4, value ? (uint32_t)(uintptr_t)memory.bytes + value % INPUT_MAX : 0);
}

static void load(const uint8_t *data, size_t size) {
    memset(&memory, 0, sizeof memory);
    memcpy(memory.bytes, data, size < INPUT_MAX ? size : INPUT_MAX);
    set_word(MODS_COUNT * 4, word(MODS_COUNT * 4) % MODULES_MOST);
    set_word(MMAP_LENGTH * 4, word(MMAP_LENGTH * 4) % INPUT_MAX);
    lead(LINE, false);
    lead(NAME, false);
    lead(MODS, true);
    if (word(MODS * 4) && word(MODS * 4) < 0xFFFFFFF5) /* behind the information: their names are led, too */
        set_word(MODS * 4, (uint32_t)(uintptr_t)memory.bytes + 128 + word(MODS * 4) % (INPUT_MAX - 128));
    lead(MMAP_ADDRESS, true);
    for (uint32_t at = word(MODS * 4) - (uint32_t)(uintptr_t)memory.bytes; at < INPUT_MAX; at += 16)
        set_word(at + 8, (uint32_t)(uintptr_t)memory.bytes + word(at + 8) % INPUT_MAX);
}

static bool readable(uint64_t address, uint64_t size) { return address && address + size <= (uint64_t)1 << 32; }

/* The whole entries of the map; a size below 20 ends it, and one that passes the end is the last. */
static size_t own_entries(void) {
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
    uint32_t flags = word(FLAGS * 4);
    EXPECT(boot_info.memmap_entries == (flags & MMAP ? own_entries() : 0));
    EXPECT(boot_info.modules == (flags & MODULES ? own_modules() : 0));
    EXPECT(boot_info.mem_upper == (flags & MEMORY ? word(UPPER * 4) : 0));
    check_text(boot_info.cmdline, sizeof boot_info.cmdline, LINE, CMDLINE);
    check_text(boot_info.loader, sizeof boot_info.loader, NAME, LOADER);
    if (!fuzz_panics(build, NULL))
        check_memory();
    return 0;
}
