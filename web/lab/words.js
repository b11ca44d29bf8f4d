/** Events in plain words. */
import { PTE, regionOf } from "./layout.js";

export const hex = (value, digits = 8) => "0x" + (value >>> 0).toString(16).padStart(digits, "0");

const entryText = value => value & PTE.PRESENT ? hex(value) : value ? `${hex(value)} (absent)` : "absent";

function describeEntry(event) {
    const level = event.level === "pd" ? "PD" : event.level === "pt" ? "PT" : "word";
    const run = event.count > 1 ? `${level}[${event.index}] to ${level}[${event.index + event.count - 1}]` : `${level}[${event.index}]`;
    return `${run} in frame ${hex(event.frame)}: ${entryText(event.before)} → ${entryText(event.value)}`;
}

function describeBits(event) {
    const first = event.words[0], more = event.words.length - 1;
    const set = first[3] & ~first[2], names = [set & PTE.ACCESSED && "accessed", set & PTE.DIRTY && "dirty"].filter(Boolean);
    return `the processor marked entry ${first[1]} in frame ${hex(first[0])} ${names.join(" and ") || "anew"}` + (more ? `, and ${more} more` : "");
}

const describeSpace = event =>
    event.gone ? `the space of ${event.name || "nobody"} (${event.pid}) is given back`
        : event.pid ? `the space with directory ${hex(event.directory)} is ${event.name}'s (${event.pid})`
        : `a new space, directory ${hex(event.directory)}`;

function describeFault(event) {
    const what = event.error & 2 ? "write to" : "read of", why = event.error & 1 ? "refused" : "not present";
    return `page fault: ${what} ${hex(event.va)}, ${why}; ${regionOf(event.va).name}`;
}

const DESCRIBE = {
    entry: describeEntry,
    processor: describeBits,
    space: describeSpace,
    fault: describeFault,
    clear: event => `frame ${hex(event.frame)} cleared: ${event.count} words`,
    copy: event => `${event.count} words copied into frame ${hex(event.frame)}`,
    flush: event => event.count > 1 ? `invlpg: ${event.count} pages from ${hex(event.va)}` : `invlpg ${hex(event.va)}`,
    cr3: event => event.same ? `CR3 loaded again with ${hex(event.value)}: the TLB is empty` : `CR3 = ${hex(event.value)}: another directory`,
    look: () => "the kernel looked at tables through the scratch page",
    paging: () => "paging is on",
    poke: event => `${event.words.length === 1 ? "an entry" : event.words.length + " entries"} changed behind mm's back`,
    frames: event => `frames changed hands: ${(event.frames ?? []).length}`,
    more: event => `and more changes, ${event.left} steps in one: ${event.words.length} words`,
};

/** One event in a line. */
export const describe = event => DESCRIBE[event.kind]?.(event) ?? event.kind;
