/**
 * The machine: v86, unpatched, with Quire in it, and its insides as the page needs them.
 *
 * It boots by Multiboot without firmware or disc, so what a BIOS and a boot loader leave behind is done here: the text
 * mode, and the modules. Registers and memory are read from v86's WebAssembly memory; no reading disturbs the machine.
 * Nothing here knows the DOM: it runs under node, too.
 */
import { readElf } from "./elf.js";
import { PERIODS, PORT } from "./ports.js";
import { Tlb } from "./tlb.js";
import { setTextMode } from "./vga.js";

/** Where v86 keeps these (its global_pointers.rs). */
const REGISTERS = 64, EIP = 556, CONTROL = 580, CPL = 612, HALTED = 616;
const INFO = 0x7c00, INFO_MODULES = 8, MODULE_LIST = 0x9000; /* Multiboot 0.6.96, 3.3; v86 has its part at INFO */
const EXIT_PORT = 0xf4, EXIT_SUCCESS = 0x10;
/** Instructions that are interpreted before it pays to have v86 compile them: its code, too, has to be compiled by the browser. */
const COMPILE_FROM = 10e6;
/** A period of the kernel's timer, and how long a halted machine is left alone at most, in ms. */
const PERIOD = 10, NAP_MAX = 100;
/** More instructions than a halted kernel takes to count a tick and halt again. */
const TICK_MOST = 2000;
const PAGE = 4096, FRAME = 0xfffff000;

/**
 * @typedef {object} Parts    what a machine is made of
 * @property {Function} V86
 * @property {WebAssembly.Module} wasm
 * @property {ArrayBuffer} kernel
 * @property {{name: string, data: ArrayBuffer}[]} [modules]
 * @property {number} [memory]     MiB
 * @property {string} [cmdline]
 *
 * @typedef {object} Listeners    all are called while the processor stands still
 * @property {(port: number, value: number) => void} told     the kernel tells something (ports.js)
 * @property {(byte: number) => void} output                  a byte on COM1
 * @property {() => void} sliced                              v86 has run for a while
 * @property {(why: string) => void} died
 */
export class Machine {
    /** @param {Parts} parts @param {Listeners} listeners */
    constructor(parts, listeners) {
        this.parts = parts;
        this.listeners = listeners;
        this.size = (parts.memory ?? 8) << 20;
        this.elf = readElf(parts.kernel);
        this.symbols = this.elf.symbols;
        this.tlb = new Tlb(this);
        this.modules = [];
        this.dead = false;
        this.running = false;
        this.nap = 0;          /* how long this one is to be */
        this.napFrom = null;   /* since when it lasts */
        this.slept = 0;        /* ms of naps that the kernel has not been told of */
    }

    /** Builds the machine; run() starts it. */
    async build() {
        const { V86, wasm, kernel, cmdline = "" } = this.parts;
        this.emulator = new V86({
            wasm_fn: imports => this.instantiate(wasm, imports),
            memory_size: this.size, vga_memory_size: 1 << 20,
            multiboot: { buffer: kernel.slice(0) }, cmdline: cmdline || " ",
            disable_keyboard: true, disable_mouse: true, disable_speaker: true, autostart: false,
            disable_jit: true,
        });
        await new Promise(done => this.emulator.add_listener("emulator-loaded", done));
        this.emulator.add_listener("serial0-output-byte", byte => this.listeners.output(byte));
        this.base = this.emulator.read_memory(0, 1).byteOffset;
        this.look();
        this.io = this.emulator.v86.cpu.io;
        this.emulator.v86.cpu.devices.pci.set_state = () => { }; /* or restore() fails, at BARs that v86 has none for; Quire has no PCI */
        this.dropPicture(this.emulator.v86.cpu.devices.vga);
        this.goOnQuickly(this.emulator.v86);
        this.registerPorts();
        setTextMode(this.io);
        this.loadModules();
    }

