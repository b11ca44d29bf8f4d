// A grid of cells: painted on a canvas, and only the cells that differ from what was painted before. For the keyboard
// and for listeners it is an ARIA grid of which the chosen cell alone exists: moving makes the next one and gives it
// the focus, so that it is read out.
import { el } from "./dom.js";
import { REGIONS } from "./places.js";
import { palette } from "./theme.js";

// A cell is a number: its region, and what is drawn upon it.
export const CELL = {
    REGION: 15,
    HOLLOW: 16,
    ACCESSED: 32,
    DIRTY: 64,
    CACHED: 128,
    STALE: 256,
    CHANGED: 512,
    LIT: 1024,
    SHARED: 2048,
    MARK1: 4096,
    MARK2: 8192,
};
const NEVER = 0xffffffff,
    LETTERS_FROM = 8,
    FINGER = 22;

export class Grid {
    // describe(i): a cell in words; choose(i): a cell was chosen; filled(i): whether a finger may have meant it;
    // follow(): Enter was pressed on the chosen cell.
    constructor(root, { label, columns = 32, describe, choose, filled, follow, preview }) {
        Object.assign(this, { columns, describe, choose, filled, follow, preview, count: 0, pitch: 8, chosen: -1 });
        this.canvas = el("canvas", { "aria-hidden": "true" });
        this.cells = [this.cell(), this.cell()];
        this.element = el(
            "div",
            { class: "grid", role: "grid", "aria-label": label, "aria-colcount": columns },
            this.canvas,
            this.cells.map(cell => cell.row),
        );
        root.append(this.element);
        this.painted = new Uint32Array(0);
        this.listen();
    }

    cell() {
        const cell = el("div", { class: "chosen", role: "gridcell", tabindex: "-1", "aria-selected": "false" });
        return { cell, row: el("div", { role: "row", hidden: true }, cell) };
    }

    listen() {
        this.element.addEventListener("keydown", event => this.key(event));
        this.canvas.addEventListener(
            "pointermove",
            event => event.pointerType === "mouse" && this.preview?.(this.at(event)),
        );
        this.canvas.addEventListener("pointerleave", () => this.preview?.(-1));
        this.canvas.addEventListener("click", event => {
            const i = event.pointerType === "touch" ? this.near(event) : this.at(event);
            if (i >= 0) this.choose(i);
        });
    }

    at(event) {
        const box = this.canvas.getBoundingClientRect();
        const x = Math.floor((event.clientX - box.left) / this.pitch),
            y = Math.floor((event.clientY - box.top) / this.pitch);
        const i = y * this.columns + x;
        return x < 0 || x >= this.columns || y < 0 || i >= this.count ? -1 : i;
    }

    // A finger is wider than a cell: it means the nearest one that holds something.
    near(event) {
        const here = this.at(event),
            reach = Math.ceil(FINGER / this.pitch);
        let best = here,
            distance = Infinity;
        for (let dy = -reach; dy <= reach; dy++)
            for (let dx = -reach; dx <= reach; dx++) {
                const x = (here % this.columns) + dx,
                    i = here + dy * this.columns + dx,
                    far = dx * dx + dy * dy;
                if (x >= 0 && x < this.columns && i >= 0 && i < this.count && far < distance && this.filled?.(i))
                    ((best = i), (distance = far));
            }
        return best;
    }

