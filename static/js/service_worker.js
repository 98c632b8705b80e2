// Keeps the files of pages, and the last pages of a driver, for when the network is gone. Polaris sends it as
// /service-worker.js, with `polaris` before it: the fingerprint of static/, and the files of the shell.
//
// A page is kept if the server says so, for its viewer alone: an answer for anybody else, or for nobody, deletes all that
// was kept before. Streams, forms and files never come here, and each page is asked of the server first.
//
// It shows what a person is told, too, if they have switched that on for this device.

const { fingerprint, shell } = self.polaris;
const OFFLINE_PAGE = "/offline";
const SHELL = `shell-${fingerprint}`;
const PAGES = `pages-${fingerprint}-`; // and the viewer's mark
const MAX_PAGES = 20;
const MAX_PAGE_LENGTH = 500_000;
const MAX_AGE_MS = 7 * 86_400_000;
const PATIENCE_MS = 8000; // after so long without an answer, the kept page is shown

addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(keepShell());
});

addEventListener("activate", (event) => event.waitUntil(begin()));

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  const isFile = /\.\w+$/.test(pathname);
  if (request.mode === "navigate" && !isFile) event.respondWith(page(event));
  else if (pathname.startsWith(`/static/${fingerprint}/`)) event.respondWith(file(request));
});

// A page tells what it shows when it is left, so that its last figures are kept and not its first.
addEventListener("message", (event) => {
  if (event.data.kind === "shown") event.waitUntil(update(event.data));
});

const keepShell = async () => {
  const cache = await caches.open(SHELL);
  const page = new Request(OFFLINE_PAGE, { credentials: "omit", cache: "no-store" });
  await cache.addAll([...shell, page]);
};

const begin = async () => {
  await forget((name) => name !== SHELL && !name.startsWith(PAGES));
  await registration.navigationPreload?.enable();
  await clients.claim();
};

const forget = async (isOutdated) => {
  const names = (await caches.keys()).filter(isOutdated);
  await Promise.all(names.map((name) => caches.delete(name)));
};

const file = async (request) => (await caches.match(request)) ?? fetch(request);

// Neither the request nor its answer waits for what is kept.
const page = async (event) => {
  const { url } = event.request;
  const answer = answerTo(event).then(
    (response) => note(event, response),
    () => null,
  );
  event.waitUntil(answer); // also if it comes after the kept page
  const late = pause(PATIENCE_MS).then(() => keptPage(url));
  const first = (await Promise.race([answer, late])) ?? (await answer);
  return first ?? (await keptPage(url)) ?? (await caches.match(OFFLINE_PAGE)) ?? Response.error();
};

const answerTo = async (event) => (await event.preloadResponse) ?? fetch(event.request);

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// An answer without a mark is a redirect, or not the server's; after a failure the server may not know the viewer.
const note = async (event, response) => {
  const viewer = response.headers.get("Polaris-Viewer");
  if (viewer === null || response.status >= 500) return response;
  await forget((name) => name.startsWith(PAGES) && name !== PAGES + viewer);
  if (response.headers.has("Polaris-Keep")) event.waitUntil(keep(PAGES + viewer, event.request.url, response.clone()));
  return response;
};

const keep = async (name, url, response) => {
  const html = await response.text();
  await put(await caches.open(name), url, html, response.headers, Date.now());
};

const put = async (cache, url, html, sentHeaders, at) => {
  if (html.length > MAX_PAGE_LENGTH) return;
  const headers = new Headers(sentHeaders);
  for (const name of ["Content-Encoding", "Content-Length"]) headers.delete(name);
  headers.set("Polaris-Kept-At", at);
  await cache.delete(url); // so that the oldest are the first
  await cache.put(url, new Response(html, { headers }));
  const kept = await cache.keys();
  for (const request of kept.slice(0, -MAX_PAGES)) await cache.delete(request);
};

const update = async ({ viewer, url, html, at }) => {
  if (!(await caches.has(PAGES + viewer))) return;
  const cache = await caches.open(PAGES + viewer);
  const kept = await cache.match(url);
  if (kept) await put(cache, url, html, kept.headers, at);
};

// The kept page knows by `data-kept-at` that it is one; `data-now` becomes the present instant by the server's clock.
const keptPage = async (url) => {
  const name = (await caches.keys()).find((name) => name.startsWith(PAGES));
  const kept = name && (await (await caches.open(name)).match(url));
  const ageMs = kept && Date.now() - Number(kept.headers.get("Polaris-Kept-At"));
  if (!kept || ageMs > MAX_AGE_MS) return null;
  const html = (await kept.text()).replace(/data-now="(\d+)"/, (_, now) => {
    return `data-now="${Number(now) + ageMs}" data-kept-at="${now}"`;
  });
  return new Response(html, { headers: kept.headers });
};

// What a person is told. The server encrypts it for this browser; it leads to a page of this site.
addEventListener("push", (event) => {
  const { title, body, path, tag } = event.data.json();
  const icon = `/static/${fingerprint}/icons/icon-192.png`;
  event.waitUntil(registration.showNotification(title, { body, tag, icon, data: { path } }));
});

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(location.origin + event.notification.data.path));
});

const open = async (url) => {
  const windows = await clients.matchAll({ type: "window" });
  const shown = windows.find((each) => each.url === url);
  await (shown ? shown.focus() : clients.openWindow(url));
};
