// Starts the service worker, and tells it what a page shows when it is left.

import { connection } from "./connection.js";
import { serverNow } from "./server_clock.js";

const [, , fingerprint] = new URL(import.meta.url).pathname.split("/");

// Its address has the fingerprint, so that a browser asks for it once, and has the new one when the product changes.
const register = () =>
  navigator.serviceWorker.register(`/service-worker.js?${fingerprint}`, { updateViaCache: "all" }).catch(() => {
    // There is none here, such as in a private window: everything works without it.
  });

// The page is as old as the last word from the server.
const tell = () => {
  if (!document.hidden || !connection || !("keep" in document.body.dataset)) return;
  const { shownAt } = connection.polling;
  const page = document.documentElement.cloneNode(true);
  for (const each of page.querySelectorAll("[style]")) each.removeAttribute("style"); // which scripts may set, and pages not
  page.querySelector("body").dataset.now = Math.round(serverNow() - Date.now() + shownAt);
  const html = `<!doctype html>${page.outerHTML}`;
  const { viewer } = document.body.dataset;
  navigator.serviceWorker.controller?.postMessage({ kind: "shown", viewer, url: location.href, html, at: shownAt });
};

if (navigator.serviceWorker) {
  if (document.readyState === "complete") register();
  else addEventListener("load", register);
  document.addEventListener("visibilitychange", tell);
}
