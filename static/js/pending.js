// A button that posts by htmx turns pending at once, while its request travels, and presses on it go nowhere. What the
// server says replaces this with its own state; where nothing came back, the button returns and the page says so.
(() => {
  "use strict";

  const unsent = (button) => button.parentElement?.querySelector("[role=alert]");
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
    unsent(button)?.setAttribute("hidden", "");
  });

  for (const name of ["htmx:error", "htmx:response:error"]) {
    document.addEventListener(name, (event) => {
      const button = source(event);
      if (button && !(event.detail.ctx.response?.status < 500)) unsent(button)?.removeAttribute("hidden");
    });
  }

  // A push or the answer that brought the next state has taken the mark away with the server's own attributes.
  document.addEventListener("htmx:finally:request", (event) => {
    const button = source(event);
    if (!button?.hasAttribute("data-sending")) return;
    button.removeAttribute("data-sending");
    button.removeAttribute("aria-disabled");
  });
})();
