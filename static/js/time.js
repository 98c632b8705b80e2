// Writes each <time data-format> in the reader's time zone and the page's language, and counts elapsed time up and countdowns down.
// It changes no meter figure. Each push brings the server's text back; the observer rewrites it before the next paint.
// Every function here is idempotent.

import { isKept } from "./kept_page.js";
import { ageOf, day, locale } from "./server_clock.js";

const styles = {
  datetime: new Intl.DateTimeFormat(locale, { ...day, hour: "2-digit", minute: "2-digit" }),
  second: new Intl.DateTimeFormat(locale, { ...day, hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  time: new Intl.DateTimeFormat(locale, { timeStyle: "medium" }),
};
const arrivals = new WeakMap(); // element → the seconds it came with, and when it came

// Writes only a different text: the write is itself a mutation, and must not cause another.
const write = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

const secondsSince = (element, seconds) => {
  if (isKept) return 0; // whether it still runs is not known
  const arrival = arrivals.get(element);
  if (arrival?.seconds === seconds) return Math.floor((performance.now() - arrival.at) / 1000);
  arrivals.set(element, { seconds, at: performance.now() });
  return 0;
};

const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });

const localize = (element) => {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.getTime())) return;
  const isAge = element.dataset.format === "ago";
  const text = (styles[element.dataset.format] ?? styles.datetime).format(at);
  write(element, isAge ? relative.format(...ageOf(at)) : text);
  if (isAge && element.title !== text) element.title = text;
};

const clock = (seconds) => {
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return [...(hours ? [hours, two(minutes)] : [minutes]), two(seconds % 60)].join(":");
};

const tick = () => {
  for (const element of document.querySelectorAll("[data-elapsed]")) {
    const seconds = Number(element.dataset.elapsed);
    write(element, clock(seconds + secondsSince(element, seconds)));
  }
  for (const element of document.querySelectorAll("[data-countdown]")) {
    const seconds = Number(element.dataset.countdown);
    const left = Math.max(0, seconds - secondsSince(element, seconds));
    write(element, element.dataset.format === "clock" ? clock(left) : String(left));
  }
};

const rewrite = () => {
  document.querySelectorAll("time[data-format]").forEach(localize);
  tick();
};

rewrite();
setInterval(() => document.querySelectorAll("time[data-format=ago]").forEach(localize), 5000);
setInterval(tick, 250); // often enough that no second is shown twice as long as the next
new MutationObserver(rewrite).observe(document.body, {
  subtree: true,
  childList: true,
  characterData: true,
  attributes: true,
  attributeFilter: ["datetime", "data-elapsed", "data-countdown"],
});
