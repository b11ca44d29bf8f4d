/**
 * The kernel's file: its symbols and where it lies in memory.
 *
 * @typedef {object} Elf
 * @property {Map<string, number>} symbols  name to address
 * @property {number} end                   the first address behind the loaded image
 * @property {(address: number) => string | null} name   "vmem_map+0x12", or null outside the code
 */

const SYMBOL_TABLE = 2, LOADED = 1, FUNCTION = 2;

/** Reads a 32-bit little-endian ELF file. @param {ArrayBuffer} buffer @returns {Elf} */
export function readElf(buffer) {
    const view = new DataView(buffer), bytes = new Uint8Array(buffer);
    const u16 = at => view.getUint16(at, true), u32 = at => view.getUint32(at, true);
    const symbols = new Map(), functions = [];

    function text(at) {
        const end = bytes.indexOf(0, at);
        return String.fromCharCode(...bytes.subarray(at, end));
    }

    function readSymbols(section) {
        const strings = u32(u32(32) + u32(section + 24) * u16(46) + 16);
        for (let at = u32(section + 16), end = at + u32(section + 20); at < end; at += 16) {
            const name = text(strings + u32(at)), address = u32(at + 4);
            if (!name)
                continue;
            symbols.set(name, address);
            if ((bytes[at + 12] & 15) === FUNCTION)
                functions.push({ address, name });
        }
    }

    for (let i = 0; i < u16(48); i++)
        if (u32(u32(32) + i * u16(46) + 4) === SYMBOL_TABLE)
            readSymbols(u32(32) + i * u16(46));
    functions.sort((a, b) => a.address - b.address);

    let end = 0;
    for (let i = 0; i < u16(44); i++) {
        const header = u32(28) + i * u16(42);
        if (u32(header) === LOADED)
            end = Math.max(end, u32(header + 12) + u32(header + 20));
    }
    return { symbols, end, name: address => nameOf(functions, symbols, address) };
}

function nameOf(functions, symbols, address) {
    if (!(address >= symbols.get("kernel_start") && address < symbols.get("text_end")))
        return null;
    let low = 0, high = functions.length;
    while (low < high) {
        const middle = low + high >> 1;
        if (functions[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low)
        return null;
    const offset = address - functions[low - 1].address;
    return functions[low - 1].name + (offset ? "+0x" + offset.toString(16) : "");
}
