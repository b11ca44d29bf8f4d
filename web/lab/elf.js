/**
 * The kernel's file: its symbols, from the table that it carries for its own reports (tools/symbols.sh), and where it ends.
 *
 * @typedef {object} Elf
 * @property {Map<string, number>} symbols  name to address
 * @property {number} end                   the first address behind the loaded image
 * @property {(address: number) => string | null} name   "vmem_map+0x12", or null outside the code
 */

const LOADED = 1;

/** The loaded segments of a 32-bit little-endian ELF file. */
function segmentsOf(view) {
    const start = view.getUint32(28, true), size = view.getUint16(42, true), count = view.getUint16(44, true);
    const word = (i, at) => view.getUint32(start + i * size + at, true);
    return Array.from({ length: count }, (_, i) => ({ type: word(i, 0), offset: word(i, 4), physical: word(i, 12), memory: word(i, 20) }))
        .filter(segment => segment.type === LOADED);
}

/** @param {ArrayBuffer} buffer @returns {Elf} */
export function readElf(buffer) {
    const view = new DataView(buffer), bytes = new Uint8Array(buffer), segments = segmentsOf(view);
    const table = segments.at(-1).offset, symbols = new Map(), sorted = [], text = new TextDecoder("latin1").decode(bytes.subarray(table));
    for (let i = 0, at = table + 8; i < view.getUint32(table, true); i++, at += 12) {
        const start = view.getUint32(at + 8, true), name = text.slice(start, text.indexOf("\0", start));
        const address = view.getUint32(at, true);
        symbols.set(name, address);
        if (!/_(start|end)$/.test(name) || name === "_start")
            sorted.push({ address, name });
    }
    const end = Math.max(...segments.map(segment => segment.physical + segment.memory));
    return { symbols, end, name: address => nameOf(sorted, symbols, address) };
}

function nameOf(sorted, symbols, address) {
    if (!(address >= symbols.get("kernel_start") && address < symbols.get("text_end")))
        return null;
    const found = sorted[lastAtOrBelow(sorted, address)];
    if (!found)
        return null;
    return found.name + (address > found.address ? "+0x" + (address - found.address).toString(16) : "");
}

function lastAtOrBelow(sorted, address) {
    let low = 0, high = sorted.length;
    while (low < high) {
        const middle = low + high >> 1;
        if (sorted[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low - 1;
}
