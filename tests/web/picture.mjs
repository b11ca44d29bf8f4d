// picture.mjs FILE: the README's picture of the lab. The page as it is after an allocation, on the step that maps its pages.
import { missing, open } from "./browser.mjs";

const [file] = process.argv.slice(2),
    ends = [];

if (missing) {
    console.error(`the lab's picture is passed over: ${missing}`);
    process.exit(1);
}
const { page } = await open(
    { after: end => ends.push(end) },
    {
        viewport: { width: 1440, height: 900 },
        reducedMotion: "reduce",
        colorScheme: "light",
        path: "#mission=kmalloc-step-by-step",
    },
);
await page.evaluate(async () => {
    await quire.type("map 0x400000 0xb8000\n");
    await quire.type("alloc 300000\n");
    const { lab } = labPage,
        { from, to } = lab.chapters.at(-1);
    let at = from;
    for (let t = from; t < to; t++)
        if (lab.events[t].kind === "entry" && lab.events[t].va >= 0xc0000000 && lab.events[t].level === "pt")
            at = t + 1;
    labPage.moveTo(at);
    labPage.go(0xd0000000);
    document.activeElement.blur();
    await document.fonts.ready;
    for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
});
await page.screenshot({ path: file });
for (const end of ends) await end();