    /** v86 draws a picture of the screen at every change. Nobody looks at it: the page has its own. */
    dropPicture(vga) {
        vga.text_mode_redraw = () => { };
        vga.vga_memory_write_text_mode = (at, value) => { vga.vga_memory[at] = value; };
    }

    /** Between two slices v86 asks a worker, which has to start first, to call it back. A message to oneself is quicker. */
    goOnQuickly(v86) {
        if (!v86.worker) /* node */
            return;
        const { port1, port2 } = new MessageChannel(), ask = v86.yield.bind(v86);
        port1.onmessage = ({ data }) => v86.yield_callback(data);
        v86.yield = (wait, tick) => wait < 1 ? port2.postMessage(tick) : ask(wait, tick);
    }

    async instantiate(wasm, imports) {
        const { exports } = await WebAssembly.instantiate(wasm, imports);
        this.exports = exports;
        return { ...exports, main_loop: () => this.slice() };
    }

    /** Views of memory, again whenever WebAssembly's has grown. */
    look() {
        const { buffer } = this.exports.memory;
        if (this.buffer === buffer)
            return;
        this.buffer = buffer;
        this.words = new Uint32Array(buffer, this.base, this.size >>> 2);
        this.bytes = new Uint8Array(buffer, this.base, this.size);
        this.host = new Int32Array(buffer);
        this.view = new DataView(buffer);
    }

    registerPorts() {
        const { io, listeners } = this, nothing = () => { };
        for (const port of Object.values(PORT))
            io.register_write(port, this, nothing, nothing, value => {
                this.look();
                listeners.told(port, value >>> 0);
            });
        io.register_read(PERIODS, this, nothing, nothing, () => this.periods());
        const exit = value => this.die(`The machine was switched off (${value === EXIT_SUCCESS ? "success" : "failure"}).`);
        io.register_write(EXIT_PORT, this, exit, exit, exit);
        this.emulator.v86.cpu.reboot_internal = () => this.die("The kernel has reset the machine."); /* by the keyboard's controller */
    }

    /** What a boot loader does with modules: each at a page boundary behind the kernel, and a list of them. */
    loadModules() {
        let at = this.elf.end + PAGE - 1 & -PAGE, name = MODULE_LIST + 16 * (this.parts.modules ?? []).length;
        for (const module of this.parts.modules ?? []) {
            const end = at + module.data.byteLength, entry = (MODULE_LIST + 16 * this.modules.length) >>> 2;
            this.bytes.set(new Uint8Array(module.data), at);
            this.words.set([at, end, name, 0], entry);
            this.bytes.set(new TextEncoder().encode(module.name + "\0"), name);
            name += module.name.length + 1;
            this.modules.push({ name: module.name, start: at, end });
            at = end + PAGE - 1 & -PAGE;
        }
        if (this.modules.length) {
            this.words[INFO >>> 2] |= INFO_MODULES;
            this.words.set([this.modules.length, MODULE_LIST], (INFO >>> 2) + 5);
        }
    }

    /* ---- the processor ---- */

    get eip() { return this.view.getUint32(EIP, true); }
    register(number) { return this.view.getUint32(REGISTERS + 4 * number, true); }
    get paging() { return this.view.getUint32(CONTROL, true) >>> 31 === 1; }
    get cr0() { return this.view.getUint32(CONTROL, true); }
    get cr2() { return this.view.getUint32(CONTROL + 8, true); }
    get cr3() { return (this.view.getUint32(CONTROL + 12, true) & FRAME) >>> 0; }
    get halted() { return this.view.getUint8(HALTED) !== 0; }
    get inProgram() { return this.view.getUint8(CPL) === 3; }

    /** Where VA leads by the tables as they are, or -1. */
    walk(va, directory = this.cr3) {
        if (!this.paging)
            return va >>> 0;
        const pde = this.word(directory + (va >>> 22) * 4);
        if (!(pde & 1))
            return -1;
        const pte = this.word((pde & FRAME) + (va >>> 12 & 1023) * 4);
        return pte & 1 ? ((pte & FRAME) | va & 4095) >>> 0 : -1;
    }

