// One look at the machine: a state of the model, and what several views derive from it, each thing computed at most
// once for the look and only when it is asked for.
import { PTE, walk } from "../lab/model.js";
import { ENTRIES, RECURSIVE } from "./places.js";

const USER_PDI = [1, 768]; // the user part is each space's own; the rest is the same in all

export class Look {
    constructor(lab, t, chosen) {
        this.lab = lab;
        this.state = lab.stateAt(t);
        this.t = t;
        this.live = t === lab.now;
        this.event = t > 0 ? lab.events[t - 1] : null;
        this.chosen = chosen; // {va, directory: null for the current space, frame}
        this.memo = new Map();
    }

    once(key, compute) {
        if (!this.memo.has(key)) this.memo.set(key, compute());
        return this.memo.get(key);
    }

    get va() {
        return this.chosen.va;
    }
    get directory() {
        const { directory } = this.chosen;
        return directory !== null && this.state.spaces.some(space => space.directory === directory)
            ? directory
            : this.state.cr3;
    }
    table(frame) {
        return this.state.tables.get(frame >>> 0);
    }
    entries(directory = this.directory) {
        return this.table(directory);
    }
    tableOf(pdi, directory = this.directory) {
        const pde = this.entries(directory)?.[pdi] ?? 0;
        return pde & PTE.PRESENT ? this.table(pde & PTE.FRAME) : undefined;
    }
    walk(va = this.va, directory = this.directory) {
        return walk(this.state, va, directory);
    }

    // The TLB speaks of the space that CR3 holds, and only its entries are compared with tables.
    get tlb() {
        return this.once("tlb", () => this.state.tlb && new Map(this.state.tlb.map(entry => [entry.va >>> 12, entry])));
    }
    cached(va = this.va) {
        return this.directory === this.state.cr3 ? (this.tlb?.get(va >>> 12) ?? null) : null;
    }

    space(directory) {
        return this.state.spaces.find(space => space.directory === directory);
    }
    get spaces() {
        return this.state.spaces;
    }

    // frame number -> [{directory, page}]: every page of every space that leads there, the kernel's part once.
    get users() {
        return this.once("users", () => {
            const users = new Map();
            for (const [i, space] of this.spaces.entries()) this.collect(users, space.directory, i === 0);
            return users;
        });
    }

    collect(users, directory, all) {
        const entries = this.entries(directory);
        if (!entries) return;
        for (let pdi = all ? 0 : USER_PDI[0]; pdi < (all ? RECURSIVE : USER_PDI[1]); pdi++) {
            const table = entries[pdi] & PTE.PRESENT ? this.table(entries[pdi] & PTE.FRAME) : undefined;
            if (!table) continue;
            for (let i = 0; i < ENTRIES; i++) {
                if (!(table[i] & PTE.PRESENT)) continue;
                const pfn = table[i] >>> 12,
                    at = { directory, page: pdi * ENTRIES + i };
                const known = users.get(pfn);
                if (known) known.push(at);
                else users.set(pfn, [at]);
            }
        }
    }

    // What the entry INDEX of the table or directory in FRAME is for: {directory, pdi, page}, page null for a directory's.
    placeOf(frame, index) {
        const spaces = [{ directory: this.state.cr3 }, ...this.spaces];
        for (const { directory } of spaces) {
            if (frame === directory) return { directory, pdi: index, page: null };
            const pdi =
                this.entries(directory)
                    ?.subarray(0, RECURSIVE)
                    .findIndex(entry => entry & PTE.PRESENT && (entry & PTE.FRAME) >>> 0 === frame) ?? -1;
            if (pdi >= 0) return { directory, pdi, page: pdi * ENTRIES + index };
        }
        return null;
    }

    // Frames to which the user parts of more than one space lead.
    get shared() {
        return this.once("shared", () => {
            const shared = new Set();
            for (const [pfn, pages] of this.users) {
                const owners = new Set(pages.filter(isUser).map(at => at.directory));
                if (owners.size > 1) shared.add(pfn);
            }
            return shared;
        });
    }

    // The words that the last event changed: frame -> Set of indices.
    get changed() {
        return this.once("changed", () => {
            const changed = new Map();
            for (const [frame, index] of this.event?.words ?? []) {
                if (!changed.has(frame)) changed.set(frame, new Set());
                changed.get(frame).add(index);
            }
            return changed;
        });
    }
}

const isUser = ({ page }) => page >= USER_PDI[0] * ENTRIES && page < USER_PDI[1] * ENTRIES;

export const present = table => {
    let n = 0;
    if (table) for (let i = 0; i < ENTRIES; i++) n += table[i] & PTE.PRESENT;
    return n;
};
