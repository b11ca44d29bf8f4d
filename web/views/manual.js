// Help: how the page is used, by mouse, finger and keyboard.
import { el } from "./dom.js";

const ROWS = [
    [["F6", "Shift F6"], "the next part of the page, the previous one"],
    [["Tab"], "in the terminal: completes a word while a line is being typed; Escape, then Tab, leaves it"],
    [["arrow keys"], "move in a grid, in the address's bits, on the slider of steps"],
    [["Enter", "N", "P"], "in a grid: on to what the entry leads to; the next and the previous cell in use"],
    [["Page Up", "Page Down"], "on the slider: the previous and the next command"],
];
const WALL = [
    [["→", "←"], "one step on, one step back"],
    [["↓", "↑"], "the next command, the previous one"],
    [["Space"], "replay, or stop"],
    [["0"], "back to the present"],
    [["t", "Escape"], "into the terminal, and out of it"],
    [["d", "p", "f"], "directory, page table, frames"],
    [["w"], "the address to translate"],
    [["s"], "two spaces side by side, or one"],
    [["n", "b"], "next mission, previous one"],
    [["h"], "a hint"],
    [["z"], "the grids alone, as large as can be, or all"],
    [["c"], "next theme"],
    [["r"], "start afresh"],
    [["?"], "this help"],
];

const table = rows =>
    el(
        "table",
        {},
        el(
            "tbody",
            {},
            rows.map(([keys, text]) =>
                el(
                    "tr",
                    {},
                    el(
                        "th",
                        { scope: "row" },
                        keys.flatMap((key, i) => [i ? " " : "", el("kbd", {}, key)]),
                    ),
                    el("td", {}, text),
                ),
            ),
        ),
    );

export class Manual {
    constructor(dialog, opener) {
        this.dialog = dialog;
        dialog.append(
            el("h2", { id: "manual-title" }, "How the lab is used"),
            el(
                "p",
                {},
                "A kernel runs in an emulator in this page. Type a command, or choose one. Each change that it makes to the page tables is a step; go back to any of them. A cell is an entry, or a frame: choose one, and its translation is shown.",
            ),
            table(ROWS),
            el("h2", {}, "On the wall: ?present in the address"),
            table(WALL),
            el("form", { method: "dialog" }, el("button", { class: "primary" }, "Close")),
        );
        opener.addEventListener("click", () => this.open());
    }

    open() {
        if (!this.dialog.open) this.dialog.showModal();
    }
}
