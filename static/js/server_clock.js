// The server's clock: the reader's own may be wrong.

const navigation = performance.getEntriesByType("navigation")[0];
let skewMs = Number(document.body.dataset.now) - (performance.timeOrigin + navigation.responseStart);

export const serverNow = () => Date.now() + skewMs;

// Follows the clock in an answer of the server: the reader's may have been set since the page was loaded.
export const adjust = (response) => {
  const at = Date.parse(response.headers.get("Date"));
  if (!Number.isNaN(at)) skewMs = at - Date.now();
};
