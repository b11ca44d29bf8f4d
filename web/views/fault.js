// A fault, as the kernel reports it: what happened, the error code in words, the cause, who called whom.
import { el, hex, replace } from "./dom.js";

const ERROR_BITS = [
    [1, "the page is present, its permission forbids it", "the page is not present"],
    [2, "a write", "a read"],
    [4, "by a program", "by the kernel"],
];

export class Fault {
    constructor(root, app) {
        this.root = root;
        this.app = app;
        root.addEventListener("keydown", event => event.key === "Escape" && this.close());
    }

    update(look) {
        const chapter = this.app.currentChapter(look),
            fault = chapter?.fault ?? null;
        if (fault === this.shown) return;
        this.shown = fault;
        this.root.hidden = !fault;
        if (fault) this.show(fault, report(chapter.output, fault.text));
    }

    show(fault, lines) {
        const field = name => lines.filter(line => line.startsWith("  " + name)).map(line => line.slice(11).trim());
        const trace = lines
            .slice(lines.findIndex(line => /^ {2}backtrace/.test(line)) + 1)
            .filter(line => /^ {4}0x/.test(line))
            .map(line => line.trim().slice(11));
        const page = fault.error !== null && fault.error !== undefined;
        const close = el("button", { type: "button", onclick: () => this.close() }, "Close");
        replace(
            this.root,
            el("h2", {}, fault.text.replace(/ \([^(]*error code.*/, "")),
            page
                ? el(
                      "ul",
                      { class: "error-code", "aria-label": "The error code" },
                      el("li", {}, el("code", {}, hex(fault.error, 1))),
                      ERROR_BITS.map(([bit, yes, no]) => el("li", {}, fault.error & bit ? yes : no)),
                  )
                : null,
            el(
                "div",
                { class: "why" },
                fault.cause !== fault.text ? el("p", { class: "cause" }, el("b", {}, fault.cause)) : null,
                field("by").length ? el("p", {}, "by ", el("code", {}, field("by")[0])) : null,
                el(
                    "p",
                    { class: "dim" },
                    page && fault.address !== null
                        ? "The translation shows where the processor had to stop."
                        : "No translation failed: the page tables have no part in this.",
                ),
                el("div", { class: "row" }, close),
            ),
            trace.length
                ? el(
                      "div",
                      { class: "trace" },
                      el("p", { class: "dim" }, "called by"),
                      el(
                          "ol",
                          {},
                          trace.slice(0, 5).map(call => el("li", {}, el("code", {}, call))),
                      ),
                  )
                : null,
        );
    }

    close() {
        const inside = this.root.contains(document.activeElement);
        this.root.hidden = true;
        if (inside) this.app.focus("terminal");
    }
}

// The lines of the report that begins with FIRST, without what leads each line where the fault was provoked or a program's.
function report(output, first) {
    const lines = output.split("\n").map(line => line.replace(/^(\| |[^ [\]]+\[\d+\] )/, "").trimEnd());
    return lines.slice(lines.lastIndexOf(first));
}
