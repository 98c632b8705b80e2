// Keeps the page's event stream alive. hx-sse does the streaming; connection_states.js decides what hx-sse leaves out: a
// first attempt that fails, a stream that is open and silent, a computer that slept, a sign-in that has ended. While no
// stream is live, the page polls for the same fragments and says how old it is.

import { INITIAL, transition } from "./connection_states.js";
import { drop, skipDelay } from "./hx_sse.js";

const MIN_RETRY_MS = 500;
const MAX_RETRY_MS = 15_000;
const CONNECT_TIMEOUT_MS = 10_000;
const FIRST_MESSAGE_TIMEOUT_MS = 5000; // a stream that begins with a longer silence is held back by a proxy
const SLEEP_MS = 10_000; // a tick that comes so late means that the computer slept: the stream may be dead
const NOTICE_AFTER_MS = 3000; // a shorter interruption is not worth a word
const POLL_INTERVAL_MS = 5000;
const TICK_INTERVAL_MS = 1000;

const isRefusal = (status) => status === 401 || status === 404;
const spread = (ms) => ms * (0.5 + Math.random()); // so that many pages do not come back at once

class Connection {
  state = INITIAL;
  connection = null; // hx-sse's
  retryMs = MIN_RETRY_MS;
  retryTimer = null;
  lastMessageAt = Date.now();
  maxSilenceMs = FIRST_MESSAGE_TIMEOUT_MS; // the first heartbeat says how often they come
  lastTickAt = Date.now();

  constructor(stream, notice) {
    this.stream = stream;
    this.actions = {
      connect: () => htmx.trigger(stream, "polaris:connect"),
      "retry-later": () => this.retryLater(),
      drop: () => drop(this.connection),
      "skip-delay": () => skipDelay(this.connection),
      reload: () => location.reload(),
    };
    this.polling = new Polling(stream, notice, () => this.on("refused"));
    this.listenToStream();
    this.listenToBrowser();
    setInterval(() => this.tick(), TICK_INTERVAL_MS);
  }

  on(event) {
    const { state, action } = transition(this.state, event);
    this.state = state;
    this.stream.dataset.status = state === "live" ? "live" : "late";
    if (state !== "waiting") clearTimeout(this.retryTimer);
    this.actions[action]?.();
  }

  listenToStream() {
    const on = (name, listener) => this.stream.addEventListener(name, listener);
    on("htmx:before:request", () => this.on("request"));
    on("htmx:finally:request", () => this.on("failed")); // if no connection has come of it
    on("htmx:response:error", (event) => this.checkStatus(event.detail.ctx.response.status));
    on("htmx:sse:error", (event) => this.checkStatus(event.detail.status));
    on("htmx:sse:before:connection", (event) => this.beforeConnection(event));
    on("htmx:sse:after:connection", () => {
      this.lastMessageAt = Date.now();
      this.maxSilenceMs = FIRST_MESSAGE_TIMEOUT_MS;
      this.on("opened");
    });
    on("htmx:sse:after:message", () => {
      this.lastMessageAt = Date.now();
      this.polling.shownAt = Date.now();
      this.retryMs = MIN_RETRY_MS;
      this.on("message");
    });
    on("heartbeat", (event) => this.heartbeat(...event.detail.data.split(" ").map(Number)));
    on("signed-out", () => this.on("refused"));
    on("htmx:sse:close", (event) => this.on(event.detail.reason === "ended" ? "ended" : "removed"));
  }

  listenToBrowser() {
    document.addEventListener("visibilitychange", () => {
      this.lastMessageAt = this.lastTickAt = Date.now();
      if (document.hidden)
        this.on("lost"); // hx-sse closes the stream until the page is shown
      else this.hurry();
    });
    addEventListener("online", () => this.hurry());
    addEventListener("offline", () => this.on("offline"));
    // A page that comes out of the browser's cache has no stream.
    addEventListener("pageshow", (event) => event.persisted && location.reload());
  }

  beforeConnection(event) {
    this.connection = event.detail.connection;
    if (this.state === "refused") event.preventDefault();
    else this.on("lost");
  }

  checkStatus(status) {
    if (isRefusal(status)) this.on("refused");
  }

  heartbeat(intervalS, spreadS) {
    this.maxSilenceMs = intervalS * 2000 + 2000;
    // Should the server go away, all its pages come back; each picks its moment beforehand.
    this.connection.config.reconnectDelay = MIN_RETRY_MS + Math.random() * spreadS * 1000;
    this.connection.config.reconnectMaxDelay = Math.max(MAX_RETRY_MS, spreadS * 1000);
  }

  retryLater() {
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.on("retry"), spread(this.retryMs));
    this.retryMs = Math.min(this.retryMs * 2, MAX_RETRY_MS);
  }

  // Makes the next attempt at once; an open stream may be dead, so it is opened again.
  hurry() {
    this.retryMs = MIN_RETRY_MS;
    this.on("hurry");
  }

  tick() {
    const now = Date.now();
    const hasSlept = now - this.lastTickAt > SLEEP_MS;
    this.lastTickAt = now;
    if (document.hidden) return;
    if (hasSlept) this.hurry();
    else if (now - this.lastMessageAt > this.maxSilenceMs) {
      this.lastMessageAt = now;
      this.on("silent");
    }
    this.polling.tick(now, this.state);
  }
}

// Asks for the same fragments by a plain request while no stream brings them, and shows the page's age.
class Polling {
  shownAt = Date.now(); // when what is shown was last known to be true
  isUnderWay = false;
  nextAt = 0;

  constructor(stream, notice, refused) {
    this.stream = stream;
    this.notice = notice;
    notice.addEventListener("htmx:after:request", (event) => {
      const { status } = event.detail.ctx.response;
      if (isRefusal(status)) refused();
      if (status < 400) this.shownAt = Date.now();
      else event.preventDefault(); // the page of an error must not be swapped in
    });
  }

  tick(now, state) {
    const isLive = state === "live";
    const ageMs = now - this.shownAt;
    const isDue = ageMs > POLL_INTERVAL_MS && now > this.nextAt && !this.isUnderWay;
    if (!isLive && isDue && state !== "removed") this.poll();
    this.showAge(ageMs, !isLive && (ageMs > NOTICE_AFTER_MS || !this.notice.hidden));
  }

  async poll() {
    this.isUnderWay = true;
    const url = new URL(this.stream.getAttribute("hx-sse:connect"), location.href);
    url.searchParams.set("once", "1");
    const options = { source: this.notice, target: this.notice, swap: "none", timeout: CONNECT_TIMEOUT_MS };
    await htmx.ajax("GET", url.pathname + url.search, options).finally(() => (this.isUnderWay = false));
    this.nextAt = Date.now() + spread(POLL_INTERVAL_MS);
  }

  showAge(ageMs, isLate) {
    this.notice.hidden = !isLate;
    if (!isLate) return;
    // In steps: a screen reader reads each change of a status aloud.
    const seconds = Math.floor(ageMs / 10_000) * 10;
    const age = seconds < 60 ? `${Math.max(seconds, 5)} s` : `${Math.floor(seconds / 60)} min`;
    const text = this.notice.dataset.text.replace("{age}", age);
    if (this.notice.textContent !== text) this.notice.textContent = text;
  }
}

const stream = document.querySelector("#stream");
if (stream) {
  htmx.config.sse = {
    reconnectDelay: MIN_RETRY_MS,
    reconnectMaxDelay: MAX_RETRY_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
  };
  new Connection(stream, document.querySelector("#connection"));
}
