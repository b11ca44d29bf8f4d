// The page directory and one page table, 32 x 32 entries each; with two spaces side by side, the same table of both.
import { PTE } from "../lab/model.js";
import { el, hex, replace, say } from "./dom.js";
import { CELL, Grid } from "./grid.js";
import { present } from "./look.js";
import { ENTRIES, RECURSIVE, REGIONS, SCRATCH, permissions, regionOfPage, regionOfPde } from "./places.js";

const marks = entry =>
    (entry & PTE.WRITE ? 0 : CELL.HOLLOW) |
    (entry & PTE.ACCESSED ? CELL.ACCESSED : 0) |
    (entry & PTE.DIRTY ? CELL.DIRTY : 0);

export const spaceName = space =>
    space ? (space.pid ? `${space.pid} ${space.name}` : space.name || "a new space") : "a space";

// One half of a pane: a heading, a grid, and the entry under the pointer or else the chosen one, in words.
class Half {
    constructor(root, { title, number, label, follow, app }) {
        this.app = app;
        this.title = el("b", { class: "s" + number }, title);
        this.sub = el("span", { class: "dim" });
        this.caption = el("p", { class: "caption" });
        root.append(el("h2", {}, this.title, " ", this.sub));
        this.grid = new Grid(root, {
            label,
            follow,
            describe: i => this.describe(i),
            choose: i => this.choose(i),
            filled: i => this.filled(i),
            preview: i => this.preview(i),
        });
        root.append(this.caption);
        this.cells = new Uint32Array(ENTRIES);
    }

    // Fills the cells and shows them; CELL(i, entry) is what the subclass makes of an entry.
    show(entries, chosen, changed) {
        for (let i = 0; i < ENTRIES; i++)
            this.cells[i] = this.cell(i, entries?.[i] ?? 0) | (changed?.has(i) ? CELL.CHANGED : 0);
        this.entries = entries;
        this.grid.paint(this.cells);
        this.grid.select(chosen);
        this.chosen = chosen;
        this.write(this.hovered ?? chosen);
    }

    preview(i) {
        this.hovered = i < 0 ? undefined : i;
        if (this.look) this.write(this.hovered ?? this.chosen);
    }

    filled(i) {
        return !!((this.entries?.[i] ?? 0) & PTE.PRESENT);
    }
    write(i) {
        replace(this.caption, this.words(i));
    }
    describe(i) {
        return this.words(i)
            .map(part => part.textContent ?? part)
            .join("");
    }
}

export class Directory extends Half {
    constructor(root, app) {
        super(root, {
            title: "Page directory",
            number: 1,
            label: "Page directory, 1,024 entries of 4 MiB each. Enter goes on to the table; N and P to the next and the previous entry that is present.",
            follow: () => app.focus("table"),
            app,
        });
    }

    update(look) {
        this.look = look;
        const frame = look.directory,
            entries = look.entries();
        const space = look.spaces.length > 1 ? ` of ${spaceName(look.space(frame))}` : "";
        say(
            this.sub,
            look.state.paging || entries
                ? `${space} in frame ${hex(frame >>> 12, 5)} · ${present(entries)} present`
                : "none yet",
        );
        this.cached = new Map();
        if (frame === look.state.cr3)
            for (const [page, entry] of look.tlb ?? [])
                this.cached.set(
                    page >>> 10,
                    (this.cached.get(page >>> 10) ?? 0) | (entry.stale ? CELL.STALE : 0) | CELL.CACHED,
                );
        this.show(entries, look.va >>> 22, look.changed.get(frame));
    }

    cell(i, entry) {
        const held = this.cached.get(i) ?? 0;
        return entry & PTE.PRESENT ? regionOfPde(i) | marks(entry) | held : held & CELL.STALE;
    }

    // The first page of the entry's table, if there is one.
    choose(i) {
        const first = this.look.tableOf(i)?.findIndex(entry => entry & PTE.PRESENT) ?? 0;
        this.app.go(((i << 22) | (Math.max(first, 0) << 12)) >>> 0);
    }

