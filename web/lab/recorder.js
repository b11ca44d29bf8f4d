/**
 * The recorder: makes events (model.js) of what the kernel tells (ports.js), and of what it cannot tell.
 *
 * LIVE is the state after the last event. Where memory differs from it the page has missed something: accessed and dirty
 * bits, which the processor sets, and stores that went past mm/. So memory is compared with LIVE before each event whose
 * reader needs the bits, and at every prompt; the difference becomes an event of its own. After that LIVE and memory are
 * equal, whatever happened.
 *
 * A frame is known as a table from the first entry that is stored in it, or from the moment that a directory leads to it,
 * until the kernel's records call it something else.
 */
import { apply, emptyState, moveTo } from "./model.js";
import { Kinds, USE } from "./frames.js";
import { PTE, SCRATCH_PAGE, WINDOW_START } from "./layout.js";
import { PORT } from "./ports.js";
import { pack } from "./tlb.js";

const FRAME = PTE.FRAME, BITS_OF_PROCESSOR = PTE.ACCESSED | PTE.DIRTY;
const RECURSIVE = 1023;
const isTableKind = kind => kind === USE.TABLE || kind === USE.DIRECTORY;
const frameOf = value => (value & FRAME) >>> 0;

/** Changes of one chapter that are kept one by one; the rest is one event. */
export const STEPS_MAX = 5000;
/** For so many of them the TLB is kept, too. */
const TLB_STEPS = 200;

export class Recorder {
    /**
     * @param {import("./machine.js").Machine} machine
     * @param {(eip: number) => object | null} whereIs   the source line of an address
     * @param {object} layout                            for classify()
     */
    constructor(machine, whereIs, layout) {
        this.machine = machine;
        this.whereIs = whereIs;
        this.events = [];
        this.live = emptyState(machine.size >>> 12, layout);
        this.first = emptyState(machine.size >>> 12, layout); /* before the oldest event that is kept */
        this.kinds = new Kinds(machine);
        this.owners = new Map(); /* struct space -> its record */
        this.pending = {};       /* what was told in words of its own, until the last one comes */
        this.open = null;        /* the last event, while it may go on */
        this.kindsShown = false; /* whether LIVE has the kinds that KINDS has read */
        this.looks = new Map();
        this.begin();
    }

    /** A chapter begins. */
    begin() {
        this.steps = 0;
        this.left = 0;
        this.summedUp = 0; /* changes of this chapter that are in one event */
        this.open = null;
    }

    /** What restore() needs besides the events. */
    save() { return { owners: new Map(this.owners) }; }

    /** Goes back to the moment T, when SAVED was saved; what came after is forgotten. The machine has gone back already. */
    restore(saved, t) {
        moveTo(this.live, this.events, t);
        this.events.length = t;
        this.owners = new Map(saved.owners);
        this.kindsShown = false;
        this.begin();
        this.settle();
    }

    /** Forgets the oldest N events: the others count from there on. */
    forget(n) {
        moveTo(this.first, this.events, n);
        this.events.splice(0, n);
        this.first.t = 0;
        this.live.t -= n;
    }

    get overflowing() { return this.steps >= STEPS_MAX; }

    /** The kernel tells VALUE on PORT. */
    told(port, value) {
        const { pending } = this;
        switch (port) {
        case PORT.ENTRY: return this.beforeStore(value);
        case PORT.VALUE: return this.stored(value);
        case PORT.FLUSH: return this.flushed(value);
        case PORT.CR3: return this.loaded(value);
        case PORT.BLOCK: pending.block = value; return;
        case PORT.WORDS: return this.blockStored(pending.block, value);
        case PORT.SPACE: pending.space = value; return;
        case PORT.DIRECTORY: return this.spaceTold(pending.space, value);
        case PORT.NAME: pending.name = this.machine.text(value); return;
        case PORT.PID: return this.ownerTold(pending.space, value, pending.name);
        case PORT.FAULT_BY: pending.by = value; return;
        case PORT.FAULT: return this.faulted(value, pending.by);
        }
    }

    /* ---- events ---- */

