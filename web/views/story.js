// An event as a sentence. `Backticks` enclose what is code; an event's kind has a name, a colour and a sign.
import { PTE } from "../lab/model.js";
import { hex, number, plural } from "./dom.js";
import { RECURSIVE, SCRATCH } from "./places.js";

export const KINDS = {
    map: ["an entry is set", "--ok"],
    unmap: ["an entry is cleared", "--user"],
    link: ["a table is linked or unlinked", "--s1"],
    clear: ["a frame is cleared", "--dim"],
    copy: ["entries are copied", "--s2"],
    flush: ["a page is flushed", "--changed"],
    cr3: ["CR3 is loaded", "--warn"],
    paging: ["paging is switched on", "--s4"],
    processor: ["the processor sets bits", "--tlb"],
    poke: ["an entry is changed by hand", "--screen"],
    fault: ["a page fault", "--stale"],
    space: ["a space comes or goes", "--s3"],
    look: ["the kernel reads another table", "--dim"],
    frames: ["frames change hands", "--s3"],
    more: ["not recorded one by one", "--dim"],
};

export function kindOf(event) {
    if (event.kind !== "entry") return KINDS[event.kind] ? event.kind : "more";
    if (event.level === "pd") return "link";
    return event.value & PTE.PRESENT ? "map" : "unmap";
}

export function story(event, look) {
    return (STORIES[event.kind] ?? STORIES.more)(event, look);
}

const change = (before, after) => `${hex(before)} → \`${hex(after)}\``;
const frameOf = entry => hex(entry >>> 12, 5);
const handed = n => (n ? `${plural(n, "frame changes", "frames change")} hands: no entry does. ` : "");
const known = (frames, how) => (frames.length ? `${frames.length > 1 ? "Frames" : "Frame"} ${frames.map(frameOf).join(", ")}: ${how} a page table. ` : "");

const STORIES = {
    entry: (event, look) => (event.level === "pd" ? linked(event) : mapped(event, look)),
    clear: event =>
        `${number(event.count)} entries cleared at one go in frame ${frameOf(event.frame)}: a new table must hold nothing before it is linked.`,
    copy: event => `${number(event.count)} entries copied into frame ${frameOf(event.frame)}.`,
    flush: ({ va, count, cached }) => {
        const pages = count > 1 ? ` and the ${number(count - 1)} pages behind it` : "";
        return `\`invlpg ${hex(va)}\`${pages}: ${cached ? `drops it from the TLB, where it led to ${hex(cached.pa)}.` : "the TLB is to forget it; it was not cached."}`;
    },
    cr3: ({ value, before, dropped }) => {
        const lost = dropped ? ` ${plural(dropped, "page")} drop out of the TLB.` : "";
        return value === before
            ? `\`mov %eax, %cr3\` with the same directory: it empties the TLB.${lost}`
            : `\`mov %eax, %cr3\`: ${hex(value)} is the page directory from now on.${lost}`;
    },
    paging: () => "`CR0.PG` and `CR0.WP` are set: from the next instruction on each address is translated.",
    processor: (event, look) =>
        `The processor itself sets bits in ${plural(event.words.length, "entry", "entries")}: ${words(event, look, bits)}.`,
    poke: (event, look) =>
        `Behind the kernel's back: ${words(event, look, ([, , before, after]) => ` ${change(before, after)}`)}. Nothing is flushed.`,
    fault: ({ va, error }) =>
        `A page fault at \`${hex(va)}\`: ${error & 4 ? "a program" : "the kernel"} ${error & 2 ? "writes" : "reads"}, and the page is ${error & 1 ? "present but does not allow it" : "not present"}.`,
    space: ({ directory, pid, name, gone }) =>
        `${gone ? "A space is given back" : pid ? `A space belongs to \`${pid} ${name}\`` : "A new space"}, its directory in frame ${frameOf(directory)}.`,
    look: () => "The kernel reads another space's table through the scratch page.",
    frames: event => handed(event.frames?.length ?? 0) + known(event.adopt ?? [], "seen to be") + known(event.drop?.map(({ frame }) => frame) ?? [], "no longer"),
    more: event =>
        `${number(event.left ?? 0)} more steps, too many to keep one by one: ${plural(event.words?.length ?? 0, "entry", "entries")} changed.`,
};

function linked({ index, before, value }) {
    const what = !(value & PTE.PRESENT)
        ? "its table is unlinked"
        : index === RECURSIVE
          ? "the directory becomes its own last table: the window"
          : before & PTE.PRESENT
            ? "the entry changes"
            : "a page table is linked";
    return `\`PD[${index}]\` ${change(before, value)}: ${what}.`;
}

function mapped({ frame, index, count, before, value, va }) {
    const run = count > 1 ? ` and the ${number(count - 1)} behind it` : "";
    if (va === null || va === undefined)
        return `Entry ${index}${run} of frame ${frameOf(frame)}, not linked yet: ${change(before, value)}.`;
    return `\`PT[${index}]\`${run} ${change(before, value)}: ${meaning(va, before, value)}.`;
}

function meaning(va, before, value) {
    const page = hex(va);
    if (va >>> 12 === SCRATCH)
        return value & PTE.PRESENT ? "the scratch page shows the new table's frame" : "the scratch page is gone again";
    if (!(value & PTE.PRESENT))
        return value & PTE.SPACE_PAGE
            ? `${page} is promised: it comes clear at its first touch`
            : `${page} is unmapped`;
    if (!(before & PTE.PRESENT))
        return `${page} leads to frame ${frameOf(value)}, ${value & PTE.WRITE ? "writable" : value & PTE.SPACE_COPY ? "read-only until it is written to" : "read-only"}`;
    if ((before ^ value) & PTE.FRAME) return `${page} leads to another frame, ${frameOf(value)}`;
    if (before & PTE.WRITE && !(value & PTE.WRITE))
        return `${page} becomes read-only${value & PTE.SPACE_COPY ? ": shared, a write now faults" : ""}`;
    if (!(before & PTE.WRITE) && value & PTE.WRITE) return `${page} becomes writable`;
    return `${page} changes`;
}

const SHOWN = 4;
function words(event, look, tell) {
    const list = event.words.slice(0, SHOWN).map(word => "`" + nameOf(word, look) + "`" + tell(word));
    return list.join(", ") + (event.words.length > SHOWN ? ` and ${number(event.words.length - SHOWN)} more` : "");
}
const bits = ([, , before, after]) =>
    " " +
    [after & ~before & PTE.ACCESSED ? "accessed" : "", after & ~before & PTE.DIRTY ? "dirty" : ""]
        .filter(Boolean)
        .join(" and ");

function nameOf([frame, index], look) {
    const place = look.placeOf(frame, index);
    if (!place) return `entry ${index} of frame ${frameOf(frame)}`;
    return place.page === null ? `PD[${index}]` : `PT[${index}] of ${hex(place.page << 12)}`;
}

export const plainStory = (event, look) => story(event, look).replaceAll("`", "");
