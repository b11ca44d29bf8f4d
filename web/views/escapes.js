// What a terminal is told, as lines of styled text: the part of ECMA-48 that Quire writes, no screen, no markup.
// Lines have no width: the page wraps them. Whoever moves the cursor by row does so within the last ROWS lines.

const ROWS = 25,
    KEPT = 3000;
const PLAIN = 0,
    BOLD = 1 << 16,
    REVERSE = 1 << 17; // a style: ink in bits 0-7 (0 none, else 1 + colour), paper in 8-15

export class Escapes {
    constructor() {
        this.reset();
    }

    reset() {
        this.lines = [{ text: [], styles: [] }];
        this.first = 0; // how many lines were dropped
        this.row = this.column = 0; // the row counts from the first line kept
        this.saved = [0, 0];
        this.style = PLAIN;
        this.pending = null; // an escape sequence that has begun
        this.changed = new Set([0]);
        this.cleared = true;
        this.onQuestion = null; // called with the answer to a device-attributes request
    }

    write(text) {
        for (const c of text) this.take(c);
    }

    take(c) {
        if (this.pending !== null) this.sequence(c);
        else if (c === "\x1b") this.pending = "";
        else this.plain(c);
    }

    plain(c) {
        if (c === "\n") this.lineFeed();
        else if (c === "\r") this.column = 0;
        else if (c === "\b") this.column = Math.max(0, this.column - 1);
        else if (c === "\t") this.column = (this.column & ~7) + 8;
        else if (c >= " ") this.put(c);
        this.touch();
    }

    put(c) {
        const { text, styles } = this.line();
        while (text.length < this.column) (text.push(" "), styles.push(PLAIN));
        text[this.column] = c;
        styles[this.column++] = this.style;
    }

    lineFeed() {
        this.touch();
        this.column = 0;
        if (++this.row < this.lines.length) return;
        this.lines.push({ text: [], styles: [] });
        if (this.lines.length <= KEPT) return;
        this.lines.shift();
        this.first++;
        this.row--;
    }

    line() {
        return this.lines[this.row];
    }
    touch() {
        this.changed.add(this.first + this.row);
    }
    get top() {
        return Math.max(0, this.lines.length - ROWS);
    }

    sequence(c) {
        this.pending += c;
        if (this.pending[0] !== "[") {
            if (this.pending === "7") this.saved = [this.row, this.column];
            if (this.pending === "8") [this.row, this.column] = this.saved;
            this.pending = null;
        } else if (this.pending.length > 1 && c >= "@" && c <= "~") {
            const body = this.pending.slice(1, -1);
            this.pending = null;
            this.control(
                c,
                body.split(";").map(n => parseInt(n, 10)),
                body,
            );
        } else if (this.pending.length > 64) this.pending = null;
    }

    control(final, parameters, body) {
        const n = parameters[0] || 1;
        this.touch();
        if (final === "m") this.rendition(parameters);
        else if (final === "A") this.row = Math.max(this.top, this.row - n);
        else if (final === "B") this.row = Math.min(this.lines.length - 1, this.row + n);
        else if (final === "C") this.column += n;
        else if (final === "D") this.column = Math.max(0, this.column - n);
        else if (final === "G") this.column = n - 1;
        else if (final === "H" || final === "f") this.moveTo(n, parameters[1] || 1);
        else if (final === "K") this.eraseLine(parameters[0] || 0);
        else if (final === "J") this.eraseScreen(parameters[0] || 0);
        else if (final === "s") this.saved = [this.row, this.column];
        else if (final === "u") [this.row, this.column] = this.saved;
        else if (final === "c" && !/^[?>=]/.test(body)) this.onQuestion?.("\x1b[?1;2c");
        this.touch();
    }

    moveTo(row, column) {
        const to = this.top + row - 1;
        while (this.lines.length <= to) this.lines.push({ text: [], styles: [] });
        this.row = to;
        this.column = column - 1;
    }

    eraseLine(what) {
        const line = this.line();
        if (what === 0) line.text.length = line.styles.length = Math.min(line.text.length, this.column);
        else if (what === 2) line.text.length = line.styles.length = 0;
        else
            for (let i = 0; i <= this.column && i < line.text.length; i++)
                ((line.text[i] = " "), (line.styles[i] = PLAIN));
    }

    // A screen that is cleared from its first cell on begins anew below what was said so far.
    eraseScreen(what) {
        if (what === 3) return;
        if (what === 2 || (this.row === this.top && this.column === 0)) {
            if (this.lines.at(-1).text.length) this.lines.push({ text: [], styles: [] });
            this.row = this.lines.length - 1;
            this.column = 0;
            this.clearedAt = this.first + this.row;
        } else {
            this.eraseLine(0);
            this.lines.length = this.row + 1;
        }
        this.cleared = true;
    }

    rendition(parameters) {
        for (const raw of parameters) {
            const p = raw || 0;
            if (p === 0) this.style = PLAIN;
            else if (p === 1) this.style |= BOLD;
            else if (p === 22) this.style &= ~BOLD;
            else if (p === 7) this.style |= REVERSE;
            else if (p === 27) this.style &= ~REVERSE;
            else if (p === 39) this.style &= ~0xff;
            else if (p === 49) this.style &= ~0xff00;
            else if ((p >= 30 && p <= 37) || (p >= 90 && p <= 97))
                this.style = (this.style & ~0xff) | (1 + (p < 90 ? p - 30 : p - 82));
            else if ((p >= 40 && p <= 47) || (p >= 100 && p <= 107))
                this.style = (this.style & ~0xff00) | ((1 + (p < 100 ? p - 40 : p - 92)) << 8);
        }
    }

    // A line as runs of one style, as [text, class names].
    runs(line) {
        const { text, styles } = line,
            runs = [];
        for (let i = 0, from = 0; i < text.length; from = i) {
            while (i < text.length && styles[i] === styles[from]) i++;
            runs.push([text.slice(from, i).join(""), classes(styles[from])]);
        }
        return runs;
    }

    text() {
        return this.lines.map(line => line.text.join("")).join("\n");
    }
}

function classes(style) {
    const ink = style & 0xff,
        paper = (style >> 8) & 0xff;
    const names = style & BOLD ? ["bold"] : [];
    if (style & REVERSE) names.push("reverse");
    if (ink) names.push("ink" + (ink - 1));
    if (paper) names.push("paper" + (paper - 1));
    return names.join(" ");
}
