// picture.mjs FILE: the README's picture of the lab. A program has forked and one of the two writes: its entry leads to a
// copy already, the other's still to the shared frame, and the TLB has yet to be told.
import { launch, missing, ready, serve } from "./browser.mjs";

const [file] = process.argv.slice(2);

if (missing) {
    console.error(`the lab's picture is passed over: ${missing}`);
    process.exit(1);
}
const server = await serve(),
    browser = await launch(),
    page = await browser.newPage({ viewport: { width: 1440, height: 960 }, reducedMotion: "reduce", colorScheme: "light" });
await page.goto(server.url + "#mission=fork-to-copy");
await ready(page);
await page.evaluate(async () => {
    await quire.type("run clone\n");
    const { lab } = labPage,
        { from, to } = lab.chapters.at(-1);
    const copies = ({ kind, level, before, value }) =>
        kind === "entry" && level === "pt" && (before ^ value) & 0xfffff000 && before & 1 && value & 2;
    const at = lab.events
        .slice(from, to)
        .findIndex(event => copies(event) && event.va >= 0x400000 && event.va < 0xc0000000);
    labPage.moveTo(from + at + 1);
    document.activeElement.blur();
    await document.fonts.ready;
    for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
});
await page.screenshot({ path: file });
await browser.close();
server.close();
