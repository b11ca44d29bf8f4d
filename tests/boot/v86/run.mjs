// run.mjs V86 BIOS VGABIOS MEMORY kernel FILE CMDLINE    boots FILE by Multiboot
// run.mjs V86 BIOS VGABIOS MEMORY disc FILE              boots FILE from the CD drive
//
// v86 without a screen. V86 is the directory of its package, MEMORY in MiB; COM1 is standard input and output.
// It runs until it is ended, or its parent goes.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [v86, bios, vgaBios, memory, how, file, cmdline] = process.argv.slice(2);
const { V86 } = await import(pathToFileURL(join(v86, "build", "libv86.mjs")));

function image(path) {
    const bytes = readFileSync(path);
    return { buffer: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) };
}

const machine = new V86({
    wasm_path: join(v86, "build", "v86.wasm"),
    bios: image(bios),
    vga_bios: image(vgaBios),
    memory_size: memory * 1024 * 1024,
    vga_memory_size: 8 * 1024 * 1024,
    disable_speaker: true,
    autostart: true,
    ...(how === "kernel" ? { multiboot: image(file), cmdline } : { cdrom: image(file) }),
});

machine.add_listener("serial0-output-byte", byte => process.stdout.write(Buffer.from([byte])));
process.stdin.on("data", bytes => machine.serial_send_bytes(0, bytes));
process.stdin.on("end", () => process.exit(0));
