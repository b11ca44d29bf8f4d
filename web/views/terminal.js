// The terminal: a log of what the kernel said, and one field that takes keys. The kernel edits its line itself, so
// every key goes to it at once. A listener hears each answer when the prompt is back; Tab completes while a line is
// being typed, and moves on when the line is empty; Escape gives Tab back, too.
import { el } from "./dom.js";
import { Escapes } from "./escapes.js";

const KEYS = {
    ArrowUp: "\x1b[A",
    ArrowDown: "\x1b[B",
    ArrowRight: "\x1b[C",
    ArrowLeft: "\x1b[D",
    Home: "\x1b[H",
    End: "\x1b[F",
    Delete: "\x1b[3~",
    Backspace: "\x7f",
    Enter: "\r",
    PageUp: null,
    PageDown: null,
};
const SPOKEN = 14; // lines of an answer that are read out

export class Terminal {
    constructor(root, send) {
        this.send = send;
        this.escapes = new Escapes();
        this.escapes.onQuestion = answer => send(answer);
        this.rows = new Map(); // number of a line -> its element
        this.tabLeaves = false;
        this.heard = 0;
        this.log = el("div", {
            class: "log",
            role: "log",
            "aria-live": "off",
            "aria-label": "Terminal output",
            tabindex: "0",
        });
        this.field = el("textarea", {
            class: "keys",
            rows: "1",
            "aria-label": "Terminal: type a command, then Enter",
            "aria-describedby": "terminal-help",
            autocapitalize: "off",
            autocomplete: "off",
            autocorrect: "off",
            spellcheck: "false",
            enterkeyhint: "send",
        });
        this.voice = el("div", { class: "visually-hidden", role: "status", "aria-live": "polite" });
        this.cursor = el("span", { class: "cursor" });
        root.append(
            this.log,
            this.field,
            this.voice,
            el(
                "p",
                { id: "terminal-help", class: "visually-hidden" },
                "Tab completes a word while a line is being typed. Press Escape, then Tab, to leave the terminal. The up arrow brings earlier commands back.",
            ),
        );
        this.listen(root);
    }

    listen(root) {
        new ResizeObserver(() => (this.log.scrollTop = this.log.scrollHeight)).observe(this.log);
        this.field.addEventListener("keydown", event => this.key(event));
        this.field.addEventListener("beforeinput", event => this.input(event));
        this.field.addEventListener("focus", () => (this.tabLeaves = false));
        this.field.value = " "; // a telephone's keyboard sends Backspace only where something can be deleted
        root.addEventListener("click", () => {
            if (!String(getSelection())) this.focus();
        });
        root.addEventListener("paste", event => {
            event.preventDefault();
            this.send(event.clipboardData.getData("text").replace(/\r?\n/g, "\r"));
        });
    }

    focus() {
        this.field.focus({ preventScroll: true });
    }

    key(event) {
        if (event.isComposing || event.metaKey) return;
        if (event.key === "Tab") {
            if (event.shiftKey || this.tabLeaves || !this.typing()) return;
            event.preventDefault();
            this.send("\t");
        } else if (event.key === "Escape") this.tabLeaves = true;
        else if (event.ctrlKey && !event.altKey && /^[a-z]$/i.test(event.key)) this.control(event);
        else if (event.altKey || event.ctrlKey) this.word(event);
        else if (KEYS[event.key]) {
            event.preventDefault();
            this.tabLeaves = false;
            this.send(KEYS[event.key]);
        }
    }

    // Ctrl-C copies where something is marked, as everywhere; otherwise it interrupts.
    control(event) {
        const letter = event.key.toLowerCase();
        if (letter === "v" || letter === "r" || letter === "t" || (letter === "c" && String(getSelection()))) return;
        event.preventDefault();
        this.send(String.fromCharCode(letter.charCodeAt(0) & 31));
    }

    word(event) {
        const arrow = { ArrowRight: "\x1b[1;5C", ArrowLeft: "\x1b[1;5D" }[event.key];
        if (!event.ctrlKey || !arrow) return;
        event.preventDefault();
        this.send(arrow);
    }

    input(event) {
        if (event.isComposing) return;
        event.preventDefault();
        this.tabLeaves = false;
        if (event.inputType.startsWith("insertLine") || event.inputType === "insertParagraph") this.send("\r");
        else if (event.inputType.startsWith("deleteContentBackward")) this.send("\x7f");
        else if (event.data) this.send(event.data);
    }

    typing() {
        return !/^quire>\s*$/.test(this.escapes.line().text.join(""));
    }

    // ---- output ----

    write(text) {
        this.escapes.write(text);
        this.requested ??= requestAnimationFrame(() => this.draw());
    }

    reset() {
        this.escapes.reset();
        this.escapes.onQuestion = answer => this.send(answer);
        this.rows.clear();
        this.log.replaceChildren();
        this.heard = 0;
    }

    draw() {
        this.requested = undefined;
        const { lines, first } = this.escapes,
            end = first + lines.length;
        for (const [number, row] of this.rows)
            if (number < first || number >= end) (row.remove(), this.rows.delete(number));
        this.escapes.touch();
        for (let number = Math.max(first, this.drawnTo ?? 0); number < end; number++)
            if (!this.rows.has(number)) this.escapes.changed.add(number);
        for (const number of [...this.escapes.changed].sort((a, b) => a - b))
            if (number >= first && number < end) this.drawLine(number, lines[number - first]);
        this.escapes.changed.clear();
        this.drawnTo = first;
        this.log.scrollTop = this.log.scrollHeight;
    }

    drawLine(number, line) {
        let row = this.rows.get(number);
        if (!row) {
            row = el("div");
            this.rows.set(number, row);
            this.log.append(row);
        }
        const here = number === this.escapes.first + this.escapes.row;
        const children = this.escapes
            .runs(line)
            .map(([text, names]) => (names ? el("span", { class: names }, text) : text));
        row.replaceChildren(...children);
        if (here) this.drawCursor(row, line);
    }

    // The cursor stands on a character, so a text node is split there.
    drawCursor(row, line) {
        const at = this.escapes.column;
        if (at >= line.text.length) {
            row.append(" ".repeat(at - line.text.length), this.cursor);
            this.cursor.textContent = " ";
            return;
        }
        const range = document.createRange(),
            walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
        const before = line.text.slice(0, at).join("").length,
            length = line.text[at].length;
        for (let seen = 0, node = walker.nextNode(); node; seen += node.length, node = walker.nextNode())
            if (seen + node.length > before) {
                range.setStart(node, before - seen);
                range.setEnd(node, before - seen + length);
                this.cursor.textContent = range.toString();
                range.deleteContents();
                range.insertNode(this.cursor);
                return;
            }
    }

    // The prompt is back: what came since is read out, its end if it is long.
    speak() {
        const { lines, first } = this.escapes,
            end = first + lines.length - 1;
        const from = Math.max(this.heard, first),
            said = lines
                .slice(from - first, end - first)
                .map(line => line.text.join("").trim())
                .filter(Boolean);
        this.heard = end;
        const cut = said.length > SPOKEN ? [`${said.length} lines, the last of them:`, ...said.slice(-SPOKEN)] : said;
        this.voice.replaceChildren(...cut.map(text => el("p", {}, text)));
    }

    text() {
        return this.escapes.text();
    }
}
