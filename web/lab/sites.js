/**
 * Where in the source each address is at which the kernel tells something: the table that web/sites.py makes.
 *
 * {files: [...], functions: [...], at: {"hexadecimal address": [function, file, line, ...]}}: three numbers a place, the
 * innermost inlined function first.
 */
export function readSites(table) {
    const places = numbers => {
        const found = [];
        for (let i = 0; i < numbers.length; i += 3)
            found.push({ function: table.functions[numbers[i]], file: table.files[numbers[i + 1]], line: numbers[i + 2] });
        return found;
    };
    const known = new Map(Object.entries(table.at).map(([address, numbers]) => [parseInt(address, 16), places(numbers)]));

    /** @returns {{file, line, function, inlined: object[]} | null} */
    return address => {
        const chain = known.get(address);
        return chain ? { ...chain[0], inlined: chain.slice(1) } : null;
    };
}