    /** Where a store to VA goes: by the TLB if it has the page, by the tables otherwise; or -1. */
    whereStored(va) {
        const cached = this.paging && this.tlb.known ? this.tlb.find(va) : null;
        return cached?.writable ? (cached.pa | va & 4095) >>> 0 : this.walk(va);
    }

    /** A word of physical memory; 0 where there is none. */
    word(pa) { return pa >>> 0 < this.size ? this.words[pa >>> 2] : 0; }

    /** The text at VA, up to a NUL. */
    text(va) {
        let text = "";
        for (let pa; (pa = this.walk(va++)) >= 0 && pa < this.size && this.bytes[pa] && text.length < 256;)
            text += String.fromCharCode(this.bytes[pa]);
        return text;
    }

    /** The functions that are being called, outermost first. */
    stack() {
        const names = [this.elf.name(this.eip)];
        for (let ebp = this.register(5), depth = 0; ebp && depth < 24; depth++) {
            const pa = this.walk(ebp), name = pa < 0 ? null : this.elf.name(this.word(pa + 4) - 1);
            if (!name)
                break;
            names.push(name);
            const next = this.word(pa);
            if (next <= ebp)
                break;
            ebp = next;
        }
        return names.filter(Boolean).map(name => name.split("+")[0]).reverse();
    }

    /* ---- running ---- */

    run() {
        if (this.running || this.dead)
            return;
        this.running = true;
        this.nap = 0;
        this.emulator.run();
    }

    /** Stops after this slice: the machine takes no time at all until run(). */
    park() {
        this.running = false;
        this.napFrom = null;
        this.emulator.stop();
    }

    /** Something new begins, which may be short. */
    interpret() {
        this.begun = this.instructions;
        this.exports.set_jit_config(0, 1);
    }

    get instructions() { return this.emulator.v86.cpu.instruction_counter[0]; }

    /** Compiles from now on, if this goes on for long. */
    speedUp() {
        if ((this.instructions - this.begun) >>> 0 < COMPILE_FROM)
            return;
        this.begun = NaN;
        this.exports.set_jit_config(0, 0);
    }

    slice() {
        let wait = 100;
        if (this.dead || !this.running)
            return wait;
        this.wake();
        const before = this.instructions;
        try {
            wait = this.exports.main_loop();
        } catch (error) {
            this.die(`The emulator cannot go on from here, as a real processor would (${error.message ?? error}).`);
        }
        this.look();
        if (this.halted)
            wait = this.rest((this.instructions - before) >>> 0);
        this.speedUp();
        if (!this.dead)
            this.listeners.sliced();
        return wait;
    }

    /* A halted kernel waits for a key, or counts ticks of its timer. It need not be woken for each: it gets the longer naps
     * the longer it does nothing else, and asks at a tick how many periods have passed. A key wakes it at once. */

    rest(instructions) {
        this.nap = instructions > TICK_MOST ? PERIOD : Math.min(NAP_MAX, Math.max(PERIOD, 2 * this.nap));
        this.napFrom = performance.now();
        this.begun &&= this.instructions; /* NaN stays: what is compiled already stays so */
        return this.nap;
    }

    wake() {
        if (this.napFrom !== null)
            this.slept += performance.now() - this.napFrom;
        this.napFrom = null;
    }

    /** The periods that have passed since the last tick, this one included. */
    periods() {
        const periods = Math.max(1, Math.floor(this.slept / PERIOD));
        this.slept = Math.max(0, this.slept - periods * PERIOD);
        return periods;
    }

    die(why) {
        if (this.dead)
            return;
        this.dead = true;
        this.park();
        queueMicrotask(() => this.listeners.died(why));
    }

    /** Types TEXT on COM1. */
    send(text) { this.emulator.serial0_send(text); }

    save() { return this.emulator.v86.save_state(); }

    restore(state) {
        this.emulator.v86.restore_state(state);
        this.dead = false;
        this.look();
    }

    async destroy() {
        this.dead = true;
        this.park();
        await this.emulator?.destroy?.();
    }
}
