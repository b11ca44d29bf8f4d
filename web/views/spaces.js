// Whose tables are shown, and whether two spaces stand side by side.
import { el, hex, replace } from "./dom.js";
import { PTE } from "../lab/model.js";
import { spaceName } from "./tables.js";

export class Spaces {
    constructor(root, app) {
        this.root = root;
        this.app = app;
        this.choice = el("div", { class: "choice", role: "group", "aria-label": "Whose tables are shown" });
        this.both = el(
            "button",
            {
                type: "button",
                "aria-pressed": "false",
                onclick: () => app.compare(this.both.getAttribute("aria-pressed") !== "true"),
            },
            "Side by side",
        );
        this.tables = el("select", {
            id: "pair-table",
            onchange: () => app.go((Number(this.tables.value) << 22) >>> 0),
        });
        this.jump = el("span", { class: "jump" }, el("label", { for: "pair-table" }, "Table"), " ", this.tables);
        root.append(this.choice, this.both, this.jump);
    }

    update(look, pair) {
        const several = look.spaces.length > 1;
        this.root.hidden = !several;
        if (!several) return;
        this.list(look);
        this.both.disabled = pairOf(look) === null;
        this.both.setAttribute("aria-pressed", String(!!pair));
        this.jump.hidden = !pair;
        if (pair) this.listTables(look, pair);
    }

    list(look) {
        const key =
            look.spaces
                .map(space => [space.directory, space.pid, space.name, space.directory === look.state.cr3])
                .join() + look.directory;
        if (key === this.listed) return;
        this.listed = key;
        const focused = [...this.choice.children].findIndex(button => button === document.activeElement);
        replace(
            this.choice,
            look.spaces.map(space =>
                el(
                    "button",
                    {
                        type: "button",
                        "aria-pressed": String(space.directory === look.directory),
                        onclick: () => this.app.chooseSpace(space.directory),
                    },
                    spaceName(space),
                    space.directory === look.state.cr3 ? el("small", {}, " runs") : null,
                ),
            ),
        );
        this.choice.children[focused]?.focus();
    }

    listTables(look, pair) {
        const pdis = [];
        for (let i = 1; i < 768; i++)
            if (pair.some(directory => look.entries(directory)?.[i] & PTE.PRESENT)) pdis.push(i);
        const here = look.va >>> 22;
        if (!pdis.includes(here)) pdis.push(here);
        const key = pdis.join() + "/" + here;
        if (key === this.jumps) return;
        this.jumps = key;
        replace(
            this.tables,
            pdis.map(i => el("option", { value: i, selected: i === here }, `PD[${i}], from ${hex(i << 22)}`)),
        );
    }
}

// The two spaces to stand side by side, or null: the chosen or running one and the newest other; the older stands left.
// The monitor's own is no partner, as long as two programs have spaces.
export function pairOf(look) {
    const programs = look.spaces.filter(space => space.pid !== 1);
    if (programs.length < 2) return null;
    const one = programs.find(space => space.directory === look.directory) ?? programs.at(-2),
        other = programs.filter(space => space !== one).at(-1);
    return [one, other].sort((a, b) => look.spaces.indexOf(a) - look.spaces.indexOf(b)).map(space => space.directory);
}
