const AROUND = 3; /* lines */

/**
 * Where in the source each address is at which the kernel tells something: the table that web/sites.py makes.
 *
 * {files: [...], functions: [...], at: {"hexadecimal address": [function, file, line, ...]}}: three numbers a place, the
 * innermost inlined function first. `text` has the lines of the source around each place: {file: {number: line}}.
 */
export function readSites(table) {
    const places = numbers => {
        const found = [];
        for (let i = 0; i < numbers.length; i += 3)
            found.push({ function: table.functions[numbers[i]], file: table.files[numbers[i + 1]], line: numbers[i + 2] });
        return found;
    };
    const around = ({ file, line }) => {
        const text = table.text?.[table.files.indexOf(file)], first = Math.max(1, line - AROUND), lines = [];
        for (let n = first; n <= line + AROUND && text?.[n] !== undefined; n++)
            lines.push(text[n]);
        return lines.length ? { first, lines } : null;
    };
    const known = new Map(Object.entries(table.at).map(([address, numbers]) => [parseInt(address, 16), places(numbers)]));

    const place = chain => ({ ...chain[0], inlined: chain.slice(1), source: around(chain[0]) });
    const made = new Map(); /* the same place is the same object: many events share it */

    /** @returns {{file, line, function, inlined: object[], source: {first: number, lines: string[]} | null} | null} */
    return address => {
        if (!made.has(address) && known.has(address))
            made.set(address, place(known.get(address)));
        return made.get(address) ?? null;
    };
}
