// Writes every <time data-format> in the reader's own zone and language, and ticks what only time changes: elapsed time
// and countdowns. No meter's figure is touched. The server's text comes back with every push and morph; the observer sees
// it before the next paint. Everything here can run twice without harm.
(() => {
  "use strict";

  const styles = {
    datetime: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }),
    second: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }),
    time: new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }),
  };
  const arrivals = new WeakMap(); // element → the seconds it came with, and when that was

  // Writes only what differs: the write is itself a mutation, and must not lead to another.
  const write = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };

  const secondsSince = (element, seconds) => {
    const known = arrivals.get(element);
    if (known?.seconds === seconds) return Math.floor((performance.now() - known.at) / 1000);
    arrivals.set(element, { seconds, at: performance.now() });
    return 0;
  };

  // Ages are told by the server's clock, as it stood when the page was made: the reader's own may be wrong.
  const made = document.querySelector("[data-now]");
  const skewMs = made ? Number(made.dataset.now) - Date.now() : 0;
  const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
  const steps = [
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
  ];

  const age = (at) => {
    const seconds = Math.max(0, Math.floor((Date.now() + skewMs - at.getTime()) / 1000));
    const [unit, size] = steps.find(([, size]) => seconds >= size) ?? ["second", Infinity];
    return relative.format(-Math.floor(seconds / size), unit); // below a minute: "now"
  };

  const tell = (element) => {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) return;
    const isAge = element.dataset.format === "ago";
    const text = (styles[element.dataset.format] ?? styles.datetime).format(at);
    write(element, isAge ? age(at) : text);
    if (isAge && element.title !== text) element.title = text;
  };

  const clock = (seconds) => {
    const two = (number) => String(number).padStart(2, "0");
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor(seconds / 60) % 60;
    return (hours ? `${hours}:${two(minutes)}` : `${minutes}`) + `:${two(seconds % 60)}`;
  };

  const tick = () => {
    for (const element of document.querySelectorAll("[data-elapsed]")) {
      const seconds = Number(element.dataset.elapsed);
      write(element, clock(seconds + secondsSince(element, seconds)));
    }
    for (const element of document.querySelectorAll("[data-countdown]")) {
      const seconds = Number(element.dataset.countdown);
      write(element, String(Math.max(0, seconds - secondsSince(element, seconds))));
    }
  };

  const rewrite = () => {
    document.querySelectorAll("time[data-format]").forEach(tell);
    tick();
  };

  rewrite();
  setInterval(() => document.querySelectorAll("time[data-format=ago]").forEach(tell), 5000);
  setInterval(tick, 250); // often enough that no second is shown twice as long as the next
  new MutationObserver(rewrite).observe(document.body, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    attributeFilter: ["datetime", "data-elapsed", "data-countdown"],
  });
})();
