// One event stream for all tabs of a browser: over HTTP/1.1 a browser opens six connections to a site, and a stream for
// each tab would take them all. Tabs say what they watch; the stream is opened again when that changes, and begins with
// the present state of everything on it. stream_states.js decides when to connect.

import { refuses, viewerOf } from "./answers.js";
import { events } from "./sse.js";
import { INITIAL, isDisplaced, isLive, MAX_RETRY_MS, MIN_RETRY_MS, retryDelay, transition } from "./stream_states.js";

const JOIN_DELAY_MS = 50; // tabs that open together share one opening of the stream
const LEAVE_DELAY_MS = 5000; // a tab that leaves mostly comes back with another page
const TAB_TIMEOUT_MS = 15_000; // a tab says that it is there every few seconds; one that crashed does not
const ASK_INTERVAL_MS = 60_000;
const CONNECT_TIMEOUT_MS = 10_000;
const FIRST_MESSAGE_TIMEOUT_MS = 5000; // a stream that begins with a longer silence is held back by a proxy
const SLEEP_MS = 10_000; // a tick that comes so late means that the computer slept: the stream may be dead
const TICK_INTERVAL_MS = 1000;
const MAX_TOPICS = 50; // of a stream, as on the server
const MAX_URL_LENGTH = 3500; // servers refuse longer ones; the tabs that do not fit poll

export class SharedStream {
  state = INITIAL;
  tabs = new Set(); // each with its addresses and viewer once it watches, and `send`
  connection = null;
  retryMs = MIN_RETRY_MS;
  spreadMs = 0;
  retryTimer = null;
  changeTimer = null;
  changeDueAt = 0;
  lastTickAt = Date.now();

  constructor() {
    this.actions = {
      connect: () => this.connect(),
      ask: () => this.connect({ ifRoom: true }),
      disconnect: () => this.disconnect(),
      "retry-later": () => this.retryLater(),
      "ask-later": () => this.retryAfter(ASK_INTERVAL_MS),
    };
    setInterval(() => this.tick(), TICK_INTERVAL_MS);
  }

  // Takes a message of a tab: `tab.send` answers it.
  take(tab, message) {
    if (message.kind === "watch") this.watch(tab, message);
    else if (message.kind === "leave") this.leave(tab);
    else if (this.tabs.has(tab)) this.on(message.kind);
  }

  on(event) {
    const before = this.state;
    const { state, action } = transition(before, event);
    this.state = state;
    this.actions[action]?.();
    if (event === "hurry") this.retryMs = MIN_RETRY_MS;
    if (event === "message" && before !== "live")
      for (const tab of this.connection.tabs) tab.isLive = this.tabs.has(tab);
    if (!isLive(state)) for (const tab of this.tabs) tab.isLive = false;
    if (state !== before) this.tell();
  }

  watch(tab, { addresses, viewer }) {
    tab.seenAt = Date.now();
    const isKnown = this.tabs.has(tab) && String(tab.addresses) === String(addresses);
    Object.assign(tab, { addresses, viewer });
    this.tabs.add(tab);
    if (!isKnown) {
      tab.isLive = false;
      this.changeWithin(JOIN_DELAY_MS);
    }
    this.tell([tab]);
  }

  leave(tab) {
    if (!this.tabs.delete(tab)) return;
    if (this.tabs.size) this.changeWithin(LEAVE_DELAY_MS);
    else this.on("unwatch");
  }

  changeWithin(delayMs) {
    const dueAt = Date.now() + delayMs;
    if (this.changeTimer !== null && this.changeDueAt <= dueAt) return;
    clearTimeout(this.changeTimer);
    this.changeDueAt = dueAt;
    this.changeTimer = setTimeout(() => {
      this.changeTimer = null; // else, if nobody is left to watch, no later change would set one
      this.on(this.tabs.size ? "watch" : "unwatch");
    }, delayMs);
  }

  tell(tabs = this.tabs) {
    for (const tab of tabs) tab.send({ kind: "status", isLive: tab.isLive, isDisplaced: isDisplaced(this.state) });
  }

  connect({ ifRoom = false } = {}) {
    this.disconnect();
    const tabs = [...this.tabs];
    const url = streamUrl(new Set(tabs.flatMap((tab) => tab.addresses)), ifRoom);
    const watched = new Set(url.searchParams.getAll("topic"));
    const served = tabs.filter((tab) => tab.addresses.every((address) => watched.has(address)));
    this.connection = new Connection(url, served, this);
  }

