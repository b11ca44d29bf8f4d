/**
 * window.quire, for scripts; links that type; and the page without a network.
 */
import { pagesOf } from "./model.js";
import { plain } from "./terminal.js";

/** What scripts see: the state now, and the steps of the last command. */
function stateFor(lab) {
    const { cr3, tlb, frames, fault } = lab.state, chapter = lab.chapters.at(-1);
    return {
        cr0: lab.machine.cr0, cr3,
        entries: pagesOf(lab.state),
        tlb: tlb && tlb.map(({ va, pa, writable }) => ({ va, pa, writable })),
        steps: lab.events.slice(chapter.from).map(({ kind, va = null, value = null, where = null }) => ({ kind, va, value, where })),
        frames: { total: frames.total, free: frames.free },
        fault: fault && { address: fault.address, error: fault.error, cause: fault.cause },
    };
}

/** Types TEXT; what came out until the next prompt. */
async function type(lab, text) {
    let said = "";
    const hear = event => { said += event.detail; };
    lab.addEventListener("text", hear);
    try {
        await lab.type(text);
    } finally {
        lab.removeEventListener("text", hear);
    }
    return plain(said);
}

/** The lines that a link types: #cmd=alloc 5000;walk $0 */
export function linesOf(hash) {
    const lines = new URLSearchParams(hash.replace(/^#/, "").replaceAll("+", "%2B")).get("cmd") ?? "";
    return lines.split(";").map(line => line.trim()).filter(Boolean);
}

async function typeLink(lab) {
    for (const line of linesOf(location.hash))
        await lab.type(line + "\n");
}

/**
 * Sets window.quire, types what the address says once the machine is ready, and whenever it changes.
 * @param {import("./lab.js").Lab} lab
 * @param {{missions: () => {title: string, done: boolean}[]}} page
 */
export function publish(lab, page) {
    const ready = lab.ready.then(() => typeLink(lab));
    addEventListener("hashchange", () => typeLink(lab));
    window.quire = {
        ready,
        type: text => type(lab, text),
        screen: () => lab.screenText(),
        log: () => lab.logText,
        state: () => stateFor(lab),
        missions: () => page.missions(),
    };
    navigator.serviceWorker?.register("sw.js").catch(error => console.info("no page without a network:", error.message));
}
