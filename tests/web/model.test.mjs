// The model equals the machine's memory at every prompt, whatever was typed. LAB_COMMANDS=20000 types more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { boot, model } from "./node.mjs";
import { allWasTold, equalsMaps, equalsMemory, equalsPrint, replays, snapshot, tlbIsWhole } from "./check.mjs";
import { commands } from "./random.mjs";

const COUNT = Number(process.env.LAB_COMMANDS ?? 150);

test("at the first prompt the model is what is in memory, what pd, walk and maps print, and what replay gives", async () => {
    const lab = await boot();
    equalsMemory(lab);
    replays(lab, model);
    assert.ok(lab.tlbShown);
    await lab.type("alloc 5000\nmap 0x400000 0xb8000\nmap 0x401000 0xb9000 ro\n");
    await equalsPrint(lab, model);
    await equalsMaps(lab, model);
    await lab.machine.destroy();
});

/** The frames of the current space's page tables, table 0 and the kernel's left out; one that is no table, where there are none. */
function userTables({ state }) {
    const found = [...state.tables.get(state.cr3).subarray(1, 768)].filter(pde => pde & 1).map(pde => (pde & model.PTE.FRAME) >>> 0);
    return found.length ? found : [0x3f0000];
}

/** Types COUNT random commands, and calls CHECK after each. */
async function session(commandsFor, count, check, options = {}) {
    const lab = await boot(options), next = commandsFor(lab);
    for (let i = 0; i < count; i++) {
        const command = next();
        await lab.type(command + "\n");
        try {
            check(lab, i);
        } catch (error) {
            error.message = `after command ${i}, ${command}: ${error.message}`;
            throw error;
        }
        if (lab.dead)
            await lab.reset();
    }
    await lab.machine.destroy();
}

test("random commands and programs: the model equals memory at each prompt, and replays from nothing", async () => {
    let past = [];
    const start = lab => {
        lab.addEventListener("forgotten", ({ detail: { events } }) => {
            past = past.map(moment => ({ ...moment, t: moment.t - events })).filter(moment => moment.t >= 0);
        });
        return commands(1, { tables: () => userTables(lab) });
    };
    await session(start, COUNT / 2, (lab, i) => {
        equalsMemory(lab);
        tlbIsWhole(lab);
        past.push(snapshot(lab.state));
        if (i % 25 === 24 || lab.dead) {
            replays(lab, model, past.filter(moment => moment.t <= lab.now));
            past = [];
        }
    });
});

test("as long as nothing goes past mm/, every change of a table is told when it happens", async () => {
    await session(() => commands(2, { pokes: false }), COUNT / 2, lab => {
        equalsMemory(lab);
        tlbIsWhole(lab);
        allWasTold(lab);
    });
});

test("a long session keeps its last chapters alone, and what is left is as exact", async () => {
    const chapters = 8, events = 2000, snapshots = 3, text = [];
    await session(lab => commands(4, { tables: () => userTables(lab) }), Math.max(30, COUNT / 5), (lab, i) => {
        equalsMemory(lab);
        assert.ok(lab.chapters.length <= chapters && (lab.now <= events || lab.chapters.length === 1));
        assert.deepEqual([lab.chapters[0].from, lab.chapters.at(-1).to], [0, lab.now]);
        lab.stateAt(i % (lab.now + 1));
        if (i % 10 === 9)
            replays(lab, model);
        text.push(lab.forgotten.chapters);
    }, { chapters, events, snapshots });
    assert.ok(text.at(-1) > 10);
});

test("what is not forgotten can be gone back to", async () => {
    const lab = await boot({ chapters: 4, snapshots: 4 });
    await lab.type("alloc 5000\nalloc 5000\nalloc 5000\nalloc 5000\n");
    const { now } = lab, before = snapshot(lab.state), text = lab.logText;
    await lab.type("map 0x400000 0xb8000\n");
    assert.equal(lab.forgotten.chapters, 2);
    assert.equal(lab.chapters.length, 4);
    await lab.undo(3);
    equalsMemory(lab);
    replays(lab, model);
    assert.equal(lab.logText, text);
    const { t, tables } = snapshot(lab.state);
    assert.ok(t <= now);
    assert.deepEqual([...tables.keys()], [...before.tables.keys()]);
    await lab.machine.destroy();
});

test("of what was printed the last part is kept", async () => {
    const lab = await boot({ chapters: 4, snapshots: 2 }), before = lab.logText;
    lab.rawText += "x\r\n".repeat(1e6); /* as from a program that prints for an hour */
    await lab.type("alloc 5000\n");
    assert.ok(lab.rawText.length < 2e6 && lab.logText.endsWith("$0 = 0xd0000000\nquire> "));
    await lab.type("free $0\n");
    await lab.undo(2);
    assert.ok(lab.logText.endsWith("x\nalloc 5000\n$0 = 0xd0000000\nquire> ") && before.endsWith("quire> "));
    assert.equal(lab.chapters.at(-1).output, "$0 = 0xd0000000\n");
    await lab.machine.destroy();
});
