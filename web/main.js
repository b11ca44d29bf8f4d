// The page: one machine, what of it is shown, and the views that show it. The views draw nothing on their own: whoever
// changes what is shown calls draw(), and the next animation frame updates all of them with one look.
import { publish } from "./lab/api.js";
import { Lab } from "./lab/lab.js";
import { load } from "./lab/load.js";
import { Commands } from "./views/commands.js";
import { hex, number, plural, say } from "./views/dom.js";
import { Fault } from "./views/fault.js";
import { Frames } from "./views/frames.js";
import { listenToKeys } from "./views/keys.js";
import { Legend } from "./views/legend.js";
import { Look } from "./views/look.js";
import { Manual } from "./views/manual.js";
import { Missions } from "./views/missions.js";
import { Player } from "./views/player.js";
import { Screen } from "./views/screen.js";
import { NARROW, measure } from "./views/sizes.js";
import { Spaces, pairOf } from "./views/spaces.js";
import { plainStory } from "./views/story.js";
import { subject } from "./views/subject.js";
import { Directory, Table } from "./views/tables.js";
import { Terminal } from "./views/terminal.js";
import { wireTheme } from "./views/theme.js";
import { Timeline, chapterAt } from "./views/timeline.js";
import { Translation } from "./views/translation.js";
import { Wires, wiring } from "./views/wires.js";

const $ = id => document.getElementById(id);
const KERNEL = { kernel: "quire.elf", sites: "sites.json" },
    FLAWED = { kernel: "quire-flawed.elf", sites: "sites-flawed.json" };
const FIRST = 0x00100000; // the kernel's first page

class App {
    constructor() {
        this.lab = new Lab(load, { ...KERNEL, memory: 8 });
        this.t = 0;
        this.chosen = { va: FIRST, directory: null, frame: null };
        this.comparing = null; // null: as soon as two programs have spaces; true, false: the reader's choice
        this.shownChapter = null; // where several chapters meet at one moment: the one that was opened
        this.params = new URLSearchParams(location.hash.slice(1));
        this.times = []; // of drawing, for tests/web/frames.test.mjs
        this.build();
        this.listen();
    }

    build() {
        this.terminal = new Terminal($("terminal"), text => this.send(text));
        this.panes = {
            directory: new Directory($("directory"), this),
            table: new Table($("table"), this),
            other: new Table($("other"), this, { number: 1 }),
            frames: new Frames($("frames"), this),
        };
        this.wires = new Wires($("right"), $("wires"));
        this.translation = new Translation($("translation"), this);
        this.timeline = new Timeline($("time"), this);
        this.fault = new Fault($("fault"), this);
        this.spaces = new Spaces($("spaces"), this);
        this.screen = new Screen($("screen"), this.lab);
        this.missions = new Missions($("missions"), this);
        this.commands = new Commands($("commands"), this);
        this.legend = new Legend($("legend"));
        this.manual = new Manual($("manual"), $("help"));
        this.player = new Player(this);
    }

    listen() {
        const { lab } = this;
        lab.addEventListener("text", event => this.terminal.write(event.detail));
        lab.addEventListener("change", () => this.changed());
        lab.addEventListener("prompt", event => this.prompted(event.detail));
        lab.addEventListener("died", () => this.died());
        lab.addEventListener("undo", () => this.forget());
        lab.addEventListener("reset", () => this.forget());
        lab.addEventListener("forgotten", event => this.shift(event.detail.events));
        $("reset").addEventListener("click", () => this.power());
        $("share").addEventListener("click", () => this.share());
        listenToKeys(this);
        this.showPanes();
        wireTheme($("theme"), () => this.recolor());
        new ResizeObserver(() => this.resize()).observe($("right"));
        document.fonts?.addEventListener?.("loadingdone", () => this.resize());
    }

    // ---- the machine ----

    async start() {
        const wanted = this.params.get("mission"),
            mission = wanted && this.missions.find(wanted);
        if (mission) this.missions.begin(mission);
        if (mission?.flawed) await this.lab.reset(FLAWED);
        else await this.lab.boot();
        this.booted();
    }

    async power(flawed = !!this.missions.mission.flawed) {
        this.player.stop();
        this.terminal.reset();
        await this.lab.reset(flawed ? FLAWED : KERNEL);
        this.booted();
    }

    booted() {
        this.missions.restart(this.lab.now);
        this.missions.since = this.lab.now;
        this.missionChanged();
        const va = Number(this.params.get("va"));
        this.go(this.params.has("va") && Number.isFinite(va) ? va >>> 0 : FIRST);
    }

    send(text) {
        if (this.lab.dead) return;
        this.player.stop();
        this.follow();
        this.lab.send(text);
    }

