// One browser and one server for all tests of a file, and one page for most of them: a test gets it as if it were new.
import { after } from "node:test";
import { launch, ready, serve, watch } from "./browser.mjs";

export { missing, ready, type } from "./browser.mjs";

let browser, server;
const pages = new Map(), // of a context's options
    MEDIA = { reducedMotion: "no-preference", colorScheme: "light", forcedColors: "none" };

after(async () => {
    await browser?.close();
    server?.close();
});

async function newPage(options) {
    browser ??= await launch();
    return (await browser.newContext(options)).newPage();
}

/** The page that tests share, as it was when it was new: nothing kept by the browser, and nothing shown. */
async function sharedPage(options) {
    const key = JSON.stringify(options),
        page = pages.get(key) ?? (await newPage({ ...options, serviceWorkers: "block" }));
    if (pages.has(key)) await page.evaluate(() => localStorage.clear());
    pages.set(key, page);
    await page.goto("about:blank");
    return page;
}

/** A page in a context of its own, from a server of its own; both end with the test T. Its service worker works. */
async function ownPage(t, options) {
    const page = await newPage(options), own = await serve();
    t.after(async () => {
        await page.context().close();
        own.close();
    });
    return [page, own];
}

/**
 * The page at its first prompt, with PATH behind its address. ERRORS collects what the console says is wrong, and HOSTS
 * what hosts were asked. OWN: nothing but the browser is shared with other tests.
 */
export async function open(t, { path = "", viewport = { width: 1440, height: 900 }, hasTouch = false, own = false, ...media } = {}) {
    server ??= await serve();
    const [page, from] = own ? await ownPage(t, { hasTouch }) : [await sharedPage({ hasTouch }), server];
    await page.setViewportSize(viewport);
    await page.emulateMedia({ ...MEDIA, ...media });
    const { errors, hosts } = watch(page);
    await page.goto(from.url + path);
    await ready(page);
    return { page, errors, hosts, server: from };
}