    /** Adds EVENT and brings LIVE up to date. */
    push(event) {
        if (this.overflowing) {
            this.left++;
            return;
        }
        const frames = this.changedKinds();
        this.kindsShown = true;
        if (frames.length)
            event.frames = frames;
        const drop = frames.filter(([, before, after]) => isTableKind(before) && !isTableKind(after))
            .map(([pfn]) => this.asDropped(pfn * 4096)).filter(Boolean);
        if (drop.length)
            event.drop = [...event.drop ?? [], ...drop];
        if (this.steps < TLB_STEPS)
            event.tlb = pack(this.tlbAfter(event));
        this.events.push(event);
        this.steps++;
        apply(this.live, event);
        this.open = event;
    }

    /** The TLB after EVENT, which has been told but not done where it is a flush. */
    tlbAfter(event) {
        const { tlb } = this.machine, last = event.va + ((event.count ?? 1) - 1) * 4096;
        if (!tlb.known)
            return null;
        if (event.kind === "cr3")
            return [];
        return event.kind === "flush" ? tlb.all().filter(entry => entry.va < event.va || entry.va > last) : tlb.all();
    }

    /** EVENT, with the place in the source that it comes from. */
    placed(event, eip = this.machine.eip) {
        if (this.overflowing) /* it is only counted */
            return event;
        return { ...event, where: this.whereIs(eip), stack: this.machine.stack(), eip };
    }

    changedKinds() {
        if (!this.kinds.read() && this.kindsShown)
            return [];
        const changed = [], before = this.live.kind, after = this.kinds.kind;
        for (let pfn = 0; pfn < before.length; pfn++)
            if (before[pfn] !== after[pfn])
                changed.push([pfn, before[pfn], after[pfn]]);
        return changed;
    }

    asDropped(frame) {
        const table = this.live.tables.get(frame);
        return table && { frame, table: table.slice() };
    }

    /** EVENT makes FRAME known, with what is in memory now, unless it is known. */
    adopt(event, frame) {
        if (frame + 4096 > this.machine.size || this.live.tables.has(frame) || event.adopt?.includes(frame))
            return;
        (event.adopt ??= []).push(frame);
        for (let i = 0; i < 1024; i++) {
            const word = this.machine.words[(frame >>> 2) + i];
            if (word)
                (event.words ??= []).push([frame, i, 0, word]);
        }
    }

    /* ---- entries ---- */

    beforeStore(address) {
        if (!this.live.paging && this.machine.paging)
            this.pagingStarted();
        if (this.isLook())
            return;
        const pa = this.machine.whereStored(address);
        this.storing = pa >= 0 && pa < this.machine.size ? { address, pa, before: this.machine.words[pa >>> 2] } : null;
    }

    /** Whether the kernel only looks at a word through the scratch page: what it maps it unmaps at once. */
    isLook() {
        const { eip } = this.machine;
        if (!this.looks.has(eip)) {
            const place = this.whereIs(eip);
            this.looks.set(eip, !!place && [place, ...place.inlined].some(step => step.function === "scratch_read"));
        }
        if (!this.looks.get(eip))
            return false;
        if (this.open?.kind === "look")
            this.open.count++;
        else
            this.push(this.placed({ kind: "look", count: 1 }));
        return true;
    }

    pagingStarted() {
        const place = { where: this.whereIs(this.machine.symbols.get("enable_paging")), stack: [] };
        this.push({ kind: "paging", cr0: this.machine.cr0, startsPaging: true, ...place });
        this.machine.tlb.check();
    }

    stored(value) {
        const { storing } = this;
        this.storing = null;
        if (!storing)
            return;
        if (this.overflowing)
            return void this.left++;
        const frame = frameOf(storing.pa), index = (storing.pa & 4095) >>> 2;
        if (!this.goOn(frame, index, storing.before, value))
            this.pushEntry(storing, frame, index, value);
    }

    /** Whether the last event is a run of entries that this one continues. */
    goOn(frame, index, before, value) {
        const { open, machine, live } = this;
        if (!(open?.kind === "entry" && open.frame === frame && open.index + open.count === index && open.eip === machine.eip &&
              open.level !== "pd" && live.tables.get(frame)[index] === before))
            return false;
        open.count++;
        open.words.push([frame, index, before, value]);
        live.tables.get(frame)[index] = value;
        live.moves++;
        return true;
    }

