// The mark that every answer of the server bears: the device that is signed in, or "none". An answer without it comes from
// a proxy or a captive portal in between: none of it is shown, and it leads nowhere.

const MARK = "Polaris-Viewer";

export const viewerOf = (response) => response.headers.get(MARK);

// Whether the server itself says that a page of this viewer may not be watched any longer.
export const refuses = (response, viewer) => {
  const mark = viewerOf(response);
  if (mark === null) return false;
  return response.status === 401 || response.status === 404 || (response.ok && mark !== viewer);
};

// A form that the browser itself sends leads to its own answer: no other one takes the page away meanwhile, which would end
// the sending. If none comes, the page goes on as before.
const SENDING_MS = 30_000;
let sentAt = Number.NEGATIVE_INFINITY;

export const isSending = () => performance.now() - sentAt < SENDING_MS;

globalThis.window?.addEventListener("submit", (event) => {
  if (!event.defaultPrevented) sentAt = performance.now();
});

globalThis.document?.addEventListener("htmx:after:request", (event) => {
  if (viewerOf(event.detail.ctx.response.raw) === null) event.preventDefault();
});
