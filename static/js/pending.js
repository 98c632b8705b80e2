// A button that posts by htmx is disabled while its request is under way. The server's answer brings the next state. If no
// answer of the server comes within seconds, the request is given up, the button is enabled again and the page says that
// it was not sent. It is never sent later: the browser drops a request that still waits for a connection, and the server
// refuses one that was held back on its way.

import { viewerOf } from "./answers.js";
import { adjust, serverNow } from "./server_clock.js";

const TIMEOUT_MS = 8000; // longer than the server takes a press: what it takes is mostly answered before
const TOO_LATE = 412;

const failureNotice = (button) => button.parentElement?.querySelector("[role=alert]");
const source = (event) => {
  const element = event.detail?.ctx?.sourceElement;
  return element?.matches?.("button[hx-post]") ? element : null;
};
const isUnsent = (response) => viewerOf(response) === null || response.status === TOO_LATE || response.status >= 500;

document.addEventListener("htmx:config:request", (event) => {
  const { request } = event.detail.ctx;
  if (request.method === "GET") return;
  request.timeout = TIMEOUT_MS;
  request.headers["Polaris-Pressed-At"] = String(Math.round(serverNow()));
});

document.addEventListener("htmx:before:request", (event) => {
  const button = source(event);
  if (!button) return;
  // aria-disabled, not disabled: a disabled button would drop the keyboard's focus.
  button.setAttribute("aria-disabled", "true");
  button.dataset.sending = "";
  failureNotice(button)?.setAttribute("hidden", "");
});

document.addEventListener("htmx:after:request", (event) => {
  const response = event.detail.ctx.response.raw;
  if (viewerOf(response) !== null) adjust(response);
  if (response.status === TOO_LATE) event.preventDefault(); // the page stays as it is
  const button = source(event);
  if (button && isUnsent(response)) failureNotice(button)?.removeAttribute("hidden");
});

document.addEventListener("htmx:error", (event) => {
  const button = source(event);
  if (button) failureNotice(button)?.removeAttribute("hidden");
});

// A push, or an answer that brought the next state, has replaced these attributes by the server's already.
document.addEventListener("htmx:finally:request", (event) => {
  const button = source(event);
  if (!button?.hasAttribute("data-sending")) return;
  button.removeAttribute("data-sending");
  button.removeAttribute("aria-disabled");
});