    type(command) {
        this.send(command + "\r");
    }

    async undo() {
        this.player.stop();
        const i = this.timeline.current,
            { command } = this.lab.chapters[i];
        await this.lab.undo(i);
        this.terminal.write(`\r\x1b[33mundone: ${command}, and what came after it\x1b[0m\r\nquire> `);
    }

    changed() {
        if (this.following) this.t = this.lab.now;
        this.draw();
    }

    prompted(chapter) {
        this.terminal.speak();
        this.note = null;
        this.shownChapter = null;
        this.follow();
        if (chapter && this.lab.chapters.indexOf(chapter) > 0) this.choosePlace(subject(chapter, this.look()));
        if (!this.manyChanges(chapter)) this.tell(chapter);
        this.player.show(chapter);
        this.draw();
    }

    manyChanges(chapter) {
        return !chapter || chapter.to - chapter.from > 400;
    }

    tell(chapter) {
        const steps = chapter.to - chapter.from;
        say(
            $("said"),
            steps
                ? `${chapter.command || "power on"}: ${plural(steps, "step")}. The last: ${plainStory(this.lab.events[chapter.to - 1], this.look())}`
                : "",
        );
    }

    died() {
        this.terminal.write(`\r\n\x1b[33m${this.lab.dead.why} Reset starts it afresh.\x1b[0m\r\n`);
        this.draw();
    }

    forget() {
        this.player.stop();
        this.shownChapter = null;
        this.missions.restart(this.lab.now);
        this.follow();
        this.draw();
    }

    // The oldest steps are gone, and the others count from there on. The prompt's event, which comes next, sets t.
    shift(events) {
        this.player.stop();
        this.missions.shift(events);
    }

    // ---- what is shown ----

    get following() {
        return this.t >= this.lab.now || this.live;
    }

    // Back to the present, and to stay there.
    follow() {
        this.t = this.lab.now;
        this.live = true;
        this.stood = false;
        this.draw();
    }

    toNow() {
        this.player.stop();
        this.follow();
    }

    moveTo(t, { playing = false } = {}) {
        if (!playing) this.player.stop();
        const to = Math.max(0, Math.min(this.lab.now, t));
        this.live = to === this.lab.now;
        this.stood = !playing;
        this.t = to;
        this.missions.visit(to);
        this.focusOnEvent();
        this.draw();
    }

    step(by) {
        this.moveTo(this.t + by);
    }
    replay() {
        this.player.toggle();
    }

    openChapter(i) {
        const chapter = this.lab.chapters[i];
        this.shownChapter = i;
        this.moveTo(chapter.from + Math.min(1, chapter.to - chapter.from));
    }

    currentChapter() {
        return this.lab.chapters[chapterAt(this.lab, this.t, this.shownChapter)];
    }

    look() {
        return new Look(this.lab, this.t, this.chosen);
    }

    focusOnEvent() {
        const look = this.look(),
            { event } = look;
        if (!event) return;
        if (event.kind === "flush" || event.kind === "fault") this.choosePlace({ va: event.va });
        else if (event.kind === "entry" && event.va !== null) this.choosePlace({ va: event.va });
        else if (event.words?.length) this.choosePlace(placeOfWords(event.words, look));
    }

    choosePlace(place) {
        if (place) this.chosen = { va: place.va >>> 0, directory: place.directory ?? null, frame: null };
    }

    go(va, { directory = this.chosen.directory } = {}) {
        this.chosen = { va: va >>> 0, directory, frame: null };
        this.draw();
    }

    chooseFrame(frame) {
        this.chosen = { ...this.chosen, frame };
        this.draw();
    }

    chooseSpace(directory) {
        this.chosen = { ...this.chosen, directory, frame: null };
        this.draw();
    }

    compare(on) {
        this.comparing = on;
        this.draw();
    }

    // Puts the focus into a part of the page; on a telephone it comes to the front first.
    focus(name) {
        this.showPane(name === "directory" && this.pair ? "table" : name);
        if (name === "terminal") this.terminal.focus();
        else if (name === "translation") this.translation.focus();
        else if (name === "time") this.timeline.slider.focus();
        else if (name === "missions") $("mission").focus();
        else (name === "directory" && this.pair ? this.panes.other : this.panes[name]).grid.focus();
    }

    // ---- drawing ----

    draw() {
        this.requested ??= requestAnimationFrame(() => this.render());
    }

