// The lab without a page: the TLB, undo, reports, what an idle machine takes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Lab, boot, load, model } from "./node.mjs";
import { equalsMemory, replays } from "./check.mjs";
import { countSlices, rests } from "./rest.mjs";

const { PTE } = model;
const stale = lab => lab.state.tlb.filter(entry => entry.stale).map(entry => entry.va);

test("a stale entry in the TLB is seen, and so is the flush that ends it", async () => {
    const lab = await boot();
    await lab.type("map 0x400000 0xb8000\nmap 0x401000 0xb9000\npeek 0x400000\n");
    assert.deepEqual(stale(lab), []);
    await lab.type(`poke 0x${model.walk(lab.state, 0x400000).table.toString(16)} 0xb9067\n`);
    assert.deepEqual(stale(lab), [0x400000]);
    assert.equal(lab.state.tlb.find(entry => entry.va === 0x400000).pa, 0xb8000);
    await lab.type("unmap 0x400000\n");
    assert.deepEqual(stale(lab), []);
    assert.ok(lab.events.some(event => event.kind === "poke" && event.words[0][3] === 0xb9067));
    await lab.machine.destroy();
});

test("a boot is told once it is over, or a few times a second", async () => {
    const lab = new Lab(load, { snapshots: 0 }), times = { change: [], text: [] };
    for (const [type, list] of Object.entries(times))
        lab.addEventListener(type, () => list.push(performance.now()));
    await lab.boot();
    for (const [type, list] of Object.entries(times)) { /* the last is the prompt's */
        const between = list.slice(1, -1).map((time, i) => time - list[i]);
        assert.ok(between.every(ms => ms > 150), `${type}: ${between.map(Math.round)} ms`);
    }
    assert.match(lab.logText, /quire> $/);
    await lab.machine.destroy();
});

test("the kernel that lacks a flush leaves a stale entry behind, and no other does", async () => {
    for (const [options, expected] of [[{}, []], [{ kernel: "quire-flawed.elf", sites: "sites-flawed.json" }, [0x400000]]]) {
        const lab = await boot(options);
        await lab.type("map 0x400000 0xb8000\nmap 0x401000 0xb9000\npeek 0x400000\nunmap 0x400000\n");
        assert.deepEqual(stale(lab), expected);
        equalsMemory(lab);
        await lab.machine.destroy();
    }
});

test("where the TLB is not what it should be it is not shown, and all else works", async () => {
    const lab = await boot(), { tlb } = lab.machine;
    tlb.first += 4096;
    assert.equal(tlb.check(), false);
    assert.equal(lab.tlbShown, false);
    await lab.type("alloc 5000\nrun clone\n");
    assert.equal(lab.state.tlb, null);
    equalsMemory(lab);
    await lab.machine.destroy();
});

test("undo goes back to before a command: memory, model, terminal and what is typed next", async () => {
    const lab = await boot({ snapshots: 8 });
    await lab.type("alloc 5000\n");
    const text = lab.logText, { free } = lab.state.frames, now = lab.now;
    await lab.type("map 0x400000 0xb8000\nrun clone\nfault null\n");
    assert.ok(lab.canUndo(2));
    await lab.undo(2);
    assert.deepEqual([lab.logText, lab.state.frames.free, lab.chapters.length], [text, free, 2]);
    assert.ok(lab.now - now <= 1); /* accessed bits, at most */
    equalsMemory(lab);
    await lab.type("alloc 5000\nrun clone\n");
    assert.match(lab.logText, /\$1 = /);
    equalsMemory(lab);
    replays(lab, model);
    await lab.machine.destroy();
});

test("whose each space is stands in the state, at every moment of a program's life", async () => {
    const lab = await boot();
    await lab.type("run clone\n");
    const { from, to } = lab.chapters.at(-1), seen = [];
    for (let t = from; t <= to; t++) {
        const names = lab.stateAt(t).spaces.map(({ pid, name }) => `${pid} ${name}`).join(", ");
        if (seen.at(-1) !== names)
            seen.push(names);
    }
    assert.deepEqual(seen, ["1 monitor", "0 , 1 monitor", "1 monitor, 2 clone", "0 , 1 monitor, 2 clone", "1 monitor, 2 clone, 3 clone",
        "1 monitor, 2 clone", "1 monitor"]);
    assert.deepEqual(lab.state.spaces.length, 1);
    await lab.machine.destroy();
});

