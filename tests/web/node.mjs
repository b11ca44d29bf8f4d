// The lab under node: v86 without a page. For the tests, and for trying things out.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Lab } from "../../web/lab/lab.js";
import { DELTAS, PROGRAMS, applyDelta } from "../../web/lab/load.js";
import { readSites } from "../../web/lab/sites.js";

const build = resolve(process.env.QUIRE_BUILD ?? "build");
export const site = join(build, "web");

export { Lab };
export * as model from "../../web/lab/model.js";
let wasm;

function bytes(name) {
    const file = readFileSync(join(site, name));
    return file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
}

const file = name => DELTAS[name] ? applyDelta(...DELTAS[name].map(bytes)) : bytes(name);

/** load.js's place: from files. */
export async function load({ kernel = "quire.elf", sites = "sites.json", programs = PROGRAMS, memory, cmdline }) {
    const { V86 } = await import(pathToFileURL(join(site, "libv86.mjs")).href);
    wasm ??= new WebAssembly.Module(bytes("v86.wasm"));
    const modules = programs.map(name => ({ name, data: bytes(`programs/${name}`) }));
    const parts = { V86, wasm, kernel: await file(kernel), modules, memory, cmdline };
    return { parts, whereIs: readSites(JSON.parse(new TextDecoder().decode(await file(sites)))) };
}

/** A lab at its first prompt. */
export async function boot(options = {}) {
    const lab = new Lab(load, { snapshots: 0, ...options });
    await lab.boot();
    return lab;
}