    pushEntry({ address, before }, frame, index, value) {
        const known = this.live.tables.get(frame);
        if (known && known[index] !== before)
            this.pushDifference([[frame, index, known[index], before]]);
        const event = this.placed({ kind: "entry", frame, index, count: 1, before, value, at: address });
        this.adopt(event, frame);
        if (event.adopt) /* as it is now: with the new value */
            event.words = (event.words ?? []).filter(word => word[1] !== index).concat(before ? [[frame, index, 0, before]] : []);
        (event.words ??= []).push([frame, index, before, value]);
        event.level = this.levelOf(frame, index, value);
        event.va = this.mappedBy(event, address);
        if (event.level === "pd" && value & PTE.PRESENT)
            this.adopt(event, frameOf(value));
        this.push(event);
    }

    isDirectory(frame, index, value) {
        const own = index === RECURSIVE ? value : this.live.tables.get(frame)?.[RECURSIVE] ?? 0;
        return (own & PTE.PRESENT) !== 0 && frameOf(own) === frame;
    }

    levelOf(frame, index, value) {
        return this.isDirectory(frame, index, value) ? "pd" : this.parentsOf(frame).length ? "pt" : null;
    }

    /** Which entries of known directories lead to FRAME: [directory, pdi]. */
    parentsOf(frame) {
        const found = [];
        for (const [directory, table] of this.live.tables)
            if (this.isDirectory(directory, 0, 0))
                for (let pdi = 0; pdi < RECURSIVE; pdi++)
                    if (table[pdi] & PTE.PRESENT && frameOf(table[pdi]) === frame)
                        found.push([directory, pdi]);
        return found;
    }

    /** The address that the entry stored at ADDRESS maps, or null. */
    mappedBy(event, address) {
        if (event.level === "pd")
            return (event.index << 22) >>> 0;
        if (address >= WINDOW_START && this.machine.paging)
            return ((address - WINDOW_START) << 10) >>> 0;
        const parent = this.parentsOf(event.frame)[0];
        return parent ? (parent[1] << 22 | event.index << 12) >>> 0 : null;
    }

    /* ---- blocks, flushes, CR3 ---- */

    blockStored(address, count) {
        const pa = this.machine.walk(address), frame = frameOf(pa), index = (pa & 4095) >>> 2;
        const scratch = address >>> 12 === SCRATCH_PAGE >>> 12, table = this.live.tables.get(frame);
        if (pa < 0 || pa >= this.machine.size || !count || address & 3 || (!scratch && !table))
            return;
        const first = pa >>> 2, length = Math.min(count, 1024 - index), words = this.machine.words.subarray(first, first + length);
        const event = this.placed({ kind: words.some(word => word) ? "copy" : "clear", frame, index, count: length });
        if (table)
            event.words = this.differences(frame, index, index + length);
        this.push(event);
    }

    flushed(va) {
        if (this.isLook())
            return;
        const { open, machine } = this, cached = machine.tlb.known ? machine.tlb.find(va) : null;
        if (open?.kind === "flush" && open.va + open.count * 4096 === va && open.eip === machine.eip && !this.overflowing) {
            open.count++;
            return;
        }
        this.lookAround();
        this.push(this.placed({ kind: "flush", va, count: 1, cached }));
    }

    loaded(value) {
        const before = this.live.cr3, directory = frameOf(value);
        this.lookAround();
        const event = this.placed({ kind: "cr3", value: directory, before, cr3: [before, directory], same: directory === before,
            dropped: this.machine.tlb.known && !this.overflowing ? this.machine.tlb.all().length : null });
        this.adopt(event, directory);
        this.push(event);
    }

    /* ---- spaces and faults ---- */

    spaceTold(pointer, directory) {
        const before = this.owners.get(pointer) ?? null, after = directory ? { directory, pid: 0, name: "" } : null;
        if (after)
            this.owners.set(pointer, after);
        else
            this.owners.delete(pointer);
        this.pushSpace(before, after);
    }

    ownerTold(pointer, pid, name) {
        const before = this.owners.get(pointer);
        if (!before)
            return;
        const after = { ...before, pid, name };
        this.owners.set(pointer, after);
        this.pushSpace(before, after);
    }

