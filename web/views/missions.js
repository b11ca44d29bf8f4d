// The mission that is being worked on: its goals as they are met, hints one at a time, what was to be learnt.
// Progress stays in the browser.
import { missions } from "../missions/missions.js";
import { holds } from "../missions/predicate.js";
import { el, prose, replace, say } from "./dom.js";
import { keep, kept } from "./theme.js";

const DONE = "quire-missions-done";

export class Missions {
    constructor(root, app) {
        this.app = app;
        this.done = new Set(kept(DONE, "").split(" ").filter(Boolean));
        this.list = el("select", { id: "mission", onchange: () => this.open(this.list.value) });
        this.previous = el(
            "button",
            { type: "button", "aria-label": "Previous mission", onclick: () => this.turn(-1) },
            "◀",
        );
        this.following = el(
            "button",
            { type: "button", "aria-label": "Next mission", onclick: () => this.turn(1) },
            "▶",
        );
        this.body = el("div", { class: "mission" });
        this.voice = el("p", { class: "visually-hidden", role: "status" });
        root.append(
            el(
                "div",
                { class: "choose" },
                el("h2", { class: "visually-hidden" }, el("label", { for: "mission" }, "Mission")),
                this.list,
                this.previous,
                this.following,
            ),
            this.body,
            this.voice,
        );
        this.root = root;
        this.begin(missions[0]);
    }

    report() {
        return missions.map(({ id, title }) => ({ title, done: this.done.has(id) }));
    }

    // ID of a mission, or its number from 1 as in a link.
    find(id) {
        return missions.find(mission => mission.id === id) ?? missions[Number(id) - 1] ?? null;
    }

    turn(step) {
        const next = missions[missions.indexOf(this.mission) + step];
        if (next) this.open(next.id);
    }

    async open(id) {
        const mission = this.find(id);
        if (!mission || mission === this.mission) return;
        const kernel = !!mission.flawed !== !!this.mission.flawed;
        this.begin(mission);
        if (kernel) await this.app.power(mission.flawed);
        this.app.missionChanged();
    }

    begin(mission) {
        Object.assign(this, {
            mission,
            met: mission.goals.map(() => false),
            hints: 0,
            answer: null,
            since: this.app.lab?.now ?? 0,
            visited: new Set(),
        });
        this.draw();
    }

    // Another boot, or an undo: what has not happened can meet no goal, but what was met stays met.
    restart(now) {
        this.since = Math.min(this.since, now);
        this.visited.clear();
    }

    // The first so many events are forgotten.
    shift(events) {
        this.since = Math.max(0, this.since - events);
        this.visited = new Set([...this.visited].map(t => t - events).filter(t => t > 0));
    }

    visit(t) {
        this.visited.add(t);
    }

    check(look) {
        const { lab } = this.app,
            { mission } = this;
        if (lab.busy || this.met.every(Boolean)) return;
        const context = {
            state: lab.state,
            events: lab.events,
            chapters: lab.chapters,
            since: this.since,
            visited: this.visited,
            answer: this.answer,
            shown: { event: look.event, state: look.state, va: look.va, stood: this.app.stood },
        };
        const before = this.met.join();
        for (const [i, goal] of mission.goals.entries())
            this.met[i] ||= (!goal.after || this.met.slice(0, i).every(Boolean)) && holds(goal.when, context);
        if (this.met.join() === before) return;
        if (this.met.every(Boolean)) this.finish();
        else say(this.voice, `Goal met: ${mission.goals[this.met.lastIndexOf(true)].text}`);
        this.draw();
    }

    finish() {
        this.done.add(this.mission.id);
        keep(DONE, [...this.done].join(" "));
        say(this.voice, `Mission done: ${this.mission.title}`);
    }

    draw() {
        const { mission, met } = this,
            won = met.every(Boolean),
            at = missions.indexOf(mission);
        replace(
            this.list,
            missions.map(({ id, title }, i) =>
                el(
                    "option",
                    { value: id, selected: id === mission.id },
                    `${i + 1}. ${title}${this.done.has(id) ? " ✓" : ""}`,
                ),
            ),
        );
        this.previous.disabled = at === 0;
        this.following.disabled = at === missions.length - 1;
        this.root.classList.toggle("won", won);
        const focused = this.body.contains(document.activeElement);
        replace(
            this.body,
            el("p", { class: "task" }, prose(mission.task)),
            el(
                "ul",
                { class: "goals" },
                mission.goals.map((goal, i) => this.goal(goal, met[i])),
            ),
            mission.question && !won ? this.question(mission.question) : null,
            won ? this.lesson(at) : this.hintBox(mission),
        );
        if (focused) (this.body.querySelector("button, input") ?? this.list).focus();
    }

    goal({ text }, met) {
        return el(
            "li",
            { class: met ? "met" : "" },
            el("span", { class: "tick", "aria-hidden": "true" }, met ? "✓" : "○"),
            el("span", {}, el("span", { class: "visually-hidden" }, met ? "met: " : "open: "), text),
        );
    }

    question({ text, choices }) {
        return el(
            "fieldset",
            {},
            el("legend", {}, text),
            choices.map((choice, i) =>
                el(
                    "label",
                    {},
                    el("input", {
                        type: "radio",
                        name: "answer",
                        checked: this.answer === i,
                        onchange: () => {
                            this.answer = i;
                            this.app.draw();
                        },
                    }),
                    " ",
                    choice,
                ),
            ),
        );
    }

    hintBox({ hints }) {
        const left = hints.length - this.hints;
        return el(
            "div",
            { class: "hints" },
            this.hints
                ? el(
                      "ol",
                      {},
                      hints.slice(0, this.hints).map(hint => el("li", {}, prose(hint))),
                  )
                : null,
            left
                ? el(
                      "button",
                      {
                          type: "button",
                          onclick: () => {
                              this.hints++;
                              this.draw();
                          },
                      },
                      this.hints ? "Another hint" : "A hint",
                  )
                : null,
        );
    }

    lesson(at) {
        const next = missions[at + 1];
        return el(
            "div",
            { class: "lesson" },
            el("p", {}, el("b", {}, "Done. "), prose(this.mission.learnt)),
            next
                ? el("button", { type: "button", class: "primary", onclick: () => this.open(next.id) }, "Next mission")
                : null,
        );
    }
}
