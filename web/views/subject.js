// What a command was about, so that the page can show it: the faulting address, the address that was typed, or else
// the last page that the command mapped.
import { PTE } from "../lab/model.js";
import { SCRATCH } from "./places.js";

const NAMED = /^(?:walk|map|unmap|peek|poke|fill|protect)\s+(0x[0-9a-f]{1,8}|\d+)\b/i;

export function subject(chapter, look) {
    if (chapter.fault && chapter.fault.address !== null && chapter.fault.address !== undefined)
        return { va: chapter.fault.address };
    const named = chapter.command.match(NAMED);
    if (named) return { va: Number(named[1]) >>> 0 };
    for (let t = chapter.to; t > chapter.from && chapter.to - t < 2000; t--) {
        const event = look.lab.events[t - 1];
        if (
            event.kind === "entry" &&
            event.level === "pt" &&
            event.va !== null &&
            event.va >>> 12 !== SCRATCH &&
            event.value & PTE.PRESENT &&
            event.va < 0xff800000
        )
            return { va: event.va };
    }
    return null;
}