    // Counted from the cell that the last key has chosen, which may not be drawn yet: keys come faster than frames.
    key(event) {
        const { columns } = this,
            chosen = this.next ?? this.chosen;
        const step = {
            ArrowLeft: -1,
            ArrowRight: 1,
            ArrowUp: -columns,
            ArrowDown: columns,
            PageUp: -8 * columns,
            PageDown: 8 * columns,
        }[event.key];
        let to = step === undefined ? undefined : chosen + step;
        if (event.key === "Home") to = event.ctrlKey ? 0 : chosen - (chosen % columns);
        if (event.key === "End")
            to = event.ctrlKey ? this.count - 1 : chosen - (chosen % columns) + columns - 1;
        if (event.key === "n" || event.key === "p") to = this.nextFilled(chosen, event.key === "n" ? 1 : -1);
        if (event.key === "Enter" || event.key === " ") {
            event.preventDefault();
            this.follow?.();
        }
        if (to === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        if (!(to >= 0 && to < this.count)) return;
        this.next = to;
        this.choose(to);
    }

    nextFilled(from, step) {
        for (let i = from + step; i >= 0 && i < this.count; i += step) if (this.filled?.(i)) return i;
        return undefined;
    }

    focus() {
        this.cells[0].cell.focus({ preventScroll: true });
    }

    // Which cell is chosen, -1 for none; it moves the focus along if the focus is here.
    select(i) {
        this.next = undefined;
        const label = i < 0 ? "nothing chosen" : this.describe(i);
        if (i === this.chosen && label === this.label && this.placed === this.pitch) return;
        const moved = i !== this.chosen,
            focused = this.element.contains(document.activeElement);
        if (moved) this.cells.reverse();
        Object.assign(this, { chosen: i, label, placed: this.pitch });
        const [now, before] = this.cells,
            at = Math.max(i, 0);
        now.row.hidden = false;
        now.row.setAttribute("aria-rowindex", Math.floor(at / this.columns) + 1);
        now.cell.setAttribute("aria-colindex", (at % this.columns) + 1);
        now.cell.setAttribute("aria-label", label);
        now.cell.setAttribute("aria-selected", String(i >= 0));
        now.cell.tabIndex = 0;
        now.cell.classList.toggle("none", i < 0);
        const [x, y] = this.place(at),
            style = now.cell.style;
        [style.left, style.top, style.width, style.height] = [x, y, this.pitch - 1, this.pitch - 1].map(n => n + "px");
        if (moved && focused) now.cell.focus({ preventScroll: true });
        if (moved) ((before.row.hidden = true), (before.cell.tabIndex = -1));
    }

    place(i) {
        return [(i % this.columns) * this.pitch, Math.floor(i / this.columns) * this.pitch];
    }

    resize(pitch, count, columns = this.columns) {
        const ratio = devicePixelRatio || 1,
            rows = Math.ceil(count / columns);
        if (pitch === this.pitch && count === this.count && ratio === this.ratio && columns === this.columns) return;
        Object.assign(this, { pitch, count, ratio, columns });
        const { canvas } = this,
            width = columns * pitch,
            height = rows * pitch;
        this.element.setAttribute("aria-rowcount", rows);
        this.element.setAttribute("aria-colcount", columns);
        [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
        [canvas.style.width, canvas.style.height] = [width + "px", height + "px"];
        this.repaint();
    }

    repaint() {
        this.painted = new Uint32Array(this.count).fill(NEVER);
    }

    paint(cells) {
        const { painted, count } = this,
            changed = [];
        for (let i = 0; i < count; i++) if (cells[i] !== painted[i]) changed.push(i);
        if (!changed.length) return;
        const context = this.canvas.getContext("2d"),
            colors = palette();
        context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
        for (const i of changed) {
            painted[i] = cells[i];
            this.drawCell(context, colors, i, cells[i]);
        }
    }

    drawCell(context, colors, i, cell) {
        const [x, y] = this.place(i),
            p = this.pitch,
            s = p - 1,
            region = REGIONS[cell & CELL.REGION];
        context.clearRect(x, y, p, p);
        const fill = region.color ? colors[region.key] : colors.cell;
        context.fillStyle = fill;
        context.fillRect(x, y, s, s);
        if (region.color && cell & CELL.HOLLOW) this.hollow(context, colors, x, y, s);
        const light = cell & CELL.HOLLOW ? colors.ink : colors.mark;
        if (region.color && colors.letters && p >= LETTERS_FROM)
            this.letter(context, light, region.letter, x, y, s, cell);
        else if (cell & (CELL.ACCESSED | CELL.DIRTY)) this.dot(context, light, x, y, s, cell & CELL.DIRTY);
        if (cell & CELL.CACHED) this.corner(context, colors.tlb, colors.card, x, y, s);
        if (cell & CELL.SHARED) this.frame(context, colors.shared, x, y, s, p > 9 ? 2 : 1.5);
        if (cell & CELL.MARK1) this.frame(context, colors.s1, x, y, s, 2);
        if (cell & CELL.MARK2) this.frame(context, colors.s2, x, y, s, 2);
        if (cell & CELL.STALE) this.frame(context, colors.stale, x, y, s, 2);
        if (cell & CELL.LIT) this.frame(context, colors.ink, x, y, s, 2);
        if (cell & CELL.CHANGED) this.changed(context, colors, x, y, s);
    }

    hollow(context, colors, x, y, s) {
        const w = s > 9 ? 2 : 1;
        context.fillStyle = colors.hollow;
        context.fillRect(x + w, y + w, s - 2 * w, s - 2 * w);
    }

    // Accessed: a small square; dirty: a large one.
    dot(context, color, x, y, s, dirty) {
        const size = dirty ? Math.max(3, Math.round(s * 0.5)) : Math.max(2, Math.round(s * 0.25)),
            at = (s - size) / 2;
        context.fillStyle = color;
        context.fillRect(x + at, y + at, size, size);
    }

    // Accessed: underlined; dirty: twice as thick.
    letter(context, color, letter, x, y, s, cell) {
        context.fillStyle = color;
        context.font = `600 ${Math.round(s * 0.8)}px Mono, monospace`;
        context.textAlign = "center";
        context.textBaseline = "middle";
        context.fillText(letter, x + s / 2, y + s / 2 + 0.5);
        const line = cell & CELL.DIRTY ? 3 : cell & CELL.ACCESSED ? 1.5 : 0;
        context.fillRect(x + 2, y + s - line, s - 4, line);
    }

    corner(context, color, edge, x, y, s) {
        const size = Math.max(4, s * 0.5);
        context.beginPath();
        (context.moveTo(x + s - size - 1, y), context.lineTo(x + s, y), context.lineTo(x + s, y + size + 1));
        context.fillStyle = edge;
        context.fill();
        context.beginPath();
        (context.moveTo(x + s - size, y), context.lineTo(x + s, y), context.lineTo(x + s, y + size));
        context.fillStyle = color;
        context.fill();
    }

    frame(context, color, x, y, s, width) {
        context.strokeStyle = color;
        context.lineWidth = width;
        context.strokeRect(x + width / 2, y + width / 2, s - width, s - width);
    }

    changed(context, colors, x, y, s) {
        this.frame(context, colors.changed, x, y, s, s > 9 ? 3 : 2);
    }
}
