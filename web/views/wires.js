// The lines of the walk: from the directory's entry to its table, from the table's entry to its frame; a broken red one
// to where a stale TLB entry really leads.
import { PTE } from "../lab/model.js";
import { svg } from "./dom.js";

const GAP = 8;

export class Wires {
    constructor(root, canvas) {
        this.root = root; // what the lines lie upon
        this.canvas = canvas;
    }

    box(grid, i) {
        const outer = this.root.getBoundingClientRect(),
            inner = grid.canvas.getBoundingClientRect();
        const [x, y] = i === undefined ? [0, 0] : grid.place(i),
            s = grid.pitch - 1;
        const left = inner.left - outer.left + x,
            top = inner.top - outer.top + y;
        return {
            left,
            top,
            right: left + s,
            middle: top + s / 2,
            bottom: inner.bottom - outer.top,
            height: inner.height,
        };
    }

    // Where nothing has changed its place, nothing is drawn. To know the places the page has to be laid out: while the
    // machine runs (BUSY) that is left to other lines and other sizes.
    update(parts, busy) {
        const wanted = JSON.stringify(parts.map(({ name, from, to }) => [name, from.i, to.i, from.grid.pitch, to.grid.pitch]));
        if (busy && wanted === this.wanted) return;
        this.wanted = wanted;
        const key = JSON.stringify(
            parts.map(({ name, from, to }) => [
                name,
                this.box(from.grid, from.i),
                this.box(to.grid, to.i),
            ]),
        );
        if (key === this.drawn) return;
        this.drawn = key;
        this.canvas.replaceChildren(
            ...parts.flatMap(part => (part.name === "table" ? this.brace(part) : this.line(part))),
        );
    }

    brace({ from, to }) {
        const a = this.box(from.grid, from.i),
            b = this.box(to.grid),
            x = b.left - GAP;
        const y = Math.max(b.top + 14, Math.min(b.bottom - 14, a.middle)),
            middle = (a.right + x) / 2;
        return [
            svg("path", {
                class: "wire table",
                d: `M${a.right} ${a.middle} C${middle} ${a.middle} ${middle} ${y} ${x} ${y}`,
            }),
            svg("path", {
                class: "wire brace",
                d: `M${b.left - 3} ${b.top} q-5 0 -5 6 V${y - 5} q0 5 -4 5 q4 0 4 5 V${b.bottom - 6} q0 6 5 6`,
            }),
            svg("circle", { class: "end table", cx: a.right, cy: a.middle, r: 3 }),
        ];
    }

    line({ name, from, to }) {
        const a = this.box(from.grid, from.i),
            b = this.box(to.grid, to.i),
            edge = this.box(to.grid).left - GAP * 2;
        const bend = name === "stale" ? 60 : 0;
        return [
            svg("path", {
                class: `wire ${name}`,
                d: `M${a.right} ${a.middle} C${edge - bend / 2} ${a.middle + bend} ${edge - 20} ${b.middle} ${b.left} ${b.middle}`,
            }),
            svg("circle", { class: `end ${name}`, cx: a.right, cy: a.middle, r: 3 }),
            svg("circle", { class: `end ${name} there`, cx: b.left, cy: b.middle, r: 3.5 }),
        ];
    }
}

// What is to be drawn for LOOK: PANES are {directory, table, other, frames}; OTHER is set where two spaces stand side by side.
export function wiring(look, panes, pair) {
    const parts = [],
        frames = panes.frames.grid;
    const reach = (name, half, directory) => {
        const { pa, pti } = look.walk(look.va, directory);
        if (pa !== null && pa >>> 12 < frames.count)
            parts.push({ name, from: { grid: half.grid, i: pti }, to: { grid: frames, i: pa >>> 12 } });
    };
    const walked = look.walk();
    if (!pair && walked.pde & PTE.PRESENT)
        parts.push({
            name: "table",
            from: { grid: panes.directory.grid, i: walked.pdi },
            to: { grid: panes.table.grid },
        });
    reach("frame", panes.table, pair ? pair[0] : look.directory);
    if (pair) reach("other", panes.other, pair[1]);
    const held = look.cached();
    if (held?.stale && held.pa >>> 12 < frames.count)
        parts.push({
            name: "stale",
            from: { grid: panes.table.grid, i: walked.pti },
            to: { grid: frames, i: held.pa >>> 12 },
        });
    return parts;
}
