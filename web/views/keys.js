// Keys of the whole page: F6 goes from part to part; what is typed while nothing has the focus goes to the terminal; with
// ?present single keys do everything.
const PARTS = ["missions", "terminal", "directory", "table", "frames", "translation", "time"];

export function listenToKeys(app) {
    addEventListener("keydown", event => {
        if (event.key === "F6") nextPart(app, event);
        else if (document.body.classList.contains("present")) present(app, event);
        else if (event.target === document.body && isLetter(event)) app.focus("terminal"); // and there the letter arrives
    });
}

function nextPart(app, event) {
    event.preventDefault();
    const here = document.activeElement?.closest("section")?.id,
        at = PARTS.indexOf(here === "other" ? "directory" : here);
    app.focus(
        PARTS[(at + (event.shiftKey ? PARTS.length - 1 : 1) + (at < 0 && event.shiftKey ? 1 : 0)) % PARTS.length],
    );
}

const isLetter = ({ key, ctrlKey, altKey, metaKey }) => /^[a-z]$/i.test(key) && !ctrlKey && !altKey && !metaKey;

const inField = target => target.closest?.("textarea, select, input:not([type=range]), dialog");

function present(app, event) {
    const { target, key } = event;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (key === "Escape" && target.matches("textarea")) {
        target.blur();
        return;
    }
    if (inField(target) || (target.closest(".grid") && /^(Arrow|Enter| |n$|p$)/.test(key))) return;
    const action = ACTIONS[key];
    if (!action) return;
    event.preventDefault();
    action(app);
}

function turnChapter(app, by) {
    const to = app.timeline.current + by;
    if (app.lab.chapters[to]) app.openChapter(to);
}

function nextTheme() {
    const select = document.getElementById("theme");
    select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
    select.dispatchEvent(new Event("change"));
}

const ACTIONS = {
    ArrowRight: app => app.step(1),
    ArrowLeft: app => app.step(-1),
    ArrowDown: app => turnChapter(app, 1),
    ArrowUp: app => turnChapter(app, -1),
    " ": app => app.replay(),
    0: app => app.toNow(),
    t: app => app.focus("terminal"),
    d: app => app.focus("directory"),
    p: app => app.focus("table"),
    f: app => app.focus("frames"),
    w: app => app.focus("translation"),
    s: app => app.compare(!app.pair),
    n: app => app.missions.turn(1),
    b: app => app.missions.turn(-1),
    h: () => document.querySelector(".hints button")?.click(),
    c: nextTheme,
    r: app => app.power(),
    z: app => {
        document.body.classList.toggle("stage");
        app.resize();
    },
    "?": app => app.manual.open(),
};
