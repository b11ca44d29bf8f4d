// The page for everyone: axe-core in all themes and widths, targets for fingers, the keyboard alone, no motion.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { missing, open } from "./shared.mjs";

const AXE = resolve(process.env.QUIRE_BUILD ?? "build", "web-tests/node_modules/axe-core/axe.min.js");
const WIDTHS = { 390: 844, 1440: 900, 1920: 1080 },
    THEMES = ["light", "dark", "contrast"],
    FORCED = "forced colours",
    PANES = ["directory", "table", "frames", "translation", "time"];
const FINGER = 44;

const type = (page, line) => page.evaluate(text => quire.type(text + "\n"), line);
const drawn = page =>
    page.evaluate(async () => {
        for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
    });

// What a reader meets: the start, a fault, two spaces side by side in the middle of a fork.
const SCENES = {
    start: async () => {},
    fault: async page => {
        await type(page, "alloc 5000");
        await type(page, "fault null");
    },
    fork: async page => {
        await type(page, "run clone");
        await page.evaluate(() => {
            const { lab } = labPage,
                { from, to } = lab.chapters.at(-1);
            let t = from;
            while (t < to && lab.stateAt(t).spaces.filter(space => space.pid > 1).length < 2) t++;
            labPage.moveTo(t);
        });
        await drawn(page);
        assert.equal(await page.locator("#right.pair").count(), 1, "two spaces stand side by side");
    },
    help: page => page.locator("#help").click(),
};

// PART: all of the document, or what is in one of its elements. ONLY: these rules.
const violations = (page, part = "html", only = null) =>
    page.evaluate(
        async ([where, rules]) =>
            (await axe.run(where, { resultTypes: ["violations"], ...(rules && { runOnly: rules }) })).violations.map(
                ({ id, nodes }) => `${id}: ${nodes.map(node => node.html.slice(0, 120)).join(" | ")}`,
            ),
        [part, only],
    );

const OF_COLOUR = ["color-contrast", "link-in-text-block"]; // what a theme can break

// Shows the page in one of THEMES, or in the colours that the system forces.
const dress = async (page, theme) => {
    await page.emulateMedia({ forcedColors: theme === FORCED ? "active" : "none" });
    if (theme !== FORCED) await page.locator("#theme").selectOption(theme);
};

for (const [width, height] of Object.entries(WIDTHS))
    test(`axe-core finds nothing at ${width}, in any theme and in forced colours`, { skip: missing }, async t => {
        const narrow = width < 720;
        const { page } = await open(t, {
            viewport: { width: Number(width), height },
            hasTouch: narrow,
            reducedMotion: "reduce",
        });
        await page.evaluate(readFileSync(AXE, "utf8"));
        for (const [name, scene] of Object.entries(SCENES)) {
            await scene(page);
            for (const pane of narrow && name !== "help" ? PANES : [null]) {
                if (pane) await page.evaluate(which => labPage.showPane(which), pane);
                await drawn(page);
                const part = pane === null || pane === PANES[0] ? "html" : "#right"; // the rest is as it was
                for (const [i, theme] of [...THEMES, FORCED].entries()) {
                    await dress(page, theme);
                    const found = await violations(page, part, i ? OF_COLOUR : null);
                    assert.deepEqual(found, [], `${name}, ${theme}, ${pane ?? "all panes"}`);
                }
            }
        }
    });

test("every control is large enough for a finger at 390, and nothing is cropped", { skip: missing }, async t => {
    const { page } = await open(t, { viewport: { width: 390, height: 844 }, hasTouch: true, reducedMotion: "reduce" });
    await type(page, "fault null");
    for (const pane of PANES) {
        await page.evaluate(which => labPage.showPane(which), pane);
        await drawn(page);
        const small = await page.evaluate(
            finger =>
                [...document.querySelectorAll("button, select, summary, input, label:has(input)")]
                    .filter(
                        control =>
                            control.checkVisibility() &&
                            !control.matches("label input") &&
                            !control.classList.contains("skip"),
                    )
                    .map(control => [control.outerHTML.slice(0, 90), control.getBoundingClientRect()])
                    .filter(([, { width, height }]) => width && (width < finger - 0.5 || height < finger - 0.5))
                    .map(([html, { width, height }]) => `${html} ${width} x ${height}`),
            FINGER,
        );
        assert.deepEqual(small, [], pane);
        assert.ok(
            await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
            `${pane}: wider than the screen`,
        );
    }
});

