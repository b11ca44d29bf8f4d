// Whether a machine that waits is left alone: how that is counted, and what is allowed.
import assert from "node:assert/strict";

/** What a second of waiting may have. A nap of the machine's lasts a tenth of a second. */
const MOST = { slices: 20, instructions: 50000, frames: 5 };
const MS = 2000, TIMES = 10;

/** MACHINE counts its slices from now on. (In the page, too: nothing from outside is used.) */
export function countSlices(machine) {
    const { slice } = machine;
    machine.slices = 0;
    machine.slice = function () {
        this.slices++;
        return slice.call(this);
    };
}

/**
 * Fails unless a second comes that has no more than MOST; those before it may have work left from a command. FIGURES()
 * tells what there has been so far, its seconds of the processor among it. How long a slice takes depends on the computer,
 * and on who else runs on it: that is only told.
 */
export async function rests(t, name, figures) {
    let good = false, told;
    for (let i = 0; i < TIMES && !good; i++) {
        const before = await figures();
        await new Promise(done => setTimeout(done, MS));
        const after = await figures(), rate = key => (after[key] - before[key]) / (after.seconds - before.seconds);
        const counted = Object.keys(MOST).filter(key => key in after);
        good = counted.every(key => rate(key) <= MOST[key]);
        told = `${counted.map(key => `${rate(key).toFixed(1)} ${key}`).join(", ")}, ${(100 * rate("processor")).toFixed(2)}% of a core`;
    }
    t.diagnostic(`${name}: a second has ${told}`);
    assert.ok(good, `${name}: ${told}`);
}
