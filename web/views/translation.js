// One translation: the address in its three parts, whose bits can be turned; the four steps; the TLB; the bytes there.
import { PTE, regionOf } from "../lab/model.js";
import { el, hex, replace, say } from "./dom.js";
import { spaceName } from "./tables.js";

const PARTS = [
    ["PDI", 22, 10, 1],
    ["PTI", 12, 10, 2],
    ["offset", 0, 12, 4],
];
const ROWS = 2,
    ROW = 16;

export class Translation {
    constructor(root, app) {
        this.app = app;
        this.field = el("input", {
            id: "va",
            spellcheck: "false",
            autocomplete: "off",
            autocapitalize: "off",
            size: "11",
            "aria-describedby": "va-where",
        });
        this.where = el("span", { id: "va-where", class: "dim" });
        this.problem = el("span", { class: "problem", role: "alert" });
        this.bits = new Map();
        this.parts = [];
        this.steps = el("ol", { class: "steps" });
        this.bytes = el("pre", { class: "bytes", tabindex: "0", role: "group", "aria-label": "The bytes there" });
        root.append(
            el(
                "form",
                { class: "address", onsubmit: event => this.enter(event) },
                el("h2", {}, el("label", { for: "va" }, "Translate")),
                this.field,
                this.where,
                this.problem,
            ),
            el(
                "div",
                {
                    class: "bits",
                    role: "group",
                    "aria-label": "The address, bit by bit. Arrow keys move, Space turns a bit.",
                },
                PARTS.map(part => this.part(part)),
            ),
            this.steps,
            this.bytes,
        );
        this.field.addEventListener("change", event => this.enter(event));
        root.querySelector(".bits").addEventListener("keydown", event => this.arrow(event));
    }

    part([, from, bits, color]) {
        const caption = el("b", { class: "s" + color }),
            row = el("div", { class: "row n" + bits });
        for (let bit = from + bits - 1; bit >= from; bit--) {
            const button = el("button", {
                type: "button",
                class: "bit b" + color,
                tabindex: bit === 31 ? "0" : "-1",
                "aria-pressed": "false",
                onclick: () => this.app.go((this.va ^ (1 << bit)) >>> 0),
            });
            this.bits.set(bit, button);
            row.append(button);
        }
        this.parts.push(caption);
        return el("div", { class: "part" }, row, caption);
    }

    arrow(event) {
        const at = [...this.bits.values()].indexOf(document.activeElement),
            all = [...this.bits.values()];
        const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: 31 }[event.key];
        if (at < 0 || to === undefined || !all[to]) return;
        event.preventDefault();
        for (const button of all) button.tabIndex = button === all[to] ? 0 : -1;
        all[to].focus();
    }

    enter(event) {
        event.preventDefault();
        const text = this.field.value.trim(),
            va = /^0x[0-9a-f]{1,8}$/i.test(text) || /^\d+$/.test(text) ? Number(text) : NaN;
        const good = va >= 0 && va <= 0xffffffff;
        say(this.problem, good ? "" : "an address, as 0x00400000");
        if (good) this.app.go(va >>> 0);
    }

    focus() {
        this.field.focus();
    }

    update(look) {
        const va = look.va,
            walked = look.walk();
        if (document.activeElement !== this.field || va !== this.va) this.field.value = hex(va);
        this.va = va;
        say(this.problem, "");
        const space = look.spaces.length > 1 ? `, in the space of ${spaceName(look.space(look.directory))}` : "";
        const symbol = va < 0x400000 ? look.lab.symbol?.(va) : null;
        say(this.where, regionOf(va).name + (symbol ? `: ${symbol}` : "") + space);
        for (const [bit, button] of this.bits) this.showBit(bit, button, (va >>> bit) & 1);
        for (const [i, [name, from, bits]] of PARTS.entries()) {
            const value = (va >>> from) & ((1 << bits) - 1);
            say(this.parts[i], `${name} ${name === "offset" ? hex(value, 3) : value}`);
        }
        this.walk(look, walked);
    }

    showBit(bit, button, on) {
        const text = String(on);
        if (button.textContent === text) return;
        button.textContent = text;
        button.setAttribute("aria-pressed", String(!!on));
        button.setAttribute("aria-label", `bit ${bit}: ${on}`);
    }

    walk(look, walked) {
        const { paging, cr3 } = look.state,
            held = look.cached(),
            { pdi, pti, offset, pde, pte } = walked;
        this.showBytes(look, walked, held);
        const key = [paging, cr3, look.directory, pdi, pti, offset, pde, pte, missingRights(look), !look.tlb, held?.pa, held?.writable, held?.stale].join();
        if (key === this.drawn) return; // nothing of it has changed
        this.drawn = key;
        replace(
            this.steps,
            paging
                ? this.stepsOf(look, walked, held)
                : [step("1", "CR3", "s1", ["paging is off: every address is physical"])],
        );
    }

    stepsOf(look, walked, held) {
        const { pde, pte, pa, offset } = walked,
            table = pde & PTE.PRESENT,
            page = table && pte & PTE.PRESENT;
        const stops = el("span", { class: "stops" }, "absent: the walk stops here"),
            missing = missingRights(look);
        return [
            step("1", "CR3", "s1", [value(look.directory), el("span", { class: "dim" }, "the directory's frame")]),
            step(
                "2",
                `PD[${walked.pdi}]`,
                "s1",
                [value(pde), ...(table ? [flags(pde), to("table in", pde), refusal(pde, missing)] : [stops])],
                !table || !!(missing & ~pde),
            ),
            step(
                "3",
                `PT[${walked.pti}]`,
                "s2",
                !table
                    ? [el("span", { class: "dim" }, "no table to look in")]
                    : [value(pte), ...(page ? [flags(pte), to("page in", pte), refusal(pte, missing)] : [stops])],
                table && (!page || !!(missing & ~pte)),
            ),
            step(
                "4",
                "physical",
                "s3",
                page
                    ? [
                          `${hex(pte & PTE.FRAME)} + `,
                          el("span", { class: "s4" }, hex(offset, 3)),
                          " = ",
                          el("b", { class: "s3" }, hex(pa)),
                      ]
                    : [el("span", { class: "stops" }, "none: an access faults")],
                !page,
            ),
            this.tlbStep(look, held),
        ];
    }

    tlbStep(look, held) {
        const dim = text => el("span", { class: "dim" }, text);
        if (!look.lab.tlbShown) return step("T", "TLB", "tlb", [dim("cannot be read in this version of v86")]);
        if (look.directory !== look.state.cr3)
            return step("T", "TLB", "tlb", [dim("holds the running space's pages, not this one's")]);
        if (!look.tlb) return step("T", "TLB", "tlb", [dim("shown for the present only")]);
        if (!held) return step("T", "TLB", "tlb", [dim("not cached: the next access walks the tables")]);
        if (held.stale)
            return step(
                "T",
                "TLB",
                "tlb",
                [el("span", { class: "stops" }, `stale: the processor still goes to ${hex(held.pa & PTE.FRAME)}`)],
                true,
            );
        return step("T", "TLB", "tlb", [
            value(held.pa & PTE.FRAME),
            dim(`cached for ${held.writable ? "reading and writing" : "reading"}: no walk needed`),
        ]);
    }

    // What the processor would see, stale or not.
    showBytes(look, walked, held) {
        const pa = held ? ((held.pa & PTE.FRAME) | walked.offset) >>> 0 : walked.pa;
        const bytes = look.live && pa !== null && !look.lab.busy ? bytesAt(look.lab, (pa & ~(ROW - 1)) >>> 0) : null;
        this.bytes.hidden = !bytes;
        if (!bytes) return;
        const lines = [];
        for (let r = 0; r < ROWS; r++)
            lines.push(dump(((pa & ~(ROW - 1)) + r * ROW) >>> 0, bytes.subarray(r * ROW, (r + 1) * ROW)));
        say(this.bytes, lines.join("\n"));
    }
}

