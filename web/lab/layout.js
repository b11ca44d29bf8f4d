/** The address space, as include/memlayout.h has it, and the bits of an entry. */

export const PTE = {
    PRESENT: 1, WRITE: 2, USER: 4, WRITE_THROUGH: 8, CACHE_DISABLE: 16, ACCESSED: 32, DIRTY: 64, LARGE: 128, GLOBAL: 256,
    SPACE_PAGE: 0x200, SPACE_COPY: 0x400, VIEW: 0x800, FRAME: 0xfffff000,
};

/** Every bit of an entry below its frame, in words. */
export const BITS = [
    { bit: PTE.PRESENT, letter: "P", name: "present" },
    { bit: PTE.WRITE, letter: "W", name: "writable" },
    { bit: PTE.USER, letter: "U", name: "user" },
    { bit: PTE.WRITE_THROUGH, letter: "T", name: "write-through" },
    { bit: PTE.CACHE_DISABLE, letter: "N", name: "not cached" },
    { bit: PTE.ACCESSED, letter: "A", name: "accessed" },
    { bit: PTE.DIRTY, letter: "D", name: "dirty" },
    { bit: PTE.LARGE, letter: "L", name: "large page (PT: PAT)" },
    { bit: PTE.GLOBAL, letter: "G", name: "global" },
    { bit: PTE.SPACE_PAGE, letter: "s", name: "a space's page (software)" },
    { bit: PTE.SPACE_COPY, letter: "c", name: "copied when written (software)" },
    { bit: PTE.VIEW, letter: "v", name: "a view (software)" },
];

export const SCRATCH_PAGE = 0x003ff000, FREE_START = 0x00400000, KHEAP_START = 0xc0000000, KHEAP_END = 0xf0000000;
export const KERNEL_STACKS = 0xff400000, FRAMES_START = 0xff800000, WINDOW_START = 0xffc00000, DIRECTORY_WINDOW = 0xfffff000;
export const EGA_TEXT = 0x000b8000;

const REGIONS = [
    { start: 0x00000000, name: "null page" },
    { start: 0x00001000, name: "first MiB" },
    { start: 0x00100000, name: "kernel image and low memory" },
    { start: SCRATCH_PAGE, name: "scratch page" },
    { start: FREE_START, name: "user part" },
    { start: KHEAP_START, name: "kernel heap" },
    { start: KHEAP_END, name: "devices" },
    { start: 0xf8000000, name: "boot modules" },
    { start: KERNEL_STACKS, name: "kernel stacks" },
    { start: FRAMES_START, name: "frame records" },
    { start: WINDOW_START, name: "page tables (window)" },
    { start: DIRECTORY_WINDOW, name: "page directory (window)" },
];

/** The part of the address space that VA lies in: [start, end). */
export function regionOf(va) {
    const i = REGIONS.findLastIndex(region => region.start <= va >>> 0);
    return { ...REGIONS[i], end: REGIONS[i + 1]?.start ?? 0x100000000 };
}
