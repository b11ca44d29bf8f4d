// Small helpers for the page: elements without markup in strings, and numbers as the kernel prints them.

export const hex = (value, digits = 8) => "0x" + (value >>> 0).toString(16).padStart(digits, "0");
export const number = value => String(value).replace(/\B(?=(\d{3})+$)/g, ",");
export const plural = (n, one, many = one + "s") => `${number(n)} ${n === 1 ? one : many}`;

// el("button", {class: "primary", onclick: f}, "text", child): attributes as in HTML, handlers by their on-names.
export function el(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) set(element, name, value);
    element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
    return element;
}

function set(element, name, value) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
}

const SVG = "http://www.w3.org/2000/svg";
export function svg(tag, attributes) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
}

// Sets text only when it differs: a live region then speaks only of what is new, and nothing is laid out in vain.
export function say(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

// Text in which `this` stands for code: missions and stories are plain data.
export function prose(text) {
    return text.split("`").map((part, i) => (i % 2 ? el("code", {}, part) : part));
}

export function replace(element, ...children) {
    element.replaceChildren(
        ...children.flat().filter(child => child !== null && child !== undefined && child !== false),
    );
}

// The roving tabindex of a toolbar or a list: one stop for Tab, arrow keys inside.
export function rove(container, selector, { vertical = false } = {}) {
    const [back, on] = vertical ? ["ArrowUp", "ArrowDown"] : ["ArrowLeft", "ArrowRight"];
    container.addEventListener("keydown", event => {
        const items = [...container.querySelectorAll(selector)],
            at = items.indexOf(document.activeElement);
        const to = { [back]: at - 1, [on]: at + 1, Home: 0, End: items.length - 1 }[event.key];
        if (at < 0 || to === undefined || !items[to]) return;
        event.preventDefault();
        items[to].focus();
    });
    container.addEventListener("focusin", event => {
        for (const item of container.querySelectorAll(selector)) item.tabIndex = item === event.target ? 0 : -1;
    });
    rest(container, selector);
}

export function rest(container, selector) {
    const items = [...container.querySelectorAll(selector)];
    if (items.some(item => item === document.activeElement)) return;
    const stop =
        items.find(item => item.getAttribute("aria-current") || item.getAttribute("aria-pressed") === "true") ??
        items[0];
    for (const item of items) item.tabIndex = item === stop ? 0 : -1;
}