    pushSpace(before, after) {
        this.push(this.placed({ kind: "space", ...after ?? before, gone: !after, spaces: [[before, after]] }));
    }

    faulted(error, eip) {
        this.lookAround();
        const name = this.machine.elf.name(eip), event = this.placed({ kind: "fault", va: this.machine.cr2, error, by: eip, function: name });
        if (name && event.stack) /* the function that was stopped has no return address on the stack */
            event.stack.splice(-1, 0, name.split("+")[0]);
        this.push(event);
    }

    /* ---- what nobody tells ---- */

    differences(frame, from = 0, to = 1024) {
        const table = this.live.tables.get(frame), { words } = this.machine, found = [];
        for (let i = from, at = (frame >>> 2) + from; i < to; i++, at++)
            if (words[at] !== table[i])
                found.push([frame, i, table[i], words[at]]);
        return found;
    }

    /** Makes events of WORDS, in which memory differs from LIVE. */
    pushDifference(words) {
        const isBits = ([, , before, after]) => !((before ^ after) & ~BITS_OF_PROCESSOR);
        const bits = words.filter(isBits), others = words.filter(word => !isBits(word));
        if (bits.length)
            this.push({ kind: "processor", words: bits, where: null, stack: [] });
        if (others.length) {
            const event = { kind: "poke", words: others, where: null, stack: [] };
            for (const [frame, index, , after] of others)
                if (after & PTE.PRESENT && this.isDirectory(frame, index, after))
                    this.adopt(event, frameOf(after));
            this.push(event);
        }
    }

    /** Compares the known tables with memory. */
    lookAround() {
        if (!this.overflowing)
            this.pushDifference([...this.live.tables.keys()].flatMap(frame => this.differences(frame)));
    }

    /** At a prompt: after this LIVE equals memory in every table of every space. */
    settle() {
        if (this.overflowing)
            return this.sumUp();
        this.lookAround();
        const event = { kind: "frames", where: null, stack: [] };
        const frames = this.changedKinds();
        this.kindsShown &&= !frames.length;
        if (this.correctTables(event) || frames.length)
            this.push(event);
    }

    /** Everything beyond STEPS_MAX in one event. */
    sumUp() {
        const event = { kind: "more", left: this.left, where: null, stack: [] };
        event.words = [...this.live.tables.keys()].flatMap(frame => this.differences(frame));
        event.cr3 = [this.live.cr3, this.machine.cr3];
        if (!this.live.paging && this.machine.paging)
            event.startsPaging = true;
        this.correctSpaces(event);
        this.correctTables(event);
        this.begin();
        this.summedUp = event.left;
        this.push(event);
    }

    correctSpaces(event) {
        const now = [...this.owners.values()];
        event.spaces = [...this.live.spaces.filter(space => !now.includes(space)).map(space => [space, null]),
            ...now.filter(space => !this.live.spaces.includes(space)).map(space => [null, space])];
    }

    /** EVENT adopts the tables that are not known and drops those that are none. Whether there are any. */
    correctTables(event) {
        if (!this.machine.paging)
            return false;
        const tables = this.tablesInUse();
        for (const frame of tables)
            this.adopt(event, frame);
        const gone = [...this.live.tables.keys()].filter(frame => !tables.has(frame) && !isTableKind(this.kinds.kind[frame >>> 12]));
        if (gone.length)
            event.drop = gone.map(frame => ({ frame, table: this.asIs(frame) }));
        return !!(event.adopt || event.drop);
    }

    /** FRAME's table as memory has it. */
    asIs(frame) { return this.machine.words.slice(frame >>> 2, (frame >>> 2) + 1024); }

    /** Every directory and table that the processor could reach, by what is in memory. */
    tablesInUse() {
        const { machine } = this, found = new Set([machine.cr3]);
        this.kindsShown &&= !this.kinds.read();
        for (const { directory } of this.owners.values())
            found.add(directory);
        for (const directory of [...found])
            for (let pdi = 0; pdi < 1024; pdi++) {
                const pde = machine.word(directory + pdi * 4);
                if (pde & PTE.PRESENT && frameOf(pde) + 4096 <= machine.size)
                    found.add(frameOf(pde));
            }
        return found;
    }
}
