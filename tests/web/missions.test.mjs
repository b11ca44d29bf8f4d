// Each mission can be solved, with the steps of solutions.mjs, and none is solved from the start.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventHolds } from "../../web/missions/predicate.js";
import { missing, open, ready } from "./shared.mjs";
import { solutions } from "./solutions.mjs";

// Goals met, once the page has drawn what happened last.
const met = page =>
    page.evaluate(async () => {
        for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
        return [...labPage.missions.met];
    });

const ACTIONS = {
    type: (page, line) => page.evaluate(text => quire.type(text + "\n"), line),
    go: (page, va) => page.evaluate(to => labPage.go(to), va),
    poke: (page, entry) =>
        page.evaluate(({ table, index, value }) => {
            const { cr3, tables } = labPage.lab.state,
                frame = (tables.get(cr3)[table] & 0xfffff000) >>> 0;
            return quire.type(`poke 0x${(frame + 4 * index).toString(16)} 0x${value.toString(16)}\n`);
        }, entry),
    to: async (page, wanted) => {
        const events = await page.evaluate(() => JSON.stringify(labPage.lab.events.slice(labPage.lab.chapters.at(-1).from)));
        const at = JSON.parse(events).findIndex(event => eventHolds(wanted, event));
        assert.ok(at >= 0, `the last command has no such step: ${JSON.stringify(wanted)}`);
        await page.evaluate(i => labPage.moveTo(labPage.lab.chapters.at(-1).from + i + 1), at);
    },
    every: page =>
        page.evaluate(async () => {
            const { from, to } = labPage.lab.chapters.at(-1);
            for (let t = from; t <= to; t++) {
                labPage.moveTo(t);
                await new Promise(requestAnimationFrame);
            }
        }),
    answer: (page, i) => page.locator("#missions fieldset label").nth(i).click(),
};

const perform = async (page, step) => {
    const [[action, value]] = Object.entries(step);
    await ACTIONS[action](page, value);
};

test("the page has at least ten missions, and a solution of each is known", { skip: missing }, async t => {
    const { page } = await open(t),
        ids = await page.evaluate(() => [...document.getElementById("mission").options].map(option => option.value));
    assert.ok(ids.length >= 10);
    assert.deepEqual(ids, Object.keys(solutions));
    const listed = await page.evaluate(() => quire.missions());
    assert.equal(listed.length, ids.length);
    assert.ok(listed.every(({ title, done }) => title && done === false));
});

for (const [id, steps] of Object.entries(solutions))
    test(`${id}: open at first, solved at the end`, { skip: missing }, async t => {
        const { page, errors } = await open(t, { path: `#mission=${id}`, reducedMotion: "reduce" });
        assert.ok(
            (await met(page)).every(goal => goal === false),
            "a goal is met from the start",
        );
        for (const [i, step] of steps.entries()) {
            assert.ok((await met(page)).includes(false), `solved before step ${i + 1} of its solution`);
            await perform(page, step);
        }
        assert.ok((await met(page)).every(Boolean), `goals met: ${await met(page)}`);
        const done = (await page.evaluate(() => quire.missions())).filter(mission => mission.done);
        assert.equal(done.length, 1);
        assert.deepEqual(errors, []);
    });

test("what was done is remembered by the browser", { skip: missing }, async t => {
    const { page } = await open(t, { path: "#mission=second-name", reducedMotion: "reduce" });
    for (const step of solutions["second-name"]) await perform(page, step);
    assert.ok((await met(page)).every(Boolean));
    await page.reload();
    await page.waitForFunction(() => window.quire?.missions()[0].done);
});

test("hints come one at a time", { skip: missing }, async t => {
    const { page } = await open(t, { path: "#mission=3" }),
        shown = () => page.locator(".hints li").count();
    assert.equal(await shown(), 0);
    await page.getByRole("button", { name: "A hint", exact: true }).click();
    assert.equal(await shown(), 1);
    await page.getByRole("button", { name: "Another hint" }).click();
    assert.equal(await shown(), 2);
});

test(
    "Share makes a link that carries the commands and the mission, and types nothing itself",
    { skip: missing },
    async t => {
        const { page, server } = await open(t, { path: "#mission=two-pages-one-frame", reducedMotion: "reduce" });
        await page.evaluate(() => quire.type("map 0x500000 0x300000\n"));
        await page.evaluate(() => quire.type("peek 0x500000\n"));
        await page.getByRole("button", { name: "Share" }).click();
        const hash = await page.evaluate(() => location.hash);
        assert.equal(await page.evaluate(() => labPage.lab.chapters.length), 3);

        await page.goto("about:blank");
        await page.goto(server.url + hash);
        await ready(page);
        assert.deepEqual(await page.evaluate(() => labPage.lab.chapters.map(chapter => chapter.command)), [
            "",
            "map 0x500000 0x300000",
            "peek 0x500000",
        ]);
        assert.equal(await page.locator("#mission").inputValue(), "two-pages-one-frame");
        assert.equal(await page.evaluate(() => labPage.chosen.va), 0x500000);
    },
);

test("undo takes a command back in the machine, and the terminal says so", { skip: missing }, async t => {
    const { page } = await open(t, { reducedMotion: "reduce" });
    await page.evaluate(() => quire.type("map 0x500000 0x300000\n"));
    await page.getByRole("button", { name: "undo" }).click();
    await page.waitForFunction(() => labPage.lab.chapters.length === 1);
    await page.waitForFunction(() => /undone: map 0x500000/.test(document.querySelector(".log").textContent));
    await page.evaluate(() => quire.type("walk 0x500000\n"));
    assert.match(await page.evaluate(() => quire.log()), /0x00500000 -> not mapped: PD\[1\] absent/);
});
