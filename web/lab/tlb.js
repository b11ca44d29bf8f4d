/**
 * v86's TLB, read from its WebAssembly memory, stale entries included.
 *
 * v86 keeps a word for each of the 2^20 pages (tlb_data in its cpu.rs) and, just before it, a list of the pages that are
 * in use. Neither has a name in a release, so the place is known for the pinned version only, and nothing is trusted
 * before check() has compared what is there with the page tables.
 *
 * A word is the page's place in WebAssembly memory XOR its virtual address, and flags in the low 12 bits.
 */
const TLB_AT = 4283748, LIST_LENGTH = 10000, PAGES = 0x100000;
const UNUSED = 64;
const VALID = 1, READ_ONLY = 2, SUPERVISOR = 4;
const WRITABLE = 1, USER = 2; /* of a packed entry */

/** ENTRIES in two words each: the past has many of them. */
export function pack(entries) {
    const words = entries && new Uint32Array(2 * entries.length);
    entries?.forEach(({ va, pa, writable, user }, i) => words.set([va | (writable ? WRITABLE : 0) | (user ? USER : 0), pa], 2 * i));
    return words;
}

/** What pack() made WORDS of. */
export function unpack(words) {
    return words && Array.from({ length: words.length / 2 }, (_, i) => {
        const [first, pa] = words.subarray(2 * i, 2 * i + 2);
        return { va: (first & ~4095) >>> 0, pa, writable: !!(first & WRITABLE), user: !!(first & USER) };
    });
}

export class Tlb {
    /** @param {import("./machine.js").Machine} machine */
    constructor(machine) {
        this.machine = machine;
        this.known = false;
        this.first = TLB_AT >>> 2;
        this.used = 0; /* the places of the list that were ever used */
    }

    /** What the TLB holds for the page of VA, or null: {va, pa, writable, user}. (A page that is writable but was not
     * written to yet is not writable here: v86 has still to set its dirty bit.) */
    find(va) {
        const page = va >>> 12, word = this.machine.host[this.first + page];
        if (!(word & VALID))
            return null;
        const pa = ((word & ~4095 ^ page << 12) - this.machine.base) >>> 0;
        return { va: (page << 12) >>> 0, pa, writable: !(word & READ_ONLY), user: !(word & SUPERVISOR) };
    }

    /** How much of the list is in use: behind it all is 0. (Page 0 is a 0, too, hence UNUSED of them.) */
    lengthOfList() {
        const { host } = this.machine, list = this.first - LIST_LENGTH;
        for (let i = this.used; i < LIST_LENGTH && i < this.used + UNUSED; i++)
            if (host[list + i])
                this.used = i + 1;
        return Math.min(LIST_LENGTH, this.used + UNUSED);
    }

    /** Every entry, ascending. */
    all() {
        const { host } = this.machine, list = this.first - LIST_LENGTH, length = this.lengthOfList(), pages = new Set();
        for (let i = 0; i < length; i++) {
            const page = host[list + i];
            if (page >>> 0 < PAGES && host[this.first + page] & VALID)
                pages.add(page);
        }
        return [...pages].sort((a, b) => a - b).map(page => this.find(page << 12));
    }

    /**
     * Whether the TLB is where it should be: what is needed to have come here is in it, every entry leads to memory, every
     * entry is on the list, and the tables agree with most of them. Paging must be on. Sets `known`.
     */
    check() {
        const { machine } = this, { host } = machine;
        this.known = false;
        const needed = [machine.eip, machine.register(4)].map(va => [this.find(va), machine.walk(va & ~4095)]);
        if (!needed.every(([entry, pa]) => entry && entry.pa === pa))
            return false;
        const entries = this.all(), onList = new Set(entries.map(entry => entry.va >>> 12));
        for (let page = 0; page < PAGES; page++)
            if (host[this.first + page] && !onList.has(page))
                return false;
        const right = entries.filter(entry => entry.pa === machine.walk(entry.va));
        return this.known = right.length * 2 > entries.length;
    }
}