    words(i) {
        const entry = this.entries?.[i] ?? 0,
            start = (i << 22) >>> 0;
        const name = [el("b", {}, `PD[${i}]`), ` ${hex(start)}, 4 MiB: `];
        if (!(entry & PTE.PRESENT)) return [...name, "absent, nothing is mapped there"];
        const what =
            i === RECURSIVE
                ? "the directory itself, as its own last table"
                : `a page table in frame ${hex(entry >>> 12, 5)}`;
        return [...name, `${what}; ${permissions(entry).slice(0, 3).join(", ")}`];
    }
}

export class Table extends Half {
    constructor(root, app, { title = "Page table", number = 2 } = {}) {
        super(root, {
            title,
            number,
            label: `${title}, 1,024 entries of 4 KiB each. Enter goes on to the frame; N and P to the next and the previous entry that is present.`,
            follow: () => app.focus("frames"),
            app,
        });
    }

    // Of DIRECTORY's space; SHARED lights the frames that other spaces have, too.
    update(look, directory = look.directory, shared = false) {
        this.look = look;
        this.directory = directory;
        const pdi = look.va >>> 22,
            table = look.tableOf(pdi, directory),
            frame = (look.entries(directory)?.[pdi] ?? 0) & PTE.FRAME;
        this.pdi = pdi;
        this.shared = shared ? look.shared : null;
        this.tlb = directory === look.state.cr3 ? look.tlb : null;
        const where = !table
            ? `PD[${pdi}] is absent: no table`
            : pdi === RECURSIVE
              ? "PD[1023]: the directory itself"
              : `PD[${pdi}]${shared ? "" : `, from ${hex(pdi << 22)}`} · ${present(table)} present`;
        say(this.sub, where);
        say(this.title, shared ? `Page table of ${spaceName(look.space(directory))}` : "Page table");
        this.grid.element.classList.toggle("empty", !table);
        this.show(table, (look.va >>> 12) & 1023, table && look.changed.get(frame >>> 0));
    }

    page(i) {
        return this.pdi * ENTRIES + i;
    }

    cell(i, entry) {
        const page = this.page(i),
            held = this.tlb?.get(page);
        const cached = held ? CELL.CACHED | (held.stale ? CELL.STALE : 0) : 0;
        if (!(entry & PTE.PRESENT)) return cached;
        return (
            regionOfPage(page, this.look.state.frames.use) |
            marks(entry) |
            cached |
            (this.shared?.has(entry >>> 12) ? CELL.SHARED : 0)
        );
    }

    choose(i) {
        this.app.go(((this.page(i) << 12) | (this.look.va & 0xfff)) >>> 0, { directory: this.directory });
    }

    words(i) {
        const entry = this.entries?.[i] ?? 0,
            page = this.page(i);
        const name = [el("b", {}, `PT[${i}]`), ` ${hex(page << 12)}: `];
        const held = this.tlb?.get(page),
            stale = held?.stale ? `; stale in the TLB: ${hex(held.pa)}` : held ? "; in the TLB" : "";
        if (!(entry & PTE.PRESENT)) return [...name, absent(page, entry, this.entries) + stale];
        const shared = this.look.shared.has(entry >>> 12) && page >= 1024 ? "; its frame is shared" : "";
        return [
            ...name,
            `${REGIONS[regionOfPage(page, this.look.state.frames.use)].page}, in frame ${hex(entry >>> 12, 5)}; ${permissions(entry).join(", ")}${stale}${shared}`,
        ];
    }
}

function absent(page, entry, table) {
    if (!table) return "no table, so nothing is mapped";
    if (entry & PTE.SPACE_PAGE) return "absent until its first touch, then a clear frame";
    if (page === 0) return "absent on purpose, so that a null pointer faults";
    if (page === SCRATCH) return "the scratch page, absent when not in use";
    return "absent";
}
