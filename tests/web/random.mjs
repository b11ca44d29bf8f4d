// Random commands, the same for the same seed.

/** xorshift32. */
export function random(seed) {
    let state = seed || 1;
    return limit => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return (state >>> 0) % limit;
    };
}

const hex = value => "0x" + (value >>> 0).toString(16);
const PROGRAMS = ["hello", "touch", "clone", "break", "stack"];
const KINDS = ["null", "null-write", "text-write", "rodata-write", "unmapped", "window", "missing-flush", "jump", "double-free", "bad-free",
    "divide", "invalid-opcode", "int3", "assert", "canary"];

/** A generator of commands; without POKES none that stores past mm/. TABLES gives frames of page tables, to be poked at. What
 * the commands do is left to luck; many are errors. */
export function commands(seed, { pokes = true, tables = () => [] } = {}) {
    const pick = random(seed), one = list => list[pick(list.length)];
    let objects = 0;
    const page = () => hex((one([1, 1, 2, 300, 767]) * 0x400000) + pick(4) * 0x1000);
    const object = () => "$" + pick(objects + 1);
    const any = () => one([page, object, () => hex(0xd0000000 + pick(8) * 4096), () => "kmain", () => "0xfffff000", () => hex(pick(0x100000) * 4096)])();
    const kinds = [
        [8, () => { objects++; return `alloc ${one([8, 100, 3000, 5000, 9000, 40000])}`; }],
        [6, () => `free ${object()}`],
        [8, () => `map ${page()} ${hex(one([0xb8000, 0x700000 + pick(16) * 4096]))}${one(["", "", " ro"])}`],
        [7, () => `unmap ${page()}`],
        [3, () => `protect ${page()} ${one(["ro", "rw"])}`],
        [3, () => `fill ${object()} 4 ${hex(pick(1000))}`],
        [3, () => `peek ${any()} 4`],
        [pokes ? 2 : 0, () => `poke ${page()} ${hex(pick(1000))}`],
        [tables().length ? 3 : 0, () => `poke ${hex(one(tables()) + 4 * pick(4))} ${hex(one([0, 0x700003, 0xb8067, 0x701001]))}`], /* an entry, past mm/ */
        [3, () => `walk ${any()}`],
        [1, () => `pd ${one(["", pick(1024)])}`],
        [1, () => one(["maps", "mem", "heap", "ps", "heap leaks", "diagnose"])],
        [2, () => `trace ${one([`alloc 5000`, `unmap ${page()}`, `map ${page()} 0xb8000`])}`],
        [2, () => `fault ${one(pokes ? KINDS : KINDS.filter(kind => kind !== "missing-flush"))}`], /* which stores past mm/, too */
        [4, () => `run ${one(PROGRAMS)}`],
        [1, () => `run ${one(PROGRAMS)} ${pick(9)} &`],
        [1, () => `kill ${2 + pick(9)}`],
    ];
    const total = kinds.reduce((sum, [weight]) => sum + weight, 0);

    return () => {
        let at = pick(total);
        return kinds.find(([weight]) => (at -= weight) < 0)[1]();
    };
}
