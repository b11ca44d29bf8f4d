// What must be true of a lab at every prompt, worked out from the machine's memory alone.
import assert from "node:assert/strict";

const PRESENT = 1, FRAME = 0xfffff000, DIRECTORY_KIND = 4, RECORDS = 0xff800000;
const hex = value => "0x" + (value >>> 0).toString(16).padStart(8, "0");
const frameOf = entry => (entry & FRAME) >>> 0;

/** Every frame that the kernel's records (mm/frames.h) call a directory. */
function directories({ machine }) {
    const found = [];
    for (let pfn = 0; pfn < machine.size >>> 12; pfn++)
        if (machine.word(machine.walk(RECORDS + pfn * 4)) >>> 29 === DIRECTORY_KIND)
            found.push(pfn << 12);
    return found;
}

/** The directories and every table that they lead to. */
function tables({ machine }, tops) {
    const found = new Set(tops);
    for (const top of tops)
        for (let i = 0; i < 1024; i++) {
            const entry = machine.word(top + 4 * i);
            if (entry & PRESENT && frameOf(entry) + 4096 <= machine.size)
                found.add(frameOf(entry));
        }
    return found;
}

const sorted = numbers => [...numbers].sort((a, b) => a - b).map(hex);

/** The model's tables are those in memory, word by word, and so are its spaces and CR3. */
export function equalsMemory(lab) {
    const state = lab.state, tops = directories(lab), known = state.spaces.map(space => space.directory);
    assert.deepEqual(sorted(known), sorted(tops), "the spaces");
    assert.equal(hex(state.cr3), hex(lab.machine.cr3), "CR3");
    assert.deepEqual(sorted(state.tables.keys()), sorted(tables(lab, [...new Set([...tops, state.cr3])])), "the tables");
    for (const [frame, table] of state.tables)
        for (let i = 0; i < 1024; i++)
            if (table[i] !== lab.machine.word(frame + 4 * i))
                assert.fail(`entry ${i} of ${hex(frame)}: ${hex(table[i])}, in memory ${hex(lab.machine.word(frame + 4 * i))}`);
}

/** The TLB has every page that v86 holds, which are found here one by one. */
export function tlbIsWhole({ machine }) {
    const held = [];
    for (let page = 0; page < 0x100000; page++)
        if (machine.tlb.find(page * 4096))
            held.push(page * 4096);
    assert.deepEqual(machine.tlb.all().map(entry => entry.va), held, "the TLB");
}

/** All of a state that events make. */
export function snapshot(state) {
    const { t, cr3, paging, spaces, tables, kind } = state;
    return { t, cr3, paging, spaces: structuredClone(spaces), tables: new Map([...tables].sort((a, b) => a[0] - b[0]).map(([frame, table]) => [frame, table.slice()])), kind: kind.slice() };
}

/** Replay from nothing, or from the oldest moment that is kept, gives the state now, and what the state was at the moments
 * PAST, on the way there and back. */
export function replays(lab, { emptyState, moveTo }, past = []) {
    const { first } = lab.recorder, fresh = Object.assign(emptyState(lab.machine.size >>> 12, {}), snapshot(first));
    const moments = [snapshot(first), ...past, snapshot(lab.state)];
    for (const moment of [...moments, ...moments.toReversed()]) {
        moveTo(fresh, lab.events, moment.t);
        assert.deepEqual(snapshot(fresh), moment, `the state at ${moment.t} of ${lab.now}`);
    }
}

/** Nothing has changed a table that was not told: not even by the time of the next prompt. */
export function allWasTold(lab) {
    const found = lab.events.filter(event => event.kind === "poke" || (event.kind === "frames" && event.adopt));
    assert.deepEqual(found.map(({ kind, words, adopt }) => ({ kind, words: words?.slice(0, 3), adopt })), []);
}

/** The last command's lines. */
const lines = lab => lab.chapters.at(-1).output.split("\n");

/** `pd`, `pd I` and `walk` print what the model has. */
export async function equalsPrint(lab, model) {
    await lab.type("pd\n");
    const printed = lines(lab).flatMap(line => [...line.matchAll(/^PD\[(\d+)\] (0x[0-9a-f]{8})$/g)]).map(([, i, value]) => [Number(i), value]);
    const top = lab.state.tables.get(lab.state.cr3), mask = ~0x60;
    const expected = [...top.keys()].filter(i => top[i] & PRESENT).map(i => [i, hex(top[i] & mask)]);
    const without = printed.map(([i, value]) => [i, hex(parseInt(value) & mask)]);
    assert.deepEqual(without, expected, "pd"); /* printing a line may set accessed bits */
    for (const [i] of expected.filter(([i]) => i !== 1023 && i !== 1022)) {
        await lab.type(`pd ${i}\n`);
        const table = lab.state.tables.get(frameOf(lab.state.tables.get(lab.state.cr3)[i]));
        const shown = lines(lab).flatMap(line => [...line.matchAll(/^PT\[(\d+)\] (0x[0-9a-f]{8})$/g)]);
        assert.deepEqual(shown.map(([, j, value]) => [Number(j), hex(parseInt(value) & mask)]),
            [...table.keys()].filter(j => table[j] & PRESENT).map(j => [j, hex(table[j] & mask)]), `pd ${i}`);
    }
    for (const va of [0, 0x1000, 0x100000, 0xb8000, 0x400000, 0x401000, 0xc0000000, 0xd0000000, 0xd0001000, 0xfffff000]) {
        await lab.type(`walk ${hex(va)}\n`);
        const { pa, absent, pdi, pti } = model.walk(lab.state, va);
        const result = pa === null ? `not mapped: ${absent === "PD" ? `PD[${pdi}]` : `PT[${pti}]`} absent` : hex(pa);
        const end = lines(lab).findLast(line => line.includes(" -> "));
        assert.equal(end.trim(), `${hex(va)} -> ${result}`, "walk");
    }
}

/** `maps` prints the runs of pages that the model has, and nothing else. */
export async function equalsMaps(lab, model) {
    await lab.type("maps\n");
    const shown = new Map(), WINDOW = 0xffc00000;
    for (const line of lines(lab)) {
        const match = /^(0x[0-9a-f]{8})-(0x[0-9a-f]{8,9}) (rw|ro) /.exec(line);
        for (let va = match ? parseInt(match[1]) : 1, end = match ? parseInt(match[2]) : 0; va < end; va += 4096)
            shown.set(va, match[3]);
    }
    const pages = new Map(model.pagesOf(lab.state).map(({ va, pde, pte }) => [va, pde & pte & 2 ? "rw" : "ro"]));
    const differ = [...new Set([...shown.keys(), ...pages.keys()])].filter(va => shown.get(va) !== pages.get(va)).map(hex);
    assert.deepEqual(differ, [], "maps");
    assert.ok(pages.has(WINDOW));
}
