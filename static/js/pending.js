// A button that posts by htmx is disabled and says so while its request is under way. The server's answer brings the next
// state. If no answer of the server comes within seconds, the request is given up, the button is enabled again and the page
// says that it was not sent. It is never sent later: the browser drops a request that still waits for a connection, and the
// server refuses one that was held back on its way.

import { viewerOf } from "./answers.js";
import { adjust, serverNow } from "./server_clock.js";

const TIMEOUT_MS = 8000; // longer than the server takes a press: what it takes is mostly answered before
const TOO_LATE = 412;

const source = (event) => {
  const element = event.detail?.ctx?.sourceElement;
  return element?.matches?.("button[hx-post]") ? element : null;
};
const isUnsent = (response) => viewerOf(response) === null || response.status === TOO_LATE || response.status >= 500;

// The presses that are under way or failed, by the id of their button. A push replaces what a page shows of them by what
// the server knows, so it is shown again after each, until the next press or until the server has another state to show.
const presses = new Map();

const inside = (button, selector) => button.parentElement?.querySelector(selector);
const stateOf = (button) => inside(button, ".stop__status")?.textContent.trim() ?? "";

const show = (button, { isSending, isFailed, label }) => {
  // aria-disabled, not disabled: a disabled button would drop the keyboard's focus.
  for (const [name, value] of [
    ["aria-disabled", "true"],
    ["aria-busy", "true"],
    ["data-sending", ""],
  ])
    if (isSending) button.setAttribute(name, value);
    else button.removeAttribute(name);
  const text = button.dataset.sendingText ?? label;
  const shown = button.querySelector("span");
  if (shown) shown.textContent = isSending ? text : label;
  // What an earlier press came to is outdated by this one.
  inside(button, ".stop__status")?.toggleAttribute("hidden", isSending || isFailed);
  const status = inside(button, "[data-sending-status]");
  if (status) status.textContent = isSending ? text : "";
  inside(button, "[role=alert]")?.toggleAttribute("hidden", !isFailed);
};

const change = (button, changes) => {
  const press = presses.get(button.id);
  if (!press) return;
  Object.assign(press, changes);
  showAgain();
};

const showAgain = () => {
  for (const [id, press] of presses) {
    const button = document.getElementById(id);
    if (button?.matches("[hx-post]") && stateOf(button) === press.state) show(button, press);
    else presses.delete(id);
  }
};

document.addEventListener("htmx:config:request", (event) => {
  const { request } = event.detail.ctx;
  if (request.method === "GET") return;
  request.timeout = TIMEOUT_MS;
  request.headers["Polaris-Pressed-At"] = String(Math.round(serverNow()));
});

document.addEventListener("htmx:before:request", (event) => {
  const button = source(event);
  if (!button) return;
  const label = button.querySelector("span")?.textContent;
  presses.set(button.id, { isSending: true, isFailed: false, state: stateOf(button), label });
  showAgain();
});

document.addEventListener("htmx:after:request", (event) => {
  const response = event.detail.ctx.response.raw;
  if (viewerOf(response) !== null) adjust(response);
  if (response.status === TOO_LATE) event.preventDefault(); // the page stays as it is
  const button = source(event);
  if (button && isUnsent(response)) change(button, { isFailed: true });
});

document.addEventListener("htmx:error", (event) => {
  const button = source(event);
  if (button) change(button, { isFailed: true });
});

document.addEventListener("htmx:after:swap", showAgain);

document.addEventListener("htmx:finally:request", (event) => {
  const button = source(event);
  if (!button) return;
  change(button, { isSending: false });
  if (!presses.get(button.id)?.isFailed) presses.delete(button.id);
});