test("a chapter has its command, its output and its fault; the state has the fault from its event on", async () => {
    const lab = await boot();
    lab.send("allox\b");
    lab.send("c 5000\r");
    await lab.untilPrompt();
    assert.equal(lab.chapters.at(-1).command, "alloc 5000");
    assert.equal(lab.chapters.at(-1).output.trim(), "$0 = 0xd0000000");
    await lab.type("fault null-write\nnonsense\n");
    const { fault, from } = lab.chapters.at(-2);
    assert.equal(fault.address, 4);
    assert.match(fault.cause, /^null pointer/);
    assert.equal(lab.stateAt(from).fault, null);
    assert.match(lab.chapters.at(-1).error, /^error: /);
    await lab.machine.destroy();
});

test("each page fault is one event, wherever it was", async () => {
    const lab = await boot();
    for (const kind of ["null", "null-write", "text-write", "rodata-write", "unmapped", "window", "jump"]) {
        await lab.type(`fault ${kind}\n`);
        const { fault, from, to } = lab.chapters.at(-1), told = lab.events.slice(from, to).filter(event => event.kind === "fault");
        assert.deepEqual(told.map(({ va, error }) => ({ va, error })), [{ va: fault.address, error: fault.error }], kind);
        assert.equal(told[0].stack.at(-1), "exception_common");
        assert.ok(kind === "jump" || told[0].stack.includes("command_fault") && told[0].stack.at(-2) === told[0].function.split("+")[0], told[0].stack);
    }
    await lab.machine.destroy();
});

test("a table is known from the moment that a directory leads to it", async () => {
    const lab = await boot();
    await lab.type("map 0x400000 0xb8000\nalloc 5000\n");
    const links = lab.events.map((event, i) => [event, i + 1]).filter(([{ level, value }]) => level === "pd" && value & PTE.PRESENT);
    assert.ok(links.length > 2);
    for (const [{ value }, after] of links)
        assert.ok(lab.stateAt(after).tables.has((value & PTE.FRAME) >>> 0), `after step ${after}`);
    await lab.machine.destroy();
});

test("more changes than are kept become one event, and the model is as exact", async () => {
    const lab = await boot();
    await lab.type("test vmem_map*\n");
    const chapter = lab.chapters.at(-1), last = lab.events.slice(chapter.from).find(event => event.kind === "more");
    assert.ok(chapter.dropped > 0 && last.left === chapter.dropped);
    equalsMemory(lab);
    replays(lab, model);
    await lab.machine.destroy();
});

/** Types COMMAND; its output, each number of a line of C replaced by the line itself. */
async function traced(lab, command) {
    await lab.type(command + "\n");
    return lab.chapters.at(-1).output.replace(/(\S+\.c):(\d+)$/gm, (_, file, n) => readFileSync(new URL("../../" + file, import.meta.url), "utf8").split("\n")[n - 1].trim());
}

test("where the processor takes no single steps, trace shows what the kernel tells, and the line of C that did it", async () => {
    const lab = await boot();
    const text = await traced(lab, "trace map 0x400000 0xb8000"), frame = /0x[0-9a-f]{5}(?=003|007|063)/g;
    assert.equal(text.slice(0, text.indexOf("a new page table")).replaceAll(frame, "FRAME"), `\
| vmem_map
|   vmem_map_range
|     scratch_map, write_entry(pte_of(vpn_of((void *)SCRATCH_PAGE)), entry_to(frame, PTE_PRESENT | PTE_WRITE));
|       PD[0] PT[1023] 0x00000000 -> FRAME003  scratch page mapped
|     scratch_unmap, write_entry(pte_of(vpn_of((void *)SCRATCH_PAGE)), 0);
|       PD[0] PT[1023] FRAME063 -> 0x00000000  scratch page gone: 1024 stores
|     scratch_unmap, flush_page((void *)SCRATCH_PAGE);
|       invlpg 0x003ff000  flushed
|     link_table, write_entry(pde_of(vpn), entry_to(frame, TABLE_FLAGS));
|       PD[1] 0x00000000 -> FRAME007  page table 1 linked
|     map_part, write_entry(pte_of(vpn + i), pte);
|       PD[1] PT[0] 0x00000000 -> FRAME003  0x00400000 mapped
`);
    assert.match(text, /frames: 1 taken, 0 given back\n\| tables: 1 linked, 0 unlinked; entries: 4 changed; flushes: 1\n/);
    await lab.machine.destroy();
});

