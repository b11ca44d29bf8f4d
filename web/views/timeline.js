// Time: each command is a chapter, each change a step. A slider goes through a chapter's steps; below it the step in
// words, who called whom, and the line of C.
import { el, plural, prose, replace, rest, rove, say } from "./dom.js";
import { KINDS, kindOf, plainStory, story } from "./story.js";
import { palette } from "./theme.js";

const HIDDEN = new Set(["_start", "kmain", "monitor_run", "execute", "command_run"]), // on the way to every command
    CALLS = 3, // on the wall, where a line of type is dear
    MARGIN = 12;

export class Timeline {
    constructor(root, app) {
        this.app = app;
        this.chapters = el("div", {
            class: "chapters",
            role: "toolbar",
            "aria-label": "Commands so far: choose one to see its steps",
        });
        this.ticks = el("canvas", { class: "ticks", "aria-hidden": "true" });
        this.slider = el("input", {
            type: "range",
            min: "0",
            step: "1",
            "aria-label": "Step of this command",
            oninput: () => this.slide(),
            onkeydown: event => this.key(event),
        });
        this.count = el("span", { class: "count dim" });
        this.story = el("p", { class: "story" });
        this.stack = el("p", { class: "stack" });
        this.code = el("pre", { class: "code", tabindex: "0", role: "group", "aria-label": "The line of C" });
        const button = (name, text, title, action) =>
            (this[name] = el(
                "button",
                { type: "button", onclick: action, title, "aria-label": /^\w/.test(text) ? null : title },
                text,
            ));
        root.append(
            el("h2", { class: "visually-hidden" }, "What happened"),
            this.chapters,
            el(
                "div",
                { class: "track" },
                el(
                    "div",
                    { class: "buttons", role: "group", "aria-label": "Steps" },
                    button("back", "◀", "One step back", () => app.step(-1)),
                    button("play", "replay", "Replay this command slowly", () => app.replay()),
                    button("on", "▶", "One step on", () => app.step(1)),
                    button("now", "now", "Back to the present", () => app.toNow()),
                    button("undo", "undo", "Undo this command and all after it, in the machine", () => app.undo()),
                ),
                el("div", { class: "rail" }, this.ticks, this.slider),
                this.count,
            ),
            this.story,
            this.stack,
            this.code,
        );
        rove(this.chapters, "button");
        this.buttons = [];
        new ResizeObserver(() => this.drawTicks(true)).observe(this.slider);
    }

    update(look) {
        const { lab } = this.app,
            t = look.t;
        this.look = look;
        this.current = chapterAt(lab, t, this.app.shownChapter);
        this.listChapters(lab);
        this.showTrack(lab, t);
        this.showStep(look);
    }

    // ---- chapters ----

    listChapters(lab) {
        const { chapters } = lab;
        while (this.buttons.length > chapters.length) this.buttons.pop().remove();
        for (let i = this.buttons.length; i < chapters.length; i++) this.chapters.append(this.addChapter(i));
        for (const [i, button] of this.buttons.entries()) this.describeChapter(button, chapters[i], i === this.current);
        if (this.listed !== this.current || this.length !== chapters.length) {
            this.reveal(this.buttons[this.current]);
            rest(this.chapters, "button");
        }
        this.listed = this.current;
        this.length = chapters.length;
    }

    // Scrolls the row of commands, and nothing else: the reader's place on the page is his.
    reveal(button) {
        const row = this.chapters.getBoundingClientRect(),
            { left, right } = button.getBoundingClientRect();
        this.chapters.scrollLeft += Math.max(0, right + MARGIN - row.right) + Math.min(0, left - MARGIN - row.left);
    }

    addChapter(i) {
        const button = el(
            "button",
            { type: "button", class: "chapter", tabindex: "-1", onclick: () => this.app.openChapter(i) },
            el("b"),
            el("small"),
        );
        this.buttons.push(button);
        return button;
    }

    describeChapter(button, chapter, current) {
        const steps = chapter.to - chapter.from;
        say(button.firstChild, chapter.command || "power on");
        say(button.lastChild, steps ? plural(steps, "step") : "no step");
        button.classList.toggle("failed", !!(chapter.fault || chapter.error));
        if (current) button.setAttribute("aria-current", "step");
        else button.removeAttribute("aria-current");
    }

    get chapter() {
        return this.app.lab.chapters[this.current];
    }

    // ---- the track ----

    showTrack(lab, t) {
        const chapter = this.chapter ?? { from: 0, to: 0 },
            steps = chapter.to - chapter.from,
            at = Math.max(0, Math.min(steps, t - chapter.from));
        this.slider.max = String(steps);
        this.slider.disabled = steps === 0;
        this.slider.value = String(at);
        say(this.count, steps ? `${at} of ${steps}` : "no step");
        const text =
            at === 0
                ? `before ${chapter.command || "power on"}`
                : `step ${at} of ${steps}: ${plainStory(lab.events[chapter.from + at - 1], this.look)}`;
        this.slider.setAttribute("aria-valuetext", steps ? text : "this command changed nothing");
        this.back.disabled = t === 0;
        this.on.disabled = this.look.live;
        this.now.disabled = this.look.live;
        this.play.disabled = steps === 0;
        say(this.play, this.app.playing ? "pause" : "replay");
        this.undo.disabled = lab.busy || !lab.canUndo?.(this.current);
        this.drawTicks();
    }

