// Commands to try: the mission's, then some that are always good. A click types one.
import { el, replace, rest, rove } from "./dom.js";

const ALWAYS = ["maps", "mem", "pd", "run clone", "fault null", "help"];

export class Commands {
    constructor(root, app) {
        this.root = root;
        this.app = app;
        rove(root, "button");
    }

    draw() {
        const special = this.app.missions.mission.try ?? [];
        const all = [...special, ...ALWAYS.filter(command => !special.includes(command))];
        replace(
            this.root,
            all.map((command, i) =>
                el(
                    "button",
                    { type: "button", class: i < special.length ? "hot" : "", onclick: () => this.app.type(command) },
                    command,
                ),
            ),
        );
        rest(this.root, "button");
    }
}
