// The page in Firefox (Debian's, by puppeteer-core and WebDriver BiDi: playwright-core wants a Firefox of its own).
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { missing, ready, serve, site, type } from "./browser.mjs";

const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
const driver = resolve(site, "../web-tests/node_modules/puppeteer-core/lib/esm/puppeteer/puppeteer-core.js");
const skip = !existsSync(FIREFOX) ? `no ${FIREFOX}`
    : !existsSync(driver) ? "no puppeteer-core: npm did not bring it"
    : !existsSync(join(site, "index.html")) && missing;

test("in Firefox the kernel boots, the TLB is read, a program runs, a fault has its card", { skip }, async t => {
    const { default: puppeteer } = await import(pathToFileURL(driver).href), server = await serve();
    const browser = await puppeteer.launch({ browser: "firefox", executablePath: FIREFOX, headless: true });
    t.after(async () => {
        await browser.close();
        server.close();
    });
    const page = await browser.newPage(), errors = [];
    page.on("console", message => message.type() === "error" && errors.push(message.text()));
    page.on("pageerror", error => errors.push(String(error)));
    await page.setViewport({ width: 1440, height: 900 });
    await page.goto(server.url);
    await ready(page);

    const [, total, free] = (await type(page, "mem")).match(/frames: (\d+) total, (\d+) free/);
    const { frames, tlb } = await page.evaluate(() => quire.state());
    assert.deepEqual(frames, { total: Number(total), free: Number(free) });
    assert.ok(tlb.length > 10);
    assert.match(await type(page, "map 0x400000 0xb8000\npeek 0x400000"), /0x00400000 -> 0x000b8000/);
    assert.match(await type(page, "run clone"), /child 3 writes to each: 4 faults, a copy each/);
    await type(page, "fault null");
    await page.waitForFunction(() => /page fault: read of 0x00000010/.test(document.querySelector("#fault:not([hidden])")?.textContent));
    assert.deepEqual(errors, []);
});