// Text memory is a device's: what it holds is known by the screen.
const TEXT = 0xb8000,
    TEXT_BYTES = 4000;
function bytesAt(lab, pa) {
    if (pa < TEXT || pa + ROW * ROWS > TEXT + TEXT_BYTES) return lab.memory(pa, ROW * ROWS);
    const cells = lab.screenCells();
    return cells && new Uint8Array(cells.buffer, cells.byteOffset, TEXT_BYTES).slice(pa - TEXT, pa - TEXT + ROW * ROWS);
}

// What both entries had to permit, where the access that faulted found a page here: error code bits 0 to 2.
function missingRights({ state, va }) {
    const { address, error } = state.fault ?? {};
    const refused = error & PTE.PRESENT && (address ^ va) >>> 12 === 0;
    return refused ? error & (PTE.WRITE | PTE.USER) : 0;
}

const refusal = (entry, rights) =>
    rights & PTE.WRITE & ~entry
        ? el("span", { class: "stops" }, "the write is refused")
        : rights & PTE.USER & ~entry
          ? el("span", { class: "stops" }, "the program is refused")
          : null;

const value = word => el("span", {}, hex(word));
const to = (what, entry) => el("span", { class: "dim" }, `${what} ${hex(entry & PTE.FRAME)}`);

function step(sign, name, color, content, bad = false) {
    return el(
        "li",
        {},
        el("span", { class: `sign ${color}${bad ? " bad" : ""}`, "aria-hidden": "true" }, sign),
        el("span", { class: `name ${color}` }, name),
        el("span", { class: "content" }, content),
    );
}

// An entry's flags: short for the eye, in words for the ear.
function flags(entry) {
    const all = [
        [entry & PTE.WRITE ? "RW" : "RO", true, entry & PTE.WRITE ? "writable" : "read-only"],
        [entry & PTE.USER ? "user" : "kernel", true, entry & PTE.USER ? "user" : "kernel"],
        ["accessed", entry & PTE.ACCESSED, "accessed"],
        ["dirty", entry & PTE.DIRTY, "dirty"],
    ];
    return el(
        "span",
        { class: "flags" },
        all.map(([text, on, words]) =>
            el(
                "span",
                { class: on ? "on" : "off" },
                el("span", { class: "visually-hidden" }, `${on ? "" : "not "}${words}, `),
                el("span", { "aria-hidden": "true" }, text),
            ),
        ),
    );
}

function dump(at, bytes) {
    const words = [...bytes].map((byte, i) => byte.toString(16).padStart(2, "0") + (i === 7 ? " " : "")).join(" ");
    return `${hex(at)}  ${words}  ${[...bytes].map(byte => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·")).join("")}`;
}
