// The states of a browser's event stream, and what each event makes of them. It touches no page, no clock and no network:
// shared_stream.js reports the events and carries out the actions.

const CONNECT = ["connecting", "connect"];
const LATER = ["waiting", "retry-later"];
const CLOSE = ["idle", "disconnect"];
const DISPLACED = ["displaced", "ask-later"];

const TRANSITIONS = {
  // No page watches anything.
  idle: { watch: CONNECT },
  // The stream was asked for.
  connecting: { opened: ["open"], failed: LATER, displaced: DISPLACED, watch: CONNECT, unwatch: CLOSE },
  // It was answered, but nothing has come over it lately: it may be held back by a proxy, or dead.
  open: {
    message: ["live"],
    failed: LATER,
    silent: LATER,
    displaced: DISPLACED,
    watch: CONNECT,
    unwatch: CLOSE,
    hurry: CONNECT,
  },
  live: {
    failed: LATER,
    silent: CONNECT,
    offline: ["open"],
    displaced: DISPLACED,
    watch: ["switching", "connect"],
    unwatch: CLOSE,
    hurry: CONNECT,
  },
  // Other pages watch than before, so the stream is opened again; those that were live are taken to be so for that moment.
  switching: {
    message: ["live"],
    failed: LATER,
    displaced: DISPLACED,
    watch: ["switching", "connect"],
    unwatch: CLOSE,
  },
  // A timer runs until the next attempt.
  waiting: { retry: CONNECT, watch: CONNECT, hurry: CONNECT, unwatch: CLOSE },
  // Newer streams of the account have taken the place of this one. It asks again now and then, and only for a free place:
  // two browsers would otherwise displace each other for ever. A page that somebody opens may displace.
  displaced: { retry: ["asking", "ask"], watch: CONNECT, unwatch: CLOSE },
  asking: { opened: ["open"], failed: DISPLACED, displaced: DISPLACED, watch: CONNECT, unwatch: CLOSE },
};

export const INITIAL = "idle";
export const STATES = Object.keys(TRANSITIONS);
export const EVENTS = [...new Set(Object.values(TRANSITIONS).flatMap(Object.keys))];

// Returns the next state and the action to carry out, if any. An event that means nothing in a state changes nothing.
export const transition = (state, event) => {
  const [next, action = null] = TRANSITIONS[state][event] ?? [state];
  return { state: next, action };
};

// Whether pages that the stream serves are live.
export const isLive = (state) => state === "live" || state === "switching";

export const isDisplaced = (state) => state === "displaced" || state === "asking";

export const MIN_RETRY_MS = 500;
export const MAX_RETRY_MS = 15_000;

// The time until the next attempt. The first one is spread over `spreadMs`, which the server named while it could: all its
// pages would come back at once after a restart.
export const retryDelay = (retryMs, spreadMs, random = Math.random) =>
  retryMs * (0.5 + random()) + (retryMs === MIN_RETRY_MS ? spreadMs * random() : 0);