    render() {
        this.requested = undefined;
        if (!this.lab.chapters.length) return; // not switched on yet
        const start = performance.now(),
            look = this.look();
        if (look.t) this.missions.visit(look.t);
        this.pair = this.comparing === false ? null : pairOf(look);
        this.spaces.update(look, this.pair);
        if ($("right").classList.contains("pair") !== !!this.pair) this.rearrange();
        this.updatePanes(look);
        this.translation.update(look);
        this.timeline.update(look);
        this.fault.update(look);
        this.missions.check(look);
        this.screen.update();
        this.status(look);
        this.wires.update(wiring(look, this.panes, this.pair), this.lab.busy);
        this.times.push(performance.now() - start);
        if (this.times.length > 2000) this.times.shift();
    }

    updatePanes(look) {
        if (!this.pair || innerWidth <= NARROW) this.panes.directory.update(look);
        if (this.pair) {
            this.panes.table.update(look, this.pair[0], true);
            this.panes.other.update(look, this.pair[1], true);
        } else this.panes.table.update(look);
        this.panes.frames.update(look);
    }

    rearrange() {
        $("right").classList.toggle("pair", !!this.pair);
        $("other").hidden = !this.pair;
        this.resize();
    }

    status(look) {
        const { lab } = this,
            cached = look.state.tlb?.length;
        const parts = [lab.dead ? "stopped: Reset starts it afresh" : lab.busy ? "running" : "waiting for you", plural(lab.now + lab.forgotten.events, "step")];
        if (look.live && cached !== undefined) parts.push(`${number(cached)} pages in the TLB`);
        if (!look.live) parts.push(`you are at step ${number(look.t + lab.forgotten.events)}`);
        say($("status"), this.note ?? parts.join(" · "));
    }

    resize() {
        if (!this.lab.chapters.length) return; // not switched on yet
        const { pitch, framePitch, frameColumns } = measure($("right"), this.panes.frames.count);
        for (const name of ["directory", "table", "other"]) this.panes[name].grid.resize(pitch, 1024);
        this.panes.frames.grid.resize(framePitch, this.panes.frames.count, frameColumns);
        this.draw();
    }

    recolor() {
        for (const pane of Object.values(this.panes)) pane.grid.repaint();
        this.legend.draw();
        this.draw();
    }

    // ---- panes of a telephone, links, missions ----

    showPanes() {
        for (const [name, text] of [
            ["directory", "Directory"],
            ["table", "Table"],
            ["frames", "Frames"],
            ["translation", "Translate"],
            ["time", "Steps"],
        ]) {
            const button = document.createElement("button");
            Object.assign(button, { type: "button", textContent: text, onclick: () => this.showPane(name) });
            button.dataset.pane = name;
            $("panes").append(button);
        }
        this.showPane("directory");
    }

    showPane(name) {
        if (!$("panes").querySelector(`[data-pane="${name}"]`)) return;
        $("right").dataset.shown = name;
        for (const button of $("panes").children)
            button.setAttribute("aria-pressed", String(button.dataset.pane === name));
    }

    missionChanged() {
        if (this.missions.mission.screen) $("screen").open = true;
        this.commands.draw();
        this.draw();
    }

    // A link that types the commands so far. It is put into the address without going there: here they have been typed.
    async share() {
        const commands = this.lab.chapters.map(chapter => chapter.command).filter(Boolean);
        const parts = {
            cmd: commands.join(";"),
            mission: this.missions.mission.id,
            va: hex(this.chosen.va),
        };
        const link = Object.entries(parts)
            .filter(([, value]) => value)
            .map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
        history.replaceState(null, "", "#" + link.join("&"));
        const copied = await navigator.clipboard?.writeText(location.href).then(
            () => true,
            () => false,
        );
        this.note = copied ? "The link is copied, and in the address bar." : "The link is in the address bar.";
        if (this.lab.forgotten.chapters) this.note += ` It types the last ${plural(commands.length, "command")}.`;
        say($("said"), this.note);
        this.draw();
    }
}

// Of several changed entries one that maps a page above the first 4 MiB, where the kernel itself lies: whatever it does,
// it touches pages there, and the reader's place is not to jump about.
const MANY = 64;
function placeOfWords(words, look) {
    const places = words
        .slice(0, MANY)
        .map(([frame, index]) => look.placeOf(frame, index))
        .filter(Boolean);
    const best = places.find(place => place.page !== null && place.page >= 1024);
    return best && { va: best.page << 12, directory: best.directory === look.state.cr3 ? null : best.directory };
}

const app = new App();
publish(app.lab, { missions: () => app.missions.report() });
if (new URLSearchParams(location.search).has("present")) document.body.classList.add("present");
window.labPage = app; // for the tests
app.start().then(
    () => app.resize(),
    error => say($("status"), `The lab cannot start here: ${error.message}`),
);
