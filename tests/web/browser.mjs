// A real browser (Chromium, by playwright-core) and a server on loopback that gives it the page. Where either is missing,
// `missing` says which.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const build = resolve(process.env.QUIRE_BUILD ?? "build");
export const site = join(build, "web");
const driver = join(build, "web-tests", "node_modules", "playwright-core", "index.mjs");
const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";

export const missing = !existsSync(chromium) ? `no ${chromium}` : !existsSync(driver) ? "no playwright-core: npm did not bring it"
    : !existsSync(join(site, "index.html")) ? `no ${site}: make web` : false;

const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm",
    ".json": "application/json", ".svg": "image/svg+xml" };

/** Serves FOLDER on loopback; {url, close}. */
export async function serve(folder = site) {
    const server = createServer((request, response) => {
        const path = join(folder, decodeURIComponent(new URL(request.url, "http://x").pathname)), file = path.endsWith("/") ? path + "index.html" : path;
        if (!file.startsWith(folder) || !existsSync(file) || !statSync(file).isFile())
            return response.writeHead(404).end();
        response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream", "Content-Length": statSync(file).size });
        createReadStream(file).pipe(response);
    });
    await new Promise(done => server.listen(0, "127.0.0.1", done));
    return { url: `http://127.0.0.1:${server.address().port}/`, close: () => { server.closeAllConnections(); server.close(); } };
}

export async function launch(args = []) {
    const { chromium: browser } = await import(pathToFileURL(driver).href);
    return browser.launch({ executablePath: chromium, args: ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--no-first-run", ...args] });
}

/** Collects the console's errors and the hosts that PAGE asks, from now on. */
export function watch(page) {
    const errors = [], hosts = new Set();
    page.removeAllListeners();
    page.on("console", message => message.type() === "error" && errors.push(message.text()));
    page.on("pageerror", error => errors.push(String(error)));
    page.on("request", request => hosts.add(new URL(request.url()).host));
    return { errors, hosts };
}

export const ready = page => page.evaluate(async () => {
    while (!window.quire)
        await new Promise(done => setTimeout(done, 10));
    await window.quire.ready;
});

/** Types LINE into the page's machine; its output comes back. */
export const type = (page, line) => page.evaluate(line => window.quire.type(line + "\n"), line);
