// The server's clock, as the reader's own may be wrong, and how instants are written.

// As the reader's region writes the page's language, if the browser knows: de-AT and de-DE differ.
const language = document.documentElement.lang;
const region = navigator.languages.find((name) => name.split("-")[0] === language) ?? language;
// The server writes English dates as in "30 Nov 2026", and a page has one style of them.
export const locale = language === "en" ? "en-GB" : region;
export const day = { day: "numeric", month: "short", year: "numeric" };

const navigation = performance.getEntriesByType("navigation")[0];
let skewMs = Number(document.body.dataset.now) - (performance.timeOrigin + navigation.responseStart);

export const serverNow = () => Date.now() + skewMs;

const UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

// How long ago an instant of the server's is, as Intl.RelativeTimeFormat takes it: below a minute "now".
export const ageOf = (at) => {
  const seconds = Math.max(0, Math.floor((serverNow() - at) / 1000));
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? ["second", Infinity];
  return [-Math.floor(seconds / size), unit];
};

// Follows the clock in an answer of the server: the reader's may have been set since the page was loaded.
export const adjust = (response) => {
  const at = Date.parse(response.headers.get("Date"));
  if (!Number.isNaN(at)) skewMs = at - Date.now();
};
