// How long the page takes to draw while the kernel works, as figures: the machine may be busy with other things, so only
// what no idle machine needs is a failure.
import assert from "node:assert/strict";
import { test } from "node:test";
import { missing, open } from "./browser.mjs";

const NEVER = 100; // ms, the quickest tenth

test("drawing while test vmem* runs", { skip: missing }, async t => {
    const { page, errors } = await open(t, { reducedMotion: "reduce" });
    const times = await page.evaluate(async () => {
        labPage.times.length = 0;
        await quire.type("test vmem*\n");
        return labPage.times;
    });
    times.sort((a, b) => a - b);
    const at = part => times[Math.min(times.length - 1, Math.floor(times.length * part))].toFixed(1);
    t.diagnostic(`${times.length} frames: ${at(.1)} ms (quickest tenth), ${at(.5)} ms (median), ${at(.95)} ms (95%)`);
    assert.ok(times.length > 0 && Number(at(.1)) < NEVER);
    assert.deepEqual(errors, []);
});