test("no line is cropped at any width", { skip: missing }, async t => {
    const { page } = await open(t, { reducedMotion: "reduce" });
    await type(page, "alloc 300000");
    await type(page, "fault text-write");
    for (const [width, height] of Object.entries(WIDTHS)) {
        await page.setViewportSize({ width: Number(width), height });
        await drawn(page);
        const cropped = await page.evaluate(() =>
            [...document.querySelectorAll("p, li, h1, h2, b, button, .caption, .log div, legend, label")]
                .filter(
                    part =>
                        part.checkVisibility() &&
                        !part.closest(".visually-hidden, .skip, dialog, .chapters") &&
                        part.scrollWidth > part.clientWidth + 1 &&
                        part.clientWidth > 0 &&
                        getComputedStyle(part).display !== "inline" &&
                        getComputedStyle(part).overflowX !== "visible",
                )
                .map(part => part.outerHTML.slice(0, 100)),
        );
        assert.deepEqual(cropped, [], `at ${width}`);
    }
});

test("the line of C is shown with others around it, and the legend beside what it explains", { skip: missing }, async t => {
    for (const [path, width, height, lines] of [
        ["", 1440, 900, 5],
        ["", 1920, 1080, 6],
        ["", 1366, 650, 3],
        ["?present", 1920, 1080, 2],
        ["?present", 1366, 768, 2],
    ]) {
        const { page } = await open(t, { path, viewport: { width, height }, reducedMotion: "reduce" });
        await type(page, "map 0x400000 0xb8000");
        const shown = await page.evaluate(async () => {
            const { from, to } = labPage.lab.chapters.at(-1),
                found = { lines: Infinity, overlap: -Infinity };
            for (let at = from + 1; at <= to; at++) {
                labPage.moveTo(at);
                labPage.render();
                const code = document.querySelector(".code"),
                    line = parseFloat(getComputedStyle(code).lineHeight);
                if (!code.hidden) found.lines = Math.min(found.lines, Math.min(code.clientHeight, code.scrollHeight) / line);
                const [above, legend] = ["#frames .caption", "#legend"].map(part => document.querySelector(part).getBoundingClientRect());
                found.overlap = Math.max(found.overlap, above.bottom - legend.top);
            }
            return found;
        });
        assert.ok(shown.lines >= lines - 0.5, `${path} ${width}: ${shown.lines.toFixed(1)} lines`);
        assert.ok(shown.overlap <= 0, `${path} ${width}: the legend lies ${shown.overlap} px over the caption`);
    }
});

test("the keyboard alone: a command, its steps, a grid, a bit, another theme", { skip: missing }, async t => {
    const { page, errors } = await open(t, { reducedMotion: "reduce" }),
        { keyboard } = page;
    const focus = () => page.evaluate(() => document.activeElement.closest("section")?.id ?? document.activeElement.id);
    const to = async part => {
        for (let i = 0; i < 9 && (await focus()) !== part; i++) await keyboard.press("F6");
        assert.equal(await focus(), part);
    };
    const prompt = n => page.waitForFunction(count => labPage.lab.chapters.length > count && !labPage.lab.busy, n);

    await to("terminal");
    await keyboard.type("map 0x400000 0xb8");
    await keyboard.press("Backspace");
    await keyboard.type("8000");
    await keyboard.press("Enter");
    await prompt(1);
    assert.match(await page.evaluate(() => quire.log()), /0x00400000 -> 0x000b8000/);

    await keyboard.press("Escape");
    await keyboard.press("Tab");
    assert.notEqual(await focus(), "terminal", "Tab leaves the terminal");

    await to("time");
    await keyboard.press("ArrowLeft");
    await keyboard.press("ArrowLeft");
    await drawn(page);
    const slider = page.locator(".rail input");
    assert.match(await slider.getAttribute("aria-valuetext"), /^step \d+ of \d+: /);
    assert.ok(await page.evaluate(() => labPage.t === labPage.lab.now - 2));
    await keyboard.press("PageUp");
    assert.equal(await page.evaluate(() => labPage.currentChapter().command), "");
    await keyboard.press("PageDown");
    assert.match(await page.evaluate(() => labPage.currentChapter().command), /^map/);
    const between = await page.evaluate(() =>
        ["PageUp", "PageDown"].map(key => {
            document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
            return labPage.currentChapter().command;
        }),
    );
    assert.equal(between[0], "");
    assert.match(between[1], /^map/, "two keys before a frame is drawn are two keys");
    await page.evaluate(() => labPage.toNow());

    await to("directory");
    await keyboard.press("Control+Home");
    await keyboard.press("n");
    await drawn(page);
    const label = () => page.evaluate(() => document.activeElement.getAttribute("aria-label"));
    assert.match(await label(), /^PD\[1\] 0x00400000, 4 MiB: a page table in frame/);
    await page.evaluate(() => {
        const press = (key, more) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
        press("End", { ctrlKey: true });
        press("Home", { ctrlKey: true });
        press("n"); /* all before a frame is drawn */
    });
    await drawn(page);
    assert.match(await label(), /^PD\[1\] /);
    await keyboard.press("Enter");
    assert.equal(await focus(), "table");
    await drawn(page);
    assert.match(await label(), /^PT\[0\] 0x00400000: .* frame 0x000b8/);
    await keyboard.press("Enter");
    assert.equal(await focus(), "frames");
    assert.match(await label(), /^Frame 0x000b8: the screen's memory; mapped at 0x000b8000, 0x00400000/);

    await to("translation");
    await keyboard.press("Tab");
    await keyboard.press("End");
    await keyboard.press("Space");
    await drawn(page);
    assert.equal(await page.evaluate(() => labPage.chosen.va & 1), 1, "the last bit is turned");
    assert.deepEqual(errors, []);
});

test("who just begins to type is in the terminal", { skip: missing }, async t => {
    const { page } = await open(t, { reducedMotion: "reduce" });
    await page.keyboard.press("Control+z");
    assert.ok(await page.evaluate(() => document.activeElement === document.body));
    await page.keyboard.type("mem");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => labPage.lab.chapters.length > 1 && !labPage.lab.busy);
    assert.equal(await page.evaluate(() => labPage.lab.chapters[1].command), "mem");
});

