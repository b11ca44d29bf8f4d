// The folder that make web makes: small, with no need of a network, asking nobody, and closed to foreign code.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { site } from "./browser.mjs";
import { countSlices, rests } from "./rest.mjs";
import { missing, open, ready, type } from "./shared.mjs";

const skip = missing, LIMIT = 900000;

const files = folder => readdirSync(folder, { recursive: true }).map(name => join(folder, name)).filter(path => statSync(path).isFile());

test("the folder is 900 KB gzipped at most", { skip: missing && /make web/.test(missing) && missing }, t => {
    const size = files(site).reduce((sum, path) => sum + gzipSync(readFileSync(path), { level: 9 }).length, 0);
    t.diagnostic(`${size} bytes`);
    assert.ok(size <= LIMIT, `${size} bytes`);
});

test("the page asks no other host for anything", { skip }, async t => {
    const { hosts, errors, server } = await open(t);
    assert.deepEqual([...hosts].filter(Boolean), [new URL(server.url).host]);
    assert.deepEqual(errors, []);
});

test("the page's head asks for every file that it begins with", { skip }, async t => {
    const { page, errors } = await open(t);
    const [asked, used] = await page.evaluate(() => [
        [...document.head.querySelectorAll("link, script")].map(element => element.href || element.src),
        performance.getEntriesByType("resource").map(({ name }) => name)]);
    assert.deepEqual(used.filter(name => !asked.includes(name)), []);
    assert.deepEqual(errors, []); /* one that is not there */
});

test("the content security policy lets no foreign code in, and nothing out", { skip }, async t => {
    const { page } = await open(t), policyIs = "meta[http-equiv=Content-Security-Policy]";
    const policy = await page.getAttribute(policyIs, "content");
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|\*|https?:/);
    const blocked = await page.evaluate(async () => {
        const found = new Set();
        addEventListener("securitypolicyviolation", event => found.add(event.effectiveDirective));
        const script = document.createElement("script");
        script.textContent = "window.foreign = true";
        document.body.append(script);
        document.body.insertAdjacentHTML("beforeend", "<p style='color: red'>x</p><img src='http://127.0.0.1:9/x.png'>");
        await fetch("http://127.0.0.1:9/").catch(() => { });
        setTimeout(() => new Function("window.foreign = true")()); /* what evaluate() runs itself may do that */
        await new Promise(done => setTimeout(done, 200));
        return { found: [...found].sort(), foreign: window.foreign ?? false };
    });
    assert.equal(blocked.foreign, false);
    for (const directive of ["connect-src", "img-src", "script-src-elem", "style-src-attr"])
        assert.ok(blocked.found.includes(directive), directive);
});

test("once seen it works without a network, from the browser's cache", { skip }, async t => {
    const { page, server } = await open(t, { own: true });
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.waitForFunction(() => navigator.serviceWorker.controller);
    server.close();
    await page.reload();
    await ready(page);
    assert.match(await type(page, "alloc 8"), /\$0 = /);
    const asked = await page.evaluate(() => performance.getEntries().filter(entry => entry.workerFinalSourceType !== undefined)
        .map(entry => [entry.name, entry.workerFinalSourceType]));
    assert.ok(asked.length > 10);
    assert.deepEqual(asked.filter(([, from]) => from !== "cache"), [], "the service worker is not asked");

    await page.goto(server.url + "?present");
    await ready(page);
    assert.match(await type(page, "alloc 8"), /\$0 = /);
});

test("the page is a few files, and asks for all of them at once", { skip }, async t => {
    const { page } = await open(t);
    const entries = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name, initiatorType }) => [name.replace(/.*\//, ""), initiatorType]));
    assert.deepEqual(entries.map(([name]) => name).filter(name => /\.(m?js|css)$/.test(name)).sort(), ["libv86.mjs", "main.js", "page.css"]);
    assert.ok(entries.length <= 18, `${entries.length} files`);
    assert.deepEqual(entries.filter(([, by]) => !["link", "script", "img", "other"].includes(by)), [], "asked for later than by index.html");
});

test("at the prompt, and while tour and watch wait, the page leaves the machine alone", { skip }, async t => {
    const { page } = await open(t), session = await page.context().newCDPSession(page);
    await session.send("Performance.enable");
    await page.evaluate(countSlices, await page.evaluateHandle(() => labPage.lab.machine));
    await page.evaluate(() => {
        const { requestAnimationFrame } = window;
        window.asked = 0;
        window.requestAnimationFrame = draw => {
            window.asked++;
            return requestAnimationFrame(draw);
        };
    });
    const figures = async () => {
        const { metrics } = await session.send("Performance.getMetrics");
        return { processor: metrics.find(metric => metric.name === "TaskDuration").value, ...await page.evaluate(() => {
            const { slices, instructions } = labPage.lab.machine;
            return { slices, instructions, frames: window.asked, seconds: performance.now() / 1000 };
        }) };
    };
    for (const command of ["", "tour\r", "qwatch peek kmain\r"]) {
        await page.evaluate(command => labPage.lab.send(command), command);
        await rests(t, command.trim() || "prompt", figures);
    }
});

test("figures: from nothing to the prompt, cold and warm", { skip }, async t => {
    const { page, errors } = await open(t, { own: true });
    for (const what of ["cold", "warm", "warm"]) {
        t.diagnostic(`${what}: ${Math.round(await page.evaluate(() => performance.now()))} ms to the prompt`);
        await page.evaluate(() => navigator.serviceWorker.ready);
        assert.deepEqual(errors, []);
        await page.reload();
        await ready(page);
    }
});
