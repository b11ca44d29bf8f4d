// The PC's screen: 80 x 25 characters of text memory at 0xB8000, painted; its text for listeners.
import { el, say } from "./dom.js";

const CP437 =
    " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼" +
    Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join("") +
    "⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ";
const VGA = [
    "#000",
    "#00a",
    "#0a0",
    "#0aa",
    "#a00",
    "#a0a",
    "#a50",
    "#aaa",
    "#555",
    "#55f",
    "#5f5",
    "#5ff",
    "#f55",
    "#f5f",
    "#ff5",
    "#fff",
];
const COLUMNS = 80,
    ROWS = 25,
    WIDTH = 9,
    HEIGHT = 16;

export class Screen {
    constructor(details, lab) {
        this.details = details;
        this.lab = lab;
        this.canvas = el("canvas", { width: COLUMNS * WIDTH, height: ROWS * HEIGHT, "aria-hidden": "true" });
        this.text = el("pre", { class: "visually-hidden", role: "group", "aria-label": "Text on the PC's screen" });
        details.append(el("div", { class: "tube" }, this.canvas, this.text));
        this.painted = new Uint16Array(COLUMNS * ROWS).fill(0xffff);
        details.addEventListener("toggle", () => this.update());
    }

    update() {
        const cells = this.details.open ? this.lab.screenCells() : null;
        if (!cells) return;
        const context = this.canvas.getContext("2d");
        context.font = "15px Mono, monospace";
        context.textBaseline = "middle";
        this.inStep = Math.abs(context.measureText("M".repeat(COLUMNS)).width - COLUMNS * WIDTH) < 1;
        for (let i = 0; i < cells.length; i++) if (cells[i] !== this.painted[i]) i = this.drawRun(context, i, cells);
        this.painted.set(cells);
        if (!this.lab.busy) say(this.text, [].concat(this.lab.screenText()).join("\n").trimEnd());
    }

    // Draws the changed cell I of CELLS, and those right of it that changed, too, and have its colours. Returns the last.
    drawRun(context, i, cells) {
        const colors = cells[i] >> 8,
            rowEnd = i - (i % COLUMNS) + COLUMNS;
        let end = i + 1;
        while (end < rowEnd && cells[end] !== this.painted[end] && cells[end] >> 8 === colors) end++;
        const x = (i % COLUMNS) * WIDTH,
            y = Math.floor(i / COLUMNS) * HEIGHT;
        context.fillStyle = VGA[(colors >> 4) & 7];
        context.fillRect(x, y, (end - i) * WIDTH, HEIGHT);
        context.fillStyle = VGA[colors & 15];
        this.drawText(context, Array.from(cells.subarray(i, end), cell => CP437[cell & 255]).join(""), x, y + HEIGHT / 2 + 0.5);
        return end - 1;
    }

    // At one go, if the font's letters are as wide as a cell; it lacks some that are not of ASCII.
    drawText(context, text, x, y) {
        if (!text.trim()) return;
        if (this.inStep && /^[ -~]*$/.test(text)) context.fillText(text, x, y);
        else [...text].forEach((character, i) => character !== " " && context.fillText(character, x + i * WIDTH, y));
    }
}