  disconnect() {
    clearTimeout(this.retryTimer);
    clearTimeout(this.changeTimer);
    this.changeTimer = null;
    this.connection?.close();
    this.connection = null;
  }

  retryLater() {
    this.retryAfter(retryDelay(this.retryMs, this.spreadMs));
    this.retryMs = Math.min(this.retryMs * 2, MAX_RETRY_MS);
  }

  retryAfter(delayMs) {
    this.disconnect();
    this.retryTimer = setTimeout(() => this.on("retry"), delayMs);
  }

  tick() {
    const now = Date.now();
    const hasSlept = now - this.lastTickAt > SLEEP_MS;
    this.lastTickAt = now;
    if (hasSlept) this.on("hurry");
    else if (this.connection?.isSilent(now)) this.on("silent");
    for (const tab of this.tabs) if (!hasSlept && now - tab.seenAt > TAB_TIMEOUT_MS) this.leave(tab);
  }
}

// One attempt, and the stream that comes of it. It reports to its owner until it is closed.
class Connection {
  controller = new AbortController();
  addresses = new Map(); // of the topics, by the type of their events
  lastMessageAt = Infinity; // until it is open, it has a time limit of its own
  maxSilenceMs = FIRST_MESSAGE_TIMEOUT_MS; // the first heartbeat says how often they come

  constructor(url, tabs, owner) {
    this.tabs = tabs;
    this.owner = owner;
    this.run(url);
  }

  close() {
    this.owner = null;
    this.controller.abort();
  }

  isSilent(now) {
    return now - this.lastMessageAt > this.maxSilenceMs;
  }

  async run(url) {
    const timer = setTimeout(() => this.controller.abort(), CONNECT_TIMEOUT_MS);
    try {
      const response = await fetch(url, {
        headers: { Accept: "text/event-stream" },
        cache: "no-store",
        signal: this.controller.signal,
      });
      clearTimeout(timer);
      if (this.isOpened(response)) for await (const event of events(response.body)) this.take(event);
    } catch {
      // The network is away, or the stream was cut: the owner tries again.
    }
    clearTimeout(timer);
    this.owner?.on("failed");
  }

  // An answer of the server itself may refuse some tabs: those of another sign-in than the cookie's, or all.
  isOpened(response) {
    this.refuse((tab) => refuses(response, tab.viewer));
    const isOurs = viewerOf(response) !== null;
    if (isOurs && response.status === 429) this.owner?.on("displaced");
    const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream");
    if (!this.owner || !isOurs || !response.ok || !isStream) return false;
    this.lastMessageAt = Date.now();
    this.owner.on("opened");
    return true;
  }

  take({ type, data }) {
    if (!this.owner) return;
    this.lastMessageAt = Date.now();
    if (/^\d+$/.test(type)) this.pass(this.addresses.get(type), data);
    else this.takeOther(type, data);
  }

  pass(address, html) {
    for (const tab of this.tabs)
      if (tab.addresses.includes(address) && this.owner.tabs.has(tab)) tab.send({ kind: "fragments", address, html });
  }

  takeOther(type, data) {
    if (type === "topic") this.addresses.set(...data.split(/ (.*)/s, 2));
    else if (type === "refused") this.refuse((tab) => tab.addresses.includes(data));
    else if (type === "signed-out") this.refuse(() => true);
    else if (type === "displaced") this.owner.on("displaced");
    else if (type === "heartbeat") this.heartbeat(...data.split(" ").map(Number));
  }

  refuse(isRefused) {
    for (const tab of this.tabs.filter(isRefused)) {
      tab.isLive = false;
      if (this.owner?.tabs.has(tab)) tab.send({ kind: "refused" });
    }
    this.tabs = this.tabs.filter((tab) => !isRefused(tab));
  }

  heartbeat(intervalS, spreadS) {
    this.maxSilenceMs = intervalS * 2000 + 2000;
    this.owner.spreadMs = spreadS * 1000;
    this.owner.retryMs = MIN_RETRY_MS;
    this.owner.on("message");
    this.owner?.tell();
  }
}

const streamUrl = (addresses, ifRoom) => {
  let url = new URL(`/live/${ifRoom ? "?if_room=1" : ""}`, location.href);
  for (const address of [...addresses].slice(0, MAX_TOPICS)) {
    const longer = new URL(url);
    longer.searchParams.append("topic", address);
    if (longer.href.length <= MAX_URL_LENGTH) url = longer;
  }
  return url;
};
