// Physical memory: a cell for each frame, coloured by what it is.
import { PTE } from "../lab/model.js";
import { el, hex, number, replace, say } from "./dom.js";
import { CELL, Grid } from "./grid.js";
import { HOLLOW, REGIONS, regionOfFrame } from "./places.js";
import { spaceName } from "./tables.js";

const NAMES_SHOWN = 3;

export class Frames {
    constructor(root, app) {
        this.app = app;
        this.sub = el("span", { class: "dim" });
        this.caption = el("p", { class: "caption" });
        root.append(el("h2", {}, el("b", { class: "s3" }, "Physical memory"), " ", this.sub));
        this.grid = new Grid(root, {
            label: "Physical memory, a cell for each frame of 4 KiB. Enter goes back to the directory; N and P to the next and the previous frame in use.",
            describe: i =>
                this.words(i)
                    .map(part => part.textContent ?? part)
                    .join(""),
            choose: i => this.choose(i),
            filled: i => !!(this.cells[i] & CELL.REGION),
            follow: () => app.focus("directory"),
            preview: i => this.preview(i),
        });
        root.append(this.caption);
    }

    get count() {
        return this.app.lab.state.frames.use.length;
    }

    update(look) {
        this.look = look;
        const { use, free } = look.state.frames,
            n = use.length;
        if (this.cells?.length !== n) this.cells = new Uint32Array(n);
        const changed = new Set((look.event?.frames ?? []).map(([pfn]) => pfn));
        for (let i = 0; i < n; i++) {
            const region = regionOfFrame(use, i);
            this.cells[i] = region | (HOLLOW.has(region) ? CELL.HOLLOW : 0) | (changed.has(i) ? CELL.CHANGED : 0);
        }
        if (look.spaces.length > 2) for (const pfn of look.shared) if (pfn < n) this.cells[pfn] |= CELL.SHARED;
        this.mark(look);
        say(this.sub, `${n / 256} MiB · ${number(free)} frames free`);
        this.grid.paint(this.cells);
        this.grid.select((this.chosen = this.frame(look)));
        this.write(this.hovered ?? this.chosen);
    }

    // The frames of the directory and of the table of the walk that is shown.
    mark(look) {
        const { pde } = look.walk(),
            directory = look.directory >>> 12,
            table = pde & PTE.PRESENT ? pde >>> 12 : -1;
        if (directory && directory < this.cells.length) this.cells[directory] |= CELL.MARK1;
        if (table >= 0 && table < this.cells.length) this.cells[table] |= CELL.MARK2;
    }

    frame(look) {
        if (look.chosen.frame !== null) return look.chosen.frame;
        const { pa } = look.walk();
        return pa === null || pa >>> 12 >= this.cells.length ? -1 : pa >>> 12;
    }

    choose(i) {
        const pages = this.look.users.get(i) ?? [],
            here = pages.filter(at => at.directory === this.look.directory);
        const best = here.find(at => at.page >= 1024) ?? here[0] ?? pages[0];
        if (best) this.app.go((best.page << 12) >>> 0, { directory: best.directory });
        else this.app.chooseFrame(i);
    }

    preview(i) {
        this.hovered = i < 0 ? undefined : i;
        if (this.look) this.write(this.hovered ?? this.chosen);
    }

    write(i) {
        replace(this.caption, i === undefined || i < 0 ? "The walk leads to no frame here." : this.words(i));
    }

    words(i) {
        const what = REGIONS[regionOfFrame(this.look.state.frames.use, i)],
            pages = this.look.users.get(i) ?? [];
        const several = this.look.spaces.length > 1;
        const names = pages
            .slice(0, NAMES_SHOWN)
            .map(
                at =>
                    hex(at.page << 12) +
                    (several && at.page >= 1024 ? ` of ${spaceName(this.look.space(at.directory))}` : ""),
            );
        const more = pages.length > NAMES_SHOWN ? ` and ${pages.length - NAMES_SHOWN} more` : "";
        return [
            el("b", {}, `Frame ${hex(i, 5)}`),
            `: ${what.frame}${names.length ? `; mapped at ${names.join(", ")}${more}` : "; mapped nowhere"}`,
        ];
    }
}
