/** Gets what a machine is made of, in a page: each file once, the emulator compiled while it comes. */
import { readSites } from "./sites.js";

const LITERAL = 0xffffffff;

const files = new Map();

/** Files that come as what makes them of another: [the other, the difference]. */
export const DELTAS = {
    "quire-flawed.elf": ["quire.elf", "quire-flawed.delta"],
    "sites-flawed.json": ["sites.json", "sites-flawed.delta"],
};

/** Every program that build/web has, smallest first. */
export const PROGRAMS = ["hello", "touch", "clone", "break", "stack"];

function once(url, get) {
    if (!files.has(url))
        files.set(url, get());
    return files.get(url);
}

async function get(url) {
    const response = await fetch(url);
    if (!response.ok)
        throw new Error(`${url}: ${response.status}`);
    return response;
}

/** The file that DELTA (web/delta.py) makes of ORIGINAL. */
export function applyDelta(original, delta) {
    const view = new DataView(delta), from = new Uint8Array(original), count = view.getUint32(0, true);
    const parts = [];
    for (let i = 0, literal = 4 + 8 * count; i < count; i++) {
        const at = view.getUint32(4 + 8 * i, true), length = view.getUint32(8 + 8 * i, true);
        if (at === LITERAL)
            parts.push(new Uint8Array(delta, literal, length));
        else
            parts.push(from.subarray(at, at + length));
        literal += at === LITERAL ? length : 0;
    }
    return new Blob(parts).arrayBuffer();
}

const bytes = url => once(url, async () => (await get(url)).arrayBuffer());

async function file(name) {
    if (!DELTAS[name])
        return bytes(name);
    return applyDelta(...await Promise.all(DELTAS[name].map(bytes)));
}

const json = async name => JSON.parse(new TextDecoder().decode(await file(name)));
const emulator = () => once("v86.wasm", () => WebAssembly.compileStreaming(get("v86.wasm")));

/**
 * @param {{kernel?: string, sites?: string, programs?: string[], memory?: number, cmdline?: string}} options
 * @returns {Promise<{parts: import("./machine.js").Parts, whereIs: Function}>}
 */
export async function load({ kernel = "quire.elf", sites = "sites.json", programs = PROGRAMS, memory, cmdline }) {
    const modules = programs.map(async name => ({ name, data: await bytes(`programs/${name}`) }));
    const [{ V86 }, wasm, image, table, ...rest] = await Promise.all([
        once("libv86.mjs", () => import(new URL("libv86.mjs", document.baseURI))), emulator(), file(kernel), json(sites), ...modules]);
    return { parts: { V86, wasm, kernel: image, modules: rest, memory, cmdline }, whereIs: readSites(table) };
}
