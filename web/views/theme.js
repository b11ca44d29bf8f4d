// The theme: the system's (light or dark, more contrast, forced colours), or the reader's choice, kept in the browser.
// The colours are style/theme.css's; a canvas gets them from there.
import { REGIONS } from "./places.js";

const KEY = "quire-theme",
    NAMES = [
        "ink",
        "dim",
        "card",
        "cell",
        "mark",
        "hollow",
        "s1",
        "s2",
        "s3",
        "s4",
        "tlb",
        "stale",
        "changed",
        "shared",
        "ok",
        "warn",
    ];
const root = document.documentElement;
let colors = null;

export function palette() {
    if (colors) return colors;
    const style = getComputedStyle(root),
        get = name => style.getPropertyValue(name).trim();
    colors = Object.fromEntries(NAMES.map(name => [name, get("--" + name)]));
    for (const region of REGIONS) if (region.color) colors[region.key] = get(region.color);
    colors.letters = get("--letters") === "1";
    return colors;
}

export function kept(key, fallback) {
    try {
        return localStorage.getItem(key) ?? fallback;
    } catch {
        return fallback; // storage is switched off: the choice then lasts as long as the page
    }
}
export function keep(key, value) {
    try {
        localStorage.setItem(key, value);
    } catch {
        /* as above */
    }
}

function systemTheme() {
    if (matchMedia("(prefers-contrast: more)").matches && !matchMedia("(forced-colors: active)").matches)
        return "contrast";
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

// Wires the <select>; CHANGED is called after every change of colours, whoever made it.
export function wireTheme(select, changed) {
    const set = theme => {
        root.dataset.theme = theme === "auto" ? systemTheme() : theme;
        colors = null;
        changed();
    };
    select.value = new URLSearchParams(location.hash.slice(1)).get("theme") ?? kept(KEY, "auto");
    if (!select.value) select.value = "auto";
    select.addEventListener("change", () => {
        keep(KEY, select.value);
        set(select.value);
    });
    for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)", "(forced-colors: active)"])
        matchMedia(query).addEventListener("change", () => set(select.value));
    set(select.value);
}

export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
