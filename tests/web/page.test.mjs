// The page in a real browser: what window.quire says, faults and Reset, links, and random commands. LAB_COMMANDS=20000 types more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { missing, open, type } from "./shared.mjs";
import { commands } from "./random.mjs";

const skip = missing, COUNT = Math.min(Number(process.env.LAB_COMMANDS ?? 100), 20000);
const HEAP_LIMIT = 250; /* MB */
const PARTS = { timeout: 1000 * (60 + COUNT) };
const CATCHES = ["null", "text-write", "unmapped", "missing-flush", "double-free", "divide", "int3", "canary"];
const ENDS = ["fault! null", "fault gp", "fault stack-overflow", "fault double-fault", "reboot", "exit"];

const state = page => page.evaluate(() => window.quire.state());

/** Whether the machine is dead, by what the page says of it in words. */
const saysOff = () => /switched off|cannot go on|has reset/.test(document.body.innerText);

async function reset(page) {
    await page.click("#reset");
    await page.waitForFunction(() => /quire> $/.test(window.quire.log()) && window.quire.log().split("quire> ").length === 2);
}

/** What the page's objects take, in MB, after a collection. */
async function heap(page) {
    const session = await page.context().newCDPSession(page);
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    await session.detach();
    return Math.round(usedSize / 1e6);
}

/** The pages that `maps` printed: address to permission. */
function pagesPrinted(text) {
    const pages = new Map();
    for (const [, start, end, permission] of text.matchAll(/^(0x[0-9a-f]{8})-(0x[0-9a-f]{8,9}) (rw|ro) /gm))
        for (let va = parseInt(start); va < parseInt(end); va += 4096)
            pages.set(va, permission);
    return pages;
}

test("window.quire has what mem, maps and walk print, with the steps of the last command", { skip, ...PARTS }, async t => {
    const { page, errors } = await open(t);
    await type(page, "map 0x400000 0xb8000 ro");
    const mapped = await state(page), step = mapped.steps.find(step => step.kind === "entry" && step.va === 0x400000 && step.where.function === "map_part");
    assert.equal(step.value, 0xb8001);
    assert.equal(step.where.file, "mm/vmem.c");
    const [, total, free] = (await type(page, "mem")).match(/frames: (\d+) total, (\d+) free/);
    const printed = pagesPrinted(await type(page, "maps")), now = await state(page);
    assert.deepEqual(now.frames, { total: Number(total), free: Number(free) });
    assert.deepEqual(new Map(now.entries.map(({ va, pde, pte }) => [va, pde & pte & 2 ? "rw" : "ro"])), printed);
    assert.match(await type(page, "walk 0x400000"), /0x00400000 -> 0x000b8000/);
    assert.ok(now.tlb.length > 10 && now.tlb.every(entry => printed.has(entry.va)));
    assert.equal(now.fault, null);
    assert.match(await page.evaluate(() => window.quire.screen()), /^quire> /m);
    assert.match(await type(page, "trace unmap 0x400000"), /^\| vmem_unmap\n\| {3}unmap_part, mm\/vmem\.c:\d+\n\| {5}PD\[1\] PT\[0\] 0x000b8001 /m);
    assert.equal((await state(page)).steps.filter(step => step.va === 0x400000 && step.kind === "flush").length, 1);
    assert.deepEqual(errors, []);
});

test("a fault that is caught ends in a report, and the prompt returns", { skip, ...PARTS }, async t => {
    const { page, errors } = await open(t);
    for (const kind of CATCHES) {
        await type(page, `fault ${kind}`);
        const { fault } = await state(page);
        assert.ok(fault.cause, kind);
        assert.equal(typeof fault.address, ["null", "text-write", "unmapped", "missing-flush"].includes(kind) ? "number" : "object", kind);
    }
    await type(page, "mem");
    assert.equal((await state(page)).fault, null);
    assert.deepEqual(errors, []);
});

test("whatever ends the machine is said, and Reset starts it afresh", { skip, ...PARTS }, async t => {
    const { page } = await open(t);
    for (const command of ENDS) {
        await type(page, command);
        await page.waitForFunction(saysOff);
        await reset(page);
        assert.equal(await page.evaluate(saysOff), false, command);
        assert.match(await type(page, "alloc 8"), /\$0 = 0xc0000000/);
    }
});

test("a link types its commands", { skip, ...PARTS }, async t => {
    const { page } = await open(t, { path: "#cmd=alloc 5000;walk $0" });
    assert.match(await page.evaluate(() => window.quire.log()), /\$0 = 0xd0000000[^]*0xd0000000 -> 0x[0-9a-f]{8}\n/);
    assert.ok(Array.isArray(await page.evaluate(() => window.quire.missions())));
});

