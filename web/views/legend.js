// The legend: what the colours and signs of a cell mean, drawn by the grid itself.
import { el, replace } from "./dom.js";
import { CELL, Grid } from "./grid.js";
import { HOLLOW, REGION } from "./places.js";
import { palette } from "./theme.js";

const SIZE = 14;
const ITEMS = [
    ["code", "code"],
    ["constants", "constants"],
    ["data", "data, stacks"],
    ["heap", "heap"],
    ["user", "user part"],
    ["table", "page table"],
    ["directory", "directory"],
    ["screen", "screen"],
    ["low", "first MiB"],
    ["identity", "identity map"],
    ["used", "handed out"],
].map(([key, text]) => [REGION[key] | (HOLLOW.has(REGION[key]) ? CELL.HOLLOW : 0), text]);
const SIGNS = [
    [REGION.heap | CELL.HOLLOW, "read-only"],
    [REGION.heap | CELL.ACCESSED, "accessed"],
    [REGION.heap | CELL.DIRTY, "dirty"],
    [REGION.heap | CELL.CACHED, "in the TLB"],
    [REGION.heap | CELL.STALE | CELL.CACHED, "stale there"],
    [REGION.heap | CELL.CHANGED, "just changed"],
    [REGION.user | CELL.SHARED, "shared"],
];

export class Legend {
    constructor(root) {
        this.root = root;
    }

    draw() {
        replace(
            this.root,
            el("h2", { class: "visually-hidden" }, "Legend"),
            el(
                "ul",
                {},
                [...ITEMS, ...SIGNS].map(([cell, text]) => el("li", {}, swatch(cell), text)),
            ),
        );
    }
}

function swatch(cell) {
    const canvas = el("canvas", { "aria-hidden": "true" }),
        ratio = devicePixelRatio || 1,
        context = canvas.getContext("2d");
    canvas.width = canvas.height = SIZE * ratio;
    context.scale(ratio, ratio);
    Grid.prototype.drawCell.call(
        Object.assign(Object.create(Grid.prototype), { pitch: SIZE + 1, columns: 1 }),
        context,
        palette(),
        0,
        cell,
    );
    return canvas;
}
