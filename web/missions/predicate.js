// The little language in which missions say what must hold: one key an object. It is evaluated on the live tables, the
// TLB, the events since the mission began, and on what the reader looks at.
//
//   {all: [p...]}, {any: [p...]}, {not: p}
//   {page: {va, frame, ENTRY}}        the entry of the page at VA, in the running space
//   {some: {from, to, ENTRY}}         a page in [from, to) with such an entry
//   {sameFrame: {from, to}}           two pages in [from, to) that lead to one frame
//   {stale: {from, to}}               a page of [from, to) in the TLB, of which the tables say something else
//   {happened: EVENT}                 such an event, since the mission began
//   {reported: ENTRY}                 the kernel has reported a page fault with such an error code
//   {standing: EVENT}                 the reader stands on the step that is such an event
//   {looking: {from, to}}             the address shown lies in [from, to)
//   {seen: EVENT}                     the reader has stood on every step of a command, one of them such an event
//   {sharing: {directories}}          at the moment shown, that many spaces lead to one frame, read-only and to be copied
//   {answer: i}                       the reader chose answer i
//
// ENTRY: has, lacks: names of bits, as in "PRESENT ACCESSED". EVENT: kind, level, from, to (of va), value and before
// (each an ENTRY), error (an ENTRY of the error code's bits), cached (whether the TLB held the page).
import { PTE } from "../lab/model.js";

const ERROR = { PRESENT: 1, WRITE: 2, USER: 4 };
const ENTRIES = 1024,
    RECURSIVE = 1023;
const within = ({ from = 0, to = 0x100000000 }, va) =>
    va !== null && va !== undefined && va >= Number(from) && va < Number(to);

function bitsHold({ has = "", lacks = "" }, word, names = PTE) {
    const mask = list =>
        list
            .split(" ")
            .filter(Boolean)
            .reduce((all, name) => all | names[name], 0);
    return (word & mask(has)) === mask(has) && !(word & mask(lacks));
}

export function eventHolds(wanted, event) {
    if (event.kind !== wanted.kind || (wanted.level && event.level !== wanted.level)) return false;
    if ((wanted.from !== undefined || wanted.to !== undefined) && !within(wanted, event.va)) return false;
    if (wanted.cached !== undefined && wanted.cached !== !!event.cached) return false;
    return (
        ["value", "before"].every(name => !wanted[name] || bitsHold(wanted[name], event[name])) &&
        (!wanted.error || bitsHold(wanted.error, event.error, ERROR))
    );
}

// Every present page of the space whose directory is given, but the window's.
function* pages(state, directory = state.cr3) {
    const entries = state.tables.get(directory);
    for (let i = 0; entries && i < RECURSIVE; i++) {
        const table = entries[i] & PTE.PRESENT ? state.tables.get((entries[i] & PTE.FRAME) >>> 0) : undefined;
        for (let j = 0; table && j < ENTRIES; j++)
            if (table[j] & PTE.PRESENT) yield { va: ((i << 22) | (j << 12)) >>> 0, entry: table[j] };
    }
}

const someWithin = (range, state, test) => {
    for (const page of pages(state)) if (within(range, page.va) && test(page)) return true;
    return false;
};

function sharing(state, directories) {
    const holders = new Map();
    for (const { directory } of state.spaces)
        for (const { va, entry } of pages(state, directory)) {
            if (va < 0x400000 || va >= 0xc0000000 || entry & PTE.WRITE || !(entry & PTE.SPACE_COPY)) continue;
            const known = holders.get(entry >>> 12) ?? new Set();
            holders.set(entry >>> 12, known.add(directory));
        }
    return [...holders.values()].some(known => known.size >= directories);
}

const FORMS = {
    all: (list, c) => list.every(p => holds(p, c)),
    any: (list, c) => list.some(p => holds(p, c)),
    not: (p, c) => !holds(p, c),
    page: (wanted, { state }) =>
        someWithin(
            { from: wanted.va, to: Number(wanted.va) + 4096 },
            state,
            ({ entry }) =>
                bitsHold(wanted, entry) && (wanted.frame === undefined || entry >>> 12 === Number(wanted.frame)),
        ),
    some: (wanted, { state }) => someWithin(wanted, state, ({ entry }) => bitsHold(wanted, entry)),
    sameFrame: (range, { state }) => {
        const seen = new Set();
        return someWithin(range, state, ({ entry }) => seen.size === seen.add(entry >>> 12).size);
    },
    stale: (range, { state }) => (state.tlb ?? []).some(entry => entry.stale && within(range, entry.va)),
    happened: (wanted, { events, since }) => events.slice(since).some(event => eventHolds(wanted, event)),
    reported: (wanted, { chapters, since }) =>
        chapters.some(
            ({ from, fault }) => from >= since && fault && fault.error !== null && bitsHold(wanted, fault.error, ERROR),
        ),
    standing: (wanted, { shown }) => shown.event !== null && shown.stood && eventHolds(wanted, shown.event),
    looking: (range, { shown }) => within(range, shown.va),
    seen: (wanted, { chapters, events, visited, since }) =>
        chapters.some(
            chapter =>
                chapter.to > chapter.from &&
                chapter.from >= since &&
                events.slice(chapter.from, chapter.to).some(event => eventHolds(wanted, event)) &&
                allVisited(chapter, visited),
        ),
    sharing: ({ directories }, { shown }) => sharing(shown.state, directories),
    answer: (i, { answer }) => answer === i,
};

function allVisited(chapter, visited) {
    for (let t = chapter.from + 1; t <= chapter.to; t++) if (!visited.has(t)) return false;
    return true;
}

// CONTEXT: {state, events, chapters, since, visited: Set of t, answer, shown: {event, state, va, stood}}; stood: the reader went there
export function holds(predicate, context) {
    const [form] = Object.keys(predicate);
    if (!FORMS[form]) throw new Error(`missions: no such form: ${form}`);
    return FORMS[form](predicate[form], context);
}
