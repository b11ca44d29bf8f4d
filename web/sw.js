// The service worker: once the page was seen, it works without a network. FILES and VERSION are files.js's, which the
// build writes; a new version is fetched as a whole, and the old one goes.
/* global FILES, VERSION */
importScripts("files.js");

const CACHE = `quire-lab-${VERSION}`;

self.addEventListener("install", event => event.waitUntil(caches.open(CACHE).then(cache => cache.addAll(FILES)).then(() => self.skipWaiting())));

async function forgetOthers() {
    const names = await caches.keys();
    await Promise.all(names.filter(name => name.startsWith("quire-lab-") && name !== CACHE).map(name => caches.delete(name)));
    await self.clients.claim();
}

self.addEventListener("activate", event => event.waitUntil(forgetOthers()));

async function answer(request) {
    const cache = await caches.open(CACHE);
    return await cache.match(request, { ignoreSearch: true }) ?? fetch(request);
}

self.addEventListener("fetch", event => {
    if (event.request.method === "GET" && new URL(event.request.url).origin === location.origin)
        event.respondWith(answer(event.request));
});
