// What lies where: names, letters and colours of the parts of memory (include/memlayout.h), for pages and for frames.
import { USE, PTE } from "../lab/model.js";

export const ENTRIES = 1024,
    RECURSIVE = 1023,
    SCRATCH = 0x3ff;
export const USER_START = 0x400000,
    USER_END = 0xc0000000,
    WINDOW = 0xffc00000;

// A region's index is what a grid's cell carries; `color` is a variable of style/theme.css; `page` says what a page of
// it is, `frame` what a frame is.
const region = (key, letter, page, frame = page) => ({ key, letter, page, frame, color: "--" + key });
export const REGIONS = [
    { key: "none", letter: "", page: "nothing", frame: "free" },
    region("low", "L", "the PC's first MiB"),
    region("screen", "S", "the screen's memory"),
    region("code", "C", "kernel code"),
    region("constants", "R", "kernel constants"),
    region("data", "D", "kernel data and stacks"),
    region("identity", "I", "memory at its own address", "free"),
    region("heap", "H", "kernel heap"),
    region("user", "U", "the user part", "a program's page, or a page made by map"),
    region("table", "T", "a page table"),
    region("directory", "P", "a page directory"),
    region("device", "V", "a device"),
    region("module", "M", "a boot module"),
    region("stack", "K", "a program's kernel stack"),
    region("records", "F", "records of the frames"),
    region("used", "O", "handed out", "handed out, mapped only at its own address"),
];
export const REGION = Object.fromEntries(REGIONS.map((entry, i) => [entry.key, i]));
// Among the frames these are drawn hollow: nobody writes to them.
export const HOLLOW = new Set([REGION.low, REGION.code, REGION.constants]);

const BY_USE = {
    [USE.ABSENT]: "none",
    [USE.FREE]: "none",
    [USE.RESERVED]: "low",
    [USE.USED]: "used",
    [USE.TABLE]: "table",
    [USE.DIRECTORY]: "directory",
    [USE.TEXT]: "code",
    [USE.RODATA]: "constants",
    [USE.DATA]: "data",
    [USE.LOW]: "low",
    [USE.SCREEN]: "screen",
    [USE.MODULE]: "module",
    [USE.HEAP]: "heap",
    [USE.USER]: "user",
    [USE.STACK]: "stack",
    [USE.RECORDS]: "records",
};
export const regionOfFrame = (use, pfn) => REGION[BY_USE[use[pfn] ?? USE.ABSENT]];

const ABOVE = [
    [0xfffff000, "directory"],
    [WINDOW, "table"],
    [0xff800000, "records"],
    [0xff400000, "stack"],
    [0xf8000000, "module"],
    [0xf0000000, "device"],
    [USER_END, "heap"],
    [0, "user"],
].map(([start, key]) => [start, REGION[key]]);
const above = va => ABOVE.find(([start]) => va >= start)[1];

// The first 4 MiB are mapped to themselves: there a page is what its frame is.
export function regionOfPage(page, use) {
    const va = (page << 12) >>> 0;
    return va < USER_START ? regionOfFrame(use, page) || REGION.identity : above(va);
}
export const regionOfPde = i => (i === 0 ? REGION.code : i === RECURSIVE ? REGION.directory : above((i << 22) >>> 0));

export function permissions(entry) {
    return [
        entry & PTE.WRITE ? "writable" : "read-only",
        entry & PTE.USER ? "user" : "kernel",
        entry & PTE.ACCESSED ? "accessed" : "not accessed",
        entry & PTE.DIRTY ? "dirty" : "clean",
    ];
}
