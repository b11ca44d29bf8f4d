// The service worker: once the page was seen, it works without a network. FILES and VERSION are files.js's, which the
// build writes; a new version is fetched as a whole, and the old one goes.
/* global FILES, VERSION */
importScripts("files.js");

const CACHE = `quire-lab-${VERSION}`, opened = caches.open(CACHE);

async function fetchAll() {
    await (await opened).addAll(FILES);
    await self.skipWaiting();
}

// A browser that can looks into the cache itself, and need not wake this worker for it.
const route = async event => event.addRoutes?.({ condition: { urlPattern: { pathname: "*", search: "" } }, source: { cacheName: CACHE } });

self.addEventListener("install", event => event.waitUntil(Promise.all([fetchAll(), route(event)])));

async function forgetOthers() {
    const names = await caches.keys();
    await Promise.all(names.filter(name => name.startsWith("quire-lab-") && name !== CACHE).map(name => caches.delete(name)));
    await self.clients.claim();
}

self.addEventListener("activate", event => event.waitUntil(forgetOthers()));

// What is behind a "?" is the page's: the file is the same. (To match with ignoreSearch would go through all of the cache.)
async function answer(request, url) {
    return await (await opened).match(url.href.replace(/[?#].*/, "")) ?? fetch(request);
}

self.addEventListener("fetch", event => {
    const url = new URL(event.request.url);
    if (event.request.method === "GET" && url.origin === location.origin)
        event.respondWith(answer(event.request, url));
});
