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
        for (let i = 0; i < cells.length; i++) if (cells[i] !== this.painted[i]) this.drawCell(context, i, cells[i]);
        this.painted.set(cells);
        if (!this.lab.busy) say(this.text, [].concat(this.lab.screenText()).join("\n").trimEnd());
    }

    drawCell(context, i, cell) {
        const x = (i % COLUMNS) * WIDTH,
            y = Math.floor(i / COLUMNS) * HEIGHT,
            character = cell & 255;
        context.fillStyle = VGA[(cell >> 12) & 7];
        context.fillRect(x, y, WIDTH, HEIGHT);
        if (character === 0 || character === 32) return;
        context.fillStyle = VGA[(cell >> 8) & 15];
        context.fillText(CP437[character], x, y + HEIGHT / 2 + 0.5);
    }
}
