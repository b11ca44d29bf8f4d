/** What a terminal would show of COM1: the line being edited, and the text without its colours. */

const LINE_MAX = 4096; /* what is behind it is no prompt */
const ESCAPE = /\x1b\[[0-9;?]*[A-Za-z]/g;

/** TEXT without escape sequences and carriage returns. */
export const plain = text => text.replace(ESCAPE, "").replace(/\r/g, "");

/** The last line, as editing leaves it: the monitor redraws it with backspaces and escape sequences. */
export class EditedLine {
    constructor() { this.clear(); }

    clear() {
        this.cells = [];
        this.at = 0;
        this.escape = "";
    }

    get text() { return this.cells.join(""); }

    /** Another character comes. */
    put(c) {
        if (this.escape)
            return this.continueEscape(c);
        if (c === "\x1b")
            this.escape = c;
        else if (c === "\n")
            this.clear();
        else if (c === "\r")
            this.at = 0;
        else if (c === "\b")
            this.at = Math.max(0, this.at - 1);
        else if (c >= " " && this.at < LINE_MAX)
            this.cells[this.at++] = c;
    }

    continueEscape(c) {
        this.escape += c;
        if (c < "@" || c === "[")
            return;
        const n = parseInt(this.escape.slice(2)) || 1;
        this.escape = "";
        if (c === "D")
            this.at = Math.max(0, this.at - n);
        else if (c === "C")
            this.at += n;
        else if (c === "K")
            this.cells.length = Math.min(this.cells.length, this.at);
    }
}

/**
 * The last report of a fault or exception in the output of a command, or null.
 * @returns {{address: number | null, error: number | null, cause: string, text: string} | null}
 */
export function findFault(output) {
    const lines = output.split("\n").map(line => line.replace(/^(\| |[^ [\]]+\[\d+\] )/, ""));
    const at = lines.findLastIndex(line => /^(PANIC|page fault|double fault|breakpoint)\b/.test(line));
    if (at < 0)
        return null;
    const text = lines[at], page = /^page fault: .* (0x[0-9a-f]{8}), .*error code (0x[0-9a-f]+)/.exec(text);
    return { address: page ? parseInt(page[1]) : null, error: page ? parseInt(page[2]) : null, cause: causeIn(lines.slice(at + 1)) || text, text };
}

/** The words after "cause", with the lines that go on. */
function causeIn(lines) {
    const at = lines.findIndex(line => /^ {2}cause +/.test(line));
    if (at < 0)
        return "";
    let end = at + 1;
    while (/^ {11}/.test(lines[end] ?? ""))
        end++;
    return lines.slice(at, end).map(line => line.replace(/^ {2}cause +/, "").trim()).join(" ");
}
