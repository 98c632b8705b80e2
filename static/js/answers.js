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

globalThis.document?.addEventListener("htmx:after:request", (event) => {
  if (viewerOf(event.detail.ctx.response.raw) === null) event.preventDefault();
});
