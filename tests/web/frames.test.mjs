// How long the page takes to draw. While the kernel works: what the clock says, as figures, for the machine may be busy with
// other things. Then the same steps again, by the processor's time, which is judged.
import assert from "node:assert/strict";
import { test } from "node:test";
import { missing, open } from "./shared.mjs";

const LIMIT = 8,
    STEPS = 240; // ms a frame; frames

const run = page =>
    page.evaluate(async () => {
        labPage.times.length = 0;
        await quire.type("test vmem*\n");
        return labPage.times.toSorted((a, b) => a - b);
    });

// The processor's time, in ms, that the page's thread has spent on scripts, styles and layout.
async function spent(session) {
    const { metrics } = await session.send("Performance.getMetrics");
    return (
        1000 *
        metrics
            .filter(({ name }) => /^(Script|RecalcStyle|Layout)Duration$/.test(name))
            .reduce((sum, { value }) => sum + value, 0)
    );
}

test("a frame takes less than 8 ms while test vmem* runs", { skip: missing }, async t => {
    const { page, errors } = await open(t, { reducedMotion: "reduce" }),
        session = await page.context().newCDPSession(page);
    const times = await run(page),
        at = part => times[Math.min(times.length - 1, Math.floor(times.length * part))].toFixed(1);
    t.diagnostic(
        `${times.length} frames while it ran: ${at(0.1)} ms (quickest tenth), ${at(0.5)} ms (median), ${at(0.95)} ms (95%)`,
    );

    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const before = await spent(session);
    const drawn = await page.evaluate(steps => {
        const { from, to } = labPage.lab.chapters.at(-1),
            stride = Math.max(1, Math.floor((to - from) / steps));
        let n = 0;
        for (let at = from; at < to && n < steps; at += stride, n++) {
            labPage.moveTo(at);
            labPage.render();
        }
        return n;
    }, STEPS);
    const each = ((await spent(session)) - before) / drawn;
    t.diagnostic(`${drawn} of its steps, one after the other: ${each.toFixed(2)} ms of the processor's time each`);
    assert.ok(drawn > STEPS / 2 && each > 0 && each < LIMIT);
    assert.deepEqual(errors, []);
});
