/**
 * The PC's screen: the registers as a BIOS leaves them (80 x 25, 16 colours), and what is on it.
 *
 * Quire only writes to the text memory; without firmware nobody else sets the mode.
 */
const SEQUENCER = [3, 0, 3, 0, 2];
const CRTC = [0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0xd, 0xe, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96,
    0xb9, 0xa3, 0xff];
const GRAPHICS = [0, 0, 0, 0, 0, 0x10, 0xe, 0, 0xff];
const ATTRIBUTES = [0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0xc, 0, 0xf, 8, 0];

/** @param {{port_write8: Function, port_read8: Function}} io v86's ports */
export function setTextMode(io) {
    const write = (port, value) => io.port_write8(port, value);
    const table = (port, values) => values.forEach((value, index) => { write(port, index); write(port + 1, value); });

    write(0x3c2, 0x67);
    table(0x3c4, SEQUENCER);
    table(0x3d4, [...CRTC.slice(0, 0x11), 0]); /* bit 7 of register 0x11 protects 0 to 7 */
    table(0x3d4, CRTC);
    table(0x3ce, GRAPHICS);
    io.port_read8(0x3da); /* the next write to 0x3C0 is an index */
    ATTRIBUTES.forEach((value, index) => { write(0x3c0, index); write(0x3c0, value); });
    write(0x3c0, 0x20);
    setColours(write);
}

/** The 64 colours of the EGA: two bits each of red, green and blue. */
function setColours(write) {
    write(0x3c6, 0xff);
    write(0x3c8, 0);
    for (let i = 0; i < 64; i++)
        for (const bit of [2, 1, 0])
            write(0x3c9, ((i >> bit & 1) * 2 + (i >> bit + 3 & 1)) * 21);
}

/** The text memory: 2,000 cells, a character and its attribute << 8. @param {import("./machine.js").Machine} machine */
export function readCells(machine) {
    const { buffer, byteOffset } = machine.emulator.v86.cpu.devices.vga.vga_memory;
    return new Uint16Array(buffer, byteOffset, 2000).slice();
}

/** Its 25 lines, without the blanks at their ends. */
export function readText(machine) {
    const cells = readCells(machine), lines = [];
    for (let row = 0; row < 25; row++)
        lines.push(String.fromCharCode(...cells.subarray(row * 80, row * 80 + 80).map(cell => cell & 255)).replace(/[\0 ]+$/, ""));
    return lines.join("\n");
}
