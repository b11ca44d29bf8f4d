/**
 * The model: what the page tables, spaces and frames were at any moment, from events alone.
 *
 * An event says what changed, with the values before and after, so it can be applied and taken back. The state at any
 * moment is made by applying events to an empty state; nothing else ever changes one. No machine is needed here. (The TLB
 * and the fault of a state are filled in by lab.js: they change nothing.)
 *
 * @typedef {[number, number, number, number]} Word   frame, index, before, after
 * @typedef {object} Event
 * @property {string} kind
 * @property {Word[]} [words]                          every word of a known table that changed
 * @property {number[]} [adopt]                        frames that are known as tables from here on (clear, but for WORDS)
 * @property {{frame: number, table: Uint32Array}[]} [drop]   frames that are no tables any more, as they were
 * @property {[number, number, number][]} [frames]     page frame number, kind before and after
 * @property {[number, number]} [cr3]
 * @property {boolean} [startsPaging]
 * @property {[object | null, object | null][]} [spaces]   records of spaces, before and after
 *
 * @typedef {object} State
 * @property {number} t                                 how many events have happened
 * @property {number} moves                             counts the changes of this record
 * @property {number} cr3
 * @property {boolean} paging
 * @property {{directory: number, pid: number, name: string}[]} spaces
 * @property {Map<number, Uint32Array>} tables          by the physical address of the frame
 * @property {{va: number, pa: number, writable: boolean, user: boolean, stale: boolean}[] | null} tlb
 * @property {{total: number, free: number, use: Uint8Array}} frames
 * @property {{address: number | null, error: number | null, cause: string, text: string} | null} fault
 */
import { classify } from "./frames.js";
import { PTE } from "./layout.js";

/** An empty machine: no tables, no frames known. @param {number} frames how many page frames there are */
export function emptyState(frames, layout) {
    const kind = new Uint8Array(frames);
    const state = { t: 0, moves: 0, cr3: 0, paging: false, spaces: [], tables: new Map(), tlb: null, fault: null, kind };
    let known = -1, found = null;
    Object.defineProperty(state, "frames", { enumerable: true, get: () => {
        if (known !== state.moves)
            found = classify(state, layout);
        known = state.moves;
        return found;
    } });
    return state;
}

/** Sets one word of a known table; others are passed over. */
function setWord(state, frame, index, value) {
    const table = state.tables.get(frame);
    if (table)
        table[index] = value;
}

function replaceSpace(state, from, to) {
    const at = from ? state.spaces.findIndex(space => space.directory === from.directory) : -1;
    if (at >= 0 && to)
        state.spaces[at] = to;
    else if (at >= 0)
        state.spaces.splice(at, 1);
    else if (to)
        state.spaces.push(to);
    state.spaces.sort((a, b) => a.pid - b.pid || a.directory - b.directory);
}

/** STATE, one event later. */
export function apply(state, event) {
    for (const frame of event.adopt ?? [])
        state.tables.set(frame, new Uint32Array(1024));
    for (const [frame, index, , after] of event.words ?? [])
        setWord(state, frame, index, after);
    for (const { frame } of event.drop ?? [])
        state.tables.delete(frame);
    for (const [pfn, , after] of event.frames ?? [])
        state.kind[pfn] = after;
    for (const [from, to] of event.spaces ?? [])
        replaceSpace(state, from, to);
    if (event.cr3)
        state.cr3 = event.cr3[1];
    if (event.startsPaging)
        state.paging = true;
    state.t++;
    state.moves++;
}

/** STATE, one event earlier: EVENT is the last that was applied. */
export function revert(state, event) {
    if (event.startsPaging)
        state.paging = false;
    if (event.cr3)
        state.cr3 = event.cr3[0];
    for (const [from, to] of (event.spaces ?? []).toReversed())
        replaceSpace(state, to, from);
    for (const [pfn, before] of event.frames ?? [])
        state.kind[pfn] = before;
    for (const { frame, table } of event.drop ?? [])
        state.tables.set(frame, table.slice());
    for (const [frame, index, before] of (event.words ?? []).toReversed())
        setWord(state, frame, index, before);
    for (const frame of event.adopt ?? [])
        state.tables.delete(frame);
    state.t--;
    state.moves++;
}

/** Moves STATE to the moment T of EVENTS, forwards or backwards. */
export function moveTo(state, events, t) {
    while (state.t < t)
        apply(state, events[state.t]);
    while (state.t > t)
        revert(state, events[state.t - 1]);
}

/**
 * The four steps of a translation, as the tables have them.
 * @param {State} state @param {number} va @param {number} [directory]
 */
export function walk(state, va, directory = state.cr3) {
    const pdi = va >>> 22, pti = va >>> 12 & 1023, offset = va & 4095;
    const step = { pdi, pti, offset, directory, pde: 0, table: null, pte: 0, pa: null, writable: false, user: false, absent: "PD" };
    step.pde = state.tables.get(directory)?.[pdi] ?? 0;
    if (!(step.pde & PTE.PRESENT))
        return step;
    step.table = (step.pde & PTE.FRAME) >>> 0;
    step.pte = state.tables.get(step.table)?.[pti] ?? 0;
    if (!(step.pte & PTE.PRESENT))
        return { ...step, absent: "PT" };
    const both = step.pde & step.pte;
    return { ...step, absent: null, pa: ((step.pte & PTE.FRAME) | offset) >>> 0, writable: !!(both & PTE.WRITE), user: !!(both & PTE.USER) };
}

/** Where VA leads, or null. */
export const translate = (state, va, directory) => walk(state, va, directory).pa;

/** The present pages of a space: [{va, pde, pte}], ascending; the window included. */
export function pagesOf(state, directory = state.cr3) {
    const pages = [], top = state.tables.get(directory);
    for (let pdi = 0; top && pdi < 1024; pdi++) {
        const table = top[pdi] & PTE.PRESENT ? state.tables.get((top[pdi] & PTE.FRAME) >>> 0) : null;
        for (let pti = 0; table && pti < 1024; pti++)
            if (table[pti] & PTE.PRESENT)
                pages.push({ va: (pdi << 22 | pti << 12) >>> 0, pde: top[pdi], pte: table[pti] });
    }
    return pages;
}

export { describe } from "./words.js";
export { PTE, BITS, regionOf } from "./layout.js";
export { USE } from "./frames.js";