    slide() {
        this.app.moveTo(this.chapter.from + Number(this.slider.value));
    }

    // Page keys go from command to command; Home and End stay in this one, as the slider's own. Counted from where the
    // page is by now, which may not be drawn yet: keys come faster than frames.
    key(event) {
        const at = chapterAt(this.app.lab, this.app.t, this.app.shownChapter),
            to = { PageUp: at - 1, PageDown: at + 1 }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        if (this.app.lab.chapters[to]) this.app.openChapter(to);
    }

    drawTicks(resized) {
        const chapter = this.chapter,
            { events, forgotten } = this.app.lab;
        if (!chapter || !this.look) return;
        const colors = palette(),
            key = [this.current, chapter.to, forgotten.events, colors.ink, colors.card].join();
        if (key === this.drawn && !resized) return;
        this.drawn = key;
        const width = this.slider.clientWidth,
            ratio = devicePixelRatio || 1,
            height = 14,
            steps = chapter.to - chapter.from;
        Object.assign(this.ticks, { width: width * ratio, height: height * ratio });
        const context = this.ticks.getContext("2d"),
            style = getComputedStyle(this.ticks);
        context.scale(ratio, ratio);
        const thumb = 20,
            room = width - thumb,
            size = Math.max(1, Math.min(14, room / Math.max(1, steps) - 1)),
            inks = Object.fromEntries(Object.entries(KINDS).map(([kind, [, ink]]) => [kind, style.getPropertyValue(ink)]));
        for (let i = 0, last = -1; i < steps; i++) {
            const x = Math.round(thumb / 2 + ((i + 1) / steps) * room - size / 2);
            if (x === last) continue;
            last = x;
            context.fillStyle = inks[kindOf(events[chapter.from + i])];
            context.fillRect(x, 0, size, height);
        }
    }

    // ---- the step ----

    showStep(look) {
        const { event, lab } = look,
            chapter = this.chapter;
        const key = [look.t, lab.forgotten.events, lab.busy, this.current, chapter?.to].join();
        if (key === this.told) return;
        this.told = key;
        const inside = event && chapter && look.t > chapter.from && look.t <= chapter.to;
        replace(
            this.story,
            inside
                ? [signOf(event), ...prose(story(event, look))]
                : chapter && chapter.to === chapter.from
                  ? `${chapter.command} changed no entry.`
                  : chapter
                    ? `Before ${chapter.command || "the first instruction"}.`
                    : "",
        );
        this.showStack(inside ? event : null);
        this.showCode(inside ? event.where : null);
    }

    showStack(event) {
        const where = event?.where,
            inlined = where
                ? [...where.inlined]
                      .reverse()
                      .concat(where)
                      .map(site => site.function)
                : [];
        const all = [...new Set([...(event?.stack ?? []), ...inlined])].filter(name => !HIDDEN.has(name)),
            names = document.body.classList.contains("present") && all.length > CALLS ? ["…", ...all.slice(-CALLS)] : all;
        replace(
            this.stack,
            names.flatMap((name, i) => (i ? [el("span", { class: "dim" }, " › "), name] : [name])),
            where ? el("span", { class: "dim" }, `  ${where.file}:${where.line}`) : "",
        );
    }

    showCode(where) {
        const source = where?.source ?? null;
        this.code.hidden = !source;
        if (!source) return;
        replace(
            this.code,
            source.lines.map((text, i) => {
                const line = source.first + i,
                    here = line === where.line;
                return el(
                    here ? "mark" : "span",
                    { class: "line" },
                    el("span", { class: "number" }, String(line).padStart(4) + "  "),
                    text + "\n",
                );
            }),
        );
        const mark = this.code.querySelector("mark");
        this.code.scrollTop = mark.offsetTop - this.code.offsetTop - (this.code.clientHeight - mark.offsetHeight) / 2;
    }
}

// The square that stands for EVENT above the slider.
function signOf(event) {
    const [name, ink] = KINDS[kindOf(event)],
        sign = el("span", { class: "kind", title: name });
    sign.style.background = `var(${ink})`;
    return sign;
}

// The chapter in which moment T lies. Where several do (they changed nothing), PREFERRED or the last of them.
export function chapterAt(lab, t, preferred) {
    const { chapters } = lab,
        has = chapter => chapter && t >= chapter.from && t <= chapter.to;
    if (preferred !== null && has(chapters[preferred])) return preferred;
    let found = 0;
    for (const [i, chapter] of chapters.entries())
        if (t > chapter.from || (t === chapter.from && chapter.to === chapter.from)) found = i;
    return found;
}
