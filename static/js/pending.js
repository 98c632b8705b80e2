// A button that posts by htmx is disabled while its request is under way. The server's answer brings the next state; if
// no answer comes, the button is enabled again and the page says that the request was not sent.

const failureNotice = (button) => button.parentElement?.querySelector("[role=alert]");
const source = (event) => {
  const element = event.detail?.ctx?.sourceElement;
  return element?.matches?.("button[hx-post]") ? element : null;
};

document.addEventListener("htmx:before:request", (event) => {
  const button = source(event);
  if (!button) return;
  // aria-disabled, not disabled: a disabled button would drop the keyboard's focus.
  button.setAttribute("aria-disabled", "true");
  button.dataset.sending = "";
  failureNotice(button)?.setAttribute("hidden", "");
});

for (const name of ["htmx:error", "htmx:response:error"]) {
  document.addEventListener(name, (event) => {
    const button = source(event);
    if (button && !(event.detail.ctx.response?.status < 500)) failureNotice(button)?.removeAttribute("hidden");
  });
}

// A push, or an answer that brought the next state, has replaced these attributes by the server's already.
document.addEventListener("htmx:finally:request", (event) => {
  const button = source(event);
  if (!button?.hasAttribute("data-sending")) return;
  button.removeAttribute("data-sending");
  button.removeAttribute("aria-disabled");
});
