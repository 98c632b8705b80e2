// A page that the service worker has kept, or its page for when there is none: says how old it is and that the network is
// gone, lets nothing be pressed, and comes back to the server by itself.

import { viewerOf } from "./answers.js";
import { ageOf, day, locale, serverNow } from "./server_clock.js";

const CHECK_INTERVAL_MS = 5000;
const CHECK_TIMEOUT_MS = 10_000;

const { keptAt } = document.body.dataset;
const list = document.querySelector("#kept-pages");
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });

export const isKept = keptAt !== undefined;

const instant = (at) => {
  const isToday = new Date(at).toDateString() === new Date(serverNow()).toDateString();
  return new Intl.DateTimeFormat(locale, { ...(!isToday && day), hour: "2-digit", minute: "2-digit" }).format(at);
};

const showAge = () => {
  const notice = document.querySelector("#connection");
  const at = Number(keptAt);
  const [count, unit] = ageOf(at);
  const words = (unit === "second" ? notice.dataset.offlineNow : notice.dataset.offline)
    .replace("{time}", instant(at))
    .replace("{age}", relative.format(count, unit));
  if (notice.textContent !== words) notice.textContent = words;
  notice.hidden = false;
};

const disable = () => {
  for (const button of document.querySelectorAll("button")) button.disabled = true;
};

// The pages that can be opened meanwhile, the newest first.
const listPages = async () => {
  for (const name of (await caches.keys()).filter((name) => name.startsWith("pages-"))) {
    const cache = await caches.open(name);
    for (const { url } of await cache.keys()) list.prepend(await linkTo(url, await cache.match(url)));
  }
};

const linkTo = async (url, kept) => {
  const page = new DOMParser().parseFromString(await kept.text(), "text/html");
  const link = Object.assign(document.createElement("a"), {
    href: url,
    textContent: page.querySelector("h1")?.textContent,
  });
  const item = document.createElement("li");
  item.append(link);
  return item;
};

let isAsking = false;

// Only an answer of the server itself, which has its data again, leads away.
const comeBack = async () => {
  if (isAsking || document.hidden) return;
  isAsking = true;
  try {
    const response = await fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(CHECK_TIMEOUT_MS) });
    if (response.ok && viewerOf(response) !== null) location.reload();
  } catch {
    // The network is still away.
  }
  isAsking = false;
};

if (isKept || list) {
  disable();
  setInterval(comeBack, CHECK_INTERVAL_MS);
  addEventListener("online", comeBack);
  document.addEventListener("visibilitychange", comeBack);
}
if (isKept) {
  showAge();
  setInterval(showAge, CHECK_INTERVAL_MS);
}
if (list) listPages();