test("trace has the calls that tell something, each frame that is taken, and a load of CR3", async () => {
    const lab = await boot();
    const alloc = await traced(lab, "trace alloc 400000"), calls = ["kmalloc", "  large_alloc", "    vmem_alloc_range"];
    assert.deepEqual(alloc.match(/^\| +[a-z_]+$/gm), calls.map(call => "| " + call));
    assert.match(alloc, /alloc_part, write_entry\(.*;\n\| {9}frame (0x[0-9a-f]{5})000 from pm\n\| {9}PD\[832\] PT\[\d+\] 0x00000000 -> \1(?:003) /);
    const free = await traced(lab, "trace free $0");
    assert.match(free, /^\| kfree\n\| {3}large_free\n/);
    assert.match(free, /flush_pages, set_page_directory\(.*;\n\| +mov to cr3 0x[0-9a-f]{8} {2}the whole TLB flushed\n/);
    equalsMemory(lab);
    await lab.machine.destroy();
});

test("the kernel's own tests of the tracer pass here", async () => {
    const lab = await boot();
    await lab.type("test monitor_trace*\n");
    assert.match(lab.chapters.at(-1).output, /^# 2 passed, 0 failed, 2 skipped$/m);
    await lab.machine.destroy();
});

test("every change has its line in the source", async () => {
    const lab = await boot();
    await lab.type("alloc 5000\nmap 0x400000 0xb8000\nunmap 0x400000\nrun clone\n");
    const told = lab.events.filter(event => ["entry", "flush", "cr3", "clear", "copy", "space", "fault", "paging"].includes(event.kind));
    assert.deepEqual(told.filter(event => !event.where?.line).map(event => event.kind), []);
    assert.ok(told.some(event => event.where.function === "link_table" && event.where.file === "mm/vmem.c"));
    assert.equal(lab.stateAt(lab.now).tables.get(lab.state.cr3)[1023] & PTE.PRESENT, 1);
    await lab.machine.destroy();
});

test("the keyboard's controller takes the kernel's commands", async () => {
    const lab = await boot(), INTERRUPT = 1, NO_MOUSE = 0x20, TRANSLATE = 0x40;
    const { command_register } = lab.machine.emulator.v86.cpu.devices.ps2;
    assert.equal(command_register & (INTERRUPT | NO_MOUSE | TRANSLATE), INTERRUPT | NO_MOUSE | TRANSLATE);
    await lab.machine.destroy();
});

test("what takes long is compiled, and the next command is not", async () => {
    const lab = await boot(), asked = [], set = lab.machine.exports.set_jit_config;
    await lab.type("maps\n"); /* at the first command the kernel asks the terminal, and waits by the clock: here is none */
    lab.machine.exports = { ...lab.machine.exports, set_jit_config: (...how) => { asked.push(how.join()); set(...how); } };
    await lab.type("maps\n");
    assert.deepEqual(asked, ["0,1"]);
    await lab.type("test pm*\nmaps\n"); /* far more than COMPILE_FROM */
    assert.deepEqual(asked.slice(1), ["0,1", "0,0", "0,1"]);
    await lab.machine.destroy();
});

const after = ms => new Promise(done => setTimeout(done, ms));

/** What there has been since the start: rest.mjs. */
function figures({ machine: { slices, instructions } }) {
    const { user, system } = process.cpuUsage();
    return { slices, instructions, seconds: performance.now() / 1000, processor: (user + system) / 1e6 };
}

test("at the prompt, and while tour and watch wait for a key or the timer, the machine is left alone", async t => {
    const lab = await boot();
    countSlices(lab.machine);
    await rests(t, "prompt", () => figures(lab));
    for (const [command, key, shown] of [["tour", "q", "-- a key for the next step"], ["watch peek kmain", "x", "nothing changes by itself"]]) {
        lab.send(command + "\r");
        while (!lab.logText.includes(shown))
            await after(100);
        assert.ok(lab.busy, command);
        await rests(t, command, () => figures(lab));
        lab.send(key);
        await lab.untilPrompt();
    }
    await lab.type("alloc 5000\n");
    equalsMemory(lab);
    await lab.machine.destroy();
});

test("watch has its seconds, however long the machine is left alone between them", async () => {
    const lab = await boot(), SECONDS = 5;
    lab.send("watch alloc 64K; mem\r");
    const draws = () => lab.logText.split("once a second").length - 1;
    while (!draws())
        await after(10);
    const start = performance.now();
    await after(1000 * SECONDS);
    const seconds = (performance.now() - start) / 1000, drawn = draws() - 1;
    assert.ok(Math.abs(drawn - seconds) < 2, `${drawn} in ${seconds} s`);
    lab.send("x");
    await lab.untilPrompt();
    await lab.machine.destroy();
});
