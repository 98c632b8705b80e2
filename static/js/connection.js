// Keeps the page live: it watches its topics over the browser's shared event stream, and swaps in what comes. While no
// stream brings anything, it polls for the same fragments and says how old it is. What is not an answer of the server
// itself leads the page nowhere.

import { isSending, refuses, viewerOf } from "./answers.js";
import { isKept } from "./kept_page.js";
import { openOwnLink, openSharedLink } from "./tab_links.js";

const WATCH_INTERVAL_MS = 5000; // the shared stream forgets a tab that is silent for longer than three of these
const ANSWER_TIMEOUT_MS = 8000; // a worker that does not answer for so long is gone
const SLEEP_MS = 10_000;
const NOTICE_AFTER_MS = 3000; // a shorter interruption is not worth a word
const POLL_INTERVAL_MS = 5000;
const POLL_TIMEOUT_MS = 10_000;
const TICK_INTERVAL_MS = 1000;

const spread = (ms) => ms * (0.5 + Math.random()); // so that many pages do not come back at once

class Connection {
  status = { isLive: false, isDisplaced: false };
  lastTickAt = Date.now();
  lastWatchAt = 0;
  unanswered = 0; // links in a row over which nothing has come
  swaps = Promise.resolve();
  isLeaving = false;

  // Each element of `topics` has the address of a topic; the first is the page's own, if it has one.
  constructor(topics, notice) {
    this.topics = topics;
    this.stream = topics[0];
    this.addresses = topics.map((topic) => topic.dataset.address);
    this.viewer = document.body.dataset.viewer;
    this.polling = new Polling(this, notice);
    this.openLink();
    this.listenToBrowser();
    this.show(this.status);
    if (!document.hidden) this.postWatch();
    setInterval(() => this.tick(), TICK_INTERVAL_MS);
  }

  // Watches another address of the page's own topic from now on.
  watch(address) {
    this.addresses[0] = address;
    this.show({ ...this.status, isLive: false });
    this.postWatch();
  }

  openLink() {
    this.lastWordAt = Date.now();
    const take = (message) => this.take(message);
    const useOwn = () => {
      this.link = openOwnLink(take);
      this.isOwn = true;
      this.lastWatchAt = 0; // the next tick watches again
    };
    this.unanswered += 1;
    this.link = this.unanswered > 2 ? null : openSharedLink(take, useOwn);
    if (this.link === null) useOwn();
  }

  postWatch() {
    this.lastWatchAt = Date.now();
    this.link.post({ kind: "watch", addresses: this.addresses, viewer: this.viewer });
  }

  listenToBrowser() {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.pause();
      else this.resume();
    });
    addEventListener("pagehide", () => this.pause());
    document.addEventListener("polaris:missed", () => this.polling.poll());
    addEventListener("online", () => this.link.post({ kind: "hurry" }));
    addEventListener("offline", () => this.link.post({ kind: "offline" }));
    // A page that comes out of the browser's cache is as old as it may be.
    addEventListener("pageshow", (event) => event.persisted && location.reload());
  }

  // A tab that nobody sees watches nothing.
  pause() {
    this.show({ ...this.status, isLive: false });
    this.link.post({ kind: "leave" });
  }

  resume() {
    this.lastTickAt = this.lastWordAt = Date.now();
    this.postWatch();
  }

  take(message) {
    this.lastWordAt = Date.now();
    this.unanswered = 0;
    if (message.kind === "refused") this.leave();
    else if (message.kind === "fragments") this.swap(message);
    else if (!document.hidden) this.show(message);
  }

  show(status) {
    this.status = status;
    for (const topic of this.topics) topic.dataset.status = status.isLive ? "live" : "late";
    if (status.isLive) this.polling.shownAt = Date.now();
  }

  // One after the other: a swap may take more than one turn.
  swap({ address, html }) {
    this.swaps = this.swaps.then(async () => {
      if (this.addresses.includes(address)) await htmx.swap({ text: html, sourceElement: this.stream, swap: "none" });
    });
  }

  tick() {
    const now = Date.now();
    const hasSlept = now - this.lastTickAt > SLEEP_MS;
    this.lastTickAt = now;
    if (document.hidden) return;
    if (hasSlept) this.resume();
    else if (now - this.lastWordAt > ANSWER_TIMEOUT_MS && !this.isOwn) {
      this.show({ isLive: false, isDisplaced: false });
      this.openLink();
      this.postWatch();
    } else if (now - this.lastWatchAt > WATCH_INTERVAL_MS) this.postWatch();
    this.polling.tick(now);
  }

  // Loads the page again: this page may not be watched any longer, and the answer to a reload is the truth. Unless it would
  // be a proxy's: then the page stays, and is refused again.
  async leave() {
    if (this.isLeaving || isSending()) return;
    this.isLeaving = true;
    this.show({ isLive: false, isDisplaced: false });
    try {
      const response = await fetch(location.href, { signal: AbortSignal.timeout(POLL_TIMEOUT_MS) });
      if (viewerOf(response) !== null && !isSending()) return location.reload();
    } catch {
      // The network is away: the page stays.
    }
    this.isLeaving = false;
  }
}

// Asks for the same fragments by a plain request while no stream brings them, and shows the page's age.
class Polling {
  shownAt = Date.now(); // when what is shown was last known to be true
  isUnderWay = false;
  nextAt = 0;

  constructor(connection, notice) {
    this.connection = connection;
    this.notice = notice;
    notice.addEventListener("htmx:after:request", (event) => {
      const response = event.detail.ctx.response.raw;
      const isRefused = refuses(response, connection.viewer);
      if (isRefused) connection.leave();
      if (!response.ok || isRefused || viewerOf(response) === null) event.preventDefault();
      else this.shownAt = Date.now();
    });
  }

  tick(now) {
    const { isLive, isDisplaced } = this.connection.status;
    const ageMs = now - this.shownAt;
    const isDue = ageMs > POLL_INTERVAL_MS && now > this.nextAt;
    if (!isLive && isDue) this.poll();
    this.showAge(ageMs, !isLive && (ageMs > NOTICE_AFTER_MS || !this.notice.hidden), isDisplaced);
  }

  async poll() {
    if (this.isUnderWay) return;
    this.isUnderWay = true;
    for (const address of [...this.connection.addresses]) await this.ask(address);
    this.isUnderWay = false;
    this.nextAt = Date.now() + spread(POLL_INTERVAL_MS);
  }

  async ask(address) {
    const url = new URL(address, location.href);
    url.searchParams.set("once", "1");
    const options = { source: this.notice, target: this.notice, swap: "none", timeout: POLL_TIMEOUT_MS };
    try {
      await htmx.ajax("GET", url.pathname + url.search, options);
    } catch {
      // It did not answer in time, and is asked again.
    }
  }

  showAge(ageMs, isLate, isDisplaced) {
    this.notice.hidden = !isLate;
    if (!isLate) return;
    // In steps: a screen reader reads each change of a status aloud.
    const seconds = Math.floor(ageMs / 10_000) * 10;
    const age = seconds < 60 ? `${Math.max(seconds, 5)} s` : `${Math.floor(seconds / 60)} min`;
    const { text, displaced } = this.notice.dataset;
    const words = isDisplaced && seconds < 30 ? displaced : text.replace("{age}", age);
    if (this.notice.textContent !== words) this.notice.textContent = words;
  }
}

const topics = [...document.querySelectorAll("[data-address]")];
export const connection =
  topics.length > 0 && !isKept ? new Connection(topics, document.querySelector("#connection")) : null;
