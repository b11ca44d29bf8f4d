/**
 * Physical frames: what each is.
 *
 * The kernel's own records (mm/frames.h) say which are free, reserved, handed out, tables and directories; a state keeps
 * that as KIND. What a frame is used for follows from where it is mapped.
 */
import { FRAMES_START, FREE_START, KERNEL_STACKS, KHEAP_END, KHEAP_START, PTE, WINDOW_START } from "./layout.js";

/** The first six are kinds, too. */
export const USE = {
    ABSENT: 0, FREE: 1, RESERVED: 2, USED: 3, TABLE: 4, DIRECTORY: 5,
    TEXT: 6, RODATA: 7, DATA: 8, LOW: 9, SCREEN: 10, MODULE: 11, HEAP: 12, USER: 13, STACK: 14, RECORDS: 15,
};

const RECORDS_PER_PAGE = 1024;
const KIND_OF_RECORD = [USE.ABSENT, USE.RESERVED, USE.USED, USE.FREE, USE.DIRECTORY, USE.TABLE, USE.ABSENT, USE.ABSENT];

/**
 * The kinds of all frames, as the kernel's records have them. Before there are records, what pm's bitmap does not call
 * available counts as reserved.
 */
export class Kinds {
    /** @param {import("./machine.js").Machine} machine */
    constructor(machine) {
        this.machine = machine;
        this.available = machine.symbols.get("pm_available") >>> 2;
        this.kind = new Uint8Array(machine.size >>> 12);
        this.seen = new Uint32Array(this.kind.length); /* the records as they were last read */
        this.seenFree = new Uint32Array(this.kind.length / 32);
    }

    /** Reads them again. Whether anything has changed. */
    read() {
        const { words } = this.machine;
        let changed = this.differs(this.seenFree, words, this.available, 0, this.seenFree.length);
        for (let start = 0; start < this.kind.length; start += RECORDS_PER_PAGE)
            changed = this.readPage(start, Math.min(RECORDS_PER_PAGE, this.kind.length - start), changed) || changed;
        return changed;
    }

    readPage(start, length, isAvailableChanged) {
        const { machine, kind } = this, page = machine.paging ? machine.walk(FRAMES_START + start * 4) : -1;
        if (page >= 0 && !this.differs(this.seen, machine.words, page >>> 2, start, length) && !isAvailableChanged)
            return false;
        for (let pfn = start; pfn < start + length; pfn++) {
            const isFree = this.seenFree[pfn >>> 5] >>> (pfn & 31) & 1;
            const of = page < 0 ? USE.RESERVED : KIND_OF_RECORD[this.seen[pfn] >>> 29];
            kind[pfn] = isFree && (of === USE.USED || page < 0) ? USE.FREE : of;
        }
        return true;
    }

    /** Copies LENGTH words at AT of WORDS to SEEN, from START on. Whether one was another. */
    differs(seen, words, at, start, length) {
        let differs = false;
        for (let i = 0; i < length; i++)
            if (seen[start + i] !== words[at + i]) {
                seen[start + i] = words[at + i];
                differs = true;
            }
        return differs;
    }
}

function useOfMapping(pdi) {
    const va = pdi * 0x400000;
    return va < FREE_START ? 0
        : va < KHEAP_START ? USE.USER
        : va < KHEAP_END ? USE.HEAP
        : va >= KERNEL_STACKS && va < FRAMES_START ? USE.STACK
        : va >= FRAMES_START && va < WINDOW_START ? USE.RECORDS : 0;
}

/** Calls VISIT(pfn, use) for each page outside the identity map and the window, in every space. */
function eachMapping(state, visit) {
    const seen = new Set();
    for (const { directory } of state.spaces.length ? state.spaces : [{ directory: state.cr3 }]) {
        const top = state.tables.get(directory);
        for (let pdi = 1; top && pdi < 1023; pdi++) {
            const frame = (top[pdi] & PTE.FRAME) >>> 0, use = useOfMapping(pdi);
            const table = top[pdi] & PTE.PRESENT && use && !seen.has(frame) ? state.tables.get(frame) : null;
            seen.add(frame);
            for (let pti = 0; table && pti < 1024; pti++)
                if (table[pti] & PTE.PRESENT)
                    visit(table[pti] >>> 12, use);
        }
    }
}

/** What a reserved frame holds. */
function useOfImage(pa, layout) {
    return pa >= 0xa0000 && pa < 0xc0000 ? USE.SCREEN
        : pa < 0x100000 ? USE.LOW
        : layout.modules.some(module => pa >= module.start && pa < module.end) ? USE.MODULE
        : pa < layout.text_end ? USE.TEXT
        : pa < layout.rodata_end ? USE.RODATA
        : pa < layout.data_end ? USE.DATA
        : pa < layout.kernel_end ? USE.RODATA : USE.RESERVED;
}

/** {total, free, use} of STATE. @param {object} layout the kernel's parts and the modules */
export function classify(state, layout) {
    const use = state.kind.slice();
    let total = 0, free = 0;
    eachMapping(state, (pfn, of) => { if (use[pfn] === USE.USED) use[pfn] = of; });
    for (let pfn = 0; pfn < use.length; pfn++) {
        total += use[pfn] !== USE.ABSENT;
        free += use[pfn] === USE.FREE;
        if (use[pfn] === USE.RESERVED || (use[pfn] === USE.ABSENT && pfn < 256))
            use[pfn] = useOfImage(pfn * 4096, layout);
    }
    return { total, free, use };
}
