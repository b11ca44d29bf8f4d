/**
 * The lab: a machine, what it did, and time travel.
 *
 * A chapter is a command with its events; chapter 0 is the boot. The machine is parked whenever the kernel waits for
 * input, so an idle page takes no time. At each prompt the machine is saved, for undo.
 *
 * Events (CustomEvent, with a detail): "text" output with its escape sequences, "change" events have come, "prompt" a
 * chapter is complete, "died", "undo", "reset", "forgotten" the oldest chapters are gone, and with them the first so many
 * events: what is left counts from there on, or a session of hours would take all the memory there is.
 */
import { emptyState, moveTo, walk } from "./model.js";
import { Machine } from "./machine.js";
import { Recorder } from "./recorder.js";
import { EditedLine, findFault, plain } from "./terminal.js";
import { pack, unpack } from "./tlb.js";
import { readCells, readText } from "./vga.js";

const PROMPT = "quire> ", LAST_LOOK = /exit or reboot/;
const CHAPTERS_KEPT = 200, EVENTS_KEPT = 50000, TEXT_KEPT = 1 << 20;
const CHANGES_EVERY = 16, QUIET = 80; /* ms */
const BOOT_EVERY = 200; /* ms: most boots are over by then, and are told once */
const PARTS_OF_IMAGE = ["text_end", "rodata_end", "data_end", "kernel_end"];

/**
 * @typedef {object} Chapter
 * @property {string} command
 * @property {number} from         its events are [from, to)
 * @property {number} to
 * @property {string} output       plain text
 * @property {string | null} error the last line that starts with "error: "
 * @property {object | null} fault
 * @property {Uint32Array | null} tlb      packed
 * @property {number} dropped      changes beyond those that are kept one by one
 */
export class Lab extends EventTarget {
    /**
     * @param {(options: object) => Promise<{parts: import("./machine.js").Parts, whereIs: Function}>} load
     *        gets what a machine is made of (load.js in a page)
     * @param {object} [options]  for LOAD; snapshots: how many prompts can be gone back to; chapters, events: how many are kept
     */
    constructor(load, options = {}) {
        super();
        this.load = load;
        this.options = { snapshots: 16, chapters: CHAPTERS_KEPT, events: EVENTS_KEPT, ...options };
        /** Resolves at the first prompt. */
        this.ready = new Promise(done => this.addEventListener("prompt", done, { once: true }));
        this.forget();
    }

    forget() {
        this.chapters = [];
        this.forgotten = { chapters: 0, events: 0 };
        this.rawText = ""; /* its last part, where there is much */
        this.unsaid = ""; /* output that nobody has heard of yet */
        this.line = new EditedLine();
        this.dead = null;
        this.busy = true;
        this.entered = false; /* Enter went out, and its echo has not come yet */
        this.waiting = [];
        this.lastChange = performance.now();
    }

    tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }

    /* ---- life ---- */

    /** Switches the machine on; ends at the first prompt. */
    async boot() {
        const { parts, whereIs } = await this.load(this.options);
        const machine = this.machine = new Machine(parts, {
            told: (port, value) => this.recorder.told(port, value),
            output: byte => this.output(byte),
            sliced: () => this.sliced(),
            died: why => this.died(why),
        });
        await machine.build();
        const layout = { modules: machine.modules };
        for (const name of PARTS_OF_IMAGE)
            layout[name] = machine.symbols.get(name);
        this.recorder = new Recorder(machine, whereIs, layout);
        this.past = emptyState(machine.size >>> 12, layout);
        this.openChapter("");
        const prompt = this.untilPrompt();
        machine.run();
        await prompt;
    }

    /** Switches it off and on again, with other OPTIONS if there are any. */
    async reset(options = {}) {
        const waiting = this.waiting.splice(0);
        await this.machine?.destroy();
        Object.assign(this.options, options);
        this.forget();
        waiting.forEach(done => done());
        this.tell("reset");
        await this.boot();
    }

    died(why) {
        this.dead = { why };
        this.sayText();
        this.closeChapter();
        this.tell("died", this.dead);
        this.release();
    }

    /* ---- typing ---- */

    /** Sends TEXT as it is, key by key; Enter begins a chapter. */
    send(text) {
        if (this.dead)
            return;
        if (/[\r\n]/.test(text) && !this.busy)
            this.openChapter(this.line.text.slice(PROMPT.length) + text.split(/[\r\n]/)[0]);
        this.entered ||= /[\r\n]/.test(text);
        this.machine.send(text);
        this.machine.run();
    }

    /** Types TEXT, line by line; ends with the prompt after the last. */
    async type(text) {
        for (const [line] of text.matchAll(/[^\n]*\n|[^\n]+$/g)) {
            if (this.busy)
                await this.untilPrompt();
            if (this.dead)
                return;
            this.send(line.replace("\n", "\r"));
            if (line.endsWith("\n"))
                await this.untilPrompt();
        }
    }

    /** Ends when the kernel waits for a line, or the machine has died. */
    untilPrompt() {
        return this.busy && !this.dead ? new Promise(done => this.waiting.push(done)) : Promise.resolve();
    }

    release() { this.waiting.splice(0).forEach(done => done()); }

    output(byte) {
        const c = String.fromCharCode(byte);
        this.rawText += c;
        if (this.entered && c === "\n") { /* the echo of Enter: now the line is whole */
            this.entered = false;
            this.chapters.at(-1).command = this.line.text.slice(PROMPT.length).trimEnd();
        }
        this.line.put(c);
        this.unsaid += c;
        this.lastOutput = performance.now();
    }

    /** Tells what came out since the last time. */
    sayText() {
        if (!this.unsaid)
            return;
        this.tell("text", this.unsaid);
        this.unsaid = "";
        if (this.rawText.length > 2 * TEXT_KEPT)
            this.cutText();
    }

    cutText() {
        const cut = this.rawText.length - TEXT_KEPT;
        this.rawText = this.rawText.slice(cut);
        for (const chapter of this.chapters) {
            chapter.start = Math.max(0, chapter.start - cut);
            if (chapter.snapshot)
                chapter.snapshot.text = Math.max(0, chapter.snapshot.text - cut);
        }
    }

    /* ---- between two slices of the machine's time ---- */

    sliced() {
        const boots = this.chapters.length === 1 && this.busy, now = performance.now();
        const due = now - this.lastChange > (boots ? BOOT_EVERY : CHANGES_EVERY);
        if (!boots || due || this.atPrompt())
            this.sayText();
        if (due)
            this.lastChange = now;
        if (due && this.shown !== this.now) {
            this.shown = this.now;
            this.tell("change");
        }
        if (!this.atPrompt())
            return;
        if (this.machine.halted || this.lastLook())
            this.machine.park();
        this.recorder.settle();
        if (this.busy)
            this.closeChapter();
        if (this.waiting.length)
            this.release();
    }

    /** Whether the kernel waits for a line: halted, or while programs run in the background. */
    atPrompt() {
        return this.line.text.startsWith(PROMPT) && !this.entered && (this.machine.halted || this.machine.inProgram) || this.lastLook();
    }

    /** After a panic the kernel polls with interrupts off. */
    lastLook() {
        return LAST_LOOK.test(this.line.text) && performance.now() - this.lastOutput > QUIET;
    }

    /* ---- chapters ---- */

    openChapter(command) {
        const from = this.chapters.at(-1)?.to ?? 0;
        this.chapters.push({ command, from, to: from, output: "", error: null, fault: null, tlb: null, dropped: 0, start: this.rawText.length });
        this.recorder.begin();
        this.machine.interpret();
        this.busy = true;
    }

    closeChapter() {
        const chapter = this.chapters.at(-1), output = plain(this.rawText.slice(chapter.start));
        chapter.dropped = this.recorder.summedUp;
        this.recorder.begin();
        chapter.to = this.now;
        chapter.output = output.slice(0, output.lastIndexOf(PROMPT) < 0 ? undefined : output.lastIndexOf(PROMPT)).replace(/^[^\n]*\n/, "");
        chapter.error = chapter.output.split("\n").findLast(line => line.startsWith("error: ")) ?? null;
        chapter.fault = findFault(chapter.output);
        chapter.tlb = pack(this.liveTlb());
        this.busy = false;
        if (!this.dead)
            this.keepSnapshot(chapter);
        this.forgetOldest();
        this.tell("change");
        this.tell("prompt", chapter);
    }

    /** Forgets the oldest chapters, where there are more than are kept; never the last. */
    forgetOldest() {
        const { chapters, options } = this, excess = this.now - options.events;
        let gone = Math.max(0, chapters.length - options.chapters);
        while (gone < chapters.length - 1 && chapters[gone].from < excess)
            gone++;
        if (!gone)
            return;
        const events = chapters[gone].from;
        moveTo(this.past, this.events, Math.max(this.past.t, events));
        this.past.t -= events;
        this.recorder.forget(events);
        chapters.splice(0, gone);
        for (const chapter of chapters) {
            chapter.from -= events;
            chapter.to -= events;
        }
        this.forgotten.chapters += gone;
        this.forgotten.events += events;
        this.shown = -1;
        this.tell("forgotten", { chapters: gone, events });
    }

    chapterAt(t) { return this.chapters.findLast(chapter => chapter.from < t) ?? this.chapters[0]; }

    /* ---- undo ---- */

    keepSnapshot(chapter) {
        if (!this.options.snapshots)
            return;
        chapter.snapshot = { machine: this.machine.save(), recorder: this.recorder.save(), text: this.rawText.length };
        const old = this.chapters.at(-1 - this.options.snapshots);
        if (old)
            delete old.snapshot;
    }

    /** Whether one can go back to just before chapter I's command. */
    canUndo(i) { return i > 0 && !!this.chapters[i - 1]?.snapshot && (!this.busy || !!this.dead); }

    /** Goes back to just before chapter I's command. What came after is forgotten. The TLB is empty then. */
    async undo(i) {
        if (!this.canUndo(i))
            return;
        const { machine, recorder, text } = this.chapters[i - 1].snapshot;
        this.chapters.length = i;
        moveTo(this.past, this.events, Math.min(this.past.t, this.chapters[i - 1].to));
        this.machine.restore(machine);
        this.recorder.restore(recorder, this.chapters[i - 1].to);
        this.rawText = this.rawText.slice(0, text);
        this.line.clear();
        for (const c of this.rawText.slice(this.rawText.lastIndexOf("\n") + 1))
            this.line.put(c);
        this.dead = null;
        this.busy = false;
        this.tell("undo", i);
        this.tell("change");
    }

    /* ---- what there is to see ---- */

    get events() { return this.recorder?.events ?? []; }
    get now() { return this.events.length; }
    get tlbShown() { return !!this.machine?.tlb.known; }
    get logText() { return plain(this.rawText); }

    /** The state now. */
    get state() { return this.stateAt(this.now); }

    /** The state after T events. It holds until the next call, or until the machine runs. */
    stateAt(t) {
        const { live } = this.recorder, now = t === this.now;
        if (!now)
            moveTo(this.past, this.events, t);
        const state = now ? live : this.past, chapter = this.chapterAt(t);
        const kept = t === chapter.to ? chapter.tlb : this.events[t - 1]?.tlb ?? null;
        state.tlb = this.withStale(state, now ? this.liveTlb() : unpack(kept));
        state.fault = chapter.fault && t >= this.faultAt(chapter) ? chapter.fault : null;
        return state;
    }

    /** How many events had happened when CHAPTER's fault came. */
    faultAt(chapter) {
        for (let t = chapter.to; t > chapter.from; t--)
            if (this.events[t - 1].kind === "fault")
                return t;
        return chapter.to;
    }

    liveTlb() { return this.tlbShown ? this.machine.tlb.all() : null; }

    withStale(state, tlb) {
        return tlb && tlb.map(entry => {
            const now = walk(state, entry.va);
            return { ...entry, stale: now.pa !== entry.pa || (entry.writable && !now.writable) || (entry.user && !now.user) };
        });
    }

    screenText() { return readText(this.machine); }
    screenCells() { return readCells(this.machine); }
    symbol(address) { return this.machine.elf.name(address); }

    /** A copy of BYTES bytes of physical memory; null where there is none. */
    memory(pa, bytes) { return pa >= 0 && pa + bytes <= this.machine.size ? this.machine.bytes.slice(pa, pa + bytes) : null; }
}