test("every control can be reached with Tab, and none holds the focus", { skip: missing }, async t => {
    const { page } = await open(t, { reducedMotion: "reduce" }),
        seen = new Set();
    await type(page, "alloc 5000");
    await page.evaluate(() => document.activeElement.blur());
    for (let i = 0; i < 60; i++) {
        await page.keyboard.press("Tab");
        seen.add(
            await page.evaluate(
                () =>
                    document.activeElement.closest("section, header, #commands, #screen, #panes")?.id ||
                    document.activeElement.tagName,
            ),
        );
    }
    for (const part of [
        "missions",
        "terminal",
        "commands",
        "screen",
        "directory",
        "table",
        "frames",
        "translation",
        "time",
    ])
        assert.ok(seen.has(part), `${part} is reached: ${[...seen]}`);
});

test("?present: single keys do everything", { skip: missing }, async t => {
    const { page } = await open(t, {
            path: "?present",
            viewport: { width: 1920, height: 1080 },
            reducedMotion: "reduce",
        }),
        { keyboard } = page;
    await keyboard.press("t");
    await keyboard.type("alloc 5000");
    await keyboard.press("Enter");
    await page.waitForFunction(() => labPage.lab.chapters.length > 1 && !labPage.lab.busy);
    await keyboard.press("Escape");
    const at = () => page.evaluate(() => labPage.lab.now - labPage.t);
    await keyboard.press("ArrowLeft");
    assert.equal(await at(), 1);
    await keyboard.press("ArrowRight");
    assert.equal(await at(), 0);
    await keyboard.press("n");
    assert.match(await page.locator("#mission").inputValue(), /^who-sets-the-bits$/);
    await keyboard.press("h");
    assert.equal(await page.locator(".hints li").count(), 1);
    await keyboard.press("z");
    assert.ok(await page.evaluate(() => !document.getElementById("left").checkVisibility()));
});

test("no motion where none is wanted: a command's end is shown at once", { skip: missing }, async t => {
    const { page } = await open(t, { reducedMotion: "reduce" });
    await type(page, "map 0x400000 0x300000");
    await drawn(page);
    assert.ok(await page.evaluate(() => labPage.t === labPage.lab.now && !labPage.playing));
    assert.deepEqual(
        await page.evaluate(() =>
            document.getAnimations().map(animation => animation.transitionProperty ?? "animation"),
        ),
        [],
    );
});

test("where motion is welcome, the steps of a command are played", { skip: missing }, async t => {
    const { page } = await open(t, { reducedMotion: "no-preference" });
    await type(page, "map 0x400000 0x300000");
    assert.ok(await page.evaluate(() => labPage.playing));
    await page.waitForFunction(() => labPage.t === labPage.lab.now && !labPage.playing);
});

test("the theme follows the system, and the reader's choice stays", { skip: missing }, async t => {
    const { page } = await open(t, { colorScheme: "dark" }),
        theme = () => page.evaluate(() => document.documentElement.dataset.theme);
    assert.equal(await theme(), "dark");
    await page.emulateMedia({ colorScheme: "light" });
    await page.waitForFunction(() => document.documentElement.dataset.theme === "light");
    await page.locator("#theme").selectOption("contrast");
    assert.equal(await theme(), "contrast");
    await page.reload();
    await page.waitForFunction(() => document.documentElement.dataset.theme === "contrast");
});