test("of a long session the last commands are shown", { skip, ...PARTS }, async t => {
    const { page, errors } = await open(t, { reducedMotion: "reduce" });
    await page.evaluate(() => { labPage.lab.options.chapters = 3; });
    for (const command of ["alloc 5000", "alloc 5000", "map 0x400000 0xb8000", "unmap 0x400000"])
        await type(page, command);
    const shown = () => page.$$eval(".chapters .chapter b", all => all.map(each => each.textContent));
    await page.waitForFunction(() => document.querySelectorAll(".chapters .chapter").length === 3);
    assert.deepEqual(await shown(), ["alloc 5000", "map 0x400000 0xb8000", "unmap 0x400000"]);
    await page.click(".chapters .chapter:nth-child(2)");
    assert.equal(await page.evaluate(() => labPage.currentChapter().command), "map 0x400000 0xb8000");
    await page.click("#time button[title='One step back']");
    await page.waitForFunction(() => /^before map /.test(document.querySelector("#time input").getAttribute("aria-valuetext")));
    assert.match(await type(page, "free $0"), /^free \$0\n0xd0000000: freed, 8192 bytes\nquire> $/);
    await type(page, "map 0x800000 0xb8000");
    for (let i = 1; i < 6; i++) { /* as many steps each time, at other pages */
        await type(page, `map 0x80${i}000 0xb8000`);
        await page.waitForFunction(i => document.querySelector("#time .story").textContent.startsWith(`PT[${i}] `), i);
    }
    assert.deepEqual(errors, []);
});

test("random commands leave no error in the console, and nothing that grows", { skip, ...PARTS }, async t => {
    const { page, errors } = await open(t), next = commands(3);
    for (let i = 0; i < COUNT; i++) {
        const command = next();
        await type(page, command);
        if (await page.evaluate(() => labPage.lab.dead)) {
            await page.waitForFunction(saysOff);
            await reset(page);
        }
        assert.deepEqual(errors, [], `after command ${i}, ${command}`);
        if (i % 1000 === 99) {
            const size = await heap(page);
            t.diagnostic(`after ${i + 1} commands: ${size} MB`);
            assert.ok(size < HEAP_LIMIT, `${size} MB`);
        }
    }
});

test("the translation follows the address, though the entries are alike, and the bytes there", { skip }, async t => {
    const { page } = await open(t, { reducedMotion: "reduce" });
    const shown = (part, va) => page.evaluate(([selector, to]) => {
        labPage.go(to);
        labPage.render();
        return document.querySelector(`#translation ${selector}`).textContent;
    }, [part, va]);
    assert.match(await shown(".steps", 0x500000), /PD\[1\].*PT\[256\]/);
    assert.match(await shown(".steps", 0x900000), /PD\[2\].*PT\[256\]/);
    await type(page, "map 0x400000 0x300000");
    for (const byte of ["41", "42"]) {
        await type(page, `poke 0x400000 0x${byte.repeat(4)}`);
        assert.match(await shown(".bytes", 0x400000), new RegExp(`^0x00300000  ${byte} ${byte}`));
    }
});

test("a refused access is seen in the translation, at the entry that refuses it", { skip }, async t => {
    const { page } = await open(t, { reducedMotion: "reduce" });
    const refused = () => page.evaluate(() => {
        labPage.render();
        return [...document.querySelectorAll("#translation .steps li")].map(step => step.querySelector(".stops")?.textContent ?? null);
    });
    await type(page, "fault text-write");
    assert.deepEqual(await refused(), [null, null, "the write is refused", null, null]);
    await page.evaluate(() => labPage.go(0x00100000));
    assert.deepEqual(await refused(), [null, null, null, null, null], "another page was not refused");
    await type(page, "mem");
    await page.evaluate(() => labPage.go(labPage.lab.chapters[1].fault.address));
    assert.deepEqual(await refused(), [null, null, null, null, null], "that was a command ago");
});

test("every step has a story, of what happened", { skip }, async t => {
    const { page } = await open(t, { reducedMotion: "reduce" });
    for (const command of ["map 0x400000 0x300000", "alloc 5000", "free $0", "unmap 0x400000", "fault missing-flush", "run clone"])
        await type(page, command);
    const stories = await page.evaluate(() => labPage.lab.events.map((_, t) => {
        labPage.moveTo(t + 1);
        labPage.render();
        return document.querySelector(".story").textContent;
    }));
    assert.deepEqual(stories.filter(text => !text.trim() || /^0 |undefined|null|NaN/.test(text)), []);
});

test("the hints tell steps apart by colour: red is a fault and nothing else, and so on, in every theme", { skip }, async t => {
    const { page } = await open(t, { reducedMotion: "reduce" });
    for (const command of ["map 0x400000 0x300000", "peek 0x400000", "protect 0x400000 ro", "unmap 0x400000", "run touch"])
        await type(page, command);
    for (const theme of ["light", "dark", "contrast"]) {
        await page.locator("#theme").selectOption(theme);
        const kinds = await page.evaluate(() => {
            const kinds = new Map();
            for (let t = 1; t <= labPage.lab.now; t++) {
                labPage.moveTo(t);
                labPage.render();
                const sign = document.querySelector(".story .kind");
                kinds.set(sign.title, getComputedStyle(sign).backgroundColor);
            }
            return [...kinds];
        });
        const told = ["an entry is set", "an entry is cleared", "a table is linked or unlinked", "a page is flushed", "the processor sets bits", "a page fault"];
        const colors = told.map(name => kinds.find(kind => kind[0] === name)?.[1]);
        assert.ok(colors.every(Boolean), told[colors.findIndex(color => !color)]);
        assert.equal(new Set(colors).size, told.length, `${theme}: ${colors}`);
    }
});
